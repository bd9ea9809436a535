"""Decides what pages of Cboe's delayed option quotes say of the market, and which series they
cannot price.

A page is one instant of all options on one stock, fund or index: the newest not after `as_of` is
taken as it is. Vols are the printed ones, forwards and rates those of `cboe.carry`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime

from ...book.clock import text_of
from ...market.quotes import Quote
from ..contract import Contract
from ..osi import contract_of, expiry_of, new_york
from ..snapshot import Series, add_snapshot
from ..tables.quotes import Sheet
from ..tables.raw import Table
from .carry import Quoted, carries
from .page import CSV, HEADER, JSON, Listing, Page, listings, open_page

__all__ = ["COLUMNS", "HEADERS", "JSON_COLUMNS", "add_chains", "open_chain", "recognises"]

COLUMNS = tuple(CSV[0])
JSON_COLUMNS = (*JSON[0], "side")
HEADERS = (HEADER,)


def recognises(columns: Collection[str]) -> bool:
    return set(COLUMNS) <= set(columns) or set(JSON_COLUMNS) <= set(columns)


def open_chain(table: Table) -> Page:
    """A page of either form; see `page.open_page`."""
    return open_page(table)


def add_chains(pages: Sequence[Page], sheet: Sheet) -> list[Contract]:
    """Add the newest page of every underlying; returns its priced contracts."""
    filled = [page for page in pages if len(page.table)]
    moments: dict[str, int] = {}
    for page in filled:
        if page.moment <= sheet.as_of:
            moments[page.underlying] = max(moments.get(page.underlying, 0), page.moment)
    found: list[Contract] = []
    for underlying, moment in moments.items():
        current = [p for p in filled if (p.underlying, p.moment) == (underlying, moment)]
        for page in current:
            sheet.add("spot", underlying, Quote(page.spot, moment), page.spot_at)
        if day := weekend_day(moment):
            sheet.closed[underlying] = f"{text_of(moment)}, a {day} in New York"
        rows = [row for page in current for row in listings(page)]
        found += _add(rows, moment, current[0], sheet)
    return found


def weekend_day(moment: int) -> str:
    """Saturday or Sunday where it is that in New York; holidays of the exchange are not known."""
    day = datetime.fromtimestamp(moment // 10**9, tz=UTC).astimezone(new_york())
    return {5: "Saturday", 6: "Sunday"}.get(day.weekday(), "")


def _add(rows: Iterable[Listing], moment: int, page: Page, sheet: Sheet) -> list[Contract]:
    listed = list(_contracts(rows, sheet))
    alive: dict[int, list[Quoted]] = {}
    for contract, row in listed:
        if contract.expiry > moment:
            options = alive.setdefault(contract.expiry, [])
            options.append(Quoted(contract, _mid(row), row.vol))
    found = carries(alive, moment, page.spot)
    series = [
        Series(
            contract,
            row.vol,
            found[contract.expiry].forward if contract.expiry in found else math.nan,
            _mid(row),
            row.origin,
            "" if row.bid > 0 or row.ask > 0 else "has neither bid nor ask",
        )
        for contract, row in listed
    ]
    part = page.parts[0]
    columns = {"vol": part.vol, "forward": part.bid, "price": part.bid}
    quoted = add_snapshot(series, moment, sheet, columns)
    origins = {s.contract.expiry: s.origin for s in reversed(series)}
    for contract in quoted:
        if reason := found[contract.expiry].reason:
            sheet.on_spot[contract.name] = reason
    for expiry, carry in found.items():
        if carry.rate:
            key = (listed[0][0].underlying, expiry)
            sheet.add("rate", key, Quote(carry.rate, moment), origins[expiry])
    return quoted


def _contracts(rows: Iterable[Listing], sheet: Sheet) -> Iterator[tuple[Contract, Listing]]:
    """The contracts of the rows; those whose deliverable no symbol tells are dropped."""
    expiries: dict[tuple[str, date], int] = {}
    for row in rows:
        symbol = row.symbol
        if not symbol.is_standard:
            sheet.dropped[symbol.compact] = "is adjusted or FLEX: its deliverable is not known"
            continue
        key = (symbol.root, symbol.day)
        if key not in expiries:
            expiries[key] = expiry_of(symbol)
        yield contract_of(symbol, expiries[key]), row


def _mid(row: Listing) -> float:
    return (row.bid + row.ask) / 2 if 0 < row.bid <= row.ask else math.nan
