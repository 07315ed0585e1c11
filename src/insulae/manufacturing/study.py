"""Run a manufacturing study: lots, their tests, what patients get, the plant, the cost, for every arm.

The same seed gives the same lots, arrivals and worlds in every arm, so that arms differ only in how the cells
are made. Intervals: 5 to 95 % of lots or patients; 95 % confidence intervals of means over replications; 5 to
95 % over the worlds where the numbers themselves are in doubt.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.stats import t as student

from insulae.manufacturing import cost, growth, making, release
from insulae.manufacturing.lines import usual_quality
from insulae.manufacturing.lot import KINDS
from insulae.manufacturing.making import Process, Runs
from insulae.manufacturing.numbers import Floats, changed, identifiers, values
from insulae.manufacturing.plant import Record, simulate
from insulae.manufacturing.spec import Arm, ManufacturingStudy, Reported

Progress = Callable[[int, int], None]

LOTS_FROM, WORLDS_FROM = 900, 800
"""Identifiers of the lots looked at, far from those of any replication of the plant."""
WORLDS, LOTS_PER_WORLD = 60, 60
LOOKED_AT = ("living_islets", "viability", "beta", "endocrine", "pluripotent", "potency", "endotoxin", "days")
DAYS_PER_WEEK = 7


def silent(done: int, total: int) -> None:
    """Show nothing."""


def run(study: ManufacturingStudy, on_progress: Progress = silent) -> dict[str, Any]:
    """Return the results of a study as plain data; `lots` holds every lot looked at, arm by arm."""
    total = len(study.arms) * (study.replications + 1)
    arms: dict[str, Any] = {}
    with changed(study.values):
        for i, arm in enumerate(study.arms):
            before = i * (study.replications + 1)
            arms[arm.name] = _arm(study, arm, lambda done, before=before: on_progress(before + done, total))
    compared = [_compared(reported, arms[reported.arm]) for reported in study.reported]
    return {"study": study.to_plain(), "arms": arms, "reported": compared}


def _arm(study: ManufacturingStudy, arm: Arm, on_done: Callable[[int], None]) -> dict[str, Any]:
    process, period, equipment = arm.process(), study.period(arm), arm.plant.equipment()
    looked_at = _look(process, study.seed, study.lots)
    found = {
        "process": _described(arm, process),
        "lots": _lots(looked_at),
        "tests": _tests(looked_at, process),
        "released": _released(process, study.seed, looked_at),
        "patients": _patients(process, study.seed, study.lots),
    }
    on_done(1)
    records: list[Record] = []
    for replication in range(study.replications):
        records.append(simulate(process, equipment, period, study.seed, replication))
        on_done(replication + 2)
    spent = cost.per_dose(arm.source, study.seed, records, equipment, period.years)
    return found | {"plant": _plant(records, period.years), "cost": _cost(spent)}


def _described(arm: Arm, process: Process) -> dict[str, Any]:
    source = process.source
    described: dict[str, Any] = {
        "source": source.name,
        "title": source.title,
        "is_own": source.is_own,
        "target": process.dose,
        "volume": process.volume,
        "freezing": process.freezing,
        "patients_per_year": arm.patients_per_year,
        "plant": arm.plant.model_dump(),
    }
    if not source.is_pancreas:
        p = values(growth.Parameters, source.name, usual_quality(source.name))
        per_liter = p.seeding_density * growth.ML_PER_L * growth.fold(p) / p.cells_per_islet
        described |= {
            "differentiation_days": float(growth.differentiation_time(p)),
            "islets_per_3_liters": 3 * float(per_liter * p.viability),
            "progenitors_percent": 100 * float(growth.on_path(p)["pancreatic"]),
        }
    return described


def _look(process: Process, seed: int, n: int) -> Runs:
    """Return the first runs of many lines, or of one bank."""
    places = identifiers(LOTS_FROM, n)
    return making.run(process, seed, places, places, np.zeros(n, np.int64))


def _lots(runs: Runs) -> dict[str, Any]:
    lots, done = runs.lots, runs.lots.completed
    composition = lots.composition()[:, done].mean(axis=1)
    columns = {name: np.asarray(getattr(lots, name)) for name in LOOKED_AT}
    return {
        "n": lots.size,
        "completed": float(done.mean()),
        "quantiles": {name: _quantiles(column[done]) for name, column in columns.items()},
        "composition": dict(zip(KINDS, composition.tolist(), strict=True)),
        "values": {name: column.tolist() for name, column in columns.items()}
        | {"completed": done.tolist(), "released": runs.released.tolist()},
    }


def _tests(runs: Runs, process: Process) -> list[dict[str, Any]]:
    """Return what each test does with the completed lots."""
    done = runs.lots.completed
    found: list[dict[str, Any]] = []
    for one in runs.tests:
        test = release.Test(one.name, one.is_good[done], one.passed[done])
        good, rejected = test.false_rejects.tolist()
        bad, accepted = test.false_accepts.tolist()
        found.append(
            {
                "name": test.name,
                "label": release.LABELS[test.name],
                "failed": float(1 - test.passed.mean()),
                "good": int(good),
                "false_rejects": int(rejected),
                "bad": int(bad),
                "false_accepts": int(accepted),
            }
        )
    return found


def _released(process: Process, seed: int, runs: Runs) -> dict[str, Any]:
    """Return the share released, the truth behind it, and its interval over worlds of doubt."""
    good = release.all_good(runs.lots, runs.tests)
    worlds = np.repeat(np.arange(1, WORLDS + 1), LOTS_PER_WORLD)
    places = identifiers(WORLDS_FROM, len(worlds))
    elsewhere = making.run(process, seed, places, places, worlds).released.reshape(WORLDS, -1).mean(axis=1)
    return {
        "share": float(runs.released.mean()),
        "truly_good": float(good.mean()),
        "good_refused": float((good & ~runs.released).mean()),
        "bad_released": float((runs.released & ~good).mean()),
        "in_doubt": _quantiles(elsewhere),
    }


def _patients(process: Process, seed: int, n: int) -> dict[str, Any]:
    """Return what patients get without queues; for a bank a patient stands for one lot on the shelf."""
    one = making.made(process, seed, identifiers(LOTS_FROM, n))
    tried = making.attempts(process, seed, identifiers(LOTS_FROM, n))
    counted = process.counted(one.lots)
    return {
        "made": float(one.is_made.mean()),
        "line_success": float(tried.lines.succeeded.mean()),
        "line_attempts": float(one.line_attempts.mean()),
        "run_attempts": float(one.run_attempts.mean()),
        "days": _quantiles(one.days[one.is_made]),
        "islets": _quantiles(counted[one.is_made]),
        "mean_islets": float(counted[one.is_made].mean()) if one.is_made.any() else None,
    }


def _plant(records: Sequence[Record], years: float) -> dict[str, Any]:
    counts = {name: _mean([r.counts[name] / years for r in records]) for name in records[0].counts}
    use = {name: _mean([r.use[name] for r in records]) for name in records[0].use}
    waits = np.concatenate([r.waits for r in records])
    means = [float(r.waits.mean()) for r in records if len(r.waits)]
    busiest = max(use, key=lambda name: use[name]["mean"])
    treated = counts["treated"]["mean"]
    return {
        "per_year": counts,
        "use": use,
        "busiest": busiest,
        "capacity": treated / use[busiest]["mean"] if use[busiest]["mean"] > 0 else None,
        "wait": _quantiles(waits),
        "mean_wait": _mean(means),
        "waits": np.sort(waits)[:: max(len(waits) // 500, 1)].tolist(),
        "unfinished": _mean([float(r.unfinished) for r in records]),
    }


def _cost(spent: cost.Cost) -> dict[str, Any]:
    items = {name: much if np.isfinite(much) else None for name, much in spent.items.items()}
    return {"items": items, "per_dose": _quantiles(spent.total), "values": spent.total[::2].tolist()}


def _quantiles(numbers: Floats) -> dict[str, float | None]:
    """Return 5, 50 and 95 percent points; null where there is nothing or no finite number."""
    names = ("p05", "p50", "p95")
    if not len(numbers):
        return dict.fromkeys(names)
    points = np.quantile(numbers, (0.05, 0.5, 0.95), method="nearest")
    return {name: float(p) if np.isfinite(p) else None for name, p in zip(names, points, strict=True)}


def _mean(numbers: Sequence[float]) -> dict[str, Any]:
    """Return a mean with its 95 % confidence interval over replications."""
    if not numbers:
        return {"mean": None, "low": None, "high": None}
    mean, n = float(np.mean(numbers)), len(numbers)
    half = float(student.ppf(0.975, n - 1) * np.std(numbers, ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    return {"mean": mean, "low": mean - half, "high": mean + half}


def _compared(reported: Reported, arm: dict[str, Any]) -> dict[str, Any]:
    """Return a reported number beside the simulated one; a benchmark is not judged."""
    found = quantities(arm).get(reported.quantity)
    inside = found is not None and reported.low <= found <= reported.high
    verdict = "not judged" if reported.is_benchmark or found is None else ("hit" if inside else "missed")
    return reported.model_dump(mode="json") | {"simulated": found, "verdict": verdict}


def quantities(arm: dict[str, Any]) -> dict[str, float | None]:
    """Return every number of an arm that a reported one can be held against."""
    described = arm["process"]
    waited = arm["plant"]["wait"]["p50"]
    return {
        "differentiation_days": described.get("differentiation_days"),
        "islets_per_3_liters": described.get("islets_per_3_liters"),
        "progenitors_percent": described.get("progenitors_percent"),
        "beta_percent": 100 * arm["lots"]["composition"]["beta"],
        "infused_islets": arm["patients"]["mean_islets"],
        "released_percent": 100 * arm["released"]["share"],
        "failed_percent": 100 * (1 - arm["released"]["share"]),
        "line_success_percent": 100 * arm["patients"]["line_success"],
        "weeks_to_treatment": waited / DAYS_PER_WEEK if waited is not None else None,
        "cost_per_dose": arm["cost"]["per_dose"]["p50"],
    }
