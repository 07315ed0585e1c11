"""Weight settles where appetite answers it; liver fat has a personal threshold; recovery ends with time."""

import jax.numpy as jnp
import numpy as np
import pytest
from calibration.liver import BY_INDEX, by_index

from insulae.core.parameters import value, values
from insulae.core.pytree import replace
from insulae.physiology.effects import Effects
from insulae.physiology.signals import SlowSignals
from insulae.physiology.slow import beta_cells, body_weight, insulin_resistance
from insulae.populations.baseline import starting
from insulae.populations.patient import ClinicNumbers
from insulae.therapies.base import LONG_AGO, load_all

LIVER = values(insulin_resistance.Parameters, "type2")
CELLS = values(beta_cells.Parameters, "type2")
BODY = replace(
    values(body_weight.Parameters, "type2"),
    height=jnp.asarray(1.7),
    set_point=jnp.asarray(100.0),
    usual_weight=jnp.asarray(100.0),
    usual_energy=jnp.asarray(0.0),
    usual_restriction=jnp.asarray(0.0),
)
SAME = jnp.asarray(1.0)
"""Relief of sensitivity of who has not changed weight."""


def weight_after(effects: Effects, days: int, urinary_glucose: float = 0.0) -> float:
    """Return the weight (kg) of a person of 100 kg after some days of the same effects."""
    state, spilled = body_weight.State(weight=jnp.asarray(100.0)), jnp.asarray(urinary_glucose)
    for _ in range(days):
        signals = SlowSignals(urinary_glucose=spilled)
        state = body_weight.advance(state, BODY, signals, effects, jnp.asarray(1.0))
    return float(state.weight)


def person(liver_fat: float, index: float) -> insulin_resistance.Parameters:
    """Return the constants of a person with some liver fat (%) at enrollment."""
    scale = (index / LIVER.reference_bmi) ** LIVER.liver_fat_exponent
    own = replace(LIVER, liver_fat=jnp.asarray(liver_fat / scale))
    return replace(own, fat_threshold=insulin_resistance.personal_threshold(own, jnp.asarray(index)))


def fat(own: insulin_resistance.Parameters, index: float, deficit: float = 0.0) -> float:
    """Return the liver fat (%) that a person settles at."""
    return float(insulin_resistance.fat_target(own, jnp.asarray(index), jnp.asarray(deficit)))


def test_a_lasting_effort_ends_where_appetite_and_expenditure_balance_it():
    lost = 100 - weight_after(Effects(energy_intake=-500.0), 720)
    answer = value("body_weight.maintenance") + value("body_weight.appetite")
    assert lost == pytest.approx(500 / answer, rel=0.01)
    # An SGLT2 inhibitor's weight loss slowed after about six months (Polidori 2016).
    assert 100 - weight_after(Effects(energy_intake=-500.0), 182) > 0.9 * lost


def test_without_appetite_a_deficit_costs_far_more_weight():
    diet = Effects(restriction=500.0, appetite=0.0)
    assert 100 - weight_after(diet, 365) > 3 * (100 - weight_after(Effects(energy_intake=-500.0), 365))


def test_an_effort_is_worth_as_many_kilograms_where_a_drug_weakens_appetite():
    drug = Effects(restriction=300.0, appetite=0.5)
    both = Effects(restriction=300.0, appetite=0.5, energy_intake=-200.0)
    alone = 100 - weight_after(Effects(energy_intake=-200.0), 1500)
    beside = weight_after(drug, 1500) - weight_after(both, 1500)
    assert beside == pytest.approx(alone, rel=0.02)
    assert 100 - weight_after(drug, 1500) > 1.5 * (100 - weight_after(Effects(restriction=300.0), 1500))


def test_glucose_lost_in_urine_is_partly_eaten_again():
    lost = 100 - weight_after(Effects(), 365, urinary_glucose=80.0)
    # 80 g/d are 320 kcal/d; empagliflozin lowers weight by two to three kilograms.
    assert 2 < lost < 3.5


def test_liver_fat_at_enrollment_is_the_person_s_own():
    for own in (3.0, 10.0, 25.0):
        assert fat(person(own, 33.0), 33.0) == pytest.approx(own, rel=1e-4)


def test_a_lean_liver_gains_less_from_as_much_weight_lost():
    own = person(16.0, 35.0)
    start, less, much = (
        float(insulin_resistance.hepatic_share(own, jnp.asarray(fat(own, index))))
        for index in (35.0, 35 * 0.85, 35 * 0.7)
    )
    assert less > 1.5 * start
    assert much - less < 0.6 * (less - start)


def relieved(own: insulin_resistance.Parameters, usual: float, index: float) -> float:
    """Return the relief of sensitivity of a person who was at one body mass index and is at another."""
    settled = jnp.asarray(fat(own, index))
    return float(insulin_resistance.relief(own, jnp.asarray(index), jnp.asarray(usual), settled))


def test_islets_give_up_part_of_what_weight_loss_gains():
    own = person(16.0, 35.0)
    assert relieved(own, 35.0, 35.0) == pytest.approx(1)
    gained = relieved(own, 35.0, 30.0)
    # Periphery by the index alone, the liver by its fat; the islets see their geometric mean.
    liver = float(insulin_resistance.hepatic_share(own, jnp.asarray(fat(own, 30.0)))) / float(
        insulin_resistance.hepatic_share(own, jnp.asarray(16.0))
    )
    periphery = (35 / 30) ** value("insulin_resistance.weight_exponent")
    assert gained == pytest.approx((periphery * liver) ** 0.5, rel=1e-3)
    glucose, percent, left = jnp.asarray(150.0), jnp.asarray(8.0), jnp.asarray(0.9)
    before, after = (
        float(beta_cells.functional_target(CELLS, glucose, percent, left, jnp.asarray(each)))
        for each in (1.0, gained)
    )
    assert 1 / gained < after / before < 1


def test_liver_fat_falls_before_weight_does():
    own = person(13.0, 33.6)
    assert fat(own, 33.6, deficit=1500.0) < 0.4 * fat(own, 33.6)


def test_the_table_holds_what_the_fit_of_liver_fat_found():
    table = {
        name: value(f"insulin_resistance.{name}") for name in ("liver_fat_exponent", "liver_fat_steepness")
    }
    found = {f"insulin_resistance.{name}": each for name, each in table.items()}
    obtained = by_index(
        {**found, "insulin_resistance.liver_fat": value("insulin_resistance.liver_fat", "type2")}
    )
    for target, got in zip(BY_INDEX, obtained, strict=True):
        assert abs(got - target.value) < 1.5 * target.tolerance, target.name


def test_long_diabetes_recovers_less():
    high, normal = jnp.asarray(170.0), jnp.asarray(115.0)
    gains = []
    for years in (0.0, 5.0, 15.0):
        left = jnp.exp(-beta_cells.fixation(CELLS, high, jnp.asarray(365.25 * years)))
        before, after = (
            beta_cells.functional_target(CELLS, glucose, jnp.asarray(percent), left, SAME)
            for glucose, percent in ((high, 15.0), (normal, 3.0))
        )
        gains.append(float(after / before))
    assert gains[0] > gains[1] > gains[2]


def test_what_becomes_lasting_changes_nothing_today():
    """Function per mass rises by as much as mass falls while glucose stays."""
    glucose, percent = jnp.asarray(180.0), jnp.asarray(12.0)
    zero = jnp.asarray(0.0)
    no_death = replace(CELLS, death_rate=zero, decline_rate=zero, growth_rate=zero)

    def settled(left: jnp.ndarray) -> jnp.ndarray:
        return beta_cells.functional_target(no_death, glucose, percent, left, SAME)

    left = jnp.asarray(0.9)
    state = beta_cells.State(mass=jnp.asarray(0.6), function=settled(left), recoverable=left)
    signals = SlowSignals(
        mean_glucose=glucose,
        liver_fat=percent,
        glucotoxic_stress=jnp.asarray(0.5),
        autoimmunity=jnp.asarray(0.0),
        relief=SAME,
    )
    later = beta_cells.advance(state, no_death, signals, Effects(), jnp.asarray(2000.0))
    assert float(later.recoverable) < 0.8 and float(later.mass) < 0.58
    assert float(later.mass * settled(later.recoverable)) == pytest.approx(
        float(state.mass * state.function), rel=1e-4
    )


def test_intake_on_the_treatment_before_enrollment_is_the_usual_one():
    metformin = load_all().get("metformin").model_validate({"kind": "metformin", "start": LONG_AGO})
    numbers = ClinicNumbers("type2", {"hba1c": (7.5, 7.5)}, ("metformin",))
    start = starting(numbers, [metformin], 1, np.arange(4))
    effects = metformin.build(start.enrolled).effects(-1.0)
    slow, constants = start.state.slow.body_weight, start.cohort.parameters.slow.body_weight
    share = body_weight.carbohydrate_share(slow, constants, effects)
    np.testing.assert_allclose(np.asarray(share)[start.is_solved], 1, rtol=1e-5)
