"""Decides which snapshots of chains a folder holds, and reads one with its marks.

Deribit's files hold many instants; a page of Cboe is one. Stocks and funds, whose options are
American, have shares as an instrument too where these are asked for; an index has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.csv as csv
import pyarrow.parquet as parquet

import riskslide as rs
from riskslide.book.clock import instant
from riskslide.book.instruments import Instruments, Kind
from riskslide.edge.contract import Contract, instruments_of

MARKS = ("perpetual_futures_prices.csv.gz", "term_futures_marks.csv.gz")
MAX_AGE = 3600.0  # seconds; marks that are older are no quotes of the snapshot


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One instant (UTC nanoseconds) of a file of chains; None for the only one of a page."""

    file: Path
    instant: int | None


def snapshots_of(folder: Path, pattern: str = "*") -> list[Snapshot]:
    """Every snapshot of the files of chains in a folder, by instant, then file."""
    found = []
    for file in sorted(folder.glob(pattern)):
        if file.name not in MARKS and file.name.endswith((".parquet", ".csv.gz", ".json.gz")):
            found += [Snapshot(file, moment) for moment in _instants(file)]
    return sorted(found, key=lambda s: (s.instant or 0, s.file.name))


def read_snapshot(snapshot: Snapshot, *, shares: bool = False) -> tuple[rs.Market, Instruments]:
    """The market of a snapshot with marks that are fresh, and every instrument it prices."""
    marks = [snapshot.file.parent / name for name in MARKS]
    files = [snapshot.file, *(m for m in marks if m.is_file())]
    moment = None if snapshot.instant is None else np.datetime64(snapshot.instant, "ns")
    market = rs.read_market(files, as_of=moment)
    contracts = [rs.parse_instrument(n) for n in sorted({*market.vol, *market.mark})]
    if shares:
        stocks = sorted({c.underlying for c in contracts if c.style == "american"})
        contracts += [Contract(s, Kind.SPOT, s, inverse=False, lot=1.0) for s in stocks]
    return market, instruments_of(contracts)


def _instants(file: Path) -> list[int | None]:
    if file.name.startswith("cboe_"):
        return [None]
    if file.name.endswith(".parquet"):
        column = parquet.read_table(file, columns=["timestamp"])["timestamp"]
    else:
        column = csv.read_csv(file)["timestamp"].cast("string")
    return [instant(str(text), "timestamp") for text in column.unique().to_pylist()]
