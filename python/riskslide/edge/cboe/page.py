"""Decides what one page of Cboe's delayed option quotes says, in either of its two forms.

A CSV page has a title with the last price, a line with the instant, the names of the columns, and
then a call and a put of one strike in each row. A JSON page has the instant and the price beside a
list of quotes. Series carry their OCC symbols (`edge.osi`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

import numpy as np

from ...book.clock import instant
from ...book.columns import Int64
from ...errors import InputError, refuse
from ..osi import Symbol, parse_symbol, root_of
from ..tables.convert import Columns
from ..tables.quotes import Origin, parsed_at
from ..tables.raw import Table, need_columns

HEADER = "Expiration Date,Calls,"  # how the columns of a CSV page begin, below its title


class Part(NamedTuple):
    """The columns that hold options: those of a CSV page come twice, calls left and puts right."""

    name: str
    expiry: str
    strike: str
    bid: str
    ask: str
    vol: str


CSV = (
    Part("Calls", "Expiration Date", "Strike", "Bid", "Ask", "IV"),
    Part("Puts", "Expiration Date", "Strike", "Bid.2", "Ask.2", "IV.2"),
)
JSON = (Part("symbol", "expiration", "strike", "bid", "ask", "iv"),)


class Listing(NamedTuple):
    """One option of a page, as its row has it; NaN or 0 where it has nothing."""

    symbol: Symbol
    bid: float
    ask: float
    vol: float
    origin: Origin


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """A page of options: what they are on, when it was quoted, and the last price then.

    moment: UTC nanoseconds, the same for every row. A page without rows is on nothing.
    """

    table: Table
    parts: tuple[Part, ...]
    underlying: str
    moment: int
    spot: float
    spot_at: Origin
    leads: bool = True

    @property
    def file(self) -> str:
        return self.table.file

    @property
    def instants(self) -> Int64:
        return np.full(len(self.table), self.moment, dtype=np.int64)


def open_page(table: Table) -> Page:
    """A table of either form; of its rows only the first name is read yet.

    Raises InputError: `E_MISSING` for a column, instant or last price that is not there,
    `E_INSTANT` for an instant that is none, `E_INSTRUMENT` for a name that is no OCC symbol.
    """
    parts = CSV if "Calls" in table.columns else JSON
    for part in parts:
        need_columns(table, part)
    moment, spot, spot_at = _title(table) if parts is CSV else _facts(table)
    underlying = ""
    if len(table):
        first = str(table.columns[parts[0].name][0])
        at = Origin(table.file, int(table.line[0]))
        underlying = underlying_of(parsed_at(parse_symbol, first, parts[0].name, at))
    return Page(table, parts, underlying, moment, spot, spot_at)


def underlying_of(symbol: Symbol) -> str:
    """What an option is on; adjusted and FLEX roots carry a digit beside the plain one."""
    return root_of(symbol.root.strip("0123456789")).underlying


def listings(page: Page) -> Iterator[Listing]:
    """The options of a page; a row whose name and columns differ is refused."""
    columns = Columns(page.table)
    for part in page.parts:
        names, dates = columns.texts(part.name).spread(), columns.texts(part.expiry).spread()
        strikes = columns.numbers(part.strike).tolist()
        bid, ask, vol = (columns.numbers(c, blank=np.nan, finite=False).tolist() for c in part[3:])
        sides = _sides(columns, part, len(names))
        columns.check()
        for row, name in enumerate(names):
            origin = Origin(page.file, int(page.table.line[row]))
            symbol = parsed_at(parse_symbol, name, part.name, origin)
            _agree(page, symbol, part, (dates[row], strikes[row], sides[row]), origin)
            yield Listing(symbol, bid[row], ask[row], vol[row], origin)


def _sides(columns: Columns, part: Part, rows: int) -> list[str]:
    if part.name in ("Calls", "Puts"):
        return ["call" if part.name == "Calls" else "put"] * rows
    return columns.texts("side").spread()


def _agree(
    page: Page, symbol: Symbol, part: Part, written: tuple[str, float, str], origin: Origin
) -> None:
    """Refuse a row whose columns say another contract than its name (`E_CONTRADICTION`)."""
    day, strike, side = written
    if _day(day) != symbol.day:
        why = f"{symbol.compact} expires on {symbol.day}"
        _contradict(part.expiry, day, why, origin)
    if strike != symbol.strike:
        why = f"{symbol.compact} has the strike {symbol.strike!r}"
        _contradict(part.strike, strike, why, origin)
    meant = "call" if symbol.is_call else "put"
    if side != meant:
        why = f"stands as a {side} and is a {meant}"
        _contradict(part.name, symbol.compact, why, origin)
    if underlying_of(symbol) != page.underlying:
        why = f"is not on {page.underlying}, as the page is"
        _contradict(part.name, symbol.compact, why, origin)


def _contradict(column: str, value: object, why: str, origin: Origin) -> None:
    fix = f"{why}; one of them is wrong"
    refuse("E_CONTRADICTION", column, origin.line, value, fix, file=origin.file)


_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_SHORT = tuple(month[:3] for month in _MONTHS)
_DAY = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([0-9]{1,2}) ([0-9]{4})", re.ASCII)


def _day(text: str) -> date | None:
    """The date of ``Fri Sep 15 2023`` or ``2023-09-15``."""
    found = _DAY.fullmatch(text)
    try:
        if found is None:
            return date.fromisoformat(text)
        return date(int(found[3]), _SHORT.index(found[1]) + 1, int(found[2]))
    except ValueError:
        return None


_DATE = re.compile(
    r"Date: ([A-Z][a-z]+) ([0-9]{1,2}),? ([0-9]{4})(?:,| at) "
    r"([0-9]{1,2}):([0-9]{2}) ([AP])M (E[SD]T)",
    re.ASCII,
)
_LAST = re.compile(r"Last: *([0-9]+(?:\.[0-9]+)?)(?=,|$)", re.ASCII)
_ZONES = {"EST": -5, "EDT": -4}  # hours from UTC


def _title(table: Table) -> tuple[int, float, Origin]:
    """Instant and last price of the lines above the columns."""
    moment = spot = None
    line = 1
    for at, text in enumerate(table.above, 1):
        if (dated := _DATE.search(text)) is not None:
            moment = _moment(dated, Origin(table.file, at))
        elif (last := _LAST.search(text)) is not None:
            spot, line = float(last[1]), at
    if moment is None:
        fix = "needs a line such as Date: September 14, 2023 at 4:31 PM EDT above the columns"
        refuse("E_MISSING", "Date", 1, None, fix, file=table.file)
    if spot is None or not spot > 0:
        fix = "needs a line with the last price above the columns, such as Last: 4505.10"
        refuse("E_MISSING", "Last", line, spot, fix, file=table.file)
    return moment, spot, Origin(table.file, line)


def _moment(found: re.Match[str], origin: Origin) -> int:
    month, day, year, hour, minute, half, zone = found.groups()
    try:
        moment = datetime(
            int(year),
            _MONTHS.index(month) + 1,
            int(day),
            int(hour) % 12 + (12 if half == "P" else 0),
            int(minute),
            tzinfo=timezone(timedelta(hours=_ZONES[zone])),
        )
    except ValueError:
        refuse("E_INSTANT", "Date", origin.line, found[0], "is no instant", file=origin.file)
    return instant(moment, "Date")


def _facts(table: Table) -> tuple[int, float, Origin]:
    """Instant and last price beside the list of quotes."""
    for name in ("updated", "underlyingPrice"):
        if not table.facts.get(name):
            fix = f"add {name} beside the quotes, as the page has it"
            refuse("E_MISSING", name, None, None, fix, file=table.file)
    written = table.facts["underlyingPrice"]
    try:
        moment, spot = instant(table.facts["updated"], "updated"), float(written)
    except InputError as error:
        refuse(error.code, error.column, None, error.value, error.fix, file=table.file)
    except ValueError:
        spot = 0.0
    if not 0 < spot < float("inf"):
        refuse("E_DTYPE", "underlyingPrice", None, written, "must be a price", file=table.file)
    return moment, spot, Origin(table.file, 1)
