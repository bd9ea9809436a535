"""Decides how OKX prints mark and Greeks of a coin-settled option; not how they are computed.

Conventions: OKX API, option market data, Greeks in coin ("PA"); the units that it leaves open are
inferred from printed chains (docs/methods/venue-greeks.md, with the errors found).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...book.columns import Float
from ...value.pricing import Greeks
from ..printed import POINTS, columns, day, day_to_divide_by, terms


class OkxGreeks(NamedTuple):
    """What OKX prints of one coin-settled option on one coin, float64 (N) each.

    With u the value in coin at forward F: mark u; delta F u', coins, below -1 for a deep put, the
    premium-adjusted one; gamma F^2 u'', coins; vega: coin per point of vol; theta: coin per day,
    > 0 where interest on a high premium exceeds the decay.
    """

    mark: Float
    delta: Float
    gamma: Float
    vega: Float
    theta: Float


def to_okx(greeks: Greeks, *, forward: Any, years: Any) -> OkxGreeks:
    """Greeks of `black76` in USD (N) as OKX prints them, in coin.

    The Greeks are made with the discount of the expiry, which holds a rate between 0 and 1 % and
    need not be 1: premium and Greeks carry it, and theta the interest on the premium.
    forward: USD (N) or a number, > 0, of the option's expiry, not the index; years: ACT/365 to it,
    >= 0. Raises InputError (`E_DOMAIN_FORWARD`, `E_DOMAIN`, `E_NOT_FINITE`, `E_SHAPE`).

    >>> from riskslide import black76
    >>> half = black76(100.0, 110.0, 0.5, 0.3, is_call=True)
    >>> round(float(to_okx(half, forward=100.0, years=0.5).delta[0]), 6)
    0.318256
    """
    forward, years = terms(greeks.value.size, forward, years)
    mark = greeks.value / forward
    delta = greeks.delta - mark
    return OkxGreeks(
        mark=mark,
        delta=delta,
        gamma=forward * greeks.gamma - 2.0 * delta,
        vega=greeks.vega / (POINTS * forward),
        theta=greeks.theta * day(years) / forward,
    )


def from_okx(printed: OkxGreeks, *, forward: Any, years: Any) -> Greeks:
    """Printed figures (N) as Greeks in USD; forward, years as in `to_okx`, but years > 0.

    Rho holds the forward, as `black76` does: -years * value.
    """
    printed = columns(printed)
    forward, years = terms(printed.mark.size, forward, years)
    value = printed.mark * forward
    return Greeks(
        value=value,
        delta=printed.delta + printed.mark,
        gamma=(printed.gamma + 2.0 * printed.delta) / forward,
        vega=printed.vega * (POINTS * forward),
        theta=printed.theta * forward / day_to_divide_by(years),
        rho=-years * value,
    )
