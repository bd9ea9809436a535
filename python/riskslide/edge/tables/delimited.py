"""Decides how the text of a CSV file becomes columns of text, and on which line each row stands."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple, NoReturn

import numpy as np

from ...book.columns import Int64
from ...errors import refuse
from .raw import LISTED, Fault, Table, arrow, line_ends, refuse_faults, unique_columns

_BOM = b"\xef\xbb\xbf"
_DEEPEST = 8  # lines among which a header that is known by its beginning is looked for


class _Head(NamedTuple):
    """Names of the columns; where the rows begin, on which line, and what stands above."""

    names: list[str]
    body: int
    line: int
    above: tuple[str, ...]


def csv_table(file: str, data: bytes, headers: Sequence[str] = ()) -> Table:
    """The rows below the header, which is the first line unless one of `headers` begins a later.

    Below such a later header a name that comes again is numbered: `Bid`, then `Bid.2`.
    """
    data = data.rstrip(b"\r\n")
    head = _head(file, data, headers)
    if head.body == len(data):
        empty = arrow().array([], type=arrow().string())
        columns = dict.fromkeys(head.names, empty)
        return Table(file, columns, np.empty(0, dtype=np.int64), head.above)
    pa, reader = arrow(), arrow("pyarrow.csv")
    try:
        table = reader.read_csv(
            pa.BufferReader(pa.py_buffer(data).slice(head.body)),
            read_options=reader.ReadOptions(column_names=head.names),
            parse_options=reader.ParseOptions(newlines_in_values=b'"' in data),
            convert_options=reader.ConvertOptions(
                column_types=dict.fromkeys(head.names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowException as error:
        _explain(file, data, head, str(error))
    columns = {name: table.column(k) for k, name in enumerate(head.names)}
    return Table(file, columns, _lines(file, data, head, table.num_rows), head.above)


def _head(file: str, data: bytes, headers: Sequence[str]) -> _Head:
    at = len(_BOM) if data.startswith(_BOM) else 0
    first, body = _line(file, data, at)
    text, above = first, list[str]()
    for _ in range(_DEEPEST if headers else 0):
        if text.startswith(tuple(headers)):
            names = _numbered([n.strip() for n in next(csv.reader([text]))])
            return _Head(names, body, len(above) + 2, tuple(above))
        if body == len(data):
            break
        above.append(text)
        text, body = _line(file, data, body)
    if not first.strip():
        refuse("E_HEADER", "", 1, None, "the first line must name the columns", file=file)
    names = unique_columns(file, [n.strip() for n in next(csv.reader([first]))])
    return _Head(names, _line(file, data, at)[1], 2, ())


def _line(file: str, data: bytes, start: int) -> tuple[str, int]:
    """The line that begins at `start`, and where the next one does."""
    ends = [e for e in (data.find(b"\n", start), data.find(b"\r", start)) if e >= 0]
    end = min(ends, default=len(data))
    try:
        text = data[start:end].decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        line = line_ends(data, 0, start) + 1
        refuse("E_ENCODING", "", line, None, "must be UTF-8 text; save it as such", file=file)
    after = end + (2 if data[end : end + 2] == b"\r\n" else 1)
    return text, min(after, len(data))


def _numbered(names: list[str]) -> list[str]:
    seen: Counter[str] = Counter()
    out = []
    for name in names:
        seen[name] += 1
        out.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return out


def _lines(file: str, data: bytes, head: _Head, rows: int) -> Int64:
    """Line of each row; only blank lines and quoted line ends make it more than counting."""
    if line_ends(data, head.body) + 1 == rows:
        return np.arange(head.line, head.line + rows, dtype=np.int64)
    found = [line for line, record in _records(file, data, head) if record]
    if len(found) != rows:
        refuse("E_FILE", "", None, None, "has rows that cannot be told apart", file=file)
    return np.array(found, dtype=np.int64)


def _records(file: str, data: bytes, head: _Head) -> Iterator[tuple[int, list[str]]]:
    """Line and fields of every record, slowly; a blank line has none."""
    reader = csv.reader(io.StringIO(_decoded(file, data, head.body), newline=""), strict=True)
    while True:
        line = reader.line_num + head.line
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
        line = line_ends(data, 0, at) + 1
        value = data[at : at + 1]
        refuse("E_ENCODING", "", line, value, "must be UTF-8 text; save it as such", file=file)


def _explain(file: str, data: bytes, head: _Head, reason: str) -> NoReturn:
    """Raise what made the reader stop: its own message names no line."""
    faults = []
    for line, record in _records(file, data, head):
        if record and len(record) != len(head.names):
            fix = f"has {len(record)} fields, the header names {len(head.names)}"
            faults.append(Fault(line, "", "E_RAGGED", ",".join(record)[:80], fix))
            if len(faults) == LISTED:
                break
    refuse_faults(file, faults)
    refuse("E_FILE", "", None, None, f"cannot be read: {reason}", file=file)
