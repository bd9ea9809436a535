"""Decides what a rule book is: checked parameters with source, date and status, and its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from ..errors import InputError, refuse, suggestion
from ..margin.methods import METHODS, Method
from ..market.quotes import Terms
from ..rules import Spec
from .values import check_value, copied, is_text

STATUSES = ("verified", "documented", "second-hand", "chosen")
UNPUBLISHED = "unpublished"  # without a value, in a file that says that it is partial
GIVEN = "given"  # was unpublished; the value is of whoever loaded the rule book
COMPLETENESS = ("complete", "partial")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value with where it comes from; None where it is unpublished."""

    value: Any
    status: str
    source: str
    date: date


HEADER = ("schema", "name", "title", "method", "version", "valid_from", "status", "description")
ENTRY = ("value", "status", "source", "date")


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
        return frozenset(self.texts("reporting.par"))

    @property
    def terms(self) -> Terms:
        """What the market must satisfy under this rule book."""
        currency, age = self.text("reporting.currency"), self.number("market.max_age_seconds")
        return Terms(currency, self.par, age, **METHODS[self.method].terms(self))

    @property
    def second_hand(self) -> int:
        """How many parameters nobody has checked against the venue's own text or figures."""
        return len(self.of_status("second-hand"))

    @property
    def unpublished(self) -> tuple[str, ...]:
        """Keys without a value; the rule book does not run until `load_rulebook` is given them."""
        return self.of_status(UNPUBLISHED)

    @property
    def given(self) -> tuple[str, ...]:
        """Keys whose value the venue does not publish and `load_rulebook` was given."""
        return self.of_status(GIVEN)

    def of_status(self, status: str) -> tuple[str, ...]:
        """Keys of the parameters of this status."""
        return tuple(key for key, p in self.parameters.items() if p.status == status)

    def refuse_unpublished(self) -> None:
        """Refuse to run without values that are not published (`E_PARTIAL`, naming them all)."""
        if self.unpublished:
            how = "give them by load_rulebook(inputs=), --input KEY=VALUE, or a file of your own"
            fix = f"{', '.join(self.unpublished)}: not published; {how}"
            refuse("E_PARTIAL", "rules", None, self.name, fix)

    def has(self, section: str) -> bool:
        """Whether the rule book holds a section, which may be optional."""
        return any(key.partition(".")[0] == section for key in self.parameters)

    def check_together(self, file: str) -> None:
        """Refuse parameters that do not fit each other (`E_RULES`), which running refuses too."""
        try:
            METHODS[self.method].terms(self)
        except InputError as error:
            if error.file:
                raise
            refuse(error.code, error.column, error.row, error.value, error.fix, file=file)

    def number(self, key: str) -> float:
        return float(self._value(key))

    def whole(self, key: str) -> int:
        return int(self._value(key))

    def numbers(self, key: str) -> list[float]:
        return [float(x) for x in self._value(key)]

    def text(self, key: str) -> str:
        return str(self._value(key))

    def texts(self, key: str) -> list[str]:
        return [str(x) for x in self._value(key)]

    def words(self, key: str) -> dict[str, str]:
        return {k: str(v) for k, v in self._value(key).items()}

    def table(self, key: str) -> dict[str, float]:
        return {k: float(v) for k, v in self._value(key).items()}

    def lists(self, key: str) -> dict[str, list[float]]:
        return {k: [float(x) for x in v] for k, v in self._value(key).items()}

    def _value(self, key: str) -> Any:
        found = self.parameters[key]
        if found.status == UNPUBLISHED:
            self.refuse_unpublished()
        return found.value


def check(raw: Mapping[str, Any], file: str, inputs: Mapping[str, Any] | None = None) -> Rulebook:
    """The rule book of a parsed TOML file; `inputs` are values of its unpublished keys.

    Raises InputError (file, key, value, fix): `E_UNKNOWN_KEY` with the nearest known key,
    `E_MISSING`, `E_RANGE`, `E_DTYPE`, `E_PARTIAL` for a partial rule book that does not say what
    is unpublished.
    """
    _check_header(raw, file)
    method = METHODS[raw["method"]]
    parameters = _parameters(raw, method.specs, file)
    _check_sections(raw, parameters, method, file)
    texts = {k: raw[k] for k in ("name", "title", "method", "version", "status", "description")}
    found = Rulebook(valid_from=raw["valid_from"], parameters=parameters, **texts)
    _check_unpublished(found, file)
    return _with_inputs(found, {} if inputs is None else inputs)


def _check_header(raw: Mapping[str, Any], file: str) -> None:
    for key in HEADER:
        if key not in raw:
            refuse("E_MISSING", key, None, None, "add it to the rule book", file=file)
        if key not in ("schema", "valid_from") and not is_text(raw[key]):
            refuse("E_DTYPE", key, None, raw[key], "must be text that is not empty", file=file)
    if raw["schema"] != 1:
        refuse("E_RANGE", "schema", None, raw["schema"], "must be 1", file=file)
    if raw["method"] not in METHODS:
        _unknown("method", raw["method"], list(METHODS), file)
    if raw["status"] not in COMPLETENESS:
        _unknown("status", raw["status"], list(COMPLETENESS), file)
    _check_date("valid_from", raw["valid_from"], file)


def _parameters(
    raw: Mapping[str, Any], specs: Mapping[str, Spec], file: str
) -> dict[str, Parameter]:
    """Parameters by dotted key, in the order of the file."""
    sections = sorted({key.partition(".")[0] for key in specs})
    parameters: dict[str, Parameter] = {}
    for section, entries in raw.items():
        if section in HEADER:
            continue
        if section not in sections:
            _unknown("key", section, [*HEADER, *sections], file)
        if not isinstance(entries, Mapping):
            refuse("E_DTYPE", section, None, entries, "must be a section of parameters", file=file)
        for name, entry in entries.items():
            key = f"{section}.{name}"
            if key not in specs:
                _unknown("key", key, list(specs), file)
            parameters[key] = _parameter(key, entry, specs[key], file)
    return parameters


def _check_sections(
    raw: Mapping[str, Any], parameters: Mapping[str, Parameter], method: Method, file: str
) -> None:
    """Every required parameter is there; a section that may be left out is whole, or absent."""
    for key in method.schema:
        if key not in parameters:
            refuse("E_MISSING", key, None, None, "add it to the rule book", file=file)
    for section, specs in method.optional.items():
        keys = (f"{section}.{name}" for name in specs)
        lacking = [key for key in keys if key not in parameters]
        if section in raw and lacking:
            more = f" with {', '.join(lacking[1:])}" if lacking[1:] else ""
            fix = f"add it{more}, or leave [{section}] out"
            refuse("E_MISSING", lacking[0], None, None, fix, file=file)


def _parameter(key: str, entry: Any, spec: Spec, file: str) -> Parameter:
    if not isinstance(entry, Mapping):
        fix = "must be a table of value, status, source and date"
        refuse("E_DTYPE", key, None, entry, fix, file=file)
    for name in entry:
        if name not in ENTRY:
            _unknown(key, str(name), list(ENTRY), file)
    status = entry.get("status", "")
    for name in ENTRY:
        if name not in entry and not (name == "value" and status == UNPUBLISHED):
            refuse("E_MISSING", f"{key}.{name}", None, None, "add it", file=file)
    if status not in (*STATUSES, UNPUBLISHED):
        _unknown(f"{key}.status", str(status), [*STATUSES, UNPUBLISHED], file)
    if not is_text(entry["source"]):
        fix = "must be text that is not empty"
        refuse("E_DTYPE", f"{key}.source", None, entry["source"], fix, file=file)
    _check_date(f"{key}.date", entry["date"], file)
    if status != UNPUBLISHED:
        check_value(key, entry["value"], spec, file)
    elif "value" in entry:
        fix = "leave it out, or say what its status is"
        refuse("E_RANGE", f"{key}.value", None, entry["value"], fix, file=file)
    return Parameter(copied(entry.get("value")), status, entry["source"], entry["date"])


def _check_unpublished(found: Rulebook, file: str) -> None:
    """What is unpublished makes a rule book partial, and nothing else does."""
    if found.unpublished and found.status != "partial":
        column, fix = f"{found.unpublished[0]}.status", 'is for rule books of status = "partial"'
        refuse("E_RANGE", column, None, UNPUBLISHED, fix, file=file)
    if found.status == "partial" and not found.unpublished:
        fix = 'must be "complete", or parameters must say status = "unpublished"'
        refuse("E_PARTIAL", "status", None, found.status, fix, file=file)


def _with_inputs(found: Rulebook, inputs: Mapping[str, Any]) -> Rulebook:
    """The rule book with values of unpublished keys; the source stays what tells that they are."""
    if not isinstance(inputs, Mapping):
        refuse("E_DTYPE", "inputs", None, inputs, "must be values by key")
    specs, parameters = METHODS[found.method].specs, dict(found.parameters)
    for key, value in inputs.items():
        if key not in found.unpublished:
            refuse("E_UNKNOWN_KEY", "inputs", None, key, _takes(found, key))
        check_value(key, value, specs[key], "")
        parameters[key] = replace(parameters[key], value=copied(value), status=GIVEN)
    return replace(found, parameters=parameters)


def _takes(found: Rulebook, key: object) -> str:
    """Which inputs a rule book takes, to whoever gave it another."""
    if not found.unpublished:
        return f"{found.name} leaves nothing unpublished; write a rule book of your own"
    if key in found.parameters:
        return f"has a value; those without are {', '.join(found.unpublished)}"
    return suggestion(str(key), found.unpublished)


def _check_date(column: str, value: Any, file: str) -> None:
    if not isinstance(value, date) or isinstance(value, datetime):
        refuse("E_DTYPE", column, None, value, "must be a date, such as 2026-01-31", file=file)


def _unknown(column: str, value: str, known: list[str], file: str) -> None:
    refuse("E_UNKNOWN_KEY", column, None, value, suggestion(value, known), file=file)
