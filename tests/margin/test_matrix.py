"""Guards Deribit's method where neither a printed answer nor the worked case reaches.

Every figure against the naive formulas of `deribit_by_hand`, then one at a time.
"""

from __future__ import annotations

import math

import pytest
from margin import deribit_by_hand as hand
from margin.deribit_by_hand import CONTRACTS, INDEX, Contract, book, market, rules_of
from margin.matrix_books import (
    PLAIN,
    PRESETS,
    VARIANTS,
    alone,
    assess,
    check,
    grid,
    random_held,
    random_orders,
    size_of,
    usd,
)

import riskslide as rs

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
