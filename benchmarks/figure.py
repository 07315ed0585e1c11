"""Draw `docs/performance.png` from the result files: speed of the engines, growth of time and memory."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.results import Results

OURS, OTHER, C_LOOP, INK = "#0072B2", "#9a9a9a", "#D55E00", "#222222"
SIZE = (11.0, 7.2)
DPI = 130
ABSENT = "not measured"
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.axisbelow": True,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "grid.color": "#e6e6e6",
}


def write(results: Results, path: Path) -> None:
    """Write the figure as PNG."""
    with mpl.rc_context(STYLE):
        canvas = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
        FigureCanvasAgg(canvas)
        grid = canvas.add_gridspec(2, 3, height_ratios=(1.15, 1))
        _speeds(canvas.add_subplot(grid[0, :]), results)
        _growth(canvas.add_subplot(grid[1, 0]), results, "patients", "seconds")
        _growth(canvas.add_subplot(grid[1, 1]), results, "patients", "peak_memory")
        _growth(canvas.add_subplot(grid[1, 2]), results, "years", "seconds")
        canvas.savefig(path)


def _absent(axes: Axes) -> None:
    axes.text(0.5, 0.5, ABSENT, ha="center", va="center", color=OTHER, transform=axes.transAxes)
    axes.set_xticks([])
    axes.set_yticks([])


def _color(name: str) -> str:
    return C_LOOP if name == "c" else OURS if name.startswith("ours") else OTHER


def _speeds(axes: Axes, results: Results) -> None:
    """One bar per engine on a logarithmic scale, the fastest on top; missing ones are named."""
    axes.set_title("Patient-days per second on one core")
    engines = results.get("peers", {}).get("engines", [])
    if not engines:
        return _absent(axes)
    ordered = sorted(engines, key=lambda e: e.get("rate", 0))
    lowest = min(e["rate"] for e in ordered if "rate" in e) / 3
    for place, engine in enumerate(ordered):
        rate = engine.get("rate")
        if rate is None:
            axes.text(lowest * 1.2, place, "missing", va="center", color=OTHER)
            continue
        axes.barh(place, rate, color=_color(engine["name"]), height=0.65)
        error = f", error {engine['error']:.2g} mg/dL" if engine["error"] is not None else ", its own model"
        axes.text(
            rate * 1.15, place, f"{rate:,.3g}{error}" if rate < 1000 else f"{rate:,.0f}{error}", va="center"
        )
    axes.set_yticks(range(len(ordered)), [engine["label"] for engine in ordered])
    axes.set_xscale("log")
    axes.set_xlim(lowest, max(e.get("rate", 0) for e in ordered) * 60)
    axes.grid(axis="x")


LABELS = {"seconds": "seconds", "peak_memory": "MiB"}
TITLES = {
    ("patients", "seconds"): "Time of a whole run",
    ("patients", "peak_memory"): "Peak memory of a whole run",
    ("years", "seconds"): "Time by simulated years",
}


def _growth(axes: Axes, results: Results, varied: str, what: str) -> None:
    """Draw one quantity against patients or years, both axes from zero, so that a line through it is seen."""
    axes.set_title(TITLES[varied, what])
    rows = [row for row in results.get("scaling", {}).get("runs", []) if row["varied"] == varied]
    points = [(row["value"], row[what]) for row in rows if row[what] is not None]
    if not points:
        return _absent(axes)
    axes.plot(*zip(*points, strict=True), color=OURS, marker="o")
    axes.set_xlim(0, max(x for x, _ in points) * 1.05)
    axes.set_ylim(0, max(y for _, y in points) * 1.25)
    axes.set_xlabel(varied)
    axes.set_ylabel(LABELS[what])
    axes.grid()
    return None
