"""Decides how the terms of one contract are held, and how many become columns; no venue's names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ..book.clock import NANOSECONDS_PER_DAY, NO_EXPIRY
from ..book.instruments import DEFAULT_LOT, Instruments, Kind
from ..errors import refuse


@dataclass(frozen=True, slots=True)
class Contract:
    """Terms of one contract of any venue; docs/files.md lists units and lots venue by venue.

    expiry: UTC nanoseconds (`NO_EXPIRY` for a perpetual or a stock); strike: 0 unless an option;
    is_call: None unless an option. inverse: value and P&L arise in the coin itself. multiplier:
    units of the underlying per contract unit; of an inverse future, currency of the price per
    contract unit. lot: contract units. style and model: as `Instruments.from_columns` takes them.
    currency: what it settles in; by default the underlying where inverse, else USD.
    """

    name: str
    kind: Kind
    underlying: str
    expiry: int = NO_EXPIRY
    strike: float = 0.0
    is_call: bool | None = None
    inverse: bool = True
    multiplier: float = 1.0
    lot: float = DEFAULT_LOT
    style: str = "european"
    model: str = "black76"
    currency: str = ""

    def __post_init__(self) -> None:
        if not self.currency:
            object.__setattr__(self, "currency", self.underlying if self.inverse else "USD")


def coin_option(
    name: str, coin: str, expiry: int, strike: str, side: str, *, multiplier: float, lot: float
) -> Contract:
    """An option that settles in its coin, by the parts of its name: whole strike, side C or P.

    Raises InputError `E_INSTRUMENT` for a strike of zero or with leading zeros.
    """
    if strike.startswith("0"):
        fix = "the strike must be > 0, without leading zeros"
        refuse("E_INSTRUMENT", "instrument", None, name, fix)
    return Contract(
        name,
        Kind.OPTION,
        coin,
        expiry,
        strike=float(strike),
        is_call=side == "C",
        multiplier=multiplier,
        lot=lot,
    )


def need_coin(name: str, coin: str, coins: Iterable[str]) -> None:
    """Refuse a contract of another coin (`E_INSTRUMENT`)."""
    known = list(coins)
    if coin not in known:
        refuse("E_INSTRUMENT", "instrument", None, name, f"must settle in {' or '.join(known)}")


def coin_expiry(expires: date) -> int:
    """08:00 UTC of a day, at which coin exchanges settle, in UTC nanoseconds."""
    days = (expires - date(1970, 1, 1)).days
    return days * NANOSECONDS_PER_DAY + NANOSECONDS_PER_DAY // 3


def instruments_of(contracts: Iterable[Contract]) -> Instruments:
    """The contracts as columns, in their order."""
    rows = list(contracts)
    return Instruments.from_columns(
        name=[c.name for c in rows],
        kind=[c.kind.name.lower() for c in rows],
        underlying=[c.underlying for c in rows],
        expiry=[None if c.expiry == NO_EXPIRY else c.expiry for c in rows],
        strike=[c.strike for c in rows],
        option_type=["call" if c.is_call else "put" for c in rows],
        style=[c.style for c in rows],
        model=[c.model for c in rows],
        settlement=["inverse" if c.inverse else "linear" for c in rows],
        multiplier=[c.multiplier for c in rows],
        lot=[c.lot for c in rows],
        currency=[c.currency for c in rows],
    )
