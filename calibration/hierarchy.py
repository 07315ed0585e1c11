"""Hierarchical fit of the fast model to individual glucose tests (numpyro).

    python -m calibration.hierarchy --data DIR [--draws 300] [--clamps] [--write]

prints means, spreads and correlations of the fitted quantities with their uncertainty, how well the draws
have mixed, and what no choice of the quantities explains; `--clamps` foresees the clamps of Kobe from the
glucose tests alone; `--write` writes docs/fast_fit.md and its figure. The table is not written: who repeats
the fit compares the page with the rows. See `hierarchy_people.py` for the data, `hierarchy_population.py`
for the model, docs/decisions/0029 for the choice.
"""

import argparse
from pathlib import Path

import jax
import numpy as np
from twins.clamp_page import checks_of, pairs_of

from calibration import hierarchy_check as check
from calibration.hierarchy_clamp import DRAWS, foreseen, weighed
from calibration.hierarchy_fit import People, drawn, turns
from calibration.hierarchy_page import Found, text, write_page
from calibration.hierarchy_people import sample
from insulae.core.parameters import value

SEED = 1
CHAINS, WARM_UP = 2, 200


def fitted(folder: Path, draws: int, with_clamps: bool) -> Found:
    """Fit the population to the tests of a folder and check it."""
    people = People(sample(folder))
    turned = turns(people)
    found = drawn(turned, draws, WARM_UP, CHAINS, SEED)
    clamps = []
    if with_clamps:
        predictions, effective = foreseen(people, turned, folder, SEED)
        clamps = checks_of(predictions, pairs_of(predictions))
    else:
        weights = weighed(people, turned, np.random.default_rng(SEED))[1]
        effective = 1 / (weights**2).sum(axis=0)
    made = check.new_people(people, found, SEED)
    return Found(
        number=people.sample.number,
        turned=turned,
        drawn=found,
        shrinkage=check.shrinkage(people, turned),
        bands=check.bands(people, made),
        misses=check.own_misses(people, turned),
        clamps=clamps,
        weights=effective / DRAWS,
        time=value("measurement_error.test_time"),
    )


def main() -> None:
    """Read the arguments, fit, print, and write the page where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--clamps", action="store_true")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    with jax.enable_x64(True):
        found = fitted(asked.data, asked.draws, asked.clamps)
    print(text(found))
    if asked.write:
        write_page(found)


if __name__ == "__main__":
    main()
