"""Least squares on the logarithms of some parameters, printed so that anybody can repeat and judge it.

Every target has a tolerance in its own unit (its reported standard error, or what a clinic would call the
same); the sum of squared deviations in tolerances is made small. Nothing is written into the table: who
repeats a fit compares what it prints with the rows.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.optimize import least_squares

from insulae.core.parameters import ANY, lookup


@dataclasses.dataclass(frozen=True)
class Target:
    """A published number: what it is, its value and tolerance, and the key of its reference."""

    name: str
    value: float
    tolerance: float
    unit: str
    source: str


@dataclasses.dataclass(frozen=True)
class Fit:
    """The values found and what they lead to, in the order of the targets.

    `errors` are the relative standard errors of the values, as far as the tolerances are standard errors of
    the targets and these err independently: candidates for `tables/doubts.csv`. They grow where the fit
    misses its targets by more than that; infinite where the targets do not tell a value.
    """

    values: Mapping[str, float]
    obtained: Sequence[float]
    errors: Mapping[str, float] = dataclasses.field(default_factory=dict[str, float])


Model = Callable[[Mapping[str, float]], Sequence[float]]


def fit(
    names: Sequence[str],
    targets: Sequence[Target],
    model: Model,
    evaluations: int = 30,
    step: float = 0.05,
    population: str = ANY,
) -> Fit:
    """Fit parameters of the table, from their present values, to the targets that a model predicts.

    `step` is the relative step of the derivatives; percentages of few patients need a longer one. Values and
    bounds are those of the rows of `population`.
    """
    rows = [lookup(name, population) for name in names]
    first = np.array([row.value for row in rows])
    limits = np.array([(row.lower, row.upper) for row in rows])

    def at(scaled: np.ndarray) -> dict[str, float]:
        # From 1, so that a relative step is one of the value itself, also where its logarithm is zero.
        return dict(zip(names, first * np.exp(scaled - 1), strict=True))

    def residuals(scaled: np.ndarray) -> np.ndarray:
        found = np.asarray(model(at(scaled)))
        wanted = np.array([target.value for target in targets])
        return (found - wanted) / np.array([target.tolerance for target in targets])

    lower = 1 + np.log(np.where(limits[:, 0] > 0, limits[:, 0], first / 100) / first)
    upper = 1 + np.log(np.where(np.isfinite(limits[:, 1]), limits[:, 1], first * 100) / first)
    start = np.clip(np.ones(len(names)), lower + 1e-6, upper - 1e-6)
    # Small steps drown in the days' chance, which is the same in every evaluation.
    best = least_squares(residuals, start, bounds=(lower, upper), diff_step=step, max_nfev=evaluations)
    values = at(best.x)
    errors = standard_errors(best.jac, best.fun)
    return Fit(values, list(model(values)), dict(zip(names, errors, strict=True)))


def standard_errors(jacobian: np.ndarray, residuals: np.ndarray) -> list[float]:
    """Return the standard errors of parameters from residuals at the best fit [target] and their slopes.

    With more targets than parameters they grow by the root mean square of the residuals, if above one.
    """
    information = jacobian.T @ jacobian
    if np.linalg.matrix_rank(information) < len(information):
        return [float("inf")] * len(information)
    spare = len(residuals) - len(information)
    excess = max(1.0, float((residuals**2).sum()) / spare) if spare > 0 else 1.0
    return [float(np.sqrt(excess * v)) for v in np.diag(np.linalg.inv(information))]


def report(names: Sequence[str], targets: Sequence[Target], found: Fit, population: str = ANY) -> str:
    """Return the fit as lines of text: parameters before and after, targets wanted and obtained."""
    lines = ["parameter, table -> fit"]
    lines += [
        f"  {name}: {lookup(name, population).value:.4g} -> {found.values[name]:.4g}, "
        f"relative standard error {found.errors.get(name, float('nan')):.2g}"
        for name in names
    ]
    lines += ["target: wanted, obtained, deviation in tolerances"]
    for target, obtained in zip(targets, found.obtained, strict=True):
        off = (obtained - target.value) / target.tolerance
        lines += [
            f"  {target.name}: {target.value:g}, {obtained:.3g} {target.unit} ({off:+.1f}) [{target.source}]"
        ]
    return "\n".join(lines)
