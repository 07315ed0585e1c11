"""What must agree between the parts of a study, and what is worth a remark."""

from collections.abc import Iterable, Iterator
from typing import Any

from insulae.core.citations import references
from insulae.core.clock import DAYS_PER_WEEK
from insulae.core.errors import InsulaeError
from insulae.core.parameters import table
from insulae.core.phenotypes import phenotype
from insulae.core.registry import nearest
from insulae.endpoints import base as endpoints
from insulae.manufacturing.supply import told
from insulae.study.spec import Reported, Study
from insulae.therapies.made_to_order import MadeToOrder
from insulae.trials.design.checks import trial_mistakes

PEOPLE_OF_A_GROUP = 4
"""People of a group of doubt below which differences between groups drown in chance."""
INSULINS = ("basal_bolus", "basal_insulin", "premix_insulin", "meal_insulin")


def mistakes(study: Study) -> list[str]:
    """Return a sentence with its path for everything that cannot be right."""
    return [f"{path}: {sentence}" for path, sentence in _mistakes(study)]


def _mistakes(study: Study) -> Iterator[tuple[str, str]]:
    yield from _patient(study)
    yield from _baseline(study)
    yield from _doubt(study)
    yield from _repeated_kinds("population.treatment", study.population.treatment)
    for i, arm in enumerate(study.arms):
        if arm.name in [other.name for other in study.arms[:i]]:
            yield f"arms.{i}.name", f"an arm is already named '{arm.name}'; every arm needs a name of its own"
        yield from _repeated_kinds(f"arms.{i}.therapies", arm.therapies)
        yield from _repeated_steps(f"arms.{i}.therapies", arm.therapies, study.population.treatment)
        yield from _made_twice(f"arms.{i}.therapies", arm.therapies)
    if study.endpoints != "all":
        known = [member.name for member in endpoints.catalogue()]
        for i, name in enumerate(study.endpoints):
            if name not in known:
                yield f"endpoints.{i}", f"unknown endpoint '{name}'; {nearest(name, known)}"
    if study.trial is not None:
        yield from trial_mistakes(study.trial, [arm.name for arm in study.arms], study.visit_days())
    for i, reported in enumerate(study.reported):
        yield from _reported(f"reported.{i}", reported, [arm.name for arm in study.arms])


def _doubt(study: Study) -> Iterator[tuple[str, str]]:
    size, groups = study.population.size, study.population.doubt
    if groups and size < PEOPLE_OF_A_GROUP * groups:
        most = size // PEOPLE_OF_A_GROUP
        hint = f"at most {most} with this size, or size: {PEOPLE_OF_A_GROUP * groups}"
        yield "population.doubt", f"{groups} groups of {size} people leave too few in each; {hint}"


def _repeated_kinds(path: str, given: Iterable[Any]) -> Iterator[tuple[str, str]]:
    kinds: list[str] = []
    for i, spec in enumerate(given):
        if spec.kind in kinds:
            yield f"{path}.{i}", f"'{spec.kind}' stands twice; a patient gets each kind of therapy once"
        kinds.append(spec.kind)


def _repeated_steps(path: str, given: Iterable[Any], standing: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Find steps of a policy that the arm takes anyway; what it has stopped by then may be given again."""
    given = list(given)
    for i, spec in enumerate(given):
        own = {one.kind for one in given}
        going_on = [
            s for s in (*given, *(s for s in standing if s.kind not in own)) if not _ends(s, spec.start)
        ]
        taken = {one.kind for one in going_on}
        for k, step in enumerate(getattr(spec, "steps", ())):
            if step.kind in taken:
                kind, rest = step.kind, [s.kind for s in spec.steps if s.kind not in taken]
                hint = f"leave it out: steps: [{', '.join(rest)}]"
                yield f"{path}.{i}.steps.{k}", f"'{kind}' is taken by everybody already; {hint}"


def _ends(spec: Any, day: float) -> bool:
    """Tell whether a therapy has a last day, no later than a day."""
    stop = getattr(spec, "stop", None)
    return stop is not None and stop <= day


def _made_twice(path: str, given: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Find what begins with a lot and stands in the arm as well."""
    given = list(given)
    kinds = {spec.kind for spec in given}
    for i, spec in enumerate(given):
        for k, step in enumerate(spec.then if isinstance(spec, MadeToOrder) else ()):
            if step.kind in kinds:
                yield f"{path}.{i}.then.{k}", f"'{step.kind}' stands in the arm too; give it in one place"


def _patient(study: Study) -> Iterator[tuple[str, str]]:
    patient, path = study.population.patient, "population.patient"
    if patient is None:
        return
    if patient.bmi and patient.weight:
        yield f"{path}.bmi", "is given with a weight; give the bmi, or the weight with the height"
    if patient.age and patient.duration and patient.duration[0] > patient.age[1]:
        yield f"{path}.duration", "the disease cannot be older than the patient"
    takes_insulin = any(spec.kind in INSULINS for spec in study.population.treatment)
    if patient.insulin_dose and not takes_insulin:
        kinds = " or ".join(INSULINS)
        yield f"{path}.insulin_dose", f"is given, but population.treatment holds no {kinds}"


def _baseline(study: Study) -> Iterator[tuple[str, str]]:
    population, path = study.population, "population.baseline"
    traits = population.baseline.traits if population.baseline else []
    given = population.patient.given() if population.patient else {}
    for trait in traits:
        if trait in given:
            yield f"{path}.{trait}", "is given for every patient already, under population.patient"
    if population.baseline and population.baseline.male and "male" in given:
        yield f"{path}.male", "the sex of every patient is given already, under population.patient"
    takes_insulin = any(spec.kind in INSULINS for spec in population.treatment)
    if "insulin_dose" in traits and not takes_insulin:
        kinds = " or ".join(INSULINS)
        yield f"{path}.insulin_dose", f"is given, but population.treatment holds no {kinds}"


def _reported(path: str, reported: Reported, arms: list[str]) -> Iterator[tuple[str, str]]:
    known = {
        "endpoint": [member.name for member in endpoints.catalogue()],
        "arm": arms,
        "source": references(),
    }
    for field, names in known.items():
        name = getattr(reported, field)
        if name not in names:
            sort = "reference" if field == "source" else field
            hint = nearest(name, names) if field != "source" else _closest(name)
            yield f"{path}.{field}", f"unknown {sort} '{name}'; {hint}"
    if reported.statistic != "value" and reported.n is None:
        yield f"{path}.n", f"is missing; a {reported.statistic} is compared with samples of as many patients"
    if reported.endpoint in known["endpoint"]:
        try:
            reported.number()
        except InsulaeError as error:
            yield f"{path}.value", str(error)


def _closest(key: str) -> str:
    """Return the reference with the most similar key; the whole list would be too long."""
    hint, _, _ = nearest(key, references()).partition(" Known: ")
    return hint if hint.startswith("did you") else "the keys are those of tables/references.bib"


def remarks(study: Study) -> list[str]:
    """Return sentences on what is allowed but may not be meant."""
    visits = study.visit_days()
    said: list[str] = []
    for i, reported in enumerate(study.reported):
        if reported.week is not None and round(reported.week * DAYS_PER_WEEK) not in visits:
            said.append(f"reported.{i}: there is no visit at week {reported.week:g} to compare with")
    for i, week in enumerate(study.stored_traces.weeks or ()):
        if round(week * DAYS_PER_WEEK) not in visits:
            said.append(f"stored_traces.weeks.{i}: there is no visit at week {week:g}, no traces are kept")
    standing = {spec.kind for spec in study.population.treatment}
    for i, arm in enumerate(study.arms):
        late = [(j, s.kind) for j, s in enumerate(arm.therapies) if s.kind in standing and s.start > 0]
        said += [f"arms.{i}.therapies.{j}: until its start no '{kind}' is taken at all" for j, kind in late]
    said += _never_begun(study)
    said += [sentence for i, arm in enumerate(study.arms) for sentence in _lots(f"arms.{i}", arm.therapies)]
    said += _kidneys(study)
    takes_insulin = bool(standing & set(INSULINS))
    who = phenotype(study.population.phenotype)
    if not who.has_beta_cells and not takes_insulin:
        said.append(f"population.treatment: a patient with {who.label} without insulin is rarely meant")
    return said


def _never_begun(study: Study) -> Iterator[str]:
    """Name what starts on the last day or after it."""
    last = study.horizon * DAYS_PER_WEEK
    for i, arm in enumerate(study.arms):
        for j, spec in enumerate(arm.therapies):
            if spec.start >= last:
                week = f"week {spec.start / DAYS_PER_WEEK:g}"
                yield f"arms.{i}.therapies.{j}: '{spec.kind}' starts in {week}, when the study has ended"


def _lots(path: str, given: Iterable[Any]) -> Iterator[str]:
    """Tell how long the lots of an arm take to make and how many patients get none."""
    for i, spec in enumerate(given):
        lot = getattr(spec, "lot", None)
        if lot is not None:
            yield f"{path}.therapies.{i}.lot: {told(lot, isinstance(spec, MadeToOrder))}"


def _kidneys(study: Study) -> Iterator[str]:
    """Say which drugs some of the patients are not given for their kidney function."""
    egfr = study.population.patient.egfr if study.population.patient else None
    places = [(f"population.treatment.{i}", spec) for i, spec in enumerate(study.population.treatment)]
    for i, arm in enumerate(study.arms):
        places += [(f"arms.{i}.therapies.{j}", spec) for j, spec in enumerate(arm.therapies)]
    limits = {name: row.value for (name, _), row in table().items() if name.endswith(".lowest_egfr")}
    for path, spec in places:
        limit = limits.get(f"{spec.kind}.lowest_egfr")
        if egfr and limit and egfr[0] < limit:
            drug = spec.kind.replace("_", " ")
            yield f"{path}: {drug} is not given below an eGFR of {limit:g}; some patients of this study are"
