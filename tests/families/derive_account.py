"""Decides what an account of Derive holds and at which feeds, whoever computes its margin.

Amounts are in USD, quantities in units of the underlying, negative = short; times are seconds to
expiry; vols and rates decimals a year; confidences from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

YEAR = 365 * 86_400  # seconds
MARKET = "MARKET"  # name of the one underlying of an account under PM1 and PM2
CASH = "USDC"  # what cash is, and the stable whose price others are divided by

Parameters = Mapping[str, Any]  # by the dotted key of a rule book; a part whose keys lack is off
Figures = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Perpetual:
    """entry: price it was opened at, None where `accrued` holds its P&L too; accrued: unsettled
    funding and P&L, for the account where > 0."""

    quantity: float
    price: float
    confidence: float = 1.0
    accrued: float = 0.0
    entry: float | None = None

    @property
    def pnl(self) -> float:
        """P&L since the entry; nothing that is not held has one."""
        return 0.0 if self.entry is None else self.quantity * (self.price - self.entry)

    @property
    def unrealised(self) -> float:
        return self.pnl + self.accrued if self.quantity != 0.0 else 0.0


@dataclass(frozen=True, slots=True)
class Collateral:
    name: str
    amount: float
    price: float
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Expiry:
    """fixed: what settlement averaging has already fixed of the forward; only `variable` moves."""

    seconds: int
    fixed: float
    variable: float
    rate: float = 0.0
    forward_confidence: float = 1.0
    rate_confidence: float = 1.0
    vol_confidence: float = 1.0

    @property
    def forward(self) -> float:
        return self.variable + self.fixed

    @property
    def years(self) -> float:
        return max(self.seconds, 0) / YEAR


@dataclass(frozen=True, slots=True)
class Option:
    seconds: int
    strike: float
    is_call: bool
    amount: float
    vol: float


@dataclass(frozen=True, slots=True)
class Market:
    """One underlying, and what an account holds in it. Expiries are unique by their seconds."""

    name: str
    spot: float
    spot_confidence: float = 1.0
    perpetual: Perpetual | None = None
    expiries: Sequence[Expiry] = ()
    options: Sequence[Option] = ()

    def of(self, seconds: int) -> list[Option]:
        return [option for option in self.options if option.seconds == seconds]


@dataclass(frozen=True, slots=True)
class Account:
    """PM1 and PM2 know one market; the standard manager adds them up. `collaterals` of a market's
    own name are priced at its spot."""

    cash: float
    stable: float
    markets: Sequence[Market]
    collaterals: Sequence[Collateral] = ()

    @property
    def market(self) -> Market:
        (only,) = self.markets
        return only


def scaled(account: Account, share: float, cash: float) -> Account:
    """The account with this share of everything but the cash, and that cash instead."""

    def market(m: Market) -> Market:
        p = m.perpetual
        if p is not None:
            p = replace(p, quantity=p.quantity * share, accrued=p.accrued * share)
        options = [replace(o, amount=o.amount * share) for o in m.options]
        return replace(m, perpetual=p, options=options)

    collaterals = [replace(c, amount=c.amount * share) for c in account.collaterals]
    markets = [market(m) for m in account.markets]
    return replace(account, cash=cash, markets=markets, collaterals=collaterals)


def split(forward: float, seconds: int, window: float) -> tuple[float, float]:
    """(fixed, variable) of a forward that is its own average over the window of settlement."""
    elapsed = min(max((window - seconds) / window, 0.0), 1.0) if window > 0 else float(seconds <= 0)
    return elapsed * forward, (1.0 - elapsed) * forward
