"""Decides value and Greeks of vectors of options: conversions around the kernel."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import _core
from ..book.columns import Bool, Float, bool_column, float_column
from ..errors import refuse


class Greeks(NamedTuple):
    """Value and Greeks of one long unit, float64 (N) each.

    value in price units; delta, gamma by the forward (black76, bachelier) or spot (bsm); vega per
    1.00 of vol; theta per year, the change as time passes; rho per 1.00 of rate.
    """

    value: Float
    delta: Float
    gamma: Float
    vega: Float
    theta: Float
    rho: Float

    @classmethod
    def empty(cls, size: int) -> Greeks:
        """Memory for `size` options, to be passed as ``out=``."""
        return cls(*(np.empty(size) for _ in range(6)))


class SecondOrder(NamedTuple):
    """Greeks of second order of one long unit, float64 (N) each, beside gamma.

    vanna: change of delta per 1.00 of vol; volga: change of vega per 1.00 of vol; charm: change of
    delta per year as time passes, of the same rates held as theta holds.
    """

    vanna: Float
    volga: Float
    charm: Float

    @classmethod
    def empty(cls, size: int) -> SecondOrder:
        """Memory for `size` options, to be passed as ``second=``."""
        return cls(*(np.empty(size) for _ in range(3)))


_BLACK76, _BSM, _BACHELIER, _AMERICAN = range(4)


def black76(
    forward: Any,
    strike: Any,
    years: Any,
    vol: Any,
    discount: Any = None,
    *,
    rate: Any = None,
    is_call: Any,
    out: Greeks | None = None,
    second: SecondOrder | None = None,
    threads: int | None = None,
) -> Greeks:
    """European options on a forward, Black (1976).

    forward, strike > 0; years >= 0 (ACT/365); vol >= 0, a decimal; discount > 0 or rate
    (continuous, per year), not both, 1 and 0 where neither is given. Arrays (N) or numbers, which
    stand for every row. Theta and rho move the discount and hold the forward: rho = -years * value.
    vol = 0 or years = 0 gives the discounted intrinsic, delta is the step (half at the money).
    `out` takes a Greeks of writable contiguous arrays and is returned; `second`, where given, is
    filled with vanna, volga and charm. Their contents mean nothing after an error. Raises
    InputError with row, value and fix (`E_DOMAIN_FORWARD`, `E_DOMAIN_STRIKE`, `E_VOL_NEGATIVE`,
    `E_EXPIRED`, `E_NOT_FINITE`, `E_OVERFLOW`).

    >>> round(float(black76(100.0, 110.0, 0.5, 0.3, is_call=True).value[0]), 6)
    4.745684
    """
    return _forward_model(
        _BLACK76, (forward, strike, years, vol), discount, rate, is_call, out, second, threads
    )


def bachelier(
    forward: Any,
    strike: Any,
    years: Any,
    normal_vol: Any,
    discount: Any = None,
    *,
    rate: Any = None,
    is_call: Any,
    out: Greeks | None = None,
    second: SecondOrder | None = None,
    threads: int | None = None,
) -> Greeks:
    """European options on a forward that moves normally (Bachelier); any sign of forward, strike.

    normal_vol in price units per square root of a year; vega per 1.00 of it. The rest as black76.
    """
    inputs = (forward, strike, years, normal_vol)
    return _forward_model(_BACHELIER, inputs, discount, rate, is_call, out, second, threads)


def bsm(
    spot: Any,
    strike: Any,
    years: Any,
    vol: Any,
    rate: Any = 0.0,
    dividend_yield: Any = 0.0,
    *,
    is_call: Any,
    out: Greeks | None = None,
    second: SecondOrder | None = None,
    threads: int | None = None,
) -> Greeks:
    """European options on a spot, Black-Scholes-Merton with continuous rate and dividend yield.

    Delta and gamma by the spot; theta and rho hold spot and vol. The rest as black76.
    """
    inputs = (spot, strike, years, vol, rate, dividend_yield)
    return _run(_BSM, False, inputs, is_call, out, second, threads)


def american(
    spot: Any,
    strike: Any,
    years: Any,
    vol: Any,
    rate: Any = 0.0,
    dividend_yield: Any = 0.0,
    *,
    is_call: Any,
    out: Greeks | None = None,
    threads: int | None = None,
) -> Greeks:
    """American options on a spot, with continuous rate and dividend yield of either sign.

    By the exercise boundary of Andersen, Lake and Offengenden (2016); docs/methods/pricing.md says
    how accurate. Where the option is to be exercised now, value is the intrinsic one, delta is 1 or
    -1 and the rest 0; vol = 0 is the best time to exercise. Options on a future: its price as spot,
    dividend_yield = rate. Rows of one expiry, vol, rate, yield and side that stand together share
    their boundary, whatever their spot and strike. Raises InputError as bsm does, and
    `E_TWO_BOUNDARIES` for a put with dividend_yield < rate < 0 or a call with rate <
    dividend_yield < 0.

    >>> round(float(american(100.0, 100.0, 1.0, 0.25, 0.05, is_call=False).value[0]), 6)
    7.974482
    """
    inputs = (spot, strike, years, vol, rate, dividend_yield)
    return _run(_AMERICAN, False, inputs, is_call, out, None, threads)


def _forward_model(
    model: int,
    inputs: tuple[Any, ...],
    discount: Any,
    rate: Any,
    is_call: Any,
    out: Greeks | None,
    second: SecondOrder | None,
    threads: int | None,
) -> Greeks:
    if rate is not None and discount is not None:
        refuse("E_ARGUMENT", "rate", None, None, "give rate or discount, not both")
    by_discount = rate is None and discount is not None
    last = discount if by_discount else (0.0 if rate is None else rate)
    return _run(model, by_discount, (*inputs, last, 0.0), is_call, out, second, threads)


def _run(
    model: int,
    discount: bool,
    inputs: tuple[Any, ...],
    is_call: Any,
    out: Greeks | None,
    second: SecondOrder | None,
    threads: int | None,
) -> Greeks:
    names = (
        "spot" if model in (_BSM, _AMERICAN) else "forward",
        "strike",
        "years",
        "normal_vol" if model == _BACHELIER else "vol",
        "discount" if discount else "rate",
        "dividend_yield",
    )
    columns = [vector(v, n) for v, n in zip(inputs, names, strict=True)]
    side: Bool = bool_column(is_call, "is_call", 1 if np.ndim(is_call) == 0 else None)
    size = common_size([*columns, side])
    if out is None:
        out = Greeks.empty(size)
    elif not isinstance(out, Greeks):
        refuse("E_DTYPE", "out", None, type(out).__name__, "must be a riskslide.Greeks")
    if out.value.size != size:
        refuse("E_SHAPE", "out", None, int(out.value.size), f"must hold {size} rows")
    if second is not None and not isinstance(second, SecondOrder):
        refuse("E_DTYPE", "second", None, type(second).__name__, "must be a riskslide.SecondOrder")
    if second is not None and second.vanna.size != size:
        refuse("E_SHAPE", "second", None, int(second.vanna.size), f"must hold {size} rows")
    outputs = [*out, *(second if second is not None else ())]
    _core.greeks(model, discount, columns, side, outputs, threads or 0)
    return out


def vector(values: Any, name: str) -> Float:
    """`values` as a column, or as one value that stands for every row; floats cost little."""
    if type(values) is np.ndarray and values.dtype == np.float64 and values.ndim == 1:
        if values.flags.c_contiguous and values.flags.aligned:
            return values
        return np.require(values, np.float64, ["C", "A"])
    if type(values) is float:
        return np.array((values,))
    return float_column(np.atleast_1d(values) if np.ndim(values) == 0 else values, name)


def common_size(columns: list[Any]) -> int:
    """The one length of the columns that have more than one value."""
    sizes = {c.size for c in columns if c.size != 1}
    if len(sizes) > 1:
        refuse("E_SHAPE", "arguments", None, sorted(sizes), "must have one length, or be numbers")
    return int(sizes.pop()) if sizes else 1
