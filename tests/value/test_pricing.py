"""Guards the claim that prices and Greeks are those of the models, in whatever form asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mpmath as mp  # type: ignore[import-untyped]
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskslide as rs
from riskslide import _core
from riskslide.value import reference

MODELS = ("black76", "bsm", "bachelier")
PROPERTY = settings(max_examples=80, deadline=None, derandomize=True, database=None)


def price(
    model: str,
    underlying: Any,
    strike: Any,
    years: Any,
    vol: Any,
    rate: Any,
    is_call: Any,
    dividend_yield: float = 0.02,
    **more: Any,
) -> rs.Greeks:
    """One call for the three models; Bachelier's vol is given as a fraction of 100."""
    if model == "bsm":
        return rs.bsm(underlying, strike, years, vol, rate, dividend_yield, is_call=is_call, **more)
    if model == "bachelier":
        vol = np.asarray(vol) * 100.0
        return rs.bachelier(underlying, strike, years, vol, rate=rate, is_call=is_call, **more)
    return rs.black76(underlying, strike, years, vol, rate=rate, is_call=is_call, **more)


options = st.tuples(
    st.floats(60.0, 160.0),
    st.floats(0.01, 3.0),
    st.floats(0.05, 1.5),
    st.floats(-0.03, 0.12),
    st.booleans(),
)


@PROPERTY
@given(options)
@pytest.mark.parametrize("model", MODELS)
def test_put_call_parity(model: str, option: tuple[float, float, float, float, bool]) -> None:
    strike, years, vol, rate, _ = option
    call, put = (price(model, 100.0, strike, years, vol, rate, side) for side in (True, False))
    discount = np.exp(-rate * years)
    kept = np.exp(-0.02 * years) if model == "bsm" else discount
    forward = kept * 100.0 - discount * strike
    scale = 100.0 + strike
    assert abs(float(call.value[0] - put.value[0]) - forward) <= 4e-16 * scale * 2
    assert float(call.delta[0] - put.delta[0]) == pytest.approx(kept, rel=1e-14)
    assert float(call.gamma[0]) == float(put.gamma[0])
    assert float(call.vega[0]) == float(put.vega[0])


def central(function: Callable[[float], float], at: float, step: float) -> float:
    """First derivative, the error of order step**4."""
    near = (function(at + step) - function(at - step)) / (2 * step)
    far = (function(at + 2 * step) - function(at - 2 * step)) / (4 * step)
    return (4 * near - far) / 3


def figure_of(
    model: str, option: tuple[float, float, float, float, bool], greek: str, name: str
) -> Callable[[float], float]:
    """One Greek of an option at a spot of 100, as a function of one of its inputs."""
    strike, years, vol, rate, side = option
    held = {"underlying": 100.0, "years": years, "vol": vol, "rate": rate}

    def at(x: float) -> float:
        g = price(model, strike=strike, is_call=side, **(held | {name: x}))
        return float(getattr(g, greek)[0])

    return at


@PROPERTY
@given(options)
@pytest.mark.parametrize("model", MODELS)
def test_every_greek_is_the_derivative_it_is_named_after(
    model: str, option: tuple[float, float, float, float, bool]
) -> None:
    strike, years, vol, rate, side = option
    figure = partial(figure_of, model, option)
    g = price(model, 100.0, strike, years, vol, rate, side)
    width = 100.0 * vol * np.sqrt(years)  # over which the price bends
    step = 0.02 * width
    assert float(g.delta[0]) == pytest.approx(
        central(figure("value", "underlying"), 100.0, step), abs=2e-6
    )
    assert float(g.gamma[0]) * width == pytest.approx(
        central(figure("delta", "underlying"), 100.0, step) * width, abs=4e-6
    )
    per_vol = 100.0 if model == "bachelier" else 1.0  # price() takes Bachelier's vol per 100
    assert float(g.vega[0]) * per_vol == pytest.approx(
        central(figure("value", "vol"), vol, 0.01 * vol), rel=1e-5, abs=2e-5
    )
    assert float(g.theta[0]) == pytest.approx(
        -central(figure("value", "years"), years, 0.01 * years), rel=1e-5, abs=2e-4
    )
    assert float(g.rho[0]) == pytest.approx(
        central(figure("value", "rate"), rate, 1e-4), rel=1e-7, abs=1e-6
    )


@PROPERTY
@given(options)
@pytest.mark.parametrize("model", MODELS)
def test_second_order_greeks_are_the_derivatives_they_are_named_after(
    model: str, option: tuple[float, float, float, float, bool]
) -> None:
    strike, years, vol, rate, side = option
    figure = partial(figure_of, model, option)
    second = rs.SecondOrder.empty(1)
    first = price(model, 100.0, strike, years, vol, rate, side, second=second)
    assert_same_rows(first, price(model, 100.0, strike, years, vol, rate, side))
    per_vol = 100.0 if model == "bachelier" else 1.0
    assert float(second.vanna[0]) * per_vol == pytest.approx(
        central(figure("delta", "vol"), vol, 0.01 * vol), rel=1e-5, abs=1e-6
    )
    assert float(second.volga[0]) * per_vol == pytest.approx(
        central(figure("vega", "vol"), vol, 0.01 * vol), rel=1e-5, abs=1e-4
    )
    assert float(second.charm[0]) == pytest.approx(
        -central(figure("delta", "years"), years, 0.01 * years), rel=1e-5, abs=1e-5
    )


def assert_same_rows(one: rs.Greeks, other: rs.Greeks) -> None:
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_second_order_at_the_limits_is_the_change_of_a_discounted_step() -> None:
    """No vanna and volga; charm is what discounts delta times delta. No vol is too large for it."""
    years, vol = [0.0] * 6 + [1.0] * 3, [0.3] * 3 + [5e4] * 3 + [0.0] * 3
    for model in MODELS:
        for dividend in (0.0, 0.02):
            second = rs.SecondOrder.empty(9)
            strike = [80.0, 100.0, 120.0] * 3
            held: dict[str, Any] = {"dividend_yield": dividend, "second": second}
            first = price(model, 100.0, strike, years, vol, 0.05, True, **held)
            assert np.array_equal(second.vanna, np.zeros(9)), model
            assert np.array_equal(second.volga, np.zeros(9)), model
            rate = dividend if model == "bsm" else 0.05
            assert np.array_equal(second.charm, rate * first.delta), model


def test_second_refuses_what_is_no_second_order() -> None:
    with pytest.raises(rs.InputError, match="SecondOrder"):
        wrong: Any = rs.Greeks.empty(1)
        rs.black76(100.0, 90.0, 1.0, 0.2, is_call=True, second=wrong)
    with pytest.raises(rs.InputError, match="must hold 1 rows"):
        rs.black76(100.0, 90.0, 1.0, 0.2, is_call=True, second=rs.SecondOrder.empty(2))


def test_rho_of_a_forward_model_moves_the_discount_only() -> None:
    g = rs.black76(100.0, 90.0, 0.75, 0.4, rate=0.05, is_call=True)
    assert float(g.rho[0]) == -0.75 * float(g.value[0])


def test_rate_and_discount_say_the_same() -> None:
    by_rate = rs.black76(100.0, [80.0, 120.0], 0.5, 0.3, rate=0.04, is_call=True)
    by_discount = rs.black76(100.0, [80.0, 120.0], 0.5, 0.3, np.exp(-0.02), is_call=True)
    for one, other in zip(by_rate, by_discount, strict=True):
        assert one == pytest.approx(other, rel=1e-14)
    with pytest.raises(rs.InputError, match="not both") as refused:
        rs.black76(100.0, 80.0, 0.5, 0.3, 0.98, rate=0.04, is_call=True)
    assert refused.value.code == "E_ARGUMENT"


def exact(
    model: str, strike: float, years: float, vol: float, rate: float, side: bool
) -> tuple[Any, Any, Any, Any]:
    """value, delta, gamma, vega to 60 digits for an underlying of 100 and a yield of 0.02."""
    with mp.workdps(60):
        k, t, v, r, q = (mp.mpf(x) for x in (strike, years, vol, rate, 0.02))
        w, s, root = (1 if side else -1), mp.mpf(100), mp.sqrt(mp.mpf(years))
        d = mp.exp(-r * t)
        if model == "bachelier":
            sd = v * root
            z = (s - k) / sd
            value = d * (w * (s - k) * mp.ncdf(w * z) + sd * mp.npdf(z))
            return value, w * d * mp.ncdf(w * z), d * mp.npdf(z) / sd, d * root * mp.npdf(z)
        kept = mp.exp(-q * t) if model == "bsm" else d
        a, c, sd = kept * s, d * k, v * root
        d1 = mp.log(a / c) / sd + sd / 2
        value = w * (a * mp.ncdf(w * d1) - c * mp.ncdf(w * (d1 - sd)))
        density = mp.npdf(d1)
        return value, w * kept * mp.ncdf(w * d1), kept * density / (s * sd), a * root * density


@pytest.mark.parametrize("model", MODELS)
def test_value_and_greeks_against_60_digits(model: str) -> None:
    rng = np.random.default_rng(5)
    n = 300
    years = 10.0 ** rng.uniform(np.log10(1 / 8760), np.log10(5.0), size=n)
    vol = 10.0 ** rng.uniform(-2.0, np.log10(4.0), size=n)
    rate = rng.uniform(-0.02, 0.1, size=n)
    distance = np.clip(rng.normal(size=n) * 2.5, -8.0, 8.0) * vol * np.sqrt(years)
    strike = 100.0 * (1.0 + distance if model == "bachelier" else np.exp(distance))
    side = rng.random(n) < 0.5
    found = price(model, 100.0, strike, years, vol, rate, side)
    for i in range(n):
        scale = max(100.0, abs(strike[i]))
        given_vol = float(np.asarray(vol[i]) * 100.0) if model == "bachelier" else vol[i]
        value, *greeks = exact(model, strike[i], years[i], given_vol, rate[i], bool(side[i]))
        error = abs(float(mp.mpf(float(found.value[i])) - value))
        assert error <= max(1e-15 * scale, 1e-12 * abs(float(value))), (i, error)
        for name, wanted in zip(("delta", "gamma", "vega"), greeks, strict=True):
            got = mp.mpf(float(getattr(found, name)[i]))
            error = abs(float((got - wanted) / wanted))
            assert error <= 2e-14, (i, name, error)


@pytest.mark.parametrize("model", MODELS)
def test_greeks_equal_the_reference(model: str) -> None:
    rng = np.random.default_rng(6)
    n = 400
    strike = rng.uniform(50.0, 200.0, size=n)
    years = rng.choice([0.0, 0.02, 0.5, 2.0], size=n)
    vol = rng.choice([0.0, 0.1, 0.6, 2.0], size=n)
    rate, side = rng.uniform(-0.02, 0.1, size=n), rng.random(n) < 0.5
    found = price(model, 100.0, strike, years, vol, rate, side)
    given_vol = vol * 100.0 if model == "bachelier" else vol
    inputs = (100.0, strike, years, given_vol, rate, 0.02)
    expected = reference.greeks(MODELS.index(model), False, inputs, side)
    for name, scale in zip(rs.Greeks._fields, (200, 1, 1, 100, 500, 500), strict=True):
        difference = np.abs(getattr(found, name) - getattr(expected, name))
        assert difference.max() <= 1e-13 * scale, name
    second = rs.SecondOrder.empty(n)
    price(model, 100.0, strike, years, vol, rate, side, second=second)
    wanted = reference.second_order(MODELS.index(model), inputs, side)
    for name, a, b in zip(rs.SecondOrder._fields, second, wanted, strict=True):
        assert (np.abs(a - b) <= 1e-11 * (1.0 + np.abs(b))).all(), name


# --- the same question in other forms ----------------------------------------------------------

FORWARD = np.array([90.0, 100.0, 110.0, 123.5, 99.25])


def forms() -> dict[str, Any]:
    import pandas as pd

    wide = np.zeros((5, 3))
    wide[:, 1] = FORWARD
    raw = bytearray(b"\0" + FORWARD.tobytes())
    fixed = FORWARD.copy()
    fixed.flags.writeable = False
    return {
        "list": FORWARD.tolist(),
        "tuple": tuple(FORWARD.tolist()),
        "strided": np.repeat(FORWARD, 3)[::3],
        "reversed": FORWARD[::-1].copy()[::-1],
        "column of a matrix": wide[:, 1],
        "column of a Fortran matrix": np.asfortranarray(wide)[:, 1],
        "byte-swapped": FORWARD.astype(">f8"),
        "read-only": fixed,
        "object": FORWARD.astype(object),
        "float32": FORWARD.astype(np.float32),
        "series": pd.Series(FORWARD, index=list("edcba")),
        "misaligned": np.ndarray((5,), np.float64, buffer=raw, offset=1),
        "masked, nothing masked": np.ma.array(FORWARD, mask=[False] * 5),
    }


def same_bits(one: rs.Greeks, other: rs.Greeks) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("form", list(forms()))
def test_every_form_of_a_column_gives_the_same_bits(form: str) -> None:
    plain = rs.black76(FORWARD, 100.0, 0.5, 0.3, is_call=True)
    assert same_bits(rs.black76(forms()[form], 100.0, 0.5, 0.3, is_call=True), plain)


def test_numbers_zero_d_arrays_and_columns_broadcast() -> None:
    plain = rs.black76(FORWARD, np.full(5, 100.0), np.full(5, 0.5), [0.3] * 5, is_call=[True] * 5)
    zero_d = np.array(100.0)
    assert same_bits(rs.black76(FORWARD, zero_d, 0.5, np.float64(0.3), is_call=True), plain)
    assert same_bits(rs.black76(FORWARD, [100.0], [0.5], 0.3, is_call=np.array(1)), plain)
    assert rs.black76(100, 100, 1, 1, is_call=True).value.shape == (1,)


def test_no_rows_give_no_rows() -> None:
    found = rs.black76([], 100.0, 0.5, 0.3, is_call=True)
    assert [column.shape for column in found] == [(0,)] * 6


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (2**53 + 1, "E_INTEGER"),
        ([1, -(2**53) - 1], "E_INTEGER"),
        (np.array([2**60]), "E_INTEGER"),
        (np.array([2**53 + 1], dtype=object), "E_INTEGER"),
        (np.ma.array(FORWARD, mask=[False, False, True, False, False]), "E_NOT_FINITE"),
        (
            np.ma.array([90, 100, 110, 120, 130], mask=[False, False, True, False, False]),
            "E_NOT_FINITE",
        ),
        (np.ones((2, 2)), "E_SHAPE"),
        ("100", "E_DTYPE"),
        (["90", "100"], "E_DTYPE"),
        (1j, "E_DTYPE"),
        (None, "E_DTYPE"),
        ([90.0, None], "E_DTYPE"),
        (np.array(["2026-02-05"], dtype="datetime64[D]"), "E_DTYPE"),
    ],
)
def test_what_is_no_column_of_numbers_is_refused(value: Any, code: str) -> None:
    with pytest.raises(rs.InputError) as refused:
        rs.black76(value, 100.0, 0.5, 0.3, is_call=True)
    assert (refused.value.code, refused.value.column) == (code, "forward")


def test_whole_numbers_up_to_two_to_the_53_are_taken() -> None:
    assert float(rs.bachelier(2**53, 0.0, 0.0, 0.0, is_call=True).value[0]) == 2.0**53


@pytest.mark.parametrize(
    "side", ["call", np.nan, 2, [True, None], np.ma.array([True, False], mask=[False, True])]
)
def test_a_side_that_is_neither_is_refused(side: Any) -> None:
    with pytest.raises(rs.InputError) as refused:
        rs.black76(100.0, 100.0, 0.5, 0.3, is_call=side)
    assert refused.value.column == "is_call"


def test_columns_of_two_lengths_are_refused() -> None:
    with pytest.raises(rs.InputError) as refused:
        rs.black76(FORWARD, [1.0, 2.0], 0.5, 0.3, is_call=True)
    assert refused.value.code == "E_SHAPE"


# --- memory and threads ------------------------------------------------------------------------


def test_out_is_filled_and_returned() -> None:
    out = rs.Greeks.empty(5)
    addresses = [column.ctypes.data for column in out]
    found = rs.black76(FORWARD, 100.0, 0.5, 0.3, is_call=True, out=out)
    assert found is out
    assert [column.ctypes.data for column in found] == addresses
    assert same_bits(out, rs.black76(FORWARD, 100.0, 0.5, 0.3, is_call=True))


def with_value(column: Any) -> rs.Greeks:
    return rs.Greeks.empty(5)._replace(value=column)


def read_only(size: int) -> Any:
    column = np.empty(size)
    column.flags.writeable = False
    return column


@pytest.mark.parametrize(
    ("out", "code"),
    [
        (rs.Greeks.empty(4), "E_SHAPE"),
        (rs.Greeks.empty(5)._replace(rho=np.empty(4)), "E_SHAPE"),
        (tuple(np.empty(5) for _ in range(6)), "E_DTYPE"),
        (with_value(read_only(5)), "E_DTYPE"),
        (with_value(np.empty(10)[::2]), "E_DTYPE"),
        (with_value(np.empty(5, dtype=np.float32)), "E_DTYPE"),
        (with_value(np.empty(5, dtype=">f8")), "E_DTYPE"),
    ],
)
def test_memory_that_does_not_fit_is_refused(out: Any, code: str) -> None:
    with pytest.raises(rs.InputError) as refused:
        rs.black76(FORWARD, 100.0, 0.5, 0.3, is_call=True, out=out)
    assert refused.value.code == code


def test_outputs_own_their_memory_and_inputs_are_left_alone() -> None:
    before = FORWARD.tobytes()
    found = rs.black76(FORWARD, 100.0, 0.5, 0.3, is_call=True)
    assert FORWARD.tobytes() == before
    assert not any(np.shares_memory(column, FORWARD) for column in found)
    assert all(column.flags.owndata and column.flags.writeable for column in found)


@pytest.mark.parametrize(
    "column",
    [
        FORWARD.astype(np.float32),
        FORWARD.astype(">f8"),
        np.repeat(FORWARD, 2)[::2],
        np.ndarray((5,), np.float64, buffer=bytearray(41), offset=1),
        FORWARD.tolist(),
        FORWARD.reshape(1, 5),
    ],
)
def test_the_kernel_takes_exact_columns_only(column: Any) -> None:
    one, side = np.array([1.0]), np.array([True])
    out = list(rs.Greeks.empty(5))
    with pytest.raises(rs.InputError) as refused:
        _core.greeks(0, False, [column, one, one, one, one, one], side, out, 0)
    assert refused.value.code in ("E_DTYPE", "E_SHAPE")
    assert refused.value.column == "underlying"


@pytest.mark.parametrize("model", MODELS)
def test_any_number_of_threads_gives_the_same_bits(model: str) -> None:
    strike = np.linspace(20.0, 300.0, 5_000)
    one = price(model, 100.0, strike, 0.5, 0.3, 0.02, True, threads=1)
    for threads in (2, 5, None):
        assert same_bits(price(model, 100.0, strike, 0.5, 0.3, 0.02, True, threads=threads), one)


def test_a_row_alone_gives_the_bits_it_gives_in_company() -> None:
    strike = np.linspace(20.0, 300.0, 1_100)
    whole = rs.black76(100.0, strike, 0.5, 0.3, is_call=True)
    for row in (0, 1, 7, 8, 1_023, 1_024, 1_099):
        alone = rs.black76(100.0, strike[row], 0.5, 0.3, is_call=True)
        assert [float(c[0]) for c in alone] == [float(c[row]) for c in whole]


@pytest.mark.parametrize("threads", [-1, -(2**31)])
def test_a_negative_number_of_threads_is_refused(threads: int) -> None:
    with pytest.raises(rs.InputError) as refused:
        rs.black76(100.0, 100.0, 0.5, 0.3, is_call=True, threads=threads)
    assert refused.value.code == "E_THREADS"


def test_the_normal_model_scales_with_its_prices() -> None:
    """Its vol and deviation are prices: none is too large or too small but by float64."""
    second = rs.SecondOrder.empty(1)
    one = rs.bachelier(3.0, 2.5, 0.5, 0.7, rate=0.02, is_call=True, second=second)
    for power in (-900, -400, 400, 900):
        size = 2.0**power
        more = rs.SecondOrder.empty(1)
        found = rs.bachelier(
            3.0 * size, 2.5 * size, 0.5, 0.7 * size, rate=0.02, is_call=True, second=more
        )
        for name, per in (("value", 1), ("delta", 0), ("gamma", -1), ("vega", 0), ("theta", 1)):
            expected = getattr(one, name)[0] * size**per
            assert getattr(found, name)[0] == pytest.approx(expected, rel=1e-15), (power, name)
        assert more.charm[0] == pytest.approx(second.charm[0], rel=1e-15)


def test_a_second_distance_past_forty_still_counts() -> None:
    """Against 60 digits: a vol of 4,300 % over prices 400 decades apart."""
    found = rs.bsm(1e-200, 1e200, 1.0, 43.0, is_call=True)
    with mp.workdps(60):
        d1 = mp.log(mp.mpf(1e-200) / mp.mpf(1e200)) / 43 + mp.mpf(43) / 2
        asset = mp.mpf(1e-200) * mp.ncdf(d1)
        cash = mp.mpf(1e200) * mp.ncdf(d1 - 43)
    assert float(found.value[0]) == pytest.approx(float(asset - cash), rel=1e-11)
    assert float(found.rho[0]) == pytest.approx(float(cash), rel=1e-11)


@pytest.mark.parametrize("years", [0.0, 5e-324, 1e-310])
@pytest.mark.parametrize("vol", [0.3, 1e6, 1e99])
def test_second_order_is_finite_where_nothing_is_left_to_happen(years: float, vol: float) -> None:
    for model in MODELS:
        second = rs.SecondOrder.empty(2)
        found = price(model, 100.0, [1e-100, 1e100], years, vol, 0.01, True, second=second)
        assert all(np.isfinite(c).all() for c in (*found, *second)), model
