"""What a safety board would see of one replicate: serious events by arm, kind and person, and each look.

The replicate is the first one, to its end. A person of a trial is a simulated patient under the arm that the
path of the trial gives; an event counts while the patient is watched.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from insulae.core.clock import DAYS_PER_WEEK, DAYS_PER_YEAR
from insulae.runs.arrow import numbers
from insulae.statistics import group_sequential
from insulae.trials.design.designs import GroupSequential, ToxicityRule
from insulae.trials.design.estimators import NotEnoughPatients, estimate
from insulae.trials.design.example import Example
from insulae.trials.design.harm import bound, had_event
from insulae.trials.design.outcomes import FATAL
from insulae.trials.design.replicate import Scene, last_visit
from insulae.trials.design.two_arms import boundaries

QUARTERS = (0.25, 0.5, 0.75, 1.0)
COLUMNS = ("event", "label", "grade", "relation", "outcome")
PER_YEARS = 100
SAME_WEEK = 1e-6


def board(scene: Scene, shown: Example, events: pa.Table) -> dict[str, Any]:
    """Return listing, tables and looks of the example, as plain data; `events` as in `events.parquet`."""
    listing = _listing(scene, shown, events)
    arms = scene.spec.design.arm_names()
    looks = [_look(scene, shown, listing, week, words) for week, words in _weeks(scene, shown)]
    return {
        "ended": shown.found.ended,
        "patients": {name: int(_entered(scene, shown, name, shown.end).sum()) for name in arms},
        "listing": listing,
        "terms": _terms(listing, arms),
        "looks": looks,
    }


def _entered(scene: Scene, shown: Example, arm: str, week: float) -> Any:
    """Tell which patients were allocated to an arm and had entered by a calendar week."""
    return (shown.data.followed.arm == scene.outcomes.arm(arm)) & (shown.data.entered <= week)


def _listing(scene: Scene, shown: Example, events: pa.Table) -> list[dict[str, Any]]:
    """Return a row for each serious event of a patient while watched, by calendar week."""
    serious = np.flatnonzero(numbers(events["serious"]).astype(bool))
    columns = {name: events[name].take(serious).to_pylist() for name in ("arm", "patient", "day", *COLUMNS)}
    by_person: dict[tuple[str, int], list[int]] = {}
    for row, key in enumerate(zip(columns["arm"], columns["patient"], strict=True)):
        by_person.setdefault(key, []).append(row)
    followed, rows = shown.data.followed, list[dict[str, Any]]()
    for i, place in enumerate(shown.patients):
        for arm in np.unique(followed.path[i]):
            key = (scene.outcomes.arms[int(arm)], int(scene.outcomes.numbers[place]))
            for row in by_person.get(key, []):
                week = columns["day"][row] / DAYS_PER_WEEK
                if not _is_seen(shown, i, int(arm), week):
                    continue
                kept = {name: columns[name][row] for name in COLUMNS}
                allocated = scene.outcomes.arms[int(followed.arm[i])]
                entry = float(shown.data.entered[i])
                told = {"person": i + 1, "arm": allocated, "week": week, "calendar": entry + week}
                rows.append(told | kept)
    return sorted(rows, key=lambda row: (row["calendar"], row["person"], row["event"]))


def _is_seen(shown: Example, i: int, arm: int, week: float) -> bool:
    """Tell whether a patient is watched and in an arm of the study at a week since entry.

    What happens on the day of an intercurrent event, such as an infusion, belongs to what comes after.
    """
    data = shown.data
    segment = min(int(np.searchsorted(data.followed.weeks, week, "right")), len(data.followed.weeks) - 1)
    is_watched = week <= data.left[i] and data.entered[i] + week <= shown.end
    return bool(is_watched and data.followed.path[i, segment] == arm)


def _terms(listing: Sequence[dict[str, Any]], arms: Sequence[str]) -> list[dict[str, Any]]:
    """Return events and patients by kind of event and arm, the most frequent first."""
    count = Counter(row["label"] for row in listing)
    rows: list[dict[str, Any]] = []
    for label, _ in sorted(count.items(), key=lambda item: (-item[1], item[0])):
        mine = [row for row in listing if row["label"] == label]
        by_arm = {arm: [row for row in mine if row["arm"] == arm] for arm in arms}
        rows.append(
            {
                "label": label,
                "events": {arm: len(some) for arm, some in by_arm.items()},
                "patients": {arm: len({row["person"] for row in some}) for arm, some in by_arm.items()},
            }
        )
    return rows


def _weeks(scene: Scene, shown: Example) -> list[tuple[float, str]]:
    """Return when the board looks, and why: at the looks of the design, else at quarters of enrollment."""
    design, data = scene.spec.design, shown.data
    if isinstance(design, GroupSequential):
        looks = [data.chosen(np.arange(round(f * design.size))) for f in design.looks]
        found = [(last_visit(scene.spec.primary, some), f"look {k}") for k, some in enumerate(looks, 1)]
        last = [words for week, words in found if abs(week - shown.end) < SAME_WEEK]
        ending = f"{last[0]}, the end" if last else "the end"
    else:
        last = len(data.entered) - 1
        found = [(float(data.entered[round(q * last)]), f"{100 * q:.0f} % entered") for q in QUARTERS]
        ending = "the end"
    return [(week, words) for week, words in found if week < shown.end - SAME_WEEK] + [(shown.end, ending)]


def _look(
    scene: Scene, shown: Example, listing: Sequence[dict[str, Any]], week: float, words: str
) -> dict[str, Any]:
    arms = scene.spec.design.arm_names()
    before = [row for row in listing if row["calendar"] <= week]
    return {
        "when": words,
        "week": week,
        "arms": {
            arm: _exposure(scene, shown, [r for r in before if r["arm"] == arm], arm, week) for arm in arms
        },
        "boundary": [*_harm_rule(scene, shown, week), *_efficacy(scene, shown, week)],
    }


def _exposure(
    scene: Scene, shown: Example, rows: Sequence[dict[str, Any]], arm: str, week: float
) -> dict[str, float]:
    there = _entered(scene, shown, arm, week)
    data = shown.data
    watched = np.minimum(np.minimum(week - data.entered, data.left), data.followed.event_week["death"])
    watched = np.minimum(watched, data.followed.weeks[-1])[there]
    years = float(watched.sum()) * DAYS_PER_WEEK / DAYS_PER_YEAR
    return {
        "entered": int(there.sum()),
        "years": years,
        "events": len(rows),
        "affected": len({row["person"] for row in rows}),
        "deaths": sum(row["outcome"] == FATAL for row in rows),
        "rate": PER_YEARS * len(rows) / years if years > 0 else 0.0,
    }


def _harm_rule(scene: Scene, shown: Example, week: float) -> list[str]:
    """Return where the rule to stop for harm stands, in words; nothing for a design without one."""
    design = scene.spec.design
    rule: ToxicityRule | None = getattr(design, "stopping", None)
    if rule is None:
        return []
    treated = scene.outcomes.arm(getattr(design, "active", None) or getattr(design, "arm", ""))
    mine = shown.data.chosen(shown.data.followed.arm == treated)
    done = mine.entered + rule.within <= week + 1e-6
    harmed, n = int(had_event(rule, mine)[done].sum()), int(done.sum())
    most = bound(rule, n) if n >= rule.fewest else None
    limit = "no limit yet" if most is None else f"stop at {most}"
    crossed = " — crossed" if most is not None and harmed >= most else ""
    return [f"harm ({rule.event}): {harmed} of {n} watched for {rule.within:g} weeks; {limit}{crossed}"]


def _efficacy(scene: Scene, shown: Example, week: float) -> list[str]:
    """Return where benefit stands against the bounds of a group-sequential trial, in words."""
    design, data, primary = scene.spec.design, shown.data, scene.spec.primary
    if not isinstance(design, GroupSequential):
        return []
    bounds = boundaries(design.looks, design.spending, scene.spec.alpha / 100)
    reached = [
        k
        for k, part in enumerate(design.looks)
        if last_visit(primary, data.chosen(np.arange(round(part * design.size)))) <= week + 1e-6
    ]
    if not reached:
        return []
    look = reached[-1]
    some = data.chosen(np.arange(round(design.looks[look] * design.size)))
    try:
        found = estimate(primary, some, scene.outcomes.arm(design.active), scene.draws(0), design.strata)
    except NotEnoughPatients as error:
        return [str(error)]
    z, most = primary.direction() * found.z, float(bounds.upper[look])
    words = [f"benefit: z {z:.2f}, bound {most:.2f}{' — crossed' if z >= most else ''}"]
    if look < len(design.looks) - 1:
        power = group_sequential.predictive_power(z, float(bounds.fractions[look]), float(bounds.upper[-1]))
        words.append(f"futility: predictive power {100 * power:.0f} %, limit {design.futility:g} %")
    return words
