"""What a clinic reads at a visit of what the body holds: assay, and how a person varies from day to day.

reading = value x exp(s z - s^2 / 2), of mean one, so that means stay what they are. s comes from the
coefficient of variation of the assay and that within a person, added as squares; z is found by seed,
quantity, patient and day, so that arms, chunks and workers read alike, and a value at enrollment is read
once. The variation within a person of C-peptide is shared by the five samples of a meal test, each of which
has an assay of its own. A second fasting glucose, and a second drink of glucose, stand for the test by which
a diagnosis is confirmed.
What the sensor of a person shows has its own error (`devices/sensor.py`).

Not modelled: errors that last for a person or differ between laboratories, and diseases that disturb HbA1c.
"""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from insulae.core.counted_draws import counted_uniforms
from insulae.core.parameters import parameter, values
from insulae.endpoints.base import Floats, Visit


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Coefficients of variation; values and sources: tables/parameters.csv, `readings.*`."""

    hba1c_assay: float = parameter("dimensionless")
    hba1c_person: float = parameter("dimensionless")
    glucose_assay: float = parameter("dimensionless")
    fasting_glucose_person: float = parameter("dimensionless")
    two_hour_glucose_person: float = parameter("dimensionless")
    c_peptide_assay: float = parameter("dimensionless")
    c_peptide_person: float = parameter("dimensionless")
    egfr_assay: float = parameter("dimensionless")
    egfr_person: float = parameter("dimensionless")
    weight: float = parameter("dimensionless")


class Readings:
    """Reads what some patients are measured; the same patient, day and quantity are read alike."""

    def __init__(self, seed: int, patients: NDArray[np.integer[Any]]) -> None:
        """Prepare for the patients with these identifiers."""
        self._seed, self._patients = seed, patients
        self._errors = values(Parameters)

    def hba1c(self, true: Floats, day: int) -> Floats:
        """Return the HbA1c that a laboratory reports on a day, [patient]."""
        e = self._errors
        return np.asarray(true * self._factors("hba1c", day, (e.hba1c_assay, e.hba1c_person))[0], np.float32)

    def of(self, visit: Visit, day: int) -> Visit:
        """Return what is read at a visit on a day."""
        e = self._errors
        fasting = self._factors("fasting_glucose", day, (e.glucose_assay, e.fasting_glucose_person), 2)
        drink = self._factors("two_hour_glucose", day, (e.glucose_assay, e.two_hour_glucose_person), 2)
        samples = visit.meal_test_c_peptide.shape[1]
        secretion = self._factors("c_peptide_person", day, (e.c_peptide_person,))
        c_peptide = self._factors("c_peptide_assay", day, (e.c_peptide_assay,), samples) * secretion
        return dataclasses.replace(
            visit,
            hba1c=self.hba1c(visit.hba1c, day),
            enrolled_hba1c=self.hba1c(visit.enrolled_hba1c, 0),
            fasting_glucose=visit.fasting_glucose * fasting[0],
            fasting_glucose_again=visit.fasting_glucose_again * fasting[1],
            two_hour_glucose=visit.two_hour_glucose * drink[0],
            two_hour_glucose_again=visit.two_hour_glucose_again * drink[1],
            meal_test_glucose=visit.meal_test_glucose
            * self._factors("meal_test_glucose", day, (e.glucose_assay,), samples).T,
            meal_test_c_peptide=visit.meal_test_c_peptide * c_peptide.T,
            egfr=visit.egfr * self._factors("egfr", day, (e.egfr_assay, e.egfr_person))[0],
            body_weight=visit.body_weight * self._factors("weight", day, (e.weight,))[0],
            enrolled_weight=visit.enrolled_weight * self._factors("weight", 0, (e.weight,))[0],
        )

    def _factors(self, quantity: str, day: int, variations: tuple[float, ...], n: int = 1) -> Floats:
        """Return n factors of mean one for each patient, [n, patient]; variations add as squares."""
        days = np.full(len(self._patients), day)
        drawn = ndtri(counted_uniforms(self._seed, f"reading/{quantity}", self._patients, days, n))
        variance = sum(np.log1p(one**2) for one in variations)
        return np.asarray(np.exp(np.sqrt(variance) * drawn - variance / 2), np.float32)
