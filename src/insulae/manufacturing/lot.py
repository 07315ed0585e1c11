"""The lot: what comes out of one run, as it truly is; the release tests see it through their errors.

Every field is [lot]. Composition is a share of living cells. `potency` is secretion per living islet
equivalent relative to the reference product: a usual lot of a usual bank, or a usual donor's islets.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

KINDS = ("beta", "alpha", "delta", "enterochromaffin", "progenitor", "pluripotent")


@dataclasses.dataclass(frozen=True)
class Lots:
    """Lots after harvest: counts, shares, function, safety, and how long and in how much medium they grew.

    Islets in IEQ, endotoxin in EU per kg of recipient, stimulation index dimensionless, volume in L;
    `offered` is the wait for a pancreas and `days` the run itself, in d. `completed` is false for a run that
    was stopped on the way, whose counts are zero.
    """

    islets: Floats
    cells: Floats
    viability: Floats
    beta: Floats
    alpha: Floats
    delta: Floats
    enterochromaffin: Floats
    progenitor: Floats
    pluripotent: Floats
    endocrine: Floats
    function: Floats
    stimulation_index: Floats
    potency: Floats
    endotoxin: Floats
    is_contaminated: Flags
    is_abnormal: Flags
    completed: Flags
    offered: Floats
    days: Floats
    volume: Floats

    @property
    def size(self) -> int:
        """Number of lots."""
        return len(self.islets)

    @property
    def living_islets(self) -> Floats:
        """Return the islet equivalents times their viability (IEQ)."""
        return self.islets * self.viability

    def composition(self) -> Floats:
        """Return the shares of the kinds of cells, [kind, lot]."""
        return np.stack([getattr(self, kind) for kind in KINDS])

    def taken(self, places: NDArray[np.int64]) -> "Lots":
        """Return some of the lots."""
        return Lots(**{f.name: getattr(self, f.name)[places] for f in dataclasses.fields(self)})
