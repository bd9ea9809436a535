"""Decides how a priced chain is laid out for making books: expiries, strikes, hedges, deltas.

It knows no archetype and draws nothing: the same chain gives the same board in whatever order its
instruments and quotes come.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

import riskslide as rs
from riskslide.book.columns import Bool, Float, Int64
from riskslide.book.instruments import Instruments, Kind, canonical_order
from riskslide.market.state import State

# Smallest order of (kind, underlying): coins of options, USD of inverse futures; else one contract.
STEPS = {
    ("option", "BTC"): 0.1,
    ("option", "ETH"): 1.0,
    ("future", "BTC"): 10.0,
    ("perpetual", "BTC"): 10.0,
}


@dataclass(frozen=True, slots=True, eq=False)
class Expiry:
    """Strikes of one expiry whose call and put are both priced.

    width: at-the-money vol times the square root of the years left, never 0; call, put: rows of
    the chain, one for each strike.
    """

    instant: int
    forward: float
    width: float
    strike: Float
    call: Int64
    put: Int64

    def at(self, deviations: float) -> int:
        """The strike nearest to so many standard deviations from the forward."""
        return int(np.abs(self.strike - self.forward * math.exp(deviations * self.width)).argmin())


@dataclass(frozen=True, slots=True, eq=False)
class Board:
    """One underlying: its price in the reporting currency, its options and what hedges them.

    holds: rows that move with the underlying one for one: perpetual, dated futures, shares.
    """

    underlying: str
    price: float
    expiries: tuple[Expiry, ...]
    holds: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Priced instruments in canonical order, their state, and columns of one contract unit.

    delta: units of the underlying per contract unit; unit: contract units that stand for one
    underlying; step: smallest order; unpriced: instruments that were left out.
    """

    instruments: Instruments
    state: State
    delta: Float
    unit: Float
    step: Float
    boards: tuple[Board, ...]
    unpriced: int


def chain_of(instruments: Instruments, market: rs.Market, *, max_age: float = 3600.0) -> Chain:
    """The instruments that `market` prices with quotes no older than `max_age` seconds."""
    order = canonical_order(instruments)[1]
    kept = instruments.take(order[_priced(instruments, market, max_age)[order]])
    state = market.on(kept)
    delta, unit = _per_unit(kept, state)
    boards = [_board(kept, state, u) for u in range(len(kept.underlyings))]
    usable = tuple(b for b in boards if b.expiries)
    unpriced = len(instruments) - len(kept)
    return Chain(kept, state, delta, unit, _steps(kept), usable, unpriced)


def _priced(instruments: Instruments, market: rs.Market, max_age: float) -> Bool:
    oldest = market.as_of - int(1e9 * max_age)

    def fresh(table: Any, *keys: Any) -> bool:
        found = next((table[k] for k in keys if k in table), None)
        return found is not None and oldest <= found.instant <= market.as_of and found.value > 0

    out = np.zeros(len(instruments), dtype=np.bool_)
    for i, name in enumerate(instruments.name):
        underlying = instruments.underlyings[instruments.underlying[i]]
        kind, expiry = instruments.kind[i], int(instruments.expiry[i])
        spot = fresh(market.spot, underlying)
        if kind == Kind.OPTION.value:
            forward = fresh(market.forward, name, (underlying, expiry))
            out[i] = expiry > market.as_of and fresh(market.vol, name) and (forward or spot)
        elif kind == Kind.SPOT.value:
            out[i] = spot
        else:
            out[i] = expiry > market.as_of and fresh(market.mark, name)
    return out


def _per_unit(kept: Instruments, state: State) -> tuple[Float, Float]:
    option = kept.kind == Kind.OPTION.value
    inverse = kept.inverse & ~option
    unit = np.where(inverse, state.price, 1.0) / kept.multiplier
    delta = 1.0 / unit
    found = rs.black76(
        state.price[option],
        kept.strike[option],
        state.years[option],
        state.vol[option],
        is_call=kept.is_call[option],
    )
    delta[option] *= found.delta
    return delta, unit


def _steps(kept: Instruments) -> Float:
    words = [Kind(k).name.lower() for k in kept.kind.tolist()]
    names = [kept.underlyings[u] for u in kept.underlying.tolist()]
    return np.array(
        [
            STEPS.get((word, name), 1.0) if inverse else 1.0
            for word, name, inverse in zip(words, names, kept.inverse.tolist(), strict=True)
        ]
    )


def _board(kept: Instruments, state: State, number: int) -> Board:
    mine = kept.underlying == number
    rows = np.flatnonzero(mine & (kept.kind == Kind.OPTION.value))
    expiries = [_expiry(kept, state, rows[kept.expiry[rows] == e]) for e in _dates(kept, rows)]
    holds = np.flatnonzero(mine & (kept.kind != Kind.OPTION.value)).tolist()
    order = {Kind.PERPETUAL.value: 0, Kind.SPOT.value: 1, Kind.FUTURE.value: 2}
    holds.sort(key=lambda i: (order[int(kept.kind[i])], int(kept.expiry[i]), kept.name[i]))
    name = kept.underlyings[number]
    found = tuple(e for e in expiries if e.strike.size >= 4)
    price = found[0].forward if found else 0.0
    return Board(name, price, found, tuple(holds))


def _dates(kept: Instruments, rows: Int64) -> list[int]:
    return sorted(set(kept.expiry[rows].tolist()))


def _expiry(kept: Instruments, state: State, rows: Int64) -> Expiry:
    calls = {float(kept.strike[i]): int(i) for i in rows if kept.is_call[i]}
    puts = {float(kept.strike[i]): int(i) for i in rows if not kept.is_call[i]}
    strikes = sorted(calls.keys() & puts.keys())
    strike = np.array(strikes)
    call = np.array([calls[k] for k in strikes], dtype=np.int64)
    put = np.array([puts[k] for k in strikes], dtype=np.int64)
    first = int(rows[0])
    forward = float(state.price[first])
    near = int(np.abs(strike - forward).argmin()) if strikes else 0
    vol = float(state.vol[call[near]]) if strikes else 0.0
    width = max(vol * math.sqrt(float(state.years[first])), 1e-3)
    return Expiry(int(kept.expiry[first]), forward, width, strike, call, put)
