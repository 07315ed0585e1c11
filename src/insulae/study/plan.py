"""From a study to what has to be simulated: the trial, its days, its chunks, their names; runs nothing."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from insulae.core.clock import DAYS_PER_WEEK
from insulae.core.parameters import value
from insulae.endpoints.base import get as endpoint
from insulae.populations.patient import ClinicNumbers
from insulae.populations.recruitment import Recruitment, Recruits, Wanted, recruit
from insulae.runs import manifest, store
from insulae.runs.chunks import Chunk, cut, width_for
from insulae.study.patients import criterion
from insulae.study.spec import Arm as ArmSpec
from insulae.study.spec import Study
from insulae.therapies.base import Enrolled, TherapySpec
from insulae.therapies.made_to_order import MadeToOrder
from insulae.trials.trial import Arm, Trial, steps_of


@dataclasses.dataclass(frozen=True)
class Plan:
    """All that a run needs to know; `key` changes with anything that can change the numbers of a patient."""

    study: Study
    trial: Trial
    width: int
    key: str
    study_hash: str
    recruitment: Recruitment | None = None

    @property
    def steps(self) -> int:
        """The fewest days that are simulated of one chunk, all arms together."""
        return sum(step.least for arm in self.trial.arms for step in arm.steps)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the chunks in the order of their patients."""
        return cut(self.study.population.size, self.width)

    def name(self, chunk: Chunk) -> str:
        """Return the name of a chunk's files."""
        return f"{self.key}.{chunk.first:09d}-{chunk.size}"

    def recruits(self, chunk: Chunk) -> Recruits | None:
        """Return which candidates the patients of a chunk are; None where nobody was recruited."""
        recruits = self.trial.recruits
        return None if recruits is None else Recruits(chunk.first, recruits.of(chunk.ids))

    def tables(self, chunk: Chunk) -> list[str]:
        """Return the names of a chunk's tables, the one that is written last at the end."""
        has_traces = self.trial.stored_days and chunk.first < self.study.stored_traces.patients
        return ["endpoints", "events", "enrolled", *(["traces"] if has_traces else []), "fates"]


def plan(study: Study, width: int | None = None) -> Plan:
    """Return the plan of a study; the same study gives the same plan.

    Raises `RunError` when chunks of that width make no sense, and `IncompatibleNumbers` when no cohort has
    the baseline that is asked for.
    """
    width = width_for(study.population.size) if width is None else width
    cut(study.population.size, width)
    trial = trial_without_recruits(study)
    found = recruited(study, trial)
    if found is not None:
        trial = dataclasses.replace(trial, recruits=Recruits(0, found.candidates))
    return Plan(study, trial, width, _key(study, found), store.digest_of(study.to_plain()), found)


def trial_of(study: Study) -> Trial:
    """Return what decides the results of each patient."""
    return plan(study).trial


def recruited(study: Study, trial: Trial) -> Recruitment | None:
    """Choose the candidates that show the baseline of a study; None where it asks for none."""
    population = study.population
    if not population.is_recruited:
        return None
    targets = population.baseline.targets() if population.baseline else ()
    wanted = Wanted(population.size, targets, tuple(criterion(text) for text in population.eligibility))
    return recruit(trial.numbers, list(trial.treatment), wanted, study.seed)


def trial_without_recruits(study: Study) -> Trial:
    """Return what decides the results of each patient but for who is chosen to be one."""
    population = study.population
    given = population.patient.given() if population.patient else {}
    kinds = tuple(spec.kind for spec in population.treatment)
    return Trial(
        numbers=ClinicNumbers(
            population.phenotype, given, kinds, population.is_recruited, population.doubt or 0
        ),
        treatment=population.treatment,
        arms=tuple(_arm(study, arm) for arm in study.arms),
        endpoints=tuple(study.endpoint_names()),
        seed=study.seed,
        stored_days=frozenset(study.stored_days()) if study.stored_traces.patients else frozenset(),
        has_background_mortality=study.background_mortality,
    )


def therapies_of(study: Study, arm: ArmSpec) -> tuple[TherapySpec, ...]:
    """Return what an arm takes: the treatment at enrollment, with what the arm adds or replaces."""
    standing: dict[str, TherapySpec] = {spec.kind: spec for spec in study.population.treatment}
    together = standing | {spec.kind: spec for spec in arm.therapies}
    for spec in arm.therapies:
        if isinstance(spec, MadeToOrder):
            together[spec.kind], replaced = spec.taking_over(standing)
            together = {kind: one for kind, one in together.items() if kind not in replaced}
    return tuple(together.values())


def _arm(study: Study, arm: ArmSpec) -> Arm:
    therapies = therapies_of(study, arm)
    typical = typical_patient(lambda name: value(name, study.population.phenotype))
    weeks = [day / DAYS_PER_WEEK for day in study.visit_days()]
    treatments = [spec.build(typical) for spec in therapies]
    steps = steps_of(treatments, weeks, every_day=study.resolution == "every day")
    has_drink = any("two_hour_glucose" in endpoint(name).inputs for name in study.endpoint_names())
    return Arm(arm.name, therapies, tuple(dataclasses.replace(s, has_drink=has_drink) for s in steps))


def typical_patient(draw: Callable[[str], float]) -> Enrolled:
    """Return one patient with round values, good enough to see when a therapy acts and what it asks for."""
    one = np.ones(1, np.float32)
    return Enrolled(
        age=50 * one,
        male=one,
        duration=10 * one,
        height=1.75 * one,
        weight=70 * one,
        hba1c=8 * one,
        egfr=90 * one,
        carbohydrate=200 * one,
        basal_dose=one,
        bolus_per_carbohydrate=one,
        fasting_glucose=100 * one,
        daytime_glucose=100 * one,
        draw=lambda name: draw(name) * one,
    )


def _key(study: Study, found: Recruitment | None) -> str:
    """Return the hash of what decides a patient's numbers: not the size of the study, not its wording.

    The size counts where it decides who is recruited.
    """
    plain = study.to_plain()
    for field in ("name", "question", "trial", "reported", "notes", "visits", "endpoints", "stored_traces"):
        plain.pop(field, None)
    plain["population"].pop("size")
    plain["days"], plain["endpoint_names"] = study.visit_days(), study.endpoint_names()
    plain["stored"] = [study.stored_days(), study.stored_traces.patients]
    if found is not None:
        plain["recruits"] = found.candidates.tolist()
    return store.digest_of([plain, manifest.identity()])
