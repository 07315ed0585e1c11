"""An environment for each peer, made from its pinned list beside this file and kept in `.bench`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.results import SCRATCH, say

LISTS = Path(__file__).parent
LAST_LINES = 400
NEEDS = "# Needs:"


class Missing(Exception):
    """A peer could not be installed or started; the message says why."""


def python_of(peer: str) -> Path:
    """Return the interpreter of a peer's environment, made now if its list is new; raises `Missing`."""
    folder, wanted = SCRATCH / peer, (LISTS / f"{peer}.txt").read_text(encoding="utf-8")
    stamp = folder / "installed.txt"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        _require_tools(wanted)
        say(f"peers: installing {peer}")
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        _install(python, LISTS / f"{peer}.txt")
        stamp.write_text(wanted, encoding="utf-8")
    return python


def _require_tools(wanted: str) -> None:
    """Raise `Missing` naming what a list says it is built with, `# Needs: ...`, and this machine lacks."""
    tools = [
        tool for line in wanted.splitlines() if line.startswith(NEEDS) for tool in line[len(NEEDS) :].split()
    ]
    if absent := [tool for tool in tools if shutil.which(tool) is None]:
        raise Missing(f"{' and '.join(absent)} not installed; on Debian: apt-get install {' '.join(absent)}")


def _install(python: Path, wanted: Path) -> None:
    """Install with uv, and with pip where uv is not there or finds no packages."""
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--system-certs", "--python", str(python)]
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        _run([*uv, "-r", str(wanted)])
    except Missing:
        _run([*pip, "-r", str(wanted)])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Missing(reason(done.stderr) or f"{command[-1]} failed")


def reason(text: str) -> str:
    """Return the line of an installer's or a program's complaint that says most."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "could be found" in line or "not find" in line or "Error:" in line]
    return (telling or lines or [""])[0 if telling else -1][:LAST_LINES]
