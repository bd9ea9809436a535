"""Decides the one scenario of methods that move nothing: prices as they are quoted."""

from __future__ import annotations

from ..market.state import State
from ..rules import Rules
from .shocks import Scenarios


def still_scenario(rules: Rules, state: State) -> Scenarios:
    """A column in which nothing moves, so that no unit loses anything."""
    return Scenarios.of(1.0, labels=["as quoted"]).on(state)
