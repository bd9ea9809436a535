"""Decides the composite delta of every row: what counts in spreads, in deltas of the commodity."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...book.columns import Float
from ...market.state import Payoff, State
from ...rules import Rules
from ...scenario.shocks import DAYS_PER_YEAR
from ...scenario.span import of_commodity, price_moves
from ...value.exposure import Deltas


def composite_delta(rules: Rules, state: State, deltas: Deltas) -> Float:
    """Of one contract unit: the risk array's where there is one, else computed.

    Options: the sum of weights times deltas at the price points, with the vol of now and after the
    look-ahead; futures: 1. Times multiplier over the units that make one delta. What has expired
    has none.
    """
    x = state.instruments
    options = np.isin(state.payoff, Payoff.OPTIONS)
    weighted = np.zeros(len(x))
    if options.any():
        scale, shift = price_moves(rules, state, rules.numbers("delta.points"))
        for k, weight in enumerate(rules.numbers("delta.weights")):
            moved = _moved(rules, state, scale[:, k], shift[:, k])
            weighted += weight * deltas.option(moved)
    delta = np.where(options, weighted, np.where(state.payoff == Payoff.MARGINED, 1.0, 0.0))
    delta *= x.multiplier / unit_of_delta(rules, state)
    for row, given in state.risk_array.items():
        delta[row] = given.delta
    return delta


def unit_of_delta(rules: Rules, state: State) -> Float:
    """Units of the underlying that make one delta of the row's commodity; 1 where none is named."""
    x, table = state.instruments, rules.table("delta.unit")
    members = rules.words("commodity.of")
    found = (of_commodity(table, members.get(name, name)) for name in x.underlyings)
    return np.array([1.0 if unit is None else unit for unit in found])[x.underlying]


def _moved(rules: Rules, state: State, scale: Float, shift: Float) -> State:
    """The prices that options hold after a move of their factor, once the look-ahead has passed."""
    ahead = rules.number("scenarios.look_ahead_days") / DAYS_PER_YEAR
    growth = np.where(state.on_spot, state.price / np.where(state.on_spot, state.spot, 1.0), 1.0)
    own, shifted = scale[state.factor], shift[state.factor]
    normal = state.payoff == Payoff.BACHELIER
    lowest = np.where(normal, -np.inf, np.finfo(np.float64).tiny)
    return replace(
        state,
        price=np.maximum(state.price * own + shifted, lowest),
        spot=np.where(
            state.on_spot, np.maximum(state.spot * own + shifted / growth, lowest), state.spot
        ),
        years=np.maximum(state.years - ahead, 0.0),
    )
