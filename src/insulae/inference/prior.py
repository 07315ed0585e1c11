"""What is believed of a person before the own data: the virtual patients who share what the clinic knows.

Patients are sampled from the parameter table with the person's age, sex, size, kidney function and treatment
and brought to their starting state; the logarithms of their fitted quantities give the mean and covariance
of a Gaussian. Laboratory values that enter the likelihood, HbA1c among them, must not be given here.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from insulae.inference.likelihood import Prior
from insulae.inference.person import Known, effective, known
from insulae.physiology.effects import combine
from insulae.populations.baseline import starting
from insulae.populations.patient import ClinicNumbers
from insulae.therapies.base import TherapySpec

PATIENTS = 512


def believed(
    numbers: ClinicNumbers, treatment: Sequence[TherapySpec], seed: int, patients: int = PATIENTS
) -> tuple[Known, Prior]:
    """Return what is not fitted and the prior of what is; patients without a solution are left out."""
    start = starting(numbers, list(treatment), seed, np.arange(patients))
    treatments = [spec.build(start.enrolled) for spec in treatment]
    effects = combine(t.effects(-1.0) for t in treatments if t.sort != "insulin")
    logarithms = effective(start, numbers.phenotype)[:, start.is_solved]
    whitening = np.linalg.inv(np.linalg.cholesky(np.cov(logarithms)))
    prior = Prior(mean=jnp.asarray(logarithms.mean(axis=1)), whitening=jnp.asarray(whitening))
    return known(start, numbers.phenotype, effects), prior
