"""Decides the forward of one expiry from calls and puts of equal strikes, by put-call parity.

Prices in the strike's currency: call - put = D (F - K), with the discount factor D given or fitted.
Prices in coin: call - put = 1 - K / F. Every strike with both prices gives one forward, and the
median counts: quotes of one expiry are not of one moment, and some are stale.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def forward_in_coin(strike: Any, call: Any, put: Any, *, least: int = LEAST) -> Parity:
    """Forward of prices in coin: the median of K / (1 - (call - put)).

    strike (rows): currency per coin, > 0; call, put (rows): coin, NaN where there is none. Raises
    InputError (`E_SHAPE`, `E_DTYPE`, `E_NOT_FINITE` for a strike).

    >>> forward_in_coin([90.0, 100.0, 125.0], [0.3, 0.2, 0.05], [0.2, 0.2, 0.3]).forward
    100.0
    """
    strikes, gap = _pairs(strike, call, put)
    usable = np.flatnonzero((strikes > 0) & (gap < 1))
    if usable.size < least:
        return _too_few(usable.size, least)
    return _middle((strikes[usable] / (1.0 - gap[usable])).tolist(), 1.0)


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
    if discount is not None and not 0 < discount < np.inf:
        refuse("E_DOMAIN_DISCOUNT", "discount", None, discount, "must be > 0")
    strikes, gap = _pairs(strike, call, put)
    order = np.lexsort((gap, strikes, np.abs(gap)))
    strikes, gap = strikes[order], gap[order]
    needed = least if discount is not None else 2 * least
    if strikes.size < needed:
        return _too_few(strikes.size, needed)
    if discount is not None:
        return _near(strikes, gap, discount)
    fits = [f for span in SPANS if (f := _fitted(strikes[:span], gap[:span])) is not None]
    if not fits:
        return Parity(None, reason="its calls and puts imply no discount factor > 0")
    good = [f for f in fits if _is_good(_all(*f))]
    best = good[0] if good else min(fits, key=lambda f: _all(*f).dispersion)
    return _near(strikes, gap, best[2])


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


def _near(strikes: Float, gap: Float, discount: float) -> Parity:
    return _all(strikes[:NEAR], gap[:NEAR], discount)


def _all(strikes: Float, gap: Float, discount: float) -> Parity:
    return _middle((strikes + gap / discount).tolist(), discount)


def _is_good(fit: Parity) -> bool:
    return fit.forward is not None and fit.dispersion <= FITS * abs(fit.forward)


def _fitted(strikes: Float, gap: Float) -> tuple[Float, Float, float] | None:
    """The strikes with the discount factor that their slope implies, if any."""
    order = np.lexsort((gap, strikes))
    k, y = strikes[order], gap[order]
    half = k.size // 2
    apart = k[half : 2 * half] - k[:half]
    wide = apart > 0
    slopes = ((y[:half] - y[half : 2 * half])[wide] / apart[wide]).tolist()
    discount = median(slopes) if slopes else 0.0
    return (k, y, discount) if discount > 0 else None
