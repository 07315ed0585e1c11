"""From what a file writes as time to minutes: clock on the wall, and minutes that go on evenly.

A time without offset is what the clock showed. With a time zone it is placed on the even scale: in the
hour that is lived twice in autumn, a time belongs to the second pass from where the file goes back in time
within one quantity.
Without a time zone both scales are the same, and the hour that is missing in spring looks like a gap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from insulae.core.errors import InvalidData

Floats = NDArray[np.floating[Any]]
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Clocks:
    """Minutes of some times since the midnight that begins `first_day`, and remarks about the clock."""

    first_day: date
    clock: Floats
    minute: Floats
    remarks: tuple[str, ...]


def zone(name: str | None) -> ZoneInfo | None:
    """Return a time zone by its name (Europe/Berlin); raises `InvalidData` for an unknown one."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError) as error:
        raise InvalidData(f"'{name}' is not a time zone", "Expected a name like Europe/Berlin") from error


def clocks(times: Sequence[datetime], time_zone: str | None, names: Sequence[str] | None = None) -> Clocks:
    """Place times, in the order of the file, on both scales; empty input is an error of the caller.

    names: the quantity of each time; files often list one quantity after another.
    Raises `InvalidData` when some have an offset from UTC and others do not.
    """
    aware = {time.tzinfo is not None for time in times}
    if len(aware) > 1:
        raise InvalidData("some times have an offset from UTC and others do not", "Write them alike")
    if aware.pop():
        return _from_instants(times, zone(time_zone))
    return _from_clock(times, zone(time_zone), names or [""] * len(times))


def _from_instants(times: Sequence[datetime], there: ZoneInfo | None) -> Clocks:
    """Times with an offset: the clock of the zone, or of the file itself where no zone is given."""
    local = [time if there is None else time.astimezone(there) for time in times]
    offsets = {time.utcoffset() for time in local}
    named = ", ".join(sorted(_offset(offset) for offset in offsets if offset is not None))
    whose = f"{there.key} (UTC{named})" if there is not None else f"the file, UTC{named}"
    remarks = [f"clock times are those of {whose}"]
    if there is None and offsets == {timedelta(0)}:
        remarks.append("if the person did not live by UTC, times of day are shifted: give the time zone")
    if len(offsets) > 1:
        remarks.append("the clock was changed within the record; durations are counted evenly")
    return _placed(local, tuple(remarks))


def _from_clock(times: Sequence[datetime], there: ZoneInfo | None, names: Sequence[str]) -> Clocks:
    if there is None:
        remark = (
            "clock times are those of the file, time zone not stated: a change of the clock is not corrected"
        )
        return _placed(times, (remark,))
    local = _local(times, there, names)
    remarks = [f"clock times are those of the file, taken for {there.key}"]
    skipped = sum(_is_skipped(time, there) for time in times)
    if skipped:
        remarks.append(f"{skipped} times lie in the hour that does not exist in spring; counted as read")
    if len({time.utcoffset() for time in local}) > 1:
        remarks.append("the clock was changed within the record; durations are counted evenly")
    return _placed(local, tuple(remarks))


def _local(times: Sequence[datetime], there: ZoneInfo, names: Sequence[str]) -> list[datetime]:
    """Attach the zone to each time, quantity by quantity."""
    local = list(times)
    for name in set(names):
        places = [place for place, one in enumerate(names) if one == name]
        for place, time in zip(places, _with_fold([times[i] for i in places], there), strict=True):
            local[place] = time
    return local


def _with_fold(times: Sequence[datetime], there: tzinfo) -> list[datetime]:
    """Decide for each time of an hour that is lived twice which pass it belongs to."""
    falling = len(times) > 1 and times[0] > times[-1]
    found: list[datetime] = []
    latest: dict[date, datetime] = {}
    second: set[date] = set()
    for time in reversed(times) if falling else times:
        first = time.replace(tzinfo=there)
        if first.utcoffset() != time.replace(tzinfo=there, fold=1).utcoffset():
            if time < latest.get(time.date(), time) - 2 * MINUTE:
                second.add(time.date())
            latest[time.date()] = max(time, latest.get(time.date(), time))
            first = first.replace(fold=1 if time.date() in second and not _is_skipped(time, there) else 0)
        found.append(first)
    return found[::-1] if falling else found


def _is_skipped(time: datetime, there: tzinfo) -> bool:
    """Tell whether no clock of the zone ever showed this time."""
    there_and_back = time.replace(tzinfo=there).astimezone(UTC).astimezone(there)
    return there_and_back.replace(tzinfo=None) != time


def _placed(times: Sequence[datetime], remarks: tuple[str, ...]) -> Clocks:
    first = min(time.date() for time in times)
    midnight = datetime(first.year, first.month, first.day)
    clock = np.array([(time.replace(tzinfo=None) - midnight) / MINUTE for time in times])
    shift = np.array([(time.utcoffset() or timedelta(0)) / MINUTE for time in times])
    # The even scale agrees with the clock at the first instant of the record.
    even = clock - shift
    return Clocks(first, clock, even + shift[np.argmin(even)], remarks)


def _offset(offset: timedelta) -> str:
    """Write an offset from UTC.

    >>> _offset(timedelta(hours=-8))
    '-08:00'
    """
    minutes = round(abs(offset) / MINUTE)
    return f"{'-' if offset < timedelta(0) else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
