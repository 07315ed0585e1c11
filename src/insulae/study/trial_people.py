"""What the page of a trial tells of people: who they are, who benefits, one replicate as a board sees it."""

import dataclasses
from typing import Any

import numpy as np
import pyarrow as pa

from insulae.populations.enrolled import TRAITS
from insulae.study import trial_tables
from insulae.trials.design.assurance import Assurance
from insulae.trials.design.board import board
from insulae.trials.design.example import curves, example
from insulae.trials.design.predicted_benefit import predictions
from insulae.trials.design.replicate import Found, Scene
from insulae.trials.design.sensitivity import sensitivity

Record = dict[str, Any]


def enrolled(scene: Scene) -> list[Record]:
    """Return mean and spread of each trait of all simulated and of those who may enter."""
    rows: list[Record] = []
    for name, values in scene.outcomes.traits.items():
        trait = TRAITS.get(name)
        if trait is None:
            continue
        rows.append(
            {
                "label": trait.label,
                "unit": trait.unit,
                "is_share": trait.is_share,
                "everybody": trial_tables.spread(values),
                "eligible": trial_tables.spread(values[scene.places]),
            }
        )
    return rows


def enrichment(scene: Scene) -> Record | None:
    """Return who is enrolled by a twin's prediction, and how good it is; None where all are who may enter."""
    found = predictions(scene.spec, scene.outcomes, scene.seed)
    return None if found is None else found.record()


def as_record(found: Assurance | None) -> Record | None:
    """Return assurance as plain data; None where no doubt was simulated."""
    if found is None:
        return None
    low, middle, high = np.quantile(found.power, [0.05, 0.5, 0.95])
    return dataclasses.asdict(found) | {
        "mean": found.mean,
        "error": found.error,
        "spread": found.spread,
        "quantiles": [float(low), float(middle), float(high)],
    }


def one_replicate(scene: Scene, found: Found, events: pa.Table | None) -> Record | None:
    """Return tables, curves and the view of a board of the first replicate; None where none is shown."""
    shown = example(scene, found)
    if shown is None:
        return None
    seen = board(scene, shown, events) if events is not None else None
    return {
        "flow": trial_tables.flow(scene, shown),
        "baseline": trial_tables.baseline(scene, shown),
        "outcomes": trial_tables.outcomes(scene, shown),
        "sensitivity": sensitivity(scene, shown),
        "curves": curves(scene, shown),
        "board": seen,
        "ended": found.ended,
        "weeks": shown.end,
    }
