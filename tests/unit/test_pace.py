"""Each patient's steps: they follow the own movement, shrink by themselves, and nobody else has a say."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insulae.populations.baseline import Start, starting
from insulae.populations.patient import ClinicNumbers
from insulae.populations.routine import day_draws
from insulae.therapies.base import TherapySpec
from insulae.trials import pace
from insulae.trials.pace import Pace, pieces, shorter
from insulae.trials.simulation import Visited, simulate_arm
from insulae.trials.trial import steps_of

SEED = 20260101
Spec = Callable[..., TherapySpec]


@given(days=st.integers(1, 30), longest=st.integers(1, 7), is_settling=st.booleans())
def test_pieces_cover_the_days_and_keep_the_limit(days: int, longest: int, is_settling: bool):
    cut = pieces(days, longest, is_settling)
    assert sum(cut) == days and max(cut) <= longest and min(cut) >= 1
    if is_settling:
        assert cut[: pace.SETTLING_DAYS] == [1] * min(days, pace.SETTLING_DAYS)


def learned(per_day: float, days: int = 60) -> int:
    some = Pace.start(1)
    for _ in range(days):
        some.learn(np.arange(1), np.full((3, 1), per_day, np.float32), 1)
    return int(some.longest[0])


def test_the_faster_the_movement_the_shorter_the_step():
    found = [learned(per_day) for per_day in (1e-4, 5e-3, 1e-2, 0.1)]
    assert found == [7, 4, 2, 1]


def test_what_only_differs_from_day_to_day_asks_for_no_finer_steps():
    some, rng = Pace.start(1), np.random.default_rng(3)
    for _ in range(200):
        some.learn(np.arange(1), rng.normal(0, 3e-3, (3, 1)).astype(np.float32), 1)
    assert some.longest[0] == 7 and learned(9e-3) == 2


def test_everybody_begins_with_single_days():
    assert set(Pace.start(4).wanted(7)) == {1}


def test_shorter_steps_end_at_one_day():
    steps = np.array([7, 5, 3, 2, 1])
    np.testing.assert_array_equal(shorter(steps), [4, 4, 2, 1, 1])


def course(start: Start, specs: list[TherapySpec], weeks: list[float]) -> list[Visited]:
    treatments = {s.kind: s.build(start.enrolled) for s in specs}
    steps = list(steps_of(treatments.values(), weeks))
    return [
        v for v in simulate_arm(start, treatments, steps, day_draws(SEED, start.cohort.ids)) if v is not None
    ]


@pytest.fixture(scope="module")
def rejection(type1: Start, spec: Spec) -> Callable[[float], list[Visited]]:
    """Islets without protection, under a limit of movement."""

    def lived(limit: float) -> list[Visited]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pace, "MOST_MOVEMENT", limit)
            patch.setattr(pace, "PLANNED_MOVEMENT", limit / 2)
            specs = [spec("islet_infusion", dose="8e5 IEQ", source="allogeneic")]
            return course(type1, specs, [0, 13])

    return lived


def test_a_tighter_limit_simulates_more_days_and_changes_little(rejection: Callable[[float], list[Visited]]):
    loose, tight = rejection(0.5)[-1], rejection(0.002)[-1]
    assert tight.days_simulated.mean() > loose.days_simulated.mean()
    np.testing.assert_allclose(tight.visit.hba1c, loose.visit.hba1c, rtol=0.04)


def test_a_step_that_moved_too_far_is_taken_back(type2: Start, spec: Spec, monkeypatch: pytest.MonkeyPatch):
    """Nothing is planned finer, but nothing may move: every stretch ends up simulated day by day."""
    monkeypatch.setattr(pace, "PLANNED_MOVEMENT", np.inf)
    monkeypatch.setattr(pace, "MOST_MOVEMENT", 0.0)
    taken_back = course(type2, [spec("metformin", start=-3650.0)], [0, 26])[-1]
    monkeypatch.setattr(pace, "MOST_MOVEMENT", np.inf)
    kept = course(type2, [spec("metformin", start=-3650.0)], [0, 26])[-1]
    assert (taken_back.days_simulated > 14 + 26 * 7).all()
    assert (kept.days_simulated < 14 + 26 * 7 / 2).all()


def test_a_bad_day_is_no_reason_to_live_a_stretch_again(type1: Start, spec: Spec):
    """Sensitivity follows the glucose of each day, which insulin leaves uneven; nothing else moves here."""
    lived = course(type1, [spec("basal_bolus", start=-3650.0, titration="hold")], [0, 26])[-1].days_simulated
    windows, weeks = 2 * 14, 24
    assert lived.mean() < windows + 2.3 * weeks


def simulated(visits: list[Visited]) -> list[Any]:
    return [np.asarray(getattr(v.visit, name)) for v in visits for name in ("hba1c", "glucose", "graft_mass")]


def test_nobody_s_steps_depend_on_the_others(type1: Start, spec: Spec):
    """Eight patients live together; the first three of them live alone: bit for bit the same."""
    specs = [
        spec("islet_infusion", dose="8e5 IEQ", source="allogeneic"),
        spec("basal_bolus", titration="wean"),
    ]
    standing = [spec("basal_bolus", start=-3650.0)]
    few = starting(ClinicNumbers("type1", {}, ("basal_bolus",)), standing, SEED, np.arange(3))
    together, alone = (simulated(course(start, specs, [0, 16])) for start in (type1, few))
    for all_of_them, some in zip(together, alone, strict=True):
        np.testing.assert_array_equal(all_of_them[:3], some)
