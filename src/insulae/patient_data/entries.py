"""What a reader finds in a file, row by row, and how rows become a table.

Every reader returns entries; here their units are converted, their ranges checked and their times placed.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from insulae.core.errors import InsulaeError, InvalidData
from insulae.patient_data.clocks import Clocks, clocks
from insulae.patient_data.quantities import WORDS, other_unit, plausible, quantity, scale
from insulae.patient_data.table import MG_PER_DL, MMOL_PER_L, PatientTable, in_order

BELOW, MEASURED, ABOVE = -1, 0, 1


class Entry(NamedTuple):
    """One row of a file: when (a date, minutes of a test, or None for throughout), what, how much.

    `place` says where it stands, for messages; `censored` is BELOW or ABOVE when only a limit is known.
    """

    time: datetime | float | None
    name: str
    number: float
    unit: str
    place: str
    censored: int = MEASURED


def amount(text: str, name: str, place: str) -> tuple[float, int]:
    """Read `101`, `<40`, `> 400` or, where the quantity has words, `female` as number and censoring.

    Raises `InvalidData` naming the place.

    >>> amount("<0.03", "c_peptide", "line 2")
    (0.03, -1)
    """
    written = text.strip()
    if name in WORDS:
        if written.lower() not in WORDS[name]:
            raise InvalidData(f"{place}: {name} is '{written}'", f"Expected {' or '.join(WORDS[name])}")
        return float(WORDS[name].index(written.lower())), MEASURED
    censored = {"<": BELOW, ">": ABOVE}.get(written[:1], MEASURED)
    try:
        number = float(written[1:] if censored else written)
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        raise InvalidData(
            f"{place}: the value '{written}' of {name} is not a number", "Expected 5.4 or <0.03"
        )
    return number, censored


def table_of(
    entries: Sequence[Entry], source: str, time_zone: str | None = None, remarks: Sequence[str] = ()
) -> PatientTable:
    """Turn the entries of one file into a table, in the units of `tables/quantities.csv`.

    Raises `InvalidData` for no entry, a unit that does not fit, a value out of range, or mixed kinds of time.
    """
    if not entries:
        raise InvalidData(f"{source}: there is nothing in it that could be read")
    values = np.array([_converted(entry, source) for entry in entries])
    placed, minute, clock = _times(entries, source, time_zone)
    units = Counter(entry.unit for entry in entries if entry.name.startswith("glucose"))
    return in_order(
        PatientTable(
            name=np.array([entry.name for entry in entries], dtype=np.str_),
            minute=minute,
            clock=clock,
            value=values,
            censored=np.array([entry.censored for entry in entries]),
            first_day=None if placed is None else placed.first_day,
            glucose_unit=MMOL_PER_L if set(units) & {MMOL_PER_L} and not units[MG_PER_DL] else MG_PER_DL,
            source=source,
            remarks=(*remarks, *(placed.remarks if placed else ())),
        )
    )


def _converted(entry: Entry, source: str) -> float:
    place = f"{source}, {entry.place}"
    try:
        slope, offset = scale(entry.name, entry.unit)
    except InsulaeError as error:
        raise InvalidData(f"{place}: {error}") from error
    value = slope * entry.number + offset
    if not plausible(entry.name, value):
        own = quantity(entry.name)
        low, high = ((limit - offset) / slope for limit in (own.lowest, own.highest))
        raise InvalidData(
            f"{place}: {entry.name} of {entry.number:g} {entry.unit} is outside {low:.3g} to {high:.3g}",
            other_unit(entry.name, entry.number, entry.unit),
        )
    return value


def _times(
    entries: Sequence[Entry], source: str, time_zone: str | None
) -> tuple[Clocks | None, np.ndarray, np.ndarray]:
    """Return the clocks of a file with dates, and both scales of time, NaN where an entry has no time."""
    minute = np.full(len(entries), np.nan)
    dated = [i for i, entry in enumerate(entries) if isinstance(entry.time, datetime)]
    counted = [i for i, entry in enumerate(entries) if isinstance(entry.time, (float, int))]
    if dated and counted:
        first = entries[min(dated[0], counted[0])].place
        other = entries[max(dated[0], counted[0])].place
        raise InvalidData(
            f"{source}: {first} and {other} give the time in different ways",
            "Expected dates in all rows, or minutes of a test in all rows",
        )
    if not dated:
        minute[counted] = [float(entries[i].time) for i in counted]  # type: ignore[arg-type]
        return None, minute, minute.copy()
    try:
        times, names = ([entries[i][part] for i in dated] for part in (0, 1))
        placed = clocks(times, time_zone, names)  # type: ignore[arg-type]
    except InvalidData as error:
        raise InvalidData(f"{source}: {error}") from error
    clock = minute.copy()
    minute[dated], clock[dated] = placed.minute, placed.clock
    return placed, minute, clock
