"""The figures of a manufacturing study: one panel each, every arm in its own color."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from insulae.report.figures import COLORS, GRAY, INK, Figure
from insulae.report.panel import draw_panel

Arms = Mapping[str, Mapping[str, Any]]
KINDS = {
    "beta": ("beta", "#0072B2"),
    "alpha": ("alpha", "#D55E00"),
    "delta": ("delta", "#009E73"),
    "enterochromaffin": ("enterochromaffin", "#E69F00"),
    "progenitor": ("progenitor, duct, exocrine", "#BBBBBB"),
}
ITEM_COLORS = (*COLORS, "#BBBBBB", "#7A5195", "#4C4C4C", "#A6CEE3", "#FDBF6F")
THOUSAND = 1000
DAYS_PER_WEEK = 7


def all_of(arms: Arms) -> list[Figure]:
    """Return every figure of the page."""
    drawn: list[tuple[str, str, str, Callable[[Axes], None]]] = [
        ("yield", "Living islets in a lot, in doses", _YIELD, lambda axes: _yields(axes, arms)),
        (
            "composition",
            "What the living cells are",
            "Mean of completed lots.",
            lambda axes: _composition(axes, arms),
        ),
        ("tests", "Lots that fail a release test", _TESTS, lambda axes: _tests(axes, arms)),
        ("potency", "Potency of lots", _POTENCY, lambda axes: _potency(axes, arms)),
        ("waiting", "Time from arrival to treatment", _WAITING, lambda axes: _waiting(axes, arms)),
        ("use", "How busy the plant is", "Mean over replications.", lambda axes: _use(axes, arms)),
        ("cost", "Cost of goods per dose, by item", _COST, lambda axes: _cost(axes, arms)),
        ("doubt", "Cost of goods per dose, in all worlds", _DOUBT, lambda axes: _doubt(axes, arms)),
    ]
    return [
        Figure(key, title, draw_panel(f"make-{key}", title, draw), "", caption)
        for key, title, caption, draw in drawn
    ]


_YIELD = "Completed lots; 1 is the number of islets ordered for one patient."
_TESTS = "Share of completed lots; one lot may fail several tests."
_POTENCY = "Secretion per living islet against the usual product; cumulative share of completed lots."
_WAITING = "Treated patients of the counted years, queues included; cumulative share."
_COST = "Inputs as in the table; the line is the 5 to 95 % interval where they are in doubt."
_DOUBT = "Cumulative share of worlds; a world is one set of inputs within their doubt."


def _tint(arms: Arms, name: str) -> str:
    return COLORS[list(arms).index(name) % len(COLORS)]


def _legend(axes: Axes, arms: Arms) -> None:
    if len(arms) > 1 and axes.get_legend_handles_labels()[0]:
        place: Any = {"loc": "lower center", "bbox_to_anchor": (0.4, 1.0)}
        axes.legend(frameon=False, fontsize=8.5, ncols=min(len(arms), 2), columnspacing=1.0, **place)


def _yields(axes: Axes, arms: Arms) -> None:
    for name, arm in arms.items():
        lots = np.asarray(arm["lots"]["values"]["living_islets"]) / arm["process"]["target"]
        done = lots[np.asarray(arm["lots"]["values"]["completed"]) & (lots > 0)]
        edges = np.geomspace(done.min(), done.max(), 30)
        share = 100 * np.histogram(done, edges)[0] / len(done)
        axes.stairs(share, edges, color=_tint(arms, name), fill=True, alpha=0.25)
        axes.stairs(share, edges, color=_tint(arms, name), linewidth=1.6, label=name)
    axes.axvline(1, color=INK, linestyle="--", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axes.xaxis.set_minor_formatter(lambda x, _: "")
    axes.set_xlabel("living islets of a lot / islets ordered for one patient")
    axes.set_ylabel("lots, %")
    _legend(axes, arms)


def _composition(axes: Axes, arms: Arms) -> None:
    for i, arm in enumerate(arms.values()):
        left = 0.0
        for kind, (label, tint) in KINDS.items():
            share = 100 * arm["lots"]["composition"][kind]
            axes.barh(i, share, left=left, color=tint, label=label if i == 0 else None)
            left += share
    _name_rows(axes, list(arms))
    axes.set_xlabel("living cells, %")
    axes.set_xlim(0, 100)
    axes.legend(
        frameon=False,
        fontsize=8.5,
        ncols=3,
        loc="lower center",
        bbox_to_anchor=(0.4, 1.0),
        columnspacing=1.0,
    )


def _name_rows(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), [_folded(name) for name in names], fontsize=9)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")


def _folded(name: str) -> str:
    """Break a long name into two lines at the space nearest its middle."""
    places = [i for i, letter in enumerate(name) if letter == " "]
    if len(name) <= 14 or not places:
        return name
    cut = min(places, key=lambda i: abs(i - len(name) / 2))
    return f"{name[:cut]}\n{name[cut + 1 :]}"


def _tests(axes: Axes, arms: Arms) -> None:
    labels = list(dict.fromkeys(test["label"] for arm in arms.values() for test in arm["tests"]))
    height = 0.8 / len(arms)
    for i, (name, arm) in enumerate(arms.items()):
        failed = {test["label"]: 100 * test["failed"] for test in arm["tests"]}
        places = [labels.index(label) + (i - (len(arms) - 1) / 2) * height for label in failed]
        axes.barh(places, list(failed.values()), height, color=_tint(arms, name), label=name)
    axes.set_yticks(range(len(labels)), [label.split(":")[0] for label in labels], fontsize=9)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("completed lots that fail, %")
    _legend(axes, arms)


def _rising(axes: Axes, numbers: Any, tint: str, label: str) -> None:
    """Draw the cumulative share of some numbers."""
    found = np.sort(np.asarray([x for x in numbers if x is not None and np.isfinite(x)], float))
    if len(found):
        share = 100 * (np.arange(len(found)) + 1) / len(found)
        axes.step(found, share, where="post", color=tint, linewidth=2, label=label)


def _potency(axes: Axes, arms: Arms) -> None:
    for name, arm in arms.items():
        values = arm["lots"]["values"]
        done = [p for p, completed in zip(values["potency"], values["completed"], strict=True) if completed]
        _rising(axes, done, _tint(arms, name), name)
    axes.axvline(1, color=INK, linestyle="--", linewidth=1)
    axes.set_xlim(0, 2.5)
    axes.set_xlabel("potency, 1 is the usual product")
    axes.set_ylabel("lots, %")
    _legend(axes, arms)


def _waiting(axes: Axes, arms: Arms) -> None:
    for name, arm in arms.items():
        weeks = np.asarray(arm["plant"]["waits"], float) / DAYS_PER_WEEK
        _rising(axes, weeks, _tint(arms, name), name)
    axes.set_xlim(left=0)
    axes.set_ylim(0, 103)
    axes.set_xlabel("weeks")
    axes.set_ylabel("patients treated, %")
    _legend(axes, arms)


def _use(axes: Axes, arms: Arms) -> None:
    resources = list(dict.fromkeys(r for arm in arms.values() for r in arm["plant"]["use"]))
    height = 0.8 / len(arms)
    for i, (name, arm) in enumerate(arms.items()):
        use = {r: 100 * found["mean"] for r, found in arm["plant"]["use"].items()}
        places = [resources.index(r) + (i - (len(arms) - 1) / 2) * height for r in use]
        axes.barh(places, list(use.values()), height, color=_tint(arms, name), label=name)
    _name_rows(axes, resources)
    axes.set_xlim(0, 100)
    axes.set_xlabel("busy, % of the time")
    _legend(axes, arms)


def _cost(axes: Axes, arms: Arms) -> None:
    names = list(dict.fromkeys(item for arm in arms.values() for item in arm["cost"]["items"]))
    for i, arm in enumerate(arms.values()):
        left = 0.0
        for item, tint in zip(names, ITEM_COLORS, strict=False):
            much = (arm["cost"]["items"].get(item) or 0.0) / THOUSAND
            axes.barh(i, much, left=left, color=tint, height=0.6, label=item if i == 0 else None)
            left += much
        low, high = (arm["cost"]["per_dose"][name] for name in ("p05", "p95"))
        if low is not None and high is not None:
            axes.plot([low / THOUSAND, high / THOUSAND], [i + 0.38] * 2, color=GRAY, linewidth=2.5)
    _name_rows(axes, list(arms))
    axes.set_xlabel("thousand US dollars per patient treated")
    axes.legend(
        frameon=False,
        fontsize=7.5,
        ncols=3,
        loc="lower center",
        bbox_to_anchor=(0.4, 1.0),
        columnspacing=0.8,
    )


def _doubt(axes: Axes, arms: Arms) -> None:
    for name, arm in arms.items():
        costs = [c / THOUSAND for c in arm["cost"]["values"] if c is not None]
        _rising(axes, costs, _tint(arms, name), name)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axes.xaxis.set_minor_formatter(lambda x, _: "")
    axes.set_xlabel("thousand US dollars per patient treated")
    axes.set_ylabel("worlds, %")
    _legend(axes, arms)
