"""Native beta cells: mass, a function that adapts, tires and recovers, and how much of it still can.

    function   f -> rest x compensation x relief^-a x (1 - R (1 - toxicity x fat))
    R          R' = -k stress R          mass  m' = -m (death + what R takes along) + growth

Function follows compensation under mild hyperglycemia; glucotoxicity and pancreas fat lower it and give it
back; it rests when mean glucose is low, and gives up part of what weight loss gains in sensitivity, as people
who are more sensitive secrete less at the same glucose. Some cells are lost to what they suffer, others are
left that neither tire nor recover (Taylor 2018: recovery after weight loss depends on duration): the
recoverable share R begins at 1, fades while glucose is high, and the capacity silenced at that time is then
missing for good, as mass. At enrollment R follows from the duration of diabetes at the present glucose. Mass
is lost besides to glucose-driven and autoimmune death and hardly grows; who is on the way to type 2 also
loses mass at a pace of his own that does not ask for glucose, so that a drug which brings glucose down slows
the loss but does not end it. Three speeds after Ha and Sherman 2016; glucotoxicity has a floor, without which
a type 2 patient falls off a cliff. Mass is nominal: histological mass times inherited capacity per cell. Why
people differ in their own pace (amyloid, genes, fat) is not modelled.
"""

from insulae.core.jax_later import Array, jnp
from insulae.core.parameters import parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.component import hill4, relax
from insulae.physiology.effects import Effects
from insulae.physiology.signals import SlowSignals


@pytree
class Parameters:
    """Constants of adaptation and loss."""

    compensation: Array = parameter("dimensionless")
    compensation_glucose: Array = parameter("mg/dL")
    compensation_half: Array = parameter("mg/dL")
    adaptation: Array = parameter("dimensionless")
    rest: Array = parameter("dimensionless")
    rest_half: Array = parameter("mg/dL")
    toxicity_floor: Array = parameter("dimensionless")
    toxicity_glucose: Array = parameter("mg/dL")
    healthy_fat: Array = parameter("%")
    half_fat: Array = parameter("%")
    fixation_rate: Array = parameter("1/d")
    function_time: Array = parameter("d")
    first_phase_share: Array = parameter("dimensionless")
    incretin_share: Array = parameter("dimensionless")
    growth_rate: Array = parameter("1/d")
    growth_capacity: Array = parameter("dimensionless")
    decline_rate: Array = parameter("1/d")
    death_rate: Array = parameter("1/d")
    death_glucose: Array = parameter("mg/dL")
    autoimmune_death_rate: Array = parameter("1/d")


@pytree
class State:
    """Native mass (1 = healthy reference), function per mass (1 = healthy at normal glucose) and the
    recoverable share of what glucose and fat take from function."""

    mass: Array
    function: Array
    recoverable: Array


def compensation_demand(parameters: Parameters, mean_glucose: Array) -> Array:
    """Return how far islets use their reserve, 0 at normal and 1 at high mean glucose (mg/dL)."""
    excess = (mean_glucose - parameters.compensation_glucose).clip(0) ** 2
    return excess / (parameters.compensation_half**2 + excess)


def rested_share(parameters: Parameters, mean_glucose: Array) -> Array:
    """Return the share of function that low mean glucose (mg/dL) leaves."""
    spare = (parameters.compensation_glucose - mean_glucose).clip(0) ** 2
    return 1 - parameters.rest * spare / (parameters.rest_half**2 + spare)


def silenced_share(parameters: Parameters, mean_glucose: Array, liver_fat: Array) -> Array:
    """Return the share of function that mean glucose (mg/dL) and fat (%) take from recoverable cells."""
    p = parameters
    toxic = p.toxicity_floor + (1 - p.toxicity_floor) * (1 - hill4(mean_glucose, p.toxicity_glucose))
    return 1 - toxic * (p.half_fat + p.healthy_fat) / (p.half_fat + liver_fat)


def functional_target(
    parameters: Parameters, mean_glucose: Array, liver_fat: Array, recoverable: Array, relief: Array
) -> Array:
    """Return the function native islets settle at for mean glucose (mg/dL), fat (%), recoverable share and
    relief of sensitivity."""
    p = parameters
    compensated = 1 + (p.compensation - 1) * compensation_demand(p, mean_glucose)
    adapted = compensated * relief**-p.adaptation
    left = 1 - recoverable * silenced_share(p, mean_glucose, liver_fat)
    return adapted * rested_share(p, mean_glucose) * left


def fixation(parameters: Parameters, mean_glucose: Array, days: Array) -> Array:
    """Return by which exponent the recoverable share has fallen after some days at a mean glucose (mg/dL)."""
    return parameters.fixation_rate * hill4(mean_glucose, parameters.death_glucose) * days


def outputs(state: State, parameters: Parameters, signals: SlowSignals, effects: Effects) -> SlowSignals:
    """Publish native mass and capacity, and what glucose and fat do to fresh islets."""
    p, capacity = parameters, state.mass * state.function
    fresh = 1 - silenced_share(p, signals.mean_glucose, signals.liver_fat)
    return replace(
        signals,
        compensation_demand=compensation_demand(p, signals.mean_glucose),
        functional_share=rested_share(p, signals.mean_glucose) * fresh,
        function_time=p.function_time,
        glucotoxic_stress=hill4(signals.mean_glucose, p.death_glucose),
        native_mass=state.mass,
        native_capacity=capacity,
        native_first_phase=capacity * jnp.minimum(state.function, 1) * p.first_phase_share,
        native_incretin=p.incretin_share,
    )


def advance(
    state: State, parameters: Parameters, signals: SlowSignals, effects: Effects, days: Array
) -> State:
    """Adapt the function, lose its recovery, and lose or grow mass over some days."""
    p, glucose, fat = parameters, signals.mean_glucose, signals.liver_fat
    stress = signals.glucotoxic_stress * effects.beta_cell_stress
    overworked = (p.decline_rate + p.death_rate * signals.glucotoxic_stress) * effects.beta_cell_stress
    death = overworked + p.autoimmune_death_rate * signals.autoimmunity
    room = jnp.maximum(p.growth_capacity - state.mass, 0)
    growth = p.growth_rate * room * state.mass + effects.beta_cell_neogenesis
    recoverable = state.recoverable * jnp.exp(-days * p.fixation_rate * stress)
    silenced = silenced_share(p, glucose, fat)
    kept = (1 - state.recoverable * silenced) / (1 - recoverable * silenced)
    target = functional_target(p, glucose, fat, recoverable, signals.relief)
    return State(
        mass=state.mass * kept * jnp.exp(-days * death) + days * growth,
        function=relax(state.function, target, p.function_time, days),
        recoverable=recoverable,
    )
