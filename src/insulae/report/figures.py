"""The figures of the page: small SVG drawings inside the HTML; text stays text, colors are color-blind safe.

Each figure is one panel, so that two stand side by side on a screen and one fills a phone. Those of a run are
written by `panel.py`; other pages let matplotlib draw theirs, which is loaded when the first is drawn.
"""

import io
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from insulae.cgm.profile import ambulatory_glucose_profile, percentiles_of_present
from insulae.core.units import convert
from insulae.report.comparison import MISS, NOT_JUDGED, Comparison
from insulae.report.panel import Panel, Place
from insulae.report.reading import Floats, Results, Series
from insulae.report.words import number, unit_text, week_text
from insulae.runs import arrow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

# Okabe and Ito's palette without its yellow.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
INK, GRAY, TARGET, TIGHT = "#222222", "#8a8a8a", "#e4f2ea", "#c9e6d6"
SIZE = (5.0, 3.3)
POINTS_PER_INCH, MARGIN = 72, 3.0
MMOL_PER_MG = convert(1.0, "mg/dL", "mmol/L", "glucose")
LOWEST_TOP = 300.0  # mg/dL
WEEKS = "weeks since the main treatment"
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#ececec",
    "path.simplify": True,
}


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


def draw_panel(key: str, title: str, draw: "Callable[[Axes], None]", size: tuple[float, float] = SIZE) -> str:
    """Draw one panel with matplotlib and return it as SVG without header, with identifiers of its own."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas

    with mpl.rc_context({**_STYLE, "svg.hashsalt": key}):
        canvas = Canvas(figsize=size, dpi=POINTS_PER_INCH)
        axes = canvas.add_subplot()
        for patch in (canvas.patch, axes.patch):
            patch.set_alpha(0)
        draw(axes)
        _fit(canvas, axes)
        buffer = io.StringIO()
        # Not `savefig`, which draws everything twice.
        FigureCanvasSVG(canvas).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return _inline(buffer.getvalue(), key, title)


def _fit(canvas: "Canvas", axes: "Axes") -> None:
    """Give the axes all room that their labels leave; a constrained layout would measure everything twice."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    outer = axes.get_tightbbox(FigureCanvasAgg(canvas).get_renderer())
    inner, whole = axes.get_window_extent(), canvas.bbox
    if outer is None:
        return
    left, bottom = inner.x0 - outer.x0 + MARGIN, inner.y0 - outer.y0 + MARGIN
    right, top = outer.x1 - inner.x1 + MARGIN, outer.y1 - inner.y1 + MARGIN
    canvas.subplots_adjust(
        left / whole.width, bottom / whole.height, 1 - right / whole.width, 1 - top / whole.height
    )


def _inline(svg: str, key: str, title: str) -> str:
    """Strip what only a separate file needs and keep identifiers apart from those of other figures."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r'\bid="', f'id="{key}-', svg)
    svg = re.sub(r"url\(#", f"url(#{key}-", svg)
    svg = re.sub(r'href="#', f'href="#{key}-', svg)
    svg = re.sub(r"'DejaVu Sans'", "system-ui, 'DejaVu Sans', sans-serif", svg)
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*"', r"<svg \1", svg, count=1)
    svg = re.sub(r'<svg ([^>]*?)height="[^"]*"', r"<svg \1", svg, count=1)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)


def time_course(results: Results, endpoint: str, title: str, compared: list[Comparison]) -> Figure:
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

    panel = Panel()
    for arm, series in drawn.items():
        _band(panel, series, color(results, arm), list(results.arms).index(arm))
    for comparison in points:
        _point(panel, results, comparison)
    _name_axes(panel, next(iter(drawn.values())))
    _label_ends(panel, {arm: (_shown(s), color(results, arm)) for arm, s in drawn.items()})
    return Figure(key, title, panel.svg(key, title), "", caption)


def _captions(found: dict[str, Series | None], endpoint: str) -> str:
    missing = [arm for arm, series in found.items() if series is None or series.is_empty]
    return f"No values for {' and '.join(missing)}." if missing else ""


def _shown(series: Series) -> Floats:
    return series.statistics["mean" if series.kind == "yes_no" else "p50"]


def _band(panel: Panel, series: Series, tint: str, place: int) -> None:
    """Draw band and line; arms but the first are dashed, so that both show where they meet."""
    panel.band(series.weeks, series.statistics["p05"], series.statistics["p95"], tint, 0.18)
    panel.line(series.weeks, _shown(series), tint, dash="" if place == 0 else "10 4")
    panel.marks(series.weeks, _shown(series), tint, 3.5)


def _point(panel: Panel, results: Results, comparison: Comparison) -> None:
    """Draw a reported value: open when hit, a cross in it when missed, an arrowhead for a bound."""
    reported = comparison.reported
    weeks = [s.weeks[-1] for s in results.arms.get(reported.arm, {}).values() if len(s.weeks)]
    week = reported.week if reported.week is not None else float((weeks or [0.0])[0])
    shape = {"at_least": "^", "at_most": "v"}.get(reported.bound, "D")
    tint = color(results, reported.arm) if reported.arm in results.arms else INK
    place = Place(week, reported.value)
    panel.y.see(reported.value)
    panel.mark(place, shape, tint, 8, fill="white", edge=1.8)
    if comparison.verdict == MISS:
        panel.mark(place, "x", INK, 11, edge=2)
    if comparison.verdict == NOT_JUDGED:
        panel.mark(place, "o", GRAY, 2.5)


def _label_ends(panel: Panel, lines: dict[str, tuple[Floats, str]]) -> None:
    """Write each arm's name at the end of its line, moved apart where lines meet."""
    panel.x.margin = 0.02
    low, high = panel.y.limits()
    ends = sorted((_last(values), arm, tint) for arm, (values, tint) in lines.items())
    gap, previous = 0.085 * (high - low), -math.inf
    for value, arm, tint in ends:
        previous = max(value, previous + gap)
        panel.note(_folded(arm), Place(y=previous, across=1.02), tint, 9.5, is_bold=True)


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


def _name_axes(panel: Panel, series: Series) -> None:
    unit = unit_text(series.unit) or "1 = healthy"
    panel.y.name, panel.x.name = "patients, %" if series.kind == "yes_no" else unit, WEEKS
    low, high = panel.y.limits()
    panel.y.low = max(low, -0.02 * high)
    panel.y.high = min(high, 103) if series.unit == "%" else None


def share_off_insulin(results: Results, compared: list[Comparison]) -> Figure:
    """Share of patients who have had their last insulin, as steps, and the share off insulin at visits."""
    key, title = "share-off-insulin", "Share of patients off insulin"
    steps = {arm: found for arm in results.arms if (found := _stops(results, arm)) is not None}
    visits = {arm: s for arm in results.arms if (s := results.series(arm, "insulin_free")) and not s.is_empty}
    if not steps and not visits:
        return Figure(
            key, title, "", f"{title}: this run holds neither stop weeks nor insulin-free days.", ""
        )
    points = [c for c in compared if c.reported.endpoint in _OFF_INSULIN and math.isfinite(c.reported.value)]

    panel = Panel()
    panel.x.name, panel.y.name = WEEKS, "patients, %"
    panel.y.low, panel.y.high = -3, 103
    for arm, (weeks, share) in steps.items():
        panel.steps(weeks, share, color(results, arm))
    for arm, series in visits.items():
        panel.marks(series.weeks, _shown(series), color(results, arm), 4.5)
    for comparison in points:
        _stop_point(panel, results, comparison)
    ends = {arm: (_shown(s), color(results, arm)) for arm, s in visits.items()}
    ends |= {arm: (share, color(results, arm)) for arm, (_, share) in steps.items()}
    _label_ends(panel, ends)
    caption = (
        "Steps: had their last insulin by that week; who restarted counts from the later stop. "
        "Dots: off insulin for 14 days or more at a visit."
    )
    return Figure(key, title, panel.svg(key, title), "", caption)


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


def _stop_point(panel: Panel, results: Results, comparison: Comparison) -> None:
    """Draw a reported share as a point and a reported week of stopping as a dashed line."""
    if comparison.reported.endpoint == "insulin_free":
        _point(panel, results, comparison)
        return
    tint = color(results, comparison.reported.arm) if comparison.reported.arm in results.arms else INK
    value = comparison.reported.value
    panel.upright(value, tint)
    note = f"reported: {week_text(value)}" + (" (missed)" if comparison.verdict == MISS else "")
    panel.note(note, Place(value, up=1.01), INK, 9, "middle", "bottom")


def glucose_profiles(results: Results) -> list[Figure]:
    """Ambulatory glucose profile of every arm before the treatment and at its last visit."""
    traces = results.traces
    present = traces.filter(_is_finite(traces["glucose"])) if traces is not None else None
    if present is None or not present.num_rows:
        title = "Glucose over the day"
        return [Figure("profile", title, "", f"{title}: this run stored no glucose traces.", "")]
    days = {(arm, week): _days(rows) for arm in results.arms for week, rows in _by_week(present, arm)}
    highest = [np.max(percentiles_of_present(found.T, [95])) for found, _ in days.values()]
    top = max(LOWEST_TOP, float(np.max(highest, initial=0)) + 10)
    return [
        _profile(
            {week: found for (of, week), found in days.items() if of == arm},
            arm,
            f"profile-{place}-{when}",
            (color(results, arm), top),
        )
        for place, arm in enumerate(results.arms)
        for when in ("before", "after")
    ]


def _is_finite(column: pa.ChunkedArray) -> pa.Array:
    return arrow.column(np.isfinite(arrow.numbers(column)), pa.bool_())


Days = tuple[Floats, int]
"""Glucose as [day, minute], and of how many patients."""


def _by_week(traces: pa.Table, arm: str) -> list[tuple[float, pa.Table]]:
    """Return the weeks at which traces of an arm were stored, in order, with their rows."""
    mine = traces.filter(arrow.column(arrow.is_text(traces["arm"], arm), pa.bool_()))
    weeks = arrow.numbers(mine["week"])
    return [(float(week), mine.filter(arrow.column(weeks == week, pa.bool_()))) for week in np.unique(weeks)]


def _days(rows: pa.Table) -> Days:
    """Lay the rows of one visit out as days; what is missing is NaN."""
    patient, day, minute = (arrow.numbers(rows[name]) for name in ("patient", "day", "minute"))
    days, place = np.unique(np.stack([patient, day]), axis=1, return_inverse=True)
    minutes, slot = np.unique(minute, return_inverse=True)
    found = np.full((days.shape[1], len(minutes)), np.nan)
    found[place.ravel(), slot] = arrow.numbers(rows["glucose"])
    return found, len(np.unique(patient))


def _profile(stored: dict[float, Days], arm: str, key: str, look: tuple[str, float]) -> Figure:
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

    panel = _drawn_profile(profile.minute / 60, curves, *look)
    return Figure(key, title, panel.svg(key, title), "", caption)


def _outside(days: Floats) -> str:
    """Return the shares of time of the drawn days in and below the ranges, in words."""
    present = days[np.isfinite(days)]
    tight = float(100 * np.mean((present >= 70) & (present <= 140)))
    low = float(100 * np.mean(present < 70))
    return f"{number(tight, '%')} % of their time within 70–140 mg/dL, {number(low, '%')} % below 70."


def _drawn_profile(hour: Floats, curves: Floats, tint: str, top: float) -> Panel:
    """Draw the five percentile curves over the target ranges, with mmol/L on the right."""
    panel = Panel()
    panel.stripe(70, 180, TARGET)
    panel.stripe(70, 140, TIGHT)
    for low, high, opacity in ((0, 4, 0.22), (1, 3, 0.38)):
        panel.band(hour, curves[low], curves[high], tint, opacity)
    panel.line(hour, curves[2], tint, width=2.2)
    panel.note("target 70–180", Place(0.3, 177), "#2f5a44", 8.5, level="top")
    panel.note("tight range 70–140", Place(0.3, 73), "#2f5a44", 8.5, level="bottom")
    panel.x.low, panel.x.high, panel.y.low, panel.y.high = 0, 24, 30, top
    panel.x.ticks = [(h, f"{h}:00") for h in range(0, 25, 6)]
    panel.y.ticks = [(g, str(g)) for g in (54, 70, 140, 180, 250)]
    panel.x.has_grid = False
    panel.x.name, panel.y.name = "time of day", "glucose, mg/dL"
    panel.right = "mmol/L", [(g / MMOL_PER_MG, f"{g:.1f}") for g in (3.0, 3.9, 7.8, 10.0, 13.9)]
    return panel
