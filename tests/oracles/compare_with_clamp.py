"""Hold indices of an oral glucose test against the clamp of the same people (Ohashi 2018, CC BY 4.0).

    python -m tests.oracles.compare_with_clamp FOLDER

The folder holds ohashi_OGTT.csv, ohashi_subjectinfo.csv and ohashi_clamp_indices.csv. Printed are rank
correlations with the clamp's insulin sensitivity (glucose infusion over glucose and insulin) and with the
insulin of its first ten minutes. They check that formulas are used right; nothing was fitted.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from insulae.islet_function.data import IsletData, Samples
from insulae.islet_function.registry import evaluate

MINUTES = np.array([0.0, 30.0, 60.0, 90.0, 120.0])
NAMES = (
    "matsuda",
    "ogis",
    "homa1_resistance",
    "insulinogenic",
    "c_peptide_index",
    "disposition",
    "fasting_secretion",
)
SENSITIVITY, FIRST_PHASE = 2, 3  # columns of the clamp's indices


def rows(path: Path) -> dict[str, list[str]]:
    """Return the rows of a file by their first column."""
    lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))
    return {line[0]: line for line in lines[1:]}


def samples(cells: list[str], factor: float) -> Samples:
    """Return the values there are."""
    there = [place for place, cell in enumerate(cells) if cell.strip()]
    values = np.array([float(cells[place].replace(",", ".")) * factor for place in there])
    return Samples(MINUTES[there], values, np.zeros(len(there), dtype=bool))


def person(test: list[str], about: list[str]) -> IsletData:
    """Return the glucose test of one person."""
    return IsletData(
        glucose=samples(test[1:6], 1.0),
        insulin=samples(test[6:11], 6.0),
        c_peptide=samples(test[11:16], 1.0e6 / 3020.3),
        test="oral glucose",
        glucose_load=75.0,
        sex="male" if about[1] == "1" else "female",
        age=float(about[2]),
        height=float(about[3]),
        body_weight=float(about[4]),
        is_type2=about[6] == "T2DM",
    )


def main(folder: Path) -> None:
    """Print one line for each index."""
    tests, people = rows(folder / "ohashi_OGTT.csv"), rows(folder / "ohashi_subjectinfo.csv")
    clamps = rows(folder / "ohashi_clamp_indices.csv")
    found = {
        key: {f.index.name: f.value for f in evaluate(person(test, people[key]))}
        for key, test in tests.items()
    }
    for name in NAMES:
        known = [key for key, values in found.items() if values[name] is not None]
        values = [found[key][name] for key in known]
        clamp = [[float(clamps[key][column]) for key in known] for column in (SENSITIVITY, FIRST_PHASE)]
        rho, first = (spearmanr(values, one)[0] for one in clamp)
        print(f"{name:<18} {len(known)} people   clamp sensitivity {rho:5.2f}   first phase {first:5.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
