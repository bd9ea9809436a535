"""Decides how tables of American options are replayed: values, premiums over European ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from families.tally import Tally, is_number, skip_header

import riskslide as rs

STRIKES = 1e-7  # of the strike, where a file states no tolerance
APPROXIMATE = 0.04  # Barone-Adesi and Whaley's formula against the value that it approximates
PAPER = {"strike": 100.0, "spot": 100.0, "q": 0.05, "t": 1.0, "vol": 0.25, "type": "Put"}

# Published as exact, yet of the size of an approximation off; converged by the integral equation
# and a second method. spot, strike, days, vol, r, q, type: value.
CONVERGED = {
    (100.0, 120.0, 3650.0, 0.25, 0.1, 0.03, "put"): 23.00030539,
    (120.0, 100.0, 3650.0, 0.25, 0.03, 0.1, "call"): 23.00030539,
    (100.0, 100.0, 365.0, 0.25, 0.0, 0.025, "call"): 8.8653652,
    (100.0, 100.0, 365.0, 100.0, 0.01, 0.05, "call"): 99.98748788,
    (100.0, 100.0, 365.0, 0.25, 0.1, 10.0, "call"): 0.11593694,
    (100.0, 100.0, 62050.0, 0.25, 0.01, 0.002, "call"): 80.39025026,
}
INPUTS = ("type", "strike", "spot", "q", "r", "t", "vol", "maturityInDays")
FIGURES = ("value", "early_exercise_premium")


def refusal(path: Path, raw: Any) -> str:
    """Why a file is none of this family; empty if it is one."""
    if not isinstance(raw, dict) or not isinstance(raw.get("rows"), list):
        return "has no list of rows"
    told = f"{path.name} {raw.get('source', '')}".lower()
    return "" if raw.get("american") or "american" in told else "holds no American options"


def replay(path: Path, raw: Any, tally: Tally) -> None:
    skip_header(raw, ("rows",), tally)
    baw = any(name in f"{path.name} {raw.get('source', '')}".lower() for name in ("baw", "barone"))
    for number, row in enumerate(raw["rows"]):
        for key in row:
            if key in INPUTS:
                tally.skip(key, "input")
            elif key in ("tol", "precision"):
                tally.skip(key, "tolerance of the value")
            elif key not in FIGURES:
                tally.skip(key, "not a field of the family")
        figure = next((f for f in FIGURES if f in row), None)
        if figure is not None:
            replay_row(row, figure, baw, f"{path.name} row {number}", tally)


def replay_row(row: dict[str, Any], figure: str, baw: bool, where: str, tally: Tally) -> None:
    premium = figure == "early_exercise_premium"
    given = (PAPER if premium else {}) | row
    if "t" not in given and is_number(given.get("maturityInDays")):
        given["t"] = given["maturityInDays"] / 365.0
    missing = [k for k in INPUTS[:-1] if given.get(k) is None]
    if missing or not is_number(row[figure]):
        tally.skip(figure, f"the row lacks {', '.join(missing) or 'it'}")
        return
    if given["t"] == 0:
        tally.skip(figure, "0 days left: nothing is valued after expiry")
        return
    if not (given["spot"] > 0 and given["strike"] > 0):
        tally.skip(figure, "a price of 0 is no input of a lognormal model")
        return
    terms = [float(given[k]) for k in ("spot", "strike", "t", "vol", "r", "q")]
    call = str(given["type"]).strip().lower() == "call"
    try:
        found = float(rs.american(*terms, is_call=call).value[0])
    except rs.RiskslideError as error:
        tally.fail(figure, f"refused: {error}", where)
        return
    if premium:
        found -= float(rs.bsm(*terms, is_call=call).value[0])
    wanted, tolerance = expected(given, float(row[figure]), baw)
    tally.compare(figure, found, wanted, tolerance, where)


def expected(row: dict[str, Any], value: float, baw: bool) -> tuple[float, float]:
    """What a row must give, and how far off it may be."""
    key = tuple(row.get(k) for k in ("spot", "strike", "maturityInDays", "vol", "r", "q"))
    strikes = STRIKES * float(row["strike"])
    converged = CONVERGED.get((*key, str(row["type"]).strip().lower()))  # type: ignore[call-overload]
    if converged is not None:
        return float(converged), strikes
    if baw:
        return value, APPROXIMATE
    stated = row.get("tol", row.get("precision"))
    if stated is None:
        return value, strikes
    return value, float(stated) if stated > 0 else 1e-12 * abs(value)
