"""Guards that Greeks are printed as Deribit and OKX print them, and read back from there."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

import riskslide as rs
from riskslide.edge.deribit.greeks import from_deribit, to_deribit
from riskslide.edge.okx.greeks import from_okx, to_okx

DAY = 1.0 / 365.0

# Deribit public/ticker, re-keyed. name: (timestamp in ms, underlying_price, mark_iv in points),
# (mark, delta, gamma, vega, theta, rho).
DERIBIT = {
    "BTC-22MAY20-9500-P": (
        (1590103278384, 9085.60, 106.05),
        (0.0470629, -0.90686, 0.00055, 0.47557, -25.21823, -0.08558),
    ),
    "BTC-26JUN20-8000-P": (
        (1590103331049, 9093.15, 94.62),
        (0.0600573, -0.28023, 0.00013, 9.53102, -12.75184, -2.99775),
    ),
    "BTC-25SEP20-10000-C": (
        (1590103340804, 9176.88, 85.50),
        (0.1656035, 0.53219, 0.00009, 21.4707, -7.2638, 11.64623),
    ),
    "BTC-25JUN21-44000-P": (
        (1613068638353, 49935.57, 100.00),
        (0.16885716, -0.30445, 0.00001, 105.72122, -39.57888, -86.48173),
    ),
    # Half a day to live: the price caps the theta.
    "BTC-12FEB21-48000-C": (
        (1613068678642, 45252.40, 77.69),
        (0.00030947, 0.02698, 0.00005, 1.10109, -14.00405, 0.01842),
    ),
}

# OKX option summary of 2026-07-06 04:41:43 UTC, expiry 2026-07-10 08:00, re-keyed and rounded.
# strike, is_call: mark_iv, (mark, delta, gamma, vega, theta), in coin.
OKX_YEARS = (4 * 86_400 + 3 * 3_600 + 18 * 60 + 17) / (365 * 86_400)
OKX = {
    (60000, True): (
        0.463922907,
        (0.05544310843, 0.810187067, 2.758432695, 0.000230286571, -0.001289476001),
    ),
    (60000, False): (
        0.463922907,
        (0.00341996717, -0.137676436, 4.654159702, 0.000230286571, -0.001290901292),
    ),
    (64000, True): (
        0.346560957,
        (0.00988169152, 0.378829153, 9.629815776, 0.000408090605, -0.001708746166),
    ),
    (64000, False): (
        0.346560957,
        (0.02104945055, -0.632225251, 11.651924583, 0.000408090605, -0.001708440200),
    ),
    (68000, True): (
        0.355630177,
        (0.00044004796, 0.029918445, 1.754896150, 0.000073160786, -0.000314391242),
    ),
    (68000, False): (
        0.355630177,
        (0.07479870727, -1.044326859, 3.903386758, 0.000073160786, -0.000312354018),
    ),
}


def ticker(name: str) -> tuple[rs.Greeks, dict[str, float]]:
    """Greeks in USD of one ticker, and the terms under which they are printed."""
    (timestamp, forward, points), (mark, *_) = DERIBIT[name]
    contract = rs.parse_instrument(name)
    years = (contract.expiry - timestamp * 10**6) / (365 * 86_400 * 10**9)
    greeks = rs.black76(
        forward, contract.strike, years, points / 100.0, is_call=bool(contract.is_call)
    )
    return greeks, {"forward": forward, "years": years, "price_cap": mark * forward}


@pytest.mark.parametrize("name", DERIBIT)
def test_deribit_prints_what_its_tickers_say(name: str) -> None:
    mark, delta, gamma, vega, theta, rho = DERIBIT[name][1]
    greeks, terms = ticker(name)
    found = to_deribit(greeks, **terms)
    assert found.mark[0] == pytest.approx(mark, abs=3e-5)
    assert found.delta[0] == pytest.approx(delta, abs=1.1e-4)
    assert found.gamma[0] == pytest.approx(gamma, abs=5.1e-6)
    assert found.vega[0] == pytest.approx(vega, rel=1e-3)
    assert found.theta[0] == pytest.approx(theta, rel=1e-3)
    assert found.rho[0] == pytest.approx(rho, rel=1e-3)


def test_price_caps_the_theta_of_deribits_last_day() -> None:
    greeks, terms = ticker("BTC-12FEB21-48000-C")
    left = min(1.0, terms["years"] * 365) / 365
    assert greeks.theta[0] * left < -1.5 * terms["price_cap"]
    free = to_deribit(greeks, **(terms | {"price_cap": 1e9}))
    assert free.theta[0] == pytest.approx(greeks.theta[0] * left)
    del terms["price_cap"]
    assert to_deribit(greeks, **terms).theta[0] == -greeks.value[0]


def test_okx_prints_what_its_chain_says() -> None:
    """Forward and discount by parity of two strikes; everything else is compared."""
    strikes = np.array([60000.0, 68000.0])
    parity = [OKX[(int(k), True)][1][0] - OKX[(int(k), False)][1][0] for k in strikes]
    slope = (parity[1] - parity[0]) / (strikes[1] - strikes[0])
    discount = parity[0] - slope * strikes[0]
    forward = -discount / slope
    assert -math.log(discount) / OKX_YEARS == pytest.approx(0.01, abs=1e-6)
    for (strike, is_call), (vol, printed) in OKX.items():
        greeks = rs.black76(forward, strike, OKX_YEARS, vol, discount, is_call=is_call)
        found = to_okx(greeks, forward=forward, years=OKX_YEARS)
        figures = [float(column[0]) for column in found]
        limits = (1e-7, 1e-6, 1e-4, 2e-9, 2e-8)  # a second between snapshot and Greeks
        for figure, expected, limit in zip(figures, printed, limits, strict=True):
            assert figure == pytest.approx(expected, abs=limit), (strike, is_call)


def lattice() -> tuple[dict[str, Any], dict[str, Any]]:
    """Options over moneyness and time, calls and puts; arguments of black76 and of a converter."""
    strike, days, is_call = (
        axis.ravel()
        for axis in np.meshgrid(
            [40e3, 80e3, 95e3, 100e3, 105e3, 130e3, 250e3], [0.1, 0.7, 1.5, 30, 400], [1, 0]
        )
    )
    years = days * DAY
    forward = np.full(strike.size, 100e3)
    option = {"strike": strike, "years": years, "vol": 0.65, "is_call": is_call.astype(bool)}
    return option | {"forward": forward}, {"forward": forward, "years": years}


def test_deribits_rho_moves_the_forward() -> None:
    option, terms = lattice()
    found = to_deribit(rs.black76(**option), **terms).rho
    spread = 0.65 * np.sqrt(option["years"])
    for k, strike in enumerate(option["strike"]):
        d2 = math.log(1e5 / strike) / spread[k] - spread[k] / 2
        sign = 1 if option["is_call"][k] else -1
        expected = sign * strike * option["years"][k] * NormalDist().cdf(sign * d2) / 100
        assert found[k] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_okx_derivatives_are_those_of_the_value_in_coin() -> None:
    option, terms = lattice()
    found = to_okx(rs.black76(**option), **terms)
    forward, step = option.pop("forward"), 20.0

    def coin(shift: float) -> Any:
        at = forward + shift
        return rs.black76(at, **option).value / at

    up, here, down = coin(step), coin(0.0), coin(-step)
    np.testing.assert_allclose(found.delta, forward * (up - down) / (2 * step), atol=2e-6)
    curved = forward**2 * (up - 2 * here + down) / step**2
    np.testing.assert_allclose(found.gamma, curved, rtol=1e-3, atol=1e-4)


def test_theta_counts_a_day_or_what_is_left_of_it() -> None:
    greeks = rs.black76(100.0, 100.0, [10 * DAY, 0.25 * DAY], 0.5, is_call=True)
    printed = to_okx(greeks, forward=100.0, years=[10 * DAY, 0.25 * DAY])
    np.testing.assert_allclose(printed.theta, greeks.theta / 36500.0 * [1.0, 0.25], rtol=1e-14)


def test_interest_on_a_deep_premium_turns_okx_theta_positive() -> None:
    greeks = rs.black76(65e3, 280e3, 69 * DAY, 1.0, rate=0.01, is_call=False)
    assert to_okx(greeks, forward=65e3, years=69 * DAY).theta[0] > 0


def test_deribit_figures_are_read_back() -> None:
    option, terms = lattice()
    greeks = rs.black76(**option)
    back, known = from_deribit(to_deribit(greeks, **terms), **terms)
    for name in ("value", "delta", "gamma", "vega", "rho"):
        np.testing.assert_allclose(getattr(back, name), getattr(greeks, name), rtol=1e-13)
    np.testing.assert_allclose(back.theta[known], greeks.theta[known], rtol=1e-13)
    assert 0 < known.sum() < known.size
    assert (back.theta[~known] >= greeks.theta[~known] - 0.01).all()  # a cap: less is shown


def test_okx_figures_are_read_back() -> None:
    option, terms = lattice()
    greeks = rs.black76(**option, rate=0.01)
    back = from_okx(to_okx(greeks, **terms), **terms)
    for name, found, expected in zip(greeks._fields, back, greeks, strict=True):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15 * scale, err_msg=name)


@pytest.mark.parametrize("convert", [to_deribit, to_okx])
@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"forward": 0.0, "years": 0.1}, "E_DOMAIN_FORWARD"),
        ({"forward": 1.0, "years": -0.1}, "E_DOMAIN"),
        ({"forward": [1.0, 2.0], "years": 0.1}, "E_SHAPE"),
        ({"forward": float("nan"), "years": 0.1}, "E_NOT_FINITE"),
    ],
)
def test_terms_outside_their_domain_are_refused(
    convert: Any, terms: dict[str, Any], code: str
) -> None:
    greeks = rs.black76([1.0, 1.0, 1.0], 1.0, 0.1, 0.5, is_call=True)
    with pytest.raises(rs.InputError) as refused:
        convert(greeks, **terms)
    assert refused.value.code == code


def test_theta_of_no_time_is_printed_as_zero_and_not_read_back() -> None:
    greeks = rs.black76(100.0, 90.0, 0.0, 0.5, is_call=True)
    for there, back in ((to_deribit, from_deribit), (to_okx, from_okx)):
        printed = there(greeks, forward=100.0, years=0.0)
        assert printed.theta[0] == 0.0
        with pytest.raises(rs.InputError, match="E_DOMAIN"):
            back(printed, forward=100.0, years=0.0)  # type: ignore[operator]


def test_printed_columns_own_their_memory() -> None:
    greeks = rs.black76(100.0, 90.0, 0.5, 0.5, is_call=True)
    for there in (to_deribit, to_okx):
        for column in there(greeks, forward=100.0, years=0.5):
            assert not any(np.shares_memory(column, own) for own in greeks)
