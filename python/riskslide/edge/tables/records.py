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
from .raw import Table, arrow, line_ends

_FIX = "must hold a list of objects, or an object that has one, as the venue's call answers"


class _Twice(dict[str, Any]):
    """An object in which a key stands twice."""

    key = ""


def json_table(file: str, data: bytes) -> Table:
    """Rows of a list of objects; of an object, the rows of its only list of them.

    ``result`` of a JSON-RPC answer stands for the answer, in a list too. An object without such a
    list is one row. Objects inside a row give columns like ``greeks.delta``; lists inside are left
    out, null is an empty field. An empty list, or one as the ``result``, is a table without rows
    and columns. Raises InputError: `E_FILE` with the line where it is damaged, `E_ENCODING`,
    `E_DUPLICATE` for a key or a column given twice, `E_HEADER` where it holds no rows.
    """
    try:
        return _table(file, *_parsed(file, data))
    except RecursionError:
        refuse("E_FILE", "", None, None, "is nested too deeply", file=file)


def _table(file: str, whole: Any, has_twice: bool) -> Table:
    rows, beside = _rows(file, whole)
    if has_twice:
        _refuse_twice(file, whole, rows)
    flat = [_columns(file, row, n) for n, row in enumerate(rows, start=1)]
    names = dict.fromkeys(name for row in flat for name in row)
    text = arrow().string()
    columns = {n: arrow().array([row.get(n, "") for row in flat], type=text) for n in names}
    facts = _columns(file, beside, None)
    return Table(file, columns, np.arange(1, len(flat) + 1, dtype=np.int64), facts=facts)


def _parsed(file: str, data: bytes) -> tuple[Any, bool]:
    """What the file holds, and whether one of its objects is a `_Twice`."""
    twice = []

    def of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        names = [name for name, _ in pairs]
        doubled = _Twice(found)
        doubled.key = next(name for k, name in enumerate(names) if name in names[:k])
        twice.append(doubled)
        return doubled

    try:
        whole = json.loads(
            data.decode("utf-8-sig"),
            parse_int=str,
            parse_float=str,
            parse_constant=str,
            object_pairs_hook=of_pairs,
        )
    except UnicodeDecodeError as error:
        line = line_ends(data, 0, error.start) + 1
        value = data[error.start : error.start + 1]
        refuse("E_ENCODING", "", line, value, "must be UTF-8 text; save it as such", file=file)
    except json.JSONDecodeError as error:
        fix = f"is damaged or incomplete JSON ({error.msg}, column {error.colno}); fetch it again"
        refuse("E_FILE", "", error.lineno, None, fix, file=file)
    return whole, bool(twice)


def _refuse_twice(file: str, whole: Any, rows: list[Mapping[str, Any]]) -> None:
    """Refuse the first key given twice by its row, or else by where it stands in the file."""
    found = ((n, _twice(row)) for n, row in enumerate(rows, start=1))
    row, key = next((f for f in found if f[1] is not None), (None, _twice(whole)))
    place = _shown(key or "")
    refuse("E_DUPLICATE", place, row, place, "give each key once", file=file)


def _twice(value: Any) -> str | None:
    """The path of a key given twice, if any is."""
    if isinstance(value, _Twice):
        return value.key
    items = value.items() if isinstance(value, dict) else enumerate(value, start=1)
    for name, inside in items:
        if isinstance(inside, dict | list) and (key := _twice(inside)) is not None:
            return f"{name}.{key}"
    return None


def _columns(file: str, row: Mapping[str, Any], number: int | None) -> dict[str, str]:
    """The fields of a row by column, `E_DUPLICATE` where two are of one column."""
    found: dict[str, str] = {}
    for name, value in _flat(row):
        if name in found:
            fix = f"a key of this name and one inside {name.rpartition('.')[0]} are the same column"
            refuse("E_DUPLICATE", _shown(name), number, value, fix, file=file)
        found[name] = value
    try:
        "".join([*found, *found.values()]).encode("utf-8")
    except UnicodeEncodeError:
        _refuse_halves(file, found, number)
    return found


def _refuse_halves(file: str, row: Mapping[str, str], number: int | None) -> None:
    """Refuse half of a surrogate pair, which JSON can write and UTF-8 cannot."""
    for name, value in row.items():
        for text in (name, value):
            if text != _shown(text):
                fix = "holds half of a surrogate pair, which is no character; correct it"
                refuse("E_ENCODING", _shown(name), number, _shown(text), fix, file=file)


def _shown(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _rows(file: str, whole: Any) -> tuple[list[Mapping[str, Any]], dict[str, Any]]:
    """The objects that are rows, and what stands beside them."""
    beside: dict[str, Any] = {}
    if isinstance(whole, dict):
        _refuse_refusal(file, whole)
        lists = {k: v for k, v in whole.items() if _is_rows(v)}
        inside = whole.get("result")
        if "result" not in lists and isinstance(inside, dict):
            lists = {"result": [inside]}
        if len(lists) == 1:
            key = next(iter(lists))
            beside = {k: v for k, v in whole.items() if k != key}
            whole = lists[key]
        else:
            whole = [whole]
    if not isinstance(whole, list):
        refuse("E_HEADER", "", None, None, _FIX, file=file)
    rows = [row for item in whole for row in _unwrapped(file, item)]
    if not all(isinstance(row, dict) and row for row in rows):
        refuse("E_HEADER", "", None, None, _FIX, file=file)
    return rows, beside


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _refuse_refusal(file: str, answer: Mapping[str, Any]) -> None:
    """A venue's refusal is not an answer of nothing."""
    if answer.get("error") is not None and not answer.get("result"):
        refuse("E_FILE", "", None, None, f"is the refusal {_short(answer['error'])}", file=file)


def _unwrapped(file: str, item: Any) -> list[Any]:
    """An answer's own result, or the item itself."""
    if not isinstance(item, dict) or "result" not in item:
        return [item]
    _refuse_refusal(file, item)
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
