"""Decides which rows of an OKX option chain can be priced, and why the others cannot."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from families.files import DAY, YEAR, Columns, Int64, Numbers, instant, numbers

FIGURES = ("mark_price", "delta", "gamma", "vega", "theta")


class Contract(NamedTuple):
    """What a name such as BTC-USD-260731-64000-C says: expiry in UTC nanoseconds, strike in USD."""

    pair: str
    expiry: int
    strike: float
    is_call: bool


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Options that can be priced, (N) each.

    place: file, row from 0 and name; instant: UTC nanoseconds of the snapshot; years to expiry;
    vol: a decimal; printed: by figure, NaN where blank; left: how many other rows the file has, by
    reason.
    """

    place: list[str]
    contract: list[Contract]
    instant: Int64
    years: Numbers
    strike: Numbers
    is_call: npt.NDArray[np.bool_]
    vol: Numbers
    printed: dict[str, Numbers]
    left: Counter[str]


def parse(name: str) -> Contract | None:
    """The contract of a name; None where it is no coin-settled option."""
    found = re.fullmatch(r"([A-Z0-9]+-USD)-(\d\d)(\d\d)(\d\d)-(\d+(?:\.\d+)?)-([CP])", name)
    if found is None:
        return None
    day = date(2000 + int(found[2]), int(found[3]), int(found[4])) - date(1970, 1, 1)
    return Contract(found[1], day.days * DAY + DAY // 3, float(found[5]), found[6] == "C")


def rows_of(path: Path, columns: Columns) -> Rows:
    names = [str(name) for name in columns["instrument"]]
    contracts = [parse(name) for name in names]
    instants = [instant(value) for value in columns["snapshot_utc"]]
    vols = numbers(columns["mark_iv"])
    fates = [fate(*row) for row in zip(contracts, instants, vols, strict=True)]
    kept = [row for row, reason in enumerate(fates) if not reason]
    held = [c for row in kept if (c := contracts[row])]
    now = np.array([instants[row] for row in kept], dtype=np.int64)
    return Rows(
        [f"{path.name} row {row} {names[row]}" for row in kept],
        held,
        now,
        (np.array([c.expiry for c in held], dtype=np.int64) - now) / YEAR,
        np.array([c.strike for c in held], dtype=np.float64),
        np.array([c.is_call for c in held], dtype=np.bool_),
        vols[kept],
        {name: numbers(columns[name])[kept] for name in FIGURES if name in columns},
        Counter(reason for reason in fates if reason),
    )


def fate(contract: Contract | None, now: int | None, vol: float) -> str:
    """Why a row cannot be priced; empty if it can."""
    if contract is None:
        return "no name of a coin option"
    if now is None:
        return "has no instant"
    if contract.expiry <= now:
        return "expired"
    return "" if vol > 0.0 else "has no mark_iv"
