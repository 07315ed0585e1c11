"""Liver fat across people, within a person who loses weight, and on insulin: `python -m calibration.liver`.

Published means are read as those of many people: body mass index and the person's own liver fat are spread
evenly over their distributions, the relative weight loss is the study's mean. The first week of a diet tells
how fast liver fat follows an energy deficit; the deficit is taken as usual intake less the diet. Insulin
lowers liver fat although weight rises: what it takes at the weight reached is fitted to three small groups.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from calibration.fitting import Target, fit, report
from insulae.core.parameters import changed, lookup, values
from insulae.core.pytree import broadcast, replace
from insulae.core.sampling import quantile
from insulae.physiology.component import relax
from insulae.physiology.slow import insulin_resistance

Floats = NDArray[np.floating]

PEOPLE = 512
SPREAD_OF_INDEX = 0.13
"""Coefficient of variation of body mass index in a trial; 4.5 of 35 kg/m2 in DiRECT, recalled."""
ACROSS = tuple(f"insulin_resistance.{n}" for n in ("liver_fat", "liver_fat_exponent", "liver_fat_steepness"))
DIET = ("insulin_resistance.fat_time",)
INSULIN = ("basal_bolus.fat_effect",)
WEIGHT_ON_DIET, DIET_INTAKE = 103.7, 600.0
"""Mean weight (kg, recalled) and intake (kcal/d) in Lim 2011."""

BY_INDEX = (
    Target("liver fat at index 35.1", 16.0, 1.3, "%", "taylor2018"),
    Target("liver fat at index 35.1 after 15 % of weight lost", 3.1, 0.5, "%", "taylor2018"),
    Target("liver fat at index 24.5", 4.4, 0.8, "%", "retune2021"),
    Target("liver fat at index 24.5 after 11.9 % of weight lost", 1.4, 0.2, "%", "retune2021"),
)
CHECKS = (
    Target("liver fat at index 33.6", 12.8, 2.4, "%", "lim2011"),
    Target("liver fat at index 33.6 after 14.8 % of weight lost", 2.9, 0.2, "%", "lim2011"),
    Target("share of liver fat lost with about 9 % of weight, index 30", 81.0, 4.0, "%", "petersen2005"),
    Target("share lost with 8.2 % of weight, index 35, no diabetes", 61.6, 8.5, "%", "vitola2009"),
)
ON_DIET = (Target("liver fat after one week of 600 kcal/d, share of the start", 70.0, 6.0, "%", "lim2011"),)
"""Read from memory of the paper's figure; its abstract gives the start and week 8 only."""
ON_INSULIN = (
    Target("liver fat, share of the start: 7 months, 0.69 U/kg, index 33.1", 82.0, 8.0, "%", "juurinen2007"),
    Target("liver fat, share of the start: 12 weeks of glargine", 77.0, 8.0, "%", "tang2015"),
    Target("liver fat, share of the start: 6 months, insulin raised", 100.0, 10.0, "%", "petit2017"),
)
DOSES = ((33.1, 2.8, 0.69), (30.0, 1.0, 0.35), (33.0, 2.0, 0.5))
"""Body mass index, weight gained (%) and dose (U/kg/d) behind `ON_INSULIN`; all but the first assumed."""


def people(phenotype: str, index: float) -> tuple[insulin_resistance.Parameters, Floats]:
    """Return constants and body mass index of people around a mean index (kg/m2)."""
    place = (0.5 + np.sqrt([[2.0], [3.0]]) * np.arange(PEOPLE)) % 1 * 0.998 + 0.001
    normal = ndtri(place)
    indices = index * np.exp(SPREAD_OF_INDEX * normal[0] - SPREAD_OF_INDEX**2 / 2)
    constants = broadcast(values(insulin_resistance.Parameters, phenotype), PEOPLE)
    own = quantile(lookup("insulin_resistance.liver_fat", phenotype), normal[1])
    constants = replace(constants, liver_fat=own)
    threshold = insulin_resistance.personal_threshold(constants, indices)
    return replace(constants, fat_threshold=threshold), indices


def mean_fat(phenotype: str, index: float, lost: float = 0.0) -> float:
    """Return the mean liver fat (%) after a share of weight (%) is lost."""
    constants, indices = people(phenotype, index)
    return float(np.mean(insulin_resistance.fat_target(constants, indices * (1 - lost / 100), 0.0)))


def share_lost(phenotype: str, index: float, lost: float) -> float:
    """Return the share of liver fat (%) that goes with a share of weight (%)."""
    return 100 * (1 - mean_fat(phenotype, index, lost) / mean_fat(phenotype, index))


def by_index(found: Mapping[str, float]) -> Sequence[float]:
    """Return the simulated counterparts of `BY_INDEX`."""
    with changed(found):
        heavy = [mean_fat("type2", 35.1, lost) for lost in (0, 15)]
        light = [mean_fat("type2", 24.5, lost) for lost in (0, 11.9)]
        return [*heavy, *light]


def checks() -> Sequence[float]:
    """Return the simulated counterparts of `CHECKS` with the values of the table."""
    weight_lost = share_lost("type2", 30, 9), share_lost("prediabetes", 35, 8.2)
    return [mean_fat("type2", 33.6), mean_fat("type2", 33.6, 14.8), *weight_lost]


def on_diet(found: Mapping[str, float], days: float = 7) -> Sequence[float]:
    """Return the share of liver fat (%) left after some days of a diet at the weight of the start."""
    with changed(found):
        usual = lookup("body_weight.usual_intake").value * WEIGHT_ON_DIET
        constants, indices = people("type2", 33.6)
        start, end = (
            insulin_resistance.fat_target(constants, indices, deficit) for deficit in (0, usual - DIET_INTAKE)
        )
        left = relax(start, end, constants.fat_time, days)
    return [100 * float(np.mean(left) / np.mean(start))]


def on_insulin(found: Mapping[str, float]) -> Sequence[float]:
    """Return the share of liver fat (%) left on insulin, of which a gain of weight gives some back."""
    with changed(found):
        effect, half = (lookup(f"basal_bolus.{name}").value for name in ("fat_effect", "fat_half_dose"))
        return [
            100
            * (1 - effect * dose / (dose + half))
            * mean_fat("type2", index, -gain)
            / mean_fat("type2", index)
            for index, gain, dose in DOSES
        ]


def main() -> None:
    """Repeat the fits and print them with what was not fitted."""
    found = fit(ACROSS, BY_INDEX, by_index)
    print(report(ACROSS, BY_INDEX, found))
    print("not fitted, with the values of the table: reported, obtained")
    for target, got in zip(CHECKS, checks(), strict=True):
        print(f"  {target.name}: {target.value:g}, {got:.3g} {target.unit} [{target.source}]")
    print(report(DIET, ON_DIET, fit(DIET, ON_DIET, on_diet)))
    print(report(INSULIN, ON_INSULIN, fit(INSULIN, ON_INSULIN, on_insulin)))


if __name__ == "__main__":
    main()
