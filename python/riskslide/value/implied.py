"""Decides the vol that an option's price implies: which columns a model takes, what is refused."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Literal, NamedTuple, overload

import numpy as np

from .. import _core
from ..book.columns import Bool, Float, UInt8, bool_column
from ..errors import refuse, suggestion
from .pricing import common_size, vector


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

    `forward` is the forward under black76 and bachelier, the spot under bsm. Forward models take
    `discount` or `rate`, not both (1 and 0 where neither is given); bsm takes `rate` and
    `dividend_yield`, 0 where not given. years > 0; the other units are those of `black76`. Arrays
    (N) or numbers, which stand for every row.

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
