"""Growth and differentiation: from a vial to islets, in six stages that cells pass, stray from, or die in.

    cells out = cells in * fold          for each stage
    on path   = on path * purity         for each stage up to the endocrine one

Endocrine cells are split between beta, alpha, delta and enterochromaffin cells; the rest are progenitors and
ducts; cells that never became endoderm may stay pluripotent. Known: lengths of the stages, progenitors and
beta cells reached by published protocols, expansion per week. Fitted: purity of the progenitor and endocrine
stages. Assumed: how many cells live through each stage, and how much lots differ. Not modelled: media lots,
operators who learn, cells that change fate after the harvest.
"""

import dataclasses
from typing import Literal

import numpy as np

from insulae.core.parameters import parameter
from insulae.manufacturing.lines import usual_quality
from insulae.manufacturing.lot import Flags, Lots
from insulae.manufacturing.numbers import Batch, Floats, drawn, uniforms, values

STAGES = ("endoderm", "gut_tube", "pancreatic", "endocrine", "immature", "maturing")
ON_PATH = STAGES[:4]
HORMONES = ("beta", "alpha", "delta", "enterochromaffin")
DAYS_PER_WEEK = 7
ML_PER_L = 1000
REFERENCE = "allogeneic_bank"

Freezing = Literal["none", "vitrified", "slow"]


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/manufacturing.csv, `growth.*`."""

    vial_cells: Floats = parameter("cells")
    expansion_fold: Floats = parameter("1/week")
    seeding_density: Floats = parameter("cells/mL")
    endoderm_time: Floats = parameter("d")
    gut_tube_time: Floats = parameter("d")
    pancreatic_time: Floats = parameter("d")
    endocrine_time: Floats = parameter("d")
    immature_time: Floats = parameter("d")
    maturing_time: Floats = parameter("d")
    endoderm_fold: Floats = parameter("dimensionless")
    gut_tube_fold: Floats = parameter("dimensionless")
    pancreatic_fold: Floats = parameter("dimensionless")
    endocrine_fold: Floats = parameter("dimensionless")
    immature_fold: Floats = parameter("dimensionless")
    maturing_fold: Floats = parameter("dimensionless")
    endoderm_purity: Floats = parameter("dimensionless")
    gut_tube_purity: Floats = parameter("dimensionless")
    pancreatic_purity: Floats = parameter("dimensionless")
    endocrine_purity: Floats = parameter("dimensionless")
    beta_weight: Floats = parameter("dimensionless")
    alpha_weight: Floats = parameter("dimensionless")
    delta_weight: Floats = parameter("dimensionless")
    enterochromaffin_weight: Floats = parameter("dimensionless")
    residual_share: Floats = parameter("dimensionless")
    harvest_recovery: Floats = parameter("dimensionless")
    cells_per_islet: Floats = parameter("cells/IEQ")
    viability: Floats = parameter("dimensionless")
    function: Floats = parameter("dimensionless")
    stimulation_index: Floats = parameter("dimensionless")
    endotoxin: Floats = parameter("EU/kg")
    contamination_rate: Floats = parameter("1/d")
    abnormality_rate: Floats = parameter("1/week")
    accident: Floats = parameter("dimensionless")
    endoderm_limit: Floats = parameter("dimensionless")
    pancreatic_limit: Floats = parameter("dimensionless")
    vitrified_recovery: Floats = parameter("dimensionless")
    vitrified_viability: Floats = parameter("dimensionless")
    slow_recovery: Floats = parameter("dimensionless")
    slow_viability: Floats = parameter("dimensionless")


def on_path(p: Parameters) -> dict[str, Floats]:
    """Return the share of cells on the path after each of the first four stages."""
    shares: dict[str, Floats] = {}
    share: Floats = np.ones_like(p.endoderm_purity)
    for stage in ON_PATH:
        share = share * getattr(p, f"{stage}_purity")
        shares[stage] = share
    return shares


def fold(p: Parameters) -> Floats:
    """Return harvested cells per cell seeded."""
    total: Floats = np.asarray(p.harvest_recovery)
    for stage in STAGES:
        total = total * getattr(p, f"{stage}_fold")
    return total


def beta_share(p: Parameters) -> Floats:
    """Return the share of beta cells among living cells."""
    weights = sum(getattr(p, f"{kind}_weight") for kind in HORMONES)
    return on_path(p)["endocrine"] * p.beta_weight / weights


def differentiation_time(p: Parameters) -> Floats:
    """Return the days of all stages."""
    return sum(getattr(p, f"{stage}_time") for stage in STAGES)  # type: ignore[return-value]


def volume_for(target: float, margin: float, material: str) -> float:
    """Return the liters of culture whose median run gives the target of living islets times a margin."""
    p = values(Parameters, material, usual_quality(material))
    per_liter = p.seeding_density * ML_PER_L * fold(p) / p.cells_per_islet * p.viability
    return float(target * margin / per_liter)


def grown(batch: Batch, volume: float, freezing: Freezing) -> Lots:
    """Return the lots of some runs, each of a volume of culture in liters."""
    p = drawn(Parameters, batch)
    seeded = p.seeding_density * ML_PER_L * volume
    expansion = DAYS_PER_WEEK * np.log(seeded / p.vial_cells) / np.log(p.expansion_fold)
    expansion = np.maximum(expansion, 0.0)
    kept, days = _in_process(p, batch, expansion)
    recovery, survival = _after_freezing(p, freezing)
    cells = np.where(kept, seeded * fold(p) * recovery, 0.0)
    weeks = (expansion + differentiation_time(p)) / DAYS_PER_WEEK
    return Lots(
        islets=cells / p.cells_per_islet,
        cells=cells,
        viability=p.viability * survival,
        **_composition(p),
        function=p.function,
        stimulation_index=p.stimulation_index * p.function,
        potency=p.function * beta_share(p) / reference_potency(),
        endotoxin=p.endotoxin,
        is_contaminated=_happens(batch, "contamination", p.contamination_rate * weeks * DAYS_PER_WEEK),
        is_abnormal=_happens(batch, "abnormality", p.abnormality_rate * weeks),
        completed=kept,
        offered=np.zeros(batch.size),
        days=days,
        volume=np.full(batch.size, volume),
    )


def reference_potency() -> float:
    """Return function times share of beta cells in the reference product, a usual lot of a usual bank."""
    p = values(Parameters, REFERENCE, usual_quality(REFERENCE))
    return float(p.function * beta_share(p))


def _happens(batch: Batch, event: str, exposure: Floats) -> Flags:
    return uniforms(batch.seed, f"run {event}", batch.runs) < 1 - np.exp(-exposure)


def _composition(p: Parameters) -> dict[str, Floats]:
    """Return the shares of all kinds of cells; pluripotent cells remain as cells fail to become endoderm."""
    endocrine = on_path(p)["endocrine"]
    usual = 1 - values(Parameters).endoderm_purity
    residual = np.minimum(p.residual_share * (1 - p.endoderm_purity) / usual, 1 - endocrine)
    weights = sum(getattr(p, f"{kind}_weight") for kind in HORMONES)
    shares = {kind: endocrine * getattr(p, f"{kind}_weight") / weights for kind in HORMONES}
    return shares | {
        "progenitor": 1 - endocrine - residual,
        "pluripotent": residual,
        "endocrine": endocrine,
    }


def _in_process(p: Parameters, batch: Batch, expansion: Floats) -> tuple[Flags, Floats]:
    """Return which runs reach the harvest, and their days; poor endoderm or few progenitors end a run."""
    shares = on_path(p)
    accident = uniforms(batch.seed, "run accident", batch.runs) < p.accident
    poor_endoderm = shares["endoderm"] < p.endoderm_limit
    few_progenitors = shares["pancreatic"] < p.pancreatic_limit
    to_endoderm = expansion + p.endoderm_time
    to_progenitors = to_endoderm + p.gut_tube_time + p.pancreatic_time
    whole = expansion + differentiation_time(p)
    days = np.where(poor_endoderm, to_endoderm, np.where(few_progenitors | accident, to_progenitors, whole))
    return ~(accident | poor_endoderm | few_progenitors), days


def _after_freezing(p: Parameters, freezing: Freezing) -> tuple[Floats, Floats]:
    """Return the share of cells recovered and the factor on viability after thawing."""
    if freezing == "none":
        return np.ones_like(p.viability), np.ones_like(p.viability)
    return getattr(p, f"{freezing}_recovery"), getattr(p, f"{freezing}_viability")
