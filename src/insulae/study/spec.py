"""The study file as frozen records; nothing else defines what a study can say.

Ranges are written `20 to 30 U/d`; every quantity carries its unit. Therapies given at enrollment are long
established unless the file states a start; a therapy of an arm that replaces one of them inherits that.
"""

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from insulae.core.clock import DAYS_PER_WEEK
from insulae.core.errors import InvalidQuantity
from insulae.core.quantities import Weeks
from insulae.core.units import quantity
from insulae.endpoints import base as endpoints
from insulae.populations.patient import PHENOTYPES
from insulae.study.patients import Baseline, Criterion, Patient, Spec
from insulae.therapies import base as therapies
from insulae.trials.design.protocol import TrialSpec

_EVERY = re.compile(r"^every\s+(.+)$")
_BARE = re.compile(r"[-+\d.e]+")


def _named(given: Any) -> Any:
    """Read the bare name of a therapy as the therapy with everything at its default."""
    return {"kind": given} if isinstance(given, str) else given


if TYPE_CHECKING:
    Phenotype = str
    Therapy = therapies.TherapySpec
else:
    Phenotype = Literal[PHENOTYPES]
    _SPECS = tuple(spec for _, spec in therapies.load_all().items())
    Therapy = Annotated[
        Union[_SPECS],  # noqa: UP007
        Field(discriminator="kind"),
        BeforeValidator(_named),
    ]

MOST_PATIENTS = 2**31 - 1
"""Tables number patients in 32 bits."""


def _established(given: tuple[Any, ...], kinds: set[str]) -> tuple[Any, ...]:
    """Give a long-established start to therapies of some kinds that state none."""
    return tuple(
        spec.model_copy(update={"start": therapies.LONG_AGO})
        if spec.kind in kinds and "start" not in spec.model_fields_set
        else spec
        for spec in given
    )


class Population(Spec):
    """Who is simulated: patients of a phenotype, or replicates of one patient, and what they already take."""

    phenotype: Phenotype
    """Whose rows of the parameter table the patients are drawn from; see `insulae show phenotypes`."""
    size: Annotated[int, Field(ge=1, le=MOST_PATIENTS)]
    """Number of simulated patients."""
    patient: Patient | None = None
    """What is known of each of them; what is left out is drawn."""
    baseline: Baseline | None = None
    """What is known of all of them together, as a trial reports it; patients are chosen to show it."""
    eligibility: tuple[Criterion, ...] = ()
    """Who may be chosen, like `hba1c 7 to 10 %` or `egfr at least 60 mL/min/1.73 m2`."""
    treatment: tuple[Therapy, ...] = ()
    """What everybody takes at enrollment, for long unless a start is stated."""
    doubt: Annotated[int, Field(ge=2, le=1000)] | None = None
    """Groups of patients, each with an own draw of the doubted population values; none when left out."""

    @property
    def is_recruited(self) -> bool:
        """Tell whether the patients are chosen from more candidates."""
        return self.baseline is not None or bool(self.eligibility)

    @field_validator("treatment")
    @classmethod
    def _long_established(cls, given: tuple[Any, ...]) -> tuple[Any, ...]:
        return _established(given, {spec.kind for spec in given})


class Arm(Spec):
    """One arm: what is added to the treatment at enrollment, or replaces the therapy of the same kind."""

    name: Annotated[str, Field(min_length=1)]
    """Its name in tables and figures."""
    therapies: tuple[Therapy, ...] = ()
    """Therapies begun at enrollment or later; one of a kind already taken replaces it."""


class StoredTraces(Spec):
    """Whose days are kept for plots: the first patients, in the windows that end at some weeks."""

    patients: Annotated[int, Field(ge=0)] = 20
    """How many patients, from the first on."""
    weeks: tuple[float, ...] | None = None
    """Visits (weeks) whose preceding days are kept; first and last when left out."""


class Reported(Spec):
    """A published value, for comparison only; `week` is the visit it is compared at, by default the last one.

    `statistic` tells what the number is: the value of one patient, or the mean, median or percentage of `n`.
    """

    endpoint: str
    """Name of the endpoint, as in `insulae show endpoints`."""
    arm: str
    """Name of the arm it is compared with."""
    week: float | None = None
    """Week of the visit it is compared at; the last one when left out."""
    value: Annotated[str, BeforeValidator(str)]
    """The number with its unit."""
    kind: Literal["value", "at_least", "at_most"] = "value"
    """Whether the number is a value or a bound."""
    statistic: Literal["value", "mean", "median", "percent"] = "value"
    """Of one patient (value), or over n patients."""
    n: Annotated[int, Field(ge=1)] | None = None
    """How many real patients the statistic is over."""
    source: str
    """Key of the reference in tables/references.bib."""
    locator: str = ""
    """Where in the source the number stands."""
    note: str = ""
    """What a reader should know of the number."""

    def number(self) -> float:
        """Return the value in the unit of its endpoint."""
        unit = endpoints.get(self.endpoint).unit
        substance = {"mg/dL": "glucose", "pmol/L": "c_peptide"}.get(unit, "")
        return quantity(self.value, unit, substance)


def _read_visits(given: Any) -> Any:
    """Check `every 4 weeks`, or read a list of weeks."""
    try:
        if isinstance(given, list | tuple):
            return tuple(_read_week(week) for week in given)
        match = _EVERY.match(str(given).strip())
        if match is not None and quantity(match[1], "day") >= 1:
            return given
    except InvalidQuantity as error:
        raise ValueError(str(error)) from error
    raise ValueError(f"'{given}' is neither like 'every 4 weeks' nor a list of weeks")


def _read_week(week: Any) -> Any:
    """Read `12 weeks` or `90 days`; a bare number is a week."""
    return quantity(week, "week") if isinstance(week, str) and not _BARE.fullmatch(week) else week


class Study(Spec):
    """A whole study."""

    name: Annotated[str, Field(min_length=1)]
    """Heading of the report."""
    question: str = ""
    """What the study asks, in plain words."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 20260101
    """The same seed gives the same patients and days."""
    population: Population
    """Who is simulated."""
    horizon: Annotated[Weeks, Field(ge=1 / DAYS_PER_WEEK, le=5200)]
    """How long everybody is followed."""
    visits: Annotated[str | tuple[Annotated[float, Field(ge=0)], ...], BeforeValidator(_read_visits)] = (
        "every 4 weeks"
    )
    """`every 4 weeks` or a list of weeks; enrollment and the end are always visits."""
    arms: Annotated[tuple[Arm, ...], Field(min_length=1)]
    """What is compared; the same patients live through every arm."""
    endpoints: Literal["all"] | tuple[str, ...] = "all"
    """Names of the endpoints to compute, or all."""
    resolution: Literal["adaptive", "every day"] = "adaptive"
    """Simulate as many days as each patient needs, or every day."""
    background_mortality: bool = False
    """Whether people also die as others of their age and sex do."""
    stored_traces: StoredTraces = StoredTraces()
    """Whose glucose traces are kept."""
    trial: TrialSpec | None = None
    """How a trial of the arms is run and analyzed; see `insulae design`."""
    reported: tuple[Reported, ...] = ()
    """Published values to hold the results against."""
    notes: tuple[str, ...] = ()
    """What the study leaves open; shown in the report."""

    @field_validator("arms")
    @classmethod
    def _inherited_starts(cls, given: tuple[Arm, ...], info: ValidationInfo) -> tuple[Arm, ...]:
        population = info.data.get("population")
        kinds = {spec.kind for spec in population.treatment} if population else set[str]()
        return tuple(
            arm.model_copy(update={"therapies": _established(arm.therapies, kinds)}) for arm in given
        )

    def visit_days(self) -> list[int]:
        """Return the days of all visits; enrollment and the horizon are always among them."""
        last = round(self.horizon * DAYS_PER_WEEK)
        if isinstance(self.visits, str):
            interval = quantity(self.visits.strip().removeprefix("every"), "day")
            days = [round(interval * i) for i in range(1 + int(last / interval))]
        else:
            days = [round(week * DAYS_PER_WEEK) for week in self.visits]
        return sorted({0, last, *(day for day in days if day <= last)})

    def stored_days(self) -> list[int]:
        """Return the days of the visits before which traces are kept."""
        days = self.visit_days()
        weeks = self.stored_traces.weeks
        wanted = {days[0], days[-1]} if weeks is None else {round(week * DAYS_PER_WEEK) for week in weeks}
        return [day for day in days if day in wanted]

    def endpoint_names(self) -> list[str]:
        """Return the names of the endpoints to compute, in alphabetical order."""
        if self.endpoints == "all":
            return [member.name for member in endpoints.catalogue()]
        return sorted(self.endpoints)

    def to_plain(self) -> dict[str, Any]:
        """Return the study as plain data that reads back as the same study."""
        return self.model_dump(mode="json", exclude_none=True)
