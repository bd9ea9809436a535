"""Decides which snapshot of a file of many counts: of every coin the newest, taken whole.

The newest snapshot of a coin that is not after `as_of` is taken as it is, never patched with series
of an older one. What a row says is the venue's to read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ..book.columns import Bool, Int64
from .contract import Contract
from .index import Print, add_index
from .snapshot import Series, add_snapshot
from .tables.convert import Coded
from .tables.quotes import Sheet, newest
from .tables.raw import Table


class Layout(NamedTuple):
    """Where a kind of file holds what; an empty name where it does not."""

    instant: str
    name: str
    vol: str
    forward: str = ""
    price: str = ""
    spot: str = ""

    def columns(self) -> tuple[str, ...]:
        return tuple(c for c in self if c)


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Rows of recorded snapshots: `instants` and `coin` of every row."""

    table: Table
    layout: Layout
    instants: Int64
    coin: Coded
    leads: bool = True

    @property
    def file(self) -> str:
        return self.table.file

    def where(self, keep: Bool) -> Chain:
        """The rows that `keep` marks."""
        coin = self.coin._replace(codes=self.coin.codes[keep])
        rows = self.table.where(keep)
        return replace(self, table=rows, instants=self.instants[keep], coin=coin)


def chain_of(table: Table, layout: Layout, instants: Int64, name: Coded) -> Chain:
    """A table whose names begin with their coin, up to the first dash."""
    code: dict[str, int] = {}
    of_name = [code.setdefault(n.partition("-")[0], len(code)) for n in name.values]
    codes = np.array(of_name, dtype=np.int64)[name.codes]
    return Chain(table, layout, instants, Coded(list(code), codes))


def add_newest(
    chains: Sequence[Chain],
    sheet: Sheet,
    read: Callable[[Chain], Iterable[tuple[Series, Print]]],
    *,
    discounted: bool = False,
) -> list[Contract]:
    """Quote the newest snapshot of every coin; returns its priced contracts.

    read: the series of a chain's rows and the index that each prints. discounted: whether the
    prices are of discount factors of their own; see `add_snapshot`.
    """
    moments = _moments(chains, sheet.as_of)
    series: dict[tuple[str, Layout], list[Series]] = {}
    prints: list[Print] = []
    for chain in chains:
        of_coin = np.array([moments.get(c, -1) for c in chain.coin.values], dtype=np.int64)
        for found, printed in read(chain.where(chain.instants == of_coin[chain.coin.codes])):
            series.setdefault((printed.coin, chain.layout), []).append(found)
            prints.append(printed)
    add_index(prints, moments, sheet)
    quoted: list[Contract] = []
    for (coin, layout), rows in series.items():
        columns = layout._asdict()
        quoted += add_snapshot(rows, moments[coin], sheet, columns, discounted=discounted)
    return quoted


def _moments(chains: Sequence[Chain], as_of: int) -> dict[str, int]:
    """The newest instant of every coin that is not after `as_of`."""
    moments: dict[str, int] = {}
    for chain in chains:
        for row in newest(chain.coin.codes, chain.instants, as_of).tolist():
            coin, moment = chain.coin.values[chain.coin.codes[row]], int(chain.instants[row])
            moments[coin] = max(moments.get(coin, moment), moment)
    return moments
