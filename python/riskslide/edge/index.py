"""Decides what a coin is worth where many rows of a capture print its index: their median."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from ..market.quotes import Quote
from .tables.quotes import Origin, Sheet


@dataclass(frozen=True, slots=True)
class Print:
    """The index of a coin as the row of one contract has it."""

    name: str
    coin: str
    index: float
    origin: Origin


def add_index(prints: Iterable[Print], moments: dict[str, int], sheet: Sheet) -> None:
    """Quote the spot of every coin: the index drifts while a capture lasts. Rows that say the same
    twice count once."""
    found: dict[str, list[Print]] = {}
    seen: set[tuple[str, float]] = set()
    for row in prints:
        if 0.0 < row.index < float("inf") and (row.name, row.index) not in seen:
            seen.add((row.name, row.index))
            found.setdefault(row.coin, []).append(row)
    for coin, rows in sorted(found.items()):
        spot = Quote(median([r.index for r in rows]), moments[coin])
        sheet.add("spot", coin, spot, rows[0].origin)
