"""From a study to what has to be simulated: the trial, its days, its chunks, their names; runs nothing."""

import dataclasses
from collections.abc import Callable

import numpy as np

from insulae.core.clock import DAYS_PER_WEEK
from insulae.core.parameters import value
from insulae.populations.patient import ClinicNumbers
from insulae.runs import manifest, store
from insulae.runs.chunks import Chunk, cut
from insulae.study.spec import Arm as ArmSpec
from insulae.study.spec import Study
from insulae.therapies.base import Enrolled, TherapySpec
from insulae.trials.trial import Arm, Trial, steps_of


@dataclasses.dataclass(frozen=True)
class Job:
    """One chunk and the name of its files; the name changes with anything that can change its numbers."""

    chunk: Chunk
    name: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """All that a run needs to know."""

    study: Study
    trial: Trial
    jobs: tuple[Job, ...]
    study_hash: str

    @property
    def steps(self) -> int:
        """Number of simulated days of one chunk, all arms together."""
        return sum(len(arm.steps) for arm in self.trial.arms)


def plan(study: Study) -> Plan:
    """Return the plan of a study; the same study gives the same plan."""
    jobs = tuple(Job(chunk, _name(study, chunk)) for chunk in cut(study.population.size))
    return Plan(study, _trial(study), jobs, store.digest_of(study.to_plain()))


def _trial(study: Study) -> Trial:
    population = study.population
    given = population.patient.given() if population.patient else {}
    kinds = tuple(spec.kind for spec in population.treatment)
    return Trial(
        numbers=ClinicNumbers(population.phenotype, given, kinds),
        treatment=population.treatment,
        arms=tuple(_arm(study, arm) for arm in study.arms),
        endpoints=tuple(study.endpoint_names()),
        seed=study.seed,
        stored_days=frozenset(study.stored_days()) if study.stored_traces.patients else frozenset(),
    )


def therapies_of(study: Study, arm: ArmSpec) -> tuple[TherapySpec, ...]:
    """Return what an arm takes: the treatment at enrollment, with what the arm adds or replaces."""
    together: dict[str, TherapySpec] = {spec.kind: spec for spec in study.population.treatment}
    return tuple((together | {spec.kind: spec for spec in arm.therapies}).values())


def _arm(study: Study, arm: ArmSpec) -> Arm:
    therapies = therapies_of(study, arm)
    typical = typical_patient(lambda name: value(name, study.population.phenotype))
    weeks = [day / DAYS_PER_WEEK for day in study.visit_days()]
    treatments = [spec.build(typical) for spec in therapies]
    steps = steps_of(treatments, weeks, every_day=study.resolution == "every day")
    return Arm(arm.name, therapies, steps)


def typical_patient(draw: Callable[[str], float]) -> Enrolled:
    """Return one patient with round values, good enough to see when a therapy acts and what it asks for."""
    one = np.ones(1, np.float32)
    return Enrolled(
        weight=70 * one,
        carbohydrate=200 * one,
        basal_dose=one,
        bolus_per_carbohydrate=one,
        fasting_glucose=100 * one,
        daytime_glucose=100 * one,
        draw=lambda name: draw(name) * one,
    )


def _name(study: Study, chunk: Chunk) -> str:
    """Return the hash of what decides a chunk's numbers: not the size of the study, not its wording."""
    plain = study.to_plain()
    for field in ("name", "question", "reported", "notes", "visits", "endpoints", "stored_traces"):
        plain.pop(field, None)
    plain["population"].pop("size")
    plain["days"], plain["endpoint_names"] = study.visit_days(), study.endpoint_names()
    plain["stored"] = [study.stored_days(), study.stored_traces.patients]
    return store.digest_of([plain, manifest.identity(), list(chunk.ids)])
