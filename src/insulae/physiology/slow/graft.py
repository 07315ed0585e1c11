"""Transplanted islets: instant loss, oxygen at the site or in a device, maturation, later losses.

Oxygen is that of `insulae.physiology.oxygen`. Vessels raise its pressure and, in bare islets, shorten the
way to it; in a device they stay outside, fibrous tissue grows around it, and islets die until those left
have oxygen: with `spared` the share that hypoxia has left and v the share that has oxygen now, the loss is
k (spared - v)+ / spared, so that spared settles at v. Bare islets are lost at k (1 - v) until vessels come.
`crowding` is the density of the living islets in the spared part against that at implantation. Vessels grow
into a perforated device: over the share `ingrowth` the barrier to oxygen and insulin goes as they come.

Lasting losses: to time and stress in every graft, to what drugs leave of immunity in a foreign one
(subclinical, at a rate that differs widely between people), and `attrition`, of islets in closed devices.

Maturation runs through three stages, which gives the lag seen after infusion; the reserve that lets islets
compensate comes with it. Islets infused later are pooled with those already there, weighted by surviving
number. Not modelled: bare and encapsulated islets side by side other than as such a pool.
"""

from insulae.core.jax_later import Array, jnp
from insulae.core.parameters import parameter
from insulae.core.pytree import map_leaves, pytree, replace
from insulae.physiology.component import relax, where_needed
from insulae.physiology.effects import Effects, Infusion
from insulae.physiology.oxygen import Supply, viable_and_secretory
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
    subclinical_loss_rate: Array = parameter("1/d")
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
    attrition: Array
    spared: Array
    crowding: Array
    fibrosis: Array
    enclosure: Array
    outer_drop: Array
    inner_drop: Array
    fibrous_drop: Array
    fibrosis_time: Array
    insulin_delay: Array
    fibrous_delay: Array
    ingrowth: Array


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
    "attrition",
    "enclosure",
    "outer_drop",
    "inner_drop",
    "fibrous_drop",
    "fibrosis_time",
    "insulin_delay",
    "fibrous_delay",
    "ingrowth",
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
        attrition=zero,
        spared=one,
        crowding=one,
        fibrosis=zero,
        enclosure=zero,
        outer_drop=zero,
        inner_drop=zero,
        fibrous_drop=zero,
        fibrosis_time=one,
        insulin_delay=zero,
        fibrous_delay=zero,
        ingrowth=zero,
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
        spared=like + 1,
        crowding=like + 1,
        fibrosis=like,
        **{name: like + getattr(infusion, name) for name in CARRIED},
    )
    pooled = map_leaves(
        lambda old, new: jnp.where(added > 0, old + share * (new - old), old), state, arriving
    )
    return replace(pooled, mass=mass)


def closure(state: State) -> Array:
    """Return the share of the islets behind a barrier: all in a device, fewer as vessels grow into it."""
    return state.enclosure * (1 - state.ingrowth * state.vascularization)


def oxygen(state: State, parameters: Parameters) -> tuple[Array, Array]:
    """Return the share of the infused islets' volume that has oxygen, and it weighted by secretion."""
    p, vessels, closed = parameters, state.vascularization, closure(state)
    radius = p.islet_radius * (1 - p.radius_reduction * vessels * (1 - closed))
    # In a sheet the islets that are left share the oxygen of those that were lost; a capsule holds one islet.
    sharing = jnp.where(state.inner_drop > 0, state.crowding, 1)
    barrier = 1 - state.ingrowth * vessels
    supply = Supply(
        pressure=state.oxygen_early + (state.oxygen_late - state.oxygen_early) * vessels,
        needed=p.oxygen_capacity * radius**2,
        outer=(state.outer_drop + state.fibrous_drop * state.fibrosis) * sharing * barrier,
        inner=state.inner_drop * sharing * barrier,
    )
    nothing = 0 * state.mass
    return where_needed(
        state.mass > 0, lambda: viable_and_secretory(supply, p.oxygen_half), (nothing, nothing)
    )


def outputs(state: State, parameters: Parameters, signals: SlowSignals, effects: Effects) -> SlowSignals:
    """Publish the graft's mass, secretory capacities, leak, site and antigen."""
    _, secretory = oxygen(state, parameters)
    active = state.mass * jnp.minimum(secretory / jnp.where(state.spared > 0, state.spared, 1), 1)
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
        graft_enclosure=closure(state),
        graft_delay=state.insulin_delay + state.fibrous_delay * state.fibrosis,
        graft_glucagon=jnp.minimum(state.mass, 1) * state.maturation,
    )


def advance(
    state: State, parameters: Parameters, signals: SlowSignals, effects: Effects, days: Array
) -> State:
    """Lose, vascularize, mature and adapt the graft over some days; without a graft nothing changes."""
    p = parameters
    viable, _ = oxygen(state, p)
    is_enclosed = state.enclosure > 0
    shortage = jnp.maximum(state.spared - viable, 0) / jnp.where(state.spared > 0, state.spared, 1)
    hypoxic = p.hypoxic_death_rate * shortage
    loss = (
        hypoxic
        + p.chronic_loss_rate
        + p.stress_loss_rate * signals.glucotoxic_stress
        + p.subclinical_loss_rate * signals.immune_pressure
        + p.allogeneic_death_rate * signals.alloimmunity
        + p.autoimmune_death_rate * signals.autoimmunity * state.autoantigen
        + state.innate_killing
        + state.attrition
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
        spared=jnp.where(is_enclosed, state.spared * jnp.exp(-days * hypoxic), state.spared),
        crowding=state.crowding * jnp.exp(-days * (loss - hypoxic)),
        fibrosis=relax(state.fibrosis, 1, jnp.where(is_enclosed, state.fibrosis_time, 1), days),
    )
    return map_leaves(lambda new, old: jnp.where(state.mass > 0, new, old), grown, state)
