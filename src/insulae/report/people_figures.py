"""Figures of the people of a trial: times without an event, subgroups, predicted benefit, power in doubt."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from insulae.populations.enrolled import TRAITS
from insulae.report.figures import COLORS, GRAY, INK, Figure
from insulae.report.panel import SIZE, draw_panel

Record = Mapping[str, Any]
ROW, AROUND, RISK_ROW = 0.23, 1.1, 0.09
"""Height of a row of the forest and of what surrounds it (inches); of a row of numbers at risk (axes)."""
_CURVE = (
    "One replicate, the first. Kaplan and Meier with 95 % band (log-log). Below: patients still at risk. "
    "Death and other ends of watching cut a time off."
)
_FOREST = (
    "Dot and line: mean estimate and mean 95 % interval of trials of the planned size, each subgroup by "
    "itself, not adjusted for their number. Open circle: true effect in the subgroup."
)
_BENEFIT = (
    "Each point: a simulated person, benefit predicted from enrollment by a model that has not seen the "
    "person. Squares: fifths by prediction. Dashed: prediction and truth the same."
)
_HARM = "Fifths by predicted benefit, the highest first; true means, from both arms of everybody."
_ASSURANCE = "Groups of people, each sharing one draw of the doubted parameters. Dashed: assurance, the mean."


def all_of(found: Record) -> list[Figure]:
    """Return the figures that the trial has numbers for."""
    drawn: list[Figure] = []
    shown = found.get("example")
    for i, curve in enumerate(shown["curves"] if shown else ()):
        rows = len(curve["arms"])
        size = (SIZE[0], SIZE[1] + 0.25 * rows)
        title = f"Without the event: {curve['name']}"
        drawn.append(_figure(f"curve-{i}", title, _CURVE, lambda axes, c=curve: _survival(axes, c), size))
    if found.get("subgroups"):
        size = (SIZE[0], AROUND + ROW * len(found["subgroups"]))
        unit = found["truths"][0]["unit"]
        title = f"Effect in subgroups: {found['truths'][0]['name']}"
        drawn.append(_figure("forest", title, _FOREST, lambda a: _forest(a, found["subgroups"], unit), size))
    if found.get("selection"):
        unit = found["truths"][0]["unit"]
        drawn.append(
            _figure("benefit", "Predicted and true benefit", _BENEFIT, lambda a: _benefit(a, found, unit))
        )
        drawn.append(_figure("benefit-harm", "Benefit against harm", _HARM, lambda a: _harm(a, found, unit)))
    if found.get("assurance"):
        drawn.append(
            _figure("assurance", "Power over what is not known", _ASSURANCE, lambda a: _power(a, found))
        )
    return drawn


def _figure(
    key: str, title: str, words: str, draw: Callable[[Axes], None], size: tuple[float, float] = SIZE
) -> Figure:
    return Figure(key, title, draw_panel(f"people-{key}", title, draw, size), "", words)


def _survival(axes: Axes, curve: Record) -> None:
    """Draw one step line with its band for each arm, and the numbers at risk below the axis."""
    axes.set(
        xlim=(0, curve["week"]), ylim=(0, 103), ylabel="without the event, %", xlabel="weeks since enrollment"
    )
    for i, (arm, one) in enumerate(curve["arms"].items()):
        tint, label = COLORS[i % len(COLORS)], f"{arm} ({one['events']} of {one['patients']})"
        weeks = [*one["weeks"], one["until"]]
        low, share, high = ([*one[name], one[name][-1]] for name in ("low", "share", "high"))
        axes.fill_between(weeks, low, high, step="post", color=tint, alpha=0.15, linewidth=0)
        axes.step(weeks, share, where="post", color=tint, label=label)
        height = -0.30 - RISK_ROW * i
        for week, n in zip(curve["at"], one["at_risk"], strict=True):
            axes.text(
                week,
                height,
                str(n),
                color=tint,
                fontsize=8,
                ha="center",
                transform=axes.get_xaxis_transform(),
            )
    axes.text(0, -0.22, "at risk", fontsize=8, ha="center", color=INK, transform=axes.get_xaxis_transform())
    axes.set_xticks(curve["at"], [f"{week:.0f}" for week in curve["at"]])
    axes.legend(
        frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=2, columnspacing=1.0
    )


def subgroup_label(row: Record) -> str:
    """Return the words of a subgroup, like 'age above 52 year'."""
    trait = TRAITS.get(str(row["trait"]))
    if not row["side"] or trait is None:
        return str(row["trait"])
    sign = "≤" if row["side"] == "below" else ">"
    return f"{trait.label} {sign} {row['cut']:.3g} {trait.unit}"


def _forest(axes: Axes, rows: list[Record], unit: str) -> None:
    for i, row in enumerate(rows):
        place, tint = len(rows) - 1 - i, INK if i == 0 else COLORS[0]
        axes.plot([row["low"], row["high"]], [place, place], color=tint, linewidth=1.4)
        axes.plot(row["mean"], place, "s" if i == 0 else "o", color=tint, markersize=6 if i == 0 else 5)
        axes.plot(row["truth"], place, "o", markerfacecolor="none", markeredgecolor=COLORS[1], markersize=9)
    axes.axvline(0, color=INK, linewidth=1)
    axes.axvline(rows[0]["truth"], color=GRAY, linestyle="--", linewidth=1)
    labels = [f"{subgroup_label(row)}  (n {row['people']})" for row in reversed(rows)]
    axes.set_yticks(range(len(rows)), labels, fontsize=8)
    axes.set(xlabel=f"effect, {unit}", ylim=(-0.7, len(rows) - 0.3))
    axes.grid(axis="y", visible=False)


def _benefit(axes: Axes, found: Record, unit: str) -> None:
    points, parts = np.array(found["selection"]["points"]), found["selection"]["parts"]
    axes.plot(points[:, 0], points[:, 1], ".", color=COLORS[0], alpha=0.35, markersize=4)
    predicted = [part["predicted"] for part in parts]
    axes.plot(predicted, [part["true"] for part in parts], "s", color=COLORS[1], markersize=7)
    reach = [float(points[:, 0].min()), float(points[:, 0].max())]
    axes.plot(reach, reach, color=GRAY, linestyle="--", linewidth=1)
    axes.set(xlabel=f"predicted benefit, {unit}", ylabel=f"true benefit, {unit}")


def _harm(axes: Axes, found: Record, unit: str) -> None:
    parts = found["selection"]["parts"]
    axes.plot([p["harm"] for p in parts], [p["true"] for p in parts], color=GRAY, linewidth=1)
    for i, part in enumerate(parts):
        axes.plot(part["harm"], part["true"], "s", color=COLORS[0], markersize=7)
        axes.annotate(
            str(i + 1), (part["harm"], part["true"]), textcoords="offset points", xytext=(7, 4), fontsize=9
        )
    axes.set(xlabel="additional serious events per patient", ylabel=f"true benefit, {unit}")
    axes.margins(0.15)


def _power(axes: Axes, found: Record) -> None:
    power = found["assurance"]["power"]
    axes.hist(power, bins=[*range(0, 101, 5)], color=COLORS[0], edgecolor="white")
    axes.axvline(found["assurance"]["mean"], color=COLORS[1], linestyle="--")
    axes.set(xlabel="power of the trial, %", ylabel="groups", xlim=(0, 100))
