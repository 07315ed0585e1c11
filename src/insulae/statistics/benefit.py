"""Who benefits: a model that predicts each patient's benefit from traits, and measures of how well it does.

Seen in one arm each, patients teach a model that is linear in arm, traits and their products, with a ridge on
all but intercept and arm. Known in both, as only simulated ones are, they teach a model of the difference
itself in traits, their squares and products. The strength of the ridge is chosen by leave-one-out error.
Predictions for a patient come from a model fitted without that patient (cross-validation). A benefit is a
difference of two outcomes, positive when it is good.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
STRENGTHS = tuple(10.0**k for k in range(-2, 4))
FOLDS = 10


@dataclasses.dataclass(frozen=True)
class Ridge:
    """A fitted model: coefficients of the effect of the arm, intercept first, of traits in standard units."""

    effect: Floats
    center: Floats
    scale: Floats

    def benefit(self, x: Floats) -> Floats:
        """Return the predicted effect of the arm for traits [patient, trait]."""
        return np.column_stack([np.ones(len(x)), (x - self.center) / self.scale]) @ self.effect


def fit(x: Floats, active: Flags, y: Floats) -> Ridge:
    """Fit outcomes [patient] to traits [patient, trait] and arm."""
    center, spread = x.mean(axis=0), x.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    z = (x - center) / scale
    side = active.astype(float) - 0.5
    design = np.column_stack([np.ones(len(y)), side, z, z * side[:, None]])
    free = np.array([0.0, 0.0] + [1.0] * (design.shape[1] - 2))
    beta = _ridge(design, y, free)
    n_traits = x.shape[1]
    return Ridge(np.concatenate([beta[1:2], beta[2 + n_traits :]]), center, scale)


def _ridge(design: Floats, y: Floats, free: Floats) -> Floats:
    """Return coefficients with the ridge of least leave-one-out error; `free` is 0 where there is none."""
    errors = [_left_out_error(design, y, k * free) for k in STRENGTHS]
    return _solve(design, y, STRENGTHS[int(np.argmin(errors))] * free)


def _solve(design: Floats, y: Floats, penalty: Floats) -> Floats:
    return np.asarray(np.linalg.solve(design.T @ design + np.diag(penalty + 1e-9), design.T @ y), float)


def _left_out_error(design: Floats, y: Floats, penalty: Floats) -> float:
    """Return the mean squared error of each patient by the model without that patient, in closed form."""
    inverse = np.linalg.inv(design.T @ design + np.diag(penalty + 1e-9))
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    residual = y - design @ (inverse @ (design.T @ y))
    return float(np.mean((residual / np.maximum(1 - leverage, 1e-6)) ** 2))


def cross_validated(x: Floats, active: Flags, y: Floats, draw: np.random.Generator) -> Floats:
    """Return the predicted benefit of each patient by a model that has not seen the patient's fold."""
    fold = draw.permutation(np.arange(len(y)) % FOLDS)
    found = np.empty(len(y))
    for k in range(FOLDS):
        out = fold == k
        found[out] = fit(x[~out], active[~out], y[~out]).benefit(x[out])
    return found


def cross_validated_difference(x: Floats, gain: Floats, draw: np.random.Generator) -> Floats:
    """Return the predicted difference of each person from traits [person, trait].

    A person's prediction is by a model that has not seen the person's fold. Who has no known difference (NaN)
    is predicted and teaches nothing.
    """
    design = _with_products(x)
    free = np.concatenate([[0.0], np.ones(design.shape[1] - 1)])
    fold = draw.permutation(np.arange(len(gain)) % FOLDS)
    found = np.empty(len(gain))
    for k in range(FOLDS):
        out = fold == k
        teaches = ~out & np.isfinite(gain)
        found[out] = design[out] @ _ridge(design[teaches], gain[teaches], free)
    return found


def _with_products(x: Floats) -> Floats:
    """Return a constant, traits in standard units, and their squares and products in standard units."""
    spread = x.std(axis=0)
    z = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    first, second = np.triu_indices(z.shape[1])
    products = z[:, first] * z[:, second]
    spread = products.std(axis=0)
    products = (products - products.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return np.column_stack([np.ones(len(x)), z, products])


def calibration(predicted: Floats, true: Floats) -> tuple[float, float]:
    """Return slope and intercept of true on predicted benefits; 1 and 0 are ideal, a slope below 1 boasts.

    A constant prediction has no slope (NaN).
    """
    spread = predicted.var()
    if spread <= 0:
        return float("nan"), float("nan")
    slope = float(((predicted - predicted.mean()) * (true - true.mean())).mean() / spread)
    return slope, float(true.mean() - slope * predicted.mean())


def concordance(predicted: Floats, true: Floats) -> float:
    """Return the share of pairs with different true benefits that the prediction orders alike, ties one half.

    >>> concordance(np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 5.0]))
    1.0
    """
    order = np.sign(true[:, None] - true[None, :])
    guess = np.sign(predicted[:, None] - predicted[None, :])
    pairs = np.triu(order != 0, 1)
    if not pairs.any():
        return float("nan")
    return float(((order * guess)[pairs] > 0).mean() + 0.5 * (guess[pairs] == 0).mean())


def c_for_benefit(predicted: Floats, active: Flags, y: Floats) -> float:
    """Return the c for benefit of a trial, in which nobody is seen in both arms (van Klaveren et al. 2018).

    Treated and untreated patients are paired by the rank of their predicted benefit; a pair's benefit is the
    difference of its outcomes, and its predicted benefit the mean of both.
    """
    treated, others = (np.flatnonzero(active == arm) for arm in (True, False))
    n = min(len(treated), len(others))
    treated = treated[np.argsort(predicted[treated], kind="stable")][_evenly(len(treated), n)]
    others = others[np.argsort(predicted[others], kind="stable")][_evenly(len(others), n)]
    return concordance((predicted[treated] + predicted[others]) / 2, y[treated] - y[others])


def _evenly(size: int, chosen: int) -> NDArray[np.int64]:
    """Return evenly spread places, `chosen` of `size`."""
    return ((np.arange(chosen) + 0.5) * size / chosen).astype(np.int64)
