"""Guards where Deribit's method counts: contracts settled in dollars, equity and pools."""

from __future__ import annotations

import math
from typing import Any

import pytest
from margin import deribit_by_hand as hand
from margin.deribit_by_hand import CONTRACTS, Contract, book, market, rules_of
from margin.matrix_books import PLAIN, PRESETS, alone, assess, grid

import riskslide as rs

# --- contracts that settle in dollars -------------------------------------------------------------


def linear(quantity: float, preset: str, changes: dict[str, Any]) -> rs.Assessment:
    instruments = rs.Instruments.from_columns(
        name=["X"], kind="perpetual", underlying="BTC", currency="USDC", lot=0.1
    )
    portfolio = rs.Portfolio.from_columns(
        instruments, account=["a"], instrument=["X"], quantity=[quantity]
    )
    quotes = rs.Market.of(hand.AS_OF, spot=hand.SPOT, mark={"X": 70_000.0})
    return rs.assess(portfolio, quotes, rules_of(preset, changes))


@pytest.mark.parametrize("rate", ["index", "scenario"])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_contract_settled_in_dollars_gains_dollars_in_the_range(preset: str, rate: str) -> None:
    found = linear(2.0, preset, PLAIN | {"coin.rate": rate})
    (pool,) = found.pool
    assert pool == ("USDC" if preset == "deribit-spm" else "account")
    reach = rules_of(preset).number("matrix.price_range")
    expected = [2.0 * 70_000.0 * reach * k / 4 for k in range(-4, 5) for _ in range(3)]
    assert grid(found, "a", pool)[:27] == pytest.approx(expected, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("rate", ["index", "scenario"])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_contract_settled_in_dollars_is_scaled_back_to_the_range_in_far_moves(
    preset: str, rate: str
) -> None:
    """Nothing is turned into coin, so that a far move counts range / |move| of its P&L alone."""
    found = linear(-2.0, preset, PLAIN | {"coin.rate": rate})
    reach = rules_of(preset).number("matrix.price_range")
    moves = rules_of(preset).numbers("extended.moves")
    expected = [-2.0 * 70_000.0 * m * reach / abs(m) for m in moves]
    assert grid(found, "a", found.pool[0])[27:] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("rate", ["index", "scenario"])
@pytest.mark.parametrize("preset", PRESETS)
def test_the_dampener_of_dollars_is_not_turned_into_coin(preset: str, rate: str) -> None:
    """112,000 or 126,000 dollars of loss, less (|m| / R - 1) 10,000; nodes in coin beside it have
    their own dampener, and the two add up."""
    changes = PLAIN | {"coin.rate": rate, "extended.dampener": 1e4}
    found = linear(-10.0, preset, changes)
    reach = rules_of(preset).number("matrix.price_range")
    moves = rules_of(preset).numbers("extended.moves")
    sizes = [max(700_000.0 * reach - (abs(m) / reach - 1.0) * 1e4, 0.0) for m in moves]
    alone_in_dollars = grid(found, "a", found.pool[0])
    expected = [-math.copysign(size, m) for size, m in zip(sizes, moves, strict=True)]
    assert alone_in_dollars[27:] == pytest.approx(expected, rel=1e-12)
    assert 0.0 in sizes and max(sizes) > 0.0
    contracts = rs.Instruments.from_columns(
        name=["X", "I"],
        kind="perpetual",
        underlying="BTC",
        currency=["USDC", "BTC"],
        settlement=["linear", "inverse"],
        lot=0.1,
    )
    both = rs.Portfolio.from_columns(
        contracts, account=["a", "a"], instrument=["X", "I"], quantity=[-10.0, 350_000.0]
    )
    quotes = rs.Market.of(hand.AS_OF, spot=hand.SPOT, mark={"X": 70_000.0, "I": 70_000.0})
    rules = rules_of(preset, changes | {"netting.pool": "account"})
    coin = rs.Portfolio.from_columns(contracts, account=["a"], instrument=["I"], quantity=[350_000])
    in_coin = grid(rs.assess(coin, quotes, rules), "a", "account")
    together = grid(rs.assess(both, quotes, rules), "a", "account")
    summed = [x + y for x, y in zip(alone_in_dollars, in_coin, strict=True)]
    assert together == pytest.approx(summed, rel=1e-12, abs=1e-6)


# --- equity and pools -----------------------------------------------------------------------------


def test_cross_margin_takes_haircuts_off_credits_and_counts_debts_in_full() -> None:
    balances = {"a": {"BTC": 2.0, "STETH": 10.0, "DOGE": 1e6, "USDC": -500.0, "ETH": -3.0}}
    found = rs.assess(book({}, balances=balances), market(), rules_of("deribit-xpm"))
    credits = 2.0 * 70_000.0 + 10.0 * 1_990.0 * (1.0 - 0.075) + 0.0
    assert found.collateral[0] == pytest.approx(credits - 500.0 - 6_000.0, rel=1e-13)
    owed = rs.assess(
        book({}, balances={"a": {"STETH": -10.0, "DOGE": -1e6}}),
        market(),
        rules_of("deribit-xpm"),
    )
    assert owed.collateral[0] == pytest.approx(-19_900.0 - 1e5, rel=1e-13)
    assert any("DOGE" in w for w in found.warnings if w.startswith("W_NO_HAIRCUT"))
    assert not any("STETH" in w for w in found.warnings if w.startswith("W_NO_HAIRCUT"))


def test_segregated_margin_gives_every_balance_a_pool_and_no_haircut() -> None:
    balances = {"a": {"BTC": 2.0, "DOGE": 1e6, "USDC": -500.0}}
    held = {"a": {"ETH-PERPETUAL": 2_001_000.0}}
    found = rs.assess(book(held, balances=balances), market(), rules_of("deribit-spm"))
    assert found.pool == ("BTC", "DOGE", "ETH", "USDC")
    assert found.equity.tolist() == pytest.approx([140_000.0, 1e5, 0.0, -500.0], rel=1e-13)
    assert (found.maintenance > 0).tolist() == [False, False, True, False]
    healthy, liquidation, bankrupt = (
        rs.Status.HEALTHY,
        rs.Status.LIQUIDATION,
        rs.Status.BANKRUPT,
    )
    assert found.status.tolist() == [healthy, healthy, liquidation, bankrupt]


@pytest.mark.parametrize(("preset", "pool"), [("deribit-spm", "BTC"), ("deribit-xpm", "account")])
def test_a_coin_held_as_a_position_is_a_balance_of_it(preset: str, pool: str) -> None:
    """It nets with a debt in the same coin, whatever it was bought with."""
    spot = rs.Instruments.from_columns(name=["S"], kind="spot", underlying="BTC", currency="USDC")
    portfolio = rs.Portfolio.from_columns(
        spot,
        account=["a"],
        instrument=["S"],
        quantity=[2.0],
        balance_account=["a"],
        balance_asset=["BTC"],
        balance_amount=[-0.5],
    )
    found = rs.assess(portfolio, market([]), rules_of(preset))
    assert found.pool == (pool,)
    assert found.collateral.tolist() == [1.5 * 70_000.0]
    assert found.maintenance.tolist() == [0.0]


@pytest.mark.parametrize("preset", PRESETS)
def test_balances_and_unrealised_pnl_do_not_move(preset: str) -> None:
    contract = CONTRACTS["BTC-PERPETUAL"]
    portfolio = rs.Portfolio.from_columns(
        hand.instruments([contract]),
        account=["a"],
        instrument=[contract.name],
        quantity=[700_200.0],
        entry_price=[35_010.0],
        balance_account=["a"],
        balance_asset=["BTC"],
        balance_amount=[100.0],
    )
    found = rs.assess(portfolio, market([contract]), rules_of(preset))
    bare = alone(rules_of(preset), contract.name, 700_200.0)
    assert grid(found, "a", found.pool[0]) == grid(bare, "a", bare.pool[0])
    assert found.unrealised_pnl[0] == pytest.approx(10.0 * 70_000.0, rel=1e-12)
    assert found.equity[0] == pytest.approx(110.0 * 70_000.0, rel=1e-12)
    assert any(w.startswith("W_COLLATERAL_STILL") for w in found.warnings)


@pytest.mark.parametrize("preset", PRESETS)
def test_an_expired_option_is_cash_without_risk(preset: str) -> None:
    gone = Contract("GONE", "BTC", -0.5, 70_000.0, 60_000.0, True, 0.5)
    stays = CONTRACTS["BTC-PERPETUAL"]
    assert gone.expiry is not None
    settled = {("BTC", gone.expiry): rs.Quote(75_000.0, _nanoseconds(gone.expiry))}
    quotes = market([stays], settlement=settled)
    for divisor in ("forward", "index"):
        rules = rules_of(preset, {"coin.option_divisor": divisor})
        both = book({"a": {"GONE": -4.0, stays.name: 70_020.0}}, contracts=[gone, stays])
        found = rs.assess(both, quotes, rules)
        bare = alone(rules, stays.name, 70_020.0)
        paid = -4.0 * 15_000.0 / 75_000.0 * 70_000.0
        assert found.option_value[0] == pytest.approx(paid, rel=1e-12)
        assert found.maintenance[0] == pytest.approx(bare.maintenance[0], rel=1e-13)
        assert found.components["roll_shock"].tolist() == bare.components["roll_shock"].tolist()


def _nanoseconds(text: str) -> int:
    return rs.Market.of(text).as_of


@pytest.mark.parametrize("preset", PRESETS)
def test_an_account_with_nothing_needs_nothing(preset: str) -> None:
    zero = {"a": {"BTC-PERPETUAL": 0.0}, "b": {"BTC-PERPETUAL": 10.0}}
    found = assess(rules_of(preset), zero)
    assert found.account == ("a", "b")
    for name in ("maintenance", "initial", "equity", "excess", "maintenance_ratio"):
        assert getattr(found, name)[0] == 0.0
    assert found.status[0] == rs.Status.HEALTHY
    assert found.initial[1] > 0.0
    none = rs.Portfolio.from_columns(hand.instruments())
    assert len(rs.assess(none, market(), rules_of(preset))) == 0
    debt = rs.assess(book({}, balances={"a": {"USDC": -1.0}}), market(), rules_of(preset))
    assert debt.status.tolist() == [rs.Status.BANKRUPT]
