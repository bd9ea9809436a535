"""Decides what a commodity loses in its worst scenario, and the price risk that lies in that."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..draft import Draft, Figure
from ..program import Measure
from .holdings import Holdings

ROUNDING = 1e-12  # of gross deltas: what is less is none


class Scan(NamedTuple):
    """loss: of the worst scenario; delta: net composite delta, 0 where it is but what rounding
    leaves of the gross; price_risk: of the loss, what is neither vol nor time; per_delta: of one
    delta."""

    loss: Figure
    delta: Figure
    price_risk: Figure
    per_delta: Figure


def scan(draft: Draft, held: Holdings, *, priced: bool) -> Scan:
    """The scan of every commodity; without `priced` its price risk is not asked for, and 0."""
    rules = draft.subject.rules
    weights = rules.numbers("scenarios.weight")
    tree = draft.tree(draft.shape(held.contracts))
    loss = draft.worst("scenarios", tree, 0, len(weights), weight=np.array(weights))
    if not priced:
        nothing = draft.constant(0.0)
        return Scan(loss, nothing, nothing, nothing)
    moved = draft.scenarios("sums", tree, weights)
    delta = draft.each(tree, Measure.DELTA, {"delta": held.contracts})["delta"]
    active, paired = _active(draft, moved, [int(k) - 1 for k in rules.numbers("scenarios.pair")])
    still = [moved[int(k) - 1] for k in rules.numbers("scenarios.time")]
    vol_adjusted = (active + paired) * -0.5
    time = draft.total(still) / -float(len(still))
    price_risk = (vol_adjusted - time).at_least(0.0)
    gross = draft.each(tree, Measure.DELTA, {"gross": held.contracts}, gross=True)["gross"]
    size = delta.at_least(delta * -1.0)
    some = size.above(gross * ROUNDING)
    delta, size = delta * some, size * some
    return Scan(loss, delta, price_risk, price_risk / size)


def _active(draft: Draft, moved: list[Figure], pair: list[int]) -> tuple[Figure, Figure]:
    """P&L in the scenario that loses most, ties to the lowest, and in the one paired with it."""
    one = draft.constant(1.0)
    least, beside = moved[0], moved[pair[0]]
    for place in range(1, len(moved)):
        lower = least.above(moved[place])
        beside = beside * (one - lower) + moved[pair[place]] * lower
        least = least.at_most(moved[place])
    return least, beside
