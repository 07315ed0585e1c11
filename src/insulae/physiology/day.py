"""Simulate one day: 5-minute traces and the day's summary. Compiled once for all arms, doses and patients.

The caller hands in `control(step, state) -> Inputs`: what is eaten and injected in each step (meals, bolus,
carbohydrate against low glucose), and what a sensor shows of the body. Daily figures are reduced inside the
loop, so that nothing but what is asked for leaves it.
"""

from collections.abc import Callable

from insulae.core.clock import DAYTIME_STEPS, FASTING_STEP, STEP_MINUTES, STEPS_PER_DAY
from insulae.core.glucose_levels import LEVEL_2_LOW
from insulae.core.jax_later import Array, jnp, lax
from insulae.core.pytree import pytree, replace
from insulae.core.units import MG_PER_G, PMOL_PER_UNIT
from insulae.physiology import body
from insulae.physiology.effects import Inputs
from insulae.physiology.integrate import runge_kutta_4

Control = Callable[[Array, body.FastState], Inputs]
Sensor = Callable[[Array, body.FastState], Array]


@pytree
class DaySummary:
    """One day of one patient: interstitial glucose in mg/dL and the share of the day below 54 mg/dL, insulin
    in U, urinary glucose in g."""

    mean_glucose: Array
    fasting_glucose: Array
    daytime_glucose: Array
    lowest_glucose: Array
    low_share: Array
    highest_glucose: Array
    urinary_glucose: Array
    insulin_dose: Array
    fasting_c_peptide: Array


@pytree
class Trace:
    """Concentrations every five minutes, [step, patient]; `sensor` is what a sensor showed of interstitial
    glucose when the step began."""

    glucose: Array
    sensor: Array
    insulin: Array
    c_peptide: Array


def _empty(like: Array) -> DaySummary:
    zero = 0 * like
    return DaySummary(
        mean_glucose=zero,
        fasting_glucose=zero,
        daytime_glucose=zero,
        lowest_glucose=zero + jnp.inf,
        low_share=zero,
        highest_glucose=zero,
        urinary_glucose=zero,
        insulin_dose=zero,
        fasting_c_peptide=zero,
    )


def _add(
    summary: DaySummary, step: Array, state: body.FastState, parameters: body.FastParameters, inputs: Inputs
) -> DaySummary:
    """Add one step, at whose end the state is given, to the day's summary."""
    glucose = state.glucose.interstitial
    signals = body.fast_signals(state, parameters, inputs)
    weight = parameters.absorption.weight
    first, last = DAYTIME_STEPS
    is_daytime = (step >= first) & (step < last)
    is_fasting = step == FASTING_STEP
    injected = (inputs.rapid_insulin + inputs.basal_insulin) * weight * STEP_MINUTES / PMOL_PER_UNIT
    spilled = signals.renal_excretion * weight * STEP_MINUTES / MG_PER_G
    return replace(
        summary,
        mean_glucose=summary.mean_glucose + glucose / STEPS_PER_DAY,
        fasting_glucose=jnp.where(is_fasting, glucose, summary.fasting_glucose),
        daytime_glucose=summary.daytime_glucose + jnp.where(is_daytime, glucose / (last - first), 0),
        lowest_glucose=jnp.minimum(summary.lowest_glucose, glucose),
        low_share=summary.low_share + jnp.where(glucose < LEVEL_2_LOW, 1 / STEPS_PER_DAY, 0),
        highest_glucose=jnp.maximum(summary.highest_glucose, glucose),
        urinary_glucose=summary.urinary_glucose + spilled,
        insulin_dose=summary.insulin_dose + injected,
        fasting_c_peptide=jnp.where(is_fasting, state.c_peptide.plasma, summary.fasting_c_peptide),
    )


def step(
    state: body.FastState, parameters: body.FastParameters, inputs: Inputs, minutes: float = STEP_MINUTES
) -> body.FastState:
    """Advance the fast state under constant inputs."""
    return runge_kutta_4(lambda s: body.derivative(s, parameters, inputs), state, minutes)


def exact(step: Array, state: body.FastState) -> Array:
    """Return what a sensor without error shows (mg/dL)."""
    return state.glucose.interstitial


def simulate_day(
    state: body.FastState, parameters: body.FastParameters, control: Control, sensor: Sensor = exact
) -> tuple[body.FastState, DaySummary, Trace]:
    """Return the state at midnight, the day's summary and its traces."""

    def one(
        carry: tuple[body.FastState, DaySummary], index: Array
    ) -> tuple[tuple[body.FastState, DaySummary], Trace]:
        now, summary = carry
        inputs = lax.optimization_barrier(control(index, now))
        after = step(now, parameters, inputs)
        insulin = after.insulin.plasma / parameters.insulin.volume
        trace = Trace(
            glucose=after.glucose.interstitial,
            sensor=sensor(index, now),
            insulin=insulin,
            c_peptide=after.c_peptide.plasma,
        )
        return (after, _add(summary, index, after, parameters, inputs)), trace

    start = (state, _empty(state.glucose.plasma))
    (state, summary), trace = lax.scan(one, start, jnp.arange(STEPS_PER_DAY))
    return state, summary, trace
