"""Simulated people whose truth is known: a meal test of three hours and days of sensor glucose.

Both are people with type 2 diabetes of one age and size, drawn from the prior that their fit uses; what is
measured has the error that the likelihood expects. Meals of sensor days are eaten at other sizes than noted.
"""

import dataclasses
from typing import Any

import numpy as np

from insulae.core.clock import MINUTES_PER_DAY
from insulae.inference import experiments as e
from insulae.inference.evidence import Experiment, Series, stacked
from insulae.inference.likelihood import Prior
from insulae.inference.measurement_error import QUANTITIES, error_table
from insulae.inference.person import Known
from insulae.inference.point import draws
from insulae.inference.predictive import expected, measured
from insulae.inference.prior import believed
from insulae.inference.sensor_days import READ_EVERY, Diary, sensor_days, usual_meals
from insulae.populations.patient import ClinicNumbers

NUMBERS = {"age": 58.0, "male": 1.0, "height": 1.72, "weight": 86.0, "egfr": 85.0}
"""Years, 1 for men, m, kg, mL/min/1.73 m2."""
TEST_TIMES = np.array([0, 15, 30, 60, 90, 120, 180.0])
IN_TEST = ("glucose", "insulin", "c_peptide")
CARBOHYDRATE = 75.0
LATER = 20.0
"""Standard deviation (min) of the hour of a meal."""
BEGUN = 130.0
"""Glucose (mg/dL) that a night or a day begins near; the hours before the first reading forget it."""


@dataclasses.dataclass(frozen=True)
class Case:
    """What a fit is given, and the truth behind it [fitted]."""

    name: str
    known: Known
    prior: Prior
    experiments: list[Experiment]
    truth: np.ndarray


def beliefs(seed: int) -> tuple[Known, Prior]:
    """Return what is not fitted and the prior of the people of this module."""
    return believed(ClinicNumbers("type2", {k: (v, v) for k, v in NUMBERS.items()}), [], seed)


def _seen(experiments: list[Experiment], known: Known, truth: np.ndarray, seed: int) -> np.ndarray:
    """Return the values of some experiments as measured in one person, with the expected error."""
    evidence = stacked(experiments, error_table())
    exact = expected(evidence, known, truth[:, None])
    return measured(evidence, exact, np.ones((len(QUANTITIES), 1)), seed)[:, 0]


def meal_test(seed: int) -> Case:
    """Return a liquid meal of 75 g with glucose, insulin and C-peptide at seven times over three hours."""
    known, prior = beliefs(seed)
    truth = draws(prior, 1, seed + 1)[:, 0]
    schedule = e.joined(e.night(), e.oral_test(CARBOHYDRATE, TEST_TIMES[-1]))

    def test(values: np.ndarray) -> Experiment:
        series = [Series(q, TEST_TIMES, row) for q, row in zip(IN_TEST, values, strict=True)]
        return Experiment("meal test", schedule, float(values[0, 0]), tuple(series))

    shape = (len(IN_TEST), len(TEST_TIMES))
    seen = _seen([test(np.full(shape, BEGUN))], known, truth, seed)
    return Case("meal test of 3 hours", known, prior, [test(seen.reshape(shape))], truth)


def sensor_record(number: int, seed: int) -> Case:
    """Return some days of sensor glucose with meals whose size is noted with the expected error."""
    known, prior = beliefs(seed)
    truth = draws(prior, 1, seed + 1)[:, 0]
    weight, errors = float(known.signals.metabolic_weight), error_table()
    random = np.random.default_rng([seed, 4])
    usual = [meal for day in range(number) for meal in usual_meals(day)]
    noted = np.array(usual) + np.stack([LATER * random.standard_normal(len(usual)), np.zeros(len(usual))], 1)
    eaten: Any = noted.copy()
    eaten[:, 1] *= np.maximum(1 + errors.meal_size * random.standard_normal(len(usual)), 0)
    minutes, nothing = np.arange(0, number * MINUTES_PER_DAY, READ_EVERY), np.empty((0, 2))

    def days(meals: np.ndarray, glucose: np.ndarray) -> list[Experiment]:
        diary = Diary(np.stack([minutes, glucose], axis=1), meals, nothing, nothing)
        return sensor_days(diary, range(number), weight, errors)

    seen = _seen(days(eaten, np.full(len(minutes), BEGUN)), known, truth, seed)
    return Case(f"{number} days of sensor glucose", known, prior, days(noted, seen), truth)
