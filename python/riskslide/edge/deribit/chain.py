"""Decides what files of snapshots of Deribit's option chain quote: one instant, one whole chain."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..chain import Chain, Layout, add_newest, chain_of
from ..contract import Contract
from ..index import Print
from ..snapshot import Series
from ..tables.convert import Columns
from ..tables.quotes import Origin, Sheet, parsed_at
from ..tables.raw import Table, need_columns
from .names import parse_instrument
from .rows import Claims

COLUMNS = (
    "timestamp",
    "instrument_name",
    "option_type",
    "strike",
    "expiry_datetime",
    "implied_volatility",
    "index_price",
)
LAYOUT = Layout(
    instant="timestamp",
    name="instrument_name",
    vol="implied_volatility",
    forward="futures_price",
    price="mark_price",
    spot="index_price",
)


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
    instants, name = columns.instants(LAYOUT.instant), columns.texts(LAYOUT.name)
    columns.check()
    return chain_of(table, LAYOUT, instants, name)


def add_chains(chains: Sequence[Chain], sheet: Sheet) -> list[Contract]:
    """Add the newest snapshot of every coin; returns its priced contracts."""
    return add_newest(chains, sheet, _read)


def _read(chain: Chain) -> Iterator[tuple[Series, Print]]:
    table, columns = chain.table, Columns(chain.table)
    vol, forward, price, index = (
        columns.numbers(c, blank=np.nan, finite=False).tolist() for c in LAYOUT[2:]
    )
    names, claims = columns.texts(LAYOUT.name).spread(), Claims(columns, "expiry_datetime")
    columns.check()
    for row, name in enumerate(names):
        origin = Origin(table.file, int(table.line[row]))
        contract = parsed_at(parse_instrument, name, LAYOUT.name, origin)
        claims.check(row, contract, origin)
        found = Series(contract, vol[row], forward[row], price[row], origin)
        yield found, Print(contract.name, contract.underlying, index[row], origin)
