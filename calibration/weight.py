"""Weight after a weight-loss programme and after bariatric surgery: `python -m calibration.weight`.

The treatments themselves are asked day by day for the intake of a few hundred people spread evenly over what
differs between patients, and weight follows by the energy balance of `body_weight.py`, appetite included;
glucose lost in urine is left out. The spread of adherence cannot be fitted as a value: it is tried in steps,
and the step that comes closest is the one of the table. What is not fitted is printed below as a check.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from calibration.fitting import Fit, Target, fit, report
from insulae.core.clock import DAYS_PER_WEEK
from insulae.core.parameters import changed, lookup
from insulae.core.sampling import quantile
from insulae.physiology.effects import combine
from insulae.study.plan import typical_patient
from insulae.therapies.bariatric_surgery import BariatricSurgery
from insulae.therapies.base import LONG_AGO, Enrolled, TherapySpec
from insulae.therapies.metformin import Metformin
from insulae.therapies.weight_loss_programme import WeightLossProgramme

Floats = NDArray[np.float64]

PEOPLE = 512
ADHERENCE = "weight_loss_programme.adherence"
SPREADS = (0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8)
PROGRAMME = (ADHERENCE, "weight_loss_programme.regain_time")
PROGRAMME_WEIGHT = 100.0
"""Mean weight in DiRECT (kg), recalled: body mass index 35 kg/m2 at 1.69 m."""
STOPPED = Metformin(start=LONG_AGO, stop=0.0, taken_by=75.0)
"""The programme stops tablets on its first day, and what metformin takes off comes back; three of four took
it (recalled), as in the study."""
SURGERY_WEIGHT = 125.0
"""Any weight will do (kg): the fitted numbers are shares of it."""
BYPASS = tuple(f"bariatric_surgery.{name}" for name in ("bypass_early", "bypass_late", "adaptation_time"))
SLEEVE = tuple(f"bariatric_surgery.{name}" for name in ("sleeve_early", "sleeve_late"))

DIRECT = (
    Target("weight change, one year", -10.0, 0.5, "kg", "lean2018"),
    Target("15 kg or more lost, one year", 24.0, 3.5, "%", "lean2018"),
    Target("weight change, two years", -7.6, 0.5, "kg", "lean2024"),
)
DIRECT_CHECKS = (
    Target("15 kg or more lost, two years", 11.0, 2.6, "%", "lean2024"),
    Target("weight change, five years, those followed", -6.1, 1.0, "kg", "lean2024"),
)
AFTER_BYPASS = (
    Target("weight lost, one year", 28.4, 0.5, "%", "arterburn2021"),
    Target("weight lost, five years", 21.7, 0.5, "%", "arterburn2021"),
    Target("weight lost, ten years", 20.2, 0.9, "%", "arterburn2021"),
)
BYPASS_CHECKS = (Target("weight lost, three years", 21.0, 1.9, "%", "ikramuddin2016"),)
AFTER_SLEEVE = (
    Target("weight lost, one year", 23.0, 0.5, "%", "arterburn2021"),
    Target("weight lost, five years", 16.0, 0.6, "%", "arterburn2021"),
)


def people(weight: float, spreads: Mapping[str, float] | None = None) -> Enrolled:
    """Return people of one weight whose parameters cover their distributions evenly."""
    given = spreads or {}
    steps: dict[str, float] = {}

    def draw(name: str) -> NDArray[np.float32]:
        row = lookup(name, "type2")
        row = dataclasses.replace(row, spread=given.get(name, row.spread))
        step = steps.setdefault(name, float(np.sqrt(2 + len(steps))))
        return quantile(row, ndtri((0.5 + step * np.arange(PEOPLE)) % 1 * 0.998 + 0.001))

    typical = typical_patient(lambda name: 1.0)
    arrays = [f.name for f in dataclasses.fields(Enrolled) if f.name != "draw"]
    repeated = {name: np.repeat(getattr(typical, name), PEOPLE) for name in arrays}
    repeated["weight"] = np.full(PEOPLE, weight, np.float32)
    return Enrolled(**repeated, draw=draw)


def changes(specs: Sequence[TherapySpec], enrolled: Enrolled, years: Sequence[float]) -> list[Floats]:
    """Return the weight change (kg) of each person after some years of therapies."""
    treatments = [spec.build(enrolled) for spec in specs]
    usual = combine(treatment.effects(-1.0) for treatment in treatments)
    maintenance, appetite, energy = (
        lookup(f"body_weight.{name}").value for name in ("maintenance", "appetite", "energy_per_weight")
    )
    days = [round(52 * DAYS_PER_WEEK * year) for year in years]
    change, found = np.zeros(enrolled.size), list[Floats]()
    for day in range(max(days) + 1):
        if day in days:
            found.append(change.copy())
        today = combine(treatment.effects(day) for treatment in treatments)
        answer = maintenance + appetite * np.asarray(today.appetite)
        striven = (np.asarray(today.energy_intake) - usual.energy_intake) * answer / (maintenance + appetite)
        restricted = np.asarray(today.restriction) - usual.restriction
        change += (striven - restricted - answer * change) / energy
    return found


def programme(spread: float, values: Mapping[str, float]) -> list[float]:
    """Return the targets of DiRECT and its checks for a spread of adherence."""
    with changed(values):
        enrolled = people(PROGRAMME_WEIGHT, {ADHERENCE: spread})
        one, two, five = changes([STOPPED, WeightLossProgramme()], enrolled, (1, 2, 5))
    much = [100 * float(np.mean(change <= -15)) for change in (one, two)]
    return [float(one.mean()), much[0], float(two.mean()), much[1], float(five.mean())]


def surgery(operation: str, years: Sequence[float], values: Mapping[str, float]) -> list[float]:
    """Return the mean weight lost (%) some years after an operation."""
    with changed(values):
        spec = BariatricSurgery.model_validate({"kind": "bariatric_surgery", "operation": operation})
        found = changes([spec], people(SURGERY_WEIGHT), years)
    return [-100 * float(change.mean()) / SURGERY_WEIGHT for change in found]


def fit_programme() -> tuple[float, Fit]:
    """Return the spread of adherence that comes closest, and the fit with it."""

    def misfit(found: Fit) -> float:
        return sum(((o - t.value) / t.tolerance) ** 2 for t, o in zip(DIRECT, found.obtained, strict=True))

    fits = {s: fit(PROGRAMME, DIRECT, lambda values, s=s: programme(s, values)[:3]) for s in SPREADS}
    for spread, found in fits.items():
        print(f"  spread of adherence {spread:g}: squared deviations {misfit(found):.2f}")
    best = min(fits, key=lambda spread: misfit(fits[spread]))
    return best, fits[best]


def checked(targets: Sequence[Target], obtained: Sequence[float]) -> str:
    """Return published numbers that were not fitted beside what the fit gives."""
    lines = [
        f"  {t.name}: {t.value:g}, {o:.3g} {t.unit} [{t.source}]"
        for t, o in zip(targets, obtained, strict=True)
    ]
    return "\n".join(["not fitted: reported, obtained", *lines])


def main() -> None:
    """Repeat the three fits and print them with their checks."""
    print("weight-loss programme")
    spread, found = fit_programme()
    print(f"{ADHERENCE}: spread {lookup(ADHERENCE).spread:g} -> {spread:g}")
    print(report(PROGRAMME, DIRECT, found))
    print(checked(DIRECT_CHECKS, programme(spread, found.values)[3:]))
    print("gastric bypass")
    bypass = fit(BYPASS, AFTER_BYPASS, lambda values: surgery("bypass", (1, 5, 10), values))
    print(report(BYPASS, AFTER_BYPASS, bypass))
    print(checked(BYPASS_CHECKS, surgery("bypass", (3,), bypass.values)))
    print("sleeve gastrectomy, with the adaptation time of the bypass")
    time = {BYPASS[2]: bypass.values[BYPASS[2]]}
    sleeve = fit(SLEEVE, AFTER_SLEEVE, lambda values: surgery("sleeve", (1, 5), {**time, **values}))
    print(report(SLEEVE, AFTER_SLEEVE, sleeve))


if __name__ == "__main__":
    main()
