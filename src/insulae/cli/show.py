"""`insulae show`: what there is to choose from, from parameters to the schema of study files."""

import json
from collections.abc import Callable
from typing import Annotated, Any

import typer

from insulae.core.errors import UnknownName
from insulae.core.registry import nearest

Records = list[dict[str, Any]]


def show(
    catalogue: Annotated[
        str,
        typer.Argument(
            help="parameters, variables, therapies, endpoints, events, phenotypes, effects, sources, "
            "manufacturing or schema."
        ),
    ],
    name: Annotated[
        str, typer.Argument(help="Only this one, or all that begin with it.", show_default=False)
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the page docs/therapies.md (therapies only).")
    ] = False,
) -> None:
    """List what the package knows: names, units, values, sources, fields."""
    if catalogue not in KNOWN:
        raise UnknownName(f"nothing to show for '{catalogue}'", nearest(catalogue, KNOWN))
    if markdown and catalogue != "therapies":
        raise UnknownName(f"there is no page of the {catalogue}", "Known: therapies")
    if catalogue == "therapies":
        typer.echo(_therapies(name, as_json, markdown))
        return
    if catalogue == "schema":
        typer.echo(json.dumps(_schema(), indent=1))
        return
    records = _chosen(CATALOGUES[catalogue](), name, catalogue)
    if as_json:
        typer.echo(json.dumps(records, indent=1, ensure_ascii=False))
    elif name and len(records) == 1:
        typer.echo(_card(records[0]))
    else:
        typer.echo(_table(records))


def _therapies(name: str, as_json: bool, markdown: bool) -> str:
    """Return the catalogue of therapies, those whose names begin with a name, or all on one of them."""
    from insulae.cli import therapies
    from insulae.study.catalogue import entries, kinds

    if not (name or as_json or markdown):
        return therapies.overview()
    found = entries(r["name"] for r in _chosen([{"name": kind} for kind, _ in kinds()], name, "therapies"))
    if as_json:
        return therapies.as_json(found)
    if markdown:
        return therapies.page(found).rstrip()
    return "\n\n\n".join(therapies.card(entry) for entry in found)


def _chosen(records: Records, name: str, catalogue: str) -> Records:
    """Return all records, or that of a name, or those whose names begin with it."""
    if not name:
        return records
    exact = [record for record in records if record["name"] == name]
    found = exact or [record for record in records if record["name"].startswith(name)]
    if not found:
        names = {record["name"] for record in records}
        raise UnknownName(f"unknown name '{name}' among the {catalogue}", nearest(name, names))
    return found


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def _card(record: dict[str, Any]) -> str:
    """Write one record, a line for each field that says something."""
    width = max(len(key) for key in record)
    return "\n".join(f"{key:<{width}}  {_text(value)}" for key, value in record.items() if _text(value))


WIDEST = 60


def _table(records: Records) -> str:
    """Write records as aligned columns; long texts are cut (`show CATALOGUE NAME` gives them whole)."""
    keys = [key for key in records[0] if not isinstance(records[0][key], dict | list)] if records else []
    rows = [keys, *([_short(_text(record[key])) for key in keys] for record in records)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(keys))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def _parameters() -> Records:
    from dataclasses import asdict

    from insulae.core.parameters import table

    rows = [asdict(row) for _, row in sorted(table().items())]
    return [{key: _finite(value) for key, value in row.items()} for row in rows]


def _finite(value: Any) -> Any:
    """Write a bound that is not there as nothing, which JSON can hold."""
    return None if isinstance(value, float) and abs(value) == float("inf") else value


def _variables() -> Records:
    from dataclasses import asdict

    from insulae.core.variables import variables

    return [asdict(row) for _, row in sorted(variables().items())]


def _endpoints() -> Records:
    from insulae.endpoints.base import catalogue

    return [
        {
            "name": member.name,
            "unit": member.unit,
            "label": member.label,
            "kind": member.kind,
            "better": member.better,
            "source": member.source,
            "cdisc": member.cdisc,
            "description": (member.function.__doc__ or "").strip().splitlines()[0],
        }
        for member in catalogue()
    ]


def _events() -> Records:
    from insulae.core.adverse_events import adverse_events

    return [
        {
            "name": event.name,
            "category": event.category,
            "label": event.label,
            "grades 1 to 5": " ".join(f"{100 * share:g}" for share in event.grades) + " %",
            "serious": f"{100 * event.serious:g} %",
            "resolution": "lasts" if event.resolution == float("inf") else f"{event.resolution:g} d",
            "evidence": event.evidence,
            "source": event.source,
            "locator": event.locator,
            "term": event.term,
            "note": event.note,
        }
        for event in adverse_events().values()
    ]


def _phenotypes() -> Records:
    from insulae.core.parameters import lookup, table
    from insulae.core.phenotypes import phenotypes

    records: Records = []
    for phenotype, who in phenotypes().items():
        rows = {name: row for (name, population), row in sorted(table().items()) if population == phenotype}
        traits = {
            n.split(".")[1]: f"{r.value:g} {r.unit}" for n, r in rows.items() if n.startswith("traits.")
        }
        own = [name for name in rows if not name.startswith("traits.")]
        rows = {f"traits.{trait}": lookup(f"traits.{trait}", phenotype) for trait in ("age", "hba1c")}
        shown = {name.split(".")[1]: f"{row.value:g} {row.unit}" for name, row in rows.items()}
        told = {"label": who.label, "based on": who.based_on, "criteria": who.criteria}
        records.append({"name": phenotype, **told, **shown, "traits": traits, "own parameters": own})
    return records


def _effects() -> Records:
    from dataclasses import fields

    from insulae.physiology.effects import Effects, Infusion

    records: Records = []
    for prefix, cls in (("", Effects), ("infusion.", Infusion)):
        for one in fields(cls):
            if "neutral" in one.metadata:
                neutral = one.metadata["neutral"]
                combined = "multiply" if neutral else "add"
                record = {"name": f"{prefix}{one.name}", "unit": one.metadata["unit"], "neutral": neutral}
                records.append(record | {"combined": combined})
    return records


def _sources() -> Records:
    from dataclasses import asdict

    from insulae.manufacturing.sources import family

    return [asdict(source) for _, source in family.items()]


def _manufacturing() -> Records:
    from dataclasses import asdict

    from insulae.manufacturing.numbers import table

    return [{key: _finite(value) for key, value in asdict(row).items()} for _, row in sorted(table().items())]


def _schema() -> dict[str, Any]:
    from insulae.core.quantities import with_written_defaults
    from insulae.study.spec import Study

    return with_written_defaults(Study.model_json_schema())


CATALOGUES: dict[str, Callable[[], Any]] = {
    "parameters": _parameters,
    "variables": _variables,
    "endpoints": _endpoints,
    "events": _events,
    "phenotypes": _phenotypes,
    "effects": _effects,
    "sources": _sources,
    "manufacturing": _manufacturing,
    "schema": _schema,
}

KNOWN = sorted({*CATALOGUES, "therapies"})
