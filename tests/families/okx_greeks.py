"""Decides how OKX's printed marks and Greeks are replayed: Black-76 at the parity of the expiry.

`underlying_price` is the index; forward and discount of an expiry come from `okx_parity`.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from families.files import DAY, Columns, Int64, Numbers, instant
from families.okx_parity import Parity, of_greeks, of_marks
from families.okx_rows import FIGURES, Contract, Rows, parse, rows_of
from families.rules import absolute, relative
from families.tally import Tally

import riskslide as rs
from riskslide.edge.okx.greeks import OkxGreeks, to_okx

INPUTS = ("snapshot_utc", "instrument", "mark_iv")
STATED = ("expiry", "strike", "type")
NO_PARITY = "too few strikes of the expiry have call and put to give its forward"

# Snapshot and Greeks are some seconds apart, which counts where hours are left. The limits leave
# room above what the chains of July 2026 need.
RULES = {
    "mark_price": absolute(median=2e-6, p99=2e-4, largest=1e-3),
    "delta": absolute(median=1e-5, p99=3e-4, largest=1e-3),
    "gamma": absolute(median=1e-4, p99=5e-2, largest=0.2),
    "vega": relative(1e-5, median=1e-4, p99=5e-3, largest=1e-2),
    "theta": relative(1e-5, median=1e-4, p99=1e-2, largest=2e-2),
}


def refusal(path: Path, columns: Columns) -> str:
    """Why a file is none of this family; empty if it is one."""
    missing = {"snapshot_utc", "instrument", "mark_iv"} - columns.keys()
    if missing:
        return f"lacks the columns {', '.join(sorted(missing))}"
    return "" if columns.keys() & set(FIGURES) else "has no mark and no Greeks"


def replay(path: Path, columns: Columns, tally: Tally) -> None:
    count_columns(path, columns, tally)
    rows = rows_of(path, columns)
    marks, greeks = terms_of(rows)
    for name in rows.printed:
        terms = marks if name == "mark_price" else greeks
        figure = "mark" if name == "mark_price" else name
        compare(name, rows, getattr(model(rows, terms), figure), terms[0], tally)


def count_columns(path: Path, columns: Columns, tally: Tally) -> None:
    """Columns that hold no figure of the model: compared with the name, or skipped with why."""
    reasons = dict.fromkeys(INPUTS, "input")
    reasons["underlying_price"] = "the index, not the forward"
    for name, values in columns.items():
        if name in STATED:
            compare_with_name(path, name, columns, tally)
        elif name not in RULES:
            tally.skip(name, reasons.get(name, "no figure of the model"), len(values))


def compare_with_name(path: Path, column: str, columns: Columns, tally: Tally) -> None:
    pairs = zip(columns["instrument"], columns[column], strict=True)
    for row, (name, said) in enumerate(pairs):
        contract = parse(str(name))
        if contract is None or said is None:
            tally.skip(column, "blank in the file" if contract else "no name of a coin option")
            continue
        if agrees(column, contract, str(said)):
            tally.skip(column, "agrees with the name")
        else:
            tally.fail(column, f"says {said}", f"{path.name} row {row} {name}")


def agrees(column: str, contract: Contract, said: str) -> bool:
    """Whether a column says what the contract is."""
    if column == "strike":
        return float(said) == contract.strike
    if column == "type":
        return {"call": True, "put": False}.get(said.lower()) == contract.is_call
    return (instant(said) or 0) // DAY == contract.expiry // DAY


def terms_of(rows: Rows) -> tuple[Numbers, Numbers]:
    """Forward and discount (2, N) at the instant of the marks and of the Greeks; NaN without."""
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for k, contract in enumerate(rows.contract):
        groups[int(rows.instant[k]), contract.pair, contract.expiry].append(k)
    marks, greeks = (np.full((2, len(rows.contract)), np.nan) for _ in range(2))
    for members in groups.values():
        legs: dict[float, dict[bool, int]] = defaultdict(dict)
        for k in members:
            legs[rows.contract[k].strike][rows.contract[k].is_call] = k
        both = [(leg[True], leg[False]) for leg in legs.values() if len(leg) == 2]
        calls, puts = (np.array([pair[side] for pair in both], dtype=np.int64) for side in (0, 1))
        for terms, parity in zip((marks, greeks), parities(rows, calls, puts), strict=True):
            if parity is not None:
                terms[:, members] = np.array(parity)[:, None]
    return marks, greeks


def parities(rows: Rows, calls: Int64, puts: Int64) -> tuple[Parity | None, Parity | None]:
    """By the marks and by the Greeks of an expiry, whose strikes have these calls and puts (N)."""
    if not calls.size:
        return None, None
    blank, strike = np.full(len(rows.contract), np.nan), rows.strike[calls]
    mark, delta, theta = (
        (values := rows.printed.get(name, blank))[calls] - values[puts]
        for name in ("mark_price", "delta", "theta")
    )
    have = ~np.isnan(mark)
    marks = of_marks(strike[have], mark[have])
    have = ~np.isnan(delta)
    years = float(rows.years[calls[0]])
    return marks, of_greeks(strike[have], delta[have], theta[have], years, marks)


def model(rows: Rows, terms: Numbers) -> OkxGreeks:
    """What OKX would print of the rows, (N) each; for no use where the terms are NaN."""
    forward, discount = (np.where(np.isnan(column), 1.0, column) for column in terms)
    greeks = rs.black76(forward, rows.strike, rows.years, rows.vol, discount, is_call=rows.is_call)
    return to_okx(greeks, forward=forward, years=rows.years)


def compare(name: str, rows: Rows, found: Numbers, forward: Numbers, tally: Tally) -> None:
    printed, rule = rows.printed[name], RULES[name]
    priced = ~np.isnan(forward)
    for reason, count in rows.left.items():
        tally.skip(name, reason, count)
    tally.skip(name, NO_PARITY, int((~priced).sum()))
    tally.skip(name, "blank in the file", int((priced & np.isnan(printed)).sum()))
    at = np.flatnonzero(priced & ~np.isnan(printed))
    unit = rule.unit(printed[at], forward[at])
    places = [rows.place[k] for k in at]
    tally.compare_all(name, found[at], printed[at], places, rule.criteria, scale=unit)
