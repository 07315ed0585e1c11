"""How a cohort was recruited, on the page: its baseline beside the wanted one."""

import json
from dataclasses import dataclass
from typing import Any

from insulae.report.reading import Results
from insulae.report.words import unit_text

_LABELS = {
    "bmi": "Body mass index",
    "duration": "Diabetes for",
    "egfr": "Estimated GFR",
    "fasting_c_peptide": "Fasting C-peptide",
    "hba1c": "HbA1c",
    "male": "Men",
    "weight": "Body weight",
}
_STATISTICS = {
    "sd": "standard deviation",
    "lower_quartile": "lower quartile",
    "upper_quartile": "upper quartile",
}
_UNITS = {"year": "years", "kg/m2": "kg/m²"}
_ORIGINS = {"drawn": "drawn with the candidate", "solved": "the solved starting state"}
PERCENT = 100
PLAUSIBLE = 0.05
FAR = (
    "That is little: hardly any such people are like this baseline, and a few unusual ones stand for it. "
    "Look whether phenotype and eligibility are those of the trial."
)


@dataclass(frozen=True)
class StatisticRow:
    """One statistic of the baseline as the page prints it."""

    label: str
    target: str
    eligible: str
    selected: str
    origin: str


@dataclass(frozen=True)
class Recruited:
    """What the page tells of the recruitment."""

    eligible: str
    effective_size: str
    remark: str
    statistics: list[StatisticRow]


def recruitment(results: Results) -> Recruited | None:
    """Return how the patients were chosen; None for a study that chooses nobody."""
    text = (results.directory / "summary.json").read_text(encoding="utf-8")
    found: dict[str, Any] | None = json.loads(text).get("recruitment")
    if found is None:
        return None
    return Recruited(
        eligible=f"{found['eligible']:,}",
        effective_size=f"{found['effective_size']:,.0f}",
        remark=FAR if found["effective_size"] < PLAUSIBLE * found["eligible"] else "",
        statistics=[_row(one) for one in found["baseline"]],
    )


def _row(one: dict[str, Any]) -> StatisticRow:
    name, statistic = str(one["trait"]), str(one["statistic"])
    label = _LABELS.get(name, name.replace("_", " ").capitalize())
    label = label if statistic == "share" else f"{label}, {_STATISTICS.get(statistic, statistic)}"
    target, eligible, selected = (_number(one, field) for field in ("target", "eligible", "selected"))
    return StatisticRow(label, target, eligible, selected, _ORIGINS[one["from"]])


def _number(one: dict[str, Any], field: str) -> str:
    if one["statistic"] == "share":
        return f"{PERCENT * one[field]:.0f} %"
    return f"{one[field]:.4g} {_UNITS.get(one['unit'], unit_text(one['unit']))}"
