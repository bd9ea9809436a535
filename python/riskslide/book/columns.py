"""Decides how lists, numbers and series become strict columns, and what is refused on the way."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError, refuse

Float = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]

EXACT = 2**53


def float_column(values: Any, column: str, size: int | None = None) -> Float:
    """`values` as float64 of one axis; a single number is broadcast to `size` rows.

    Whole numbers beyond 2**53, masked, complex and non-numeric input are refused by name
    (`E_DTYPE`, `E_INTEGER`).
    """
    array = _numeric(values, column)
    if array.ndim == 0 and size is not None:
        array = np.full(size, array)
    if array.ndim != 1:
        refuse("E_SHAPE", column, None, array.shape, "must have one axis")
    if size is not None and array.size != size:
        refuse("E_SHAPE", column, None, array.size, f"must hold {size} values")
    return np.require(array, np.float64, ["C", "A"])


def finite_column(values: Any, column: str, size: int | None = None) -> Float:
    """`float_column` that refuses NaN and infinities, naming the first row (`E_NOT_FINITE`)."""
    array = float_column(values, column, size)
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        row = int(bad[0])
        refuse("E_NOT_FINITE", column, row, float(array[row]), "must be a finite number")
    return array


def float_matrix(values: Any, column: str) -> npt.NDArray[np.float64]:
    """`values` as C-contiguous float64 of any shape, finite; refused as `finite_column` does."""
    array = np.require(_numeric(values, column), np.float64, ["C", "A"])
    if not np.isfinite(array).all():
        at = np.argwhere(~np.isfinite(array))[0]
        row = int(at[0]) if at.size else None
        refuse("E_NOT_FINITE", column, row, float(array[tuple(at)]), "must be a finite number")
    return array


def int_column(values: Any, column: str, size: int | None = None) -> Int64:
    """`values` as int64; floats are taken only where they are whole and below 2**53."""
    array = np.asarray(_unmasked(values, column))
    if array.size == 0 and array.dtype.kind == "f":
        array = array.astype(np.int64)
    if array.ndim == 0 and size is not None:
        array = np.full(size, array)
    if array.ndim != 1 or (size is not None and array.size != size):
        refuse("E_SHAPE", column, None, array.shape, "must have one axis of the right length")
    if array.dtype.kind == "f":
        bad = np.flatnonzero(~((array == np.floor(array)) & (np.abs(array) < EXACT)))
        if bad.size:
            row = int(bad[0])
            refuse("E_INTEGER", column, row, float(array[row]), "must be a whole number < 2**53")
        return array.astype(np.int64)
    if array.dtype.kind == "u" and array.size and int(array.max()) > np.iinfo(np.int64).max:
        row = int(array.argmax())
        refuse("E_OVERFLOW", column, row, int(array[row]), "must fit a signed 64-bit integer")
    if array.dtype.kind not in "iu":
        refuse("E_DTYPE", column, None, str(array.dtype), "must hold whole numbers")
    return np.require(array, np.int64, ["C", "A"])


def bool_column(values: Any, column: str, size: int | None = None) -> Bool:
    """`values` as bool; 0 and 1 are taken too."""
    array = np.asarray(_unmasked(values, column))
    if array.dtype.kind != "b":
        if array.dtype.kind not in "iuf" or not bool(np.isin(array, (0, 1)).all()):
            refuse("E_DTYPE", column, None, str(array.dtype), "must hold True and False")
        array = array.astype(np.bool_)
    if array.ndim == 0 and size is not None:
        array = np.full(size, array)
    if array.ndim != 1 or (size is not None and array.size != size):
        refuse("E_SHAPE", column, None, array.shape, "must have one axis of the right length")
    return np.require(array, np.bool_, ["C", "A"])


def text_column(values: str | Iterable[Any], column: str, size: int | None = None) -> list[str]:
    """`values` as a list of str; one string stands for every row."""
    if isinstance(values, str):
        if size is None:
            refuse("E_SHAPE", column, None, values, "must be a list")
        return [values] * size
    texts = list(values)
    if not set(map(type, texts)) <= {str}:
        for row, value in enumerate(texts):
            if not isinstance(value, str | int) or isinstance(value, bool):
                refuse("E_DTYPE", column, row, value, "must be text")
        texts = [str(v) for v in texts]
    if size is not None and len(texts) != size:
        refuse("E_SHAPE", column, None, len(texts), f"must hold {size} values")
    return texts


def index_of(names: Sequence[Hashable], known: Mapping[Any, int], column: str, what: str) -> Int64:
    """Index of every name in `known`; an unknown one is refused with its row (`E_UNKNOWN`)."""
    found = np.array(list(map(known.get, names, repeat(-1))), dtype=np.int64)
    missing = np.flatnonzero(found < 0)
    if missing.size:
        row = int(missing[0])
        refuse("E_UNKNOWN", column, row, names[row], f"must be one of the {what}")
    return found


def _unmasked(values: Any, column: str) -> Any:
    if not np.ma.isMaskedArray(values):
        return values
    if np.ma.getmaskarray(values).any():
        row = int(np.flatnonzero(np.ma.getmaskarray(values).ravel())[0])
        refuse("E_NOT_FINITE", column, row, "masked", "fill masked values first")
    return np.ma.getdata(values)


def _numeric(values: Any, column: str) -> npt.NDArray[Any]:
    values = _unmasked(values, column)
    try:
        array = np.asarray(values)
        if array.dtype == object:
            array = _from_objects(array, column)
    except InputError:
        raise
    except (TypeError, ValueError, OverflowError):
        refuse("E_DTYPE", column, None, type(values).__name__, "must hold numbers")
    if array.dtype.kind not in "iufb":
        refuse("E_DTYPE", column, None, str(array.dtype), "must hold real numbers")
    if array.dtype.kind in "iu" and array.size:
        largest = max(abs(int(array.max())), abs(int(array.min())))
        if largest > EXACT:
            row = int(np.argmax(np.abs(array.astype(np.float64)).ravel()))
            refuse("E_INTEGER", column, row, largest, "whole numbers beyond 2**53 are not exact")
    return array


def _from_objects(array: npt.NDArray[Any], column: str) -> npt.NDArray[Any]:
    for row, value in enumerate(array.ravel()):
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > EXACT:
            refuse("E_INTEGER", column, row, value, "whole numbers beyond 2**53 are not exact")
        if value is None or not isinstance(value, int | float | np.number):
            refuse("E_DTYPE", column, row, value, "must be a number")
    return array.astype(np.float64)
