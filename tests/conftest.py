"""What many tests share: solved patients and a way to live with them; always eight, to compile a day once."""

from collections.abc import Callable
from typing import Any

import hypothesis
import jax.numpy as jnp
import pytest

from insulae.populations import baseline
from insulae.populations.patient import ClinicNumbers
from insulae.populations.routine import day_draws
from insulae.therapies.base import TherapySpec, Treatment, load_all
from insulae.trials.calendar import calendar
from insulae.trials.simulation import Visited, simulate_arm

# Speed is measured in benchmarks; here a first call that imports or compiles something is no failure.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

SEED = 20260101
N = 8
LONG_AGO = -3650.0

Spec = Callable[..., TherapySpec]
Live = Callable[..., list[Visited]]


@pytest.fixture(scope="session")
def spec() -> Spec:
    """Make the spec of a therapy by its kind."""

    def make(kind: str, **fields: Any) -> TherapySpec:
        return load_all().get(kind).model_validate({"kind": kind, **fields})

    return make


@pytest.fixture(scope="session")
def solve(spec: Spec) -> Callable[..., baseline.Start]:
    """Bring patients of a phenotype to their start on the treatments named."""

    def solved(phenotype: str, *kinds: str, **given: tuple[float, float]) -> baseline.Start:
        standing = [spec(kind, start=LONG_AGO) for kind in kinds]
        return baseline.starting(ClinicNumbers(phenotype, given, kinds), standing, SEED, jnp.arange(N))

    return solved


@pytest.fixture(scope="session")
def healthy(solve: Callable[..., baseline.Start]) -> baseline.Start:
    return solve("healthy")


@pytest.fixture(scope="session")
def type1(solve: Callable[..., baseline.Start]) -> baseline.Start:
    return solve("type1", "basal_bolus")


@pytest.fixture(scope="session")
def type2(solve: Callable[..., baseline.Start]) -> baseline.Start:
    return solve("type2", "metformin", hba1c=(7.0, 8.0))


@pytest.fixture(scope="session")
def live() -> Live:
    """Simulate some patients under some treatments and return the visits."""

    def lived(
        start: baseline.Start, specs: list[TherapySpec], weeks: list[float], seed: int = SEED
    ) -> list[Visited]:
        treatments: dict[str, Treatment] = {s.kind: s.build(start.enrolled) for s in specs}
        events = [day for t in treatments.values() for day in t.event_days() if day >= 0]
        draws = day_draws(seed, start.cohort.ids)
        return [v for v in simulate_arm(start, treatments, calendar(weeks, events), draws) if v is not None]

    return lived
