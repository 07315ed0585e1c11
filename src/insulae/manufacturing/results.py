"""The results of a manufacturing study on disk: `results.json`, `lots.csv`, `report.html`, and in words."""

import csv
import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from insulae.core.errors import RunError
from insulae.manufacturing.numbers import table

LISTED = ("values", "waits")


def completed(found: dict[str, Any], command: str) -> dict[str, Any]:
    """Return results with the command, the version, the sources and what share of the inputs is assumed."""
    rows = list(table().values())
    assumed = sum(row.evidence == "assumed" for row in rows)
    keys = {row.source for row in rows} | {one["source"] for one in found["reported"]}
    said = (
        f"Of {len(rows)} numbers behind this page {assumed} are assumed, with their reasons and doubts in "
        "tables/manufacturing.csv; all unit costs are among them."
    )
    return found | {
        "command": command,
        "version": importlib.metadata.version("insulae"),
        "sources": sorted(key for key in keys if key),
        "assumed": said,
    }


def brief(whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return the results without the long lists of lots, patients and worlds."""

    def short(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: short(value) for key, value in node.items() if key not in LISTED}
        return [short(value) for value in node] if isinstance(node, list) else node

    return {key: short(value) for key, value in whole.items() if key != "study"} | {"study": whole["study"]}


def write(whole: Mapping[str, Any], folder: Path, page: str) -> Path:
    """Write the three files and return the path of the page; raises `RunError` where that is impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(brief(whole), indent=1, ensure_ascii=False, allow_nan=False)
        (folder / "results.json").write_text(text, encoding="utf-8")
        with (folder / "lots.csv").open("w", encoding="utf-8", newline="") as file:
            _write_lots(whole["arms"], file)
        (folder / "report.html").write_text(page, encoding="utf-8")
    except OSError as error:
        raise RunError(f"cannot write to {folder}: {error.strerror}") from error
    return folder / "report.html"


def _write_lots(arms: Mapping[str, Any], file: Any) -> None:
    writer = csv.writer(file, lineterminator="\n")
    columns = list(next(iter(arms.values()))["lots"]["values"])
    writer.writerow(["arm", *columns])
    for name, arm in arms.items():
        lots = arm["lots"]["values"]
        writer.writerows([name, *row] for row in zip(*(lots[column] for column in columns), strict=True))


def sentence(name: str, arm: Mapping[str, Any]) -> str:
    """Say in one line what became of an arm."""
    plant, cost = arm["plant"], arm["cost"]["per_dose"]
    weeks = [f"{days / 7:.1f}" if days is not None else "?" for days in plant["wait"].values()]
    dollars = [f"{c / 1000:,.0f}" if c is not None else "no bound" for c in cost.values()]
    return (
        f"{name}: {100 * arm['released']['share']:.0f} % of lots released; "
        f"{plant['per_year']['treated']['mean']:.0f} patients treated a year, after {weeks[1]} weeks "
        f"({weeks[0]} to {weeks[2]}); a dose costs {dollars[1]} thousand dollars to make "
        f"({dollars[0]} to {dollars[2]})."
    )


def verdict(one: Mapping[str, Any]) -> str:
    """Say in one line how a reported number compares."""
    found = "nothing" if one["simulated"] is None else f"{one['simulated']:.4g}"
    where = f"{one['arm']}, {one['quantity'].replace('_', ' ')}"
    return f"{one['verdict']}: {where}: {found} ({one['low']:g} to {one['high']:g}, {one['source']})"
