"""A digital twin as a frozen record in a folder: who, what the data said, weighted draws.

`twin.json` holds words and numbers to read, `twin.npz` the draws. The same file, data and seed give the same
twin.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from insulae.core.errors import RunError
from insulae.inference.diagnostics import said_by_data
from insulae.inference.ensemble import ENOUGH, LARGEST_R_HAT
from insulae.inference.fit import Fitted
from insulae.inference.measurement_error import QUANTITIES
from insulae.inference.model import Floats
from insulae.inference.person import FITTED
from insulae.inference.predictive import expected, measured, variances

FAR = 2.0
"""Errors this many times the expected size: the fitted body does not describe what was measured."""
APART = 1.0
"""Starts that end this many standard deviations apart: more than one explanation fits the data."""
SHOWN = (5, 50, 95)


@dataclasses.dataclass(frozen=True)
class Twin:
    """A person's posterior: draws of logarithms [fitted, draw] with weights [draw], prior, what was found."""

    person: Mapping[str, Any]
    seed: int
    logarithms: Floats
    weights: Floats
    prior_mean: Floats
    prior_covariance: Floats
    findings: Mapping[str, Any]

    @property
    def effective(self) -> float:
        """The number of draws that the weights leave effective."""
        return float(1 / np.sum(self.weights**2))

    def spread(self) -> tuple[Floats, Floats]:
        """Return prior and posterior standard deviations of the logarithms."""
        center = self.logarithms @ self.weights
        variance = ((self.logarithms - center[:, None]) ** 2) @ self.weights
        return np.sqrt(np.diag(self.prior_covariance)), np.sqrt(variance)

    def percentiles(self) -> Floats:
        """Return the 5th, 50th and 95th percentile of each fitted quantity, [fitted, 3]."""
        return np.stack([weighted(np.exp(row), self.weights, SHOWN) for row in self.logarithms])

    def determined(self) -> dict[str, str]:
        """Return for each quantity whether the data determined it, narrowed it, or left it to the prior."""
        return dict(zip(FITTED, said_by_data(*self.spread()), strict=True))


def sampling(findings: Mapping[str, Any]) -> str:
    """Return how well the posterior was drawn from, as one sentence."""
    r_hat, effective = findings["r_hat"].values(), findings["effective_sample_size"].values()
    return (
        f"R-hat at most {max(r_hat):.3f} (wanted {LARGEST_R_HAT}), at least {min(effective):.0f} effective "
        f"draws (wanted {ENOUGH}), {100 * findings['acceptance']:.0f} % of the proposals accepted, the best "
        f"two starts {findings['starts_apart']:.2f} standard deviations apart"
    )


def weighted(values: Floats, weights: Floats, percentiles: Sequence[float]) -> Floats:
    """Return percentiles of weighted values."""
    order = np.argsort(values)
    reached = 100 * (np.cumsum(weights[order]) - weights[order] / 2)
    return np.interp(percentiles, reached, values[order])


def twin_of(fitted: Fitted, person: Mapping[str, Any], seed: int) -> Twin:
    """Return the record of a fit."""
    prior, logarithms = fitted.posterior.prior, fitted.logarithms
    whitening = np.asarray(prior.whitening, float)
    n = logarithms.shape[1]
    return Twin(
        person=person,
        seed=seed,
        logarithms=logarithms,
        weights=np.full(n, 1 / n),
        prior_mean=np.asarray(prior.mean, float),
        prior_covariance=np.linalg.inv(whitening.T @ whitening),
        findings=_findings(fitted, seed),
    )


def _findings(fitted: Fitted, seed: int) -> dict[str, Any]:
    """Return convergence, errors by kind against expected ones, and the posterior predictive check."""
    found = fitted.draws.convergence
    variance = variances(fitted.posterior, fitted.logarithms, seed)
    kinds = np.asarray(fitted.posterior.evidence.quantity)
    checks = {}
    inside = _inside(fitted, variance, seed)
    for place, name in enumerate(QUANTITIES):
        if np.any(kinds == place):
            rows = kinds[: len(inside)] == place
            checks[name] = {
                "values": int(rows.sum()),
                "error_against_expected": float(np.median(np.sqrt(variance[place]))),
                "inside_90": float(inside[rows].mean()),
            }
    return {
        "effective_sample_size": dict(zip(FITTED, found.effective.tolist(), strict=True)),
        "r_hat": dict(zip(FITTED, found.r_hat.tolist(), strict=True)),
        "acceptance": fitted.draws.acceptance,
        "starts_apart": fitted.point.disagreement,
        "checks": checks,
        "trouble": trouble(fitted, checks),
    }


def _inside(fitted: Fitted, variance: Floats, seed: int) -> Any:
    """Return which measured values lie inside their 90 % posterior predictive interval, [value]."""
    evidence = fitted.posterior.evidence
    mean = expected(evidence, fitted.posterior.known, fitted.logarithms)
    low, high = np.percentile(measured(evidence, mean, variance, seed), (5, 95), axis=1)
    n = len(mean)
    seen = np.exp(np.asarray(evidence.logarithm)[:n]) - np.asarray(evidence.offset)[:n]
    return (seen >= low) & (seen <= high)


def trouble(fitted: Fitted, checks: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a fit and how to mend it; empty when nothing is."""
    found, words = fitted.draws.convergence, []
    if not found.is_enough(ENOUGH, LARGEST_R_HAT):
        words.append(
            f"The draws have not settled: R-hat up to {found.r_hat.max():.3f}, at least "
            f"{found.effective.min():.0f} effective draws. Fit again with another seed; if it stays, leave "
            "out data that contradict one another"
        )
    if fitted.point.disagreement > APART:
        words.append(
            f"The two best starts end {fitted.point.disagreement:.1f} standard deviations apart: more than "
            "one explanation fits. A test that tells secretion and sensitivity apart (clamp, C-peptide) helps"
        )
    for name, check in checks.items():
        if check["error_against_expected"] > FAR:
            words.append(
                f"{name} lies {check['error_against_expected']:.1f} times farther from the fitted body than "
                "expected. Check units, times, doses and the phenotype; intervals are widened accordingly"
            )
    return words


def write(twin: Twin, folder: Path) -> Path:
    """Write a twin into a folder and return the folder."""
    shown = {
        "person": dict(twin.person),
        "seed": twin.seed,
        "fitted": {
            name: {"p5": row[0], "p50": row[1], "p95": row[2]}
            for name, row in zip(FITTED, twin.percentiles().tolist(), strict=True)
        },
        "determined": twin.determined(),
        "findings": dict(twin.findings),
        "note": "Simulated, not medical advice.",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "twin.json").write_text(json.dumps(shown, indent=1, ensure_ascii=False), encoding="utf-8")
        np.savez_compressed(folder / "twin.npz", **{n: getattr(twin, n) for n in _ARRAYS})
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error.strerror}") from error
    return folder


_ARRAYS = ("logarithms", "weights", "prior_mean", "prior_covariance")


def read(folder: Path) -> Twin:
    """Return the twin of a folder; raises `RunError` where there is none."""
    try:
        words = json.loads((folder / "twin.json").read_text(encoding="utf-8"))
        with np.load(folder / "twin.npz") as arrays:
            kept = {name: arrays[name] for name in _ARRAYS}
    except (OSError, ValueError, KeyError) as error:
        why = getattr(error, "strerror", None) or error
        raise RunError(
            f"{folder} holds no twin: {why}", "Expected a folder that `insulae fit` wrote"
        ) from error
    return Twin(person=words["person"], seed=words["seed"], findings=words["findings"], **kept)
