"""The figures of the page: small SVG drawings inside the HTML; text stays text, colors are color-blind safe.

Each figure is one panel, so that two stand side by side on a screen and one fills a phone.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes

from insulae.cgm.profile import ambulatory_glucose_profile, percentiles_of_present
from insulae.core.units import convert
from insulae.report.comparison import MISS, NOT_JUDGED, Comparison
from insulae.report.panel import INK, MARGIN, Easel
from insulae.report.reading import Floats, Results, Series
from insulae.report.words import number, unit_text, week_text
from insulae.runs import arrow

# Okabe and Ito's palette without its yellow.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
GRAY, TARGET, TIGHT = "#8a8a8a", "#e4f2ea", "#c9e6d6"
RIGHT_AXIS, LETTER = 54.0, 6.7
"""Points that the numbers of a second axis need beside a panel, and a bold letter of a name."""
MMOL_PER_MG = convert(1.0, "mg/dL", "mmol/L", "glucose")
LOWEST_TOP = 300.0  # mg/dL
WEEKS = "weeks since the main treatment"


@dataclass(frozen=True)
class Figure:
    """One figure of the page; without a drawing, `sentence` says why."""

    key: str
    title: str
    svg: str
    sentence: str
    caption: str


def color(results: Results, arm: str) -> str:
    """Return the color of an arm, the same in every figure."""
    return COLORS[list(results.arms).index(arm) % len(COLORS)]


def _beside(arms: Iterable[str]) -> float:
    """Return the points that the names of arms need at the end of their lines."""
    return 2 * MARGIN + LETTER * max(len(line) for arm in arms for line in _folded(arm).split("\n"))


def time_course(
    results: Results, endpoint: str, title: str, compared: list[Comparison], easel: Easel
) -> Figure:
    """Median and 5th to 95th percentile of every arm over the weeks, with reported values as points."""
    key = endpoint.replace("_", "-")
    found = {arm: results.series(arm, endpoint) for arm in results.arms}
    drawn = {arm: s for arm, s in found.items() if s is not None and not s.is_empty}
    if endpoint.startswith("graft"):
        drawn = {arm: s for arm, s in drawn.items() if not s.is_zero} or drawn
    caption = _captions(found, endpoint)
    if not drawn:
        return Figure(key, title, "", f"{title}: this run holds no values, so there is nothing to draw.", "")
    if all(s.is_zero for s in drawn.values()) and endpoint.startswith("graft"):
        return Figure(key, title, "", f"{title}: 0 at every visit in every arm; no transplanted cells.", "")
    points = [c for c in compared if c.reported.endpoint == endpoint and not math.isnan(c.reported.value)]

    def draw(axes: Axes) -> None:
        for arm, series in drawn.items():
            _band(axes, series, color(results, arm), list(results.arms).index(arm))
        for comparison in points:
            _point(axes, results, comparison)
        _label_ends(axes, {arm: (_shown(s), color(results, arm)) for arm, s in drawn.items()})
        _name_axes(axes, next(iter(drawn.values())))

    svg = easel.panel(key, title, draw, _beside(drawn))
    return Figure(key, title, svg, "", caption)


def _captions(found: dict[str, Series | None], endpoint: str) -> str:
    missing = [arm for arm, series in found.items() if series is None or series.is_empty]
    return f"No values for {' and '.join(missing)}." if missing else ""


def _shown(series: Series) -> Floats:
    return series.statistics["mean" if series.kind == "yes_no" else "p50"]


def _band(axes: Axes, series: Series, tint: str, place: int) -> None:
    """Draw band and line; arms but the first are dashed, so that both show where they meet."""
    dash = "-" if place == 0 else (0, (5, 2))
    low, high = series.statistics["p05"], series.statistics["p95"]
    axes.fill_between(series.weeks, low, high, color=tint, alpha=0.18, linewidth=0)
    axes.plot(
        series.weeks, _shown(series), color=tint, linewidth=2, linestyle=dash, marker="o", markersize=3.5
    )


def _point(axes: Axes, results: Results, comparison: Comparison) -> None:
    """Draw a reported value: filled when hit, a cross when missed, an arrowhead for a bound."""
    reported = comparison.reported
    weeks = [s.weeks[-1] for s in results.arms.get(reported.arm, {}).values() if len(s.weeks)]
    week = reported.week if reported.week is not None else (weeks or [0.0])[0]
    shape = {"at_least": "^", "at_most": "v"}.get(reported.bound, "D")
    tint = color(results, reported.arm) if reported.arm in results.arms else INK
    over: dict[str, Any] = {"clip_on": False, "zorder": 5, "linestyle": "none"}
    axes.plot(
        week,
        reported.value,
        shape,
        color="white",
        markeredgecolor=tint,
        markersize=8,
        markeredgewidth=1.8,
        **over,
    )
    if comparison.verdict == MISS:
        axes.plot(week, reported.value, "x", color=INK, markersize=11, markeredgewidth=2, **over)
    if comparison.verdict == NOT_JUDGED:
        axes.plot(week, reported.value, ".", color=GRAY, markersize=5, **over)


def _label_ends(axes: Axes, lines: dict[str, tuple[Floats, str]]) -> None:
    """Write each arm's name at the end of its line, moved apart where lines meet."""
    axes.margins(x=0.02)
    low, high = axes.get_ylim()
    ends = sorted((_last(values), arm, tint) for arm, (values, tint) in lines.items())
    gap, previous = 0.085 * (high - low), -math.inf
    for value, arm, tint in ends:
        previous = max(value, previous + gap)
        axes.annotate(
            _folded(arm),
            (1.02, previous),
            xycoords=("axes fraction", "data"),
            color=tint,
            va="center",
            fontweight="bold",
            fontsize=9.5,
        )


def _folded(arm: str) -> str:
    """Break a long name into lines of about a dozen letters."""
    words, lines = arm.split(), [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > 11:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines[:3])


def _last(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(finite[-1]) if len(finite) else 0.0


def _name_axes(axes: Axes, series: Series) -> None:
    unit = unit_text(series.unit) or "1 = healthy"
    axes.set_ylabel(f"{'patients, %' if series.kind == 'yes_no' else unit}")
    axes.set_xlabel(WEEKS)
    low, high = axes.get_ylim()
    axes.set_ylim(bottom=max(low, -0.02 * high))
    if series.unit == "%":
        axes.set_ylim(top=min(high, 103))


def share_off_insulin(results: Results, compared: list[Comparison], easel: Easel) -> Figure:
    """Share of patients who have had their last insulin, as steps, and the share off insulin at visits."""
    key, title = "share-off-insulin", "Share of patients off insulin"
    steps = {arm: found for arm in results.arms if (found := _stops(results, arm)) is not None}
    visits = {arm: s for arm in results.arms if (s := results.series(arm, "insulin_free")) and not s.is_empty}
    if not steps and not visits:
        return Figure(
            key, title, "", f"{title}: this run holds neither stop weeks nor insulin-free days.", ""
        )
    points = [c for c in compared if c.reported.endpoint in _OFF_INSULIN and math.isfinite(c.reported.value)]

    def draw(axes: Axes) -> None:
        for arm, (weeks, share) in steps.items():
            axes.step(weeks, share, where="post", color=color(results, arm), linewidth=2)
        for arm, series in visits.items():
            axes.plot(series.weeks, _shown(series), "o", color=color(results, arm), markersize=4.5)
        for comparison in points:
            _stop_point(axes, results, comparison)
        ends = {arm: (_shown(s), color(results, arm)) for arm, s in visits.items()}
        ends |= {arm: (share, color(results, arm)) for arm, (_, share) in steps.items()}
        axes.set_ylim(-3, 103)
        _label_ends(axes, ends)
        axes.set_ylabel("patients, %")
        axes.set_xlabel(WEEKS)

    caption = (
        "Steps: had their last insulin by that week; who restarted counts from the later stop. "
        "Dots: off insulin for 14 days or more at a visit."
    )
    svg = easel.panel(key, title, draw, _beside([*steps, *visits]))
    return Figure(key, title, svg, "", caption)


_OFF_INSULIN = ("insulin_free", "weeks_to_insulin_free")


def _stops(results: Results, arm: str) -> tuple[Floats, Floats] | None:
    """Return the weeks of the last insulin, in order, and the percent of patients who had stopped by then."""
    series = results.series(arm, "weeks_to_insulin_free")
    if series is None or not len(series.weeks):
        return None
    values = results.values(arm, series.name, float(series.weeks[-1])).numbers
    if not len(values):
        return None
    weeks = np.sort(values[np.isfinite(values)])
    share = 100 * np.arange(len(weeks) + 1) / len(values)
    ends = (float(min(series.weeks[0], 0.0)), float(series.weeks[-1]))
    return np.array([ends[0], *weeks, ends[1]]), np.array([*share, share[-1]])


def _stop_point(axes: Axes, results: Results, comparison: Comparison) -> None:
    """Draw a reported share as a point and a reported week of stopping as a dashed line."""
    if comparison.reported.endpoint == "insulin_free":
        _point(axes, results, comparison)
        return
    tint = color(results, comparison.reported.arm) if comparison.reported.arm in results.arms else INK
    value = comparison.reported.value
    axes.axvline(value, color=tint, linestyle="--", linewidth=1.4)
    note = f"reported: {week_text(value)}" + (" (missed)" if comparison.verdict == MISS else "")
    at_top = ("data", "axes fraction")
    axes.annotate(note, (value, 1.01), xycoords=at_top, color=INK, fontsize=9, va="bottom", ha="center")


def glucose_profiles(results: Results) -> list[Figure]:
    """Ambulatory glucose profile of every arm before the treatment and at its last visit."""
    traces = results.traces
    present = None if traces is None else arrow.chosen(traces, np.isfinite(arrow.numbers(traces["glucose"])))
    if present is None or not present.num_rows:
        title = "Glucose over the day"
        return [Figure("profile", title, "", f"{title}: this run stored no glucose traces.", "")]
    days = {(arm, week): _days(rows) for arm in results.arms for week, rows in _by_week(present, arm)}
    highest = [np.max(percentiles_of_present(found.T, [95])) for found, _ in days.values()]
    top, easel = max(LOWEST_TOP, float(np.max(highest, initial=0)) + 10), Easel()
    return [
        _profile(
            easel,
            {week: found for (of, week), found in days.items() if of == arm},
            arm,
            f"profile-{place}-{when}",
            (color(results, arm), top),
        )
        for place, arm in enumerate(results.arms)
        for when in ("before", "after")
    ]


Days = tuple[Floats, int]
"""Glucose as [day, minute], and of how many patients."""


def _by_week(traces: pa.Table, arm: str) -> list[tuple[float, pa.Table]]:
    """Return the weeks at which traces of an arm were stored, in order, with their rows."""
    mine = arrow.chosen(traces, arrow.is_text(traces["arm"], arm))
    weeks = arrow.numbers(mine["week"])
    return [(float(week), arrow.chosen(mine, weeks == week)) for week in np.unique(weeks)]


def _days(rows: pa.Table) -> Days:
    """Lay the rows of one visit out as days; what is missing is NaN."""
    patient, day, minute = (arrow.numbers(rows[name]) for name in ("patient", "day", "minute"))
    days, place = np.unique(np.stack([patient, day]), axis=1, return_inverse=True)
    minutes, slot = np.unique(minute, return_inverse=True)
    found = np.full((days.shape[1], len(minutes)), np.nan)
    found[place.ravel(), slot] = arrow.numbers(rows["glucose"])
    return found, len(np.unique(patient))


def _profile(easel: Easel, stored: dict[float, Days], arm: str, key: str, look: tuple[str, float]) -> Figure:
    """Draw the days of one arm at its first or last stored visit, as the key says; look is color and top."""
    title, when = f"Glucose over the day, “{arm}”", key.rpartition("-")[2]
    if not stored or (when == "after" and len(stored) == 1):
        return Figure(key, title, "", f"{title}, {when}: this run stored no such traces.", "")
    week = min(stored) if when == "before" else max(stored)
    days, patients = stored[week]
    title = f"{title}, {week_text(week)} ({when if week <= 0 or when == 'after' else 'first visit'})"
    interval = round(24 * 60 / days.shape[1])
    profile = ambulatory_glucose_profile(days.ravel(), interval)
    curves = np.asarray(profile.glucose, dtype=float)
    caption = f"{patients} of the patients, {len(days)} days: {_outside(days)}"

    def draw(axes: Axes) -> None:
        _draw_profile(axes, profile.minute / 60, curves, *look)

    return Figure(key, title, easel.panel(key, title, draw, RIGHT_AXIS), "", caption)


def _outside(days: Floats) -> str:
    """Return the shares of time of the drawn days in and below the ranges, in words."""
    present = days[np.isfinite(days)]
    tight = float(100 * np.mean((present >= 70) & (present <= 140)))
    low = float(100 * np.mean(present < 70))
    return f"{number(tight, '%')} % of their time within 70–140 mg/dL, {number(low, '%')} % below 70."


def _draw_profile(axes: Axes, hour: Floats, curves: Floats, tint: str, top: float) -> None:
    """Draw the five percentile curves over the target ranges, with mmol/L on the right."""
    axes.axhspan(70, 180, color=TARGET, zorder=0)
    axes.axhspan(70, 140, color=TIGHT, zorder=0)
    for low, high, alpha in ((0, 4, 0.22), (1, 3, 0.38)):
        axes.fill_between(hour, curves[low], curves[high], color=tint, alpha=alpha, linewidth=0)
    axes.plot(hour, curves[2], color=tint, linewidth=2.2)
    axes.set(xlim=(0, 24), ylim=(30, top), xticks=range(0, 25, 6), yticks=[54, 70, 140, 180, 250])
    axes.grid(axis="x", visible=False)
    axes.set_xticklabels([f"{h}:00" for h in range(0, 25, 6)])
    for text, height, side in (("target 70–180", 177, "top"), ("tight range 70–140", 73, "bottom")):
        axes.annotate(text, (0.3, height), va=side, fontsize=8.5, color="#2f5a44")
    axes.set_ylabel("glucose, mg/dL")
    axes.set_xlabel("time of day")
    _write_mmol(axes)


def _write_mmol(axes: Axes) -> None:
    """Write mmol/L beside the axes; a second axis would take a third of the drawing."""
    beside = axes.get_yaxis_transform()
    for mmol in (3.0, 3.9, 7.8, 10.0, 13.9):
        axes.text(1.025, mmol / MMOL_PER_MG, f"{mmol:.1f}", transform=beside, va="center")
    axes.text(1.155, 0.5, "mmol/L", transform=axes.transAxes, va="center", ha="center", rotation="vertical")
