"""Decides how a vector file becomes data: JSON as it stands, CSV and Parquet as columns."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from families.tally import Tally

Columns = dict[str, list[Any]]  # equally long; None where a field is blank
Numbers = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

DAY = 86_400 * 10**9  # nanoseconds
YEAR = 365 * DAY

JSON = (".json", ".json.gz")
TABLES = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True, slots=True)
class Family:
    """How files are read, recognised and replayed; `refusal` is empty for a file of the family."""

    refusal: Callable[[Path, Any], str]
    replay: Callable[[Path, Any, Tally], None]
    suffixes: tuple[str, ...] = JSON
    read: Callable[[Path], Any] = lambda path: json.loads(content(path))


def content(path: Path) -> bytes:
    """The bytes of a file, decompressed where it is gzip."""
    data = path.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def read_table(path: Path) -> Columns:
    """A CSV (also gzip) or Parquet file by columns, whatever its name."""
    data = content(path)
    if data[:4] == b"PAR1":
        return _parquet(data)
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    header = next(rows, [])
    if len(set(header)) < len(header):
        raise ValueError(f"{path}: a column stands twice in the header")
    out: Columns = {name: [] for name in header}
    for fields in rows:
        if not fields:
            continue
        if len(fields) != len(header):
            place = f"{path}:{rows.line_num}"
            raise ValueError(f"{place}: {len(fields)} fields, the header has {len(header)}")
        for name, text in zip(header, fields, strict=True):
            out[name].append(text.strip() or None)
    return out


def _parquet(data: bytes) -> Columns:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise ValueError('Parquet needs pyarrow: pip install "riskslide[cli]"') from None
    table = parquet.read_table(io.BytesIO(data))
    return {name: table.column(name).to_pylist() for name in table.column_names}


def numbers(values: Sequence[Any]) -> Numbers:
    """Text or numbers as float64, NaN where blank. Raises ValueError for other text."""
    plain = (math.nan if v is None or str(v).lower() in ("none", "null") else v for v in values)
    return np.array([float(v) for v in plain], dtype=np.float64)


def instant(value: Any) -> int | None:
    """UTC nanoseconds of milliseconds, or of a date and time that is UTC where it has no zone."""
    if value is None:
        return None
    text = str(value).strip()
    if re.fullmatch(r"[0-9]+(\.0*)?", text):
        return int(text.split(".")[0]) * 10**6
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return elapsed.days * DAY + elapsed.seconds * 10**9 + elapsed.microseconds * 1000
