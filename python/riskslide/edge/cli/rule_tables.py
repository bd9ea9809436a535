"""Decides how rule books read, as tables and as JSON: parameters, what they may be, differences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...margin.methods import METHODS
from ...margin.program import Program
from ...rules import Spec
from ...venue.rulebook import GIVEN, STATUSES, UNPUBLISHED, Parameter, Rulebook
from .figures import counted, plain
from .records import number, rulebook_record
from .report import table_for

ABSENT = "-"  # stands in a table where there is no value


def counts_of(rulebook: Rulebook) -> dict[str, int]:
    """How many parameters have each status that any has."""
    found = {s: len(rulebook.of_status(s)) for s in (*STATUSES, GIVEN, UNPUBLISHED)}
    return {status: count for status, count in found.items() if count}


def list_record(rulebooks: Iterable[Rulebook]) -> dict[str, Any]:
    """Rule books with the counts of their parameters by status."""
    return {"rulebooks": [rulebook_record(r) | {"counts": counts_of(r)} for r in rulebooks]}


def list_table(rulebooks: Iterable[Rulebook], console: Console) -> Table:
    """The same as one row each."""
    table = table_for(console)
    for header in ("name", "title", "method", "version", "valid from", "status", "parameters"):
        table.add_column(header, no_wrap=header not in ("title", "parameters"))
    table.add_column("sha256", no_wrap=True)
    for r in rulebooks:
        facts = (r.name, r.title, r.method, r.version, str(r.valid_from), r.status)
        table.add_row(*map(plain, facts), _counted(r), plain(r.sha256[:12]))
    return table


def show_record(rulebook: Rulebook) -> dict[str, Any]:
    """A rule book with every parameter, where it comes from and what it may be."""
    specs = METHODS[rulebook.method].specs
    return rulebook_record(rulebook) | {
        "description": rulebook.description,
        "counts": counts_of(rulebook),
        "unpublished": list(rulebook.unpublished),
        "parameters": {
            key: _entry(p)
            | {"source": p.source, "date": p.date.isoformat()}
            | {"allowed": _allowed_record(specs[key])}
            for key, p in rulebook.parameters.items()
        },
        "sections_left_out": sections_left_out(rulebook),
    }


def show_report(rulebook: Rulebook, console: Console) -> Group:
    """The same as a table, with what lacks a value below it."""
    table = table_for(console)
    for header in ("parameter", "value", "status", "source", "date", "allowed"):
        table.add_column(header, no_wrap=header in ("parameter", "status", "date"))
    specs = METHODS[rulebook.method].specs
    for key, p in rulebook.parameters.items():
        facts = (key, shown(p), p.status, p.source, str(p.date), allowed(specs[key]))
        table.add_row(*map(plain, facts))
    first = f"{rulebook.name} version {rulebook.version}, {rulebook.status}, from "
    head = plain(f"{first}{rulebook.valid_from}: {rulebook.title}")
    facts_of_all = (head, plain(rulebook.description), plain(f"sha256 {rulebook.sha256}"))
    return Group(*facts_of_all, table, *_gaps(rulebook))


def check_record(file: str, rulebook: Rulebook) -> dict[str, Any]:
    """What a file that was found right is."""
    return (
        {"file": file}
        | rulebook_record(rulebook)
        | {
            "counts": counts_of(rulebook),
            "unpublished": list(rulebook.unpublished),
            "sections_left_out": sections_left_out(rulebook),
        }
    )


def check_report(file: str, rulebook: Rulebook) -> Group:
    """The same in a few lines."""
    r = rulebook
    head = f"{file}: {r.name} version {r.version}, method {r.method}, {r.status}, every parameter "
    lines = [plain(f"{head}in its range"), _counted(r), plain(f"sha256 {r.sha256}")]
    return Group(*lines, *_gaps(r))


class Difference(NamedTuple):
    """Keys of two rule books: values or statuses that differ, keys of one alone, the rest."""

    differ: tuple[str, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    source_or_date: tuple[str, ...]
    same: tuple[str, ...]


def difference_of(first: Rulebook, second: Rulebook) -> Difference:
    """Sorts the parameters of two rule books, in the order of the first, then of the second."""
    a, b = first.parameters, second.parameters
    both = tuple(key for key in a if key in b)
    differ = tuple(k for k in both if (a[k].value, a[k].status) != (b[k].value, b[k].status))
    return Difference(
        differ=differ,
        only_first=tuple(key for key in a if key not in b),
        only_second=tuple(key for key in b if key not in a),
        source_or_date=tuple(k for k in both if k not in differ and a[k] != b[k]),
        same=tuple(k for k in both if a[k] == b[k]),
    )


def diff_record(names: Sequence[str], first: Rulebook, second: Rulebook) -> dict[str, Any]:
    """Where two rule books differ; `names` are what they were asked for by."""
    found = difference_of(first, second)
    a, b = first.parameters, second.parameters
    return {
        "a": {"asked": names[0]} | rulebook_record(first),
        "b": {"asked": names[1]} | rulebook_record(second),
        "differ": [{"key": k, "a": _entry(a[k]), "b": _entry(b[k])} for k in found.differ],
        "only_a": [{"key": k} | _entry(a[k]) for k in found.only_first],
        "only_b": [{"key": k} | _entry(b[k]) for k in found.only_second],
        "source_or_date_only": list(found.source_or_date),
        "same": len(found.same),
    }


def diff_report(names: Sequence[str], first: Rulebook, second: Rulebook, console: Console) -> Group:
    """The same as a table; a dash stands where one of them has no such key, or no value."""
    found, table = difference_of(first, second), table_for(console)
    for header in ("parameter", "A", "status of A", "B", "status of B"):
        table.add_column(header, no_wrap=header not in "AB")
    for key in (*found.differ, *found.only_first, *found.only_second):
        cells = [key]
        for rulebook in (first, second):
            p = rulebook.parameters.get(key)
            cells += [ABSENT, "absent"] if p is None else [shown(p), p.status]
        table.add_row(*map(plain, cells))
    parts: list[RenderableType] = [
        plain(
            f"{letter} = {name}: {r.name} version {r.version}, {r.method}, {r.status}, "
            f"from {r.valid_from}, {r.sha256[:12]}"
        )
        for letter, name, r in zip("AB", names, (first, second), strict=True)
    ]
    parts.append(table if table.row_count else Text("No value and no status differs."))
    if found.source_or_date:
        keys = ", ".join(found.source_or_date)
        parts.append(plain(f"of another source or date alone: {keys}"))
    return Group(*parts, Text(f"{counted(len(found.same), 'parameter')} alike in all"))


def compile_record(output: str, rulebook: Rulebook, program: Program, size: int) -> dict[str, Any]:
    """What a program file holds."""
    return {
        "file": output,
        "rulebook": rulebook_record(rulebook),
        "rows": len(program.rows),
        "scenarios": len(program.scenarios),
        "bytes": size,
        "sha256": program.sha256,
    }


def compile_report(output: str, program: Program, size: int) -> Text:
    """The same in a line."""
    counts = f"{counted(len(program.rows), 'row')}, {counted(len(program.scenarios), 'scenario')}"
    return plain(f"{output}: {counts}, {counted(size, 'byte')}, sha256 {program.sha256}")


def sections_left_out(rulebook: Rulebook) -> list[str]:
    """Optional sections of the method that the rule book does not hold."""
    return [s for s in METHODS[rulebook.method].optional if not rulebook.has(s)]


def shown(parameter: Parameter) -> str:
    """The value of a parameter as one line."""
    return ABSENT if parameter.status == UNPUBLISHED else _line(parameter.value)


def _line(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_line(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list):
        words = [_line(v) for v in value]
        return f"[{', '.join(words)}]"
    return str(value)


def allowed(spec: Spec) -> str:
    """What a parameter may be, as one line."""
    if spec.of_text:
        words = " or ".join(spec.choices) or "text"
        before = {"words": "by name, ", "texts": "any of " if spec.choices else ""}
        return before.get(spec.form, "") + words
    bounds = f"{spec.low:.12g} to {spec.high:.12g}"
    before = {"whole": "whole, ", "odd": "odd, ", "table": "by name, ", "lists": "by name, "}
    return before.get(spec.form, "") + bounds + (", ascending" if spec.ascending else "")


def _allowed_record(spec: Spec) -> dict[str, Any]:
    words: dict[str, Any] = {"form": spec.form}
    if spec.of_text:
        return words | {"choices": list(spec.choices) or None}
    ends = {"low": number(spec.low), "high": number(spec.high)}
    return words | ends | {"ascending": spec.ascending}


def _entry(parameter: Parameter) -> dict[str, Any]:
    return {"value": parameter.value, "status": parameter.status}


def _counted(rulebook: Rulebook) -> Text:
    return plain(", ".join(f"{n} {status}" for status, n in counts_of(rulebook).items()))


def _gaps(rulebook: Rulebook) -> list[RenderableType]:
    """What a rule book does not hold: values, and sections that its method could read."""
    lines: list[RenderableType] = []
    if rulebook.unpublished:
        keys = ", ".join(rulebook.unpublished)
        lines.append(plain(f"unpublished, to be given by --input KEY=VALUE: {keys}"))
    if sections_left_out(rulebook):
        lines.append(plain(f"sections left out: {', '.join(sections_left_out(rulebook))}"))
    return lines
