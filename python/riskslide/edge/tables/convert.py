"""Decides how columns of a file become numbers, names and instants, and names what does not."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...book.clock import NO_EXPIRY, OUT_OF_RANGE, instant
from ...book.columns import EXACT, Bool, Float, Int64
from ...errors import InputError, refuse
from .raw import LISTED, Fault, Table, arrow, refuse_faults

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_WHOLE = re.compile(r"[+-]?[0-9]+")
_NOT_FINITE = frozenset(sign + w for sign in ("", "+", "-") for w in ("nan", "inf", "infinity"))


class Coded(NamedTuple):
    """Texts, stored once each: row k reads ``values[codes[k]]``."""

    values: list[str]
    codes: Int64

    def spread(self) -> list[str]:
        """The text of every row."""
        texts: list[str] = np.array(self.values, dtype=object)[self.codes].tolist()
        return texts


class Columns:
    """Reads the columns of a table and remembers every fault; `check` raises them together."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.faults: list[Fault] = []

    def check(self) -> None:
        """Raise InputError for the first fault by line, listing the others."""
        refuse_faults(self.table.file, self.faults)

    def blame(self, bad: Bool, column: str, code: str, values: Any, fix: str) -> None:
        """Remember the rows that `bad` marks; `values` are the texts or numbers of all rows."""
        for row in np.flatnonzero(bad)[:LISTED].tolist():
            value = values[row]
            value = value.as_py() if hasattr(value, "as_py") else value
            value = value.item() if isinstance(value, np.generic) else value
            value = None if value == "" else value
            self.faults.append(Fault(int(self.table.line[row]), column, code, value, fix))

    def numbers(self, name: str, blank: float | None = None, *, finite: bool = True) -> Float:
        """float64 of a column; `blank` stands for empty fields, which are refused without it.

        Faults: `E_MISSING`, `E_DTYPE`, `E_INTEGER` for whole numbers beyond 2**53 that float64
        cannot hold, `E_NOT_FINITE` unless `finite` is false, when NaN and infinities pass.
        """
        column = self.table.columns.get(name)
        if column is None:
            return np.full(len(self.table), np.nan if blank is None else blank)
        values, empty, shown = self._parsed(name, column)
        if blank is None:
            self.blame(empty, name, "E_MISSING", shown, "must not be empty")
        else:
            values[empty] = blank
        off = ~np.isfinite(values) & ~empty
        if finite and off.any():
            known = [f.line for f in self.faults if f.column == name]
            off &= ~np.isin(self.table.line, known)
            self.blame(off, name, "E_NOT_FINITE", shown, "must be a finite number")
        return values

    def texts(self, name: str, *, blank: bool = False) -> Coded:
        """Stripped texts of a column; faults: `E_MISSING` for empty ones unless `blank`."""
        column = self.table.columns.get(name)
        if column is None:
            return Coded([""], np.zeros(len(self.table), dtype=np.int64))
        coded = _coded(self._as_text(name, column))
        if not blank:
            empty = np.array([v == "" for v in coded.values], dtype=np.bool_)[coded.codes]
            self.blame(empty, name, "E_MISSING", [None] * empty.size, "must not be empty")
        return coded

    def instants(self, name: str, *, blank: bool = False) -> Int64:
        """UTC nanoseconds of a column; empty fields are `NO_EXPIRY` if `blank`, else a fault."""
        column = self.table.columns.get(name)
        if column is None:
            return np.full(len(self.table), NO_EXPIRY, dtype=np.int64)
        if arrow("pyarrow.types").is_timestamp(column.type):
            return self._stamped(name, column, blank)
        coded = _coded(self._as_text(name, column))
        found = np.full(max(len(coded.values), 1), NO_EXPIRY, dtype=np.int64)
        for k, text in enumerate(coded.values):
            if blank and not text:
                continue
            try:
                found[k] = instant(text, name)
            except InputError as error:
                code = error.code if text else "E_MISSING"
                fix = error.fix if text else "must not be empty"
                self.blame(coded.codes == k, name, code, coded.spread(), fix)
        return found[coded.codes]

    def moments(self, name: str) -> Int64:
        """UTC nanoseconds of a column of milliseconds since 1970, or of timestamps in Parquet.

        Faults: those of `numbers`, and `E_INSTANT` for what is no such number of this century.
        """
        column = self.table.columns.get(name)
        if column is not None and arrow("pyarrow.types").is_timestamp(column.type):
            return self._stamped(name, column, False)
        values = self.numbers(name)
        off = ~((values >= _EPOCHS[0]) & (values < _EPOCHS[1])) & np.isfinite(values)
        self.blame(off, name, "E_INSTANT", values, "must be milliseconds since 1970")
        whole = np.where(np.isfinite(values) & ~off, values, 0.0)
        return np.rint(whole).astype(np.int64) * 10**6

    def _parsed(self, name: str, column: Any) -> tuple[Float, Bool, Any]:
        """Numbers (NaN where there is none), which rows are empty, and what stood there."""
        pa, compute, types = arrow(), arrow("pyarrow.compute"), arrow("pyarrow.types")
        if types.is_floating(column.type):
            values = _numpy(compute.cast(column, pa.float64())).astype(np.float64)
            return values, np.isnan(values), column  # data frames write NaN for an empty field
        if types.is_integer(column.type):
            empty = _numpy(column.is_null()).astype(np.bool_)
            whole = _numpy(compute.fill_null(column, 0))
            large = (whole > EXACT) | (whole < -EXACT)
            self.blame(large, name, "E_INTEGER", column, _TOO_LARGE)
            return whole.astype(np.float64), empty, column
        text = self._as_text(name, column)
        return self._from_text(name, text)

    def _from_text(self, name: str, text: Any) -> tuple[Float, Bool, Any]:
        pa, compute = arrow(), arrow("pyarrow.compute")
        none = pa.scalar(None, pa.string())
        empty = compute.equal(text, "")
        try:
            cast = compute.cast(compute.if_else(empty, none, text), pa.float64())
        except pa.ArrowInvalid:
            text = compute.utf8_trim_whitespace(text)
            empty = compute.equal(text, "")
            good = compute.match_substring_regex(text, _NUMBER)
            cast = compute.cast(compute.if_else(good, text, none), pa.float64())
            bad = ~_numpy(compute.or_(good, empty)).astype(np.bool_)
            self._blame_words(name, bad, text)
        values = _numpy(cast).astype(np.float64)
        large = np.flatnonzero(np.isfinite(values) & (np.abs(values) >= EXACT))
        inexact = np.zeros(values.size, dtype=np.bool_)
        for row in large.tolist():
            written = text[row].as_py()
            inexact[row] = bool(_WHOLE.fullmatch(written)) and int(written) != int(values[row])
        self.blame(inexact, name, "E_INTEGER", text, _TOO_LARGE)
        return values, _numpy(empty).astype(np.bool_), text

    def _blame_words(self, name: str, bad: Bool, text: Any) -> None:
        for row in np.flatnonzero(bad)[:LISTED].tolist():
            word, line = text[row].as_py(), int(self.table.line[row])
            odd = word.lower() in _NOT_FINITE
            code, fix = ("E_NOT_FINITE", "must be finite") if odd else ("E_DTYPE", _NO_NUMBER)
            self.faults.append(Fault(line, name, code, word, fix))

    def _as_text(self, name: str, column: Any) -> Any:
        """A column as strings without nulls; types that are no text and no number are refused."""
        pa, compute, types = arrow(), arrow("pyarrow.compute"), arrow("pyarrow.types")
        kind = column.type.value_type if types.is_dictionary(column.type) else column.type
        text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
        if not (text or types.is_integer(kind) or types.is_decimal(kind) or types.is_null(kind)):
            fix = f"must hold text or numbers, not {column.type}"
            refuse("E_DTYPE", name, None, None, fix, file=self.table.file)
        return compute.fill_null(compute.cast(column, pa.string()), "")

    def _stamped(self, name: str, column: Any, blank: bool) -> Int64:
        pa, compute = arrow(), arrow("pyarrow.compute")
        if column.type.tz is None:
            fix = "must carry a zone; write timestamps of UTC"
            refuse("E_TIMEZONE", name, None, None, fix, file=self.table.file)
        try:
            utc = compute.cast(compute.cast(column, pa.timestamp("ns", tz="UTC")), pa.int64())
        except pa.ArrowInvalid:
            refuse("E_INSTANT", name, None, None, OUT_OF_RANGE, file=self.table.file)
        if not blank:
            empty = _numpy(column.is_null()).astype(np.bool_)
            self.blame(empty, name, "E_MISSING", column, "must not be empty")
        return _numpy(compute.fill_null(utc, NO_EXPIRY)).astype(np.int64)


_EPOCHS = (946_684_800_000.0, 4_102_444_800_000.0)  # 2000 to 2100, in milliseconds
_NO_NUMBER = "must be a number such as -1.5, without separators of thousands"
_TOO_LARGE = "whole numbers beyond 2**53 are not exact"


def _coded(text: Any) -> Coded:
    whole = text.combine_chunks() if hasattr(text, "num_chunks") else text
    encoded = whole.dictionary_encode()
    codes = _numpy(encoded.indices).astype(np.int64)
    stripped = [v.strip() for v in encoded.dictionary.to_pylist()]
    values = list(dict.fromkeys(stripped))
    if len(values) != len(stripped):
        number = {v: k for k, v in enumerate(values)}
        codes = np.array([number[v] for v in stripped], dtype=np.int64)[codes]
    return Coded(values, codes)


def _numpy(column: Any) -> npt.NDArray[Any]:
    """A copy that may be written to; nulls of floats become NaN."""
    array = column.to_numpy() if hasattr(column, "num_chunks") else column.to_numpy(False)
    return np.array(array)
