"""A virtual patient: identifier, clinical traits, parameters; a cohort is a patient with a leading axis."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.parameters import parameter
from insulae.core.phenotypes import phenotype, phenotypes
from insulae.core.pytree import pytree
from insulae.devices import controller, pen, pump, sensor
from insulae.lifestyle import activity, adherence, lability, low_glucose, meals, sensitivity
from insulae.physiology import body

PerPatient = Any
"""An array [patient]: numpy here, traced or XLA's own inside compiled code."""
Ids = NDArray[np.integer[Any]]

PHENOTYPES = tuple(phenotypes())


@pytree
class Habits:
    """What the patient does: meals, boluses, exercise, injections, devices, and how days differ."""

    meals: meals.Parameters
    adherence: adherence.Parameters
    activity: activity.Parameters
    low_glucose: low_glucose.Parameters
    sensitivity: sensitivity.Parameters
    lability: lability.Parameters
    pen: pen.Parameters
    pump: pump.Parameters
    controller: controller.Parameters
    sensor: sensor.Parameters


@pytree
class Parameters:
    """All constants of one patient."""

    fast: body.FastParameters
    slow: body.SlowParameters
    habits: Habits


@pytree
class Traits:
    """What the clinic knows of a patient; `insulin_dose` counts only when the patient takes insulin.

    `fasting_glucose` (mg/dL) and `fasting_c_peptide` (pmol/L) are NaN when unknown.
    """

    age: PerPatient
    male: PerPatient
    height: PerPatient
    weight: PerPatient
    duration: PerPatient
    hba1c: PerPatient
    insulin_dose: PerPatient
    egfr: PerPatient
    lability: PerPatient
    basal_share: PerPatient
    residual_mass: PerPatient
    fasting_glucose: PerPatient
    fasting_c_peptide: PerPatient


@dataclasses.dataclass(frozen=True)
class TraitTable:
    """Declares the rows of the parameter table that traits are drawn from."""

    age: float = parameter("year")
    male: float = parameter("dimensionless")
    height_male: float = parameter("m")
    height_female: float = parameter("m")
    bmi: float = parameter("kg/m2")
    duration: float = parameter("year")
    hba1c: float = parameter("%")
    insulin_dose: float = parameter("U/kg/d")
    basal_insulin_dose: float = parameter("U/kg/d")
    egfr: float = parameter("mL/min/1.73m2")
    lability: float = parameter("dimensionless")
    basal_share: float = parameter("dimensionless")
    residual_mass: float = parameter("dimensionless")


@pytree
class Cohort:
    """Virtual patients of one phenotype; every leaf has the patient axis first."""

    ids: Ids
    traits: Traits
    parameters: Parameters

    @property
    def size(self) -> int:
        """Number of patients."""
        return int(np.shape(self.ids)[0])


@dataclasses.dataclass(frozen=True)
class ClinicNumbers:
    """The given numbers of a patient or cohort, each as (lowest, highest); the rest is sampled.

    `treatment` names the therapies at enrollment. Where the patients were chosen for their traits,
    `keeps_traits`: a patient without a starting state is given another body with the same traits. `groups`
    is in how many groups the doubted population values are drawn, 0 for the table's values for everybody.

    Keys and units: age year, male 0/1, weight kg, height m, bmi kg/m2, duration year, hba1c %,
    fasting_glucose mg/dL, fasting_c_peptide pmol/L, insulin_dose U/d, egfr mL/min/1.73 m2.
    """

    phenotype: str
    given: dict[str, tuple[float, float]]
    treatment: tuple[str, ...] = ()
    keeps_traits: bool = False
    groups: int = 0

    @property
    def has_beta_cells(self) -> bool:
        """Tell whether native beta cells are enough for their mass to follow from HbA1c."""
        return phenotype(self.phenotype).has_beta_cells and not self.has_no_c_peptide

    @property
    def takes_basal_insulin_alone(self) -> bool:
        """Tell whether basal insulin is the only insulin at enrollment."""
        others = {"basal_bolus", "premix_insulin", "meal_insulin"}
        return "basal_insulin" in self.treatment and not others & {*self.treatment}

    @property
    def has_no_c_peptide(self) -> bool:
        """Tell whether fasting C-peptide is given as zero: no native beta cells are left."""
        return self.given.get("fasting_c_peptide") == (0, 0)
