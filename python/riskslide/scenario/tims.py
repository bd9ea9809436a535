"""Decides the scenarios of the `tims` method: the valuation points of every class group.

A class group moves over the range of its kind, in equal steps on each side and never by nothing.
Points of different ranges pair by their number: in one scenario every class group is at the same
step of its own range.
"""

from __future__ import annotations

import numpy as np

from ..book.columns import Float
from ..market.state import State
from ..rules import Rules
from .shocks import Scenarios


def tims_scenarios(rules: Rules, state: State) -> Scenarios:
    """Every point, or with the section `vol_stress` every point with every multiplier of the vol,
    points outermost; time stands still, and so do assets that no scenario moves."""
    steps = steps_of(rules)
    vols = rules.numbers("vol_stress.scales") if rules.has("vol_stress") else [1.0]
    price = np.ones((len(state.factors), len(steps) * len(vols)))
    for row, underlying in zip(price, state.factor_underlying, strict=True):
        if underlying not in state.still:
            row[:] = np.repeat(scales_of(rules, underlying), len(vols))
    return Scenarios.of(
        price,
        vol_scale=np.broadcast_to(vols * len(steps), price.shape),
        labels=[
            f"point {number}, {step:+d}/{steps[-1]} of the range" + _told(vol, vols)
            for number, step in enumerate(steps, start=1)
            for vol in vols
        ],
        factors=state.factors,
    )


def _told(vol: float, vols: list[float]) -> str:
    return f", vol x{vol:g}" if len(vols) > 1 else ""


def steps_of(rules: Rules) -> list[int]:
    """Steps of the points in their order, from the lowest to the highest; 0 is none of them."""
    most = rules.whole("points.steps")
    return [*range(-most, 0), *range(1, most + 1)]


def scales_of(rules: Rules, underlying: str) -> Float:
    """Price over today's price at every point: the point of its class group times its leverage, and
    never below zero."""
    steps = steps_of(rules)
    kind = kind_of(rules, class_of(rules, underlying))
    low, high = (rules.table(f"points.{side}")[kind] for side in ("low", "high"))
    moves = np.array([low * -k / steps[-1] if k < 0 else high * k / steps[-1] for k in steps])
    leverage = rules.table("points.leverage").get(underlying, 1.0)
    return np.maximum(1.0 + leverage * moves, 0.0)


def class_of(rules: Rules, underlying: str) -> str:
    """The class group of an underlying: its own where the rule book names none."""
    return rules.words("groups.class").get(underlying, underlying)


def kind_of(rules: Rules, group: str) -> str:
    """What a class group is, which decides its range."""
    return rules.words("points.kind").get(group, rules.text("points.kind_other"))
