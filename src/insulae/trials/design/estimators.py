"""Estimators of an estimand from the data of a replicate, by name: the active arm minus the control."""

from collections.abc import Callable

import numpy as np

from insulae.core.errors import InsulaeError
from insulae.statistics import ancova, binomial, logistic, mmrm, mmrm_inference, multiple_imputation
from insulae.statistics.ancova import Estimate, posterior
from insulae.trials.design import event_estimators
from insulae.trials.design.conduct import Data, Flags
from insulae.trials.design.draws import Draws
from insulae.trials.design.estimands import analyzed
from insulae.trials.design.event_times import Times, times
from insulae.trials.design.outcomes import Floats
from insulae.trials.design.protocol import Estimand

IMPUTATIONS = 20
MOST_VISITS = 6
"""Visits after enrollment in a model of repeated measures: the last, others spread evenly before it."""


Method = Callable[[Floats, Flags, Floats, Draws], Estimate]


class NotEnoughPatients(InsulaeError):
    """A replicate with too few patients seen for its analysis."""


def estimate(
    estimand: Estimand, data: Data, active: int, draws: Draws, strata: tuple[str, ...] = ()
) -> Estimate:
    """Return the effect of the arm `active` (place in the study) against all others in the data.

    Models adjust for the values at enrollment of the outcome and of the endpoints that `strata` and the
    estimand name; without these an analysis of a stratified trial is too cautious. Where the estimand states
    a prior, what is returned is the posterior. Raises `NotEnoughPatients` when the analysis cannot be done.
    """
    is_active = data.followed.arm == active
    found = _of_times if estimand.is_time() else _of_visits
    try:
        seen = found(estimand, data, is_active, draws, strata)
    except (ValueError, np.linalg.LinAlgError) as error:
        raise NotEnoughPatients(f"the estimand '{estimand.name}' cannot be estimated: {error}") from error
    prior = estimand.prior
    return seen if prior is None else posterior(seen, *prior.of(estimand.unit()))


def _of_visits(
    estimand: Estimand, data: Data, active: Flags, draws: Draws, strata: tuple[str, ...]
) -> Estimate:
    values, belongs = analyzed(estimand, data)
    visit = int(np.argmin(np.abs(data.followed.weeks - estimand.week)))
    covariates = at_enrollment((estimand.endpoint, *strata, *estimand.covariates), data)
    method = _METHODS[estimand.chosen_estimator()]
    return method(values[belongs][:, 1 : visit + 1], active[belongs], covariates[belongs], draws)


def _of_times(
    estimand: Estimand, data: Data, active: Flags, draws: Draws, strata: tuple[str, ...]
) -> Estimate:
    found, belongs = times(estimand, data)
    chosen = Times(found.week[belongs], found.cause[belongs])
    covariates = at_enrollment((*strata, *estimand.covariates), data)
    name, until = estimand.chosen_estimator(), estimand.week
    return event_estimators.estimated(name, chosen, active[belongs], until, covariates[belongs])


def at_enrollment(names: tuple[str, ...], data: Data) -> Floats:
    """Return the values at enrollment of endpoints [patient, k], each once."""
    columns = [data.followed.values[name][:, 0] for name in dict.fromkeys(names)]
    return np.column_stack(columns) if columns else np.empty((len(data.entered), 0))


def _ancova(values: Floats, active: Flags, covariates: Floats, draws: Draws) -> Estimate:
    return ancova.ancova(values[:, -1], active, covariates)


def _shares(values: Floats, active: Flags, covariates: Floats, draws: Draws) -> Estimate:
    """Return the difference of percentages at the last visit; the missing are left out."""
    there = np.isfinite(values[:, -1])
    groups = [values[there & (active == arm), -1] > 0 for arm in (False, True)]
    if not all(len(group) for group in groups):
        raise ValueError("an arm has nobody with an outcome")
    events, n = (int(groups[0].sum()), int(groups[1].sum())), (len(groups[0]), len(groups[1]))
    effect, error = binomial.difference(events, n)
    return Estimate(100 * effect, 100 * error, null_error=100 * binomial.pooled_error(events, n))


def _logistic(values: Floats, active: Flags, covariates: Floats, draws: Draws) -> Estimate:
    found = logistic.standardized_difference(_yes(values), active, covariates)
    return Estimate(100 * found.effect, 100 * found.error)


def _odds_ratio(values: Floats, active: Flags, covariates: Floats, draws: Draws) -> Estimate:
    return logistic.odds_ratio(_yes(values), active, covariates)


def _yes(values: Floats) -> Floats:
    """Return 1 for yes and 0 for no at the last visit; NaN where it is missing."""
    return np.where(np.isfinite(values[:, -1]), (values[:, -1] > 0).astype(float), np.nan)


def kept_visits(n_visits: int) -> list[int]:
    """Return which of the visits after enrollment are modeled."""
    if n_visits <= MOST_VISITS:
        return list(range(n_visits))
    return [round(n_visits * (k + 1) / MOST_VISITS) - 1 for k in range(MOST_VISITS)]


def _repeated(values: Floats, active: Flags, covariates: Floats, draws: Draws) -> Estimate:
    y, centered = values[:, kept_visits(values.shape[1])], covariates - covariates.mean(axis=0)
    model = mmrm.fit(y, np.column_stack([np.ones(len(y)), active.astype(float), centered]))
    weights = np.zeros_like(model.coefficients)
    weights[1, -1] = 1
    return mmrm_inference.kenward_roger(model, weights)


def _imputed(means: multiple_imputation.Means) -> Method:
    def method(values: Floats, active: Flags, covariates: Floats, draws: Draws) -> Estimate:
        y = values[:, kept_visits(values.shape[1])]
        data = multiple_imputation.Repeated(y, active, covariates - covariates.mean(axis=0))
        completed = multiple_imputation.imputations(data, means, IMPUTATIONS, draws.stream("imputation"))
        return multiple_imputation.analyzed(data, completed)

    return method


_METHODS: dict[str, Method] = {
    "ancova": _ancova,
    "mmrm": _repeated,
    "difference_of_shares": _shares,
    "logistic": _logistic,
    "odds_ratio": _odds_ratio,
    "jump_to_reference": _imputed(multiple_imputation.jump_to_reference),
    "copy_increments": _imputed(multiple_imputation.copy_increments),
    "copy_reference": _imputed(multiple_imputation.copy_reference),
}
