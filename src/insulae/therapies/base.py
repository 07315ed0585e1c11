"""The contract of a therapy: a spec holds what the study file asks for, a treatment what each patient gets.

`TherapySpec.build(enrolled) -> Treatment`; `Treatment.effects(day) -> Effects`; after each contact with the
clinic `Treatment.after(observed) -> Treatment`, a new treatment with changed doses. All arrays are numpy,
[patient].
"""

import dataclasses
import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from insulae.core.clock import DAYS_PER_WEEK
from insulae.core.described import Described
from insulae.core.errors import TableError, UnknownName
from insulae.core.parameters import component_of, declared, table
from insulae.core.quantities import Days
from insulae.core.registry import Family, nearest
from insulae.core.therapy_folders import therapy_folders
from insulae.physiology.effects import Effects

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Enrolled:
    """What a therapy may know at enrollment; `draw(name)` samples a row of the parameter table.

    Age and duration in years, height in m, weight in kg, HbA1c in %, eGFR in mL/min/1.73 m2, glucose in
    mg/dL, carbohydrate in g/d, doses in U/d and U/g.
    """

    age: Floats
    male: Floats
    duration: Floats
    height: Floats
    weight: Floats
    hba1c: Floats
    egfr: Floats
    carbohydrate: Floats
    basal_dose: Floats
    bolus_per_carbohydrate: Floats
    fasting_glucose: Floats
    daytime_glucose: Floats
    draw: Callable[[str], Floats]

    @property
    def size(self) -> int:
        """Number of patients."""
        return len(self.weight)


@dataclasses.dataclass(frozen=True)
class Observed:
    """What the clinic has measured by a contact; recent values are means over about the last week.

    `hba1c` is the value of the last visit (%); glucose in mg/dL, fasting C-peptide in pmol/L; `body_weight`
    in kg, `egfr` in mL/min/1.73 m2; `days_off_insulin` is infinite for who never took it.
    """

    day: float
    is_visit: bool
    fasting_glucose: Floats
    daytime_glucose: Floats
    lowest_glucose: Floats
    fasting_c_peptide: Floats
    hba1c: Floats
    body_weight: Floats
    egfr: Floats
    days_off_insulin: Floats


Risks = Mapping[str, Floats]
"""Of each adverse event, by its name in `tables/adverse_events.csv`: one number per patient."""


@dataclasses.dataclass(frozen=True)
class Treatment(ABC):
    """What each patient gets; `sort` is insulin, tablet (any other glucose-lowering drug) or other."""

    sort: ClassVar[str] = "other"

    def parts(self) -> "tuple[Treatment, ...]":
        """Return the treatments it is made of; a policy or a combination names several."""
        return (self,)

    def hazards(self, day: float) -> Risks:
        """Return how many of each adverse event to expect per patient-year at the exposure of a day."""
        return {}

    def procedures(self, day: float) -> Risks:
        """Return the probability of each adverse event of a procedure done on that very day."""
        return {}

    @abstractmethod
    def effects(self, day: float) -> Effects:
        """Return what the treatment does to the body on a day."""

    def after(self, observed: Observed) -> "Treatment":
        """Return the treatment as changed at a contact with the clinic; by default unchanged."""
        return self

    @abstractmethod
    def is_taken(self, day: float) -> Flags:
        """Tell who takes it on a day."""

    def event_days(self) -> list[float]:
        """Return days after which the body changes fast, so that the calendar steps finely there."""
        return []

    def longest_step(self) -> int:
        """Return how many days one simulated day may stand for at most.

        Fewer than a week where days differ much and doses follow them: of few days, chance steers more.
        """
        return DAYS_PER_WEEK


FAMILIES = {
    "cells": "Cells and organs that make insulin, and genes that make cells do so",
    "protection": "What protects such cells, or the patient's own, from the immune system",
    "insulin": "Insulin from outside",
    "drugs": "Other drugs that lower glucose",
    "lifestyle and surgery": "Changes of diet and operations",
    "policy": "Rules that choose among the others",
}
"""The families of the catalogue, in its order, with a line on each."""


class TherapySpec(Described, ABC):
    """What the study file says of a therapy; `family` is one of FAMILIES and has no default.

    A docstring below a field is its description in the catalogue and in the schema of study files.
    """

    family: ClassVar[str]
    kind: str
    """Which therapy this is."""
    start: Days = 0.0
    """First day, counted from enrollment; negative for what was begun before."""

    @abstractmethod
    def build(self, enrolled: Enrolled) -> Treatment:
        """Return the treatment of each patient."""


def drawn(cls: type, enrolled: Enrolled) -> Any:
    """Fill a therapy's parameter record with values drawn for each patient."""
    return cls(**{name.rsplit(".", 1)[1]: enrolled.draw(name) for name in declared(cls)})


def exposure(day: float, start: float | Floats, stop: Floats, onset: Floats) -> Floats:
    """Return the share of a drug's full effect: first-order rise from `start` and fall from `stop`."""
    rise = 1 - np.exp(-np.maximum(np.minimum(day, stop) - start, 0) / onset)
    return (rise * np.exp(-np.maximum(day - stop, 0) / onset)).astype(np.float32)


LONG_AGO = -3650.0
"""Start day of what a patient has long been on at enrollment."""

family: Family[type[TherapySpec]] = Family("therapy")
Spec = TypeVar("Spec", bound=TherapySpec)


def register(cls: type[Spec]) -> type[Spec]:
    """Add a therapy to the catalogue under its kind; raises `UnknownName` without a family of FAMILIES."""
    kind, stated = cls.model_fields["kind"].default, getattr(cls, "family", "")
    if stated not in FAMILIES:
        where = f"the therapy '{kind}' ({cls.__module__})"
        raise UnknownName(f"{where} states no family of the catalogue: '{stated}'", nearest(stated, FAMILIES))
    family.add(kind, cls)
    return cls


def load_all() -> Family[type[TherapySpec]]:
    """Import every module of this folder and of folders of the user, and return the family they register in.

    Raises `TableError` where a user's module takes the name of another or does not go with its table.
    """
    package = importlib.import_module("insulae.therapies")
    for folder in therapy_folders():
        if str(folder) not in package.__path__:
            package.__path__.append(str(folder))
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"insulae.therapies.{module.name}")
    for folder in therapy_folders():
        for module in pkgutil.iter_modules([str(folder)]):
            _check(folder, importlib.import_module(f"insulae.therapies.{module.name}"))
    return family


def _check(folder: Path, module: ModuleType) -> None:
    """Raise `TableError` where a module of a user hides another, or declares what its table does not hold."""
    if Path(str(module.__file__)).parent != folder:
        raise TableError(f"{folder} holds a module whose name is taken: {module.__file__}", "Rename it")
    wanted = declared(module.Parameters) if hasattr(module, "Parameters") else {}
    units = {name: row.unit for (name, _), row in table().items()}
    for name, unit in wanted.items():
        if units.get(name) != unit:
            found = f"has the unit {units[name]}" if name in units else "has no row"
            raise TableError(f"{folder / 'parameters.csv'}: '{name}' {found}", f"Declared in '{unit}'")


def parameter_classes() -> list[type]:
    """Return the parameter record of every therapy, for the table test and the catalogue."""
    modules = {importlib.import_module(spec.__module__) for _, spec in load_all().items()}
    modules.add(importlib.import_module("insulae.therapies.tablet"))
    found = [m.Parameters for m in modules if hasattr(m, "Parameters")]
    return sorted(found, key=component_of)
