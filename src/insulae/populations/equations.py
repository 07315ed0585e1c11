"""The equations of the starting state: from unknowns to the fortnight of ordinary days they lead to.

What is known decides what is solved for: see `insulae.populations.baseline`.
"""

import dataclasses
from typing import Any

import numpy as np

from insulae.core.pytree import map_leaves, replace
from insulae.core.random import DayDraws
from insulae.lifestyle import meals
from insulae.physiology import body, course
from insulae.physiology.effects import Effects
from insulae.physiology.slow import (
    beta_cells,
    body_weight,
    graft,
    hba1c,
    immunity,
    insulin_resistance,
    renal_function,
)
from insulae.populations.bodies import Bodies, Chosen, Floats
from insulae.populations.patient import ClinicNumbers, Cohort, Parameters, PerPatient

SETTLING_DAYS = 3
SOLVING_DAYS = 14
LIMITS = {"mass": (1e-3, 5.0), "sensitivity": (0.05, 12.0), "production": (0.5, 2.0), "bolus": (1e-3, 2.0)}


@dataclasses.dataclass(frozen=True)
class Fortnight:
    """Means over the simulated fortnight at rest."""

    mean_glucose: Floats
    fasting_glucose: Floats
    daytime_glucose: Floats
    fasting_c_peptide: Floats
    insulin_dose: Floats
    urinary_glucose: Floats


def unknowns(numbers: ClinicNumbers, has_bolus: bool) -> dict[str, str]:
    """Return which unknown is solved for which number."""
    has_c_peptide = "fasting_c_peptide" in numbers.given and numbers.given["fasting_c_peptide"][1] > 0
    solved = {"mass" if numbers.has_beta_cells and not has_c_peptide else "sensitivity": "hba1c"}
    if has_c_peptide:
        solved["mass"] = "fasting_c_peptide"
    if "fasting_glucose" in numbers.given:
        solved["production"] = "fasting_glucose"
    if has_bolus:
        solved["bolus"] = "insulin_dose"
    return solved


def _scaled(parameters: Parameters, values: dict[str, Floats]) -> Parameters:
    """Apply the solved multipliers of sensitivity and hepatic production."""
    one = np.ones((), np.float32)
    sensitivity, production = values.get("sensitivity", one), values.get("production", one)
    resistance = parameters.slow.insulin_resistance
    resistance = replace(
        resistance,
        peripheral=resistance.peripheral * sensitivity,
        hepatic=resistance.hepatic * sensitivity,
    )
    glucose = parameters.fast.glucose
    glucose = replace(glucose, hepatic_production=glucose.hepatic_production * production)
    return replace(
        parameters,
        fast=replace(parameters.fast, glucose=glucose),
        slow=replace(parameters.slow, insulin_resistance=resistance),
    )


def at_rest(cohort: Cohort, parameters: Parameters, mass: PerPatient, effects: Effects) -> body.SlowState:
    """Return the slow state in equilibrium with the HbA1c of each patient."""
    traits, slow = cohort.traits, parameters.slow
    # In double precision, so that no patient's last bit depends on how many are computed together.
    glucose: Any = np.asarray(hba1c.mean_glucose(slow.hba1c, traits.hba1c), np.float64)
    bmi: Any = np.asarray(traits.weight / traits.height**2, np.float64)
    zero: Any = np.zeros(bmi.shape, np.float32)
    fat = insulin_resistance.balanced_fat(slow.insulin_resistance, bmi) * effects.liver_fat
    relief = insulin_resistance.relief(slow.insulin_resistance, bmi, bmi, fat)
    diseased = traits.duration * slow.insulin_resistance.days_per_year
    fixed = beta_cells.fixation(slow.beta_cells, glucose, diseased)
    recoverable: Any = np.exp(-np.asarray(fixed, np.float64))
    constriction = zero + effects.renal_vasoconstriction
    made = body.SlowState(
        body_weight=body_weight.State(weight=traits.weight),
        insulin_resistance=insulin_resistance.State(
            liver_fat=fat,
            glucose_share=insulin_resistance.glucose_target(slow.insulin_resistance, glucose),
            age=traits.age,
        ),
        beta_cells=beta_cells.State(
            mass=mass,
            function=beta_cells.functional_target(slow.beta_cells, glucose, fat, recoverable, relief),
            recoverable=recoverable,
        ),
        graft=graft.empty(zero),
        immunity=immunity.established(slow.immunity, mass, effects),
        hba1c=hba1c.State(value=traits.hba1c),
        renal_function=renal_function.State(
            structural=traits.egfr / (1 - constriction), constriction=constriction
        ),
    )
    return map_leaves(lambda leaf: np.broadcast_to(np.asarray(leaf, np.float32), zero.shape), made)


class Problem:
    """The equations of one cohort: from unknowns to the fortnight they lead to."""

    def __init__(
        self, cohort: Cohort, names: dict[str, str], effects: Effects, draws: DayDraws, basal: Floats
    ) -> None:
        """Take a cohort, which unknown answers for which number, and what the treatment does at rest."""
        self.cohort, self.names, self.effects = cohort, names, effects
        self.draws, self.basal = draws, basal
        self.glucose: Any = np.asarray(hba1c.mean_glucose(cohort.parameters.slow.hba1c, cohort.traits.hba1c))
        self.rest = at_rest(cohort, cohort.parameters, cohort.traits.residual_mass, effects)
        self.targets = self._targets()

    def _targets(self) -> dict[str, Floats]:
        traits = self.cohort.traits
        known = {
            "hba1c": self.glucose,
            "fasting_c_peptide": traits.fasting_c_peptide,
            "fasting_glucose": traits.fasting_glucose,
            "insulin_dose": traits.insulin_dose,
        }
        return {number: np.asarray(known[number]) for number in self.names.values()}

    def first_guess(self) -> Floats:
        """Return the logarithms of plausible starting values, [unknown, patient]."""
        traits, habits = self.cohort.traits, self.cohort.parameters.habits
        carbohydrate = np.asarray(meals.usual_carbohydrate(habits.meals))
        bolus = np.asarray((1 - traits.basal_share) * traits.insulin_dose) / carbohydrate
        severity = np.clip((np.asarray(traits.hba1c) - 5) / 4, 0, 1)
        guesses = {
            "mass": 1.1 - 0.6 * severity,
            "sensitivity": np.ones_like(severity),
            "production": np.ones_like(severity),
            "bolus": np.maximum(bolus, LIMITS["bolus"][0]),
        }
        return np.log(np.stack([guesses[name] for name in self.names])).astype(np.float32)

    def values(self, unknown: Floats) -> dict[str, Floats]:
        """Name the unknowns and take them out of the logarithm."""
        return dict(zip(self.names, np.exp(unknown), strict=True))

    def setting(self, unknown: Floats) -> tuple[Parameters, body.SlowState, Effects]:
        """Return parameters, slow state and effects for some unknowns."""
        values = self.values(unknown)
        mass: Any = values.get("mass", np.asarray(self.cohort.traits.residual_mass))
        slow = replace(
            self.rest,
            beta_cells=replace(self.rest.beta_cells, mass=mass),
            immunity=immunity.established(self.cohort.parameters.slow.immunity, mass, self.effects),
        )
        bolus = values.get("bolus", np.zeros_like(mass))
        effects = replace(self.effects, basal_insulin=self.basal, bolus_per_carbohydrate=bolus)
        return _scaled(self.cohort.parameters, values), slow, effects

    def first_morning(self) -> body.FastState:
        """Return the fasting bodies that the first fortnight begins with."""
        made = body.initial(self.cohort.parameters.fast)
        return map_leaves(lambda leaf: np.broadcast_to(leaf, self.glucose.shape), made)

    def fortnight(
        self, unknown: Floats, fast: body.FastState, chosen: Chosen
    ) -> tuple[Fortnight, course.State]:
        """Let some of the patients live ordinary days with the slow state held.

        Returns their means over the fortnight, and the last state of all patients.
        """
        parameters, slow, effects = self.setting(unknown)
        zero: Any = np.zeros_like(self.glucose)
        averages = body.DayAverages(mean_glucose=self.glucose, urinary_glucose=zero)
        state = course.State(fast=fast, slow=slow, averages=averages)
        bodies = Bodies(parameters, state, self.draws)
        some, given = bodies.part(chosen), bodies.packed(effects).take(chosen)
        days = range(-SETTLING_DAYS - SOLVING_DAYS, 0)
        lived = [some.pass_day(given, day, days=0, is_even=True).summary for day in days]
        bodies.put(chosen, some)
        # In double precision: one patient alone is summed in another order than many together.
        kept = map_leaves(lambda *days: np.mean(days, axis=0, dtype=np.float64), *lived[SETTLING_DAYS:])
        kept = map_leaves(np.float32, kept)
        found = Fortnight(**{f.name: getattr(kept, f.name) for f in dataclasses.fields(Fortnight)})
        return found, bodies.state

    def residual(self, found: Fortnight, chosen: Chosen) -> Floats:
        """Return the logarithmic deviations of some patients from their targets, [number, patient]."""
        reached = {
            "hba1c": found.mean_glucose,
            "fasting_c_peptide": found.fasting_c_peptide,
            "fasting_glucose": found.fasting_glucose,
            "insulin_dose": found.insulin_dose,
        }
        rows = [np.log(np.maximum(reached[n], 1e-6) / self.targets[n][chosen]) for n in self.names.values()]
        return np.stack(rows).astype(np.float32)
