"""Decides the vol of an option whose price is quoted and not its vol: that at which its own model,
the one that revalues it, gives the price.

So what it is worth today is what is quoted, and a scenario moves it from there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .. import _core
from ..book.columns import Bool, Float, Int64, UInt8
from ..errors import refuse
from .state import Payoff, State

_MODELS = {Payoff.BLACK76: 0, Payoff.BACHELIER: 2}  # as numbered in kinds.hpp
_REFUSED = (  # by the number of VolStatus in kinds.hpp
    ("", ""),
    ("E_PRICE_BELOW", "is below what the option is worth at a vol of 0"),
    ("E_PRICE_ABOVE", "is above what the option is worth at any vol"),
    ("E_VOL_UNDETERMINED", "is what the option is worth at many vols"),
    ("E_DOMAIN", "has a forward, rate or date that no vol fits"),
)


def with_implied_vols(state: State, premium: Float) -> State:
    """The state with the vols of the rows that have a premium, NaN where there is none.

    premium (rows): the quoted price of one unit of the underlying, in the settlement currency; in
    coin it is over the forward or the index, as the terms say. Raises InputError (`E_PRICE_BELOW`,
    `E_PRICE_ABOVE`, `E_VOL_UNDETERMINED`) for a price that no vol gives, or no vol alone.
    """
    at = np.flatnonzero(~np.isnan(premium))
    if not at.size:
        return state
    over = np.where(state.inverse, state.price * state.instruments.multiplier, state.multiplier)
    value = premium * over / state.multiplier
    vol, status = state.vol.copy(), np.zeros(premium.size, dtype=np.uint8)
    for payoff in _MODELS:
        rows = at[state.payoff[at] == payoff]
        vol[rows], status[rows] = _implied(state, payoff, rows, value[rows])
    bad = np.flatnonzero(status)
    if bad.size:
        row = int(bad[0])
        code, what = _REFUSED[status[row]]
        fix = f"{state.instruments.name[row]}: it {what}; correct it, or quote its vol"
        refuse(code, "mark", None, float(premium[row]), fix)
    return replace(state, vol=vol)


def _implied(state: State, payoff: int, rows: Int64, value: Float) -> tuple[Float, UInt8]:
    """Vols of options of one payoff that are worth so much, and the number of why there is none."""
    vol, status = np.zeros(rows.size), np.zeros(rows.size, dtype=np.uint8)
    names = ("price", "strike", "years", "discount")
    columns = [value, *(getattr(state, name)[rows] for name in names), np.zeros(rows.size)]
    side: Bool = state.is_call[rows]
    _core.implied_vol(_MODELS[payoff], True, columns, side, vol, status)
    return vol, status
