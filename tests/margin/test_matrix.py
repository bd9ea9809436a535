"""Guards Deribit's method where neither a printed answer nor the worked case reaches.

Every figure against the naive formulas of `deribit_by_hand`, the kernel against its slow twin, and
what must never matter.
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from margin import deribit_by_hand as hand
from margin.deribit_by_hand import CONTRACTS, INDEX, NAMES, Contract, book, market, rules_of

import riskslide as rs
from riskslide import _core
from riskslide.margin.program import Program
from riskslide.reference import assess_lines

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


# --- against the naive formulas -------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_figure_is_that_of_the_naive_formulas(preset: str, variant: str) -> None:
    rules = rules_of(preset, VARIANTS[variant])
    held = {f"a{seed}": random_held(seed) for seed in range(25)}
    asked = {f"a{seed}": random_orders(seed) for seed in range(25)}
    orders = [(a, n, q) for a, mine in asked.items() for n, q in mine]
    found = assess(rules, held, orders)
    apart = rules.text("netting.pool") == "settlement"
    for line, account in enumerate(found.account):
        coins = [found.pool[line]] if apart else list(INDEX)
        expected = hand.pool(rules, coins, held[account], asked[account])
        size = size_of(held[account]) + sum(size_of({n: q}) for n, q in asked[account])
        check(found, line, expected, 1e-12 * size)
    assert found.components["worst"].max() > 1e4


# --- one figure at a time -------------------------------------------------------------------------


def alone(rules: rs.Rulebook, name: str, quantity: float) -> rs.Assessment:
    return assess(rules, {"a": {name: quantity}})


def usd(c: Contract, vol: float) -> float:
    return hand.black76(c, c.price, vol)[0] / c.price * INDEX[c.coin]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_low_vol_is_shocked_up_to_the_minimum_and_a_high_one_beyond_it(preset: str) -> None:
    rules = rules_of(preset, PLAIN)
    for name, floored in (("BTC-141D-65-P", True), ("ETH-22D-18-P", False)):
        c = CONTRACTS[name]
        up = rules.number("vol.range_up")
        power = rules.number("vol.short_power" if c.days < 30 else "vol.long_power")
        moved = c.vol * (1.0 + up * (30.0 / c.days) ** power)
        assert (moved < 0.5) == floored
        found = grid(alone(rules, name, 1.0), "a", pool_of(rules, name))
        still = 3 * rules.whole("matrix.price_steps")  # no move, vol down
        assert found[still + 1] == pytest.approx(0.0, abs=1e-9)
        assert found[still + 2] == pytest.approx(usd(c, max(moved, 0.5)) - usd(c, c.vol), rel=1e-10)


def pool_of(rules: rs.Rulebook, name: str) -> str:
    return CONTRACTS[name].coin if rules.text("netting.pool") == "settlement" else "account"


@pytest.mark.parametrize("preset", PRESETS)
def test_an_hour_before_expiry_the_down_shock_leaves_no_vol(preset: str) -> None:
    """(30 days / 1 hour)^0.3 = 7.2: a fall of a quarter, seven times, is floored at nothing."""
    rules, c = rules_of(preset, PLAIN), CONTRACTS["BTC-HOUR-C"]
    assert 1.0 - 0.25 * 720.0**0.3 < 0.0
    found = grid(alone(rules, c.name, 1.0), "a", pool_of(rules, c.name))
    reach, steps = rules.number("matrix.price_range"), rules.whole("matrix.price_steps")
    for k in range(-steps, steps + 1):
        moved = c.price * (1.0 + reach * k / steps)
        inside = max(moved - c.strike, 0.0) / moved * INDEX["BTC"]
        assert found[3 * (k + steps)] == pytest.approx(inside - usd(c, c.vol), abs=1e-8)


@pytest.mark.parametrize(
    ("days", "power"), [(29.999, 0.3), (15.0, 0.3), (1.0, 0.3), (30.0, 0.13), (31.0, 0.13)]
)
def test_vol_ranges_take_the_short_power_below_30_days_and_the_long_one_from_there(
    days: float, power: float
) -> None:
    c = Contract("X", "BTC", days, 70_000.0, 70_000.0, True, 0.8)
    rules = rules_of("deribit-spm", PLAIN)
    found = rs.assess(book({"a": {"X": 1.0}}, contracts=[c]), market([c]), rules)
    up, down = 1.0 + 0.5 * (30.0 / days) ** power, 1.0 - 0.25 * (30.0 / days) ** power
    same = usd(c, 0.8)
    row = grid(found, "a", "BTC")
    assert row[12] == pytest.approx(usd(c, 0.8 * down) - same, rel=1e-9)
    assert row[14] == pytest.approx(usd(c, 0.8 * up) - same, rel=1e-9)


@pytest.mark.parametrize(
    ("preset", "name", "factor"),
    [
        ("deribit-spm", "BTC-PERPETUAL", 0.01),
        ("deribit-spm", "BTC-22D-FUT", 0.01),
        ("deribit-spm", "BTC-660D-FUT", math.expm1(0.075 * 660.0 / 365.0)),
        ("deribit-xpm", "BTC-PERPETUAL", 0.005),
        ("deribit-xpm", "BTC-22D-FUT", 0.005),
        ("deribit-xpm", "BTC-660D-FUT", math.expm1(0.05 * 660.0 / 365.0)),
    ],
)
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_roll_shock_is_the_move_to_the_expiry_or_the_minimum(
    preset: str, name: str, factor: float, side: float
) -> None:
    quantity = side * 1_000.0 * CONTRACTS[name].price
    found = alone(rules_of(preset), name, round(quantity, -1))
    coins = round(quantity, -1) / CONTRACTS[name].price
    expected = abs(coins) * INDEX["BTC"] * factor
    assert found.components["roll_shock"][0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("preset", PRESETS)
def test_expiries_and_perpetuals_never_net_in_the_roll(preset: str) -> None:
    held = {"BTC-PERPETUAL": 700_200.0, "BTC-22D-FUT": -703_100.0, "BTC-660D-FUT": 751_000.0}
    rules = rules_of(preset)
    apart = sum(float(alone(rules, n, q).components["roll_shock"][0]) for n, q in held.items())
    together = assess(rules, {"a": held}).components["roll_shock"][0]
    assert together == pytest.approx(apart, rel=1e-13)


@pytest.mark.parametrize("preset", PRESETS)
def test_contracts_of_one_expiry_net_in_the_roll(preset: str) -> None:
    """Put and call of one strike against their future: bought, sold, sold."""
    put = Contract("P", "BTC", 660.0, 75_000.0, 80_000.0, False, 0.6)
    call, future = put._replace(name="C", is_call=True), CONTRACTS["BTC-660D-FUT"]
    held = {"C": 10.0, "P": -10.0, future.name: -751_000.0}
    three = [put, call, future]
    found = rs.assess(book({"a": held}, contracts=three), market(three), rules_of(preset))
    assert found.components["roll_shock"][0] == pytest.approx(0.0, abs=1e-7)


def test_options_count_in_coin_over_the_forward_or_the_index() -> None:
    """At +16 % under the same vol, both ways, from the formula."""
    c, at = CONTRACTS["BTC-141D-100-C"], 3 * 8 + 1
    moved, now = hand.black76(c, 1.16 * c.price, c.vol)[0], hand.black76(c, c.price, c.vol)[0]
    for word, over in (("forward", c.price), ("index", INDEX["BTC"])):
        rules = rules_of("deribit-spm", PLAIN | {"coin.option_divisor": word})
        found = alone(rules, c.name, 1.0)
        expected = (moved / 1.16 - now) / over * INDEX["BTC"]
        assert grid(found, "a", "BTC")[at] == pytest.approx(expected, rel=1e-11)
        assert found.option_value[0] == pytest.approx(now / over * INDEX["BTC"], rel=1e-12)


# Coins gained by one option at the money, a year to expiry, vol 0.5: V / F by the normal
# distribution to 30 digits, F and K 70,000; N(0.25) - N(-0.25) = 0.197412651 is what it was worth.
# Far moves have vol 0.5 (1 + 0.5 (30 / 365)^0.13) = 0.680662368, and the weight
# 0.16 / |m| (1 + m) / (1 +- 0.16).
AT_THE_MONEY = [
    (True, 1, -0.0637321295477295),
    (True, 25, 0.0632054104306851),
    (True, 27, -0.0167276113978388),
    (True, 30, 0.0937664747470030),
    (False, 1, 0.126744060928461),
    (False, 25, -0.0747256240520736),
    (False, 27, 0.173748579078352),
    (False, 30, -0.0441645597357556),
]


@pytest.mark.parametrize(("is_call", "at", "coins"), AT_THE_MONEY)
def test_an_option_gains_coins_by_its_price_over_the_moved_forward(
    is_call: bool, at: int, coins: float
) -> None:
    """A put gains more coins by a fall than it loses by a rise: each coin is worth less then."""
    c = Contract("X", "BTC", 365.0, 70_000.0, 70_000.0, is_call, 0.5)
    held = {"long": {"X": 3.0}, "short": {"X": -3.0}}
    found = rs.assess(book(held, contracts=[c]), market([c]), rules_of("deribit-spm", PLAIN))
    bought, sold = (grid(found, account, "BTC") for account in held)
    assert bought[at] == pytest.approx(3.0 * coins * INDEX["BTC"], rel=1e-12)
    assert sold == tuple(-x for x in bought)
    assert found.scenarios[at].startswith({1: "price -16", 25: "price +16"}.get(at, "price"))


@pytest.mark.parametrize(("move", "at"), [(-0.16, 1), (0.16, 25), (-0.66, 27), (5.0, 34)])
def test_coins_count_at_the_index_or_at_the_price_of_the_scenario(move: float, at: int) -> None:
    """A far move counts at the price at the edge of the range."""
    coins = 700_200.0 / 70_020.0 * move / (1.0 + move)
    edge, far = 1.0 + math.copysign(0.16, move), abs(move) > 0.16
    part = 0.16 / abs(move) * (1.0 + move) / edge if far else 1.0
    for word, price in (("index", 70_000.0), ("scenario", 70_000.0 * edge)):
        rules = rules_of("deribit-spm", PLAIN | {"coin.rate": word})
        found = grid(alone(rules, "BTC-PERPETUAL", 700_200.0), "a", "BTC")
        assert found[at] == pytest.approx(coins * part * price, rel=1e-12)


OFFSET = {"netting.pnl_offset": 0.6, "extended.moves": [5.0]}


@pytest.mark.parametrize(("most", "counted"), [(2e7, 0.6), (1e5, None)])
def test_a_gain_on_one_coin_pays_part_of_the_loss_on_another(
    most: float, counted: float | None
) -> None:
    """Short ETH against long BTC loses most at -18 %, where the short gains."""
    rules = rules_of("deribit-xpm", OFFSET | {"netting.max_offsetable": most})
    found = assess(rules, {"a": {"BTC-PERPETUAL": 7_002_000.0, "ETH-PERPETUAL": -2_001_000.0}})
    loss = 100.0 * 0.18 / 0.82 * 70_000.0
    gain = 1_000.0 * 0.18 / 0.82 * 2_000.0
    assert most > 0.6 * gain if counted else most < 0.6 * gain
    offset = 0.6 * gain if counted else most
    assert found.worst_scenario[0] == 0
    assert found.components["worst"][0] == pytest.approx(loss - offset, rel=1e-12)


def test_coins_that_settle_apart_never_pay_for_each_other() -> None:
    held = {"BTC-PERPETUAL": 7_002_000.0, "ETH-PERPETUAL": -2_001_000.0}
    found = assess(rules_of("deribit-spm"), {"a": held})
    losses = [100.0 * 0.16 / 0.84 * 70_000.0, 1_000.0 * 0.16 / 1.16 * 2_000.0]
    assert found.pool == ("BTC", "ETH")
    assert found.components["worst"].tolist() == pytest.approx(losses, rel=1e-12)


def test_the_dampener_takes_far_losses_off_whole_in_part_and_never_turns_them() -> None:
    """Of 300 calls sold far out of the money: nothing at +50 %, all but the dampener at +500 %."""
    rules = rules_of("deribit-spm", {"netting.pnl_offset": 1.0, "netting.max_offsetable": 1e15})
    undamped = rules_of("deribit-spm", PLAIN)
    name, quantity = "BTC-660D-200-C", -30.0
    damped, plain = (grid(alone(r, name, quantity), "a", "BTC")[27:] for r in (rules, undamped))
    step = [
        (abs(m) / 0.16 - 1.0) * 1e5 / (1.0 + math.copysign(0.16, m))
        for m in rules.numbers("extended.moves")
    ]
    expected = [math.copysign(max(abs(x) - d, 0.0), x) for x, d in zip(plain, step, strict=True)]
    assert damped == pytest.approx(expected, rel=1e-12, abs=1e-9)
    assert 0.0 in expected and min(expected) == 0.0
    many = grid(alone(rules, name, -1_200.0), "a", "BTC")[27:]
    large = [40.0 * x for x in plain]
    assert many == pytest.approx(
        [math.copysign(max(abs(x) - d, 0.0), x) for x, d in zip(large, step, strict=True)],
        rel=1e-12,
        abs=1e-9,
    )
    assert min(many) < 0.0 and many[3] != large[3]


def test_a_far_move_may_be_the_worst() -> None:
    """Calls sold at three times the price gain little in the range, and lose beyond it."""
    c = Contract("X", "BTC", 5.0, 70_000.0, 140_000.0, True, 0.5)
    rules = rules_of("deribit-spm")
    portfolio = book({"a": {"X": -2_000.0}}, contracts=[c])
    found = rs.assess(portfolio, market([c]), rules)
    row = grid(found, "a", "BTC")
    assert found.worst_scenario[0] == row.index(min(row)) >= 27
    assert found.scenarios[found.worst_scenario[0]].endswith("extended")
    assert found.components["worst"][0] == -min(row) > -min(row[:27])


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


# --- the kernel and its twin, the same bits -------------------------------------------------------


def random_book(seeds: range) -> rs.Portfolio:
    """One account a seed, with positions, orders and balances."""
    held = {f"a{seed:03}": random_held(seed) for seed in seeds}
    orders = [(f"a{seed:03}", n, q) for seed in seeds for n, q in random_orders(seed)]
    assets = list(SPOT_ASSETS)
    balances = {
        f"a{seed:03}": {assets[seed % 6]: 7.0 - seed % 11, assets[(seed + 2) % 6]: 1e3}
        for seed in seeds
    }
    return book(held, orders=orders, balances=balances)


SPOT_ASSETS = ("BTC", "ETH", "USDC", "USD", "STETH", "DOGE")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("preset", PRESETS)
def test_kernel_computes_what_the_reference_computes(preset: str, variant: str) -> None:
    rules, seeds = rules_of(preset, VARIANTS[variant]), range(100, 118)
    portfolio = random_book(seeds)
    found = rs.assess(portfolio, market(), rules)
    size = {
        f"a{s:03}": size_of(random_held(s)) + sum(size_of({n: q}) for n, q in random_orders(s))
        for s in seeds
    }
    bound = np.array([1e-12 * size[account] + 1e-9 for account in found.account])
    largest = 0.0
    for name, values in assess_lines(portfolio, market(), rules).items():
        difference = np.abs(getattr(found, name) - values)
        assert (difference <= bound).all(), name
        largest = max(largest, float(difference.max()))
    assert largest > 0.0


@pytest.mark.parametrize("preset", PRESETS)
def test_threads_and_batches_change_no_bit(preset: str) -> None:
    portfolio, rules = random_book(range(60)), rules_of(preset)
    whole = rs.assess(portfolio, market(), rules, threads=1)
    for threads, batch in ((3, None), (None, None), (2, 1), (1, 7), (4, 59)):
        other = rs.assess(portfolio, market(), rules, threads=threads, batch=batch)
        same_bits(whole, other)
        assert whole.explain("a031") == other.explain("a031")


def same_bits(one: rs.Assessment, other: rs.Assessment) -> None:
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            assert a.tobytes() == b.tobytes(), field.name
        elif field.name == "components":
            assert {n: x.tobytes() for n, x in a.items()} == {n: x.tobytes() for n, x in b.items()}
        elif field.name != "source":
            assert a == b, field.name


@pytest.mark.parametrize("slope", [0.0, 0.3])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_program_comes_back_from_its_bytes_and_gives_the_same_bits(
    preset: str, slope: float
) -> None:
    found = rs.assess(
        random_book(range(20)), market(), rules_of(preset, {"delta_shock.slope": slope})
    )
    source = found.source
    loaded = Program.from_bytes(source.program.to_bytes())
    assert loaded.to_bytes() == source.program.to_bytes()
    assert loaded.sha256 == found.program_sha256
    assert loaded.measures_delta
    one, other = (
        _core.evaluate(p.core, source.cube.cells, source.positions.csr, source.cash, 1)
        for p in (source.program, loaded)
    )
    assert {k: v.tobytes() for k, v in one.items()} == {k: v.tobytes() for k, v in other.items()}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_compiled_rule_book_holds_no_market(preset: str) -> None:
    rules = rules_of(preset)
    one = rs.compile(rules, hand.instruments(), market())
    moved = [c._replace(price=1.1 * c.price, vol=1.3 * c.vol) for c in CONTRACTS.values()]
    assert rs.compile(rules, hand.instruments(), market(moved)).sha256 == one.sha256


# --- evidence -------------------------------------------------------------------------------------


@pytest.mark.parametrize("slope", [0.0, 0.3])
@pytest.mark.parametrize("preset", PRESETS)
def test_evidence_adds_up_to_the_totals_exactly(preset: str, slope: float) -> None:
    rules = rules_of(preset, {"delta_shock.slope": slope, "delta_shock.threshold": 0.0})
    found = rs.assess(random_book(range(40)), market(), rules)
    line = 0
    for account in dict.fromkeys(found.account):
        for evidence in found.explain(account):
            assert evidence.pool == found.pool[line]
            assert sum(evidence.maintenance_parts.values()) == evidence.maintenance
            assert sum(evidence.equity_parts.values()) == evidence.equity
            assert evidence.maintenance == round(float(found.maintenance[line]) * 1e9)
            assert evidence.initial == round(float(found.initial[line]) * 1e9)
            held = {n: float(x[line]) for n, x in found.components.items()}
            assert evidence.components == held
            for unit in evidence.units:
                assert unit.loss == max(0.0, -min(unit.grid)) == held["worst"]
                assert unit.grid[unit.scenario] == min(unit.grid) or unit.loss == 0.0
            line += 1
    assert line == len(found)


@pytest.mark.parametrize("preset", PRESETS)
def test_parts_add_up_to_maintenance(preset: str) -> None:
    rules = rules_of(preset, STEEP)
    found = rs.assess(random_book(range(40)), market(), rules)
    parts = found.parts
    assert {"roll_shock", "delta_shock"} < set(parts)
    total = sum(parts.values())
    np.testing.assert_allclose(total, found.maintenance, rtol=1e-14)
    assert all((x >= 0).all() for x in parts.values())
    assert found.maintenance == pytest.approx(0.8 * found.components["risk_matrix"], rel=1e-15)
    assert (found.initial >= found.components["risk_matrix"]).all()


def test_contributions_are_the_weighted_pnl_in_the_worst_scenario() -> None:
    """Before dampener and offset: of a short in the range they are the loss."""
    found = alone(rules_of("deribit-spm"), "BTC-PERPETUAL", -700_200.0)
    (unit,) = found.explain("a")[0].units
    (mine,) = unit.contributions
    assert (mine.name, mine.quantity) == ("BTC-PERPETUAL", -700_200.0)
    assert mine.pnl == pytest.approx(-10.0 * 0.16 / 1.16 * 70_000.0, rel=1e-12)
    assert unit.loss == -mine.pnl
    assert unit.label == "price +16 % vol down"


# --- what must not matter -------------------------------------------------------------------------

lots = st.integers(-300, 300)
holdings = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(NAMES), lots), min_size=1, max_size=14
)
Rows = list[tuple[str, str, int]]


def figures(rows: Rows, rules: rs.Rulebook, orders: Rows | None = None) -> dict[Any, Any]:
    """Bits of every figure by account and pool, pools of nothing left out."""
    instruments = hand.instruments()
    lot = dict(zip(instruments.name, instruments.lot.tolist(), strict=True))
    asked = orders or []
    portfolio = rs.Portfolio.from_columns(
        instruments,
        account=[a for a, _, _ in rows],
        instrument=[n for _, n, _ in rows],
        quantity=[x * lot[n] for _, n, x in rows],
        order_account=[a for a, _, _ in asked],
        order_instrument=[n for _, n, _ in asked],
        order_quantity=[x * lot[n] for _, n, x in asked],
    )
    found = rs.assess(portfolio, market(), rules)
    columns = [found.initial, found.maintenance, found.equity, *found.components.values()]
    return {
        key: tuple(float(c[line]) for c in columns)
        for line, key in enumerate(zip(found.account, found.pool, strict=True))
        if found.initial[line] or found.equity[line]
    }


@pytest.mark.parametrize("preset", PRESETS)
@PROPERTY
@given(holdings, holdings, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_bit(
    preset: str, rows: Rows, orders: Rows, random: Any
) -> None:
    before = figures(rows, rules_of(preset), orders)
    random.shuffle(rows)
    random.shuffle(orders)
    assert figures(rows, rules_of(preset), orders) == before


@pytest.mark.parametrize("preset", PRESETS)
@PROPERTY
@given(holdings, lots, lots)
def test_splitting_a_row_and_adding_what_is_taken_away_change_no_bit(
    preset: str, rows: Rows, part: int, extra: int
) -> None:
    account, name, count = rows[0]
    split = [(account, name, part), *rows[1:], (account, name, count - part)]
    traded = [*rows, (account, name, extra), (account, name, -extra)]
    before = figures(rows, rules_of(preset))
    assert figures(split, rules_of(preset)) == before
    assert figures(traded, rules_of(preset)) == before


@pytest.mark.parametrize("preset", PRESETS)
@PROPERTY
@given(holdings, holdings)
def test_twice_the_book_under_twice_the_amounts_needs_exactly_twice_as_much(
    preset: str, rows: Rows, orders: Rows
) -> None:
    """Dampener, cap and threshold are amounts; the delta shock is on."""
    amounts = {
        "extended.dampener": 8e3,
        "netting.pnl_offset": 0.5,
        "netting.max_offsetable": 2e4,
        "delta_shock.slope": 0.25,
        "delta_shock.threshold": 1e5,
    }
    keys = ("extended.dampener", "netting.max_offsetable", "delta_shock.threshold")
    doubled = amounts | {key: 2.0 * amounts[key] for key in keys}
    one = figures(rows, rules_of(preset, amounts), orders)
    two = figures(
        [(a, n, 2 * x) for a, n, x in rows],
        rules_of(preset, doubled),
        [(a, n, 2 * x) for a, n, x in orders],
    )
    factor = rules_of(preset).number("margin.maintenance_factor")
    for line in one.values():
        assert factor in line
    assert {k: tuple(2.0 * x for x in v if x != factor) for k, v in one.items()} == {
        k: tuple(x for x in v if x != factor) for k, v in two.items()
    }


@pytest.mark.parametrize("preset", PRESETS)
@PROPERTY
@given(holdings)
def test_other_accounts_do_not_matter(preset: str, rows: Rows) -> None:
    whole = figures(rows, rules_of(preset))
    for account in "ab":
        mine = [r for r in rows if r[0] == account]
        expected = {k: v for k, v in whole.items() if k[0] == account}
        assert not mine or figures(mine, rules_of(preset)) == expected


@pytest.mark.parametrize("preset", PRESETS)
@PROPERTY
@given(holdings)
def test_more_offset_never_raises_and_more_far_moves_never_lower_the_requirement(
    preset: str, rows: Rows
) -> None:
    def initial(changes: dict[str, Any]) -> dict[Any, float]:
        found = figures(rows, rules_of(preset, changes))
        return {k: v[0] for k, v in found.items()}

    none, some, all_of = (
        initial({"netting.pnl_offset": x, "netting.max_offsetable": 1e9}) for x in (0.0, 0.5, 1.0)
    )
    few = initial({"extended.moves": [0.5]})
    many = initial({"extended.moves": [-0.66, 0.5, 5.0]})
    for key in none:
        assert none[key] >= some.get(key, 0.0) >= all_of.get(key, 0.0)
        assert many.get(key, 0.0) >= few.get(key, 0.0)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_box_of_options_moves_with_nothing(preset: str) -> None:
    """Calls less puts of two strikes, in coin: (K2 - K1) / F, which gains as the coin falls."""
    low = Contract("C1", "BTC", 22.0, 70_000.0, 60_000.0, True, 0.7)
    high = low._replace(name="C2", strike=80_000.0)
    four = [low, low._replace(name="P1", is_call=False), high]
    four.append(high._replace(name="P2", is_call=False))
    held = {"C1": 1.0, "P1": -1.0, "C2": -1.0, "P2": 1.0}
    found = rs.assess(book({"a": held}, contracts=four), market(four), rules_of(preset, PLAIN))
    row = grid(found, "a", found.pool[0])
    reach = rules_of(preset).number("matrix.price_range")
    for k in range(9):
        move = reach * (k - 4) / 4
        expected = 20_000.0 / 70_000.0 * (1.0 / (1.0 + move) - 1.0) * 70_000.0
        assert row[3 * k : 3 * k + 3] == pytest.approx([expected] * 3, rel=1e-9, abs=1e-7)
    assert found.components["roll_shock"][0] == pytest.approx(0.0, abs=1e-9)
