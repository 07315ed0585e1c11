"""The words between components: slow signals (constant over a day) and fast signals (every instant).

Units and labels are in `tables/variables.csv`. Fields are filled in the order of `body.py`; a component that
reads a signal before it exists meets `None` and fails at once.
"""

from insulae.core.jax_later import Array
from insulae.core.pytree import pytree

UNSET: Array = None  # type: ignore[assignment]


@pytree
class SlowSignals:
    """What the slow components tell one another and the fast ones."""

    body_mass_index: Array = UNSET
    usual_body_mass_index: Array = UNSET
    metabolic_weight: Array = UNSET
    c_peptide_volume: Array = UNSET
    energy_deficit: Array = UNSET
    egfr: Array = UNSET
    liver_fat: Array = UNSET
    peripheral_sensitivity: Array = UNSET
    hepatic_sensitivity: Array = UNSET
    relief: Array = UNSET
    mean_glucose: Array = UNSET
    urinary_glucose: Array = UNSET
    compensation_demand: Array = UNSET
    functional_share: Array = UNSET
    function_time: Array = UNSET
    glucotoxic_stress: Array = UNSET
    native_mass: Array = UNSET
    native_capacity: Array = UNSET
    native_first_phase: Array = UNSET
    native_incretin: Array = UNSET
    graft_mass: Array = UNSET
    graft_capacity: Array = UNSET
    graft_first_phase: Array = UNSET
    graft_leak: Array = UNSET
    graft_portal_fraction: Array = UNSET
    graft_alloantigen: Array = UNSET
    graft_autoantigen: Array = UNSET
    graft_glucagon: Array = UNSET
    graft_enclosure: Array = UNSET
    graft_delay: Array = UNSET
    alloimmunity: Array = UNSET
    immune_pressure: Array = UNSET
    autoimmunity: Array = UNSET


@pytree
class Signals:
    """What the fast components tell one another at one instant."""

    glucose: Array = UNSET
    hypoglycemia: Array = UNSET
    insulin: Array = UNSET
    peripheral_action: Array = UNSET
    hepatic_action: Array = UNSET
    glucagon: Array = UNSET
    meal_appearance: Array = UNSET
    injected_appearance: Array = UNSET
    exercise: Array = UNSET
    renal_excretion: Array = UNSET
    hepatic_production: Array = UNSET
    glucose_rate: Array = UNSET
    native_secretion: Array = UNSET
    graft_secretion: Array = UNSET
    portal_secretion: Array = UNSET
    systemic_secretion: Array = UNSET
    insulin_secretion_rate: Array = UNSET
