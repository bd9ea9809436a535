"""Decides the books that the `ratio` method is tried on, and its figures from plain numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st

import riskslide as rs

PROPERTY = settings(max_examples=60, deadline=None, derandomize=True, database=None)
AS_OF = "2026-02-25T08:00:00Z"
EXPIRY = "2026-06-26T08:00:00Z"
SPOT = {"BTC": 40_000.0, "ETH": 2_500.0, "HYPE": 40.0, "SOL": 100.0}
MARK = {"BTCUSDT": 40_100.0, "ETHUSDT": 2_510.0, "BTCUSD": 40_050.0, "ETHUSDT_260626": 2_540.0}
INPUTS: dict[str, Any] = {
    "collateral.haircut": {"USDT": 0.001, "BTC": 0.02, "ETH": 0.05},
    "brackets.start": {"BTC": [0.0, 50_000.0, 600_000.0], "ETHUSDT": [0.0, 20_000.0, 20_000.0]},
    "brackets.rate": {"BTC": [0.004, 0.005, 0.01], "ETHUSDT": [0.005, 0.9, 0.0065]},
    "brackets.other_start": [0.0, 100_000.0],
    "brackets.other_rate": [0.02, 0.05],
}
BINANCE = rs.load_rulebook("binance-pm", inputs=INPUTS)
HYPERLIQUID = rs.load_rulebook("hyperliquid", inputs={"brackets.other_rate": [0.05]})
MARKET = rs.Market.of(AS_OF, spot={**SPOT, "USDT": 1.0}, mark=MARK)
FIGURES = ("initial", "maintenance", "equity", "collateral", "unrealised_pnl", "option_value")


def changed(rules: rs.Rulebook, **values: Any) -> rs.Rulebook:
    """The rule book with other values, by key with __ for the dot."""
    keys = {key.replace("__", "."): value for key, value in values.items()}
    parameters = {
        k: replace(p, value=keys.pop(k)) if k in keys else p for k, p in rules.parameters.items()
    }
    assert not keys
    return replace(rules, parameters=parameters)


def contracts() -> rs.Instruments:
    return rs.Instruments.from_columns(
        name=list(MARK),
        kind=["perpetual", "perpetual", "perpetual", "future"],
        underlying=["BTC", "ETH", "BTC", "ETH"],
        expiry=["", "", "", EXPIRY],
        settlement=["linear", "linear", "inverse", "linear"],
        currency=["USDT", "USDT", "BTC", "USDT"],
    )


CONTRACTS = contracts()
Position = tuple[str, float, float]  # contract, quantity, entry price


def book(
    accounts: dict[str, tuple[list[Position], dict[str, float]]],
    contracts: rs.Instruments = CONTRACTS,
) -> rs.Portfolio:
    held = [(a, *p) for a, (positions, _) in accounts.items() for p in positions]
    cash = [(a, *b) for a, (_, balances) in accounts.items() for b in balances.items()]
    return rs.Portfolio.from_columns(
        contracts,
        account=[r[0] for r in held],
        instrument=[r[1] for r in held],
        quantity=[r[2] for r in held],
        entry_price=[r[3] for r in held],
        balance_account=[r[0] for r in cash],
        balance_asset=[r[1] for r in cash],
        balance_amount=[r[2] for r in cash],
    )


def one(rules: rs.Rulebook, positions: list[Position], balances: dict[str, float]) -> rs.Assessment:
    return rs.assess(book({"a": (positions, balances)}), MARKET, rules)


def marginal(notional: float, brackets: list[tuple[float, float]]) -> float:
    """The venues' own form: rate of the bracket times the notional, less its deduction."""
    deduction, last, needed = 0.0, 0.0, 0.0
    for start, rate in brackets:
        deduction += start * (rate - last)
        last = rate
        if notional >= start:
            needed = notional * rate - deduction
    return needed


BTC = [(0.0, 0.004), (50_000.0, 0.005), (600_000.0, 0.01)]
ETH = [(0.0, 0.005), (20_000.0, 0.0065)]
OTHER = [(0.0, 0.02), (100_000.0, 0.05)]
BY_CONTRACT = {"BTCUSDT": BTC, "BTCUSD": BTC, "ETHUSDT": ETH, "ETHUSDT_260626": OTHER}


def notional(name: str, quantity: float) -> float:
    """Coins at the index where it is a coin contract, else at its mark."""
    if name == "BTCUSD":
        return abs(quantity) / MARK[name] * SPOT["BTC"]
    return abs(quantity) * MARK[name]


def binance(positions: list[Position], balances: dict[str, float]) -> dict[str, float]:
    """uniMMR from the formulas of the page."""
    of_asset = dict(balances)
    for name, quantity, entry in positions:
        if name == "BTCUSD":
            gain = quantity * (1.0 / entry - 1.0 / MARK[name])
            of_asset["BTC"] = of_asset.get("BTC", 0.0) + gain
        else:
            gain = quantity * (MARK[name] - entry)
            of_asset["USDT"] = of_asset.get("USDT", 0.0) + gain
    equity = 0.0
    for asset, amount in of_asset.items():
        worth = amount * SPOT.get(asset, 1.0)
        rate = 1.0 - INPUTS["collateral.haircut"].get(asset, 1.0)
        equity += min(worth * rate, worth)
    size: dict[str, float] = {}
    for name, quantity, _ in positions:
        size[name] = size.get(name, 0.0) + quantity
    contract = sum(marginal(notional(n, q), BY_CONTRACT[n]) for n, q in size.items())
    loan = sum(0.1 * -x * SPOT.get(a, 1.0) for a, x in balances.items() if x < 0)
    return {
        "equity": equity,
        "maintenance": contract + loan,
        "maintenance.positions": contract,
        "maintenance.borrowed": loan,
        "initial": 1.2 * (contract + loan),
    }


def agrees(found: rs.Assessment, wanted: dict[str, float], line: int = 0) -> None:
    for name, value in wanted.items():
        here = found.components[name] if "." in name else getattr(found, name)
        assert here[line] == pytest.approx(value, rel=1e-12, abs=1e-6), name


amounts = st.floats(-1e4, 1e4).map(lambda x: round(x, 4))
positions = st.lists(
    st.tuples(
        st.sampled_from(["BTCUSDT", "ETHUSDT", "BTCUSD", "ETHUSDT_260626"]),
        st.integers(-5_000, 5_000).map(lambda n: n / 8.0),
        st.floats(1_000.0, 80_000.0),
    ),
    max_size=6,
)
balances = st.dictionaries(st.sampled_from(["USDT", "BTC", "ETH", "SOL"]), amounts, max_size=4)
