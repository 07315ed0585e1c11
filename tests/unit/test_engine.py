"""The engine: vector code agrees with JAX and with numpy, lane by lane, and keeps what it compiled."""

import shutil
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import llvmlite.binding as llvm
import numpy as np
import pytest
from jax import lax

from insulae.core import machine
from insulae.core.errors import UnknownName
from insulae.core.pytree import Value, pytree, skeleton
from insulae.engine import native, smallest_numbers, source
from insulae.engine.kernel import compiled
from insulae.engine.lower import written
from insulae.engine.primitives import Unsupported
from insulae.engine.records import LINE, Layout, room
from insulae.physiology.component import where_needed

ULPS = 4 * np.finfo(np.float32).eps
"""The elementary functions are right to a few units in the last place."""


@pytree
class Pair:
    """Two numbers of one patient."""

    a: Value
    b: Value


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INSULAE_CACHE", str(tmp_path))
    return tmp_path


def applied(function: Any, *records: Any, integers: tuple[int, ...] = (), by: str = "native") -> list[Any]:
    """Compile a function of one patient and apply it to many."""
    examples = [skeleton(Pair) if isinstance(r, Pair) else 0.0 for r in records]
    made = compiled(function, examples, len(integers), by=by)
    n = np.shape(jax.tree_util.tree_leaves(records[0])[0])[-1]
    packed = [layout.pack(record, n) for layout, record in zip(made.inputs, records, strict=True)]
    return [result.record for result in made(packed, integers)]


CASES: list[tuple[Any, Any, float, float]] = [
    (jnp.exp, np.exp, -87, 88),
    (jnp.log, np.log, 1e-6, 1e6),
    (jnp.log1p, np.log1p, -0.9, 50),
    (jnp.sqrt, np.sqrt, 0, 1e6),
    (lax.rsqrt, lambda x: 1 / np.sqrt(x), 1e-3, 1e6),
    (jnp.cos, np.cos, -20, 20),
    (jnp.arccos, np.arccos, -1, 1),
    (jnp.abs, np.abs, -5, 5),
    (jnp.floor, np.floor, -5, 5),
    (jnp.round, np.round, -5, 5),
    (lambda x: x**3 + x**-2, lambda x: x**3 + x**-2.0, 0.5, 3),
    (lambda x: x**0.37, lambda x: x**0.37, 1e-3, 1e3),
    (lambda x: jnp.clip(x, -1, 1), lambda x: np.clip(x, -1, 1), -3, 3),
    (lambda x: x % 0.75, lambda x: np.fmod(x, 0.75), 0, 30),
    (lambda x: jnp.where((x > 0) & (x != 2) | ~(x < 9), x, -x), np.abs, -5, 5),
    (lambda x: jnp.maximum(x, -x), np.abs, -5, 5),
    (lambda x: (x > 1).astype(jnp.int32) + 0.5 * x, lambda x: (x > 1) + 0.5 * x, -3, 3),
    (lambda x: jnp.sum(jnp.stack([x, 2 * x, x * x])[1:]), lambda x: 2 * x + x * x, 0, 3),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_an_operation_is_right_in_every_lane(case: int):
    function, truth, low, high = CASES[case]
    x = np.linspace(low, high, 1003, dtype=np.float32)
    (found,) = applied(lambda x: (function(x),), x)
    expected = truth(x.astype(np.float64))
    scale = np.abs(expected) + (1 if np.abs(expected).min() < 1e-3 else 0)
    assert np.max(np.abs(found - expected) / scale) < 8 * ULPS


def test_the_edges_of_elementary_functions():
    x = np.array([-np.inf, -200, 200, np.inf, np.nan], np.float32)
    (found,) = applied(lambda x: (jnp.exp(x),), x)
    np.testing.assert_array_equal(found[:4], [0, 0, np.inf, np.inf])
    (found,) = applied(lambda x: (jnp.log(x),), np.array([0, -1, np.inf, 1], np.float32))
    assert found[0] == -np.inf and np.isnan(found[1]) and found[2] == np.inf and found[3] == 0


def test_a_root_inside_a_loop_is_right_to_single_precision():
    x = np.geomspace(1e-30, 1e30, 1601).astype(np.float32)

    def added(x: Any) -> tuple[Any]:
        return (lax.fori_loop(0, 20, lambda _, total: total + lax.rsqrt(x), 0 * x),)

    (found,) = applied(added, x)
    np.testing.assert_allclose(found, 20 / np.sqrt(x.astype(float)), rtol=1e-6)


def test_an_undefined_number_stays_undefined():
    x = np.array([np.nan, 1.0], np.float32)
    (found,) = applied(lambda x: (jnp.minimum(jnp.maximum(x, 0.0), 5.0) * 2,), x)
    assert np.isnan(found[0]) and found[1] == 2


def grown(pair: Pair, x: Any, steps: Any) -> tuple[Pair, Any]:
    """A loop of known length that leaves a series, then one whose length is an argument."""

    def one(value: Any, step: Any) -> tuple[Any, Any]:
        value = value + x * jnp.exp(-value) + (step == 3)
        return value, value * pair.b

    last, series = lax.scan(one, pair.a, jnp.arange(40))
    after = lax.fori_loop(0, steps, lambda _, v: 0.5 * v + x, last)
    return Pair(a=after, b=last), series


def test_loops_and_series_agree_with_jax():
    rng = np.random.default_rng(1)
    pair, x = Pair(a=rng.random(21), b=rng.random(21)), rng.random(21).astype(np.float32)
    ours, theirs = (applied(grown, pair, x, integers=(5,), by=by) for by in ("native", "xla"))
    assert np.shape(ours[1]) == (40, 21)
    for mine, other in zip(*(jax.tree_util.tree_leaves(r) for r in (ours, theirs)), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5)
    assert applied(grown, pair, x, integers=(0,))[0].a == pytest.approx(ours[0].b)


def test_a_loop_stops_for_each_patient_by_the_own_condition():
    count = np.array([0, 3, 1, 7, 2], np.float32)

    def doubled(value: Any, count: Any) -> tuple[Any]:
        return (lax.while_loop(lambda at: at[1] > 0, lambda at: (2 * at[0], at[1] - 1), (value, count))[0],)

    (found,) = applied(doubled, np.ones(5, np.float32), count)
    np.testing.assert_array_equal(found, 2**count)


def test_a_loop_goes_through_a_series_that_is_given():
    rng = np.random.default_rng(3)
    series, start = rng.random((100, 21)).astype(np.float32), rng.random(21).astype(np.float32)

    def summed(start: Any, series: Any) -> tuple[Any]:
        return (lax.scan(lambda total, x: (total + x, total * x), start, series)[1],)

    kernel = compiled(summed, [0.0, np.zeros(100)], by="native")
    packed = [layout.pack(r, 21) for layout, r in zip(kernel.inputs, (start, series), strict=True)]
    totals = start + np.cumsum(series, axis=0, dtype=np.float32) - series
    np.testing.assert_allclose(kernel(packed)[0].record, totals * series, rtol=1e-5)


def test_a_loop_of_loops_goes_through_rows_of_arrays():
    """A short series stays a loop too; what each of its steps returns may be an array."""
    rng = np.random.default_rng(4)
    rows, factors = rng.random((7, 3, 21)).astype(np.float32), rng.random((7, 21)).astype(np.float32)

    def one(total: Any, given: Any) -> tuple[Any, Any]:
        row, factor = given
        total = lax.fori_loop(0, 40, lambda _, value: factor * value + row[0] / row[1], total)
        return total, (jnp.stack([total, row[2]]), total * factor)

    def summed(start: Any, rows: Any, factors: Any) -> tuple[Any, Any, Any]:
        last, (pairs, products) = lax.scan(one, start, (rows, factors))
        return last, pairs, products

    results = []
    for by in ("native", "xla"):
        kernel = compiled(summed, [0.0, np.zeros((7, 3)), np.zeros(7)], by=by)
        given = (np.ones(21, np.float32), rows, factors)
        packed = [layout.pack(r, 21) for layout, r in zip(kernel.inputs, given, strict=True)]
        results.append([found.record for found in kernel(packed)])
    for mine, other in zip(*results, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4)


@pytest.mark.parametrize("n", [1, 7, 16, 33])
def test_no_patient_depends_on_how_many_there_are(n: int):
    rng = np.random.default_rng(2)
    pair, x = Pair(a=rng.random(50), b=rng.random(50)), rng.random(50).astype(np.float32)
    whole = applied(grown, pair, x, integers=(3,))
    part = applied(grown, Pair(a=pair.a[:n], b=pair.b[:n]), x[:n], integers=(3,))
    np.testing.assert_array_equal(part[0].a, whole[0].a[:n])
    np.testing.assert_array_equal(part[1], whole[1][:, :n])


def rooted(x: Any) -> tuple[Any, Any]:
    """A condition within a loop, computed for who needs it."""

    def one(_: Any, value: Any) -> Any:
        return where_needed(value > 0.5, lambda: jnp.sqrt(value - 0.5), 2 * value)

    return lax.fori_loop(0, 3, one, x), lax.cond(x > 0.2, lambda: jnp.exp(x), lambda: -x)


@pytest.mark.parametrize("high", [0.1, 0.4, 3.0])
def test_each_patient_gets_the_result_of_the_own_condition(high: float):
    """With 0.1 nobody needs the branch, with 3 some patients of each block do."""
    x = np.linspace(0, high, 37, dtype=np.float32)
    found, chosen = applied(rooted, x)
    expected = x.astype(float)
    for _ in range(3):
        expected = np.where(expected > 0.5, np.sqrt(np.maximum(expected - 0.5, 0)), 2 * expected)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(chosen, np.where(x > np.float32(0.2), np.exp(x), -x), rtol=1e-6)
    np.testing.assert_array_equal(found[3:4], applied(rooted, x[3:4])[0])


def _text(function: Any) -> str:
    """Return the vector code of a function of one number."""
    one = jax.ShapeDtypeStruct((), np.float32)
    traced, results = jax.make_jaxpr(function, return_shape=True)(one)
    return written("made", 16, traced, [Layout(one)], [Layout(r) for r in results], 0)


def test_what_is_computed_twice_is_written_once():
    def twice(x: Any) -> tuple[Any, Any]:
        return jnp.exp(2 * x) + 1, jnp.exp(2 * x) - 1

    powers = [line for line in _text(twice).splitlines() if " = shl " in line]
    assert len(powers) == 1, "an exponential shifts its power of two once"


@pytest.mark.parametrize("columns", [16, 64, 1024, 1040])
def test_rows_do_not_share_places_of_the_cache(columns: int):
    matrix = room(5, columns)
    assert matrix.shape == (5, columns)
    assert matrix.strides[0] % LINE == 0 and matrix.strides[0] // LINE % 2 == 1


def test_a_result_that_nobody_reads_takes_no_room():
    layout_of = compiled(grown, [skeleton(Pair), 0.0], 1)
    pair, x = Pair(a=np.ones(21), b=np.ones(21)), np.ones(21, np.float32)
    packed = [layout.pack(r, 21) for layout, r in zip(layout_of.inputs, (pair, x), strict=True)]
    whole, part = layout_of(packed, (3,)), layout_of(packed, (3,), unused=1)
    np.testing.assert_array_equal(whole[0].matrix, part[0].matrix)
    assert part[1].matrix.strides[0] == 0


FREED = """
import resource, sys
import numpy as np
from insulae.engine.native import keep_freed_memory

is_kept = keep_freed_memory()
for number in range(22):
    np.ones(1_000_000)  # 8 MB, given back at once
    if number == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
sys.exit(is_kept and faults * resource.getpagesize() > 2 * 8_000_000)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="page faults are counted by POSIX systems")
def test_freed_memory_is_used_again_where_the_library_can_be_told():
    """Twenty results of 8 MB take the pages of two at most."""
    assert subprocess.run([sys.executable, "-c", FREED]).returncode == 0


def test_numbers_too_small_to_matter_are_zero_within_and_kept_outside():
    """A number below 1e-38 costs Intel's processors a hundred cycles or more at each operation."""
    smallest = np.full(16, 1e-39, np.float32)
    (made,) = applied(lambda x: (x * 0.5,), smallest)
    np.testing.assert_array_equal(made, 0)
    (by_jax,) = applied(lambda x: (x * 0.5,), smallest, by="xla")
    np.testing.assert_array_equal(by_jax, 0)
    assert (smallest * np.float32(0.5)).all(), "the processor is left as it was"


@pytest.mark.parametrize("machine", ["x86_64", "arm64", "riscv64"])
def test_each_processor_is_told_in_its_own_words(machine: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(smallest_numbers.platform, "machine", lambda: machine)
    text = _text(lambda x: (x + 1,))
    words = {"x86_64": "llvm.x86.sse.ldmxcsr", "arm64": "llvm.aarch64.set.fpcr"}
    assert [word for word in words.values() if word in text] == [
        word for name, word in words.items() if name == machine
    ]
    llvm.parse_assembly(text).verify()


def test_what_has_no_vector_code_is_named():
    with pytest.raises(Unsupported, match="'sin'"):
        applied(lambda x: (jnp.sin(x),), np.ones(4, np.float32))


def test_machine_code_is_kept_and_damaged_code_is_made_anew(own_cache: Path):
    x = np.linspace(0, 1, 20, dtype=np.float32)
    (first,) = applied(lambda x: (jnp.exp(x),), x)
    (path,) = (own_cache / "compiled").glob("*.native")
    sound = path.read_bytes()
    path.write_bytes(sound[:-7])
    (again,) = applied(lambda x: (jnp.exp(x),), x)
    np.testing.assert_array_equal(first, again)
    assert path.read_bytes() == sound


def test_kept_code_is_used(own_cache: Path, monkeypatch: pytest.MonkeyPatch):
    x = np.linspace(0, 1, 20, dtype=np.float32)
    applied(lambda x: (jnp.exp(x),), x)

    def refuse(text: str) -> bytes:
        raise AssertionError("compiled again")

    monkeypatch.setattr(native, "_object_code", refuse)
    applied(lambda x: (jnp.exp(x),), x)


SOURCE = """
FACTOR = 3.0

def inner(x):
    return x * FACTOR

def scaled(x):
    return (inner(x),)
"""


@pytest.fixture
def component(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a module that counts as one of the kernel, as a new process would load it."""

    def loaded(**replaced: Any) -> Any:
        module: Any = types.ModuleType("insulae.physiology.trial_component")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(SOURCE, vars(module))
        vars(module).update(replaced)
        return module

    return loaded


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the functions traced."""
    names: list[str] = []
    trace = native._traced

    def noted(function: Any, *rest: Any) -> Any:
        names.append(function.__name__)
        return trace(function, *rest)

    monkeypatch.setattr(native, "_traced", noted)
    return names


def test_a_function_of_this_package_is_found_by_its_source(component: Any, traced: list[str]):
    x = np.linspace(0, 1, 20, dtype=np.float32)
    for _ in range(3):
        np.testing.assert_array_equal(applied(component().scaled, x)[0], 3 * x)
    assert traced == ["scaled"]


def test_what_is_replaced_in_the_kernel_is_traced_anew(component: Any, traced: list[str]):
    x = np.linspace(0, 1, 20, dtype=np.float32)
    applied(component().scaled, x)
    np.testing.assert_array_equal(applied(component(FACTOR=4.0).scaled, x)[0], 4 * x)
    for shift in (1.0, 2.0):
        shifted = component(inner=lambda x, shift=shift: x + shift).scaled
        np.testing.assert_array_equal(applied(shifted, x)[0], x + np.float32(shift))
    assert len(traced) == 4


def test_the_name_of_kept_code_changes_with_all_it_depends_on(
    component: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    scaled = component().scaled

    def name(shape: tuple[int, ...] = (), n_integers: int = 0, processor: str = "some") -> str | None:
        source._package.cache_clear()
        return source.source_key(scaled, [np.zeros(shape)], n_integers, processor)

    names = [name(), name((3,)), name(n_integers=1), name(processor="other")]
    with monkeypatch.context() as patched:
        patched.setattr(source.metadata, "version", lambda package: "0")
        names.append(name())
    with monkeypatch.context() as patched:
        patched.setenv("JAX_ENABLE_CHECKS", "1")
        names.append(name())
    shutil.copytree(source.PACKAGE, tmp_path / "copy")
    monkeypatch.setattr(source, "PACKAGE", tmp_path / "copy")
    assert name() == names[0]
    for edited in ("physiology/fast/glucose.py", "core/clock.py", "tables/parameters.csv"):
        with (tmp_path / "copy" / edited).open("a") as file:
            file.write("\n")
        names.append(name())
    source._package.cache_clear()
    assert None not in names and len(set(names)) == len(names)


@pytest.mark.parametrize("kind", ["program", "native"])
def test_a_damaged_or_lost_file_is_made_anew(component: Any, own_cache: Path, kind: str, traced: list[str]):
    x = np.linspace(0, 1, 20, dtype=np.float32)
    (first,) = applied(component().scaled, x)
    (path,) = (own_cache / "compiled").glob(f"*.{kind}")
    sound = path.read_bytes()
    for damaged in (sound[:-7], b"", None):
        path.unlink() if damaged is None else path.write_bytes(damaged)
        np.testing.assert_array_equal(applied(component().scaled, x)[0], first)
        assert path.read_bytes() == sound
    assert len(traced) == 4


def test_a_function_inside_another_has_no_name(component: Any):
    def scaled(x: Any) -> Any:
        return (x,)

    scaled.__module__ = component().__name__
    assert source.source_key(scaled, [0.0], 0, "") is None
    assert source.source_key(component().scaled, [0.0], 0, "") is not None


def test_a_cache_that_cannot_be_written_is_done_without(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("INSULAE_CACHE", "/dev/null/nowhere")
    (found,) = applied(lambda x: (x + 1,), np.ones(3, np.float32))
    np.testing.assert_array_equal(found, 2)


def test_part_of_the_patients_can_be_taken_and_put_back():
    made = compiled(lambda pair: (pair,), [skeleton(Pair)])
    packed = made.inputs[0].pack(Pair(a=np.arange(20.0), b=0.0), 20)
    part = packed.take(np.array([3, 17]))
    np.testing.assert_array_equal(part.record.a, [3, 17])
    changed = made.inputs[0].pack(Pair(a=-1.0, b=2.0), 2)
    packed.put(np.array([3, 17]), changed)
    np.testing.assert_array_equal(packed.record.a[[2, 3, 4, 17]], [2, -1, 4, -1])


def test_one_number_is_read_out_of_a_record_and_stays_as_it_was():
    pair = Pair(a=np.zeros((2, 3)), b=np.zeros(()))
    held = Layout(pair).pack(Pair(a=np.ones((2, 3, 21)), b=np.arange(21)), 21)
    found = held.number(lambda one: one.b)
    held.matrix[:] = 0
    np.testing.assert_array_equal(found, np.arange(21))


def test_a_misspelt_engine_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(machine.ENGINE, "natve")
    machine.engine.cache_clear()
    with pytest.raises(UnknownName, match="natve"):
        machine.engine()
    machine.engine.cache_clear()
