"""Harm on the page: what happened to the patients of each arm, as a table and a drawing of rates."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter
from matplotlib.transforms import blended_transform_factory

from insulae.core.adverse_events import adverse_events
from insulae.core.life_table import SOURCE
from insulae.report.figures import INK, Figure, color
from insulae.report.panel import SIZE, draw_panel
from insulae.report.reading import Results
from insulae.report.tables import reference
from insulae.report.words import number

KEY, TITLE = "harm-rates", "Adverse events per 100 patient-years"
ROW, AROUND = 0.36, 1.1
"""Height of one kind of event and of what surrounds them (inches)."""
MOST_DRAWN = 10
"""Kinds of events in the drawing; the table holds all of them."""
NO_COUNTS = "This run holds no counts of adverse events; run it again to have them."
CHANCE = (
    "Every event is drawn by chance from a rate; nothing here was observed in people. A rate without a "
    "published source is an assumption, see the table of parameters. Infections, thrombosis of a portal vein "
    "branch, growths and the early failure of an organ act on the simulated body; other events are only "
    "counted. A fatal one ends the patient, whose endpoints are missing from then on."
)

Counts = Mapping[str, Any]


@dataclass(frozen=True)
class HarmRow:
    """One kind of event in one arm."""

    label: str
    arm: str
    rate: str
    patients: str
    severe: str
    serious: str


@dataclass(frozen=True)
class Harm:
    """All that the section prints; `absent` says why there is nothing else."""

    absent: str
    deaths: list[str]
    rows: list[HarmRow]
    figure: Figure | None
    remarks: list[Markup]


def harm(results: Results) -> Harm:
    """Return the harm of a run, read from its summary."""
    counts = _counts(results)
    if not counts:
        return Harm(NO_COUNTS, [], [], None, [])
    names = _kinds(counts)
    return Harm(
        absent="",
        deaths=[_deaths(arm, counts[arm]) for arm in counts],
        rows=[_row(name, arm, counts[arm]) for name in ["", *names] for arm in counts],
        figure=_figure(results, counts, names[:MOST_DRAWN]) if names else None,
        remarks=[escape(CHANCE), *_background(results), *_sources(names)],
    )


def _counts(results: Results) -> dict[str, Counts]:
    """Return the counts of each arm in the order of the study, empty for a run that has none."""
    text = (results.directory / "summary.json").read_text(encoding="utf-8")
    found: dict[str, Counts] = json.loads(text).get("harm", {})
    return {arm: found[arm] for arm in results.arms if arm in found}


def _kinds(counts: Mapping[str, Counts]) -> list[str]:
    """Return the events that happened, the most frequent first."""
    names = {name for one in counts.values() for name in one["events"]}
    rates = {n: max(one["events"].get(n, {"rate": 0})["rate"] for one in counts.values()) for n in names}
    return sorted(names, key=lambda name: (-rates[name], name))


def _deaths(arm: str, counts: Counts) -> str:
    size, years, deaths = counts["patients"], counts["patient_years"], counts["deaths"]
    died = "nobody died" if not deaths else f"{deaths} died"
    return f"“{arm}”: {died} of {size} patients in {years:,.0f} simulated patient-years."


def _background(results: Results) -> list[Markup]:
    """Say where deaths come from that no event of a therapy caused."""
    if not results.study.get("background_mortality"):
        return [Markup("Deaths from other causes are left out: the study file does not ask for them.")]
    start = "Deaths from other causes follow the life table, times a ratio for the kind of diabetes: "
    return [escape(start) + reference(SOURCE) + "."]


def _sources(names: list[str]) -> list[Markup]:
    """Return the references behind the severity of the events that happened."""
    found = {kind.source: kind.label for name in names if (kind := adverse_events()[name]).source}
    return [escape(f"Severity of {label}: ") + reference(key) + "." for key, label in found.items()]


def _row(name: str, arm: str, counts: Counts) -> HarmRow:
    """Return the row of an event, or of all events together when no name is given."""
    found = counts["any"] if not name else counts["events"].get(name)
    label = adverse_events()[name].label if name else "Any adverse event"
    if found is None:
        return HarmRow(label, arm, "0", "none", "0", "0")
    rate = f"{_few(found['rate'])} ({_few(found['rate_low'])} to {_few(found['rate_high'])})"
    share = f"{found['patients']} ({number(found['share'], '%')} %)" if found["patients"] else "none"
    return HarmRow(label, arm, rate, share, str(found["severe"]), str(found["serious"]))


def _few(value: float) -> str:
    """Write a number with two digits that count.

    >>> _few(0.0341), _few(123.4), _few(0.0)
    ('0.034', '123', '0')
    """
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _figure(results: Results, counts: Mapping[str, Counts], names: list[str]) -> Figure:
    caption = "Bars: exact 95 % intervals. An open mark at the left edge: none happened."
    size = (SIZE[0], max(SIZE[1], ROW * len(names) + AROUND))
    svg = draw_panel(KEY, TITLE, lambda axes: _draw(axes, results, counts, names), size)
    return Figure(KEY, TITLE, svg, "", caption)


def _draw(axes: Axes, results: Results, counts: Mapping[str, Counts], names: list[str]) -> None:
    """Draw a line for each kind of event and a dot for each arm, on a logarithmic axis."""
    at_edge = blended_transform_factory(axes.transAxes, axes.transData)
    shifts = np.linspace(-0.22, 0.22, len(counts)) if len(counts) > 1 else [0.0]
    for shift, (arm, one) in zip(shifts, counts.items(), strict=True):
        tint = color(results, arm)
        for place, name in enumerate(names):
            height, found = len(names) - 1 - place - shift, one["events"].get(name)
            if found is None:
                axes.plot(0.01, height, "o", color="white", markeredgecolor=tint, transform=at_edge)
                continue
            axes.plot([found["rate_low"], found["rate_high"]], [height] * 2, color=tint, linewidth=1.6)
            axes.plot(found["rate"], height, "o", color=tint)
        axes.plot([], [], "o-", color=tint, label=arm)
    _name_axes(axes, [adverse_events()[name].label for name in names])


def _name_axes(axes: Axes, labels: list[str]) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.set_xlabel("events per 100 patient-years")
    axes.set_yticks(range(len(labels)), [_folded(label) for label in reversed(labels)], fontsize=8.5)
    axes.set_ylim(-0.6, len(labels) - 0.4)
    axes.grid(axis="y", visible=False)
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False, fontsize=9, labelcolor=INK
    )


def _folded(label: str) -> str:
    """Break a long label into two lines near its middle."""
    words = label.split()
    if len(label) <= 24 or len(words) == 1:
        return label
    cut = min(range(1, len(words)), key=lambda i: abs(len(" ".join(words[:i])) - len(label) / 2))
    return f"{' '.join(words[:cut])}\n{' '.join(words[cut:])}"
