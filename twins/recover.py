"""Simulate people, fit them, ask whether the intervals hold the truth: `python -m twins.recover`.

Fifty people with type 2 diabetes are taken from the population of the parameter table; a glucose test of
five times (glucose, insulin, C-peptide) is simulated for each with the error the likelihood expects. First
the people differ in the fitted quantities alone, as the model assumes; then in every row of the table that
has a spread, as simulated people do: what is not fitted is then wrong for everybody.
"""

import argparse
import functools
from pathlib import Path
from typing import Any

import jax
import numpy as np
from matplotlib.axes import Axes
from scipy.stats import binom

from insulae.core.pytree import map_leaves
from insulae.inference import experiments as e
from insulae.inference import person
from insulae.inference.evidence import Experiment, Series, stacked
from insulae.inference.fit import Fitted, fit
from insulae.inference.measurement_error import error_table
from insulae.inference.predictive import expected, measured
from insulae.inference.prior import believed
from insulae.physiology import body, course
from insulae.physiology.effects import Effects
from insulae.populations.baseline import starting
from insulae.populations.patient import ClinicNumbers
from insulae.report.figures import COLORS, GRAY
from insulae.runs.manifest import keep_compiled_code
from twins.kept import kept
from twins.page import Check, panel, write_page

PEOPLE, SEED, OTHERS = 50, 20260101, 7
TIMES = np.array([0, 30, 60, 90, 120.0])
NUMBERS = {"age": 58.0, "male": 1.0, "height": 1.72, "weight": 86.0, "egfr": 85.0}
QUANTITIES = ("glucose", "insulin", "c_peptide")
LEVEL = 90
KINDS = {
    "fitted": (False, "fitted quantities differ"),
    "every": (True, "every row of the table differs"),
}
"""In what people differ: what is fitted alone, or every row that has a spread."""


def glucose_test(first: float, values: np.ndarray) -> Experiment:
    """Return a glucose test with values [quantity, time]."""
    series = tuple(Series(q, TIMES, row) for q, row in zip(QUANTITIES, values, strict=True))
    return Experiment("glucose test", e.joined(e.night(), e.oral_test(75.0, 120)), first, series)


def shown_by_everything(people: Any) -> np.ndarray:
    """Return what people of the population show without error, every row of the table varying."""
    parameters = people.cohort.parameters
    _, signals = course.morning(people.state, parameters.slow, Effects())
    schedule = e.joined(e.night(), e.oral_test(75.0, 120))
    with jax.enable_x64(True):
        constants = body.today(*map_leaves(np.float64, (parameters.fast, signals)), Effects())
        several = map_leaves(lambda leaf: leaf[:, None] if np.ndim(leaf) else leaf, schedule)
        found = jax.jit(e.live)(constants, e.fasting(constants, 120.0), several)
        return np.stack([np.asarray(e.at(getattr(found, q), schedule, TIMES)) for q in QUANTITIES])


def simulated(varied: bool, number: int, keep: Path | None) -> list[tuple[np.ndarray, Fitted]]:
    """Return the true logarithms of each person and the fit to the simulated test."""
    numbers = ClinicNumbers("type2", {k: (v, v) for k, v in NUMBERS.items()})
    known, prior = believed(numbers, [], SEED)
    people = starting(numbers, [], SEED + OTHERS, np.arange(number))
    truth, errors = person.effective(people, numbers.phenotype), error_table()
    blank = stacked([glucose_test(120.0, np.ones((3, len(TIMES))))], errors)
    exact = shown_by_everything(people).reshape(-1, number) if varied else expected(blank, known, truth)
    freedom = errors.freedom
    chance = np.random.default_rng([SEED, 9]).chisquare(freedom, (6, number))
    seen = measured(blank, exact, freedom / chance, SEED)
    found: list[tuple[np.ndarray, Fitted]] = []
    for place in range(number):
        values = seen[:, place].reshape(3, -1)
        test = glucose_test(float(values[0, 0]), values)
        fitted = functools.partial(fit, known, prior, [test], errors, SEED + place)
        found.append((truth[:, place], kept(keep, f"recover-{varied}-{number}-{place}", fitted)))
        print(f"\r{place + 1} people", end="", flush=True)
    print()
    return found


def coverage(found: list[tuple[np.ndarray, Fitted]]) -> np.ndarray:
    """Return whether each interval holds the truth, [person, fitted]."""
    inside: list[np.ndarray] = []
    for truth, fitted in found:
        low, high = np.percentile(fitted.logarithms, ((100 - LEVEL) / 2, (100 + LEVEL) / 2), axis=1)
        inside.append((truth >= low) & (truth <= high))
    return np.array(inside)


def _figure(key: str, place: int, found: list[tuple[np.ndarray, Fitted]]) -> str:
    def draw(axes: Axes) -> None:
        for truth, fitted in found:
            low, middle, high = np.exp(np.percentile(fitted.logarithms[place], (5, 50, 95)))
            x = np.exp(truth[place])
            axes.plot([x, x], [low, high], color=COLORS[0], linewidth=1, alpha=0.6)
            axes.plot(x, middle, "o", color=COLORS[0], markersize=3)
        limits = axes.get_xlim()
        axes.plot(limits, limits, color=GRAY, linewidth=1)
        axes.set_xlabel("truth")
        axes.set_ylabel("fitted")

    name = person.FITTED[place].replace("_", " ")
    return panel(f"{key}-{place}", name, draw)


def main() -> None:
    """Fit both kinds of people, print the coverage, write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/twins_recover"))
    parser.add_argument("--people", type=int, default=PEOPLE, help="people of each kind")
    parser.add_argument("--kind", choices=list(KINDS), help="one kind alone; default both")
    parser.add_argument("--keep", type=Path, help="folder in which the fits are kept")
    given: Any = parser.parse_args()
    keep_compiled_code()
    checks: list[Check] = []
    sections = []
    for kind in [given.kind] if given.kind else list(KINDS):
        varied, words = KINDS[kind]
        found = simulated(varied, given.people, given.keep)
        inside = coverage(found)
        share = 100 * float(inside.mean())
        checks.append((f"90 % intervals, {words}", "85 to 95 %", f"{share:.1f} %", 85 <= share <= 95))
        for place, name in enumerate(person.FITTED):
            mine = 100 * float(inside[:, place].mean())
            checks.append((f"... {name}", "", f"{mine:.0f} %", None))
        effective = min(float(f.draws.convergence.effective.min()) for _, f in found)
        checks.append(("... smallest effective sample size", "400", f"{effective:.0f}", effective >= 400))
        figures = [_figure(f"{varied}", place, found) for place in range(len(person.FITTED))]
        sections.append((words, figures))
    low, high = binom.interval(0.95, given.people, LEVEL / 100)
    said = [
        f"One quantity of {given.people} people should be covered {low:.0f} to {high:.0f} times by chance."
    ]
    print(write_page(given.out / "index.html", "Simulated people recovered", said, checks, sections))


if __name__ == "__main__":
    main()
