"""What the predicted clamps come to, and the page that shows them person by person."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import spearmanr

from insulae.report.figures import COLORS, GRAY
from twins import discrepancy
from twins.clamp import INTERVAL, PMOL_PER_MU, Prediction, of_quantity
from twins.page import Check, panel, side_by_side, write_page

GROUPS = {"NGT": COLORS[0], "IGT": COLORS[1], "T2DM": COLORS[2]}
ALONE = 15.0
"""Minutes to both sides over which a single value is drawn."""
LABELS = {
    "infusion": "glucose infusion, mg/kg/min",
    "insulin": "insulin, pmol/L",
    "c_peptide": "C-peptide, pmol/L",
}


def sensitivity(p: Prediction) -> float:
    """Return the predicted index: infusion over glucose over insulin (mU/L) at the end, median."""
    infusion = p.exact[of_quantity(p, "infusion")][-1]
    insulin = p.exact[of_quantity(p, "insulin")][-1] / PMOL_PER_MU
    return float(np.median(infusion / p.subject.clamp[0, -1] / insulin))


def early(p: Prediction, values: np.ndarray, quantity: str, until: float) -> np.ndarray:
    """Return the rise of a quantity above its beginning, averaged over time until a minute, [draw]."""
    rows = of_quantity(p, quantity)
    minutes, series = p.minutes[rows], values[rows]
    chosen = (minutes <= until) & np.isfinite(p.observed[rows])
    area = np.trapezoid(series[chosen], minutes[chosen], axis=0) / until
    return area - series[chosen][0]


def plain(p: Prediction, quantity: str, values: np.ndarray) -> float:
    """Return the mean of a quantity over the hyperglycemic 90 minutes, median of draws."""
    rows = of_quantity(p, quantity)
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
            "glucose infusion at the end",
            float(np.median(p.exact[of_quantity(p, "infusion")])),
            p.subject.infusion,
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
        rows = of_quantity(p, quantity) & np.isfinite(p.observed)
        low, high = np.percentile(p.values[rows], INTERVAL, axis=1)
        inside += list((p.observed[rows] >= low) & (p.observed[rows] <= high))
    return 100 * float(np.mean(inside)), len(inside)


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
    return checks + [check for quantity in LABELS for check in _intervals(found, quantity)]


def _intervals(found: Sequence[Prediction], quantity: str) -> list[Check]:
    """Return how often the interval holds the measured values, without and with the discrepancy."""
    word = quantity.replace("_", "-")
    share, number = coverage(found, quantity)
    halves = discrepancy.halves(found)
    sizes = [discrepancy.tau(learned, quantity) for learned in halves]
    judged = [
        discrepancy.coverage(*pair) for pair in zip(reversed(halves), [quantity] * 2, sizes, strict=True)
    ]
    inside = sum(part * kept for part, kept in judged) / number
    told = " and ".join(f"{100 * size:.0f} %" for size in sizes)
    return [
        (f"90 % intervals without discrepancy, {word}", "", f"{share:.0f} % of {number}", None),
        (
            f"90 % intervals, {word}, each person with the discrepancy of the half without them ({told})",
            "80 to 97 %",
            f"{inside:.0f} % of {number}",
            80 <= inside <= 97,
        ),
        ("... in either half", "", " and ".join(f"{part:.0f} %" for part, _ in judged), None),
    ]


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


def _person(p: Prediction, sizes: dict[str, float]) -> str:
    """Return the clamp of one person: insulin, C-peptide and glucose infused, predicted and measured."""

    def of(quantity: str) -> Callable[[Axes], None]:
        def draw(axes: Axes) -> None:
            rows = of_quantity(p, quantity)
            low, middle, high = np.percentile(p.values[rows], (5, 50, 95), axis=1)
            wide = np.percentile(discrepancy.widened(p, quantity, sizes[quantity]), INTERVAL, axis=1)
            minutes, tint = p.minutes[rows], GROUPS[p.subject.group]
            if len(minutes) == 1:
                minutes = minutes + np.array([-ALONE, ALONE])
                low, middle, high = (np.repeat(v, 2) for v in (low, middle, high))
                wide = np.repeat(wide, 2, axis=1)
            axes.fill_between(minutes, *wide, color=tint, alpha=0.12, linewidth=0)
            axes.fill_between(minutes, low, high, color=tint, alpha=0.25, linewidth=0)
            axes.plot(minutes, middle, color=tint)
            axes.plot(p.minutes[rows], p.observed[rows], "o", color="black", markersize=3)
            axes.set_xlabel("minutes of the clamp")
            axes.set_ylabel(LABELS[quantity])

        return draw

    title = f"{p.subject.name} ({p.subject.group})"
    return side_by_side(f"p{p.subject.name}", title, [of(quantity) for quantity in LABELS])


def write(folder: Path, found: Sequence[Prediction]) -> str:
    """Write `index.html` and return what it says."""
    pairs = pairs_of(found)
    effective = [float(p.fitted.draws.convergence.effective.min()) for p in found]
    sentences = [
        "The glucose test alone was fitted; the clamp of the same person was predicted, with 90 % intervals. "
        "The glucose reached in the clamp is given to the prediction: the experimenter set it. The prior "
        "knew the class of each person (NGT, IGT, T2DM); ranks within a class say what the test itself adds. "
        "Figures of persons: dark the interval of the fit, light with the discrepancy between both tests.",
        f"{len(found)} people; smallest effective sample size {min(effective):.0f}; data CC BY 4.0, Ohashi "
        "and others 2018.",
    ]
    groups = [p.subject.group for p in found]
    sections = [("Predicted against measured", [_scatter(n, v, groups) for n, v in pairs.items()])]
    halves = discrepancy.halves(found)
    sizes = [{q: discrepancy.tau(learned, q) for q in LABELS} for learned in reversed(halves)]
    sections.append(("Each person", [_person(p, sizes[place % 2]) for place, p in enumerate(found)]))
    checks = checks_of(found, pairs)
    return write_page(
        folder / "index.html", "Clamps foreseen from a glucose test", sentences, checks, sections
    )
