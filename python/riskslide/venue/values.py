"""Decides whether a value is of the form and within the range that its key allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import chain, pairwise
from typing import Any

from ..errors import refuse
from ..rules import Spec


def check_value(key: str, value: Any, spec: Spec, file: str) -> None:
    """Raises InputError (file, key, value, fix): `E_DTYPE` for another form, `E_RANGE`."""
    items = _items(spec.form, value)
    if items is None:
        refuse("E_DTYPE", key, None, value, f"must be {_FORMS[spec.form]}", file=file)
    for item in items if spec.choices else ():
        if item not in spec.choices:
            fix = f"must be one of {', '.join(spec.choices)}"
            refuse("E_RANGE", key, None, item, fix, file=file)
    if spec.of_text:
        return
    for item in items:
        if not spec.low <= item <= spec.high:
            fix = f"must be from {spec.low:.12g} to {spec.high:.12g}"
            refuse("E_RANGE", key, None, item, fix, file=file)
    if spec.form == "odd" and value % 2 == 0:
        refuse("E_RANGE", key, None, value, "must be odd, so that no move is a point", file=file)
    even = spec.form == "lists" and not spec.ragged
    if even and len({len(row) for row in value.values()}) > 1:
        refuse("E_RANGE", key, None, value, "must be lists of one length", file=file)
    if spec.ascending and any(left >= right for left, right in pairwise(items)):
        refuse("E_RANGE", key, None, value, "must ascend, no number twice", file=file)


def is_text(x: object) -> bool:
    """Whether it is text that is not empty."""
    return isinstance(x, str) and x != ""


def is_whole(x: object) -> bool:
    """Whether it is a whole number; True and False are none."""
    return isinstance(x, int) and not isinstance(x, bool)


def copied(value: Any) -> Any:
    """A value in plain tables and lists of its own, which nobody else can change."""
    if isinstance(value, Mapping):
        return {k: copied(v) for k, v in value.items()}
    return [copied(v) for v in value] if isinstance(value, list) else value


_FORMS = {
    "text": "text that is not empty",
    "texts": "a list of texts",
    "words": "a table of texts by name",
    "number": "a finite number",
    "numbers": "a list of one or more finite numbers",
    "whole": "a whole number",
    "odd": "a whole number",
    "table": "a table of finite numbers by name",
    "lists": "a table of lists of finite numbers by name",
}


def _items(form: str, value: Any) -> list[Any] | None:
    """The numbers or words of a value; None where it is of another form."""
    if form in ("number", "whole", "odd", "text"):
        return [value] if _ONE[form](value) else None
    if form in ("texts", "numbers"):
        return _all(value, is_text if form == "texts" else _is_number, least=form == "numbers")
    if not isinstance(value, Mapping) or not all(map(is_text, value)):
        return None
    if form in ("table", "words"):
        return _all(list(value.values()), is_text if form == "words" else _is_number)
    rows = [_all(row, _is_number, least=True) for row in value.values()]
    return None if None in rows else list(chain.from_iterable(row for row in rows if row))


def _all(items: Any, one: Callable[[object], bool], least: int = 0) -> list[Any] | None:
    good = isinstance(items, list) and len(items) >= least and all(map(one, items))
    return list(items) if good else None


def _is_number(x: object) -> bool:
    """Whether it is a finite number that float64 holds; a whole one may be beyond it."""
    if isinstance(x, bool) or not isinstance(x, int | float):
        return False
    try:
        return math.isfinite(x)
    except OverflowError:
        return False


_ONE: Mapping[str, Callable[[object], bool]] = {
    "text": is_text,
    "number": _is_number,
    "whole": is_whole,
    "odd": is_whole,
}
