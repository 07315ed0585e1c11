"""What the page of a trial tells of one replicate as a paper would: flow, enrollment, outcomes, what is
missing.
"""

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]


def content(found: Record) -> dict[str, Any]:
    """Return what the template prints of the first replicate, of enrichment and of shared alpha."""
    shown = found.get("example") or {}
    flow = shown.get("flow")
    return {
        "flow": _flow(flow) if flow else None,
        "randomized": [_baseline(row) for row in shown.get("baseline") or ()],
        "outcomes": [_outcome(row) for row in shown.get("outcomes") or ()],
        "sensitivity": [_sensitivity(row) for row in shown.get("sensitivity") or ()],
        "enrichment": _enrichment(found),
        "shared_alpha": [_shared(row) for row in found.get("shared_alpha") or ()],
    }


def number(value: float | None) -> str:
    """Write a number with three digits.

    >>> number(0.01234), number(12345.6), number(None)
    ('0.0123', '12,346', 'none')
    """
    if value is None:
        return "none"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _flow(flow: Record) -> dict[str, Any]:
    arms = list(flow["arms"])
    steps = list(dict.fromkeys(step for counts in flow["arms"].values() for step in counts))
    return {
        "screened": f"{flow['screened']:,}",
        "arms": arms,
        "rows": [(step, [str(flow["arms"][arm].get(step, 0)) for arm in arms]) for step in steps],
    }


def _baseline(row: Record) -> dict[str, Any]:
    label = f"{row['label']}, {row['unit']}" if row["unit"] else row["label"]
    if row["is_share"]:
        label = f"{label}, n (%)"
    return {"label": label, "arms": [_of_arm(one, row["is_share"]) for one in row["arms"].values()]}


def _of_arm(one: Record, is_share: bool) -> str:
    if one["mean"] is None:
        return "nobody"
    if is_share:
        return f"{one['n'] * one['mean']:.0f} ({100 * one['mean']:.0f})"
    return f"{number(one['mean'])} ({number(one['sd'])})"


def _outcome(row: Record) -> dict[str, Any]:
    return {
        "name": row["name"],
        "arms": [_summary(one, row) for one in row["arms"].values()],
        "estimate": _estimate(row["estimate"], row["unit"]) or row.get("not_estimated", ""),
    }


def _summary(one: Record, row: Record) -> str:
    if one["mean"] is None:
        return "nobody has reached it"
    if row["is_share"]:
        return f"{one['mean']:.0f} % of {one['n']}"
    return f"{number(one['mean'])} {row['value']} (SD {number(one['sd'])}), n {one['n']}"


def _estimate(one: Record | None, unit: str) -> str:
    if one is None:
        return ""
    p = "p < 0.001" if one["p"] < 0.001 else f"p {one['p']:.3f}"
    return f"{number(one['effect'])} ({number(one['low'])} to {number(one['high'])}) {unit}, {p}"


def _sensitivity(row: Record) -> dict[str, str]:
    unit, tips = row["unit"], row["tipping_point"]
    words = f"not up to {number(row['farthest'])} {unit}" if tips is None else f"{number(tips)} {unit}"
    if tips == 0:
        words = "not significant as it stands"
    return {
        "name": row["name"],
        "missing": f"{row['missing']['control']} and {row['missing']['active']}",
        "estimates": "; ".join(f"{name} {_estimate(one, unit)}" for name, one in row["estimates"].items()),
        "tipping_point": words,
    }


def _shared(row: Record) -> dict[str, str]:
    return {
        "name": "any of them" if row["name"] == "any" else row["name"],
        "success": f"{row['success']:.1f} ± {row['error']:.1f}",
        "type_one": f"{row['type_one']:.1f} ± {row['type_one_error']:.1f}",
    }


def _enrichment(found: Record) -> dict[str, str] | None:
    one = found.get("enrichment")
    if not one:
        return None
    slope = "none" if one["slope"] is None else f"{one['slope']:.2f}"
    concordance = "none" if one["concordance"] is None else f"{one['concordance']:.2f}"
    return {
        **{name: number(one[name]) for name in ("predicted", "true", "true_of_others", "true_of_all")},
        "eligible": str(one["eligible"]),
        "enrolled": str(one["enrolled"]),
        "slope": slope,
        "concordance": concordance,
    }
