"""Hazards of adverse events that act at once, of all kinds of events and from all that may harm."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.trials.happened import kind_of

Whole = NDArray[np.int64]
Numbers = NDArray[np.floating[Any]]

Harm = tuple[str, str, Numbers]
"""An event, what it is related to, and a number for each patient: a rate, a hazard or a probability."""


@dataclasses.dataclass(frozen=True)
class Hazards:
    """Hazards [hazard, patient], what each is related to and of which kind of event it is [hazard].

    `kind` are the kinds of events that may happen, `total` the sum of the hazards of each, [kind, patient].
    """

    amount: NDArray[np.float64]
    relation: NDArray[np.str_]
    of_kind: Whole
    kind: Whole
    total: NDArray[np.float64]

    @classmethod
    def of(cls, found: list[Harm], patients: int) -> "Hazards":
        """Gather hazards of some patients; raises `UnknownName` for an event that is not in the table."""
        events = [kind_of(event) for event, _, _ in found]
        kinds = list(dict.fromkeys(events))
        amount, total = np.empty((len(found), patients)), np.zeros((len(kinds), patients))
        for row, event, (_, _, one) in zip(amount, events, found, strict=True):
            row[:] = one
            total[kinds.index(event)] += row
        relation = np.array([relation for _, relation, _ in found])
        return cls(amount, relation, np.array(events), np.array(kinds), total)

    def related(self, kind: Whole, who: Whole, source: Numbers) -> NDArray[np.str_]:
        """Return what events of some kinds and patients are related to, from a draw of each."""
        own = np.where(self.of_kind[:, None] == kind, self.amount[:, who], 0)
        shares = own.cumsum(axis=0)
        return self.relation[(shares >= source * shares[-1]).argmax(axis=0)]
