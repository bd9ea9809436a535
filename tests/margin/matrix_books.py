"""Decides books and variants of rule books to try Deribit's method on, and what must hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from margin import deribit_by_hand as hand
from margin.deribit_by_hand import CONTRACTS, INDEX, NAMES, Contract, book, market

import riskslide as rs

PROPERTY = settings(max_examples=30, deadline=None, derandomize=True, database=None)
PRESETS = ("deribit-spm", "deribit-xpm")
PLAIN = {"extended.dampener": 0.0, "netting.pnl_offset": 1.0, "netting.max_offsetable": 1e15}
STEEP = {"delta_shock.slope": 0.3, "delta_shock.threshold": 4e5, "delta_shock.maximum": 0.1}
VARIANTS: dict[str, dict[str, Any]] = {
    "preset": {},
    "index divisor": {"coin.option_divisor": "index"},
    "scenario rate": {"coin.rate": "scenario"},
    "offset": {"netting.pnl_offset": 0.6, "netting.max_offsetable": 9e4},
    "small dampener": {"extended.dampener": 3e3},
    "far factor": {"extended.factor": 2.5, "extended.dampener": 1e4},
    "one pool": {"netting.pool": "account", "netting.pnl_offset": 0.3},
    "delta shock": STEEP,
    "steps": {"matrix.price_steps": 7, "matrix.price_range": 0.3},
    "vols": {"vol.min_up": 1.4, "vol.range_down": 0.9, "vol.short_power": 1.1},
}


def assess(
    rules: rs.Rulebook, held: hand.Book, orders: hand.Orders = (), **more: Any
) -> rs.Assessment:
    return rs.assess(book(held, orders=orders, **more), market(), rules)


def grid(found: rs.Assessment, account: str, pool: str) -> tuple[float, ...]:
    (evidence,) = (e for e in found.explain(account) if e.pool == pool)
    return evidence.units[0].grid


def random_held(seed: int) -> dict[str, float]:
    """A few contracts, in whole lots, of sizes at which dampener and thresholds bite in part."""
    rng = np.random.default_rng(seed)
    out = {}
    for name in rng.choice(NAMES, size=int(rng.integers(1, 9)), replace=False).tolist():
        coins = int(rng.integers(-400, 401)) * (1 if CONTRACTS[name].coin == "BTC" else 20)
        dollars = 10.0 * round(coins * CONTRACTS[name].price / 100.0)
        out[name] = coins / 10.0 if CONTRACTS[name].is_option else dollars
    return out


def random_orders(seed: int) -> list[tuple[str, float]]:
    rng = np.random.default_rng(1_000 + seed)
    return [
        (name, quantity)
        for _ in range(int(rng.integers(0, 3)))
        for name, quantity in random_held(int(rng.integers(1_000_000))).items()
        if quantity
    ]


def size_of(held: hand.Held) -> float:
    """Dollars of what is held, which cancel in the figures."""
    total = 1.0
    for name, quantity in held.items():
        c = CONTRACTS[name]
        total += abs(quantity) * (INDEX[c.coin] if c.is_option else 1.0)
    return total


def check(found: rs.Assessment, line: int, expected: hand.Figures, size: float) -> None:
    np.testing.assert_allclose(
        grid(found, found.account[line], found.pool[line]), expected.columns, rtol=0, atol=size
    )
    for name, figure in (
        ("worst", expected.worst),
        ("roll_shock", expected.roll_shock),
        ("delta_shock", expected.delta_shock),
        ("risk_matrix", expected.risk_matrix),
        ("open_orders", expected.initial - expected.risk_matrix),
    ):
        assert found.components[name][line] == pytest.approx(figure, rel=1e-11, abs=size), name
    assert found.initial[line] == pytest.approx(expected.initial, rel=1e-11, abs=size)


def alone(rules: rs.Rulebook, name: str, quantity: float) -> rs.Assessment:
    return assess(rules, {"a": {name: quantity}})


def usd(c: Contract, vol: float) -> float:
    return hand.black76(c, c.price, vol)[0] / c.price * INDEX[c.coin]
