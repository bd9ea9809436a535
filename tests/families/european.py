"""Decides how Haug's values and Greeks of European options are replayed, under BSM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from families.tally import Tally, skip_header

import riskslide as rs

PRINTED = 1e-4  # Haug prints four decimals

INPUTS = ("type", "strike", "spot", "q", "r", "t", "vol")
OPTIONAL = ("q",)
GREEKS: dict[str, Callable[[rs.Greeks, dict[str, Any]], float]] = {
    "delta": lambda g, _: float(g.delta[0]),
    "gamma": lambda g, _: float(g.gamma[0]),
    "vega": lambda g, _: float(g.vega[0]),
    "theta": lambda g, _: float(g.theta[0]),
    "thetaPerDay": lambda g, _: float(g.theta[0]) / 365.0,
    "rho": lambda g, _: float(g.rho[0]),
    # dV/dq = -T S dV/dS, and the elasticity is dV/dS * S / V: both follow from delta.
    "dividendRho": lambda g, row: -row["t"] * row["spot"] * float(g.delta[0]),
    "elasticity": lambda g, row: float(g.delta[0]) * row["spot"] / float(g.value[0]),
}


def refusal(path: Path, raw: Any) -> str:
    """Why a file is none of this family; empty if it is one."""
    if not isinstance(raw, dict) or not isinstance(raw.get("rows"), list):
        return "has no list of rows"
    if raw.get("american") or "american" in path.name.lower():
        return "holds American options"
    if "american" in str(raw.get("source", "")).lower():
        return "holds American options"
    needed = {"type", "strike", "spot", "value"}
    if not all(isinstance(row, dict) and needed <= row.keys() for row in raw["rows"]):
        return "its rows are no European options"
    return ""


def replay(path: Path, raw: Any, tally: Tally) -> None:
    skip_header(raw, ("rows",), tally)
    for number, row in enumerate(raw["rows"]):
        where = f"{path.name} row {number}"
        name = f"greek {row['greek']}" if "greek" in row else "value"
        for key, value in row.items():
            if key in INPUTS:
                tally.skip(key, "input" if value is not None else "null in the file")
            elif key not in ("value", "greek", "tol"):
                tally.skip(key, "text" if isinstance(value, str) else "not a field of the family")
        if "tol" in row:
            tally.skip("tol", "tolerance of the value")
        if "greek" in row:
            tally.skip("greek", "names the value of its row")
        replay_row(row, name, where, tally)


def replay_row(row: dict[str, Any], name: str, where: str, tally: Tally) -> None:
    missing = [k for k in INPUTS if row.get(k) is None and k not in OPTIONAL]
    if missing:
        tally.skip(name, f"the row lacks {', '.join(missing)}")
        return
    if row["value"] is None:
        tally.skip(name, "null in the file")
        return
    if "greek" in row and row["greek"] not in GREEKS:
        tally.skip(name, "no formula for this Greek here")
        return
    side = str(row["type"]).strip().lower()
    if side not in ("call", "put"):
        tally.skip(name, f"unknown type {row['type']!r}")
        return
    spot, strike, years, vol, rate = (row[k] for k in ("spot", "strike", "t", "vol", "r"))
    dividend = row.get("q") or 0.0
    try:
        found = rs.bsm(spot, strike, years, vol, rate, dividend, is_call=side == "call")
    except rs.RiskslideError as error:
        tally.fail(name, f"refused: {error}", where)
        return
    if "greek" not in row:
        tally.compare(name, float(found.value[0]), row["value"], row.get("tol") or PRINTED, where)
    elif row["greek"] == "elasticity" and not found.value[0] > 0:
        tally.skip(name, "has no value without a price to divide by")
    else:
        figure = GREEKS[row["greek"]](found, row)
        tally.compare(name, figure, row["value"], row.get("tol") or PRINTED, where)
