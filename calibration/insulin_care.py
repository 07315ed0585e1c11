"""How far people treat insulin to target: fasting glucose and HbA1c at the end of titration trials.

What is fitted is the mean of the multiple of the target from which on a person and a clinic let it rest. Its
spread and the share of due steps that is made are assumed; a fit of both finds no share of its own (relative
standard error above one). The fit sees AT.LANTUS (target 100 mg/dL, most on insulin before), BEGIN LOW VOLUME
(glargine, 90 mg/dL), PREDICTIVE 303 (patients raise insulin above 110 mg/dL, in primary care) and a trial of
glargine and detemir (108 mg/dL); the values of the last two are recalled and count half. None of them judges
the model elsewhere. Their starting HbA1c is given; fasting glucose then is what the model says. Everybody
gets the care of a trial (`trial_care`).

    python -m calibration.insulin_care          repeats the fit
    python -m calibration.insulin_care check    what the value of the table gives
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.fitting import Fit, Target, fit, report
from calibration.simulated import simulated

STUDY = Path(__file__).parents[1] / "studies" / "standard_drugs.yaml"
SIZE = 128
NAMES = ("basal_bolus.accepted_glucose",)
ARM = "basal insulin"


@dataclass(frozen=True)
class Titrated:
    """A trial: HbA1c and treatment at the start, the target, weeks, fasting glucose and HbA1c at the end."""

    hba1c: str
    treatment: str
    target: str
    weeks: int
    reached: tuple[Target, Target]
    patient: str = ""


TABLETS = "[{kind: metformin, dose: 2000 mg/d}, {kind: sulfonylurea, dose: 4 mg/d}]"
ON_INSULIN = "[{kind: metformin, dose: 2000 mg/d}, {kind: basal_insulin}]"
METFORMIN = "[{kind: metformin, dose: 2000 mg/d}]"
TRIALS = (
    Titrated(
        "{mean: 8.9 %, sd: 1.3 %}",
        ON_INSULIN,
        "100 mg/dL",
        24,
        (
            Target("AT.LANTUS, target 100: fasting glucose, week 24", 110, 8, "mg/dL", "davies2005"),
            Target("AT.LANTUS: HbA1c, week 24", 7.7, 0.15, "%", "davies2005"),
        ),
        "{insulin_dose: 15 to 31 U/d}",
    ),
    Titrated(
        "{mean: 8.3 %, sd: 1 %}",
        METFORMIN,
        "90 mg/dL",
        26,
        (
            Target("BEGIN LOW VOLUME, target 90: fasting glucose, week 26", 112, 8, "mg/dL", "gough2013"),
            Target("BEGIN LOW VOLUME: HbA1c, week 26", 7.0, 0.15, "%", "gough2013"),
        ),
    ),
    Titrated(
        "{mean: 8.5 %, sd: 1.3 %}",
        TABLETS,
        "110 mg/dL",
        26,
        (
            Target("PREDICTIVE 303, target 110: fasting glucose, week 26", 141, 11, "mg/dL", "meneghini2007"),
            Target("PREDICTIVE 303: HbA1c, week 26", 7.9, 0.2, "%", "meneghini2007"),
        ),
    ),
    Titrated(
        "{mean: 8.6 %, sd: 0.8 %}",
        TABLETS,
        "108 mg/dL",
        52,
        (
            Target("glargine, target 108: fasting glucose, week 52", 126, 11, "mg/dL", "rosenstock2008"),
            Target("glargine: HbA1c, week 52", 7.1, 0.2, "%", "rosenstock2008"),
        ),
    ),
)


def reached(trial: Titrated, values: Mapping[str, float]) -> list[float]:
    """Return mean fasting glucose (mg/dL) and HbA1c (%) at the end of one trial."""
    aim = f"{{kind: basal_insulin, titration: target, fasting_target: {trial.target}}}"
    overrides = [
        f"population.size={SIZE}",
        f"population.patient={trial.patient or '{}'}",
        f"population.baseline={{hba1c: {trial.hba1c}}}",
        f"population.treatment={trial.treatment}",
        f"horizon={trial.weeks} weeks",
        f"visits=[0, {trial.weeks}]",
        f"arms=[{{name: {ARM}, therapies: [{aim}, {{kind: trial_care}}]}}]",
        "endpoints=[fasting_glucose, hba1c]",
        "reported=[]",
        "stored_traces={patients: 0, weeks: []}",
    ]
    found = simulated(STUDY, SIZE, values, overrides)
    return [found.mean(ARM, name, trial.weeks) for name in ("fasting_glucose", "hba1c")]


def model(values: Mapping[str, float]) -> Sequence[float]:
    """Return fasting glucose and HbA1c at the end of the trials."""
    return [number for trial in TRIALS for number in reached(trial, values)]


def main() -> None:
    """Print the fit, or what the table's value gives in all trials."""
    targets = [target for trial in TRIALS for target in trial.reached]
    if sys.argv[1:] == ["check"]:
        print(report((), targets, Fit({}, list(model({})))))
        return
    print(report(NAMES, targets, fit(NAMES, targets, model, evaluations=5, step=0.1)))


if __name__ == "__main__":
    main()
