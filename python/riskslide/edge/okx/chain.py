"""Decides what files of OKX option snapshots quote: one instant, one whole chain of a coin.

Two kinds are read: recorded snapshots with mark and index, whose forwards and discount factors come
by put-call parity of the marks since `underlying_price` is the spot index; and the answer of
``GET /api/v5/public/opt-summary``, which has the forwards and no index.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime

import numpy as np

from ...book.clock import instant
from ...book.columns import Int64
from ...errors import InputError, refuse
from ..chain import Chain, Layout, add_newest, chain_of
from ..contract import Contract
from ..index import Print
from ..snapshot import Series
from ..tables.convert import Columns
from ..tables.quotes import Origin, Sheet, parsed_at
from ..tables.raw import Table, need_columns
from .names import parse_instrument

FLOOR = 1e-15  # coin: a mark at or below it stands for "worth nothing", not for a price


RECORDED = Layout("snapshot_utc", "instrument", "mark_iv", "", "mark_price", "underlying_price")
SUMMARY = Layout("ts", "instId", "markVol", "fwdPx")
COLUMNS = RECORDED.columns()

_CLAIMS = ("strike", "expiry", "type")
_BARE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?", re.ASCII)


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
    return chain_of(table, layout, instants, name)


def add_chains(chains: Sequence[Chain], sheet: Sheet) -> list[Contract]:
    """Add the newest snapshot of every coin; returns its priced contracts."""
    return add_newest(chains, sheet, _read, discounted=True)


def _read(chain: Chain) -> Iterator[tuple[Series, Print]]:
    table, layout, columns = chain.table, chain.layout, Columns(chain.table)
    vol, forward, price, index = (_figures(columns, c) for c in layout[2:])
    names = columns.texts(layout.name).spread()
    strike = columns.numbers("strike", blank=np.nan).tolist()
    expiry, side = (columns.texts(c, blank=True).spread() for c in ("expiry", "type"))
    columns.check()
    for row, name in enumerate(names):
        origin = Origin(table.file, int(table.line[row]))
        contract = parsed_at(parse_instrument, name, layout.name, origin)
        if all(c in table.columns for c in _CLAIMS):
            _check(contract, (strike[row], expiry[row], side[row]), origin)
        mark = price[row] if price[row] > FLOOR else np.nan
        found = Series(contract, vol[row], forward[row], mark, origin)
        yield found, Print(contract.name, contract.underlying, index[row], origin)


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


def _check(contract: Contract, written: tuple[float, str, str], origin: Origin) -> None:
    """Refuse a row whose columns and name differ (`E_CONTRADICTION`)."""
    day = datetime.fromtimestamp(contract.expiry // 10**9, tz=UTC).strftime("%Y-%m-%d")
    meant = (contract.strike, day, "call" if contract.is_call else "put")
    for column, said, named in zip(_CLAIMS, written, meant, strict=True):
        if said != named:
            fix = f"the name {contract.name} says {named!r}; one of them is wrong"
            refuse("E_CONTRADICTION", column, origin.line, said, fix, file=origin.file)
