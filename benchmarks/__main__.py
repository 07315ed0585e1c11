"""`python -m benchmarks [PART ...]`: every measurement but that of the GPU, or some; then page and figure.

Each part is a process of its own and leaves its result file, so a part can be repeated alone. All parts take
three quarters of an hour, with `--brief` (a third of the rounds) a quarter. With `--quick` everything is
small, goes to `.bench/quick`, and no page is written.
"""

import subprocess
import sys
import time

from benchmarks.results import ROOT, Effort, effort_of, say

PARTS = ("startup", "kernel", "peers", "scaling", "whole_runs")


def main() -> int:
    """Run the parts one after another; return the number of those that failed."""
    effort = effort_of([given for given in sys.argv[1:] if given not in PARTS])
    parts = [part for part in PARTS if part in sys.argv[1:]] or PARTS
    failed = 0
    for number, part in enumerate(parts, start=1):
        begin = time.perf_counter()
        say(f"[{number}/{len(parts)}] {part}")
        options = [effort.value] if effort.value else []
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{part}", *options], cwd=ROOT)
        failed += done.returncode != 0
        say(f"[{number}/{len(parts)}] {part}: {time.perf_counter() - begin:.0f} s")
    if effort is not Effort.QUICK:
        subprocess.run([sys.executable, "-m", "benchmarks.page"], cwd=ROOT, check=True)
    return failed


if __name__ == "__main__":
    sys.exit(min(main(), 1))
