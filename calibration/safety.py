"""Severe hypoglycemia: how often a day spent below 54 mg/dL leads to it, and how much people differ.

People with type 1 diabetes on injections are simulated as they come; the time of each below 54 mg/dL, times
a rate, times a lognormal susceptibility, is the yearly number to expect. The rate follows from the 1.3
episodes a year of unselected adults, the spread of susceptibility from the 36.7 % who had any (pedersen2004,
abstract). What remains as a check: 5 % of the people had 54 % of the episodes.

Run it with `python -m calibration.safety`.
"""

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtri

from calibration.simulated import simulated
from insulae.core.clock import DAYS_PER_YEAR
from insulae.core.glucose_levels import LEVEL_2_LOW
from insulae.core.parameters import lookup

STUDY = Path(__file__).parents[1] / "studies" / "safety.yaml"
ARM, WEEKS = "standard care", (0, 13, 26, 39, 52)
SIZE = 256
RATE, SHARE_WITH_ANY = 1.3, 0.367
FEW, SHARE_OF_FEW = 0.05, 0.54
QUANTILES = 400
PEOPLE = 200_000
Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Found:
    """The fitted values, and what share of all episodes the most affected 5 % of people have."""

    rate: float
    spread: float
    share_of_few: float


def low_shares(size: int = SIZE) -> Floats:
    """Return the share of time below 54 mg/dL of each simulated person, the mean of windows over a year.

    The time is that of interstitial glucose itself, which the hazard follows, not of what a sensor shows.
    """
    changes = [f"visits={list(WEEKS)}", "horizon=52 weeks", "arms=[{name: standard care}]"]
    stored = f"stored_traces={{patients: {size}, weeks: {list(WEEKS)}}}"
    found = simulated(STUDY, size, overrides=[*changes, stored, "background_mortality=false"])
    return np.mean([found.glucose(ARM, week) < LEVEL_2_LOW for week in WEEKS], axis=(0, 2))


def susceptibilities(spread: float) -> Floats:
    """Return evenly spaced quantiles of a lognormal with mean 1."""
    sigma = np.sqrt(np.log1p(spread**2))
    draws = np.exp(sigma * ndtri((np.arange(QUANTILES) + 0.5) / QUANTILES))
    return draws / draws.mean()


def share_with_any(low: Floats, rate: float, spread: float) -> float:
    """Return the share of people with at least one episode in a year."""
    expected = np.outer(rate * DAYS_PER_YEAR * low, susceptibilities(spread))
    return float(np.mean(1 - np.exp(-expected)))


def share_of_few(low: Floats, rate: float, spread: float) -> float:
    """Return the share of all episodes of a year that the most affected 5 % of people have."""
    generator = np.random.default_rng(1)
    person = generator.choice(low, PEOPLE) * generator.choice(susceptibilities(spread), PEOPLE)
    episodes = np.sort(generator.poisson(rate * DAYS_PER_YEAR * person))
    return float(episodes[-int(FEW * PEOPLE) :].sum() / episodes.sum())


def fitted(low: Floats) -> Found:
    """Return the rate and the spread that give the published numbers in people with these times below 54."""
    rate = RATE / (DAYS_PER_YEAR * float(low.mean()))
    spread = float(brentq(lambda s: share_with_any(low, rate, s) - SHARE_WITH_ANY, 0.01, 50))
    return Found(rate, spread, share_of_few(low, rate, spread))


def main() -> None:
    """Print the fit beside the table and the check that entered nothing."""
    low = low_shares()
    found = fitted(low)
    rate, spread = (lookup(f"body_events.{n}") for n in ("severe_hypoglycemia_rate", "susceptibility"))
    print(f"time below 54 mg/dL of {len(low)} people: mean {low.mean():.2%}, median {np.median(low):.2%}")
    print(
        f"body_events.severe_hypoglycemia_rate: table {rate.value:g}, fit {found.rate:.4g} per day below 54"
    )
    print(f"body_events.susceptibility, spread: table {spread.spread:g}, fit {found.spread:.4g}")
    print(
        f"share of episodes of the most affected 5 %: {found.share_of_few:.0%}, published {SHARE_OF_FEW:.0%}"
    )


if __name__ == "__main__":
    main()
