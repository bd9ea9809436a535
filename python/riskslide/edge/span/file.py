"""Decides what a risk parameter file holds: contracts with their risk arrays, and how they net."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...book.columns import Bool, Float
from ...book.instruments import Instruments, Kind
from ...market.market import Market
from ...venue.rulebook import Rulebook
from .nets import Commodity, Spread
from .rulebook import rulebook_of_file


@dataclass(frozen=True, slots=True, eq=False)
class SpanFile:
    """A risk parameter file: N contracts as columns, combined commodities, spreads between them.

    as_of: just before the file's date ends, UTC; contracts expire one second later or on a later
    day. instruments: the underlying is the combined commodity. price: of one unit, currency. array
    (N, 16): what one long contract loses in every scenario, gains negative, in its currency. delta:
    composite, of one long contract; scaling: deltas of the commodity in one of it. price_scan,
    vol_scan: the scan ranges, 0 where the file has none. premium_style: options whose premium is
    paid when they are bought. spot: the price of the physical of a combined commodity, where it has
    one. warnings: what the file holds and `market` and `rulebook` do not.
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

    @property
    def market(self) -> Market:
        """The prices, risk arrays and composite deltas, as `rs.assess` takes them; made anew each
        time. Physicals have a price alone: the method counts them as balances."""
        names, scanned = self.instruments.name, self.instruments.kind != Kind.SPOT.value
        deltas = (self.delta * self.scaling).tolist()
        losses = self.array.tolist()
        found = Market.of(
            self.as_of,
            spot=self.spot,
            mark=dict(zip(names, self.price.tolist(), strict=True)),
            risk_array={names[k]: (losses[k], deltas[k]) for k in np.flatnonzero(scanned)},
        )
        return replace(found, warnings=self.warnings)

    @property
    def rulebook(self) -> Rulebook:
        """The rule book of method `span` that the file writes: tiers, spreads, rates, in its own
        currency. Raises InputError (`E_UNSUPPORTED`, `E_CURRENCY`, `E_UNKNOWN`, `E_RANGE`) for what
        the method has no words for."""
        x = self.instruments
        options = x.kind == Kind.OPTION.value
        of = np.array(x.underlyings, dtype=object)[x.underlying]
        return rulebook_of_file(
            self.file,
            self.as_of,
            currencies=x.currencies,
            commodities=self.commodities,
            inter_spreads=self.inter_spreads,
            premium_style=set(of[options & self.premium_style].tolist()),
            futures_style=set(of[options & ~self.premium_style].tolist()),
        )
