"""Between numpy's arrays and the columns of tables, without pandas and the functions of Arrow.

`pyarrow.array`, `to_numpy` and comparisons with a scalar import pandas where it is installed; `cast`,
`filter` and `take` import `pyarrow.compute`. Either takes longer than many a part of a small run.
"""

from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

FLOATS = {"double": "float64", "float": "float32", "halffloat": "float16"}
"""Names of Arrow's types where numpy has others."""


def column(values: Any, kind: pa.DataType, is_nan_missing: bool = False) -> pa.Array:
    """Return numbers, truths or texts as a column of a type; what is a column already is cast.

    Raises `ValueError` where whole numbers do not fit.
    """
    if isinstance(values, pa.Array):
        return _cast(values, kind)
    values = np.asarray(values)
    if values.dtype.kind == "U" or pa.types.is_string(kind):
        return _cast(_texts(values.astype(str).tolist()), kind)
    if pa.types.is_boolean(kind):
        return pa.Array.from_buffers(kind, len(values), [None, _bits(values != 0)])
    there = _bits(~np.isnan(values)) if is_nan_missing else None
    return pa.Array.from_buffers(kind, len(values), [there, pa.py_buffer(_as_type(values, kind))])


def _as_type(values: NDArray[Any], kind: pa.DataType) -> NDArray[Any]:
    """Return numbers in a row of memory as a column holds them; raises `ValueError` where whole ones do not
    fit."""
    found = np.ascontiguousarray(values, _type(kind))
    if found.dtype.kind in "iu" and not np.array_equal(found, values):
        raise ValueError(f"some of the numbers do not fit into a column of {kind}")
    return found


def _cast(values: pa.Array, kind: pa.DataType) -> pa.Array:
    return values if values.type == kind else values.cast(kind)


def _bits(truths: NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(truths, bitorder="little"))


def _texts(texts: list[str]) -> pa.Array:
    encoded = [text.encode("utf-8") for text in texts]
    ends = np.cumsum([0, *map(len, encoded)]).astype(np.int32)
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded)))


def numbers(values: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """Return a column of numbers or truths as an array; NaN where a number is missing."""
    parts = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
    found = [_part(part) for part in parts]
    if len(found) == 1:
        return found[0]
    return np.concatenate([np.empty(0, _type(values.type)), *found]).astype(_type(values.type), copy=False)


def _type(kind: pa.DataType) -> np.dtype[Any]:
    return np.dtype(FLOATS.get(str(kind), str(kind)))


def _part(part: pa.Array) -> NDArray[Any]:
    there, data = part.buffers()
    chosen = slice(part.offset, part.offset + len(part))
    if pa.types.is_boolean(part.type):
        return _unpacked(data)[chosen]
    found = np.frombuffer(data, _type(part.type))[chosen] if len(part) else np.empty(0, _type(part.type))
    return np.where(_unpacked(there)[chosen], found, np.nan) if part.null_count else found


def _unpacked(bits: pa.Buffer) -> NDArray[np.bool_]:
    return np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little").astype(bool)


def coded(values: pa.Array | pa.ChunkedArray) -> tuple[list[str], NDArray[np.int32]]:
    """Return the different texts of a column and, for each row, the place of its text among them."""
    if not len(values):
        return [], np.empty(0, np.int32)
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if isinstance(whole, pa.DictionaryArray):
        return cast(list[str], whole.dictionary.to_pylist()), numbers(whole.indices)
    places: dict[str, int] = {}
    codes = (places.setdefault(text, len(places)) for text in whole.to_pylist())
    found = np.fromiter(codes, np.int32, len(whole))
    return [*places], found


def is_text(values: pa.Array | pa.ChunkedArray, text: str) -> NDArray[np.bool_]:
    """Tell which rows of a column of texts hold a text."""
    texts, codes = coded(values)
    return codes == texts.index(text) if text in texts else np.zeros(len(codes), bool)


def chosen(table: pa.Table, is_chosen: NDArray[np.bool_]) -> pa.Table:
    """Return some rows of a table of numbers, truths and texts, which are coded; a missing number is NaN."""
    columns = [_chosen(column, is_chosen) for column in table.columns]
    return pa.Table.from_arrays(columns, names=table.column_names)


def _chosen(values: pa.ChunkedArray, is_chosen: NDArray[np.bool_]) -> pa.Array:
    if not (pa.types.is_dictionary(values.type) or pa.types.is_string(values.type)):
        return column(numbers(values)[is_chosen], values.type)
    texts, codes = coded(values)
    return pa.DictionaryArray.from_arrays(column(codes[is_chosen], pa.int32()), _texts(texts))
