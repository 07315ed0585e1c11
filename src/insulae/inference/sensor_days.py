"""Days of sensor glucose with meals and insulin as experiments, and the usual day behind an HbA1c.

Each day is an experiment of its own that begins eight hours before midnight with what was eaten and injected
then. A day on which no meal was noted is taken to have the usual meals of the parameter table.
"""

import dataclasses

import numpy as np

from insulae.core.clock import MINUTES_PER_DAY, MINUTES_PER_HOUR, STEP_MINUTES, STEPS_PER_DAY
from insulae.core.parameters import value
from insulae.core.units import PMOL_PER_UNIT
from insulae.inference.evidence import Experiment, Series
from insulae.inference.experiments import Schedule, days, eat, infuse, inject
from insulae.inference.meals import uncertain
from insulae.inference.measurement_error import ErrorTable
from insulae.inference.model import Floats
from insulae.lifestyle.meals import MEALS

WARM_UP_HOURS = 8
READ_EVERY = 15.0
"""Sensor values are thinned to one in a quarter of an hour: those between say nothing more."""
FEWEST_READINGS = 24
"""A day with fewer thinned readings is left out."""


@dataclasses.dataclass(frozen=True)
class Diary:
    """Sensor glucose, meals and insulin on one clock whose minute zero is a midnight; each [minute, amount]:
    mg/dL, g, U of rapid and of long-acting insulin, U/h of a pump from this minute on."""

    glucose: Floats
    meals: Floats
    rapid: Floats
    long: Floats
    pump: Floats = dataclasses.field(default_factory=lambda: np.empty((0, 2)))


def usual_meals(day: int) -> list[tuple[float, float]]:
    """Return minutes and carbohydrate (g) of the usual meals of a day."""
    hours = [(value(f"meals.{meal}_hour"), value(f"meals.{meal}")) for meal in MEALS]
    return [(day * MINUTES_PER_DAY + hour * MINUTES_PER_HOUR, grams) for hour, grams in hours]


def eaten(diary: Diary, day: int) -> list[tuple[float, float]]:
    """Return the meals of a day: those noted, or the usual ones where none is."""
    first = day * MINUTES_PER_DAY
    noted = [(float(m), float(g)) for m, g in diary.meals if first <= m < first + MINUTES_PER_DAY]
    return noted or usual_meals(day)


def _schedule(meals: list[tuple[float, float]], rapid: Floats, long: Floats, weight: float) -> Schedule:
    """Return the hours before a midnight and the day after it, with meals and injections [minute, amount]."""
    warm_up = WARM_UP_HOURS * MINUTES_PER_HOUR
    steps = STEPS_PER_DAY + warm_up // STEP_MINUTES
    schedule = days(steps, -float(warm_up))
    schedule = eat(schedule, [m for m, _ in meals], [g for _, g in meals], value("meals.eating_time"))
    for kind, doses in (("rapid_insulin", rapid), ("basal_insulin", long)):
        schedule = inject(schedule, kind, list(doses[:, 0]), list(doses[:, 1]), weight)
    return schedule


def day_of(diary: Diary, day: int, weight: float, errors: ErrorTable, minutes: Floats) -> Experiment:
    """Return one day of a diary, read at some minutes after midnight; weight is the metabolic one (kg)."""
    begin, warm_up = day * MINUTES_PER_DAY, WARM_UP_HOURS * MINUTES_PER_HOUR
    meals = [(m - begin, g) for d in (day - 1, day) for m, g in eaten(diary, d)]
    near = [(m, g) for m, g in meals if m >= -warm_up]
    schedule = _schedule(near, diary.rapid - [begin, 0], diary.long - [begin, 0], weight)
    if len(diary.pump):
        schedule = infuse(schedule, diary.pump[:, 0] - begin, diary.pump[:, 1], weight)
    before = float(_read(diary.glucose, np.array([begin - warm_up]))[0])
    return Experiment(
        name=f"day {day + 1}",
        schedule=schedule,
        first_glucose=before if np.isfinite(before) else float(np.nanmedian(diary.glucose[:, 1])),
        series=(Series("interstitial", np.asarray(minutes), _read(diary.glucose, begin + minutes)),),
        basal_insulin=_mean_basal(diary, weight),
        pump_rate=_running(diary, begin - warm_up, weight),
        clock=float(begin),
        meals=uncertain(near, -warm_up / 2, MINUTES_PER_DAY, errors),
    )


def _read(glucose: Floats, minutes: Floats) -> Floats:
    """Return the readings nearest to some minutes; NaN where none is within half an interval."""
    known = glucose[np.isfinite(glucose[:, 1])]
    place = np.clip(np.searchsorted(known[:, 0], minutes), 1, len(known) - 1)
    nearest = np.where(minutes - known[place - 1, 0] <= known[place, 0] - minutes, place - 1, place)
    return np.where(np.abs(known[nearest, 0] - minutes) <= READ_EVERY / 2, known[nearest, 1], np.nan)


def _mean_basal(diary: Diary, weight: float) -> float:
    """Return the long-acting insulin of an average day as a rate (pmol/kg/min)."""
    if not len(diary.long):
        return 0.0
    length = max(np.ptp(diary.glucose[:, 0]) / MINUTES_PER_DAY, 1.0)
    return float(diary.long[:, 1].sum() / length * PMOL_PER_UNIT / weight / MINUTES_PER_DAY)


def _running(diary: Diary, minute: float, weight: float) -> float:
    """Return what a pump infuses at a minute (pmol/kg/min)."""
    before = diary.pump[diary.pump[:, 0] <= minute]
    return float(before[-1, 1] * PMOL_PER_UNIT / MINUTES_PER_HOUR / weight) if len(before) else 0.0


def sensor_days(diary: Diary, chosen: range, weight: float, errors: ErrorTable) -> list[Experiment]:
    """Return the days of a diary that have enough readings."""
    minutes = np.arange(0, MINUTES_PER_DAY, READ_EVERY)
    found = [day_of(diary, day, weight, errors, minutes) for day in chosen]
    return [e for e in found if np.isfinite(e.series[0].values).sum() >= FEWEST_READINGS]


def usual_day(hba1c: float, glucose: float, weight: float, rapid: Floats, long: Floats) -> Experiment:
    """Return an ordinary day behind an HbA1c (%), with usual meals and insulin, near a glucose (mg/dL).

    `rapid` and `long` are the injections of a day, [minute of the day, U].
    """
    twice = [np.concatenate([doses - [MINUTES_PER_DAY, 0], doses]) for doses in (rapid, long)]
    begins = -WARM_UP_HOURS * MINUTES_PER_HOUR
    meals = [(m, g) for m, g in [*usual_meals(-1), *usual_meals(0)] if m >= begins]
    schedule = _schedule(meals, twice[0], twice[1], weight)
    basal = float(long[:, 1].sum() * PMOL_PER_UNIT / weight / MINUTES_PER_DAY)
    series = (Series("hba1c", np.array([0.0]), np.array([hba1c])),)
    return Experiment("HbA1c", schedule, glucose, series, basal)
