"""Decides the scenarios of the `risk-matrix` method: price steps by vol states, and far moves.

Source of the forms: Deribit's portfolio margin; docs/methods/deribit.md says what is verified.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import _core
from ..book.clock import NANOSECONDS_PER_DAY, NO_EXPIRY
from ..book.columns import Float
from ..market.state import State
from ..rules import Rules
from .shocks import Scenarios

REFERENCE_DAYS = 30.0  # where the ranges of vol are quoted

_STATES = {-1: "down", 0: "same", 1: "up"}


class Column(NamedTuple):
    """One scenario: a move of the price (fraction), a state of the vol, and whether it is one of
    the far moves, of which only a part counts."""

    move: float
    state: int
    extended: bool

    @property
    def label(self) -> str:
        kind = ", extended" if self.extended else ""
        return f"price {100 * self.move:+g} % vol {_STATES[self.state]}{kind}"


def columns_of(rules: Rules) -> list[Column]:
    """Every price step with vol down, same and up, moves outermost; then the far moves, vol up."""
    reach, steps = rules.number("matrix.price_range"), rules.whole("matrix.price_steps")
    moves = [reach * k / steps for k in range(-steps, steps + 1)]
    near = [Column(move, state, False) for move in moves for state in _STATES]
    return near + [Column(move, 1, True) for move in rules.numbers("extended.moves")]


def matrix_scenarios(rules: Rules, state: State) -> Scenarios:
    """Shocks of every risk factor; vol by days to expiry D, with x = (30 / D)^power.

    up: max(v (1 + range_up x), min_up); down: v max(1 - range_down x, 0); power is the short one
    below 30 days.
    """
    columns = columns_of(rules)
    reach = _power(rules, _days(state))[:, None]
    states = np.array([c.state for c in columns])
    up = 1.0 + rules.number("vol.range_up") * reach
    down = np.maximum(1.0 - rules.number("vol.range_down") * reach, 0.0)
    return Scenarios.of(
        [1.0 + c.move for c in columns],
        vol_scale=np.where(states > 0, up, np.where(states < 0, down, 1.0)),
        vol_floor=np.where(states > 0, rules.number("vol.min_up"), 0.0),
        labels=[c.label for c in columns],
        factors=state.factors,
    ).on(state)


def _days(state: State) -> Float:
    """Days to the expiry of every factor; 30 where there is none or it is past."""
    return np.array(
        [
            (expiry - state.as_of) / NANOSECONDS_PER_DAY
            if expiry != NO_EXPIRY and expiry > state.as_of
            else REFERENCE_DAYS
            for expiry in state.factor_expiry
        ],
        dtype=np.float64,
    )


def _power(rules: Rules, days: Float) -> Float:
    """(30 / days)^power."""
    short, long = rules.number("vol.short_power"), rules.number("vol.long_power")
    return _core.power(REFERENCE_DAYS / days, np.where(days < REFERENCE_DAYS, short, long))
