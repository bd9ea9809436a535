"""Decides which reader takes a file of quotes, by its columns; the files make one market."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Protocol

from ...book.clock import instant
from ...errors import InputError, refuse
from ...market.market import Market
from ..cboe import chain as cboe_chain
from ..contract import Contract
from ..deribit import chain as deribit_chain
from ..deribit import marks as deribit_marks
from ..deribit import ticker as deribit_ticker
from ..okx import chain as okx_chain
from ..tables.quotes import Sheet, Source, instant_of
from ..tables.raw import Table
from ..tables.read import read_table
from . import quotes


class Reader(Protocol):
    """What a module offers that reads one kind of file; `Any` is a source of its own."""

    def recognises(self, columns: Collection[str]) -> bool: ...

    def open_chain(self, table: Table) -> Any: ...

    def add_chains(self, chains: Sequence[Any], sheet: Sheet) -> list[Contract]: ...


class Format(NamedTuple):
    """A kind of file, the columns that it is known by, and what reads it."""

    title: str
    columns: tuple[str, ...]
    reader: Reader


READERS = (
    Format("a snapshot of Deribit's option chain", deribit_chain.COLUMNS, deribit_chain),
    Format("marks of Deribit's perpetuals", deribit_marks.PERPETUALS, deribit_marks),
    Format("marks of Deribit's futures", deribit_marks.FUTURES, deribit_marks),
    Format("tickers of Deribit", deribit_ticker.COLUMNS, deribit_ticker),
    Format("a snapshot of OKX's option chain", okx_chain.COLUMNS, okx_chain),
    Format("a page of Cboe's delayed option quotes", cboe_chain.COLUMNS, cboe_chain),
    Format("quotes", quotes.COLUMNS, quotes),
)
HEADERS = cboe_chain.HEADERS  # beginnings of headers that stand below a title


def read_market(paths: str | Path | Sequence[str | Path], *, as_of: Any = None) -> Market:
    """Quotes of one or several files: the project's own, or a venue's (docs/files.md lists them).

    A file is told by its columns. Of each quote the newest that is not after `as_of` counts;
    `as_of` (as `clock.instant` reads it) defaults to the newest instant of the files, marks
    following the chain that they are given with. Raises InputError as `read_positions`;
    `E_FORMAT` for a file of no known kind, `E_DUPLICATE` where two values of one instant differ.
    """
    return read_sheet(paths, as_of=as_of).market()


def read_sheet(paths: str | Path | Sequence[str | Path], *, as_of: Any = None) -> Sheet:
    """`read_market` with the place of every quote, and what was dropped for which reason."""
    files = [paths] if isinstance(paths, str | Path) else list(paths)
    opened: dict[int, tuple[Reader, list[Source]]] = {}
    for path in files:
        reader, source = _open(read_table(path, headers=HEADERS))
        opened.setdefault(id(reader), (reader, []))[1].append(source)
    sources = [source for _, found in opened.values() for source in found]
    sheet = Sheet(instant_of(sources, None if as_of is None else instant(as_of, "as_of")))
    for reader, found in opened.values():
        reader.add_chains(found, sheet)
    return sheet


def _open(table: Table) -> tuple[Reader, Source]:
    """What a file of quotes is: what a reader recognises, or else what its columns are nearest to.

    A nearest kind that has half of its columns there is opened too, since its own reader says best
    which column is not right.
    """
    if not table.columns and not len(table):  # an empty list of JSON: a venue that has no quotes
        return quotes, quotes.none_of(table)
    share = [len(set(f.columns) & set(table.columns)) / len(f.columns) for f in READERS]
    known = [f for f in READERS if f.reader.recognises(table.columns)]
    found = known[0] if known else READERS[share.index(max(share))]
    if not known and max(share) < 0.5:
        _refuse_kind(table, found if max(share) > 0.0 else None)
    try:
        return found.reader, found.reader.open_chain(table)
    except InputError as error:
        if error.code not in ("E_MISSING", "E_UNKNOWN_COLUMN") or error.row != 1:
            raise
        fix = f"{error.fix}; it was read as {found.title}"
        refuse(error.code, error.column, error.row, error.value, fix, file=table.file)


def _refuse_kind(table: Table, nearest: Format | None) -> NoReturn:
    first = next(iter(table.columns), "")
    if nearest is not None:
        lacking = ", ".join(c for c in nearest.columns if c not in table.columns)
        fix = f"the nearest kind of file is {nearest.title}, but {lacking} is not there"
    elif len(table.columns) == 1 and (";" in first or "\t" in first):
        fix = "columns must be separated by commas"
    else:
        fix = "is none of " + "; ".join(f"{f.title} ({', '.join(f.columns)})" for f in READERS)
    refuse("E_FORMAT", "", 1, first or None, fix, file=table.file)
