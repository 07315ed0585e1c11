"""Body weight by energy balance, appetite that answers its change, and the sizes that follow from it.

    weight   W' = (eaten - urine loss - m (W - set point))/r
    eaten    efforts x (m + a f)/(m + a) - restriction, less that at enrollment, + a f (usual weight - W)

Expenditure follows weight (m, Hall 2011, linearized); appetite answers lost weight three to four times as
strongly (a, Polidori 2016), so that weight settles within months and not years. What restricts intake (an
incretin, an operation, formula) also weakens the answer (f); efforts, other drugs and insulin are worth as
many kilograms beside it as alone, since counselling took off no more beside semaglutide (Wadden 2021).
Glucose lost in urine is energy lost; that part of it is eaten again follows from appetite, weakened or not.
Carbohydrate is eaten in proportion to energy. All quantities per kilogram of the fast model refer to a
metabolic weight that grows with a power of weight below 1. Not modelled: body composition, water and glycogen
of the first days, adaptive thermogenesis.
"""

from insulae.core.jax_later import Array, jnp
from insulae.core.parameters import derived, parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.effects import Effects
from insulae.physiology.signals import SlowSignals


@pytree
class Parameters:
    """Constants of energy balance; the derived ones belong to the patient at enrollment: `set_point` is the
    weight that usual intake holds without urine loss, `usual_energy` and `usual_restriction` what treatment
    then adds to intake and takes from it."""

    height: Array = derived("m")
    set_point: Array = derived("kg")
    usual_weight: Array = derived("kg")
    usual_energy: Array = derived("kcal/d")
    usual_restriction: Array = derived("kcal/d")
    energy_per_weight: Array = parameter("kcal/kg")
    maintenance: Array = parameter("kcal/d/kg")
    appetite: Array = parameter("kcal/d/kg")
    usual_intake: Array = parameter("kcal/d/kg")
    smallest_share: Array = parameter("dimensionless")
    energy_per_glucose: Array = parameter("kcal/g")
    urinary_loss_limit: Array = parameter("g/d")
    reference_bmi: Array = parameter("kg/m2")
    metabolic_exponent: Array = parameter("dimensionless")
    area_constant: Array = parameter("kg cm/m4")
    volume_per_area: Array = parameter("L/m2")
    volume_offset: Array = parameter("L")


@pytree
class State:
    """Body weight."""

    weight: Array


def metabolic_weight(weight: Array, parameters: Parameters) -> Array:
    """Return the weight that per-kilogram quantities refer to (kg)."""
    reference = parameters.reference_bmi * parameters.height**2
    return reference * (weight / reference) ** parameters.metabolic_exponent


def urinary_energy(parameters: Parameters, urinary_glucose: Array) -> Array:
    """Return the energy lost with glucose in the urine (kcal/d)."""
    return parameters.energy_per_glucose * urinary_glucose.clip(max=parameters.urinary_loss_limit)


def energy_eaten(state: State, parameters: Parameters, effects: Effects) -> Array:
    """Return by how much more energy is eaten than at enrollment (kcal/d)."""
    p, answer = parameters, parameters.appetite * effects.appetite
    hunger = answer * (p.usual_weight - state.weight)
    striven = (
        (effects.energy_intake - p.usual_energy) * (p.maintenance + answer) / (p.maintenance + p.appetite)
    )
    return hunger + striven - (effects.restriction - p.usual_restriction)


def carbohydrate_share(state: State, parameters: Parameters, effects: Effects) -> Array:
    """Return the carbohydrate eaten as a share of that at enrollment; it follows energy and composition."""
    p = parameters
    usual = p.usual_intake * p.usual_weight
    share = effects.carbohydrate_intake + energy_eaten(state, p, effects) / usual
    return jnp.maximum(share, p.smallest_share)


def _surplus(state: State, parameters: Parameters, urinary_glucose: Array, effects: Effects) -> Array:
    p = parameters
    spent = urinary_energy(p, urinary_glucose) + p.maintenance * (state.weight - p.set_point)
    return energy_eaten(state, p, effects) - spent


def outputs(state: State, parameters: Parameters, signals: SlowSignals, effects: Effects) -> SlowSignals:
    """Publish body mass index (also at enrollment), metabolic weight, C-peptide volume, energy deficit."""
    p = parameters
    area = jnp.sqrt(state.weight * p.height * 100 / p.area_constant)
    return replace(
        signals,
        body_mass_index=state.weight / p.height**2,
        usual_body_mass_index=p.usual_weight / p.height**2,
        metabolic_weight=metabolic_weight(state.weight, p),
        c_peptide_volume=p.volume_per_area * area + p.volume_offset,
        energy_deficit=jnp.maximum(-_surplus(state, p, signals.urinary_glucose, effects), 0),
    )


def advance(
    state: State, parameters: Parameters, signals: SlowSignals, effects: Effects, days: Array
) -> State:
    """Move the weight by the energy surplus of some days."""
    surplus = _surplus(state, parameters, signals.urinary_glucose, effects)
    return State(weight=state.weight + days * surplus / parameters.energy_per_weight)
