"""Fit the effect sizes of glucose-lowering drugs to trials, then hold them against other trials.

`python -m calibration.drugs [NAME...]` repeats the fits of the named drugs (all by default) in the order of
`ORDER`: a fit that needs another drug as background uses the value of the table. `drug_trials.csv` holds the
trials: who was enrolled, on what, which drug, what was measured when, and the published value. A row is used
for the fit or kept for the test. `python -m calibration.drugs --test` compares the table's values, `--fit`
leaves the tests out.
"""

import csv
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from calibration.fitting import Fit, Target, fit, report
from calibration.simulated import Simulated, simulated

STUDY = Path(__file__).parents[1] / "studies" / "standard_drugs.yaml"
VALIDATED = Path(__file__).parents[1] / "validation"
PEOPLE_OF = "people of "
TRIALS = Path(__file__).parent / "drug_trials.csv"
SIZE = 64
EVALUATIONS = 3
WEEKS_PER_YEAR = 52
FAILED_FASTING_GLUCOSE = 180.0
"""Fasting glucose of a failed monotherapy in ADOPT (mg/dL); looked at once a year here."""

ORDER: dict[str, tuple[str, ...]] = {
    "trial_care": ("trial_care.energy_effect",),
    "metformin": ("metformin.sensitivity_effect", "metformin.energy_effect"),
    "acarbose": ("acarbose.unabsorbed_effect", "acarbose.energy_effect"),
    "sulfonylurea": ("sulfonylurea.capacity_effect", "sulfonylurea.energy_effect"),
    "dpp4_inhibitor": ("dpp4_inhibitor.incretin_effect",),
    "sglt2_inhibitor": ("sglt2_inhibitor.threshold_effect", "sglt2_inhibitor.production_effect"),
    "pioglitazone": ("pioglitazone.hepatic_effect", "pioglitazone.energy_effect"),
    "glp1_agonist": (
        "glp1_agonist.capacity_effect",
        "glp1_agonist.energy_effect",
        "glp1_agonist.appetite_half_dose",
    ),
    "liraglutide": ("glp1_agonist.liraglutide_efficacy", "glp1_agonist.liraglutide_appetite"),
    "dulaglutide": ("glp1_agonist.dulaglutide_efficacy", "glp1_agonist.dulaglutide_appetite"),
    "tirzepatide": (
        "tirzepatide.capacity_effect",
        "tirzepatide.energy_effect",
        "tirzepatide.appetite_half_dose",
    ),
}


@dataclasses.dataclass(frozen=True)
class Reading:
    """One published number of one arm of a trial, and how it is read from a simulation.

    measure: change from enrollment, percent change, level, slope (a year, after the first), failed (% of
    patients whose fasting glucose was too high at a yearly visit), each less the same of the control arm
    where there is one; or share (% of the control arm's change). `control` is placebo or a drug. `care` is
    "trial" where a change without control is read, so that what people on placebo lose is in it. `hba1c` is
    the range at enrollment in people of the standard study, or names a validated study whose people they are.
    """

    use: str
    trial: str
    hba1c: str
    background: str
    drug: str
    control: str
    endpoint: str
    measure: str
    week: float
    target: Target
    care: str

    def design(self) -> tuple[str, str, str, str]:
        """Return what readings of one simulation share."""
        return (self.trial, self.hba1c, self.background, self.care)


def readings(name: str) -> list[Reading]:
    """Return the readings of one fit; raises `KeyError` for a name without rows."""
    with TRIALS.open(encoding="utf-8", newline="") as file:
        found = [_reading(row) for row in csv.DictReader(file) if row["fit"] == name]
    if not found:
        raise KeyError(f"no trial of '{name}'; known: {', '.join(ORDER)}")
    return found


def _reading(row: Mapping[str, str]) -> Reading:
    what = f"{row['trial']}, {row['drug'].strip('{}')}: {row['endpoint']} {row['measure']} week {row['week']}"
    value, tolerance = float(row["value"]), float(row["tolerance"])
    against = f" against {row['control'].strip('{}')}" if row["control"] else ""
    target = Target(what + against, value, tolerance, "", row["source"])
    return Reading(
        row["use"],
        row["trial"],
        row["hba1c"],
        row["background"] or "[]",
        row["drug"],
        row["control"],
        row["endpoint"],
        row["measure"],
        float(row["week"]),
        target,
        row["care"],
    )


def predicted(asked: Sequence[Reading], values: Mapping[str, float], size: int = SIZE) -> list[float]:
    """Return what a simulation of each trial gives for the readings, with some parameters changed."""
    trials = {reading.design(): reading for reading in asked}
    runs = {d: _run([r for r in asked if r.design() == d], values, size) for d in trials}
    return [_measured(runs[reading.design()], reading) for reading in asked]


def _run(asked: Sequence[Reading], values: Mapping[str, float], size: int) -> Simulated:
    """Simulate one trial: a control arm and one for each drug, named by what is given."""
    first, last = asked[0], max(r.week for r in asked)
    drugs = dict.fromkeys(drug for r in asked for drug in (r.drug, r.control) if drug.startswith("{"))
    care = ["{kind: trial_care}"] if first.care else []
    arms = ", ".join(
        f'{{name: "{name}", therapies: [{", ".join([*given, *care])}]}}'
        for name, given in {"placebo": [], **{drug: [drug] for drug in drugs}}.items()
    )
    weeks = sorted(
        {0.0, *(r.week for r in asked), *(float(w) for w in range(WEEKS_PER_YEAR, int(last), WEEKS_PER_YEAR))}
    )
    study, who = STUDY, [f"population.patient.hba1c={first.hba1c}"]
    if first.hba1c.startswith(PEOPLE_OF):
        study, who = VALIDATED / first.hba1c.removeprefix(PEOPLE_OF) / "study.yaml", []
    overrides = [
        f"population.size={size}",
        *who,
        f"population.treatment={first.background}",
        f"horizon={last:g} weeks",
        f"visits={weeks}",
        f"arms=[{arms}]",
        f"endpoints={sorted({'fasting_glucose', *(r.endpoint for r in asked)})}",
        "reported=[]",
        "stored_traces={patients: 0, weeks: []}",
    ]
    return simulated(study, size, values, overrides)


def _measured(run: Simulated, reading: Reading) -> float:
    own = _of_arm(run, reading, reading.drug)
    if not reading.control:
        return own
    control = _of_arm(run, reading, reading.control)
    return 100 * own / control if reading.measure == "share" else own - control


def _of_arm(run: Simulated, reading: Reading, arm: str) -> float:
    name, week = reading.endpoint, reading.week
    if reading.measure == "level":
        return run.mean(arm, name, week)
    if reading.measure == "percent change":
        return 100 * run.change(arm, name, week) / run.mean(arm, name, 0)
    if reading.measure == "slope":
        years = week / WEEKS_PER_YEAR - 1
        return (run.mean(arm, name, week) - run.mean(arm, name, WEEKS_PER_YEAR)) / years
    if reading.measure == "failed":
        return _failed(run, reading, arm)
    return run.change(arm, name, week)


def _failed(run: Simulated, reading: Reading, arm: str) -> float:
    visits = range(WEEKS_PER_YEAR, int(reading.week) + 1, WEEKS_PER_YEAR)
    failed = np.stack([run.values(arm, reading.endpoint, w) > FAILED_FASTING_GLUCOSE for w in visits])
    return 100 * float(failed.any(axis=0).mean())


def fitted(name: str) -> Fit:
    """Return one fit."""
    asked = _asked(name, "fit")
    return fit(ORDER[name], _targets(asked), lambda values: predicted(asked, values), EVALUATIONS)


def compared(name: str, values: Mapping[str, float]) -> str:
    """Return the readings that no fit used beside what some values of the parameters give."""
    asked = _asked(name, "test")
    lines = ["not used in the fit: published, simulated, deviation in tolerances"]
    for t, got in zip(_targets(asked), predicted(asked, values), strict=True):
        off = (got - t.value) / t.tolerance
        lines += [f"  {t.name}: {t.value:g}, {got:.3g} ({off:+.1f}) [{t.source}]"]
    return "\n".join(lines)


def _asked(name: str, use: str) -> list[Reading]:
    return [reading for reading in readings(name) if reading.use == use]


def _targets(asked: Sequence[Reading]) -> list[Target]:
    return [reading.target for reading in asked]


def main(arguments: Sequence[str]) -> None:
    """Print the fits and the tests of the named drugs, or one of both where it alone is asked for."""
    for name in [a for a in arguments if a not in ("--test", "--fit")] or list(ORDER):
        print(f"== {name}", flush=True)
        values: Mapping[str, float] = {}
        if "--test" not in arguments:
            found = fitted(name)
            values = found.values
            print(report(ORDER[name], _targets(_asked(name, "fit")), found), flush=True)
        if "--fit" not in arguments:
            print(compared(name, values), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
