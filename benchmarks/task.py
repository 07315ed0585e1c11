"""The common task of all engines, as files that need neither our package nor JAX to be read.

A folder holds `day.npz` (the recorded day of the patients and the reference), `rhs.py` (the equations as Python
over sequences), `model.txt` (the same as an Antimony model) and `task.json` (sizes, where glucose is).
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import ours
from benchmarks.equations import ANTIMONY, Program, python_function
from insulae.core.clock import STEP_MINUTES


def sizes_of(day: ours.Recorded) -> dict[str, int]:
    """Return how many numbers each group of the equations' arguments has."""
    return {"state": len(day.state), "parameters": len(day.parameters), "inputs": day.inputs.shape[1]}


def antimony(program: Program, states: int) -> str:
    """Return the equations as an Antimony model: states by rate rules, everything else as parameters."""
    names = program.inputs
    rules = [f"  {statement};" for statement in ANTIMONY.statements(program)]
    rates = [
        f"  {name}' = {ANTIMONY.operand(rate)};"
        for name, rate in zip(names[:states], program.outputs, strict=True)
    ]
    values = [f"  {name} = 1;" for name in names]
    return "\n".join(["model day()", *rules, *rates, *values, "end", ""])


def write_task(folder: Path, patients: int) -> Path:
    """Record the day of some patients and write the task; takes about half a minute for 128."""
    folder.mkdir(parents=True, exist_ok=True)
    day, program = ours.recorded(patients), ours.derivative()
    sizes = sizes_of(day)
    arrays: dict[str, Any] = {name: getattr(day, name) for name in (*sizes, "reference")}
    np.savez(folder / "day.npz", **arrays)
    (folder / "rhs.py").write_text(python_function(program, "rates", sizes), encoding="utf-8")
    (folder / "model.txt").write_text(antimony(program, sizes["state"]), encoding="utf-8")
    facts = {"sizes": sizes, "patients": patients, "glucose": ours.glucose_index(), "minutes": STEP_MINUTES}
    (folder / "task.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder
