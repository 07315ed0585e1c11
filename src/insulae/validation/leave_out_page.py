"""What leaving studies out came to: plain data for the record, and docs/leave_out.md."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from insulae.validation.judgment import Judged
from insulae.validation.leave_out import LeftOut, moved
from insulae.validation.page import left_out_rows, number

Plain = dict[str, Any]
TOP = """# Each study left out of its fit

Simulated; not medical advice. Written by `insulae validate --leave-out --credibility docs/leave_out.md`.

A number that entered a fit tests nothing. Here what was fitted to a study is fitted again without it, to
the other studies and targets of the same fit, and the study is predicted with what is found;
`validation/refits.py` says how, and of which studies no refit is possible and why. *Fitted* are predictions
with the values of the table, by the same people. Intervals (90 %) hold chance, doubt and discrepancy.
"""


def plain(found: Iterable[LeftOut], whole: Callable[[list[Judged]], list[Judged]]) -> list[Plain]:
    """Return every study left out as plain data; `whole` gives judged numbers their discrepancy."""
    return [
        {
            "study": one.name,
            "seconds": one.seconds,
            "parameters": [
                {"name": name, "table": before, "without": after} for name, before, after in moved(one)
            ],
            "numbers": [_number(*pair) for pair in zip(whole(one.fitted), whole(one.without), strict=True)],
        }
        for one in found
    ]


def _number(fitted: Judged, without: Judged) -> Plain:
    o = without.observed
    return {
        "arm": o.row["arm"],
        "endpoint": o.row["endpoint"],
        "week": o.week,
        "role": o.role,
        "verified": o.is_verified,
        "unit": without.unit,
        "observed": o.value,
        "band": without.band,
        "fitted": _of(fitted),
        "without": _of(without),
    }


def _of(j: Judged) -> Plain:
    p, full = j.predicted, j.full
    return {
        "median": p.median if p else None,
        "low": full.low if full else None,
        "high": full.high if full else None,
        "error": j.error if p else None,
        "covered": j.is_covered,
        "accepted": j.is_accepted,
    }


def counts(left_out: Sequence[Plain]) -> list[Plain]:
    """Return how many of the numbers that entered fits agree with and without their study."""
    used = [n for one in left_out for n in one["numbers"] if n["role"] == "calibration" and n["verified"]]

    def count(name: str, how: str, is_so: Callable[[Plain], bool]) -> Plain:
        return {"name": name, "of": len(used), "found": sum(is_so(n[how]) for n in used)}

    found: list[Plain] = []
    for how, name in (("fitted", "with the study"), ("without", "without it")):
        away = [abs(n[how]["error"]) / n["band"] for n in used if n[how]["error"] is not None and n["band"]]
        found.append(
            {
                "how": name,
                "covered": count(name, how, lambda one: one["covered"]),
                "accepted": count(name, how, lambda one: one["accepted"]),
                "error_in_bands": float(np.median(away)) if away else None,
            }
        )
    return found


def markdown(left_out: Sequence[Plain], reasons: Mapping[str, str]) -> str:
    """Return docs/leave_out.md."""
    lines = [TOP, "## Counts", "", *summary(left_out), "", "## Numbers", "", *table(left_out), ""]
    lines += ["## Parameters found without the study", ""]
    lines += [
        "| study | parameter | table | without it | processor time of the fit |",
        "|---|---|---|---|---|",
    ]
    for one in left_out:
        for p in one["parameters"]:
            values = f"{p['table']:.4g} | {p['without']:.4g}"
            lines.append(f"| {one['study']} | {p['name']} | {values} | {one['seconds']:.0f} s |")
    lines += ["", "## Entered a fit, and cannot be left out", ""]
    lines += [f"* {name}: {reason}." for name, reason in reasons.items()]
    return "\n".join([*lines, ""])


def summary(left_out: Sequence[Plain]) -> list[str]:
    """Return the counts as a table."""
    lines = [
        "| numbers that entered fits | in the 90 % prediction interval | accepted | error in bands, middle |",
        "|---|---|---|---|",
    ]
    for row in counts(left_out):
        covered, accepted = (f"{row[k]['found']} of {row[k]['of']}" for k in ("covered", "accepted"))
        lines.append(f"| {row['how']} | {covered} | {accepted} | {number(row['error_in_bands'])} |")
    return lines


def table(left_out: Sequence[Plain]) -> list[str]:
    """Return every number as a row: those that entered the fit first, then what else the study published."""
    names = ("study", "what", "week", "used", "observed", "fitted", "without", "interval", "verdict")
    head = "study | published number | week | in the fit | observed | fitted | predicted without it | 90 % |"
    rows = [" | ".join(row[name] for name in names) for row in left_out_rows(left_out)]
    return [f"| {head} |", f"|{'---|' * len(names)}", *(f"| {row} |" for row in rows)]
