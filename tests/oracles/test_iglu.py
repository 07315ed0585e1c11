"""CGM metrics against iglu on published sensor data, and against MAGE calculated by hand.

Reference values are those of `mean_glu`, `sd_glu`, `cv_glu`, `gmi`, `lbgi`, `hbgi`, `gri`,
`in_range_percent`, `above_percent`, `below_percent`, `mage` and `episode_calculation` of iglu_python 0.4.3 on
the readings of two people of Hall 2018. What is equal and what is not:

* times, mean, standard deviation, CV, GMI and GRI: the same definitions, equal to the printed digits;
* LBGI and HBGI: iglu multiplies by 22.77, we by 10 x 1.509^2 = 22.7708; equal to 0.001;
* episodes: the same definition, equal after the readings are interpolated to the clock as iglu does (without
  it we find two, not three, in the first person: 71, 69, 69, 70 mg/dL is not 15 minutes below 70);
* MAGE by crossings of moving averages, as iglu: equal to 0.001, whole records and pieces of them;
* MAGE by reversals above one standard deviation: compared within 12 %, and with the hand calculations that
  came with iglu.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from insulae.cgm import metrics
from insulae.cgm.crossings import mage_by_crossings
from insulae.cgm.episodes import count_episodes
from insulae.cgm.record import SensorRecord
from insulae.cgm.summary import measured

HERE = Path(__file__).parent
FUNCTIONS = {
    "mean": metrics.mean_glucose,
    "SD": metrics.standard_deviation,
    "CV": metrics.coefficient_of_variation,
    "in_range_70_180": metrics.time_in_range,
    "below_70": metrics.time_below_range,
    "below_54": metrics.time_below_54,
    "above_180": metrics.time_above_range,
    "above_250": metrics.time_above_250,
    "GMI": metrics.glucose_management_indicator,
    "LBGI": metrics.low_blood_glucose_index,
    "HBGI": metrics.high_blood_glucose_index,
    "GRI": metrics.glycemia_risk_index,
}
# One line for each of FUNCTIONS, one column for each person.
IGLU_PYTHON = pd.DataFrame(
    {
        "mean": [108.228602, 114.658999],
        "SD": [27.302357, 20.324337],
        "CV": [25.226564, 17.725898],
        "in_range_70_180": [96.912243, 99.594046],
        "below_70": [0.541712, 0],
        "below_54": [0, 0],
        "above_180": [2.546046, 0.405954],
        "above_250": [0, 0],
        "GMI": [5.898828, 6.052643],
        "LBGI": [1.169883, 0.300870],
        "HBGI": [0.753665, 0.638545],
        "GRI": [3.336945, 0.324763],
    },
    index=["1636-69-001", "1636-69-026"],
)
# On the readings at whole minutes, as in the file here.
IGLU_PYTHON_MAGE = {"1636-69-001": 77.636072, "1636-69-026": 54.175179}
# Person, first and last row: with gaps of 10, 225, 520 and 600082 minutes, and without.
IGLU_PYTHON_MAGE_OF_PARTS = {
    ("1636-69-001", 0, 200): 32.258333,
    ("1636-69-001", 150, 700): 102.84,
    ("1636-69-001", 300, 1100): 89.384358,
    ("1636-69-001", 900, 1300): 63.268149,
    ("1636-69-026", 0, 200): 61.208333,
    ("1636-69-026", 150, 700): 55.424635,
}
IGLU_PYTHON_EPISODES = {"1636-69-001": (3, 0), "1636-69-026": (0, 0)}
# Rows (first, last) and MAGE in mg/dL calculated by hand: `manual_calculations.csv` of the tests of iglu, the
# days of these two people without a gap.
MAGE_BY_HAND = {
    (1, 244): 31,
    (245, 531): 107,
    (532, 754): 83,
    (849, 1101): 58,
    (1102, 1379): 51,
    (1380, 1666): 57,
    (1667, 1846): 34,
    (1847, 2124): 53,
    (2304, 2585): 47,
}


@pytest.fixture(scope="module")
def hall() -> pd.DataFrame:
    return pd.read_csv(HERE / "iglu_hall2018.csv", comment="#")


def _resampled(minute: metrics.Floats, glucose: metrics.Floats) -> metrics.Floats:
    """Interpolate to the 5-minute grid of the clock as iglu does; gaps above 45 minutes stay missing."""
    grid = np.arange(np.ceil(minute[0] / 5.0), np.floor(minute[-1] / 5.0) + 1.0) * 5.0
    after = np.searchsorted(minute, grid)
    gap = np.diff(minute)[np.maximum(after - 1, 0)]
    return np.where(gap > 45, np.nan, np.interp(grid, minute, glucose))


@pytest.mark.parametrize("person", IGLU_PYTHON.index)
def test_metrics_equal_iglu_python(hall: pd.DataFrame, person: str) -> None:
    glucose = hall.loc[hall.person == person, "glucose"].to_numpy(float)
    ours = [function(glucose) for function in FUNCTIONS.values()]
    assert ours == pytest.approx(list(IGLU_PYTHON.loc[person, list(FUNCTIONS)]), abs=0.001)


@pytest.mark.parametrize("person", IGLU_PYTHON_EPISODES)
def test_episodes_equal_iglu_python(hall: pd.DataFrame, person: str) -> None:
    record = hall[hall.person == person]
    glucose = _resampled(record.minute.to_numpy(float), record.glucose.to_numpy(float))
    assert (count_episodes(glucose, 1), count_episodes(glucose, 2)) == IGLU_PYTHON_EPISODES[person]


def _record(person: pd.DataFrame) -> SensorRecord:
    minute = person.minute.to_numpy(float)
    return SensorRecord(minute, minute, person.glucose.to_numpy(float))


@pytest.mark.parametrize("person", IGLU_PYTHON_MAGE)
def test_mage_by_crossings_equals_iglu_python(hall: pd.DataFrame, person: str) -> None:
    record = _record(hall[hall.person == person])
    assert measured(record)["mage"] == pytest.approx(IGLU_PYTHON_MAGE[person], abs=0.001)


@pytest.mark.parametrize(("person", "first", "last"), IGLU_PYTHON_MAGE_OF_PARTS)
def test_mage_of_a_part_equals_iglu_python(hall: pd.DataFrame, person: str, first: int, last: int) -> None:
    record = _record(hall[hall.person == person].iloc[first:last])
    expected = IGLU_PYTHON_MAGE_OF_PARTS[person, first, last]
    assert mage_by_crossings(record.even.glucose, record.step) == pytest.approx(expected, abs=0.001)


@pytest.mark.parametrize("person", IGLU_PYTHON_MAGE)
def test_mage_by_reversals_is_near_iglu_python(hall: pd.DataFrame, person: str) -> None:
    glucose = hall.loc[hall.person == person, "glucose"].to_numpy(float)
    assert metrics.mage(glucose) == pytest.approx(IGLU_PYTHON_MAGE[person], rel=0.12)


def test_mage_is_near_the_hand_calculation(hall: pd.DataFrame) -> None:
    glucose = hall.glucose.to_numpy(float)
    ours = [metrics.mage(glucose[first - 1 : last]) for first, last in MAGE_BY_HAND]
    error = np.array(ours) / np.array(list(MAGE_BY_HAND.values())) - 1.0
    assert np.max(np.abs(error)) < 0.12  # a reader rounds and chooses between neighboring readings
    assert np.median(np.abs(error)) < 0.05
