"""The slow course of type 2 diabetes: its morning, lasting loss of beta cells, diets that wear off, care."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from calibration import drugs

from insulae.core.parameters import changed, value, values
from insulae.core.pytree import replace
from insulae.physiology.effects import Effects
from insulae.physiology.fast import glucose
from insulae.physiology.signals import SlowSignals
from insulae.physiology.slow import beta_cells
from insulae.populations.baseline import starting
from insulae.populations.patient import ClinicNumbers
from insulae.study.plan import typical_patient
from insulae.therapies.base import load_all

ANSWER = value("body_weight.maintenance") + value("body_weight.appetite")
ENROLLED = typical_patient(value)


def mass_left(phenotype: str, mean_glucose: float, stress: float = 1.0, **rates: float) -> float:
    """Return the share of native mass left after five years at one mean glucose (mg/dL)."""
    cells = replace(values(beta_cells.Parameters, phenotype), growth_rate=jnp.asarray(0.0))
    cells = replace(cells, **{name: jnp.asarray(rate) for name, rate in rates.items()})
    level, fat = jnp.asarray(mean_glucose), jnp.asarray(3.0)
    signals = SlowSignals(
        mean_glucose=level, liver_fat=fat, autoimmunity=jnp.asarray(0.0), relief=jnp.asarray(1.0)
    )
    signals = beta_cells.outputs(settled(cells, level, fat), cells, signals, Effects())
    effects, days = Effects(beta_cell_stress=stress), jnp.asarray(5 * 365.25)
    return float(beta_cells.advance(settled(cells, level, fat), cells, signals, effects, days).mass)


def settled(cells: beta_cells.Parameters, level: jnp.ndarray, fat: jnp.ndarray) -> beta_cells.State:
    """Return a whole mass at rest that can no longer recover, so that nothing but death takes from it."""
    none = jnp.asarray(0.0)
    function = beta_cells.functional_target(cells, level, fat, none, jnp.asarray(1.0))
    return beta_cells.State(mass=jnp.asarray(1.0), function=function, recoverable=none)


def test_who_is_on_the_way_to_type_2_loses_beta_cells_at_normal_glucose():
    assert mass_left("healthy", 105.0) > 0.97
    assert mass_left("prediabetes", 105.0) < mass_left("healthy", 105.0) - 0.02
    own = mass_left("type2", 105.0, death_rate=0.0)
    assert own == pytest.approx(np.exp(-5 * 365.25 * value("beta_cells.decline_rate", "type2")), rel=1e-4)


def test_the_lasting_loss_does_not_ask_for_glucose_but_for_work():
    quiet = {"death_rate": 0.0}
    assert mass_left("type2", 105.0, **quiet) == pytest.approx(mass_left("type2", 200.0, **quiet), rel=1e-5)
    assert mass_left("type2", 105.0, stress=1.6) < mass_left("type2", 105.0) < mass_left("type2", 105.0, 0.7)


def test_the_dawn_is_a_bell_that_has_faded_by_midnight():
    constants = values(glucose.Parameters, "type2")
    hours = jnp.asarray([0.0, 3.0, 7.0, 11.0, 24.0])
    bell = np.asarray(glucose.of_dawn(constants, hours))
    assert bell.argmax() == 2 and bell[2] == pytest.approx(1)
    assert bell[0] < 1e-3 and bell[4] < 1e-3 and bell[1] == pytest.approx(bell[3], rel=1e-4)


def test_glucose_rises_before_breakfast_in_type_2_and_the_morning_holds_more_of_hba1c():
    numbers = ClinicNumbers("type2", {"hba1c": (8.0, 8.0)})
    with_dawn = starting(numbers, [], 1, np.arange(12))
    with changed({"glucose.dawn_rise": 0.0}):
        without = starting(numbers, [], 1, np.arange(12))
    both = with_dawn.is_solved & without.is_solved
    rise = with_dawn.enrolled.fasting_glucose[both] - without.enrolled.fasting_glucose[both]
    # 16 mg/dL is the dawn phenomenon in people on diet alone (Monnier 2013).
    assert 10 < rise.mean() < 35


def test_a_diet_before_enrollment_wears_off():
    spec = load_all().get("lifestyle").model_validate({"kind": "lifestyle", "lost_before": "4 kg"})
    treatment = spec.build(ENROLLED)
    effort = [float(np.mean(treatment.effects(day).energy_intake)) for day in (-1, 0, 400, 1e5)]
    assert effort[0] == effort[1] == 0 < effort[2] < effort[3]
    assert effort[3] == pytest.approx(4 * ANSWER, rel=1e-3)
    assert treatment.is_taken(0).all()


def test_care_in_a_trial_takes_a_kilogram():
    spec = load_all().get("trial_care").model_validate({"kind": "trial_care"})
    treatment = spec.build(ENROLLED)
    assert not np.any(treatment.effects(-1).energy_intake)
    lost = -float(np.mean(treatment.effects(0).energy_intake)) / ANSWER
    # -0.98 kg on placebo in SUSTAIN-1, and a little more when weight has settled.
    assert 0.8 < lost < 1.4


def test_trials_read_without_a_control_are_simulated_with_care():
    asked = [reading for name in drugs.ORDER for reading in drugs.readings(name)]
    cared = [reading for reading in asked if reading.care]
    assert cared and all(not r.control or r.measure == "share" for r in cared)


def test_metformin_lowers_production_in_who_is_poorly_controlled():
    def fall(hba1c: float) -> float:
        spec = load_all().get("metformin").model_validate({"kind": "metformin", "dose": "2000 mg/d"})
        treatment = spec.build(dataclasses.replace(ENROLLED, hba1c=np.full(1, hba1c, np.float32)))
        return 1 - float(np.mean(treatment.effects(1000).hepatic_production))

    # None in well-controlled people (Gormsen 2019), a quarter in poorly controlled ones (Hundal 2000).
    assert fall(6.0) == 0 < fall(8.0) < fall(10.0) < fall(11.5)
    assert fall(11.5) == pytest.approx(fall(13.0)) == pytest.approx(0.24, rel=1e-3)
