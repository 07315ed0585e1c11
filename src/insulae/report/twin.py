"""The page of a digital twin: data against posterior predictive, prior against posterior, what stays open."""

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from matplotlib.axes import Axes

from insulae.report.figures import COLORS, GRAY
from insulae.report.panel import draw_panel

LABELS = {
    "glucose": "plasma glucose, mg/dL",
    "interstitial": "sensor glucose, mg/dL",
    "insulin": "insulin, pmol/L",
    "c_peptide": "C-peptide, pmol/L",
    "infusion": "glucose infusion, mg/kg/min",
    "hba1c": "HbA1c, %",
}


def measured_panel(name: str, quantity: str, minutes: Any, seen: Any, bands: Any) -> str:
    """Return one series: measured values and 5th, 50th, 95th percentile of what the twin would show."""

    def draw(axes: Axes) -> None:
        is_single = len(minutes) == 1
        low, middle, high = bands
        if is_single:
            axes.plot([minutes[0]] * 2, [low[0], high[0]], color=COLORS[0], linewidth=6, alpha=0.3)
        axes.fill_between(minutes, low, high, color=COLORS[0], alpha=0.2, linewidth=0)
        axes.plot(minutes, middle, "o" if is_single else "-", color=COLORS[0], markersize=4)
        axes.plot(minutes, seen, "o", color="black", markersize=3)
        axes.set_ylabel(LABELS[quantity])
        axes.set_xlabel("minutes")
        if is_single:
            axes.set_xticks([])
            axes.set_xlabel("")

    return draw_panel(f"{name}-{quantity}".replace(" ", "-"), f"{name}: {LABELS[quantity]}", draw)


def density_panel(name: str, draws: Any, weights: Any, mean: float, spread: float) -> str:
    """Return the posterior of one quantity as a histogram over its prior."""

    def draw(axes: Axes) -> None:
        grid = np.linspace(mean - 3.5 * spread, mean + 3.5 * spread, 200)
        prior = np.exp(-0.5 * ((grid - mean) / spread) ** 2) / spread / np.sqrt(2 * np.pi)
        axes.plot(np.exp(grid), prior, color=GRAY)
        heights, edges = np.histogram(draws, 40, weights=weights, density=True)
        axes.stairs(heights, np.exp(edges), fill=True, color=COLORS[0], alpha=0.4)
        axes.set_xscale("log")
        axes.set_yticks([])
        axes.set_xlabel(name.replace("_", " "))

    return draw_panel(f"density-{name}", name, draw)


def twin_page(
    twin: Any, panels: Sequence[str], densities: Mapping[str, str], command: str, history: Sequence[str] = ()
) -> str:
    """Return the page of a twin as HTML."""
    template = resources.files("insulae.report").joinpath("twin.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    determined, percentiles = twin.determined(), twin.percentiles()
    findings = twin.findings
    rows = [
        {
            "name": name.replace("_", " "),
            "p": [f"{x:.3g}" for x in percentiles[place]],
            "word": determined[name],
            "effective": f"{findings['effective_sample_size'][name]:.0f}",
            "r_hat": f"{findings['r_hat'][name]:.3f}",
            "figure": densities[name],
        }
        for place, name in enumerate(determined)
    ]
    return environment.from_string(template).render(
        name=twin.person["name"],
        rows=rows,
        checks=findings["checks"],
        trouble=findings["trouble"],
        panels=panels,
        labels=LABELS,
        effective=f"{twin.effective:.0f}",
        draws=len(twin.weights),
        history=history,
        command=command,
    )
