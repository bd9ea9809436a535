"""Decides which day a contract period is, and the instants of a day: files name no time of day."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime

from ...book.clock import NANOSECONDS_PER_DAY, NO_EXPIRY, instant
from .element import Element

_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})?")
_SECOND = 10**9


def end_of(day: date) -> int:
    """The instant (UTC nanoseconds) at which a day ends."""
    return instant(datetime(day.year, day.month, day.day, tzinfo=UTC)) + NANOSECONDS_PER_DAY


def last_second(element: Element, name: str) -> int:
    """The last second of a date, so that what expires on it is not expired yet."""
    return end_of(_day(element, name)) - _SECOND


def expiry_of(contract: Element, period: Element) -> int:
    """The end of the settlement date of a contract, else of its series, else of its period."""
    for element in (contract, period):
        if element.text("setlDate", ""):
            return end_of(_day(element, "setlDate"))
    return NO_EXPIRY if not period.text("pe", "0").strip("0") else end_of(_day(period, "pe"))


def _day(element: Element, name: str) -> date:
    """``YYYYMMDD``, or the last day of ``YYYYMM`` or ``YYYYMM00`` (`E_INSTANT`)."""
    text = element.text(name)
    found = _DATE.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        year, month, day = (int(part or 0) for part in found.groups())
        if not 1678 < year < 2261:
            raise ValueError(text)
        return date(year, month, day or monthrange(year, month)[1])
    except ValueError:
        element.refuse("E_INSTANT", name, "must be a date YYYYMMDD, or a month YYYYMM")
