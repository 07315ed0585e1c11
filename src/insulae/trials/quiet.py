"""Patients whose days are all the same: nothing is missed, miscounted or noticed late, and no sensor errs.

With them the error of long steps is seen without the differences of days.
"""

import dataclasses
from typing import Any

import numpy as np

from insulae.core.pytree import replace
from insulae.populations.baseline import Start

IRREGULAR = ("missed", "late_share", "counting_error")
"""How the names of parameters begin that make boluses differ from plan."""


def quiet(start: Start) -> Start:
    """Return the same patients without any difference between days."""
    habits = start.cohort.parameters.habits
    fields = {f.name: getattr(habits, f.name) for f in dataclasses.fields(habits)}
    varying = {name: record for name, record in fields.items() if hasattr(record, "lability")}
    still = {name: replace(record, lability=0 * record.lability) for name, record in varying.items()}
    changed = replace(
        habits,
        **still,
        adherence=_set(habits.adherence, 0, [n for n in vars(habits.adherence) if n.startswith(IRREGULAR)]),
        activity=_set(habits.activity, 0, ["session_share"]),
        low_glucose=_set(habits.low_glucose, 1, ["noticed_awake", "noticed_asleep", "alarm_answered"]),
        sensor=_set(habits.sensor, 0, ["gain_spread", "noise"]),
    )
    parameters = replace(start.cohort.parameters, habits=changed)
    return dataclasses.replace(start, cohort=replace(start.cohort, parameters=parameters))


def _set(record: Any, value: float, names: list[str]) -> Any:
    return replace(record, **{name: np.full_like(getattr(record, name), value) for name in names})
