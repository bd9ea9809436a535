"""Decides the options that commands share, and which of their values are refused."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click
from rich.progress import Progress

from ...book.clock import instant
from ...book.portfolio import Portfolio
from ...errors import InputError, nearest, refuse, suggestion
from ...market.market import Market
from ...venue.load import load_rulebook
from ...venue.rulebook import Rulebook
from ..files.load import load_book, read_balances
from . import report

Command = Callable[..., int]
EVERYTHING = 2**31


@dataclass(frozen=True, slots=True)
class Inputs:
    """The options that every command on a book takes."""

    positions: str
    instruments: str | None
    market: tuple[str, ...]
    rules: str
    as_of: str | None
    threads: int | None
    as_json: bool
    output: str | None
    all_rows: bool
    balances: str | None = None
    orders: str | None = None
    given: tuple[str, ...] = ()

    def load(self, bar: Progress) -> tuple[Portfolio, Market]:
        """The book and its market, read while a bar says so."""
        task = bar.add_task("reading", total=None)
        as_of = None if self.as_of is None else instant(self.as_of, "--as-of")
        files = (self.positions, self.balances, self.market, self.instruments, self.orders)
        loaded = load_book(*files, as_of=as_of)
        bar.remove_task(task)
        return loaded

    def rulebook(self) -> Rulebook:
        """The rule book, with what --input gives it."""
        return load_rulebook(self.rules, inputs=given_values(self.given))

    @contextmanager
    def places(self) -> Iterator[None]:
        """Names the line of a balance whose asset the market does not price."""
        try:
            yield
        except InputError as error:
            if error.file or error.column != "spot" or self.balances is None:
                raise
            table = read_balances(self.balances)
            if error.value not in table.asset:
                raise
            line = int(table.line[table.asset.index(str(error.value))])
            refuse(error.code, "asset", line, error.value, error.fix, file=table.file)

    @property
    def show(self) -> int:
        """Rows that a table may have."""
        return EVERYTHING if self.all_rows else report.SHOWN


JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
THREADS = click.option(
    "--threads", type=click.IntRange(min=1, max=1024), help="Threads; all cores by default."
)
MARKET = click.option(
    "--market", multiple=True, required=True, metavar="FILE", help="Quotes; may be repeated."
)
AS_OF = click.option(
    "--as-of", metavar="INSTANT", help="2026-02-05T08:00:00Z; by default the newest quote's."
)
POSITIONS = click.option(
    "--positions", required=True, metavar="FILE", help="account,instrument,quantity"
)
BALANCES = click.option("--balances", required=True, metavar="FILE", help="account,asset,amount")
ASIDE = click.option("--balances", metavar="FILE", help="Checked, and left aside.")
ORDERS = click.option("--orders", metavar="FILE", help="Open orders: account,instrument,quantity")
GIVEN = click.option(
    "--input",
    "given",
    multiple=True,
    metavar="KEY=VALUE",
    help="Value, as TOML, of a parameter that the rule book leaves unpublished; may be repeated.",
)
REST = (
    click.option(
        "--instruments", metavar="FILE", help="Contract terms; a venue's chain needs none."
    ),
    MARKET,
    click.option("--rules", required=True, metavar="NAME|FILE", help="Rule book."),
    GIVEN,
    AS_OF,
    THREADS,
    JSON,
    click.option("--output", metavar="FILE", help="Write there, whole or not at all."),
    click.option("--all", "all_rows", is_flag=True, help="Leave no row out of a table."),
)
BY = click.option("--by", type=click.Choice(["account", "leg"]), default="account")


def takes_book(command: Command) -> Command:
    """Gives a command the options of `Inputs`."""
    return _taking((POSITIONS, BALANCES, ORDERS, *REST), command)


def takes_positions(command: Command) -> Command:
    """Gives a command the options of `Inputs`, balances being read and left aside."""
    return _taking((POSITIONS, ASIDE, *REST), command)


def _taking(options: Sequence[Callable[[Command], Command]], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def numbers(text: str, option: str, *, above: float) -> list[float]:
    """The numbers of a comma-separated list, each finite and more than `above`."""
    found = []
    for part in text.split(","):
        try:
            value = float(part)
        except ValueError:
            refuse("E_DTYPE", option, None, part, "must be numbers with commas between")
        if not (math.isfinite(value) and value > above):
            bound = "> -1: a price stays above zero" if above == -1.0 else ">= 0"
            refuse("E_RANGE", option, None, value, f"must be a finite number {bound}")
        found.append(value)
    return found


def given_values(given: Sequence[str]) -> dict[str, Any]:
    """The values of --input by key.

    Raises InputError: `E_ARGUMENT` for what is not KEY=VALUE, `E_DUPLICATE`, `E_TOML`.
    """
    found: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not (key and equals):
            fix = "must be KEY=VALUE, such as vol.min_up=0.4"
            refuse("E_ARGUMENT", "--input", None, text, fix)
        if key in found:
            refuse("E_DUPLICATE", "--input", None, key, "give it once")
        try:
            table = tomllib.loads(f"value = {value}")
        except (ValueError, RecursionError):
            table = {}
        if list(table) != ["value"]:
            fix = 'must be a value as TOML writes it: 0.4, [0.1, 0.2], "text", { BTC = 0.1 }'
            refuse("E_TOML", "--input", None, text, fix)
        found[key] = table["value"]
    return found


def rulebooks_of(names: Sequence[str], given: Sequence[str]) -> list[Rulebook]:
    """Rule books by name or file, each with the inputs that it leaves unpublished.

    An input that none of them takes is refused (`E_UNKNOWN_KEY`).
    """
    values = given_values(given)
    without = [load_rulebook(name) for name in names]
    lacking = {key for rulebook in without for key in rulebook.unpublished}
    for key in values:
        if key not in lacking:
            fix = suggestion(key, lacking) if lacking else "none of them leaves one unpublished"
            refuse("E_UNKNOWN_KEY", "--input", None, key, fix)
    return [
        load_rulebook(name, inputs={k: values[k] for k in rulebook.unpublished if k in values})
        for name, rulebook in zip(names, without, strict=True)
    ]


def known_account(account: str | None, portfolio: Portfolio) -> None:
    """Refuse an account that the book does not hold."""
    if account is None or account in portfolio.accounts:
        return
    near = nearest(account, portfolio.accounts)
    fix = f"did you mean {near!r}?" if near else "must be an account of the book"
    refuse("E_UNKNOWN", "--account", None, account, fix)
