"""What an endpoint is: a function of named fields of a visit, with unit, label, direction and source.

Every module of this folder is a family; being in the folder registers its endpoints under the names of the
functions.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from functools import cache, cached_property, reduce
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from insulae.cgm.readings import Readings
from insulae.core.errors import InsulaeError, UnknownName
from insulae.core.registry import Family, nearest

Floats = NDArray[np.floating[Any]]
Better = Literal["higher", "lower", "none"]
Kind = Literal["number", "yes_no", "event_week"]
Function = TypeVar("Function", bound=Callable[..., Any])

MEAL_TEST_MINUTES = (0, 30, 60, 90, 120)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What is measured in every patient at one visit; first axis = patient, missing values are NaN.

    The CGM window (normally 14 days) ends at the visit. Masses and functions are relative to a healthy
    reference. The drink of glucose is given only where an endpoint that is asked for reads it.
    """

    week: float  # since enrollment; day 0 is the day of the main treatment
    glucose: Floats  # [patient, time] interstitial, mg/dL, every 5 minutes of the window
    insulin_dose: Floats  # [patient, day] injected, U/d, each day of the window
    fasting_glucose: Floats  # [patient] mg/dL, mean of the window as one test reads it
    fasting_glucose_again: Floats  # [patient] mg/dL, read by a second test
    hba1c: Floats  # [patient] %, measured
    meal_test_c_peptide: Floats  # [patient, 5] pmol/L at the minutes of MEAL_TEST_MINUTES
    meal_test_glucose: Floats  # [patient, 5] mg/dL
    native_mass: Floats  # [patient] dimensionless
    graft_mass: Floats  # [patient] dimensionless
    graft_function: Floats  # [patient] dimensionless
    egfr: Floats  # [patient] mL/min/1.73 m2
    body_weight: Floats  # [patient] kg
    days_off_insulin: Floats  # [patient] consecutive days up to the visit; inf if never on insulin
    days_off_drugs: Floats  # [patient] since the last glucose-lowering drug of any kind; 0 while on any
    insulin_stopped_week: Floats  # [patient] start of the present insulin-free time; inf when not stopped
    first_tablet_stopped_week: Floats  # [patient] inf when not stopped
    last_tablet_stopped_week: Floats  # [patient] inf when not stopped
    enrolled_hba1c: Floats = field(default_factory=lambda: np.array(np.nan))  # [patient] %
    enrolled_weight: Floats = field(default_factory=lambda: np.array(np.nan))  # [patient] kg
    serious_events: Floats  # [patient] serious adverse events since enrollment
    severe_hypoglycemias: Floats  # [patient] episodes of level 3 since enrollment
    antibody_panel: Floats = field(default_factory=lambda: np.array(np.nan))  # [patient] share of a panel
    two_hour_glucose: Floats = field(default_factory=lambda: np.array(np.nan))  # [patient] mg/dL, 75-g drink
    two_hour_glucose_again: Floats = field(default_factory=lambda: np.array(np.nan))  # [patient] second drink

    @cached_property
    def readings(self) -> Readings:
        """The glucose of the window, for endpoints of `insulae.cgm`, which share their work through it."""
        return Readings.of(self.glucose)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One endpoint: its function, the fields of the visit it reads, and how its result is to be read.

    kind: `number`; `yes_no`, a patient has 100 or 0 percent; `event_week`, infinite when the event has not
    happened.
    source: key in `tables/references.bib` of the paper that defines or validated the measure.
    cdisc: the CDISC test code where the controlled terminology has one.
    """

    name: str
    family: str
    label: str
    unit: str
    better: Better
    kind: Kind
    source: str
    cdisc: str | None
    inputs: tuple[str, ...]
    function: Callable[..., Any]

    def __call__(self, visit: Visit) -> Floats:
        """Return the value of every patient, [patient]."""
        return np.asarray(self.function(*(getattr(visit, name) for name in self.inputs)), dtype=float)


_ENDPOINTS: Family[Endpoint] = Family("endpoint")
_FIELDS = (*(member.name for member in fields(Visit)), "readings")


def endpoint(
    *,
    unit: str,
    label: str,
    better: Better,
    source: str,
    kind: Kind = "number",
    cdisc: str | None = None,
) -> Callable[[Function], Function]:
    """Register a function of named fields of `Visit` as an endpoint under its own name.

    Raises `UnknownName` at import when a parameter is not a field of `Visit`.
    """

    def register(function: Function) -> Function:
        name, inputs = function.__name__, tuple(inspect.signature(function).parameters)
        for parameter in inputs:
            if parameter not in _FIELDS:
                raise UnknownName(
                    f"the endpoint '{name}' asks for '{parameter}', which a visit does not have",
                    nearest(parameter, _FIELDS),
                )
        _ENDPOINTS.add(
            name,
            Endpoint(
                name=name,
                family=function.__module__.rpartition(".")[2],
                label=label,
                unit=unit,
                better=better,
                kind=kind,
                source=source,
                cdisc=cdisc,
                inputs=inputs,
                function=function,
            ),
        )
        return function

    return register


def percent(condition: NDArray[np.bool_], *used: Floats) -> Floats:
    """Turn a yes/no into 100 or 0 percent; NaN where any of the values it rests on is missing."""
    missing = reduce(np.logical_or, map(np.isnan, used))
    return np.where(missing, np.nan, np.where(condition, 100.0, 0.0))


def get(name: str) -> Endpoint:
    """Return the endpoint of that name; raises `UnknownName` with the nearest valid choice."""
    _import_families()
    return _ENDPOINTS.get(name)


def catalogue() -> list[Endpoint]:
    """Return every endpoint, sorted by name."""
    _import_families()
    return [member for _, member in _ENDPOINTS.items()]


def evaluate(names: Iterable[str], visit: Visit) -> dict[str, Floats]:
    """Compute the named endpoints of one visit; each value is [patient].

    Raises `UnknownName` for a name that is not in the catalogue, before anything is computed, and
    `InsulaeError` when the arrays of the visit do not have the shape an endpoint expects.
    """
    chosen = [get(name) for name in names]
    patients = np.shape(visit.hba1c)
    values = {member.name: member(visit) for member in chosen}
    for name, value in values.items():
        if value.shape != patients:
            raise InsulaeError(
                f"the endpoint '{name}' has shape {value.shape} at a visit of {patients} patients",
                "Every field of a visit has the patients along its first axis",
            )
    return values


@cache
def _import_families() -> None:
    """Import every module of this folder, so that its endpoints are registered."""
    package = importlib.import_module(__name__.rpartition(".")[0])
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
