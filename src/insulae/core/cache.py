"""Where compiled code is kept between runs."""

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """Return where compiled code is kept between runs: INSULAE_CACHE, else the user's cache folder."""
    if chosen := os.environ.get("INSULAE_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "insulae" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "insulae"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "insulae"
