"""Residual pluripotent cells of a stem-cell product, and the growths that may come of them.

The yearly risk is the number of residual cells given times a risk for each. Known: a digital PCR test finds
one residual cell in a million islet cells (residualcells2023), and no growth has been reported in the first
trials (ramzy2021, reichman2025). Assumed: that a product holds as many as the test can just see, the risk of
each, and that it does not fade. Lots of `manufacturing/` hold what their release test lets through, some
twenty times as many. The two are ends of what is possible; known is a bound: none in 29 patients followed for
about a year is compatible with up to 10 growths in 100 patient-years (docs/manufacturing.md).
A growth under the skin, in muscle or in the abdomen can be taken out with the graft; one in the liver cannot.
When imaging finds it and what becomes of the graft is in `trials/consequences.py`.
"""

import dataclasses
from typing import Annotated

import numpy as np
from pydantic import Field

from insulae.core.parameters import parameter
from insulae.core.quantities import Percent
from insulae.therapies.base import Enrolled, Floats, Risks

ResidualShare = Annotated[Percent, Field(ge=0, le=100)]
IN_LIVER = ("portal_vein",)
"""Sites from which islets cannot be taken out again."""


@dataclasses.dataclass(frozen=True)
class ResidualTable:
    """Values and sources: tables/parameters.csv, `islet_infusion.*`."""

    residual_share: Floats = parameter("dimensionless")
    residual_growth: Floats = parameter("1/year")


def residual_cells(share: float | None, islets: Floats, enrolled: Enrolled) -> Floats:
    """Return the residual cells among the islets (IEQ) each patient gets.

    `share` is the percentage of residual cells, None for what the table says.
    """
    cells = islets * enrolled.draw("islet_infusion.cells_per_islet")
    return cells * (enrolled.draw("islet_infusion.residual_share") if share is None else share / 100)


def growth_risks(site: str, residual: Floats, enrolled: Enrolled) -> Risks:
    """Return the yearly risk of a growth from a number of residual cells given at a site."""
    event = "teratoma_in_liver" if site in IN_LIVER else "teratoma"
    return {event: (residual * enrolled.draw("islet_infusion.residual_growth")).astype(np.float32)}
