"""Decides how Deribit's printed marks and Greeks are replayed: Black-76 on each row's own figures.

Where a file has no `underlying_price`, `deribit_inferred` says what stands in for it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from families.deribit_inferred import with_forwards, with_instants
from families.deribit_rows import GREEKS, Rows, printed_of, rows_of
from families.files import DAY, YEAR, Columns, Numbers, instant
from families.rules import Rule, absolute, relative_in_dollars, rounded
from families.tally import Tally

import riskslide as rs
from riskslide.edge.deribit.greeks import to_deribit
from riskslide.edge.deribit.names import Contract

INPUTS = ("instrument_name", "timestamp", "date", "underlying_price", "mark_iv")
STATED = ("strike", "expiration_timestamp", "expiry_date", "option_type", "type")
TAKEN = ("greeks", "mark_price", *GREEKS, *(f"greeks.{g}" for g in GREEKS))
LABEL = " (inferred forward)"
NO_FORWARD = "no underlying_price, and no delta near the money to give the forward"


# The snapshots are not atomic, mark_iv has two decimals and gamma five: hence medians and
# percentiles. The largest theta is judged from 2e-5 of the forward a day, about a dollar for BTC.
QUOTED = {
    "mark_price": absolute(median=1e-5, p99=2e-4, largest=1.5e-3),
    "delta": absolute(median=1e-5, largest=1.1e-4),
    "gamma": rounded(3e-3, median=5e-6, largest=1e-5),
    "vega": relative_in_dollars(1e-4, median=3e-5, p99=1e-3, largest=2e-3),
    "theta": relative_in_dollars(2e-5, median=1e-4, largest=5e-3),
    "rho": relative_in_dollars(1e-4, median=5e-5, p99=1e-3, largest=2e-3),
}
# Puts and calls of a strike may be minutes apart there: the largest says nothing of the formulas.
INFERRED = {
    "mark_price": absolute(median=2e-5, p99=1e-3),
    "delta": absolute(median=1.5e-5, p99=5e-4),
    "gamma": rounded(3e-3, median=5e-6, p99=1e-5),
    "vega": relative_in_dollars(1e-4, median=2e-4, p99=5e-3),
    "theta": relative_in_dollars(2e-5, median=3e-4, p99=1e-2),
    "rho": relative_in_dollars(1e-4, median=1e-4, p99=2e-3),
}


def refusal(path: Path, columns: Columns) -> str:
    """Why a file is none of this family; empty if it is one."""
    if "instrument_name" not in columns:
        return "has no column instrument_name"
    return "" if set(printed_of(columns)) & set(GREEKS) else "has no Greeks"


def replay(path: Path, columns: Columns, tally: Tally) -> None:
    rows = rows_of(path, columns)
    count_columns(path, columns, tally)
    if "timestamp" not in columns:
        rows = with_instants(rows)
    nowhere = np.zeros(len(rows.name), dtype=np.bool_)
    if "underlying_price" in columns:
        compare(rows, QUOTED, "", nowhere, tally)
    else:
        rows, gave = with_forwards(rows)
        compare(rows, INFERRED, LABEL, gave, tally)


def count_columns(path: Path, columns: Columns, tally: Tally) -> None:
    """Columns that hold no figure of the model: compared with the name, or skipped with why."""
    for name, values in columns.items():
        if name in INPUTS:
            tally.skip(name, "input", len(values))
        elif name in STATED:
            compare_with_name(path, name, columns, tally)
        elif name not in TAKEN:
            tally.skip(name or "(unnamed)", "no figure of the model", len(values))


def compare_with_name(path: Path, column: str, columns: Columns, tally: Tally) -> None:
    """What a column says of the contract beside its name."""
    pairs = zip(columns["instrument_name"], columns[column], strict=True)
    for row, (name, said) in enumerate(pairs):
        try:
            contract = rs.parse_instrument(str(name))
        except rs.RiskslideError:
            tally.skip(column, "no contract name that the library knows")
            continue
        if said is None:
            tally.skip(column, "blank in the file")
            continue
        if agrees(column, contract, said):
            tally.skip(column, "agrees with the name")
        else:
            tally.fail(column, f"says {said}", f"{path.name} row {row} {name}")


def agrees(column: str, contract: Contract, said: str) -> bool:
    """Whether a column says what the contract is."""
    if column == "strike":
        return float(said) == contract.strike
    if column in ("option_type", "type"):
        return {"call": True, "put": False}.get(str(said).lower()) == contract.is_call
    moment = instant(said) or 0
    if column == "expiry_date":
        return moment // DAY == contract.expiry // DAY
    return moment == contract.expiry


def compare(
    rows: Rows, rules: dict[str, Rule], label: str, gave: npt.NDArray[np.bool_], tally: Tally
) -> None:
    """Every printed figure of the rows; `gave` are those whose delta gave their forward."""
    years = (rows.expiry - rows.instant) / YEAR
    priced = (rows.forward > 0.0) & (years > 0.0)
    forward, years = np.where(priced, rows.forward, 1.0), np.where(priced, years, 1.0)
    found = model(rows, forward, years)
    for name, printed in rows.printed.items():
        for reason, count in rows.left.items():
            tally.skip(name + label, reason, count)
        used = gave & (name == "delta")
        tally.skip(name + label, NO_FORWARD, int((~priced).sum()))
        tally.skip(name + label, "blank in the file", int((priced & np.isnan(printed)).sum()))
        tally.skip(name + label, "gave the forward", int(used.sum()))
        at = np.flatnonzero(priced & ~np.isnan(printed) & ~used)
        tally.compare_all(
            name + label,
            found[name][at],
            printed[at],
            [rows.place[k] for k in at],
            rules[name].criteria,
            scale=rules[name].unit(printed[at], forward[at]),
        )


def model(rows: Rows, forward: Numbers, years: Numbers) -> dict[str, Numbers]:
    """What Deribit would print of the rows, (N) each."""
    greeks = rs.black76(forward, rows.strike, years, rows.vol, is_call=rows.is_call)
    mark = rows.printed.get("mark_price", np.full(forward.size, np.nan))
    cap = np.where(np.isnan(mark), greeks.value, mark * forward)
    printed = to_deribit(greeks, forward=forward, years=years, price_cap=cap)
    return {"mark_price": printed.mark, **{g: getattr(printed, g) for g in GREEKS}}
