"""Decides what each archetype of account holds on a board: legs, not their hedge or collateral.

A structure is a list of (row of the chain, amount in units of the underlying), made from one board,
a generator of random numbers and a size in units of the underlying.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from board import Board, Expiry

Legs = list[tuple[int, float]]
Structure = Callable[[Board, np.random.Generator, float], Legs]


@dataclass(frozen=True, slots=True)
class Archetype:
    """A kind of account.

    share: of all accounts; legs: fewest and most that are aimed at before the hedge; residual:
    delta after hedging, at most, as a fraction of the gross delta of the options, None where the
    account does not hedge.
    """

    name: str
    share: float
    structure: Structure
    legs: tuple[int, int]
    residual: float | None


def hold(board: Board, draw: np.random.Generator, amount: float) -> Legs:
    """The underlying itself: mostly the perpetual or the shares, or else a dated future.

    Where nothing of the kind is priced: a call less a put of one strike, at the money.
    """
    if not board.holds:
        near = board.expiries[min(int(draw.integers(0, 3)), len(board.expiries) - 1)]
        k = near.at(0.0)
        return [(int(near.call[k]), amount), (int(near.put[k]), -amount)]
    dated = board.holds[1:]
    if dated and draw.random() < 0.3:
        return [(int(draw.choice(dated)), amount)]
    return [(board.holds[0], amount)]


def strip(board: Board, draw: np.random.Generator, size: float) -> Legs:
    """A market maker: both sides of several strikes of one expiry, mostly out of the money."""
    expiry, legs = _expiry(board, draw), []
    for deviations in draw.uniform(-2.5, 2.5, int(draw.integers(4, 9))).tolist():
        k = expiry.at(deviations)
        out = draw.random() < 0.85
        rows = expiry.call if (expiry.strike[k] >= expiry.forward) == out else expiry.put
        legs.append((int(rows[k]), _sized(draw, size) * _side(draw)))
    return legs


def short_strangle(board: Board, draw: np.random.Generator, size: float) -> Legs:
    """Short a put below and a call above, or both at the money: a straddle."""
    return _strangle(_expiry(board, draw), draw, -_sized(draw, size))


def long_strangle(board: Board, draw: np.random.Generator, size: float) -> Legs:
    """Long a put below and a call above, or both at the money: a straddle."""
    return _strangle(_expiry(board, draw), draw, _sized(draw, size))


def iron_condor(board: Board, draw: np.random.Generator, size: float) -> Legs:
    """Short a strangle, long another one further out."""
    expiry, amount = _expiry(board, draw), _sized(draw, size)
    inner = float(draw.uniform(0.4, 1.2))
    outer = inner + float(draw.uniform(0.4, 1.2))
    return [
        (int(expiry.put[expiry.at(-inner)]), -amount),
        (int(expiry.put[expiry.at(-outer)]), amount),
        (int(expiry.call[expiry.at(inner)]), -amount),
        (int(expiry.call[expiry.at(outer)]), amount),
    ]


def calendar(board: Board, draw: np.random.Generator, size: float) -> Legs:
    """One strike in two expiries, short the near one two times in three."""
    amount = _sized(draw, size) * (1.0 if draw.random() < 2 / 3 else -1.0)
    if len(board.expiries) < 2:
        return vertical(board, draw, size)
    first, second = sorted(draw.choice(len(board.expiries), 2, replace=False).tolist())
    near, far = board.expiries[first], board.expiries[second]
    k = near.at(float(draw.normal(0.0, 0.7)))
    other = int(np.abs(far.strike - near.strike[k]).argmin())
    if near.strike[k] >= near.forward:
        return [(int(near.call[k]), -amount), (int(far.call[other]), amount)]
    return [(int(near.put[k]), -amount), (int(far.put[other]), amount)]


def vertical(board: Board, draw: np.random.Generator, size: float) -> Legs:
    """Two strikes of one expiry and side, opened for a debit or a credit."""
    expiry, amount = _expiry(board, draw), _sized(draw, size) * _side(draw)
    low = float(draw.uniform(-1.5, 1.0))
    rows = expiry.call if draw.random() < 0.5 else expiry.put
    first, second = expiry.at(low), expiry.at(low + float(draw.uniform(0.3, 1.0)))
    return [(int(rows[first]), amount), (int(rows[second]), -amount)]


def covered_call(board: Board, draw: np.random.Generator, size: float) -> Legs:
    """Short a call out of the money, the underlying held."""
    expiry, amount = _expiry(board, draw), _sized(draw, size)
    k = expiry.at(float(draw.uniform(0.2, 1.8)))
    return [(int(expiry.call[k]), -amount), *hold(board, draw, amount)]


def collar(board: Board, draw: np.random.Generator, size: float) -> Legs:
    """Long a put below, short a call above, the underlying held."""
    expiry, amount = _expiry(board, draw), _sized(draw, size)
    low, high = draw.uniform(0.3, 1.5, 2).tolist()
    put, call = int(expiry.put[expiry.at(-low)]), int(expiry.call[expiry.at(high)])
    return [(put, amount), (call, -amount), *hold(board, draw, amount)]


def protective_put(board: Board, draw: np.random.Generator, size: float) -> Legs:
    """Long a put below, the underlying held."""
    expiry, amount = _expiry(board, draw), _sized(draw, size)
    k = expiry.at(-float(draw.uniform(0.1, 1.5)))
    return [(int(expiry.put[k]), amount), *hold(board, draw, amount)]


def directional(board: Board, draw: np.random.Generator, size: float) -> Legs:
    """The underlying bought or sold outright, and now and then an option the same way."""
    amount = _sized(draw, size) * (1.0 if draw.random() < 0.6 else -1.0)
    legs = hold(board, draw, amount)
    if draw.random() < 0.5:
        expiry = _expiry(board, draw)
        away = float(draw.uniform(0.2, 2.0))
        if amount > 0:
            legs.append((int(expiry.call[expiry.at(away)]), amount))
        else:
            legs.append((int(expiry.put[expiry.at(-away)]), -amount))
    return legs


ARCHETYPES = (
    Archetype("market maker", 0.25, strip, (20, 52), 0.03),
    Archetype("short strangles", 0.15, short_strangle, (5, 24), 0.10),
    Archetype("long strangles", 0.08, long_strangle, (5, 20), 0.10),
    Archetype("iron condors", 0.12, iron_condor, (8, 32), 0.10),
    Archetype("calendars", 0.08, calendar, (6, 24), 0.05),
    Archetype("verticals", 0.10, vertical, (5, 20), None),
    Archetype("covered calls", 0.08, covered_call, (5, 16), None),
    Archetype("collars", 0.05, collar, (5, 16), None),
    Archetype("protective puts", 0.04, protective_put, (5, 14), None),
    Archetype("directional", 0.05, directional, (5, 12), None),
)


def _strangle(expiry: Expiry, draw: np.random.Generator, amount: float) -> Legs:
    low, high = draw.uniform(0.3, 2.0, 2).tolist() if draw.random() < 0.7 else (0.0, 0.0)
    return [
        (int(expiry.put[expiry.at(-low)]), amount),
        (int(expiry.call[expiry.at(high)]), amount),
    ]


def _expiry(board: Board, draw: np.random.Generator) -> Expiry:
    """Near expiries are traded more than far ones."""
    far = min(int(draw.exponential(3.0)), len(board.expiries) - 1)
    return board.expiries[far]


def _sized(draw: np.random.Generator, size: float) -> float:
    return size * float(draw.lognormal(0.0, 0.4))


def _side(draw: np.random.Generator) -> float:
    return 1.0 if draw.random() < 0.5 else -1.0
