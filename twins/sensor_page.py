"""What the foreseen days of sensor glucose come to, and their page."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from insulae.report.figures import COLORS, GRAY
from twins.page import Check, panel, write_page
from twins.sensor import FORESEEN, Foreseen

DRAWN = 24
"""Recordings whose days are drawn, the first ones."""


def _covered(f: Foreseen) -> tuple[int, int]:
    """Return how many readings lie in their 90 % interval, and how many there are."""
    known = np.isfinite(f.seen)
    low, high = np.percentile(f.glucose[known], (5, 95), axis=1)
    return int(((f.seen[known] >= low) & (f.seen[known] <= high)).sum()), int(known.sum())


def _checks(found: Sequence[Foreseen]) -> list[Check]:
    seen = np.array([f.seen_in_range for f in found])
    twins = np.array([np.median(f.in_range) for f in found])
    body, told = (
        float(np.median(np.abs([np.median(getattr(f, name)) - f.seen_in_range for f in found])))
        for name in ("body_in_range", "told_in_range")
    )
    others = {"last days repeated": [f.repeated for f in found], "mean profile": [f.profile for f in found]}
    error = float(np.median(np.abs(twins - seen)))
    checks: list[Check] = [
        ("time in range, median error of the twins", "below 8 points", f"{error:.1f} points", error < 8)
    ]
    mean = float(np.mean(np.abs(twins - seen)))
    checks.append(("time in range, mean error of the twins", "", f"{mean:.1f} points", None))
    checks.append(
        ("median error of the fitted body alone, without what recurs", "", f"{body:.1f} points", None)
    )
    checks.append(("... of twins told the insulin of the last days", "", f"{told:.1f} points", None))
    for name, values in others.items():
        theirs = float(np.median(np.abs(np.array(values) - seen)))
        checks.append((f"... of the {name}", f"above {error:.1f}", f"{theirs:.1f} points", theirs >= error))
        average = float(np.mean(np.abs(np.array(values) - seen)))
        checks.append(("... its mean error", f"above {mean:.1f}", f"{average:.1f} points", average >= mean))
    inside = [np.percentile(f.in_range, (5, 95)) for f in found]
    held = 100 * np.mean([low <= s <= high for (low, high), s in zip(inside, seen, strict=True)])
    counts = np.array([_covered(f) for f in found]).sum(axis=0)
    checks.append(("90 % intervals of time in range", "", f"{held:.0f} %", None))
    checks.append(
        ("90 % intervals of readings", "", f"{100 * counts[0] / counts[1]:.0f} % of {counts[1]}", None)
    )
    return checks


def _scatter(found: Sequence[Foreseen]) -> str:
    def draw(axes: Axes) -> None:
        for f in found:
            low, middle, high = np.percentile(f.in_range, (5, 50, 95))
            axes.plot([f.seen_in_range] * 2, [low, high], color=COLORS[0], linewidth=1)
            axes.plot(f.seen_in_range, middle, "o", color=COLORS[0], markersize=4)
            axes.plot(f.seen_in_range, f.repeated, "x", color=GRAY, markersize=4)
        axes.plot([0, 100], [0, 100], color=GRAY, linewidth=1)
        axes.set_xlabel(f"seen, % of the last {FORESEEN} days")
        axes.set_ylabel("foreseen; crosses: last days repeated")

    return panel("range", "Time in 70-180 mg/dL", draw)


def _days(f: Foreseen) -> str:
    def draw(axes: Axes) -> None:
        low, middle, high = np.percentile(f.glucose, (5, 50, 95), axis=1)
        hours = (f.minutes - f.minutes[0]) / 60
        axes.fill_between(hours, low, high, color=COLORS[0], alpha=0.2, linewidth=0)
        axes.plot(hours, middle, color=COLORS[0])
        axes.plot(hours, f.seen, color="black", linewidth=1)
        axes.set_xlabel("hours")
        axes.set_ylabel("glucose, mg/dL")

    return panel(f.recording.name, f.recording.name, draw)


def write(folder: Path, found: Sequence[Foreseen], left_out: Sequence[str]) -> str:
    """Write `index.html` and return what it says."""
    effective = min(float(f.fitted.draws.convergence.effective.min()) for f in found)
    sentences = [
        f"{len(found)} recordings; {len(left_out)} left out (insulin into a vein, too short). Meals "
        "have times but no sizes in these data.",
        f"Smallest effective sample size {effective:.0f}. Data CC BY 4.0, Zhao and others 2023.",
    ]
    sections = [("All", [_scatter(found)]), ("Last days", [_days(f) for f in found[:DRAWN]])]
    return write_page(folder / "index.html", "Last days foreseen", sentences, _checks(found), sections)
