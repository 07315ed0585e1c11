"""Trials in which every patient takes two treatments in turn (N-of-1): periods in a random order.

What a patient has under each order is an arm of the study, so that an effect that carries over from one
period into the next is in the outcomes; the washout leaves the beginning of each period out of what is
judged.
"""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.meta_analysis import combine_effects

from insulae.statistics import ancova
from insulae.statistics.ancova import Estimate
from insulae.trials.design.conduct import Data
from insulae.trials.design.designs import NOf1
from insulae.trials.design.enrolment import allocated
from insulae.trials.design.estimators import NotEnoughPatients
from insulae.trials.design.outcomes import Floats
from insulae.trials.design.replicate import Found, Scene
from insulae.trials.design.two_arms import is_better

Flags = NDArray[np.bool_]
FEWEST = 3


def n_of_1(scene: Scene, design: NOf1, replicate: int) -> Found:
    """Run an N-of-1 trial: the effect of B against A within patients."""
    draws, primary = scene.draws(replicate), scene.spec.primary
    patients = scene.patients(design.size, draws)
    order = allocated([1] * len(design.sequences), np.zeros(design.size, np.int64), 1, draws)
    places = np.array([scene.outcomes.arm(name) for name in design.arm_names()])
    followed = scene.followed(patients, places[order], draws)
    data = scene.data(followed, scene.entries(design.size, draws), draws)
    values = period_means(design, data, primary.endpoint)
    is_b = np.array([[letter == "B" for letter in text] for text in design.sequences.values()])[order]
    try:
        found = {"paired": paired, "mixed": mixed}[design.analysis](values, is_b)
    except (ValueError, np.linalg.LinAlgError) as error:
        raise NotEnoughPatients(str(error)) from error
    ended = scene.ended_at(data, float(np.max(data.entered) + design.period * is_b.shape[1]))
    is_success = found.p <= scene.spec.alpha / 100 and is_better(primary, found.effect)
    return Found(is_success, *ended, "planned end", found)


def period_means(design: NOf1, data: Data, endpoint: str) -> Floats:
    """Return the mean of the visits of each period after its washout [patient, period]; NaN without any."""
    seen, weeks = data.observed(endpoint), data.followed.weeks
    n_periods = len(next(iter(design.sequences.values())))
    columns: list[Floats] = []
    for k in range(n_periods):
        start, end = k * design.period, (k + 1) * design.period
        inside = (weeks > start + design.washout + 1e-9) & (weeks <= end + 1e-9)
        there = np.isfinite(seen[:, inside])
        total = np.where(there, seen[:, inside], 0.0).sum(axis=1)
        counts = there.sum(axis=1)
        columns.append(np.where(counts > 0, total / np.maximum(counts, 1), np.nan))
    return np.column_stack(columns)


def _own_means(values: Floats, is_b: Flags) -> tuple[list[Floats], list[Floats]]:
    """Return each patient's mean under A and B and the number of periods behind it; NaN without any."""
    there = [np.isfinite(values) & one for one in (~is_b, is_b)]
    counts = [one.sum(axis=1).astype(float) for one in there]
    totals = [np.where(one, values, 0.0).sum(axis=1) for one in there]
    means = [np.where(m > 0, t / np.maximum(m, 1), np.nan) for t, m in zip(totals, counts, strict=True)]
    return means, counts


def without_periods(values: Floats, is_b: Flags) -> Floats:
    """Return values less what each period does to everybody, by least squares on patient, period and B.

    A course over time would otherwise count as a difference between patients of different orders.
    """
    n, n_periods = values.shape
    used = np.isfinite(values)
    patient, period = np.nonzero(used)
    columns = [np.eye(n)[patient], np.eye(n_periods)[period][:, 1:], is_b[used][:, None]]
    beta = np.linalg.lstsq(np.hstack(columns).astype(float), values[used], rcond=None)[0]
    return values - np.concatenate([[0.0], beta[n:-1]])


def paired(values: Floats, is_b: Flags) -> Estimate:
    """Return the mean over patients of their own mean under B less that under A; one degree of freedom less
    for the periods.
    """
    means, _ = _own_means(without_periods(values, is_b), is_b)
    found = ancova.paired(means[1] - means[0])
    if found.freedom < 2:
        raise ValueError("treatments in turn need at least three patients with periods of both")
    return dataclasses.replace(found, freedom=found.freedom - 1)


def mixed(values: Floats, is_b: Flags) -> Estimate:
    """Return the mean effect in a model in which patients differ in level and effect (Zucker 1997).

    Each patient's own effect has an error by the periods behind it; effects vary between patients by a
    variance found after Paule and Mandel. What the periods do is taken off first.
    """
    values = without_periods(values, is_b)
    means, counts = _own_means(values, is_b)
    effect = means[1] - means[0]
    used = np.isfinite(effect)
    if used.sum() < FEWEST:
        raise ValueError(f"a mixed model needs at least {FEWEST} patients with periods of both treatments")
    left = values - np.where(is_b, means[1][:, None], means[0][:, None])
    freedom = float(sum(np.maximum(count - 1, 0).sum() for count in counts))
    if freedom < 1:
        raise ValueError("a mixed model needs patients with two periods of a treatment")
    within = float(np.nansum(left**2)) / freedom
    errors = within * (1 / counts[0][used] + 1 / counts[1][used])
    found: Any = combine_effects(effect[used], errors, method_re="iterated", use_t=True)
    return Estimate(float(found.mean_effect_re), float(found.sd_eff_w_re_hksj), float(used.sum() - 2))
