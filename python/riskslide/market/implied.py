"""Decides the vol of an option whose price is quoted and not its vol: that at which its own model,
the one that revalues it, gives the price.

So what it is worth today is what is quoted, and a scenario moves it from there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .. import _core
from ..book.columns import Float, Int64, UInt8
from ..errors import refuse
from .state import Payoff, State

_BLACK76, _BACHELIER = 0, 2  # as numbered in kinds.hpp
_BELOW, _ABOVE, _UNDETERMINED, _DOMAIN = range(1, 5)  # likewise, why there is no vol
_REFUSED = {
    _BELOW: ("E_PRICE_BELOW", "is below what the option is worth at a vol of 0"),
    _ABOVE: ("E_PRICE_ABOVE", "is above what the option is worth at any vol"),
    _UNDETERMINED: ("E_VOL_UNDETERMINED", "is what the option is worth at many vols"),
    _DOMAIN: ("E_DOMAIN", "has a forward, rate or date that no vol fits"),
}
Implied = tuple[Float, UInt8]  # vols, and the number of why there is none


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
    for payoff, implied in _BY_PAYOFF.items():
        rows = at[state.payoff[at] == payoff]
        if rows.size:
            vol[rows], status[rows] = implied(state, rows, value[rows])
    bad = np.flatnonzero(status)
    if bad.size:
        row = int(bad[0])
        code, what = _REFUSED[int(status[row])]
        fix = f"{state.instruments.name[row]}: it {what}; correct it, or quote its vol"
        refuse(code, "mark", None, float(premium[row]), fix)
    return replace(state, vol=vol)


def _lognormal(state: State, rows: Int64, value: Float) -> Implied:
    return _on_forward(_BLACK76, state, rows, value)


def _normal(state: State, rows: Int64, value: Float) -> Implied:
    return _on_forward(_BACHELIER, state, rows, value)


def _on_forward(model: int, state: State, rows: Int64, value: Float) -> Implied:
    """European options that are worth so much."""
    names = ("price", "strike", "years", "discount")
    columns = [value, *(getattr(state, name)[rows] for name in names), np.zeros(rows.size)]
    vol, status = np.zeros(rows.size), np.zeros(rows.size, dtype=np.uint8)
    _core.implied_vol(model, True, columns, state.is_call[rows], vol, status)
    return vol, status


def _american(state: State, rows: Int64, value: Float) -> Implied:
    """American ones, on their spot or on a future, which yields the rate; the rates are those of
    discount and forward, as they are valued, whatever is quoted."""
    years = state.years[rows]
    spot = np.where(state.on_spot[rows], state.spot[rows], state.price[rows])
    rate = _core.log_ratio(np.ones(rows.size), state.discount[rows]) / years
    dividend = rate - _core.log_ratio(state.price[rows], spot) / years
    columns = [value, spot, state.strike[rows], years, rate, dividend]
    vol, status = _core.american_implied_vol(columns, state.is_call[rows])
    return vol, status


_BY_PAYOFF = {
    Payoff.BLACK76: _lognormal,
    Payoff.BACHELIER: _normal,
    Payoff.AMERICAN: _american,
}
