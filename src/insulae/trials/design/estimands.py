"""Estimands: the variable of each patient under the strategies for intercurrent events, and its true value.

The truth is known, because every simulated patient has outcomes under every arm: for a hypothetical strategy
those of the allocated arm without the event, for a principal stratum those of patients who would have the
event under neither arm.
"""

import numpy as np

from insulae.trials.design.conduct import Data, Flags, Followed, eligible, follow, known, met
from insulae.trials.design.draws import Draws
from insulae.trials.design.outcomes import Floats, Outcomes
from insulae.trials.design.protocol import DEATH, Estimand, TrialSpec

REPETITIONS = 40
"""How often the whole cohort is followed where intercurrent events happen by chance."""


def true_means(spec: TrialSpec, estimand: Estimand, outcomes: Outcomes, arms: tuple[str, ...]) -> list[float]:
    """Return the true mean of the variable under each arm, over all who are in the population of the
    estimand.

    `outcomes` are those of the patients who may enter.
    """
    patients = eligible(outcomes, estimand.population)
    is_chance = any(0 < event.chance < 100 for event in spec.intercurrent)
    values: list[list[Floats]] = [[] for _ in arms]
    for repetition in range(REPETITIONS if is_chance else 1):
        draws = Draws(0, repetition)
        each = [
            follow(spec, outcomes, patients, np.full(len(patients), outcomes.arm(arm)), draws) for arm in arms
        ]
        counted = np.ones(len(patients), bool)
        for followed in each:
            counted &= ~_in_excluded_stratum(estimand, followed)
        for found, followed in zip(values, each, strict=True):
            found.append(variable(estimand, followed, outcomes, patients)[counted])
    return [float(np.nanmean(np.concatenate(found))) for found in values]


def _in_excluded_stratum(estimand: Estimand, followed: Followed) -> Flags:
    found = np.zeros(len(followed.arm), bool)
    for event, week in followed.event_week.items():
        if estimand.strategy(event) == "principal_stratum":
            found |= week <= estimand.week
    return found


def variable(estimand: Estimand, followed: Followed, outcomes: Outcomes, patients: np.ndarray) -> Floats:
    """Return the true variable of each patient [patient] in the unit of the endpoint."""
    visit = outcomes.visit(estimand.week)
    found = followed.values[estimand.endpoint].copy()
    for event, week in followed.event_week.items():
        if event != DEATH and estimand.strategy(event) == "hypothetical":
            had = week <= estimand.week
            found[had] = outcomes.values[estimand.endpoint][followed.arm[had], patients[had]]
    return _settled(estimand, found, followed, visit)[:, visit]


def _settled(estimand: Estimand, values: Floats, followed: Followed, visit: int) -> Floats:
    """Return values up to a visit after composite and while-on-treatment strategies, death last."""
    found = values.copy()
    for event, week in followed.event_week.items():
        strategy = estimand.strategy(event)
        after = (followed.weeks > week[:, None]) if event != DEATH else (followed.weeks >= week[:, None])
        if strategy == "composite":
            found[after] = estimand.failure_value()
        elif strategy == "while_on_treatment":
            found = _carried(found, followed.weeks, week, event == DEATH)
    return found


def _carried(values: Floats, weeks: Floats, event_week: Floats, is_death: bool) -> Floats:
    """Return values in which the last one until the event is kept from then on."""
    until = weeks < event_week[:, None] if is_death else weeks <= event_week[:, None]
    last = np.maximum(until.sum(axis=1) - 1, 0)
    kept = np.take_along_axis(values, last[:, None], axis=1)
    return np.where(until, values, kept)


def analyzed(estimand: Estimand, data: Data) -> tuple[Floats, Flags]:
    """Return what the analysis uses [patient, visit], and which patients belong to it.

    After an event with a hypothetical strategy values are set missing; with a composite one they are
    failures; for a principal stratum patients with the event are left out, as a trial cannot see who would
    have had it in the other arm.
    """
    followed, values = known(data), data.observed(estimand.endpoint)
    belongs = ~_in_excluded_stratum(estimand, followed)
    for criterion in estimand.population:
        belongs &= met(criterion, followed.values[criterion.endpoint][:, 0])
    for event, week in followed.event_week.items():
        if event != DEATH and estimand.strategy(event) == "hypothetical":
            values[followed.weeks > week[:, None]] = np.nan
    return _settled(estimand, values, followed, len(followed.weeks) - 1), belongs
