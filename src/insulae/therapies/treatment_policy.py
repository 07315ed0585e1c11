"""Treatment policy: therapies added one by one as long as HbA1c stays above a target, and taken back.

At a visit whose HbA1c is above the target, and no sooner than a while after the last addition, a patient gets
the next step. HbA1c is known at the study's visits only, so the visits should be no rarer than the policy
asks for. A step that a drug's own label forbids at the patient's kidney function (a tablet that never
starts) is passed over for the next one. A later step stops earlier ones that it replaces: `REPLACED`.

With `step_down` the last step is taken back at a visit whose HbA1c is below a limit, and the next one no
sooner than a while after: what was added last goes first, metformin last, as guidelines have it after
bariatric surgery (Mechanick 2020). Whoever rises above the target again gets the step again, and then keeps
it.

The default steps are the order in which the consensus of ADA and EASD (Davies 2022) leads to insulin where
glucose and weight are the aim: metformin, an SGLT2 inhibitor, a GLP-1 receptor agonist before insulin, basal
insulin, then meal insulin. Known: that order. Assumed: everybody follows it at once when it is due. Not
modelled: intolerance, cost, preference, heart and kidney disease as a reason of their own, lower doses before
a drug is stopped, return to what a step had replaced.
"""

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError, WithJsonSchema

from insulae.core.described import Described
from insulae.core.errors import UnknownName
from insulae.core.parameters import parameter
from insulae.core.quantities import Days, Percent
from insulae.physiology.effects import Effects, combine
from insulae.therapies.base import (
    Enrolled,
    Flags,
    Floats,
    Observed,
    Risks,
    TherapySpec,
    Treatment,
    drawn,
    family,
    register,
)
from insulae.therapies.joined import Joined, joined
from insulae.therapies.tablet import Tablet

Counts = np.ndarray[Any, np.dtype[np.int64]]

KIND = "treatment_policy"
CONSENSUS: tuple[dict[str, str], ...] = (
    {"kind": "metformin"},
    {"kind": "sglt2_inhibitor"},
    {"kind": "glp1_agonist"},
    {"kind": "basal_insulin", "titration": "target"},
    {"kind": "basal_bolus", "titration": "target"},
)
"""Steps of the consensus, each taken where the package knows the therapy."""

REPLACED: dict[str, tuple[str, ...]] = {
    "glp1_agonist": ("dpp4_inhibitor",),
    "tirzepatide": ("dpp4_inhibitor", "glp1_agonist"),
    "premix_insulin": ("basal_insulin", "sulfonylurea"),
    "basal_bolus": ("basal_insulin", "premix_insulin", "meal_insulin", "sulfonylurea"),
}
"""Which earlier steps a step stops."""

TWICE = 2
"""A step that was begun so often is not taken back again."""


def _read_step(number: int, given: Any) -> TherapySpec:
    """Read one step: a therapy as in an arm, or its kind alone."""
    if isinstance(given, TherapySpec):
        return given
    plain = {"kind": given} if isinstance(given, str) else given
    if not isinstance(plain, dict) or "kind" not in plain:
        raise ValueError(f"step {number} '{given}' is no therapy; expected for example {{kind: metformin}}")
    kind = str(plain["kind"])
    if kind == KIND:
        raise ValueError(f"step {number} is a treatment_policy; steps are single therapies")
    try:
        read = family.get(kind).model_validate(plain)
    except UnknownName as error:
        raise ValueError(f"step {number}: {error}") from error
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ValueError(f"step {number} ({kind}): {found}") from error
    if read.start != 0:
        raise ValueError(f"step {number} ({kind}) states a start; a step starts when it is due")
    return read


def _read_steps(given: Any) -> tuple[TherapySpec, ...]:
    """Read the steps; raises `ValueError` that names the step and the nearest valid choice."""
    if not isinstance(given, list | tuple) or not given:
        raise ValueError(f"'{given}' is not a list of therapies; expected for example [metformin, acarbose]")
    steps: tuple[TherapySpec, ...] = tuple(_read_step(k, one) for k, one in enumerate(given, start=1))
    kinds = [step.kind for step in steps]
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise ValueError(f"'{kind}' stands twice; a patient gets each kind of therapy once")
    return steps


def consensus() -> tuple[TherapySpec, ...]:
    """Return the default steps."""
    known = family.names()
    return _read_steps([step for step in CONSENSUS if step["kind"] in known])


Steps = Annotated[
    tuple[SerializeAsAny[TherapySpec], ...],
    BeforeValidator(_read_steps),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "object", "required": ["kind"]},
            "description": "therapies as in an arm, in the order in which they are added",
        }
    ),
]


class StepDown(Described):
    """When a clinician takes the last step back: at a visit, below a limit, a while after any change."""

    hba1c_below: Percent = 6.5
    """HbA1c of the last visit must be below this; without drugs it would then be remission."""
    every: Annotated[Days, Field(ge=0)] = 84.0
    """Least time after the last step up or down."""


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `treatment_policy.*`."""

    first_meal_share: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class Step:
    """One step: what the study file says, and what has become of it.

    A tablet is one treatment with a start of its own for each patient; anything else is one treatment for
    those who began on the same day.
    """

    spec: TherapySpec
    given: tuple[Tablet | Joined, ...]

    def added(self, day: float, members: Flags, enrolled: Enrolled) -> tuple["Step", Flags]:
        """Begin for some members; also return who of them may take it."""
        fresh = self.spec.model_copy(update={"start": float(day)}).build(enrolled)
        if not isinstance(fresh, Tablet):
            return dataclasses.replace(self, given=(*self.given, joined(fresh, members))), members
        allowed = members & np.isfinite(fresh.start)
        merged = [
            dataclasses.replace(
                t,
                start=np.where(allowed, np.float32(day), t.start),
                stop=np.where(allowed, fresh.stop, t.stop),
            )
            for t in self.given
            if isinstance(t, Tablet)
        ]
        return dataclasses.replace(self, given=tuple(merged)), allowed

    def stopped(self, day: float, members: Flags) -> "Step":
        """Stop for some members."""
        return dataclasses.replace(self, given=tuple(_stopped(t, day, members) for t in self.given))

    def is_drug(self) -> bool:
        """Tell whether it can be taken back, as a tablet or insulin can and an operation cannot."""
        return all(treatment.sort in ("tablet", "insulin") for treatment in self.given)

    def is_taken(self, day: float) -> Flags:
        """Tell who takes it on a day."""
        return np.any([treatment.is_taken(day) for treatment in self.given], axis=0)

    def after(self, observed: Observed) -> "Step":
        """Let the treatments respond to what was observed."""
        changed = (t.after(observed) for t in self.given)
        return dataclasses.replace(self, given=tuple(t for t in changed if isinstance(t, Tablet | Joined)))


def _stopped(treatment: Tablet | Joined, day: float, members: Flags) -> Tablet | Joined:
    if isinstance(treatment, Joined):
        return dataclasses.replace(treatment, members=treatment.members & ~members)
    ending = members & np.asarray(treatment.is_taken(day))
    return dataclasses.replace(treatment, stop=np.where(ending, np.float32(day), treatment.stop))


def _waiting(spec: TherapySpec, start: float, enrolled: Enrolled) -> Step:
    """Return a step that nobody has begun."""
    built = spec.model_copy(update={"start": start}).build(enrolled)
    if isinstance(built, Tablet):
        never = np.full(enrolled.size, np.inf, np.float32)
        return Step(spec, (dataclasses.replace(built, start=never),))
    return Step(spec, (joined(built, np.zeros(enrolled.size, bool)),))


@dataclasses.dataclass(frozen=True)
class PolicyTreatment(Treatment):
    """Where each patient stands: number of steps gone through, how often each was begun [step, patient], and
    the day of the last change."""

    start: float
    target: float
    every: float
    step_down: StepDown | None
    steps: tuple[Step, ...]
    taken: Counts
    begun: Counts
    changed: Floats
    enrolled: Enrolled
    parameters: Parameters

    def parts(self) -> tuple[Treatment, ...]:
        """Return the treatments of all steps, also those nobody has begun."""
        return tuple(t for step in self.steps for t in step.given)

    def effects(self, day: float) -> Effects:
        """Do what the steps begun so far do together."""
        return combine(part.effects(day) for part in self._begun())

    def _begun(self) -> list[Treatment]:
        """Return the parts that anybody has begun."""
        return [p for p in self.parts() if not isinstance(p, Joined) or p.members.any()]

    def hazards(self, day: float) -> Risks:
        """Return the sum over the parts."""
        return summed([part.hazards(day) for part in self._begun()])

    def procedures(self, day: float) -> Risks:
        """Return the sum over the parts."""
        return summed([part.procedures(day) for part in self._begun()])

    def is_taken(self, day: float) -> Flags:
        """Tell who takes any of it."""
        nobody = np.zeros(self.enrolled.size, bool)
        return np.any([nobody, *(part.is_taken(day) for part in self.parts())], axis=0)

    def event_days(self) -> list[float]:
        """Return the first day of the policy; when later steps begin is not known beforehand."""
        return [self.start]

    def after(self, observed: Observed) -> Treatment:
        """Titrate what is taken; at a visit take the last step back or give the next to who needs it."""
        if observed.day < self.start:
            return self
        moved = dataclasses.replace(self, steps=tuple(step.after(observed) for step in self.steps))
        if not observed.is_visit:
            return moved
        since = observed.day - self.changed
        if self.step_down is not None:
            is_low = (observed.hba1c < self.step_down.hba1c_below) & (since >= self.step_down.every)
            moved = moved.relaxed(observed.day, is_low)
        is_due = (observed.hba1c > self.target) & (since >= self.every)
        return moved.intensified(observed.day, is_due, moved._today(observed))

    def _today(self, observed: Observed) -> Enrolled:
        """Return what is known of the patients today, present insulin doses included."""
        now = self.effects(observed.day)
        basal = np.broadcast_to(np.asarray(now.basal_insulin, np.float32), (self.enrolled.size,))
        meals = np.broadcast_to(np.asarray(now.bolus_per_carbohydrate, np.float32), basal.shape)
        first = self.parameters.first_meal_share * basal / self.enrolled.carbohydrate
        return dataclasses.replace(
            self.enrolled,
            weight=observed.body_weight,
            hba1c=observed.hba1c,
            egfr=observed.egfr,
            fasting_glucose=observed.fasting_glucose,
            daytime_glucose=observed.daytime_glucose,
            basal_dose=basal,
            bolus_per_carbohydrate=np.where(meals > 0, meals, first).astype(np.float32),
        )

    def intensified(self, day: float, is_due: Flags, enrolled: Enrolled) -> "PolicyTreatment":
        """Give everybody who is due the next step that may be taken."""
        steps, taken, often, waiting = list(self.steps), self.taken.copy(), self.begun.copy(), is_due
        for number, step in enumerate(self.steps):
            members = waiting & (taken == number)
            if not members.any():
                continue
            steps[number], begun = step.added(day, members, enrolled)
            taken[members] += 1
            often[number] += begun
            waiting = waiting & ~begun
            for other, earlier in enumerate(steps[:number]):
                if earlier.spec.kind in REPLACED.get(step.spec.kind, ()):
                    steps[other] = earlier.stopped(day, begun)
        changed = np.where(is_due & ~waiting, np.float32(day), self.changed)
        return dataclasses.replace(self, steps=tuple(steps), taken=taken, begun=often, changed=changed)

    def relaxed(self, day: float, is_due: Flags) -> "PolicyTreatment":
        """Take back the last step of who is due, unless it had to be given twice or is no drug."""
        steps, taken, waiting, ended = list(self.steps), self.taken.copy(), is_due, np.zeros_like(is_due)
        for number in reversed(range(len(steps))):
            last = waiting & (taken == number + 1)
            if not last.any():
                continue
            if not steps[number].is_drug():
                waiting = waiting & ~last
                continue
            has_it = last & steps[number].is_taken(day)
            ending = has_it & (self.begun[number] < TWICE)
            steps[number] = steps[number].stopped(day, ending)
            taken[last & (ending | ~has_it)] = number
            waiting, ended = waiting & ~has_it, ended | ending
        changed = np.where(ended, np.float32(day), self.changed)
        return dataclasses.replace(self, steps=tuple(steps), taken=taken, changed=changed)


def summed(risks: Sequence[Risks]) -> Risks:
    """Return the sum of several risks, event by event."""
    total: dict[str, Floats] = {}
    for one in risks:
        for event, risk in one.items():
            total[event] = total[event] + risk if event in total else risk
    return total


@register
class TreatmentPolicy(TherapySpec):
    """Treat to a target of HbA1c: add the next of some steps at visits where HbA1c is above it."""

    family: ClassVar[str] = "policy"
    kind: Literal["treatment_policy"] = "treatment_policy"
    target: Percent = 7.0
    every: Annotated[Days, Field(ge=0)] = 84.0
    step_down: StepDown | None = None
    """When the last step is taken back; never when left out."""
    steps: Steps = Field(default_factory=consensus)

    def build(self, enrolled: Enrolled) -> PolicyTreatment:
        """Return the policy, begun with the first step for who is above the target at enrollment."""
        policy = PolicyTreatment(
            start=self.start,
            target=self.target,
            every=self.every,
            step_down=self.step_down,
            steps=tuple(_waiting(spec, self.start, enrolled) for spec in self.steps),
            taken=np.zeros(enrolled.size, np.int64),
            begun=np.zeros((len(self.steps), enrolled.size), np.int64),
            changed=np.full(enrolled.size, -np.inf, np.float32),
            enrolled=enrolled,
            parameters=drawn(Parameters, enrolled),
        )
        return policy.intensified(self.start, np.asarray(enrolled.hba1c > self.target), enrolled)
