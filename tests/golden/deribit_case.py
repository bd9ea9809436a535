"""Decides what the golden cases on Deribit's chain of 2026-02-05 share: files, quotes, equality."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

CASE = Path(__file__).with_name("deribit_2026-02-05")
FOLDER = "chains_deribit_2026"
CHAIN = f"{FOLDER}/original_deribit_options_snapshot_20260205T155132Z.csv.gz"
PERPETUALS = f"{FOLDER}/perpetual_futures_prices.csv.gz"


def same(found: Any, expected: Any, scale: float = 1.0) -> None:
    """Equal to 1e-9 of each figure; P&L that cancels to nothing, to 1e-13 of what cancelled."""
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-13 * scale)


def printed_by(script: str, shared_data: Callable[[str], Path]) -> str:
    """What a script of the case prints from the venue's files, the library out of its reach."""
    command = [sys.executable, "-I", str(CASE / script)]
    command += [str(shared_data(CHAIN)), str(shared_data(PERPETUALS))]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def stored_quotes(folder: Path, expected: dict[str, Any], legs: Iterable[Any]) -> list[Path]:
    """Files of a chain and of perpetual marks that hold nothing but these legs of a case."""
    now, chain, perpetuals = expected["as_of"], [], []
    for leg in {leg["instrument"]: leg for leg in legs}.values():
        if leg["kind"] == "option":
            chain.append(
                {
                    "timestamp": now,
                    "instrument_name": leg["instrument"],
                    "option_type": leg["option_type"],
                    "strike": leg["strike"],
                    "expiry_datetime": leg["expiry"],
                    "futures_price": leg["forward"],
                    "implied_volatility": leg["vol"],
                    "index_price": expected["coins"][leg["instrument"].split("-")[0]],
                }
            )
        else:
            row = {"obs_datetime": now, "instrument_name": leg["instrument"]}
            perpetuals.append(row | {"perp_futures_mark_price": leg["mark"]})
    return [write(folder / "chain.csv", chain), write(folder / "perpetuals.csv", perpetuals)]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def rows_of(name: str) -> list[dict[str, str]]:
    """The rows of a file of the case."""
    with (CASE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def numbers(tree: Any) -> list[float]:
    """All numbers of a JSON document, in order."""
    if isinstance(tree, dict):
        return [x for key in sorted(tree) for x in numbers(tree[key])]
    if isinstance(tree, list):
        return [x for item in tree for x in numbers(item)]
    return [float(tree)] if isinstance(tree, int | float) else []
