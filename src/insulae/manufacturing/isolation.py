"""Islets taken from a pancreas: a deceased donor's, or the patient's own when it is removed.

Known: islets infused per procedure in the registry, limits of release. Fitted: median and spread of the
yield of donors, so that isolations that reach the limit look like the registry's infusions. Assumed: what an
inflamed pancreas yields, how often cultures turn positive, composition. Not modelled: donor age, weight, cold
ischemia, culture time, exocrine tissue in the preparation.
"""

import dataclasses

import numpy as np

from insulae.core.parameters import parameter
from insulae.manufacturing.lot import Lots
from insulae.manufacturing.numbers import Batch, Floats, drawn, uniforms, value


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/manufacturing.csv, `isolation.*`."""

    offer_time: Floats = parameter("d")
    processing_time: Floats = parameter("d")
    islets: Floats = parameter("IEQ")
    cells_per_islet: Floats = parameter("cells/IEQ")
    viability: Floats = parameter("dimensionless")
    endocrine: Floats = parameter("dimensionless")
    beta: Floats = parameter("dimensionless")
    alpha: Floats = parameter("dimensionless")
    function: Floats = parameter("dimensionless")
    stimulation_index: Floats = parameter("dimensionless")
    endotoxin: Floats = parameter("EU/kg")
    contamination: Floats = parameter("dimensionless")


def isolated(batch: Batch) -> Lots:
    """Return the preparation of each pancreas; `alpha` is of the endocrine cells that are not beta."""
    p = drawn(Parameters, batch)
    beta = p.endocrine * p.beta
    rest = p.endocrine - beta
    none = np.zeros(batch.size)
    return Lots(
        islets=p.islets,
        cells=p.islets * p.cells_per_islet,
        viability=p.viability,
        beta=beta,
        alpha=rest * p.alpha,
        delta=rest * (1 - p.alpha),
        enterochromaffin=none,
        progenitor=1 - p.endocrine,
        pluripotent=none,
        endocrine=p.endocrine,
        function=p.function,
        stimulation_index=p.stimulation_index * p.function,
        potency=p.function * p.beta / value("isolation.beta", "donor_islets"),
        endotoxin=p.endotoxin,
        is_contaminated=uniforms(batch.seed, "run contamination", batch.runs) < p.contamination,
        is_abnormal=np.zeros(batch.size, bool),
        completed=np.ones(batch.size, bool),
        offered=p.offer_time,
        days=p.processing_time,
        volume=none,
    )
