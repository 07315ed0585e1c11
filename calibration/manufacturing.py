"""The fits behind `tables/manufacturing.csv`: two purities to published shares, donors' yields to a registry.

`python -m calibration.manufacturing` repeats them and prints what they lead to. Fitted are the purity of the
progenitor stage, to the mean of two published shares of PDX1+ NKX6.1+ cells; the purity of the endocrine
stage, to the middle of what protocols report as beta cells; and median and spread of the islets of a donor
pancreas, to mean and standard deviation of the islets infused, under the rule that an isolation below 4000
IEQ per kg for 70 kg is not infused (ricordi2016, Table 3, the limit of later infusions). Held out: islets
from three liters of culture, days of differentiation, the share of isolations that are used.
"""

import dataclasses

import numpy as np
from scipy.optimize import brentq, least_squares
from scipy.stats import lognorm

from insulae.manufacturing import growth
from insulae.manufacturing.numbers import lookup, values

PROGENITORS = {"verhoeff2025": 0.904, "balboa2022": 0.80}
BETA_CELLS = 0.40
INFUSED_MEAN, INFUSED_SD = 445.4e3, 156.8e3
LEAST_INFUSED = 4000 * 70.0


def purities() -> dict[str, float]:
    """Return the purities that give the published shares of progenitors and of beta cells."""
    p = values(growth.Parameters)
    before = p.endoderm_purity * p.gut_tube_purity
    pancreatic = float(np.mean(list(PROGENITORS.values()))) / before

    def excess(endocrine: float) -> float:
        there = dataclasses.replace(p, pancreatic_purity=pancreatic, endocrine_purity=endocrine)
        return float(growth.beta_share(there)) - BETA_CELLS

    return {
        "growth.pancreatic_purity": pancreatic,
        "growth.endocrine_purity": float(brentq(excess, 0.1, 0.999)),
    }


def infused(median: float, spread: float) -> tuple[float, float, float]:
    """Return mean and standard deviation of the isolations above the least dose, and their share."""
    yields = lognorm(spread, scale=median)
    share = float(yields.sf(LEAST_INFUSED))
    chance = (np.arange(20000) + 0.5) / 20000
    above = yields.isf(chance * share)
    return float(above.mean()), float(above.std()), share


def donors() -> dict[str, float]:
    """Return median and spread of the islets of a pancreas that make infusions look like the registry's."""

    def misses(logs: np.ndarray) -> list[float]:
        mean, deviation, _ = infused(*np.exp(logs))
        return [np.log(mean / INFUSED_MEAN), np.log(deviation / INFUSED_SD)]

    median, spread = np.exp(least_squares(misses, np.log([3e5, 0.5])).x)
    return {"isolation.islets": float(median), "isolation.islets spread": float(spread)}


def main() -> None:
    """Print the fits beside the table, and what was held out."""
    found = purities() | donors()
    for name, fitted in found.items():
        row = lookup(name.removesuffix(" spread"), "donor_islets" if "islets" in name else "any")
        print(f"{name}: {row.spread if name.endswith('spread') else row.value:.4g} -> {fitted:.4g}")
    mean, deviation, share = infused(found["isolation.islets"], found["isolation.islets spread"])
    print(f"infused: {mean:.4g} +- {deviation:.3g} IEQ (registry {INFUSED_MEAN:.4g} +- {INFUSED_SD:.3g})")
    p = values(growth.Parameters)
    islets = 3 * p.seeding_density * growth.ML_PER_L * growth.fold(p) / p.cells_per_islet
    print("held out:")
    print(f"  isolations used: {share:.0%} (about half, recalled)")
    print(f"  islets from 3 L: {islets:.3g} IEQ (1.5 to 2.0 million wanted of one vessel)")
    print(f"  days of differentiation: {growth.differentiation_time(p):.0f} (27 to 40)")


if __name__ == "__main__":
    main()
