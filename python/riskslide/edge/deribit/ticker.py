"""Decides what rows of Deribit's tickers and book summaries quote: each row has its own instant.

Fields: docs.deribit.com, public/ticker, public/get_book_summary_by_currency. Vols are per cent,
marks of options in coin, instants milliseconds since 1970.

A capture of a chain takes a while: of the options of a coin the newest row of each counts that is
not after `as_of`, if it lies no more than `CAPTURE` before the newest of them all; its vol and
forward are quoted at the instant of that newest row. Futures and perpetuals are quoted each at its
own instant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...book.clock import NO_EXPIRY
from ...book.columns import Float, Int64
from ...book.instruments import Kind
from ...errors import refuse
from ...market.quotes import Quote
from ..contract import Contract
from ..index import Print, add_index
from ..snapshot import Series, add_snapshot
from ..tables.convert import Coded, Columns
from ..tables.quotes import Origin, Sheet, newest, parsed_at
from ..tables.raw import Table, need_columns
from .names import parse_instrument, uncovered
from .rows import Claims

COLUMNS = ("instrument_name", "timestamp", "mark_price", "mark_iv", "underlying_price")
INSTANTS = ("timestamp", "creation_timestamp")
FIGURES = {"vol": "mark_iv", "forward": "underlying_price", "price": "mark_price"}

CAPTURE = 300 * 10**9  # nanoseconds
# Before an expiry its estimated delivery price turns from the index into the index's average:
# docs.deribit.com, contract specifications, expiration price.
AVERAGED = 1800 * 10**9


@dataclass(frozen=True, slots=True, eq=False)
class Tickers:
    """Rows of tickers: name and instant of each, the rest being read for those that count."""

    table: Table
    name: Coded
    instants: Int64
    leads: bool = True

    @property
    def file(self) -> str:
        return self.table.file


@dataclass(frozen=True, slots=True)
class Ticker:
    """What one row says; iv: per cent, NaN where there is none."""

    contract: Contract
    instant: int
    iv: float
    forward: float
    price: float
    index: float
    reason: str
    origin: Origin

    @property
    def is_option(self) -> bool:
        return self.contract.kind == Kind.OPTION

    def series(self) -> Series:
        figures = (self.iv / 100.0, self.forward, self.price)
        return Series(self.contract, *figures, self.origin, self.reason, written_vol=self.iv)


def recognises(columns: Collection[str]) -> bool:
    known = ("mark_iv", "estimated_delivery_price")
    return "instrument_name" in columns and any(c in columns for c in known)


def open_chain(table: Table) -> Tickers:
    """A table of tickers or book summaries; only names and instants are read yet."""
    if "underlying_price" not in table.columns and "mark_price" not in table.columns:
        fix = "it has neither forwards nor prices that parity could take them from; add the column"
        refuse("E_MISSING", "underlying_price", 1, None, fix, file=table.file)
    stamp = next((c for c in INSTANTS if c in table.columns), INSTANTS[0])
    need_columns(table, ("instrument_name", stamp, "mark_price"))
    columns = Columns(table)
    name, instants = columns.texts("instrument_name"), columns.moments(stamp)
    columns.check()
    return Tickers(table, name, instants)


def add_chains(chains: Sequence[Tickers], sheet: Sheet) -> list[Contract]:
    """Add the newest rows of every coin; returns the contracts that they price."""
    rows = [ticker for source in chains for ticker in _newest(source, sheet)]
    last: dict[tuple[str, bool], int] = {}
    for row in rows:
        key = (row.contract.underlying, row.is_option)
        last[key] = max(row.instant, last.get(key, row.instant))
    spots = {coin: max(last.get((coin, o), 0) for o in (True, False)) for coin, _ in last}
    add_index(_prints(rows, spots), spots, sheet)
    found: list[Contract] = []
    for coin, is_option in last:
        held = [r for r in rows if (r.contract.underlying, r.is_option) == (coin, is_option)]
        if is_option:
            found += _add_capture(list(_latest(held)), last[(coin, True)], sheet)
        else:
            found += _add_marks(held, sheet)
    return found


def _add_capture(rows: list[Ticker], moment: int, sheet: Sheet) -> list[Contract]:
    """Quote the options of one coin whose rows belong to the capture that ends at `moment`."""
    for row in rows:
        if row.instant < moment - CAPTURE and row.contract.expiry > moment:
            sheet.dropped[row.contract.name] = "has no row in the newest capture"
    series = [row.series() for row in rows if row.instant >= moment - CAPTURE]
    return add_snapshot(series, moment, sheet, FIGURES)


def _latest(rows: list[Ticker]) -> Iterator[Ticker]:
    """Of every contract the rows of its newest instant, of whichever file."""
    last: dict[str, int] = {}
    for row in rows:
        last[row.contract.name] = max(row.instant, last.get(row.contract.name, row.instant))
    return (row for row in rows if row.instant == last[row.contract.name])


def _newest(source: Tickers, sheet: Sheet) -> list[Ticker]:
    """The rows of the newest instant of every name; what is not covered is dropped."""
    at = newest(source.name.codes, source.instants, sheet.as_of)
    last = np.full(len(source.name.values), NO_EXPIRY, dtype=np.int64)
    last[source.name.codes[at]] = source.instants[at]
    for code, name in enumerate(source.name.values):
        if reason := uncovered(name):
            sheet.dropped[name] = reason
            last[code] = NO_EXPIRY
    keep = source.instants == last[source.name.codes]
    return list(_read(source.table.where(keep), source.instants[keep]))


def _read(table: Table, instants: Int64) -> Iterator[Ticker]:
    columns = Columns(table)
    iv, forward, price = (columns.numbers(c, blank=np.nan, finite=False) for c in FIGURES.values())
    index, delivery = (
        columns.numbers(c, blank=np.nan, finite=False)
        for c in ("index_price", "estimated_delivery_price")
    )
    state = columns.texts("state", blank=True).spread()
    names, claims = (
        columns.texts("instrument_name").spread(),
        Claims(columns, "expiration_timestamp"),
    )
    columns.check()
    for row, name in enumerate(names):
        origin, moment = Origin(table.file, int(table.line[row])), int(instants[row])
        contract = parsed_at(parse_instrument, name, COLUMNS[0], origin)
        claims.check(row, contract, origin)
        yield Ticker(
            contract,
            moment,
            float(iv[row]),
            float(forward[row]),
            float(price[row]),
            _index(contract, moment, index, delivery, row),
            f"is {state[row]}" if state[row] not in ("", "open") else "",
            origin,
        )


def _index(contract: Contract, moment: int, index: Float, delivery: Float, row: int) -> float:
    """The index as a row prints it, or the delivery price while that is the index."""
    if np.isfinite(index[row]):
        return float(index[row])
    averaged = contract.expiry - moment <= AVERAGED
    return float("nan") if averaged else float(delivery[row])


def _prints(rows: Iterable[Ticker], spots: dict[str, int]) -> Iterator[Print]:
    for row in rows:
        if row.instant >= spots[row.contract.underlying] - CAPTURE:
            yield Print(row.contract.name, row.contract.underlying, row.index, row.origin)


def _add_marks(rows: list[Ticker], sheet: Sheet) -> list[Contract]:
    """Quote futures and perpetuals that are alive."""
    found = []
    for row in rows:
        name = row.contract.name
        if row.contract.expiry <= sheet.as_of or row.reason or not 0.0 < row.price < np.inf:
            sheet.dropped[name] = row.reason or "has expired, or has no mark"
            continue
        sheet.add("mark", name, Quote(row.price, row.instant), row.origin)
        sheet.contracts[name] = row.contract
        found.append(row.contract)
    return found
