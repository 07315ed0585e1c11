"""Transplanted islets: instant loss, hypoxia before vessels grow, maturation, function, later losses.

Oxygen: a sphere with zero-order consumption; with s = 6 aD p / (V R^2) below 1 an anoxic core of relative
radius x remains, 1 - 3 x^2 + 2 x^3 = s, solved in closed form x = 1/2 + cos((2 pi - arccos(2 s - 1))/3).
Vessels shorten the distance to oxygen and raise its pressure. Maturation runs through three stages, which
gives the lag seen after infusion; the reserve that lets islets compensate comes with it. Islets infused later
are pooled with those already there, weighted by surviving number. Capsules and devices are not modelled.
"""

import jax.numpy as jnp
from jax import Array

from insulae.core.parameters import parameter
from insulae.core.pytree import map_leaves, pytree, replace
from insulae.physiology.component import relax
from insulae.physiology.effects import Effects, Infusion
from insulae.physiology.signals import SlowSignals


@pytree
class Parameters:
    """Constants of engraftment, oxygen supply and loss."""

    reference_density: Array = parameter("IEQ/kg")
    islet_radius: Array = parameter("um")
    radius_reduction: Array = parameter("dimensionless")
    oxygen_capacity: Array = parameter("mmHg/um2")
    oxygen_half: Array = parameter("mmHg")
    hypoxic_death_rate: Array = parameter("1/d")
    chronic_loss_rate: Array = parameter("1/d")
    stress_loss_rate: Array = parameter("1/d")
    allogeneic_death_rate: Array = parameter("1/d")
    autoimmune_death_rate: Array = parameter("1/d")
    leak: Array = parameter("pmol/kg/min")
    compensation: Array = parameter("dimensionless")


@pytree
class State:
    """Surviving mass (1 = healthy reference), its progress, and what kind of islets they are."""

    mass: Array
    vascularization: Array
    first_stage: Array
    second_stage: Array
    maturation: Array
    function: Array
    potency: Array
    maturation_time: Array
    alloantigen: Array
    autoantigen: Array
    innate_killing: Array
    vascularization_time: Array
    portal_fraction: Array
    oxygen_early: Array
    oxygen_late: Array


CARRIED = (
    "vascularization",
    "vascularization_time",
    "potency",
    "maturation_time",
    "alloantigen",
    "autoantigen",
    "innate_killing",
    "portal_fraction",
    "oxygen_early",
    "oxygen_late",
)
"""What infused islets bring along under the same name."""


def empty(like: Array) -> State:
    """Return a state without a graft, shaped like an array."""
    zero, one = 0 * like, 0 * like + 1
    return State(
        mass=zero,
        vascularization=zero,
        first_stage=zero,
        second_stage=zero,
        maturation=zero,
        function=one,
        potency=one,
        maturation_time=one,
        alloantigen=zero,
        autoantigen=zero,
        innate_killing=zero,
        vascularization_time=one,
        portal_fraction=zero,
        oxygen_early=one,
        oxygen_late=one,
    )


def infuse(state: State, parameters: Parameters, infusion: Infusion, metabolic_weight: Array) -> State:
    """Add the islets of an infusion that survive the procedure and the instant loss."""
    surviving = jnp.asarray(infusion.dose) * (1 - infusion.instant_loss)
    added = surviving / metabolic_weight / parameters.reference_density
    mass = state.mass + added
    share = jnp.where(mass > 0, added / jnp.where(mass > 0, mass, 1), 0)
    like = 0 * added
    arriving = State(
        mass=added,
        first_stage=like + infusion.maturity,
        second_stage=like + infusion.maturity,
        maturation=like + infusion.maturity,
        function=like + 1,
        **{name: like + getattr(infusion, name) for name in CARRIED},
    )
    pooled = map_leaves(
        lambda old, new: jnp.where(added > 0, old + share * (new - old), old), state, arriving
    )
    return replace(pooled, mass=mass)


def oxygen(state: State, parameters: Parameters) -> tuple[Array, Array]:
    """Return the viable fraction of islet volume and the secretory factor under the graft's oxygen."""
    p = parameters
    radius = p.islet_radius * (1 - p.radius_reduction * state.vascularization)
    pressure = state.oxygen_early + (state.oxygen_late - state.oxygen_early) * state.vascularization
    needed = p.oxygen_capacity * radius**2
    core = _anoxic_core(pressure / needed)
    viable = 1 - core**3
    return viable, viable * _secretory_factor(core, pressure, needed, p.oxygen_half)


def _anoxic_core(supply: Array) -> Array:
    """Return the relative radius without oxygen; the inner `where` keeps gradients finite at full supply."""
    is_short = supply < 1
    short = jnp.where(is_short, jnp.maximum(supply, 0), 0.5)
    core = 0.5 + jnp.cos((2 * jnp.pi - jnp.arccos(2 * short - 1)) / 3)
    return jnp.where(is_short, jnp.clip(core, 0, 1), 0)


def _secretory_factor(core: Array, pressure: Array, needed: Array, half: Array) -> Array:
    """Average p^3/(half^3 + p^3) over the viable volume in four shells."""
    total, weight = 0 * core, 0 * core
    for shell in range(4):
        r = core + (1 - core) * (shell + 0.5) / 4
        local = pressure - needed * (1 - r * r) + needed * 2 * core**3 * (1 / r - 1)
        cube = jnp.maximum(local, 0) ** 3
        total = total + r * r * cube / (half**3 + cube)
        weight = weight + r * r
    return total / weight


def outputs(state: State, parameters: Parameters, signals: SlowSignals, effects: Effects) -> SlowSignals:
    """Publish the graft's mass, secretory capacities, leak, site and antigen."""
    _, secretory = oxygen(state, parameters)
    active = state.mass * secretory
    capacity = active * state.potency * state.function * state.maturation
    return replace(
        signals,
        graft_mass=state.mass,
        graft_capacity=capacity,
        graft_first_phase=capacity * state.vascularization * jnp.minimum(state.function, 1),
        graft_leak=active * (1 - state.maturation) * parameters.leak,
        graft_portal_fraction=state.portal_fraction,
        graft_alloantigen=state.alloantigen,
        graft_autoantigen=state.autoantigen,
        graft_glucagon=jnp.minimum(state.mass, 1) * state.maturation,
    )


def advance(
    state: State, parameters: Parameters, signals: SlowSignals, effects: Effects, days: Array
) -> State:
    """Lose, vascularize, mature and adapt the graft over some days; without a graft nothing changes."""
    p = parameters
    viable, _ = oxygen(state, p)
    loss = (
        p.hypoxic_death_rate * (1 - viable)
        + p.chronic_loss_rate
        + p.stress_loss_rate * signals.glucotoxic_stress
        + p.allogeneic_death_rate * signals.alloimmunity
        + p.autoimmune_death_rate * signals.autoimmunity * state.autoantigen
        + state.innate_killing
    )
    reserve = (p.compensation - 1) * state.maturation
    target = (1 + reserve * signals.compensation_demand) * signals.functional_share
    grown = replace(
        state,
        mass=state.mass * jnp.exp(-days * loss),
        vascularization=relax(state.vascularization, 1, state.vascularization_time, days),
        first_stage=relax(state.first_stage, 1, state.maturation_time, days),
        second_stage=relax(state.second_stage, state.first_stage, state.maturation_time, days),
        maturation=relax(state.maturation, state.second_stage, state.maturation_time, days),
        function=relax(state.function, target, signals.function_time, days),
    )
    return map_leaves(lambda new, old: jnp.where(state.mass > 0, new, old), grown, state)
