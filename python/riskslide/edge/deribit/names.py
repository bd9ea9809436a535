"""Decides what a Deribit instrument name means: contract, units, settlement; not its price."""

from __future__ import annotations

import re
from datetime import date
from typing import NoReturn

from ...book.instruments import Kind
from ...errors import refuse
from ..contract import Contract, coin_expiry, coin_option, need_coin

COINS = ("BTC", "ETH")
OPTION_LOT = 1e-8  # coin
FUTURE_LOT = 0.01  # USD of notional

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NAME = re.compile(
    r"(?P<coin>[A-Z0-9]+)-(?:PERPETUAL"
    r"|(?P<day>[0-9]{1,2})(?P<month>[A-Z]{3})(?P<year>[0-9]{2})"
    r"(?:-(?P<strike>[0-9]+)-(?P<side>[CP]))?)"
)
_COMBO = re.compile(rf"(?!{'|'.join(_MONTHS)})[A-Z]+[0-9]*-")
FORMS = "BTC-27MAR26-80000-C, BTC-27MAR26 or BTC-PERPETUAL"


def parse_instrument(name: str) -> Contract:
    """The coin-settled contract that a Deribit name stands for, strictly as Deribit prints it.

    Quantity of an option in coin (multiplier 1: one coin per contract), of a future or perpetual
    in USD of notional (multiplier 1: one USD per contract unit); expiry at 08:00 UTC of the day.

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
    need_coin(name, coin, COINS)
    if found["day"] is None:
        return Contract(name, Kind.PERPETUAL, coin, lot=FUTURE_LOT)
    expiry = _expiry(name, found["day"], found["month"], found["year"])
    if strike is None:
        return Contract(name, Kind.FUTURE, coin, expiry, lot=FUTURE_LOT)
    return coin_option(name, coin, expiry, strike, found["side"], multiplier=1.0, lot=OPTION_LOT)


def uncovered(name: str) -> str:
    """What a name of Deribit's stands for where that is not covered; empty where it is or may be.

    The venue's answers list such instruments among the others: spot pairs, linear contracts,
    combos, and contracts of other coins.
    """
    coin, _, rest = name.partition("-")
    if "_" in coin:
        return "is a spot pair" if not rest else "is a linear contract, which is not covered"
    if rest and rest != "PERPETUAL" and _COMBO.match(rest):
        return "is a combo: its legs are what is held"
    if coin not in COINS and _NAME.fullmatch(name):
        return f"does not settle in {' or '.join(COINS)}"
    return ""


def _expiry(name: str, day: str, month: str, year: str) -> int:
    if day.startswith("0"):
        fix = f"Deribit prints the day without a leading zero: {day[1:]}{month}{year}"
        refuse("E_INSTRUMENT", "instrument", None, name, fix)
    try:
        expires = date(2000 + int(year), _MONTHS.index(month) + 1, int(day))
    except ValueError:
        refuse("E_INSTRUMENT", "instrument", None, name, f"{day}{month}{year} is no date")
    return coin_expiry(expires)


def _refuse_form(name: str) -> NoReturn:
    fix = f"must be as {FORMS}"
    if _NAME.fullmatch(name.upper()):
        fix = f"must be in capitals: {name.upper()}"
    elif "_" in name:
        fix = "linear (USDC) contracts, spot and combos are not covered"
    refuse("E_INSTRUMENT", "instrument", None, name, fix)
