"""A manufacturing study as frozen records: the question, the arms, the plant of each, what was reported."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from insulae.core.citations import references
from insulae.core.registry import nearest
from insulae.manufacturing.growth import Freezing
from insulae.manufacturing.making import Process
from insulae.manufacturing.numbers import lookup
from insulae.manufacturing.plant import Equipment, Period
from insulae.manufacturing.release import LABELS
from insulae.manufacturing.sources import Source, family
from insulae.manufacturing.supply import Islets, Liters, usual_volume

LIMITS = tuple(f"{name}_limit" for name in LABELS if name not in ("sterility", "genome"))
Text = Annotated[str, Field(min_length=1)]

JUDGED = (
    "differentiation_days",
    "islets_per_3_liters",
    "progenitors_percent",
    "beta_percent",
    "infused_islets",
    "released_percent",
    "failed_percent",
    "line_success_percent",
    "weeks_to_treatment",
    "cost_per_dose",
)


class Record(BaseModel):
    """A record of the file: frozen, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Plant(Record):
    """What the plant has."""

    isolators: Annotated[int, Field(ge=0, le=10_000)] = 0
    suites: Annotated[int, Field(ge=1, le=1000)]
    reactors: Annotated[int, Field(ge=0, le=1000)] = 0
    operators: Annotated[float, Field(gt=0, le=10_000)]
    testers: Annotated[int, Field(ge=1, le=1000)]

    def equipment(self) -> Equipment:
        """Return the capacities."""
        return Equipment(**self.model_dump())


class Arm(Record):
    """One way to make the cells, with its plant and the patients who come to it in a year."""

    name: Text
    source: str
    target: Islets
    volume: Liters | None = None
    freezing: Freezing = "none"
    bank: Annotated[int, Field(ge=0, le=1000)] = 0
    limits: Mapping[str, float] = {}
    patients_per_year: Annotated[float, Field(gt=0, le=20_000)]
    plant: Plant

    @field_validator("source")
    @classmethod
    def _known_source(cls, name: str) -> str:
        try:
            return family.get(name).name
        except Exception as error:
            raise ValueError(str(error)) from error

    @field_validator("limits")
    @classmethod
    def _known_limits(cls, given: Mapping[str, float]) -> Mapping[str, float]:
        for name, limit in given.items():
            if name not in LIMITS:
                raise ValueError(f"unknown limit '{name}'; {nearest(name, LIMITS)}")
            if limit < 0:
                raise ValueError(f"{name}: {limit:g} is negative")
        return given

    @model_validator(mode="after")
    def _fits(self) -> "Arm":
        cells = self.cells
        if cells.is_pancreas and (self.volume is not None or self.freezing != "none"):
            raise ValueError(f"islets of '{self.source}' are not grown: no volume, and freezing none")
        if not cells.is_pancreas and not self.plant.reactors:
            raise ValueError(f"cells of '{self.source}' need at least one reactor in the plant")
        if cells.is_own and not cells.is_pancreas and not self.plant.isolators:
            raise ValueError(f"lines of '{self.source}' need at least one isolator in the plant")
        return self

    @property
    def cells(self) -> Source:
        """Return the source named."""
        return family.get(self.source)

    def process(self) -> Process:
        """Return how the lots are made."""
        given = self.volume
        volume = given if given is not None else usual_volume(self.cells, self.target)
        return Process(self.cells, self.target, volume, self.freezing, self.bank, dict(self.limits))


class Reported(Record):
    """A published number to hold a result against; `is_benchmark` marks what is shown and not judged."""

    quantity: Literal[JUDGED]  # type: ignore[valid-type]
    arm: Text
    low: float
    high: float
    source: str
    locator: str = ""
    note: str = ""
    is_benchmark: bool = False

    @field_validator("source")
    @classmethod
    def _known_source(cls, key: str) -> str:
        if key and key not in references():
            raise ValueError(f"unknown reference '{key}'; {nearest(key, references()).split('?')[0]}")
        return key


class ManufacturingStudy(Record):
    """A manufacturing study: arms side by side, lots looked at, years and replications of the plant.

    `values` replaces numbers of the table, for every source, in this study alone.
    """

    name: Text
    question: Text
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    lots: Annotated[int, Field(ge=20, le=50_000)] = 1000
    warm_up: Annotated[float, Field(ge=0, le=20)] = 2.0
    years: Annotated[float, Field(gt=0, le=30)] = 3.0
    replications: Annotated[int, Field(ge=2, le=200)] = 10
    values: Mapping[str, float] = {}
    arms: Annotated[tuple[Arm, ...], Field(min_length=1)]
    reported: tuple[Reported, ...] = ()
    notes: tuple[str, ...] = ()

    @field_validator("values")
    @classmethod
    def _known_values(cls, given: Mapping[str, float]) -> Mapping[str, float]:
        for name, number in given.items():
            try:
                row = lookup(name, "allogeneic_bank")
            except Exception as error:
                raise ValueError(str(error)) from error
            if not row.lower <= number <= row.upper:
                raise ValueError(f"{name}: {number:g} is outside {row.lower:g} to {row.upper:g}")
        return given

    @model_validator(mode="after")
    def _names(self) -> "ManufacturingStudy":
        names = [arm.name for arm in self.arms]
        for i, name in enumerate(names):
            if name in names[:i]:
                raise ValueError(f"arms.{i}.name: an arm is already named '{name}'")
        for i, reported in enumerate(self.reported):
            if reported.arm not in names:
                raise ValueError(
                    f"reported.{i}.arm: unknown arm '{reported.arm}'; {nearest(reported.arm, names)}"
                )
            if reported.low > reported.high:
                raise ValueError(f"reported.{i}.low: {reported.low:g} is above {reported.high:g}")
        return self

    def period(self, arm: Arm) -> Period:
        """Return what the plant of an arm lives through."""
        return Period(self.warm_up, self.years, arm.patients_per_year)

    def to_plain(self) -> dict[str, Any]:
        """Return the study as data that JSON and YAML can hold."""
        return self.model_dump(mode="json")
