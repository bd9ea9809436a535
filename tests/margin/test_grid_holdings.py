"""Decides where collateral counts under Derive's rules: coins held as positions, flat rows, and
evidence that adds up to the loss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import riskslide as rs

NOW = "2026-02-05T08:00:00Z"
EXPIRY = "2026-03-27T08:00:00Z"
NAMES = ("ETH-SPOT", "ETH-PERP", "BTC-PERP", "ETH-CALL", "ETH-PUT")


def contracts() -> rs.Instruments:
    return rs.Instruments.from_columns(
        name=list(NAMES),
        kind=["spot", "perpetual", "perpetual", "option", "option"],
        underlying=["ETH", "ETH", "BTC", "ETH", "ETH"],
        expiry=[None, None, None, EXPIRY, EXPIRY],
        strike=[None, None, None, 2000, 1800],
        option_type=["", "", "", "call", "put"],
        currency="USDC",
    )


def assess(rows: list[tuple[str, float]], cash: dict[str, float], **more: Any) -> rs.Assessment:
    book = rs.Portfolio.from_columns(
        contracts(),
        account=["a"] * len(rows),
        instrument=[name for name, _ in rows],
        quantity=[quantity for _, quantity in rows],
        balance_account=["a"] * len(cash),
        balance_asset=list(cash),
        balance_amount=list(cash.values()),
        **more,
    )
    market = rs.Market.of(
        NOW,
        spot={"ETH": 2000, "BTC": 70_000, "USDC": 1.0},
        mark={"ETH-SPOT": 2000, "ETH-PERP": 2000, "BTC-PERP": 70_000},
        vol={"ETH-CALL": 0.7, "ETH-PUT": 0.8},
        forward={("ETH", EXPIRY): 2010},
    )
    return rs.assess(book, market, rs.load_rulebook("derive-pm2"))


def test_a_coin_held_as_a_position_hedges_as_a_balance_does() -> None:
    """0.8 x 18 % is hedged away; 3 % of the perpetual's 4,000 and 1.5 % of the coin's stay."""
    held = assess([("ETH-SPOT", 2), ("ETH-PERP", -2)], {"USDC": 6000})
    balance = assess([("ETH-PERP", -2)], {"USDC": 6000, "ETH": 2})
    assert held.maintenance[0] == pytest.approx(180.0, abs=1e-9)
    assert held.initial[0] == pytest.approx(balance.initial[0], abs=1e-9)
    assert held.maintenance[0] == pytest.approx(balance.maintenance[0], abs=1e-9)


def test_a_short_coin_loses_as_the_coin_rises() -> None:
    short = assess([("ETH-SPOT", -2)], {"USDC": 6000})
    assert short.maintenance[0] == pytest.approx(0.8 * 0.18 * 4000, abs=1e-9)


@pytest.mark.parametrize("flat", [[("BTC-PERP", 0.0)], [("BTC-PERP", 1.0), ("BTC-PERP", -1.0)]])
def test_a_flat_row_moves_no_collateral(flat: list[tuple[str, float]]) -> None:
    cash = {"ETH": 1.0, "BTC": 1.0}
    plain = assess([("ETH-PERP", 1)], cash)
    with_flat = assess([("ETH-PERP", 1), *flat], cash)
    assert with_flat.maintenance[0] == plain.maintenance[0]
    assert with_flat.initial[0] == plain.initial[0]


@pytest.mark.parametrize("seed", range(20))
def test_contributions_add_up_to_the_loss_of_their_unit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [(name, float(rng.integers(-8, 9))) for name in NAMES]
    found = assess(rows, {"USDC": 1e6})
    for evidence in found.explain("a"):
        for unit in evidence.units:
            total = math.fsum(c.pnl for c in unit.contributions)
            assert total == pytest.approx(-unit.loss, abs=1e-7), unit.unit


def test_orders_are_told_to_lack_charges_by_size() -> None:
    order = {"order_account": ["a"], "order_instrument": ["ETH-PERP"], "order_quantity": [3.0]}
    found = assess([], {"USDC": 10_000}, **order)
    assert found.initial[0] == pytest.approx(0.18 * 6000, abs=1e-9)
    assert any(w.startswith("W_ORDERS_UNCHARGED: 1 ") for w in found.warnings)
