"""When visits and contacts are, and how long a simulated day may stand for others in between.

Every day is simulated in the glucose-sensor window before a visit and for four weeks after an event, every
second day for four weeks more; where insulin is titrated every day for half a year after an event, because a
dose changed a week early or late is another course. Otherwise a day may stand for a week, or for as few days
as a treatment asks for, and each patient's own pace decides (`insulae.trials.pace`).
"""

import dataclasses
import math
from collections.abc import Iterable

from insulae.core.clock import DAYS_PER_WEEK

WINDOW_DAYS = 14
DAILY_AFTER_EVENT = 28
EVERY_SECOND_AFTER_EVENT = 56
DAILY_WHILE_TITRATED = 182


@dataclasses.dataclass(frozen=True)
class Step:
    """Some days in a row: the first, how many, how many of them one simulated day may stand for at most, and
    what happens at their end; `has_drink` tells whether a visit there gives a drink of glucose."""

    day: int
    days: int
    longest: int
    is_in_window: bool
    is_contact: bool
    visit_week: float | None
    has_drink: bool = False

    @property
    def least(self) -> int:
        """The fewest days that are simulated for it."""
        return -(-self.days // self.longest)


def _longest(day: int, events: Iterable[int], usual: int) -> int:
    """Return how many days a simulated day may stand for, by the time since the last event."""
    since = min((day - event for event in events if event <= day), default=math.inf)
    if since < (DAILY_WHILE_TITRATED if usual < DAYS_PER_WEEK else DAILY_AFTER_EVENT):
        return 1
    return min(2, usual) if since < EVERY_SECOND_AFTER_EVENT else usual


def calendar(
    visit_weeks: Iterable[float], events: Iterable[float], longest: int = DAYS_PER_WEEK
) -> list[Step]:
    """Return the steps from the window before the first visit to the last visit; a simulated day stands for
    `longest` days at most, for fewer than a week where doses follow recent glucose.

    Day 0 is enrollment; the visit of week w happens at the start of day 7 w. Contacts are weekly from day 0
    on; a step ends with a contact, a visit, an event or the beginning of a window.
    """
    visits = sorted({round(week * DAYS_PER_WEEK) for week in visit_weeks})
    window = {day for visit in visits for day in range(visit - WINDOW_DAYS, visit)}
    happenings = sorted({int(event) for event in events})
    marks = sorted({*visits, *happenings, *(visit - WINDOW_DAYS for visit in visits)})
    steps, day = list[Step](), visits[0] - WINDOW_DAYS
    while day < visits[-1]:
        is_in_window = day in window
        next_contact = (day // DAYS_PER_WEEK + 1) * DAYS_PER_WEEK
        next_mark = min((mark for mark in marks if mark > day), default=visits[-1])
        end = min(next_contact, next_mark)
        at_most = 1 if is_in_window else _longest(day, happenings, longest)
        week = end / DAYS_PER_WEEK if end in visits else None
        is_contact = end % DAYS_PER_WEEK == 0 and end >= 0
        steps.append(Step(day, end - day, at_most, is_in_window, is_contact, week))
        day = end
    return steps
