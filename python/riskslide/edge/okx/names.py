"""Decides what an OKX option name means: contract, units, settlement; not its price."""

from __future__ import annotations

import re
from datetime import date
from typing import NoReturn

from ...errors import refuse
from ..contract import Contract, coin_expiry, coin_option, need_coin

# Coins in one contract, European, settled in the coin at 08:00 UTC: OKX, "OKX Options
# Introduction", contract specification; ctMult of GET /api/v5/public/instruments says the same.
COINS = {"BTC": 0.01, "ETH": 0.1}
OPTION_LOT = 1e-6  # contract

FORMS = "BTC-USD-260327-80000-C"

_NAME = re.compile(
    r"(?P<coin>[A-Z0-9]+)-USD-(?P<date>[0-9]{6})-(?P<strike>[0-9]+)-(?P<side>[CP])", re.ASCII
)


def parse_instrument(name: str) -> Contract:
    """The coin-settled option that an OKX name stands for, strictly as OKX prints it.

    Quantity in contracts, of 0.01 BTC or 0.1 ETH (the multiplier); prices in coin per coin; expiry
    at 08:00 UTC of the day YYMMDD. Raises InputError `E_INSTRUMENT` for every other text: small
    letters, an impossible date, a strike of zero or with leading zeros, a contract that does not
    settle in BTC or ETH, a future, swap or spot pair.

    >>> parse_instrument("BTC-USD-260327-80000-C").multiplier
    0.01
    """
    found = _NAME.fullmatch(name)
    if found is None:
        _refuse_form(name)
    coin, strike = found["coin"], found["strike"]
    need_coin(name, coin, COINS)
    size, expiry = COINS[coin], _expiry(name, found["date"])
    return coin_option(name, coin, expiry, strike, found["side"], multiplier=size, lot=OPTION_LOT)


def _expiry(name: str, yymmdd: str) -> int:
    try:
        expires = date(2000 + int(yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:]))
    except ValueError:
        fix = f"{yymmdd} is no date; it is written YYMMDD"
        refuse("E_INSTRUMENT", "instrument", None, name, fix)
    return coin_expiry(expires)


def _refuse_form(name: str) -> NoReturn:
    fix = f"must be as {FORMS}"
    if _NAME.fullmatch(name.upper()):
        fix = f"must be in capitals: {name.upper()}"
    elif re.fullmatch(r"[A-Z0-9]+-(USDT|USDC|USD_UM)-[0-9A-Z-]+", name):
        fix = f"only options that settle in coin are covered (-USD-); {fix}"
    elif re.fullmatch(r"[A-Z0-9]+-USD-(SWAP|[0-9]{6})", name):
        fix = f"OKX futures and swaps are not covered; {fix}"
    refuse("E_INSTRUMENT", "instrument", None, name, fix)
