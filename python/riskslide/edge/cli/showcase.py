"""Decides how the demo is laid out: the book, the grid, and the figures beside it."""

from __future__ import annotations

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from ...book.clock import text_of
from .demo import BALANCES, BTC, DAYS, Demo
from .figures import amount, plain
from .records import axes_of
from .report import slide_grid, table_for, warnings_of


def demo_report(demo: Demo, console: Console) -> Group:
    """One page of at most 100 columns: what is held, what it needs, and why."""
    a = demo.assessment
    grid = slide_grid(demo.unit, axes_of(a.scenarios), console)
    beside = Table.grid(padding=(0, 4))
    beside.add_row(grid, demo_figures(demo))
    held = " + ".join(f"{quantity:,g} {asset}" for asset, quantity in BALANCES.items())
    rules = f"{a.rulebook} at {text_of(a.as_of)}, amounts in {a.reporting}"
    return Group(
        plain(f"{rules}, {len(a.scenarios)} scenarios"),
        plain(f"BTC at {BTC:,.0f}, options of {DAYS} days, balances {held}"),
        Text(),
        demo_book_table(demo, console),
        Text(),
        plain(f"P&L of positions and collateral after haircut, worst cell * at {demo.unit.label}"),
        beside,
        Text(),
        *demo_notes(demo),
        *warnings_of(a),
    )


def demo_book_table(demo: Demo, console: Console) -> Table:
    """Every leg with its worst loss on its own, and its P&L in the worst cell of all."""
    book = table_for(console)
    book.add_column("position", no_wrap=True)
    for header in ("contracts", "implied vol", "worst loss alone", "P&L in cell *"):
        book.add_column(header, justify="right", no_wrap=True)
    book.add_column("")
    for leg in demo.in_cell:
        vol = f"{100 * demo.vol[leg.name]:g} %" if leg.name in demo.vol else ""
        mark = {demo.loser.name: "loses most", demo.offset.name: "offsets most"}.get(leg.name, "")
        row = (f"{leg.quantity:+g}", vol, amount(demo.leg_worst[leg.name], 0), amount(leg.pnl, 0))
        book.add_row(plain(leg.name), *row, mark)
    return book


def demo_figures(demo: Demo) -> Table:
    """What the demo book needs and has."""
    a, table = demo.assessment, Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    rows: tuple[tuple[str, float], ...] = (
        ("legs margined one by one", demo.one_by_one),
        ("loss of the positions together", demo.alone),
        ("maintenance: with the collateral's risk", float(a.maintenance[0])),
        ("initial", float(a.initial[0])),
    )
    for name, value in rows:
        table.add_row(name, amount(value, 0))
    table.add_row("", "")
    for title, column in (
        ("collateral after haircut", a.collateral),
        ("unrealised P&L", a.unrealised_pnl),
        ("option value", a.option_value),
        ("equity", a.equity),
        ("excess over initial", a.excess),
    ):
        table.add_row(title, amount(float(column[0]), 0))
    return table


def demo_notes(demo: Demo) -> list[Text]:
    """Where the positions alone lose most, what it ran on, how long it took, how exact it is."""
    first, fastest = 1e3 * demo.first_seconds, 1e3 * demo.fastest_seconds
    return [
        plain(f"The positions alone lose {amount(demo.alone, 0)} at {demo.alone_scenario}."),
        plain(
            f"{demo.instruction_set}, {fastest:.2f} ms an assessment (first {first:.1f} ms), "
            f"largest difference from the reference {demo.difference:.1e}"
        ),
    ]
