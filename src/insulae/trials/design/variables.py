"""What a trial can look at: endpoints of the visits, and times to events that the safety record holds."""

import dataclasses
import functools

from insulae.core.errors import UnknownName
from insulae.core.registry import nearest
from insulae.endpoints import base as endpoints


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a trial looks at, as an endpoint has it; `event` names what the safety record is searched for."""

    name: str
    label: str
    unit: str
    better: endpoints.Better
    kind: endpoints.Kind
    event: str = ""

    @property
    def is_time(self) -> bool:
        """Tell whether it is the time until something happens."""
        return self.kind == "event_week"


SERIOUS_EVENT = "serious"
DEATH_EVENT = "death"
FROM_SAFETY = {
    "weeks_to_death": ("Weeks until death", DEATH_EVENT),
    "weeks_to_serious_event": ("Weeks until the first serious adverse event", SERIOUS_EVENT),
    "weeks_to_severe_hypoglycemia": ("Weeks until the first severe hypoglycemia", "severe_hypoglycemia"),
}
"""Times that no visit reports but the table of adverse events holds: label, and which events count."""


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of everything a trial can look at."""
    return (*(member.name for member in endpoints.catalogue()), *FROM_SAFETY)


@functools.cache
def measured(name: str) -> Measured:
    """Return what a name stands for; raises `UnknownName` with the nearest one."""
    if name in FROM_SAFETY:
        label, event = FROM_SAFETY[name]
        return Measured(name, label, "week", "higher", "event_week", event)
    if name not in names():
        raise UnknownName(f"unknown endpoint '{name}'", nearest(name, names()))
    one = endpoints.get(name)
    return Measured(name, one.label, one.unit, one.better, one.kind)
