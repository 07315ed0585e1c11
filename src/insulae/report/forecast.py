"""The page of a forecast: one person's data behind the simulated past, and who gains at which dose.

The patients of the run are draws of one person's twin. An arm's gain is taken draw by draw against a
reference arm at the last visit; its spread is what the person's data leave open, not how people differ.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from matplotlib.axes import Axes
from scipy.stats import rankdata

from insulae.report.figures import COLORS, GRAY
from insulae.report.panel import draw_panel
from insulae.report.reading import Floats, Results, Series, arm_specs, known_endpoints, read
from insulae.report.words import number, unit_text
from insulae.runs import store

COURSES = ("hba1c", "time_in_range", "time_below_range", "mean_glucose", "fasting_glucose", "insulin_dose")
"""Endpoints drawn over the weeks with what was measured, where the run holds them."""
GAINS = {
    "hba1c": -0.5,
    "time_in_range": 5.0,
    "time_below_range": -1.0,
    "insulin_dose": 0.0,
    "body_weight": 0.0,
}
"""Endpoints whose gain is shown, with a change that counts: 0.5 points of HbA1c, 5 of time in range, 1 of
time below range (battelino2023 for the last two); zero where any change counts."""
CLOSE = 0.3
"""Rank correlations nearer to zero than this are not named."""
SMALLEST = 0.005
"""A change that the page's two decimals would show."""
INTERVAL = (5, 50, 95)
QUANTITY = re.compile(r"^([-+]?[\d.]+(?:e[-+]?\d+)?)\s*(.*)$")


@dataclasses.dataclass(frozen=True)
class Gain:
    """What an arm changes in an endpoint against the reference: percentiles, shares of draws (%), draws."""

    arm: str
    endpoint: str
    middle: float
    low: float
    high: float
    better: float
    counts: float
    draws: Floats

    @property
    def changes(self) -> bool:
        """Tell whether anything changes that the page could show."""
        return max(abs(self.low), abs(self.high)) >= SMALLEST


def write_forecast(
    directory: store.Location | str,
    person: str,
    reference: str,
    past: Sequence[str],
    measured: Mapping[str, float],
    uncertain: Mapping[str, tuple[Floats, str]],
) -> store.Location:
    """Write `forecast.html` into a run of a twin and return its path.

    `past` are drawn panels of the person's data; `measured` the endpoints that were measured; `uncertain` the
    fitted quantities [patient] with what the data say of each.
    """
    results = read(directory)
    template = resources.files("insulae.report").joinpath("forecast.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    every = [g for e in GAINS for g in _gains(results, e, reference)]
    gains = [g for g in every if g.changes]
    still = sorted(
        {_label(results, g.endpoint)[0] for g in every} - {_label(results, g.endpoint)[0] for g in gains}
    )
    page = environment.from_string(template).render(
        name=person,
        question=str(results.study.get("question") or ""),
        reference=reference,
        draws=results.size,
        past=past,
        baseline=_baseline(results, measured),
        gains=[_row(g, results) for g in gains],
        dose_panels=[p for e in GAINS if (p := _dose_panel(results, gains, e))],
        still=still,
        deciding=_deciding(gains, uncertain),
        courses=[_course(results, e, measured.get(e)) for e in COURSES if _drawable(results, e)],
        command=str(results.manifest.get("command") or ""),
    )
    return store.write_text(results.directory / "forecast.html", page)


def _drawable(results: Results, endpoint: str) -> bool:
    found = [results.series(arm, endpoint) for arm in results.arms]
    return any(s is not None and not s.is_empty and not s.is_zero for s in found)


def _gains(results: Results, endpoint: str, reference: str) -> list[Gain]:
    """Return the gains of all arms but the reference in an endpoint at the last visit."""
    base = results.series(reference, endpoint)
    if base is None or base.is_empty:
        return []
    week, counts = float(base.weeks[-1]), GAINS[endpoint]
    is_higher = counts > 0
    found: list[Gain] = []
    for arm in (name for name in results.arms if name != reference):
        change = results.values(arm, endpoint, week).less(results.values(reference, endpoint, week))
        draws = np.full(1 + int(change.patients.max(initial=results.size)), np.nan)
        draws[change.patients] = change.numbers
        there = draws[np.isfinite(draws)]
        if len(there):
            low, middle, high = np.percentile(there, INTERVAL)
            better = there > 0 if is_higher else there < 0
            enough = there >= counts if is_higher else there <= counts
            gained, counted = (100 * float(np.mean(which)) for which in (better, enough))
            found.append(Gain(arm, endpoint, middle, low, high, gained, counted, draws))
    return found


def _label(results: Results, endpoint: str) -> tuple[str, str]:
    """Return what an endpoint is called and its unit."""
    series = next(s for arm in results.arms if (s := results.series(arm, endpoint)) is not None)
    return series.label, unit_text(series.unit)


def _row(gain: Gain, results: Results) -> dict[str, str]:
    label, unit = _label(results, gain.endpoint)
    counts = GAINS[gain.endpoint]
    return {
        "arm": gain.arm,
        "endpoint": f"{label}, {unit}",
        "middle": f"{gain.middle:+.2f}",
        "interval": f"{gain.low:+.2f} to {gain.high:+.2f}",
        "better": f"{gain.better:.0f} %" if known_endpoints()[gain.endpoint].better != "none" else "",
        "counts": f"{gain.counts:.0f} % by {abs(counts):g}" if counts else "",
    }


def _baseline(results: Results, measured: Mapping[str, float]) -> list[dict[str, str]]:
    """Return what was measured beside the simulated person before any arm begins."""
    rows: list[dict[str, str]] = []
    arm = next(iter(results.arms), "")
    for endpoint, value in measured.items():
        series = results.series(arm, endpoint)
        if series is None or series.is_empty:
            continue
        low, middle, high = (series.at(s, 0) for s in ("p05", "p50", "p95"))
        unit = series.unit
        rows.append(
            {
                "label": f"{series.label}, {unit_text(unit)}",
                "measured": number(value, unit, endpoint),
                "simulated": number(middle, unit, endpoint),
                "interval": f"{number(low, unit, endpoint)} to {number(high, unit, endpoint)}",
                "verdict": "inside" if low <= value <= high else "outside",
            }
        )
    return rows


def doses(study: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
    """Return what the arms differ in as a number, with its unit, and each arm's; empty when nothing is.

    An arm without the therapy has none of it.
    """
    fields = {arm: _fields(spec) for arm, spec in arm_specs(study).items()}
    names = sorted({name for each in fields.values() for name in each})
    varied: list[tuple[str, dict[str, float]]] = []
    for kind, field in names:
        found = {arm: each[kind, field] for arm, each in fields.items() if (kind, field) in each}
        units = {unit for _, unit in found.values()}
        values = {arm: amount for arm, (amount, _) in found.items()}
        without = [arm for arm in fields if not any(k == kind for k, _ in fields[arm])]
        if len(units) == 1 and len(set(values.values())) > 1 and len(values) + len(without) == len(fields):
            words = f"{kind} {field}".replace("_", " ")
            varied.append((f"{words}, {units.pop()}".rstrip(", "), values | dict.fromkeys(without, 0.0)))
    return varied[0] if len(varied) == 1 else ("", {})


def _fields(spec: Mapping[str, Any]) -> dict[tuple[str, str], tuple[float, str]]:
    """Return the numbers of an arm's therapies by kind and field, each with its unit."""
    found: dict[tuple[str, str], tuple[float, str]] = {}
    for therapy in spec.get("therapies") or ():
        for field, text in therapy.items():
            match = QUANTITY.match(str(text)) if field not in ("kind", "start", "stop") else None
            if match and not isinstance(text, bool):
                found[str(therapy.get("kind")), field] = (float(match[1]), match[2])
    return found


def _dose_panel(results: Results, gains: Sequence[Gain], endpoint: str) -> str:
    """Draw the gain of each arm against its dose, or arm by arm where the arms differ in more than one."""
    mine = [g for g in gains if g.endpoint == endpoint]
    if not mine:
        return ""
    axis, amounts = doses(results.study)
    label, unit = _label(results, endpoint)

    def draw(axes: Axes) -> None:
        places = [amounts[g.arm] for g in mine] if amounts else list(range(len(mine)))
        for place, gain in zip(places, mine, strict=True):
            axes.plot([place] * 2, [gain.low, gain.high], color=COLORS[0], linewidth=3, alpha=0.35)
            axes.plot(place, gain.middle, "o", color=COLORS[0], markersize=6)
        axes.axhline(0, color=GRAY, linewidth=1)
        if GAINS[endpoint]:
            axes.axhline(GAINS[endpoint], color=GRAY, linewidth=1, linestyle=":")
        axes.set_ylabel(f"change of {label}, {unit}" if len(label) < 18 else f"change, {unit}")
        if amounts:
            axes.set_xlim(left=min(0.0, *amounts.values()))
            axes.set_xlabel(axis)
        else:
            axes.set_xticks(places, [g.arm for g in mine], rotation=20, ha="right")
            axes.margins(x=0.2)

    return f"<strong>{label}</strong>" + draw_panel(f"gain-{endpoint}".replace("_", "-"), label, draw)


def _deciding(gains: Sequence[Gain], uncertain: Mapping[str, tuple[Floats, str]]) -> list[str]:
    """Say which fitted quantities the gain hangs on most, arm by arm, for HbA1c and time in range."""
    lines: list[str] = []
    for gain in (g for g in gains if g.endpoint in ("hba1c", "time_in_range")):
        there = np.flatnonzero(np.isfinite(gain.draws))
        ranks = {n: _rank(values[there], gain.draws[there]) for n, (values, _) in uncertain.items()}
        ranks = {n: r for n, r in ranks.items() if abs(r) >= CLOSE}
        if not ranks:
            continue
        name = max(ranks, key=lambda n: abs(ranks[n]))
        sign = 1 if GAINS[gain.endpoint] > 0 else -1
        word = "higher" if ranks[name] * sign > 0 else "lower"
        what = "HbA1c" if gain.endpoint == "hba1c" else "time in range"
        lines.append(
            f"{gain.arm}, {what}: the gain is larger with {word} {name.replace('_', ' ')} (rank correlation "
            f"{ranks[name]:+.2f}), which the data {_left(uncertain[name][1])}."
        )
    return lines


def _rank(first: Floats, second: Floats) -> float:
    """Return the rank correlation; zero where one of them is the same in all."""
    if not (np.ptp(first) and np.ptp(second)):
        return 0.0
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])


def _left(word: str) -> str:
    """Return what the data did with a quantity."""
    return {"determined": "determined", "narrowed": "narrowed"}.get(
        word, "left open: a test of it would tell"
    )


def _course(results: Results, endpoint: str, measured: float | None) -> str:
    """Draw an endpoint over the weeks in every arm; a black dot is what was measured at the beginning."""
    label, unit = _label(results, endpoint)

    def draw(axes: Axes) -> None:
        for place, arm in enumerate(results.arms):
            series = results.series(arm, endpoint)
            if series is not None and not series.is_empty:
                _line(axes, series, arm, COLORS[place % len(COLORS)])
        if measured is not None:
            first = next(s for arm in results.arms if (s := results.series(arm, endpoint)) is not None)
            axes.plot(first.weeks[0], measured, "o", color="black", markersize=8, zorder=6, label="measured")
        axes.set_xlabel("weeks")
        axes.set_ylabel(unit or label)
        axes.legend(frameon=False, fontsize=8.5)

    return f"<strong>{label}</strong>" + draw_panel(f"course-{endpoint}".replace("_", "-"), label, draw)


def _line(axes: Axes, series: Series, arm: str, tint: str) -> None:
    s = series.statistics
    axes.fill_between(series.weeks, s["p05"], s["p95"], color=tint, alpha=0.15, linewidth=0)
    axes.plot(series.weeks, s["p50"], color=tint, linewidth=2, marker="o", markersize=3.5, label=arm)
