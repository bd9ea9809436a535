"""Decides what files of OKX option snapshots quote: one instant, one whole chain of a coin.

Two kinds are read: recorded snapshots with mark and index, whose forwards come by put-call parity
of the marks since `underlying_price` is the spot index; and the answer of
``GET /api/v5/public/opt-summary``, which has the forwards and no index. The newest snapshot of a
coin that is not after `as_of` is taken as it is, never patched with series of an older one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from ...book.clock import instant
from ...book.columns import Int64
from ...errors import InputError, refuse
from ..contract import Contract
from ..index import Print, add_index
from ..snapshot import Series, add_snapshot
from ..tables.convert import Coded, Columns
from ..tables.quotes import Origin, Sheet, newest
from ..tables.raw import Table, need_columns
from .names import parse_instrument

FLOOR = 1e-15  # coin: a mark at or below it stands for "worth nothing", not for a price


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


RECORDED = Layout("snapshot_utc", "instrument", "mark_iv", "", "mark_price", "underlying_price")
SUMMARY = Layout("ts", "instId", "markVol", "fwdPx")
COLUMNS = RECORDED.columns()

_CLAIMS = ("strike", "expiry", "type")
_BARE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Rows of option snapshots: `coin` and `instants` of every row."""

    table: Table
    layout: Layout
    instants: Int64
    coin: Coded
    leads: bool = True

    @property
    def file(self) -> str:
        return self.table.file


def recognises(columns: Collection[str]) -> bool:
    return any(set(layout.columns()) <= set(columns) for layout in (RECORDED, SUMMARY))


def open_chain(table: Table) -> Chain:
    """A table with the columns of either kind; only its instants and coins are read yet."""
    layout = SUMMARY if set(SUMMARY.columns()) <= set(table.columns) else RECORDED
    need_columns(table, layout.columns())
    columns = Columns(table)
    name = columns.texts(layout.name)
    if layout is SUMMARY:  # one answer is one snapshot, of its newest row
        instants = columns.moments(layout.instant)
        instants = np.full(instants.size, instants.max(initial=0), dtype=np.int64)
    else:
        instants = _utc(columns, layout.instant)
    columns.check()
    coins = [n.split("-")[0] for n in name.values]
    known = sorted(set(coins))
    of_name = np.array([known.index(c) for c in coins], dtype=np.int64)
    return Chain(table, layout, instants, Coded(known, of_name[name.codes]))


def add_chains(chains: Sequence[Chain], sheet: Sheet) -> list[Contract]:
    """Add the newest snapshot of every coin; returns its priced contracts."""
    moments: dict[str, int] = {}
    for chain in chains:
        for row in newest(chain.coin.codes, chain.instants, sheet.as_of).tolist():
            coin, moment = chain.coin.values[chain.coin.codes[row]], int(chain.instants[row])
            moments[coin] = max(moments.get(coin, moment), moment)
    series: dict[tuple[str, Layout], list[Series]] = {}
    prints: list[Print] = []
    for chain in chains:
        of_coin = np.array([moments.get(c, -1) for c in chain.coin.values], dtype=np.int64)
        table = chain.table.where(chain.instants == of_coin[chain.coin.codes])
        _read(table, chain.layout, series, prints)
    add_index(prints, moments, sheet)
    found: list[Contract] = []
    for (coin, layout), rows in series.items():
        found += add_snapshot(rows, moments[coin], sheet, layout._asdict())
    return found


def _read(
    table: Table,
    layout: Layout,
    series: dict[tuple[str, Layout], list[Series]],
    prints: list[Print],
) -> None:
    """Gather the rows of a snapshot by coin, with the index that they print."""
    columns = Columns(table)
    vol, forward, price, spot = (_figures(columns, c) for c in layout[2:])
    names = columns.texts(layout.name).spread()
    strike = columns.numbers("strike", blank=np.nan).tolist()
    expiry, side = (columns.texts(c, blank=True).spread() for c in ("expiry", "type"))
    columns.check()
    for row, name in enumerate(names):
        origin = Origin(table.file, int(table.line[row]))
        contract = _contract(name, layout.name, origin)
        if all(c in table.columns for c in _CLAIMS):
            _check(contract, (strike[row], expiry[row], side[row]), origin)
        mark = price[row] if price[row] > FLOOR else np.nan
        found = Series(contract, vol[row], forward[row], mark, origin)
        series.setdefault((contract.underlying, layout), []).append(found)
        prints.append(Print(contract.underlying, spot[row], origin))


def _figures(columns: Columns, name: str) -> list[float]:
    if not name:
        return [np.nan] * len(columns.table)
    found: list[float] = columns.numbers(name, blank=np.nan, finite=False).tolist()
    return found


def _utc(columns: Columns, name: str) -> Int64:
    """Instants of a column whose name says that they are of UTC, so that no text needs a zone."""
    coded = columns.texts(name)
    found = np.zeros(max(len(coded.values), 1), dtype=np.int64)
    for k, text in enumerate(coded.values):
        if not text:
            continue  # blamed by `texts`
        try:
            found[k] = instant(f"{text}+00:00" if _BARE.fullmatch(text) else text, name)
        except InputError as error:
            columns.blame(coded.codes == k, name, error.code, coded.spread(), error.fix)
    return found[coded.codes]


def _contract(name: str, column: str, origin: Origin) -> Contract:
    try:
        return parse_instrument(name)
    except InputError as error:
        refuse(error.code, column, origin.line, error.value, error.fix, file=origin.file)


def _check(contract: Contract, written: tuple[float, str, str], origin: Origin) -> None:
    """Refuse a row whose columns and name differ (`E_CONTRADICTION`)."""
    day = datetime.fromtimestamp(contract.expiry // 10**9, tz=UTC).strftime("%Y-%m-%d")
    meant = (contract.strike, day, "call" if contract.is_call else "put")
    for column, said, named in zip(_CLAIMS, written, meant, strict=True):
        if said != named:
            fix = f"the name {contract.name} says {named!r}; one of them is wrong"
            refuse("E_CONTRADICTION", column, origin.line, said, fix, file=origin.file)
