"""Guards what scenarios of time, rates and currencies are worth: the slow twin, figures worked by
hand, the limits, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import riskslide as rs
from riskslide.value import reference

AS_OF = "2026-02-05T12:00:00Z"
NEAR, FAR = "2026-03-07T12:00:00Z", "2027-02-05T12:00:00Z"  # 30 and 365 days
SPOT = {"BTC": 70_000.0, "SPX": 5_000.0, "EUR": 1.2}
ROWS: list[tuple[str, str, str, float, str, str, str, str, str]] = [
    # name, kind, underlying, strike, side, model, settlement, currency, expiry
    ("linear", "option", "SPX", 5_100.0, "call", "black76", "linear", "USD", FAR),
    ("near", "option", "SPX", 4_900.0, "put", "black76", "linear", "USD", NEAR),
    ("normal", "option", "SPX", 5_050.0, "call", "bachelier", "linear", "USD", FAR),
    ("spot call", "option", "SPX", 5_100.0, "call", "bsm", "linear", "USD", FAR),
    ("spot put", "option", "SPX", 5_100.0, "put", "bsm", "linear", "EUR", NEAR),
    ("coin", "option", "BTC", 72_000.0, "call", "black76", "inverse", "BTC", NEAR),
    ("coin on spot", "option", "BTC", 68_000.0, "put", "bsm", "inverse", "BTC", FAR),
    ("no vol", "option", "SPX", 4_000.0, "call", "black76", "linear", "USD", FAR),
    ("euro future", "future", "SPX", 0.0, "", "black76", "linear", "EUR", FAR),
    ("coin future", "perpetual", "BTC", 0.0, "", "black76", "inverse", "BTC", ""),
    ("coins", "spot", "BTC", 0.0, "", "black76", "linear", "USD", ""),
]
VOL = {
    "linear": 0.2,
    "near": 0.25,
    "normal": 900.0,
    "spot call": 0.2,
    "spot put": 0.3,
    "coin": 0.6,
    "coin on spot": 0.7,
    "no vol": 0.0,
}
OPTIONS = range(len(VOL))


def book() -> rs.Instruments:
    names = ("name", "kind", "underlying", "strike", "option_type", "model")
    columns = [list(c) for c in zip(*ROWS, strict=True)]
    given = dict(
        zip((*names, "settlement", "currency", "expiry"), columns, strict=True), multiplier=1.0
    )
    return rs.Instruments.from_columns(**given)


def market(rate: float = 0.04, dividend: float = 0.015) -> rs.Market:
    return rs.Market.of(
        AS_OF,
        spot=SPOT,
        forward={("SPX", FAR): 5_125.0, ("SPX", NEAR): 5_010.0, ("BTC", NEAR): 70_400.0},
        mark={"euro future": 5_130.0, "coin future": 70_100.0},
        vol=VOL,
        rate={"SPX": rate, "BTC": rate},
        dividend_yield={"SPX": dividend, "BTC": dividend},
    )


def values(scenarios: rs.Scenarios, quotes: rs.Market | None = None) -> Any:
    return rs.revalue(book(), quotes or market(), scenarios).values


def row(name: str) -> int:
    return [r[0] for r in ROWS].index(name)


def random_scenarios(rng: np.random.Generator, count: int) -> rs.Scenarios:
    """Scenarios of every factor that the book has, in all shapes at once."""
    factors = book(), market()
    names = factors[1].on(factors[0]).factors
    shape = (len(names), count)
    return rs.Scenarios.of(
        rng.uniform(0.6, 1.5, shape),
        vol_scale=rng.uniform(0.5, 1.5, shape),
        vol_shift=rng.uniform(-0.05, 0.05, shape),
        vol_floor=0.01,
        rate_shift=rng.uniform(-0.05, 0.05, shape) * rng.integers(0, 2, shape),
        horizon_days=rng.choice([0.0, 0.25, 1.0, 10.0, 30.0, 31.0, 400.0], count),
        weight=rng.uniform(0.3, 1.0, count),
        factors=names,
    )


# --- the slow twin -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_every_shape_equals_the_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    quotes = market(float(rng.choice([0.0, 0.05, -0.02])), float(rng.choice([0.0, 0.03])))
    state, scenarios = quotes.on(book()), random_scenarios(rng, 40)
    cube = rs.revalue(book(), state, scenarios, threads=1 + seed % 3)
    expected, base, floored = reference.revalue(state, scenarios)
    size = np.abs(cube.base)[:, None] + np.abs(cube.values) + 1e-3 * np.abs(state.fx)[:, None]
    assert (np.abs(cube.values - expected) <= 1e-12 * size).all()
    assert (np.abs(cube.base - base) <= 1e-12 * size[:, 0]).all()
    assert cube.floored == floored


def test_no_horizon_and_no_shift_give_the_bits_of_none() -> None:
    rng = np.random.default_rng(5)
    scenarios = random_scenarios(rng, 50)
    count = len(scenarios)
    days, shift = np.zeros(count), np.zeros((len(scenarios.factors), count))
    days[1::3], shift[:, 2::3] = 3.0, 0.01  # the others stand beside columns that do age
    common = {
        n: getattr(scenarios, n)
        for n in ("price_scale", "vol_scale", "vol_shift", "vol_floor", "factors")
    }
    still = values(rs.Scenarios.of(**common))
    moved = values(rs.Scenarios.of(**common, horizon_days=days, rate_shift=shift))
    assert moved[:, ::3].tobytes() == still[:, ::3].tobytes()
    assert (moved[row("linear"), 1::3] != still[row("linear"), 1::3]).all()
    assert (moved[row("linear"), 2::3] != still[row("linear"), 2::3]).all()
    linear = slice(row("euro future"), None)
    assert moved[linear].tobytes() == still[linear].tobytes()  # neither drifts nor is discounted
    plain = rs.Scenarios.of(**common, horizon_days=np.zeros(count), rate_shift=0.0)
    assert (plain.horizon.size, plain.rate_shift.size) == (0, 0)


# --- figures worked by hand --------------------------------------------------------------------


def test_a_held_forward_by_hand() -> None:
    """No vol: the intrinsic value 1,125 is discounted at 4 % over what is left of a year."""
    days = np.array([0.0, 73.0, 365.0, 1_000.0])
    found = values(rs.Scenarios.of(1.0, horizon_days=days))[row("no vol")]
    left = np.array([1.0, 0.8, 0.0, 0.0])
    expected = 1_125.0 * (np.exp(-0.04 * left) - math.exp(-0.04))
    assert np.abs(found - expected).max() <= 1e-11
    base = rs.revalue(book(), market(), rs.Scenarios.of(1.0)).base[row("no vol")]
    assert found[2] + base == found[3] + base == 1_125.0  # cash, discounted no more
    shifted = values(rs.Scenarios.of(1.0, horizon_days=73.0, rate_shift=0.01))[row("no vol"), 0]
    assert abs(shifted - 1_125.0 * (math.exp(-0.05 * 0.8) - math.exp(-0.04))) <= 1e-11


def test_a_held_spot_by_hand() -> None:
    """Worth the formula of Black, Scholes and Merton with fewer years or another rate."""
    quotes = market()
    for days, shift, scale in ((91.25, 0.0, 1.0), (0.0, 0.02, 1.0), (182.5, -0.03, 0.9)):
        years, rate = 1.0 - days / 365.0, 0.04 + shift
        then = rs.bsm(5_000.0 * scale, 5_100.0, years, 0.2, rate, 0.015, is_call=True).value[0]
        now = rs.bsm(5_000.0, 5_100.0, 1.0, 0.2, 0.04, 0.015, is_call=True).value[0]
        scenarios = rs.Scenarios.of(scale, horizon_days=days, rate_shift=shift)
        assert abs(values(scenarios, quotes)[row("spot call"), 0] - (then - now)) <= 1e-9
        coin = rs.bsm(70_000.0 * scale, 68_000.0, years, 0.7, rate, 0.015, is_call=False).value[0]
        base = rs.bsm(70_000.0, 68_000.0, 1.0, 0.7, 0.04, 0.015, is_call=False).value[0]
        # coin / (70,000 scale) coins, each worth 70,000 scale
        gain = values(scenarios, quotes)[row("coin on spot"), 0]
        assert abs(gain - (coin - base)) <= 1e-8


def test_expiry_within_the_horizon_is_the_intrinsic_value_at_the_price() -> None:
    scenarios = rs.Scenarios.of([0.9, 1.1], horizon_days=1e5, rate_shift=0.5, vol_scale=3.0)
    cube = rs.revalue(book(), market(), scenarios)
    worth = cube.values + cube.base[:, None]
    for scale, s in ((0.9, 0), (1.1, 1)):
        assert worth[row("linear"), s] == max(5_125.0 * scale - 5_100.0, 0.0)
        assert worth[row("near"), s] == pytest.approx(max(4_900 - 5_010 * scale, 0.0), rel=1e-13)
        final = 5_000.0 * scale  # the spot, not today's forward
        assert worth[row("spot call"), s] == pytest.approx(max(final - 5_100, 0.0), rel=1e-12)
        paid = max(5_100.0 - final, 0.0) * 1.2 * scale  # in euros, which move as all else does
        assert worth[row("spot put"), s] == pytest.approx(paid, rel=1e-12)
        coins = max(70_400.0 * scale - 72_000.0, 0.0) / (70_400.0 * scale)
        assert worth[row("coin"), s] == pytest.approx(coins * 70_000.0 * scale, rel=1e-12)


def test_a_rate_moves_no_margined_contract_and_no_coin() -> None:
    found = values(rs.Scenarios.of(1.0, rate_shift=0.05, horizon_days=20.0))
    assert (found[row("euro future") :] == 0).all()


def test_currencies_alone_by_hand() -> None:
    """The euro falls by a tenth, a bitcoin is held: only what is paid in euros moves."""
    alone = rs.Scenarios.of([[1.0], [0.9]], factors=("*", "EUR"))
    found = values(alone)[:, 0]
    put = rs.revalue(book(), market(), alone).base[row("spot put")]
    expected = np.zeros(len(ROWS))
    expected[row("spot put")] = -0.1 * put
    assert np.abs(found - expected).max() <= 1e-12 * put
    assert found[row("euro future")] == 0.0  # marked to market: no gain, nothing to convert

    both = rs.Scenarios.of([[1.01], [0.9]], factors=("*", "EUR"))
    future = values(both)[row("euro future"), 0]
    assert future == pytest.approx(51.3 * 1.2 * 0.9, rel=1e-12)  # 51.30 euros at 1.08 dollars


def test_a_coin_future_gains_coins_at_the_price_of_the_scenario() -> None:
    """1 USD from 70,100: 1 / 70,100 - 1 / (0.8 x 70,100) coins, each worth 0.8 x 70,000."""
    fall = rs.Scenarios.of([[1.0], [0.8]], factors=("*", "BTC"))
    coins = 1 / 70_100 - 1 / (0.8 * 70_100)
    assert values(fall)[row("coin future"), 0] == pytest.approx(coins * 56_000.0, rel=1e-12)
    # The dated option takes the row of its underlying, and its coins the same price.
    assert values(fall)[row("coin"), 0] < 0
    assert values(fall)[row("coins"), 0] == -14_000.0
    assert (values(fall)[: row("coin"), 0] == 0).all()


# --- small steps are Greeks --------------------------------------------------------------------


def test_a_short_horizon_is_theta_and_a_small_shift_is_rho() -> None:
    instruments, quotes = book(), market()
    lots = rs.Portfolio.from_columns(
        instruments,
        account=["a"] * len(VOL),
        instrument=list(VOL),
        quantity=[1.0] * len(VOL),
    )
    greeks = rs.greeks(lots, quotes, by="leg")
    order = [list(VOL).index(name) for name in greeks.name]
    step = 1e-3  # days
    later = values(rs.Scenarios.of(1.0, horizon_days=step))[: len(VOL), 0][order]
    theta = later * 365.0 / step
    scale = np.abs(greeks.greeks.theta) + 1.0
    assert np.abs(theta - greeks.greeks.theta).max() <= 2e-4 * scale.max()
    assert (np.abs(theta - greeks.greeks.theta) <= 2e-4 * scale).all()
    h = 1e-6
    both = values(rs.Scenarios.of(1.0, rate_shift=[h, -h]))[: len(VOL)][order]
    rho = (both[:, 0] - both[:, 1]) / (2 * h)
    assert (np.abs(rho - greeks.greeks.rho) <= 1e-6 * (np.abs(greeks.greeks.rho) + 1.0)).all()


def test_time_is_additive_where_nothing_else_moves() -> None:
    """A market read ten days later, forwards and vols held, is the market ten days on."""
    instruments, quotes = book(), market()
    on = values(rs.Scenarios.of(1.0, horizon_days=10.0), quotes)
    tables = ("spot", "forward", "mark", "vol", "rate", "dividend_yield")
    later = rs.Market.of(
        "2026-02-15T12:00:00Z",
        **{t: {k: q.value for k, q in getattr(quotes, t).items()} for t in tables},
    )
    nothing = rs.Scenarios.of(1.0)
    gain = (
        rs.revalue(instruments, later, nothing).base - rs.revalue(instruments, quotes, nothing).base
    )
    assert np.abs(on[:, 0] - gain).max() <= 1e-8


def test_zero_rates_leave_discounts_alone() -> None:
    quotes = market(0.0, 0.0)
    found = values(rs.Scenarios.of(1.0, horizon_days=[10.0, 400.0]), quotes)
    base = rs.revalue(book(), quotes, rs.Scenarios.of(1.0)).base
    assert found[row("no vol"), 0] == 0.0  # no vol, no rate: time changes nothing
    assert found[row("no vol"), 1] == 0.0
    assert (found[list(OPTIONS), 0] <= 1e-12 * base[list(OPTIONS)]).all()  # time value decays


# --- joint scenarios ---------------------------------------------------------------------------


def test_joint_scenarios_move_factors_together() -> None:
    simple = {"BTC": [-0.2, 0.1, 0.0], "SPX": [-0.05, 0.02, 0.0], "EUR": [0.01, 0.0, -0.02]}
    joint = rs.Scenarios.joint(simple, vol_returns={"BTC": [0.5, 0.0, 0.1]}, horizon_days=1.0)
    log = {n: [math.log1p(x) for x in r] for n, r in simple.items()}
    logs = rs.Scenarios.joint(
        log, kind="log", vol_returns={"BTC": [math.log(1.5), 0.0, math.log(1.1)]}, horizon_days=1.0
    )
    assert np.abs(values(joint) - values(logs)).max() <= 1e-8
    moved = joint.on(market().on(book()))
    dated = moved.factors.index(f"BTC@{NEAR}")
    assert moved.price_scale[dated].tolist() == [0.8, 1.1, 1.0]
    assert moved.vol_scale[dated].tolist() == [1.5, 1.0, 1.1]
    assert moved.price_scale[moved.factors.index("USD")].tolist() == [1.0] * 3
    assert moved.horizon.tolist() == [1 / 365.0] * 3


def test_an_expiry_with_vols_of_its_own_keeps_the_returns_of_its_underlying() -> None:
    still = {"SPX": [0.0], "EUR": [0.0]}
    moved = rs.Scenarios.joint({"BTC": [-0.1]} | still, vol_returns={f"BTC@{NEAR}": [0.4]})
    found = moved.on(market().on(book()))
    dated, other = (found.factors.index(f"BTC@{e}") for e in (NEAR, FAR))
    assert (found.price_scale[dated, 0], found.vol_scale[dated, 0]) == (0.9, 1.4)
    assert (found.price_scale[other, 0], found.vol_scale[other, 0]) == (0.9, 1.0)


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "code", "column"),
    [
        ({"horizon_days": -1.0}, "E_RANGE", "horizon_days"),
        ({"horizon_days": [0.0, math.nan]}, "E_NOT_FINITE", "horizon_days"),
        ({"horizon_days": math.inf}, "E_NOT_FINITE", "horizon_days"),
        ({"horizon_days": [[1.0, 2.0]]}, "E_SHAPE", "horizon_days"),
        ({"horizon_days": [1.0, 2.0], "rate_shift": [0.0, 0.0, 0.1]}, "E_SHAPE", "scenarios"),
        ({"vol_scale": [[0.9], [0.5]]}, "E_SHAPE", "scenarios"),  # a column is rows of factors
        ({"rate_shift": [[0.1], [0.2]]}, "E_SHAPE", "scenarios"),
        ({"factors": ("BTC", "ETH", "BTC")}, "E_DUPLICATE", "factors"),
        ({"rate_shift": math.nan}, "E_NOT_FINITE", "rate_shift"),
        ({"rate_shift": "high"}, "E_DTYPE", "rate_shift"),
    ],
)
def test_impossible_shapes_are_refused(given: dict[str, Any], code: str, column: str) -> None:
    with pytest.raises(rs.InputError) as refused:
        rs.Scenarios.of(1.0, **given)
    assert (refused.value.code, refused.value.column) == (code, column)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"returns": {}}, "E_EMPTY"),
        ({"returns": {"BTC": [0.1], "ETH": [0.1, 0.2]}}, "E_SHAPE"),
        ({"returns": {"BTC": [0.1, math.nan]}}, "E_NOT_FINITE"),
        ({"returns": {"BTC": [0.1]}, "kind": "percent"}, "E_ARGUMENT"),
        ({"returns": {"BTC": [0.1]}, "vol_returns": {"BTC": [-1.5]}}, "E_VOL_NEGATIVE"),
        ({"returns": {"BTC": [0.1]}, "labels": ["a", "b"]}, "E_SHAPE"),
    ],
)
def test_impossible_returns_are_refused(given: dict[str, Any], code: str) -> None:
    with pytest.raises(rs.InputError) as refused:
        rs.Scenarios.joint(**given)
    assert refused.value.code == code


def test_a_factor_without_a_row_is_refused_unless_it_is_at_par() -> None:
    with pytest.raises(rs.InputError) as refused:
        values(rs.Scenarios.joint({"BTC": [0.1], "SPX": [0.0]}))
    assert (refused.value.code, refused.value.value) == ("E_UNKNOWN", "EUR")


@pytest.mark.parametrize(
    "given", [{"rate_shift": -1e4}, {"rate_shift": 1e308}, {"price_scale": 1e305}]
)
def test_what_leaves_float64_is_refused_by_row(given: dict[str, Any]) -> None:
    first = 3 if given.get("rate_shift", 0.0) > 0 else 0  # a discount of 0 is one; an infinite
    with pytest.raises(rs.InputError) as refused:  # forward over a held spot is none
        values(rs.Scenarios.of(**({"price_scale": 1.0} | given)))
    assert (refused.value.code, refused.value.row) == ("E_OVERFLOW", first)


@pytest.mark.parametrize(
    ("returns", "code", "row"),
    [({"BTC": []}, "E_EMPTY", None), ({"BTC": [0.1, -1.0], "ETH": [0.0, 0.0]}, "E_RANGE", 1)],
)
def test_returns_of_nothing_or_of_more_than_all_are_refused(
    returns: Any, code: str, row: int | None
) -> None:
    with pytest.raises(rs.InputError) as refused:
        rs.Scenarios.joint(returns)
    assert (refused.value.code, refused.value.row) == (code, row)
