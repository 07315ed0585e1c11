"""The page of reference people: a day, a glucose test and a mixed meal, beside typical published values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, StrictUndefined
from matplotlib.axes import Axes

from insulae.report.figures import COLORS, GRAY, draw_panel

AXES = {
    "glucose": ("glucose, mg/dL", 400.0),
    "insulin": ("insulin, pmol/L", 900.0),
    "c_peptide": ("C-peptide, pmol/L", 5000.0),
}
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Reference people, simulated</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
body{font:16px/1.5 system-ui,sans-serif;max-width:1180px;margin:0 auto;padding:1rem;color:#222}
.banner{background:#fff3cd;border:1px solid #e0c97f;padding:.5rem 1rem}
.row{display:grid;grid-template-columns:repeat(auto-fit,minmax(320px,1fr));gap:1rem}svg{width:100%;height:auto}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.25rem .5rem;text-align:left}
.scroll{overflow-x:auto}.miss{color:#a33;font-weight:600}</style></head><body>
<p class="banner">Simulated. Not medical advice.</p><h1>Reference people</h1>
<p>Each row is a small simulated cohort of {{ patients }} people: median and 5th to 95th percentile of an ordinary fortnight by
time of day and of two tests in the morning. Gray points are typical published values with the range fixed beforehand.</p>
<p><strong>{{ hits }} of {{ total }} simulated medians lie inside their range.</strong> Misses are listed first.</p>
<div class="scroll"><table><tr><th>person</th><th>test</th><th>quantity</th><th>minute</th><th>typical</th><th>range</th>
<th>simulated</th><th></th><th>source</th></tr>
{% for r in rows %}<tr><td>{{ r.person }}</td><td>{{ r.test }}</td><td>{{ r.quantity }}</td><td>{{ r.minute }}</td>
<td>{{ r.value }}</td><td>{{ r.range }}</td><td>{{ r.simulated }}</td>
<td{% if not r.hit %} class="miss"{% endif %}>{{ "hit" if r.hit else "miss" }}</td><td>{{ r.source }}</td></tr>
{% endfor %}</table></div>
{% for person in people %}<h2>{{ person.name }}</h2>{% for test in person.tests %}<h3>{{ test.name }}</h3>
<div class="row">{% for figure in test.figures %}<figure>{{ figure|safe }}</figure>{% endfor %}</div>{% endfor %}
{% endfor %}</body></html>
"""


class CurveLike(Protocol):
    """One simulated curve: percentiles 5, 50, 95 over time in minutes."""

    person: str
    test: str
    quantity: str
    minutes: Any
    percentiles: Any


class ReferenceLike(Protocol):
    """One typical value with its range."""

    person: str
    test: str
    quantity: str
    minute: float
    value: float
    lower: float
    upper: float
    source: str
    note: str


def rows(references: Sequence[ReferenceLike], simulated: Sequence[float]) -> list[dict[str, Any]]:
    """Return the table of typical against simulated values, misses first."""
    table = [
        {
            "person": r.person,
            "test": r.test,
            "quantity": r.quantity.replace("_", "-"),
            "minute": "mean" if r.minute < 0 else f"{r.minute:g}",
            "value": f"{r.value:g}",
            "range": f"{r.lower:g} to {r.upper:g}",
            "simulated": f"{value:.0f}",
            "hit": r.lower <= value <= r.upper,
            "source": f"{r.source or 'typical, no single source'}; {r.note}",
        }
        for r, value in zip(references, simulated, strict=True)
    ]
    return sorted(table, key=lambda row: row["hit"])


def _figure(curve: CurveLike, references: Sequence[ReferenceLike], tint: str) -> str:
    label, top = AXES[curve.quantity]
    is_day = curve.test == "day"
    scale = 60 if is_day else 1

    def draw(axes: Axes) -> None:
        low, middle, high = curve.percentiles
        axes.fill_between(curve.minutes / scale, low, high, color=tint, alpha=0.2, linewidth=0)
        axes.plot(curve.minutes / scale, middle, color=tint, linewidth=2)
        for r in references:
            if (r.person, r.test, r.quantity) == (curve.person, curve.test, curve.quantity) and r.minute >= 0:
                axes.plot([r.minute, r.minute], [r.lower, r.upper], color=GRAY, linewidth=1.5)
                axes.plot(r.minute, r.value, "o", color=GRAY, markersize=4)
        axes.set_ylim(0, max(top, float(high.max()) * 1.05) if curve.quantity == "glucose" else None)
        axes.set_ylabel(label)
        axes.set_xlabel("hour of the day" if is_day else "minutes after the drink")

    key = f"{curve.person}-{curve.test}-{curve.quantity}".replace(" ", "").replace(",", "-")
    return draw_panel(key, f"{curve.person}: {label}", draw)


def write_page(
    path: Path,
    curves: Sequence[CurveLike],
    references: Sequence[ReferenceLike],
    simulated: Sequence[float],
    patients: int,
) -> Path:
    """Write the page and return its path."""
    table = rows(references, simulated)
    people = []
    names = list(dict.fromkeys(c.person for c in curves))
    for place, name in enumerate(names):
        mine = [c for c in curves if c.person == name]
        tests = [
            {"name": test, "figures": [_figure(c, references, COLORS[place]) for c in mine if c.test == test]}
            for test in dict.fromkeys(c.test for c in mine)
        ]
        people.append({"name": name, "tests": tests})
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    hits = sum(row["hit"] for row in table)
    page = environment.from_string(_PAGE).render(
        rows=table, people=people, hits=hits, total=len(table), patients=patients
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path
