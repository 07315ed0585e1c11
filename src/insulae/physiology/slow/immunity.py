"""Alloimmunity and autoimmunity against grafted and native islets, held down by immunosuppression.

Each grows when antigen x (1 - suppression) x growth exceeds its decay: a threshold, not a proportion.
Suppression is e^2/(half^2 + e^2) of the drug exposure. Not modelled: antibodies, sensitization, regulatory T
cells as a state.
"""

import jax.numpy as jnp
from jax import Array

from insulae.core.parameters import parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.component import saturation
from insulae.physiology.effects import Effects
from insulae.physiology.signals import SlowSignals


@pytree
class Parameters:
    """Constants of the two effector populations; `autoimmune` is 1 in type 1 diabetes, else 0."""

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


@pytree
class State:
    """Effector activity (dimensionless)."""

    alloimmunity: Array
    autoimmunity: Array


def outputs(state: State, parameters: Parameters, signals: SlowSignals, effects: Effects) -> SlowSignals:
    """Publish both activities."""
    return replace(signals, alloimmunity=state.alloimmunity, autoimmunity=state.autoimmunity)


def _grow(activity: Array, drive: Array, decay: Array, maximal: Array, days: Array) -> Array:
    """Grow or shrink an activity exponentially under its present drive, never above its maximum."""
    rate = drive * (1 - activity / maximal) - decay
    return jnp.minimum(activity * jnp.exp(days * rate), maximal)


def _suppression(parameters: Parameters, exposure: Array) -> Array:
    """Return the share of growth that a drug exposure prevents."""
    square = exposure**2
    return square / (parameters.half_immunosuppression**2 + square)


def advance(
    state: State, parameters: Parameters, signals: SlowSignals, effects: Effects, days: Array
) -> State:
    """Advance both activities; the caller keeps `days` below half a day."""
    p = parameters
    exposure: Array = jnp.asarray(effects.immunosuppression)
    suppression = _suppression(p, exposure)
    auto_suppression = _suppression(p, exposure + effects.autoimmune_suppression)
    graft = saturation(signals.graft_mass, p.antigen_half) * signals.graft_alloantigen
    seen = signals.graft_mass * signals.graft_autoantigen + signals.native_mass
    islets = saturation(seen, p.antigen_half) * p.autoimmune
    allo, auto = graft * (1 - suppression), islets * (1 - p.auto_resistance * auto_suppression)
    depletion = effects.effector_depletion
    grown_allo = _grow(
        state.alloimmunity, p.allo_growth * allo, p.allo_decay + depletion, p.maximal_activity, days
    )
    grown_auto = _grow(
        state.autoimmunity, p.auto_growth * auto, p.auto_decay + depletion, p.maximal_activity, days
    )
    return State(
        alloimmunity=jnp.minimum(grown_allo + days * p.allo_source * allo, p.maximal_activity),
        autoimmunity=jnp.minimum(grown_auto + days * p.auto_source * auto, p.maximal_activity),
    )
