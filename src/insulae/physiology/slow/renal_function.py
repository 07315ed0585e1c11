"""Kidney function: slow loss with age and diabetes, reversible and lasting harm of calcineurin inhibitors.

Both harms take a share of what filters: constriction by definition, the lasting one because small kidneys
were seen to lose less (edmonton2022). Not modelled: protein in the urine, glucose and blood pressure.
"""

from insulae.core.jax_later import Array, jnp
from insulae.core.parameters import parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.component import relax
from insulae.physiology.effects import Effects
from insulae.physiology.signals import SlowSignals


@pytree
class Parameters:
    """Constants of kidney function."""

    yearly_decline: Array = parameter("mL/min/1.73m2/year")
    reference_egfr: Array = parameter("mL/min/1.73m2")
    constriction_time: Array = parameter("d")
    days_per_year: Array = parameter("d/year")


@pytree
class State:
    """Filtration without drugs, and the share taken by drug-induced vasoconstriction."""

    structural: Array
    constriction: Array


def outputs(state: State, parameters: Parameters, signals: SlowSignals, effects: Effects) -> SlowSignals:
    """Publish eGFR (mL/min/1.73 m2)."""
    return replace(signals, egfr=state.structural * (1 - state.constriction))


def advance(
    state: State, parameters: Parameters, signals: SlowSignals, effects: Effects, days: Array
) -> State:
    """Lose filtration over some days; it never falls below zero."""
    p = parameters
    harm = effects.nephrotoxicity * state.structural / p.reference_egfr
    lost = (p.yearly_decline + harm) * days / p.days_per_year
    target = jnp.asarray(effects.renal_vasoconstriction)
    constriction = relax(state.constriction, target, p.constriction_time, days)
    return State(structural=(state.structural - lost).clip(0), constriction=constriction)
