"""What the predicted clamps come to, and the page that shows them person by person."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import spearmanr

from insulae.inference.measurement_error import QUANTITIES
from insulae.report.figures import COLORS, GRAY
from twins.clamp import INTERVAL, PMOL_PER_MU, Prediction
from twins.page import Check, panel, write_page

GROUPS = {"NGT": COLORS[0], "IGT": COLORS[1], "T2DM": COLORS[2]}
SMALLEST = 0.1
"""Below this (in any unit) a ratio says nothing."""
LABELS = {
    "infusion": "glucose infusion, mg/kg/min",
    "insulin": "insulin, pmol/L",
    "c_peptide": "C-peptide, pmol/L",
}


def _rows(p: Prediction, quantity: str) -> np.ndarray:
    return p.quantity == QUANTITIES.index(quantity)


def sensitivity(p: Prediction) -> float:
    """Return the predicted index: infusion over glucose over insulin (mU/L) at the end, median."""
    infusion = p.exact[_rows(p, "infusion")][-1]
    insulin = p.exact[_rows(p, "insulin")][-1] / PMOL_PER_MU
    return float(np.median(infusion / p.subject.clamp[0, -1] / insulin))


def early(p: Prediction, values: np.ndarray, quantity: str, until: float) -> np.ndarray:
    """Return the rise of a quantity above its beginning, averaged over time until a minute, [draw]."""
    rows = _rows(p, quantity)
    minutes, series = p.minutes[rows], values[rows]
    chosen = (minutes <= until) & np.isfinite(p.observed[rows])
    area = np.trapezoid(series[chosen], minutes[chosen], axis=0) / until
    return area - series[chosen][0]


def plain(p: Prediction, quantity: str, values: np.ndarray) -> float:
    """Return the mean of a quantity over the hyperglycemic 90 minutes, median of draws."""
    rows = _rows(p, quantity)
    minutes = p.minutes[rows]
    chosen = (minutes <= 90) & np.isfinite(p.observed[rows])
    return float(np.median(np.trapezoid(values[rows][chosen], minutes[chosen], axis=0) / 90))


def pairs_of(found: Sequence[Prediction]) -> dict[str, np.ndarray]:
    """Return predicted and measured figures, [person, (predicted, measured)]."""
    pairs: dict[str, list[tuple[float, float]]] = {}

    def add(name: str, predicted: float, seen: float) -> None:
        pairs.setdefault(name, []).append((predicted, seen))

    for p in found:
        seen = p.observed[:, None]
        add("insulin sensitivity (infusion / glucose / insulin)", sensitivity(p), p.subject.sensitivity)
        add(
            "glucose infusion at the end", float(np.median(p.exact[_rows(p, "infusion")])), p.subject.infusion
        )
        for q, word in (("insulin", "insulin"), ("c_peptide", "C-peptide")):
            first = float(np.median(early(p, p.exact, q, 10)))
            add(f"first phase, {word} 0-10 min", first, float(early(p, seen, q, 10)[0]))
            add(f"clamp secretion, {word} 0-90 min", plain(p, q, p.exact), plain(p, q, seen))
    return {name: np.array(values) for name, values in pairs.items()}


def coverage(found: Sequence[Prediction], quantity: str) -> tuple[float, int]:
    """Return the share (%) of measured values inside their interval, and their number."""
    inside = []
    for p in found:
        rows = _rows(p, quantity) & np.isfinite(p.observed)
        low, high = np.percentile(p.values[rows], INTERVAL, axis=1)
        inside += list((p.observed[rows] >= low) & (p.observed[rows] <= high))
    return 100 * float(np.mean(inside)), len(inside)


def recalibrated(found: Sequence[Prediction], quantity: str) -> float:
    """Return the share (%) inside intervals with a discrepancy learned from the other half of the people.

    The discrepancy is the mean and spread of the logarithm of measured over predicted at each time: what a
    clamp is different by from what a glucose test lets the model expect.
    """
    offsets = [_offset(p, quantity) for p in found]
    random, inside = np.random.default_rng(1), list[bool]()
    for half in (0, 1):
        others = np.array([o for place, o in enumerate(offsets) if place % 2 != half])
        mean, spread = np.nanmean(others, axis=0), np.nanstd(others, axis=0, ddof=1)
        for p in list(found)[half::2]:
            rows = _rows(p, quantity)
            exact = np.maximum(p.exact[rows], SMALLEST)
            shift = mean[:, None] + spread[:, None] * random.standard_normal(exact.shape)
            low, high = np.percentile(exact * np.exp(shift), INTERVAL, axis=1)
            seen = p.observed[rows]
            inside += list(((seen >= low) & (seen <= high))[np.isfinite(seen)])
    return 100 * float(np.mean(inside))


def _offset(p: Prediction, quantity: str) -> np.ndarray:
    rows = _rows(p, quantity)
    middle = np.maximum(np.median(p.exact[rows], axis=1), SMALLEST)
    return np.log(np.maximum(p.observed[rows], SMALLEST) / middle)


def _within(found: Sequence[Prediction], values: np.ndarray) -> str:
    """Return the rank correlation within each group, whose name the prior knew."""
    groups = np.array([p.subject.group for p in found])
    ranks = [spearmanr(values[groups == g], nan_policy="omit")[0] for g in GROUPS]
    return ", ".join(f"{float(rank):.2f}" for rank in ranks)


def _matsuda(p: Prediction) -> float:
    """Return 10000 over the root of fasting and mean glucose and insulin of the test (mg/dL, mU/L)."""
    glucose, insulin = p.subject.oral[0], p.subject.oral[1] / PMOL_PER_MU
    means = float(np.nanmean(glucose)) * float(np.nanmean(insulin))
    return 10000 / np.sqrt(glucose[0] * insulin[0] * means)


def checks_of(found: Sequence[Prediction], pairs: dict[str, np.ndarray]) -> list[Check]:
    checks: list[Check] = []
    for name, values in pairs.items():
        known = values[np.isfinite(values).all(axis=1)]
        rank = float(spearmanr(known[:, 0], known[:, 1])[0])
        shown = known[known[:, 1] != 0]
        ratio = float(np.median(shown[:, 0] / shown[:, 1]))
        said = f"{rank:.2f} in {len(known)} people; predicted over measured, median {ratio:.2f}"
        checks.append((f"rank correlation, {name}", "above 0.6", said, rank > 0.6))
        checks.append((f"... within {', '.join(GROUPS)}", "", _within(found, values), None))
    matsuda = np.array([_matsuda(p) for p in found])
    seen = np.array([p.subject.sensitivity for p in found])
    rank = float(spearmanr(matsuda, seen, nan_policy="omit")[0])
    checks.append(
        ("baseline: Matsuda index of the glucose test against sensitivity", "", f"{rank:.2f}", None)
    )
    for quantity in LABELS:
        share, number = coverage(found, quantity)
        after, word = recalibrated(found, quantity), quantity.replace("_", "-")
        said = f"{share:.0f} % of {number}"
        checks.append((f"90 % intervals, {word}", "80 to 97 %", said, 80 <= share <= 97))
        what = f"... {word}, with a discrepancy learned from the other half of the people"
        checks.append((what, "80 to 97 %", f"{after:.0f} %", 80 <= after <= 97))
    return checks


def _scatter(name: str, values: np.ndarray, groups: Sequence[str]) -> str:
    def draw(axes: Axes) -> None:
        for group, tint in GROUPS.items():
            mine = np.array([g == group for g in groups])
            axes.plot(values[mine, 1], values[mine, 0], "o", color=tint, markersize=4, label=group)
        top = float(np.nanmax(values))
        axes.plot([0, top], [0, top], color=GRAY, linewidth=1)
        axes.set_xlabel("measured")
        axes.set_ylabel("predicted")
        axes.legend(frameon=False)

    return panel(f"pair-{abs(hash(name))}", name, draw)


def _person(p: Prediction, quantity: str) -> str:
    def draw(axes: Axes) -> None:
        rows = _rows(p, quantity)
        low, middle, high = np.percentile(p.values[rows], (5, 50, 95), axis=1)
        tint = GROUPS[p.subject.group]
        axes.fill_between(p.minutes[rows], low, high, color=tint, alpha=0.2, linewidth=0)
        axes.plot(p.minutes[rows], middle, color=tint)
        axes.plot(p.minutes[rows], p.observed[rows], "o", color="black", markersize=3)
        axes.set_xlabel("minutes of the clamp")
        axes.set_ylabel(LABELS[quantity])

    return panel(f"p{p.subject.name}-{quantity}", f"{p.subject.name} ({p.subject.group})", draw)


def write(folder: Path, found: Sequence[Prediction]) -> str:
    """Write `index.html` and return what it says."""
    pairs = pairs_of(found)
    effective = [float(p.fitted.draws.convergence.effective.min()) for p in found]
    sentences = [
        "The glucose test alone was fitted; the clamp of the same person was predicted, with 90 % intervals. "
        "The glucose reached in the clamp is given to the prediction: the experimenter set it. The prior "
        "knew the class of each person (NGT, IGT, T2DM); ranks within a class say what the test itself adds.",
        f"{len(found)} people; smallest effective sample size {min(effective):.0f}; data CC BY 4.0, Ohashi "
        "and others 2018.",
    ]
    groups = [p.subject.group for p in found]
    sections = [("Predicted against measured", [_scatter(n, v, groups) for n, v in pairs.items()])]
    sections += [
        (f"Each person: {LABELS[q]}", [_person(p, q) for p in found]) for q in ("insulin", "c_peptide")
    ]
    checks = checks_of(found, pairs)
    return write_page(
        folder / "index.html", "Clamps foreseen from a glucose test", sentences, checks, sections
    )
