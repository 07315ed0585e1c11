"""The line of cells that a lot starts from: attempts, time, screening, and how good it is.

Known: reprogramming may fail, and of clones some carry chromosomal aberrations or mutations. An attempt
succeeds when reprogramming does and at least one of the picked clones passes both screens. Where one line
serves many, several candidates are made and the best is kept. Assumed: quality is one number per line that
all its lots share. Not modelled: donors whose cells resist every method, aging of a bank.
"""

import dataclasses

import numpy as np
from scipy.special import ndtri

from insulae.core.parameters import parameter
from insulae.manufacturing.numbers import Batch, Floats, Integers, drawn, normals, uniforms, value


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/manufacturing.csv, `lines.*`."""

    collection_time: Floats = parameter("d")
    reprogramming_success: Floats = parameter("dimensionless")
    reprogramming_time: Floats = parameter("d")
    banking_time: Floats = parameter("d")
    screening_time: Floats = parameter("d")
    clones: Floats = parameter("dimensionless")
    karyotype_pass: Floats = parameter("dimensionless")
    mutation_pass: Floats = parameter("dimensionless")
    endoderm_time: Floats = parameter("d")
    endoderm_success: Floats = parameter("dimensionless")
    candidates: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class Lines:
    """Attempts to make a line: whether it worked, why not, days without and with the collection; [line]."""

    succeeded: np.ndarray
    reprogrammed: np.ndarray
    passed_screens: np.ndarray
    days: Floats
    collection: Floats


def made(material: str, seed: int, lines: Integers, worlds: Integers) -> Lines:
    """Return the outcome of each attempt; a failed reprogramming ends before banking and screening."""
    p = drawn(Parameters, Batch(material, seed, lines, np.zeros(len(lines)), worlds))
    chance = {
        step: uniforms(seed, f"line {step}", lines) for step in ("reprogramming", "screens", "endoderm")
    }
    reprogrammed = chance["reprogramming"] < p.reprogramming_success
    clone = p.karyotype_pass * p.mutation_pass
    passed = reprogrammed & (chance["screens"] < 1 - (1 - clone) ** np.round(p.clones))
    derived = chance["endoderm"] < p.endoderm_success
    later = p.banking_time + p.screening_time + p.endoderm_time * passed
    return Lines(
        succeeded=passed & derived,
        reprogrammed=reprogrammed,
        passed_screens=passed,
        days=p.reprogramming_time + later * reprogrammed,
        collection=p.collection_time,
    )


def quality(material: str, seed: int, lines: Integers) -> Floats:
    """Return the quality of each line: a standard normal, or the best of as many as there are candidates."""
    candidates = round(value("lines.candidates", material))
    return normals(seed, [f"quality {i}" for i in range(candidates)], lines).max(axis=0)


def usual_quality(material: str) -> float:
    """Return the median quality of a line that is the best of its candidates; zero where there is one."""
    return float(ndtri(0.5 ** (1 / round(value("lines.candidates", material)))))
