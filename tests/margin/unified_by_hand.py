"""Rule books of the `slides` method with sections changed, and what their collateral counts by
hand."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import riskslide as rs
from riskslide.venue.load import rulebook_text
from riskslide.venue.rulebook import check

AS_OF = "2026-02-05T12:00:00Z"
EXPIRY = "2026-03-27T08:00:00Z"
SPOT = {"BTC": 70_000.0, "ETH": 2_500.0, "USDC": 1.0, "USDT": 1.0}
MARK = {"BTC-PERP": 70_000.0, "ETH-PERP": 2_500.0, "BTC-LINEAR": 70_000.0, "SOL-LINEAR": 120.0}
PLAIN = ("apart", "borrow", "collateral_cap", "collateral_tiers", "concentration", "depeg")


def rules(name: str = "generic-unified", without: Iterable[str] = (), **values: Any) -> rs.Rulebook:
    """A preset less some sections, with values of SECTION__KEY."""
    raw = tomllib.loads(rulebook_text(name))
    for section in without:
        raw.pop(section, None)
    for key, value in values.items():
        section, _, parameter = key.partition("__")
        entry = {"value": value, "status": "chosen", "source": "test", "date": date(2026, 1, 1)}
        raw.setdefault(section, {})[parameter] = entry
    return check(raw, "test")


def contracts() -> rs.Instruments:
    """Perpetuals in coin and in USDC, an option in coin, and a coin that is held as a position."""
    return rs.Instruments.from_columns(
        name=["BTC-PERP", "ETH-PERP", "BTC-LINEAR", "SOL-LINEAR", "ETH-P"],
        kind=["perpetual"] * 4 + ["option"],
        underlying=["BTC", "ETH", "BTC", "SOL", "ETH"],
        expiry=[None] * 4 + [EXPIRY],
        strike=[0.0] * 4 + [2_400.0],
        option_type=[""] * 4 + ["put"],
        settlement=["inverse", "inverse", "linear", "linear", "inverse"],
        currency=["BTC", "ETH", "USDC", "USDC", "ETH"],
        lot=[1.0, 1.0, 1e-6, 1e-6, 1e-6],
    )


def market(spot: Mapping[str, float] = SPOT) -> rs.Market:
    return rs.Market.of(
        AS_OF,
        spot={"SOL": 120.0, **spot},
        mark=MARK,
        vol={"ETH-P": 0.7},
        forward={("ETH", EXPIRY): 2_500.0},
    )


def book(
    positions: Mapping[str, float] = {},
    balances: Mapping[str, float] = {},
    *,
    entry: Mapping[str, float] = {},
    orders: Sequence[tuple[str, float]] = (),
) -> rs.Portfolio:
    """Account "a"."""
    return rs.Portfolio.from_columns(
        contracts(),
        account=["a"] * len(positions),
        instrument=list(positions),
        quantity=list(positions.values()),
        entry_price=[entry.get(name) for name in positions],
        balance_account=["a"] * len(balances),
        balance_asset=list(balances),
        balance_amount=list(balances.values()),
        order_account=["a"] * len(orders),
        order_instrument=[name for name, _ in orders],
        order_quantity=[quantity for _, quantity in orders],
    )


def counted(
    worth: float, starts: Sequence[float], fractions: Sequence[float], cap: float = float("inf")
) -> float:
    """Marginal tiers of what is above zero, at most the cap; debts in full."""
    if worth < 0:
        return worth
    total = 0.0
    for k, (start, fraction) in enumerate(zip(starts, fractions, strict=True)):
        end = starts[k + 1] if k + 1 < len(starts) else float("inf")
        total += fraction * max(min(worth, end) - start, 0.0)
    return min(total, cap)
