"""Decides which rows of a Deribit ticker file can be priced, and why the others cannot."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from families.files import Columns, Int64, Numbers, instant, numbers

import riskslide as rs

GREEKS = ("delta", "gamma", "vega", "theta", "rho")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Options that can be priced, (N) each.

    place: file, row from 0 and name; instant, expiry: UTC nanoseconds; strike, forward: USD, the
    forward NaN where the file does not state it; vol: a decimal; printed: by figure, NaN where
    blank; left: how many other rows the file has, by reason.
    """

    place: list[str]
    name: list[str]
    instant: Int64
    expiry: Int64
    strike: Numbers
    is_call: npt.NDArray[np.bool_]
    vol: Numbers
    forward: Numbers
    printed: dict[str, Numbers]
    left: Counter[str]


def rows_of(path: Path, columns: Columns) -> Rows:
    blank = [None] * len(columns["instrument_name"])
    vol = numbers(columns.get("mark_iv", blank)) / 100.0
    forward = numbers(columns.get("underlying_price", blank))
    fates = [fate(columns, row) for row in range(len(blank))]
    for column, held in (("mark_iv", vol), ("underlying_price", forward)):
        if column in columns or column == "mark_iv":
            lacks = zip(fates, held > 0.0, strict=True)
            fates = [why or ("" if good else f"has no {column}") for why, good in lacks]
    kept = [row for row, reason in enumerate(fates) if not reason]
    names = [columns["instrument_name"][row] for row in kept]
    contracts = [rs.parse_instrument(name) for name in names]
    return Rows(
        [f"{path.name} row {row} {name}" for row, name in zip(kept, names, strict=True)],
        names,
        np.array([moment(columns, row) for row in kept], dtype=np.int64),
        np.array([c.expiry for c in contracts], dtype=np.int64),
        np.array([c.strike for c in contracts], dtype=np.float64),
        np.array([c.is_call for c in contracts], dtype=np.bool_),
        vol[kept],
        forward[kept],
        {name: values[kept] for name, values in printed_of(columns).items()},
        Counter(reason for reason in fates if reason),
    )


def printed_of(columns: Columns) -> dict[str, Numbers]:
    """Mark and Greeks of all rows, from columns of their own or the dict that `greeks` prints."""
    out = {}
    if "mark_price" in columns:
        out["mark_price"] = numbers(columns["mark_price"])
    dicts = [ast.literal_eval(text) if text else {} for text in columns.get("greeks", ())]
    for name in GREEKS:
        column = next((c for c in (f"greeks.{name}", name) if c in columns), None)
        if column is not None:
            out[name] = numbers(columns[column])
        elif any(name in held for held in dicts):
            out[name] = numbers([held.get(name) for held in dicts])
    return out


def fate(columns: Columns, row: int) -> str:
    """Why a row is no option that is alive; empty if it is one."""
    name = columns["instrument_name"][row]
    try:
        contract = rs.parse_instrument(str(name))
    except rs.RiskslideError:
        return "no contract name that the library knows"
    if contract.is_call is None or not contract.inverse:
        return "no coin-settled option"
    now = moment(columns, row)
    if now is None:
        return "has no instant"
    return "expired" if contract.expiry <= now else ""


def moment(columns: Columns, row: int) -> int | None:
    """UTC nanoseconds of a row: of its own timestamp, or of the snapshot that it belongs to."""
    values: Any = columns.get("timestamp", columns.get("date"))
    return None if values is None else instant(values[row])
