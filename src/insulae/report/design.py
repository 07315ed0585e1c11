"""The page of a trial that was run many times: answer, operating characteristics, estimands, harm."""

from collections.abc import Mapping
from typing import Any

from insulae.core.citations import references, text
from insulae.report import design_figures, people, people_figures, replicate
from insulae.report.templates import template
from insulae.study.design import smallest

Record = Mapping[str, Any]
_STATED = (
    "enrolment",
    "eligibility",
    "enrichment",
    "dropout",
    "departures",
    "missing_visits",
    "visit_window",
    "alpha",
    "multiplicity",
)
"""Fields of the trial that the page repeats as they stand, besides the design."""
KINDS = {
    "parallel": "randomized, parallel arms",
    "group_sequential": "randomized, parallel arms, group-sequential",
    "single_arm": "one arm against a fixed share",
    "simon": "one arm in Simon's two stages",
    "dose_escalation": "dose escalation",
    "response_adaptive": "randomized, response-adaptive (Bayesian)",
    "platform": "platform with a shared control",
    "external_control": "one arm against an external control",
    "n_of_1": "treatments in turn within each patient (N-of-1)",
    "run_in": "one arm, every patient the own control",
}


def page(found: Record) -> str:
    """Return the page as HTML."""
    return template("design").render(
        title=f"The trial: {found['study']['name']}",
        question=found["study"]["question"],
        notes=found["study"]["notes"],
        answer=answer(found),
        replicates=found["planned"]["replicates"],
        cohort=found["cohort"],
        protocol=_protocol(found),
        characteristics=_characteristics(found),
        ended=sorted(found["planned"]["ended"].items(), key=lambda item: -item[1]),
        chosen=_chosen(found),
        estimands=_estimands(found),
        search=_search(found),
        course=_course(found),
        replayed=_replayed(found),
        figures=[*design_figures.all_of(found), *people_figures.all_of(found)],
        **people.content(found),
        **replicate.content(found),
        is_informative=bool(found["trial"].get("departures")),
        sources=sorted({text(r["source"]) for r in found["replayed"] if r["source"] in references()}),
        command=found["command"],
        seconds=found["processor_seconds"],
    )


def answer(found: Record) -> list[str]:
    """Return what was found in plain sentences."""
    sentences = [_success(found)]
    if found["null"]:
        null = found["null"]
        sentences.append(
            f"Without an effect it succeeds in {null['success']:.1f} % of trials "
            f"(Monte Carlo error {null['success_error']:.1f})."
        )
    if found.get("assurance"):
        sentences.append(_assured(found["assurance"]))
    if found["search"]:
        sentences.append(_size(found))
    harm, months = found["planned"]["serious_events"], found["planned"]["months"]
    sentences.append(
        f"The last analysis is after {months['mean']:.0f} months ({months['p05']:.0f} to "
        f"{months['p95']:.0f}); until then {harm['mean']:.0f} serious adverse events are "
        f"expected ({harm['p05']:.0f} to {harm['p95']:.0f})."
    )
    sentences += [_truth(row) for row in found["truths"] if row["difference"] is not None]
    primary = found["course"]["endpoint"]
    return sentences + [_place(row) for row in found["replayed"] if row["endpoint"] == primary]


def _success(found: Record) -> str:
    planned = found["planned"]
    kind = found["trial"]["design"]["kind"]
    what = "chooses a dose" if kind == "dose_escalation" else "succeeds"
    return (
        f"Design: {KINDS[kind]}. With {planned['patients']['mean']:.0f} patients on average it {what} in "
        f"{planned['success']:.1f} % of {planned['replicates']} replicates (Monte Carlo error "
        f"{planned['success_error']:.1f})."
    )


def _assured(one: Record) -> str:
    low, _, high = one["quantiles"]
    return (
        f"Over what is not known of the model's parameters it succeeds in {one['mean']:.1f} % (assurance, "
        f"error {one['error']:.1f}); in nine of ten draws of them its power is {low:.0f} to {high:.0f} %."
    )


def _size(found: Record) -> str:
    enough, wanted = smallest(dict(found)), found["trial"]["search"]["power"]
    if enough is None:
        return f"None of the sizes that were tried has a power of {wanted}."
    return f"Of the sizes that were tried, {enough} patients are the fewest with a power of {wanted} or more."


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _with_unit(value: float | None, unit: str) -> str:
    return "" if value is None else f"{_number(value)} {unit}"


def _truth(row: Record) -> str:
    return f"{row['name']}: the true difference is {_number(row['difference'])} {row['unit']}."


def _place(row: Record) -> str:
    low, high = row["quantiles"][1], row["quantiles"][5]
    return (
        f"{row['label']}, week {row['week']:g}: reported {_number(row['reported'])} {row['unit']}; "
        f"replicates {_number(row['quantiles'][3])} ({_number(low)} to {_number(high)}), "
        f"{row['below']:.0f} % of them below."
    )


def _protocol(found: Record) -> list[tuple[str, str]]:
    """Return label and text of what the study file says of the trial."""
    trial = found["trial"]
    design = {key: value for key, value in trial["design"].items() if key != "kind"}
    rows = [
        ("design", KINDS[trial["design"]["kind"]]),
        *((key.replace("_", " "), _plain(v)) for key, v in design.items()),
    ]
    for key in _STATED:
        if trial.get(key):
            rows.append((key.replace("_", " "), _plain(trial[key])))
    rows += [("intercurrent event", _plain(event)) for event in trial.get("intercurrent", ())]
    return rows


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_plain(one) for one in value)
    return str(value)


def _characteristics(found: Record) -> list[dict[str, str]]:
    """Return one row for each scenario."""
    scenarios = [("as simulated", found["planned"])]
    if found["null"]:
        scenarios.append(("no effect", found["null"]))
    return [
        {
            "scenario": name,
            "success": f"{one['success']:.1f} % ± {one['success_error']:.1f}",
            **{key: _spread(one[key]) for key in ("patients", "months", "serious_events")},
        }
        for name, one in scenarios
    ]


def _spread(points: Record) -> str:
    return f"{points['mean']:.1f} ({points['p05']:.0f} to {points['p95']:.0f})"


def _chosen(found: Record) -> list[tuple[str, float]]:
    return sorted(found["planned"]["chosen"].items(), key=lambda item: -item[1])


def _estimands(found: Record) -> list[dict[str, str]]:
    """Return one row for each estimand: truth, and how its estimator does where that was measured."""
    judged = {row["name"]: row for row in found["judged"]}
    rows: list[dict[str, str]] = []
    for truth in found["truths"]:
        row = {
            "name": truth["name"],
            "variable": f"{truth['label']}, week {truth['week']:g}",
            "strategies": ", ".join(f"{k}: {v.replace('_', ' ')}" for k, v in truth["strategies"].items()),
            "arms": "; ".join(f"{arm} {_number(value)}" for arm, value in truth["arms"].items()),
            "truth": _with_unit(truth["difference"], truth["unit"]),
            "estimator": _estimator(truth) if truth["name"] in judged else "",
        }
        one = judged.get(truth["name"])
        row |= {
            "bias": f"{one['bias']:.3f} ± {one['bias_error']:.3f}" if one else "",
            "coverage": f"{one['coverage']:.1f} ± {one['coverage_error']:.1f}" if one else "",
            "power": f"{one['rejected']:.1f} ± {one['rejected_error']:.1f}" if one else "",
            "type_one": f"{one['type_one']:.1f} ± {one['type_one_error']:.1f}" if one else "",
        }
        rows.append(row)
    return rows


def _estimator(row: Record) -> str:
    """Return the estimator, what it adjusts for and its prior."""
    words = row["estimator"].replace("_", " ")
    if row.get("covariates"):
        words += f", adjusted for {', '.join(row['covariates'])}"
    return words + (f", prior {_plain(row['prior'])}" if row.get("prior") else "")


def _search(found: Record) -> list[dict[str, str]]:
    return [
        {
            "size": str(row["size"]),
            "power": f"{row['success']:.1f} % ± {row['success_error']:.1f}",
            "months": _spread(row["months"]),
            "serious_events": _spread(row["serious_events"]),
        }
        for row in found["search"]
    ]


def _course(found: Record) -> list[dict[str, str]]:
    """Return one row for each arm: the primary endpoint each year or visit, events and deaths at the end."""
    course = found["course"]
    return [
        {
            "arm": arm,
            "last": f"{_number(values['primary'][-1])} {course['unit']}",
            "best": f"{_number(max(v for v in values['primary'] if v is not None))} {course['unit']}",
            "events": _number(values["serious_events"][-1]),
            "deaths": f"{values['deaths']:.1f} %",
        }
        for arm, values in course["arms"].items()
    ]


def _replayed(found: Record) -> list[dict[str, str]]:
    return [
        {
            "what": f"{row['label']}, week {row['week']:g}",
            "reported": _with_unit(row["reported"], row["unit"]),
            "simulated": "{} ({} to {})".format(*(_number(row["quantiles"][i]) for i in (3, 1, 5))),
            "below": f"{row['below']:.1f} %",
        }
        for row in found["replayed"]
    ]
