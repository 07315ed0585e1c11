"""What the page of a trial says of people: who may enter, subgroups, who benefits, one replicate in full."""

from collections.abc import Mapping
from typing import Any

from insulae.populations.enrolled import TRAITS
from insulae.report.people_figures import subgroup_label
from insulae.report.replicate import number

Record = Mapping[str, Any]
MOST_LISTED = 60
SURE = 1.96
_NAMES = {"male": "Men (share)"}


def content(found: Record) -> dict[str, Any]:
    """Return everything the template prints of people; older records hold none of it."""
    return {
        "assurance": _assurance(found),
        "enrolled": [_enrolled(row) for row in found.get("enrolled") or ()],
        "subgroups": [_subgroup(row) for row in found.get("subgroups") or ()],
        "selection": _selection(found),
        "board": _board(found),
    }


def _assurance(found: Record) -> dict[str, str] | None:
    one = found.get("assurance")
    if not one:
        return None
    effects = sorted(effect for effect in one["effects"] if effect is not None)
    unit = found["truths"][0]["unit"] if found["truths"] else ""
    return {
        "mean": f"{one['mean']:.1f} %",
        "error": f"{one['error']:.1f}",
        "spread": f"{one['spread']:.1f}",
        "groups": str(len(one["power"])),
        "replicates": str(one["replicates"]),
        "people": f"{min(one['people'])} to {max(one['people'])}",
        "own": f"{100 * one.get('own', 1.0):.0f} %",
        "range": f"{one['quantiles'][0]:.0f} to {one['quantiles'][2]:.0f} %",
        "effects": f"{number(effects[0])} to {number(effects[-1])} {unit}" if effects else "",
    }


def _enrolled(row: Record) -> dict[str, str]:
    label = f"{row['label']}, {row['unit']}" if row["unit"] else row["label"]
    if row["is_share"]:
        label = f"{label}, n (%)"
    return {"label": label, **{name: _of_group(row, row[name]) for name in ("everybody", "eligible")}}


def _of_group(row: Record, one: Record) -> str:
    if row["is_share"]:
        return f"{one['n'] * one['mean']:.0f} ({100 * one['mean']:.0f})"
    return f"{number(one['mean'])} ({number(one['sd'])})"


def _subgroup(row: Record) -> dict[str, str]:
    return {
        "label": subgroup_label(row),
        "people": str(row["people"]),
        "truth": number(row["truth"]),
        "found": f"{number(row['mean'])} ({number(row['low'])} to {number(row['high'])})",
    }


def _selection(found: Record) -> dict[str, Any] | None:
    one = found.get("selection")
    if not one:
        return None
    unit = found["truths"][0]["unit"]
    return {
        "people": one["people"],
        "allocations": one["allocations"],
        "unit": unit,
        "benefit": f"{number(one['benefit'])} {unit}",
        "harm": number(one["harm"]),
        "measures": [
            ("calibration slope (1 is ideal)", _spread(one["slope"])),
            (f"calibration intercept, {unit} (0 is ideal)", _spread(one["intercept"])),
            ("concordance with the true benefit (0.5 is chance)", _spread(one["concordance"])),
            ("c for benefit, as a trial would find it (0.5 is chance)", _spread(one["c_for_benefit"])),
        ],
        "verdict": _verdict(one),
        "parts": [
            {
                "part": str(i + 1),
                "predicted": number(part["predicted"]),
                "true": f"{number(part['true'])} ± {number(part['true_sd'])}",
                "harm": number(part["harm"]),
            }
            for i, part in enumerate(one["parts"])
        ],
        "first": [_trait(row) for row in one["first"][:8]],
    }


def _verdict(one: Record) -> str:
    """Say in one sentence whether patients can be told apart at enrollment."""
    c = one["concordance"]
    if c["mean"] - SURE * c["sd"] <= 0.5:
        return "From a trial of this size nobody can be told at enrollment to benefit more than others."
    gap = one["parts"][0]["true"] - one["parts"][-1]["true"]
    return f"The fifth with the highest predictions truly gains {number(gap)} more than the lowest fifth."


def _spread(one: Record) -> str:
    return "none" if one["mean"] is None else f"{one['mean']:.2f} ± {one['sd']:.2f}"


def _trait(row: Record) -> dict[str, str]:
    trait = TRAITS.get(str(row["trait"]))
    label = f"{trait.label}, {trait.unit}".rstrip(", ") if trait else str(row["trait"]).replace("_", " ")
    label = _NAMES.get(str(row["trait"]), label)
    return {"label": label, "first": number(row["first"]), "others": number(row["others"])}


def _board(found: Record) -> dict[str, Any] | None:
    shown = found.get("example")
    if not shown or not shown["board"]:
        return None
    seen = shown["board"]
    arms = list(seen["patients"])
    return {
        "ended": seen["ended"],
        "arms": [{"name": arm, "n": seen["patients"][arm]} for arm in arms],
        "looks": [_look(look, arms) for look in seen["looks"]],
        "terms": [
            {"label": row["label"], "counts": [f"{row['patients'][a]} ({row['events'][a]})" for a in arms]}
            for row in seen["terms"]
        ],
        "listing": [_listed(row) for row in seen["listing"][:MOST_LISTED]],
        "left": max(0, len(seen["listing"]) - MOST_LISTED),
        "total": len(seen["listing"]),
    }


def _look(look: Record, arms: list[str]) -> dict[str, Any]:
    return {
        "when": f"{look['when']}, week {look['week']:.0f}",
        "arms": [
            f"{one['entered']} entered, {one['years']:.0f} years; {one['events']} serious in "
            f"{one['affected']}, {one['rate']:.0f} per 100 years; {one['deaths']} dead"
            for one in (look["arms"][arm] for arm in arms)
        ],
        "boundary": look["boundary"],
    }


def _listed(row: Record) -> dict[str, str]:
    return {
        "person": str(row["person"]),
        "arm": row["arm"],
        "week": f"{row['week']:.1f}",
        "calendar": f"{row['calendar']:.0f}",
        "label": row["label"],
        "grade": str(row["grade"]),
        "relation": str(row["relation"]).replace("_", " "),
        "outcome": row["outcome"],
    }
