"""Decides where Derive's test parameters come from for files that hold none, and their units."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WEI = 10**18


def amount(value: Any) -> float:
    """A number that a file gives as a multiple of 1e-18; 0 where it gives none."""
    return 0.0 if value is None else value / WEI  # whole numbers of any size are rounded once


def amounts(values: Any) -> list[float]:
    return [amount(v) for v in values or ()]


def settings_of(path: Path, raw: Mapping[str, Any], section: str) -> Mapping[str, Any] | None:
    """Parameters of the file itself, or of the file and section that it names.

    That file is looked for beside it and in the two folders above, then in the shared data. None
    where it is nowhere.
    """
    own = raw.get("parameters")
    if isinstance(own, dict):
        return own[section] if isinstance(own.get(section), dict) else own
    named = str(raw.get("parameters_file") or f"parameters.json:test_defaults.{section}")
    file, _, keys = named.partition(":")
    shared = Path(os.environ.get("RISKSLIDE_SHARED_DATA") or ROOT.parent / "shared" / "data")
    for folder in (*list(path.resolve().parents)[:3], shared / "derive"):
        if (folder / file).is_file():
            held: Any = json.loads((folder / file).read_text("utf-8"))
            for key in keys.split("."):
                held = held.get(key) if isinstance(held, dict) else None
            return held if isinstance(held, dict) else None
    return None


def scenarios_of(settings: Mapping[str, Any]) -> list[tuple[float, str]]:
    """(factor on spot, vol rule) of a list of such pairs, or of text.

    Text names moves and the vols that each is combined with, "1.10,1.00 each up/none; 0.80 up":
    factors, or percent with a sign ("+20").
    """
    given = settings.get("scenarios", settings.get("scenarios_spot_vol", ()))
    if not isinstance(given, str):
        return [(float(s[0]), str(s[1])) for s in given]
    out = []
    for part in re.sub(r"\(.*?\)|\bspot\b|\beach\b", " ", given).split(";"):
        words = part.split()
        moves, vols = "".join(words[:-1]).split(","), words[-1].split("/")
        signed = any(m[0] in "+-" for m in moves) or "+" in given
        factors = [1.0 + float(m) / 100.0 if signed else float(m) for m in moves]
        out += [(factor, vol) for factor in factors for vol in vols]
    return out
