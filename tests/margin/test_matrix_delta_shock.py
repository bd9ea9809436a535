"""Guards Deribit's delta shock: what hedges what, and that it is off in the presets."""

from __future__ import annotations

import math

import pytest
from margin import deribit_by_hand as hand
from margin.deribit_by_hand import CONTRACTS, Contract, book, market, rules_of
from margin.matrix_books import PRESETS, STEEP, alone, assess

import riskslide as rs

# name, quantity, entry of the delta shock: long options reduce the other delta and never turn it
SHOCKED: dict[str, tuple[dict[str, float], float]] = {
    "long calls alone": ({"BTC-22D-80-C": 100.0}, 0.0),
    "long puts alone": ({"BTC-22D-60-P": 100.0}, 0.0),
    "short calls": ({"BTC-22D-80-C": -100.0}, 1.0),
    "short puts": ({"BTC-22D-60-P": -100.0}, 1.0),
    "short calls, some bought back elsewhere": (
        {"BTC-22D-80-C": -100.0, "BTC-141D-100-C": 30.0},
        -1.0,
    ),
    "short puts and long puts": ({"BTC-22D-60-P": -100.0, "BTC-141D-65-P": 10.0}, -1.0),
    "a short future, calls bought beyond it": (
        {"BTC-PERPETUAL": -70_020.0, "BTC-22D-80-C": 100.0},
        0.0,
    ),
    "a long future, puts bought beyond it": (
        {"BTC-PERPETUAL": 70_020.0, "BTC-22D-60-P": 300.0},
        0.0,
    ),
    "a short future and long puts": ({"BTC-PERPETUAL": -7_002_000.0, "BTC-22D-60-P": 300.0}, 1.0),
    "a long future and long calls": ({"BTC-PERPETUAL": 7_002_000.0, "BTC-22D-80-C": 300.0}, 1.0),
}


@pytest.mark.parametrize("case", SHOCKED)
def test_delta_shock_counts_long_options_only_where_they_hedge(case: str) -> None:
    """1: the delta of all else; 0: nothing; -1: what long options leave of it."""
    held, form = SHOCKED[case]
    deltas = {n: q * hand.delta(CONTRACTS[n]) * 70_000.0 for n, q in held.items()}
    long = sum(d for n, d in deltas.items() if CONTRACTS[n].is_option and held[n] > 0)
    other = sum(deltas.values()) - long
    net = {1.0: other, 0.0: 0.0, -1.0: long + other}[form]
    assert form >= 0.0 or 0.0 < abs(net) < abs(other)
    for threshold, most in ((0.0, 1.0), (1e5, 1.0), (1e5, 0.2), (1e12, 1.0)):
        changes = {"delta_shock.slope": 0.4, "delta_shock.threshold": threshold}
        rules = rules_of("deribit-spm", changes | {"delta_shock.maximum": most})
        found = assess(rules, {"a": held})
        expected = min(max(abs(net) - threshold, 0.0) * 0.4, most * abs(net))
        assert found.components["delta_shock"][0] == pytest.approx(expected, rel=1e-11, abs=1e-6)
        parts = [found.components[n][0] for n in ("worst", "roll_shock", "delta_shock")]
        assert found.components["risk_matrix"][0] == pytest.approx(sum(parts), rel=1e-14)


def test_the_delta_shock_takes_every_underlying_of_a_currency_alone() -> None:
    """Deltas of 140,000 and -100,000 dollars of one currency: neither nets, nor do thresholds."""
    contracts = rs.Instruments.from_columns(
        name=["B", "E"], kind="perpetual", underlying=["BTC", "ETH"], currency="USDC", lot=0.1
    )
    portfolio = rs.Portfolio.from_columns(
        contracts,
        account=["a", "a", "b"],
        instrument=["B", "E", "E"],
        quantity=[2.0, -50.0, -50.0],
    )
    quotes = rs.Market.of(hand.AS_OF, spot=hand.SPOT, mark={"B": 70_000.0, "E": 2_000.0})
    shock = {"delta_shock.slope": 0.5, "delta_shock.threshold": 9e4, "delta_shock.maximum": 0.2}
    for preset in PRESETS:
        found = rs.assess(portfolio, quotes, rules_of(preset, shock))
        expected = [0.5 * 5e4 + 0.5 * 1e4, 0.5 * 1e4]
        assert found.components["delta_shock"].tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_delta_shock_of_balances_alone_is_nothing(preset: str) -> None:
    rules = rules_of(preset, STEEP)
    found = rs.assess(book({}, balances={"a": {"BTC": 2.0}}, contracts=()), market(()), rules)
    assert found.components["delta_shock"].tolist() == [0.0]
    assert found.equity.tolist() == [140_000.0]


@pytest.mark.parametrize("preset", PRESETS)
def test_the_delta_shock_is_off_in_the_presets(preset: str) -> None:
    found = alone(rules_of(preset), "BTC-PERPETUAL", -7e10)
    assert found.components["delta_shock"].tolist() == [0.0]


@pytest.mark.parametrize("preset", PRESETS)
def test_the_delta_shock_leaves_everything_else_as_it_is(preset: str) -> None:
    """A short straddle: its deltas cancel in the roll, with or without a delta shock."""
    held = {"a": {"BTC-141D-100-C": -10.0, "BTC-141D-65-P": -10.0, "ETH-PERPETUAL": -200_100.0}}
    off, on = (assess(rules_of(preset, x), held) for x in ({}, STEEP))
    for name in ("worst", "roll_shock", "open_orders"):
        assert on.components[name].tolist() == pytest.approx(off.components[name].tolist()), name
    for name in ("equity", "option_value"):
        assert getattr(on, name).tolist() == getattr(off, name).tolist(), name


def test_the_divisor_of_option_prices_does_not_move_deltas() -> None:
    """A delta in coin is N(d1), whatever the price of the option is divided by."""
    one, other = (
        alone(rules_of("deribit-spm", {"coin.option_divisor": word}), "BTC-141D-100-C", -10.0)
        for word in ("forward", "index")
    )
    assert other.components["roll_shock"] == pytest.approx(one.components["roll_shock"])


def test_an_option_without_a_forward_counts_over_the_index_too() -> None:
    """Its forward is then the spot, grown: V / index, as with the same forward given."""
    c = Contract("X", "BTC", 365.0, 70_000.0 * math.exp(0.1), 80_000.0, True, 0.6)
    rules = rules_of("deribit-spm", {"coin.option_divisor": "index"})
    rates = {"rate": {"BTC": 0.1}}
    given = market([c], **rates)
    grown = rs.Market.of(hand.AS_OF, spot=hand.SPOT, vol={"X": 0.6}, **rates)
    found = [rs.assess(book({"a": {"X": 10.0}}, contracts=[c]), m, rules) for m in (given, grown)]
    assert found[1].option_value == pytest.approx(found[0].option_value, rel=1e-12)
    assert found[1].maintenance == pytest.approx(found[0].maintenance, rel=1e-12)
