"""Decides the charges of spreads within a commodity, and of its delivery months.

Every commodity runs through the same steps: the k-th spread of each, over all tiers that one of
them takes there, with sizes of its own, 0 where it takes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...book.columns import Float
from ..draft import Draft, Figure, Shape, level_of
from ..program import Measure
from .holdings import Holdings
from .scan import Scan
from .spreads import IntraSpread, intra_spreads

LONG, SHORT = range(2)  # sides of a tier, and sets of folds of the tree whose leaves are months
LARGE = 1e300  # more spreads than any position makes

Sides = dict[int, list[Figure]]  # by tier: long and short deltas, both >= 0


class Tiers:
    """The deltas of a commodity by tier and side, and what spreads leave of them."""

    def __init__(self, draft: Draft, held: Holdings) -> None:
        self.draft, self.held = draft, held
        self.tree = _months(draft, held)
        count = int(held.tier.max(initial=-1)) + 1
        columns = {f"tier {t + 1} {s}": held.tier == t for t in range(count) for s in _SIDES}
        found = list(self.sums(columns).values())
        self.whole: Sides = {t: found[2 * t : 2 * t + 2] for t in range(count)}
        self.left: Sides = {t: list(sides) for t, sides in self.whole.items()}

    def sums(self, columns: Mapping[str, Float]) -> dict[str, Figure]:
        """Deltas times attributes by month, long and short ones in turn."""
        inside = {name: x * self.held.contracts for name, x in columns.items()}
        sets = [LONG, SHORT] * (len(inside) // 2)
        return self.draft.each(self.tree, Measure.DELTA, inside, sets)

    def take(self, tier: int, side: int, deltas: Figure) -> None:
        """Consume deltas of one side of a tier."""
        self.left[tier][side] = (self.left[tier][side] - deltas).at_least(0.0)

    def consumed(self) -> Figure:
        """Net delta that spreads have taken."""

        def net(sides: Sides) -> Figure:
            return self.draft.total(of[LONG] - of[SHORT] for of in sides.values())

        return net(self.whole) - net(self.left)


_SIDES = ("long", "short")


def _months(draft: Draft, held: Holdings) -> int:
    """The tree whose leaves are the months of a commodity, those of different tiers apart."""
    shape: Shape = draft.shape(held.contracts, (held.tier, held.month))
    (months,) = shape.levels
    gain, loss = [[1.0], [0.0]], [[0.0], [-1.0]]
    return draft.tree(shape, level_of(months, sets=2, gain=gain, loss=loss))


def spread_charge(tiers: Tiers, scanned: Scan) -> Figure:
    """What spreads within each commodity are charged, taken in the order of their priority."""
    draft, held = tiers.draft, tiers.held
    rules = draft.subject.rules
    of_unit = [intra_spreads(rules, unit) for unit in held.units]
    money = held.money(rules, rules.text("intra.of"))
    charge = draft.constant(0.0)
    for place in range(max(map(len, of_unit), default=0)):
        spreads = [x[place] if place < len(x) else None for x in of_unit]
        formed = _form(tiers, spreads, LONG) + _form(tiers, spreads, SHORT)
        flat = np.array([x.flat if x else 0.0 for x in spreads]) * money
        charge = charge + formed * flat
        weighted = np.array([x.weighted * x.deltas if x else 0.0 for x in spreads])
        if weighted.any():
            charge = charge + formed * weighted * scanned.per_delta
    return charge


def _form(tiers: Tiers, spreads: list[IntraSpread | None], side: int) -> Figure:
    """Number of spreads formed with the first sides of the legs on this side of their tiers."""
    draft = tiers.draft
    sizes: dict[tuple[int, int], Float] = {}
    for unit, spread in enumerate(spreads):
        for leg in spread.legs if spread else ():
            taken = side if leg.size > 0 else 1 - side
            of = sizes.setdefault((leg.of, taken), np.zeros(len(spreads)))
            of[unit] += abs(leg.size)
    formed = draft.constant([LARGE if x else 0.0 for x in spreads])
    for (tier, taken), size in sizes.items():
        available = tiers.left[tier][taken] / size if tier in tiers.left else draft.constant(0.0)
        if (size == 0.0).any():
            available = available + np.where(size == 0.0, LARGE, 0.0)
        formed = formed.at_most(available)
    for (tier, taken), size in sizes.items():
        if tier in tiers.left:
            tiers.take(tier, taken, formed * size)
    return formed


def delivery_charge(tiers: Tiers) -> Figure:
    """What deltas of delivery months are charged: those that spreads consumed, and the rest."""
    draft, held = tiers.draft, tiers.held
    rates = _delivery_rates(held, draft)
    total = draft.constant(0.0)
    one = draft.constant(1.0)
    for tier in sorted(set(held.tier[(rates["spread"] + rates["outright"]) > 0.0].tolist())):
        inside = held.tier == tier
        columns = {f"{n} {tier + 1} {s}": x * inside for n, x in rates.items() for s in _SIDES}
        due = list(tiers.sums(columns).values())
        for side in (LONG, SHORT):
            whole = tiers.whole[tier][side] if tier >= 0 else draft.constant(0.0)
            left = tiers.left[tier][side] if tier >= 0 else whole
            used = (whole - left) / whole
            total = total + due[side] * used + due[2 + side] * (one - used)
    return total


def _delivery_rates(held: Holdings, draft: Draft) -> dict[str, Float]:
    """By name, the rate of every row's month: 0 where it is no delivery month."""
    rules = draft.subject.rules
    months = rules.lists("spot.months")
    money = held.money(rules, rules.text("spot.of"))
    found = {name: np.zeros(held.unit.size) for name in ("spread", "outright")}
    for unit, commodity in enumerate(held.units):
        for place, month in enumerate(months.get(commodity, [])):
            rows = held.contracts & (held.unit == unit) & (held.calendar == month)
            for name, rates in found.items():
                rates[rows] = rules.lists(f"spot.{name}")[commodity][place] * money[unit]
    return found
