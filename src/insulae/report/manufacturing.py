"""The page of a manufacturing study: how lots come out, what is released, who waits, what it costs."""

import math
from collections.abc import Mapping
from typing import Any

from insulae.core.citations import references, text
from insulae.report import manufacturing_figures as figures
from insulae.report.figures import COLORS
from insulae.report.templates import template

Arms = Mapping[str, Mapping[str, Any]]
DAYS_PER_WEEK = 7
MILLION = 1e6


def page(results: Mapping[str, Any]) -> str:
    """Return the page of the results of a manufacturing study as HTML."""
    arms: Arms = results["arms"]
    return template("manufacturing").render(
        title=f"How the cells are made: {results['study']['name']}",
        question=results["study"]["question"],
        notes=results["study"]["notes"],
        arms=[_arm(name, arm, COLORS[i % len(COLORS)]) for i, (name, arm) in enumerate(arms.items())],
        answer=[_answer(name, arm) for name, arm in arms.items()],
        facts=_facts(arms),
        tests=_tests(arms),
        compared=[_compared(one) for one in results["reported"]],
        figures=figures.all_of(arms),
        sources=_sources(results),
        assumed=results["assumed"],
        command=results["command"],
        size=results["study"]["lots"],
        replications=results["study"]["replications"],
    )


def _arm(name: str, arm: Mapping[str, Any], color: str) -> dict[str, str]:
    described = arm["process"]
    parts = [described["title"], f"{_islets(described['target'])} ordered per patient"]
    if described["volume"]:
        parts.append(f"{described['volume']:.1f} L of culture per lot")
        parts.append({"none": "not frozen"}.get(described["freezing"], f"frozen ({described['freezing']})"))
    plant = ", ".join(f"{number:g} {what}" for what, number in described["plant"].items() if number)
    parts += [f"{described['patients_per_year']:g} patients come in a year", f"plant: {plant}"]
    return {"name": name, "color": color, "text": "; ".join(parts)}


def _islets(number: float) -> str:
    if number < MILLION:
        return f"{number / 1000:,.0f} thousand IEQ"
    return f"{number / MILLION:.2f} million IEQ"


def _millions(number: float) -> str:
    return f"{number / MILLION:.2f}"


def _dollars(number: float) -> str:
    """Write dollars rounded to what the doubt allows: two digits.

    >>> _dollars(763336.9), _dollars(1116223.0)
    ('$760,000', '$1,100,000')
    """
    digits = max(math.floor(math.log10(number)) - 1, 0) if number >= 1 else 0
    return f"${round(number / 10**digits) * 10**digits:,.0f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"


def _between(points: Mapping[str, float | None], write: Any, unit: str = "") -> str:
    """Write a median with its 5 to 95 % interval, the unit once."""
    low, middle, high = (
        "without bound" if (value := points[name]) is None else write(value) for name in ("p05", "p50", "p95")
    )
    return f"{middle} ({low} to {high}) {unit}".strip()


def _weeks(days: float) -> str:
    return f"{days / DAYS_PER_WEEK:.1f}"


def _answer(name: str, arm: Mapping[str, Any]) -> str:
    released, plant = arm["released"], arm["plant"]
    doubt, cost = released["in_doubt"], _between(arm["cost"]["per_dose"], _dollars)
    treated, come = plant["per_year"]["treated"]["mean"], plant["per_year"]["arrived"]["mean"]
    return (
        f"“{name}”: {_percent(released['share'])} of lots are released "
        f"({_percent(doubt['p05'])} to {_percent(doubt['p95'])} where the inputs "
        f"are in doubt). Of {come:.0f} patients who come in a year {treated:.0f} are treated, after "
        f"{_between(plant['wait'], _weeks, 'weeks')}. A dose costs {cost} to make."
    )


def _facts(arms: Arms) -> list[dict[str, Any]]:
    """Return the table of arms side by side: a label and one text for each arm."""

    def row(label: str, write: Any) -> dict[str, Any]:
        return {"label": label, "cells": [write(arm) for arm in arms.values()]}

    return [
        row(
            "living islets in a lot",
            lambda a: _between(a["lots"]["quantiles"]["living_islets"], _millions, "million IEQ"),
        ),
        row("lots that reach the harvest", lambda a: _percent(a["lots"]["completed"])),
        row("lots released", lambda a: _percent(a["released"]["share"])),
        row("lots that truly meet every limit", lambda a: _percent(a["released"]["truly_good"])),
        row("good lots refused, of all", lambda a: _percent(a["released"]["good_refused"])),
        row("bad lots released, of all", lambda a: _percent(a["released"]["bad_released"])),
        row(
            "potency against the usual product",
            lambda a: _between(a["lots"]["quantiles"]["potency"], lambda x: f"{x:.2f}"),
        ),
        row(
            "residual pluripotent cells, per million",
            lambda a: _between(a["lots"]["quantiles"]["pluripotent"], lambda x: f"{1e6 * x:.1f}"),
        ),
        row("attempts at a line that succeed", lambda a: _percent(a["patients"]["line_success"])),
        row("runs until one is released, mean", lambda a: f"{a['patients']['run_attempts']:.2f}"),
        row("patients (lots of a bank) with a lot in the end", lambda a: _percent(a["patients"]["made"])),
        row(
            "collection to treatment without queues",
            lambda a: _between(a["patients"]["days"], _weeks, "weeks"),
        ),
        row("patients treated in a year", lambda a: _interval(a["plant"]["per_year"]["treated"], "{:z.0f}")),
        row("waiting time, mean in days", lambda a: _interval(a["plant"]["mean_wait"], "{:z.0f}")),
        row("busiest resource", lambda a: _busiest(a["plant"])),
        row("patients a year at which it is full", lambda a: _number(a["plant"]["capacity"])),
        row("cost of goods per dose", lambda a: _between(a["cost"]["per_dose"], _dollars)),
    ]


def _interval(mean: Mapping[str, float | None], form: str) -> str:
    """Write a mean with its 95 % confidence interval over replications."""
    if mean["mean"] is None:
        return "no value"
    return f"{form.format(mean['mean'])} ({form.format(mean['low'])} to {form.format(mean['high'])})"


def _number(number: float | None) -> str:
    return "no value" if number is None else f"{number:,.0f}"


def _busiest(plant: Mapping[str, Any]) -> str:
    return f"{plant['busiest']}, {_percent(plant['use'][plant['busiest']]['mean'])} of the time"


def _tests(arms: Arms) -> list[dict[str, Any]]:
    """Return one row for each arm and test that decides there."""
    return [
        {
            "arm": name,
            "label": test["label"],
            "failed": _percent(test["failed"]),
            "rejects": _of(test["false_rejects"], test["good"]),
            "accepts": _of(test["false_accepts"], test["bad"]),
        }
        for name, arm in arms.items()
        for test in arm["tests"]
    ]


def _of(some: int, all_of_them: int) -> str:
    return f"{some} of {all_of_them} ({_percent(some / all_of_them)})" if all_of_them else "none at hand"


def _compared(one: Mapping[str, Any]) -> dict[str, str]:
    simulated = "no value" if one["simulated"] is None else f"{one['simulated']:,.4g}"
    if one["simulated"] is not None and one["simulated"] >= 1000:
        simulated = f"{one['simulated']:,.0f}"
    verdict = "benchmark only" if one["is_benchmark"] else one["verdict"]
    return {
        "quantity": one["quantity"].replace("_", " "),
        "arm": one["arm"],
        "range": f"{one['low']:,g} to {one['high']:,g}"
        if one["high"] < 1000
        else f"{one['low']:,.0f} to {one['high']:,.0f}",
        "simulated": simulated,
        "verdict": verdict,
        "note": one["note"],
        "source": text(one["source"]) if one["source"] else "",
    }


def _sources(results: Mapping[str, Any]) -> list[str]:
    return [text(key) for key in results["sources"] if key in references()]
