"""Decides what files of snapshots of Deribit's option chain quote: one instant, one whole chain.

The newest snapshot of a coin that is not after `as_of` is taken as it is, never patched with
series of an older one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...book.columns import Int64
from ..contract import Contract
from ..index import Print, add_index
from ..snapshot import Series, add_snapshot
from ..tables.convert import Coded, Columns
from ..tables.quotes import Origin, Sheet, newest
from ..tables.raw import Table, need_columns
from .rows import Claims, contract_at

COLUMNS = (
    "timestamp",
    "instrument_name",
    "option_type",
    "strike",
    "expiry_datetime",
    "implied_volatility",
    "index_price",
)
FIGURES = {"vol": "implied_volatility", "forward": "futures_price", "price": "mark_price"}


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


def recognises(columns: Collection[str]) -> bool:
    return "implied_volatility" in columns and "instrument_name" in columns


def open_chain(table: Table) -> Chain:
    """A table with the columns of the option snapshots; only its instants are read yet."""
    need_columns(table, COLUMNS)
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


def add_chains(chains: Sequence[Chain], sheet: Sheet) -> list[Contract]:
    """Add the newest snapshot of every coin; returns its priced contracts."""
    moments: dict[str, int] = {}
    for chain in chains:
        for row in newest(chain.coin.codes, chain.instants, sheet.as_of).tolist():
            coin, moment = chain.coin.values[chain.coin.codes[row]], int(chain.instants[row])
            moments[coin] = max(moments.get(coin, moment), moment)
    series: dict[str, list[Series]] = {}
    prints: list[Print] = []
    for chain in chains:
        of_coin = np.array([moments.get(c, -1) for c in chain.coin.values], dtype=np.int64)
        _read(chain.table.where(chain.instants == of_coin[chain.coin.codes]), series, prints)
    add_index(prints, moments, sheet)
    found = [add_snapshot(rows, moments[c], sheet, FIGURES) for c, rows in series.items()]
    return [contract for contracts in found for contract in contracts]


def _read(table: Table, series: dict[str, list[Series]], prints: list[Print]) -> None:
    """Gather the rows of a snapshot by coin."""
    columns = Columns(table)
    vol, forward, price, index = (
        columns.numbers(c, blank=np.nan, finite=False).tolist()
        for c in (*FIGURES.values(), "index_price")
    )
    names, claims = columns.texts("instrument_name").spread(), Claims(columns, "expiry_datetime")
    columns.check()
    for row, name in enumerate(names):
        origin = Origin(table.file, int(table.line[row]))
        contract = contract_at(name, origin)
        claims.check(row, contract, origin)
        coin = contract.underlying
        found = Series(contract, vol[row], forward[row], price[row], origin)
        series.setdefault(coin, []).append(found)
        prints.append(Print(coin, index[row], origin))
