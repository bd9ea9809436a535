"""Guards the `ratio` method: brackets, loans and netted equity, against formulas by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from margin.ratio_books import (
    AS_OF,
    BINANCE,
    BY_CONTRACT,
    CONTRACTS,
    EXPIRY,
    FIGURES,
    HYPERLIQUID,
    INPUTS,
    MARK,
    MARKET,
    PROPERTY,
    SPOT,
    Position,
    balances,
    binance,
    book,
    changed,
    marginal,
    notional,
    one,
    positions,
)

import riskslide as rs
from riskslide.reference import assess_lines


def test_an_account_of_two_currencies_and_a_loan_by_hand() -> None:
    """USDT 5,000 - 14,000 of P&L is a debt, in full; BTC .1 + .05 counts at 98 %; 5 ETH are owed.

    BTC -1 x 40,100 needs .004 x 40,100 = 160.40; 80,000 USD of the coin contract at 40,050, which
    are 1.99750312 BTC or 79,900.12 USD, .004 x 50,000 + .005 x 29,900.12 = 349.50; the loan
    .1 x 12,500 = 1,250.
    """
    gain = 80_000.0 * (1.0 / 41_073.0 - 1.0 / 40_050.0)
    found = one(
        BINANCE,
        [("BTCUSDT", -1.0, 26_100.0), ("BTCUSD", 80_000.0, 41_073.0)],
        {"USDT": 5_000.0, "BTC": 0.1, "ETH": -5.0},
    )
    assert found.components["maintenance.positions"][0] == pytest.approx(
        160.4 + 200.0 + 0.005 * (80_000.0 / 40_050.0 * 40_000.0 - 50_000.0), rel=1e-14
    )
    assert found.components["maintenance.borrowed"].tolist() == [1_250.0]
    btc = 0.98 * (0.1 + gain) * 40_000.0
    assert found.equity[0] == pytest.approx(-9_000.0 + btc - 12_500.0, rel=1e-12)
    assert found.unrealised_pnl[0] == pytest.approx(-14_000.0 + gain * 40_000.0, rel=1e-12)
    assert found.initial[0] == pytest.approx(1.2 * found.maintenance[0], rel=1e-15)
    assert rs.Status(found.status[0]) is rs.Status.BANKRUPT


def test_unrealised_gains_take_the_haircut_of_their_asset_only_where_they_are_netted() -> None:
    held = [("BTCUSD", 40_000.0, 20_000.0)]
    gain = 40_000.0 * (1.0 / 20_000.0 - 1.0 / 40_050.0)
    netted = one(BINANCE, held, {"BTC": 1.0})
    assert netted.equity[0] == pytest.approx(0.98 * (1.0 + gain) * 40_000.0, rel=1e-13)
    full = one(changed(BINANCE, equity__unrealised="full"), held, {"BTC": 1.0})
    assert full.collateral.tolist() == [0.98 * 40_000.0]
    assert full.equity[0] == pytest.approx((0.98 + gain) * 40_000.0, rel=1e-13)
    assert full.maintenance.tolist() == netted.maintenance.tolist()


def test_a_loss_eats_the_balance_of_its_asset_before_the_haircut() -> None:
    """1 BTC less a loss of .5 counts as .5 at 98 %; apart, 1 at 98 % less .5."""
    entry = 1.0 / (1.0 / 40_050.0 - 0.5 / 40_050.0)
    held = [("BTCUSD", 40_050.0, entry)]
    assert one(BINANCE, held, {"BTC": 1.0}).equity[0] == pytest.approx(0.98 * 20_000.0)
    full = changed(BINANCE, equity__unrealised="full")
    assert one(full, held, {"BTC": 1.0}).equity[0] == pytest.approx(0.48 * 40_000.0)


@pytest.mark.parametrize("edge", [50_000.0, 600_000.0])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_brackets_are_continuous_and_each_has_its_own_slope(edge: float, side: float) -> None:
    def needed(size: float) -> float:
        quantity = side * round(size / MARK["BTCUSDT"], 8)
        return float(one(BINANCE, [("BTCUSDT", quantity, 40_100.0)], {}).maintenance[0])

    step = 40.1  # USD: a thousandth of a coin
    below, at, above = (needed(edge + k * step) for k in (-1, 0, 1))
    rates = dict(zip((0.0, 50_000.0, 600_000.0), (0.004, 0.005, 0.01), strict=True))
    lower = max(r for start, r in rates.items() if start < edge)
    assert at - below == pytest.approx(lower * step, rel=1e-3)
    assert above - at == pytest.approx(rates[edge] * step, rel=1e-3)


def test_brackets_are_of_the_contract_then_of_the_underlying_then_of_others() -> None:
    """BTCUSD by BTC; ETHUSDT by its name, a start given twice with its last rate; the future by
    neither."""
    for name, quantity in (("BTCUSD", 70_000.0), ("ETHUSDT", 20.0), ("ETHUSDT_260626", 90.0)):
        found = one(BINANCE, [(name, quantity, MARK[name])], {})
        wanted = marginal(notional(name, quantity), BY_CONTRACT[name])
        assert found.maintenance[0] == pytest.approx(wanted, rel=1e-13)


@pytest.mark.parametrize(
    ("ratio", "at", "below"),
    [
        (1.5, "HEALTHY", "REMINDER"),
        (1.2, "REMINDER", "NO_NEW_RISK"),
        (1.05, "NO_NEW_RISK", "LIQUIDATION"),
        (1.0, "LIQUIDATION", "BANKRUPT"),
    ],
)
def test_states_of_unimmr_at_each_threshold_and_below_it(ratio: float, at: str, below: str) -> None:
    """1 BTC of notional 40,100 needs 160.40; equality counts for the account."""
    rules = changed(BINANCE, collateral__haircut={"USDT": 0.0})
    held = [("BTCUSDT", 1.0, 40_100.0)]
    for less, status in ((0.0, at), (2e-6, below)):
        found = one(rules, held, {"USDT": ratio * 160.4 - less})
        assert rs.Status(found.status[0]).name == status
    assert 1.0 / found.maintenance_ratio[0] == pytest.approx(ratio, abs=1e-7)


@PROPERTY
@given(positions, balances)
def test_any_account_is_what_the_formulas_of_the_page_say(
    held: list[Position], cash: dict[str, float]
) -> None:
    found = one(BINANCE, held, cash)
    if len(found):
        gross = sum(abs(x) * SPOT.get(a, 1.0) for a, x in cash.items()) + sum(
            abs(q) * 1e5 for _, q, _ in held
        )
        for name, value in binance(held, cash).items():
            here = found.components[name] if "." in name else getattr(found, name)
            assert here[0] == pytest.approx(value, rel=1e-10, abs=1e-6 + 1e-12 * gross), name
        (evidence,) = found.explain("a")
        assert sum(evidence.maintenance_parts.values()) == evidence.maintenance
        assert sum(evidence.initial_parts.values()) == evidence.initial
        assert sum(evidence.equity_parts.values()) == evidence.equity


@pytest.mark.parametrize("rules", [BINANCE, HYPERLIQUID], ids=["binance-pm", "hyperliquid"])
@PROPERTY
@given(data=st.data())
def test_kernel_equals_the_reference_and_order_does_not_matter(
    rules: rs.Rulebook, data: st.DataObject
) -> None:
    lending = rules is HYPERLIQUID
    accounts = {}
    for name in ("a", "b", "c"):
        held = data.draw(positions)
        if lending:
            held = [(n, q, p) for n, q, p in held if n != "BTCUSD"]
        accounts[name] = (held, data.draw(balances))
    if lending:
        caps = {"USDT": 1e6, "SOL": 1e4}
        rules = changed(rules, lending__tokens=list(caps), lending__borrow_cap=caps)
    kept = [n for n in MARK if n != "BTCUSD" or not lending]
    contracts = CONTRACTS.take([CONTRACTS.index[n] for n in kept], kept)
    whole = book(accounts, contracts)
    found = rs.assess(whole, MARKET, rules)
    slow = assess_lines(whole, MARKET, rules)
    for name in FIGURES:
        gross = 1e-11 * (1.0 + np.abs(whole.balance_amount).sum() * 4e4 + 1e9)
        assert getattr(found, name) == pytest.approx(slow[name], rel=1e-10, abs=gross), name
    turned = {a: (h[::-1], dict(reversed(c.items()))) for a, (h, c) in reversed(accounts.items())}
    again = rs.assess(book(turned, contracts), MARKET, rules, threads=1)
    for name in FIGURES:
        assert getattr(again, name).tolist() == getattr(found, name).tolist(), name


@PROPERTY
@given(positions, balances, st.sampled_from([2.0, 4.0, 0.5]))
def test_scaling_prices_starts_and_cash_scales_every_figure(
    held: list[Position], cash: dict[str, float], factor: float
) -> None:
    """A book in another unit: everything that is money times a power of two, with the same bits."""
    cash.pop("USDT", None)  # a unit itself
    held = [(n, q, p) for n, q, p in held if n != "BTCUSD"]
    starts = {n: [factor * x for x in xs] for n, xs in INPUTS["brackets.start"].items()}
    others = [factor * x for x in INPUTS["brackets.other_start"]]
    rules = changed(BINANCE, brackets__start=starts, brackets__other_start=others)
    market = rs.Market.of(
        AS_OF,
        spot={a: factor * x for a, x in SPOT.items()},
        mark={n: factor * x for n, x in MARK.items()},
    )
    larger = [(n, q, factor * p) for n, q, p in held]
    found = one(BINANCE, held, cash)
    scaled = rs.assess(book({"a": (larger, cash)}), market, rules)
    for name in FIGURES:
        assert getattr(scaled, name).tolist() == (factor * getattr(found, name)).tolist(), name


@PROPERTY
@given(st.floats(1.0, 50.0), st.floats(1.0, 3.0))
def test_a_larger_position_needs_more_than_in_proportion(size: float, times: float) -> None:
    small, large = (
        float(one(BINANCE, [("BTCUSDT", round(q, 6), 40_100.0)], {}).maintenance[0])
        for q in (size, times * size)
    )
    assert large >= times * small * (1.0 - 1e-5)


# Refusals


def refused(portfolio: rs.Portfolio, rules: rs.Rulebook, market: rs.Market = MARKET) -> Any:
    with pytest.raises(rs.InputError) as caught:
        rs.assess(portfolio, market, rules)
    return caught.value


def test_options_are_refused_by_name() -> None:
    name = "BTC-260626-40000-C"
    option = rs.Instruments.from_columns(
        name=[name],
        kind="option",
        underlying="BTC",
        expiry=EXPIRY,
        strike=40_000.0,
        option_type="call",
        currency="USDT",
    )
    held = rs.Portfolio.from_columns(option, account=["a"], instrument=[name], quantity=[1.0])
    market = rs.Market.of(AS_OF, spot={**SPOT, "USDT": 1.0}, vol={name: 0.5})
    for rules in (BINANCE, HYPERLIQUID):
        found = refused(held, rules, market)
        assert (found.code, found.column, found.value) == ("E_UNSUPPORTED", "instrument", name)


def test_open_orders_are_refused_by_name() -> None:
    ordered = rs.Portfolio.from_columns(
        CONTRACTS, order_account=["a"], order_instrument=["BTCUSDT"], order_quantity=[1.0]
    )
    found = refused(ordered, BINANCE)
    assert (found.code, found.column) == ("E_UNSUPPORTED", "order_instrument")
    assert "BTCUSDT" in str(found.value)


def test_a_contract_in_what_cannot_be_borrowed_is_refused() -> None:
    held = book({"a": ([("BTCUSDT", 1.0, 40_000.0)], {})})
    found = refused(held, HYPERLIQUID)
    assert (found.code, found.value) == ("E_UNSUPPORTED", "BTCUSDT") and "USDC" in found.fix


@pytest.mark.parametrize(
    ("values", "column"),
    [
        ({"brackets__other_start": [1.0, 2.0]}, "brackets.start of other"),
        ({"brackets__other_rate": [0.1]}, "brackets.rate of other"),
        ({"brackets__rate": {"BTC": [0.1, 0.2, 0.3]}}, "brackets"),
        ({"verdict__no_new_risk": 1.6}, "verdict.no_new_risk"),
    ],
)
def test_parameters_that_do_not_fit_each_other_are_refused(
    values: dict[str, Any], column: str
) -> None:
    found = refused(book({"a": ([], {"USDT": 1.0})}), changed(BINANCE, **values))
    assert (found.code, found.column) == ("E_RULES", column)


@pytest.mark.parametrize(
    ("values", "column"),
    [
        ({"lending__tokens": []}, "lending.tokens"),
        ({"lending__tokens": ["USDC", "USDH", "USDC"]}, "lending.tokens"),
        ({"lending__borrow_cap": {"USDX": 1.0}}, "lending.borrow_cap"),
        ({"equity__unrealised": "full"}, "equity.unrealised"),
    ],
)
def test_lending_that_does_not_fit_together_is_refused(values: dict[str, Any], column: str) -> None:
    found = refused(book({"a": ([], {"USDT": 1.0})}), changed(HYPERLIQUID, **values))
    assert (found.code, found.column) == ("E_RULES", column)


def test_presets_name_what_they_lack() -> None:
    assert rs.load_rulebook("binance-pm").unpublished == tuple(INPUTS)
    assert rs.load_rulebook("hyperliquid").unpublished == ("brackets.other_rate",)


def test_accounts_that_hold_nothing_need_nothing() -> None:
    """Also where the rows are others': a perpetual that b holds, an asset that b owns."""
    nothing = rs.Instruments.from_columns(name=[], kind="perpetual", underlying=[])
    for rules in (BINANCE, HYPERLIQUID):
        assert len(rs.assess(rs.Portfolio.from_columns(nothing), MARKET, rules)) == 0
    held = ([("BTCUSDT", 1.0, 40_000.0)], {"USDT": 1.0})
    flat: tuple[list[Position], dict[str, float]] = (
        [("BTCUSDT", 1.0, 40_000.0), ("BTCUSDT", -1.0, 40_000.0)],
        {},
    )
    found = rs.assess(book({"a": flat, "b": held}), MARKET, BINANCE)
    assert found.maintenance[0] == found.equity[0] == 0.0 and found.maintenance[1] > 0.0


def test_any_rule_book_may_hold_thresholds() -> None:
    """generic-slides with a reminder: 16,000 to maintain, 20,000 to begin, a reminder at 24,000."""
    plain = rs.load_rulebook("generic-slides")
    some = plain.parameters["margin.initial_factor"]
    own = {
        f"verdict.{name}": replace(some, value=value)
        for name, value in zip(
            ("reminder", "no_new_risk", "liquidation", "bankrupt"), (1.5, 1, 1, 0), strict=True
        )
    }
    rules = replace(plain, parameters={**plain.parameters, **own})
    x = rs.Instruments.from_columns(name=["X"], kind="perpetual", underlying="BTC")
    market = rs.Market.of(AS_OF, spot={"BTC": 1e5}, mark={"X": 1e5})
    cash = [24_000.0, 23_999.0, 19_999.0, 15_999.0, -1.0]
    names = [f"a{k}" for k in range(len(cash))]
    portfolio = rs.Portfolio.from_columns(
        x,
        account=names,
        instrument=["X"] * len(cash),
        quantity=[1.0] * len(cash),
        balance_account=names,
        balance_asset=["USDC"] * len(cash),
        balance_amount=cash,
    )
    assert rs.assess(portfolio, market, rules).status.tolist() == list(rs.Status)
    without = rs.assess(portfolio, market, plain).status.tolist()
    assert without == [rs.Status.HEALTHY, *list(rs.Status)[:1], *list(rs.Status)[2:]]
