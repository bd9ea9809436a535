"""Decides the scenarios of the `slides` method: a grid of price moves and vol multipliers."""

from __future__ import annotations

from ..market.state import State
from ..rules import Rules
from .shocks import Scenarios


def slide_scenarios(rules: Rules, state: State) -> Scenarios:
    """Evenly spaced price moves across the range, each with every vol multiplier.

    Every underlying and currency moves by the same fraction in a column; assets at par stand still.
    """
    reach = rules.number("slides.price_range")
    points = rules.whole("slides.price_points")
    half = (points - 1) // 2
    moves = [reach * k / half if half else 0.0 for k in range(-half, half + 1)]
    grid = Scenarios.grid(moves, rules.numbers("slides.vol_scales"))
    return grid.on(state)
