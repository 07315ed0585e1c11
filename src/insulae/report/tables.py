"""The tables of the page: patients, outcomes, reported values, assumptions, sources, provenance."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from insulae.core import citations
from insulae.core.parameters import Row, table
from insulae.report.comparison import MISS, ONE_PATIENT, Comparison
from insulae.report.reading import Results, Series, known_endpoints
from insulae.report.words import between, median_text, number, plain_units, quantity, unit_text, week_text


@dataclass(frozen=True)
class PatientNumber:
    """One number of the patients: as given in the study file and as simulated at the first visit."""

    label: str
    given: str
    simulated: str


@dataclass(frozen=True)
class OutcomeRow:
    """One endpoint of one arm at the first and the last visit."""

    label: str
    arm: str
    first: str
    last: str


@dataclass(frozen=True)
class ComparisonRow:
    """One reported value as the page prints it."""

    label: str
    arm: str
    when: str
    reported: str
    statistic: str
    simulated: str
    interval: str
    verdict: str
    reason: str
    note: str
    source: Markup


_TRAITS = {
    "sex": "Sex",
    "bmi": "Body mass index",
    "duration": "Diabetes for",
    "weight": "Body weight",
    "hba1c": "HbA1c",
    "fasting_c_peptide": "Fasting C-peptide",
    "egfr": "Estimated GFR",
}
_ENDPOINT_OF_TRAIT = {"weight": "body_weight"}
_SHOWN_AT_BASELINE = (
    "hba1c",
    "fasting_glucose",
    "insulin_dose",
    "time_in_range",
    "time_in_tight_range",
    "fasting_c_peptide",
    "body_weight",
    "egfr",
)


def patients(results: Results, arm: str) -> list[PatientNumber]:
    """Return the given numbers with their simulated baseline, then the rest of the baseline."""
    given = _given(results.study.get("population") or {})
    baseline = {n: s for n, s in results.arms.get(arm, {}).items() if len(s.weeks) and s.weeks[0] <= 0}
    rows = [_patient_number(name, value, baseline) for name, value in given.items()]
    told = {_ENDPOINT_OF_TRAIT.get(name, name) for name in given}
    for name in _SHOWN_AT_BASELINE:
        if name not in told and name in baseline and not baseline[name].is_empty:
            rows.append(
                PatientNumber(baseline[name].label, "not given, drawn", median_text(baseline[name], 0))
            )
    return rows


def _given(population: Mapping[str, Any]) -> dict[str, str]:
    """Return the numbers the study file gives of its patients."""
    patient: Mapping[str, Any] = population.get("patient") or {}
    return {name: str(value) for name, value in patient.items() if value is not None}


def _patient_number(name: str, value: str, baseline: Mapping[str, Series]) -> PatientNumber:
    label = _TRAITS.get(name, name.replace("_", " ").capitalize())
    series = baseline.get(_ENDPOINT_OF_TRAIT.get(name, name))
    simulated = (
        median_text(series, 0)
        if series
        else ("as given" if " to " not in value else "drawn from the given range")
    )
    return PatientNumber(label, plain_units(value), simulated)


def outcomes(results: Results) -> list[OutcomeRow]:
    """Return every endpoint of every arm at the first and the last visit, by family."""
    names = list(dict.fromkeys(name for arm in results.arms.values() for name in arm))
    order = {name: (member.family, i) for i, (name, member) in enumerate(known_endpoints().items())}
    names.sort(key=lambda name: order.get(name, ("zzz", 0)))
    return [_outcome(results, name, arm) for name in names for arm in results.arms]


def _outcome(results: Results, name: str, arm: str) -> OutcomeRow:
    series = results.series(arm, name)
    if series is None or not len(series.weeks):
        return OutcomeRow(name, arm, "not in this run", "not in this run")
    first = median_text(series, 0) if len(series.weeks) > 1 else "—"
    return OutcomeRow(series.label, arm, first, median_text(series, -1))


def comparisons(compared: list[Comparison]) -> list[ComparisonRow]:
    """Return the rows of 'reported against simulated' in the order they come, misses first."""
    return [_comparison(comparison) for comparison in compared]


_CENTERS = {"patient": "median", "value": "median", "median": "median", "mean": "mean", "percent": "share"}


def _comparison(c: Comparison) -> ComparisonRow:
    r, series = c.reported, c.series
    member = known_endpoints().get(r.endpoint)
    week = c.week if c.week is not None else r.week
    is_event = series is not None and series.kind == "event_week"
    return ComparisonRow(
        label=series.label if series else (member.label if member else r.endpoint),
        arm=r.arm,
        when="during the study" if is_event or week is None else week_text(week),
        reported=plain_units(r.text),
        statistic="one patient" if r.statistic in ONE_PATIENT else f"{r.statistic} of {r.n} patients",
        simulated=_simulated(c),
        interval=_judged_by(c),
        verdict=c.verdict,
        reason=c.reason,
        note=cited(r.note),
        source=reference(r.source) if r.source else Markup("no source stated"),
    )


def _judged_by(c: Comparison) -> str:
    """Return the interval; when a miss is so close that rounding would hide it, with more digits."""
    if c.series is None:
        return "—"
    ends = [number(x, c.series.unit, c.series.name) for x in (c.low, c.high)]
    if c.verdict == MISS and number(c.reported.value, c.series.unit, c.series.name) in ends:
        return f"{c.low:.4g} to {c.high:.4g} {unit_text(c.series.unit)}".strip()
    return between(c.low, c.high, c.series.unit, c.series.name)


def _simulated(c: Comparison) -> str:
    """Return the simulated counterpart with the name of its statistic."""
    if c.series is None:
        return "—"
    name = "share" if c.series.kind == "yes_no" else _CENTERS.get(c.reported.statistic, "")
    return f"{name} {quantity(c.center, c.series.unit, c.series.name)}"


def reference(source: str) -> Markup:
    """Return the full text of a reference with its DOI as a link; any text but a known key stays as it is."""
    known = citations.references()
    text = citations.text(source) if source in known else source
    return Markup(_DOI.sub(_link, str(escape(text))))


_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?(10\.\d{4,9}/[^\s,;&]+[^\s,;.&)])", re.I)


def _link(match: re.Match[str]) -> str:
    return f'<a href="https://doi.org/{match[1]}">doi:{match[1]}</a>'


_CARRYING = (
    (
        "Compensation of grafted islets",
        "how much more each islet works when glucose stays high",
        ("graft.compensation",),
    ),
    (
        "Potency of an islet equivalent",
        "secretion of a product's islet equivalent, donor islets = 1",
        ("islet_infusion.*_potency",),
    ),
    (
        "Maturation time",
        "how long the cells take to reach full function",
        ("islet_infusion.*_maturation_time",),
    ),
    (
        "Weaning policy",
        "the rule by which the clinic lowers, stops and restarts insulin",
        ("basal_bolus.weaning_*", "basal_bolus.stop_dose", "basal_bolus.restart_*"),
    ),
)


@dataclass(frozen=True)
class Assumption:
    """One assumption that carries the result, with the rows of the parameter table behind it."""

    name: str
    meaning: str
    rows: list[str]


def assumptions() -> list[Assumption]:
    """Return the assumptions that carry the result; the numbers come from the parameter table."""
    return [Assumption(name, meaning, _rows(patterns)) for name, meaning, patterns in _CARRYING]


def _rows(patterns: Iterable[str]) -> list[str]:
    shapes = [re.compile(re.escape(p).replace(r"\*", r"[a-z0-9_]*") + "$") for p in patterns]
    return [_row(row) for row in table().values() if any(shape.match(row.name) for shape in shapes)]


def _row(row: Row) -> str:
    name = row.name.rpartition(".")[2].replace("_", " ")
    where = "" if row.population == "any" else f" ({row.population})"
    spread = f", spread {row.spread:g}" if row.spread else ""
    note = f": {row.note}" if row.note else ""
    return f"{name}{where} {row.value:g} {unit_text(row.unit)}".strip() + f"{spread}, {row.evidence}{note}"


def sources(results: Results, compared: list[Comparison]) -> list[Markup]:
    """Return every reference used, each once: of the manifest, of reported values, of the endpoints shown."""
    keys: list[str] = list(results.manifest.get("references") or [])
    keys += [c.reported.source for c in compared if c.reported.source]
    keys += [key for note in results.study.get("notes") or [] for key in _keys(note)]
    shown = {name for arm in results.arms.values() for name in arm}
    keys += [member.source for name, member in known_endpoints().items() if name in shown]
    return sorted({reference(key) for key in keys}, key=str.lower)


def cited(text: str) -> str:
    """Return text of a study file with reference keys written as name and year.

    >>> cited("as in wu2024")
    'as in Wu 2024'
    """
    for key in _keys(text):
        name, year = re.fullmatch(r"([a-z_]+)(\d{4})\w*", key).groups()  # type: ignore[union-attr]
        text = re.sub(rf"\b{key}\b", f"{name.capitalize()} {year}", text)
    return text.replace("+-", "±")


def _keys(text: str) -> list[str]:
    return [key for key in re.findall(r"\b[a-z_]+\d{4}\w*\b", text) if key in citations.references()]


def failures(manifest: Mapping[str, Any]) -> list[str]:
    """Return in words who was left out and who was drawn again; a manifest that does not say so is named."""
    if "failures" not in manifest:
        return ["The manifest does not say whether patients failed or were drawn again."]
    size, used = manifest.get("size", "unknown number"), manifest.get("patients_used", "unknown number")
    sentences = [f"{used} of {size} simulated patients are in the results."]
    sentences += [f"Left out, {reason}: {count}." for reason, count in manifest["failures"].items()]
    draws: Mapping[str, int] = manifest.get("draws") or {}
    again = sum(count for number, count in draws.items() if int(number) > 1)
    most = max((int(number) for number in draws), default=1)
    tail = f", at most {most} times in all" if again else ""
    return [*sentences, f"Drawn again until a body fitted the given numbers: {again} of them{tail}."]


def provenance(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return everything of the manifest that is short enough to print, nested names joined by a dot."""
    skipped = ("references", "command", "failures", "draws", "wall_seconds")
    return [pair for name, value in manifest.items() if name not in skipped for pair in flat(name, value)]


def flat(name: str, value: Any) -> list[tuple[str, str]]:
    """Return (name, value) pairs of a nested record, names joined by a dot."""
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in flat(f"{name}.{key}", inner)]
    if isinstance(value, list):
        return [(name, ", ".join(str(v) for v in value) or "none")]
    return [(name, str(value))]
