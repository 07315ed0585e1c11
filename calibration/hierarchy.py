"""Hierarchical fit of the fast model to individual glucose tests (numpyro).

    python -m calibration.hierarchy --data DIR [--draws 250] [--clamps] [--keep FOLDER] [--write]

prints means, spreads and correlations of the fitted quantities with their uncertainty, how well the draws
have mixed, and what no choice of the quantities explains; `--clamps` foresees the clamps of Kobe from the
glucose tests alone; `--keep` keeps the stages in a folder, so that a run that was broken off goes on;
`--write` writes docs/fast_fit.md and its figure. The table is not written: who repeats the fit compares the
page with the rows. See `hierarchy_people.py` for the data, `hierarchy_population.py`
for the model, docs/decisions/0029 for the choice.
"""

import argparse
from pathlib import Path

import jax
import numpy as np
from twins.clamp_page import checks_of, pairs_of
from twins.page import Check

from calibration import hierarchy_check as check
from calibration.hierarchy_clamp import DRAWS, foreseen, weighed
from calibration.hierarchy_fit import Floats, People, Turned, drawn, turns
from calibration.hierarchy_page import Found, text, write_page
from calibration.hierarchy_people import sample
from calibration.stages import kept
from insulae.core.parameters import value

SEED = 1
CHAINS, WARM_UP = 4, 100


OWN = ("people.py", "hierarchy_people.py", "hierarchy_population.py", "hierarchy_fit.py")
"""Files that the stages rest on besides the model."""


def judged(people: People, turned: Turned, folder: Path, with_clamps: bool) -> tuple[list[Check], Floats]:
    """Return what the clamps say, and how many draws of each person are effective."""
    if with_clamps:
        predictions, effective = foreseen(people, turned, folder, SEED)
        return checks_of(predictions, pairs_of(predictions)), effective
    weights = weighed(people, turned, np.random.default_rng(SEED))[1]
    return [], 1 / (weights**2).sum(axis=0)


def fitted(folder: Path, draws: int, with_clamps: bool, keep: Path | None = None) -> Found:
    """Fit the population to the tests of a folder and check it."""
    people = People(sample(folder))
    turned = kept(keep, "turns", OWN, lambda: turns(people))
    found = kept(keep, f"draws-{draws}", OWN, lambda: drawn(turned, draws, WARM_UP, CHAINS, SEED))
    clamps, effective = kept(
        keep, f"clamps-{with_clamps}", OWN, lambda: judged(people, turned, folder, with_clamps)
    )
    made = kept(keep, f"people-{draws}", OWN, lambda: check.new_people(people, found, SEED))
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
    parser.add_argument("--draws", type=int, default=250, help="of each chain")
    parser.add_argument("--clamps", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder in which the stages are kept")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    with jax.enable_x64(True):
        found = fitted(asked.data, asked.draws, asked.clamps, asked.keep)
    print(text(found))
    if asked.write:
        write_page(found)


if __name__ == "__main__":
    main()
