"""The designs a trial can have, as records of the study file; each is run by a module of its own."""

from abc import abstractmethod
from typing import Annotated, Any, Literal

from pydantic import Field

from insulae.core.described import Described
from insulae.core.quantities import QuantityIn, Weeks

Share = Annotated[float, QuantityIn("%", example="30 %"), Field(ge=0, le=100)]
Size = Annotated[int, Field(ge=2, le=100_000)]
Fraction = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Part = Annotated[float, Field(ge=0, le=1)]


class _Design(Described):
    @abstractmethod
    def arm_names(self) -> list[str]:
        """Return the arms of the study that the design compares."""

    def endpoint_names(self) -> set[str]:
        """Return the endpoints that the design itself looks at."""
        return set()

    def resized(self, size: int) -> Any:
        """Return the design with another number of patients."""
        return self.model_copy(update={"size": size})


class ToxicityRule(Described):
    """Stop when too many have had an event (Bayesian, prior Beta(limit, 1 - limit))."""

    event: Literal["any serious adverse event", "death"] = "any serious adverse event"
    """What is counted."""
    within: Weeks
    """Counted within this time after enrollment, at the last visit of it."""
    limit: Share
    """Largest acceptable share of patients."""
    certainty: Share = 90.0
    """Stop when the share lies above the limit with more than this probability."""
    fewest: Annotated[int, Field(ge=1)] = 3
    """Never stop with fewer patients."""


class _TwoArms(_Design):
    control: str
    """Arm of the study."""
    active: str
    """Arm of the study that is compared with the control."""
    size: Size
    """Patients, both arms together."""
    ratio: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = (1, 1)
    """Patients of control and active."""
    strata: tuple[str, ...] = ()
    """Endpoints whose median at enrollment cuts the strata of the allocation."""
    blocks: Annotated[int, Field(ge=1)] = 2
    """Times the ratio fits into a block of the allocation."""
    stopping: ToxicityRule | None = None
    """When to stop for harm in the active arm; never when left out."""

    def arm_names(self) -> list[str]:
        """Return control and active."""
        return [self.control, self.active]

    def endpoint_names(self) -> set[str]:
        """Return the endpoints of the strata."""
        return set(self.strata)


class Parallel(_TwoArms):
    """Two arms side by side, one analysis at the end."""

    kind: Literal["parallel"]
    """Which design."""


class GroupSequential(_TwoArms):
    """Two arms side by side, with looks at which the trial may stop."""

    kind: Literal["group_sequential"]
    """Which design."""
    looks: Annotated[tuple[Fraction, ...], Field(min_length=2)] = (0.5, 1.0)
    """Parts of the patients whose primary outcome is known at each look; the last is 1."""
    spending: Literal["obrien_fleming", "pocock"] = "obrien_fleming"
    """How the one-sided half of alpha is spent (Lan and DeMets)."""
    futility: Share = 0.0
    """Stop at a look before the last when the predictive power is below this; not binding; 0: never."""


class SentinelDosing(Described):
    """First patients who are treated one after the other."""

    patients: Annotated[int, Field(ge=1)]
    """How many."""
    wait: Weeks
    """Time from one to the next, and from the last to all others."""


class SingleArm(_Design):
    """One arm against a fixed share (exact binomial test, or Bayesian), or of a time to an event against the
    curve of another arm (one-sample log-rank test); with sentinel patients and a stopping rule.
    """

    kind: Literal["single_arm"]
    """Which design."""
    arm: str
    """Arm of the study."""
    size: Size
    """Patients."""
    reference: Share | None = None
    """Share of successes that is not good enough."""
    reference_arm: str | None = None
    """Arm of the study whose curve the time to an event is held against, as one that is known."""
    prior: tuple[Positive, Positive] | None = None
    """Makes the analysis Bayesian: a and b of a beta prior of the share; success when the posterior
    probability of a share above the reference exceeds 1 - alpha/2. Exact binomial when left out."""
    sentinel: SentinelDosing | None = None
    """First patients one by one."""
    stopping: ToxicityRule | None = None
    """When to stop for harm."""

    def arm_names(self) -> list[str]:
        """Return the arm, after that of the reference where there is one."""
        return [self.arm] if self.reference_arm is None else [self.reference_arm, self.arm]


class TwoStageDesign(_Design):
    """Simon's two stages of one arm."""

    kind: Literal["simon"]
    """Which design."""
    arm: str
    """Arm of the study."""
    reference: Share
    """Share of successes that is not good enough."""
    alternative: Share
    """Share that should be found."""
    power: Share = 80.0
    """Power at the alternative."""
    choice: Literal["optimal", "minimax"] = "optimal"
    """Fewest expected patients under the null, or fewest patients at most."""
    most: Size = 60
    """Largest design that is looked for."""

    def arm_names(self) -> list[str]:
        """Return the arm."""
        return [self.arm]

    def resized(self, size: int) -> Any:
        """Return the same design: its size follows from its errors."""
        return self


class DoseEscalation(_Design):
    """Doses from low to high, cohort after cohort, until the maximum tolerated one is found."""

    kind: Literal["dose_escalation"]
    """Which design."""
    doses: Annotated[tuple[str, ...], Field(min_length=2)]
    """Arms of the study from the lowest to the highest dose."""
    rule: Literal["3+3", "boin", "crm"] = "boin"
    """How the next dose is chosen."""
    target: Share = 30.0
    """Share of patients with toxicity that is looked for (not used by 3+3)."""
    cohort: Annotated[int, Field(ge=1)] = 3
    """Patients of a cohort."""
    size: Size = 30
    """Patients at most."""
    within: Weeks
    """A toxicity is any serious adverse event within this time, at the last visit of it."""
    skeleton: tuple[Fraction, ...] = ()
    """Prior shares of toxicity of the doses (crm only)."""
    sentinel: Weeks = 0.0
    """Time from the first patient at a dose that nobody has had to the rest of the cohort; 0: none."""

    def arm_names(self) -> list[str]:
        """Return the doses."""
        return list(self.doses)


class ResponseAdaptive(_Design):
    """Several active arms and a control; more patients go where the primary yes-or-no outcome is better."""

    kind: Literal["response_adaptive"]
    """Which design."""
    control: str
    """Arm of the study."""
    actives: Annotated[tuple[str, ...], Field(min_length=1)]
    """Arms of the study that are compared with the control."""
    size: Size
    """Patients, all arms together."""
    burn_in: Size
    """Patients who are allocated evenly first."""
    every: Annotated[int, Field(ge=1)] = 20
    """Patients between two updates of the allocation."""
    drop_below: Share = 1.0
    """Give an arm up when its probability to be better than the control is below this."""
    success: Share | None = None
    """Posterior probability that is a success; when left out, the one with the wanted error is found."""
    futility: Share = 0.0
    """End the trial at an update when the predictive probability that it will succeed is below this; not
    binding: the limit of success is found as if nothing were ended; 0: never."""

    def arm_names(self) -> list[str]:
        """Return control and actives."""
        return [self.control, *self.actives]


class Platform(_Design):
    """Active arms that enter one after the other and share one control; only concurrent controls count."""

    kind: Literal["platform"]
    """Which design."""
    control: str
    """Arm of the study."""
    actives: Annotated[tuple[str, ...], Field(min_length=1)]
    """Arms of the study in the order in which they enter."""
    enter_every: Annotated[int, Field(ge=0)]
    """Patients enrolled between the entries of two arms."""
    per_arm: Size
    """Patients of each active arm."""
    multiplicity: Literal["none", "bonferroni", "holm", "dunnett", "graphical"] = "none"
    """What keeps the error of any false success at alpha; none: every arm is tested at full alpha."""
    weights: tuple[Part, ...] = ()
    """Parts of alpha of the arms (graphical only)."""
    graph: tuple[tuple[Part, ...], ...] = ()
    """Row for each arm: the parts of its alpha that a success hands on to each other arm (graphical only)."""

    def arm_names(self) -> list[str]:
        """Return control and actives."""
        return [self.control, *self.actives]

    def resized(self, size: int) -> Any:
        """Return the platform with as many patients, spread over all arms."""
        return self.model_copy(update={"per_arm": max(2, size // (len(self.actives) + 1))})


class ExternalControl(_Design):
    """One treated arm against patients of another source, balanced by weights on values at enrollment."""

    kind: Literal["external_control"]
    """Which design."""
    arm: str
    """Arm of the study that is treated in the trial."""
    external: str
    """Arm of the study that the external patients have."""
    size: Size
    """Treated patients."""
    external_size: Size | None = None
    """External patients, drawn from the simulated ones."""
    patients: Annotated[str, Field(min_length=1)] | None = None
    """Or a file of real ones (CSV beside the study file: patient, week, endpoints in their units). The arm
    `external` then says what they had; what it simulates is the truth and the null they are held against."""
    balance: Annotated[tuple[str, ...], Field(min_length=1)]
    """Endpoints whose means at enrollment the weights make equal."""

    def arm_names(self) -> list[str]:
        """Return external and treated arm."""
        return [self.external, self.arm]

    def endpoint_names(self) -> set[str]:
        """Return what is balanced."""
        return set(self.balance)


class NOf1(_Design):
    """Every patient takes two treatments in turn, in a random order; arms of the study are the orders.

    In each arm a treatment is taken in some periods and not in others (the field `periods` of a therapy), so
    that what carries over from one period to the next is simulated.
    """

    kind: Literal["n_of_1"]
    """Which design."""
    sequences: Annotated[dict[str, Annotated[str, Field(pattern="^[AB]+$")]], Field(min_length=2)]
    """Arms of the study and what is taken in each period, like `{first: ABAB, second: BABA}`; B is judged
    against A."""
    period: Weeks
    """Length of a period."""
    washout: Weeks = 0.0
    """Beginning of each period that is not judged; the visits after it are, up to the period's end."""
    size: Size
    """Patients."""
    analysis: Literal["paired", "mixed"] = "paired"
    """Difference of each patient's own means, one-sample t; or a model in which patients differ in level and
    effect, and count by how many of their periods were measured."""

    def arm_names(self) -> list[str]:
        """Return the orders."""
        return list(self.sequences)


class RunIn(_Design):
    """One arm whose patients are their own controls: the change since enrollment."""

    kind: Literal["run_in"]
    """Which design."""
    arm: str
    """Arm of the study."""
    size: Size
    """Patients."""

    def arm_names(self) -> list[str]:
        """Return the arm."""
        return [self.arm]


Design = Annotated[
    Parallel
    | GroupSequential
    | SingleArm
    | TwoStageDesign
    | DoseEscalation
    | ResponseAdaptive
    | Platform
    | ExternalControl
    | NOf1
    | RunIn,
    Field(discriminator="kind"),
]
