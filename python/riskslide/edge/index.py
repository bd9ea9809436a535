"""Decides what a coin is worth where many rows of a capture print its index: their median."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from ..market.state import Quote
from .tables.quotes import Origin, Sheet


@dataclass(frozen=True, slots=True)
class Print:
    """The index of a coin as one row has it."""

    coin: str
    index: float
    origin: Origin


def add_index(prints: Iterable[Print], moments: dict[str, int], sheet: Sheet) -> None:
    """Quote the spot of every coin: the index drifts while a capture lasts."""
    found: dict[str, list[Print]] = {}
    for row in prints:
        if 0.0 < row.index < float("inf"):
            found.setdefault(row.coin, []).append(row)
    for coin, rows in sorted(found.items()):
        spot = Quote(median([r.index for r in rows]), moments[coin])
        sheet.add("spot", coin, spot, rows[0].origin)
