"""What must hold in every simulation: nobody depends on the others, islets help, mass is conserved."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insulae.core import random
from insulae.core.clock import STEP_MINUTES, STEPS_PER_DAY
from insulae.core.pytree import broadcast, map_leaves, replace, take
from insulae.engine.kernel import compiled
from insulae.physiology import body, course
from insulae.physiology.day import step
from insulae.physiology.effects import Effects, Infusion, Inputs
from insulae.populations.baseline import Start
from insulae.populations.bodies import Bodies, on_days
from insulae.populations.cohort import sample
from insulae.populations.patient import PHENOTYPES, ClinicNumbers
from insulae.populations.routine import (
    N_DRAWS,
    day_draws,
    day_records,
    days_records,
    ordinary_day,
    ordinary_days,
)
from insulae.therapies.base import TherapySpec

N = 8
SEED = 5
ROUNDING = 1e-5
"""A day is thousands of operations in single precision (6e-8 each), which damp errors in the end."""
Live = Callable[..., list[Any]]
Spec = Callable[..., TherapySpec]


def numbers(tree: Any) -> np.ndarray:
    """Return all numbers of a record whose leaves are [patient], as [leaf, patient]."""
    return np.stack([np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(tree)])


def lived_day(start: Start, ids: Any, effects: Effects | None = None) -> tuple[Any, Any]:
    """Return summary and glucose trace of one ordinary day of some patients of a start, in that order."""
    rows = np.asarray(ids)
    state, parameters = take(start.state, rows), take(start.cohort.parameters, rows)
    keys = random.patient_keys(SEED, "day", jnp.asarray(np.asarray(start.cohort.ids)[rows]))
    given = map_leaves(lambda leaf: np.broadcast_to(leaf, N)[rows], effects or insulin(start))
    bodies = Bodies(parameters, state, random.DayDraws(keys, N_DRAWS))
    lived = bodies.live(bodies.packed(given), 3, 1, is_even=False)
    return lived.summary, lived.trace


def insulin(start: Start) -> Effects:
    """Return the doses at enrollment."""
    return Effects(
        basal_insulin=start.enrolled.basal_dose, bolus_per_carbohydrate=start.enrolled.bolus_per_carbohydrate
    )


@settings(max_examples=4, deadline=None)
@given(order=st.permutations(range(N)))
def test_permuting_patients_permutes_results(order: list[int], type1: Start):
    """Bit for bit: every patient is a lane of its own."""
    summary, trace = lived_day(type1, range(N))
    shuffled, again = lived_day(type1, order)
    np.testing.assert_array_equal(numbers(shuffled), numbers(summary)[:, order])
    np.testing.assert_array_equal(np.asarray(again.glucose), np.asarray(trace.glucose)[:, order])


def test_a_patient_s_day_does_not_depend_on_the_others(type1: Start):
    """Bit for bit: whoever fills the other places of the chunk."""
    summary, trace = lived_day(type1, range(N))
    for others in (0, 5):
        places = [others, others, 2, others, others, others, 6, others]
        chunk, again = lived_day(type1, places)
        np.testing.assert_array_equal(numbers(chunk)[:, [2, 6]], numbers(summary)[:, [2, 6]])
        np.testing.assert_array_equal(np.asarray(again.glucose)[:, 6], np.asarray(trace.glucose)[:, 6])


@pytest.mark.parametrize("phenotype", PHENOTYPES)
def test_a_sampled_patient_does_not_depend_on_the_others(phenotype: str):
    """Bit for bit: whoever fills the other places of the chunk."""
    asked = ClinicNumbers(phenotype, {"hba1c": (6.0, 7.0)})
    whole = numbers(sample(asked, SEED, jnp.arange(100, 108)))
    alone = numbers(sample(asked, SEED, jnp.asarray([7, 7, 7, 103, 9, 9, 9, 107])))
    np.testing.assert_array_equal(alone[:, [3, 7]], whole[:, [3, 7]])


def test_the_width_of_a_chunk_changes_sampled_patients_by_rounding_only():
    asked = ClinicNumbers("type1", {})
    whole = numbers(sample(asked, SEED, jnp.arange(N)))
    halves = [numbers(sample(asked, SEED, jnp.arange(first, first + 4))) for first in (0, 4)]
    np.testing.assert_allclose(np.concatenate(halves, axis=1), whole, rtol=1e-6)


def test_the_same_seed_gives_the_same_patients_and_another_seed_others():
    ids = jnp.arange(N)
    first, again, other = (sample(ClinicNumbers("type2", {}), seed, ids) for seed in (1, 1, 2))
    np.testing.assert_array_equal(numbers(first), numbers(again))
    assert not np.any(np.asarray(first.traits.age) == np.asarray(other.traits.age))


def test_a_given_number_changes_nothing_else():
    """What the clinic knows replaces one draw; every other draw of the patient stays."""
    ids = jnp.arange(N)
    free, known = (sample(ClinicNumbers("type2", given), SEED, ids) for given in ({}, {"age": (50.0, 50.0)}))
    assert (np.asarray(known.traits.age) == 50).all()
    np.testing.assert_array_equal(
        numbers(replace(free.traits, age=0 * ids)), numbers(replace(known.traits, age=0 * ids))
    )
    np.testing.assert_array_equal(numbers(free.parameters), numbers(known.parameters))


def grafted(start: Start, mass: Any) -> Start:
    """Return the patients with a settled graft of some mass."""
    one = jnp.ones(N, jnp.float32)
    settled = replace(
        start.state.slow.graft,
        mass=mass * one,
        vascularization=one,
        maturation=one,
        portal_fraction=one,
        oxygen_early=40 * one,
        oxygen_late=40 * one,
    )
    slow = replace(start.state.slow, graft=settled)
    return dataclasses.replace(start, state=replace(start.state, slow=slow))


def test_more_islets_secrete_more(type1: Start):
    """At prescribed glucose and at every glucose, more graft mass means more secretion."""
    amounts = jnp.asarray([0.0, 1e-4, 0.01, 0.1, 0.3, 0.7, 1.0, 2.0], jnp.float32)
    state = grafted(type1, amounts).state
    one_patient = np.zeros(N, int)
    parameters = take(type1.cohort.parameters, one_patient)
    fast, slow = take(state.fast, one_patient), replace(take(state.slow, one_patient), graft=state.slow.graft)
    signals = body.slow_signals(
        slow, parameters.slow, take(state.averages, one_patient), broadcast(Effects(), N)
    )
    constants = body.today(parameters.fast, signals, broadcast(Effects(), N))
    for glucose in (60.0, 100.0, 200.0, 350.0):
        static = replace(fast.secretion, static=jnp.full(N, glucose / 20, jnp.float32))
        found = body.fast_signals(replace(fast, secretion=static), constants, inputs_of(0.0))
        assert (np.diff(np.asarray(found.insulin_secretion_rate)) > 0).all()


def test_more_islets_never_lower_c_peptide_after_the_meal(type1: Start, live: Live, spec: Spec):
    """The same patients with four doses, four weeks after the infusion, 90 minutes into the meal test."""
    protection = spec("immunosuppression")
    found = []
    for dose in ("0 IEQ", "1e5 IEQ", "3e5 IEQ", "6e5 IEQ"):
        islets = spec("islet_infusion", dose=dose, source="allogeneic")
        visit = live(type1, [islets, protection, spec("basal_bolus")], [0, 4])[-1].visit
        found.append(visit.meal_test_c_peptide[:, 3])
    assert (np.diff(found, axis=0) > 0).all()


def inputs_of(solid: float, hour: float = 3.0) -> Inputs:
    """Return constant inputs of eight patients who inject nothing."""
    one = jnp.ones(N, jnp.float32)
    return Inputs(
        solid_carbohydrate=solid * one,
        liquid_carbohydrate=0 * one,
        rapid_insulin=0 * one,
        basal_insulin=0 * one,
        rapid_absorption=one,
        basal_absorption=one,
        sensitivity=one,
        exercise=0 * one,
        hour=hour * one,
    )


def fluxes(state: body.FastState, constants: body.FastParameters, inputs: Inputs) -> jax.Array:
    """Return production + appearance - uptake - excretion (mg/kg/min) from the laws themselves."""
    signals = body.fast_signals(state, constants, inputs)
    p, g = constants.glucose, state.glucose
    saturation = signals.glucose / (p.insulin_independent_half + signals.glucose)
    at_reference = p.reference_glucose / (p.insulin_independent_half + p.reference_glucose)
    independent = p.insulin_independent_uptake * saturation / at_reference
    action = signals.peripheral_action * inputs.sensitivity * signals.exercise
    rate = (p.basal_uptake + p.insulin_uptake * action) / (p.uptake_half_mass + g.tissue)
    dependent = rate / (1 + (rate / p.maximal_uptake_rate) ** 4) ** 0.25 * g.tissue
    gained = signals.hepatic_production + signals.meal_appearance
    return gained - independent - dependent - signals.renal_excretion


@jax.jit
def fasting_day(fast: body.FastState, constants: body.FastParameters) -> tuple[body.FastState, jax.Array]:
    """Return the state after a day without food and insulin, and the net gain of glucose in each step."""
    inputs = inputs_of(0.0)

    def one(now: body.FastState, index: jax.Array) -> tuple[body.FastState, jax.Array]:
        after = step(now, constants, inputs)
        half = step(now, constants, inputs, STEP_MINUTES / 2)
        begin, middle, end = (fluxes(state, constants, inputs) for state in (now, half, after))
        return after, (begin + 4 * middle + end) / 6 * STEP_MINUTES

    return jax.lax.scan(one, fast, jnp.arange(STEPS_PER_DAY))


@pytest.mark.parametrize("who", ["healthy", "type1", "type2"])
def test_glucose_mass_is_conserved_over_a_fasting_day(who: str, request: pytest.FixtureRequest):
    """What enters minus what leaves is what is there at the end, to 0.1 mg/kg of Simpson's rule."""
    start: Start = request.getfixturevalue(who)
    state = map_leaves(jnp.asarray, start.state)
    signals = body.slow_signals(
        state.slow, start.cohort.parameters.slow, state.averages, broadcast(Effects(), N)
    )
    constants = body.today(start.cohort.parameters.fast, signals, broadcast(Effects(), N))

    end, flux = fasting_day(state.fast, constants)
    before = np.asarray(state.fast.glucose.plasma + state.fast.glucose.tissue)
    change = np.asarray(end.glucose.plasma + end.glucose.tissue) - before
    assert np.abs(np.asarray(flux)).sum(axis=0).min() > 1
    np.testing.assert_allclose(np.asarray(flux).sum(axis=0), change, atol=0.1)


def masses(live: Live, start: Start, specs: list[TherapySpec]) -> np.ndarray:
    """Return graft mass at weeks 2 and 10, [visit, patient]."""
    return np.stack([v.visit.graft_mass for v in live(start, specs, [2, 10])])


def test_rejection_takes_an_unprotected_allogeneic_graft_only(
    type1: Start, type2: Start, live: Live, spec: Spec
):
    """Ninety percent are lost within ten weeks; an autologous graft without autoimmunity stays."""
    allogeneic = spec("islet_infusion", dose="5e5 IEQ", source="allogeneic")
    autologous = spec("islet_infusion", dose="5e5 IEQ", source="autologous")
    rejected = masses(live, type1, [allogeneic, spec("basal_bolus")])
    kept = masses(live, type2, [autologous, spec("metformin", start="-3650 d")])
    protected = masses(live, type1, [allogeneic, spec("immunosuppression"), spec("basal_bolus")])
    assert (rejected[1] < 0.1 * protected[1]).all()
    assert (kept[1] > 0.5 * kept[0]).all() and (protected[1] > 0.5 * protected[0]).all()


def test_an_arm_of_zero_islets_equals_standard_care_to_the_last_digit(type1: Start, live: Live, spec: Spec):
    nothing = spec("islet_infusion", dose="0 IEQ", source="allogeneic", start="-20 d")
    care = live(type1, [spec("basal_bolus")], [0, 4])
    islets = live(type1, [spec("basal_bolus"), nothing], [0, 4])
    for mine, theirs in zip(care, islets, strict=True):
        for field in dataclasses.fields(mine.visit):
            np.testing.assert_array_equal(getattr(mine.visit, field.name), getattr(theirs.visit, field.name))


def test_two_infusions_add_up(type1: Start):
    """Half the islets twice on one day are the islets once."""
    zero = jnp.zeros(N, jnp.float32)
    quality = {
        "instant_loss": 0.3,
        "potency": 1.0,
        "maturity": 0.1,
        "maturation_time": 40.0,
        "vascularization_time": 12.0,
        "oxygen_early": 9.0,
    }
    infusion = map_leaves(lambda x: x + zero, Infusion(dose=4e5, **quality))
    half = replace(infusion, dose=infusion.dose / 2)
    parameters = type1.cohort.parameters.slow
    once = course.infuse(type1.state.slow, parameters, broadcast(Effects(infusion=infusion), N))
    first = course.infuse(type1.state.slow, parameters, broadcast(Effects(infusion=half), N))
    twice = course.infuse(first, parameters, broadcast(Effects(infusion=half), N))
    np.testing.assert_allclose(numbers(once.graft), numbers(twice.graft), rtol=1e-5)


def by_both_engines(
    function: Callable[..., Any], records: list[Any], given: tuple[Any, ...]
) -> list[list[Any]]:
    """Return what a function of the records of N patients gives, by the native engine and by XLA."""
    results: list[list[Any]] = []
    for by in ("native", "xla"):
        made = compiled(function, records, by=by)
        packed = [layout.pack(record, N) for layout, record in zip(made.inputs, given, strict=True)]
        results.append([result.record for result in made(packed)])
    return results


def test_both_engines_live_the_same_day(type1: Start):
    """The native engine and XLA round differently; a day damps what that does."""
    draws = random.DayDraws(random.patient_keys(SEED, "day", type1.cohort.ids), N_DRAWS)
    days = np.arange(N) % 4
    given = (type1.state, type1.cohort.parameters, insulin(type1), draws.independent(0), days)
    results = by_both_engines(ordinary_day, day_records(), given)
    for mine, other in zip(*(jax.tree_util.tree_leaves(r[:3]) for r in results), strict=True):
        np.testing.assert_allclose(mine, other, rtol=2e-5, atol=1e-4)
    np.testing.assert_allclose(results[0][3], results[1][3], atol=1e-5)


def test_both_engines_live_the_same_days(type1: Start):
    """Some days in one call: each patient has the own number of them, and nothing moves on the others."""
    draws, n = day_draws(SEED, type1.cohort.ids), 7
    days = np.where(np.arange(n)[:, None] < np.arange(N) % 4, 2, 0)
    day = 5 + np.cumsum(days, axis=0) - days
    effects = map_leaves(lambda leaf: np.broadcast_to(leaf, (n, N)), broadcast(insulin(type1), N))
    given = (type1.state, type1.cohort.parameters, effects, draws.even(day), days)
    results = by_both_engines(ordinary_days, days_records(), given)
    for mine, other in zip(*(jax.tree_util.tree_leaves(r[:2]) for r in results), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-3)
    summaries, moved = results[0][1:]
    assert (np.asarray(summaries.mean_glucose > 0) == (days > 0)).all()
    assert (np.asarray(moved).any(axis=1) <= (days > 0)).all()
    for mine, start in zip(
        jax.tree_util.tree_leaves(results[0][0]), jax.tree_util.tree_leaves(type1.state), strict=True
    ):
        some = days.sum(axis=0) == 0
        np.testing.assert_array_equal(np.asarray(mine)[some], np.asarray(start, np.float32)[some])


def test_days_in_one_call_are_days_one_by_one(type1: Start):
    """In one call or in several, with draws even or not: the compiler rounds differently, no more."""
    draws, start = day_draws(SEED, type1.cohort.ids), 9
    is_even = np.arange(N) % 3 > 0
    days = np.where(is_even, np.array([[3], [2], [2]]), 1)
    days[2, ::2] = 0
    day = start + np.cumsum(days, axis=0) - days
    together, apart = (Bodies(type1.cohort.parameters, type1.state, draws) for _ in range(2))
    effects = [together.packed(replace(insulin(type1), energy_intake=10.0 * k)) for k in range(7)]
    given = on_days(lambda one: effects[one - start], day, np.arange(N))
    lived, moved = together.pass_days(given, day, days, is_even)
    for row in range(len(days)):
        for one, length in {(int(a), int(b)) for a, b in zip(day[row], days[row], strict=True) if b}:
            for even in (True, False):
                (some,) = ((day[row] == one) & (days[row] == length) & (is_even == even)).nonzero()
                if not len(some):
                    continue
                part = apart.part(some)
                alone = part.pass_day(effects[one - start].take(some), one, length, is_even=even)
                apart.put(some, part)
                np.testing.assert_allclose(lived.mean_glucose[row][some], alone.summary.mean_glucose, 1e-5)
                np.testing.assert_allclose(moved[row][:, some], alone.movement, atol=1e-6)
    for mine, other in zip(*(jax.tree_util.tree_leaves(b.state) for b in (together, apart)), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-3)


def test_each_patient_may_be_at_a_day_of_the_own(type1: Start):
    """Days, and what they stand for, may differ among patients: to the last bit as if they lived apart."""
    draws = day_draws(SEED, type1.cohort.ids)
    day, days = 8 + np.arange(N) % 5, np.arange(N) % 4
    together = Bodies(type1.cohort.parameters, type1.state, draws)
    effects = together.packed(insulin(type1))
    lived = together.live(effects, day, days, is_even=True)
    for first, length in {(int(d), int(n)) for d, n in zip(day, days, strict=True)}:
        (some,) = ((day == first) & (days == length)).nonzero()
        apart = Bodies(type1.cohort.parameters, type1.state, draws).part(some)
        alone = apart.live(effects.take(some), first, length, is_even=True)
        for mine, other in zip(
            *(
                jax.tree_util.tree_leaves((b.state, x.summary, x.trace, x.movement))
                for b, x in ((together, lived), (apart, alone))
            ),
            strict=True,
        ):
            np.testing.assert_array_equal(mine[..., some], other)
