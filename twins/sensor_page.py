"""What the foreseen days of sensor glucose come to, and their page."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from insulae.report.figures import COLORS, GRAY
from twins import discrepancy, levels
from twins.levels import Level
from twins.page import Check, panel, write_page
from twins.sensor import FORESEEN, Foreseen, in_range

DRAWN = 24
"""Recordings whose days are drawn, the first ones."""
FEWEST = 6
"""Recordings from which a level is learned at least."""


def deviation(f: Foreseen) -> tuple[np.ndarray, np.ndarray]:
    """Return seen less foreseen mean logarithms of each day, and their covariance in the twin."""
    return levels.deviation(f.seen, f.glucose, FORESEEN)


def widened(f: Foreseen, level: Level) -> np.ndarray:
    """Return draws of glucose of the days foreseen with a level that nobody foresees, [time, draw]."""
    each = np.repeat(level.draws(FORESEEN, f.glucose.shape[1]), len(f.seen) // FORESEEN, axis=0)
    return f.glucose * np.exp(each)


def covered(f: Foreseen, level: Level) -> tuple[bool, int, int]:
    """Return whether the interval holds the time in range, how many readings lie in theirs, of how many."""
    known = np.isfinite(f.seen)
    glucose = widened(f, level)[known]
    low, high = np.percentile(glucose, (5, 95), axis=1)
    inside = int(((f.seen[known] >= low) & (f.seen[known] <= high)).sum())
    bounds = np.percentile(in_range(glucose), (5, 95))
    return bool(bounds[0] <= f.seen_in_range <= bounds[1]), inside, int(known.sum())


def error(f: Foreseen, level: Level) -> float:
    """Return how far the median time in range is from what was seen, points."""
    return abs(float(np.median(in_range(widened(f, level)[np.isfinite(f.seen)]))) - f.seen_in_range)


def _coverage(found: Sequence[tuple[Foreseen, Level]], words: str) -> list[Check]:
    """Return the shares that intervals hold, of times in range and of readings, and the median error."""
    counts = [covered(f, level) for f, level in found]
    range_held = 100 * float(np.mean([held for held, _, _ in counts]))
    inside, number = (sum(c[k] for c in counts) for k in (1, 2))
    middle = float(np.median([error(f, level) for f, level in found]))
    share = 100 * inside / number
    return [
        (f"90 % intervals of time in range, {words}", "", f"{range_held:.0f} % of {len(found)}", None),
        (f"90 % intervals of readings, {words}", "", f"{share:.0f} % of {number}", None),
        (f"... median error of time in range, {words}", "", f"{middle:.1f} points", None),
    ]


def _intervals(found: Sequence[Foreseen]) -> list[Check]:
    """Return the coverage of the twins alone, and with the level of the other half of people."""
    checks = _coverage([(f, levels.NONE) for f in found], "of the twins alone")
    kinds = ((False, "with the level of the other half"), (True, "with its shift as well"))
    for is_shifted, words in kinds if len(found) >= FEWEST else ():
        first, second = discrepancy.halves(found)
        told = [levels.likeliest([deviation(f) for f in half], is_shifted) for half in (first, second)]
        pairs = [(f, told[1]) for f in first] + [(f, told[0]) for f in second]
        checks += _coverage(pairs, words)
        said = "; ".join(
            f"shift {100 * t.shift:+.0f} %, stays {100 * t.stay:.0f} %, days {100 * t.day:.0f} %"
            for t in told
        )
        checks.append((f"... learned from either half, {words}", "", said, None))
    shifts = np.array([deviation(f)[0].mean() for f in found])
    said = f"{100 * (np.exp(shifts.mean()) - 1):+.0f} %, lower in {(shifts < 0).sum()} of {len(shifts)}"
    return [*checks, ("mean glucose seen against that foreseen", "", said, None)]


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
    return checks + _intervals(found)


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
