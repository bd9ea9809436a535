"""Decides what the project's own files of quotes say; docs/files.md describes them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from ...book.clock import NO_EXPIRY
from ...book.columns import Float, Int64
from ...errors import suggestion
from ...market.quotes import CONFIDENCES, QUOTES, Quote
from ..contract import Contract
from ..tables.convert import Coded, Columns
from ..tables.quotes import Origin, Sheet, newest
from ..tables.raw import Table, check_columns, refuse_faults

COLUMNS = ("quote", "symbol", "value", "instant")

TRUST = tuple(f"confidence:{kind}" for kind in CONFIDENCES)
WORDS = (*QUOTES, *TRUST)
UNDATED = ("spot", "mark", "vol", "confidence:spot", "confidence:mark")  # they name no expiry


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


def recognises(columns: Collection[str]) -> bool:
    return set(COLUMNS) <= set(columns)


def add_chains(chains: Sequence[QuoteTable], sheet: Sheet) -> list[Contract]:
    """Add the newest quotes; they define no contracts."""
    for table in chains:
        _add_quotes(table, sheet)
    return []


def none_of(table: Table) -> QuoteTable:
    """A file that names no columns and holds nothing."""
    columns = Columns(table)
    texts, instants = columns.texts("quote"), columns.instants("instant")
    return QuoteTable(
        table.file, texts, texts, instants, columns.numbers("value"), instants, table.line
    )


def open_chain(table: Table) -> QuoteTable:
    """A table of quotes, wholly checked."""
    check_columns(table, COLUMNS, ("expiry",))
    columns = Columns(table)
    quote, symbol = columns.texts("quote"), columns.texts("symbol")
    expiry = columns.instants("expiry", blank=True)
    value, instants = columns.numbers("value"), columns.instants("instant")
    kind = np.array([*quote.values, ""])[quote.codes]
    for word in quote.values:
        if word and word not in WORDS:
            columns.blame(
                kind == word, "quote", "E_UNKNOWN", kind, suggestion(word, WORDS, "must be")
            )
    dated = np.isin(kind, UNDATED) & (expiry != NO_EXPIRY)
    columns.blame(dated, "expiry", "E_DOMAIN", kind, "must be empty for this quote")
    undated = (kind == "fixed") & (expiry == NO_EXPIRY)
    fix = "must name the expiry whose forward is fixed in part"
    columns.blame(undated, "expiry", "E_MISSING", [None] * undated.size, fix)
    fix = "must be >= 0, a decimal"
    columns.blame((kind == "vol") & (value < 0), "value", "E_VOL_NEGATIVE", value, fix)
    columns.blame((kind == "fixed") & (value < 0), "value", "E_DOMAIN", value, "must be >= 0")
    outside = np.isin(kind, TRUST) & ((value < 0) | (value > 1))
    columns.blame(outside, "value", "E_RANGE", value, "a confidence is from 0 to 1")
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
        of = symbol if expiry == NO_EXPIRY else (symbol, expiry)
        name, _, trusted = kind.partition(":")
        sheet.add(name, (trusted, of) if trusted else of, quote, where)


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
