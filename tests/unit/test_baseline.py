"""Patients at enrollment show the numbers that the clinic gave, or the numbers are refused by name."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import pytest

from insulae.core import random
from insulae.core.errors import IncompatibleNumbers
from insulae.physiology.effects import Effects
from insulae.physiology.slow import hba1c
from insulae.populations import baseline
from insulae.populations.baseline import Start
from insulae.populations.bodies import Bodies
from insulae.populations.cohort import sample
from insulae.populations.equations import SETTLING_DAYS, SOLVING_DAYS
from insulae.populations.patient import ClinicNumbers
from insulae.populations.routine import N_DRAWS

N = 8
SEED = 20260101
Solve = Callable[..., Start]
CLOSE = 0.025
"""The solver accepts 2 %; living the same fortnight again begins from another evening."""


def fortnight(start: Start, effects: Effects) -> dict[str, np.ndarray]:
    """Return the means of the fortnight at rest that the solver looked at, after its settling days."""
    draws = random.DayDraws(random.patient_keys(SEED, "day", start.cohort.ids), N_DRAWS)
    bodies, days = Bodies(start.cohort.parameters, start.state, draws), []
    for day in range(-SETTLING_DAYS - SOLVING_DAYS, 0):
        days.append(bodies.live(bodies.packed(effects), day, days=0, is_even=True).summary)
    names = ("mean_glucose", "fasting_glucose", "fasting_c_peptide", "insulin_dose")
    return {name: np.mean([np.asarray(getattr(day, name)) for day in days[-14:]], axis=0) for name in names}


def doses(start: Start) -> Effects:
    e = start.enrolled
    return Effects(basal_insulin=e.basal_dose, bolus_per_carbohydrate=e.bolus_per_carbohydrate)


@pytest.mark.parametrize("who", ["healthy", "type1"])
def test_patients_show_their_hba1c(who: str, request: pytest.FixtureRequest):
    start: Start = request.getfixturevalue(who)
    found = fortnight(start, doses(start))
    behind = hba1c.mean_glucose(start.cohort.parameters.slow.hba1c, start.cohort.traits.hba1c)
    assert start.is_solved.all()
    np.testing.assert_allclose(found["mean_glucose"], behind, rtol=CLOSE)
    np.testing.assert_allclose(found["fasting_glucose"], start.enrolled.fasting_glucose, rtol=CLOSE)


def test_patients_on_insulin_inject_their_dose(type1: Start):
    found = fortnight(type1, doses(type1))
    np.testing.assert_allclose(found["insulin_dose"], type1.cohort.traits.insulin_dose, rtol=CLOSE)
    np.testing.assert_allclose(
        type1.enrolled.basal_dose,
        type1.cohort.traits.basal_share * type1.cohort.traits.insulin_dose,
        rtol=1e-6,
    )


def test_given_fasting_glucose_and_c_peptide_are_shown_too(solve: Solve):
    given = {"hba1c": (7.4, 7.6), "fasting_glucose": (135.0, 150.0), "fasting_c_peptide": (800.0, 1000.0)}
    start = solve("type2", **given)
    traits, found = start.cohort.traits, fortnight(start, Effects())
    solved = start.is_solved
    assert solved.sum() >= N - 1
    behind = hba1c.mean_glucose(start.cohort.parameters.slow.hba1c, traits.hba1c)
    np.testing.assert_allclose(found["mean_glucose"][solved], np.asarray(behind)[solved], rtol=CLOSE)
    for name in ("fasting_glucose", "fasting_c_peptide"):
        asked = np.asarray(getattr(traits, name))
        assert (asked >= given[name][0]).all() and (asked <= given[name][1]).all()
        np.testing.assert_allclose(found[name][solved], asked[solved], rtol=CLOSE)


def test_the_slow_state_is_at_rest(type2: Start):
    assert type2.is_solved.all() and (type2.attempts >= 1).all()
    np.testing.assert_array_equal(type2.state.slow.hba1c.value, type2.cohort.traits.hba1c)
    np.testing.assert_array_equal(type2.state.slow.body_weight.weight, type2.cohort.traits.weight)
    assert not np.any(type2.state.slow.graft.mass)


def test_numbers_that_cannot_go_together_are_refused_by_name(solve: Solve, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(baseline, "ATTEMPTS", 1)
    with pytest.raises(IncompatibleNumbers) as refusal:
        solve("type2", hba1c=(5.0, 5.0), fasting_glucose=(300.0, 300.0))
    for word in ("type2", "hba1c 5", "fasting_glucose 300", "units"):
        assert word in str(refusal.value)


def test_what_is_solved_for_depends_on_what_is_known():
    def unknowns(phenotype: str, has_bolus: bool = False, **given: tuple[float, float]) -> dict[str, str]:
        return baseline.unknowns(ClinicNumbers(phenotype, given), has_bolus)

    assert unknowns("type2") == {"mass": "hba1c"}
    assert unknowns("type1", True) == {"sensitivity": "hba1c", "bolus": "insulin_dose"}
    both = unknowns("type2", fasting_c_peptide=(800.0, 800.0), fasting_glucose=(130.0, 130.0))
    assert both == {"sensitivity": "hba1c", "mass": "fasting_c_peptide", "production": "fasting_glucose"}


def test_the_same_seed_gives_the_same_start(healthy: Start, solve: Solve):
    again = solve("healthy")
    np.testing.assert_array_equal(again.state.slow.beta_cells.mass, healthy.state.slow.beta_cells.mass)
    np.testing.assert_array_equal(
        jnp.asarray(again.state.fast.glucose.plasma), healthy.state.fast.glucose.plasma
    )


def test_zero_c_peptide_leaves_no_native_beta_cells():
    numbers = ClinicNumbers("type1", {"fasting_c_peptide": (0.0, 0.0)}, ("basal_bolus",))
    assert baseline.unknowns(numbers, has_bolus=True) == {"sensitivity": "hba1c", "bolus": "insulin_dose"}
    cohort = sample(numbers, 1, jnp.arange(8))
    assert not np.asarray(cohort.traits.residual_mass).any()
    assert np.asarray(sample(ClinicNumbers("type1", {}), 1, jnp.arange(8)).traits.residual_mass).all()


def test_basal_insulin_alone_is_taken_at_its_own_dose():
    def dose(*treatment: str) -> float:
        traits = sample(ClinicNumbers("type2", {}, treatment), 1, np.arange(256)).traits
        return float(np.mean(np.asarray(traits.insulin_dose) / np.asarray(traits.weight)))

    assert dose("metformin", "basal_insulin") == pytest.approx(0.28, rel=0.08)
    assert dose("basal_bolus") == dose("basal_insulin", "basal_bolus") == pytest.approx(0.55, rel=0.08)
    cohort = sample(
        ClinicNumbers("type2", {"insulin_dose": (30.0, 30.0)}, ("basal_insulin",)), 1, np.arange(8)
    )
    assert (np.asarray(cohort.traits.insulin_dose) == 30).all()


def test_residual_c_peptide_of_type_1_is_spread_as_in_a_population():
    mass = np.asarray(sample(ClinicNumbers("type1", {}), 1, np.arange(2000)).traits.residual_mass)
    c_peptide = 11600 * mass  # pmol/L after a meal, as the residual mass of the model gives
    shares = [float(np.mean(c_peptide > limit)) for limit in (1, 30, 200)]
    # 80, 28 and 8 % in 924 people (oram2015); the first entered nothing.
    assert shares == pytest.approx([0.80, 0.28, 0.08], abs=0.035)
