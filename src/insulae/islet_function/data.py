"""What is known of one person when islet function is computed; whatever is missing is None.

Concentrations are glucose in mg/dL, C-peptide and insulin in pmol/L; minute 0 is the start of the meal or the
glucose drink.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Value = TypeVar("Value")

FASTING_FROM = -30.0  # minutes; samples from here to 0 are the fasting samples
SAME_TIME = 2.0  # minutes by which a sample may miss its planned time


class CannotBeComputed(Exception):
    """Why an index has no value, as the end of a sentence that begins `cannot be computed because`."""


@dataclass(frozen=True, eq=False)
class Samples:
    """One analyte over a test, in the order of time; `below_limit` marks limits of the assay."""

    minute: Floats = field(default_factory=lambda: np.zeros(0))
    value: Floats = field(default_factory=lambda: np.zeros(0))
    below_limit: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))


@dataclass(frozen=True, kw_only=True)
class IsletData:
    """A test with the clinic's numbers; units: year, cm, kg, %, U/d, per year, days, mL/min/1.73 m2, g."""

    glucose: Samples = Samples()
    c_peptide: Samples = Samples()
    insulin: Samples = Samples()
    test: Literal["oral glucose", "mixed meal"] | None = None
    glucose_load: float | None = None
    age: float | None = None
    sex: str | None = None
    height: float | None = None
    body_weight: float | None = None
    is_type2: bool | None = None
    hba1c: float | None = None
    egfr: float | None = None
    insulin_daily: float | None = None
    other_drugs: float | None = None
    days_without_insulin: float | None = None
    days_without_drugs: float | None = None
    severe_hypoglycemia: float | None = None
    time_in_range: float | None = None
    time_below_54: float | None = None
    baseline_hba1c: float | None = None
    baseline_severe_hypoglycemia: float | None = None


def needed(value: Value | None, what: str) -> Value:
    """Return a value; raises `CannotBeComputed` when it is missing."""
    if value is None:
        raise CannotBeComputed(f"{what} is missing")
    return value


def _certain(samples: Samples, chosen: NDArray[np.bool_], what: str) -> Floats:
    if samples.below_limit[chosen].any():
        raise CannotBeComputed(f"{what} is below the limit of the assay")
    return samples.value[chosen]


def fasting(samples: Samples, what: str) -> float:
    """Return the mean of the samples of the half hour before the test, the one at 0 included."""
    chosen = (samples.minute >= FASTING_FROM) & (samples.minute <= 0.0)
    if not chosen.any():
        raise CannotBeComputed(f"there is no fasting {what}")
    return float(_certain(samples, chosen, f"fasting {what}").mean())


def at(samples: Samples, minute: float, what: str) -> float:
    """Return the sample nearest to a minute of the test, at most two minutes from it; fasting for 0."""
    if minute == 0.0:
        return fasting(samples, what)
    distance = np.abs(samples.minute - minute)
    if not distance.size or distance.min() > SAME_TIME:
        raise CannotBeComputed(f"there is no {what} at {minute:g} minutes")
    chosen = distance == distance.min()
    return float(_certain(samples, chosen, f"{what} at {minute:g} minutes").mean())


def highest(samples: Samples, what: str) -> float:
    """Return the highest sample after the start of the test."""
    after = samples.minute > 0.0
    if not after.any():
        raise CannotBeComputed(f"there is no {what} after the start of the test")
    if samples.below_limit[after].all():
        raise CannotBeComputed(f"every {what} after the start of the test is below the limit of the assay")
    return float(samples.value[after].max())


def area(samples: Samples, stop: float, what: str) -> float:
    """Area under the curve from 0 to `stop` by the trapezoidal rule; the fasting mean stands at 0."""
    start, end = fasting(samples, what), at(samples, stop, what)
    between = (samples.minute > 0.0) & (samples.minute < stop - SAME_TIME)
    values = _certain(samples, between, f"a {what} of the test")
    minutes = np.concatenate([[0.0], samples.minute[between], [stop]])
    return float(np.trapezoid(np.concatenate([[start], values, [end]]), minutes))


def need_oral_glucose(data: IsletData) -> None:
    """Raise `CannotBeComputed` when the test is not an oral glucose tolerance test."""
    if data.test is None:
        raise CannotBeComputed("nothing says that the test began with a glucose drink")
    if data.test != "oral glucose":
        raise CannotBeComputed(
            "it is defined for an oral glucose tolerance test, and the test was a mixed meal"
        )
