"""Decides how the library is given an account of Derive: instruments, book, quotes, as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from families.derive_account import CASH, Account, Market, Option, Perpetual

import riskslide as rs
from riskslide.market.quotes import Quote

AS_OF = 1_767_225_600 * 10**9  # any instant: expiries count from it
SECOND = 10**9


@dataclass(frozen=True, slots=True)
class Case:
    """Columns by the names of `Instruments.from_columns`, `Portfolio.from_columns` and
    `Market.of`. Every contract is an instrument of its own whose lot is all that is held of it, so
    that any size is a whole number of lots; options keep the order of the account, as
    ``MARKET:option 0``, and so do the expiries as ``expiries[MARKET]`` (instants)."""

    instruments: Mapping[str, Any]
    book: Mapping[str, Any]
    quotes: Mapping[str, Mapping[Any, Any]]
    expiries: Mapping[str, list[int]]

    def portfolio(self) -> rs.Portfolio:
        return rs.Portfolio.from_columns(
            rs.Instruments.from_columns(**self.instruments), **self.book
        )

    def market(self) -> rs.Market:
        return rs.Market.of(AS_OF, **self.quotes)


@dataclass(frozen=True, slots=True)
class Row:
    """One contract held: its columns as an instrument and as a position."""

    name: str
    market: Market
    held: Option | Perpetual

    @property
    def quantity(self) -> float:
        return self.held.amount if isinstance(self.held, Option) else self.held.quantity

    @property
    def instrument(self) -> dict[str, Any]:
        option = self.held if isinstance(self.held, Option) else None
        side = "call" if option and option.is_call else "put" if option else ""
        return {
            "name": self.name,
            "kind": "option" if option else "perpetual",
            "underlying": self.market.name,
            "expiry": instant_of(option.seconds) if option else None,
            "strike": option.strike if option else None,
            "option_type": side,
            "lot": abs(self.quantity) or 1.0,
        }


def instant_of(seconds: int) -> int:
    return AS_OF + seconds * SECOND


def rows_of(market: Market) -> list[Row]:
    rows = [Row(f"{market.name}:option {k}", market, o) for k, o in enumerate(market.options)]
    dated = {o.seconds for o in market.options}
    for e in market.expiries:  # one of which nothing is held is priced all the same
        if e.seconds not in dated:
            nothing = Option(e.seconds, e.forward, True, 0.0, 0.5)
            rows.append(Row(f"{market.name}:nothing at {e.seconds}", market, nothing))
    if market.perpetual is not None:
        rows.append(Row(f"{market.name}:perpetual", market, market.perpetual))
    return rows


def case_of(account: Account, name: str = "account") -> Case:
    """The account by itself, under this name."""
    rows = [row for market in account.markets for row in rows_of(market)]
    perpetuals = [r.held if isinstance(r.held, Perpetual) else None for r in rows]
    instruments = {key: [r.instrument[key] for r in rows] for key in COLUMNS}
    assets = [CASH, *(c.name for c in account.collaterals)]
    book = {
        "account": [name] * len(rows),
        "instrument": [r.name for r in rows],
        "quantity": [r.quantity for r in rows],
        "entry_price": [p.entry if p else None for p in perpetuals],
        "accrued": [p.accrued if p else 0.0 for p in perpetuals],
        "balance_account": [name] * len(assets),
        "balance_asset": assets,
        "balance_amount": [account.cash, *(c.amount for c in account.collaterals)],
    }
    shared = {"settlement": "linear", "model": "black76", "currency": [CASH] * len(rows)}
    expiries = {m.name: [instant_of(e.seconds) for e in m.expiries] for m in account.markets}
    return Case(instruments | shared, book, quotes_of(account, rows), expiries)


COLUMNS = ("name", "kind", "underlying", "expiry", "strike", "option_type", "lot")


def quotes_of(account: Account, rows: list[Row]) -> dict[str, dict[Any, Any]]:
    """Tables of quotes; an expiry that is over has its forward as its settlement price."""
    spot = {c.name: c.price for c in account.collaterals} | {CASH: account.stable}
    confidence: dict[Any, float] = {("spot", c.name): c.confidence for c in account.collaterals}
    out: dict[str, dict[Any, Any]] = {
        "spot": spot | {m.name: m.spot for m in account.markets},
        "mark": {r.name: r.held.price for r in rows if isinstance(r.held, Perpetual)},
        "vol": {r.name: r.held.vol for r in rows if isinstance(r.held, Option)},
        **{table: {} for table in ("forward", "fixed", "rate", "settlement")},
    }
    for market in account.markets:
        confidence["spot", market.name] = market.spot_confidence
        for e in market.expiries:
            key = (market.name, instant_of(e.seconds))
            out["forward"][key], out["rate"][key] = e.forward, e.rate
            if e.fixed:
                out["fixed"][key] = e.fixed
            if e.seconds <= 0:
                out["settlement"][key] = Quote(e.forward, instant_of(e.seconds))
            confidence["forward", key] = e.forward_confidence
            confidence["rate", key] = e.rate_confidence
            confidence["vol", key] = e.vol_confidence
    for row in rows:
        if isinstance(row.held, Perpetual):
            confidence["mark", row.name] = row.held.confidence
    return out | {"confidence": confidence}
