"""Harm on the page: what happened to the patients of each arm, as a table and a drawing of rates."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from insulae.core.adverse_events import adverse_events
from insulae.core.life_table import SOURCE
from insulae.report.figures import Figure, color
from insulae.report.panel import HEIGHT, Panel, Place
from insulae.report.reading import Results
from insulae.report.tables import reference
from insulae.report.words import number

KEY, TITLE = "harm-rates", "Adverse events per 100 patient-years"
ROW, AROUND = 26.0, 79.0
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

    >>> _few(0.0345), _few(123.4), _few(0.0)
    ('0.034', '123', '0')
    """
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _figure(results: Results, counts: Mapping[str, Counts], names: list[str]) -> Figure:
    caption = "Bars: exact 95 % intervals. An open mark at the left edge: none happened."
    panel = Panel(height=max(HEIGHT, ROW * len(names) + AROUND))
    _draw(panel, results, counts, names)
    return Figure(KEY, TITLE, panel.svg(KEY, TITLE), "", caption)


def _draw(panel: Panel, results: Results, counts: Mapping[str, Counts], names: list[str]) -> None:
    """Draw a line for each kind of event and a dot for each arm, on a logarithmic axis."""
    panel.x.is_log, panel.x.name = True, "events per 100 patient-years"
    labels = [_folded(adverse_events()[name].label) for name in reversed(names)]
    panel.y.ticks, panel.y.size, panel.y.has_grid = list(enumerate(labels)), 8.5, False
    panel.y.low, panel.y.high = -0.6, len(labels) - 0.4
    shifts = np.linspace(-0.22, 0.22, len(counts)) if len(counts) > 1 else [0.0]
    for shift, (arm, one) in zip(shifts, counts.items(), strict=True):
        tint = color(results, arm)
        panel.legend.append((arm, tint))
        for place, name in enumerate(names):
            height, found = len(names) - 1 - place - float(shift), one["events"].get(name)
            if found is None:
                panel.mark(Place(y=height, across=0.01), "o", tint, 6, fill="white", edge=1)
                continue
            panel.line([found["rate_low"], found["rate_high"]], [height] * 2, tint, width=1.6)
            panel.mark(Place(found["rate"], height), "o", tint, 6)


def _folded(label: str) -> str:
    """Break a long label into two lines near its middle."""
    words = label.split()
    if len(label) <= 24 or len(words) == 1:
        return label
    cut = min(range(1, len(words)), key=lambda i: abs(len(" ".join(words[:i])) - len(label) / 2))
    return f"{' '.join(words[:cut])}\n{' '.join(words[cut:])}"
