"""Decides what printed Greeks of every venue share: forward, years and the day of a theta."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..book.columns import Float, finite_column
from ..errors import refuse

DAYS = 365.0
POINTS = 100.0  # points of vol or rate in 1.00


def terms(size: int, forward: Any, years: Any) -> tuple[Float, Float]:
    """Forward > 0 and years >= 0 as columns (N); numbers stand for every row."""
    forward = finite_column(forward, "forward", size)
    years = finite_column(years, "years", size)
    for row in np.flatnonzero(forward <= 0.0)[:1].tolist():
        refuse("E_DOMAIN_FORWARD", "forward", row, float(forward[row]), "must be > 0")
    for row in np.flatnonzero(years < 0.0)[:1].tolist():
        refuse("E_DOMAIN", "years", row, float(years[row]), "must be >= 0")
    return forward, years


def day(years: Float) -> Float:
    """Share of a year that a printed theta covers (N): a day, or less where less is left."""
    return np.minimum(1.0, years * DAYS) / DAYS


def day_to_divide_by(years: Float) -> Float:
    """`day`, refused where no time is left: the theta of no time says nothing."""
    for row in np.flatnonzero(years == 0.0)[:1].tolist():
        refuse("E_DOMAIN", "years", row, 0.0, "must be > 0 to take theta from a printed one")
    return day(years)
