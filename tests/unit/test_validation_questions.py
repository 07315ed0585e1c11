"""The questions that observed values ask, and the trials that answer them."""

import numpy as np
import pytest

from insulae.core.errors import UnknownName
from insulae.validation.prediction import predicted
from insulae.validation.questions import read

WEEKS = [0.0, 26.0, 52.0]
PEOPLE = {
    ("hba1c", 0.0): [8.0, 9.0, 7.0, np.nan],
    ("hba1c", 26.0): [7.5, 6.0, 7.2, np.nan],
    ("hba1c", 52.0): [7.0, 6.4, 7.4, np.nan],
    ("body_weight", 0.0): [100.0, 80.0, 90.0, 70.0],
    ("body_weight", 52.0): [90.0, 79.0, 95.0, np.nan],
    ("remission", 52.0): [100.0, 100.0, 0.0, np.nan],
}


def answers(question: str, week: float = 52.0) -> list[float]:
    found = read(question).answers(lambda name, at: np.array(PEOPLE[name, at]), week, WEEKS)
    return [None if np.isnan(x) else round(float(x), 6) for x in found]


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("hba1c", [7.0, 6.4, 7.4, None]),
        ("hba1c change", [-1.0, -2.6, 0.4, None]),
        ("body_weight percent change", [-10.0, -1.25, 5.555556, None]),
        ("hba1c slope from 26", [-1.0, 0.8, 0.4, None]),
        ("hba1c < 7", [0.0, 100.0, 0.0, None]),
        ("remission and hba1c < 7", [0.0, 100.0, 0.0, None]),
        ("hba1c at 0 >= 8", [100.0, 100.0, 0.0, None]),
        ("first hba1c < 7.3", [52.0, 26.0, 26.0, np.inf]),
        ("remission among body_weight change <= -5", [100.0, None, None, None]),
        ("hba1c among remission", [7.0, 6.4, None, None]),
    ],
)
def test_a_question_is_answered_by_each_person(question: str, wanted: list[float | None]):
    found = answers(question)
    assert found[:3] == wanted[:3]
    if wanted[3] is None:
        assert found[3] is None


def test_whoever_never_has_a_value_has_no_first_time():
    assert answers("first hba1c < 7.3")[3] is None


def test_a_question_tells_which_visits_it_needs():
    assert read("hba1c slope from 26 among hba1c at 0 < 8").weeks(104) == {0.0, 26.0, 104.0}


@pytest.mark.parametrize("question", ["hba1c <", "HbA1c change", "hba1c < 7 or remission", ""])
def test_a_question_that_cannot_be_read_is_refused(question: str):
    with pytest.raises(UnknownName, match="cannot read"):
        read(question)


@pytest.mark.parametrize(("statistic", "n"), [("mean", 40), ("median", 40), ("percent", 40)])
def test_nine_of_ten_trials_of_the_same_people_fall_into_the_interval(statistic: str, n: int):
    generator = np.random.default_rng(5)

    def people(count: int) -> np.ndarray:
        return (
            100.0 * (generator.random(count) < 0.3)
            if statistic == "percent"
            else generator.gamma(2, 1, count)
        )

    inside = 0
    for _ in range(200):
        found = predicted(people(150), n, statistic, None, 52)
        trial = people(n)
        result = np.median(trial) if statistic == "median" else trial.mean()
        assert found is not None
        inside += found.low <= result <= found.high
    # Binomial with 0.9 of 200: three standard errors are 6.4 %; a share cannot lie below its steps.
    assert 0.83 <= inside / 200 <= 0.98


def test_a_difference_of_two_arms_has_the_doubt_of_both():
    generator = np.random.default_rng(6)
    one, other = generator.normal(1, 1, 4000), generator.normal(0, 1, 4000)
    alone, both = (predicted(one, 100, "mean", against, 52) for against in (None, other))
    assert alone is not None and both is not None
    assert both.median == pytest.approx(1, abs=0.06)  # three standard errors of the simulated people
    assert both.deviation / alone.deviation == pytest.approx(np.sqrt(2), rel=0.1)


def test_a_rate_counts_time_only_until_the_event():
    weeks = np.repeat([26.0, np.inf], 50)
    found = predicted(weeks, 5000, "rate", None, 52)
    assert found is not None
    # Half has the event after half a year, so 50 events in 75 years.
    assert found.median == pytest.approx(100 * 50 / 75, rel=0.2)


def test_too_few_people_are_not_judged():
    assert predicted(np.arange(19.0), 10, "mean", None, 52) is None
    assert predicted(np.full(100, np.nan), 10, "mean", None, 52) is None


def test_the_place_of_an_observed_value_counts_ties_half():
    found = predicted(np.repeat([0.0, 100.0], 50), 1, "value", None, 52)
    assert found is not None
    assert found.place(50) == pytest.approx(0.5, abs=0.06)
    assert found.place(100) == pytest.approx(0.75, abs=0.04)
