"""The calendar: every day counted once, windows daily, visits and events hit exactly, contacts weekly."""

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insulae.trials.calendar import WINDOW_DAYS, Step, calendar

WEEKS = st.lists(st.sampled_from([0, 1, 2, 4, 7.5, 13, 26, 52, 104, 113]), min_size=1, max_size=5)
EVENTS = st.lists(st.integers(-30, 400).map(float), max_size=3)


@given(weeks=WEEKS, events=EVENTS, every_day=st.booleans())
def test_every_day_is_counted_exactly_once(weeks: list[float], events: list[float], every_day: bool):
    steps = calendar(weeks, events, every_day)
    visits = sorted({round(7 * week) for week in weeks})
    assert steps[0].day == visits[0] - WINDOW_DAYS and steps[-1].day + steps[-1].days == visits[-1]
    assert all(a.day + a.days == b.day for a, b in itertools.pairwise(steps))
    assert all(step.days >= 1 for step in steps)


@given(weeks=WEEKS, events=EVENTS)
def test_visits_are_hit_and_their_windows_are_daily(weeks: list[float], events: list[float]):
    steps = calendar(weeks, events)
    visits = sorted({round(7 * week) for week in weeks})
    assert [s.day + s.days for s in steps if s.visit_week is not None] == visits
    assert [s.visit_week for s in steps if s.visit_week is not None] == [day / 7 for day in visits]
    for visit in visits:
        window = [s for s in steps if visit - WINDOW_DAYS <= s.day < visit]
        assert len(window) == WINDOW_DAYS
        assert all(s.is_in_window and s.days == s.longest == 1 for s in window)


@given(weeks=WEEKS, events=EVENTS)
def test_events_begin_a_step_and_are_followed_daily(weeks: list[float], events: list[float]):
    steps = calendar(weeks, events)
    days, last = {step.day for step in steps}, steps[-1].day + steps[-1].days
    for event in events:
        if steps[0].day <= event < last:
            assert int(event) in days
            assert all(step.days == 1 for step in steps if 0 <= step.day - event < 28)
            assert all(step.longest <= 2 for step in steps if 0 <= step.day - event < 56)


@given(weeks=WEEKS, events=EVENTS)
def test_contacts_are_weekly_from_enrollment_on(weeks: list[float], events: list[float]):
    steps = calendar(weeks, events)
    last = steps[-1].day + steps[-1].days
    contacts = [s.day + s.days for s in steps if s.is_contact]
    assert contacts == [day for day in range(0, last + 1, 7) if day > steps[0].day]


@given(weeks=WEEKS, events=EVENTS)
def test_titrated_patients_are_looked_at_daily_after_events_and_every_third_day_at_least(
    weeks: list[float], events: list[float]
):
    steps = calendar(weeks, events, is_titrated=True)
    assert all(step.longest <= 3 for step in steps)
    after = [step for step in steps if any(0 <= step.day - int(event) < 182 for event in events)]
    assert all(step.days == 1 for step in after)
    calm, coarse = calendar(weeks, [], is_titrated=True), calendar(weeks, [])
    assert [dataclasses.replace(s, longest=0) for s in calm] == [
        dataclasses.replace(s, longest=0) for s in coarse
    ]


def test_a_simulated_day_of_a_titrated_patient_stands_for_three_days_at_most():
    for is_titrated, longest in ((True, 3), (False, 7)):
        week = [s for s in calendar([0, 52], [], is_titrated=is_titrated) if s.day in range(70, 77)]
        assert [(s.days, s.longest) for s in week] == [(7, longest)]


def test_far_from_events_and_visits_one_day_a_week_is_simulated():
    steps = calendar([0, 52], [])
    assert {step.days for step in steps if not step.is_in_window} == {7}
    assert len(steps) == 2 * WINDOW_DAYS + 50
    assert len(calendar([0, 52], [], every_day=True)) == 14 + 364


def test_a_step_is_frozen():
    with pytest.raises(AttributeError):
        Step(0, 1, 1, False, False, None).day = 3  # type: ignore[misc]
