"""Release tests: what a lot must show before anyone may get it, seen through assays that err.

A test compares a measured value with its limit. The assay error is a normal on the logarithm (counts,
concentrations) or on the logit (shares); cultures and genome tests find a fault with a sensitivity and raise
false alarms. A false reject is a good lot refused by a test, a false accept a bad one passed; both are
counted on the lots at hand. Known: limits for viability, stimulation index and endotoxin of donor islets.
Assumed: limits on composition and residual pluripotent cells, all assay errors. Not modelled: repeat tests,
trends, release by exception.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from insulae.core.parameters import parameter
from insulae.manufacturing.lot import Flags, Lots
from insulae.manufacturing.numbers import Batch, Floats, drawn, normals, uniforms
from insulae.manufacturing.sources import Source


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/manufacturing.csv, `release.*`."""

    quantity_limit: Floats = parameter("dimensionless")
    viability_limit: Floats = parameter("dimensionless")
    identity_limit: Floats = parameter("dimensionless")
    purity_limit: Floats = parameter("dimensionless")
    pluripotent_limit: Floats = parameter("dimensionless")
    endotoxin_limit: Floats = parameter("EU/kg")
    potency_limit: Floats = parameter("dimensionless")
    quantity_error: Floats = parameter("dimensionless")
    viability_error: Floats = parameter("dimensionless")
    identity_error: Floats = parameter("dimensionless")
    purity_error: Floats = parameter("dimensionless")
    pluripotent_error: Floats = parameter("dimensionless")
    endotoxin_error: Floats = parameter("dimensionless")
    potency_error: Floats = parameter("dimensionless")
    sterility_sensitivity: Floats = parameter("dimensionless")
    sterility_false_alarm: Floats = parameter("dimensionless")
    genome_sensitivity: Floats = parameter("dimensionless")
    genome_false_alarm: Floats = parameter("dimensionless")
    testing_time: Floats = parameter("d")


@dataclasses.dataclass(frozen=True)
class Test:
    """One release test over all lots: what is true and what was seen; [lot]."""

    name: str
    is_good: Flags
    passed: Flags

    @property
    def false_rejects(self) -> Floats:
        """Return the number of good lots and how many of them the test refuses."""
        return np.array([self.is_good.sum(), (self.is_good & ~self.passed).sum()], float)

    @property
    def false_accepts(self) -> Floats:
        """Return the number of bad lots and how many of them the test passes."""
        return np.array([(~self.is_good).sum(), (~self.is_good & self.passed).sum()], float)


LABELS = {
    "quantity": "enough living islets",
    "viability": "viability",
    "identity": "identity: beta cells",
    "purity": "purity: endocrine cells",
    "pluripotent": "residual pluripotent cells",
    "endotoxin": "endotoxin",
    "potency": "potency: stimulation index",
    "sterility": "sterility and mycoplasma",
    "genome": "genome",
}
AT_LEAST = ("quantity", "viability", "identity", "purity", "potency")
SHARES = ("viability", "identity", "purity")


def tests_of(source: Source) -> tuple[str, ...]:
    """Return the names of the tests that decide; a pancreas has no stem cells, own islets are given back."""
    if source.name == "own_islets":
        return ("viability", "endotoxin")
    if source.is_pancreas:
        return ("quantity", "viability", "endotoxin", "potency")
    return tuple(LABELS)


def tested(
    lots: Lots, batch: Batch, source: Source, quantity: Floats, changes: Mapping[str, float]
) -> list[Test]:
    """Return the tests of some lots; `quantity` is islets against those ordered."""
    p = drawn(Parameters, batch)
    p = dataclasses.replace(p, **{name: np.full(lots.size, new) for name, new in changes.items()})
    true = {
        "quantity": quantity,
        "viability": lots.viability,
        "identity": lots.beta,
        "purity": lots.endocrine,
        "pluripotent": lots.pluripotent,
        "endotoxin": lots.endotoxin,
        "potency": lots.stimulation_index,
    }
    measured = [name for name in tests_of(source) if name in true]
    errors = normals(batch.seed, [f"assay {name}" for name in measured], batch.runs)
    found = [_measured(p, name, true[name], error) for name, error in zip(measured, errors, strict=True)]
    faults = {"sterility": lots.is_contaminated, "genome": lots.is_abnormal}
    return found + [_fault(p, batch, name, faults[name]) for name in tests_of(source) if name in faults]


def _measured(p: Parameters, name: str, true: Floats, error: Floats) -> Test:
    limit, size = getattr(p, f"{name}_limit"), getattr(p, f"{name}_error")
    if name in SHARES:
        share = np.clip(true, 1e-9, 1 - 1e-9)
        seen = 1 / (1 + (1 / share - 1) * np.exp(-size * error))
    else:
        seen = true * np.exp(size * error)
    if name in AT_LEAST:
        return Test(name, true >= limit, seen >= limit)
    return Test(name, true <= limit, seen <= limit)


def _fault(p: Parameters, batch: Batch, name: str, faulty: Flags) -> Test:
    chance = uniforms(batch.seed, f"assay {name}", batch.runs)
    sensitivity, false_alarm = getattr(p, f"{name}_sensitivity"), getattr(p, f"{name}_false_alarm")
    return Test(name, ~faulty, chance >= np.where(faulty, sensitivity, false_alarm))


def released(lots: Lots, tests: list[Test]) -> Flags:
    """Tell which lots were completed and passed every test."""
    return lots.completed & np.all([test.passed for test in tests], axis=0)


def all_good(lots: Lots, tests: list[Test]) -> Flags:
    """Tell which lots were completed and truly meet every limit."""
    return lots.completed & np.all([test.is_good for test in tests], axis=0)
