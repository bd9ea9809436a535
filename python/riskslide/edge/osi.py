"""Decides what an OCC option symbol means: contract, exercise, expiry instant; not its price.

The symbol is the key of the Options Symbology Initiative of The Options Clearing Corporation
(2010): root, year, month, day, C or P, strike in thousandths. Its root says what the option is on.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import NamedTuple, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..book.instruments import Kind
from ..errors import InputError, MissingExtra, refuse
from .contract import Contract

FORMS = "SPXW230914C01200000"
MULTIPLIER = 100.0  # shares, or dollars per index point
LOT = 1.0  # contract

OPEN, CLOSE = time(9, 30), time(16, 0)  # in New York


class Root(NamedTuple):
    """What options of a root are on, how they are exercised, and when they expire in New York."""

    underlying: str
    style: str
    expires: time


# European, cash-settled index options. Cboe, product specifications of SPX/SPXW, XSP, RUT/RUTW,
# MRUT, VIX, DJX and XEO; Nasdaq, Nasdaq-100 index options (NDX, NDXP). Morning-settled ones expire
# as their index opens. OEX is American: it needs no row.
INDEX_ROOTS = {
    "SPX": Root("SPX", "european", OPEN),
    "SPXW": Root("SPX", "european", CLOSE),
    "XSP": Root("XSP", "european", CLOSE),
    "NDX": Root("NDX", "european", OPEN),
    "NDXP": Root("NDX", "european", CLOSE),
    "RUT": Root("RUT", "european", OPEN),
    "RUTW": Root("RUT", "european", CLOSE),
    "MRUT": Root("MRUT", "european", CLOSE),
    "DJX": Root("DJX", "european", OPEN),
    "VIX": Root("VIX", "european", OPEN),
    "VIXW": Root("VIX", "european", OPEN),
    "XEO": Root("OEX", "european", CLOSE),
}


class Symbol(NamedTuple):
    """The parts of an OCC option symbol; strike in thousandths of a dollar or index point."""

    root: str
    day: date
    is_call: bool
    thousandths: int

    @property
    def strike(self) -> float:
        return self.thousandths / 1000

    @property
    def is_standard(self) -> bool:
        """Whether the root is plain: a digit marks an adjusted or FLEX contract."""
        return self.root.isalpha()

    @property
    def compact(self) -> str:
        """Without the padding of the root: ``AAPL260824C00255000``."""
        side = "C" if self.is_call else "P"
        return f"{self.root}{self.day:%y%m%d}{side}{self.thousandths:08d}"

    @property
    def padded(self) -> str:
        """The 21 characters of the key, the root padded with blanks to six."""
        return self.root.ljust(6) + self.compact[len(self.root) :]


_TAIL = re.compile(r"(?P<date>[0-9]{6})(?P<side>[CP])(?P<strike>[0-9]{8})", re.ASCII)
_ROOT = re.compile(r"[A-Z0-9]{1,6}", re.ASCII)


def parse_symbol(name: str) -> Symbol:
    """The parts of a symbol, padded to 21 characters or compact, strictly as the OCC writes it.

    Raises InputError `E_INSTRUMENT` for every other text: a root of more than six capitals and
    digits, a padding that is not to six characters, an impossible date, a strike of zero.

    >>> parse_symbol("AAPL  260824C00255000").compact
    'AAPL260824C00255000'
    """
    head, tail = name[:-15], _TAIL.fullmatch(name[-15:])
    root = head.rstrip(" ") if len(head) == 6 else head
    if tail is None or _ROOT.fullmatch(root) is None:
        _refuse_form(name)
    try:
        day = date(2000 + int(tail["date"][:2]), int(tail["date"][2:4]), int(tail["date"][4:]))
    except ValueError:
        fix = f"{tail['date']} is no date; it is written YYMMDD"
        refuse("E_INSTRUMENT", "instrument", None, name, fix)
    if int(tail["strike"]) == 0:
        refuse("E_INSTRUMENT", "instrument", None, name, "the strike must be > 0")
    return Symbol(root, day, tail["side"] == "C", int(tail["strike"]))


def is_symbol(name: str) -> bool:
    """Whether a name is written as the OCC writes its symbols."""
    try:
        parse_symbol(name)
    except InputError:
        return False
    return True


def parse_instrument(name: str) -> Contract:
    """The option on 100 shares, or on 100 dollars a point of an index, that a symbol stands for.

    Its name is the compact form, whichever was given. Options of `INDEX_ROOTS` are European and
    settle in cash, all others are American. They expire at `expiry_of`. Raises InputError
    `E_INSTRUMENT` as `parse_symbol`, and for a root with a digit: it marks an adjusted or FLEX
    contract, whose deliverable no symbol tells.

    >>> parse_instrument("SPXW230914C01200000").underlying
    'SPX'
    """
    symbol = parse_symbol(name)
    if not symbol.is_standard:
        fix = f"{symbol.root} is adjusted or FLEX; describe it in a file of instruments"
        refuse("E_INSTRUMENT", "instrument", None, name, fix)
    return contract_of(symbol, expiry_of(symbol))


def contract_of(symbol: Symbol, expiry: int) -> Contract:
    """The contract of a standard symbol that expires at this instant."""
    root = root_of(symbol.root)
    return Contract(
        symbol.compact,
        Kind.OPTION,
        root.underlying,
        expiry,
        strike=symbol.strike,
        is_call=symbol.is_call,
        inverse=False,
        multiplier=MULTIPLIER,
        lot=LOT,
        style=root.style,
        currency="USD",
    )


def root_of(root: str) -> Root:
    """What a root means: an index of `INDEX_ROOTS`, or else the stock or fund of that name."""
    return INDEX_ROOTS.get(root) or Root(root, "american", CLOSE)


def expiry_of(symbol: Symbol) -> int:
    """UTC nanoseconds of the expiry: 16:00 in New York on its day, 09:30 where settled at the open.

    Days on which the exchange closes early are not known here: an option then expires up to three
    hours before this instant.
    """
    moment = datetime.combine(symbol.day, root_of(symbol.root).expires, new_york())
    return int((moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 10**9


def new_york() -> ZoneInfo:
    """The zone of the exchanges' hours; MissingExtra where the system has no zones."""
    try:
        return ZoneInfo("America/New_York")
    except ZoneInfoNotFoundError:
        raise MissingExtra("the hours of New York need zone data: pip install tzdata") from None


def _refuse_form(name: str) -> NoReturn:
    fix = f"must be as {FORMS}"
    if name != name.upper() and _TAIL.fullmatch(name.upper()[-15:]):
        fix = f"must be in capitals: {name.upper()}"
    elif _ROOT.fullmatch((bare := name.replace(" ", ""))[:-15]) and _TAIL.fullmatch(name[-15:]):
        fix = f"the root must be padded to six characters, or not at all: {bare}"
    refuse("E_INSTRUMENT", "instrument", None, name, fix)
