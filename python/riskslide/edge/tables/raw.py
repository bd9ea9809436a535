"""Decides what a table of a file is, and how faults in it are told; not how it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from ...book.columns import Bool, Int64
from ...errors import InputError, MissingExtra, refuse, suggestion

LISTED = 1000  # faults that one error lists


class Fault(NamedTuple):
    """One refused field: `line` counts from 1, the header being line 1."""

    line: int
    column: str
    code: str
    value: object
    fix: str


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A file as pyarrow columns of one length: text from CSV and JSON, as typed from Parquet.

    line (rows): the line of the file on which a row starts, the header being line 1; in a Parquet
    or JSON file, which has no lines, the number of the row, counted from 1. above: the lines over
    the header of a CSV file; facts: what a JSON file says beside its rows.
    """

    file: str
    columns: Mapping[str, Any]
    line: Int64
    above: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.line.size)

    def where(self, keep: Bool) -> Table:
        """The rows that `keep` marks."""
        at = arrow().array(np.flatnonzero(keep))
        columns = {name: column.take(at) for name, column in self.columns.items()}
        return replace(self, columns=columns, line=self.line[keep])


def line_ends(data: bytes, start: int = 0, end: int | None = None) -> int:
    """How many lines end between two places: by LF, CR or both."""
    stop = len(data) if end is None else end
    counts = [data.count(mark, start, stop) for mark in (b"\n", b"\r", b"\r\n")]
    return counts[0] + counts[1] - counts[2]


def arrow(module: str = "pyarrow") -> Any:
    """A module of pyarrow; MissingExtra with the install line where there is none."""
    try:
        return import_module(module)
    except ImportError:
        line = 'pip install "riskslide[cli]"'
        raise MissingExtra(f"reading files needs pyarrow: {line}") from None


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


def unique_columns(file: str, names: list[str]) -> list[str]:
    """The names, unless one comes twice (`E_DUPLICATE`)."""
    for k, name in enumerate(names):
        if name in names[:k]:
            refuse("E_DUPLICATE", name, 1, name, "name each column once", file=file)
    return names
