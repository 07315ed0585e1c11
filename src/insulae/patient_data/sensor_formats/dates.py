"""Dates as makers write them, whose order of day and month has to be found out from all of them together.

An order counts only if every date of the file allows it. When both do, the one by which the record is much
shorter is right: twelve days in a row read in the wrong order become twelve months. When that does not
decide either, the caller must say.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from insulae.core.errors import InvalidData

_DATE = re.compile(
    r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})[ T]+"
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AaPp])?\.?[Mm]?\.?"
)
MUCH_SHORTER = 3.0


def read_dates(texts: Sequence[str], name: str, day_first: bool | None) -> tuple[list[datetime], str]:
    """Return the dates of a file and a remark about their order.

    Raises `InvalidData` for a text that is no date, and when the order stays open.
    """
    parts = [_parts(text, name) for text in texts]
    if all(year_first for year_first, _ in parts):
        return [_date(p, (0, 1, 2), name, text) for (_, p), text in zip(parts, texts, strict=True)], ""
    orders = {True: (2, 1, 0), False: (2, 0, 1)} if day_first is None else {day_first: _order(day_first)}
    readings: dict[bool, list[datetime]] = {}
    for is_day_first, order in orders.items():
        try:
            readings[is_day_first] = [
                _date(p, order, name, t) for (_, p), t in zip(parts, texts, strict=True)
            ]
        except InvalidData:
            if len(orders) == 1:
                raise
    if not readings:
        raise InvalidData(f"{name}: dates like '{texts[0]}' fit neither day first nor month first")
    if readings.get(True) == readings.get(False):
        return readings[True], ""
    chosen = _chosen(readings, name, texts[0])
    return readings[chosen], f"dates are written {'day' if chosen else 'month'} first"


def _order(day_first: bool) -> tuple[int, int, int]:
    return (2, 1, 0) if day_first else (2, 0, 1)


def _chosen(readings: dict[bool, list[datetime]], name: str, example: str) -> bool:
    if len(readings) == 1:
        return next(iter(readings))
    spans = {order: (max(dates) - min(dates)).total_seconds() for order, dates in readings.items()}
    short, long = sorted(spans, key=lambda order: spans[order])
    if spans[long] < MUCH_SHORTER * max(spans[short], 1.0) or spans[short] == spans[long]:
        raise InvalidData(
            f"{name}: '{example}' can be read day first or month first",
            "Say which: --dates day-first or month-first, or dates: in a patient file",
        )
    return short


def _parts(text: str, name: str) -> tuple[bool, tuple[int, ...]]:
    """Return whether the year stands first, and first, second, third, hour, minute, second."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise InvalidData(f"{name}: '{text}' is not a date with a time")
    *numbers, half = match.groups(default="")
    a, b, c, hour, minute, second = (int(n or 0) for n in numbers)
    if half:
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    return len(match[1]) == 4, (a, b, c, hour, minute, second)


def _date(parts: tuple[int, ...], order: tuple[int, int, int], name: str, text: str) -> datetime:
    year, month, day = (parts[i] for i in order)
    try:
        whole = year + 2000 if year < 100 else year
        return datetime(whole, month, day, parts[3], parts[4], parts[5])
    except ValueError as error:
        raise InvalidData(f"{name}: '{text}' is not a date") from error
