"""The measurement of numerical errors: what is compared and how it is written down."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from insulae.core.pytree import replace
from insulae.devices import sensor
from insulae.physiology.day import Trace
from insulae.populations import routine
from insulae.populations.baseline import Start
from insulae.trials import accuracy
from insulae.trials.accuracy import Row
from insulae.trials.quiet import quiet


def test_the_order_of_a_fourth_order_method_is_four():
    assert accuracy.order(16.0, 1.0) == 4


def test_errors_are_the_largest_deviation_and_that_of_the_mean():
    flat, zero = np.full((4, 2), 100.0), np.zeros((4, 2))
    truth = Trace(glucose=flat, sensor=flat, insulin=zero, c_peptide=zero)
    off = np.asarray(truth.glucose).copy()
    off[1, 1] += 2
    found = accuracy.errors(replace(truth, glucose=off), truth)
    assert found == {"glucose": 2.0, "insulin": 0.0, "c_peptide": 0.0, "mean_glucose": 0.5}


def test_quiet_patients_have_the_same_day_every_day(type1: Start):
    still = quiet(type1).cohort.parameters.habits
    assert not np.any(still.meals.lability) and not np.any(still.pen.lability)
    assert not np.any(still.sensitivity.lability)
    draws = routine.day_draws(1, type1.cohort.ids)
    first, second = (routine.plan(still, draws.independent(day)) for day in (0, 1))
    for name in ("meals", "boluses", "sensitivity", "absorption"):
        pairs = zip(*(jax.tree_util.tree_leaves(getattr(p, name)) for p in (first, second)), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)
    assert not np.any(first.session.steps)
    shown = sensor.shown(still.sensor, first.sensor, np.full(type1.cohort.size, 120.0), np.asarray(7))
    assert np.asarray(shown.glucose) == pytest.approx(120.0)


def test_the_table_reads_as_markdown():
    rows = [
        Row("step", "healthy", "glucose", 0.0361, "mg/dL"),
        Row("step", "type 1", "insulin", 2.0, "pmol/L"),
    ]
    lines = accuracy.markdown(rows).splitlines()
    assert lines[0] == "### Step"
    assert lines[2] == "|         | glucose (mg/dL) | insulin (pmol/L) |"
    assert lines[4] == "| healthy | 0.036           |                  |"
    assert len({len(line) for line in lines[2:6]}) == 1


def test_every_course_has_visits_and_every_day_has_patients():
    assert all(case.weeks[0] == 0 and len(case.weeks) > 1 for case in accuracy.courses())
    assert len(accuracy.days()) == 7


def test_on_a_calendar_of_single_days_nothing_is_lost(type1: Start):
    """Where every day is simulated anyway, both calendars give the same numbers."""
    case = next(case for case in accuracy.courses() if case.name.startswith("rejection"))
    short = accuracy.Case(case.name, case.numbers, case.standing, case.added, weeks=(0.0, 2.0))
    skipping, share = accuracy.lived(short, type1, every_day=False)
    daily, _ = accuracy.lived(short, type1, every_day=True)
    assert share == 1
    for name in skipping:
        np.testing.assert_array_equal(skipping[name], daily[name])


def test_a_settled_graft_is_put_in_place(type1: Start):
    case = next(case for case in accuracy.days() if case.graft)
    state = accuracy._with_graft(type1.state, case.graft)
    np.testing.assert_allclose(state.slow.graft.mass, case.graft)
    effects = accuracy._effects(case, type1)
    assert not jnp.any(effects.basal_insulin)


def test_without_the_reference_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "diffrax", None)
    with pytest.raises(accuracy.RunError, match=r"insulae\[test\]"):
        accuracy._adaptive()


@pytest.mark.slow
@pytest.mark.parametrize("name", [case.name for case in accuracy.courses()])
def test_days_that_stand_for_several_cost_little(name: str):
    """The promise of the page: 0.05 points of HbA1c and 1 point of time in range at every visit."""
    (case,) = (case for case in accuracy.courses() if case.name == name)
    errors = {row.quantity: row.error for row in accuracy._course_rows(case)}
    assert errors["hba1c"] < 0.05 and errors["time_in_range"] < 1
