"""Times to an event: Kaplan-Meier, log-rank, Cox, competing risks, one-sample log-rank, Weibull.

Times in any one unit; `happened` is False for a time that was cut off by the end of observation.
"""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import chi2, norm, poisson
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight, survdiff

from insulae.statistics import binomial
from insulae.statistics.ancova import Estimate

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
STEPS, CLOSE = 50, 1e-9
LARGEST, RANK = 8.0, 1e-10
"""Log hazard ratio of a standard deviation beyond which a fit runs away; share of the largest eigenvalue
that counts as none."""


@dataclasses.dataclass(frozen=True)
class Curve:
    """Survival after each event time, with Greenwood's standard error and the number at risk [time]."""

    times: Floats
    share: Floats
    error: Floats
    at_risk: Floats

    def at(self, time: float) -> tuple[float, float]:
        """Return the share still without the event at a time, and its standard error."""
        place = int(np.searchsorted(self.times, time, side="right")) - 1
        return (float(self.share[place]), float(self.error[place])) if place >= 0 else (1.0, 0.0)

    def restricted_mean(self, until: float) -> float:
        """Return the mean time without the event up to a horizon."""
        inside = self.times < until
        edges = np.concatenate([[0.0], self.times[inside], [until]])
        return float(np.diff(edges) @ np.concatenate([[1.0], self.share[inside]]))

    def restricted_mean_error(self, until: float) -> float:
        """Return the standard error of the restricted mean (Klein & Moeschberger 2003, 4.5).

        With D events its square is enlarged by D / (D - 1) (Kaplan & Meier 1958, section 6): what is found
        without is too small where events are few.
        """
        inside = self.times < until
        edges = np.append(self.times[inside], until)
        areas = np.diff(edges) * self.share[inside]
        after = areas[::-1].cumsum()[::-1]
        risk = self.at_risk[inside]
        before = np.concatenate([[1.0], self.share[inside]])[:-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            lost = np.where(before > 0, 1 - self.share[inside] / before, 0.0) * risk
            terms = np.where(after > 0, after**2 * lost / (risk * (risk - lost)), 0.0)
            events = float(lost.sum())
        return float(np.sqrt(terms.sum() * (events / (events - 1) if events > 1 else 1.0)))


def kaplan_meier(time: Floats, happened: Flags) -> Curve:
    """Return the product-limit curve (Kaplan & Meier 1958)."""
    found = SurvfuncRight(time, happened.astype(int))
    names = ("surv_times", "surv_prob", "surv_prob_se", "n_risk")
    return Curve(*(np.asarray(getattr(found, name), float) for name in names))


def log_rank(time: Floats, happened: Flags, group: NDArray[np.generic]) -> tuple[float, float]:
    """Return chi-square and two-sided p-value of the log-rank test over groups."""
    statistic, p = survdiff(time, happened.astype(int), group)
    return float(statistic), float(p)


def share_difference(
    shares: tuple[float, float], errors: tuple[float, float], n: tuple[int, int]
) -> Estimate:
    """Return the difference of two estimated shares (second minus first) as if of so many patients seen in
    full.

    A share F of a curve with standard error s is worth F (1 - F) / s^2 patients (Rothman 1978), `n` where it
    is 0 or 1. With these the error is that of Agresti & Caffo and the test pools both arms, as for shares
    that were counted: without censoring they are the same, and Greenwood's error, too small in small arms, is
    not used.
    """
    worth = [_worth(*each) for each in zip(shares, errors, n, strict=True)]
    events = [share * size for share, size in zip(shares, worth, strict=True)]
    effect, error = binomial.difference((events[0], events[1]), (worth[0], worth[1]))
    return Estimate(
        effect, error, null_error=binomial.pooled_error((events[0], events[1]), (worth[0], worth[1]))
    )


def _worth(share: float, error: float, n: int) -> float:
    return share * (1 - share) / error**2 if 0 < share < 1 and error > 0 else float(n)


def _risk_sets(time: Floats, happened: Flags, active: Flags) -> tuple[Floats, Floats, Floats, Floats]:
    """Return for each time with events: at risk, of them active; events, of them active."""
    points = np.unique(time[happened])

    def at_risk(times: Floats) -> Floats:
        return len(times) - np.searchsorted(np.sort(times), points).astype(float)

    def events(times: Floats) -> Floats:
        ordered = np.sort(times)
        return (np.searchsorted(ordered, points, "right") - np.searchsorted(ordered, points)).astype(float)

    return at_risk(time), at_risk(time[active]), events(time[happened]), events(time[happened & active])


def peto(time: Floats, happened: Flags, active: Flags) -> Estimate:
    """Return the log hazard ratio of the active arm by one step from no effect; its test is the log-rank one.

    (O - E) / V with error 1 / sqrt(V) (Peto & Peto 1972): finite also where an arm has no event, and too
    small where the ratio is far from 1.
    """
    risk, risk_active, events, events_active = _risk_sets(time, happened, active)
    share = risk_active / risk
    ties = np.where(risk > 1, (risk - events) / np.maximum(risk - 1, 1), 0.0)
    variance = float((events * share * (1 - share) * ties).sum())
    if variance <= 0:
        raise ValueError("nobody had the event while patients of both arms were at risk")
    return Estimate(float((events_active - events * share).sum()) / variance, 1 / np.sqrt(variance))


def cox(time: Floats, happened: Flags, covariates: Floats) -> list[Estimate]:
    """Return the log hazard ratio of each covariate [patient, k], ties after Efron.

    Raises `ValueError` where no finite ratio has the largest likelihood, as of an arm without an event.
    """
    center = covariates.mean(axis=0)
    scale = np.where(covariates.std(axis=0) > 0, covariates.std(axis=0), 1.0)
    sets, beta = _EfronSets.of(time, happened, (covariates - center) / scale), np.zeros(covariates.shape[1])
    for _ in range(STEPS):
        score, information = sets.score(beta)
        # Covariates that say the same twice share what they explain; the arm's ratio is none the worse.
        inverse = np.linalg.pinv(information, RANK, True)
        step = inverse @ score
        beta = beta + step * min(1.0, 1 / max(float(np.abs(step).max()), CLOSE))
        if np.abs(beta).max() > LARGEST:
            break
        if np.abs(step).max() < CLOSE:
            errors = np.sqrt(np.diag(inverse)) / scale
            return [Estimate(float(b), float(e)) for b, e in zip(beta / scale, errors, strict=True)]
    raise ValueError("a hazard ratio is 0 or infinite, as of an arm without an event; log_rank is finite")


@dataclasses.dataclass(frozen=True)
class _EfronSets:
    """Patients by falling time, and for each event who was at risk (the first `risk` of them), which of them
    had the event in the same moment (from `begin`), and the part of these that is taken off (`gone`).
    """

    x: Floats
    events: Floats
    risk: NDArray[np.int64]
    begin: NDArray[np.int64]
    gone: Floats

    @classmethod
    def of(cls, time: Floats, happened: Flags, x: Floats) -> "_EfronSets":
        """Return the sets; in a moment those without the event come first, as they are at risk in it."""
        order = np.lexsort((happened, -time))
        falling, had = -time[order], happened[order]
        points, counts = np.unique(falling[had], return_counts=True)
        risk = np.searchsorted(falling, points, "right")
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        gone = within / np.repeat(counts, counts)
        return cls(
            x[order], x[happened].sum(axis=0), np.repeat(risk, counts), np.repeat(risk - counts, counts), gone
        )

    def score(self, beta: Floats) -> tuple[Floats, Floats]:
        """Return slope and negative curvature of the log partial likelihood."""
        hazard = np.exp(self.x @ beta)
        first = hazard[:, None] * self.x
        second = first[:, :, None] * self.x[:, None, :]
        none, one, two = (self._summed(each) for each in (hazard, first, second))
        mean = one / none[:, None]
        spread = two / none[:, None, None] - mean[:, :, None] * mean[:, None, :]
        return self.events - mean.sum(axis=0), spread.sum(axis=0)

    def _summed(self, values: Floats) -> Floats:
        """Return sums over those at risk at each event, less the part of the ties that is gone."""
        sums = np.concatenate([np.zeros((1, *values.shape[1:])), values.cumsum(axis=0)])
        gone = self.gone.reshape(-1, *([1] * (values.ndim - 1)))
        return sums[self.risk] - gone * (sums[self.risk] - sums[self.begin])


def cumulative_incidence(time: Floats, cause: NDArray[np.integer], of: int) -> tuple[Floats, Floats, Floats]:
    """Return times, cumulative incidence of one cause and its standard error; cause 0 is cut off."""
    found: Any = CumIncidenceRight(time, cause)
    return np.asarray(found.times), np.asarray(found.cinc[of - 1]), np.asarray(found.cinc_se[of - 1])


@dataclasses.dataclass(frozen=True)
class CumulativeHazard:
    """Cumulative hazard after each event time."""

    times: Floats
    values: Floats

    def at(self, time: Floats) -> Floats:
        """Return it at some times."""
        return np.append(0.0, self.values)[np.searchsorted(self.times, time, side="right")]


def cumulative_hazard(time: Floats, happened: Flags) -> CumulativeHazard:
    """Return the estimate of Nelson 1972 and Aalen 1978: the sum of events by those at risk."""
    points, events = np.unique(time[happened], return_counts=True)
    risk = len(time) - np.searchsorted(np.sort(time), points)
    return CumulativeHazard(points, (events / risk).cumsum())


def one_sample_log_rank(time: Floats, happened: Flags, hazard: Floats) -> tuple[float, float]:
    """Return Z = (O - E) / sqrt(E) and the one-sided p-value for fewer events than a reference expects.

    `hazard` is the reference's cumulative hazard at each patient's time (Breslow 1975; Finkelstein 2003).
    """
    expected = float(np.sum(hazard))
    if expected <= 0:
        raise ValueError(f"the reference expects no event during {np.sum(time):g} of follow-up")
    z = (float(happened.sum()) - expected) / np.sqrt(expected)
    return float(z), float(norm.cdf(z))


def more_events(observed: int, expected: float) -> float:
    """Return P(X > O) + P(X = O) / 2 for X of the Poisson law with mean E: the mid-P of more events than
    expected.

    One less it is that of fewer. In groups of some tens Z = (O - E) / sqrt(E) errs to the side of more, for
    the law of O leans that way.
    """
    return float(poisson.sf(observed, expected) + poisson.pmf(observed, expected) / 2)


@dataclasses.dataclass(frozen=True)
class Weibull:
    """log T = intercept + slopes . x + scale W, W of the smallest extreme value; maximum log likelihood."""

    intercept: float
    slopes: Floats
    scale: float
    log_likelihood: float

    def survival(self, time: Floats, x: Floats) -> Floats:
        """Return the share without the event at times, for covariates x [k]."""
        return np.exp(-np.exp((np.log(time) - self.intercept - x @ self.slopes) / self.scale))


def weibull(time: Floats, happened: Flags, covariates: Floats) -> Weibull:
    """Fit accelerated failure times to covariates [patient, k], which may have no column."""
    x = np.column_stack([np.ones(len(time)), covariates])
    log_time = np.log(time)

    def loss(theta: Floats) -> tuple[float, Floats]:
        scale = np.exp(theta[-1])
        u = (log_time - x @ theta[:-1]) / scale
        risk = np.exp(u)
        value = np.sum(risk) - np.sum((u - theta[-1] - log_time)[happened])
        slope_u = risk - happened
        return float(value), np.append(-x.T @ slope_u / scale, np.sum(happened) - slope_u @ u)

    start = np.zeros(x.shape[1] + 1)
    start[0] = log_time.mean()
    found = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-8})
    theta = found.x
    return Weibull(float(theta[0]), theta[1:-1], float(np.exp(theta[-1])), -float(found.fun))


def log_rank_power(log_ratio: float, events: float, alpha: float) -> float:
    """Return the power of a two-sided log-rank test of two equal arms with so many events."""
    shift = abs(log_ratio) * np.sqrt(events) / 2
    return float(norm.cdf(shift - norm.isf(alpha / 2)))


def chi_square_p(statistic: float, freedom: int) -> float:
    """Return the p-value of a chi-square statistic."""
    return float(chi2.sf(statistic, freedom))
