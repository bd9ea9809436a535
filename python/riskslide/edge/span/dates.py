"""Decides which days a contract period covers, and the instants of a day: files name no times."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime

from ...book.clock import NANOSECONDS_PER_DAY, instant
from .element import Element
from .nets import Days

SECOND = 10**9  # nanoseconds

_PERIOD = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})?")


def period_of(text: str) -> Days | None:
    """The days of ``YYYYMMDD``, ``YYYYMM`` or ``YYYYMM00``; None where it is none."""
    found = _PERIOD.fullmatch(text)
    if found is None:
        return None
    year, month, day = (int(part or 0) for part in found.groups())
    if not (1678 < year < 2261 and 1 <= month <= 12):
        return None
    last = monthrange(year, month)[1]
    if day > last:
        return None
    return Days(date(year, month, day or 1), date(year, month, day or last))


def days_of(element: Element, name: str) -> Days:
    """The period that a text names (`E_INSTANT`)."""
    found = period_of(element.text(name))
    if found is None:
        element.refuse("E_INSTANT", name, "must be a date YYYYMMDD, or a month YYYYMM")
    return found


def last_second(day: date) -> int:
    """The instant (UTC nanoseconds) at which the last second of a day begins."""
    midnight = instant(datetime(day.year, day.month, day.day, tzinfo=UTC))
    return midnight + NANOSECONDS_PER_DAY - SECOND


def expiry_of(contract: Element, listed: Element) -> int:
    """The last second of the settlement date where that lies in the contract period, else of the
    period: deltas net by period, whatever day an option ends before it."""
    first, last = days_of(listed, "pe")
    for element in (contract, listed):
        if element.text("setlDate", ""):
            settled = days_of(element, "setlDate")[1]
            return last_second(settled if first <= settled <= last else last)
    return last_second(last)
