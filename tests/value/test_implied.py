"""Implied vols: the inverse of the three models, to the last digits; what has none says why.

tests/cpp/test_implied.cpp holds many more against 256 bits.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskslide as rs
from riskslide import VolStatus, _core

MODELS = ("black76", "bsm", "bachelier")
EPSILON = 2.0**-52


def priced(model: str, underlying: Any, strike: Any, years: Any, vol: Any, **how: Any) -> rs.Greeks:
    return getattr(rs, model)(underlying, strike, years, vol, **how)


def lattice(model: str) -> dict[str, Any]:
    """1 hour to 50 years, vols of 1e-6 to 10, out to eight deviations and e^+-30 of the strike."""
    axes = np.meshgrid(
        [1 / 8_760, 0.01, 1.0, 50.0],
        [1e-6, 0.01, 0.2, 1.0, 10.0],
        np.linspace(-8.0, 8.0, 17),
        [False, True],
        indexing="ij",
    )
    years, vol, distance, is_call = (axis.ravel() for axis in axes)
    reach = np.clip(distance * vol * np.sqrt(years), -30.0, 30.0)
    if model == "bachelier":
        vol, strike = 100.0 * vol, 20.0 + 100.0 * reach
        underlying = np.full(strike.size, 20.0)
    else:
        underlying, strike = np.full(vol.size, 100.0), 100.0 * np.exp(reach)
    return {
        "underlying": underlying,
        "strike": strike,
        "years": years,
        "vol": vol,
        "is_call": is_call.astype(np.bool_),
    }


@pytest.mark.parametrize("model", MODELS)
def test_price_of_the_vol_of_a_price_is_that_price(model: str) -> None:
    """In units of what the kernel of prices promises: 1e-15 of the larger of spot and strike."""
    k = lattice(model)
    price = priced(model, k["underlying"], k["strike"], k["years"], k["vol"], is_call=k["is_call"])
    vol, status = rs.implied_vol(
        price.value,
        k["underlying"],
        k["strike"],
        k["years"],
        is_call=k["is_call"],
        model=model,
        errors="mask",
    )
    ok = status == VolStatus.OK
    assert 0.4 < ok.mean() < 1.0
    assert set(status.tolist()) <= {VolStatus.OK, VolStatus.BELOW, VolStatus.UNDETERMINED, 2}
    again = priced(model, k["underlying"], k["strike"], k["years"], vol, is_call=k["is_call"])
    size = np.maximum(np.abs(k["underlying"]), np.abs(k["strike"])) + price.value
    assert (np.abs(again.value - price.value)[ok] <= 4e-15 * size[ok]).all()
    # Where the price holds the vol's digits, the vol is that which made it.
    holds = ok & (price.vega * k["vol"] > 1e-3 * size)
    assert holds.sum() > 40
    assert np.abs(vol / k["vol"] - 1)[holds] == pytest.approx(0.0, abs=4e-12)


def exact_vol(model: str, row: dict[str, Any], start: float) -> tuple[Any, float]:
    """The vol by Newton's method in 60 digits, and how many errors of the price make one of it."""
    price, underlying, strike, years = (
        mp.mpf(row[name]) for name in ("price", "underlying", "strike", "years")
    )
    rate, growth = mp.mpf(row["rate"]), mp.mpf(row["dividend_yield"])
    cash = mp.exp(-rate * years)
    asset = mp.exp(-growth * years) if model == "bsm" else cash
    side = 1 if row["is_call"] else -1
    s = mp.mpf(start) * mp.sqrt(years)
    for _ in range(40):
        if model == "bachelier":
            d = (underlying - strike) / s
            value = cash * (side * (underlying - strike) * mp.ncdf(side * d) + s * mp.npdf(d))
            slope = cash * mp.npdf(d)
        else:
            d = mp.log(underlying * asset / (strike * cash)) / s + s / 2
            value = side * (
                underlying * asset * mp.ncdf(side * d) - strike * cash * mp.ncdf(side * (d - s))
            )
            slope = underlying * asset * mp.npdf(d)
        step = (value - price) / slope
        s -= step
        if abs(step) < mp.mpf(10) ** -30 * s:
            break
    return s / mp.sqrt(years), float(price / (slope * s))


@pytest.mark.parametrize("model", MODELS)
def test_vol_is_right_to_two_last_places_times_the_condition(model: str) -> None:
    numbers = np.random.default_rng(6)
    worst = 0.0
    with mp.workdps(60):
        for _ in range(60):
            years, vol = 10.0 ** numbers.uniform(-3.9, 1.6), 10.0 ** numbers.uniform(-2, 0.7)
            scale = 100.0 * vol * np.sqrt(years)
            strike = 100.0 * np.exp(np.clip(numbers.uniform(-6, 6) * scale / 100.0, -30, 30))
            if model == "bachelier":
                strike, vol = 100.0 + numbers.uniform(-6, 6) * scale, 100.0 * vol
            row = {
                "underlying": 100.0,
                "strike": float(strike),
                "years": float(years),
                "rate": float(numbers.uniform(-0.02, 0.08)),
                "dividend_yield": float(numbers.uniform(0, 0.04)) if model == "bsm" else 0.0,
                "is_call": bool(strike > 100.0),
            }
            carry = {"dividend_yield": row["dividend_yield"]} if model == "bsm" else {}
            how = {"rate": row["rate"], "is_call": row["is_call"], **carry}
            value = priced(model, 100.0, strike, years, vol, **how).value[0]
            row["price"] = float(value)
            found, status = rs.implied_vol(
                value, 100.0, strike, years, model=model, errors="mask", **how
            )
            if status[0] != VolStatus.OK or value < 1e-280:
                continue
            exact, condition = exact_vol(model, row, float(found[0]))
            missed = float(abs(found[0] / exact - 1)) / EPSILON / max(1.0, condition)
            worst = max(worst, missed)
    assert 0.0 < worst <= 2.0


def test_bounds_are_told_apart() -> None:
    """A call of 90 on a forward of 100: from 10 to 100; and half of a last place beside them."""
    price = [10.0 - 1e-9, 10.0, 10.0 + 1e-9, 100.0 - 1e-9, 100.0, 100.0 + 1e-9, -1.0, 0.0]
    vol, status = rs.implied_vol(price, 100.0, 90.0, 1.0, is_call=True, errors="mask")
    below, above, lost = VolStatus.BELOW, VolStatus.ABOVE, VolStatus.UNDETERMINED
    assert status.tolist() == [below, lost, 0, 0, lost, above, below, below]
    assert status.dtype == np.uint8
    assert (vol > 0).tolist() == [s == VolStatus.OK for s in status.tolist()]
    assert (vol[status != 0] == 0.0).all()


def test_out_of_the_money_no_price_above_zero_is_too_small() -> None:
    price = [5e-324, 1e-310, 1e-200, 1e-20]
    vol = rs.implied_vol(price, 100.0, 130.0, 0.5, is_call=True)
    assert (np.diff(vol) > 0).all() and vol[0] > 0.009
    at = rs.implied_vol([1e-300, 5e-324], 100.0, 100.0, 1.0, is_call=False, errors="mask")
    assert at[0] == pytest.approx([1e-302 * np.sqrt(2 * np.pi), 0.0], rel=1e-15)
    assert at[1].tolist() == [0, VolStatus.DOMAIN]  # 1e-325 is no double


@pytest.mark.parametrize("model", MODELS)
def test_calls_and_puts_of_one_strike_have_one_vol(model: str) -> None:
    strike = np.linspace(70.0, 140.0, 29)
    vol = 25.0 if model == "bachelier" else 0.25
    pair = [
        rs.implied_vol(
            priced(model, 100.0, strike, 0.5, vol, is_call=side).value,
            100.0,
            strike,
            0.5,
            is_call=side,
            model=model,
        )
        for side in (True, False)
    ]
    assert pair[0] == pytest.approx(pair[1], rel=1e-11)
    assert pair[0] == pytest.approx(np.full(29, vol), rel=1e-11)


def test_rate_and_discount_say_the_same() -> None:
    price, years = np.array([3.0, 7.0, 12.0]), np.array([0.25, 0.5, 2.0])
    by_rate = rs.implied_vol(price, 100.0, 101.0, years, rate=0.03, is_call=True)
    by_discount = rs.implied_vol(price, 100.0, 101.0, years, np.exp(-0.03 * years), is_call=True)
    assert by_rate == pytest.approx(by_discount, rel=1e-14)


def test_columns_broadcast_and_ints_and_lists_are_taken() -> None:
    vol = rs.implied_vol([4, 8], 100, [100, 100], 1, is_call=[True, False])
    assert vol.tolist() == [
        rs.implied_vol(p, 100.0, 100.0, 1.0, is_call=True)[0] for p in (4.0, 8.0)
    ]
    assert rs.implied_vol([], 100.0, 100.0, 1.0, is_call=True).size == 0


@pytest.mark.parametrize(
    ("change", "code", "column", "row"),
    [
        ({"price": [5.0, 101.0]}, "E_PRICE_ABOVE", "price", 1),
        ({"price": [5.0, -0.5]}, "E_PRICE_BELOW", "price", 1),
        ({"price": 0.0}, "E_VOL_UNDETERMINED", "price", 0),
        ({"price": [5.0, np.nan]}, "E_NOT_FINITE", "price", 1),
        ({"forward": [100.0, 0.0]}, "E_DOMAIN_FORWARD", "forward", 1),
        ({"forward": -1.0, "model": "bsm"}, "E_DOMAIN_FORWARD", "spot", 0),
        ({"strike": -1.0}, "E_DOMAIN_STRIKE", "strike", 0),
        ({"years": 0.0}, "E_EXPIRED", "years", 0),
        ({"discount": -1.0}, "E_DOMAIN_DISCOUNT", "discount", 0),
        ({"discount": 1.0, "rate": 0.0}, "E_ARGUMENT", "rate", None),
        ({"discount": 1.0, "model": "bsm"}, "E_ARGUMENT", "discount", None),
        ({"dividend_yield": 0.0}, "E_ARGUMENT", "dividend_yield", None),
        ({"model": "blakc76"}, "E_ARGUMENT", "model", None),
        ({"errors": "ignore"}, "E_ARGUMENT", "errors", None),
        ({"price": ["x"]}, "E_DTYPE", "price", None),
        ({"price": [1.0, 2.0], "strike": [1.0, 2.0, 3.0]}, "E_SHAPE", "arguments", None),
    ],
)
def test_what_has_no_vol_is_refused_by_name(
    change: dict[str, Any], code: str, column: str, row: int | None
) -> None:
    usual = {"price": 5.0, "forward": 100.0, "strike": 100.0, "years": 1.0, "is_call": True}
    with pytest.raises(rs.InputError) as caught:
        rs.implied_vol(**(usual | change))
    assert (caught.value.code, caught.value.column, caught.value.row) == (code, column, row)


def test_a_refused_price_is_shown_with_its_bounds_and_a_fix() -> None:
    with pytest.raises(rs.InputError) as caught:
        rs.implied_vol([20.0, 9.5], 100.0, 90.0, 1.0, 0.98, is_call=True)
    text = str(caught.value)
    assert text.startswith("E_PRICE_BELOW: price[1] = 9.5: must be between 9.8 and 98;")
    assert 'errors="mask"' in text


def test_masked_rows_leave_the_others_as_they_are() -> None:
    price = np.array([5.0, np.nan, 6.0, 500.0, np.inf, 7.0])
    vol, status = rs.implied_vol(price, 100.0, 100.0, 1.0, is_call=True, errors="mask")
    assert status.tolist() == [0, 4, 0, 2, 4, 0]
    alone = rs.implied_vol(price[[0, 2, 5]], 100.0, 100.0, 1.0, is_call=True)
    assert vol[[0, 2, 5]].tolist() == alone.tolist()


@pytest.mark.parametrize(
    ("act", "column"),
    [
        (lambda a, f: (a, f[:0].astype(np.float32), None), "vol"),
        (lambda a, f: (a, f, np.empty(2, dtype=np.int64)), "status"),
        (lambda a, f: ([f.astype(np.float32), *a[1:]], f, None), "price"),
    ],
)
def test_the_kernel_takes_no_other_type(act: Callable[[Any, Any], Any], column: str) -> None:
    inputs = [np.full(2, x) for x in (5.0, 100.0, 100.0, 1.0, 1.0, 0.0)]
    given_inputs, vol, status = act(inputs, np.empty(2))
    with pytest.raises(rs.InputError) as caught:
        _core.implied_vol(0, True, given_inputs, np.array([True]), vol, status, 0)
    assert (caught.value.code, caught.value.column) == ("E_DTYPE", column)


def test_threads_and_order_change_no_bit() -> None:
    numbers = np.random.default_rng(2)
    price, strike = numbers.uniform(0.0, 60.0, 5_000), numbers.uniform(50.0, 150.0, 5_000)
    how: dict[str, Any] = {"is_call": True, "errors": "mask"}
    vol, status = rs.implied_vol(price, 100.0, strike, 0.7, threads=1, **how)
    order = numbers.permutation(price.size)
    again, reason = rs.implied_vol(price[order], 100.0, strike[order], 0.7, threads=5, **how)
    assert again.tobytes() == vol[order].tobytes()
    assert reason.tolist() == status[order].tolist()


def american_book() -> dict[str, Any]:
    strike, side = np.linspace(80.0, 125.0, 10), np.arange(10) % 2 == 0
    return {"strike": strike, "years": 0.75, "rate": 0.04, "dividend_yield": 0.02, "is_call": side}


def test_american_prices_give_their_vols_back() -> None:
    held = american_book()
    price = rs.american(100.0, vol=0.3, **held).value
    found = rs.implied_vol(price, 100.0, model="american", **held)
    assert found == pytest.approx(np.full(10, 0.3), rel=1e-10)
    european = rs.implied_vol(price, 100.0, model="bsm", **held)
    assert (european > found).any()  # what early exercise is worth reads as vol


def test_american_rows_without_a_vol_say_why() -> None:
    held = american_book() | {"strike": 100.0, "is_call": False}
    price = [8.0, -1.0, 100.5, np.nan]
    vol, status = rs.implied_vol(price, 100.0, model="american", errors="mask", **held)
    assert status.tolist() == [0, VolStatus.BELOW, VolStatus.ABOVE, VolStatus.DOMAIN]
    assert vol[0] > 0.2 and (vol[1:] == 0.0).all()
    codes = ("E_PRICE_BELOW", "E_PRICE_ABOVE", "E_NOT_FINITE")
    for row, code in enumerate(codes, start=1):
        with pytest.raises(rs.InputError) as caught:
            rs.implied_vol([8.0, price[row]], 100.0, model="american", **held)
        assert (caught.value.code, caught.value.column, caught.value.row) == (code, "price", 1)
    with pytest.raises(rs.InputError) as caught:
        rs.implied_vol(
            [8.0], 100.0, model="american", **(held | {"rate": -0.01, "dividend_yield": -0.02})
        )
    assert caught.value.code == "E_TWO_BOUNDARIES"
    assert rs.implied_vol([], 100.0, model="american", **held).size == 0


number = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=300, deadline=None)
@given(number, number, number, number, number, number, st.booleans(), st.sampled_from(MODELS))
def test_any_input_gives_a_vol_or_a_reason(
    price: float,
    underlying: float,
    strike: float,
    years: float,
    rate: float,
    dividend_yield: float,
    is_call: bool,
    model: str,
) -> None:
    carry = {"dividend_yield": dividend_yield} if model == "bsm" else {}
    vol, status = rs.implied_vol(
        price,
        underlying,
        strike,
        years,
        is_call=is_call,
        model=model,
        errors="mask",
        rate=rate,
        **carry,
    )
    assert status[0] in tuple(VolStatus)
    assert np.isfinite(vol[0])
    assert (vol[0] > 0.0) == (status[0] == VolStatus.OK)


def test_the_signature_is_the_published_one() -> None:
    names = list(inspect.signature(rs.implied_vol).parameters)
    assert names[:5] == ["price", "forward", "strike", "years", "discount"]
