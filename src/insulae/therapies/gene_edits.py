"""Gene edits of the islets' cells: less HLA to be seen by T cells, a shield against killing of the HLA-less.

Known: edited pluripotent cells (HLA class I and II removed, CD47 raised) survived in immunocompetent monkeys,
and edited donor islets survived and made C-peptide for twelve weeks in the muscle of one man with type 1
diabetes without drugs. Assumed: what share of recognition goes through each class (class I shows islet
antigens to killer cells, class II helps them), how fast natural killer cells and macrophages clear cells
without class I, and how much of that each shield prevents. Cells whose edit failed keep their antigen, and an
edit holds in the share `efficiency` of the cells of a lot. The graft is one pool: the unedited share lowers
what the average cell shows, where in truth those cells go first. Not modelled: off-target edits, tumors.
"""

import dataclasses
from typing import Annotated, Literal, Protocol

import numpy as np
from pydantic import Field

from insulae.core.described import Described
from insulae.core.parameters import parameter
from insulae.core.pytree import replace
from insulae.core.quantities import Percent
from insulae.physiology.effects import Infusion
from insulae.therapies.base import Enrolled, Floats

Mismatch = Annotated[int, Field(ge=0, le=6)]
N_ALLELES = 6
PERCENT = 100
Shield = Literal["none", "cd47", "hla_e", "pdl1"]


class Edits(Described):
    """What was edited in the cells of a product."""

    hla_class_1: bool = False
    """Class I is removed, so that killer T cells see nothing, but natural killer cells miss it."""
    hla_class_2: bool = False
    """Class II is removed, which takes help from killer T cells."""
    shield: Shield = "none"
    """What keeps innate cells (and in part T cells) off."""
    efficiency: Annotated[Percent, Field(ge=0, le=100)] = 95.0
    """Share of the cells of an average lot in which the edits hold."""


@dataclasses.dataclass(frozen=True)
class EditTable:
    """Values and sources: tables/parameters.csv, `islet_infusion.*`; a share of recognition each."""

    class_1_allorecognition: Floats = parameter("dimensionless")
    class_2_allorecognition: Floats = parameter("dimensionless")
    class_1_autorecognition: Floats = parameter("dimensionless")
    class_2_autorecognition: Floats = parameter("dimensionless")
    missing_self_killing: Floats = parameter("1/d")
    cd47_shielding: Floats = parameter("dimensionless")
    hla_e_shielding: Floats = parameter("dimensionless")
    pdl1_shielding: Floats = parameter("dimensionless")
    pdl1_inhibition: Floats = parameter("dimensionless")
    edit_failure: Floats = parameter("dimensionless")
    minor_antigens: Floats = parameter("dimensionless")
    neo_antigens: Floats = parameter("dimensionless")


class Recognizable(Protocol):
    """What the spec of a product says about its origin and edits."""

    @property
    def source(self) -> str:
        """Return autologous or allogeneic."""
        ...

    @property
    def hla_mismatch(self) -> int | None:
        """Return mismatched alleles of HLA-A, -B and -DR."""
        ...

    @property
    def edits(self) -> Edits | None:
        """Return the edits, if any."""
        ...


def origin(product: Recognizable, enrolled: Enrolled) -> Floats:
    """Return the alloantigen of unedited cells: 1 for an unmatched donor, a trace for the patient's own."""
    if product.source == "autologous":
        return enrolled.draw("islet_infusion.neo_antigens")
    minor = enrolled.draw("islet_infusion.minor_antigens")
    mismatch = N_ALLELES if product.hla_mismatch is None else product.hla_mismatch
    return (minor + (1 - minor) * (mismatch / N_ALLELES)).astype(np.float32)


def edited_share(edits: Edits, enrolled: Enrolled) -> Floats:
    """Return the share of cells in which the edits hold; how often they fail differs between lots."""
    failure = (1 - edits.efficiency / PERCENT) * enrolled.draw("islet_infusion.edit_failure")
    return np.clip(1 - failure, 0, 1).astype(np.float32)


def _hidden(edits: Edits, kind: str, enrolled: Enrolled) -> Floats:
    """Return what share of recognition (`allo` or `auto`) an edited cell escapes."""
    seen = np.ones(enrolled.size, np.float32)
    for present, name in ((edits.hla_class_1, "class_1"), (edits.hla_class_2, "class_2")):
        if present:
            seen = seen * (1 - enrolled.draw(f"islet_infusion.{name}_{kind}recognition"))
    if edits.shield == "pdl1":
        seen = seen * (1 - enrolled.draw("islet_infusion.pdl1_inhibition"))
    return 1 - seen


def recognized(infusion: Infusion, product: Recognizable, enrolled: Enrolled) -> Infusion:
    """Return the infusion with the antigens its islets show and how fast innate cells kill them."""
    alloantigen, autoantigen = origin(product, enrolled), infusion.autoantigen
    edits = product.edits
    if edits is None:
        return replace(infusion, alloantigen=alloantigen)
    share = edited_share(edits, enrolled)
    killing = share * float(edits.hla_class_1) * enrolled.draw("islet_infusion.missing_self_killing")
    if edits.shield != "none":
        killing = killing * (1 - enrolled.draw(f"islet_infusion.{edits.shield}_shielding"))
    return replace(
        infusion,
        alloantigen=alloantigen * (1 - share * _hidden(edits, "allo", enrolled)),
        autoantigen=autoantigen * (1 - share * _hidden(edits, "auto", enrolled)),
        innate_killing=infusion.innate_killing + killing.astype(np.float32),
    )
