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

_BLACK76, _BSM, _BACHELIER, _AMERICAN = range(4)  # as numbered in kinds.hpp
_BELOW, _ABOVE, _UNDETERMINED, _DOMAIN = range(1, 5)  # likewise, why there is no vol
_REFUSED = {
    _BELOW: ("E_PRICE_BELOW", "is below what the option is worth at a vol of 0"),
    _ABOVE: ("E_PRICE_ABOVE", "is above what the option is worth at any vol"),
    _UNDETERMINED: ("E_VOL_UNDETERMINED", "is what the option is worth at many vols"),
    _DOMAIN: ("E_DOMAIN", "has a forward, rate or date that no vol fits"),
}
_LARGEST = 128.0  # vol at which an option is worth all that it can be
_STEPS = 100
_ROUNDED = 1e-15  # of spot and strike: how near a value is to a price that it meets


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


def _lognormal(state: State, rows: Int64, value: Float) -> tuple[Float, UInt8]:
    return _on_forward(_BLACK76, state, rows, value)


def _normal(state: State, rows: Int64, value: Float) -> tuple[Float, UInt8]:
    return _on_forward(_BACHELIER, state, rows, value)


def _on_forward(model: int, state: State, rows: Int64, value: Float) -> tuple[Float, UInt8]:
    """Vols of European options that are worth so much, and the number of why there is none."""
    names = ("price", "strike", "years", "discount")
    columns = [value, *(getattr(state, name)[rows] for name in names), np.zeros(rows.size)]
    return _solved(model, True, columns, state.is_call[rows])


def _solved(model: int, discount: bool, columns: list[Float], side: Bool) -> tuple[Float, UInt8]:
    vol, status = np.zeros(side.size), np.zeros(side.size, dtype=np.uint8)
    _core.implied_vol(model, discount, columns, side, vol, status)
    return vol, status


def _american(state: State, rows: Int64, price: Float) -> tuple[Float, UInt8]:
    """Likewise of American ones: Newton's steps from the European vol, kept in a bracket."""
    side, strike, rate = state.is_call[rows], state.strike[rows], state.rate[rows]
    on_spot = state.on_spot[rows]
    spot = np.where(on_spot, state.spot[rows], state.price[rows])
    dividend = np.where(on_spot, state.dividend_yield[rows], rate)
    inputs = [spot, strike, state.years[rows], price, rate, dividend]  # the vol in place of price

    def worth(vol: Float, at: Bool) -> tuple[Float, Float]:
        """Value and vega of these rows."""
        columns = [c[at] for c in inputs]
        columns[3] = vol[at]
        out = [np.empty(columns[0].size) for _ in range(6)]
        _core.greeks(_AMERICAN, False, columns, side[at], out, 0)
        return out[0], out[3]

    every, near = np.ones(price.size, dtype=np.bool_), _ROUNDED * np.maximum(spot, strike)
    low, high = np.zeros(price.size), np.full(price.size, _LARGEST)
    least, most = worth(low, every)[0], worth(high, every)[0]
    outside = np.where(price < least, _BELOW, np.where(price > most, _ABOVE, 0))
    bound = (np.abs(price - least) <= near) | (np.abs(price - most) <= near)
    status = np.where(bound, _UNDETERMINED, outside).astype(np.uint8)
    without, none = _solved(_BSM, False, [price, *inputs[:3], rate, dividend], side)
    vol, open_ = np.where(none == 0, without, 0.5), status == 0
    for _ in range(_STEPS):
        if not open_.any():
            break
        value, vega = worth(vol, open_)
        at, under = vol[open_], value < price[open_]
        low[open_], high[open_] = np.where(under, at, low[open_]), np.where(under, high[open_], at)
        newton = at + (price[open_] - value) / np.where(vega > 0.0, vega, np.inf)
        inside = (vega > 0.0) & (newton > low[open_]) & (newton < high[open_])
        met = np.abs(price[open_] - value) <= near[open_]
        middle = 0.5 * (low[open_] + high[open_])
        vol[open_] = np.where(met, at, np.where(inside, newton, middle))
        open_[open_] = ~met & (vol[open_] != at)
    return vol, status


_BY_PAYOFF = {
    Payoff.BLACK76: _lognormal,
    Payoff.BACHELIER: _normal,
    Payoff.AMERICAN: _american,
}
