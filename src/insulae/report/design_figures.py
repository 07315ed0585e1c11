"""The figures of a trial's page: power, bounds, effects, course, harm, time, and replayed trials."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from insulae.report.figures import COLORS, GRAY, INK, Figure
from insulae.report.panel import draw_panel

Record = Mapping[str, Any]
TWO_ERRORS = 1.96


def all_of(found: Record) -> list[Figure]:
    """Return the figures that the design has numbers for."""
    drawn: list[tuple[str, str, str, Callable[[Axes], None]]] = []
    if found["search"]:
        drawn.append(("power", "Power by number of patients", _POWER, lambda axes: _power(axes, found)))
        drawn.append(("months", "Months to the last analysis", _MONTHS, lambda axes: _months(axes, found)))
        drawn.append(("harm", "Serious adverse events in the trial", _HARM, lambda axes: _harm(axes, found)))
    if found["plan"].get("bounds"):
        drawn.append(("bounds", "Bounds of the looks", _BOUNDS, lambda axes: _bounds(axes, found)))
    if found["judged"]:
        drawn.append(
            ("estimands", "What is asked decides the answer", _ESTIMANDS, lambda axes: _judged(axes, found))
        )
    if found["planned"]["chosen"] and found["trial"]["design"]["kind"] == "dose_escalation":
        drawn.append(("chosen", "Dose that is chosen", _CHOSEN, lambda axes: _chosen(axes, found)))
    drawn.append(
        (
            "course",
            f"{found['course']['label']} over time",
            _COURSE,
            lambda axes: _course(axes, found, "primary"),
        )
    )
    drawn.append(
        (
            "events",
            "Serious adverse events per patient",
            _EVENTS,
            lambda axes: _course(axes, found, "serious_events"),
        )
    )
    if found["replayed"]:
        drawn.append(
            ("replayed", "Reported results among replicates", _REPLAYED, lambda axes: _replayed(axes, found))
        )
    return [
        Figure(key, title, draw_panel(f"design-{key}", title, draw), "", text)
        for key, title, text, draw in drawn
    ]


_POWER = "Bars: 95 % interval of the Monte Carlo error. Line: power that is wanted."
_MONTHS = "From the first patient's entry; mean and 5th to 95th percentile of replicates."
_HARM = "All patients until the last analysis; mean and 5th to 95th percentile of replicates."
_BOUNDS = "Stop for benefit at or above the bound (one-sided; Lan and DeMets)."
_ESTIMANDS = (
    "Open circle and number: true value, from every patient's outcomes under both arms. Dot and line: mean "
    "of estimates and standard deviation. Questions about one variable share a scale."
)
_CHOSEN = "Share of replicates."
_COURSE = "Mean of all simulated patients who may enter, each arm as if everybody had it; the living."
_EVENTS = "Mean since enrollment of all simulated patients who may enter, each arm; the living."
_REPLAYED = (
    "Dot and line: median, 5th to 95th percentile of replicates, in standard deviations. Diamond: reported."
)


def _power(axes: Axes, found: Record) -> None:
    sizes = [row["size"] for row in found["search"]]
    power = [row["success"] for row in found["search"]]
    error = [TWO_ERRORS * row["success_error"] for row in found["search"]]
    axes.errorbar(sizes, power, yerr=error, color=COLORS[0], marker="o", capsize=3)
    axes.axhline(_wanted(found), color=GRAY, linestyle="--", linewidth=1)
    axes.set(xlabel="patients, all arms", ylabel="power, %", ylim=(0, 103))


def _wanted(found: Record) -> float:
    return float(str(found["trial"]["search"]["power"]).split()[0])


def _range(axes: Axes, found: Record, name: str, label: str) -> None:
    sizes = [row["size"] for row in found["search"]]
    rows = [row[name] for row in found["search"]]
    axes.fill_between(sizes, [r["p05"] for r in rows], [r["p95"] for r in rows], color=COLORS[0], alpha=0.15)
    axes.plot(sizes, [r["mean"] for r in rows], color=COLORS[0], marker="o")
    axes.set(xlabel="patients, all arms", ylabel=label)
    axes.set_ylim(bottom=0)


def _months(axes: Axes, found: Record) -> None:
    _range(axes, found, "months", "months")


def _harm(axes: Axes, found: Record) -> None:
    _range(axes, found, "serious_events", "serious adverse events")


def _bounds(axes: Axes, found: Record) -> None:
    plan = found["plan"]
    looks = [100 * look for look in plan["looks"]]
    axes.plot(looks, plan["bounds"], color=COLORS[1], marker="s")
    for x, z in zip(looks, plan["bounds"], strict=True):
        axes.annotate(f"{z:.2f}", (x, z), textcoords="offset points", xytext=(0, 7), ha="center", fontsize=9)
    axes.axhline(TWO_ERRORS, color=GRAY, linestyle="--", linewidth=1)
    axes.set(xlabel="patients with a known outcome, %", ylabel="z", ylim=(0, max(plan["bounds"]) + 1))


def _judged(axes: Axes, found: Record) -> None:
    """Draw truths and mean estimates, one row each; those of one variable and unit share a scale."""
    rows = found["judged"]
    variable = {row["name"]: (row["label"], row["unit"]) for row in found["truths"]}
    largest: dict[tuple[str, str], float] = {}
    for row in rows:
        reach = max(abs(row["truth"]), abs(row["mean"]), 1e-12)
        largest[variable[row["name"]]] = max(reach, largest.get(variable[row["name"]], 0.0))
    for i, row in enumerate(rows):
        scale, place = largest[variable[row["name"]]], len(rows) - 1 - i
        spread = row["bias_error"] * np.sqrt(row["replicates"])
        ends = [(row["mean"] + side * spread) / scale for side in (-1, 1)]
        axes.plot(ends, [place, place], color=COLORS[0])
        axes.plot(row["mean"] / scale, place, "o", color=COLORS[0])
        axes.plot(
            row["truth"] / scale, place, "o", markerfacecolor="none", markeredgecolor=COLORS[1], markersize=11
        )
        words = f"{_short(row['name'], 48)}: {row['truth']:.3g} {variable[row['name']][1]}"
        axes.annotate(words, (0.02, place + 0.25), xycoords=("axes fraction", "data"), fontsize=8.5)
    axes.axvline(0, color=INK, linewidth=1)
    axes.set(
        yticks=[], ylim=(-0.6, len(rows) - 0.2), xlabel="difference, part of the largest of its variable"
    )


def _short(text: str, longest: int = 62) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _chosen(axes: Axes, found: Record) -> None:
    chosen = found["planned"]["chosen"]
    names = ["none", *found["trial"]["design"]["doses"]]
    axes.barh(range(len(names)), [chosen.get(name, 0.0) for name in names], color=COLORS[0])
    axes.set(yticks=range(len(names)), yticklabels=[_short(n, 24) for n in names], xlabel="replicates, %")


def _course(axes: Axes, found: Record, name: str) -> None:
    course = found["course"]
    for i, (arm, values) in enumerate(course["arms"].items()):
        points = [(w, v) for w, v in zip(course["weeks"], values[name], strict=True) if v is not None]
        axes.plot(
            *zip(*points, strict=True), color=COLORS[i % len(COLORS)], marker="o", markersize=3, label=arm
        )
    label = f"{course['label']}, {course['unit']}" if name == "primary" else "events per patient"
    axes.set(xlabel="weeks since enrollment", ylabel=_short(label, 40))
    axes.set_ylim(bottom=0)
    axes.legend(
        frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=2, columnspacing=1.0
    )


def _replayed(axes: Axes, found: Record) -> None:
    rows = found["replayed"]
    for i, row in enumerate(rows):
        low, middle, high = row["quantiles"][1], row["quantiles"][3], row["quantiles"][5]
        scale = (high - low) / (2 * 1.645) or 1.0
        place = len(rows) - 1 - i
        axes.plot([(low - middle) / scale, (high - middle) / scale], [place, place], color=COLORS[0])
        axes.plot(0, place, "o", color=COLORS[0])
        far = float(np.clip((row["reported"] - middle) / scale, -5, 5))
        axes.plot(far, place, "D", color=COLORS[1])
    names = [f"{_short(row['label'], 26)}, week {row['week']:g}" for row in reversed(rows)]
    axes.set(yticks=range(len(rows)), xlim=(-5.4, 5.4), xlabel="standard deviations from the median")
    axes.set_yticklabels(names, fontsize=8)
