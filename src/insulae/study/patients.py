"""What a study file can say of its patients: one by one, or together as a trial reports its baseline."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, model_validator

from insulae.core.described import Described
from insulae.core.errors import InvalidQuantity
from insulae.core.registry import nearest
from insulae.core.units import quantity
from insulae.populations import recruitment
from insulae.study.ranges import Range, RangeIn, read_range

TRAITS = {
    "age": RangeIn("year", 1, 100, "59 years"),
    "duration": RangeIn("year", 0, 90, "25 years"),
    "height": RangeIn("m", 0.5, 2.5, "172 cm"),
    "weight": RangeIn("kg", 10, 300, "70 kg"),
    "bmi": RangeIn("kg/m2", 10, 80, "20.5 to 27.5 kg/m2"),
    "hba1c": RangeIn("%", 3, 20, "6.6 %"),
    "fasting_glucose": RangeIn("mg/dL", 30, 600, "7.2 mmol/L", "glucose"),
    "fasting_c_peptide": RangeIn("pmol/L", 0, 10000, "300 pmol/L", "c_peptide"),
    "insulin_dose": RangeIn("U/d", 0, 500, "20 to 30 U/d"),
    "egfr": RangeIn("mL/min/1.73 m2", 1, 200, "80 mL/min/1.73 m2"),
}
"""Unit and limits of each number that is known of a patient."""
ALSO_CALLED = {"c_peptide": "fasting_c_peptide"}
SEVERAL = {"quartiles": ("lower_quartile", "upper_quartile")}
_NUMBER = re.compile(r"[-+]?[\d._]+(?:[eE][-+]?\d+)?")
_CRITERION = re.compile(r"^\s*(\w+)\s+(.+?)\s*$")
_DASH = re.compile(r"(?<=\d)\s*[-–]\s*(?=\d)")
_BOUNDS = {"at least": 0, "at most": 1, ">=": 0, "<=": 1, "≥": 0, "≤": 1}

Age = Annotated[Range, TRAITS["age"]]
Duration = Annotated[Range, TRAITS["duration"]]
Height = Annotated[Range, TRAITS["height"]]
Weight = Annotated[Range, TRAITS["weight"]]
BodyMassIndex = Annotated[Range, TRAITS["bmi"]]
HbA1c = Annotated[Range, TRAITS["hba1c"]]
Glucose = Annotated[Range, TRAITS["fasting_glucose"]]
CPeptide = Annotated[Range, TRAITS["fasting_c_peptide"]]
InsulinDose = Annotated[Range, TRAITS["insulin_dose"]]
FiltrationRate = Annotated[Range, TRAITS["egfr"]]


class Spec(Described):
    """A frozen record that refuses fields it does not know."""


class Patient(Spec):
    """What is known of one patient, or of all patients of a trial; what is missing is sampled."""

    age: Age | None = None
    """Age at enrollment."""
    sex: Literal["male", "female"] | None = None
    """Sex; drawn when left out."""
    duration: Duration | None = None
    """Years since the diagnosis."""
    height: Height | None = None
    """Body height."""
    weight: Weight | None = None
    """Body weight; instead of the body mass index."""
    bmi: BodyMassIndex | None = None
    """Body mass index; instead of the weight."""
    hba1c: HbA1c | None = None
    """HbA1c on the treatment at enrollment; % or mmol/mol."""
    fasting_glucose: Glucose | None = None
    """Plasma glucose before breakfast; mg/dL or mmol/L."""
    fasting_c_peptide: CPeptide | None = None
    """C-peptide before breakfast; pmol/L, nmol/L or ng/mL."""
    insulin_dose: InsulinDose | None = None
    """Insulin injected a day; the treatment at enrollment must hold insulin."""
    egfr: FiltrationRate | None = None
    """Estimated glomerular filtration rate."""

    def given(self) -> dict[str, Range]:
        """Return the known numbers by the names that populations use."""
        numbers = {name: getattr(self, name) for name in type(self).model_fields if name != "sex"}
        known = {name: value for name, value in numbers.items() if value is not None}
        if self.sex is not None:
            known["male"] = (1.0, 1.0) if self.sex == "male" else (0.0, 0.0)
        return known


def _read_statistic(trait: str, statistic: str, text: str) -> tuple[float, ...]:
    """Return the numbers of a statistic in the unit of its trait; raises `ValueError` in words."""
    within = TRAITS[trait]
    try:
        if statistic == "sd":
            nothing = _NUMBER.sub("0", text, count=1)
            spread = quantity(text, within.unit, within.substance)
            return (spread - quantity(nothing, within.unit, within.substance),)
        found = read_range(text, within.unit, within.substance)
    except InvalidQuantity as error:
        raise ValueError(f"{statistic}: {error}") from error
    if found[0] < within.lower or found[1] > within.upper:
        limits = f"{within.lower:g} to {within.upper:g} {within.unit}"
        raise ValueError(f"{statistic}: '{text}' is outside of what can be simulated, {limits}")
    is_range = found[0] < found[1]
    if is_range != (statistic in SEVERAL):
        expected = "one quantity" if is_range else "a range like '3 to 9 years'"
        raise ValueError(f"{statistic}: '{text}' should be {expected}")
    return found if is_range else found[:1]


Text = Annotated[str, BeforeValidator(str)]


class Marginal(Spec):
    """How one number is spread over the patients of a trial, each quantity with its unit."""

    mean: Text | None = None
    """Mean."""
    sd: Text | None = None
    """Standard deviation; it needs the mean."""
    median: Text | None = None
    """Median."""
    quartiles: Text | None = None
    """Lower and upper quartile, `3 to 9 years`; the interquartile range as most trials print it."""

    def targets(self, trait: str) -> tuple[recruitment.Target, ...]:
        """Return the statistics in the unit of a trait; raises `ValueError` for what cannot be meant."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        stated = {name: text for name, text in given.items() if text is not None}
        if not stated:
            raise ValueError("a mean, sd, median or quartiles are needed, like {mean: ..., sd: ...}")
        if "sd" in stated and "mean" not in stated:
            raise ValueError("sd is given without a mean")
        found = {
            one: value
            for name, text in stated.items()
            for one, value in zip(SEVERAL.get(name, (name,)), _read_statistic(trait, name, text), strict=True)
        }
        if found.get("sd", 1) <= 0:
            raise ValueError("sd: must be more than zero; what all patients share belongs into patient")
        return tuple(recruitment.Target(trait, one, value) for one, value in found.items())


def _of(trait: str) -> AfterValidator:
    """Check a marginal against the unit and the limits of its trait."""

    def checked(given: Marginal | None) -> Marginal | None:
        if given is not None:
            given.targets(trait)
        return given

    return AfterValidator(checked)


def _read_share(text: str) -> str:
    try:
        share = quantity(text, "%")
    except InvalidQuantity as error:
        raise ValueError(str(error)) from error
    if not 0 <= share <= 100:
        raise ValueError(f"'{text}' is no share; expected 0 % to 100 %")
    return text


class Baseline(Spec):
    """The baseline of a trial: patients are chosen, none is changed, so that all together show it."""

    male: Annotated[Text, AfterValidator(_read_share)] | None = None
    """Share of men, like `55 %`."""
    age: Annotated[Marginal | None, _of("age")] = None
    """Age at enrollment."""
    duration: Annotated[Marginal | None, _of("duration")] = None
    """Years since the diagnosis."""
    height: Annotated[Marginal | None, _of("height")] = None
    """Body height."""
    weight: Annotated[Marginal | None, _of("weight")] = None
    """Body weight."""
    bmi: Annotated[Marginal | None, _of("bmi")] = None
    """Body mass index."""
    hba1c: Annotated[Marginal | None, _of("hba1c")] = None
    """HbA1c on the treatment at enrollment; % or mmol/mol."""
    fasting_glucose: Annotated[Marginal | None, _of("fasting_glucose")] = None
    """Plasma glucose before breakfast; mg/dL or mmol/L. It follows from the starting state."""
    fasting_c_peptide: Annotated[Marginal | None, _of("fasting_c_peptide")] = None
    """C-peptide before breakfast; pmol/L, nmol/L or ng/mL. It follows from the starting state."""
    insulin_dose: Annotated[Marginal | None, _of("insulin_dose")] = None
    """Insulin injected a day; the treatment at enrollment must hold insulin."""
    egfr: Annotated[Marginal | None, _of("egfr")] = None
    """Estimated glomerular filtration rate."""

    @model_validator(mode="before")
    @classmethod
    def _one_name(cls, given: Any) -> Any:
        return {ALSO_CALLED.get(n, n): v for n, v in given.items()} if isinstance(given, dict) else given

    @property
    def traits(self) -> list[str]:
        """The traits whose spread is given."""
        return [name for name in TRAITS if getattr(self, name) is not None]

    def targets(self) -> tuple[recruitment.Target, ...]:
        """Return every statistic that the cohort shall show."""
        found = [target for trait in self.traits for target in getattr(self, trait).targets(trait)]
        if self.male is not None:
            found.append(recruitment.Target("male", "share", quantity(self.male, "%") / 100))
        return tuple(found)


def criterion(text: str) -> recruitment.Criterion:
    """Read `hba1c 7 to 10 %`, `hba1c 7-10 %`, `age at most 75 years` or `egfr >= 60 mL/min/1.73 m2`.

    Raises `ValueError` in words.
    """
    match = _CRITERION.match(text)
    name = ALSO_CALLED.get(match[1], match[1]) if match else ""
    if match is None or name not in TRAITS:
        raise ValueError(f"'{text}' does not begin with a known number; {nearest(name, TRAITS)}")
    within, rest = TRAITS[name], match[2]
    bounds = [within.lower, within.upper]
    try:
        for words, end in _BOUNDS.items():
            if rest.startswith(words):
                bounds[end] = quantity(rest.removeprefix(words).strip(), within.unit, within.substance)
                break
        else:
            bounds = list(read_range(_DASH.sub(" to ", rest), within.unit, within.substance))
    except InvalidQuantity as error:
        raise ValueError(f"{error}. Write '{name} at least ...', 'at most ...' or a range") from error
    return recruitment.Criterion(name, bounds[0], bounds[1], f"{name} {rest}".replace("_", " "))


def _readable(text: str) -> str:
    criterion(text)
    return text


Criterion = Annotated[str, AfterValidator(_readable)]
"""Text that says who is eligible; see `criterion`."""
