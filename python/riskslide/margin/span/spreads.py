"""Decides which spreads a rule book allows: legs, ratios, priority and rates, commodity by
commodity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ...rules import Rules
from ...scenario.span import EVERY


class Leg(NamedTuple):
    """A tier (from 0) or the number of a commodity, with the deltas that one spread takes of it:
    their sign is the side; credit: part of the price risk, of legs between commodities."""

    of: int
    size: float
    credit: float = 0.0


class IntraSpread(NamedTuple):
    """A spread within a commodity. flat: charge of one spread; weighted: part of the price risk of
    its deltas that one is charged."""

    legs: tuple[Leg, ...]
    flat: float
    weighted: float

    @property
    def deltas(self) -> float:
        """What one spread takes of all legs together."""
        return math.fsum(abs(leg.size) for leg in self.legs)


def intra_spreads(rules: Rules, commodity: str) -> list[IntraSpread]:
    """The spreads of a commodity, of highest priority first; those of `*` where it has none."""
    if not rules.has("intra"):
        return []
    tiers, ratios = rules.lists("intra.tiers"), rules.lists("intra.ratios")
    priority = rules.table("intra.priority")
    for owner in (commodity, EVERY):
        names = [name for name in tiers if name.partition(":")[0] == owner]
        if names:
            break
    found = []
    for name in sorted(names, key=lambda n: (priority[n], n)):
        legs = tuple(Leg(int(t) - 1, r) for t, r in zip(tiers[name], ratios[name], strict=True))
        flat = _rate(rules, "flat", commodity, name)
        months = _rate(rules, "per_month", commodity, name)
        if months:
            flat += months * _months_apart(rules, commodity, legs)
        found.append(IntraSpread(legs, flat, _rate(rules, "weighted", commodity, name)))
    return found


def _rate(rules: Rules, kind: str, commodity: str, spread: str) -> float:
    """Of this spread of this commodity, of all of its, of this spread of every one, of all."""
    table, name = rules.table(f"intra.{kind}"), spread.partition(":")[2]
    keys = (f"{commodity}:{name}", commodity, f"{EVERY}:{name}", EVERY)
    return next((table[key] for key in keys if key in table), 0.0)


def tier_starts(rules: Rules, commodity: str) -> list[float]:
    """Where the tiers of a commodity begin; one tier where the rule book names none."""
    table = rules.lists("tiers.starts")
    return table.get(commodity, table.get(EVERY, [0.0]))


def _months_apart(rules: Rules, commodity: str, legs: tuple[Leg, ...]) -> float:
    """Calendar months from the first tier of a spread to its last."""
    starts = tier_starts(rules, commodity)
    used = [starts[leg.of] for leg in legs if leg.of < len(starts)]
    if rules.text("tiers.by") == "date":
        used = [12.0 * (date // 10_000) + date // 100 % 100 for date in used]
    return max(used, default=0.0) - min(used, default=0.0)


def inter_spreads(rules: Rules, units: Sequence[str]) -> list[tuple[Leg, ...]]:
    """Legs of the spreads that these commodities can form, of highest priority first."""
    if not rules.has("inter"):
        return []
    deltas, credits = rules.table("inter.deltas"), rules.table("inter.credits")
    priority = rules.table("inter.priority")
    number = {name: k for k, name in enumerate(units)}
    found = []
    for name in sorted(priority, key=lambda n: (priority[n], n)):
        legs = [leg for leg in deltas if leg.partition(":")[0] == name]
        if all(leg.partition(":")[2] in number for leg in legs):
            of = (number[leg.partition(":")[2]] for leg in legs)
            found.append(
                tuple(Leg(k, deltas[x], credits[x]) for k, x in zip(of, legs, strict=True))
            )
    return found
