"""The calendar: every day counted once, windows daily, visits and events hit exactly, contacts weekly."""

import dataclasses
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insulae.populations.baseline import Start
from insulae.therapies.base import TherapySpec
from insulae.trials.calendar import WINDOW_DAYS, Step, calendar
from insulae.trials.trial import steps_of

Spec = Callable[..., TherapySpec]
WEEKS = st.lists(st.sampled_from([0, 1, 2, 4, 7.5, 13, 26, 52, 104, 113]), min_size=1, max_size=5)
EVENTS = st.lists(st.integers(-30, 400).map(float), max_size=3)


@given(weeks=WEEKS, events=EVENTS, longest=st.sampled_from([1, 2, 4, 7]))
def test_every_day_is_counted_exactly_once(weeks: list[float], events: list[float], longest: int):
    steps = calendar(weeks, events, longest)
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
        assert sum(s.days for s in window) == sum(s.least for s in window) == WINDOW_DAYS
        assert all(s.is_in_window and s.longest == 1 for s in window)


@given(weeks=WEEKS, events=EVENTS)
def test_events_begin_a_step_and_are_followed_daily(weeks: list[float], events: list[float]):
    steps = calendar(weeks, events)
    days, last = {step.day for step in steps}, steps[-1].day + steps[-1].days
    for event in events:
        if steps[0].day <= event < last:
            assert int(event) in days
            assert all(step.longest == 1 for step in steps if 0 <= step.day - event < 28)
            assert all(step.longest <= 2 for step in steps if 0 <= step.day - event < 56)


@given(weeks=WEEKS, events=EVENTS)
def test_contacts_are_weekly_from_enrollment_on(weeks: list[float], events: list[float]):
    steps = calendar(weeks, events)
    last = steps[-1].day + steps[-1].days
    contacts = [s.day + s.days for s in steps if s.is_contact]
    assert contacts == [day for day in range(0, last + 1, 7) if day > steps[0].day]


@given(weeks=WEEKS, events=EVENTS)
def test_where_readings_steer_doses_days_are_finer_and_after_events_daily(
    weeks: list[float], events: list[float]
):
    steps = calendar(weeks, events, longest=4)
    assert all(step.longest <= 4 for step in steps)
    after = [step for step in steps if any(0 <= step.day - int(event) < 182 for event in events)]
    assert all(step.longest == 1 for step in after)
    calm, coarse = calendar(weeks, [], longest=4), calendar(weeks, [])
    assert [dataclasses.replace(s, longest=0) for s in calm] == [
        dataclasses.replace(s, longest=0) for s in coarse
    ]


def test_a_simulated_day_stands_for_as_many_days_as_the_treatment_allows(type2: Start, spec: Spec):
    """Doses that go up and down or stay, that only go up, and none; a policy asks for what it may come to."""
    wanted = {"keep": 4, "wean": 4, "target": 2, "hold": 4}
    given = {name: spec("basal_insulin", titration=name) for name in wanted}
    given |= {"policy": spec("treatment_policy"), "tablet": spec("metformin")}
    wanted |= {"policy": 2, "tablet": 7}
    for name, one in given.items():
        steps = steps_of([one.build(type2.enrolled)], [0, 52])
        week = [s for s in steps if s.day in range(210, 217)]
        assert [(s.days, s.longest) for s in week] == [(7, wanted[name])], name


def test_far_from_events_and_visits_one_day_a_week_is_simulated():
    steps = calendar([0, 52], [])
    assert {step.days for step in steps if not step.is_in_window} == {7}
    assert sum(step.least for step in steps) == 2 * WINDOW_DAYS + 50
    daily = calendar([0, 52], [], longest=1)
    assert len(daily) == len(steps) and sum(step.least for step in daily) == 54 * 7


def test_a_step_is_frozen():
    with pytest.raises(AttributeError):
        Step(0, 1, 1, False, False, None).day = 3  # type: ignore[misc]
