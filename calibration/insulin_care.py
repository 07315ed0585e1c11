"""How far people treat insulin to target, and what it does to their weight: ends of titration trials.

Fitted are two shares of the way to the target that people leave: one where steps are left to them and their
clinic (usual supervision), one where a protocol with written steps is checked at every contact (close). A
trial belongs to one or the other by what its protocol says, never by how far it came. Their spreads and the
shares of due steps that are made are assumed. Fitted besides is the energy that insulin retains per unit of
basal and of meal insulin at small doses; the limit towards which it saturates is that of weight on insulin
over three years (jansen2011), as these trials do not tell it. No trial here judges the model elsewhere, but
for premixed insulin of 4-T, whose weight is calibration. HbA1c at the start is given; fasting glucose is what
the model says. Everybody gets the care of a trial (`trial_care`). Recalled, not seen in the source: values of
PREDICTIVE 303, BEGIN and the trial of basal and meal insulin after glargine, weight on glargine
(rosenstock2008), and the HbA1c of 9.1 % with which doses were left to investigators.

    python -m calibration.insulin_care [usual] [close] [energy]     repeats the fits, all by default
    python -m calibration.insulin_care check                        what the values of the table give
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.fitting import Fit, Target, fit, report
from calibration.simulated import simulated

STUDY = Path(__file__).parents[1] / "studies" / "standard_drugs.yaml"
SIZE = 96
ARM = "insulin"


@dataclass(frozen=True)
class Titrated:
    """A trial: HbA1c and treatment at the start, insulin, weeks, and what was seen at the end by endpoint."""

    hba1c: str
    treatment: str
    insulin: str
    weeks: int
    seen: Mapping[str, Target]
    patient: str = ""


TABLETS = "[{kind: metformin, dose: 2000 mg/d}, {kind: sulfonylurea, dose: 4 mg/d}]"
ON_INSULIN = "[{kind: metformin, dose: 2000 mg/d}, {kind: basal_insulin}]"
BOTH = "[{kind: metformin, dose: 2000 mg/d}, {kind: sulfonylurea, dose: 4 mg/d}, {kind: basal_insulin}]"
METFORMIN = "[{kind: metformin, dose: 2000 mg/d}]"


def _to(target: str, supervision: str, kind: str = "basal_insulin") -> str:
    return f"{{kind: {kind}, titration: target, fasting_target: {target}, supervision: {supervision}}}"


AT_LANTUS = Titrated(
    "{mean: 8.9 %, sd: 1.3 %}",
    ON_INSULIN,
    _to("100 mg/dL", "close"),
    24,
    {
        "fasting_glucose": Target(
            "AT.LANTUS, target 100: fasting glucose, week 24", 112, 8, "mg/dL", "davies2005"
        ),
        "hba1c": Target("AT.LANTUS: HbA1c, week 24", 7.8, 0.15, "%", "davies2005"),
        "insulin_dose": Target("AT.LANTUS: dose, week 24", 41.6, 4, "U/d", "davies2005"),
    },
    "{insulin_dose: 15 to 31 U/d}",
)
BEGIN = Titrated(
    "{mean: 8.3 %, sd: 1 %}",
    METFORMIN,
    _to("90 mg/dL", "close"),
    26,
    {
        "fasting_glucose": Target(
            "BEGIN LOW VOLUME, target 90: fasting glucose, week 26", 112, 8, "mg/dL", "gough2013"
        ),
        "hba1c": Target("BEGIN LOW VOLUME: HbA1c, week 26", 7.0, 0.15, "%", "gough2013"),
    },
)
EAGLE = Titrated(
    "{mean: 9 %, sd: 1.1 %}",
    TABLETS,
    _to("99 mg/dL", "close"),
    24,
    {
        "fasting_glucose": Target(
            "EAGLE, target 99: fasting glucose, week 24", 112, 8, "mg/dL", "dalessio2015"
        ),
        "hba1c": Target("EAGLE: HbA1c, week 24", 7.06, 0.15, "%", "dalessio2015"),
    },
)
GLARGINE = Titrated(
    "{mean: 8.6 %, sd: 0.8 %}",
    TABLETS,
    _to("108 mg/dL", "close"),
    52,
    {
        "fasting_glucose": Target(
            "glargine, target 108: fasting glucose, week 52", 126, 11, "mg/dL", "rosenstock2008"
        ),
        "hba1c": Target("glargine: HbA1c, week 52", 7.1, 0.2, "%", "rosenstock2008"),
    },
)
PREDICTIVE = Titrated(
    "{mean: 8.5 %, sd: 1.3 %}",
    TABLETS,
    _to("110 mg/dL", "usual"),
    26,
    {
        "fasting_glucose": Target(
            "PREDICTIVE 303, target 110: fasting glucose, week 26", 141, 11, "mg/dL", "meneghini2007"
        ),
        "hba1c": Target("PREDICTIVE 303: HbA1c, week 26", 7.9, 0.2, "%", "meneghini2007"),
    },
)
AWARD = Titrated(
    "{mean: 8.1 %, sd: 1 %}",
    TABLETS,
    _to("100 mg/dL", "usual"),
    52,
    {
        "fasting_glucose": Target(
            "AWARD-2, target 100: fasting glucose at home, week 52", 118, 15, "mg/dL", "giorgino2015"
        ),
        "hba1c": Target("AWARD-2: HbA1c, week 52", 7.47, 0.15, "%", "giorgino2015"),
        "insulin_dose": Target("AWARD-2: dose, week 52", 29, 4, "U/d", "giorgino2015"),
    },
)
DISCRETION = Titrated(
    "{mean: 9.1 %, sd: 1.1 %}",
    TABLETS,
    _to("120 mg/dL", "usual"),
    52,
    {
        "insulin_dose": Target(
            "doses left to investigators, target 120: dose, week 52", 26, 4, "U/d", "ykijarvinen2000"
        ),
        "hba1c": Target("doses left to investigators: HbA1c, week 52", 8.6, 0.3, "%", "ykijarvinen2000"),
    },
)
FOUR_T = "{mean: 8.5 %, sd: 0.8 %}"


def _heavier(trial: Titrated, target: Target) -> Titrated:
    return Titrated(
        trial.hba1c, trial.treatment, trial.insulin, trial.weeks, {"body_weight": target}, trial.patient
    )


ENERGY = (
    _heavier(GLARGINE, Target("glargine: weight, week 52", 3.9, 0.5, "kg", "rosenstock2008")),
    _heavier(EAGLE, Target("EAGLE: weight, week 24", 2.0, 0.3, "kg", "dalessio2015")),
    _heavier(AWARD, Target("AWARD-2: weight, week 52", 1.44, 0.3, "kg", "giorgino2015")),
    Titrated(
        FOUR_T,
        TABLETS,
        "{kind: premix_insulin, titration: target, review: 4 weeks}",
        52,
        {"body_weight": Target("4-T, premixed: weight, week 52", 4.7, 0.3, "kg", "holman2007")},
    ),
    Titrated(
        "{mean: 8.8 %, sd: 1 %}",
        BOTH,
        _to("110 mg/dL", "close", "basal_bolus"),
        24,
        {
            "body_weight": Target(
                "basal and meal insulin after glargine: weight, week 24", 4.5, 0.5, "kg", "rosenstock2008b"
            )
        },
        "{insulin_dose: 40 to 70 U/d}",
    ),
)
FITS = {
    "usual": (("basal_bolus.accepted_share",), (PREDICTIVE, AWARD, DISCRETION)),
    "close": (("basal_bolus.supervised_share",), (AT_LANTUS, BEGIN, EAGLE, GLARGINE)),
    "energy": (("basal_bolus.basal_energy", "basal_bolus.meal_energy"), ENERGY),
}


def reached(trial: Titrated, values: Mapping[str, float]) -> list[float]:
    """Return the means at the end of one trial, and the mean change of weight (kg)."""
    overrides = [
        f"population.size={SIZE}",
        f"population.patient={trial.patient or '{}'}",
        f"population.baseline={{hba1c: {trial.hba1c}}}",
        f"population.treatment={trial.treatment}",
        f"horizon={trial.weeks} weeks",
        f"visits=[0, {trial.weeks}]",
        f"arms=[{{name: {ARM}, therapies: [{trial.insulin}, {{kind: trial_care}}]}}]",
        f"endpoints=[{', '.join(trial.seen)}]",
        "reported=[]",
        "stored_traces={patients: 0, weeks: []}",
    ]
    found = simulated(STUDY, SIZE, values, overrides)
    return [
        found.change(ARM, name, trial.weeks) if name == "body_weight" else found.mean(ARM, name, trial.weeks)
        for name in trial.seen
    ]


def model(trials: Sequence[Titrated], values: Mapping[str, float]) -> Sequence[float]:
    """Return what was seen at the end of some trials, as simulated."""
    return [number for trial in trials for number in reached(trial, values)]


def main(arguments: Sequence[str]) -> None:
    """Print the fits, or what the table's values give in all trials."""
    for name in [a for a in arguments if a != "check"] or list(FITS):
        names, trials = FITS[name]
        targets = [target for trial in trials for target in trial.seen.values()]
        print(f"== {name}", flush=True)
        if "check" in arguments:
            print(report((), targets, Fit({}, list(model(trials, {})))), flush=True)
            continue
        found = fit(names, targets, lambda values, t=trials: model(t, values), evaluations=4, step=0.1)
        print(report(names, targets, found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
