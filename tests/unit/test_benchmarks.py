"""The benchmarks: translated equations are ours, missing engines are named, the page follows the results."""

import json
import math
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from benchmarks import c_loop, ours, page, processes, results, task, whole_runs
from benchmarks.equations import Program, Untranslatable, python_function, trace
from benchmarks.peers import rounds, worker
from benchmarks.peers.environments import reason
from benchmarks.peers.protocol import Prepared, fastest
from benchmarks.peers.rounds import Turns
from benchmarks.peers.worker import Engine
from benchmarks.targets import TARGETS
from jax import lax
from numpy.typing import NDArray

from insulae.core import counted_noise
from insulae.study.checks import mistakes
from insulae.study.load import load

Floats = NDArray[np.float64]

PATIENTS = 16
STUDIES = sorted(whole_runs.STUDIES.glob("*.yaml"))


@pytest.fixture(scope="module")
def derivative() -> Program:
    return ours.derivative()


@pytest.fixture(scope="module")
def numbers() -> dict[str, Floats]:
    """Positive numbers around one for state, constants and inputs, [number, patient]."""
    rng = np.random.default_rng(1)
    return {name: rng.uniform(0.5, 2, (size, PATIENTS)) for name, size in ours.sizes().items()}


def _function(program: Program) -> Any:
    names = {name: getattr(np, name) for name in ("exp", "sqrt", "maximum", "minimum", "where")}
    exec(python_function(program, "rates", ours.sizes()), names)
    return names["rates"]


def test_the_written_equations_are_those_of_the_body(derivative: Program, numbers: dict[str, Floats]):
    """Both sides compute in double precision; only the order of a sum may differ."""
    found = np.stack(_function(derivative)(*numbers.values()))
    np.testing.assert_allclose(found, ours.derivative_of(*numbers.values()), rtol=1e-9, atol=1e-12)


def test_the_antimony_model_holds_the_same_equations(derivative: Program, numbers: dict[str, Floats]):
    text = task.antimony(derivative, ours.sizes()["state"])
    values = dict(zip(derivative.inputs, np.concatenate(list(numbers.values()))[:, 0], strict=True))
    names: dict[str, Any] = {"exp": math.exp, "sqrt": math.sqrt} | values
    for name, expression in re.findall(r"(\w+) := (.*);", text):
        names[name] = eval(expression, names)
    rates = [eval(expression, names) for expression in re.findall(r"\w+' = (.*);", text)]
    expected = ours.derivative_of(*numbers.values())[:, 0]
    np.testing.assert_allclose(rates, expected, rtol=1e-9, atol=1e-12)


def _compiled(program: Program, carried: NDArray[Any], constants: NDArray[Any], folder: Path) -> c_loop.Day:
    """Compile for any processor of this kind, so that the test runs wherever there is a compiler."""
    (folder / "body.inc").write_text(task.body_inc(program, len(carried)), encoding="utf-8")
    return c_loop.load_day(c_loop.compile_day(folder, ("-O1",)), carried, constants)


needs_compiler = pytest.mark.skipif(shutil.which(c_loop.COMPILER) is None, reason="no C++ compiler")
LENGTH = 0.001
"""A step short enough that made-up numbers stay finite all day."""


@needs_compiler
def test_the_cpp_loop_integrates_the_same_equations(
    derivative: Program, numbers: dict[str, Floats], tmp_path: Path
):
    """Euler steps through the loop in single precision against the Python text in double precision."""
    n, count = ours.sizes()["state"], len(derivative.inputs)
    rates = _function(derivative)

    def step(values: Any, index: Any) -> Any:
        state, parameters, inputs = np.split(values, np.cumsum([*ours.sizes().values()])[:-1])
        return state + LENGTH * np.stack(rates(state, parameters, inputs))

    def traced(*values: Any) -> Any:
        change = _scalar_rates(derivative)(values[:count])
        return tuple(x + LENGTH * dx for x, dx in zip(values[:n], change, strict=True)), values[0]

    program = trace(traced, *[jnp.float32(1)] * (count + 1))
    start = np.concatenate(list(numbers.values()))
    day = _compiled(program, start[:n], start[n:], tmp_path)
    state, expected = start[:n], []
    for index in range(day.run().shape[1]):
        expected.append(state[0])
        state = step(np.concatenate([state, start[n:]]), index)
    np.testing.assert_allclose(day.run()[0], expected, rtol=1e-4)


def _scalar_rates(program: Program) -> Any:
    """Return the equations on one flat sequence of numbers that JAX can trace."""
    names = {name: getattr(jnp, name) for name in ("exp", "sqrt", "maximum", "minimum", "where")}
    exec(python_function(program, "rates", {"values": len(program.inputs)}), names)
    return names["rates"]


EATEN = np.asarray([10, 20, 30], np.float32)


def _rule(level: Any, plan: Any, index: Any) -> Any:
    """Return a step with the operations of a control law: arrays, choices, rounding, remainders."""
    portion = jnp.sum(jnp.where(index == EATEN, plan, 0))
    rounded = jnp.round(portion) + jnp.fmod(index, 7.0)
    is_low = (level < 2) & (index > 5)
    after = jnp.where(is_low, level + 1, jnp.maximum(0.9 * level, 0.5)) + 0.01 * rounded
    return after, jnp.minimum(after, 4.0) ** 3 + is_low.astype(jnp.float32)


@needs_compiler
def test_choices_rounding_and_arrays_are_translated(tmp_path: Path):
    """Against JAX step by step; single precision on both sides, so a few last digits may differ."""
    rng = np.random.default_rng(2)
    level, plan = rng.uniform(1, 5, (1, PATIENTS)), rng.uniform(0, 9, (3, PATIENTS))
    program = trace(_rule, jnp.float32(1), jnp.zeros(3), jnp.int32(0))
    day = _compiled(program, level, plan, tmp_path)
    for patient in (0, PATIENTS - 1):
        now, expected = jnp.float32(level[0, patient]), []
        for index in range(40):
            now, given = _rule(now, jnp.asarray(plan[:, patient], jnp.float32), jnp.int32(index))
            expected.append(given)
        np.testing.assert_allclose(day.run()[0][:40, patient], expected, rtol=1e-4)


def _hashed(level: Any, key: Any, index: Any) -> Any:
    """Return a step that draws as the day does, and moves bits about."""
    drawn = counted_noise.bell(key, index) + counted_noise.uniform(key, 1000 + index)
    number = jnp.floor(index * 0.3).astype(jnp.int32)
    mixed = (number << 3) ^ (key >> 5) | lax.shift_right_logical(key, jnp.int32(9)) & ~number
    return 0.5 * level + drawn, mixed.astype(jnp.float32)


@needs_compiler
def test_whole_numbers_wrap_and_move_their_bits_as_in_the_day(tmp_path: Path):
    """The same bits on both sides, so only the last digits of what is made of them differ."""
    rng = np.random.default_rng(3)
    level = rng.uniform(1, 5, (1, PATIENTS))
    keys = rng.integers(-(2**31), 2**31, (1, PATIENTS)).astype(np.int32)
    program = trace(_hashed, jnp.float32(1), jnp.int32(1), jnp.int32(0))
    day = _compiled(program, level, keys.view(np.float32), tmp_path)
    for patient in (0, PATIENTS - 1):
        now, expected = jnp.float32(level[0, patient]), []
        for index in range(40):
            now, given = _hashed(now, jnp.asarray(keys[0, patient]), jnp.int32(index))
            expected.append(given)
        np.testing.assert_allclose(day.run()[0][:40, patient], expected, rtol=1e-6)


def test_whole_numbers_are_refused_where_a_language_has_none():
    program = trace(lambda x: x * 3, jnp.int32(1))
    with pytest.raises(Untranslatable, match="is a whole, which has no translation"):
        python_function(program, "f", {"x": 1})


@needs_compiler
def test_the_cpp_loop_lives_the_day_of_the_simulator(tmp_path: Path):
    """Sensor, chance and control law included; rounding alone is below a thousandth of a mg/dL."""
    task.write_step(tmp_path, step := ours.whole_step(PATIENTS))
    day = c_loop.load_day(c_loop.compile_day(tmp_path, ("-O1",)), step.carried, step.constants)
    np.testing.assert_allclose(day.run()[0], ours.closed(PATIENTS, "native")(), atol=1e-3)


def test_an_operation_without_translation_is_named():
    program = trace(jnp.tanh, jnp.float32(1))
    with pytest.raises(Untranslatable, match="'tanh' has no translation"):
        python_function(program, "f", {"x": 1})


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_studies_of_the_benchmarks_are_sound(path: Path):
    assert not mistakes(load(path))


def test_every_whole_run_has_a_study():
    assert all(job.study in STUDIES for job in whole_runs.JOBS)


def _candidate(name: str, error: float, spin: int) -> Prepared:
    return Prepared(lambda: sum(range(spin)), 1.0, 0.0, error, name)


def test_the_fastest_accurate_candidate_is_kept():
    wrong, slow, quick = (
        _candidate("wrong", 1.0, 1),
        _candidate("slow", 0.01, 10**6),
        _candidate("quick", 0.04, 10),
    )
    assert fastest([wrong, slow, quick], error=0.05) is quick
    assert fastest([wrong, slow, quick], error=0.001) is slow


def test_an_engine_that_does_not_start_is_kept_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(worker, "SCRATCH", tmp_path)
    engine = Engine("absent", "An absent engine", "run_absent", None, "nothing")
    (found,) = rounds.measure([engine], tmp_path, Turns(1, 0.1))
    assert "No module named benchmarks.peers.run_absent" in found["missing"]
    assert "rate" not in found


def test_the_telling_line_of_a_failed_installation_is_found():
    log = "Building\n  No CMAKE_Fortran_COMPILER could be found.\n  Tell CMake where\nhint: a build failed"
    assert reason(log) == "No CMAKE_Fortran_COMPILER could be found."


def test_a_command_is_measured_and_its_failure_told():
    cost = processes.measured([sys.executable, "-c", "import time; time.sleep(0.3)"])
    assert 0.3 < cost.seconds < 30
    assert cost.peak_memory is None or 1 < cost.peak_memory < 1000
    with pytest.raises(processes.Failed, match="ValueError: no such thing"):
        processes.measured([sys.executable, "-c", "raise ValueError('no such thing')"])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is hidden on this system")
def test_the_memory_of_processes_that_any_thread_starts_is_counted():
    child = "import time; held = bytearray(200_000_000); time.sleep(0.5)"
    parent = (
        "import subprocess, sys, threading\n"
        f"thread = threading.Thread(target=subprocess.run, args=([sys.executable, '-c', {child!r}],))\n"
        "thread.start(); thread.join()"
    )
    cost = processes.measured([sys.executable, "-c", parent])
    assert cost.peak_memory is not None and cost.peak_memory > 190


BORROWED = """
import ctypes, time
held = bytearray(150_000_000)
libc = ctypes.CDLL(None)
if (child := libc.fork()) == 0:
    time.sleep(0.4)
    libc._exit(0)
libc.waitpid(child, None, 0)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is watched on Linux")
def test_memory_that_a_child_borrows_before_its_own_program_begins_is_counted_once():
    cost = processes.measured([sys.executable, "-c", BORROWED])
    assert cost.peak_memory is not None and 140 < cost.peak_memory < 250


MACHINE = {
    "processor": "a processor",
    "vectors": "AVX2",
    "cores": 2,
    "memory_gib": 8,
    "system": "Linux x86_64",
}
ABOUT = {"measured_on": "2026-01-01", "quick": False, "machine": MACHINE}


def _engine(name: str, **facts: Any) -> dict[str, Any]:
    row = {"name": name, "label": name.title(), "work": "a day"}
    numbers = {"error": 0.05, "peak_memory": 100.0, "first_call": 1.0, "settings": "", "versions": {}}
    return row | (facts if "missing" in facts else numbers | facts)


@pytest.fixture
def sample() -> results.Results:
    """Results of an imaginary machine: one engine is missing, one target missed, start-up not measured."""
    ours_row = _engine("ours", rate=50_000.0, ours_over_it=1.0, of_c=0.5)
    c = _engine("c", rate=100_000.0, ours_over_it=0.5, of_c=1.0)
    diffrax = _engine("diffrax_fixed", rate=4_000.0, ours_over_it=12.5, of_c=0.04)
    absent = _engine("numbalsoda", missing="no Fortran compiler")
    runs = [
        {"varied": "patients", "value": n, "seconds": 2.0 + n / 100, "peak_memory": 500.0} for n in (100, 200)
    ]
    job = {"name": "five_years", "label": "five years", "patients": 16, "seconds": 9.0, "peak_memory": 300.0}
    return {
        "kernel": ABOUT | {"rounds": 3, "batches": [{"patients": 128, "engines": [ours_row, c]}]},
        "peers": ABOUT | {"patients": 128, "rounds": 3, "engines": [ours_row, c, diffrax, absent]},
        "scaling": ABOUT | {"patients_by_years": 8, "patients_by_cores": 8, "runs": runs, "second_core": 1.9},
        "whole_runs": ABOUT | {"quick": True, "cores": 2, "runs": [job]},
    }


def test_the_page_shows_what_was_reached_missed_and_is_missing(sample: results.Results, tmp_path: Path):
    page.write(sample, tmp_path / "performance.md", tmp_path / "performance.png")
    text = (tmp_path / "performance.md").read_text(encoding="utf-8")
    lines = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("| ")}
    assert "**miss**" in lines["speed of the compiled day, of the C++ loop"]
    assert "12.5 times" in lines["compiled day against diffrax, fixed step"]
    assert "pass" in lines["compiled day against diffrax, fixed step"]
    assert "not measured" in lines["first result, nothing compiled"]
    assert "missing" in lines["Numbalsoda"] and "Missing here: no Fortran compiler" in text
    assert (tmp_path / "performance.png").read_bytes().startswith(b"\x89PNG")


def test_a_small_run_answers_for_no_target_of_a_whole_one(sample: results.Results):
    whole = next(target for target in TARGETS if target.name.startswith("10,000"))
    assert whole.is_met(sample) is None
    sample["whole_runs"]["quick"] = False
    assert whole.is_met(sample) is True


def test_page_and_figure_stand_without_any_result(tmp_path: Path):
    page.write({}, tmp_path / "page.md", tmp_path / "figure.png")
    assert (tmp_path / "page.md").read_text(encoding="utf-8").count("not measured") == len(TARGETS)


def test_results_come_back_with_their_machine(tmp_path: Path):
    results.write("startup", {"ways": {}}, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["startup.json"]
    found = results.load(tmp_path)["startup"]
    assert found["ways"] == {} and found["machine"]["cores"] >= 1
    assert str(Path.home()) not in json.dumps(found)


def test_an_unknown_argument_of_a_benchmark_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["gpu", "--fast"])
    with pytest.raises(SystemExit, match="unknown argument --fast; expected --brief, --quick or nothing"):
        results.command("gpu", lambda effort: {})
