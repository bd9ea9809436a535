"""Decides chains and marks of Deribit that tests write, and the books on them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import riskslide as rs
from riskslide.edge.files.load import load_book

FOLDER = "chains_deribit_2026"
NOW = "2026-02-05T15:51:32.535650+00:00"
CALL, PUT = "BTC-27MAR26-80000-C", "ETH-6FEB26-2000-P"


def refused(call: Callable[[], Any]) -> rs.InputError:
    with pytest.raises(rs.InputError) as caught:
        call()
    return caught.value


def row(name: str, **changed: Any) -> dict[str, Any]:
    contract = rs.parse_instrument(name)
    expiry = datetime.fromtimestamp(contract.expiry // 10**9, tz=UTC)
    return {
        "timestamp": NOW,
        "instrument_name": name,
        "option_type": "call" if contract.is_call else "put",
        "strike": contract.strike,
        "expiry_datetime": expiry.isoformat(),
        "futures_price": 68_000.0,
        "implied_volatility": 0.6,
        "index_price": 67_900.0,
        "open_interest": "",
    } | changed


def chain(folder: Path, *rows: dict[str, Any], name: str = "chain.csv") -> Path:
    path = folder / name
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def load(
    folder: Path, market: list[Path], *held: tuple[str, float], as_of: Any = None
) -> tuple[rs.Portfolio, rs.Market]:
    rows = [f"A,{name},{quantity!r}\n" for name, quantity in held]
    (folder / "p.csv").write_text("account,instrument,quantity\n" + "".join(rows), "utf-8")
    (folder / "b.csv").write_text("account,asset,amount\nA,BTC,1\n", "utf-8")
    return load_book(folder / "p.csv", folder / "b.csv", market, as_of=as_of)


def marks(folder: Path, name: str, mark: float, when: str = NOW) -> Path:
    columns = ("obs_datetime", "instrument_name", "perp_futures_mark_price")
    if not name.endswith("PERPETUAL"):
        columns = ("timestamp", "futures_instrument_name", "term_mark_price_final")
    written = dict(zip(columns, (when, name, mark), strict=True))
    return chain(folder, written, name=f"{name}.csv")
