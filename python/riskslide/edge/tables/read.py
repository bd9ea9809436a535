"""Decides how the bytes of a file become a table: which kind of file it is, and if it is whole."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import refuse
from .delimited import csv_table
from .raw import Table, arrow, unique_columns
from .records import json_table


def read_table(path: str | Path, *, headers: Sequence[str] = ()) -> Table:
    """The columns of a CSV, JSON or Parquet file, told apart by name and first bytes.

    CSV and JSON may be compressed by gzip. headers: beginnings of headers that may stand some
    lines below the top of a CSV file. Raises InputError naming file and line: `E_FILE` for a file
    that cannot be read or is damaged, `E_ENCODING` for text that is not UTF-8, `E_HEADER` where no
    line names the columns, `E_DUPLICATE` for a column named twice, `E_RAGGED` for rows that are
    longer or shorter than the header, `E_QUOTES` for a quote that is not closed. MissingExtra
    without pyarrow.
    """
    arrow()  # what is not installed is named before what is not there
    file = str(path)
    data = _bytes(file)
    if file.endswith((".parquet", ".pq")) or data[:4] == b"PAR1":
        return _parquet(file, data)
    if file.endswith(".gz") or data[:2] == b"\x1f\x8b":
        data = _unzipped(file, data)
    if file.endswith((".json", ".json.gz")) or data[:1] in (b"{", b"["):
        return json_table(file, data)
    return csv_table(file, data, headers)


def _bytes(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        refuse("E_FILE", "", None, None, f"cannot be read: {reason}", file=file)


def _unzipped(file: str, data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        fix = f"is a damaged or incomplete gzip file ({error}); fetch it again"
        refuse("E_FILE", "", None, None, fix, file=file)


def _parquet(file: str, data: bytes) -> Table:
    pa, parquet = arrow(), arrow("pyarrow.parquet")
    try:
        table = parquet.ParquetFile(pa.BufferReader(data)).read()
        table.validate(full=True)  # a changed byte may leave codes without a text
    except (pa.ArrowException, OSError, ValueError) as error:  # names that are no UTF-8 too
        reason = (str(error).splitlines() or ["no reason given"])[0]
        fix = f"is a damaged or incomplete Parquet file ({reason}); write it again"
        refuse("E_FILE", "", None, None, fix, file=file)
    names = unique_columns(file, [str(n).strip() for n in table.column_names])
    columns = dict(zip(names, table.columns, strict=True))
    return Table(file, columns, np.arange(1, table.num_rows + 1, dtype=np.int64))
