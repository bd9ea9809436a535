"""Decides how `riskslide compare` is asked for, and how rule books read side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import click
import numpy as np
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ..._version import __version__
from ...account.verdict import Status
from ...book.clock import text_of
from ...book.columns import Int64
from ...study.compare import Comparison, Line, compare, saving_of
from ...venue.load import load_rulebook, preset_names
from ...venue.rulebook import Rulebook
from .figures import amount, counted, digits_of, plain, status_text
from .options import (
    AS_OF,
    BALANCES,
    GIVEN,
    JSON,
    MARKET,
    ORDERS,
    POSITIONS,
    THREADS,
    Inputs,
    rulebooks_of,
)
from .output import check_target, console_of, deliver, progress, rendered
from .records import json_text, number, rulebook_record
from .report import PIPE_WIDTH, table_for

AMOUNTS = ("maintenance", "initial", "excess")
MORE = ("equity", "leg_by_leg")  # where the console has room for them
RULES = click.option(
    "--rules",
    multiple=True,
    metavar="NAME|FILE",
    help="Rule book; may be repeated. By default every complete preset in dollars.",
)
REST = (
    click.option("--instruments", metavar="FILE", help="Contract terms; a chain needs none."),
    click.option("--output", metavar="FILE", help="Write there, whole or not at all."),
    click.option("--all", "all_rows", is_flag=True, help="Leave no row out of a table."),
    click.option("--check", is_flag=True, help="Exit 1 unless every line may take new risk."),
)


def takes_rulebooks(command: Any) -> Any:
    """Gives a command the options of `Inputs`, but several rule books."""
    first = (POSITIONS, BALANCES, ORDERS, MARKET, RULES, GIVEN, AS_OF, THREADS, JSON)
    for option in reversed((*first, *REST)):
        command = option(command)
    return command


@click.command("compare")
@takes_rulebooks
def compare_command(rules: tuple[str, ...], check: bool, **options: Any) -> int:
    """Margin every account under several rule books, side by side."""
    inputs = Inputs(rules=", ".join(rules), **options)
    check_target(inputs.output)
    names = rules or [r.name for r in map(load_rulebook, preset_names()) if _by_default(r)]
    books = rulebooks_of(names, inputs.given)
    with progress() as bar:
        portfolio, market = inputs.load(bar)
        bar.add_task("rule books", total=None)
        with inputs.places():
            found = compare(portfolio, market, books, threads=inputs.threads)
    if inputs.as_json:
        deliver(json_text(compare_record(found, dropped=market.dropped)), inputs.output)
    else:
        console = console_of(sys.stdout, to_file=inputs.output is not None)
        report = compare_report(found, console, show=inputs.show, dropped=market.dropped)
        deliver(rendered(console, report), inputs.output)
    good = not found.failures and bool((found.status < Status.NO_NEW_RISK.value).all())
    return int(check and not good)


def _by_default(rulebook: Rulebook) -> bool:
    """Whether amounts are in dollars, and nothing is left to be given."""
    return rulebook.status == "complete" and rulebook.terms.reporting == "USD"


def compare_record(found: Comparison, *, dropped: int = 0) -> dict[str, Any]:
    """Every rule book with its totals, warnings or failure, then every (account, rule book)."""
    return {
        "riskslide": __version__,
        "as_of": text_of(found.as_of),
        "reporting_currency": found.reporting,
        "dropped_series": dropped,
        "rulebooks": [
            {"label": label}
            | rulebook_record(book)
            | {"failure": _failure(found, label), "warnings": list(found.warnings.get(label, ()))}
            | {"total": _totals(found, label) if label in found.warnings else None}
            for label, book in found.rulebooks.items()
        ],
        "lines": [_line_record(line) for line in found.rows()],
    }


def _failure(found: Comparison, label: str) -> dict[str, object] | None:
    error = found.failures.get(label)
    return None if error is None else error.as_dict()


def _totals(found: Comparison, label: str) -> dict[str, float | None]:
    """Sums over all accounts of one rule book."""
    at = found.lines_of(label)
    names = (*AMOUNTS, *MORE, "by_underlying")
    sums = {name: getattr(found, name)[at].sum() for name in names}
    parts = (np.array([sums[name]]) for name in ("maintenance", "leg_by_leg"))
    totals = sums | {"saving": saving_of(*parts)[0]}
    return {name: number(float(total)) for name, total in totals.items()}


def _line_record(line: Line) -> dict[str, Any]:
    record = line._asdict()
    if line.failure is not None:
        return {**record, "failure": line.failure.as_dict()}
    record |= {k: number(x) for k, x in record.items() if isinstance(x, float)}
    return record | {
        "status": None if line.status is None else line.status.name.lower(),
        "worst_unit": line.worst_unit or None,
        "worst_scenario": line.worst_scenario or None,
    }


def compare_report(
    found: Comparison, console: Console, *, show: int, dropped: int = 0
) -> RenderableType:
    """Totals by rule book, accounts, worst scenarios, and what to know of each rule book.

    dropped: series of the market's chains that have no price.
    """
    parts: list[RenderableType] = [
        plain(
            f"{counted(len(found.rulebooks), 'rule book')}, {text_of(found.as_of)}, "
            f"{counted(len(found.accounts), 'account')}, amounts in {found.reporting}"
        )
    ]
    if dropped:
        parts.append(plain(f"{dropped:,} series of the market are dropped: they have no price"))
    parts += [Text(), totals_table(found, console)]
    shown = shown_accounts(found, show)
    if shown.size:
        parts += [Text(), _fitting(found, shown, console), Text()]
        parts.append(worst_table(found, shown, console))
    left = len(found.accounts) - shown.size
    if left:
        what = f"{left:,} accounts that need less are left out; --all shows them."
        parts.append(Text(what))
    parts.append(Text("saving: 1 - maintenance / maintenance of every leg and balance alone"))
    parts += [Text(), *_notes(found)] if found.failures or any(found.warnings.values()) else []
    return Group(*parts)


def _notes(found: Comparison) -> Iterable[Text]:
    for label, error in found.failures.items():
        yield plain(f"not run: {label}: {error}", "red")
    for label, warnings in found.warnings.items():
        for warning in warnings:
            yield plain(f"warning: {label}: {warning}", "yellow")


def shown_accounts(found: Comparison, show: int) -> Int64:
    """The accounts that fit into so many rows, those with the largest maintenance if not all do."""
    ran, accounts = len(found.warnings), len(found.accounts)
    room = max(show // ran, 1)
    if accounts <= room:
        return np.arange(accounts)
    most = found.maintenance.reshape(accounts, ran).max(axis=1)
    return np.lexsort((np.arange(accounts), -most))[:room]


def totals_table(found: Comparison, console: Console) -> Table:
    """One row for each rule book, over all accounts."""
    table = _table(console, ("rule book",), (*AMOUNTS, "saving"))
    totals = {label: _totals(found, label) for label in found.warnings}
    digits = digits_of(np.array([[t[name] or 0.0 for name in AMOUNTS] for t in totals.values()]))
    for label in found.rulebooks:
        if label in found.failures:
            table.add_row(plain(label), "not run")
            continue
        figures = [amount(totals[label][name] or 0.0, digits) for name in AMOUNTS]
        table.add_row(plain(label), *figures, share(totals[label]["saving"] or 0.0))
    return table


def _fitting(found: Comparison, accounts: Int64, console: Console) -> Table:
    """The widest table of accounts that the console holds without cutting a figure."""
    unbound = console.options.update(max_width=PIPE_WIDTH)
    for names in ((*AMOUNTS, *MORE), AMOUNTS):
        table = accounts_table(found, accounts, console, names)
        if Measurement.get(console, unbound, table).maximum <= console.width:
            return table
    return accounts_table(found, accounts, console, AMOUNTS[:1])


def accounts_table(
    found: Comparison, accounts: Int64, console: Console, names: tuple[str, ...]
) -> Table:
    """The accounts in turn, a row for each rule book that ran."""
    table = _table(console, ("account", "rule book"), (*names, "saving"))
    table.add_column("status", no_wrap=True)
    lines = _lines(found, accounts)
    digits = digits_of(np.stack([getattr(found, name)[lines] for name in names]))
    saving = found.saving
    for k in lines.tolist():
        figures = [amount(float(getattr(found, name)[k]), digits) for name in names]
        heads = _heads(found, k)
        table.add_row(*heads, *figures, share(float(saving[k])), status_text(int(found.status[k])))
    return table


def worst_table(found: Comparison, accounts: Int64, console: Console) -> Table:
    """Where every account loses most under every rule book."""
    table = _table(console, ("account", "rule book"), ())
    table.add_column("worst scenario")
    for k in _lines(found, accounts).tolist():
        where = f"{found.worst_unit[k]} {found.worst_scenario[k]}".strip()
        table.add_row(*_heads(found, k), plain(where or "none loses"))
    return table


def _lines(found: Comparison, accounts: Int64) -> Int64:
    ran = len(found.warnings)
    return (accounts[:, None] * ran + np.arange(ran)).reshape(-1)


def _heads(found: Comparison, line: int) -> tuple[Text, Text]:
    """The account, where it begins, and the rule book."""
    first = line % len(found.warnings) == 0
    return plain(found.account[line] if first else ""), plain(found.rulebook[line])


def _table(console: Console, texts: Iterable[str], figures: Iterable[str]) -> Table:
    table = table_for(console)
    for name in texts:
        table.add_column(name, no_wrap=True)
    for name in figures:
        table.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    return table


def share(fraction: float) -> str:
    """A share as a percentage; words where it is no share of anything."""
    return f"{100.0 * fraction:,.1f} %" if abs(fraction) < 1e6 else "none alone"
