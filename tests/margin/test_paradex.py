"""Guards the rule book `paradex-pm`: scenarios, weights, least charge on delta, provisions."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest
from margin import grid_by_hand as by_hand
from margin.grid_by_hand import Contract, Position
from margin.grid_rules import assess, parts, rules_of

import riskslide as rs

SPOT = by_hand.INDEX["BTC"]
RULES = rs.load_rulebook("paradex-pm")
LISTED = [  # spot, vol, in per cent, as documented
    *((16, 40), (12, 40), (12, -22), (8, 40), (8, -22), (4, 40), (4, -22), (0, 40), (0, -22)),
    *((-4, 40), (-4, -22), (-8, 40), (-8, -22), (-12, 40), (-12, -22), (-16, 40)),
]
FAR = {-66: 0.24, -33: 0.48, 50: 0.32, 100: 0.16, 200: 0.08, 300: 0.0533, 400: 0.04, 500: 0.032}


def option(days: float, delta: float, vol: float = 0.6) -> Contract:
    """A call of this delta on a forward at the spot."""
    deviation = vol * math.sqrt(days / 365.0)
    strike = SPOT * math.exp(deviation * (deviation / 2 - NormalDist().inv_cdf(delta)))
    return Contract("CALL", "BTC", days, SPOT, strike=strike, is_call=True, vol=vol)


def perpetual(price: float = SPOT) -> Contract:
    return Contract("PERP", "BTC", None, price)


def test_the_worked_example_of_the_least_charge_on_delta() -> None:
    """+1 perpetual and -5 calls of delta .3: net -.5, gross 2.5, hedged 1 -> 1,400."""
    found = assess(RULES, Position(perpetual(), 1.0), Position(option(30.0, 0.3), -5.0))
    assert parts(found)["delta_minimum"] == pytest.approx(1_400.0, rel=1e-12)


def test_delta_is_at_the_spot_whatever_a_contract_is_priced_at() -> None:
    rules = rules_of("paradex-pm", {"grid.weights": [0.0] * 24})
    for price in (0.9 * SPOT, 1.2 * SPOT):
        found = assess(rules, Position(perpetual(price), -3.0))
        assert found.initial[0] == pytest.approx(0.02 * 3 * SPOT, rel=1e-12)
        assert found.maintenance[0] == pytest.approx(0.01 * 3 * SPOT, rel=1e-12)


def test_scenarios_are_those_documented() -> None:
    moves, vols = RULES.numbers("grid.moves"), RULES.texts("grid.vols")
    states = {40: "up", -22: "down"}
    wanted = [(s / 100, states[v]) for s, v in LISTED] + [(s / 100, "up") for s in FAR]
    assert [(round(m, 9), v) for m, v in zip(moves, vols, strict=True)] == wanted
    assert (RULES.number("vol.range_up"), RULES.number("vol.range_down")) == (0.40, 0.22)


def test_far_moves_weigh_the_range_over_the_move() -> None:
    weights = RULES.numbers("grid.weights")
    assert weights == [1.0] * 16 + list(FAR.values())
    for move, weight in FAR.items():
        assert weight == pytest.approx(0.16 / abs(move / 100), abs=0.005)
    (evidence,) = assess(RULES, Position(perpetual(), -2.0)).explain("a")
    (unit,) = (u for u in evidence.units if u.unit == "BTC")
    moves = RULES.numbers("grid.moves")
    wanted = [-2.0 * SPOT * m * w for m, w in zip(moves, weights, strict=True)]
    assert list(unit.grid) == pytest.approx(wanted, rel=1e-12)
    assert unit.loss == pytest.approx(0.32 * SPOT)  # 16 % and 5 x 3.2 % alike


@pytest.mark.parametrize(
    ("days", "reach"),
    [
        (0.25, 30.0**0.3),  # not below one day
        (1.0, 30.0**0.3),
        (30.0, 1.0),
        (31.0, (30.0 / 31.0) ** 0.13),
        (90.0, (30.0 / 90.0) ** 0.13),
    ],
)
def test_vol_moves_by_the_days_to_expiry(days: float, reach: float) -> None:
    call = option(days, 0.5)
    (evidence,) = assess(RULES, Position(call, 1.0)).explain("a")
    (unit,) = (u for u in evidence.units if u.unit == "BTC")
    for move, vol, range_ in ((0.08, 40, 0.4), (-0.12, -22, -0.22), (0.0, 40, 0.4)):
        k = LISTED.index((round(100 * move), vol))
        shocked = call.vol * (1.0 + range_ * reach)
        wanted = call.value(SPOT * (1 + move), shocked) - call.value(SPOT, call.vol)
        assert unit.grid[k] == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    wanted = call.value(3 * SPOT, call.vol * (1.0 + 0.4 * reach)) - call.value(SPOT, call.vol)
    assert unit.grid[16 + list(FAR).index(200)] == pytest.approx(0.08 * wanted, rel=1e-9)


def test_half_of_the_net_part_maintains_and_provisions_count_in_both() -> None:
    rules = rules_of("paradex-pm", {"provision.fee": 0.0003, "provision.funding": 0.0001})
    held = [Position(perpetual(), -2.0), Position(option(22.0, 0.3), 4.0)]
    found, got = assess(rules, *held), parts(assess(rules, *held))
    net = max(got["worst"], got["delta_minimum"])
    due = 0.0003 * 6 * SPOT + 0.0001 * 2 * SPOT
    assert found.initial[0] == pytest.approx(net + due, rel=1e-12)
    assert found.maintenance[0] == pytest.approx(0.5 * net + due, rel=1e-12)
    free = assess(RULES, *held)
    assert found.maintenance[0] - free.maintenance[0] == pytest.approx(due, rel=1e-9)


def test_underlyings_do_not_net() -> None:
    eth = Contract("ETH", "ETH", None, 2_000.0)
    apart = [assess(RULES, Position(c, q)) for c, q in ((perpetual(), 1.0), (eth, -35.0))]
    both = assess(RULES, Position(perpetual(), 1.0), Position(eth, -35.0))
    assert both.initial[0] == pytest.approx(sum(f.initial[0] for f in apart), rel=1e-13)
