"""Guards the signs of linear and coin-settled contracts, and what happens at and below zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskslide as rs

PROPERTY = settings(max_examples=60, deadline=None, derandomize=True, database=None)
AS_OF = "2026-02-05T12:00:00Z"
EXPIRY = "2026-03-27T08:00:00Z"
P0 = 71_000.0


def one_contract(kind: str, settlement: str, **more: Any) -> rs.Instruments:
    coin = settlement == "inverse"
    return rs.Instruments.from_columns(
        name=["X"],
        kind=kind,
        underlying="BTC",
        expiry=EXPIRY if kind in ("future", "option") else "",
        settlement=settlement,
        currency="BTC" if coin else "USD",
        lot=1.0,
        **more,
    )


def pnl(instruments: rs.Instruments, quantity: float, scenarios: rs.Scenarios) -> list[float]:
    portfolio = rs.Portfolio.from_columns(
        instruments, account=["a"], instrument=["X"], quantity=[quantity]
    )
    market = rs.Market.of(AS_OF, spot={"BTC": P0}, mark={"X": P0})
    return [float(x) for x in rs.stress(portfolio, market, scenarios)[0]]


@pytest.mark.parametrize("kind", ["perpetual", "future"])
@pytest.mark.parametrize("notional", [1_000_000.0, -1_000_000.0])
@pytest.mark.parametrize("move", [0.5, 0.84, 1.16, 3.0])
def test_an_inverse_contract_pays_n_over_p0_less_n_over_p1_coins(
    kind: str, notional: float, move: float
) -> None:
    (found,) = pnl(one_contract(kind, "inverse"), notional, rs.Scenarios.of(move))
    p1 = P0 * move
    coins = notional * (1.0 / P0 - 1.0 / p1)
    assert found == pytest.approx(coins * p1, rel=1e-13)
    assert (found > 0) == ((notional > 0) == (move > 1))


@pytest.mark.parametrize("settlement", ["linear", "inverse"])
def test_a_position_turned_over_pays_the_opposite(settlement: str) -> None:
    instruments = one_contract("perpetual", settlement)
    scenarios = rs.Scenarios.of([0.1, 0.84, 1.0, 1.16, 9.0])
    long, short = (pnl(instruments, q, scenarios) for q in (300.0, -300.0))
    assert long == [-x for x in short]
    assert long[2] == 0.0


def test_a_short_inverse_loses_no_more_coins_than_n_over_p0() -> None:
    moves = [1.5, 10.0, 1e3, 1e6]
    found = pnl(one_contract("perpetual", "inverse"), -P0, rs.Scenarios.of(moves))
    coins = [x / (P0 * move) for x, move in zip(found, moves, strict=True)]
    assert coins == sorted(coins, reverse=True)
    assert all(-1.0 <= c < 0.0 for c in coins)


@pytest.mark.parametrize("entry", [50_000.0, 90_000.0])
@pytest.mark.parametrize("quantity", [200_000.0, -200_000.0])
@pytest.mark.parametrize("settlement", ["linear", "inverse"])
def test_unrealised_pnl_has_the_sign_of_the_move_since_the_entry(
    settlement: str, quantity: float, entry: float
) -> None:
    portfolio = rs.Portfolio.from_columns(
        one_contract("perpetual", settlement),
        account=["a"],
        instrument=["X"],
        quantity=[quantity],
        entry_price=[entry],
    )
    market = rs.Market.of(AS_OF, spot={"BTC": P0}, mark={"X": P0})
    (found,) = rs.assess(portfolio, market, rs.load_rulebook("generic-slides")).unrealised_pnl
    coins = quantity * (1.0 / entry - 1.0 / P0)
    expected = coins * P0 if settlement == "inverse" else quantity * (P0 - entry)
    assert float(found) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("p0", [18.27, 0.01, 55.0])
@pytest.mark.parametrize("how", ["shift", "replace"])
@pytest.mark.parametrize("quantity", [1_000.0, -1_000.0])
def test_a_price_that_falls_to_minus_37_63_loses_exactly_the_whole_way(
    p0: float, how: str, quantity: float
) -> None:
    """Crude oil for May 2020 settled at -37.63 on 2020-04-20."""
    oil = rs.Instruments.from_columns(
        name=["CLK0"], kind="future", underlying="CL", expiry=EXPIRY, lot=1.0
    )
    market = rs.Market.of(AS_OF, mark={"CLK0": p0})
    shock = {"shift": (1.0, -(p0 + 37.63)), "replace": (0.0, -37.63)}[how]
    portfolio = rs.Portfolio.from_columns(
        oil, account=["a"], instrument=["CLK0"], quantity=[quantity]
    )
    scenarios = rs.Scenarios.of(shock[0], price_shift=shock[1])
    assert float(rs.stress(portfolio, market, scenarios)[0, 0]) == -quantity * (p0 + 37.63)


def test_a_mark_below_zero_is_margined() -> None:
    oil = rs.Instruments.from_columns(
        name=["CLK0"], kind="future", underlying="CL", expiry=EXPIRY, lot=1.0
    )
    portfolio = rs.Portfolio.from_columns(
        oil, account=["a"], instrument=["CLK0"], quantity=[1_000.0], entry_price=[18.27]
    )
    market = rs.Market.of(AS_OF, mark={"CLK0": -37.63})
    found = rs.assess(portfolio, market, rs.load_rulebook("generic-slides"))
    assert float(found.unrealised_pnl[0]) == 1_000.0 * (-37.63 - 18.27)
    assert float(found.maintenance[0]) == pytest.approx(0.16 * 37_630.0, rel=1e-12)


@PROPERTY
@given(st.floats(-100.0, 100.0), st.floats(-100.0, 100.0))
def test_linear_contracts_take_any_finite_price(p0: float, p1: float) -> None:
    oil = rs.Instruments.from_columns(
        name=["CL"], kind="future", underlying="CL", expiry=EXPIRY, lot=1.0
    )
    cube = rs.revalue(
        oil, rs.Market.of(AS_OF, mark={"CL": p0}), rs.Scenarios.of(0.0, price_shift=p1)
    )
    assert float(cube.values[0, 0]) == p1 - p0
    assert cube.floored == 0


@pytest.mark.parametrize(
    ("scale", "shift"), [(0.0, 0.0), (-1.0, 0.0), (1.0, -200.0), (1.0, -100.0)]
)
def test_a_scenario_at_or_below_zero_prices_lognormal_options_at_the_limit(
    scale: float, shift: float
) -> None:
    pair = rs.Instruments.from_columns(
        name=["C", "P"],
        kind="option",
        underlying="CL",
        expiry=EXPIRY,
        strike=90.0,
        option_type=["call", "put"],
    )
    market = rs.Market.of(
        AS_OF, forward={("CL", EXPIRY): 100.0}, vol={"C": 0.4, "P": 0.4}, rate={"CL": 0.05}
    )
    state = market.on(pair)
    cube = rs.revalue(pair, state, rs.Scenarios.of([1.0, scale], price_shift=[0.0, shift]))
    assert cube.floored == 2
    assert cube.values[0].tolist() == [0.0, -cube.base[0]]
    assert float(cube.values[1, 1]) == pytest.approx(90.0 * state.discount[1] - cube.base[1])


def test_a_scenario_at_zero_is_refused_for_coin_settled_contracts() -> None:
    for shock in ((0.0, 0.0), (1.0, -P0), (-0.5, 0.0)):
        with pytest.raises(rs.InputError) as refused:
            scenarios = rs.Scenarios.of([1.0, shock[0]], price_shift=[0.0, shock[1]])
            pnl(one_contract("perpetual", "inverse"), 1.0, scenarios)
        assert refused.value.code in ("E_DOMAIN_FORWARD", "E_FX")


def test_a_scenario_in_which_nothing_moves_changes_nothing() -> None:
    instruments = rs.Instruments.from_columns(
        name=["C", "P", "N", "F", "S"],
        kind=["option"] * 3 + ["future", "spot"],
        underlying="BTC",
        expiry=[EXPIRY] * 4 + [""],
        strike=[80_000.0, 60_000.0, 70_000.0, 0.0, 0.0],
        option_type=["call", "put", "call", "", ""],
        model=["black76", "bsm", "bachelier", "black76", "black76"],
        settlement=["inverse", "linear", "linear", "inverse", "linear"],
        currency=["BTC", "USD", "USD", "BTC", "USD"],
    )
    market = rs.Market.of(
        AS_OF, spot={"BTC": P0}, mark={"F": P0}, vol={"C": 0.5, "P": 0.6, "N": 30_000.0}
    )
    cube = rs.revalue(instruments, market, rs.Scenarios.of(np.ones(9)))
    assert not cube.values.any()
    assert (cube.base[[0, 1, 2, 4]] > 0).all()
    assert float(cube.base[3]) == 0.0
