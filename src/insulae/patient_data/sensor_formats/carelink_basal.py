"""Basal rates of a pump as Medtronic CareLink with commas writes them: changes, one row each.

`BasalProfileStart` gives the rate of the schedule that begins; it also ends a temporary rate, since the pump
writes it whenever the schedule takes over again. A temporary rate (`ChangeTempBasal`, in percent
`ChangeTempBasalPercent`) lasts for its duration, zero of which cancels it; a suspended pump
(`ChangeSuspendState`) gives nothing until it is resumed. Each change becomes the rate from its time on.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from insulae.patient_data.entries import Entry
from insulae.patient_data.sensor_formats.raw_file import Row

TEMPORARY = {"ChangeTempBasal": "RATE", "ChangeTempBasalPercent": "PERCENT_OF_RATE"}
START, SUSPENSION, RUNS = "BasalProfileStart", "ChangeSuspendState", "normal_pumping"
KINDS = {*TEMPORARY, START, SUSPENSION}
Change = tuple[datetime, str, Row]


def basal_rates(rows: Sequence[tuple[str, Row]], times: Sequence[datetime]) -> Iterator[Entry]:
    """Yield the rate (U/h) from each change on; nothing before the first rate of the schedule is known."""
    pump = _Pump()
    changes = [(t, place, r) for t, (place, r) in zip(times, rows, strict=True) if r.get("Raw-Type") in KINDS]
    # At one time the schedule comes last: it ends what else is written there.
    for time, place, row in sorted(changes, key=lambda c: (c[0], c[2]["Raw-Type"] == START)):
        yield from pump.until(time, place)
        yield from pump.changed(time, place, row)
    yield from pump.until(datetime.max, "the end")


class _Pump:
    """What the pump does at one moment: rate of the schedule, temporary rate and its end, suspension."""

    def __init__(self) -> None:
        self.scheduled: float | None = None
        self.temporary: tuple[float, datetime] | None = None
        self.is_suspended = False
        self.said: float | None = None

    def _now(self, time: datetime, place: str) -> Iterator[Entry]:
        """Yield the rate from now on, if it is known and another than before."""
        rate = self.temporary[0] if self.temporary else self.scheduled
        given = 0.0 if self.is_suspended else rate
        if rate is not None and given is not None and given != self.said:
            self.said = given
            yield Entry(time, "insulin_basal_rate", given, "U/h", place)

    def until(self, time: datetime, place: str) -> Iterator[Entry]:
        """Yield the schedule's rate where a temporary one ended before a time."""
        if self.temporary and self.temporary[1] < time:
            ended, self.temporary = self.temporary[1], None
            yield from self._now(ended, place)

    def changed(self, time: datetime, place: str, row: Row) -> Iterator[Entry]:
        """Yield the rate after a change."""
        kind, values = row["Raw-Type"], row.get("Raw-Values", "")
        if kind == SUSPENSION:
            self.is_suspended = f"={RUNS}" not in values.split(",")[0]
        elif kind == START:
            self.scheduled, self.temporary = _number(values, "RATE"), None
        else:
            lasting = timedelta(milliseconds=_number(values, "DURATION") or 0.0)
            rate = _number(values, TEMPORARY[kind])
            if kind == "ChangeTempBasalPercent":
                rate = None if self.scheduled is None or rate is None else self.scheduled * rate / 100
            self.temporary = (rate, time + lasting) if lasting and rate is not None else None
        yield from self._now(time, place)


def _number(values: str, name: str) -> float | None:
    """Return a value of Raw-Values, `NAME=1.2, OTHER=3`."""
    found = re.search(rf"(?:^|[ ,]){name}=([-\d.]+)", values)
    return float(found[1]) if found else None
