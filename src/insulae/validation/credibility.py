"""The credibility page, docs/validation.md: what the model may be used for, written from a validation record.

The order is that of ASME V&V 40 (2018) and the draft of ICH M15 (2024): question of interest, context of use,
model risk, verification, validation, applicability, uncertainty. What stands here in words was written once;
every number comes from the record or from the page of `insulae accuracy`.
"""

import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from insulae.validation.page import number
from insulae.validation.totals import COUNTS, DOMAIN_BAR, SHARE_BAR

Plain = Mapping[str, Any]
LONGEST_COMMAND = 80

QUESTION = """Simulated; not medical advice. Written by `make validate`; change the code of
`insulae.validation.credibility`, not this page.

## Question of interest

For which people with diabetes, at which dose, site and protection, and for how long could cells that make
insulin replace injected insulin or tablets, compared with the care they would get instead?
"""
USES = (
    (
        "teaching, hypotheses",
        "all of it",
        "a wrong idea, met by the next experiment",
        "low",
        "misses are shown",
    ),
    (
        *("planning a trial: arms, doses, size, visits", "much, beside earlier trials"),
        *("a trial too small or too short", "medium", "the domain holds"),
    ),
    (
        *(
            "comparing therapies in groups of people",
            "most, where no trial exists",
            "money and years",
            "high",
        ),
        "the domain holds, and doubt is carried along",
    ),
    (
        *("treatment of a person", "none: outside the context of use", "harm", "not acceptable"),
        "nothing here suffices",
    ),
)
CONTEXT = "\n".join(
    [
        "## Context of use, and model risk\n",
        "| use | what the model adds | if it is wrong | risk | what it asks of the model |",
        "|---|---|---|---|---|",
        *(f"| {' | '.join(use)} |" for use in USES),
        "",
    ]
)
UNCERTAINTY = """## Uncertainty

A prediction has three layers: the chance of who takes part and of the limited number of simulated people;
doubt about the values of parameters, from groups of people with own draws of them; and discrepancy, by how
much published numbers of one kind miss beyond both, estimated from calibration values alone. Values at
visits are read with the error of assays and the variation within a person. A wide interval covers much, so
the widths stand next to what is covered, and what is accepted (inside by chance alone, or within the band)
says how good the model itself is. Not in the intervals: doubts of rows without one, and errors that the
calibration values did not show.
"""
NOT_LEFT_OUT = (
    "`insulae validate --leave-out` predicts each study that entered a fit from the others; not run."
)
BARS = """The specified bars hold the 90 % prediction interval against what was observed: chance, doubt and
discrepancy. A wide interval covers easily, so stricter bars of this project's own stand beside them, which
no width can reach: a number is accepted inside the interval of chance alone, or within the band of its kind.
What each domain supports follows from the stricter ones.
"""
VERDICTS = (
    (SHARE_BAR, "may be used for comparisons between groups, within the populations tested"),
    (DOMAIN_BAR, "may be used to plan and to form hypotheses; look at the misses first"),
    (0.0, "not supported for quantitative use; the misses say where"),
)


def credibility(record: Plain, accuracy: Path) -> str:
    """Return the page; `accuracy` is the page that `insulae accuracy` and its reading stand in."""
    parts = (
        "# Credibility\n",
        QUESTION,
        CONTEXT,
        _verification(accuracy),
        _validation(record),
        _applicability(record),
        _lacking(record),
        _refitted(accuracy.parent / "leave_out.md"),
        UNCERTAINTY,
        _left_out(record),
    )
    return "\n".join(parts)


def _verification(accuracy: Path) -> str:
    """Return the readings of the numerical errors, those of the accuracy page."""
    text = accuracy.read_text(encoding="utf-8") if accuracy.exists() else ""
    readings = [block for block in _bullets(text.partition("What matters:")[2].partition("###")[0])]
    found = "\n".join(f"* {reading}" for reading in readings) or "* `insulae accuracy` prints the errors."
    return (
        f"## Verification\n\nMeasured by `insulae accuracy`, in [accuracy.md]({accuracy.name}):\n\n{found}\n"
    )


def _bullets(text: str) -> Iterable[str]:
    for block in text.split("\n* ")[1:]:
        yield " ".join(block.split())


def _validation(record: Plain) -> str:
    studies, values = len(record["studies"]), len(record["values"])
    command = textwrap.shorten(record["command"], LONGEST_COMMAND, placeholder=" ...")
    bars = [_bar(bar) for bar in record["bars"]]
    lines = [
        "## Validation\n",
        f"`{command}`: {studies} published studies, {values} numbers. Roles and bands were",
        "fixed in `validation/` before the run.\n",
        *("| bar | | reached | asked | |", "|---|---|---|---|---|", *bars, ""),
        BARS,
        "| numbers | judged | inside by chance | with doubt | covered: with discrepancy | accepted |",
        "|---|---|---|---|---|---|",
        *(_row(group) for group in record["groups"]),
        "",
        *_honesty(record["honesty"]),
        *_discrepancy(record["discrepancy"]),
    ]
    return "\n".join(lines)


def _bar(bar: Plain) -> str:
    met = {True: "met", False: "**not met**", None: "nothing judged"}[bar["is_met"]]
    return (
        f"| {bar['name']} | {bar['measure']} | {number(bar['reached'])} {bar['unit']} | "
        f"{bar['asked']:g} {bar['unit']} | {met} |"
    )


def _honesty(layers: Iterable[Plain]) -> list[str]:
    head = "| prediction by | inside | half width in bands, middle | nine of ten at most | spread of z |"
    found = [
        f"| {one['layer']} | {number(one['share_inside'])} % | {number(one['half_width_over_band'])} | "
        f"{number(one['half_width_over_band_p90'])} | {number(one['z_sd'])} |"
        for one in layers
    ]
    text = (
        "Of the counted numbers without bounds, nine of ten should lie inside, and observed less simulated\n"
        "should spread over one standard deviation of the prediction (z).\n"
    )
    return [text, head, "|---|---|---|---|---|", *found, ""]


def _discrepancy(rows: Iterable[Plain]) -> list[str]:
    text = (
        "Discrepancy (standard deviation tau beyond chance and doubt), from calibration values alone; on\n"
        "the log or logit scale where the unit says so, in bands where a kind has too few of its own:\n"
    )
    found = [
        f"| {one['family']} | {number(one['tau'])} {one['unit']} | {number(one['low'])} to "
        f"{number(one['high'])} | {one['values']} of {one['studies']} studies |"
        for one in rows
    ]
    return [text, "| kind | tau | 90 % interval | values |", "|---|---|---|---|", *found, ""]


def _row(count: Plain) -> str:
    def share(name: str) -> str:
        percent = count[f"share_{name}"]
        return f"{count[name]} ({percent:.0f} %)" if percent is not None else "–"

    return f"| {count['name']} | {count['total']} | {' | '.join(share(name) for name in COUNTS)} |"


def _applicability(record: Plain) -> str:
    lines = [
        "## Applicability\n",
        "What each domain supports follows from its counted numbers alone, by what is accepted; covered is",
        "the specified measure, with the half width of its intervals in bands beside it.\n",
        "| domain | judged | covered | half width, middle | accepted | use |",
        "|---|---|---|---|---|---|",
    ]
    for domain in record["domains"]:
        percent = domain["share_accepted"]
        use = next(text for bar, text in VERDICTS if percent >= bar)
        covered = f"{domain['share_covered']:.0f} %"
        width = number(domain["half_width"])
        lines.append(
            f"| {domain['name']} | {domain['total']} | {covered} | {width} | {percent:.0f} % | {use} |"
        )
    text = (
        "\nThe simulated people are adults. Outside: children, pregnancy, other illness, and every\n"
        "population listed below as not simulated.\n"
    )
    return "\n".join(lines) + "\n" + text


def _lacking(record: Plain) -> str:
    """Return what the model lacks, part by part, where a counted number was missed."""
    lines = ["## What is missed, and what the model lacks\n"]
    for entry in record["why"]:
        misses = "; ".join(entry["misses"])
        lines.append(f"* **{entry['study']}** ({entry['part']}): {entry['lacks']} Missed: {misses}.")
    return "\n".join([*lines, ""]) if record["why"] else "\n".join([*lines, "Nothing that counts.\n"])


def _refitted(page: Path) -> str:
    """Return what leaving studies out of their fits came to, the counts of its page."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    counts = text.partition("## Counts")[2].partition("##")[0].strip()
    found = f"{counts}\n\nNumber by number in [{page.name}]({page.name})." if counts else NOT_LEFT_OUT
    return f"## Studies left out of their fits\n\n{found}\n"


def _left_out(record: Plain) -> str:
    lines = ["## Published studies that are not simulated\n"]
    lines += [f"* {name}: {reason}." for name, reason in record["excluded"].items()]
    return "\n".join([*lines, ""])
