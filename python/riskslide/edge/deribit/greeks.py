"""Decides how Deribit prints mark and Greeks of a coin-settled option; not how they are computed.

Conventions: Deribit API, `public/ticker`; the units that it leaves open and the two limits of theta
are inferred from printed tickers (docs/methods/venue-greeks.md, with the errors found).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...book.columns import Bool, Float, finite_column
from ...value.pricing import Greeks
from ..printed import POINTS, columns, day, day_to_divide_by, terms

THETA_UNIT = 1e-5  # USD, the last digit of a printed theta


class DeribitGreeks(NamedTuple):
    """What Deribit prints of one coin-settled option, float64 (N) each.

    mark: coin; delta: N(d1) or N(d1) - 1, not premium-adjusted; gamma: delta per USD; vega: USD per
    point of vol; theta: USD per day, <= 0; rho: USD per point of rate, > 0 for a call.
    """

    mark: Float
    delta: Float
    gamma: Float
    vega: Float
    theta: Float
    rho: Float


def to_deribit(greeks: Greeks, *, forward: Any, years: Any, price_cap: Any = None) -> DeribitGreeks:
    """Greeks of `black76` at discount 1, in USD (N), as Deribit prints them.

    forward: USD (N) or a number, > 0, of the option's expiry; years: ACT/365 to it, >= 0.
    price_cap: USD, the price that a day's theta may not exceed, printed mark times printed forward;
    the value itself where it is not given. Rho is that of a spot model at rate 0, which moves the
    forward: K T N(d2) for a call, -K T N(-d2) for a put, both T (F delta - value). Raises
    InputError (`E_DOMAIN_FORWARD`, `E_DOMAIN`, `E_NOT_FINITE`, `E_SHAPE`).

    >>> from riskslide import black76
    >>> half = black76(100.0, 110.0, 0.5, 0.3, is_call=True)
    >>> round(float(to_deribit(half, forward=100.0, years=0.5).rho[0]), 6)
    0.159128
    """
    forward, years = terms(greeks.value.size, forward, years)
    cap = greeks.value if price_cap is None else finite_column(price_cap, "price_cap", forward.size)
    return DeribitGreeks(
        mark=greeks.value / forward,
        delta=greeks.delta.copy(),
        gamma=greeks.gamma.copy(),
        vega=greeks.vega / POINTS,
        theta=np.maximum(greeks.theta * day(years), -cap),
        rho=years * (forward * greeks.delta - greeks.value) / POINTS,
    )


def from_deribit(printed: DeribitGreeks, *, forward: Any, years: Any) -> tuple[Greeks, Bool]:
    """Printed figures (N) as Greeks in USD, and where theta is known (N).

    forward, years as in `to_deribit`, but years > 0. Where the price caps theta nothing printed
    says how much more would be lost: the flag is False and theta is the cap. Rho holds the forward,
    as `black76` does: -years * value.
    """
    printed = columns(printed)
    forward, years = terms(printed.mark.size, forward, years)
    value = printed.mark * forward
    greeks = Greeks(
        value=value,
        delta=printed.delta.copy(),
        gamma=printed.gamma.copy(),
        vega=printed.vega * POINTS,
        theta=printed.theta / day_to_divide_by(years),
        rho=-years * value,
    )
    return greeks, printed.theta > THETA_UNIT - value
