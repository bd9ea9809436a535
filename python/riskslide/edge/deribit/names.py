"""Decides what a Deribit instrument name means: contract, units, settlement; not its price."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NoReturn

from ...book.clock import NANOSECONDS_PER_DAY, NO_EXPIRY
from ...book.instruments import Instruments, Kind
from ...errors import refuse

COINS = ("BTC", "ETH")
OPTION_LOT = 1e-8  # coin
FUTURE_LOT = 0.01  # USD of notional

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NAME = re.compile(
    r"(?P<coin>[A-Z0-9]+)-(?:PERPETUAL"
    r"|(?P<day>[0-9]{1,2})(?P<month>[A-Z]{3})(?P<year>[0-9]{2})"
    r"(?:-(?P<strike>[0-9]+)-(?P<side>[CP]))?)"
)
_FORMS = "must be as BTC-27MAR26-80000-C, BTC-27MAR26 or BTC-PERPETUAL"


@dataclass(frozen=True, slots=True)
class Contract:
    """Terms of one coin-settled Deribit contract.

    expiry: UTC nanoseconds, 08:00 of the day (`NO_EXPIRY` for a perpetual); strike: USD, 0 unless
    an option; is_call: None unless an option. Quantity of an option in coin (multiplier 1: one
    coin per contract), of a future or perpetual in USD of notional (multiplier 1: one USD per
    contract unit). inverse: value and P&L arise in coin, `currency`. lot: see docs/files.md.
    """

    name: str
    kind: Kind
    underlying: str
    expiry: int = NO_EXPIRY
    strike: float = 0.0
    is_call: bool | None = None
    inverse: bool = True
    multiplier: float = 1.0
    lot: float = FUTURE_LOT

    @property
    def currency(self) -> str:
        """What the contract settles in."""
        return self.underlying


def parse_instrument(name: str) -> Contract:
    """The contract that a Deribit name stands for, strictly as Deribit prints it.

    Capitals, the day without a leading zero (``6FEB26``), a whole strike without leading zeros.
    Raises InputError `E_INSTRUMENT` for every other text: an impossible date, a strike of zero, a
    contract that does not settle in BTC or ETH.

    >>> parse_instrument("BTC-27MAR26-80000-C").strike
    80000.0
    """
    found = _NAME.fullmatch(name)
    if found is None:
        _refuse_form(name)
    coin, strike = found["coin"], found["strike"]
    if coin not in COINS:
        refuse("E_INSTRUMENT", "instrument", None, name, f"must settle in {' or '.join(COINS)}")
    if found["day"] is None:
        return Contract(name, Kind.PERPETUAL, coin)
    expiry = _expiry(name, found["day"], found["month"], found["year"])
    if strike is None:
        return Contract(name, Kind.FUTURE, coin, expiry)
    if strike.startswith("0"):
        fix = "the strike must be > 0, without leading zeros"
        refuse("E_INSTRUMENT", "instrument", None, name, fix)
    return Contract(
        name,
        Kind.OPTION,
        coin,
        expiry,
        strike=float(strike),
        is_call=found["side"] == "C",
        lot=OPTION_LOT,
    )


def instruments_of(contracts: Iterable[Contract]) -> Instruments:
    """The contracts as columns, in their order: Black-76 on the forward of their expiry."""
    rows = list(contracts)
    return Instruments.from_columns(
        name=[c.name for c in rows],
        kind=[c.kind.name.lower() for c in rows],
        underlying=[c.underlying for c in rows],
        expiry=[None if c.expiry == NO_EXPIRY else c.expiry for c in rows],
        strike=[c.strike for c in rows],
        option_type=["call" if c.is_call else "put" for c in rows],
        settlement="inverse",
        multiplier=[c.multiplier for c in rows],
        lot=[c.lot for c in rows],
        currency=[c.currency for c in rows],
    )


def _expiry(name: str, day: str, month: str, year: str) -> int:
    if day.startswith("0"):
        fix = f"Deribit prints the day without a leading zero: {day[1:]}{month}{year}"
        refuse("E_INSTRUMENT", "instrument", None, name, fix)
    try:
        expires = date(2000 + int(year), _MONTHS.index(month) + 1, int(day))
    except ValueError:
        refuse("E_INSTRUMENT", "instrument", None, name, f"{day}{month}{year} is no date")
    days = (expires - date(1970, 1, 1)).days
    return days * NANOSECONDS_PER_DAY + NANOSECONDS_PER_DAY // 3


def _refuse_form(name: str) -> NoReturn:
    fix = _FORMS
    if _NAME.fullmatch(name.upper()):
        fix = f"must be in capitals: {name.upper()}"
    elif "_" in name:
        fix = f"linear (USDC) contracts, spot and combos are not covered; {_FORMS}"
    refuse("E_INSTRUMENT", "instrument", None, name, fix)
