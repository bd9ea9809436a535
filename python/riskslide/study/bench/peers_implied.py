"""Decides how py_lets_be_rational, Jaeckel's method in Python, implies vols."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from ...book.columns import Bool, Float

PACKAGE = "py_lets_be_rational"
SWITCH = "PY_LETS_BE_RATIONAL_ENABLE_NUMBA"  # read when it is imported


class Quotes(NamedTuple):
    """Prices of European options on forwards."""

    price: Float
    forward: Float
    strike: Float
    years: Float
    discount: Float
    is_call: Bool


def rational(quotes: Quotes, count: int, *, compiled: bool) -> Callable[[], Float]:
    """Its function in a loop over the first `count` quotes, its parts compiled or not.

    It takes prices that are not discounted.
    """
    package = _imported(compiled)
    implied = package.implied_volatility_from_a_transformed_rational_guess
    undiscounted = quotes.price / quotes.discount
    side = np.where(quotes.is_call, 1.0, -1.0)
    columns = (undiscounted, quotes.forward, quotes.strike, quotes.years, side)
    rows = list(zip(*(column[:count].tolist() for column in columns), strict=True))

    def run() -> Float:
        return np.array([implied(*row) for row in rows])

    if compiled:
        _need_compiled(run)
    return run


def _need_compiled(run: Callable[[], Float]) -> None:
    """ImportError where numba refuses the installed release: 1.1.2 calls what is not compiled."""
    refused = import_module("numba.core.errors").NumbaError
    try:
        run()
    except refused as error:
        raise ImportError("numba does not compile this release; it does 1.0.1") from error


def _imported(compiled: bool) -> Any:
    """The package anew, compiled or not; what it was before is put back."""
    if compiled:
        import_module("numba")
    before = os.environ.get(SWITCH)
    os.environ[SWITCH] = "1" if compiled else "0"
    for name in [n for n in sys.modules if n.split(".")[0] == PACKAGE]:
        del sys.modules[name]
    try:
        return import_module(PACKAGE)
    finally:
        if before is None:
            del os.environ[SWITCH]
        else:
            os.environ[SWITCH] = before
