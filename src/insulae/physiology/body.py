"""The wiring page: which components make the body, in which order they speak, on which clock they run."""

import dataclasses

from insulae.core.jax_later import Array
from insulae.core.pytree import pytree
from insulae.physiology.effects import Effects, Inputs
from insulae.physiology.fast import (
    absorption,
    c_peptide,
    exercise,
    glucagon,
    glucose,
    injected_insulin,
    insulin,
    renal_excretion,
    secretion,
)
from insulae.physiology.signals import Signals, SlowSignals
from insulae.physiology.slow import (
    beta_cells,
    body_weight,
    graft,
    hba1c,
    immunity,
    insulin_resistance,
    renal_function,
)


@pytree
class FastParameters:
    """Constants of the components on the clock of minutes."""

    absorption: absorption.Parameters
    injected_insulin: injected_insulin.Parameters
    exercise: exercise.Parameters
    glucagon: glucagon.Parameters
    renal_excretion: renal_excretion.Parameters
    glucose: glucose.Parameters
    secretion: secretion.Parameters
    insulin: insulin.Parameters
    c_peptide: c_peptide.Parameters


@pytree
class SlowParameters:
    """Constants of the components on the clock of days."""

    body_weight: body_weight.Parameters
    insulin_resistance: insulin_resistance.Parameters
    beta_cells: beta_cells.Parameters
    graft: graft.Parameters
    immunity: immunity.Parameters
    hba1c: hba1c.Parameters
    renal_function: renal_function.Parameters


@pytree
class FastState:
    """What is integrated by the minute."""

    absorption: absorption.State
    injected_insulin: injected_insulin.State
    exercise: exercise.State
    glucagon: glucagon.State
    glucose: glucose.State
    secretion: secretion.State
    insulin: insulin.State
    c_peptide: c_peptide.State


@pytree
class SlowState:
    """What is integrated by the day."""

    body_weight: body_weight.State
    insulin_resistance: insulin_resistance.State
    beta_cells: beta_cells.State
    graft: graft.State
    immunity: immunity.State
    hba1c: hba1c.State
    renal_function: renal_function.State


@pytree
class DayAverages:
    """What a day tells the slow clock."""

    mean_glucose: Array
    urinary_glucose: Array


FAST = (
    absorption,
    injected_insulin,
    exercise,
    glucagon,
    renal_excretion,
    glucose,
    secretion,
    insulin,
    c_peptide,
)
SLOW = (body_weight, insulin_resistance, beta_cells, graft, immunity, hba1c, renal_function)


def _name(component: object) -> str:
    return component.__name__.rsplit(".", 1)[-1]  # type: ignore[attr-defined]


def initial(parameters: FastParameters) -> FastState:
    """Return a fasting body near its reference glucose."""
    names = [f.name for f in dataclasses.fields(FastState)]
    made = {_name(c): c.initial(getattr(parameters, _name(c))) for c in FAST if _name(c) in names}
    return FastState(**made)


def slow_signals(
    state: SlowState, parameters: SlowParameters, averages: DayAverages, effects: Effects
) -> SlowSignals:
    """Let the slow components speak in order; each reads what came before it."""
    signals = SlowSignals(mean_glucose=averages.mean_glucose, urinary_glucose=averages.urinary_glucose)
    for component in SLOW:
        if hasattr(component, "outputs"):
            name = _name(component)
            signals = component.outputs(getattr(state, name), getattr(parameters, name), signals, effects)
    return signals


def today(parameters: FastParameters, signals: SlowSignals, effects: Effects) -> FastParameters:
    """Return the fast constants of one day, after slow state and effects."""
    made = {_name(c): c.today(getattr(parameters, _name(c)), signals, effects) for c in FAST}
    return FastParameters(**made)


def fast_signals(state: FastState, parameters: FastParameters, inputs: Inputs) -> Signals:
    """Let the fast components speak: from their states, then exercise, excretion, glucose, secretion."""
    s, p, signals = state, parameters, Signals()
    signals = absorption.outputs(s.absorption, p.absorption, signals)
    signals = injected_insulin.outputs(s.injected_insulin, p.injected_insulin, signals)
    signals = glucagon.outputs(s.glucagon, p.glucagon, signals)
    signals = insulin.outputs(s.insulin, p.insulin, signals)
    signals = glucose.outputs(s.glucose, p.glucose, signals)
    signals = exercise.signals(s.exercise, p.exercise, signals, inputs)
    signals = renal_excretion.signals(p.renal_excretion, signals, inputs)
    signals = glucose.signals(s.glucose, p.glucose, signals, inputs)
    return secretion.signals(s.secretion, p.secretion, signals, inputs)


def derivative(state: FastState, parameters: FastParameters, inputs: Inputs) -> FastState:
    """Return the rates of change of the fast state per minute."""
    signals, s, p = fast_signals(state, parameters, inputs), state, parameters
    return FastState(
        absorption=absorption.derivative(s.absorption, p.absorption, signals, inputs),
        injected_insulin=injected_insulin.derivative(s.injected_insulin, p.injected_insulin, signals, inputs),
        exercise=exercise.derivative(s.exercise, p.exercise, signals, inputs),
        glucagon=glucagon.derivative(s.glucagon, p.glucagon, signals, inputs),
        glucose=glucose.derivative(s.glucose, p.glucose, signals, inputs),
        secretion=secretion.derivative(s.secretion, p.secretion, signals, inputs),
        insulin=insulin.derivative(s.insulin, p.insulin, signals, inputs),
        c_peptide=c_peptide.derivative(s.c_peptide, p.c_peptide, signals, inputs),
    )


def advance(
    state: SlowState, parameters: SlowParameters, averages: DayAverages, effects: Effects, days: Array
) -> SlowState:
    """Advance every slow component over a fraction of a day under the day's averages."""
    signals = slow_signals(state, parameters, averages, effects)
    moved = {
        _name(c): c.advance(getattr(state, _name(c)), getattr(parameters, _name(c)), signals, effects, days)
        for c in SLOW
    }
    return SlowState(**moved)
