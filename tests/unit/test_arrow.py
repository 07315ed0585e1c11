"""Columns of tables: the same as pyarrow makes of numpy's arrays, and without pandas."""

import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from insulae.runs.arrow import chosen, coded, column, is_text, numbers

UNUSED = ("pandas", "scipy.stats", "pint", "pyarrow.compute", "upath")
COLUMNS: list[tuple[Any, pa.DataType]] = [
    (np.array([1.5, np.nan, -2]), pa.float64()),
    (np.array([1, 2, 70_000]), pa.int32()),
    (np.array([1, 2, 3], np.int32), pa.float64()),
    (np.arange(19) % 3 == 0, pa.bool_()),
    (np.array([1, 0, 7], np.int64), pa.bool_()),
    (np.array([True, False]), pa.float64()),
    (np.array([2.0, 3.0]), pa.int8()),
    (np.array(["a", "", "größer"]), pa.string()),
    (np.array(["b", "a", "b"]), pa.dictionary(pa.int32(), pa.string())),
    (np.array([], np.float32), pa.float32()),
    *((np.array([], np.int64), kind) for kind in (pa.string(), pa.int8(), pa.bool_(), pa.float64())),
    (np.array([3, 10]), pa.string()),
]


@pytest.mark.parametrize(("values", "kind"), COLUMNS)
def test_a_column_is_what_pyarrow_makes_of_it(values: Any, kind: pa.DataType):
    found, expected = column(values, kind), pa.array(values).cast(kind)
    assert found.type == kind
    assert found.equals(expected) or np.array_equal(found.to_numpy(), expected.to_numpy(), equal_nan=True)


@pytest.mark.parametrize(
    ("values", "kind"), [c for c in COLUMNS if c[0].dtype.kind in "fib" and c[1] != pa.string()]
)
def test_numbers_come_back_from_slices_and_chunks(values: Any, kind: pa.DataType):
    whole = column(values, kind)
    parts = pa.chunked_array([whole[:1], whole[1:]])
    np.testing.assert_array_equal(numbers(whole), values.astype(kind.to_pandas_dtype()))
    np.testing.assert_array_equal(numbers(parts), numbers(whole))
    np.testing.assert_array_equal(numbers(parts[1:]), numbers(whole)[1:])


def test_what_is_missing_comes_back_as_nan():
    missing = column(np.array([1.0, np.nan, 3.0]), pa.float64(), is_nan_missing=True)
    assert missing.null_count == 1
    np.testing.assert_array_equal(numbers(missing), [1, np.nan, 3])


def test_texts_are_found_whether_coded_or_not():
    texts = np.array(["b", "a", "b", "c"])
    plain, coded = (column(texts, kind) for kind in (pa.string(), pa.dictionary(pa.int32(), pa.string())))
    for values in (plain, coded, pa.chunked_array([plain[:2], plain[2:]])):
        np.testing.assert_array_equal(is_text(values, "b"), [True, False, True, False])
        assert not is_text(values, "z").any()


def test_plain_texts_are_coded_as_pyarrow_codes_them():
    texts = column(np.array(["b", "a", "b", "größer"]), pa.string())
    expected = texts.dictionary_encode()
    known, codes = coded(pa.chunked_array([texts[:1], texts[1:]]))
    assert known == expected.dictionary.to_pylist()
    np.testing.assert_array_equal(codes, expected.indices.to_numpy())


def test_rows_are_chosen_as_pyarrow_filters_them():
    mask = np.array([True, False, True])
    texts = column(np.array(["b", "a", "c"]), pa.dictionary(pa.int32(), pa.string()))
    columns = [
        column(np.array(v), k) for v, k in (([1, 2, 3], pa.int32()), ([True, False, False], pa.bool_()))
    ]
    table = pa.table(
        [*columns, column(np.array([1.0, np.nan, 2.5]), pa.float64()), texts], names=list("abcd")
    )
    table = table.append_column("e", column(np.array(["x", "y", "x"]), pa.string()))
    found = chosen(pa.concat_tables([table[:1], table[1:]]), mask)
    assert found.to_pylist() == table.filter(pa.array(mask)).to_pylist()
    assert chosen(table, ~mask | mask).to_pylist()[0]["d"] == "b"
    assert not chosen(table, mask & ~mask).num_rows


def test_whole_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        column(np.array([1, 2**40]), pa.int32())
    with pytest.raises(ValueError, match="do not fit"):
        column(np.array([1.5]), pa.int32())


def test_a_run_needs_no_package_that_loads_slowly_and_is_not_used(tmp_path: Any):
    """Run one person twice: what the first run converted, the second remembers; then store no traces."""
    code = (
        "import sys; from pathlib import Path; from insulae.report.page import write_report;"
        "from insulae.study import load, run;"
        "stored = f'stored_traces.patients={sys.argv[1]}';"
        "short = ['population.size=1', 'horizon=2 weeks', 'visits=[0, 2]', stored];"
        "study = load.load(Path('studies/first_case.yaml'), short);"
        f"write_report(run.run(study, {str(tmp_path)!r}, workers=None).directory);"
        f"print([name for name in {UNUSED} if name in sys.modules])"
    )
    for stored in "110":
        command = [sys.executable, "-c", code, stored]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]"
