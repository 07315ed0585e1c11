"""The figures of a sensor record: ambulatory glucose profile, time in ranges, and one panel a day."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
from matplotlib.axes import Axes

from insulae.cgm import metrics
from insulae.cgm.limits import MG_PER_DL, MG_PER_DL_PER_MMOL, MMOL_PER_L
from insulae.cgm.profile import MINUTES_PER_DAY, PERCENTILES, pooled_profile
from insulae.cgm.record import SensorRecord
from insulae.report.figures import COLORS, GRAY, INK, TARGET, Figure
from insulae.report.panel import draw_panel

WIDE, LOW_WIDE, SMALL = (10.2, 3.8), (10.2, 1.1), (2.3, 1.35)
HIGHEST = 400.0  # mg/dL, top of the axis at the most
VERY_LOW, LOW, IN_RANGE, HIGH, VERY_HIGH = "#7a1f1f", "#D55E00", "#3f9b6b", "#E6B800", "#B8860B"
HOURS = range(0, 25, 3)
_DAYS = "Each panel is one day by the clock; the band is the target range, times below it are marked."


def _shown(unit: str) -> float:
    """Factor from mg/dL to the unit of the figure."""
    return 1.0 / MG_PER_DL_PER_MMOL if unit == "mmol/L" else 1.0


def _limits(unit: str) -> tuple[float, float]:
    """The target range in the unit of the figure."""
    limits = MMOL_PER_L if unit == "mmol/L" else MG_PER_DL
    return limits.level_1_low * _shown(unit), limits.level_1_high * _shown(unit)


def profile(record: SensorRecord, unit: str) -> Figure:
    """Draw percentiles of glucose by time of day over all days of the record."""
    found = pooled_profile(record.by_day)
    hours = np.append(found.minute, MINUTES_PER_DAY) / 60.0
    curves = np.concatenate([found.glucose, found.glucose[:, :1]], axis=1) * _shown(unit)
    lowest, low, middle, high, highest = curves

    def draw(axes: Axes) -> None:
        axes.axhspan(*_limits(unit), color=TARGET, zorder=0)
        axes.fill_between(hours, lowest, highest, color=COLORS[0], alpha=0.18, linewidth=0, label="5 to 95 %")
        axes.fill_between(hours, low, high, color=COLORS[0], alpha=0.4, linewidth=0, label="25 to 75 %")
        axes.plot(hours, middle, color=INK, linewidth=2, label="median")
        _frame(axes, unit, float(np.nanmax(highest)))
        axes.set_xlabel("time of day, hours")
        axes.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))

    caption = (
        f"Percentiles {', '.join(map(str, PERCENTILES))} of all readings in the same quarter of an hour, not "
        "smoothed; the band is the target range."
    )
    return Figure(
        "profile", "Ambulatory glucose profile", draw_panel("profile", "profile", draw, WIDE), "", caption
    )


def _frame(axes: Axes, unit: str, highest: float) -> None:
    top = min(max(highest * 1.05, 300.0 * _shown(unit)), HIGHEST * _shown(unit))
    axes.set_ylim(0.0, top)
    axes.set_xlim(0, 24)
    axes.set_xticks(HOURS)
    axes.set_ylabel(f"glucose, {unit}")


def ranges(record: SensorRecord) -> Figure:
    """Draw the share of readings in each range as one bar."""
    times = [
        float(np.squeeze(function(record.readings)))
        for function in (
            metrics.time_below_54,
            metrics.time_below_range,
            metrics.time_in_range,
            metrics.time_above_range,
            metrics.time_above_250,
        )
    ]
    very_low, below, within, above, very_high = times
    parts = [
        (very_low, VERY_LOW, "very low"),
        (below - very_low, LOW, "low"),
        (within, IN_RANGE, "in range"),
        (above - very_high, HIGH, "high"),
        (very_high, VERY_HIGH, "very high"),
    ]

    def draw(axes: Axes) -> None:
        left = 0.0
        for share, color, name in parts:
            axes.barh(0, share, left=left, color=color, label=f"{name} {share:.1f} %")
            left += share
        axes.set_xlim(0, 100)
        axes.set_yticks([])
        axes.grid(False)
        axes.set_xlabel("readings, %")
        axes.legend(frameon=False, ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.0))

    caption = "Very low below 54 mg/dL, low to 69, in range to 180, high to 250, very high above."
    return Figure("ranges", "Time in ranges", draw_panel("ranges", "ranges", draw, LOW_WIDE), "", caption)


def days(record: SensorRecord, unit: str, first_day: date | None) -> list[Figure]:
    """Draw one small panel for each day of the record."""
    top = float(np.nanmax(record.by_day)) * _shown(unit)
    return [
        Figure(
            f"day-{place}",
            _title(first_day, record.first_day + place),
            draw_panel(f"day-{place}", "one day", _day(record, place, unit, top), SMALL),
            "",
            _DAYS,
        )
        for place in range(len(record.by_day))
        if not np.isnan(record.by_day[place]).all()
    ]


def _day(record: SensorRecord, place: int, unit: str, top: float) -> Callable[[Axes], None]:
    glucose = record.by_day[place] * _shown(unit)
    hours = np.arange(glucose.size) * record.step / 60.0

    def draw(axes: Axes) -> None:
        low, high = _limits(unit)
        axes.axhspan(low, high, color=TARGET, zorder=0)
        axes.plot(hours, glucose, color=COLORS[0], linewidth=1.3)
        axes.fill_between(hours, glucose, low, where=glucose < low, color=LOW, linewidth=0)
        _frame(axes, unit, top)
        axes.set_ylabel("")
        axes.set_xticks((0, 12, 24))
        axes.tick_params(labelsize=7, colors=GRAY)

    return draw


def _title(first_day: date | None, place: int) -> str:
    if first_day is None:
        return f"day {place + 1}"
    return (first_day + timedelta(days=place)).strftime("%a %Y-%m-%d")
