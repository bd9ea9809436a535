"""Decides what nets in a risk parameter file: combined commodities, their tiers and spreads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple


class Days(NamedTuple):
    """A contract period: its first and its last day."""

    first: date
    last: date


ALWAYS = Days(date(1900, 1, 1), date.max)


@dataclass(frozen=True, slots=True)
class Tier:
    """A tier of a combined commodity: the contract periods that it covers, and its rate, 0 where
    it has none."""

    number: int
    days: Days
    rate: float


@dataclass(frozen=True, slots=True)
class Leg:
    """A leg of a spread: `ratio` deltas on side A (1) or B (-1), of a tier or else of a period;
    between commodities of neither, all deltas of one count."""

    commodity: str
    tier: int
    period: Days | None
    side: int
    ratio: float


@dataclass(frozen=True, slots=True)
class Spread:
    """A spread of priority `number`, the lowest first: what it costs within a commodity, or the
    credit between commodities, as a fraction. method: how the file says the rate is charged."""

    number: int
    method: str
    rate: float
    legs: tuple[Leg, ...]


@dataclass(frozen=True, slots=True)
class SpotRate:
    """What a delta of a delivery period costs: in spreads, and outright."""

    period: Days
    spread: float
    outright: float


@dataclass(frozen=True, slots=True)
class Commodity:
    """A combined commodity: what nets. short_option: the minimum for an option sold, by tier."""

    code: str
    name: str
    currency: str
    tiers: tuple[Tier, ...]
    spreads: tuple[Spread, ...]
    spot_rates: tuple[SpotRate, ...]
    short_option_method: str
    short_option: tuple[Tier, ...]
