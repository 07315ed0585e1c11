"""How far native beta cells recover, and for how long they can: `python -m calibration.remission`.

Two rows are fitted together: how strongly pancreas fat lowers function and how fast that becomes lasting;
what is lost besides is fitted in `decline.py`. They answer to what weight loss gives back within a year
(maximal insulin secretion), to remission of those who keep their weight down, and to surgery by duration,
adjusted in the registry for HbA1c, age and treatment, as here: the same people with one, five and ten years
of diabetes. Registry patients are taken to have had it for five years. Two numbers of what a kilogram does to
HbA1c (`kilogram.py`) speak against as strong an effect of fat as remission asks for. About ten minutes. With
`check` nothing is fitted; what the fit did not see is printed with the values of the table.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration import kilogram
from calibration.fitting import Target, fit, report
from calibration.simulated import Simulated, simulated
from insulae.core.parameters import changed, value, values
from insulae.physiology.slow import beta_cells, hba1c, insulin_resistance

STUDIES = Path(__file__).parents[1] / "studies"
TRIAL = Path(__file__).parents[1] / "validation" / "DIRECT" / "study.yaml"
NAMES = tuple(f"beta_cells.{name}" for name in ("half_fat", "fixation_rate"))
SIZE = 64
DURATIONS = (1, 5, 10)
TYPICAL = 5
COMPLETE = 6.0
"""HbA1c (%) below which, off drugs, remission is complete."""
QUIET = ("reported=[]", "stored_traces={patients: 0, weeks: []}")

TARGETS = (
    Target(
        "maximal insulin secretion in remission, ratio to the start", 942 / 581, 0.25, "", "zhyzhneuskaya2020"
    ),
    Target("log odds of complete remission per year of duration", float(np.log(0.87)), 0.04, "", "jans2019"),
    Target("complete remission two years after surgery", 58.2, 5.0, "%", "jans2019"),
    Target("complete remission five years after surgery", 46.6, 5.0, "%", "jans2019"),
    Target("remission with 10 kg or more lost after two years of a programme", 64.0, 6.0, "%", "lean2024"),
    *kilogram.TARGETS,
)


def recovered(found: Mapping[str, float]) -> float:
    """Return the ratio of native function after and before remission.

    Responders of DiRECT: 2.7 years of diabetes, liver fat 16.0 and 3.1 % (taylor2018), HbA1c 7.6 (recalled)
    and 6.0 %.
    """
    with changed(found):
        p, glycation = values(beta_cells.Parameters, "type2"), values(hba1c.Parameters, "type2")
        before, after = (np.asarray(hba1c.mean_glucose(glycation, level)) for level in (7.6, 6.0))
        left = np.exp(-beta_cells.fixation(p, before, 2.7 * value("insulin_resistance.days_per_year")))
        functions = [
            beta_cells.functional_target(p, glucose, fat, left, gained)
            for glucose, fat, gained in ((before, 16.0, 1.0), (after, 3.1, relieved(16.0, 3.1, 0.85)))
        ]
    return float(functions[1] / functions[0])


def relieved(before: float, after: float, weight: float) -> float:
    """Return the relief of sensitivity with a fall of liver fat (%) to a share of weight."""
    p = values(insulin_resistance.Parameters, "type2")
    liver = insulin_resistance.hepatic_share(p, after) / insulin_resistance.hepatic_share(p, before)
    return float(np.sqrt(liver * weight**-p.weight_exponent))


def operated(found: Mapping[str, float], years: float) -> Simulated:
    """Simulate a bypass in people like those of the registry after some years of diabetes."""
    patient = f"{{age: 38 to 58 years, bmi: 36 to 49 kg/m2, hba1c: 6 to 9 %, duration: {years:g} years}}"
    bypass = "{kind: bariatric_surgery, operation: bypass}"
    arm = f"{{name: surgery, therapies: [{{kind: metformin, stop: 0 weeks}}, {bypass}]}}"
    return simulated(
        STUDIES / "bariatric_by_duration.yaml",
        SIZE,
        found,
        [
            *QUIET,
            f"population.patient={patient}",
            f"arms=[{arm}]",
            "horizon=260 weeks",
            "visits=[0, 104, 260]",
            "endpoints=[hba1c, remission]",
        ],
    )


def complete(run: Simulated, week: float) -> float:
    """Return the percentage in complete remission."""
    return 100 * float(np.mean(run.values("surgery", "hba1c", week) < COMPLETE))


def slope_of_odds(percentages: Sequence[float]) -> float:
    """Return the slope of the logarithm of the odds over `DURATIONS`, half a person added to either side."""
    people = np.asarray(percentages) / 100 * SIZE
    odds = np.log((people + 0.5) / (SIZE - people + 0.5))
    return float(np.polyfit(DURATIONS, odds, 1)[0])


def model(found: Mapping[str, float]) -> Sequence[float]:
    """Return the simulated counterpart of every target."""
    runs = {years: operated(found, years) for years in DURATIONS}
    slope = slope_of_odds([complete(run, 104) for run in runs.values()])
    typical = [complete(runs[TYPICAL], week) for week in (104, 260)]
    programme = lived_programme(found, SIZE)
    kept = remitted(programme, 104, -np.inf, -10)
    return [recovered(found), slope, *typical, 100 * float(kept.mean()), *kilogram.model(found)]


def lived_programme(found: Mapping[str, float], size: int) -> Simulated:
    """Simulate the trial of the weight-loss programme as it is validated."""
    extra = [*QUIET, f"population.size={size}", "visits=[0, 52, 104]", "endpoints=[remission, body_weight]"]
    return simulated(TRIAL, size, found, extra)


def remitted(run: Simulated, week: float, low: float, high: float) -> NDArray[np.bool_]:
    """Return who is in remission of all, of both arms, whose weight has changed by so much (kg)."""
    arms = ("programme", "usual care")
    lost, free = (
        np.concatenate(each)
        for each in (
            [run.values(a, "body_weight", week) - run.values(a, "body_weight", 0) for a in arms],
            [run.values(a, "remission", week) > 0 for a in arms],
        )
    )
    return np.asarray(free[(lost >= low) & (lost < high)])


def check() -> str:
    """Return remission in DiRECT by weight lost and over time beside what was published."""
    run = lived_programme({}, 2 * SIZE)
    lines = ["not fitted: published, simulated (%)"]
    for low, high, wanted in ((-np.inf, -15, 86), (-15, -10, 57), (-10, -5, 34), (-5, 0, 7)):
        among = remitted(run, 52, low, high)
        got = f"{100 * among.mean():.0f} of {among.size}"
        lines += [f"  {low:g} to {high:g} kg, year 1 [lean2018, recalled]: {wanted}; {got}"]
    for week, wanted in ((52, 46), (104, 36)):
        got = f"{100 * np.mean(run.values('programme', 'remission', week) > 0):.0f}"
        lines += [f"  programme, week {week} [lean2018, lean2024]: {wanted}; {got}"]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    """Print the fit, unless only the check is asked for, and the check."""
    if "check" not in arguments:
        print(report(NAMES, TARGETS, fit(NAMES, TARGETS, model, evaluations=4, step=0.2)))
    print(check())


if __name__ == "__main__":
    main(sys.argv[1:])
