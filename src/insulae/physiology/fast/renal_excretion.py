"""Glucose lost in the urine: filtration above the renal threshold.

Excretion = GFR x max(0, glucose - threshold); the linear law of UVA/Padova loses a tenth of what is measured
at 300 mg/dL.
"""

from insulae.core.jax_later import Array
from insulae.core.parameters import derived, parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.component import positive_part
from insulae.physiology.effects import Effects, Inputs
from insulae.physiology.signals import Signals, SlowSignals


@pytree
class Parameters:
    """Constants of renal glucose handling."""

    filtration: Array = parameter("dL/min")
    reference_egfr: Array = parameter("mL/min/1.73m2")
    threshold: Array = parameter("mg/dL")
    threshold_width: Array = parameter("mg/dL")
    weight: Array = derived("kg")


def today(parameters: Parameters, signals: SlowSignals, effects: Effects) -> Parameters:
    """Scale filtration by the kidney function of the day, and the threshold by drugs."""
    p = parameters
    return replace(
        p,
        filtration=p.filtration * signals.egfr / p.reference_egfr,
        threshold=p.threshold * effects.renal_threshold,
        weight=signals.metabolic_weight,
    )


def signals(parameters: Parameters, signals: Signals, inputs: Inputs) -> Signals:
    """Publish the excretion rate (mg/kg/min)."""
    p = parameters
    spilled = positive_part(signals.glucose - p.threshold, p.threshold_width)
    return replace(signals, renal_excretion=p.filtration / p.weight * spilled)
