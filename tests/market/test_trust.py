"""Guards what rules of trust and notional read of a market: confidences, the part of a forward that
averaging has fixed, spots as they are quoted, prices in units of a stable, and rules of rates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import riskslide as rs
from riskslide.market.quotes import Terms
from riskslide.market.state import State

NOW, NOW_NS = "2026-02-05T08:00:00Z", 1770278400 * 10**9
NEAR, FAR, PAST = "2026-03-27T08:00:00Z", "2026-06-26T08:00:00Z", "2026-02-05T08:00:00Z"
PM = Terms(reporting="USD", par=frozenset({"USD", "USDC"}), stable="USDC")

ROWS = [
    # name, kind, underlying, expiry, currency, settlement
    ("near", "option", "ETH", NEAR, "USDC", "linear"),
    ("near 2", "option", "ETH", NEAR, "USDC", "linear"),
    ("far", "option", "ETH", FAR, "USDC", "linear"),
    ("coin", "option", "BTC", NEAR, "BTC", "inverse"),
    ("future", "future", "ETH", NEAR, "USDC", "linear"),
    ("perp", "perpetual", "ETH", "", "USDC", "linear"),
    ("dead", "option", "ETH", PAST, "USDC", "linear"),
    ("weth", "spot", "WETH", "", "WETH", "linear"),
    ("usdc", "spot", "USDC", "", "USDC", "linear"),
    ("stock", "spot", "AAPL", "", "USDC", "linear"),
]
NAMES = tuple(r[0] for r in ROWS)
AT = {name: k for k, name in enumerate(NAMES)}


def contracts(*names: str) -> rs.Instruments:
    rows = [ROWS[AT[n]] for n in names or NAMES]
    return rs.Instruments.from_columns(
        name=[r[0] for r in rows],
        kind=[r[1] for r in rows],
        underlying=[r[2] for r in rows],
        expiry=[r[3] for r in rows],
        strike=2_000.0,
        option_type="call",
        currency=[r[4] for r in rows],
        settlement=[r[5] for r in rows],
    )


def market(**more: Any) -> rs.Market:
    quotes: dict[str, Any] = {
        "spot": {"ETH": 2_000.0, "BTC": 70_000.0, "WETH": 2_010.0, "USDC": 0.98},
        "forward": {("ETH", NEAR): 2_005.0, ("ETH", FAR): 2_020.0, ("BTC", NEAR): 70_500.0},
        "mark": {"future": 2_004.0, "perp": 2_001.0, "stock": 250.0},
        "vol": {"near": 0.6, "near 2": 0.6, "far": 0.5, "coin": 0.4},
        "settlement": {("ETH", PAST): rs.Quote(2_100.0, NOW_NS)},
    }
    return rs.Market.of(NOW, **(quotes | more))


def column(state: State, name: str) -> dict[str, float]:
    return dict(zip(state.instruments.name, getattr(state, name).tolist(), strict=True))


def test_every_confidence_is_one_where_none_is_given() -> None:
    state = market().on(contracts())
    for name in ("spot_confidence", "mark_confidence", "expiry_confidence"):
        assert set(column(state, name).values()) == {1.0}
    assert set(column(state, "fixed_share").values()) == {0.0}
    assert state.stable == 1.0


def test_a_confidence_is_that_of_the_quote_that_its_key_names() -> None:
    said = {("spot", "ETH"): 0.9, ("spot", "USDC"): 0.8, ("mark", "perp"): 0.5}
    state = market(confidence=said).on(contracts())
    eth = {n: 0.9 for n in NAMES if ROWS[AT[n]][2] == "ETH"}
    whole = dict.fromkeys(NAMES, 1.0)
    assert column(state, "spot_confidence") == whole | eth | {"usdc": 0.8}
    assert column(state, "mark_confidence") == whole | {"perp": 0.5}
    assert column(state, "expiry_confidence") == whole


@pytest.mark.parametrize(
    ("said", "near", "far"),
    [
        ({("forward", ("ETH", NEAR)): 0.7}, 0.7, 1.0),
        ({("forward", "near 2"): 0.7}, 0.7, 1.0),
        ({("rate", ("ETH", FAR)): 0.4}, 1.0, 0.4),
        ({("rate", "ETH"): 0.6, ("rate", ("ETH", FAR)): 0.4}, 0.6, 0.4),
        ({("vol", "near"): 0.9, ("vol", "near 2"): 0.3}, 0.3, 1.0),
        ({("vol", ("ETH", FAR)): 0.2, ("vol", "far"): 0.8}, 1.0, 0.2),
        ({("forward", ("ETH", NEAR)): 0.7, ("vol", ("ETH", NEAR)): 0.8}, 0.7, 1.0),
        ({("forward", ("BTC", NEAR)): 0.1, ("vol", "dead"): 0.0}, 1.0, 1.0),
        ({("vol", ("ETH", PAST)): 0.0, ("rate", ("ETH", PAST)): 0.0}, 1.0, 1.0),
    ],
)
def test_of_an_expiry_the_smallest_of_forward_rate_and_vols_counts(
    said: dict[Any, float], near: float, far: float
) -> None:
    found = column(market(confidence=said).on(contracts()), "expiry_confidence")
    assert [found[n] for n in ("near", "near 2", "future")] == [near] * 3
    assert found["far"] == far
    assert [found[n] for n in ("perp", "dead", "weth", "stock")] == [1.0] * 4


@pytest.mark.parametrize("key", [("ETH", NEAR), "ETH", "near"])
def test_terms_may_leave_the_confidence_in_rates_out(key: Any) -> None:
    deaf = Terms(trusts_rates=False)
    quoted = market(rate={key: 0.03}, confidence={("rate", key): 0.2})
    assert column(quoted.on(contracts()), "expiry_confidence")["near"] == 0.2
    assert column(quoted.on(contracts(), deaf), "expiry_confidence")["near"] == 1.0
    for kind, of in (("forward", ("ETH", NEAR)), ("vol", "near")):
        state = market(confidence={(kind, of): 0.3}).on(contracts(), deaf)
        assert column(state, "expiry_confidence")["near"] == 0.3


@pytest.mark.parametrize("value", [-0.01, 1.01, math.nan, math.inf])
def test_a_confidence_outside_zero_to_one_is_refused(value: float) -> None:
    code = "E_RANGE" if math.isfinite(value) else "E_NOT_FINITE"
    with pytest.raises(rs.InputError, match=rf"{code}: confidence.*spot:ETH"):
        market(confidence={("spot", "ETH"): value})
    by_hand = rs.Market(NOW_NS, confidence={("spot", "ETH"): rs.Quote(value, NOW_NS)})
    perp = rs.Market(
        **{n: getattr(market(), n) for n in ("as_of", "spot", "mark")}
        | {"confidence": by_hand.confidence}
    )
    with pytest.raises(rs.InputError, match=code):
        perp.on(contracts("perp"))


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (("dividend_yield", "ETH"), "E_UNKNOWN"),
        (("settlement", "dead"), "E_UNKNOWN"),
        ("ETH", "E_DTYPE"),
        (("spot", "ETH", NEAR), "E_DTYPE"),
        (("vol", ("ETH", "2026-03-27")), "E_TIMEZONE"),
    ],
)
def test_a_key_of_a_confidence_that_means_nothing_is_refused(key: Any, code: str) -> None:
    with pytest.raises(rs.InputError) as refused:
        market(confidence={key: 0.5})
    assert refused.value.code == code


def test_an_old_confidence_and_an_old_fixed_part_are_refused_as_other_quotes_are() -> None:
    terms = Terms(max_age=60.0)
    old, later = rs.Quote(0.5, NOW_NS - 61 * 10**9), rs.Quote(0.5, NOW_NS + 1)
    for quote in (old, later):
        for more in (
            {"confidence": {("spot", "ETH"): quote}},
            {"confidence": {("mark", "perp"): quote}},
            {"confidence": {("vol", "far"): quote}},
            {"confidence": {("rate", "ETH"): quote}},
            {"fixed": {("ETH", NEAR): quote}},
        ):
            with pytest.raises(rs.InputError, match="E_STALE"):
                market(**more).on(contracts(), terms)
    just = {("spot", "ETH"): rs.Quote(0.5, NOW_NS - 60 * 10**9)}
    assert market(confidence=just).on(contracts("perp"), terms).spot_confidence.tolist() == [0.5]


def test_a_confidence_that_belongs_to_no_quote_is_told() -> None:
    said = {("spot", "ETHH"): 0.5, ("vol", ("SOL", NEAR)): 0.5, ("mark", "pirp"): 0.5}
    used = {("forward", "near"): 0.5, ("rate", ("ETH", NEAR)): 0.5, ("spot", "WETH"): 0.5}
    state = market(confidence=said | used, fixed={("SOL", NEAR): 1.0}).on(contracts())
    assert [w for w in state.warnings if w.startswith("W_UNUSED")] == [
        "W_UNUSED: confidence of spot ETHH belongs to no quote",
        "W_UNUSED: confidence of vol SOL@2026-03-27T08:00:00Z belongs to no quote",
        "W_UNUSED: confidence of mark pirp belongs to no quote",
        "W_UNUSED: fixed of SOL@2026-03-27T08:00:00Z names no underlying",
    ]


def test_the_fixed_share_is_the_fixed_part_over_the_whole_forward() -> None:
    fixed = {("ETH", NEAR): 1_500.0, ("BTC", NEAR): 70_500.0, ("ETH", PAST): 2_000.0}
    plain, state = market().on(contracts()), market(fixed=fixed).on(contracts())
    found = column(state, "fixed_share")
    assert found == dict.fromkeys(NAMES, 0.0) | {
        "near": 1_500.0 / 2_005.0,
        "near 2": 1_500.0 / 2_005.0,
        "future": 1_500.0 / 2_005.0,
        "coin": 1.0,
    }
    assert state.price.tobytes() == plain.price.tobytes()  # the forward quoted is the whole


def test_a_share_is_of_the_forward_that_counts() -> None:
    """Of the option's own, of one grown from the spot, and of a future's mark where none is."""
    fixed = {("ETH", NEAR): 1_000.0}
    own = market(fixed=fixed, forward={"near": 2_500.0}, rate={"ETH": 0.05})
    state = own.on(contracts("near", "near 2", "future"))
    assert state.price[1] > 2_000.0
    assert state.fixed_share.tolist() == [0.4, 1_000.0 / state.price[1], 1_000.0 / 2_004.0]


def test_a_fixed_part_below_zero_or_above_its_forward_is_refused() -> None:
    with pytest.raises(rs.InputError, match=r"E_DOMAIN: fixed = -1.0: .*ETH@2026-03-27.*>= 0"):
        market(fixed={("ETH", NEAR): -1.0})
    with pytest.raises(rs.InputError, match=r"E_DOMAIN: fixed = 2005.5: .*<= the forward.*2005.0"):
        market(fixed={("ETH", NEAR): 2_005.5}).on(contracts("near"))
    with pytest.raises(rs.InputError, match="E_DTYPE: fixed"):
        market(fixed={"near": 1.0})
    negative = {"forward": {("ETH", NEAR): -5.0}, "vol": {"near": 5.0}}
    rows = rs.Instruments.from_columns(
        name=["near"],
        kind="option",
        underlying="ETH",
        expiry=NEAR,
        strike=1.0,
        option_type="call",
        model="bachelier",
    )
    assert market(**negative, fixed={("ETH", NEAR): 0.0}).on(rows).fixed_share.tolist() == [0.0]
    with pytest.raises(rs.InputError, match="E_DOMAIN: fixed"):
        market(**negative, fixed={("ETH", NEAR): 1.0}).on(rows)


def test_index_is_the_spot_as_it_is_quoted() -> None:
    for terms in (Terms(), PM):
        found = column(market().on(contracts(), terms), "index")
        assert found["near"] == found["future"] == found["perp"] == found["dead"] == 2_000.0
        assert (found["coin"], found["weth"], found["usdc"]) == (70_000.0, 2_010.0, 0.98)
        assert found["stock"] == 250.0 * 0.98  # no spot: its mark, which is in USDC


def test_index_is_zero_where_no_spot_is_quoted() -> None:
    bare = market(spot={"WETH": -3.0, "USDC": 1.0}, forward={("ETH", NEAR): 2_005.0})
    assert column(bare.on(contracts("near", "perp")), "index") == {"near": 0.0, "perp": 0.0}
    future = rs.Instruments.from_columns(name=["f"], kind="perpetual", underlying="WETH")
    oil = rs.Market.of(NOW, spot={"WETH": -3.0}, mark={"f": -2.9})
    assert oil.on(future).index.tolist() == [0.0]


def test_an_old_spot_is_refused_although_only_the_index_needs_it() -> None:
    old = {"ETH": rs.Quote(2_000.0, NOW_NS - 61 * 10**9)}
    with pytest.raises(rs.InputError, match="E_STALE: spot = 'ETH'"):
        market(spot=old).on(contracts("near"), Terms(max_age=60.0))


def test_balances_count_in_units_of_the_stable() -> None:
    rows = contracts()
    plain, state = market().on(rows), market().on(rows, PM)
    price = column(state, "price")
    assert state.stable == 0.98
    assert (price["usdc"], price["weth"]) == (1.0, 2_010.0 / 0.98)
    assert price["stock"] == 250.0  # its mark is in USDC
    derivatives = [AT[n] for n in ("near", "near 2", "far", "coin", "future", "perp", "dead")]
    for name in ("price", "mark", "vol", "discount"):
        assert getattr(state, name)[derivatives].tobytes() == (
            getattr(plain, name)[derivatives].tobytes()
        )
    fx = column(state, "fx")
    assert (fx["near"], fx["perp"], fx["coin"]) == (1.0, 1.0, 70_000.0 / 0.98)
    assert state.still == {"USD", "USDC"}


def test_a_stable_that_is_not_quoted_counts_at_one_and_is_told() -> None:
    state = market(spot={"ETH": 2_000.0, "WETH": 2_010.0}).on(contracts("weth"), PM)
    assert (state.stable, state.price.tolist()) == (1.0, [2_010.0])
    assert "W_STABLE_AT_PAR: USDC is not quoted and counts at 1" in state.warnings


def test_a_stable_need_not_be_at_par_and_must_be_worth_something() -> None:
    terms = PM._replace(par=frozenset({"USD"}))
    state = market().on(contracts("usdc", "weth"), terms)
    assert state.price.tolist() == [1.0, 2_010.0 / 0.98]
    assert "USDC" in state.still
    with pytest.raises(rs.InputError, match="E_FX"):
        market(spot={"USDC": 0.0}).on(contracts("weth"), PM)
    stale = {"USDC": rs.Quote(0.98, NOW_NS - 61 * 10**9), "WETH": 2_010.0}
    with pytest.raises(rs.InputError, match="E_STALE: spot = 'USDC'"):
        market(spot=stale).on(contracts("weth"), PM._replace(max_age=60.0))


def test_a_book_is_worth_the_same_stables_whatever_the_stable_is_worth_in_dollars() -> None:
    """Coins, and what settles in them, move by one over the stable; the rest does not."""
    rows = contracts("near", "coin", "weth", "usdc")
    one = market(spot=dict(market().spot) | {"USDC": rs.Quote(1.0, NOW_NS)}).on(rows, PM)
    half = market(spot=dict(market().spot) | {"USDC": rs.Quote(0.5, NOW_NS)}).on(rows, PM)
    flat = rs.Scenarios.of(1.0)
    base = rs.revalue(rows, one, flat).base, rs.revalue(rows, half, flat).base
    assert (base[1] / base[0]).tolist() == [1.0, 2.0, 2.0, 1.0]


def test_rates_are_floored_or_leave_nothing_to_discount() -> None:
    rates = {("ETH", NEAR): -0.05, ("ETH", FAR): 0.05}
    rows = contracts("near", "far")
    quoted, floored, none = (
        market(rate=rates).on(rows, Terms(rates=r)) for r in ("quoted", "floored", "none")
    )
    assert quoted.rate.tolist() == [-0.05, 0.05]
    assert floored.rate.tolist() == none.rate.tolist() == [0.0, 0.05]
    assert quoted.discount[0] > 1.0 == floored.discount[0]
    assert floored.discount[1] == quoted.discount[1] < 1.0
    assert none.discount.tolist() == [1.0, 1.0]
    with pytest.raises(rs.InputError, match="E_UNKNOWN: rates"):
        market().on(rows, Terms(rates="flored"))


def test_a_forward_that_grows_from_the_spot_grows_at_the_rate_that_counts() -> None:
    grown = market(forward={}, rate={"ETH": -0.05})
    assert grown.on(contracts("near")).price[0] < 2_000.0
    for rates in ("floored", "none"):
        assert grown.on(contracts("near"), Terms(rates=rates)).price.tolist() == [2_000.0]


def test_figures_that_no_rule_book_makes_take_rates_and_prices_as_quoted() -> None:
    terms = PM._replace(rates="none").at_scenario_rates()
    assert terms == Terms(par=PM.par)
    assert np.isinf(terms.max_age)
