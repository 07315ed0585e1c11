"""One person for a digital twin: the patient file, and the person's data files as experiments.

A patient file says who it is and names the data; the same words as in a study:

    name: anna
    phenotype: type2
    patient: {age: 57 years, sex: female, height: 169 cm, weight: 67 kg, hba1c: 7.1 %}
    treatment: [{kind: metformin}]
    data: [meal_test.csv, sensor.csv]

Data are the tidy tables and sensor files that `insulae.patient_data` reads. A test is found by the glucose
load, the carbohydrate of a mixed meal, or the insulin infused; sensor glucose by days.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError

from insulae.core.clock import MINUTES_PER_DAY, MINUTES_PER_HOUR
from insulae.core.errors import InvalidStudy
from insulae.core.parameters import value
from insulae.inference import experiments as e
from insulae.inference.evidence import Experiment, Series
from insulae.inference.measurement_error import error_table
from insulae.inference.person import Known
from insulae.inference.prior import believed
from insulae.inference.sensor_days import Diary, sensor_days, usual_day
from insulae.patient_data.cleaning import without_duplicates
from insulae.patient_data.quantities import WORDS
from insulae.patient_data.read import read
from insulae.patient_data.sensor_formats.raw_file import Options
from insulae.patient_data.table import PatientTable, combined
from insulae.populations.patient import ClinicNumbers
from insulae.study.load import parse, sentences
from insulae.study.ranges import Range
from insulae.study.spec import Patient, Population, Spec

MEASURED = ("hba1c", "fasting_glucose", "fasting_c_peptide")
"""Numbers of the patient that are evidence, not known beforehand."""
NEEDED = ("age", "male", "height")
BEFORE, LONGEST_TEST = 30.0, 360.0
"""Minutes around the start of a test that belong to it."""
LONGEST_UNKNOWN = float(MINUTES_PER_DAY)
"""Minutes before the first rate of a pump at which it is taken to have run at that rate."""
USUAL_GLUCOSE = 120.0
"""Where an ordinary day begins (mg/dL); the night before forgets it."""
IN_TESTS = ("glucose", "insulin", "c_peptide")
SAME_PERSON = {"age": ("age", 1.0, 5.0), "male": ("sex", 1.0, 0.5), "height": ("height", 100.0, 5.0)}
"""Trait of a patient, its name in a data file, its unit in that of the file, and by how much the two may
differ in one person (years, cm)."""
KEPT = ("name", "phenotype", "treatment")
"""What a further visit takes from the twin where its file does not say it, beside the patient's traits."""


class PersonFile(Spec):
    """One person: who, what is known, the treatment while measured, and the data files."""

    name: str
    """How the person is called on the page."""
    phenotype: Literal["healthy", "prediabetes", "type1", "type2"]
    """Which people of the parameter table are believed in before the data."""
    patient: Patient
    """What the clinic knows; age, sex, height and weight are needed."""
    treatment: tuple[Any, ...] = ()
    """What the person took while measured, as in a study."""
    data: tuple[str, ...] = ()
    """Files beside this one."""
    time_zone: str | None = None
    """Where the person lived (Europe/Berlin), for files in UTC or across a change of the clock."""
    unit: Literal["mg/dL", "mmol/L"] | None = None
    """Unit of glucose, where a file does not say."""
    dates: Literal["day-first", "month-first"] | None = None
    """Order of day and month, where a file leaves it open."""
    person: str | None = None
    """Which person of a file that holds several."""
    seed: int = 20260101
    """The same seed gives the same twin."""


@dataclasses.dataclass(frozen=True)
class Person:
    """A person ready to be fitted: the file, clinic numbers of the prior, therapies, data tables."""

    file: PersonFile
    numbers: ClinicNumbers
    treatment: tuple[Any, ...]
    tables: tuple[PatientTable, ...]


def load_person(path: Path, more: Sequence[Path] = (), known: Mapping[str, Any] | None = None) -> Person:
    """Return the person of a file with its data and further files; raises `InvalidStudy`, `InvalidData`.

    `known` is what a twin keeps of the person: a further visit need not say it again.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidStudy(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    content = parse(text, str(path))
    if not isinstance(content, dict):
        raise InvalidStudy(f"{path}: a person is a list of 'field: value' lines")
    content = content if known is None else _as_known(content, known)
    try:
        file = PersonFile.model_validate(content)
        population = Population.model_validate(
            {"phenotype": file.phenotype, "size": 1, "treatment": file.treatment}
        )
    except ValidationError as error:
        raise InvalidStudy(sentences(error, content, PersonFile)) from error
    options = Options(file.unit, None if file.dates is None else file.dates == "day-first", file.person)
    files = [path.parent / name for name in file.data] + list(more)
    tables = tuple(read(one, file.time_zone, options) for one in files)
    numbers = _numbers(file, population)
    for table in tables:
        _check_person(table, numbers)
    return Person(file, numbers, population.treatment, tables)


def _as_known(content: dict[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return a visit's file with what its twin knows, less what was evidence before."""
    traits = {name: value for name, value in known["patient"].items() if name not in MEASURED}
    said = content.get("patient") or {}
    patient = traits | said if isinstance(said, dict) else said
    return {name: known[name] for name in KEPT} | content | {"patient": patient}


def _check_person(table: PatientTable, numbers: ClinicNumbers) -> None:
    """Raise `InvalidStudy` where a data file tells of somebody else than the patient file."""
    for trait, (name, per_unit, most) in SAME_PERSON.items():
        told, given = table.number(name), per_unit * numbers.given[trait][0]
        if told is not None and abs(told - given) > most:
            words = WORDS.get(name)
            one, other = (words[int(v)] if words else f"{v:g}" for v in (told, given))
            raise InvalidStudy(
                f"{table.source}: {name} is {one}, in the patient file {other}",
                "Expected data of the same person",
            )


def _numbers(file: PersonFile, population: Population) -> ClinicNumbers:
    given = file.patient.given()
    missing = [n for n in NEEDED if n not in given]
    if "weight" not in given and "bmi" not in given:
        missing.append("weight")
    if missing:
        shown = ", ".join("sex" if n == "male" else n for n in missing)
        raise InvalidStudy(f"patient: {shown} is missing", "A twin needs age, sex, height and weight")
    wide = [n for n, (low, high) in given.items() if low != high]
    if wide:
        raise InvalidStudy(f"patient: {', '.join(wide)} is a range", "Expected one number of one person")
    kept: dict[str, Range] = {n: v for n, v in given.items() if n not in MEASURED}
    return ClinicNumbers(file.phenotype, kept, tuple(spec.kind for spec in population.treatment))


def known_of(person: Person) -> tuple[Known, Any]:
    """Return what is not fitted and the prior."""
    return believed(person.numbers, person.treatment, person.file.seed)


def experiments_of(person: Person, known: Known) -> list[Experiment]:
    """Return everything that was measured, shared rows once; raises `InvalidStudy` where nothing was."""
    found = _clinic(person, known)
    dated = [table for table in person.tables if table.first_day is not None]
    tables = [t for t in person.tables if t.first_day is None] + ([combined(dated)] if dated else [])
    for table in map(without_duplicates, tables):
        found += _tests(table, known) + _days(table, known)
        found += _laboratory(table, person, known)
    if not found:
        raise InvalidStudy(
            f"{person.file.name}: no measurement that a twin can be fitted to",
            "Expected a glucose or meal test, a clamp, a day of sensor glucose, HbA1c or fasting values",
        )
    return found


def _weight(known: Known) -> float:
    return float(known.signals.metabolic_weight)


def _clinic(person: Person, known: Known) -> list[Experiment]:
    """Return what the patient file gives: HbA1c on an ordinary day, fasting values after a night."""
    given = {n: low for n, (low, _) in person.file.patient.given().items()}
    found = [_glycated(given["hba1c"], person, known)] if "hba1c" in given else []
    names = {"fasting_glucose": "glucose", "fasting_c_peptide": "c_peptide"}
    series = [Series(q, np.zeros(1), np.array([given[n]])) for n, q in names.items() if n in given]
    if series:
        begun = given.get("fasting_glucose", USUAL_GLUCOSE)
        found.append(Experiment("fasting", e.night(), begun, tuple(series)))
    return found


def _glycated(hba1c: float, person: Person, known: Known) -> Experiment:
    """Return the ordinary day behind an HbA1c, with the daily insulin that the file gives."""
    dose = person.numbers.given.get("insulin_dose", (0.0, 0.0))[0]
    kinds = person.numbers.treatment
    basal = dose * (value("traits.basal_share", person.file.phenotype) if "basal_bolus" in kinds else 1.0)
    hours = [value(f"meals.{meal}_hour") * 60 for meal in ("breakfast", "lunch", "dinner")]
    rapid = [(hour, (dose - basal) / len(hours)) for hour in hours]
    long = [(value("pen.basal_hour") * 60, basal)]
    kept = [np.array([d for d in doses if d[1] > 0]).reshape(-1, 2) for doses in (rapid, long)]
    return usual_day(hba1c, USUAL_GLUCOSE, _weight(known), kept[0], kept[1])


def _laboratory(table: PatientTable, person: Person, known: Known) -> list[Experiment]:
    values = table.series("hba1c").value
    if not len(values) or person.file.patient.hba1c is not None:
        return []
    return [_glycated(float(values[-1]), person, known)]


def _tests(table: PatientTable, known: Known) -> list[Experiment]:
    """Return glucose drinks, mixed meals and clamps by what starts them."""
    found: list[Experiment] = []
    for minute, grams in zip(*table.series("glucose_load")[:2], strict=True):
        found.append(_oral("glucose test", table, minute, (grams, e.oral_test)))
    for minute in table.series("mixed_meal").minute:
        eaten = table.series("carbohydrate")
        grams = eaten.value[np.abs(eaten.minute - minute) <= BEFORE]
        if len(grams) != 1:
            raise InvalidStudy(
                f"{table.source}: the mixed meal at minute {minute:g} has {len(grams)} rows of carbohydrate",
                "Expected one row 'carbohydrate' in g at the same time",
            )
        found.append(_oral("meal test", table, minute, (float(grams[0]), e.mixed_meal_test)))
    if table.has("glucose_infusion"):
        found.append(_clamp(table, known))
    return found


def _within(table: PatientTable, start: float) -> dict[str, tuple[Any, Any]]:
    """Return minutes since a start and values of what was measured in a test; before it counts as fasting."""
    found: dict[str, tuple[Any, Any]] = {}
    for name in IN_TESTS:
        series = table.series(name)
        near = (series.minute >= start - BEFORE) & (series.minute <= start + LONGEST_TEST)
        if near.any():
            found[name] = (np.maximum(series.minute[near] - start, 0.0), series.value[near])
    return found


def _oral(
    name: str, table: PatientTable, start: float, drunk: tuple[float, Callable[[float, float], e.Schedule]]
) -> Experiment:
    measured = _within(table, start)
    if not measured:
        raise InvalidStudy(f"{table.source}: nothing was measured in the {name} at minute {start:g}")
    last = max(float(minutes.max()) for minutes, _ in measured.values())
    series = tuple(Series(q, minutes, values) for q, (minutes, values) in measured.items())
    begun = float(measured["glucose"][1][0]) if "glucose" in measured else USUAL_GLUCOSE
    grams, test = drunk
    return Experiment(name, e.joined(e.night(), test(grams, max(last, 60.0))), begun, series)


def _clamp(table: PatientTable, known: Known) -> Experiment:
    infused, glucose = table.series("glucose_infusion"), table.series("glucose")
    if not len(glucose.minute):
        raise InvalidStudy(f"{table.source}: a clamp needs the glucose that was reached")
    start = float(min(infused.minute.min(), glucose.minute.min()))
    last = float(max(infused.minute.max(), glucose.minute.max())) - start
    steps = np.arange(int(np.ceil(last / e.CLAMP_STEP_MINUTES))) * e.CLAMP_STEP_MINUTES
    given = table.series("insulin_infusion")
    place = np.searchsorted(given.minute - start, steps, side="right") - 1
    rates = np.concatenate([given.value, [0.0]])[place]
    per_unit = e.insulin_infusion(e.CLAMP_STEP_MINUTES, 0.0, 1.0, float(known.surface), _weight(known))
    schedule = e.clamp(last, glucose.minute - start, glucose.value, rates * per_unit[0])
    measured = {n: v for n, v in _within(table, start).items() if n != "glucose"}
    series = [Series(q, minutes, values) for q, (minutes, values) in measured.items()]
    series.append(Series("infusion", infused.minute - start, infused.value))
    return Experiment("clamp", e.joined(e.night(), schedule), float(glucose.value[0]), tuple(series))


def _days(table: PatientTable, known: Known) -> list[Experiment]:
    """Return the whole days of sensor glucose."""
    sensor = table.series("glucose_sensor")
    if not len(sensor.minute):
        return []
    if table.has("insulin_injected"):
        raise InvalidStudy(
            f"{table.source}: insulin_injected does not say which insulin it was",
            "Expected insulin_rapid or insulin_long in U with their times",
        )
    diary = Diary(
        glucose=_pairs(table, "glucose_sensor"),
        meals=_pairs(table, "carbohydrate"),
        rapid=_pairs(table, "insulin_rapid"),
        long=_pairs(table, "insulin_long"),
        pump=_basal_rates(table, float(sensor.minute[0])),
    )
    first, last = (int(m // MINUTES_PER_DAY) for m in (sensor.minute[0], sensor.minute[-1]))
    return sensor_days(diary, range(first, last + 1), _weight(known), error_table())


def _basal_rates(table: PatientTable, first: float) -> Any:
    """Return the rates of a pump, the first of them from the beginning of the record on.

    Raises `InvalidStudy` when the record begins long before the first rate.
    """
    rates = _pairs(table, "insulin_basal_rate")
    if len(rates) and rates[0, 0] - first > LONGEST_UNKNOWN:
        hours, most = (x / MINUTES_PER_HOUR for x in (rates[0, 0] - first, LONGEST_UNKNOWN))
        raise InvalidStudy(
            f"{table.source}: sensor glucose begins {hours:.0f} hours before the first insulin_basal_rate",
            f"Expected a rate within {most:.0f} hours, or sensor glucose from then on",
        )
    if len(rates):
        rates[0, 0] = min(rates[0, 0], first - MINUTES_PER_DAY)
    return rates


def _pairs(table: PatientTable, name: str) -> Any:
    series = table.series(name)
    return np.stack([series.minute, series.value], axis=1)
