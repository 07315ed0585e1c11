"""Islets from a manufactured lot: how many a patient is given, and how well they secrete.

Known and assumed: see `manufacturing/`. The lot's living islets, at most those ordered, are the dose; its
potency, relative to the usual product of its kind, multiplies that of the product. Who has no released lot
gets none. The residual pluripotent cells of the lot go along (see `residual_cells.py`). An infusion is given
on its day all the same; that a lot takes time is `made_to_order.py`.
"""

import dataclasses

import numpy as np

from insulae.manufacturing.supply import LotRequest, supplied
from insulae.therapies.base import Enrolled, Floats

NUMBER = "islet_infusion.lot_number"


@dataclasses.dataclass(frozen=True)
class GivenLot:
    """What the lots bring: islet equivalents, relative potency, residual pluripotent cells and the days until
    they are there; [patient]."""

    islets: Floats
    potency: Floats
    residual_cells: Floats
    days: Floats


def given_lot(lot: LotRequest, enrolled: Enrolled) -> GivenLot:
    """Return what each patient is given; a patient's own number picks the lot."""
    supply = supplied(lot, enrolled.draw(NUMBER))
    found = (supply.islets, supply.potency, supply.pluripotent_cells, supply.days)
    return GivenLot(*(np.asarray(values, np.float32) for values in found))


def mistake(dose: str | None, lot: LotRequest | None, source: str, product: str) -> str:
    """Return what does not go together in an infusion, or nothing."""
    if lot is None:
        return ""
    if dose is not None:
        return "give a dose or a lot, not both; the lot's target is the dose"
    cells = lot.cells
    owner = "autologous" if cells.is_own else "allogeneic"
    if source != owner:
        return f"cells of '{cells.name}' are {owner}, not {source}"
    if product != cells.product:
        return f"cells of '{cells.name}' are the product {cells.product}, not {product}"
    return ""
