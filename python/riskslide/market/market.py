"""Decides what a market is: quotes of one instant, by kind and key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from ..book.clock import instant
from ..book.columns import Float
from ..book.instruments import Instruments
from ..errors import refuse
from .lookup import Lookup
from .quotes import NO_TERMS, TABLES, Quote, Terms, check_value, key_of
from .resolve import resolve
from .state import State


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """Quotes at `as_of` (UTC nanoseconds).

    spot: price of an asset or underlying in the reporting currency (it is the FX rate too);
    forward: of an option, by instrument name or by (underlying, expiry); mark: price of a future,
    perpetual or spot instrument, or of an option without a vol, which is then implied by the
    option's model; vol: decimal, by instrument; rate, dividend_yield: continuous per
    year, by instrument, (underlying, expiry) or underlying, 0 where absent; settlement: final price
    by instrument or (underlying, expiry), its instant being the expiry; fixed: the part of a
    forward that settlement averaging has fixed already, by (underlying, expiry), from 0 to the
    forward, which is quoted whole; confidence: how far its source trusts a quote, from 0 to 1 and 1
    where absent, by (kind, key): the kind is spot, forward, mark, vol or rate, the key that of the
    quote, and (underlying, expiry) for all vols of an expiry.
    """

    as_of: int
    spot: Mapping[str, Quote] = field(default_factory=dict)
    forward: Mapping[Any, Quote] = field(default_factory=dict)
    mark: Mapping[str, Quote] = field(default_factory=dict)
    vol: Mapping[str, Quote] = field(default_factory=dict)
    rate: Mapping[Any, Quote] = field(default_factory=dict)
    dividend_yield: Mapping[Any, Quote] = field(default_factory=dict)
    settlement: Mapping[Any, Quote] = field(default_factory=dict)
    fixed: Mapping[tuple[str, int], Quote] = field(default_factory=dict)
    confidence: Mapping[tuple[str, Any], Quote] = field(default_factory=dict)
    dropped: int = 0
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, as_of: Any, **quotes: Mapping[Any, Any]) -> Self:
        """Quotes given as plain numbers, all of the instant `as_of`; Quotes are kept as they are.

        Expiries in keys (underlying, expiry) are instants as `clock.instant` reads them. Raises
        InputError (`E_NOT_FINITE`, `E_INSTANT`, `E_TIMEZONE`, `E_UNKNOWN`, `E_DTYPE` for a key,
        `E_RANGE` for a confidence outside [0, 1], `E_DOMAIN` for a fixed part < 0).
        """
        now = instant(as_of, "as_of")
        tables: dict[str, Any] = {}
        for kind, table in quotes.items():
            if kind not in TABLES:
                refuse("E_UNKNOWN", kind, None, kind, f"must be one of {', '.join(TABLES)}")
            read = {key_of(kind, k): v for k, v in table.items()}
            tables[kind] = {k: _quote(v, now, kind, k) for k, v in read.items()}
        return cls(now, **tables)

    def on(self, instruments: Instruments, terms: Terms = NO_TERMS) -> State:
        """The columns of these instruments.

        Raises InputError: `E_MISSING_PRICE` naming the quote that is not there, `E_STALE` for one
        older than `terms.max_age` or from after `as_of`, `E_EXPIRED` and `E_SETTLEMENT` for an
        expired contract without its settlement price, `E_DOMAIN` for a fixed part of a forward that
        exceeds it.
        """
        return resolve(instruments, self._lookup(terms))

    def spot_of_underlying(self, instruments: Instruments, terms: Terms = NO_TERMS) -> Float:
        """The spot of every row's underlying; 0 where none is quoted, or none > 0.

        Of the reporting currency and of assets at par 1. Raises InputError (`E_STALE`, `E_FX`).
        """
        return self._lookup(terms).spots(instruments)

    def _lookup(self, terms: Terms) -> Lookup:
        tables = {kind: getattr(self, kind) for kind in TABLES}
        return Lookup(self.as_of, tables, terms, self.warnings)


def _quote(value: Any, now: int, kind: str, key: Any) -> Quote:
    quote = value if isinstance(value, Quote) else Quote(float(value), now)
    check_value(kind, key, quote.value)
    return quote
