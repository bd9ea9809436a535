"""Decides how tests run the replay command on files that they write."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import replay as command


def replay(family: str, *paths: Path) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON of the command, or what it says of bad input under `error`."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = command.main([family, *map(str, paths), "--json"])
    return code, json.loads(out.getvalue()) if out.getvalue() else {"error": err.getvalue()}


def write(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps(content), "utf-8")
    return path


def write_rows(path: Path, columns: dict[str, list[Any]]) -> Path:
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(columns)
    rows.writerows(zip(*columns.values(), strict=True))
    data = out.getvalue().encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read_rows(path: Path) -> dict[str, list[Any]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()
    header, *rows = csv.reader(io.StringIO(text))
    return {name: [row[k] for row in rows] for k, name in enumerate(header)}
