"""Decides how files of SPAN risk arrays are replayed: a clearing house's series, or printed arrays.

A clearing house's file says spot, rate, vol and scan ranges; the rows of its series lie in a CSV
file of the same name. Arrays that a book prints are P&L by scenario (`span_printed`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from families import span_printed
from families.files import Columns, numbers, read_table
from families.span_series import deltas, fitted_sigma, scan_losses, series_of
from families.span_terms import Terms, terms_of
from families.tally import Tally, skip_header

import riskslide as rs

ROUNDED = 0.006  # half of a printed 0.01, and what a sigma of eight digits leaves open
DELTA = 1e-4  # four decimals are printed

LOSS, DELTAS = "short_scan_loss_per_unit", "delta"
INPUTS = ("expiry", "days_to_expiry", "strike", "type")


def refusal(path: Path, raw: Any) -> str:
    """Why a file is none of this family; empty if it is one."""
    if not isinstance(raw, dict):
        return "is no object"
    if span_printed.is_one(raw):
        return ""
    if not {"spot", "fitted_parameters"} <= raw.keys():
        return "has neither the terms of a clearing house's arrays nor printed ones"
    rows = rows_beside(path)
    if rows is None:
        return f"has no {stem_of(path)}.csv beside it"
    missing = [name for name in INPUTS if name not in read_table(rows)]
    return f"{rows.name} lacks the columns {', '.join(missing)}" if missing else ""


def replay(path: Path, raw: Any, tally: Tally) -> None:
    rows = None if span_printed.is_one(raw) else rows_beside(path)
    if rows is None:
        span_printed.replay(path, raw, tally)
        return
    columns, terms = read_table(rows), terms_of(raw)
    skip_header(raw, ("spot", "fitted_parameters"), tally)
    tally.skip("(spot)", "input")
    for name in raw["fitted_parameters"]:
        read = name in terms.read
        tally.skip(f"(fitted_parameters.{name})", "input" if read else "describes the file")
    for name in columns:
        if name not in (LOSS, DELTAS):
            known = name in INPUTS
            tally.skip(name, "input" if known else "no figure of the arrays", len(columns[name]))
    try:
        compare(rows, columns, terms, tally)
    except rs.RiskslideError as error:
        tally.fail("file", f"refused: {error}", rows.name)


def compare(rows: Path, columns: Columns, terms: Terms, tally: Tally) -> None:
    """The figures of the rows that have a term to run."""
    series = series_of(columns)
    live = np.flatnonzero(series.days > 0)
    for name in (LOSS, DELTAS):
        if name in columns:
            tally.skip(name, "expires on the day it is priced", len(series) - live.size)
    series = series.take(live)
    printed = {n: numbers(columns[n])[live] for n in (LOSS, DELTAS) if n in columns}
    where = [f"{rows.name} {place}" for place in series.places()]
    if terms.sigma is None and LOSS in printed and not terms.lacking:
        terms = terms._replace(sigma=fitted_sigma(series, terms, printed[LOSS]))
        tally.skip("(fitted_parameters.sigma)", f"absent; {terms.sigma:.8g} fits {LOSS} best")
    lacking = {LOSS: terms.lacking, DELTAS: "" if terms.rate is not None else "lacks the rate"}
    found = {LOSS: scan_losses, DELTAS: deltas}
    tolerance = {LOSS: ROUNDED, DELTAS: DELTA}
    for name, values in printed.items():
        reason = "lacks sigma" if terms.sigma is None else lacking[name]
        if reason:
            tally.skip(name, reason, values.size)
            continue
        figures = found[name](series, terms)
        for figure, value, place in zip(figures.tolist(), values.tolist(), where, strict=True):
            if np.isnan(value):
                tally.skip(name, "null in the file")
            else:
                tally.compare(name, figure, value, tolerance[name], place)


def stem_of(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".json")


def rows_beside(path: Path) -> Path | None:
    """The CSV file of a JSON file; None where there is none."""
    names = (path.with_name(f"{stem_of(path)}.csv{end}") for end in ("", ".gz"))
    return next((name for name in names if name.exists()), None)
