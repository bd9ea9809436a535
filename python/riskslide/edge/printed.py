"""Decides what printed Greeks of every venue share: forward, years and the day of a theta."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from ..book.columns import Float, finite_column
from ..errors import refuse

Figures = TypeVar("Figures", bound=tuple[Any, ...])  # a named tuple of columns

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


def columns(printed: Figures) -> Figures:
    """Printed figures as float64 columns of one length; what is no finite number is refused."""
    names: tuple[str, ...] = getattr(printed, "_fields", ())
    size = np.size(printed[0])
    found = [finite_column(x, name, size) for name, x in zip(names, printed, strict=True)]
    return type(printed)(*found)


def day(years: Float) -> Float:
    """Share of a year that a printed theta covers (N): a day, or less where less is left."""
    return np.minimum(1.0, years * DAYS) / DAYS


def day_to_divide_by(years: Float) -> Float:
    """`day`, refused where no time is left: the theta of no time says nothing."""
    for row in np.flatnonzero(years == 0.0)[:1].tolist():
        refuse("E_DOMAIN", "years", row, 0.0, "must be > 0 to take theta from a printed one")
    return day(years)
