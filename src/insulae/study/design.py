"""Operating characteristics of the trial of a study, from the outcomes that its run has simulated.

Reads `endpoints.parquet` and `events.parquet` of a finished run and leaves `design.json` beside them. The
same simulated patients serve every replicate, so a thousand trials cost seconds to minutes.
"""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from insulae.core.errors import InvalidStudy
from insulae.core.registry import nearest
from insulae.runs import store
from insulae.study import trial_people
from insulae.study.results import SIMULATED
from insulae.study.spec import Reported, Study
from insulae.trials.design import designs, estimands, operating, real_patients
from insulae.trials.design.assurance import assurance
from insulae.trials.design.example import SERIOUS_EVENT
from insulae.trials.design.null import null_scene
from insulae.trials.design.one_arm import two_stage_of
from insulae.trials.design.outcomes import SERIOUS, Outcomes, Real, from_tables, with_people
from insulae.trials.design.protocol import TrialSpec
from insulae.trials.design.replayed import replayed
from insulae.trials.design.replicate import Scene
from insulae.trials.design.selection import selection
from insulae.trials.design.subgroups import subgroups
from insulae.trials.design.truth import truth
from insulae.trials.design.two_arms import boundaries
from insulae.trials.design.variables import FROM_SAFETY, measured

Record = dict[str, Any]
OnProgress = Callable[[int, int], None]
_KEPT = ("success", "success_error", "months", "serious_events")
TWO_ARMS = (designs.Parallel, designs.GroupSequential)


def trial_of_study(study: Study) -> TrialSpec:
    """Return the trial of a study; raises `InvalidStudy` when the file has none."""
    if study.trial is None:
        raise InvalidStudy(f"the study '{study.name}' has no section 'trial'", "See studies/phase3_t2d.yaml")
    return study.trial


def outcomes_of(study: Study, directory: store.Location, beside: Path = Path()) -> Outcomes:
    """Return the outcomes that a run has left in a folder, and the real patients of an external control,
    whose file stands in the folder `beside`.

    Raises `InvalidStudy` when the study does not compute an endpoint that its trial needs.
    """
    names = trial_of_study(study).endpoint_names() | {SERIOUS, SERIOUS_EVENT}
    names |= {r.endpoint for r in compared(study)}
    known = study.endpoint_names()
    for name in sorted(names - set(known) - set(FROM_SAFETY)):
        raise InvalidStudy(f"endpoints: the trial needs '{name}'", nearest(name, known))
    columns = ["arm", "patient", "week", "endpoint", "value"]
    groups = store.read_row_groups(directory / "endpoints.parquet", columns)
    table = pa.concat_tables(group.filter(pc.field("endpoint").isin(sorted(names))) for group in groups)
    found = from_tables(table, events_of(directory), [arm.name for arm in study.arms], names)
    doubt = directory / "doubt.parquet"
    found = dataclasses.replace(found, real=_real(trial_of_study(study), found, beside))
    return with_people(
        found,
        store.read_table(directory / "enrolled.parquet"),
        store.read_table(doubt) if doubt.exists() else None,
    )


def _real(spec: TrialSpec, found: Outcomes, beside: Path) -> Real | None:
    design = spec.design
    if not isinstance(design, designs.ExternalControl) or design.patients is None:
        return None
    return real_patients.read(
        beside / design.patients, found.weeks, sorted({spec.primary.endpoint, *design.balance})
    )


def compared(study: Study) -> list[Reported]:
    """Return the reported means and percentages, no bounds, of as many patients as the trial has."""
    design = trial_of_study(study).design
    size = getattr(design, "size", None)
    names = design.arm_names()
    means = [r for r in study.reported if r.statistic in ("mean", "percent") and r.kind == "value"]
    return [r for r in means if r.n == size and r.arm in names]


class _Count:
    """Counts replicates for a progress bar."""

    def __init__(self, total: int, on_progress: OnProgress) -> None:
        self.done, self.total, self.on_progress = 0, total, on_progress
        on_progress(0, total)

    def add(self, n: int) -> None:
        self.done = min(self.done + n, self.total)
        self.on_progress(self.done, self.total)


def events_of(directory: store.Location) -> pa.Table:
    """Return the adverse events that a run has left in a folder."""
    return store.read_table(directory / "events.parquet")


def characterize(
    study: Study,
    outcomes: Outcomes,
    command: str,
    on_progress: OnProgress,
    events: pa.Table | None = None,
) -> Record:
    """Return everything the page of a trial tells, as plain data; without events, nothing of single ones."""
    begin, spec = time.process_time(), trial_of_study(study)
    scene = Scene.of(spec, outcomes, study.seed)
    sizes = spec.search.sizes if spec.search else ()
    is_two_armed = isinstance(spec.design, TWO_ARMS)
    has_doubt = outcomes.group is not None
    count = _Count(spec.replicates.most * (2 + len(sizes) + 2 * is_two_armed + has_doubt), on_progress)
    nothing = null_scene(scene)
    truths = _truths(spec, scene.entering)
    found = operating.replicates(scene, count.add)
    result: Record = {
        "study": {
            "name": study.name,
            "question": study.question,
            "seed": study.seed,
            "notes": list(study.notes),
        },
        "simulated": SIMULATED,
        "command": command,
        "trial": spec.model_dump(mode="json", exclude_none=True),
        "cohort": {
            "size": outcomes.size,
            "eligible": len(scene.places),
            "screened": scene.screened_per_patient,
            "real": 0 if outcomes.real is None else outcomes.real.size,
        },
        "enrichment": trial_people.enrichment(scene),
        "truths": truths,
        "planned": operating.characteristics(found),
        "null": operating.characteristics(operating.replicates(nothing, count.add)) if nothing else None,
        **_judged(scene, nothing, truths, count),
        "search": [_at_size(scene, size, count) for size in sizes],
        "course": _course(study, outcomes, scene),
        "replayed": [replayed(scene, r, r.number(), spec.replicates.most) for r in _chosen(study, spec)],
        "plan": _plan(spec),
        "assurance": trial_people.as_record(assurance(scene, count.add)),
        "enrolled": trial_people.enrolled(scene),
        "subgroups": subgroups(scene),
        "selection": selection(scene),
        "example": trial_people.one_replicate(scene, found[0], events),
    }
    on_progress(count.total, count.total)
    return result | {"processor_seconds": round(time.process_time() - begin, 1)}


def _chosen(study: Study, spec: TrialSpec) -> list[Reported]:
    return compared(study) if isinstance(spec.design, designs.SingleArm) else []


def _truths(spec: TrialSpec, outcomes: Outcomes) -> list[Record]:
    """Return the true means of the arms for each estimand, the active (last) minus the control (first)."""
    arms = tuple(spec.design.arm_names())
    rows: list[Record] = []
    for estimand in spec.estimands:
        known = truth(spec, estimand, outcomes, arms)
        member = measured(estimand.endpoint)
        rows.append(
            {
                "name": estimand.name,
                "label": member.label,
                "unit": estimand.unit(),
                "better": member.better,
                "week": estimand.week,
                "arms": known.arms,
                "difference": known.difference,
                "strategies": {n: estimand.strategy(n) for n in _events(spec)},
                "estimator": estimand.chosen_estimator(),
                "covariates": list(estimand.covariates),
                "prior": estimand.prior.model_dump() if estimand.prior else None,
            }
        )
    return rows


def _events(spec: TrialSpec) -> list[str]:
    return [*dict.fromkeys(event.name for event in spec.intercurrent), estimands.DEATH]


def _judged(scene: Scene, nothing: Scene | None, truths: list[Record], count: _Count) -> Record:
    """Return how the estimator of each estimand does, how often it errs without an effect, and how the
    estimands share alpha.
    """
    if not isinstance(scene.spec.design, TWO_ARMS):
        return {"judged": [], "shared_alpha": None}
    times = scene.spec.replicates.most
    known = {row["name"]: float(row["difference"]) for row in truths if row["difference"] is not None}
    assert nothing is not None
    real, null = (operating.estimates(one, times, count.add) for one in (scene, nothing))
    pairs = zip(
        operating.judged(scene, real, known),
        operating.judged(nothing, null, dict.fromkeys(known, 0.0)),
        strict=True,
    )
    return {
        "judged": [
            dataclasses.asdict(one) | {"type_one": other.rejected, "type_one_error": other.rejected_error}
            for one, other in pairs
        ],
        "shared_alpha": _shared_alpha(
            operating.shared_alpha(scene, real), operating.shared_alpha(nothing, null)
        ),
    }


def _shared_alpha(real: Record | None, null: Record | None) -> list[Record] | None:
    if real is None or null is None:
        return None
    return [
        {"name": name, **one, "type_one": null[name]["success"], "type_one_error": null[name]["error"]}
        for name, one in real.items()
    ]


def _at_size(scene: Scene, size: int, count: _Count) -> Record:
    """Return the operating characteristics of the trial with another number of patients."""
    spec = scene.spec.model_copy(update={"design": scene.spec.design.resized(size)})
    resized = dataclasses.replace(scene, spec=spec)
    found = operating.characteristics(operating.replicates(resized, count.add))
    return {"size": size} | {
        key: found[key] for key in ("success", "success_error", "months", "serious_events")
    }


def smallest(result: Record) -> int | None:
    """Return the smallest size tried from which on the power is enough; None when there is none."""
    search = result["trial"].get("search")
    if not search:
        return None
    wanted = float(str(search["power"]).split()[0])
    enough: int | None = None
    for row in sorted(result["search"], key=lambda row: -row["size"]):
        if row["success"] < wanted:
            break
        enough = row["size"]
    return enough


def _course(study: Study, outcomes: Outcomes, scene: Scene) -> Record:
    """Return means over time of the primary endpoint and of serious events in every arm, all eligible."""
    primary, here = scene.spec.primary.endpoint, outcomes.chosen(scene.places)
    shown = measured(primary)
    values = here.values[primary]
    if shown.is_time:
        values = np.where(np.isnan(values), np.nan, 100.0 * np.isfinite(values))

    def means(values: Any) -> list[float | None]:
        return [None if np.isnan(column).all() else float(np.nanmean(column)) for column in values.T]

    return {
        "weeks": [float(week) for week in outcomes.weeks],
        "endpoint": primary,
        "label": f"{shown.label}, happened" if shown.is_time else shown.label,
        "unit": "%" if shown.is_time else shown.unit,
        "arms": {
            name: {
                "primary": means(values[i]),
                "serious_events": means(here.values[SERIOUS][i]),
                "deaths": float((here.death_week[i] <= outcomes.weeks[-1]).mean() * 100),
            }
            for i, name in enumerate(outcomes.arms)
        },
    }


def _plan(spec: TrialSpec) -> Record:
    """Return the constants that the design was computed to have."""
    design, alpha = spec.design, spec.alpha / 100
    if isinstance(design, designs.GroupSequential):
        bounds = boundaries(design.looks, design.spending, alpha)
        return {"looks": list(bounds.fractions), "bounds": [float(z) for z in bounds.upper]}
    if isinstance(design, designs.TwoStageDesign):
        return dataclasses.asdict(two_stage_of(design, alpha))
    return {}


def write(result: Record, directory: store.Location) -> store.Location:
    """Write `design.json` into the folder of the run and return its path."""
    return store.write_json(directory / "design.json", _finite(result))


def _finite(record: Any) -> Any:
    """Return plain data in which numbers that are not finite are missing."""
    if isinstance(record, dict):
        return {key: _finite(value) for key, value in record.items()}
    if isinstance(record, list | tuple):
        return [_finite(value) for value in record]
    return None if isinstance(record, float) and not np.isfinite(record) else record
