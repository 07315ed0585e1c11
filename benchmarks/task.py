"""The common task of all engines, as files that need neither our package nor JAX to be read.

A folder holds `day.npz` (the recorded day of the patients and the reference), `rhs.py` (the equations as
Python over sequences), `model.txt` (the same as an Antimony model), `body.inc` and `step.npz` (the step of
the whole day for `day.cpp`, and the numbers it starts from) and `task.json` (sizes, where glucose is).
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import ours
from benchmarks.equations import ANTIMONY, CPLUSPLUS, Kind, Program, inlined, python_function
from insulae.core.clock import STEP_MINUTES, STEPS_PER_DAY

TYPES: dict[Kind, str] = {"number": "vec", "whole": "whole"}
"""What `day.cpp` calls vectors of a kind; the bits of a row are read as the kind says."""


def antimony(program: Program, states: int) -> str:
    """Return the equations as an Antimony model: states by rate rules, everything else as parameters.

    Values that are used once are written where they are used, which loads many times faster.
    """
    rules, results = inlined(program, ANTIMONY)
    names = program.inputs
    rates = [f"  {name}' = {rate};" for name, rate in zip(names[:states], results, strict=True)]
    values = [f"  {name} = 1;" for name in names]
    return "\n".join(["model day()", *(f"  {rule};" for rule in rules), *rates, *values, "end", ""])


def body_inc(program: Program, carried: int) -> str:
    """Return the step for `day.cpp`: the first inputs are carried on, the last is the index of the step."""
    constants = len(program.inputs) - carried - 1
    places = [*(f"after[{i}]" for i in range(carried)), *(f"fixed[{i}]" for i in range(constants)), "index"]
    given = zip(program.kinds, program.inputs, places, strict=True)
    lines = [CPLUSPLUS.statement(kind, name, f"({TYPES[kind]}){place}") for kind, name, place in given]
    lines += CPLUSPLUS.statements(program)
    results = [CPLUSPLUS.operand(operand) for operand in program.outputs]
    lines += [f"after[{i}] = {result};" for i, result in enumerate(results[:carried])]
    lines += [f"out[{i}] = {result};" for i, result in enumerate(results[carried:])]
    counts = {"CARRIED": carried, "CONSTANTS": constants, "TRACES": len(results) - carried}
    defined = [f"#define {name} {count}" for name, count in (counts | {"STEPS": STEPS_PER_DAY}).items()]
    return "\n".join([*defined, "#define ADVANCE \\", *(f"    {line} \\" for line in lines), "", ""])


def write_step(folder: Path, step: ours.WholeStep) -> None:
    """Write what the C++ loop needs."""
    (folder / "body.inc").write_text(body_inc(step.program, len(step.carried)), encoding="utf-8")
    np.savez(folder / "step.npz", carried=step.carried, constants=step.constants)


def write_task(folder: Path, patients: int) -> Path:
    """Record the day of some patients and write the task; takes about half a minute for 128."""
    folder.mkdir(parents=True, exist_ok=True)
    day, program = ours.recorded(patients), ours.derivative()
    sizes = ours.sizes()
    arrays: dict[str, Any] = {name: getattr(day, name) for name in (*sizes, "reference")}
    np.savez(folder / "day.npz", **arrays)
    write_step(folder, ours.whole_step(patients))
    (folder / "rhs.py").write_text(python_function(program, "rates", sizes), encoding="utf-8")
    (folder / "model.txt").write_text(antimony(program, sizes["state"]), encoding="utf-8")
    facts = {"sizes": sizes, "patients": patients, "glucose": ours.glucose_index(), "minutes": STEP_MINUTES}
    (folder / "task.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder
