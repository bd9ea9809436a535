"""Decides the vol that an option's price implies: which columns a model takes, what is refused."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Literal, NamedTuple, NoReturn, overload

import numpy as np

from .. import _core
from ..book.columns import Bool, Float, UInt8, bool_column
from ..errors import InputError, refuse, suggestion
from .pricing import american, common_size, vector


class VolStatus(IntEnum):
    """What a price says about its vol, as ``errors="mask"`` reports it for every row.

    UNDETERMINED: the price is one of its bounds within half of its last place; DOMAIN: an input is
    out of its domain, as a strike of 0 or a NaN is.
    """

    OK = 0
    BELOW = 1
    ABOVE = 2
    UNDETERMINED = 3
    DOMAIN = 4


class _Model(NamedTuple):
    """Its number in the kernel, the name of its underlying, and whether that is a spot."""

    number: int
    underlying: str
    on_spot: bool


_MODELS = {
    "black76": _Model(0, "forward", False),
    "bsm": _Model(1, "spot", True),
    "bachelier": _Model(2, "forward", False),
    "american": _Model(3, "spot", True),
}


@overload
def implied_vol(
    price: Any,
    forward: Any,
    strike: Any,
    years: Any,
    discount: Any = None,
    *,
    is_call: Any,
    model: str = "black76",
    errors: Literal["raise"] = "raise",
    rate: Any = None,
    dividend_yield: Any = None,
    threads: int | None = None,
) -> Float: ...


@overload
def implied_vol(
    price: Any,
    forward: Any,
    strike: Any,
    years: Any,
    discount: Any = None,
    *,
    is_call: Any,
    model: str = "black76",
    errors: Literal["mask"],
    rate: Any = None,
    dividend_yield: Any = None,
    threads: int | None = None,
) -> tuple[Float, UInt8]: ...


def implied_vol(
    price: Any,
    forward: Any,
    strike: Any,
    years: Any,
    discount: Any = None,
    *,
    is_call: Any,
    model: str = "black76",
    errors: str = "raise",
    rate: Any = None,
    dividend_yield: Any = None,
    threads: int | None = None,
) -> Float | tuple[Float, UInt8]:
    """Vols at which options are worth `price`, float64 (N), a decimal; bachelier's in price units.

    `forward` is the forward under black76 and bachelier, the spot under bsm and american. Forward
    models take `discount` or `rate`, not both (1 and 0 where neither is given); spot models take
    `rate` and `dividend_yield`, 0 where not given. years > 0; the other units are those of
    `black76`. Arrays (N) or numbers, which stand for every row.

    errors="raise": InputError names the first row without a vol, its price, bounds and fix
    (`E_PRICE_BELOW`, `E_PRICE_ABOVE`, `E_VOL_UNDETERMINED`, or what `black76` refuses).
    errors="mask": (vol, status) with a `VolStatus` for every row, uint8; vol is 0 where it is not
    OK. There is never a NaN. Columns of unequal length or wrong type raise either way.

    >>> round(float(implied_vol(4.745684, 100.0, 110.0, 0.5, is_call=True)[0]), 6)
    0.3
    """
    chosen = _MODELS.get(model)
    if chosen is None:
        refuse("E_ARGUMENT", "model", None, model, suggestion(str(model), _MODELS))
    if errors not in ("raise", "mask"):
        refuse("E_ARGUMENT", "errors", None, errors, "must be 'raise' or 'mask'")
    by_discount = _checked(chosen, model, discount, rate, dividend_yield)
    last = discount if by_discount else (0.0 if rate is None else rate)
    inputs = {
        "price": price,
        chosen.underlying: forward,
        "strike": strike,
        "years": years,
        "discount" if by_discount else "rate": last,
        "dividend_yield": 0.0 if dividend_yield is None else dividend_yield,
    }
    columns = [vector(values, name) for name, values in inputs.items()]
    side: Bool = bool_column(is_call, "is_call", 1 if np.ndim(is_call) == 0 else None)
    if model == "american":
        found = _american(columns, side, threads or 0)
        if errors == "mask":
            return found
        _need_all(columns, side, found[1])
        return found[0]
    vol = np.empty(common_size([*columns, side]))
    status = np.empty(vol.size, dtype=np.uint8) if errors == "mask" else None
    _core.implied_vol(chosen.number, by_discount, columns, side, vol, status, threads or 0)
    return vol if status is None else (vol, status)


def _checked(chosen: _Model, model: str, discount: Any, rate: Any, dividend_yield: Any) -> bool:
    """Whether the discount factor is what is given."""
    if discount is not None and rate is not None:
        refuse("E_ARGUMENT", "rate", None, None, "give rate or discount, not both")
    if chosen.on_spot and discount is not None:
        fix = f"model {model!r} takes rate= and dividend_yield=, as its forward needs both"
        refuse("E_ARGUMENT", "discount", None, None, fix)
    if not chosen.on_spot and dividend_yield is not None:
        fix = f"model {model!r} is on a forward, which holds the dividends already"
        refuse("E_ARGUMENT", "dividend_yield", None, None, fix)
    return discount is not None


def _american(columns: list[Float], side: Bool, threads: int) -> tuple[Float, UInt8]:
    if common_size([*columns, side]) == 0:
        return np.empty(0), np.empty(0, dtype=np.uint8)
    vol, status = _core.american_implied_vol(columns, side, threads)
    return vol, status


def _need_all(columns: list[Float], side: Bool, status: UInt8) -> None:
    """Refuse the first row of an American option that has no vol."""
    if status.any():
        row = int(np.flatnonzero(status)[0])
        inputs = [float(c[row if c.size > 1 else 0]) for c in columns]
        is_call = bool(side[row if side.size > 1 else 0])
        _refuse_american(row, inputs, VolStatus(int(status[row])), is_call=is_call)


def _refuse_american(
    row: int, inputs: list[float], status: VolStatus, *, is_call: bool
) -> NoReturn:
    price, spot, strike, years, rate, dividend_yield = inputs
    mask = '; errors="mask" reports such rows instead'
    if status == VolStatus.DOMAIN:
        if not np.isfinite(price):
            refuse("E_NOT_FINITE", "price", row, price, "must be a finite number")
        try:  # what the price of this option is refused for
            american(spot, strike, years, 0.2, rate, dividend_yield, is_call=is_call)
        except InputError as error:
            refuse(error.code, error.column, row, error.value, error.fix)
        refuse("E_OVERFLOW", "price", row, price, "no vol in the range of float64" + mask)
    if years == 0.0:
        refuse("E_EXPIRED", "years", row, years, "must be > 0; what has expired has no vol")
    least = american(spot, strike, years, 0.0, rate, dividend_yield, is_call=is_call).value[0]
    if status == VolStatus.BELOW:
        fix = f"must be above {least:.10g}, what the option is worth without vol"
        refuse("E_PRICE_BELOW", "price", row, price, fix + mask)
    if status == VolStatus.ABOVE:
        fix = f"must be below the {'spot' if is_call else 'strike'} (or, with a negative rate, "
        refuse("E_PRICE_ABOVE", "price", row, price, fix + "what it grows to)" + mask)
    fix = f"must be above {least:.10g}: to its last digits it is what any small vol gives"
    refuse("E_VOL_UNDETERMINED", "price", row, price, fix + mask)
