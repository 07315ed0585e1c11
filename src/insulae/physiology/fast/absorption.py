"""Carbohydrate from the mouth to the blood: stomach (solid, liquid, drink), gut, appearance in plasma.

Three compartments in series after Dalla Man 2007, with saturable emptying in place of its tanh law and
meal memory, so that overlapping meals need no memory. Glucose in water needs no digestion and has a law of
its own: it appears in the blood in proportion to what is left, as tracers and catheters of the liver's veins
showed it (largest at half an hour, near its end after three hours). Not modelled: fat and protein, alcohol,
gastroparesis.
"""

from insulae.core.jax_later import Array
from insulae.core.parameters import derived, parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.effects import Effects, Inputs
from insulae.physiology.signals import Signals, SlowSignals


@pytree
class Parameters:
    """Constants of gastric emptying and absorption."""

    grinding_rate: Array = parameter("1/min")
    emptying_rate: Array = parameter("1/min")
    emptying_half_content: Array = parameter("mg")
    drink_emptying: Array = parameter("dimensionless")
    absorption_rate: Array = parameter("1/min")
    bioavailability: Array = parameter("dimensionless")
    weight: Array = derived("kg")


@pytree
class State:
    """Carbohydrate in the stomach (solid, liquid, glucose in water) and the gut."""

    stomach_solid: Array
    stomach_liquid: Array
    stomach_drink: Array
    gut: Array


def initial(parameters: Parameters) -> State:
    """Return an empty stomach and gut."""
    empty = 0 * parameters.grinding_rate
    return State(stomach_solid=empty, stomach_liquid=empty, stomach_drink=empty, gut=empty)


def today(parameters: Parameters, signals: SlowSignals, effects: Effects) -> Parameters:
    """Change stomach and gut by the day's treatment and refer the appearance to the metabolic weight."""
    return replace(
        parameters,
        emptying_rate=parameters.emptying_rate * effects.gastric_emptying,
        absorption_rate=parameters.absorption_rate * effects.carbohydrate_absorption,
        weight=signals.metabolic_weight,
    )


def outputs(state: State, parameters: Parameters, signals: Signals) -> Signals:
    """Publish the appearance of meal glucose in plasma (mg/kg/min)."""
    p = parameters
    absorbed = p.absorption_rate * state.gut + _drained(state, p)
    return replace(signals, meal_appearance=p.bioavailability * absorbed / p.weight)


def _drained(state: State, parameters: Parameters) -> Array:
    """Return the glucose in water that leaves the stomach (mg/min)."""
    return parameters.drink_emptying * parameters.emptying_rate * state.stomach_drink


def derivative(state: State, parameters: Parameters, signals: Signals, inputs: Inputs) -> State:
    """Return the rates of change per minute."""
    p = parameters
    ground = p.grinding_rate * state.stomach_solid
    emptied = p.emptying_rate * state.stomach_liquid / (1 + state.stomach_liquid / p.emptying_half_content)
    return State(
        stomach_solid=inputs.solid_carbohydrate - ground,
        stomach_liquid=inputs.liquid_carbohydrate + ground - emptied,
        stomach_drink=-_drained(state, p) + inputs.glucose_drink,
        gut=emptied - p.absorption_rate * state.gut,
    )
