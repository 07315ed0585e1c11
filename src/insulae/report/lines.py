"""Rows of a report as comma-separated lines."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def as_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return some columns of rows as CSV with a heading; what a row holds besides is left out.

    >>> as_csv([{"name": "cv", "value": 30, "note": ""}], ["name", "value"])
    'name,value\\ncv,30\\n'
    """
    lines = io.StringIO()
    writer = csv.DictWriter(lines, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return lines.getvalue()
