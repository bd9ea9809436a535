"""Guards the tims method: points, groups, offsets, the minimum, and which of them binds."""

from __future__ import annotations

import random
from typing import Any

import pytest
from margin.tims_by_hand import (
    INSTRUMENTS,
    LEGS,
    MARKET,
    SPOT,
    Group,
    Held,
    book,
    groups,
    move,
    rules,
)

import riskslide as rs
from riskslide.reference import assess_lines

PLAIN = rules()


def margin(held: Held, rulebook: rs.Rulebook = PLAIN, **more: Any) -> rs.Assessment:
    return rs.assess(book(held, **more), MARKET, rulebook)


def needs(*held: tuple[str, float], rulebook: rs.Rulebook = PLAIN) -> float:
    return float(margin(held, rulebook).maintenance[0])


def random_rules(draw: random.Random) -> rs.Rulebook:
    """Other ranges, offsets and groups, and the cap of longs in half of them."""
    low = {kind: -draw.uniform(0.02, 0.3) for kind in ("high-cap", "broad", "single")}
    high = {kind: draw.uniform(0.02, 0.3) for kind in low}
    values: dict[str, Any] = {
        "points__steps": draw.choice([1, 2, 5, 7]),
        "points__low": low,
        "points__high": high,
        "groups__product_offset": {"high-cap": draw.random(), "broad": draw.random()},
        "groups__portfolio_offset": {"broad-index": draw.random()},
        "minimum__per_unit": draw.choice([0.0, 0.375, 5.0]),
        "minimum__long_cap": draw.choice(["none", "value"]),
    }
    if draw.random() < 0.3:
        values["groups__portfolio"] = {"broad": "small"}
        values["groups__portfolio_offset"] = {"small": draw.random()}
    return rules(**values)


def random_book(draw: random.Random) -> list[tuple[str, float]]:
    return [
        (draw.choice(list(LEGS)), float(draw.choice([-7, -2, -1, 1, 3, 10, 400])))
        for _ in range(draw.randint(1, 12))
    ]


@pytest.mark.parametrize("seed", range(200))
def test_random_books_are_margined_as_by_hand(seed: int) -> None:
    draw = random.Random(seed)
    rulebook, held = random_rules(draw), random_book(draw)
    orders = [(n, q) for n, q in random_book(draw) if LEGS[n].kind != "spot"][: seed % 4]
    found = margin(held, rulebook, orders=orders)
    wanted = groups(held, rulebook)
    filled = groups(held, rulebook, orders)
    close: dict[str, float] = {"rel": 1e-9, "abs": 1e-6}
    assert found.maintenance[0] == pytest.approx(sum(g.margin for g in wanted.values()), **close)
    assert found.initial[0] == pytest.approx(sum(g.margin for g in filled.values()), **close)
    (evidence,) = found.explain("a")
    units = {u.unit: u for u in evidence.units if u.unit in wanted}
    assert units.keys() == wanted.keys()
    for name, group in wanted.items():
        assert_group(units[name], group, close)
    value = sum(q * LEGS[n].value(SPOT[n.split("-")[0]]) for n, q in held if "-F" not in n)
    assert found.equity[0] == pytest.approx(value, **close)


def assert_group(unit: Any, group: Group, close: dict[str, float]) -> None:
    assert list(unit.grid) == pytest.approx(group.points, **close)
    assert unit.loss == pytest.approx(group.requirement, **close)
    assert unit.figures["requirement"] == unit.loss
    assert unit.figures["minimum"] == pytest.approx(group.minimum, **close)
    assert unit.figures["maintenance"] == max(unit.loss, unit.figures["minimum"])


def test_the_reference_evaluates_the_same_program() -> None:
    draw = random.Random(5)
    for _ in range(20):
        rulebook, held = random_rules(draw), random_book(draw)
        portfolio = book(held, cash=1e5)
        found, again = (
            rs.assess(portfolio, MARKET, rulebook),
            assess_lines(portfolio, MARKET, rulebook),
        )
        for name in ("maintenance", "initial", "equity"):
            wanted = pytest.approx(again[name], rel=1e-9, abs=1e-6)
            assert getattr(found, name) == wanted


# --- points -------------------------------------------------------------------------------------


def test_points_are_equal_steps_and_none_of_them_is_zero() -> None:
    (evidence,) = margin([("SPY", 1.0)]).explain("a")
    (unit,) = (u for u in evidence.units if u.unit == "broad-index")
    wanted = [-0.08, -0.064, -0.048, -0.032, -0.016, 0.012, 0.024, 0.036, 0.048, 0.06]
    of_product = [x if x < 0 else 0.9 * 0.5 * x for x in wanted]
    assert list(unit.grid) == pytest.approx([500.0 * x for x in of_product], rel=1e-12)
    assert unit.label == "point 1, -5/5 of the range"


@pytest.mark.parametrize(
    ("name", "reach"), [("SPY", 0.08), ("IWM", 0.10), ("IBM", 0.15), ("SDS", 0.12)]
)
def test_a_stock_loses_the_range_of_its_kind_times_its_leverage(name: str, reach: float) -> None:
    """SDS returns minus twice the index: it loses most where that rises by 6 %."""
    assert needs((name, 100.0)) == pytest.approx(100.0 * SPOT[name] * reach, rel=1e-12)


def test_a_price_does_not_fall_below_zero() -> None:
    far = rules(points__leverage={"IBM": 10.0})
    assert needs(("IBM", 3.0), rulebook=far) == pytest.approx(3.0 * SPOT["IBM"], rel=1e-12)
    long_put = margin([("IBM-P", 1.0)], far)
    assert long_put.maintenance[0] < long_put.option_value[0]


def test_ranges_of_different_kinds_pair_by_number_not_by_size() -> None:
    """In the product group of both: at the point where SPX falls by 8 % RUT falls by 10 %."""
    one = rules(
        groups__product={"SPX": "all", "RUT": "all"},
        groups__product_offset={"all": 1.0},
        groups__portfolio={},
        groups__portfolio_offset={},
    )
    hedged = margin([("SPY", 100.0), ("IWM", -200.0)], one)
    (unit,) = (u for u in hedged.explain("a")[0].units if u.unit == "all")
    assert unit.grid[0] == pytest.approx(-0.08 * 50_000.0 + 0.10 * 40_000.0, abs=1e-9)
    assert unit.grid[9] == pytest.approx(0.06 * 50_000.0 - 0.10 * 40_000.0, rel=1e-12)
    assert hedged.maintenance[0] == -unit.grid[9]


def test_more_points_and_more_vols_never_ask_for_less() -> None:
    draw = random.Random(3)
    for _ in range(20):
        held = random_book(draw)
        plain = needs(*held)
        assert needs(*held, rulebook=rules(points__steps=10)) >= plain - 1e-9
        assert needs(*held, rulebook=rules(vol_stress__scales=[0.7, 1.0, 1.3])) >= plain - 1e-9


def test_stressed_vols_are_columns_of_every_point() -> None:
    found = margin([("IBM-C", -1.0)], rules(vol_stress__scales=[1.0, 1.5]))
    assert len(found.scenarios) == 20
    assert found.scenarios[found.worst_scenario[0]] == "point 10, +5/5 of the range, vol x1.5"


# --- groups -------------------------------------------------------------------------------------


def test_funds_on_the_basket_of_an_index_offset_it_in_full() -> None:
    """A call on SPX against 1,000 SPY: one sum at every point, before any offset."""
    p = {key: x.value for key, x in PLAIN.parameters.items()}
    held = {"SPX-C": -2.0, "SPY": 1_000.0}
    sums = [sum(q * move(LEGS[n], k, p) for n, q in held.items()) for k in (-5, 5)]
    assert sums[0] < 0.0 < sums[1] < 1_000.0 * 500.0 * 0.06
    assert needs(*held.items()) == pytest.approx(-sums[0], rel=1e-9)
    assert -sums[0] < needs(("SPY", 1_000.0))


def test_in_a_product_group_the_declared_part_of_a_gain_counts() -> None:
    """Long SPY, short QQQ of the same value: at the worst point the gain counts 90 %."""
    held = [("SPY", 880.0), ("QQQ", -1_000.0)]
    assert needs(*held) == pytest.approx(0.1 * 0.08 * 440_000.0, rel=1e-9)


def test_a_product_group_carries_what_is_left_and_the_portfolio_group_takes_its_part() -> None:
    """P of high-cap at +6 % is .9 x 6 % of 440,000, of which half pays for IWM's loss."""
    held = [("SPY", 880.0), ("IWM", -2_200.0)]
    up = 0.5 * (0.9 * 0.06 * 440_000.0) - 0.10 * 440_000.0
    down = -0.08 * 440_000.0 + 0.5 * (0.75 * 0.10 * 440_000.0)
    assert needs(*held) == pytest.approx(-min(up, down), rel=1e-12)


def test_what_no_group_names_offsets_nothing() -> None:
    """R-OFFSET: two single stocks add up, at the worst point of each."""
    pair = [("IBM", 100.0), ("XYZ", -450.0)]
    assert needs(*pair) == pytest.approx(0.15 * (18_000.0 + 18_000.0), rel=1e-12)


def test_a_group_that_is_called_as_a_stock_is_another() -> None:
    """A product group named XYZ does not take the stock XYZ in."""
    named = rules(
        groups__product={"IBM": "XYZ"},
        groups__product_offset={"XYZ": 1.0},
        groups__portfolio={},
        groups__portfolio_offset={},
    )
    pair = [("IBM", 100.0), ("XYZ", -450.0)]
    assert needs(*pair, rulebook=named) == pytest.approx(0.15 * 36_000.0, rel=1e-12)


def test_a_higher_offset_never_asks_for_more() -> None:
    draw = random.Random(9)
    for _ in range(20):
        held = random_book(draw)
        asked = [
            needs(
                *held,
                rulebook=rules(
                    groups__product_offset={"high-cap": f, "broad": f},
                    groups__portfolio_offset={"broad-index": f},
                ),
            )
            for f in (0.0, 0.3, 0.7, 1.0)
        ]
        assert asked == sorted(asked, reverse=True)


# --- minimum ------------------------------------------------------------------------------------


def test_stock_has_no_minimum_and_contracts_have_one_gross() -> None:
    found = margin([("IBM-C", 10.0), ("IBM-P", -10.0), ("IBM-F", 2.0), ("IBM", 100.0)])
    assert found.components["minimum"][0] == 0.375 * (10 * 100 + 10 * 100 + 2 * 50)


def test_the_minimum_is_that_of_each_portfolio_group() -> None:
    """One group's requirement does not pay for the minimum of another."""
    far = [("IBM-C", 10.0), ("IBM-P", 10.0)]
    (evidence,) = margin([*far, ("XYZ", 1_000.0)]).explain("a")
    units = {u.unit: u for u in evidence.units}
    assert units["IBM"].figures["maintenance"] >= 0.375 * 2_000
    assert units["XYZ"].figures["maintenance"] == pytest.approx(6_000.0, rel=1e-12)
    total = sum(u.figures["maintenance"] for u in evidence.units)
    assert evidence.maintenance == round(total * 1e9)
    assert sum(evidence.maintenance_parts.values()) == evidence.maintenance


def test_longs_worth_less_than_the_minimum_cap_it_where_the_rule_book_says_so() -> None:
    """A short pays the charge in full, and so does a future."""
    worth = LEGS["XYZ-C"].value(SPOT["XYZ"])
    assert 0.0 < worth < 1_000.0
    capped = rules(minimum__long_cap="value", minimum__per_unit=10.0)
    assert margin([("XYZ-C", 4.0)], capped).components["minimum"][0] == pytest.approx(4 * worth)
    assert margin([("XYZ-C", -4.0)], capped).components["minimum"][0] == 4_000.0
    assert margin([("XYZ-F", 4.0)], capped).components["minimum"][0] == 2_000.0


# --- orders, evidence, refusals -----------------------------------------------------------------


def test_orders_raise_the_initial_requirement_alone() -> None:
    plain = margin([("SPY", 100.0)])
    ordered = margin([("SPY", 100.0)], orders=[("SPX-C", -5.0), ("SPX-C", 5.0)])
    assert ordered.maintenance[0] == plain.maintenance[0]
    assert ordered.initial[0] > plain.initial[0]
    assert ordered.initial[0] == ordered.maintenance[0] + ordered.components["open_orders"][0]


def test_evidence_tells_every_stage_of_the_worst_point() -> None:
    (evidence,) = margin([("SPY", 880.0), ("QQQ", -1_000.0), ("IWM", -2_200.0)]).explain("a")
    (unit,) = (u for u in evidence.units if u.unit == "broad-index")
    stages = {(s.level, s.underlyings): (s.pnl, s.passed) for s in unit.stages}
    assert unit.label == "point 10, +5/5 of the range"
    classes = {"SPY": 26_400.0, "QQQ": -26_400.0, "IWM": -44_000.0}
    for name, pnl in classes.items():
        passed = 0.9 * pnl if pnl > 0 else pnl
        assert stages[0, (name,)] == pytest.approx((pnl, passed), rel=1e-9)
    assert stages[1, ("QQQ", "SPY")] == pytest.approx((-2_640.0, -2_640.0), rel=1e-9)
    assert stages[1, ("IWM",)] == pytest.approx((-44_000.0, -44_000.0), rel=1e-9)
    assert unit.loss == pytest.approx(46_640.0, rel=1e-9)
    assert sum(c.pnl for c in unit.contributions) == pytest.approx(-unit.loss, rel=1e-9)


OF_FUND = {"SPX": "high-cap", "RUT": "broad", "QQQ": "broad"}


@pytest.mark.parametrize(
    ("changes", "column", "said"),
    [
        ({"points__kind_other": "stock"}, "points.kind_other", "single"),
        ({"points__kind": {"SPX": "hi-cap"}}, "points.kind", "high-cap"),
        ({"points__high": {"high-cap": 0.1, "single": 0.1}}, "points.kind", "high-cap"),
        ({"groups__product": {"SPX": "index"}}, "groups.product", "high-cap"),
        ({"groups__portfolio": {"high-cap": "all"}}, "groups.portfolio", "broad-index"),
        ({"groups__portfolio": {"hi-cap": "broad-index"}}, "groups.portfolio", "high-cap"),
        ({"points__kind": {"SPY": "broad"}}, "points.kind", "class group SPX"),
        ({"groups__product": OF_FUND}, "groups.product", "class group NDX"),
        ({"groups__class": {"SPY": "XSP", "XSP": "SPX"}}, "groups.class", "class group SPX"),
    ],
)
def test_words_that_fit_nothing_are_refused(
    changes: dict[str, Any], column: str, said: str
) -> None:
    with pytest.raises(rs.InputError) as refused:
        margin([("SPY", 1.0)], rules(**changes))
    assert (refused.value.code, refused.value.column) == ("E_RULES", column)
    assert said in refused.value.fix


def test_an_option_that_has_expired_is_cash() -> None:
    old = rs.Instruments.from_columns(
        name=["OLD"],
        kind="option",
        underlying="IBM",
        expiry="2026-02-20T21:00:00Z",
        strike=100.0,
        option_type="call",
        multiplier=100.0,
        lot=1.0,
    )
    held = rs.Portfolio.from_columns(old, account=["a"], instrument=["OLD"], quantity=[3.0])
    paid = rs.Quote(130.0, MARKET.as_of)
    market = rs.Market.of(MARKET.as_of, spot=SPOT, settlement={"OLD": paid})
    found = rs.assess(held, market, PLAIN)
    assert (found.equity[0], found.maintenance[0]) == (9_000.0, 0.0)


def test_the_universe_of_this_test_holds_every_kind() -> None:
    assert len(INSTRUMENTS) == len(LEGS) == 4 * len(SPOT) - 3
