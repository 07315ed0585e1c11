"""What a study asks of manufacturing: the lot each patient is given, drawn from released lots alone.

An own source makes every patient a lot; a bank has some released lots, and a patient gets a dose of one of
them. Known and assumed: see the modules of the steps. Not modelled here: queues; `insulae manufacture`
simulates them.
"""

import dataclasses
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from insulae.core.described import Described
from insulae.core.quantities import QuantityIn
from insulae.manufacturing import growth
from insulae.manufacturing.growth import Freezing
from insulae.manufacturing.lot import Floats
from insulae.manufacturing.making import Made, Process, made
from insulae.manufacturing.sources import Source, family

Islets = Annotated[float, QuantityIn("IEQ", example="1.2e6 IEQ"), Field(gt=0, le=1e7)]
"""Islets of one dose: a healthy pancreas holds about a million."""
Liters = Annotated[float, QuantityIn("L", example="3 L"), Field(gt=0, le=10_000)]

OWN_MARGIN = 1.5
BANK_DOSES = 20
SHARED = 20
"""Lots of a bank that patients share unless a study says otherwise."""
MANY = 2**24
TOLD = 500
DAYS_PER_WEEK = 7


class LotRequest(Described):
    """A lot made to order: from which cells, how many islets, in how much culture, frozen or not.

    `volume` is what gives half as much again as one dose for own lots, and twenty doses for a bank's; `bank`
    0 is the usual bank, another number one by chance; `lots` of its lots are shared between the patients.
    """

    source: Annotated[str, Field(examples=["autologous_ipsc"])]
    """From which cells they are made; `insulae show sources` lists them."""
    target: Islets
    """Islets wanted for one dose."""
    volume: Liters | None = None
    """Culture of one lot; what usually suffices when left out."""
    freezing: Freezing = "none"
    """What is frozen before release."""
    bank: Annotated[int, Field(ge=0, le=1000)] = 0
    """Which of many possible banks, for cells of a bank."""
    lots: Annotated[int, Field(ge=1, le=1000)] = SHARED
    """Released lots that the patients share, for cells of a bank."""

    @field_validator("source")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            return family.get(name).name
        except Exception as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _fits_its_source(self) -> Self:
        cells = self.cells
        if cells.is_pancreas and (self.volume is not None or self.freezing != "none"):
            raise ValueError(f"islets of '{self.source}' are not grown: no volume, and freezing none")
        if (cells.is_own or cells.is_pancreas) and (self.bank, self.lots) != (0, SHARED):
            raise ValueError(f"cells of '{self.source}' come from no bank; leave out bank and lots")
        return self

    @property
    def cells(self) -> Source:
        """Return the source named."""
        return family.get(self.source)

    def process(self) -> Process:
        """Return how the lots are made."""
        return Process(
            source=self.cells,
            dose=self.target,
            volume=self.volume if self.volume is not None else usual_volume(self.cells, self.target),
            freezing=self.freezing,
            bank=self.bank,
            limits={},
        )


def usual_volume(source: Source, target: float) -> float:
    """Return the liters of culture of a usual lot: a dose and a half of own cells, twenty doses of a bank."""
    if source.is_pancreas:
        return 0.0
    return growth.volume_for(target, OWN_MARGIN if source.is_own else BANK_DOSES, source.name)


@dataclasses.dataclass(frozen=True)
class Supply:
    """What each patient is given; [patient].

    Islets that count (IEQ; zero for whom no lot was released), potency relative to the usual product of its
    kind, residual pluripotent cells in the dose, days from collection to treatment without queues.
    """

    islets: Floats
    potency: Floats
    pluripotent_cells: Floats
    days: Floats


def supplied(request: LotRequest, chance: Any, seed: int = 0) -> Supply:
    """Return the lots that patients are given; `chance` is a uniform number per patient that picks the lot.

    A patient's number alone decides the lot, so it depends neither on other patients nor on their order.
    """
    chance = np.clip(np.atleast_1d(np.asarray(chance, np.float64)), 0, 1 - 1e-9)
    process = request.process()
    if process.source.is_own or process.source.is_pancreas:
        return _given(process, made(process, seed, np.floor(chance * MANY).astype(np.int64)))
    shelf = made(process, seed, np.arange(request.lots) + request.bank * 1000)
    shared = _given(process, shelf)
    picked = np.floor(chance * request.lots).astype(np.int64)
    return Supply(*(getattr(shared, field.name)[picked] for field in dataclasses.fields(Supply)))


def _given(process: Process, one: Made) -> Supply:
    """Return what a patient gets: the whole own lot, at most the target of a larger one."""
    counted = process.counted(one.lots)
    whole = counted if process.source.is_pancreas else np.minimum(counted, process.dose)
    islets = np.where(one.is_made, whole, 0.0)
    cells_per_islet = one.lots.cells / np.maximum(one.lots.islets, 1.0)
    return Supply(islets, one.lots.potency, islets * cells_per_islet * one.lots.pluripotent, one.days)


def told(request: LotRequest, is_waited_for: bool = False) -> str:
    """Say how long a lot takes without queues and how many patients get none, from 500 simulated ones."""
    supply = supplied(request, (np.arange(TOLD) + 0.5) / TOLD)
    low, middle, high = np.percentile(supply.days, (5, 50, 95)) / DAYS_PER_WEEK
    none = 100 * np.mean(supply.islets == 0)
    waits = "for which patients wait" if is_waited_for else "which the study does not add to the start"
    return (
        f"from collection to treatment it takes {middle:.0f} weeks ({low:.0f} to {high:.0f}) without queues, "
        f"{waits}; {none:.1f} % of patients get no lot"
    )
