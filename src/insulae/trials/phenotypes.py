"""Reference people: health, prediabetes, type 2 and type 1 diabetes over a day and in two standard tests.

Each is a small cohort of its phenotype at a stated HbA1c and treatment. The curves are compared with typical
published ones, which are in `tables/reference_curves.csv` with their ranges.
"""

import csv
import dataclasses
import functools
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.clock import STEP_MINUTES, STEPS_PER_DAY
from insulae.physiology.effects import combine
from insulae.populations.baseline import Start, starting
from insulae.populations.bodies import Bodies
from insulae.populations.patient import ClinicNumbers
from insulae.populations.routine import day_draws
from insulae.therapies.base import LONG_AGO, Treatment, load_all
from insulae.trials.calendar import calendar
from insulae.trials.simulation import simulate_arm

PATIENTS = 128
SEED = 1
PERCENTILES = (5, 50, 95)
QUANTITIES = ("glucose", "insulin", "c_peptide")
DRINK, MEAL = "OGTT, 75 g glucose", "mixed meal, 50 g carbohydrate"
TESTS = {DRINK: 75.0, MEAL: 50.0}


@dataclasses.dataclass(frozen=True)
class Person:
    """One reference person: a phenotype at an HbA1c (%) on a treatment."""

    name: str
    phenotype: str
    hba1c: float
    treatment: tuple[str, ...] = ()


PERSONS = (
    Person("healthy", "healthy", 5.1),
    Person("prediabetes", "prediabetes", 5.9),
    Person("type 2, early", "type2", 7.2),
    Person("type 2, late", "type2", 9.5),
    Person("type 2, insulin-treated", "type2", 8.0, ("basal_bolus", "metformin")),
    Person("type 1", "type1", 7.8, ("basal_bolus",)),
)


@dataclasses.dataclass(frozen=True)
class Curve:
    """Percentiles 5, 50, 95 of one quantity of one person in one test, [percentile, time in minutes]."""

    person: str
    test: str
    quantity: str
    minutes: NDArray[np.floating[Any]]
    percentiles: NDArray[np.floating[Any]]


@dataclasses.dataclass(frozen=True)
class Reference:
    """One typical published value with the range it should lie in."""

    person: str
    test: str
    quantity: str
    minute: float
    value: float
    lower: float
    upper: float
    source: str
    note: str


@functools.cache
def references() -> tuple[Reference, ...]:
    """Return the rows of `tables/reference_curves.csv`."""
    text = resources.files("insulae.tables").joinpath("reference_curves.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(_reference(row) for row in rows)


def _reference(row: Mapping[str, str]) -> Reference:
    return Reference(
        person=row["person"],
        test=row["test"],
        quantity=row["quantity"],
        minute=float(row["minute"]),
        value=float(row["value"]),
        lower=float(row["lower"]),
        upper=float(row["upper"]),
        source=row["source"],
        note=row["note"],
    )


def _started(person: Person) -> tuple[Start, dict[str, Treatment]]:
    family = load_all()
    specs = [family.get(kind).model_validate({"kind": kind, "start": LONG_AGO}) for kind in person.treatment]
    numbers = ClinicNumbers(person.phenotype, {"hba1c": (person.hba1c, person.hba1c)}, person.treatment)
    start = starting(numbers, specs, SEED, np.arange(PATIENTS))
    return start, {spec.kind: spec.build(start.enrolled) for spec in specs}


def _day_curves(person: Person, start: Start, treatments: dict[str, Treatment]) -> list[Curve]:
    """Return percentiles over patients and a fortnight of days, by time of day."""
    steps = calendar([0], [])
    (visited,) = [
        v for v in simulate_arm(start, treatments, steps, day_draws(SEED, start.cohort.ids)) if v is not None
    ]
    minutes = np.arange(STEPS_PER_DAY) * float(STEP_MINUTES)
    curves = []
    for quantity in QUANTITIES:
        days = getattr(visited.window, quantity).reshape(-1, STEPS_PER_DAY)
        curves.append(Curve(person.name, "day", quantity, minutes, np.percentile(days, PERCENTILES, axis=0)))
    return curves


def _test_curves(person: Person, start: Start, treatments: dict[str, Treatment], test: str) -> list[Curve]:
    """Return percentiles over patients of one test in the morning."""
    bodies = Bodies(start.cohort.parameters, start.state, day_draws(SEED, start.cohort.ids))
    effects = bodies.packed(combine(t.effects(0.0) for t in treatments.values()))
    given = bodies.glucose_test if test == DRINK else bodies.meal_test
    trace = given(effects, TESTS[test])
    curves = []
    for quantity in QUANTITIES:
        values = np.percentile(getattr(trace, quantity), PERCENTILES, axis=1)
        minutes = np.arange(values.shape[1]) * float(STEP_MINUTES)
        curves.append(Curve(person.name, test, quantity, minutes, values))
    return curves


def curves(on_person: Callable[[str], None] = lambda name: None) -> list[Curve]:
    """Simulate every reference person and return all curves; `on_person` hears who comes next."""
    found = []
    for person in PERSONS:
        on_person(person.name)
        start, treatments = _started(person)
        found += _day_curves(person, start, treatments)
        for test in TESTS:
            found += _test_curves(person, start, treatments, test)
    return found


def simulated(found: list[Curve], reference: Reference) -> float:
    """Return the simulated median beside a reference value; minute -1 asks for the mean of the day."""
    key = (reference.person, reference.test, reference.quantity)
    (curve,) = [c for c in found if (c.person, c.test, c.quantity) == key]
    if reference.minute < 0:
        return float(curve.percentiles[1].mean())
    return float(np.interp(reference.minute, curve.minutes, curve.percentiles[1]))
