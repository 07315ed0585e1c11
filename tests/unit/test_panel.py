"""A panel is the same on a new easel and on one on which others were drawn before."""

import itertools
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from insulae.report.panel import Easel


def _lines(axes: Axes) -> None:
    axes.plot([0, 10, 20], [3, 900, 2], marker="o")
    axes.fill_between([0, 10, 20], 1, [5, 1200, 3], alpha=0.2)
    axes.set_xlabel("weeks")
    axes.set_ylabel("mass")


def _limited(axes: Axes) -> None:
    axes.margins(x=0.02)
    axes.step(np.arange(5), np.linspace(0, 100, 5), where="post")
    axes.set_ylim(-3, 103)
    axes.annotate("all", (1.02, 100), xycoords=("axes fraction", "data"))


def _with_second_axis(axes: Axes) -> None:
    axes.axhspan(70, 180, color="#e4f2ea")
    axes.axvline(0.5, linestyle="--")
    axes.plot([-1, 1], [100, 120])
    axes.secondary_yaxis("right", functions=(_to_mmol, _to_mg))


def _to_mmol(glucose: Any) -> Any:
    return glucose / 18


def _to_mg(glucose: Any) -> Any:
    return glucose * 18


def _text_alone(axes: Axes) -> None:
    axes.set_title("nothing to see")


DRAWINGS = {"lines": _lines, "limited": _limited, "second": _with_second_axis, "text": _text_alone}


def test_nothing_of_a_panel_is_left_for_the_next() -> None:
    alone = {name: Easel().panel(name, name, draw, 50) for name, draw in DRAWINGS.items()}
    assert len(set(alone.values())) == len(DRAWINGS)
    for first, second in itertools.permutations(DRAWINGS, 2):
        easel = Easel()
        easel.panel(first, first, DRAWINGS[first], 50)
        assert easel.panel(second, second, DRAWINGS[second], 50) == alone[second], (first, second)
