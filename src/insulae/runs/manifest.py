"""Where numbers come from: hashes of code and tables, versions, the machine; and the compile cache."""

import functools
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import insulae
from insulae.core.errors import RunError
from insulae.core.jax_later import jax, once_loaded
from insulae.core.machine import engine, writable_folder
from insulae.core.therapy_folders import therapy_files, therapy_folders
from insulae.runs import store

PACKAGE = Path(insulae.__file__).parent
SHOWING_ONLY = ("cli", "report")
"""Folders that show results and cannot change them."""
JUDGING_ONLY = ("discrepancy.csv",)
"""Tables by which results are judged, which change no result."""


@functools.cache
def tables_hash() -> str:
    """Return the hash of the tables that hold numbers of the simulation."""
    paths = [p for p in (PACKAGE / "tables").glob("*.csv") if p.name not in JUDGING_ONLY]
    packaged = store.digest_of_files(PACKAGE, paths)
    return _with_folders(packaged, ".csv")


@functools.cache
def code_hash() -> str:
    """Return the hash of all code that can change a result."""
    paths = [p for p in PACKAGE.rglob("*.py") if p.relative_to(PACKAGE).parts[0] not in SHOWING_ONLY]
    return _with_folders(store.digest_of_files(PACKAGE, paths), ".py")


def _with_folders(packaged: str, suffix: str) -> str:
    """Return the hash of the package's files, and of such files in folders that add therapies."""
    others = [(folder, path) for folder, path in therapy_files() if path.suffix == suffix]
    parts = [store.digest_of_files(folder, [path]) for folder, path in others]
    return store.digest(packaged, *parts) if parts else packaged


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(PACKAGE), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def git_hash() -> str | None:
    """Return the commit of a checkout, with `+changes` when files differ from it; None outside a checkout."""
    if not _git("ls-files", "--error-unmatch", str(PACKAGE / "__init__.py")):
        return None
    return _git("rev-parse", "HEAD") + ("+changes" if _git("status", "--porcelain", str(PACKAGE)) else "")


def versions() -> dict[str, str]:
    """Return the versions of everything that computes."""
    packages = {name: metadata.version(name) for name in ("jax", "jaxlib", "llvmlite", "numpy", "pyarrow")}
    return {"insulae": insulae.__version__, "python": platform.python_version(), **packages}


def identity() -> dict[str, Any]:
    """Return what must agree for two runs of one study to give the same numbers."""
    kept = {name: v for name, v in versions().items() if name not in ("python", "pyarrow")}
    return {**kept, "tables": tables_hash(), "code": code_hash(), "engine": engine()}


def require(expected: Mapping[str, Any]) -> None:
    """Raise `RunError` naming each difference when this process would not give the numbers of another one."""
    mine = identity()
    names = [name for name in {**expected, **mine} if expected.get(name) != mine.get(name)]
    if names:
        each = ", ".join(f"{name} is {mine.get(name)} instead of {expected.get(name)}" for name in names)
        hint = "Install the same version of insulae and its packages everywhere and start the workers again"
        raise RunError(f"a worker on {platform.node()} differs from the run it works for: {each}", hint)


def peak_memory() -> int | None:
    """Return the most memory this process has held so far, in bytes; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def environment() -> dict[str, Any]:
    """Return versions, hashes and machine for the manifest."""
    return {
        "versions": versions(),
        "git": git_hash(),
        "tables_hash": tables_hash(),
        "code_hash": code_hash(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "engine": identity()["engine"],
        **({"therapy_folders": [str(f) for f in therapy_folders()]} if therapy_folders() else {}),
    }


def processor() -> str:
    """Return model and instruction sets of the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(line for line in lines if line.startswith(("model name", "flags", "Features")))


def keep_compiled_code() -> None:
    """Let JAX keep compiled code between runs; does nothing where the cache folder cannot be written.

    Each kind of processor has a folder of its own: machines of a cluster may share a home folder, and code
    compiled for one kind can crash another.
    """
    folder = writable_folder(f"compiled/{store.digest(processor())}")
    if folder is not None:
        once_loaded(functools.partial(_keep_in, folder))


def _keep_in(folder: Path) -> None:
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # Many short compilations add up to most of a cold start.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
