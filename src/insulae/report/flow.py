"""The flow of patients, as CONSORT draws it: who was drawn, who was left out and why, who was measured last.

Two steps of a trial are missing on purpose: nobody is randomized, because the same people live through every
arm, and nobody is lost but by death.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from insulae.report.reading import Results, Series
from insulae.report.words import week_text

IN_THE_RESULTS = "in the results"


@dataclass(frozen=True)
class Step:
    """How many people a step leaves and how many it takes away; as texts, '' for none."""

    label: str
    left: str
    lost: str


@dataclass(frozen=True)
class ArmFlow:
    """One arm: who began, who died, who was measured at the last visit and when."""

    arm: str
    begun: str
    died: str
    measured: str
    when: str


@dataclass(frozen=True)
class Flow:
    """All that the drawing shows."""

    steps: list[Step]
    arms: list[ArmFlow]


def flow(results: Results) -> Flow:
    """Return the flow of a run, from its summary and its manifest."""
    summary = json.loads((results.directory / "summary.json").read_text(encoding="utf-8"))
    counted = _recruited(summary) or _drawn(results.manifest)
    steps = [Step(label, f"{left:,}", "") for label, left in counted[:1]]
    for (_, before), (label, left) in pairwise(counted):
        steps.append(Step(label, f"{left:,}", f"{before - left:,}" if before > left else ""))
    harm = summary.get("harm", {})
    arms = [_arm(name, list(series.values()), harm.get(name)) for name, series in results.arms.items()]
    return Flow(steps, [arm for arm in arms if arm is not None])


def _recruited(summary: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return the steps of a recruitment and how many each left; empty for a study that chooses nobody."""
    return [(one["step"], one["left"]) for one in summary.get("recruitment", {}).get("attrition", [])]


def _drawn(manifest: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return how many were drawn, what each kind of failure left, and how many are in the results."""
    if "size" not in manifest:
        return []
    left, steps = int(manifest["size"]), [("drawn", int(manifest["size"]))]
    for reason, number in (manifest.get("failures") or {}).items():
        left -= number
        steps += [(f"after leaving out: {reason}", left)] if number else []
    return [*steps, (IN_THE_RESULTS, int(manifest.get("patients_used", left)))]


def _arm(name: str, series: list[Series], harm: Mapping[str, Any] | None) -> ArmFlow | None:
    """Return one arm; who began is counted at the first visit of a run without counts of harm."""
    counted = [one for one in series if len(one.weeks)]
    if not counted:
        return None
    first, last = (max(int(np.nan_to_num(s.at("n", visit))) for s in counted) for visit in (0, -1))
    begun = first if harm is None else int(harm["patients"])
    died = "" if harm is None else f"{harm['deaths']:,}"
    return ArmFlow(name, f"{begun:,}", died, f"{last:,}", week_text(float(counted[0].weeks[-1])))
