"""Guards SPAN as a method: the worked example, arrays given and computed, presets, refusals."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from margin.test_span_books import AS_OF, PAIR, PRICE, VOL, WEIGHT, drawn, rulebook

import riskslide as rs
from riskslide import _core
from riskslide.engine import prepare, valued
from riskslide.margin.span.deltas import composite_delta
from riskslide.value.exposure import Deltas, cash_delta, option_delta

WORKED: dict[str, Any] = {
    "scan.price_range": {"A": [1000.0], "B": [8.0]},
    "delta.unit": {"B": 50.0},
    "tiers.starts": {"*": [20270301.0, 20270601.0]},
    "intra.tiers": {"A:calendar": [1.0, 2.0]},
    "intra.ratios": {"A:calendar": [1.0, -1.0]},
    "intra.priority": {"A:calendar": 1.0},
    "intra.of": "currency",
    "intra.flat": {"A:calendar": 50.0},
    "intra.per_month": {},
    "intra.weighted": {},
    "spot.months": {"A": [202703.0]},
    "spot.of": "currency",
    "spot.spread": {"A": [10.0]},
    "spot.outright": {"A": [20.0]},
    "inter.deltas": {"1:A": 1.0, "1:B": -2.0},
    "inter.credits": {"1:A": 0.6, "1:B": 0.6},
    "inter.priority": {"1": 1.0},
    "inter.start": "net",
    "inter.cap": "price_risk",
    "short_option.rate": {"B": [100.0]},
    "short_option.of": "currency",
    "short_option.count": "gross",
}
HELD = {"A-MAR": 10.0, "A-JUN": -6.0, "B-MAR": -9.0, "B-CALL": -4.0}
CONTRACTS = rs.Instruments.from_columns(
    name=list(HELD),
    kind=["future"] * 3 + ["option"],
    underlying=["A", "A", "B", "B"],
    expiry=["2027-03-15T12:00:00Z", "2027-06-15T12:00:00Z", *["2027-03-15T12:00:00Z"] * 2],
    strike=[0.0, 0.0, 0.0, 400.0],
    option_type=["", "", "", "call"],
    multiplier=[1.0, 1.0, 50.0, 50.0],
    lot=0.5,
)
LOSSES = [
    -w * (200 * f + 40 * f * f + 60 * g - 10) for f, g, w in zip(PRICE, VOL, WEIGHT, strict=True)
]
MARK = {"A-MAR": 1000.0, "A-JUN": 1010.0, "B-MAR": 400.0, "B-CALL": 30.0}
MARKET = rs.Market.of(
    AS_OF, mark=MARK, spot={"A": 1000.0, "B": 400.0}, risk_array={"B-CALL": (LOSSES, 0.5)}
)


def held(*parts: dict[str, float], instruments: rs.Instruments = CONTRACTS) -> rs.Portfolio:
    """One account for each part."""
    rows = [(f"account {k}", n, q) for k, part in enumerate(parts) for n, q in part.items()]
    account, name, quantity = zip(*rows, strict=True)
    return rs.Portfolio.from_columns(
        instruments, account=account, instrument=name, quantity=quantity
    )


def of(names: str) -> dict[str, float]:
    return {n: q for n, q in HELD.items() if n[0] in names}


def test_the_worked_example_has_every_figure() -> None:
    found = rs.assess(held(of("A"), of("B"), HELD), MARKET, rulebook(WORKED))
    figures = {
        "maintenance.scenarios": [4000.0, 4760.0, 8760.0],
        "maintenance.intra": [300.0, 0.0, 300.0],
        "maintenance.spot": [140.0, 0.0, 140.0],
        "maintenance.inter": [0.0, 0.0, -(2400.0 + 4 * 2 * 4560.0 / 11 * 0.6)],
        "maintenance.short_option_minimum": [0.0, 0.0, 0.0],
        "maintenance.long_options": [0.0, 0.0, 0.0],
        "risk": [4440.0, 4760.0, 2040.0 + 2770.1818181818],
        "total": [4440.0, 10_760.0, 10_810.1818181818],
    }
    for name, expected in figures.items():
        assert found.components[name].tolist() == pytest.approx(expected, abs=1e-9), name
    assert found.option_value.tolist() == [0.0, -6000.0, -6000.0]
    assert found.maintenance.tolist() == found.components["risk"].tolist()
    (evidence,) = found.explain("account 2")
    assert [(u.unit, u.loss, u.scenario + 1) for u in evidence.units] == [
        ("A", 4000.0, 13),
        ("B", pytest.approx(4760.0), 11),
    ]
    assert sum(evidence.maintenance_parts.values()) == evidence.maintenance
    assert list(evidence.maintenance_parts)[:5] == ["A", "B", "intra", "spot", "inter"]


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_risk_grows_with_the_book_and_no_order_of_rows_matters(seed: int) -> None:
    world = drawn(seed)
    once = rs.assess(world.portfolio(), world.market, world.rulebook)
    many = {a: {n: 1000 * q for n, q in b.items()} for a, b in world.books.items()}
    grown = rs.assess(world._replace(books=many).portfolio(), world.market, world.rulebook)
    np.testing.assert_allclose(grown.maintenance, 1000.0 * once.maintenance, rtol=1e-11)
    turned = {a: dict(reversed(b.items())) for a, b in world.books.items()}
    other = rs.assess(world._replace(books=turned).portfolio(), world.market, world.rulebook)
    assert other.maintenance.tobytes() == once.maintenance.tobytes()
    for threads in (1, 2):
        batch = rs.assess(world.portfolio(), world.market, world.rulebook, threads=threads, batch=1)
        assert batch.maintenance.tobytes() == once.maintenance.tobytes()


def test_a_program_from_a_file_gives_the_same_bits() -> None:
    world = drawn(3)
    prepared = prepare(world.portfolio(), world.market, world.rulebook)
    cells = valued(prepared).cells
    again = rs.Program.from_bytes(prepared.program.to_bytes())
    assert again.to_bytes() == prepared.program.to_bytes() and again.lift_to.size
    book = (cells, prepared.positions.csr, prepared.cash, 0)
    found = [_core.evaluate(p.core, *book)["outputs"] for p in (prepared.program, again)]
    assert found[0].tobytes() == found[1].tobytes()


OPTIONS = rs.Instruments.from_columns(
    name=["F1", "F2", "C", "P"],
    kind=["future", "future", "option", "option"],
    underlying="BANKNIFTY",
    expiry=["2026-02-26T10:00:00Z", "2026-03-26T10:00:00Z", *["2026-02-26T10:00:00Z"] * 2],
    strike=[0.0, 0.0, 52_000.0, 48_000.0],
    option_type=["", "", "call", "put"],
    model="bsm",
    currency="INR",
    lot=1.0,
)
NSE = rs.Market.of(
    "2026-02-05T10:00:00Z",
    spot={"BANKNIFTY": 50_000.0},
    mark={"F1": 50_100.0, "F2": 50_300.0},
    vol={"C": 0.18, "P": 0.2},
    rate={"BANKNIFTY": 0.06},
)


def margin(book: dict[str, float], rules: rs.Rulebook | None = None) -> dict[str, float]:
    rules = rules if rules is not None else rs.load_rulebook("span-nse")
    found = rs.assess(held(book, instruments=OPTIONS), NSE, rules)
    return {n.removeprefix("maintenance."): float(x[0]) for n, x in found.components.items()} | {
        "maintenance": float(found.maintenance[0]),
        "option_value": float(found.option_value[0]),
    }


def test_nse_asks_for_the_range_the_calendar_and_the_exposure() -> None:
    one = margin({"F1": 1.0})
    assert one["scenarios"] == pytest.approx(0.113 * 50_100.0)
    assert one["exposure"] == pytest.approx(0.02 * 50_000.0)
    assert one["maintenance"] == one["total"] == pytest.approx(one["risk"] + one["exposure"])
    spread = margin({"F1": 1.0, "F2": -1.0})
    assert spread["intra"] == pytest.approx(0.0175 * 50_000.0)
    assert spread["exposure"] == pytest.approx(0.04 * 50_000.0)
    assert spread["scenarios"] == pytest.approx(0.113 * 200.0)


def test_who_only_buys_options_needs_no_more_than_they_are_worth() -> None:
    bought = margin({"C": 3.0})
    assert 0.0 < bought["risk"] <= bought["option_value"]
    assert bought["total"] == bought["exposure"] == 0.0
    assert margin({"C": 3.0, "F1": -3.0})["long_options"] == 0.0
    sold = margin({"C": -3.0})
    assert sold["exposure"] == pytest.approx(3 * 0.02 * 50_000.0)
    assert sold["total"] == pytest.approx(sold["risk"] - sold["option_value"] + sold["exposure"])


def test_computed_arrays_given_back_change_nothing() -> None:
    book, rules = {"F1": -2.0, "F2": 1.0, "C": -3.0, "P": 2.0}, rs.load_rulebook("span-nse")
    portfolio = held(book, instruments=OPTIONS)
    prepared = prepare(portfolio, NSE, rules)
    cube = valued(prepared)
    weight = rules.numbers("scenarios.weight")
    arrays = {
        n: (-cube.values[row] * weight, cube.delta[row])
        for row, n in enumerate(prepared.rows.instruments.name)
        if n in book
    }
    at = {n: row for row, n in enumerate(prepared.rows.instruments.name)}
    priced = {n: float(cube.base[at[n]]) for n in ("C", "P")} | {"F1": 50_100.0, "F2": 50_300.0}
    given = rs.Market.of(
        "2026-02-05T10:00:00Z", spot={"BANKNIFTY": 50_000.0}, mark=priced, risk_array=arrays
    )
    before, after = (rs.assess(portfolio, m, rules) for m in (NSE, given))
    for name, column in before.components.items():
        np.testing.assert_allclose(after.components[name], column, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(after.option_value, before.option_value, rtol=1e-14)


def test_composite_delta_weighs_deltas_after_the_look_ahead() -> None:
    rules = rs.load_rulebook("span-nse")
    prepared = prepare(held({"C": 1.0}, instruments=OPTIONS), NSE, rules)
    at = prepared.rows.instruments.index["C"]
    years = prepared.state.years[prepared.rows.source[at]] - 2.0 / 365.0
    points = zip(rules.numbers("delta.points"), rules.numbers("delta.weights"), strict=True)
    expected = sum(
        w
        * float(
            rs.bsm(50_000.0 * (1 + 0.113 * f), 52_000.0, years, 0.18, 0.06, is_call=True).delta[0]
        )
        for f, w in points
    )
    assert valued(prepared).delta[at] == pytest.approx(expected, rel=1e-12)


def test_underlyings_of_one_commodity_net() -> None:
    apart = rulebook({"scan.unit": "fraction", "scan.price_range": {"*": [0.1]}})
    together = rulebook(
        {"scan.unit": "fraction", "scan.price_range": {"*": [0.1]}, "commodity.of": {"B": "A"}}
    )
    book = held({"A-MAR": 10.0, "B-MAR": -0.5})
    first, second = (rs.assess(book, MARKET, r).maintenance[0] for r in (apart, together))
    assert first == pytest.approx(1000.0 + 1000.0) and second == pytest.approx(0.0, abs=1e-9)


def test_futures_style_options_have_no_value_that_counts() -> None:
    plain = rulebook({"scan.price_range": {"*": [8.0]}})
    styled = rulebook({"scan.price_range": {"*": [8.0]}, "options.futures_style": ["B"]})
    found = [rs.assess(held({"B-CALL": 2.0}), MARKET, r) for r in (plain, styled)]
    assert [float(x.option_value[0]) for x in found] == [3000.0, 0.0]
    assert [float(x.components["total"][0]) for x in found] == [0.0, found[1].maintenance[0]]


def test_rates_per_month_and_of_the_spot_are_of_the_spread() -> None:
    monthly = WORKED | {"intra.flat": {}, "intra.per_month": {"A": 7.0}}
    found = rs.assess(held(of("A")), MARKET, rulebook(monthly))
    assert found.components["maintenance.intra"][0] == pytest.approx(6 * 3 * 7.0)
    of_spot = WORKED | {"intra.of": "spot", "intra.flat": {"*": 0.01}}
    found = rs.assess(held(of("A")), MARKET, rulebook(of_spot))
    assert found.components["maintenance.intra"][0] == pytest.approx(6 * 0.01 * 1000.0)


def test_other_methods_do_not_read_risk_arrays() -> None:
    bare = rs.Market.of(AS_OF, mark=MARK, spot={"A": 1000.0, "B": 400.0})
    rules = rs.load_rulebook("generic-slides")
    with_arrays, without = (rs.assess(held(HELD), m, rules) for m in (MARKET, bare))
    assert with_arrays.maintenance[0] == without.maintenance[0] > 0.0


@pytest.mark.parametrize(
    ("values", "column"),
    [
        ({"scan.days": [5.0]}, "scan.days"),
        ({"scan.price_range": {"A": [1.0, 2.0]}}, "scan.price_range.A"),
        ({"scenarios.pair": PAIR[:-1]}, "scenarios.pair"),
        ({"scenarios.pair": [17, *PAIR[1:]]}, "scenarios.pair"),
        ({"scenarios.time": [1.5]}, "scenarios.time"),
        ({"delta.weights": [0.5, 0.5]}, "delta.weights"),
        ({"tiers.starts": {"A": [2.0, 1.0]}}, "tiers.starts.A"),
        ({"intra.ratios": {"A:other": [1.0, -1.0]}}, "intra.ratios"),
        ({"intra.ratios": {"A:calendar": [1.0]}}, "intra.ratios.A:calendar"),
        ({"intra.priority": {}}, "intra.priority"),
        ({"intra.tiers": {"A:calendar": [1.0, 1.5]}}, "intra.tiers.A:calendar"),
        ({"intra.ratios": {"A:calendar": [1.0, 0.0]}}, "intra.ratios.A:calendar"),
        ({"spot.spread": {"A": [1.0, 2.0]}}, "spot.spread.A"),
        ({"inter.credits": {"1:A": 0.6}}, "inter.credits"),
        ({"inter.deltas": {"1:A": 1.0, "1:B": 0.0}}, "inter.deltas.1:B"),
        ({"inter.priority": {"2": 1.0}}, "inter.priority"),
        ({"tiers.by": "days", "intra.per_month": {"A": 1.0}}, "intra.per_month"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(values: dict[str, Any], column: str) -> None:
    with pytest.raises(rs.InputError) as refused:
        rs.assess(held(HELD), MARKET, rulebook(WORKED | values))
    assert (refused.value.code, refused.value.column) == ("E_RULES", column)
    assert refused.value.fix


def test_what_the_market_lacks_is_refused() -> None:
    rules = rulebook(WORKED | {"scan.price_range": {"A": [1000.0]}})
    with pytest.raises(rs.InputError) as refused:
        rs.assess(held(HELD), MARKET, rules)
    assert (refused.value.code, refused.value.value) == ("E_RULES", "B")
    short = replace(MARKET, risk_array={"B-CALL": rs.RiskArray(tuple(LOSSES[:15]), 0.5)})
    with pytest.raises(rs.InputError) as refused:
        rs.assess(held(HELD), short, rulebook(WORKED))
    assert (refused.value.code, refused.value.column) == ("E_SHAPE", "risk_array")
    with pytest.raises(rs.InputError) as refused:
        rs.Market.of(AS_OF, risk_array={"B-CALL": ([float("nan")] * 16, 0.5)})
    assert refused.value.code == "E_NOT_FINITE"
    with pytest.raises(rs.InputError) as refused:
        rs.Market.of(AS_OF, risk_array={"B-CALL": LOSSES})
    assert (refused.value.code, refused.value.column) == ("E_DTYPE", "risk_array")
    bare = replace(MARKET, spot={})
    with pytest.raises(rs.InputError) as refused:
        rs.assess(held(HELD), bare, rulebook(WORKED | {"intra.of": "spot"}))
    assert (refused.value.code, refused.value.column) == ("E_MISSING_PRICE", "spot")


@pytest.mark.parametrize("model", ["black76", "bsm"])
def test_options_are_scanned_whatever_their_style(model: str) -> None:
    """An option that may be exercised early is worth no less, and loses as much."""
    found = []
    for style in ("european", "american"):
        calls = rs.Instruments.from_columns(
            name=["C"],
            kind="option",
            underlying="X",
            expiry="2030-06-21T20:00:00Z",
            strike=100.0,
            option_type="call",
            style=style,
            model=model,
        )
        quoted = {"spot": {"X": 100.0}, "rate": {"X": 0.04}, "vol": {"C": 0.3}}
        market = rs.Market.of(AS_OF, **quoted)
        found.append(
            rs.assess(
                held({"C": -10.0}, instruments=calls), market, rs.load_rulebook("span-generic")
            )
        )
    scans = [float(x.components["maintenance.scenarios"][0]) for x in found]
    assert scans[0] > 10.0 and scans[1] == pytest.approx(scans[0], rel=0.1)


def futures(*prices: float) -> tuple[rs.Instruments, rs.Market]:
    """Futures on BTC in three months and one on ETH, with their marks."""
    months = ("2030-02", "2030-03", "2030-06")
    rows = rs.Instruments.from_columns(
        name=["B1", "B2", "B3", "E1"],
        kind="future",
        underlying=["BTC", "BTC", "BTC", "ETH"],
        expiry=[f"{m}-25T08:00:00Z" for m in (*months, months[0])],
        multiplier=0.1,
    )
    marks = dict(zip(rows.name, prices, strict=True))
    return rows, rs.Market.of("2030-01-02T08:00:00Z", spot={"BTC": 1e5, "ETH": 3e3}, mark=marks)


@pytest.mark.parametrize("way", [1.0, -1.0])
def test_what_rounding_leaves_of_a_flat_delta_is_none(way: float) -> None:
    """0.1 x (-3 + 2 + 1) is not 0 in float64, and price risk is divided by it."""
    rows, market = futures(1e5, 1.01e5, 1.03e5, 3e3)
    book = held({"B1": -3.0, "B2": 2.0, "B3": 1.0, "E1": way * 100.0}, instruments=rows)
    found = rs.assess(book, market, rs.load_rulebook("span-generic"))
    assert found.components["maintenance.inter"].tolist() == [0.0]


def test_composite_delta_of_an_american_option_on_a_future_is_its_own() -> None:
    weights, points = (0.27, 0.217, 0.217, 0.11, 0.11, 0.037, 0.037), (0, 1, -1, 2, -2, 3, -3)
    rows = rs.Instruments.from_columns(
        name=["P"],
        kind="option",
        underlying="X",
        expiry="2030-11-01T08:00:00Z",
        strike=105.0,
        option_type="put",
        style="american",
    )
    quotes = {"spot": {"X": 100.0}, "forward": {("X", "2030-11-01T08:00:00Z"): 102.0}}
    market = rs.Market.of("2030-01-02T08:00:00Z", rate={"X": 0.08}, vol={"P": 0.3}, **quotes)
    rules = rs.load_rulebook("span-generic")
    state = market.on(rows, rules.terms)
    moved = [102.0 * (1.0 + 0.1 * k / 3.0) for k in points]
    years = float(state.years[0]) - 1.0 / 365.0
    own = rs.american(moved, 105.0, years, 0.3, 0.08, 0.08, is_call=False).delta
    deltas = Deltas(cash_delta, option_delta)
    assert composite_delta(rules, state, deltas)[0] == pytest.approx(
        math.fsum(w * d for w, d in zip(weights, own.tolist(), strict=True)), rel=1e-9
    )
