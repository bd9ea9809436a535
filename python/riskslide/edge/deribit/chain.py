"""Decides what snapshots of Deribit's chain and marks quote, and which series they cannot price.

One snapshot is one instant of a coin's whole chain: the newest not after `as_of` is taken as it
is, never patched with series of an older one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from ...book.clock import text_of
from ...book.columns import Float, Int64
from ...errors import InputError, refuse
from ...market.state import Quote
from ..tables.convert import Coded, Columns
from ..tables.quotes import Origin, Sheet, newest
from ..tables.raw import Table, need_columns
from .names import Contract, parse_instrument

CHAIN = (
    "timestamp",
    "instrument_name",
    "option_type",
    "strike",
    "expiry_datetime",
    "implied_volatility",
    "index_price",
)
PERPETUALS = ("obs_datetime", "instrument_name", "perp_futures_mark_price")
FUTURES = ("timestamp", "futures_instrument_name", "term_mark_price_final")

_SIDES = {True: "call", False: "put", None: "a contract that is no option"}


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Rows of option snapshots: `coin` and `instants` of every row."""

    table: Table
    instants: Int64
    coin: Coded
    leads: bool = True

    @property
    def file(self) -> str:
        return self.table.file


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Marks of perpetuals or dated futures, over time."""

    file: str
    name: Coded
    instants: Int64
    mark: Float
    line: Int64
    leads: bool = False


def open_chain(table: Table) -> Chain:
    """A table with the columns of the option snapshots; only its instants are read yet."""
    need_columns(table, CHAIN)
    if "futures_price" not in table.columns:
        if "underlying" not in table.columns:
            need_columns(table, ("futures_price",))
        forward = {"futures_price": table.columns["underlying"]}
        table = replace(table, columns={**table.columns, **forward})
    columns = Columns(table)
    instants, name = columns.instants("timestamp"), columns.texts("instrument_name")
    columns.check()
    coins = [n.split("-")[0] for n in name.values]
    known = sorted(set(coins))
    of_name = np.array([known.index(c) for c in coins], dtype=np.int64)
    return Chain(table, instants, Coded(known, of_name[name.codes]))


def open_marks(table: Table, columns: tuple[str, str, str]) -> Marks:
    """A table of marks; `columns` name its instant, instrument and mark."""
    need_columns(table, columns)
    read = Columns(table)
    instants, name = read.instants(columns[0]), read.texts(columns[1])
    mark = read.numbers(columns[2], blank=np.nan)
    read.check()
    return Marks(table.file, name, instants, mark, table.line)


def add_chains(chains: Sequence[Chain], sheet: Sheet) -> list[Contract]:
    """Add the newest snapshot of every coin; returns its priced contracts."""
    snapshot: dict[str, int] = {}
    for chain in chains:
        for row in newest(chain.coin.codes, chain.instants, sheet.as_of).tolist():
            coin, moment = chain.coin.values[chain.coin.codes[row]], int(chain.instants[row])
            snapshot[coin] = max(snapshot.get(coin, moment), moment)
    priced: dict[str, Contract] = {}
    for chain in chains:
        of_coin = np.array([snapshot.get(c, -1) for c in chain.coin.values], dtype=np.int64)
        table = chain.table.where(chain.instants == of_coin[chain.coin.codes])
        for contract in _add_snapshot(table, snapshot, sheet):
            priced[contract.name] = contract
    return list(priced.values())


def add_marks(marks: Marks, sheet: Sheet) -> list[Contract]:
    """Add the newest mark of every contract that is alive; returns those contracts."""
    found = []
    for row in newest(marks.name.codes, marks.instants, sheet.as_of).tolist():
        origin = Origin(marks.file, int(marks.line[row]))
        contract = _contract(marks.name.values[marks.name.codes[row]], origin)
        value, moment = float(marks.mark[row]), int(marks.instants[row])
        if contract.expiry > sheet.as_of and value > 0:
            sheet.add("mark", contract.name, Quote(value, moment), origin)
            found.append(contract)
    return found


def _add_snapshot(table: Table, snapshot: dict[str, int], sheet: Sheet) -> Iterator[Contract]:
    columns = Columns(table)
    vol, forward, index = (
        columns.numbers(c, blank=np.nan, finite=False)
        for c in ("implied_volatility", "futures_price", "index_price")
    )
    names = columns.texts("instrument_name").spread()
    contracts = _checked(table, columns, names)
    for row, contract in enumerate(contracts):
        moment = snapshot[contract.underlying]
        reason = _unpriced(float(vol[row]), float(forward[row]), contract, moment)
        if reason:
            sheet.dropped[contract.name] = f"{reason} in the snapshot of {text_of(moment)}"
            continue
        origin = Origin(table.file, int(table.line[row]))
        sheet.add("vol", contract.name, Quote(float(vol[row]), moment), origin)
        sheet.add("forward", contract.name, Quote(float(forward[row]), moment), origin)
        yield contract
    coins = np.array([c.underlying for c in contracts])
    for coin in sorted({c.underlying for c in contracts}):
        usable = np.flatnonzero((coins == coin) & np.isfinite(index) & (index > 0))
        if usable.size:  # the index drifts while a snapshot is taken: the median of its rows
            spot = Quote(float(median(index[usable].tolist())), snapshot[coin])
            sheet.add("spot", coin, spot, Origin(table.file, int(table.line[usable[0]])))


def _unpriced(vol: float, forward: float, contract: Contract, moment: int) -> str:
    """Why a series cannot be priced; empty where it can."""
    if contract.expiry <= moment:
        return "expired"
    if not 0.0 < vol < np.inf:
        return "has no implied vol"
    if not 0.0 < forward < np.inf:
        return "has no forward"
    return ""


def _checked(table: Table, columns: Columns, names: list[str]) -> list[Contract]:
    """Contracts of the rows, whose other columns must say the same as the name."""
    strike, expiry = columns.numbers("strike"), columns.instants("expiry_datetime")
    side = columns.texts("option_type").spread()
    columns.check()
    contracts, seen = [], set()
    for row, name in enumerate(names):
        origin = Origin(table.file, int(table.line[row]))
        contract = _contract(name, origin)
        claims = {
            "strike": (float(strike[row]), contract.strike),
            "expiry_datetime": (text_of(int(expiry[row])), text_of(contract.expiry)),
            "option_type": (side[row], _SIDES[contract.is_call]),
        }
        for column, (written, meant) in claims.items():
            if written != meant:
                fix = f"the name {name} says {meant!r}; one of them is wrong"
                refuse("E_CONTRADICTION", column, origin.line, written, fix, file=origin.file)
        if name in seen:
            fix = "is in its snapshot twice; drop one"
            refuse("E_DUPLICATE", "instrument_name", origin.line, name, fix, file=origin.file)
        seen.add(name)
        contracts.append(contract)
    return contracts


def _contract(name: str, origin: Origin) -> Contract:
    try:
        return parse_instrument(name)
    except InputError as error:
        column = "instrument_name"
        refuse(error.code, column, origin.line, error.value, error.fix, file=origin.file)
