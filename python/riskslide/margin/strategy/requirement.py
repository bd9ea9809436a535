"""Decides what groups require before premiums: options alone, and stock with options.

Amounts are of one contract. What spreads, straddles and strangles require is worked out where they
are searched, in matching.cpp. docs/methods/standard-margin.md has the formulas.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...book.columns import Float, Int32, Int64
from .legs import Legs
from .rates import Rates

DAY = 86_400 * 10**9


class Groups(NamedTuple):
    """G groups: rows of each, -1 for none (G, 4), and what one requires (G)."""

    rows: Int32
    requirement: Float


def alone(legs: Legs, rates: Rates) -> Float:
    """Every option by itself (N): short ones naked, long ones paid in full but for relief."""
    spot, strike, price = legs.spot, legs.strike, legs.price
    out = np.maximum(np.where(legs.is_call, strike - spot, spot - strike), 0.0)
    floor = rates.floor * np.where(legs.is_call, spot, strike)
    naked = price + np.maximum(rates.naked * spot - out, floor)
    far = legs.expiry - legs.as_of > rates.relief_days * DAY
    return np.where(legs.is_short, naked, np.where(far, -rates.relief * price, 0.0))


def stock_alone(legs: Legs, rates: Rates) -> float:
    """The shares of one contract by themselves."""
    return (rates.long_stock if legs.shares > 0 else rates.short_stock) * legs.spot


def with_stock(legs: Legs, rates: Rates, stock: int) -> Groups:
    """Every group of the shares of one contract, row `stock`, with an option or two."""
    if legs.shares > 0:
        calls = np.flatnonzero(legs.is_call & legs.is_short)
        puts = np.flatnonzero(~legs.is_call & ~legs.is_short)
        found = [
            _with_one(stock, calls, covered_call(legs, rates, calls)),
            _with_one(stock, puts, hedged_stock(legs, rates, puts)),
            collars(legs, rates, stock, calls, puts),
        ]
    else:
        calls = np.flatnonzero(legs.is_call & ~legs.is_short)
        puts = np.flatnonzero(~legs.is_call & legs.is_short)
        found = [
            _with_one(stock, calls, hedged_stock(legs, rates, calls)),
            _with_one(stock, puts, covered_put(legs, rates, puts)),
        ]
    rows, requirement = zip(*found, strict=True)
    return Groups(np.concatenate(rows), np.concatenate(requirement))


def covered_call(legs: Legs, rates: Rates, calls: Int64) -> Float:
    """Long stock with a short call: the stock up to the strike, and what the call is in the
    money."""
    spot, strike = legs.spot, legs.strike[calls]
    return rates.long_stock * np.minimum(spot, strike) + np.maximum(spot - strike, 0.0)


def covered_put(legs: Legs, rates: Rates, puts: Int64) -> Float:
    """Short stock with a short put."""
    return rates.short_stock * legs.spot + np.maximum(legs.strike[puts] - legs.spot, 0.0)


def hedged_stock(legs: Legs, rates: Rates, options: Int64) -> Float:
    """Stock with a long option that hedges it: what the option is out of the money and a part of
    its strike, at most what the stock asks."""
    strike, whole = legs.strike[options], stock_alone(legs, rates)
    if rates.initial:
        return np.full(options.size, whole)
    out = np.maximum(legs.spot - strike if legs.shares > 0 else strike - legs.spot, 0.0)
    return np.minimum(rates.hedged * strike + out, whole)


def collars(legs: Legs, rates: Rates, stock: int, calls: Int64, puts: Int64) -> Groups:
    """Long stock, a short call, and a long put that is not struck above it and does not expire
    before it; a conversion where they are of one strike and expiry. What the call is in the money
    is asked for on top, as of a covered call: stock counts at no more than its strike."""
    call, put = np.repeat(calls, puts.size), np.broadcast_to(puts, (calls.size, puts.size))
    put = put.reshape(-1)
    fits = (legs.strike[put] <= legs.strike[call]) & (legs.expiry[put] >= legs.expiry[call])
    call, put = call[fits], put[fits]
    of_call, of_put = legs.strike[call], legs.strike[put]
    rows = _rows(np.full(call.size, stock), call, put)
    if rates.initial:
        return Groups(rows, covered_call(legs, rates, call))
    above, out = (np.maximum(legs.spot - strike, 0.0) for strike in (of_call, of_put))
    collar = np.minimum(rates.hedged * of_put + out, rates.long_stock * of_call)
    same = (of_put == of_call) & (legs.expiry[put] == legs.expiry[call])
    conversion = np.where(same, rates.conversion * of_put, np.inf)
    return Groups(rows, np.minimum(collar, conversion) + above)


def _with_one(stock: int, options: Int64, requirement: Float) -> Groups:
    return Groups(_rows(np.full(options.size, stock), options), requirement)


def _rows(*members: Int64) -> Int32:
    """(groups, 4), each in ascending order, -1 behind them."""
    out = np.full((members[0].size, 4), -1, dtype=np.int32)
    for place, rows in enumerate(reversed(members)):
        out[:, place] = rows
    return out
