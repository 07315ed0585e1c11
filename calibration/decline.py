"""How beta cells go on being lost, and how differently in people: `python -m calibration.decline`.

The lasting loss of type 2 diabetes (its middle and its spread) and the loss driven by glucose are fitted
together to the UKPDS: median HbA1c and fasting glucose of the sixth year on diet and on treatment (simulated
on a sulfonylurea) from those of the first, and who on diet still is at target after nine years. On treatment
glucose is lower and beta cells are lost nearly as fast, which tells the two losses apart. Weight lost on the
three months of diet before comes back in all. The spread is tried in steps; the step that comes closest is
that of the table. With `prediabetes` the loss before diabetes is fitted to the yearly incidence in people
with raised fasting glucose of a meta-analysis, each with one measured fasting glucose a year.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from calibration.fitting import Fit, Target, fit, report
from calibration.simulated import Simulated, simulated
from insulae.core.parameters import changed, lookup

STUDY = Path(__file__).parents[1] / "studies" / "standard_drugs.yaml"
SIZE = 96
DECLINE, DEATH = "beta_cells.decline_rate", "beta_cells.death_rate"
SPREADS = (0.6, 1.0, 1.4)
AFTER_DIET = "{kind: lifestyle, lost_before: 4.5 kg}"
"""Weight lost in three months of diet before the UKPDS (ukpds7, recalled)."""
NEW = (
    "population.patient={duration: 0 to 1 years}",
    "population.baseline={age: {mean: 53 years, sd: 8.6 years}, bmi: {mean: 27.5 kg/m2, sd: 5 kg/m2}, "
    "hba1c: {mean: 7.1 %, sd: 1.5 %}}",
)
"""People of the UKPDS after three months of diet, recalled."""
QUIET = (f"population.size={SIZE}", "population.treatment=[]", "reported=[]", "stored_traces={patients: 0}")

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
    treated = f"{{kind: sulfonylurea, dose: 4 mg/d}}, {AFTER_DIET}"
    arms = f"{{name: diet, therapies: [{AFTER_DIET}]}}, {{name: treated, therapies: [{treated}]}}"
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
            fits[spread] = fit((DECLINE, DEATH), TARGETS, model, evaluations=4, step=0.2, population="type2")
        print(f"  spread {spread:g}: squared deviations {misfit(TARGETS, fits[spread]):.1f}", flush=True)
    best = min(fits, key=lambda spread: misfit(TARGETS, fits[spread]))
    return best, fits[best]


def main() -> None:
    """Repeat the fit and print it."""
    spread, found = by_spread()
    print(f"{DECLINE}: spread {lookup(DECLINE, 'type2').spread:g} -> {spread:g}")
    print(report((DECLINE, DEATH), TARGETS, found, "type2"))


if __name__ == "__main__":
    main()
