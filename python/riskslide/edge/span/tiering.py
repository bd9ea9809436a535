"""Decides which tiers a rule book has for a combined commodity: those of its file, told apart by
every day on which one of its tiers or periods begins or ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple, NoReturn

from ...errors import refuse
from .nets import ALWAYS, Commodity, Days, Leg

_DAY = timedelta(days=1)


class Tiering(NamedTuple):
    """The tiers of one commodity, which begin on these days and end where the next begins."""

    file: str
    commodity: Commodity
    starts: tuple[date, ...]

    def place(self, leg: Leg) -> int:
        """The number of a leg's tier, from 1 (`E_UNSUPPORTED`, `E_UNKNOWN`)."""
        days = leg.period or self._tier(leg.tier)
        if _edges(days) not in pairwise((*self.starts, ALWAYS.last)):
            fix = "is cut by another tier or period; the method takes tiers that do not overlap"
            self.refuse("E_UNSUPPORTED", _shown(leg), fix)
        return self.starts.index(days.first) + 1

    def short_option(self) -> list[float]:
        """The minimum of an option sold, for every tier."""
        tiers = self.commodity.short_option
        if len(tiers) == 1:
            return [tiers[0].rate]
        rates = (
            (t.rate for t in tiers if t.days.first <= day <= t.days.last) for day in self.starts
        )
        return [next(found, 0.0) for found in rates]

    def refuse(self, code: str, value: str, fix: str) -> NoReturn:
        refuse(code, f"ccDef {self.commodity.code}", None, value, fix, file=self.file)

    def _tier(self, number: int) -> Days:
        found = [t.days for t in self.commodity.tiers if t.number == number]
        if not found:
            self.refuse("E_UNKNOWN", f"tier {number}", "is none of its intraTiers")
        return found[0]


def tiering_of(file: str, commodity: Commodity) -> Tiering:
    """The tiers that legs and rates of a commodity need; one where they need none."""
    starts = {day for days in _used(commodity) for day in _edges(days)} - {ALWAYS.last}
    return Tiering(file, commodity, tuple(sorted(starts)) or (ALWAYS.first,))


def _used(commodity: Commodity) -> Iterator[Days]:
    yield from (tier.days for tier in commodity.tiers)
    if len(commodity.short_option) > 1:
        yield from (tier.days for tier in commodity.short_option)
    legs = (leg for spread in commodity.spreads for leg in spread.legs)
    yield from (leg.period for leg in legs if leg.period)


def _edges(days: Days) -> tuple[date, date]:
    """The first day, and the first one after the last."""
    return days.first, days.last if days.last == ALWAYS.last else days.last + _DAY


def _shown(leg: Leg) -> str:
    if leg.period is None:
        return f"tier {leg.tier}"
    return f"{leg.period.first} to {leg.period.last}"
