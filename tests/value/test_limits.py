"""Guards the claim that the limits of the models are exact and what lies beyond them is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskslide as rs

PROPERTY = settings(max_examples=80, deadline=None, derandomize=True, database=None)
DISCOUNT = 0.95


def step_of(side: float, distance: float) -> float:
    """Delta of the limit, undiscounted: side inside the money, half of it at the money."""
    return side * (0.5 if distance == 0 else float(side * distance > 0))


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("strike", [80.0, 100.0, 120.0])
@pytest.mark.parametrize(("years", "vol"), [(0.5, 0.0), (0.0, 0.3), (0.0, 0.0)])
@pytest.mark.parametrize("function", [rs.black76, rs.bachelier])
def test_forward_models_without_deviation_give_the_discounted_intrinsic(
    function: Any, years: float, vol: float, strike: float, is_call: bool
) -> None:
    side = 1.0 if is_call else -1.0
    g = function(100.0, strike, years, vol, DISCOUNT, is_call=is_call)
    value = DISCOUNT * max(side * (100.0 - strike), 0.0)
    rate = -math.log(DISCOUNT) / years if years else 0.0
    assert float(g.value[0]) == value
    assert float(g.delta[0]) == DISCOUNT * step_of(side, 100.0 - strike)
    assert (float(g.gamma[0]), float(g.vega[0])) == (0.0, 0.0)
    assert float(g.theta[0]) == pytest.approx(rate * value, rel=1e-15)
    assert float(g.rho[0]) == -years * value


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("strike", [80.0, 102.0, 120.0])
@pytest.mark.parametrize(("years", "vol"), [(0.5, 0.0), (0.0, 0.3), (0.0, 0.0)])
def test_bsm_without_deviation_gives_the_intrinsic_of_the_forward(
    years: float, vol: float, strike: float, is_call: bool
) -> None:
    rate, dividend = 0.09, 0.03  # the forward in half a year, 103.05, lies above spot and 102
    side = 1.0 if is_call else -1.0
    asset, cash = 100.0 * math.exp(-dividend * years), strike * math.exp(-rate * years)
    step = step_of(side, asset - cash)
    g = rs.bsm(100.0, strike, years, vol, rate, dividend, is_call=is_call)
    assert float(g.value[0]) == pytest.approx(max(side * (asset - cash), 0.0), rel=1e-14)
    assert float(g.delta[0]) == pytest.approx(math.exp(-dividend * years) * step, rel=1e-15)
    assert (float(g.gamma[0]), float(g.vega[0])) == (0.0, 0.0)
    assert float(g.theta[0]) == pytest.approx((dividend * asset - rate * cash) * step, rel=1e-13)
    assert float(g.rho[0]) == pytest.approx(years * cash * step, rel=1e-13)


def test_bsm_at_the_money_of_spot_and_forward_takes_half_a_step() -> None:
    assert float(rs.bsm(100.0, 100.0, 0.0, 0.3, 0.05, 0.01, is_call=True).delta[0]) == 0.5
    assert float(rs.bsm(100.0, 100.0, 1.0, 0.0, is_call=False).delta[0]) == -0.5


@pytest.mark.parametrize("function", [rs.black76, rs.bsm, rs.bachelier])
@pytest.mark.parametrize("strike", [80.0, 100.0, 120.0])
def test_prices_approach_their_limit_without_a_jump(function: Any, strike: float) -> None:
    limit = float(function(100.0, strike, 1.0, 0.0, is_call=True).value[0])
    before = math.inf
    for vol in (1e-2, 1e-4, 1e-8, 1e-16, 1e-60, 1e-140, 1e-160, 1e-300, 5e-324):
        value = float(function(100.0, strike, 1.0, vol, is_call=True).value[0])
        assert limit <= value <= before
        assert value - limit <= 40.0 * vol * (1.0 if function is rs.bachelier else 100.0)
        before = value


@PROPERTY
@given(
    st.floats(1e-12, 1e12),
    st.floats(1e-12, 1e12),
    st.floats(0.0, 200.0),
    st.floats(0.0, 50.0),
    st.booleans(),
)
def test_black76_stays_within_the_bounds_of_no_arbitrage(
    forward: float, strike: float, years: float, vol: float, is_call: bool
) -> None:
    g = rs.black76(forward, strike, years, vol, is_call=is_call)
    value, delta = float(g.value[0]), float(g.delta[0])
    low = max(forward - strike if is_call else strike - forward, 0.0)
    high = forward if is_call else strike
    rounding = 1e-15 * max(forward, strike)
    assert low - rounding <= value <= high + rounding
    assert 0.0 <= (delta if is_call else -delta) <= 1.0
    assert float(g.gamma[0]) >= 0.0 <= float(g.vega[0])
    assert all(math.isfinite(float(c[0])) for c in g)


@PROPERTY
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0.0, 50.0), st.floats(0.0, 1e5))
def test_bachelier_takes_any_sign_and_stays_above_the_intrinsic(
    forward: float, strike: float, years: float, vol: float
) -> None:
    call = rs.bachelier(forward, strike, years, vol, is_call=True)
    put = rs.bachelier(-forward, -strike, years, vol, is_call=False)
    assert float(call.value[0]) == float(put.value[0])  # the mirror image
    assert float(call.delta[0]) == -float(put.delta[0])
    assert float(call.value[0]) >= max(forward - strike, 0.0)


@PROPERTY
@given(st.floats(-100.0, 100.0))
def test_a_forward_is_priced_or_refused_by_its_sign(forward: float) -> None:
    if forward > 0:
        forward = max(forward, 2.3e-308)
        assert math.isfinite(float(rs.black76(forward, 100.0, 0.5, 0.3, is_call=True).value[0]))
    else:
        with pytest.raises(rs.InputError) as refused:
            rs.black76(forward, 100.0, 0.5, 0.3, is_call=True)
        assert refused.value.code == "E_DOMAIN_FORWARD"
    assert math.isfinite(float(rs.bachelier(forward, 10.0, 0.5, 9.0, is_call=True).value[0]))


GOOD = {"underlying": 100.0, "strike": 90.0, "years": 0.5, "vol": 0.3, "rate": 0.02}
NAMES = {
    "black76": {"underlying": "forward"},
    "bsm": {"underlying": "spot"},
    "bachelier": {"underlying": "forward", "vol": "normal_vol"},
}
REFUSED = [
    ("black76 bsm", "underlying", 0.0, "E_DOMAIN_FORWARD"),
    ("black76 bsm", "underlying", -1.0, "E_DOMAIN_FORWARD"),
    ("black76 bsm", "strike", 0.0, "E_DOMAIN_STRIKE"),
    ("black76 bsm", "strike", -5.0, "E_DOMAIN_STRIKE"),
    ("black76 bsm bachelier", "years", -1e-9, "E_EXPIRED"),
    ("black76 bsm bachelier", "vol", -1e-300, "E_VOL_NEGATIVE"),
    ("black76 bsm bachelier", "underlying", math.nan, "E_NOT_FINITE"),
    ("black76 bsm bachelier", "strike", math.inf, "E_NOT_FINITE"),
    ("black76 bsm bachelier", "years", math.inf, "E_NOT_FINITE"),
    ("black76 bsm bachelier", "vol", math.nan, "E_NOT_FINITE"),
    ("black76 bsm bachelier", "rate", -math.inf, "E_NOT_FINITE"),
    ("black76 bachelier", "rate", -1e6, "E_OVERFLOW"),
]


def priced(model: str, columns: dict[str, Any], **more: Any) -> rs.Greeks:
    function = {"black76": rs.black76, "bsm": rs.bsm, "bachelier": rs.bachelier}[model]
    inputs = [columns[k] for k in ("underlying", "strike", "years", "vol")]
    return function(*inputs, rate=columns["rate"], is_call=True, **more)


@pytest.mark.parametrize(
    ("model", "column", "value", "code"),
    [(m, *rest) for models, *rest in REFUSED for m in models.split()],
)
@pytest.mark.parametrize("row", [3, 2_500])
def test_the_first_row_out_of_its_domain_is_named(
    model: str, column: str, value: float, code: str, row: int
) -> None:
    columns = {name: np.full(3_000, good) for name, good in GOOD.items()}
    columns[column][[row, row + 1, 2_999]] = value
    for threads in (1, 2):
        with pytest.raises(rs.InputError) as refused:
            priced(model, columns, threads=threads)
        assert (refused.value.code, refused.value.row) == (code, row)
        if code != "E_OVERFLOW":
            assert refused.value.column == NAMES[model].get(column, column)
            shown = refused.value.value
            assert shown is None if math.isnan(value) else shown == value
        assert refused.value.fix


@pytest.mark.parametrize("rate", [1_400.0, -1e6])
@pytest.mark.parametrize("vol", [-1.0, math.nan])
def test_a_row_at_the_limit_of_the_discount_hides_no_later_row(rate: float, vol: float) -> None:
    """A discount of zero is a limit with a value; what follows it must be looked at too."""
    columns = {name: np.full(3_000, good) for name, good in GOOD.items()}
    columns["rate"][0], columns["vol"][2_000] = rate, vol
    with pytest.raises(rs.InputError) as refused:
        priced("bsm", columns)
    assert (refused.value.row, refused.value.column) == (2_000, "vol")


def test_a_row_is_refused_or_taken_whatever_stands_beside_it() -> None:
    """The smallest forwards (below 2.2e-308) must not change sides with their neighbours."""
    refusals = []
    for neighbour in (100.0, -1.0):
        try:
            rs.black76([1e-308, neighbour], 100.0, 0.5, 0.3, is_call=True)
        except rs.InputError as refused:
            refusals.append(refused.row)
    assert refusals in ([0, 0], [1])


@pytest.mark.parametrize("discount", [0.0, -0.5, math.nan, math.inf])
def test_a_discount_that_is_none_is_refused(discount: float) -> None:
    with pytest.raises(rs.InputError) as refused:
        rs.black76(100.0, 90.0, 0.5, 0.3, discount, is_call=True)
    assert refused.value.column == "discount"


@pytest.mark.parametrize("model", list(NAMES))
@pytest.mark.parametrize("column", list(GOOD))
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, -5e-324, 0.0, -0.0, 1e-160]
)
def test_special_values_are_refused_or_priced_finitely(
    model: str, column: str, value: float
) -> None:
    try:
        found = priced(model, GOOD | {column: value})
    except rs.InputError as refused:
        assert refused.row == 0
        return
    assert all(math.isfinite(float(c[0])) for c in found)
