"""Decides how published figures are replayed: every field is compared or skipped with its reason.

    python tests/replay.py FAMILY PATH... [--json]

A path is a file, or a folder whose files of the family are taken. Exit 0: every figure within its
tolerance; 1: a figure beyond it, or nothing to compare; 2: a path or file that cannot be read.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import riskslide as rs

PRINTED = 1e-4  # Haug prints four decimals
VOLLIB = 1e-6  # nine or ten digits, small values rounded to zero


@dataclass
class Field:
    """What became of one field of one family."""

    read: int = 0
    compared: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    largest_error: float = 0.0
    tolerance: float = 0.0
    beyond: list[str] = field(default_factory=list)
    worst_at: str = ""


class Tally:
    """Counts by field; what was read is either compared or skipped with a reason."""

    def __init__(self) -> None:
        self.fields: dict[str, Field] = {}
        self.files: dict[str, str] = {}

    def of(self, name: str) -> Field:
        return self.fields.setdefault(name, Field())

    def skip(self, name: str, reason: str, count: int = 1) -> None:
        held = self.of(name)
        held.read += count
        held.skipped[reason] += count

    def compare(
        self, name: str, found: float, expected: float, tolerance: float, where: str
    ) -> None:
        """Counts one figure; the error is absolute, like its tolerance."""
        held = self.of(name)
        held.read += 1
        held.compared += 1
        held.tolerance = max(held.tolerance, tolerance)
        error = abs(found - expected)
        if not error <= tolerance:
            held.beyond.append(f"{where}: {found!r} against {expected!r}")
        if not error <= held.largest_error:
            held.largest_error, held.worst_at = error, where

    def fail(self, name: str, reason: str, where: str) -> None:
        """Counts a figure that the library refused to produce."""
        held = self.of(name)
        held.read += 1
        held.beyond.append(f"{where}: {reason}")

    @property
    def compared(self) -> int:
        return sum(f.compared for f in self.fields.values())

    @property
    def beyond(self) -> list[str]:
        return [f"{name}: {text}" for name, f in self.fields.items() for text in f.beyond]


# --- european: Haug's values and Greeks under BSM ----------------------------------------------

EUROPEAN_INPUTS = ("type", "strike", "spot", "q", "r", "t", "vol")
EUROPEAN_OPTIONAL = ("q",)
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


def is_european(path: Path, raw: Any) -> str:
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


def replay_european(path: Path, raw: Any, tally: Tally) -> None:
    skip_header(raw, ("rows",), tally)
    for number, row in enumerate(raw["rows"]):
        where = f"{path.name} row {number}"
        name = f"greek {row['greek']}" if "greek" in row else "value"
        for key, value in row.items():
            if key in EUROPEAN_INPUTS:
                tally.skip(key, "input" if value is not None else "null in the file")
            elif key not in ("value", "greek", "tol"):
                tally.skip(key, "text" if isinstance(value, str) else "not a field of the family")
        if "tol" in row:
            tally.skip("tol", "tolerance of the value")
        if "greek" in row:
            tally.skip("greek", "names the value of its row")
        european_row(row, name, where, tally)


def european_row(row: dict[str, Any], name: str, where: str, tally: Tally) -> None:
    missing = [k for k in EUROPEAN_INPUTS if row.get(k) is None and k not in EUROPEAN_OPTIONAL]
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


# --- vollib: calls and puts of the same row under BSM, no dividends -----------------------------

VOLLIB_INPUTS = ("S", "K", "t", "v", "R")
VOLLIB_FIGURES = {
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


def is_vollib(path: Path, raw: Any) -> str:
    """Why a file is none of this family; empty if it is one."""
    if not isinstance(raw, dict) or not {"columns", "data"} <= raw.keys():
        return "is no table of columns and data"
    missing = set(VOLLIB_INPUTS) - set(raw["columns"])
    return f"lacks the columns {', '.join(sorted(missing))}" if missing else ""


def replay_vollib(path: Path, raw: Any, tally: Tally) -> None:
    skip_header(raw, ("columns", "data"), tally)
    columns = raw["columns"]
    rows = [dict(zip(columns, row, strict=True)) for row in raw["data"]]
    good = [r for r in rows if all(is_number(r[k]) for k in VOLLIB_INPUTS)]
    for key in columns:
        if key in VOLLIB_INPUTS:
            tally.skip(key, "input", len(rows))
        elif key not in VOLLIB_FIGURES:
            tally.skip(key, "not a field of the family", len(rows))
        elif len(good) < len(rows):
            tally.skip(key, "the row lacks an input", len(rows) - len(good))
    if not good:
        return
    inputs = [[float(r[k]) for r in good] for k in VOLLIB_INPUTS]
    try:
        found = {side: rs.bsm(*inputs, is_call=side) for side in (True, False)}
    except rs.RiskslideError as error:
        tally.fail("file", f"refused: {error}", path.name)
        return
    for key, (greek, side) in VOLLIB_FIGURES.items():
        if key not in columns:
            continue
        for number, row in enumerate(good):
            if not is_number(row[key]):
                tally.skip(key, "null in the file")
                continue
            figure = float(getattr(found[side], greek)[number])
            where = f"{path.name} S={row['S']!r} K={row['K']!r} t={row['t']!r} v={row['v']!r}"
            tally.compare(key, figure, row[key], VOLLIB, where)


# --- the command -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Family:
    """How files are recognised and replayed."""

    refusal: Callable[[Path, Any], str]
    replay: Callable[[Path, Any, Tally], None]
    suffixes: tuple[str, ...] = (".json", ".json.gz")


FAMILIES = {
    "european": Family(is_european, replay_european),
    "vollib": Family(is_vollib, replay_vollib),
}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def skip_header(raw: dict[str, Any], taken: Iterable[str], tally: Tally) -> None:
    for key, value in raw.items():
        if key not in taken:
            size = len(value) if isinstance(value, list | dict) else 1
            tally.skip(f"({key})", "describes the file", size)


def files_of(paths: Iterable[Path], family: Family, tally: Tally) -> Iterable[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for file in sorted(p for p in path.iterdir() if p.is_file()):
            if file.name.endswith(family.suffixes):
                yield file
            else:
                tally.files[str(file)] = f"skipped: not one of {', '.join(family.suffixes)}"


def replay(name: str, paths: Iterable[Path]) -> Tally:
    """The tally of every file of a family. Raises OSError and ValueError for unreadable files."""
    family, tally = FAMILIES[name], Tally()
    for path in files_of(paths, family, tally):
        data = path.read_bytes()
        raw = json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
        refusal = family.refusal(path, raw)
        tally.files[str(path)] = f"skipped: {refusal}" if refusal else "replayed"
        if not refusal:
            family.replay(path, raw, tally)
    return tally


def as_dict(name: str, tally: Tally) -> dict[str, Any]:
    fields = {
        key: {
            "read": f.read,
            "compared": f.compared,
            "skipped": dict(f.skipped),
            "largest_error": f.largest_error if f.compared else None,
            "tolerance": f.tolerance if f.compared else None,
            "worst_at": f.worst_at or None,
            "beyond": f.beyond,
        }
        for key, f in tally.fields.items()
    }
    passed = bool(tally.compared and not tally.beyond)
    return {"family": name, "passed": passed, "files": tally.files, "fields": fields}


def table(result: dict[str, Any]) -> str:
    lines = [f"{path}: {fate}" for path, fate in result["files"].items()]
    lines.append(
        f"{'field':<20}{'read':>7}{'compared':>10}{'largest error':>16}{'tolerance':>12}  skipped"
    )
    for name, f in result["fields"].items():
        error = "" if f["largest_error"] is None else f"{f['largest_error']:.2e}"
        limit = "" if f["tolerance"] is None else f"{f['tolerance']:.0e}"
        reasons = "; ".join(f"{n} {reason}" for reason, n in f["skipped"].items())
        lines.append(
            f"{name:<20}{f['read']:>7}{f['compared']:>10}{error:>16}{limit:>12}  {reasons}"
        )
        lines += [f"  beyond: {text}" for text in f["beyond"]]
    fields = result["fields"].values()
    compared, beyond = (sum(f["compared"] for f in fields), sum(len(f["beyond"]) for f in fields))
    verdict = "passed" if result["passed"] else "FAILED"
    lines.append(f"{result['family']}: {verdict}, {compared} compared, {beyond} beyond tolerance")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="replay.py", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("family", choices=sorted(FAMILIES))
    parser.add_argument("path", nargs="+", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        tally = replay(given.family, given.path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"replay.py: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    result = as_dict(given.family, tally)
    print(json.dumps(result, indent=1) if given.json else table(result))
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
