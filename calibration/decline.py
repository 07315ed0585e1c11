"""How beta cells go on being lost, and how differently in people: `python -m calibration.decline`.

The lasting loss of type 2 diabetes (its middle and its spread) and the loss driven by glucose are fitted
together to the UKPDS: median HbA1c and fasting glucose of the sixth year on diet and on treatment (simulated
on a sulfonylurea) from those of the first, and who on diet still is at target after nine years. On treatment
glucose is lower and beta cells are lost nearly as fast, which tells the two losses apart. Weight regained
after the three months of diet before is left out: HbA1c answers a kilogram about twice as strongly here as in
trials (0.1 points, gummesson2017; `kilogram.py`), which would stand for loss of beta cells. The spread is
tried in steps; the step that comes closest is that of the table. In prediabetes the loss is slower: the
yearly incidence of diabetes that comes of the row of the table in people with a fasting glucose of 110 to 125
mg/dL is printed beside that of a meta-analysis, which set it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from calibration.fitting import Fit, Target, fit, report
from calibration.simulated import Simulated, simulated
from insulae.core.parameters import changed, lookup

STUDY = Path(__file__).parents[1] / "studies" / "standard_drugs.yaml"
SIZE = 64
DECLINE, DEATH = "beta_cells.decline_rate", "beta_cells.death_rate"
SPREADS = (0.6, 1.0)
NEW = (
    "population.patient={duration: 0 to 1 years}",
    "population.baseline={age: {mean: 53 years, sd: 8.6 years}, bmi: {mean: 27.5 kg/m2, sd: 5 kg/m2}, "
    "hba1c: {mean: 7.1 %, sd: 1.5 %}}",
)
"""People of the UKPDS after three months of diet, recalled."""
QUIET = (f"population.size={SIZE}", "population.treatment=[]", "reported=[]", "stored_traces={patients: 0}")

DIABETES = 126.0
"""Fasting glucose (mg/dL) of diabetes."""

TARGETS = (
    Target("diet, HbA1c, median, year 6 less year 1", 1.2, 0.2, "%", "ukpds16"),
    Target("treated, HbA1c, median, year 6 less year 1", 1.0, 0.2, "%", "ukpds16"),
    Target("diet, fasting glucose, median, year 6 less year 1", 23.4, 5.0, "mg/dL", "ukpds16"),
    Target("treated, fasting glucose, median, year 6 less year 1", 18.0, 5.0, "mg/dL", "ukpds16"),
    Target("diet, HbA1c below 7 %, year 9", 9.0, 4.0, "%", "turner1999"),
    Target("diet, fasting glucose below 140 mg/dL, year 9", 8.0, 4.0, "%", "turner1999"),
)


def lived(found: Mapping[str, float], arms: str, weeks: Sequence[int], *who: str) -> Simulated:
    """Simulate some people for years; visits at the weeks given."""
    extra = [*QUIET, *who, f"arms=[{arms}]", f"horizon={weeks[-1]} weeks", f"visits={list(weeks)}"]
    return simulated(STUDY, SIZE, found, [*extra, "endpoints=[hba1c, fasting_glucose]"])


def rise(run: Simulated, arm: str, endpoint: str) -> float:
    """Return by how much a median rises from the first to the sixth year."""
    first, last = (float(np.median(run.values(arm, endpoint, week))) for week in (52, 312))
    return last - first


def model(found: Mapping[str, float]) -> Sequence[float]:
    """Return the simulated counterpart of every target."""
    arms = "{name: diet}, {name: treated, therapies: [{kind: sulfonylurea, dose: 4 mg/d}]}"
    run = lived(found, arms, (0, 52, 312, 468), *NEW)
    rises = [rise(run, arm, name) for name in ("hba1c", "fasting_glucose") for arm in ("diet", "treated")]
    at_target = (
        100 * float(np.mean(run.values("diet", name, 468) < limit))
        for name, limit in (("hba1c", 7.0), ("fasting_glucose", 140.0))
    )
    return [*rises, *at_target]


def misfit(targets: Sequence[Target], found: Fit) -> float:
    """Return the squared deviations in tolerances."""
    return sum(((o - t.value) / t.tolerance) ** 2 for t, o in zip(targets, found.obtained, strict=True))


def by_spread() -> tuple[float, Fit]:
    """Return the spread of the lasting loss that comes closest, and the fit with it."""
    fits: dict[float, Fit] = {}
    for spread in SPREADS:
        with changed({}, {DECLINE: spread}):
            fits[spread] = fit((DECLINE, DEATH), TARGETS, model, evaluations=3, step=0.3, population="type2")
        found = ", ".join(f"{name} {value:.3g}" for name, value in fits[spread].values.items())
        print(
            f"  spread {spread:g}: squared deviations {misfit(TARGETS, fits[spread]):.1f}, {found}",
            flush=True,
        )
    best = min(fits, key=lambda spread: misfit(TARGETS, fits[spread]))
    return best, fits[best]


def incidence(years: int = 3) -> float:
    """Return how many of 100 people a year get diabetes from fasting glucose of 110 to 125 mg/dL."""
    weeks = tuple(range(0, 52 * years + 1, 52))
    raised = "population.patient={fasting_glucose: 110 to 125 mg/dL, age: 40 to 70 years}"
    run = lived({}, "{name: nothing}", weeks, "population.phenotype=prediabetes", raised)
    glucose = np.stack([run.values("nothing", "fasting_glucose", week) for week in weeks[1:]])
    is_new = np.logical_or.accumulate(glucose >= DIABETES, axis=0)
    at_risk = years - is_new[:-1].sum(axis=0)
    return 100 * float(is_new[-1].sum() / at_risk.sum())


def main() -> None:
    """Repeat the fit and print it with its check."""
    spread, found = by_spread()
    print(f"{DECLINE}: spread {lookup(DECLINE, 'type2').spread:g} -> {spread:g}")
    print(report((DECLINE, DEATH), TARGETS, found, "type2"))
    print(f"prediabetes: incidence of diabetes, published 6 to 9, simulated {incidence():.1f} [gerstein2007]")


if __name__ == "__main__":
    main()
