"""Decides how py_vollib's table is replayed: calls and puts of a row under BSM, no dividends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from families.tally import Tally, is_number, skip_header

import riskslide as rs

TOLERANCE = 1e-6  # nine or ten digits, small values rounded to zero

INPUTS = ("S", "K", "t", "v", "R")
FIGURES = {
    "bs_call": ("value", True),
    "call_vals": ("value", True),
    "bs_put": ("value", False),
    "CD": ("delta", True),
    "CG": ("gamma", True),
    "CT": ("theta", True),
    "CV": ("vega", True),
    "CR": ("rho", True),
    "PD": ("delta", False),
    "PG": ("gamma", False),
    "PT": ("theta", False),
    "PV": ("vega", False),
    "PR": ("rho", False),
}


def refusal(path: Path, raw: Any) -> str:
    """Why a file is none of this family; empty if it is one."""
    if not isinstance(raw, dict) or not {"columns", "data"} <= raw.keys():
        return "is no table of columns and data"
    missing = set(INPUTS) - set(raw["columns"])
    return f"lacks the columns {', '.join(sorted(missing))}" if missing else ""


def replay(path: Path, raw: Any, tally: Tally) -> None:
    skip_header(raw, ("columns", "data"), tally)
    columns = raw["columns"]
    rows = [dict(zip(columns, row, strict=True)) for row in raw["data"]]
    good = [r for r in rows if all(is_number(r[k]) for k in INPUTS)]
    for key in columns:
        if key in INPUTS:
            tally.skip(key, "input", len(rows))
        elif key not in FIGURES:
            tally.skip(key, "not a field of the family", len(rows))
        elif len(good) < len(rows):
            tally.skip(key, "the row lacks an input", len(rows) - len(good))
    if not good:
        return
    inputs = [[float(r[k]) for r in good] for k in INPUTS]
    try:
        found = {side: rs.bsm(*inputs, is_call=side) for side in (True, False)}
    except rs.RiskslideError as error:
        tally.fail("file", f"refused: {error}", path.name)
        return
    for key, (greek, side) in FIGURES.items():
        if key not in columns:
            continue
        for number, row in enumerate(good):
            if not is_number(row[key]):
                tally.skip(key, "null in the file")
                continue
            figure = float(getattr(found[side], greek)[number])
            where = f"{path.name} S={row['S']!r} K={row['K']!r} t={row['t']!r} v={row['v']!r}"
            tally.compare(key, figure, row[key], TOLERANCE, where)
