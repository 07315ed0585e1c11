"""Recipients off insulin: the daytime mean that goes with the limits of independence, and their swings.

    python -m calibration.independence [PEOPLE]           prints the mean at which the limit is met
    python -m calibration.independence swings [PEOPLE]    prints how sensor glucose of recipients varies

Insulin independence allows 180 mg/dL two hours after meals to be passed four times a week (hering2016,
recalled), of 21 values where each main meal is followed by one. The clinic of `insulin_weaning.py` sees the
mean of the day; which mean that is, simulated recipients of donor islets who take no insulin tell. Their
islets are weaker than two donors', so that glucose on both sides of the limit is seen.

Swings: standard deviation of sensor glucose with and without insulin after islets, once with all of the
lability of type 1 diabetes off insulin, once as in the table (`lifestyle/lability.py`), beside paty2006.
"""

import sys

import numpy as np
from numpy.typing import NDArray

from calibration.islets import RECEPTOR, STUDY, TWO, arm
from calibration.simulated import simulated
from insulae.core.clock import DAYTIME_STEPS, MINUTES_PER_HOUR, STEP_MINUTES, STEPS_PER_DAY
from insulae.core.parameters import lookup, value

SIZE, DOSE, WEEKS = 150, "8000 IEQ/kg", (26, 52, 104)
MEALS = ("breakfast", "lunch", "dinner")
LIMIT, ALLOWED = 180.0, 4 / 21
"""Two-hour glucose (mg/dL), and the share of values above it that is allowed."""

Floats = NDArray[np.float64]


def two_hours_after(days: Floats) -> Floats:
    """Return glucose two hours after each main meal's usual time, [day, meal], of days [day, step]."""
    hours = [value(f"meals.{meal}_hour") + 2 for meal in MEALS]
    return days[:, [round(hour * MINUTES_PER_HOUR / STEP_MINUTES) for hour in hours]]


def seen(size: int) -> tuple[Floats, Floats]:
    """Return the daytime mean (mg/dL) and the share of two-hour values above the limit, of each recipient
    off insulin at each visit."""
    weeks = [f"visits={[0, *WEEKS]}", f"horizon={WEEKS[-1]} weeks", "reported=[]"]
    traces = f"stored_traces={{patients: {size}, weeks: {list(WEEKS)}}}"
    found = simulated(STUDY, size, {}, [*weeks, traces, arm("islets", DOSE, extra=RECEPTOR)])
    means, shares = list[float](), list[float]()
    for week in WEEKS:
        glucose = found.glucose("islets", week)
        for one in glucose[found.values("islets", "insulin_free", week) > 0]:
            days = np.asarray(one, float).reshape(-1, STEPS_PER_DAY)
            means.append(float(days[:, slice(*DAYTIME_STEPS)].mean()))
            shares.append(float((two_hours_after(days) > LIMIT).mean()))
    return np.array(means), np.array(shares)


def mean_at_limit(means: Floats, shares: Floats) -> float:
    """Return the daytime mean at which the allowed share is reached, by a line through the logits."""
    some = (shares > 0) & (shares < 1)
    slope, start = np.polyfit(means[some], np.log(shares[some] / (1 - shares[some])), 1)
    return float((np.log(ALLOWED / (1 - ALLOWED)) - start) / slope)


def swings(size: int, of_injections: float) -> str:
    """Return mean and standard deviation (mg/dL) of sensor glucose half a year after two donors' islets."""
    visits = ["visits=[0, 26]", "horizon=26 weeks", "reported=[]", "stored_traces.weeks=[26]"]
    given = {"lability.of_injections": of_injections}
    found = simulated(STUDY, size, given, [*visits, arm("islets", TWO, extra=RECEPTOR)])
    mean = found.values("islets", "mean_glucose", 26)
    spread = mean * found.values("islets", "coefficient_of_variation", 26) / 100
    is_off = found.values("islets", "insulin_free", 26) > 0
    off, on = (f"{mean[one].mean():.0f} +- {spread[one].mean():.1f}" for one in (is_off, ~is_off))
    return f"off insulin {off}, on insulin {on} mg/dL"


def print_swings(size: int) -> None:
    """Print how sensor glucose of recipients varies, beside what was published."""
    print(f"all lability stays: {swings(size, 0.0)}")
    print(f"table: {swings(size, lookup('lability.of_injections', 'type1').value)}")
    print("paty2006: off insulin 121 +- 22 (standard error 2), on insulin 140 +- 36 (5) mg/dL")


def main() -> None:
    """Print the daytime mean that goes with the limit, or the swings of recipients."""
    if sys.argv[1:2] == ["swings"]:
        print_swings(int(sys.argv[2]) if sys.argv[2:] else SIZE)
        return
    means, shares = seen(int(sys.argv[1]) if sys.argv[1:] else SIZE)
    print(f"{len(means)} recipients off insulin, at weeks {WEEKS}")
    for low in range(110, 170, 10):
        inside = (means >= low) & (means < low + 10)
        if inside.any():
            print(f"  {low} to {low + 10} mg/dL: {100 * shares[inside].mean():.0f} % ({inside.sum()})")
    print(f"{100 * ALLOWED:.0f} % above {LIMIT:.0f} mg/dL at {mean_at_limit(means, shares):.0f} mg/dL")


if __name__ == "__main__":
    main()
