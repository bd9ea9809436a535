"""Decides forward and discount of an OKX expiry by put-call parity of what is printed.

Marks and Greeks of one file come from two instants some seconds apart, so each has its own forward:
two figures are taken from the marks of an expiry and two from its Greeks, all others are compared.
With D = discount, F = forward, in coin: C - P = D (1 - K / F); premium-adjusted delta of the call
minus that of the put = D K / F; theta of the call minus that of the put = r (C - P) day, and D, F
follow at the instant of the Greeks, since C - P = D - (difference of the deltas).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from families.files import Numbers

from riskslide.edge.printed import day
from riskslide.market.parity import forward_in_coin


class Parity(NamedTuple):
    """Forward in USD and discount of one expiry."""

    forward: float
    discount: float


def of_marks(strike: Numbers, difference: Numbers) -> Parity | None:
    """From C - P in coin (N) at strikes (N); None with fewer than two strikes."""
    found = forward_in_coin(strike, difference, np.zeros(strike.size), discount=None, least=1)
    return None if found.forward is None else Parity(found.forward, found.discount)


def of_greeks(
    strike: Numbers, delta: Numbers, theta: Numbers, years: float, marks: Parity | None
) -> Parity | None:
    """From call minus put of delta and theta (N) at strikes (N), `years` > 0 to expiry.

    The discount is that of the marks where thetas are NaN; None where no delta says the forward.
    """
    have = ~np.isnan(theta)
    line = through(delta[have], theta[have])
    if line is not None:
        discount = math.exp(line[1] / float(day(np.array([years]))[0]) * years)
    elif marks is not None and delta.size:
        discount = marks.discount
    else:
        return None
    return Parity(forward=float(np.median(discount * strike / delta)), discount=discount)


def through(x: Numbers, y: Numbers) -> tuple[float, float] | None:
    """Intercept and slope of the line through points (N): medians over all pairs of them."""
    first, second = np.triu_indices(x.size, 1)
    apart = x[second] != x[first]
    if not apart.any():
        return None
    slopes = (y[second] - y[first])[apart] / (x[second] - x[first])[apart]
    slope = float(np.median(slopes))
    return float(np.median(y - slope * x)), slope
