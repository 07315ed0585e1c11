"""What a report of a sensor says: every measure with unit, definition and the paper that defines it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from insulae.cgm import metrics
from insulae.cgm.crossings import mage_by_crossings
from insulae.cgm.episodes import count_episodes, count_high_episodes, find_episodes
from insulae.cgm.readings import Readings
from insulae.cgm.record import SensorRecord

Metric = Callable[[ArrayLike], ArrayLike]
Calculation = Callable[[SensorRecord], float]
CONSENSUS_DAYS, CONSENSUS_COMPLETENESS = 14, 70.0
"""A report speaks for the months before it with 14 days and 70 % of the readings (battelino2019)."""
ZONES = ((20.0, "A"), (40.0, "B"), (60.0, "C"), (80.0, "D"), (100.0, "E"))


@dataclass(frozen=True)
class Measure:
    """One measure of a sensor record.

    unit: `mg/dL` values are shown in the unit of the reader. target: of adults with diabetes, empty when the
    consensus sets none. source: key in `tables/references.bib`. loinc: its code where there is one.
    """

    name: str
    label: str
    unit: str
    definition: str
    source: str
    compute: Calculation
    target: str = ""
    loinc: str = ""


class Episode(NamedTuple):
    """A hypoglycemic episode: start and end in minutes, evenly counted, lowest glucose in mg/dL, level."""

    start: float
    end: float
    lowest: float
    level: int


def _of(function: Metric) -> Calculation:
    return lambda record: float(np.squeeze(function(record.readings)))


def _weekly(count: Callable[[Readings, int, int], ArrayLike], level: int) -> Calculation:
    def rate(record: SensorRecord) -> float:
        weeks = float(np.squeeze(record.even.number)) * record.step / (7 * 24 * 60)
        number = float(np.squeeze(count(record.even, level, record.step)))
        return number / weeks if weeks > 0 else float("nan")

    return rate


def _less(larger: Metric, smaller: Metric) -> Calculation:
    return lambda record: _of(larger)(record) - _of(smaller)(record)


MEASURES = (
    Measure(
        "days", "Length of the record", "d", "first to last reading", "battelino2019", lambda r: r.days, "14"
    ),
    Measure(
        "completeness",
        "Readings there are",
        "%",
        "of those one in each usual step would give",
        "battelino2019",
        lambda r: r.completeness,
        "at least 70",
        loinc="97504-5",
    ),
    Measure(
        "mean",
        "Mean glucose",
        "mg/dL",
        "mean of the readings",
        "battelino2023",
        _of(metrics.mean_glucose),
        loinc="97507-8",
    ),
    Measure(
        "gmi",
        "Glucose management indicator",
        "%",
        "3.31 + 0.02392 mean glucose in mg/dL",
        "bergenstal2018",
        _of(metrics.glucose_management_indicator),
        loinc="97506-0",
    ),
    Measure(
        "sd",
        "Standard deviation",
        "mg/dL",
        "n - 1 in the denominator",
        "battelino2023",
        _of(metrics.standard_deviation),
    ),
    Measure(
        "cv",
        "Coefficient of variation",
        "%",
        "standard deviation over mean",
        "battelino2019",
        _of(metrics.coefficient_of_variation),
        "at most 36",
    ),
    Measure(
        "below_54",
        "Time below 54 mg/dL (3.0 mmol/L)",
        "%",
        "readings strictly below",
        "battelino2023",
        _of(metrics.time_below_54),
        "below 1",
        loinc="104642-4",
    ),
    Measure(
        "54_69",
        "Time 54 to 69 mg/dL (3.0 to 3.8 mmol/L)",
        "%",
        "readings below 70 less those below 54",
        "battelino2023",
        _less(metrics.time_below_range, metrics.time_below_54),
        loinc="104641-6",
    ),
    Measure(
        "below_70",
        "Time below 70 mg/dL (3.9 mmol/L)",
        "%",
        "readings strictly below",
        "battelino2023",
        _of(metrics.time_below_range),
        "below 4",
    ),
    Measure(
        "in_70_140",
        "Time in 70 to 140 mg/dL (3.9 to 7.8 mmol/L)",
        "%",
        "readings, both ends included",
        "battelino2023",
        _of(metrics.time_in_tight_range),
    ),
    Measure(
        "in_70_180",
        "Time in 70 to 180 mg/dL (3.9 to 10.0 mmol/L)",
        "%",
        "readings, both ends included",
        "battelino2023",
        _of(metrics.time_in_range),
        "above 70",
        loinc="97510-2",
    ),
    Measure(
        "above_180",
        "Time above 180 mg/dL (10.0 mmol/L)",
        "%",
        "readings strictly above",
        "battelino2023",
        _of(metrics.time_above_range),
        "below 25",
    ),
    Measure(
        "181_250",
        "Time 181 to 250 mg/dL (10.1 to 13.9 mmol/L)",
        "%",
        "readings above 180 less those above 250",
        "battelino2023",
        _less(metrics.time_above_range, metrics.time_above_250),
        loinc="104640-8",
    ),
    Measure(
        "above_250",
        "Time above 250 mg/dL (13.9 mmol/L)",
        "%",
        "readings strictly above",
        "battelino2023",
        _of(metrics.time_above_250),
        "below 5",
        loinc="104639-0",
    ),
    Measure(
        "episodes_level_1",
        "Hypoglycemic episodes, level 1",
        "1/week",
        "from 15 minutes below 70 mg/dL (3.9 mmol/L) to 15 minutes not below; a gap of 45 minutes ends one",
        "battelino2023",
        _weekly(count_episodes, 1),
    ),
    Measure(
        "episodes_level_2",
        "Hypoglycemic episodes, level 2",
        "1/week",
        "from 15 minutes below 54 mg/dL (3.0 mmol/L) to 15 minutes not below; a gap of 45 minutes ends one",
        "battelino2023",
        _weekly(count_episodes, 2),
    ),
    Measure(
        "high_episodes_level_1",
        "Hyperglycemic episodes, level 1",
        "1/week",
        "from 15 minutes above 180 mg/dL (10.0 mmol/L) to 15 minutes not above; a gap of 45 minutes ends one",
        "battelino2023",
        _weekly(count_high_episodes, 1),
    ),
    Measure(
        "high_episodes_level_2",
        "Hyperglycemic episodes, level 2",
        "1/week",
        "from 15 minutes above 250 mg/dL (13.9 mmol/L) to 15 minutes not above; a gap of 45 minutes ends one",
        "battelino2023",
        _weekly(count_high_episodes, 2),
    ),
    Measure(
        "gri",
        "Glycemia risk index",
        "of 100",
        "3.0 (< 54) + 2.4 (54 to < 70) + 1.6 (> 250) + 0.8 (> 180 to 250), at most 100",
        "klonoff2023",
        _of(metrics.glycemia_risk_index),
    ),
    Measure(
        "lbgi",
        "Low blood glucose index",
        "",
        "mean of 10 f^2 over all readings, f < 0 only, f = 1.509 (ln(G)^1.084 - 5.381)",
        "kovatchev1997",
        _of(metrics.low_blood_glucose_index),
    ),
    Measure(
        "hbgi",
        "High blood glucose index",
        "",
        "mean of 10 f^2 over all readings, f > 0 only, f = 1.509 (ln(G)^1.084 - 5.381)",
        "kovatchev1997",
        _of(metrics.high_blood_glucose_index),
    ),
    Measure(
        "mage",
        "Mean amplitude of glycemic excursions",
        "mg/dL",
        "rises and falls above one standard deviation, between crossings of means of 5 and 32 readings",
        "fernandes2022",
        lambda r: mage_by_crossings(r.even.glucose, r.step),
    ),
    Measure(
        "mage_reversals",
        "... by reversals, not smoothed",
        "mg/dL",
        "mean of rises and falls above one standard deviation of the whole record, readings not smoothed",
        "service1970",
        _of(metrics.mage),
    ),
)


def measured(record: SensorRecord) -> dict[str, float]:
    """Return every measure by its name; NaN where the record is too short for it."""
    return {measure.name: measure.compute(record) for measure in MEASURES}


def risk_zone(index: float) -> str:
    """Return the zone A to E of a glycemia risk index (Klonoff 2022).

    >>> risk_zone(20.0), risk_zone(20.1)
    ('A', 'B')
    """
    return next((zone for top, zone in ZONES if index <= top), "E")


def episodes(record: SensorRecord) -> list[Episode]:
    """Return the hypoglycemic episodes of level 1 in the order of time; those that reach level 2 say so."""
    glucose = np.asarray(record.even.glucose, dtype=float).reshape(-1)
    severe = find_episodes(record.even, 2, record.step)
    found: list[Episode] = []
    for start, end in find_episodes(record.even, 1, record.step):
        lowest = float(np.nanmin(glucose[start // record.step : end // record.step]))
        level = 2 if any(first < end and last > start for first, last in severe) else 1
        found.append(Episode(record.grid_start + start, record.grid_start + end, lowest, level))
    return found
