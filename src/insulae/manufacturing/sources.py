"""Where cells come from: seven starting materials, what is known of each and what is assumed.

Their numbers stand in `tables/manufacturing.csv` under the material's name. Not modelled: haplotype-matched
banks of many lines, gene-edited lines, xenogeneic islets.
"""

import dataclasses

from insulae.core.registry import Family


@dataclasses.dataclass(frozen=True)
class Source:
    """A starting material: made for one patient (`is_own`) or for many, grown or taken from a pancreas."""

    name: str
    title: str
    is_own: bool
    is_pancreas: bool
    known: str
    assumed: str

    @property
    def product(self) -> str:
        """Return the kind of islets: `donor` from a pancreas, else `stem_cell`."""
        return "donor" if self.is_pancreas else "stem_cell"


family: Family[Source] = Family("source of cells")

for _source in (
    Source(
        "autologous_ipsc",
        "the patient's own pluripotent stem cells",
        True,
        False,
        "blood or skin cells, much the same, are reprogrammed by vectors that do not integrate; a share of "
        "lines carries chromosomal aberrations",
        "success and time of reprogramming, the share of clones with a harmful mutation",
    ),
    Source(
        "autologous_chemical",
        "the patient's own pluripotent stem cells, made by small molecules",
        True,
        False,
        "cells of fifteen of fifteen donors were reprogrammed within ten to sixteen days; the first person "
        "with type 1 diabetes who was given islets of own cells had such",
        "that cells without vectors are banked sooner; aberrations, growth and purity as of other own cells",
    ),
    Source(
        "autologous_endoderm",
        "the patient's own endoderm stem cells",
        True,
        False,
        "endoderm stem cells were the starting point of the first reported type 2 case",
        "everything in numbers: time to derive them, a tenth of the residual pluripotent cells, purity of "
        "endoderm",
    ),
    Source(
        "allogeneic_bank",
        "a master bank of one donor's pluripotent stem cells",
        False,
        False,
        "one line serves many patients, and it can be the best of several",
        "the number of candidate lines, years of use of a bank",
    ),
    Source(
        "embryonic_line",
        "a bank of an embryonic line",
        False,
        False,
        "a qualified bank of an embryonic line fed trials of pancreatic progenitors",
        "as the bank of reprogrammed cells, without reprogramming",
    ),
    Source(
        "donor_islets",
        "islets of a deceased donor's pancreas",
        False,
        True,
        "islets infused per procedure, limits of release",
        "days until a pancreas is offered, composition and function of the islets",
    ),
    Source(
        "own_islets",
        "the patient's own islets after removal of the pancreas",
        True,
        True,
        "islets are isolated and given back the same day, whatever the cultures show later",
        "yield from an inflamed pancreas, share of contaminated preparations",
    ),
):
    family.add(_source.name, _source)
