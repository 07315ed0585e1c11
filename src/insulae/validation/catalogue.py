"""The folder of published studies: `studies.csv`, `excluded.csv`, `acceptance.csv`, `lacks.csv`, the studies.

A study's folder holds `study.yaml`, an ordinary study file, and `observed.csv`: what was published, a row for
each number, in the columns of the evidence and five more that say how it is used:

    role      calibration (it entered a fit or a parameter of the model) or validation
    arms      the simulated arm; several are pooled with ' + '
    against   the arm whose result is subtracted, where a difference was published
    asks      the question to the simulated people, see `questions.py`
    bound     at_least or at_most where the number is a bound
"""

import csv
import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from insulae.core.citations import references
from insulae.core.errors import InsulaeError, InvalidQuantity, UnknownName
from insulae.core.registry import nearest
from insulae.core.units import convert, quantity
from insulae.endpoints import base as endpoints
from insulae.study.load import load
from insulae.study.spec import Study
from insulae.validation import body_tests
from insulae.validation.questions import Question, read

EVIDENCE = (
    *("study_id", "first_author_year", "doi", "population", "n", "arm", "timepoint_weeks", "endpoint"),
    *("statistic", "value", "spread", "spread_kind", "unit", "verified", "source_url", "source_tier", "note"),
)
USE = ("role", "arms", "against", "asks", "bound")
ROLES = ("calibration", "validation")
STATISTICS = ("mean", "median", "percent", "value", "rate", "slope")
BOUNDS = ("", "at_least", "at_most")
DOMAINS = (
    *("natural history", "drugs", "weight loss and surgery", "donor islets"),
    *("stem-cell islets", "immunity", "type 1", "physiology"),
)
POOLED = " + "
POINTS = "percentage points"
IN_A_COPY = "Run it in a copy of the repository, or name the folder with --studies"
Row = Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Observed:
    """One published number: what it is, how sure it is, and how it is asked of simulated people."""

    study: str
    row: Mapping[str, str]
    n: int
    week: float
    value: float
    role: str
    is_verified: bool
    arms: tuple[str, ...]
    against: str
    question: Question
    bound: str

    @property
    def statistic(self) -> str:
        """Return what the number is of: mean, median, percent, value, rate."""
        return "mean" if self.row["statistic"] == "slope" else self.row["statistic"]

    @property
    def kind(self) -> str:
        """Return what sort of number it is, by which its band is found."""
        if self.statistic == "percent":
            return "share"
        return "incidence" if self.statistic == "rate" else self.question.kind

    @property
    def counts(self) -> bool:
        """Tell whether it counts in the headline: seen in a source, and never used to set the model."""
        return self.is_verified and self.role == "validation"


@dataclasses.dataclass(frozen=True)
class Published:
    """One published study: where it belongs, its study file and what was observed."""

    name: str
    domain: str
    source: str
    is_smoke: bool
    study: Study
    observed: tuple[Observed, ...]


@dataclasses.dataclass(frozen=True)
class Band:
    """How far a simulated value may be from the observed one and still be called equivalent."""

    width: float
    is_relative: bool
    unit: str
    reason: str

    def around(self, value: float) -> float:
        """Return the width at a value."""
        return self.width / 100 * abs(value) if self.is_relative else self.width


@dataclasses.dataclass(frozen=True)
class Lack:
    """What a part of the model lacks, where a study is missed."""

    part: str
    text: str


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """All published studies by name, the bands by kind of number, and which studies were left out and why.

    `lacks` says of studies that were missed which part of the model is to blame.
    """

    folder: Path
    studies: Mapping[str, Published]
    bands: Mapping[str, Band]
    excluded: Mapping[str, str]
    lacks: Mapping[str, Lack]

    def chosen(self, names: Iterable[str]) -> list[Published]:
        """Return the named studies, all without a name; raises `UnknownName` with the nearest."""
        wanted = list(names) or list(self.studies)
        for name in wanted:
            self.known(name)
        return [self.studies[name] for name in wanted]

    def known(self, name: str) -> Published:
        """Return a study; raises `UnknownName` with the nearest one, or why it is left out."""
        if name in self.excluded:
            raise UnknownName(f"the study '{name}' is not simulated: {self.excluded[name]}")
        if name not in self.studies:
            raise UnknownName(f"unknown study '{name}'", nearest(name, self.studies))
        return self.studies[name]


def rows(path: Path, columns: Iterable[str], hint: str = IN_A_COPY) -> list[dict[str, str]]:
    """Return the rows of a table; raises `InsulaeError` when it cannot be read or lacks a column."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise InsulaeError(f"{path} has no column '{missing[0]}'", f"Expected {', '.join(columns)}")
            return [{key: (value or "").strip() for key, value in row.items()} for row in reader]
    except (OSError, UnicodeDecodeError) as error:
        raise InsulaeError(
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}", hint
        ) from error


def catalogue(folder: Path) -> Catalogue:
    """Read the folder; raises `InsulaeError` that names file, line and the nearest valid choice."""
    kinds = _by_first(folder / "acceptance.csv", ("kind", "band", "reason"))
    listed = _by_first(folder / "studies.csv", ("study_id", "domain", "source", "smoke"))
    excluded = _by_first(folder / "excluded.csv", ("study_id", "reason"))
    lacks = _by_first(folder / "lacks.csv", ("study_id", "part", "lacks"))
    bands = {kind: _band(row) for kind, row in kinds.items()}
    return Catalogue(
        folder,
        {name: _published(folder, row, bands) for name, row in listed.items()},
        bands,
        {name: row["reason"] for name, row in excluded.items()},
        {name: Lack(row["part"], row["lacks"]) for name, row in lacks.items()},
    )


def _by_first(path: Path, columns: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the rows of a table by their first column; raises `InsulaeError` where two rows share it."""
    found: dict[str, dict[str, str]] = {}
    for line, row in enumerate(rows(path, columns), start=2):
        name = row[columns[0]]
        if name in found:
            raise InsulaeError(f"{path}, line {line}: {name} stands there twice", "Expected one row of each")
        found[name] = row
    return found


def _band(row: Row) -> Band:
    number, _, unit = row["band"].partition(" ")
    is_relative = unit == "% of it"
    return Band(float(number), is_relative, "%" if is_relative else unit, row["reason"])


def _published(folder: Path, row: Row, bands: Mapping[str, Band]) -> Published:
    name, path = row["study_id"], folder / row["study_id"] / "observed.csv"
    for field, known in (("domain", DOMAINS), ("source", references())):
        if row[field] not in known:
            raise UnknownName(f"{name}: unknown {field} '{row[field]}'", nearest(row[field], known))
    study = load(folder / name / "study.yaml")
    observed = list[Observed]()
    for line, one in enumerate(rows(path, (*EVIDENCE, *USE)), start=2):
        try:
            observed.append(observation(one, study, bands))
        except (InsulaeError, ValueError) as error:
            raise InsulaeError(f"{path}, line {line}: {error}") from error
    return Published(name, row["domain"], row["source"], row["smoke"] == "yes", study, tuple(observed))


def observation(row: Row, study: Study, bands: Mapping[str, Band]) -> Observed:
    """Read one row against its study and the bands; raises `UnknownName` or `ValueError`."""
    arms = tuple(row["arms"].split(POOLED))
    _choice("arm", [*arms, *([row["against"]] if row["against"] else [])], [a.name for a in study.arms])
    for name, known in (("role", ROLES), ("statistic", STATISTICS), ("bound", BOUNDS)):
        _choice(name, [row[name]], known)
    _choice("value of verified", [row["verified"]], ("yes", "no"))
    question = read(row["asks"])
    _choice("endpoint", question.names(), [*(e.name for e in endpoints.catalogue()), *body_tests.MEASURES])
    n, week = int(row["n"]), float(row["timepoint_weeks"])
    value = in_unit(question, row["value"], row["unit"], row["statistic"])
    if n < 1 or week < 0 or not math.isfinite(value):
        raise ValueError("n must be 1 or more, the week 0 or more, the value a number")
    found = Observed(
        study=row["study_id"],
        row=row,
        n=n,
        week=week,
        value=value,
        role=row["role"],
        is_verified=row["verified"] == "yes",
        arms=arms,
        against=row["against"],
        question=question,
        bound=row["bound"],
    )
    _choice("kind of number in acceptance.csv,", [found.kind], bands)
    return found


def _choice(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    names = list(known)
    for one in given:
        if one not in names:
            raise UnknownName(f"unknown {what} '{one}'", nearest(one, names))


def unit_of(question: Question, statistic: str) -> str:
    """Return the unit in which a question is answered."""
    if statistic == "rate":
        return "per 100 person-years"
    if question.is_condition:
        return "%"
    if question.is_first:
        return "%" if statistic == "percent" else "week"
    term = question.terms[0]
    known = body_tests.MEASURES.get(term.name)
    unit = known.unit if known else endpoints.get(term.name).unit
    if term.how == "percent change":
        return "%"
    return POINTS if term.how and unit == "%" else unit


def in_unit(question: Question, value: str, unit: str, statistic: str) -> float:
    """Return a published number in the unit in which the question is answered.

    Raises `InvalidQuantity` for a value that is no number and a unit that cannot be converted.
    """
    to, number = unit_of(question, statistic), _number(value)
    spelled = unit.removesuffix("/year").replace("%-points", POINTS)
    if spelled == to or (statistic == "rate" and unit == "%/year"):
        return number
    if statistic == "rate":
        raise InvalidQuantity(f"'{unit}' is no unit of a rate", f"Expected {to}")
    if to == POINTS and spelled == "mmol/mol" and question.terms[0].name == "hba1c":
        return convert(number, spelled, "%") - convert(0.0, spelled, "%")
    if POINTS in (to, spelled):
        raise InvalidQuantity(f"'{unit}' cannot be given in {to}", f"Expected {to}")
    substance: Any = {"mg/dL": "glucose", "pmol/L": "c_peptide"}.get(to, "")
    return quantity(f"{value} {spelled}", to, substance)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidQuantity(f"value '{text}' is not a number", "Expected something like -0.8") from None
