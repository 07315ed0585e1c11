"""The cost of goods per dose: what was used, times unit costs that are poorly known.

    cost = (sum of used * unit cost + plant * years) * (1 + overhead) / doses given

Known: no good public source gives the cost of goods of islets from stem cells. Assumed: every unit cost; each
has a wide doubt, and the interval of the result is what follows from all doubts together and from the chance
between replications. Not modelled: price, profit, development, licenses, care of the patient, economies of
scale in buying.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from insulae.core.parameters import declared, parameter
from insulae.manufacturing.numbers import Floats, in_world, lookup, normals
from insulae.manufacturing.plant import Equipment, Record

WORLDS = 1000


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/manufacturing.csv, `cost.*`."""

    medium: Floats = parameter("USD/L")
    exchanges: Floats = parameter("1/d")
    collection: Floats = parameter("USD")
    line_materials: Floats = parameter("USD")
    line_tests: Floats = parameter("USD")
    run_materials: Floats = parameter("USD")
    run_tests: Floats = parameter("USD")
    pancreas: Floats = parameter("USD")
    dose_delivery: Floats = parameter("USD")
    bank_year: Floats = parameter("USD")
    operator_year: Floats = parameter("USD")
    tester_year: Floats = parameter("USD")
    suite_year: Floats = parameter("USD")
    isolator_year: Floats = parameter("USD")
    reactor_year: Floats = parameter("USD")
    overhead: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class Cost:
    """Cost of goods per patient treated (USD): of each item in the table's world, in total in all worlds."""

    items: dict[str, float]
    total: Floats


def unit_costs(material: str, seed: int, worlds: int = WORLDS) -> Parameters:
    """Return unit costs in many worlds, the first of them that of the table; [world]."""
    names = list(declared(Parameters))
    doubts = normals(seed, [f"{name}/doubt" for name in names], np.arange(worlds))
    doubts[:, 0] = 0.0
    found = {
        name.rsplit(".", 1)[-1]: in_world(lookup(name, material), doubts[i], 0.0)
        for i, name in enumerate(names)
    }
    return Parameters(**found)


def items_of(p: Parameters, used: dict[str, float], equipment: Equipment, years: float) -> dict[str, Floats]:
    """Return the cost of each item (USD) of what was used in some years."""
    bare = {
        "collection of cells": used["collections"] * p.collection,
        "lines: materials": used["line_attempts"] * p.line_materials,
        "lines: tests": used["lines_screened"] * p.line_tests,
        "medium": used["liter_days"] * p.exchanges * p.medium,
        "runs: materials": used["runs"] * (p.run_materials + p.pancreas),
        "release tests": used["runs_tested"] * p.run_tests,
        "delivery": used["treated"] * p.dose_delivery,
        "bank": years * p.bank_year,
        "people": years * (equipment.operators * p.operator_year + equipment.testers * p.tester_year),
        "rooms and reactors": years
        * (
            equipment.suites * p.suite_year
            + equipment.isolators * p.isolator_year
            + equipment.reactors * p.reactor_year
        ),
    }
    subtotal: Floats = np.sum(list(bare.values()), axis=0)
    return bare | {"overhead": p.overhead * subtotal}


def per_dose(material: str, seed: int, records: Sequence[Record], equipment: Equipment, years: float) -> Cost:
    """Return the cost per patient treated; each world is paired with one replication in turn.

    A replication in which nobody was treated has an infinite cost per dose.
    """
    p = unit_costs(material, seed)
    totals = np.empty((len(records), WORLDS))
    first: list[dict[str, float]] = []
    for r, record in enumerate(records):
        items = items_of(p, record.counts, equipment, years)
        each = {name: _for_each(spent, record.counts["treated"]) for name, spent in items.items()}
        totals[r] = np.sum(list(each.values()), axis=0)
        first.append({name: float(spent[0]) for name, spent in each.items()})
    mean = {name: float(np.mean([one[name] for one in first])) for name in first[0]}
    return Cost(mean, totals[np.arange(WORLDS) % len(records), np.arange(WORLDS)])


def _for_each(spent: Floats, treated: float) -> Floats:
    return spent / treated if treated else np.full_like(spent, np.inf)
