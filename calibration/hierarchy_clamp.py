"""The clamps of Kobe foreseen from the glucose test alone, with the fitted population as what is believed.

No value of a clamp enters: the population is that of the glucose tests, each person's own test narrows it,
and the clamp of the same person is simulated for draws of what is left. Draws come from the Laplace
Gaussian and are weighed by the exact posterior. As in `twins.clamp`, the glucose that was reached is given.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from twins.clamp import CLAMP, END, Prediction, Subject, clamp, subjects

from calibration.hierarchy_fit import Floats, People, Turned, expected
from calibration.hierarchy_people import KINDS, constants, known
from calibration.hierarchy_population import error_covariance
from insulae.core.parameters import value
from insulae.core.pytree import map_leaves
from insulae.inference import experiments as e
from insulae.inference.measurement_error import QUANTITIES
from insulae.inference.person import Known

DRAWS = 96
KEPT = 256
"""Draws kept of each person after weighing, with repetition."""


def schedule_of(people: Sequence[Subject], body: Known) -> e.Schedule:
    """Return the clamps side by side, [step, person]."""
    surface, weight = np.asarray(body.surface), np.asarray(body.signals.metabolic_weight)
    each = [clamp(s, a, w).schedule for s, a, w in zip(people, surface, weight, strict=True)]
    return map_leaves(lambda *leaves: np.stack(leaves, axis=1), *each)


@jax.jit
def course(body: Known, first: Any, logarithms: Any, schedule: e.Schedule) -> e.Course:
    made = constants(body, logarithms)
    return e.live(made, e.fasting(made, first), schedule)


def seen(course: e.Course, one: e.Schedule, body: Known) -> Floats:
    """Return infusion at the end, insulin and C-peptide during a clamp, [value, person]."""
    per_weight = np.asarray(body.signals.metabolic_weight / body.body_weight)
    infusion = np.asarray(e.at(course.infusion, one, [END])) * per_weight
    series = [np.asarray(e.at(getattr(course, kind), one, CLAMP)) for kind in KINDS[1:]]
    return np.concatenate([infusion, *series])


def weighed(people: People, turned: Turned, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return draws of everybody's logarithms [draw, fitted, person] and their weights [draw, person]."""
    mean = expected(people.sample, turned.point)
    inverse = np.linalg.inv(turned.point.between)
    error = error_covariance(jnp.asarray(turned.point.error), jnp.asarray(people.is_there))
    weight = np.linalg.inv(np.asarray(error))
    values = people.values - turned.point.assay * people.other_assay
    root = np.linalg.cholesky(turned.covariance)
    draws, density = [], []
    for _ in range(DRAWS):
        normal = rng.standard_normal(turned.logarithms.shape)
        drawn = turned.logarithms + np.einsum("pkl,lp->kp", root, normal)
        left = (values - people.predicted(drawn)) * people.is_there
        away = (drawn - mean).T
        exact = np.einsum("pv,pvw,pw->p", left, weight, left) + np.einsum("pk,kl,pl->p", away, inverse, away)
        draws.append(drawn)
        density.append(-0.5 * np.where(np.isfinite(exact), exact, np.inf) + 0.5 * (normal**2).sum(axis=0))
    logs = np.array(density)
    weights = np.exp(logs - logs.max(axis=0))
    return np.array(draws), weights / weights.sum(axis=0)


def foreseen(people: People, turned: Turned, folder: Path, seed: int) -> tuple[list[Prediction], Floats]:
    """Return every clamp of Kobe as foreseen, and the effective number of draws of each person."""
    rng = np.random.default_rng(seed)
    draws, weights = weighed(people, turned, rng)
    kobe = people.sample.study == 0
    tested = list(subjects(next(iter(sorted(folder.rglob("ohashi_OGTT.csv")))).parent))
    body = known(people.sample.part(kobe))
    schedule = schedule_of(tested, body)
    one = clamp(tested[0], 1.7, 60.0).schedule
    first = jnp.array([s.clamp[0, 0] for s in tested])
    made = [seen(course(body, first, d[:, kobe], schedule), one, body) for d in draws]
    error = [value("measurement_error.infusion"), *turned.point.error[1:]]
    return _predictions(tested, np.array(made), weights[:, kobe], error, rng), 1 / (weights**2).sum(axis=0)


def _predictions(
    tested: Sequence[Subject], made: Floats, weights: Floats, error: Sequence[float], rng: Any
) -> list[Prediction]:
    """Return predictions by person of courses [draw, value, person]."""
    names = ["infusion"] + ["insulin"] * len(CLAMP) + ["c_peptide"] * len(CLAMP)
    size = np.repeat(error, [1, len(CLAMP), len(CLAMP)])[:, None]
    offset = np.array([value("measurement_error.infusion_offset") * (n == "infusion") for n in names])[
        :, None
    ]
    found = []
    for place, subject in enumerate(tested):
        chosen = rng.choice(len(made), KEPT, p=weights[:, place])
        exact = made[chosen, :, place].T
        chance = np.exp(size * rng.standard_normal(exact.shape))
        observed = np.concatenate([[subject.infusion], subject.clamp[1], subject.clamp[2]])
        found.append(
            Prediction(
                subject=subject,
                fitted=None,  # type: ignore[arg-type]
                quantity=np.array([QUANTITIES.index(n) for n in names]),
                minutes=np.concatenate([[END], CLAMP, CLAMP]),
                values=(exact + offset) * chance - offset,
                observed=observed,
                exact=exact,
            )
        )
    return found
