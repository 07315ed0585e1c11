"""Write docs/gallery.md from the families and their kept values; runs nothing."""

import math
from collections.abc import Iterable
from typing import Any

from gallery.families import Family
from insulae.core.citations import text
from insulae.report.words import brief, plain_units, week_text

Plain = dict[str, Any]
COMMAND = "make figures"
INTRODUCTION = f"""# Gallery

Simulated; not medical advice. One figure for each family of questions: what the study file asks, what comes
out, and what was published, misses first. `{COMMAND}` makes all of it, `python -m gallery NAME`
one of them; an entry of [gallery/families.yaml](../gallery/families.yaml) adds another.
"""


def render(found: Iterable[tuple[Family, Plain]]) -> str:
    """Return the page."""
    return "\n".join([INTRODUCTION, *(_section(family, values) for family, values in found)])


def _section(family: Family, values: Plain) -> str:
    """Return figure, study, misses and sources of one family."""
    count = f"{values['size']} simulated people"
    lines = [
        f"## {family.title}\n",
        f"{family.shows.strip()}\n",
        f"![{family.title}: {_alternative(values)}](figures/{family.name}.png)\n",
        f"Study: [{family.study}](../{family.study}), {count}. {_verdicts(values)}",
        *(f"- **Missed:** {_miss(one)}" for one in values["misses"]),
        *(f"- {line}" for line in _published(family, values)),
    ]
    return "\n".join(lines) + "\n"


def _alternative(values: Plain) -> str:
    return "; ".join(panel["label"] for panel in values["panels"])


def _verdicts(values: Plain) -> str:
    misses, hits = len(values["misses"]), values["hits"]
    if not misses + hits:
        return "The study states no published values that can be judged.\n"
    return f"Published values in the study file: {misses + hits}; within the simulated range: {hits}.\n"


def _miss(one: Plain) -> str:
    """Say what was reported and what was simulated instead."""
    low, center, high = (math.nan if v is None else v for v in one["simulated"])
    week = "" if one["week"] is None else f", {week_text(one['week'])}"
    simulated = brief(low, center, high, one["unit"], one["endpoint"])
    about = f"{one['label']}, {one['arm']}{week}"
    return f"{about}: reported {plain_units(one['reported'])} ({one['source']}), simulated {simulated}."


def _published(family: Family, values: Plain) -> Iterable[str]:
    """Yield each value given for the figure alone, beside what was simulated there."""
    for panel, drawn in zip(family.panels, values["panels"], strict=True):
        rows = {row["at"]: row for row in drawn.get("rows", ())}
        for one in panel.published:
            row = rows.get(one.at)
            beside = (
                f"simulated {row['center']:.3g}" if row and row["center"] is not None else "not simulated"
            )
            note = f" ({one.note})" if one.note else ""
            yield f"{drawn['label']}, {one.at}: published {one.value:g}{note}, {beside}. {text(one.source)}."
