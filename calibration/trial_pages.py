"""Numbers of docs/trials.md that come from simulated trials, written from the results of `insulae design`.

`insulae design studies/phase3_t2d.yaml` (and `zimislecel`, `n_of_1`, `enriched`) leaves `design.json` in
`results/<study>`. `python -m calibration.trial_pages` then writes the blocks of the page between their
marks; a study whose results are not there keeps the block that stands. `python -m calibration.trial_pages
FOLDER` reads another folder than `results`.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "trials.md"
Record = dict[str, Any]


def marks(name: str) -> tuple[str, str]:
    """Return the lines that begin and end the block of a study."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def _measured(found: Record) -> str:
    planned, people = found["planned"]["replicates"], found["cohort"]["size"]
    seconds = found["processor_seconds"]
    return (
        f"{planned} replicates from {people} people, {seconds:.0f} s of processor time beside the simulation."
    )


def _estimands(found: Record) -> list[str]:
    """Return the table of all estimands: truth, bias, coverage, power, error without an effect."""
    rows = [
        "| question | true difference | bias | coverage, % | power, % | without an effect, % |",
        "|---|---|---|---|---|---|",
    ]
    units = {row["name"]: row["unit"] for row in found["truths"]}
    for one in found["judged"]:
        rows.append(
            f"| {one['name']} | {one['truth']:.3g} {units[one['name']]} | {one['bias']:+.3f} ± "
            f"{one['bias_error']:.3f} "
            f"| {one['coverage']:.1f} ± {one['coverage_error']:.1f} | {one['rejected']:.1f} ± "
            f"{one['rejected_error']:.1f} "
            f"| {one['type_one']:.1f} ± {one['type_one_error']:.1f} |"
        )
    return rows


def _power(found: Record) -> str:
    planned, null = found["planned"], found["null"]
    words = (
        f"Success in {planned['success']:.1f} % (± {planned['success_error']:.1f}), without an effect in "
        f"{null['success']:.1f} % (± {null['success_error']:.1f})."
    )
    if found["search"]:
        words += (
            " Power by size: "
            + ", ".join(f"{r['size']}: {r['success']:.0f} %" for r in found["search"])
            + "."
        )
    return words


def phase3(found: Record) -> list[str]:
    """Return estimands, assurance and selection of the randomized trial."""
    lines = [_measured(found), "", _power(found)]
    one = found["assurance"]
    if one:
        low, _, high = one["quantiles"]
        lines[-1] += (
            f" Assurance {one['mean']:.0f} % (± {one['error']:.1f}): in nine of ten draws of "
            f"what is not known the power is "
            f"{low:.0f} to {high:.0f} %; of the patients of a group's trials "
            f"{100 * one['own']:.0f} % come from the group."
        )
    lines += ["", *_estimands(found)]
    who = found["selection"]
    if who:
        first, last = who["parts"][0], who["parts"][-1]
        traits = ", ".join(
            f"{r['trait']} {r['first']:.3g} (others {r['others']:.3g})" for r in who["first"][:4]
        )
        lines += [
            "",
            f"Who should be enrolled first ({who['people']} people, mean of {who['allocations']} "
            f"allocations): calibration slope "
            f"{who['slope']['mean']:.2f} (standard deviation over allocations "
            f"{who['slope']['sd']:.2f}), concordance with the true "
            f"benefit {who['concordance']['mean']:.2f}, c for benefit as a trial would compute "
            f"it {who['c_for_benefit']['mean']:.2f} "
            f"({who['c_for_benefit']['sd']:.2f}). The fifth to be enrolled first gains "
            f"{first['true']:.0f}, the last fifth "
            f"{last['true']:.0f}, at {first['harm']:.2f} and {last['harm']:.2f} additional "
            f"serious events each; first come: {traits}.",
        ]
    return lines


def zimislecel(found: Record) -> list[str]:
    """Return the reported results among the replicates of the same trial."""
    lines = [
        _measured(found),
        "",
        "| result | reported | replicates, median (5th to 95th percentile) | replicates below |",
        "|---|---|---|---|",
    ]
    for row in found["replayed"]:
        _, low, _, middle, _, high, _ = row["quantiles"]
        lines.append(
            f"| {row['label']}, week {row['week']:g} | {row['reported']:g} {row['unit']} | "
            f"{middle:.3g} ({low:.3g} to {high:.3g}) "
            f"| {row['below']:.0f} % |"
        )
    return lines


def n_of_1(found: Record) -> list[str]:
    """Return the true difference and the power of the treatments in turn."""
    known = found["truths"][0]
    arms = ", ".join(f"{name} {value:.4g}" for name, value in known["arms"].items())
    return [
        _measured(found),
        "",
        f"True difference {known['difference']:.3g} {known['unit']} (means {arms}). {_power(found)}",
    ]


def enriched(found: Record) -> list[str]:
    """Return what enrichment, departures and shared alpha do."""
    who = found["enrichment"]
    words = (
        f"Of {who['eligible']} people {who['enrolled']} are enrolled: true benefit "
        f"{who['true']:.3g} in them, "
        f"{who['true_of_others']:.3g} in those left out, {who['true_of_all']:.3g} in all "
        f"(calibration slope {who['slope']:.2f}, "
        f"concordance {who['concordance']:.2f}). {_power(found)}"
    )
    shared = ", ".join(
        f"{one['name']} {one['success']:.1f} (without an effect {one['type_one']:.1f})"
        for one in found["shared_alpha"]
    )
    return [
        _measured(found),
        "",
        words,
        "",
        *_estimands(found),
        "",
        f"With alpha shared, success in percent: {shared}.",
    ]


BLOCKS: dict[str, Callable[[Record], list[str]]] = {
    "phase3_t2d": phase3,
    "zimislecel": zimislecel,
    "n_of_1": n_of_1,
    "enriched": enriched,
}


def written(page: str, name: str, lines: list[str]) -> str:
    """Return the page with the block of a study replaced."""
    begin, end = marks(name)
    before, rest = page.split(begin, 1)
    return "\n".join([before + begin, *lines, end]) + rest.split(end, 1)[1]


def main() -> None:
    """Write every block whose results are there, and say which."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("results")
    page = PAGE.read_text(encoding="utf-8")
    for name, block in BLOCKS.items():
        path = folder / name / "design.json"
        if path.exists():
            page = written(page, name, block(json.loads(path.read_text(encoding="utf-8"))))
        print(f"{name}: {'written' if path.exists() else f'no {path}, the block stands as it was'}")
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
