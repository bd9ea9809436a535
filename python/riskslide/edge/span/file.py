"""Decides what a risk parameter file holds: contracts with their risk arrays, and how they net."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...book.columns import Bool, Float
from ...book.instruments import Instruments


@dataclass(frozen=True, slots=True)
class Tier:
    """A tier of a combined commodity: contract periods from `first` to `last` (``YYYYMM`` or
    ``YYYYMMDD``; empty: all from there, or until there) and its rate, 0 where it has none."""

    number: int
    first: str
    last: str
    rate: float


@dataclass(frozen=True, slots=True)
class Leg:
    """A leg of a spread: `ratio` deltas of a tier or of a period (the other is 0 or empty), on
    side A (1) or B (-1)."""

    commodity: str
    tier: int
    period: str
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

    period: str
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


@dataclass(frozen=True, slots=True, eq=False)
class SpanFile:
    """A risk parameter file: N contracts as columns, combined commodities, spreads between them.

    as_of: the last second of the file's date, UTC; every contract expires at the end of its date.
    instruments: the underlying is the combined commodity. price: of one unit, currency. array
    (N, 16): what one long contract loses in every scenario, gains negative, in its currency. delta:
    composite, of one long contract; scaling: deltas of the commodity in one of it. price_scan,
    vol_scan: the scan ranges, 0 where the file has none. premium_style: options whose premium is
    paid when they are bought. spot: the price of the physical of a combined commodity, where it has
    one. warnings: what the file holds and the reader passes over.
    """

    file: str
    as_of: int
    clearing: str
    instruments: Instruments
    price: Float
    array: Float
    delta: Float
    scaling: Float
    price_scan: Float
    vol_scan: Float
    premium_style: Bool
    spot: Mapping[str, float]
    commodities: tuple[Commodity, ...]
    inter_spreads: tuple[Spread, ...]
    warnings: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.instruments)
