"""Decides what spreads between commodities are credited: figures of a line, as its units meet."""

from __future__ import annotations

from typing import NamedTuple

from ...rules import Rules
from ..draft import Figure
from ..figures import Lines
from .spreads import Leg


class Linked(NamedTuple):
    """A commodity that spreads link to others, as its line sees it. start: deltas that spreads may
    use."""

    start: Figure
    price_risk: Figure
    per_delta: Figure


def credits_of(
    lines: Lines, rules: Rules, linked: dict[int, Linked], spreads: list[tuple[Leg, ...]]
) -> dict[int, Figure]:
    """The credit of every commodity, spreads being taken in order until one leg is used up."""
    left = {unit: of.start for unit, of in linked.items()}
    credited = {unit: lines.constant(0.0) for unit in linked}
    capped = rules.text("inter.cap") == "price_risk"
    for legs in spreads:
        ways = [_form(legs, left, way) for way in (1.0, -1.0)]  # at most one of them is not 0
        formed, turned = ways[0] + ways[1], ways[0] - ways[1]
        for leg in legs:
            of = linked[leg.of]
            left[leg.of] = left[leg.of] - turned * leg.size
            credit = formed * abs(leg.size) * of.per_delta * leg.credit
            if capped:
                credit = credit.at_most(of.price_risk - credited[leg.of])
            credited[leg.of] = credited[leg.of] + credit
    return credited


def _form(legs: tuple[Leg, ...], left: dict[int, Figure], way: float) -> Figure:
    """Number of spreads whose legs of positive size are long (way 1) or short (way -1)."""
    found: Figure | None = None
    for leg in legs:
        available = (left[leg.of] / (way * leg.size)).at_least(0.0)
        found = available if found is None else found.at_most(available)
    assert found is not None  # a spread has legs
    return found
