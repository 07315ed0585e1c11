"""The page of reference people: a day, a glucose test and a mixed meal, beside typical published values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from insulae.report.figures import COLORS, GRAY
from insulae.report.panel import draw_panel
from insulae.report.templates import template
from insulae.trials.phenotypes import Curve, Reference

AXES = {
    "glucose": ("glucose, mg/dL", 400.0),
    "insulin": ("insulin, pmol/L", 900.0),
    "c_peptide": ("C-peptide, pmol/L", 5000.0),
}


def rows(references: Sequence[Reference], simulated: Sequence[float]) -> list[dict[str, Any]]:
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


def _figure(curve: Curve, references: Sequence[Reference], tint: str) -> str:
    label, top = AXES[curve.quantity]
    is_day = curve.test == "day"
    scale = 60 if is_day else 1

    def draw(axes: Axes) -> None:
        low, middle, high = curve.percentiles
        axes.fill_between(curve.minutes / scale, low, high, color=tint, alpha=0.2, linewidth=0)
        axes.plot(curve.minutes / scale, middle, color=tint, linewidth=2)
        for r in references:
            if (r.person, r.test, r.quantity) == (curve.person, curve.test, curve.quantity) and r.minute >= 0:
                axes.plot([r.minute / scale] * 2, [r.lower, r.upper], color=GRAY, linewidth=1.5)
                axes.plot(r.minute / scale, r.value, "o", color=GRAY, markersize=4)
        axes.set_ylim(0, max(top, float(high.max()) * 1.05) if curve.quantity == "glucose" else None)
        axes.set_ylabel(label)
        axes.set_xlabel("hour of the day" if is_day else "minutes after the drink")

    key = f"{curve.person}-{curve.test}-{curve.quantity}".replace(" ", "").replace(",", "-")
    return draw_panel(key, f"{curve.person}: {label}", draw)


def write_page(
    path: Path,
    curves: Sequence[Curve],
    references: Sequence[Reference],
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
    hits = sum(row["hit"] for row in table)
    page = template("phenotypes").render(
        rows=table, people=people, hits=hits, total=len(table), patients=patients
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path
