"""A Chromium browser for tests of pages: the one of the system, installed with apt-get when it is missing."""

import shutil
import subprocess

import pytest

PLACES = ("chromium", "chromium-browser", "google-chrome")
UPDATE = ("apt-get", "update")
INSTALL = ("apt-get", "install", "-y", "chromium")
SECONDS = 600


def find_chromium() -> str:
    """Return the path of a Chromium; installs it where apt-get can, otherwise fails the test."""
    found = _installed()
    if found:
        return found
    print(f"no Chromium found; trying: {' '.join(INSTALL)}")
    problem = _install()
    found = _installed()
    if not found:
        pytest.fail(
            f"these tests need Chromium; install it, for example with '{' '.join(INSTALL)}'. {problem}"
        )
    return found


def _installed() -> str:
    return next((path for name in PLACES if (path := shutil.which(name))), "")


def _install() -> str:
    """Try to install Chromium; return what went wrong, empty when nothing did."""
    if not shutil.which(INSTALL[0]):
        return f"{INSTALL[0]} is not there."
    for command in (UPDATE, INSTALL):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if done.returncode != 0:
            return done.stderr.strip()[-300:]
    return ""
