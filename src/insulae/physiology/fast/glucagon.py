"""Glucagon and counter-regulation: suppressed by high glucose, released below the hypoglycemia threshold.

One state after the glucagon extension of the UVA/Padova model (Dalla Man 2014), with absolute instead of
basal-referred terms. The released amount grows with a mature graft, which brings alpha cells. Not modelled:
protein meals, the rise of glucagon after meals in type 1 diabetes, cortisol and growth hormone.
"""

from insulae.core.jax_later import Array, jnp
from insulae.core.parameters import parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.component import positive_part
from insulae.physiology.effects import Effects, Inputs
from insulae.physiology.signals import Signals, SlowSignals


@pytree
class Parameters:
    """Constants of glucagon secretion and clearance."""

    fasting: Array = parameter("pg/mL")
    clearance_rate: Array = parameter("1/min")
    suppression: Array = parameter("dimensionless")
    suppression_glucose: Array = parameter("mg/dL")
    suppression_scale: Array = parameter("mg/dL")
    suppression_width: Array = parameter("mg/dL")
    hypoglycemia_release: Array = parameter("pg/mL per mg/dL")
    graft_release: Array = parameter("pg/mL per mg/dL")


@pytree
class State:
    """Plasma glucagon."""

    plasma: Array


def initial(parameters: Parameters) -> State:
    """Return the fasting concentration."""
    return State(plasma=parameters.fasting)


def today(parameters: Parameters, signals: SlowSignals, effects: Effects) -> Parameters:
    """Add the counter-regulation that the alpha cells of a graft bring, and what drugs do to glucagon."""
    p = parameters
    return replace(
        p,
        fasting=p.fasting * effects.fasting_glucagon,
        suppression=jnp.minimum(p.suppression + effects.glucagon_suppression, 1),
        hypoglycemia_release=p.hypoglycemia_release + p.graft_release * signals.graft_glucagon,
    )


def outputs(state: State, parameters: Parameters, signals: Signals) -> Signals:
    """Publish plasma glucagon (pg/mL)."""
    return replace(signals, glucagon=state.plasma)


def derivative(state: State, parameters: Parameters, signals: Signals, inputs: Inputs) -> State:
    """Return the rate of change per minute."""
    p = parameters
    above = positive_part(signals.glucose - p.suppression_glucose, p.suppression_width)
    suppressed = 1 - p.suppression * (1 - jnp.exp(-above / p.suppression_scale))
    target = p.fasting * suppressed + p.hypoglycemia_release * signals.hypoglycemia
    return State(plasma=p.clearance_rate * (target - state.plasma))
