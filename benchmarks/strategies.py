"""Decides the textbook strategies that rule books are compared on: one of each, no balance.

A strategy is made from one board and two of its expiries, without drawing anything. Strikes are
standard deviations from the forward: 0.7 is a call or put of a delta near 0.25, 1.4 near 0.08.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from board import Board, Chain, Expiry

import riskslide as rs

NOTIONAL = 1_000_000.0  # reporting currency, of one structure
TENORS = (7, 30, 90)  # days; the nearest expiry of a board is taken
DAY = 86_400 * 10**9
INNER, OUTER = 0.7, 1.4


@dataclass(frozen=True, slots=True)
class Series:
    """The near expiry, a far one, and the row that holds the underlying."""

    near: Expiry
    far: Expiry
    hold: int

    def call(self, deviations: float) -> int:
        """Row of a call of the near expiry."""
        return int(self.near.call[self.near.at(deviations)])

    def put(self, deviations: float) -> int:
        """Row of a put of the near expiry."""
        return int(self.near.put[self.near.at(deviations)])

    def later_call(self) -> int:
        """Row of the far call whose strike is nearest to that of the near one at the money."""
        strike = self.near.strike[self.near.at(0.0)]
        return int(self.far.call[int(np.abs(self.far.strike - strike).argmin())])


STRATEGIES: dict[str, Callable[[Series], list[tuple[int, float]]]] = {
    "long underlying": lambda s: [(s.hold, 1.0)],
    "short underlying": lambda s: [(s.hold, -1.0)],
    "long call": lambda s: [(s.call(INNER), 1.0)],
    "short call": lambda s: [(s.call(INNER), -1.0)],
    "short put": lambda s: [(s.put(-INNER), -1.0)],
    "long straddle": lambda s: [(s.call(0.0), 1.0), (s.put(0.0), 1.0)],
    "short straddle": lambda s: [(s.call(0.0), -1.0), (s.put(0.0), -1.0)],
    "long strangle": lambda s: [(s.call(INNER), 1.0), (s.put(-INNER), 1.0)],
    "short strangle": lambda s: [(s.call(INNER), -1.0), (s.put(-INNER), -1.0)],
    "far short strangle": lambda s: [(s.call(OUTER), -1.0), (s.put(-OUTER), -1.0)],
    "long butterfly": lambda s: [(s.call(-INNER), 1.0), (s.call(0.0), -2.0), (s.call(INNER), 1.0)],
    "iron condor": lambda s: [
        (s.call(INNER), -1.0),
        (s.put(-INNER), -1.0),
        (s.call(OUTER), 1.0),
        (s.put(-OUTER), 1.0),
    ],
    "bull call spread": lambda s: [(s.call(0.0), 1.0), (s.call(INNER), -1.0)],
    "bear call spread": lambda s: [(s.call(0.0), -1.0), (s.call(INNER), 1.0)],
    "ratio call spread": lambda s: [(s.call(0.0), 1.0), (s.call(INNER), -2.0)],
    "calendar": lambda s: [(s.call(0.0), -1.0), (s.later_call(), 1.0)],
    "covered call": lambda s: [(s.hold, 1.0), (s.call(INNER), -1.0)],
    "protective put": lambda s: [(s.hold, 1.0), (s.put(-INNER), 1.0)],
    "collar": lambda s: [(s.hold, 1.0), (s.put(-INNER), 1.0), (s.call(INNER), -1.0)],
    "risk reversal": lambda s: [(s.call(INNER), 1.0), (s.put(-INNER), -1.0)],
}


@dataclass(frozen=True, slots=True, eq=False)
class Singles:
    """An account for every (board, tenor, strategy), and the strategy of each."""

    portfolio: rs.Portfolio
    strategy: dict[str, str]


def make_singles(chain: Chain, as_of: int) -> Singles:
    """Every strategy on every board and tenor of a chain.

    Left out is a strategy two of whose legs fall on one contract, and a board without the
    underlying itself or with one expiry only.
    """
    account, row, quantity, strategy = [], [], [], {}
    for board in (b for b in chain.boards if b.holds and len(b.expiries) > 1):
        for days in TENORS:
            series = _series(board, as_of + days * DAY)
            for name, legs_of in STRATEGIES.items():
                legs = legs_of(series)
                held = _sized(chain, legs, NOTIONAL / board.price)
                if len(held) < len(legs):
                    continue
                owner = f"{board.underlying} {days} {name}"
                strategy[owner] = name
                account += [owner] * len(held)
                row += list(held)
                quantity += list(held.values())
    portfolio = rs.Portfolio.from_columns(
        chain.instruments.take(sorted(set(row))),
        account=account,
        instrument=[chain.instruments.name[i] for i in row],
        quantity=quantity,
    )
    return Singles(portfolio, strategy)


def _series(board: Board, aim: int) -> Series:
    """The expiry nearest to an instant, and the one after it, or before it where it is the last."""
    distance = [abs(e.instant - aim) for e in board.expiries]
    k = int(np.argmin(distance))
    far = k + 1 if k + 1 < len(board.expiries) else k - 1
    return Series(board.expiries[k], board.expiries[far], board.holds[0])


def _sized(chain: Chain, legs: list[tuple[int, float]], size: float) -> dict[int, float]:
    """Contract units of every row, whole steps and at least one."""
    out = {}
    for i, amount in legs:
        step = float(chain.step[i])
        steps = max(round(abs(amount) * size * float(chain.unit[i]) / step), 1)
        out[i] = round((steps if amount > 0 else -steps) * step, 8)
    return out
