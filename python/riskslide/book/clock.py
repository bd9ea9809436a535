"""Decides how instants are read: UTC nanoseconds since 1970, from timezone-aware values only."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import numpy as np

from ..errors import refuse

NANOSECONDS_PER_DAY = 86_400 * 10**9
NANOSECONDS_PER_YEAR = 365 * NANOSECONDS_PER_DAY
NO_EXPIRY = 2**63 - 1
OUT_OF_RANGE = "must lie between the years 1678 and 2261"

_FRACTION = re.compile(r"^(.*:\d\d)\.(\d{1,9})(.*)$")


def instant(value: object, column: str = "instant", row: int | None = None) -> int:
    """UTC nanoseconds of an int (already that), an aware datetime or ISO 8601 text with a zone.

    A local time without a zone is refused (`E_TIMEZONE`): nobody can say when it was.
    """
    if isinstance(value, bool):
        refuse("E_INSTANT", column, row, value, "must be an instant")
    if isinstance(value, int | np.integer):
        return _held(int(value), column, row, value)
    if isinstance(value, np.datetime64):
        years = int(value.astype("datetime64[Y]").astype(np.int64)) + 1970
        if not 1678 <= years <= 2261:  # NaT too
            refuse("E_INSTANT", column, row, str(value), OUT_OF_RANGE)
        return int(value.astype("datetime64[ns]").astype(np.int64))
    if isinstance(value, str):
        return _from_text(value.strip(), column, row)
    if isinstance(value, datetime):
        return _from_datetime(value, value.microsecond * 1000, column, row)
    refuse("E_INSTANT", column, row, value, "must be an instant such as 2026-02-27T08:00:00Z")


def text_of(nanoseconds: int) -> str:
    """ISO 8601 text of an instant, to the second or, where it has one, with its fraction."""
    seconds, fraction = divmod(nanoseconds, 10**9)
    stamp = datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f".{fraction:09d}".rstrip("0") if fraction else ""
    return f"{stamp}{digits}Z"


def _from_text(text: str, column: str, row: int | None) -> int:
    found = _FRACTION.match(text)
    plain, digits = (found[1] + found[3], found[2]) if found else (text, "")
    try:
        moment = datetime.fromisoformat(plain)
    except ValueError:
        refuse("E_INSTANT", column, row, text, "must be ISO 8601, such as 2026-02-27T08:00:00Z")
    if moment.tzinfo is None:
        refuse("E_TIMEZONE", column, row, text, "must carry a zone, such as 2026-02-27T08:00:00Z")
    return _from_datetime(moment, int(digits.ljust(9, "0") or 0), column, row)


def _from_datetime(moment: datetime, nanoseconds: int, column: str, row: int | None) -> int:
    if moment.tzinfo is None:
        refuse("E_TIMEZONE", column, row, str(moment), "must carry a zone; write Z for UTC")
    if not 1678 <= moment.year <= 2261:
        refuse("E_INSTANT", column, row, str(moment), OUT_OF_RANGE)
    utc = moment.astimezone(UTC)
    days = (utc.date() - date(1970, 1, 1)).days
    seconds = days * 86_400 + utc.hour * 3_600 + utc.minute * 60 + utc.second
    return seconds * 10**9 + nanoseconds


def _held(nanoseconds: int, column: str, row: int | None, value: object) -> int:
    """An instant that int64 holds: beyond it nothing downstream could say when it was."""
    if not -(2**63) <= nanoseconds < 2**63:
        refuse("E_INSTANT", column, row, value, OUT_OF_RANGE)
    return nanoseconds
