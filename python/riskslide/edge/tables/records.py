"""Decides how a JSON file becomes columns of text: which of its lists holds the rows.

Numbers keep the digits that they are written with, so that what is refused in a CSV file is refused
here too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...errors import refuse
from .raw import Table, arrow

_FIX = "must hold a list of objects, or an object that has one, as the venue's call answers"


def json_table(file: str, data: bytes) -> Table:
    """Rows of a list of objects; of an object, the rows of its only list of them.

    ``result`` of a JSON-RPC answer stands for the answer, in a list too. An object without such a
    list is one row. Objects inside a row give columns like ``greeks.delta``; lists inside are left
    out, null is an empty field. Raises InputError: `E_FILE` with the line where it is damaged,
    `E_ENCODING`, `E_HEADER` where it holds no rows.
    """
    whole = _parsed(file, data)
    rows, facts = _rows(file, whole)
    names: dict[str, None] = {}
    flat = [dict(_flat(row)) for row in rows]
    for row in flat:
        names.update(dict.fromkeys(row))
    text = arrow().string()
    columns = {n: arrow().array([row.get(n, "") for row in flat], type=text) for n in names}
    return Table(file, columns, np.arange(1, len(flat) + 1, dtype=np.int64), facts=facts)


def _parsed(file: str, data: bytes) -> Any:
    try:
        return json.loads(
            data.decode("utf-8-sig"), parse_int=str, parse_float=str, parse_constant=str
        )
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        value = data[error.start : error.start + 1]
        refuse("E_ENCODING", "", line, value, "must be UTF-8 text; save it as such", file=file)
    except json.JSONDecodeError as error:
        fix = f"is damaged or incomplete JSON ({error.msg}, column {error.colno}); fetch it again"
        refuse("E_FILE", "", error.lineno, None, fix, file=file)
    except RecursionError:
        refuse("E_FILE", "", None, None, "is nested too deeply", file=file)


def _rows(file: str, whole: Any) -> tuple[list[Mapping[str, Any]], dict[str, str]]:
    """The objects that are rows, and what is said beside them."""
    facts: dict[str, str] = {}
    if isinstance(whole, dict):
        if "error" in whole and "result" not in whole:
            refuse("E_FILE", "", None, None, f"is the refusal {_short(whole['error'])}", file=file)
        lists = {k: v for k, v in whole.items() if _is_rows(v)}
        inside = whole.get("result")
        if "result" not in lists and isinstance(inside, dict):
            lists = {"result": [inside]}
        if len(lists) == 1:
            key = next(iter(lists))
            facts = dict(_flat({k: v for k, v in whole.items() if k != key}))
            whole = lists[key]
        else:
            whole = [whole]
    rows = [row for item in whole for row in _unwrapped(item)] if isinstance(whole, list) else []
    if not rows or not all(isinstance(row, dict) and row for row in rows):
        refuse("E_HEADER", "", None, None, _FIX, file=file)
    return rows, facts


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _unwrapped(item: Any) -> list[Any]:
    """An answer's own result, or the item itself."""
    if not isinstance(item, dict) or "result" not in item:
        return [item]
    result = item["result"]
    return result if isinstance(result, list) else [result]


def _flat(row: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        elif value is None:
            yield before + name, ""
        elif isinstance(value, bool):
            yield before + name, str(value).lower()
        elif isinstance(value, str):
            yield before + name, value


def _short(value: Any) -> str:
    return json.dumps(value)[:80]
