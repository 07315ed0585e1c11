"""The catalogue of therapies as text for a terminal and as the page docs/therapies.md."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from insulae.core.parameters import Row
    from insulae.study.catalogue import Action, Entry

Rows = list[list[str]]
WIDTH = 110
COMMAND = "insulae show therapies --markdown > docs/therapies.md"


def overview() -> str:
    """Return one line for each therapy, below the name of its family."""
    from insulae.study.catalogue import kinds, summary
    from insulae.therapies.base import FAMILIES

    known = kinds()
    width = max(len(kind) for kind, _ in known)
    lines: list[str] = []
    for family in FAMILIES:
        members = [(kind, spec) for kind, spec in known if spec.family == family]
        if members:
            lines += ["", f"{family}: {FAMILIES[family][0].lower()}{FAMILIES[family][1:]}"]
            lines += [_cut(f"  {kind:<{width}}  {summary(spec)}") for kind, spec in members]
    return "\n".join([*lines[1:], "", "`insulae show therapies NAME` tells all about one of them."])


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"


def plain(entry: "Entry") -> dict[str, Any]:
    """Return an entry as data for JSON."""
    found = asdict(entry)
    rows = [{key: _finite(value) for key, value in row.items()} for row in found["parameters"]]
    return found | {"parameters": rows}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and abs(value) == float("inf") else value


def card(entry: "Entry") -> str:
    """Return everything on one therapy for a terminal."""
    parts = [f"{entry.name} ({entry.family})", entry.description, "", *_wrapped("", entry.about)]
    for label, text in entry.sections.items():
        parts += _wrapped(f"{label}: ", text)
    parts += ["", "In a study file", f"  - {flow(entry.example)}"]
    for title, rows in _tables(entry):
        parts += ["", title, *_columns(rows)]
    parts += ["", _harms(entry)]
    return "\n".join(parts)


def _wrapped(label: str, text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(f"{label}{text}", WIDTH)


def _columns(rows: Rows) -> list[str]:
    """Return rows as aligned columns; the last one is as long as it is."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    return [
        "  " + "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    ]


def _tables(entry: "Entry") -> Iterable[tuple[str, Rows]]:
    """Yield what the entry lists, each list with its title."""
    yield (
        "Fields",
        [["field", "takes", "default", ""]]
        + [[f.name, f.takes, f.default, f.description] for f in entry.fields],
    )
    yield "Acts on", [[a.name, _strength(a)] for a in entry.actions]
    if entry.parameters:
        head = ["parameter", "value", "evidence", "source"]
        yield "Parameters", [head, *([r.name, _value(r), r.evidence, _source(r)] for r in entry.parameters)]


def _strength(action: "Action") -> str:
    """Say how far from neutral an effect is in the example."""
    from insulae.report.words import unit_text

    if action.value is None:
        return "with other settings than the example's"
    if action.name == "infusion":
        return "islets with the properties of their site and product"
    sign = "×" if action.is_factor else "+" if action.value > 0 else "−"
    number = f"{abs(action.value):.2g}" if abs(action.value) < 100 else f"{abs(action.value):.0f}"
    return f"{sign} {number} {'' if action.is_factor else unit_text(action.unit)}".strip()


def _value(row: "Row") -> str:
    """Write value, unit and spread of a row, and its population where it has one."""
    from insulae.core.parameters import ANY
    from insulae.report.words import unit_text

    spread = f", {row.distribution.replace('_', '-')} {row.spread:g}" if row.spread else ""
    where = "" if row.population == ANY else f" ({row.population})"
    return f"{row.value:g} {unit_text(row.unit)}".strip() + spread + where


def _source(row: "Row") -> str:
    """Write where a value comes from: reference and place, else the reason."""
    cited = ", ".join(part for part in (row.source, row.locator) if part)
    return "; ".join(part for part in (cited, row.note) if part)


def _harms(entry: "Entry") -> str:
    found = ", ".join(name.replace("_", " ") for name in entry.harms)
    return f"Adverse events it can cause here: {found or 'none are modelled'}."


def flow(example: dict[str, Any]) -> str:
    """Write a therapy as it stands in a study file, on one line.

    >>> flow({"kind": "metformin", "dose": "2000 mg/d"})
    '{kind: metformin, dose: 2000 mg/d}'
    """
    import yaml

    return yaml.safe_dump(example, default_flow_style=True, sort_keys=False, width=10_000).strip()


def page(entries: Iterable["Entry"]) -> str:
    """Return the page docs/therapies.md."""
    from insulae.therapies.base import FAMILIES

    entries = list(entries)
    parts = [
        "# Therapies\n",
        "Simulated; not medical advice. Written by `"
        + COMMAND
        + "` from the code and the parameter table: do not "
        "edit it. `insulae show therapies NAME` shows one entry, `--json` gives it to a program; "
        "[add_a_therapy.md](add_a_therapy.md) tells how to add your own.\n",
        "*Acts on* gives each effect where it is farthest from neutral with the example, for a typical "
        "patient under poor control: factors multiply (×), amounts add (+, −). Spreads are coefficients of "
        "variation for a lognormal distribution, standard deviations otherwise (on the logit scale for "
        "logit-normal).\n",
    ]
    for family, words in FAMILIES.items():
        members = [entry for entry in entries if entry.family == family]
        if members:
            links = ", ".join(f"[{entry.name}](#{entry.name})" for entry in members)
            parts += [f"## {family[0].upper()}{family[1:]}\n", f"{words}: {links}.\n"]
            parts += [_section(entry) for entry in members]
    return "\n".join(parts)


def _section(entry: "Entry") -> str:
    lines = [f"### {entry.name}\n", f"{entry.about} *In a study file:* {entry.description}\n"]
    lines += [f"- **{label}:** {text}" for label, text in entry.sections.items()]
    lines += ["", "```yaml", f"- {flow(entry.example)}", "```", ""]
    for title, rows in _tables(entry):
        if title == "Acts on":
            lines += [
                "Acts on " + ", ".join(f"`{name}` {text}" for name, text in rows) + f". {_harms(entry)}\n"
            ]
        else:
            lines += [*_markdown(rows), ""]
    return "\n".join(lines)


def _markdown(rows: Rows) -> list[str]:
    """Return rows as a markdown table, the first one as its head."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    head, *body = [f"| {' | '.join(row)} |" for row in cells]
    return [head, "|" + "---|" * len(rows[0]), *body]


def as_json(entries: Iterable["Entry"]) -> str:
    """Return entries as JSON."""
    return json.dumps([plain(entry) for entry in entries], indent=1, ensure_ascii=False)
