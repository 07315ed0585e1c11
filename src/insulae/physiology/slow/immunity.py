"""Alloimmunity and autoimmunity against grafted and native islets, their memory, and antibodies.

Both effector activities grow when antigen x (1 - suppression) x growth exceeds decay: a threshold, not a
proportion. Suppression is e^2/(half^2 + e^2) of the drug exposure. Alloantigen is 1 for fully mismatched
islets, less for better matched or edited ones; for a person's own reprogrammed cells a trace stays below the
threshold. Effectors leave memory as their graft disappears, which recruits and grows faster at the next one,
and (by their help to B cells) antibodies, which outlast the graft by years and take their share of the next
one. What drugs leave of the pressure on a foreign graft, alloantigen x (1 - suppression), is published as
well: the graft wears away under it without ever being rejected. Not modelled: regulatory T cells as a state,
epitope spreading, single HLA alleles, hyperacute rejection.
"""

from insulae.core.jax_later import Array, jnp
from insulae.core.parameters import parameter
from insulae.core.pytree import Value, pytree, replace
from insulae.physiology.component import saturation
from insulae.physiology.effects import Effects
from insulae.physiology.signals import SlowSignals


@pytree
class Parameters:
    """Constants of both effector populations; `autoimmune` is 1 in type 1 diabetes, else 0.

    `sensitization` is the share of memory and antibody that a patient brings from an earlier graft,
    transfusions or pregnancies.
    """

    autoimmune: Array = parameter("dimensionless")
    allo_growth: Array = parameter("1/d")
    allo_decay: Array = parameter("1/d")
    allo_source: Array = parameter("1/d")
    auto_growth: Array = parameter("1/d")
    auto_decay: Array = parameter("1/d")
    auto_source: Array = parameter("1/d")
    auto_resistance: Array = parameter("dimensionless")
    antigen_half: Array = parameter("dimensionless")
    maximal_activity: Array = parameter("dimensionless")
    half_immunosuppression: Array = parameter("dimensionless")
    sensitization: Array = parameter("dimensionless")
    memory_formation: Array = parameter("1/d")
    memory_decay: Array = parameter("1/d")
    memory_growth: Array = parameter("dimensionless")
    memory_recruitment: Array = parameter("dimensionless")
    antibody_formation: Array = parameter("1/d")
    antibody_decay: Array = parameter("1/d")
    antibody_killing: Array = parameter("dimensionless")


@pytree
class State:
    """Effector activities; shares (0 to 1) of full alloimmune memory and of a panel that antibodies meet."""

    alloimmunity: Array
    autoimmunity: Array
    memory: Array
    antibody: Array


def _suppression(parameters: Parameters, exposure: Value) -> Value:
    """Return the share of growth that a drug exposure prevents."""
    square = exposure**2
    return square / (parameters.half_immunosuppression**2 + square)


def established(parameters: Parameters, native_mass: Array, effects: Effects) -> State:
    """Return the state of a patient without a graft: autoimmunity in balance with the native mass."""
    p = parameters
    suppression = _suppression(p, effects.immunosuppression + effects.autoimmune_suppression)
    growth = p.auto_growth * p.autoimmune * (1 - p.auto_resistance * suppression) * native_mass
    lost = p.auto_decay * (p.antigen_half + native_mass)
    # Where growth exceeds what is lost it exceeds this floor too, so the floor only avoids 0/0.
    share = (growth - lost).clip(0) / growth.clip(p.auto_decay * p.antigen_half)
    brought = p.sensitization + 0 * native_mass
    return State(
        alloimmunity=0 * native_mass,
        autoimmunity=p.maximal_activity * share,
        memory=brought,
        antibody=brought,
    )


def outputs(state: State, parameters: Parameters, signals: SlowSignals, effects: Effects) -> SlowSignals:
    """Publish both activities, antibodies added to what a foreign graft meets, and the pressure on it."""
    foreign = signals.graft_alloantigen
    suppression = _suppression(parameters, effects.immunosuppression)
    return replace(
        signals,
        alloimmunity=state.alloimmunity + parameters.antibody_killing * state.antibody * foreign,
        immune_pressure=foreign * (1 - suppression),
        autoimmunity=state.autoimmunity,
    )


def _grow(activity: Array, drive: Array, decay: Array, maximal: Array, days: Array) -> Array:
    """Grow or shrink an activity exponentially under its present drive, never above its maximum."""
    rate = drive * (1 - activity / maximal) - decay
    return jnp.minimum(activity * jnp.exp(days * rate), maximal)


def _remember(share: Array, formation: Array, decay: Array, days: Array) -> Array:
    """Fill a share towards 1 at a rate of formation and lose it at a rate of decay, exactly."""
    total = formation + decay
    target = formation / total
    return target + (share - target) * jnp.exp(-days * total)


def advance(
    state: State, parameters: Parameters, signals: SlowSignals, effects: Effects, days: Array
) -> State:
    """Advance both activities, memory and antibody; the caller keeps `days` below half a day."""
    p = parameters
    exposure: Array = jnp.asarray(effects.immunosuppression)
    suppression = _suppression(p, exposure)
    auto_suppression = _suppression(p, exposure + effects.autoimmune_suppression)
    present = saturation(signals.graft_mass, p.antigen_half)
    graft = present * signals.graft_alloantigen
    seen = signals.graft_mass * signals.graft_autoantigen + signals.native_mass
    islets = saturation(seen, p.antigen_half) * p.autoimmune
    allo, auto = graft * (1 - suppression), islets * (1 - p.auto_resistance * auto_suppression)
    depletion = effects.effector_depletion
    allo_growth = p.allo_growth * (1 + p.memory_growth * state.memory)
    grown_allo = _grow(
        state.alloimmunity, allo_growth * allo, p.allo_decay + depletion, p.maximal_activity, days
    )
    grown_auto = _grow(
        state.autoimmunity, p.auto_growth * auto, p.auto_decay + depletion, p.maximal_activity, days
    )
    recruited = p.allo_source * (1 + p.memory_recruitment * state.memory) * allo
    contracting = p.memory_formation * state.alloimmunity * (1 - present)
    formed = p.antibody_formation * state.alloimmunity * graft
    return State(
        alloimmunity=jnp.minimum(grown_allo + days * recruited, p.maximal_activity),
        autoimmunity=jnp.minimum(grown_auto + days * p.auto_source * auto, p.maximal_activity),
        memory=_remember(state.memory, contracting, p.memory_decay, days),
        antibody=_remember(state.antibody, formed, p.antibody_decay, days),
    )
