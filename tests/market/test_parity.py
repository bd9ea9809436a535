"""Forwards and discount factors come back from the prices that they made, and bad quotes do not
move them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskslide as rs
from riskslide.market.parity import LEAST, NEAR, SPANS, forward_in_coin, forward_linear

NONE = float("nan")
Array = npt.NDArray[np.float64]


def refused(call: Callable[[], Any]) -> rs.InputError:
    with pytest.raises(rs.InputError) as caught:
        call()
    return caught.value


def chain(strikes: Array, forward: float, discount: float = 1.0) -> tuple[Array, Array]:
    """Calls and puts of one expiry, with a smile."""
    vols = 0.2 + 0.4 * (strikes / forward - 1) ** 2
    calls, puts = (
        rs.black76(forward, strikes, 0.75, vols, discount, is_call=side).value
        for side in (True, False)
    )
    return calls, puts


@given(
    st.floats(100, 200_000),
    st.floats(0.3, 3.0),
    st.integers(LEAST, 60),
)
def test_coin_prices_give_back_their_forward(forward: float, span: float, size: int) -> None:
    strikes = forward * np.linspace(1 / (1 + span), 1 + span, size)
    calls, puts = (p / forward for p in chain(strikes, forward))
    found = forward_in_coin(strikes, calls, puts)
    assert found.forward == pytest.approx(forward, rel=1e-13)
    assert (found.discount, found.strikes, found.reason) == (1.0, size, "")
    assert found.dispersion <= 1e-12 * forward


@given(
    st.floats(100, 200_000),
    st.floats(0.5, 1.2),
    st.integers(2 * LEAST, 150),
)
def test_coin_prices_give_back_forward_and_discount(
    forward: float, discount: float, size: int
) -> None:
    strikes = forward * np.linspace(0.5, 1.6, size)
    calls, puts = (p / forward for p in chain(strikes, forward, discount))
    fitted = forward_in_coin(strikes, calls, puts, discount=None)
    assert fitted.forward == pytest.approx(forward, rel=1e-11)
    assert fitted.discount == pytest.approx(discount, rel=1e-11)
    given_one = forward_in_coin(strikes, calls, puts, discount=discount)
    assert given_one.forward == pytest.approx(forward, rel=1e-12)
    assert (given_one.discount, given_one.strikes) == (discount, size)


@given(
    st.floats(1, 200_000),
    st.floats(0.5, 1.2),
    st.integers(2 * LEAST, 150),
)
def test_prices_give_back_forward_and_discount(forward: float, discount: float, size: int) -> None:
    strikes = forward * np.linspace(0.5, 1.6, size)
    calls, puts = chain(strikes, forward, discount)
    fitted = forward_linear(strikes, calls, puts, discount=None)
    assert fitted.forward == pytest.approx(forward, rel=1e-11)
    assert fitted.discount == pytest.approx(discount, rel=1e-11)
    given_one = forward_linear(strikes, calls, puts, discount=discount)
    assert given_one.forward == pytest.approx(forward, rel=1e-12)
    assert given_one.discount == discount
    assert given_one.strikes == min(size, NEAR)


def test_near_the_money_the_forward_hardly_hangs_on_the_discount() -> None:
    strikes = np.arange(4000.0, 5000.0, 5.0)
    calls, puts = chain(strikes, 4503.0, 0.95)
    found = forward_linear(strikes, calls, puts)
    assert found.forward == pytest.approx(4503.0, abs=0.2)


def test_strikes_far_from_the_money_do_not_count() -> None:
    strikes = np.arange(50.0, 151.0, 2.5)
    calls, puts = chain(strikes, 101.0)
    far = np.abs(strikes - 101.0) > 25
    found = forward_linear(strikes, np.where(far, calls + 7.0, calls), puts)
    assert found.forward == pytest.approx(101.0, rel=1e-14)


def test_stale_quotes_do_not_move_the_median() -> None:
    strikes = np.arange(60_000.0, 80_000.0, 1_000.0)
    calls, puts = (p / 70_500.0 for p in chain(strikes, 70_500.0))
    calls[::4] += 0.01
    found = forward_in_coin(strikes, calls, puts)
    assert found.forward == pytest.approx(70_500.0, rel=1e-13)
    assert found.strikes == 20


def test_stale_quotes_do_not_move_the_fit_of_coin_prices() -> None:
    strikes = np.arange(50_000.0, 100_000.0, 1_000.0)
    calls, puts = (p / 70_500.0 for p in chain(strikes, 70_500.0, 0.993))
    calls[::5] += 0.01
    found = forward_in_coin(strikes, calls, puts, discount=None)
    assert found.forward == pytest.approx(70_500.0, rel=1e-12)
    assert found.discount == pytest.approx(0.993, rel=1e-12)


def test_a_fit_of_coin_prices_narrows_to_strikes_near_the_money() -> None:
    strikes = np.arange(30_000.0, 120_000.0, 1_000.0)
    calls, puts = (p / 70_500.0 for p in chain(strikes, 70_500.0, 0.993))
    stale = np.random.default_rng(11).normal(0.0, 0.05, strikes.size)
    wrong = calls + np.where(np.abs(strikes - 70_500.0) > 16_000, stale, 0.0)
    found = forward_in_coin(strikes, wrong, puts, discount=None)
    assert found.discount == pytest.approx(0.993, rel=1e-12)


def test_a_fit_narrows_to_strikes_whose_quotes_are_of_one_moment() -> None:
    strikes = np.arange(3000.0, 7000.0, 50.0)
    calls, puts = chain(strikes, 4838.0, 0.91)
    stale = np.random.default_rng(11).normal(0.0, 40.0, strikes.size)
    wrong = calls + np.where(np.abs(strikes - 4838.0) > 300, stale, 0.0)
    found = forward_linear(strikes, wrong, puts, discount=None)
    assert found.forward == pytest.approx(4838.0, rel=1e-12)
    assert found.discount == pytest.approx(0.91, rel=1e-12)


def test_rounded_mids_give_forward_and_discount_within_their_noise() -> None:
    random = np.random.default_rng(20260101)
    strikes = np.arange(3600.0, 5400.0, 5.0)
    calls, puts = (
        np.round((p + random.normal(0.0, 0.05, p.size)) / 0.05) * 0.05
        for p in chain(strikes, 4503.0, 0.98)
    )
    found = forward_linear(strikes, calls, puts, discount=None)
    assert found.forward == pytest.approx(4503.0, abs=0.1)
    assert found.discount == pytest.approx(0.98, abs=2e-4)
    assert 0.0 < found.dispersion < 0.2


def test_dispersion_is_the_median_distance_of_the_strikes_forwards() -> None:
    found = forward_linear([90.0, 100.0, 110.0], [11.0, 0.0, 0.0], [0.0, 0.0, 12.0])
    assert (found.forward, found.strikes, found.dispersion) == (100.0, 3, 1.0)


def test_strikes_without_both_prices_are_passed_over() -> None:
    far = float("inf")
    calls, puts = [15.0, NONE, 5.0, 2.0, 9.0, far], [5.0, 3.0, 5.0, 12.0, far, far]
    found = forward_linear([90.0, 95.0, 100.0, 110.0, 120.0, 130.0], calls, puts)
    assert (found.forward, found.strikes) == (100.0, 3)


@pytest.mark.parametrize("found", [0, 1, 2])
def test_too_few_strikes_give_a_reason_instead_of_a_forward(found: int) -> None:
    prices = [1.0] * found + [NONE] * (5 - found)
    strikes = [90.0, 95.0, 100.0, 105.0, 110.0]
    for answer in (
        forward_linear(strikes, prices, prices),
        forward_in_coin(strikes, [p / 100 for p in prices], [p / 100 for p in prices]),
    ):
        assert (answer.forward, answer.strikes) == (None, 0)
        assert f"{found} of its strikes" in answer.reason and "3 are needed" in answer.reason


def test_a_fit_needs_twice_as_many_strikes() -> None:
    strikes = np.array([90.0, 95.0, 100.0, 105.0, 110.0])
    calls, puts = chain(strikes, 100.0)
    assert "6 are needed" in forward_linear(strikes, calls, puts, discount=None).reason
    assert forward_linear(strikes, calls, puts).forward == pytest.approx(100.0, rel=1e-14)
    assert forward_linear(strikes, calls, puts, least=6).forward is None
    calls, puts = calls / 100.0, puts / 100.0
    assert "6 are needed" in forward_in_coin(strikes, calls, puts, discount=None).reason
    assert forward_in_coin(strikes, calls, puts).forward == pytest.approx(100.0, rel=1e-14)


def test_calls_that_rise_with_the_strike_imply_no_discount() -> None:
    strikes = np.arange(90.0, 110.0)
    found = forward_linear(strikes, 0.5 * strikes, np.zeros(20), discount=None)
    assert found.forward is None and "discount factor" in found.reason
    rising = forward_in_coin(strikes, 0.005 * strikes, np.zeros(20), discount=None)
    assert rising.forward is None and "discount factor" in rising.reason


def test_the_order_of_strikes_changes_no_bit() -> None:
    random = np.random.default_rng(7)
    strikes = np.arange(60.0, 160.0, 2.5)
    calls, puts = (p + random.normal(0, 0.01, p.size) for p in chain(strikes, 101.3, 0.97))
    order = random.permutation(strikes.size)
    for discount in (1.0, None):
        first = forward_linear(strikes, calls, puts, discount=discount)
        assert first == forward_linear(strikes[order], calls[order], puts[order], discount=discount)
        calls_in_coin, puts_in_coin = calls / 101, puts / 101
        coin = forward_in_coin(strikes, calls_in_coin, puts_in_coin, discount=discount)
        again = (column[order] for column in (strikes, calls_in_coin, puts_in_coin))
        assert coin == forward_in_coin(*again, discount=discount)


def test_equal_strikes_do_not_break_the_slope() -> None:
    strikes = np.repeat(np.arange(90.0, 111.0, 2.0), 2)
    calls, puts = chain(strikes, 100.0, 0.9)
    found = forward_linear(strikes, calls, puts, discount=None)
    assert found.discount == pytest.approx(0.9, rel=1e-12)
    same = forward_linear([100.0] * 8, [5.0] * 8, [5.0] * 8, discount=None)
    assert same.forward is None


def test_bad_arguments_are_refused_by_name() -> None:
    error = refused(lambda: forward_in_coin([100.0, NONE], [0.1, 0.1], [0.1, 0.1]))
    assert (error.code, error.column, error.row) == ("E_NOT_FINITE", "strike", 1)
    assert refused(lambda: forward_linear([100.0], [1.0, 2.0], [1.0])).column == "call"
    for discount in (0.0, -1.0, NONE, float("inf")):
        for parity in (forward_linear, forward_in_coin):
            error = refused(lambda p=parity, d=discount: p([1.0], [1.0], [1.0], discount=d))
            assert error.code == "E_DOMAIN_DISCOUNT"


def test_the_spans_of_a_fit_grow_narrower_and_end_near_the_money() -> None:
    assert list(SPANS) == sorted(SPANS, reverse=True)
    assert SPANS[-1] == NEAR
