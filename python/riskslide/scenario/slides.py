"""Decides the scenarios of the `slides` method: a grid of price moves and vol multipliers."""

from __future__ import annotations

from ..book.portfolio import Rows
from ..market.state import State
from ..rules import Rules
from .shocks import Scenarios


def slide_scenarios(rules: Rules, rows: Rows, state: State) -> Scenarios:
    """Evenly spaced price moves across the range, each with every vol multiplier.

    Every underlying and every balance moves by the same fraction in a column; assets at par, and
    currencies that contracts only settle in, stand still.
    """
    reach = rules.number("slides.price_range")
    points = rules.whole("slides.price_points")
    half = (points - 1) // 2
    moves = [reach * k / half if half else 0.0 for k in range(-half, half + 1)]
    grid = Scenarios.grid(moves, rules.numbers("slides.vol_scales"))
    settled = set(state.factor_underlying) - rows.held
    return grid.on(state, still={rules.text("reporting.currency"), *rules.par, *settled})
