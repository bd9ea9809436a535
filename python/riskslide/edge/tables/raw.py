"""Decides how the bytes of a CSV or Parquet file become columns, not what the columns mean."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ...book.columns import Bool, Int64
from ...errors import InputError, MissingExtra, refuse, suggestion

LISTED = 1000  # faults that one error lists

_BOM = b"\xef\xbb\xbf"


class Fault(NamedTuple):
    """One refused field: `line` counts from 1, the header being line 1."""

    line: int
    column: str
    code: str
    value: object
    fix: str


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A file as pyarrow columns of one length: text from CSV, as typed from Parquet.

    line (rows): the line of the file on which a row starts, the header being line 1; in a Parquet
    file, which has no lines, the number of the row, counted from 1.
    """

    file: str
    columns: Mapping[str, Any]
    line: Int64

    def __len__(self) -> int:
        return int(self.line.size)

    def where(self, keep: Bool) -> Table:
        """The rows that `keep` marks."""
        at = arrow().array(np.flatnonzero(keep))
        columns = {name: column.take(at) for name, column in self.columns.items()}
        return Table(self.file, columns, self.line[keep])


def arrow(module: str = "pyarrow") -> Any:
    """A module of pyarrow; MissingExtra with the install line where there is none."""
    try:
        return import_module(module)
    except ImportError:
        line = 'pip install "riskslide[cli]"'
        raise MissingExtra(f"reading CSV and Parquet files needs pyarrow: {line}") from None


def read_table(path: str | Path) -> Table:
    """The columns of a .csv, .csv.gz or .parquet file, told apart by name and first bytes.

    Raises InputError naming file and line: `E_FILE` for a file that cannot be read or is damaged,
    `E_ENCODING` for text that is not UTF-8, `E_HEADER` where no line names the columns,
    `E_DUPLICATE` for a column named twice, `E_RAGGED` for rows that are longer or shorter than the
    header, `E_QUOTES` for a quote that is not closed. MissingExtra without pyarrow.
    """
    arrow()  # what is not installed is named before what is not there
    file = str(path)
    data = _bytes(file)
    if file.endswith((".parquet", ".pq")) or data[:4] == b"PAR1":
        return _parquet(file, data)
    if file.endswith(".gz") or data[:2] == b"\x1f\x8b":
        data = _unzipped(file, data)
    return _csv(file, data)


def check_columns(table: Table, required: Sequence[str], optional: Sequence[str] = ()) -> None:
    """Refuse a column that nobody knows (`E_UNKNOWN_COLUMN`) or that is not there (`E_MISSING`)."""
    known = [*required, *optional]
    for name in table.columns:
        if name not in known:
            fix = suggestion(name, known, "columns are")
            if ";" in name or "\t" in name:
                fix = "columns must be separated by commas"
            refuse("E_UNKNOWN_COLUMN", name, 1, name, fix, file=table.file)
    need_columns(table, required)


def need_columns(table: Table, required: Sequence[str]) -> None:
    """Refuse a table without one of these columns (`E_MISSING`), which may have others too."""
    for name in required:
        if name not in table.columns:
            fix = f"add the column {name}; found {', '.join(table.columns) or 'none'}"
            refuse("E_MISSING", name, 1, None, fix, file=table.file)


def refuse_faults(file: str, faults: Iterable[Fault]) -> None:
    """Raise the first fault by line, listing up to `LISTED`; do nothing where there is none."""
    found = sorted(faults, key=lambda f: f.line)[:LISTED]
    if not found:
        return
    first = found[0]
    rows = tuple((f.line, f.column, f.code) for f in found) if len(found) > 1 else ()
    raise InputError(
        code=first.code,
        column=first.column,
        row=first.line,
        value=first.value,
        fix=first.fix,
        file=file,
        rows=rows,
    )


def _bytes(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        refuse("E_FILE", "", None, None, f"cannot be read: {reason}", file=file)


def _unzipped(file: str, data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        fix = f"is a damaged or incomplete gzip file ({error}); fetch it again"
        refuse("E_FILE", "", None, None, fix, file=file)


def _parquet(file: str, data: bytes) -> Table:
    pa, parquet = arrow(), arrow("pyarrow.parquet")
    try:
        table = parquet.ParquetFile(pa.BufferReader(data)).read()
    except (pa.ArrowException, OSError) as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        fix = f"is a damaged or incomplete Parquet file ({reason}); write it again"
        refuse("E_FILE", "", None, None, fix, file=file)
    names = _unique(file, [str(n).strip() for n in table.column_names])
    columns = dict(zip(names, table.columns, strict=True))
    return Table(file, columns, np.arange(1, table.num_rows + 1, dtype=np.int64))


def _csv(file: str, data: bytes) -> Table:
    data = data.rstrip(b"\r\n")
    start = len(_BOM) if data.startswith(_BOM) else 0
    names, body = _header(file, data, start)
    if body == len(data):
        empty = arrow().array([], type=arrow().string())
        return Table(file, dict.fromkeys(names, empty), np.empty(0, dtype=np.int64))
    pa, reader = arrow(), arrow("pyarrow.csv")
    try:
        table = reader.read_csv(
            pa.BufferReader(pa.py_buffer(data).slice(body)),
            read_options=reader.ReadOptions(column_names=names),
            parse_options=reader.ParseOptions(newlines_in_values=b'"' in data),
            convert_options=reader.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowException as error:
        _explain(file, data, body, names, str(error))
    columns = {name: table.column(k) for k, name in enumerate(names)}
    return Table(file, columns, _lines(file, data, body, table.num_rows))


def _header(file: str, data: bytes, start: int) -> tuple[list[str], int]:
    """Names of the columns, and where the rows begin."""
    ends = [e for e in (data.find(b"\n", start), data.find(b"\r", start)) if e >= 0]
    end = min(ends, default=len(data))
    try:
        text = data[start:end].decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        refuse("E_ENCODING", "", 1, None, "must be UTF-8 text; save it as such", file=file)
    if not text.strip():
        refuse("E_HEADER", "", 1, None, "the first line must name the columns", file=file)
    names = [n.strip() for n in next(csv.reader([text]))]
    body = end + (2 if data[end : end + 2] == b"\r\n" else 1)
    return _unique(file, names), min(body, len(data))


def _unique(file: str, names: list[str]) -> list[str]:
    for k, name in enumerate(names):
        if name in names[:k]:
            refuse("E_DUPLICATE", name, 1, name, "name each column once", file=file)
    return names


def _lines(file: str, data: bytes, body: int, rows: int) -> Int64:
    """Line of each row; only blank lines and quoted line ends make it more than counting."""
    if data.count(b"\n", body) + 1 == rows:
        return np.arange(2, rows + 2, dtype=np.int64)
    found = [line for line, record in _records(file, data, body) if record]
    if len(found) != rows:
        refuse("E_FILE", "", None, None, "has rows that cannot be told apart", file=file)
    return np.array(found, dtype=np.int64)


def _records(file: str, data: bytes, body: int) -> Iterator[tuple[int, list[str]]]:
    """Line and fields of every record, slowly; a blank line has none."""
    reader = csv.reader(io.StringIO(_decoded(file, data, body), newline=""), strict=True)
    while True:
        line = reader.line_num + 2
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            fix = f"{error}; check the quotes from here on"
            refuse("E_QUOTES", "", line, None, fix, file=file)
        yield line, record


def _decoded(file: str, data: bytes, body: int) -> str:
    try:
        return data[body:].decode("utf-8")
    except UnicodeDecodeError as error:
        at = body + error.start
        line = data.count(b"\n", 0, at) + 1
        value = data[at : at + 1]
        refuse("E_ENCODING", "", line, value, "must be UTF-8 text; save it as such", file=file)


def _explain(file: str, data: bytes, body: int, names: list[str], reason: str) -> NoReturn:
    """Raise what made the reader stop: its own message names no line."""
    faults = []
    for line, record in _records(file, data, body):
        if record and len(record) != len(names):
            fix = f"has {len(record)} fields, the header names {len(names)}"
            faults.append(Fault(line, "", "E_RAGGED", ",".join(record)[:80], fix))
            if len(faults) == LISTED:
                break
    refuse_faults(file, faults)
    refuse("E_FILE", "", None, None, f"cannot be read: {reason}", file=file)
