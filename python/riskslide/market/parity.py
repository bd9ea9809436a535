"""Decides the forward of one expiry from calls and puts of equal strikes, by put-call parity.

Prices in the strike's currency: call - put = D (F - K). Prices in coin: call - put = D (1 - K / F).
The discount factor D is given or fitted. Every strike with both prices gives one forward, and the
median counts: quotes of one expiry are not of one moment, and some are stale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from ..book.columns import Float, finite_column, float_column
from ..errors import refuse

LEAST = 3  # strikes: a median of fewer guards against nothing
NEAR = 10  # strikes that give the forward of linear prices, those nearest the money
SPANS = (100, 30, 10)  # strikes nearest the money that D is fitted on: the first that fits
FITS = 1e-4  # dispersion, as a fraction of the forward, of a line that fits

NO_DISCOUNT = "its calls and puts imply no discount factor > 0"


@dataclass(frozen=True, slots=True)
class Parity:
    """The forward of an expiry, and how far the quotes agree on it.

    forward: in the currency of the strike, None where `reason` says why there is none; discount:
    D as given or fitted; strikes: how many gave the forward; dispersion: the median distance of
    their forwards from it.
    """

    forward: float | None
    discount: float = 1.0
    strikes: int = 0
    dispersion: float = 0.0
    reason: str = ""


def forward_in_coin(
    strike: Any,
    call: Any,
    put: Any,
    *,
    discount: float | None = 1.0,
    least: int = LEAST,
) -> Parity:
    """Forward of prices in coin: the median of K / (1 - (call - put) / D) over all strikes.

    strike (rows): currency per coin, > 0; call, put (rows): coin, NaN where there is none.
    discount: D, or None to fit it as `forward_linear` does; with the slope -D / F of call - put, D
    is the median of (call - put) + K D / F. Raises InputError (`E_SHAPE`, `E_DTYPE`,
    `E_NOT_FINITE` for a strike, `E_DOMAIN_DISCOUNT`).

    >>> forward_in_coin([90.0, 100.0, 125.0], [0.3, 0.2, 0.05], [0.2, 0.2, 0.3]).forward
    100.0
    """
    _check_discount(discount)
    strikes, gap = _pairs(strike, call, put)
    strikes, gap = strikes[strikes > 0], gap[strikes > 0]
    if discount is None:
        if strikes.size < 2 * least:
            return _too_few(strikes.size, 2 * least)
        fitted = _fitted(strikes, gap, _coin_line)
        if fitted is None:
            return Parity(None, reason=NO_DISCOUNT)
        discount = fitted.discount
    usable = 1.0 - gap / discount > 0
    found = int(np.flatnonzero(usable).size)
    if found < least:
        return _too_few(found, least)
    return _in_coin(strikes[usable], gap[usable], discount)


def forward_linear(
    strike: Any,
    call: Any,
    put: Any,
    *,
    discount: float | None = 1.0,
    least: int = LEAST,
) -> Parity:
    """Forward of prices in the strike's currency: the median of K + (call - put) / D.

    It is taken over the `NEAR` strikes whose call and put differ least: there it hardly hangs on D
    or on early exercise. strike (rows); call, put (rows): per unit of the underlying, NaN where
    there is none. discount: D, or None to fit it, for European prices only: over the `SPANS`
    strikes nearest the money it is the median slope between strikes half a span apart, which
    takes 2 x `least` strikes. Raises InputError (`E_SHAPE`, `E_DTYPE`, `E_NOT_FINITE` for a
    strike, `E_DOMAIN_DISCOUNT`).

    >>> forward_linear([90.0, 100.0, 110.0], [14.0, 9.0, 5.0], [3.0, 8.0, 14.0]).forward
    101.0
    """
    _check_discount(discount)
    strikes, gap = _nearest_first(*_pairs(strike, call, put))
    needed = least if discount is not None else 2 * least
    if strikes.size < needed:
        return _too_few(strikes.size, needed)
    if discount is None:
        fitted = _fitted(strikes, gap, _linear_line)
        if fitted is None:
            return Parity(None, reason=NO_DISCOUNT)
        discount = fitted.discount
    return _linear(strikes[:NEAR], gap[:NEAR], discount)


def _check_discount(discount: float | None) -> None:
    if discount is not None and not 0 < discount < np.inf:
        refuse("E_DOMAIN_DISCOUNT", "discount", None, discount, "must be > 0")


def _pairs(strike: Any, call: Any, put: Any) -> tuple[Float, Float]:
    """Strikes that have both prices, and call - put there."""
    strikes = finite_column(strike, "strike")
    with np.errstate(invalid="ignore"):
        gap = float_column(call, "call", strikes.size) - float_column(put, "put", strikes.size)
    both = np.isfinite(gap)
    return strikes[both], gap[both]


def _too_few(strikes: int, least: int) -> Parity:
    return Parity(
        None, reason=f"{strikes} of its strikes have a call and a put, {least} are needed"
    )


def _middle(forwards: Sequence[float], discount: float) -> Parity:
    forward = median(forwards)
    spread = median([abs(f - forward) for f in forwards])
    return Parity(forward, discount, len(forwards), spread)


def _nearest_first(strikes: Float, gap: Float) -> tuple[Float, Float]:
    order = np.lexsort((gap, strikes, np.abs(gap)))
    return strikes[order], gap[order]


def _linear(strikes: Float, gap: Float, discount: float) -> Parity:
    return _middle((strikes + gap / discount).tolist(), discount)


def _in_coin(strikes: Float, gap: Float, discount: float) -> Parity:
    return _middle((strikes / (1.0 - gap / discount)).tolist(), discount)


def _linear_line(strikes: Float, gap: Float, slope: float) -> Parity | None:
    return _linear(strikes, gap, slope)


def _coin_line(strikes: Float, gap: Float, slope: float) -> Parity | None:
    discount = median((gap + slope * strikes).tolist())
    usable = 1.0 - gap / discount > 0
    if not discount > 0 or not usable.any():
        return None
    return _in_coin(strikes[usable], gap[usable], discount)


def _fitted(
    strikes: Float, gap: Float, line: Callable[[Float, Float, float], Parity | None]
) -> Parity | None:
    """The first of the `SPANS` on which the forwards agree, or else the one where they do best.

    line: forward and discount factor of strikes whose gap falls by this slope (> 0).
    """
    strikes, gap = _nearest_first(strikes, gap)
    fits = []
    for span in SPANS:
        slope = _slope(strikes[:span], gap[:span])
        fit = line(strikes[:span], gap[:span], slope) if slope > 0 else None
        if fit is not None and fit.forward is not None:
            if fit.dispersion <= FITS * abs(fit.forward):
                return fit
            fits.append(fit)
    return min(fits, key=lambda f: f.dispersion, default=None)


def _slope(strikes: Float, gap: Float) -> float:
    """How fast the gap falls: the median between strikes half a span apart; 0 where none is."""
    order = np.lexsort((gap, strikes))
    k, y = strikes[order], gap[order]
    half = k.size // 2
    apart = k[half : 2 * half] - k[:half]
    wide = apart > 0
    slopes = ((y[:half] - y[half : 2 * half])[wide] / apart[wide]).tolist()
    return median(slopes) if slopes else 0.0
