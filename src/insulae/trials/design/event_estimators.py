"""Estimators of times to an event, by name: the active arm against the control.

`cox` (log hazard ratio at equal covariates, ties after Efron), `log_rank` (log hazard ratio by one step,
whose test is the log-rank test), `survival` (difference of the shares that have had the event, Kaplan and
Meier, competing events cut off), `cumulative_incidence` (the same, Aalen and Johansen, competing events as
such), `restricted_mean` (difference of the mean weeks without the event). Hazards are those of the event
itself: competing events end the time at risk.
"""

from collections.abc import Callable

import numpy as np

from insulae.statistics import survival
from insulae.statistics.ancova import Estimate
from insulae.trials.design.conduct import Flags
from insulae.trials.design.event_times import EVENT, Times
from insulae.trials.design.outcomes import Floats

PERCENT = 100.0
Method = Callable[[Times, Flags, float, Floats], Estimate]


def _checked(found: Times, active: Flags) -> None:
    if active.all() or not active.any():
        raise ValueError("an arm has nobody")
    if not found.happened.any():
        raise ValueError("nobody had the event")


def _cox(found: Times, active: Flags, until: float, covariates: Floats) -> Estimate:
    used = covariates[:, covariates.std(axis=0) > 0]
    return survival.cox(found.week, found.happened, np.column_stack([active, used]).astype(float))[0]


def _log_rank(found: Times, active: Flags, until: float, covariates: Floats) -> Estimate:
    return survival.peto(found.week, found.happened, active)


def _survival(found: Times, active: Flags, until: float, covariates: Floats) -> Estimate:
    curves = [survival.kaplan_meier(found.week[g], found.happened[g]).at(until) for g in (~active, active)]
    return _of_shares([(1 - share, error) for share, error in curves], active)


def _cumulative_incidence(found: Times, active: Flags, until: float, covariates: Floats) -> Estimate:
    return _of_shares([_incidence(found, group) for group in (~active, active)], active)


def _of_shares(points: list[tuple[float, float]], active: Flags) -> Estimate:
    (first, first_error), (second, second_error) = points
    n = int((~active).sum()), int(active.sum())
    found = survival.share_difference((first, second), (first_error, second_error), n)
    assert found.null_error is not None
    return Estimate(PERCENT * found.effect, PERCENT * found.error, null_error=PERCENT * found.null_error)


def _incidence(found: Times, group: Flags) -> tuple[float, float]:
    if not found.happened[group].any():
        return 0.0, 0.0
    cause = found.cause[group]
    if not (cause > EVENT).any():
        share, error = survival.kaplan_meier(found.week[group], cause == EVENT).at(np.inf)
        return 1 - share, error
    _, incidence, error = survival.cumulative_incidence(found.week[group], cause, EVENT)
    return float(incidence[-1]), float(error[-1])


def _restricted_mean(found: Times, active: Flags, until: float, covariates: Floats) -> Estimate:
    curves = [survival.kaplan_meier(found.week[g], found.happened[g]) for g in (~active, active)]
    means = [curve.restricted_mean(until) for curve in curves]
    errors = [curve.restricted_mean_error(until) for curve in curves]
    return Estimate(means[1] - means[0], float(np.hypot(errors[0], errors[1])))


METHODS: dict[str, Method] = {
    "cox": _cox,
    "log_rank": _log_rank,
    "survival": _survival,
    "cumulative_incidence": _cumulative_incidence,
    "restricted_mean": _restricted_mean,
}


def estimated(name: str, found: Times, active: Flags, until: float, covariates: Floats) -> Estimate:
    """Return the estimate of a named method, of which `cox` adjusts for covariates [patient, k].

    Raises `ValueError` when it cannot be made.
    """
    _checked(found, active)
    return METHODS[name](found, active, until, covariates)


def share_with_event(found: Times) -> float:
    """Return the percentage that had the event, where nobody's time was cut off before the end."""
    return PERCENT * float(found.happened.mean())
