"""Guards American options: published values, the limits, each Greek by differences, symmetry, the
slow twin, and books that hold them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import riskslide as rs
from riskslide import _core
from riskslide.value import reference
from riskslide.value.exposure import cash_delta, option_delta, unit_greeks

# Andersen, Lake, Offengenden, "High performance American option pricing" (2016), table 2: the
# premium of a put of S = K = 100, dividend yield 5 %, vol 25 %, one year.
PREMIUMS = ((0.05, 0.106952702747, 1e-7), (0.075, 0.3671111267813689, 1e-6))
# Converged by the integral equation and a second method each: S, K, days, vol, r, q, call, value.
CONVERGED = (
    (100.0, 120.0, 3650, 0.25, 0.1, 0.03, False, 23.00030539),
    (120.0, 100.0, 3650, 0.25, 0.03, 0.1, True, 23.00030539),
    (100.0, 100.0, 365, 0.25, 0.0, 0.025, True, 8.8653652),
    (100.0, 100.0, 365, 100.0, 0.01, 0.05, True, 99.98748788),
    (100.0, 100.0, 365, 0.25, 0.1, 10.0, True, 0.11593694),
    (100.0, 100.0, 62_050, 0.25, 0.01, 0.002, True, 80.39025026),
)
# Boundaries that want the fine rule: QuantLib's QdFp engine of high precision. The same columns.
BENT = (
    (65.0, 100.0, 845, 0.55, 0.08, 0.096, False, 43.711723448714),
    (128.0, 100.0, 815, 0.38, 0.081, 0.072, True, 38.694076520333),
    (94.0, 100.0, 942, 0.47, 0.082, 0.093, False, 28.20131047369532),
)
Columns = dict[str, Any]


def random_options(seed: int, count: int) -> Columns:
    rng = np.random.default_rng(seed)
    return {
        "spot": rng.uniform(60.0, 140.0, count),
        "strike": np.full(count, 100.0),
        "years": np.exp(rng.uniform(np.log(0.02), np.log(4.0), count)),
        "vol": rng.uniform(0.05, 0.8, count),
        "rate": rng.uniform(0.0, 0.12, count),
        "dividend_yield": rng.uniform(0.0, 0.12, count),
        "is_call": rng.random(count) < 0.5,
    }


def exercised(found: rs.Greeks, options: Columns) -> np.ndarray[Any, np.dtype[np.bool_]]:
    side = np.where(options["is_call"], 1.0, -1.0)
    return (found.delta == side) & (found.gamma == 0.0)


@pytest.mark.parametrize(("rate", "premium", "tolerance"), PREMIUMS)
def test_premiums_of_the_paper(rate: float, premium: float, tolerance: float) -> None:
    terms = (100.0, 100.0, 1.0, 0.25, rate, 0.05)
    found = rs.american(*terms, is_call=False).value - rs.bsm(*terms, is_call=False).value
    assert abs(float(found[0]) - premium) < tolerance


@pytest.mark.parametrize("row", [*CONVERGED, *BENT])
def test_converged_values_within_a_hundred_millionth_of_the_strike(row: tuple[Any, ...]) -> None:
    spot, strike, days, vol, rate, dividend, call, value = row
    found = rs.american(spot, strike, days / 365, vol, rate, dividend, is_call=call).value[0]
    assert abs(found - value) < 2e-8 * strike


def test_a_call_is_a_put_with_spot_and_strike_and_rates_exchanged() -> None:
    o = random_options(1, 300)
    call = rs.american(**o | {"is_call": True}).value
    put = rs.american(
        o["strike"], o["spot"], o["years"], o["vol"], o["dividend_yield"], o["rate"], is_call=False
    ).value
    assert np.abs(call - put).max() < 2e-6


def test_worth_the_european_option_and_the_intrinsic_value_at_least() -> None:
    o = random_options(2, 1000)
    found, side = rs.american(**o), np.where(o["is_call"], 1.0, -1.0)
    assert (found.value >= rs.bsm(**o).value).all()
    assert (found.value >= side * (o["spot"] - o["strike"])).all()
    assert exercised(found, o).any() and not exercised(found, o).all()


def test_more_vol_or_life_is_never_worth_less() -> None:
    o = random_options(3, 500)
    for name in ("vol", "years"):
        assert (
            rs.american(**o | {name: 1.01 * o[name]}).value > rs.american(**o).value - 1e-9
        ).all()


DIFFERENCES: tuple[tuple[str, str, str, float, float], ...] = (
    ("delta", "value", "spot", 1e-3, 1.0),
    ("gamma", "delta", "spot", 1e-3, 1.0),
    ("vega", "value", "vol", 1e-3, 1.0),
    ("theta", "value", "years", 1e-3, -1.0),
    ("rho", "value", "rate", 1e-3, 1.0),
)


@pytest.mark.parametrize(("name", "of", "by", "step", "sign"), DIFFERENCES)
def test_greeks_are_differences_of_values(
    name: str, of: str, by: str, step: float, sign: float
) -> None:
    o = random_options(4, 400)
    o["rate"] = np.maximum(o["rate"], 1e-3)
    move = step * o[by]

    def at(steps: int) -> Any:
        found = rs.american(**o | {by: o[by] + steps * move})
        return getattr(found, of), exercised(found, o)

    (up2, e0), (up, _), (down, _), (down2, e1) = at(2), at(1), at(-1), at(-2)
    slope = sign * (8.0 * (up - down) - (up2 - down2)) / (12.0 * move)
    given = getattr(rs.american(**o), name)
    held = ~(e0 | e1)  # no step crosses the boundary, where all but delta jump
    assert held.sum() > 150
    error = np.abs(slope - given) / (0.01 + np.abs(given))
    assert np.quantile(error[held], 0.95) < 1e-6
    assert error[held].max() < 2e-3


def test_limits_without_life_or_vol() -> None:
    for call, spot in ((True, 120.0), (False, 80.0)):
        found = rs.american(spot, 100.0, 0.0, 0.3, 0.05, 0.02, is_call=call)
        assert found.value[0] == 20.0 and found.delta[0] == (1.0 if call else -1.0)
    put = rs.american(100.0, 120.0, 40.0, 0.0, 0.01, 0.5, is_call=False)
    best = np.log(0.01 * 120.0 / (0.5 * 100.0)) / (0.01 - 0.5)
    worth = 120.0 * np.exp(-0.01 * best) - 100.0 * np.exp(-0.5 * best)
    assert put.value[0] == pytest.approx(worth, rel=1e-14)
    assert put.gamma[0] == put.vega[0] == 0.0
    assert rs.american(100.0, 120.0, 1.0, 0.0, 0.05, 0.0, is_call=False).value[0] == 20.0


def test_never_exercised_early_is_the_european_option_to_the_bit() -> None:
    o = random_options(5, 200)
    for call, rates in ((True, {"dividend_yield": 0.0}), (False, {"rate": 0.0})):
        terms = o | rates | {"is_call": call}
        for a, b in zip(rs.american(**terms), rs.bsm(**terms), strict=True):
            assert (a == b).all()


def test_deep_in_the_money_is_exercised() -> None:
    found = rs.american(40.0, 100.0, 1.0, 0.2, 0.05, 0.0, is_call=False)
    assert [float(c[0]) for c in found] == [60.0, -1.0, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("call", "rate", "dividend"), [(False, -0.01, -0.02), (True, -0.02, -0.01)]
)
def test_two_boundaries_are_refused_by_name(call: bool, rate: float, dividend: float) -> None:
    with pytest.raises(rs.InputError) as caught:
        rs.american([100.0, 100.0], 100.0, 1.0, 0.2, [0.01, rate], [0.0, dividend], is_call=call)
    assert (caught.value.code, caught.value.column, caught.value.row) == (
        "E_TWO_BOUNDARIES",
        "rate",
        1,
    )


def test_agrees_with_the_slow_twin() -> None:
    o = random_options(6, 12)
    o["years"] = np.minimum(o["years"], 1.0)
    inputs = [o[n] for n in ("spot", "strike", "years", "vol", "rate", "dividend_yield")]
    slow, fast = reference.greeks(reference.AMERICAN, False, inputs, o["is_call"]), rs.american(**o)
    assert np.abs(slow.value - fast.value).max() < 2e-3
    held = ~exercised(fast, o)
    assert np.abs(slow.delta - fast.delta)[held].max() < 5e-3
    assert np.abs(slow.vega - fast.vega)[held].max() < 0.1
    assert np.abs(slow.rho - fast.rho)[held].max() < 0.1


def test_the_same_bits_on_every_instruction_set() -> None:
    code = (
        "import hashlib, numpy as np, riskslide as rs; r = np.random.default_rng(7); n = 200\n"
        "u = r.uniform; f = rs.american(u(60, 140, n), 100.0, u(0.02, 3, n), u(0.05, 0.8, n),"
        " u(-0.01, 0.1, n), u(0, 0.1, n), is_call=False)\n"
        "print(hashlib.sha256(b''.join(c.tobytes() for c in f)).hexdigest(), end='')"
    )

    def digest(isa: str) -> str:
        found = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"RISKSLIDE_ISA": isa},
            capture_output=True,
            text=True,
            check=False,
        )
        if "this processor runs" in found.stderr:
            return ""
        assert found.returncode == 0, found.stderr
        return found.stdout

    digests = {digest(isa) for isa in ("baseline", "x86-64-v3", "x86-64-v4")} - {""}
    assert len(digests) == 1


def implied(price: Any, o: Columns) -> tuple[Any, Any]:
    inputs = [o[n] for n in ("spot", "strike", "years", "rate", "dividend_yield")]
    return _core.american_implied_vol([price, *inputs], o["is_call"])


def test_implied_vols_give_the_price_and_the_vol_back() -> None:
    o = random_options(8, 200)
    found = rs.american(**o)
    vol, status = implied(found.value, o)
    assert set(status) == {0, 3}
    assert ((status == 3) >= exercised(found, o)).all()
    good = status == 0
    again = rs.american(**o | {"vol": np.where(good, vol, o["vol"])}).value
    assert np.abs(again - found.value).max() < 1e-12
    loss = 2.3e-16 * (1.0 + found.value / np.maximum(found.vega * o["vol"], 1e-300))
    assert (np.abs(vol / o["vol"] - 1.0) / loss)[good].max() < 100.0


@pytest.mark.parametrize(
    ("price", "rate", "dividend", "status"),
    [
        (19.0, 0.05, 0.0, 1),
        (100.0, 0.05, 0.0, 2),
        (20.0, 0.05, 0.0, 3),
        (21.0, -0.01, -0.02, 4),
        (np.nan, 0.05, 0.0, 4),
    ],
)
def test_what_has_no_implied_vol_says_why(
    price: float, rate: float, dividend: float, status: int
) -> None:
    one = {
        "spot": np.array([80.0]),
        "strike": np.array([100.0]),
        "years": np.array([1.0]),
        "rate": np.array([rate]),
        "dividend_yield": np.array([dividend]),
        "is_call": np.array([False]),
    }
    vol, why = implied(np.array([price]), one)
    assert (vol[0], why[0]) == (0.0, status)


# --- books -------------------------------------------------------------------------------------

AS_OF, EXPIRY = "2026-02-05T12:00:00Z", "2027-02-05T12:00:00Z"  # 365 days


def book(style: str, model: str = "bsm") -> tuple[rs.Instruments, rs.Market]:
    rows = rs.Instruments.from_columns(
        name=["P", "C"],
        kind="option",
        underlying="XYZ",
        expiry=EXPIRY,
        strike=[110.0, 90.0],
        option_type=["put", "call"],
        style=style,
        model=model,
        currency="USD",
    )
    market = rs.Market.of(
        AS_OF,
        spot={"XYZ": 100.0},
        forward={("XYZ", EXPIRY): 100.0} if model == "black76" else {},
        rate={"XYZ": 0.06},
        dividend_yield={"XYZ": 0.02} if model == "bsm" else {},
        vol={"P": 0.3, "C": 0.25},
    )
    return rows, market


def expected(
    model: str, price: float, vol: float, years: float = 1.0, rate: float = 0.06
) -> rs.Greeks:
    dividend = 0.02 if model == "bsm" else rate
    vols = np.maximum(np.array([0.3, 0.25]) + vol, 0.0)
    strikes = [110.0, 90.0]
    return rs.american(price, strikes, years, vols, rate, dividend, is_call=[False, True])


MOVES = {
    "price_scale": [1.0, 0.8, 1.0, 1.1, 1.3, 1.0, 0.9, 1.0],
    "vol_shift": [0.0, 0.0, 0.1, 0.1, -0.1, 0.0, 0.1, 0.0],
    "horizon_days": [0.0, 0.0, 0.0, 0.0, 0.0, 73.0, 73.0, 365.0],
    "rate_shift": [0.0, 0.0, 0.0, 0.0, 0.02, 0.0, 0.01, 0.0],
}


@pytest.mark.parametrize("model", ["bsm", "black76"])
def test_cells_are_what_american_gives_at_the_shocked_price_vol_life_and_rate(model: str) -> None:
    cube = rs.revalue(*book("american", model), rs.Scenarios.of(**MOVES))
    for s, (scale, shift, days, rate) in enumerate(zip(*MOVES.values(), strict=True)):
        wanted = expected(model, 100.0 * scale, shift, 1.0 - days / 365.0, 0.06 + rate).value
        assert np.abs(cube.base + cube.values[:, s] - wanted).max() < 1e-9
    assert (cube.values[:, 0] == 0.0).all()
    european = rs.revalue(*book("european", model), rs.Scenarios.of(**MOVES)).base
    assert (cube.base > european).all()


@pytest.mark.parametrize("model", ["bsm", "black76"])
def test_a_cube_that_is_not_held_and_the_slow_twin_agree(model: str) -> None:
    rows, market = book("american", model)
    state, scenarios = market.on(rows), rs.Scenarios.of(**MOVES)
    assert state.warnings == ()
    cube = rs.revalue(rows, market, scenarios)
    slow, base, _ = reference.revalue(state, scenarios)
    assert np.abs(slow - cube.values).max() < 5e-3 and np.abs(base - cube.base).max() < 5e-3
    positions = rs.Positions.from_columns(np.array([0, 0]), np.array([0, 1]), np.array([2, -3]))
    lazy = rs.aggregate(positions, rs.Revaluation(rows, state, scenarios))
    assert (lazy == rs.aggregate(positions, cube)).all()


def test_a_price_at_zero_is_the_limit() -> None:
    cube = rs.revalue(*book("american"), rs.Scenarios.of([0.0, 1.0]))
    assert cube.base + cube.values[:, 0] == pytest.approx([110.0, 0.0], abs=1e-12)


@pytest.mark.parametrize("model", ["bsm", "black76"])
def test_greeks_and_cash_deltas_of_books_are_those_of_american(model: str) -> None:
    rows, market = book("american", model)
    state, wanted = market.on(rows), expected(model, 100.0, 0.0)
    first, second = unit_greeks(state, np.full(2, 100.0))
    for found, right in zip(first, wanted, strict=True):
        assert found == pytest.approx(right, abs=1e-12)
    assert cash_delta(state) == pytest.approx(100.0 * wanted.delta, abs=1e-9)
    step = 1e-3
    up, down = expected(model, 100.0, step), expected(model, 100.0, -step)
    assert second.vanna == pytest.approx((up.delta - down.delta) / (2 * step), abs=1e-4)
    assert second.volga == pytest.approx((up.vega - down.vega) / (2 * step), abs=1e-2)
    older = expected(model, 100.0, 0.0, 1.0 - step)
    assert second.charm == pytest.approx((older.delta - wanted.delta) / step, abs=1e-3)


@pytest.mark.parametrize("model", ["bsm", "black76"])
def test_the_slow_twin_gives_the_same_deltas_and_greeks(model: str) -> None:
    rows, market = book("american", model)
    state = market.on(rows)
    for kernel, twin in (
        (cash_delta, reference.cash_delta),
        (option_delta, reference.option_delta),
    ):
        assert kernel(state) == pytest.approx(twin(state), rel=2e-3)
    (first, second), (slow, slow_second) = (
        greeks_of(state, np.full(2, 100.0)) for greeks_of in (unit_greeks, reference.unit_greeks)
    )
    for found, right in zip(first, slow, strict=True):
        assert found == pytest.approx(right, rel=1e-2)
    assert second.vanna == pytest.approx(slow_second.vanna, rel=0.05, abs=0.01)


def test_american_options_settled_in_coin_or_of_normal_vol_are_told_as_european() -> None:
    rows, market = book("american", "bachelier")
    told = market.on(rows).warnings
    assert [w.split(":")[0] for w in told] == ["W_AMERICAN_AS_EUROPEAN"]


def test_two_boundaries_of_a_book_are_refused_by_name() -> None:
    rows, _ = book("american")
    negative = rs.Market.of(
        AS_OF,
        spot={"XYZ": 100.0},
        rate={"XYZ": -0.01},
        dividend_yield={"XYZ": -0.02},
        vol={"P": 0.3, "C": 0.25},
    )
    with pytest.raises(rs.InputError) as caught:
        rs.revalue(rows, negative, rs.Scenarios.of([1.0]))
    assert caught.value.code == "E_TWO_BOUNDARIES"
