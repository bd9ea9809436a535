"""Decides the commands on rule books; what they print is decided in rule_tables."""

from __future__ import annotations

from pathlib import Path

import click

from ...book.clock import instant
from ...engine import compile_rulebook
from ...venue.load import load_rulebook, preset_names, rulebook_text
from ..files.load import load_contracts, read_instruments, read_market
from . import rule_tables
from .options import AS_OF, GIVEN, JSON, MARKET, given_values, rulebooks_of
from .output import check_target, deliver, emit, replace_file


@click.group()
def rules() -> None:
    """List, show, check, compare and compile rule books."""


@rules.command("list")
@click.argument("file", nargs=-1)
@JSON
def rules_list(file: tuple[str, ...], as_json: bool) -> int:
    """The rule books that come with the package, and FILEs of your own."""
    found = [load_rulebook(name) for name in (*preset_names(), *file)]
    emit(
        lambda: rule_tables.list_record(found),
        lambda console: rule_tables.list_table(found, console),
        as_json=as_json,
    )
    return 0


@rules.command("show")
@click.argument("name", metavar="NAME|FILE")
@click.option("--toml", is_flag=True, help="Its file, to write one of your own from.")
@GIVEN
@JSON
def rules_show(name: str, toml: bool, given: tuple[str, ...], as_json: bool) -> int:
    """Every parameter of a rule book, where it comes from and what it may be."""
    found = load_rulebook(name, inputs=given_values(given))
    if toml:
        deliver(rulebook_text(name), None)
        return 0
    emit(
        lambda: rule_tables.show_record(found),
        lambda console: rule_tables.show_report(found, console),
        as_json=as_json,
    )
    return 0


@rules.command("check")
@click.argument("file", metavar="FILE|NAME")
@GIVEN
@JSON
def rules_check(file: str, given: tuple[str, ...], as_json: bool) -> int:
    """Exit 0 if a file is a rule book, else 2 with the key, its value and the fix."""
    found = load_rulebook(file, inputs=given_values(given))
    if not found.unpublished:
        found.check_together(file)
    emit(
        lambda: rule_tables.check_record(file, found),
        lambda console: rule_tables.check_report(file, found),
        as_json=as_json,
    )
    return 0


@rules.command("diff")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@GIVEN
@JSON
def rules_diff(first: str, second: str, given: tuple[str, ...], as_json: bool) -> int:
    """Parameters in which two rule books, names or files, differ."""
    names = (first, second)
    left, right = rulebooks_of(names, given)
    emit(
        lambda: rule_tables.diff_record(names, left, right),
        lambda console: rule_tables.diff_report(names, left, right, console),
        as_json=as_json,
    )
    return 0


@rules.command("compile")
@click.argument("name", metavar="NAME|FILE")
@click.option("--instruments", metavar="FILE", help="By default all that a chain quotes.")
@MARKET
@AS_OF
@click.option("-o", "--output", required=True, metavar="FILE.rsp")
@GIVEN
@JSON
def rules_compile(
    name: str,
    instruments: str | None,
    market: tuple[str, ...],
    as_of: str | None,
    output: str,
    given: tuple[str, ...],
    as_json: bool,
) -> int:
    """Write a rule book as a program that C++ runs."""
    check_target(output)
    rulebook = load_rulebook(name, inputs=given_values(given))
    rulebook.refuse_unpublished()  # before files are read that may be large
    now = None if as_of is None else instant(as_of, "--as-of")
    if instruments is None:
        contracts, quotes = load_contracts(market, as_of=now)
    else:
        contracts, quotes = read_instruments(instruments), read_market(market, as_of=now)
    program = compile_rulebook(rulebook, contracts, quotes)
    data = program.to_bytes()
    replace_file(Path(output), data)
    emit(
        lambda: rule_tables.compile_record(output, rulebook, program, len(data)),
        lambda console: rule_tables.compile_report(output, program, len(data)),
        as_json=as_json,
    )
    return 0
