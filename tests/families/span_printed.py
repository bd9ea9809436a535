"""Decides how printed risk arrays are replayed: positions are summed and scanned by the library.

A list ``NAME_pnl`` is an instrument's P&L by scenario, gain positive; with legs in brackets, such
as ``(long fut, short call)``, it is a position in the others, whose sums are compared. `expected`
holds scan losses, ``NAME_scan``: of the array of that name, or of a short position in it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from families.files import Numbers
from families.tally import Tally, is_number, skip_header

import riskslide as rs

EXACT = 1e-9  # whole dollars that are sums of whole dollars

_ARRAY = re.compile(r"(\w+)_pnl(?:\s*\((.*)\))?")
_SIDES = {"long": 1, "short": -1}
Legs = dict[str, int]  # how many of every array are held


def is_one(raw: dict[str, Any]) -> bool:
    return isinstance(raw.get("expected"), dict) and any(_ARRAY.fullmatch(key) for key in raw)


def replay(path: Path, raw: dict[str, Any], tally: Tally) -> None:
    arrays = {key: found for key in raw if (found := _ARRAY.fullmatch(key))}
    skip_header(raw, (*arrays, "expected"), tally)
    alone = {found[1]: raw[key] for key, found in arrays.items() if not found[2]}
    for name, array in alone.items():
        tally.skip(f"{name}_pnl", "input", len(array))
    positions: dict[str, Legs | None] = {name: {name: 1} for name in alone}
    for key, found in arrays.items():
        if found[2]:
            legs = positions[found[1]] = legs_of(found[2], alone)
            where = f"{path.name} {found[1]}"
            compare_sums(key, legs, alone, np.array(raw[key], dtype=np.float64), where, tally)
    for key, figure in raw["expected"].items():
        legs = held(key.removesuffix("_scan"), positions)
        if not is_number(figure) or not key.endswith("_scan") or legs is None:
            reason = "null in the file" if figure is None else "is of no array of the file"
            tally.skip(f"expected.{key}", reason)
            continue
        loss = float(rs.worst_loss(*book_of(legs, alone)).loss[0])
        tally.compare(f"expected.{key}", loss, figure, EXACT, path.name)


def compare_sums(
    key: str, legs: Legs | None, alone: dict[str, Any], printed: Numbers, where: str, tally: Tally
) -> None:
    if legs is None:
        tally.skip(key, "its legs are no arrays of the file", printed.size)
        return
    sums = rs.aggregate(*book_of(legs, alone))[0]
    for k, (found, expected) in enumerate(zip(sums, printed, strict=True), start=1):
        tally.compare(key, float(found), float(expected), EXACT, f"{where} scenario {k}")


def book_of(legs: Legs, alone: dict[str, Any]) -> tuple[rs.Positions, rs.Cube]:
    """One account that holds the legs, and the values of all arrays."""
    names = list(alone)
    index = [names.index(name) for name in legs]
    positions = rs.Positions.from_columns([0] * len(index), index, list(legs.values()))
    return positions, rs.Cube.from_values([alone[name] for name in names])


def legs_of(text: str, alone: dict[str, Any]) -> Legs | None:
    """Of ``long fut, short call``; None where a leg names no array, or several."""
    legs: Legs = {}
    for leg in text.split(","):
        side, _, word = leg.strip().partition(" ")
        found = [name for name in alone if any(w.startswith(word) for w in name.split("_"))]
        if side not in _SIDES or len(found) != 1:
            return None
        legs[found[0]] = _SIDES[side] * side_of(found[0])
    return legs


def held(name: str, positions: dict[str, Legs | None]) -> Legs | None:
    """The position that a name of `expected` means; None where there is none."""
    words = set(name.split("_"))
    same = [legs for key, legs in positions.items() if words <= set(key.split("_"))]
    if same:
        return same[0]
    side = next((s for s in _SIDES if s in words), None)
    if side is None:
        return None
    other = words - {side} | {"short" if side == "long" else "long"}
    turned = [legs for key, legs in positions.items() if other <= set(key.split("_"))]
    return {n: -q for n, q in turned[0].items()} if turned and turned[0] else None


def side_of(name: str) -> int:
    """-1 for the array of a short position."""
    return -1 if "short" in name.split("_") else 1
