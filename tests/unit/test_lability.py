"""Days differ less where own insulin takes over from injected insulin, down to the lability of health."""

import jax.numpy as jnp
import numpy as np
import pytest

from insulae.core.parameters import value, values
from insulae.lifestyle import lability
from insulae.physiology.effects import Effects
from insulae.populations.cohort import sample
from insulae.populations.patient import ClinicNumbers
from insulae.populations.routine import steadied

HEALTHY = value("lability.healthy_secretion")


@pytest.mark.parametrize(
    ("injected", "capacity", "share"),
    [
        (0.5, 0.0, 1.0),
        (0.0, 1.0, 0.0),
        (0.0, 0.0, 1.0),
        (HEALTHY, 1.0, 0.5),
        (HEALTHY / 2, 1.0, 1 / 3),
    ],
)
def test_the_share_of_insulin_that_is_injected(injected: float, capacity: float, share: float):
    p = values(lability.Parameters, "type1")
    found = lability.injected_share(p, jnp.asarray(injected), jnp.asarray(capacity))
    assert float(found) == pytest.approx(share)


@pytest.mark.parametrize("population", ["type1", "type1_residual"])
def test_off_insulin_lability_is_that_of_health(population: str):
    p = values(lability.Parameters, population)
    free = value("traits.lability", population) * lability.factor(p, jnp.asarray(0.0), jnp.asarray(1.0))
    assert float(free) == pytest.approx(value("traits.lability"), rel=0.01)


@pytest.mark.parametrize("population", ["healthy", "type2"])
def test_nothing_changes_where_lability_is_that_of_health(population: str):
    p = values(lability.Parameters, population)
    assert float(lability.factor(p, jnp.asarray(0.0), jnp.asarray(1.0))) == 1
    assert float(lability.factor(p, jnp.asarray(0.5), jnp.asarray(0.2))) == 1


def test_a_days_habits_are_steadied():
    """Injected insulin alone leaves them as they are; islets without it halve what differs in type 1."""
    cohort = sample(ClinicNumbers("type1", {"fasting_c_peptide": (0, 0)}), 1, np.arange(3))
    habits, weight = cohort.parameters.habits, cohort.traits.weight
    injecting = Effects(basal_insulin=0.4 * weight)
    alone = steadied(habits, injecting, weight, 0 * weight)
    beside, free = (steadied(habits, given, weight, 0 * weight + 1) for given in (injecting, Effects()))
    for name in ("meals", "sensitivity", "pen"):
        own, kept, some, least = (getattr(h, name).lability for h in (habits, alone, beside, free))
        assert np.array_equal(kept, own)
        assert np.asarray(least) == pytest.approx(0.5 * np.asarray(own))
        assert np.all((np.asarray(least) < np.asarray(some)) & (np.asarray(some) < np.asarray(own)))
