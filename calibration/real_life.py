"""Everyday life: what sensors show of simulated people, beside what was published of real ones.

Health (whose sensors were calibrated daily, so that gains hardly differed), type 1 diabetes on injections and
with a closed loop, type 2 diabetes on basal and meal insulin. `traits.lability` of type 1 diabetes is fitted
to the coefficient of variation of sensor glucose (`--fit`), the chance to answer an alert of a sensor to how
much less time below 70 mg/dL people spend who see theirs (`--fit-alerts`); other times in ranges entered
nothing.

Run it with `python -m calibration.real_life`.
"""

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from calibration.simulated import simulated
from insulae.core.parameters import lookup

STUDY = Path(__file__).parents[1] / "studies" / "closed_loop.yaml"
SIZE = 192
METRICS = {
    "mean_glucose": "mean, mg/dL",
    "coefficient_of_variation": "CV, %",
    "time_in_range": "70-180, %",
    "time_in_tight_range": "70-140, %",
    "time_below_range": "<70, %",
    "time_below_54": "<54, %",
    "time_above_250": ">250, %",
}
SHORT = ("visits=[0]", "horizon=1 week", "arms=[{name: standard care}]", "background_mortality=false")


@dataclasses.dataclass(frozen=True)
class Group:
    """Some people: changes of the study file, the arm and the week looked at, and what was published."""

    name: str
    overrides: tuple[str, ...]
    published: str
    arm: str = "standard care"
    week: int = 0
    values: Mapping[str, float] = dataclasses.field(default_factory=dict)


GROUPS = (
    Group(
        "health",
        (*SHORT, "population.phenotype=healthy", "population.patient={}", "population.treatment=[]"),
        "shah2019: CV 17 (SD 3), 70-140 96, <70 1.1 (medians), mean 98 to 99",
        values={"sensor.gain_spread": 0.0},
    ),
    Group(
        "type 1, injections",
        (*SHORT, "population.patient={}"),
        "dunn2024: CV 37",
    ),
    Group(
        "type 1 at HbA1c 7.0, injections",
        (*SHORT, "population.patient={hba1c: 7.0 %}"),
        "seyedahmadi2020, without and with a sensor shown: <70 9.2 and 5.4, <54 3.5 and 1.5",
    ),
    Group(
        "type 1 at HbA1c 7.0, injections and a sensor",
        (
            *SHORT,
            "population.patient={hba1c: 7.0 %}",
            "population.treatment=[{kind: basal_bolus}, {kind: glucose_sensor}]",
        ),
        "seyedahmadi2020, without and with a sensor shown: <70 9.2 and 5.4, <54 3.5 and 1.5",
    ),
    Group(
        "type 1 of the loop trials, injections",
        (*SHORT,),
        "brown2019: 70-180 61 (SD 17); kovatchev2020: <70 5.0; mcauley2020: 70-180 55 (SD 13)",
    ),
    Group(
        "type 1 of the loop trials, closed loop",
        ("visits=[0, 13]", "horizon=13 weeks", "background_mortality=false"),
        "brown2019: 70-180 71 (SD 12), mcauley2020: 70 (SD 10), kovatchev2020: <70 2.4",
        arm="closed loop",
        week=13,
    ),
    Group(
        "type 2, basal and meal insulin",
        (
            *SHORT,
            "population.phenotype=type2",
            "population.patient={}",
            "population.treatment=[{kind: basal_bolus}, {kind: metformin}]",
        ),
        "dunn2024: CV 26.5",
    ),
)
FITTED = (GROUPS[1], "type1", 37.0)
"""Whose lability is fitted to which mean coefficient of variation (dunn2024)."""
SENSOR_HIDDEN, SENSOR_SHOWN = GROUPS[2], GROUPS[3]
ALERTS, LOWS_LEFT = "low_glucose.alert_answered", 5.4 / 9.2
"""Share of the time below 70 mg/dL that is left where the sensor is shown (seyedahmadi2020, HbA1c 7.0 %)."""


def measured(group: Group, size: int = SIZE, values: Mapping[str, float] | None = None) -> dict[str, str]:
    """Return each metric of a group as text: mean (standard deviation), median."""
    overrides = (*group.overrides, f"endpoints=[{', '.join(METRICS)}]", "reported=[]")
    found = simulated(STUDY, size, {**group.values, **(values or {})}, overrides)
    shown = {}
    for metric in METRICS:
        each = found.values(group.arm, metric, group.week)
        shown[metric] = f"{np.mean(each):.3g} ({np.std(each):.2g}), {np.median(each):.3g}"
    return shown


def lability(group: Group, wanted: float, size: int = SIZE) -> float:
    """Return the mean lability at which a group's mean coefficient of variation (%) is as published."""

    def excess(value: float) -> float:
        overrides = (*group.overrides, "endpoints=[coefficient_of_variation]", "reported=[]")
        found = simulated(STUDY, size, {"traits.lability": value}, overrides)
        return found.mean(group.arm, "coefficient_of_variation", group.week) - wanted

    return float(brentq(excess, 0.3, 2.2, xtol=0.02))


def _lows(group: Group, size: int, values: Mapping[str, float]) -> float:
    """Return the mean time below 70 mg/dL (%)."""
    overrides = (*group.overrides, "endpoints=[time_below_range]", "reported=[]")
    return simulated(STUDY, size, values, overrides).mean(group.arm, "time_below_range", group.week)


def alerts_answered(size: int = SIZE) -> float:
    """Return the chance to answer an alert at which a sensor leaves the published share of lows."""
    hidden = _lows(SENSOR_HIDDEN, size, {})

    def excess(chance: float) -> float:
        return _lows(SENSOR_SHOWN, size, {ALERTS: chance}) / hidden - LOWS_LEFT

    return float(brentq(excess, 0.01, 0.95, xtol=0.01))


def main() -> None:
    """Print every group's metrics, or with `--fit` or `--fit-alerts` a fit beside the table's value."""
    if "--fit-alerts" in sys.argv:
        found = alerts_answered()
        print(f"{ALERTS}: table {lookup(ALERTS).value:g}, fit {found:.3g} for {LOWS_LEFT:.3g} of the time")
        return
    if "--fit" in sys.argv:
        group, population, wanted = FITTED
        table = lookup("traits.lability", population).value
        found = lability(group, wanted)
        print(f"traits.lability, {population}: table {table:g}, fit {found:.3g} for CV {wanted:g} %")
        return
    for group in GROUPS:
        print(f"{group.name}; published {group.published}")
        for metric, text in measured(group).items():
            print(f"    {METRICS[metric]:14} {text}")


if __name__ == "__main__":
    main()
