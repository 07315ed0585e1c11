"""`python -m benchmarks`: every measurement but that of the GPU, then the page and its figure.

Each part is a process of its own and leaves its result file, so a part can be repeated alone. With `--quick`
everything is small, goes to `.bench/quick`, and no page is written.
"""

import subprocess
import sys
import time

from benchmarks.results import ROOT, say

PARTS = ("startup", "kernel", "peers", "scaling", "whole_runs")


def main() -> int:
    """Run the parts one after another; return the number of those that failed."""
    options = sys.argv[1:]
    failed = 0
    for number, part in enumerate(PARTS, start=1):
        begin = time.perf_counter()
        say(f"[{number}/{len(PARTS)}] {part}")
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{part}", *options], cwd=ROOT)
        failed += done.returncode != 0
        say(f"[{number}/{len(PARTS)}] {part}: {time.perf_counter() - begin:.0f} s")
    if not options:
        subprocess.run([sys.executable, "-m", "benchmarks.page"], cwd=ROOT, check=True)
    return failed


if __name__ == "__main__":
    sys.exit(min(main(), 1))
