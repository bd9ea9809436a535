"""Decides what a rule book is: checked parameters with source, date and status, and its hash."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ..errors import refuse, suggestion
from ..margin.methods import METHODS
from ..market.quotes import Terms
from ..rules import Spec

STATUSES = ("verified", "documented", "second-hand", "chosen")
COMPLETENESS = ("complete", "partial")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value with where it comes from."""

    value: Any
    status: str
    source: str
    date: date


HEADER = ("schema", "name", "title", "method", "version", "valid_from", "status", "description")


@dataclass(frozen=True, slots=True)
class Rulebook:
    """A margin method with its parameters; frozen, identified by `sha256` of its content."""

    name: str
    title: str
    method: str
    version: str
    valid_from: date
    status: str
    description: str
    parameters: Mapping[str, Parameter]

    @property
    def sha256(self) -> str:
        """Hash of all that can move a figure and where it comes from; not of title or layout."""
        content = {
            "name": self.name,
            "method": self.method,
            "version": self.version,
            "valid_from": self.valid_from.isoformat(),
            "status": self.status,
            "parameters": {
                k: [p.value, p.status, p.source, p.date.isoformat()]
                for k, p in sorted(self.parameters.items())
            },
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def par(self) -> frozenset[str]:
        """Assets that count at one reporting unit where they are not quoted, and do not move."""
        return frozenset(self.parameters["reporting.par"].value)

    @property
    def terms(self) -> Terms:
        """What the market must satisfy under this rule book."""
        currency, age = self.text("reporting.currency"), self.number("market.max_age_seconds")
        if not METHODS[self.method].coin_at_index:
            return Terms(currency, self.par, age)
        divisor = self.text("coin.option_divisor")
        return Terms(currency, self.par, age, coin_at_index=True, option_divisor=divisor)

    @property
    def second_hand(self) -> int:
        """How many parameters nobody has checked against the venue's own text or figures."""
        return [p.status for p in self.parameters.values()].count("second-hand")

    def number(self, key: str) -> float:
        return float(self.parameters[key].value)

    def whole(self, key: str) -> int:
        return int(self.parameters[key].value)

    def numbers(self, key: str) -> list[float]:
        return [float(x) for x in self.parameters[key].value]

    def text(self, key: str) -> str:
        return str(self.parameters[key].value)

    def texts(self, key: str) -> list[str]:
        return [str(x) for x in self.parameters[key].value]

    def table(self, key: str) -> dict[str, float]:
        return {k: float(v) for k, v in self.parameters[key].value.items()}


def check(raw: Mapping[str, Any], file: str) -> Rulebook:
    """The rule book of a parsed TOML file.

    Raises InputError (file, key, value, fix): `E_UNKNOWN_KEY` with the nearest known key,
    `E_MISSING`, `E_RANGE`, `E_DTYPE`.
    """
    for key in HEADER:
        if key not in raw:
            refuse("E_MISSING", key, None, None, "add it to the rule book", file=file)
    if raw["schema"] != 1:
        refuse("E_RANGE", "schema", None, raw["schema"], "must be 1", file=file)
    if raw["method"] not in METHODS:
        _unknown("method", str(raw["method"]), list(METHODS), file)
    if raw["status"] not in COMPLETENESS:
        _unknown("status", str(raw["status"]), list(COMPLETENESS), file)
    if not isinstance(raw["valid_from"], date):
        refuse("E_DTYPE", "valid_from", None, raw["valid_from"], "must be a date", file=file)
    schema = METHODS[raw["method"]].schema
    sections = {k.split(".")[0] for k in schema}
    parameters: dict[str, Parameter] = {}
    for section, entries in raw.items():
        if section in HEADER:
            continue
        if section not in sections or not isinstance(entries, Mapping):
            _unknown("key", section, [*HEADER, *sorted(sections)], file)
        for name, entry in entries.items():
            key = f"{section}.{name}"
            if key not in schema:
                _unknown("key", key, list(schema), file)
            parameters[key] = _parameter(key, entry, schema[key], file)
    for key in schema:
        if key not in parameters:
            refuse("E_MISSING", key, None, None, "add it to the rule book", file=file)
    texts = {k: str(raw[k]) for k in ("name", "title", "method", "version", "description")}
    return Rulebook(
        valid_from=raw["valid_from"], status=raw["status"], parameters=parameters, **texts
    )


def _parameter(key: str, entry: Any, spec: Spec, file: str) -> Parameter:
    if not isinstance(entry, Mapping):
        fix = "must be a table of value, status, source and date"
        refuse("E_DTYPE", key, None, entry, fix, file=file)
    for name in entry:
        if name not in ("value", "status", "source", "date"):
            _unknown(key, str(name), ["value", "status", "source", "date"], file)
    for name in ("value", "status", "source", "date"):
        if name not in entry:
            refuse("E_MISSING", f"{key}.{name}", None, None, "add it", file=file)
    if entry["status"] not in STATUSES:
        _unknown(f"{key}.status", str(entry["status"]), list(STATUSES), file)
    if not isinstance(entry["date"], date):
        refuse("E_DTYPE", f"{key}.date", None, entry["date"], "must be a date", file=file)
    _check_value(key, entry["value"], spec, file)
    return Parameter(entry["value"], entry["status"], str(entry["source"]), entry["date"])


def _check_value(key: str, value: Any, spec: Spec, file: str) -> None:
    forms = {"number": _is_number, "whole": _is_whole, "odd": _is_whole, "text": _is_text}
    if spec.form in forms:
        items, good = [value], forms[spec.form](value)
    elif spec.form in ("numbers", "texts"):
        items = value if isinstance(value, list) else []
        one = _is_text if spec.form == "texts" else _is_number
        good = isinstance(value, list) and bool(items or spec.form == "texts")
        good = good and all(map(one, items))
    else:
        items = list(value.values()) if isinstance(value, Mapping) else []
        good = isinstance(value, Mapping) and all(map(_is_number, items))
    if not good:
        refuse("E_DTYPE", key, None, value, f"must be of the form {spec.form}", file=file)
    if spec.choices and value not in spec.choices:
        refuse("E_RANGE", key, None, value, f"must be one of {', '.join(spec.choices)}", file=file)
    if spec.form in ("text", "texts"):
        return
    for item in items:
        if not spec.low <= item <= spec.high:
            fix = f"must be from {spec.low:g} to {spec.high:g}"
            refuse("E_RANGE", key, None, item, fix, file=file)
    if spec.form == "odd" and value % 2 == 0:
        refuse("E_RANGE", key, None, value, "must be odd, so that no move is a point", file=file)


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x)


def _is_whole(x: Any) -> bool:
    return isinstance(x, int) and not isinstance(x, bool)


def _is_text(x: Any) -> bool:
    return isinstance(x, str) and x != ""


def _unknown(column: str, value: str, known: list[str], file: str) -> None:
    refuse("E_UNKNOWN_KEY", column, None, value, suggestion(value, known), file=file)
