"""Between numpy's arrays and the columns of tables, without pandas.

`pyarrow.array`, `to_numpy` and comparisons with a scalar import pandas where it is installed, which takes
longer than many a run.
"""

from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

FLOATS = {"double": "float64", "float": "float32", "halffloat": "float16"}
"""Names of Arrow's types where numpy has others."""


def column(values: Any, kind: pa.DataType, is_nan_missing: bool = False) -> pa.Array:
    """Return numbers, truths or texts as a column of a type; what is a column already is cast."""
    if isinstance(values, pa.Array):
        return values.cast(kind)
    values = np.asarray(values)
    if values.dtype.kind == "U":
        return _texts(values.tolist()).cast(kind)
    if values.dtype == bool:
        return pa.Array.from_buffers(pa.bool_(), len(values), [None, _bits(values)])
    there = _bits(~np.isnan(values)) if is_nan_missing else None
    numbers = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [there, numbers]).cast(kind)


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
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    found = whole if isinstance(whole, pa.DictionaryArray) else whole.dictionary_encode()
    return cast(list[str], found.dictionary.to_pylist()), numbers(found.indices)


def is_text(values: pa.Array | pa.ChunkedArray, text: str) -> NDArray[np.bool_]:
    """Tell which rows of a column of texts hold a text."""
    texts, codes = coded(values)
    return codes == texts.index(text) if text in texts else np.zeros(len(codes), bool)
