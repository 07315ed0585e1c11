"""Numbers kept between runs, in the cache, exactly, whose computation needs a package that loads slowly.

The file is named by all that the numbers depend on. Where it is missing, damaged or cannot be written, they
are computed again.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from insulae.core.machine import writable_folder

MOST = 4096
"""Answers in a file at most; after that it begins anew."""


class Remembered:
    """Numbers by their questions."""

    def __init__(self, folder: str, depends_on: object) -> None:
        """Take the answers that a folder of the cache holds for what they depend on."""
        place = writable_folder(folder)
        name = hashlib.sha256(repr(depends_on).encode()).hexdigest()[:32]
        self._path = None if place is None else place / f"{name}.json"
        self._answers = {} if self._path is None else _read(self._path)

    def answer(self, question: str, compute: Callable[[], float | None]) -> float | None:
        """Return the answer to a question, or that there is none; computed when it was not asked before."""
        if question not in self._answers:
            found = compute()
            # Another process may have written meanwhile; what it found is kept.
            kept = self._answers | ({} if self._path is None else _read(self._path))
            self._answers = {**({} if len(kept) >= MOST else kept), question: found}
            self._write()
        return self._answers[question]

    def _write(self) -> None:
        if self._path is None:
            return
        with contextlib.suppress(OSError):
            with tempfile.NamedTemporaryFile(
                "w", dir=self._path.parent, delete=False, encoding="utf-8"
            ) as file:
                json.dump(self._answers, file)
            os.replace(file.name, self._path)


def _read(path: Path) -> dict[str, float | None]:
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    is_sound = isinstance(found, dict) and all(
        number is None or type(number) is float for number in cast(dict[Any, Any], found).values()
    )
    return cast(dict[str, float | None], found) if is_sound else {}
