"""The fastest rise of glucose that the first phase still answers, from the clamps of half of the people.

    python -m calibration.first_phase --data DIR

Everybody's own values are those of the glucose test alone, in which glucose hardly rises by more than 2 mg/dL
a minute; the hyperglycemic clamp of the same people raises it by 15 to 20. For some fastest rises the median
over people of simulated over measured insulin and C-peptide of the first ten minutes, above their
beginning, is found in one half of the people (even numbers), where it should be one, and told for the other.
"""

import argparse
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq
from twins.clamp import CLAMP, Subject, clamp, subjects

from calibration.hierarchy_clamp import course, schedule_of, seen
from calibration.hierarchy_fit import People, Turned, turns
from calibration.hierarchy_people import known, sample
from insulae.core.pytree import replace

TRIED = (2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 20.0, 1000.0)
UNTIL = 10.0


def rises(minutes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the mean rise above the beginning within ten minutes, of values [time, person]."""
    early = minutes <= UNTIL
    return np.trapezoid(values[early], minutes[early], axis=0) / UNTIL - values[0]


def ratios(people: People, turned: Turned, folder: Path) -> tuple[np.ndarray, list[Subject]]:
    """Return the logarithms of simulated over measured first phase, [fastest rise, kind, person]."""
    kobe = people.sample.study == 0
    tested = list(subjects(next(iter(sorted(folder.rglob("ohashi_OGTT.csv")))).parent))
    body = known(people.sample.part(kobe))
    schedule, one = schedule_of(tested, body), clamp(tested[0], 1.7, 60.0).schedule
    first = jnp.array([s.clamp[0, 0] for s in tested])
    measured = np.stack([rises(CLAMP, np.array([s.clamp[k] for s in tested]).T) for k in (1, 2)])
    found = []
    for rise in TRIED:
        secretion = replace(body.fast.secretion, fastest_rise=jnp.asarray(rise))
        changed = replace(body, fast=replace(body.fast, secretion=secretion))
        made = seen(course(changed, first, turned.logarithms[:, kobe], schedule), one, body)
        n = len(CLAMP)
        simulated = np.stack([rises(CLAMP, made[1 : 1 + n]), rises(CLAMP, made[1 + n :])])
        found.append(np.log(np.maximum(simulated, 1) / np.where(measured > 0, measured, np.nan)))
    return np.array(found), tested


def fitted(found: np.ndarray) -> float:
    """Return the fastest rise at which the median ratio of both kinds is one."""
    middle = np.nanmedian(found, axis=2).mean(axis=1)

    def of(logarithm: float) -> float:
        return float(np.interp(logarithm, np.log(TRIED), middle))

    return float(np.exp(brentq(of, np.log(TRIED[0]), np.log(TRIED[-1]))))


def report(found: np.ndarray, groups: Any) -> None:
    """Print the ratios of both halves, and the fastest rise that each finds."""
    half = np.arange(found.shape[2]) % 2 == 0
    print("fastest rise: median simulated over measured, insulin and C-peptide; fitted half, other half")
    for rise, row in zip(TRIED, found, strict=True):
        cells = [f"{v:.2f}" for part in (half, ~half) for v in np.exp(np.nanmedian(row[:, part], axis=1))]
        print(f"  {rise:6.0f}: {', '.join(cells)}")
    print(f"fitted in one half {fitted(found[..., half]):.2f}, in the other {fitted(found[..., ~half]):.2f}")
    for group in ("NGT", "IGT", "T2DM"):
        print(f"  {group}: {fitted(found[..., groups == group]):.2f} mg/dL/min")


def main() -> None:
    """Read the arguments, fit the glucose tests, try fastest rises, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    asked = parser.parse_args()
    with jax.enable_x64(True):
        people = People(sample(asked.data))
        found, tested = ratios(people, turns(people), asked.data)
    report(found, np.array([s.group for s in tested]))


if __name__ == "__main__":
    main()
