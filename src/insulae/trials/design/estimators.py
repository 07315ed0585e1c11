"""Estimators of an estimand from the data of a replicate, by name: the active arm minus the control."""

from collections.abc import Callable

import numpy as np

from insulae.core.errors import InsulaeError
from insulae.statistics import ancova, binomial, mmrm, mmrm_inference, multiple_imputation
from insulae.statistics.ancova import Estimate
from insulae.trials.design.conduct import Data, Flags
from insulae.trials.design.draws import Draws
from insulae.trials.design.estimands import analyzed
from insulae.trials.design.outcomes import Floats
from insulae.trials.design.protocol import Estimand

IMPUTATIONS = 20
MOST_VISITS = 6
"""Visits after enrollment in a model of repeated measures: the last, others spread evenly before it."""


class NotEnoughPatients(InsulaeError):
    """A replicate with too few patients seen for its analysis."""


def estimate(estimand: Estimand, data: Data, active: int, draws: Draws) -> Estimate:
    """Return the effect of the arm `active` (place in the study) against all others in the data.

    Raises `NotEnoughPatients` when the analysis cannot be done.
    """
    values, belongs = analyzed(estimand, data)
    is_active = data.followed.arm == active
    visit = int(np.argmin(np.abs(data.followed.weeks - estimand.week)))
    method = _METHODS[estimand.chosen_estimator()]
    try:
        return method(values[belongs][:, : visit + 1], is_active[belongs], draws)
    except (ValueError, np.linalg.LinAlgError) as error:
        raise NotEnoughPatients(f"the estimand '{estimand.name}' cannot be estimated: {error}") from error


def _ancova(values: Floats, active: Flags, draws: Draws) -> Estimate:
    return ancova.ancova(values[:, -1], active, values[:, :1])


def _shares(values: Floats, active: Flags, draws: Draws) -> Estimate:
    """Return the difference of percentages at the last visit; the missing are left out."""
    there = np.isfinite(values[:, -1])
    groups = [values[there & (active == arm), -1] > 0 for arm in (False, True)]
    if not all(len(group) for group in groups):
        raise ValueError("an arm has nobody with an outcome")
    events, n = [int(group.sum()) for group in groups], [len(group) for group in groups]
    effect, error = binomial.difference((events[0], events[1]), (n[0], n[1]))
    return Estimate(100 * effect, 100 * error)


def _kept_visits(n_visits: int) -> list[int]:
    """Return which visits after enrollment are modeled."""
    last = n_visits - 1
    if last <= MOST_VISITS:
        return list(range(1, n_visits))
    return [round(last * (k + 1) / MOST_VISITS) for k in range(MOST_VISITS)]


def _repeated(values: Floats, active: Flags, draws: Draws) -> Estimate:
    y = values[:, _kept_visits(values.shape[1])]
    baseline = values[:, 0] - values[:, 0].mean()
    model = mmrm.fit(y, np.column_stack([np.ones(len(y)), active.astype(float), baseline]))
    weights = np.zeros_like(model.coefficients)
    weights[1, -1] = 1
    return mmrm_inference.kenward_roger(model, weights)


def _imputed(means: multiple_imputation.Means) -> Callable[[Floats, Flags, Draws], Estimate]:
    def method(values: Floats, active: Flags, draws: Draws) -> Estimate:
        y = values[:, _kept_visits(values.shape[1])]
        data = multiple_imputation.Repeated(y, active, values[:, :1] - values[:, :1].mean())
        completed = multiple_imputation.imputations(data, means, IMPUTATIONS, draws.stream("imputation"))
        return multiple_imputation.analyzed(data, completed)

    return method


_METHODS: dict[str, Callable[[Floats, Flags, Draws], Estimate]] = {
    "ancova": _ancova,
    "mmrm": _repeated,
    "difference_of_shares": _shares,
    "jump_to_reference": _imputed(multiple_imputation.jump_to_reference),
    "copy_increments": _imputed(multiple_imputation.copy_increments),
    "copy_reference": _imputed(multiple_imputation.copy_reference),
}
