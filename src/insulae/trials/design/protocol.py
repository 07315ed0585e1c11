"""The `trial:` section of a study file: how a trial of the simulated arms is run and analyzed.

The arms of the study hold what every patient would have under each treatment; a trial replicate shows one of
them for each patient, from enrollment to dropout. Adherence belongs to the therapies of an arm (their field
`adherence`). What a patient has after an intercurrent event, such as rescue or stopped immunosuppression, is
another arm of the study, in which everybody has it from the same week on.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from insulae.core.described import Described
from insulae.core.errors import InvalidQuantity
from insulae.core.quantities import QuantityIn, Weeks
from insulae.core.units import quantity
from insulae.trials.design.designs import Design
from insulae.trials.design.variables import measured, names

Rate = Annotated[float, QuantityIn("1/month", example="8 1/month"), Field(gt=0)]
YearlyShare = Annotated[float, QuantityIn("%/year", example="5 %/year"), Field(ge=0, le=95)]
Share = Annotated[float, QuantityIn("%", example="5 %"), Field(ge=0, le=100)]
Strategy = Literal["treatment_policy", "hypothetical", "composite", "while_on_treatment", "principal_stratum"]
OF_NUMBERS = ("ancova", "mmrm", "jump_to_reference", "copy_increments", "copy_reference")
OF_SHARES = ("difference_of_shares", "logistic", "odds_ratio")
OF_TIMES = ("log_rank", "cox", "survival", "cumulative_incidence", "restricted_mean")
"""Estimators of numbers, of a yes or no, and of the time to an event; the first of each is the default."""
if TYPE_CHECKING:
    Estimator = str
else:
    Estimator = Literal[(*OF_NUMBERS, *OF_SHARES, *OF_TIMES)]
_SCALES = {
    "odds_ratio": "log odds ratio",
    "log_rank": "log hazard ratio",
    "cox": "log hazard ratio",
    "survival": "%",
    "cumulative_incidence": "%",
}
"""Units of effects that are not in the unit of the variable."""
DEATH = "death"
NOTHING_LOST: dict[str, Any] = {
    "dropout": 0.0,
    "departures": (),
    "missing_visits": 0.0,
    "visit_window": 0.0,
}
"""Fields of a trial that loses nobody and sees every visit on its day."""


class Section(Described):
    """A frozen record that refuses fields it does not know."""


class Criterion(Section):
    """A limit on an endpoint, with the unit of the endpoint."""

    endpoint: str
    """Name of the endpoint, as in `insulae show endpoints`."""
    above: Annotated[str, BeforeValidator(str)] | None = None
    """Met above this value."""
    below: Annotated[str, BeforeValidator(str)] | None = None
    """Met below this value."""

    @model_validator(mode="after")
    def _has_one_limit(self) -> "Criterion":
        if (self.above is None) == (self.below is None):
            raise ValueError("a criterion is either above or below a value")
        if self.endpoint in names():
            _in_unit(self.endpoint, str(self.above or self.below))
        return self

    def limit(self) -> tuple[float, float]:
        """Return (1, value) for above and (-1, value) for below, in the unit of the endpoint."""
        text = self.above if self.above is not None else self.below
        return (1.0 if self.above is not None else -1.0), _in_unit(self.endpoint, str(text))


def _in_unit(endpoint: str, text: str) -> float:
    unit = measured(endpoint).unit
    return quantity(text, unit, {"mg/dL": "glucose", "pmol/L": "c_peptide"}.get(unit, ""))


class Enrolment(Section):
    """How fast patients come."""

    rate: Rate
    """Patients a month when all sites are open."""
    sites: Annotated[int, Field(ge=1)] = 1
    """Number of sites."""
    opening: Weeks = 0.0
    """Time until the last site is open; they open evenly over it."""


class Intercurrent(Section):
    """Something after enrollment that changes what a patient of an arm has from a week on."""

    name: Annotated[str, Field(min_length=1)]
    """How estimands call it."""
    arm: str
    """Arm of the study in which it happens."""
    week: Weeks
    """When it happens; a visit."""
    to: str
    """Arm of the study whose values the patient has from then on; the same as `arm` until that week."""
    when: Criterion | None = None
    """Whom it happens to, by a value at that visit; everybody when left out."""
    chance: Share = 100.0
    """Chance that it happens to a patient whom it can happen to."""


class Departure(Section):
    """A rate of dropout that a patient has besides the common one while a value is beyond a limit."""

    when: Criterion
    """The value and its limit."""
    rate: YearlyShare
    """Share of them that leaves within a year for this reason."""
    by: Literal["last visit", "next visit"] = "last visit"
    """Which visit decides: the last one that was seen (missing at random, for an analysis of all visits), or
    the next one, which is then not seen (missing not at random)."""


class Enrichment(Section):
    """Who is enrolled of those who may enter: whom a twin predicts to benefit.

    A twin knows what is measured at enrollment. Its prediction is the benefit that the model expects of a
    patient with these values, learned from other simulated people under both arms, and off by an error of its
    own.
    """

    best: Annotated[Share, Field(gt=0)] | None = None
    """Share of those who may enter with the largest predicted benefit."""
    above: Annotated[str, BeforeValidator(str)] | None = None
    """Or everybody whose predicted benefit is larger than this, in the unit of the endpoint."""
    endpoint: str | None = None
    """Benefit in which endpoint; that of the first estimand when left out."""
    week: Weeks | None = None
    """At which visit; that of the first estimand when left out."""
    control: str | None = None
    """Arm of the study; the first of the design when left out."""
    active: str | None = None
    """Arm of the study whose benefit over the control is predicted; the last of the design when left out."""
    error: Annotated[str, BeforeValidator(str)] | None = None
    """Standard deviation of what a twin errs by besides, in the unit of the endpoint; none when left out."""

    @model_validator(mode="after")
    def _has_one_limit(self) -> "Enrichment":
        if (self.best is None) == (self.above is None):
            raise ValueError("an enrichment takes either the best or those above a value")
        return self

    def amount(self, field: Literal["above", "error"], endpoint: str) -> float:
        """Return a field in the unit of the endpoint; 0 when it is left out."""
        text = getattr(self, field)
        return 0.0 if text is None else _in_unit(endpoint, str(text))


class Prior(Section):
    """What was known of an effect before, as a normal distribution in the unit of the effect."""

    mean: Annotated[str, BeforeValidator(str)] = "0"
    """Mean of the effect, the active arm minus the control; none is expected when left out."""
    deviation: Annotated[str, BeforeValidator(str)]
    """Standard deviation; of a log ratio a number, otherwise with the unit of the effect."""

    def of(self, unit: str) -> tuple[float, float]:
        """Return mean and standard deviation; raises `InvalidQuantity` for a wrong unit or no spread."""
        mean, deviation = (
            float(text) if unit.startswith("log") or text == "0" else quantity(text, unit)
            for text in (self.mean, self.deviation)
        )
        if not deviation > 0:
            raise InvalidQuantity("the standard deviation of a prior must be above 0")
        return mean, deviation


class Multiplicity(Section):
    """A graphical procedure over the estimands, in their order; it keeps the error of any false success."""

    weights: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    """Part of alpha of each estimand; they sum to at most 1."""
    graph: tuple[tuple[Annotated[float, Field(ge=0, le=1)], ...], ...]
    """Row for each estimand: the parts of its alpha that a success hands on to each other one."""


class Estimand(Section):
    """What is to be estimated (ICH E9(R1)): population, variable, intercurrent events, summary."""

    name: Annotated[str, Field(min_length=1)]
    """Its name in tables."""
    endpoint: str
    """The variable: name of an endpoint; also weeks_to_death, weeks_to_serious_event and
    weeks_to_severe_hypoglycemia."""
    week: Weeks
    """The visit of the variable; of the time to an event, the visit up to which it is watched."""
    strategies: dict[str, Strategy] = {}  # noqa: RUF012 (pydantic copies it)
    """Strategy for each intercurrent event by its name; treatment_policy when left out. For `death`:
    composite for a yes-or-no endpoint, otherwise while_on_treatment (the last value alive)."""
    better: Literal["higher", "lower"] | None = None
    """Which way is better; that of the endpoint when left out. Needed where it has none, as body weight."""
    failure: Annotated[str, BeforeValidator(str)] | None = None
    """Value that counts as failure under a composite strategy; no (0 %) for a yes-or-no endpoint."""
    estimator: Estimator | None = None
    """How it is estimated; when left out, ancova for a number, difference_of_shares for a yes or no, log_rank
    for the time to an event."""
    population: tuple[Criterion, ...] = ()
    """Who counts, by values at enrollment; all randomized when left out."""
    covariates: tuple[str, ...] = ()
    """Endpoints whose values at enrollment the model adjusts for, besides those of the strata and its own
    (ancova, mmrm, imputations, logistic, odds_ratio, cox)."""
    prior: Prior | None = None
    """Makes the analysis Bayesian: the estimate is combined with it, the interval is credible, and success
    needs a posterior probability of benefit above 1 - alpha/2. None: the analysis is that of the estimator
    alone."""

    def is_yes_no(self) -> bool:
        """Tell whether the variable is a yes or no."""
        return measured(self.endpoint).kind == "yes_no"

    def is_time(self) -> bool:
        """Tell whether the variable is the time to an event."""
        return measured(self.endpoint).is_time

    def possible_estimators(self) -> tuple[str, ...]:
        """Return the estimators that suit the variable, the default first."""
        return OF_TIMES if self.is_time() else OF_SHARES if self.is_yes_no() else OF_NUMBERS

    def chosen_estimator(self) -> str:
        """Return the estimator, also when the file leaves it out."""
        return self.estimator or self.possible_estimators()[0]

    def unit(self) -> str:
        """Return the unit of the effect that is estimated."""
        return _SCALES.get(self.chosen_estimator(), measured(self.endpoint).unit)

    def direction(self) -> float:
        """Return 1 when a larger effect is better, -1 when a smaller one is."""
        better = -1.0 if (self.better or measured(self.endpoint).better) == "lower" else 1.0
        counts_events = self.is_time() and self.chosen_estimator() in _SCALES
        return -better if counts_events else better

    def strategy(self, event: str) -> str:
        """Return the strategy for an intercurrent event."""
        default = "treatment_policy"
        if event == DEATH:
            default = "composite" if self.is_yes_no() else "while_on_treatment"
        return self.strategies.get(event, default)

    def failure_value(self) -> float:
        """Return the value of a failure in the unit of the endpoint."""
        if self.failure is not None:
            return _in_unit(self.endpoint, self.failure)
        if not self.is_yes_no() and not self.is_time():
            raise ValueError(f"the estimand '{self.name}' needs a 'failure' for its composite strategy")
        if self.is_time():
            return float("inf")
        return 0.0 if measured(self.endpoint).better == "higher" else 100.0


class Replicates(Section):
    """How many trials are simulated."""

    most: Annotated[int, Field(ge=20, le=1_000_000)] = 1000
    """At most so many."""
    error: Share = 0.0
    """Stop when the Monte Carlo standard error of the power is this small; 0: never before the most."""


class Search(Section):
    """Which sizes are tried for the power curve and the smallest size with enough power."""

    sizes: tuple[Annotated[int, Field(ge=4)], ...]
    """Numbers of patients, all arms together."""
    power: Share = 90.0
    """Power that is wanted."""


class TrialSpec(Section):
    """A trial of the simulated patients, run many times."""

    design: Design
    """What kind of trial."""
    enrolment: Enrolment
    """How fast patients come."""
    eligibility: tuple[Criterion, ...] = ()
    """Who can enter, by values at enrollment; enrichment by a biomarker is such a criterion."""
    enrichment: Enrichment | None = None
    """Who of these is enrolled by the benefit that a twin predicts; all when left out."""
    missing_visits: Share = 0.0
    """Chance that a visit is missed."""
    visit_window: Annotated[float, QuantityIn("day", example="7 days"), Field(ge=0)] = 0.0
    """Visits fall evenly up to so many days before or after their day."""
    dropout: YearlyShare = 0.0
    """Share that leaves within a year, the same at all times; their later values are missing."""
    departures: tuple[Departure, ...] = ()
    """Dropout that depends on how a patient fares, besides the common one."""
    intercurrent: tuple[Intercurrent, ...] = ()
    """What happens after enrollment and changes what patients have."""
    estimands: Annotated[tuple[Estimand, ...], Field(min_length=1)]
    """What is estimated; the first is the primary one."""
    alpha: Share = 5.0
    """Two-sided error of the primary analysis."""
    multiplicity: Multiplicity | None = None
    """How the estimands share alpha; each is judged at full alpha when left out."""
    replicates: Replicates = Replicates()
    """How many trials are simulated."""
    search: Search | None = None
    """Sizes to try."""

    @property
    def primary(self) -> Estimand:
        """The first estimand."""
        return self.estimands[0]

    def endpoint_names(self) -> set[str]:
        """Return every endpoint the trial looks at."""
        criteria = [*self.eligibility, *(e.when for e in self.intercurrent if e.when)]
        criteria += [c for e in self.estimands for c in e.population] + [d.when for d in self.departures]
        named = {c.endpoint for c in criteria} | {e.endpoint for e in self.estimands}
        named |= {name for e in self.estimands for name in e.covariates}
        if self.enrichment and self.enrichment.endpoint:
            named.add(self.enrichment.endpoint)
        return named | self.design.endpoint_names()

    def events_of(self, arm: str) -> list[Intercurrent]:
        """Return the intercurrent events of an arm in their order in time."""
        return sorted((e for e in self.intercurrent if e.arm == arm), key=lambda e: e.week)

    def model_post_init(self, context: Any) -> None:
        """Refuse estimands whose composite strategy has no value of failure."""
        for estimand in self.estimands:
            events = [e.name for e in self.intercurrent] + [DEATH]
            is_known = estimand.endpoint in names()
            if is_known and any(estimand.strategy(event) == "composite" for event in events):
                estimand.failure_value()
