"""The tables and the code say the same: rows and declarations, units, bounds, evidence, references, order.

Each check is a function from rows to sentences about what is wrong, and is shown to bite.
"""

import csv
import dataclasses
from collections.abc import Callable, Iterable
from importlib import resources

import numpy as np
import pytest

from insulae.core import parameters
from insulae.core.citations import references
from insulae.core.errors import InvalidQuantity
from insulae.core.parameters import ANY, DISTRIBUTIONS, EVIDENCE, Row
from insulae.core.phenotypes import lineage, phenotypes
from insulae.core.units import same_dimension
from insulae.core.variables import Variable, variables
from insulae.inference.measurement_error import ErrorTable
from insulae.physiology import body
from insulae.physiology.day import DaySummary, Trace
from insulae.physiology.signals import Signals, SlowSignals
from insulae.populations.patient import PHENOTYPES, Habits, TraitTable
from insulae.therapies.base import parameter_classes
from insulae.trials import body_events, consequences, readings

ROWS = list(parameters.table().values())
SOURCED = ("measured", "fitted", "literature")


def leaves(group: type) -> dict[str, type]:
    """Return the records of a group by the name of their component."""
    return {f.name: f.type for f in dataclasses.fields(group)}  # type: ignore[misc]


def declarations() -> dict[str, str]:
    """Return the name and unit of every parameter that the code declares."""
    kernel = [
        cls for group in (body.FastParameters, body.SlowParameters, Habits) for cls in leaves(group).values()
    ]
    found = {
        n: unit for cls in [*kernel, *parameter_classes()] for n, unit in parameters.declared(cls).items()
    }
    records = (body_events.Parameters, consequences.Parameters, readings.Parameters, ErrorTable)
    found |= {n: unit for cls in records for n, unit in parameters.declared(cls).items()}
    traits = parameters.declared(TraitTable).items()
    return found | {f"traits.{name.rsplit('.', 1)[1]}": unit for name, unit in traits}


def mismatches(rows: Iterable[Row], declared: dict[str, str]) -> list[str]:
    """Names on one side only, and units that differ from the declared one."""
    rows = list(rows)
    names = {row.name for row in rows}
    missing = [f"{name} is declared but has no row" for name in sorted(declared.keys() - names)]
    stale = [f"{name} has a row but is not declared" for name in sorted(names - declared.keys())]
    units = [
        f"{r.name}: {r.unit} is declared as {declared[r.name]}"
        for r in rows
        if declared.get(r.name, r.unit) != r.unit
    ]
    return missing + stale + units


def gaps(rows: Iterable[Row]) -> list[str]:
    """Parameters without a value for some phenotype, and populations that do not exist."""
    rows, names = list(rows), {row.name for row in rows}
    have = {(row.name, row.population) for row in rows}
    unknown = [
        f"{r.name}: unknown population {r.population}" for r in rows if r.population not in (ANY, *PHENOTYPES)
    ]
    wanted = [
        (n, p)
        for n in sorted(names)
        for p in PHENOTYPES
        if not any((n, one) in have for one in (*lineage(p), ANY))
    ]
    return unknown + [f"{name} has no value for {population}" for name, population in wanted]


def bad_units(rows: Iterable[Row]) -> list[str]:
    """Units that the unit parser does not know."""
    found: list[str] = []
    for row in rows:
        try:
            same_dimension(row.unit, "dimensionless")
        except InvalidQuantity as error:
            found.append(f"{row.name}: {error}")
    return found


def bad_bounds(rows: Iterable[Row]) -> list[str]:
    """Values outside their bounds."""
    return [
        f"{r.name}: {r.value} is not within {r.lower} to {r.upper}"
        for r in rows
        if not r.lower <= r.value <= r.upper
    ]


def bad_spreads(rows: Iterable[Row]) -> list[str]:
    """Distributions that cannot be drawn from."""
    found: list[str] = []
    for r in rows:
        sampled = r.distribution in ("lognormal", "normal", "logit_normal")
        rules = {
            "an unknown distribution": r.distribution not in DISTRIBUTIONS,
            "a spread that is not positive": sampled and not r.spread > 0,
            "a spread without a distribution": r.distribution == "fixed" and r.spread != 0,
            "a lognormal value that is not positive": r.distribution == "lognormal" and not r.value > 0,
            "a logit-normal value outside 0 to 1": r.distribution == "logit_normal" and not 0 < r.value < 1,
            "a uniform without bounds": r.distribution == "uniform"
            and not np.isfinite([r.lower, r.upper]).all(),
        }
        found += [f"{r.name}: {what}" for what, broken in rules.items() if broken]
    return found


def bad_evidence(rows: Iterable[Row]) -> list[str]:
    """Rows that do not say where their value comes from."""
    found: list[str] = []
    for r in rows:
        rules = {
            "unknown evidence": r.evidence not in EVIDENCE,
            "no source or locator": r.evidence in SOURCED and not (r.source and r.locator),
            "assumed without a reason": r.evidence == "assumed" and r.note.strip(". ") in ("", "assumed"),
            "a source that is not in references.bib": bool(r.source) and r.source not in references(),
        }
        found += [f"{r.name}: {what}" for what, broken in rules.items() if broken]
    return found


def unsorted(rows: Iterable[Row]) -> list[str]:
    """The first name that is out of order."""
    names = [(row.name, row.population) for row in rows]
    pairs = zip(names, sorted(names), strict=True)
    return [f"{here} stands where {there} belongs" for here, there in pairs if here != there][:1]


Correlations = dict[tuple[str, str, str], float]


def bad_correlations(pairs: Correlations, rows: Iterable[Row]) -> list[str]:
    """Correlations of unknown quantities, and matrices that are not positive definite."""
    known = {row.name for row in rows}
    found = [f"{name} is not in parameters.csv" for a, b, _ in pairs for name in (a, b) if name not in known]
    for phenotype in PHENOTYPES:
        kin = (*lineage(phenotype), ANY)
        own = sorted((p for p in pairs if p[2] in kin), key=lambda p: -kin.index(p[2]))
        chosen = {(a, b): pairs[a, b, population] for a, b, population in own}
        names = sorted({name for pair in chosen for name in pair})
        matrix = np.eye(len(names))
        for (a, b), r in chosen.items():
            i, j = names.index(a), names.index(b)
            matrix[i, j] = matrix[j, i] = r
        if len(names) and np.linalg.eigvalsh(matrix).min() <= 0:
            found.append(f"{phenotype}: the correlations are not positive definite")
    return found


CHECKS: list[Callable[[Iterable[Row]], list[str]]] = [
    gaps,
    bad_units,
    bad_bounds,
    bad_spreads,
    bad_evidence,
    unsorted,
]


@pytest.mark.parametrize("check", CHECKS)
def test_every_row_keeps_the_rule(check: Callable[[Iterable[Row]], list[str]]):
    found = check(ROWS)
    assert not found, "\n" + "\n".join(found)


def test_rows_and_declarations_match_one_to_one():
    found = mismatches(ROWS, declarations())
    assert not found, "\n" + "\n".join(found)


def test_the_correlations_hold_together():
    found = bad_correlations(parameters.correlations(), ROWS)
    assert not found, "\n" + "\n".join(found)


def test_the_correlations_say_where_they_come_from():
    text = resources.files("insulae.tables").joinpath("correlations.csv").read_text(encoding="utf-8")
    records = list(csv.DictReader(text.splitlines()))
    poor = [
        r for r in records if r["evidence"] in SOURCED and not (r["source"] in references() and r["locator"])
    ]
    poor += [r for r in records if r["evidence"] == "assumed" and not r["note"]]
    poor += [r for r in records if r["evidence"] not in EVIDENCE]
    assert records and not poor


def simulated() -> set[str]:
    """Return the name of every state, signal, daily figure and trace in the code."""
    states = [(n, cls) for group in (body.FastState, body.SlowState) for n, cls in leaves(group).items()]
    states += [("averages", body.DayAverages), ("signal", Signals), ("slow_signal", SlowSignals)]
    states += [("day_summary", DaySummary), ("trace", Trace)]
    return {f"{prefix}.{f.name}" for prefix, cls in states for f in dataclasses.fields(cls)}


def bad_variables(rows: dict[str, Variable], names: set[str]) -> list[str]:
    """Variables on one side only, without a label, or with an empty plot range or an unknown unit."""
    missing = [f"{name} is simulated but has no row" for name in sorted(names - rows.keys())]
    stale = [f"{name} has a row but is not simulated" for name in sorted(rows.keys() - names)]
    poor = [
        f"{v.name}: label or range" for v in rows.values() if not (v.label and v.kind and v.lower < v.upper)
    ]
    same = [name for name, v in rows.items() if not same_dimension(v.unit, v.unit)]
    return missing + stale + poor + same


def test_every_variable_has_unit_label_and_range():
    found = bad_variables(variables(), simulated())
    assert not found, "\n" + "\n".join(found)
    assert list(variables()) == sorted(variables())


GOOD = parameters.lookup("glucose.volume")
BAD = [
    (gaps, {"population": "type1"}),
    (gaps, {"population": "martian"}),
    (bad_units, {"unit": "furlongs per zork"}),
    (bad_bounds, {"value": 99.0}),
    (bad_spreads, {"spread": 0.0}),
    (bad_spreads, {"distribution": "zipf"}),
    (bad_spreads, {"value": -1.0}),
    (bad_spreads, {"distribution": "logit_normal"}),
    (bad_spreads, {"distribution": "fixed"}),
    (bad_spreads, {"distribution": "uniform", "upper": float("inf")}),
    (bad_evidence, {"source": ""}),
    (bad_evidence, {"locator": ""}),
    (bad_evidence, {"source": "nobody1999"}),
    (bad_evidence, {"evidence": "rumor"}),
    (bad_evidence, {"evidence": "assumed", "note": ""}),
    (bad_evidence, {"evidence": "assumed", "note": "assumed"}),
]


@pytest.mark.parametrize(("check", "change"), BAD)
def test_the_rule_bites(check: Callable[[Iterable[Row]], list[str]], change: dict[str, object]):
    assert not check([GOOD])
    assert check([dataclasses.replace(GOOD, **change)])  # type: ignore[arg-type]


def test_the_order_rule_bites():
    assert unsorted(list(reversed(ROWS[:2])))


@pytest.mark.parametrize(("name", "unit"), [("glucose.volum", "dL/kg"), ("glucose.volume", "mL/kg")])
def test_the_match_rule_bites(name: str, unit: str):
    assert mismatches([GOOD], {"glucose.volume": "dL/kg"}) == []
    assert mismatches([dataclasses.replace(GOOD, name=name, unit=unit)], {"glucose.volume": "dL/kg"})


def test_the_correlation_rule_bites():
    rows = [dataclasses.replace(GOOD, name=name) for name in ("a", "b", "c")]
    impossible = {("a", "b", ANY): 0.9, ("b", "c", ANY): 0.9, ("a", "c", ANY): -0.9}
    assert not bad_correlations({("a", "b", ANY): 0.9}, rows)
    assert bad_correlations(impossible, rows)
    assert bad_correlations({("a", "d", ANY): 0.1}, rows)


def test_the_variable_rule_bites():
    row = variables()["glucose.plasma"]
    one = {row.name: row}
    assert not bad_variables(one, set(one))
    assert bad_variables(one, set()) and bad_variables({}, set(one))
    assert bad_variables({row.name: dataclasses.replace(row, label="")}, set(one))
    assert bad_variables({row.name: dataclasses.replace(row, upper=row.lower)}, set(one))


def test_a_phenotype_rests_on_known_ones_and_known_sources():
    for name, one in phenotypes().items():
        assert lineage(name)[-1] in ("healthy", "prediabetes", "type1", "type2")
        assert one.label and one.criteria
        assert not one.source or (one.source in references() and one.locator)
