"""Decides what files of quotes say, told apart by their columns, and joins them to one market."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...book.clock import NO_EXPIRY, instant
from ...book.columns import Float, Int64
from ...errors import suggestion
from ...market.state import QUOTES, Market, Quote
from ..deribit import chain as deribit
from ..tables.convert import Coded, Columns
from ..tables.quotes import Origin, Sheet, Source, instant_of, newest
from ..tables.raw import Table, check_columns, read_table, refuse_faults

MARKET = ("quote", "symbol", "value", "instant")

UNDATED = ("spot", "mark", "vol")  # quotes that name no expiry


@dataclass(frozen=True, slots=True, eq=False)
class QuoteTable:
    """Rows of a file of quotes: a number per (quote, symbol, expiry) and instant."""

    file: str
    quote: Coded
    symbol: Coded
    expiry: Int64
    value: Float
    instants: Int64
    line: Int64
    leads: bool = True


def read_market(paths: str | Path | Sequence[str | Path], *, as_of: Any = None) -> Market:
    """Quotes of one or several files: ``quote,symbol[,expiry],value,instant``, or Deribit's.

    A file is told by its columns: the project's own, a snapshot of Deribit's option chain, or
    marks of its perpetuals or futures. Of each quote the newest that is not after `as_of` counts;
    `as_of` (as `clock.instant` reads it) defaults to the newest instant of the files, marks
    following the chain that they are given with. Raises InputError as `read_positions`;
    `E_DUPLICATE` where two values of one instant differ.
    """
    return read_sheet(paths, as_of=as_of).market()


def read_sheet(paths: str | Path | Sequence[str | Path], *, as_of: Any = None) -> Sheet:
    """`read_market` with the place of every quote, and what was dropped for which reason."""
    files = [paths] if isinstance(paths, str | Path) else list(paths)
    sources = [_open(read_table(p)) for p in files]
    sheet = Sheet(instant_of(sources, None if as_of is None else instant(as_of, "as_of")))
    deribit.add_chains([s for s in sources if isinstance(s, deribit.Chain)], sheet)
    for source in sources:
        if isinstance(source, deribit.Marks):
            deribit.add_marks(source, sheet)
        elif isinstance(source, QuoteTable):
            _add_quotes(source, sheet)
    return sheet


def _open(table: Table) -> Source:
    """What a file of quotes is, by its columns."""
    names = table.columns
    if "implied_volatility" in names and "instrument_name" in names:
        return deribit.open_chain(table)
    for columns in (deribit.PERPETUALS, deribit.FUTURES):
        if columns[2] in names:
            return deribit.open_marks(table, columns)
    return _open_quotes(table)


def _open_quotes(table: Table) -> QuoteTable:
    check_columns(table, MARKET, ("expiry",))
    columns = Columns(table)
    quote, symbol = columns.texts("quote"), columns.texts("symbol")
    expiry = columns.instants("expiry", blank=True)
    value, instants = columns.numbers("value"), columns.instants("instant")
    kind = np.array([*quote.values, ""])[quote.codes]
    for word in quote.values:
        if word and word not in QUOTES:
            columns.blame(
                kind == word, "quote", "E_UNKNOWN", kind, suggestion(word, QUOTES, "must be")
            )
    dated = np.isin(kind, UNDATED) & (expiry != NO_EXPIRY)
    columns.blame(dated, "expiry", "E_DOMAIN", kind, "must be empty for this quote")
    fix = "must be >= 0, a decimal"
    columns.blame((kind == "vol") & (value < 0), "value", "E_VOL_NEGATIVE", value, fix)
    columns.check()
    return QuoteTable(table.file, quote, symbol, expiry, value, instants, table.line)


def _add_quotes(table: QuoteTable, sheet: Sheet) -> None:
    if not table.line.size:
        return
    width, dates = len(table.symbol.values), np.unique(table.expiry)
    key = table.quote.codes * width + table.symbol.codes
    key = key * dates.size + np.searchsorted(dates, table.expiry)
    _refuse_conflicts(table, key)
    for row in newest(key, table.instants, sheet.as_of).tolist():
        kind = table.quote.values[table.quote.codes[row]]
        symbol = table.symbol.values[table.symbol.codes[row]]
        expiry = int(table.expiry[row])
        quote = Quote(float(table.value[row]), int(table.instants[row]))
        where = Origin(table.file, int(table.line[row]))
        sheet.add(kind, symbol if expiry == NO_EXPIRY else (symbol, expiry), quote, where)


def _refuse_conflicts(table: QuoteTable, key: Int64) -> None:
    """Refuse rows that give a quote of one instant another value (`E_DUPLICATE`)."""
    order = np.lexsort((np.arange(key.size), table.instants, key))
    same = (np.diff(key[order]) == 0) & (np.diff(table.instants[order]) == 0)
    again = order[1:][same & (np.diff(table.value[order]) != 0)]
    columns = Columns(Table(table.file, {}, table.line))
    bad = np.zeros(key.size, dtype=np.bool_)
    bad[again] = True
    fix = "another row gives this quote another value at the same instant; drop one"
    columns.blame(bad, "value", "E_DUPLICATE", table.value, fix)
    refuse_faults(table.file, columns.faults)
