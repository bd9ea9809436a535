"""Decides how results read as tables: rounding, signs, colours, marks, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.box import SIMPLE_HEAD, Box
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ...account.verdict import Assessment, UnitEvidence
from ...book.clock import text_of
from ...book.columns import Float, Int64
from ...book.portfolio import Portfolio
from ...value.exposure import Exposure
from ...venue.rulebook import Rulebook
from .figures import (
    amount,
    cell,
    counted,
    digits_of,
    percent,
    plain,
    ratio,
    significant,
    status_text,
)
from .records import AMOUNTS, Axes, axes_of, row_names

CONSTANTS = ("maintenance_factor",)  # components that are no amounts
CONTRIBUTIONS = 12  # rows of the worst cell
SHOWN = 40  # rows that a table shows unless all are asked for
PIPE_WIDTH = 10_000  # columns of a pipe or file: nothing is cut or wrapped there
PIPE_HEAD = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
HEADERS = {"unrealised_pnl": "unrealised\nP&L", "option_value": "option\nvalue"}
NARROW = 14  # columns of the worst scenario where the table would not fit


def margin_report(
    assessment: Assessment,
    rulebook: Rulebook,
    console: Console,
    *,
    account: str | None,
    show: int,
    dropped: int = 0,
) -> Group:
    """Rows of accounts and pools, then the slides of one account, then the warnings.

    dropped: series of the market's chains that have no price.
    """
    parts: list[RenderableType] = [heading(assessment, rulebook)]
    if dropped:
        parts.append(plain(f"{dropped:,} series of the market are dropped: they have no price"))
    parts.append(Text())
    if not len(assessment):
        return Group(*parts, Text("The book holds no account."), *warnings_of(assessment))
    rows = riskiest(assessment, show)
    parts.append(fitting(assessment, rows, console))
    left = len(assessment) - rows.size
    if left:
        parts.append(Text(f"{left:,} less risky lines are left out; --all shows them."))
    parts += slides_of(assessment, account or largest_account(assessment), console)
    return Group(*parts, *warnings_of(assessment))


def heading(assessment: Assessment, rulebook: Rulebook) -> Text:
    """What was margined, when and by which rules."""
    return plain(
        f"{assessment.rulebook} version {rulebook.version} ({assessment.rulebook_sha256[:12]}), "
        f"{text_of(assessment.as_of)}, {counted(len(assessment), 'line')}, "
        f"worst of {counted(len(assessment.scenarios), 'scenario')}, "
        f"amounts in {assessment.reporting}"
    )


def riskiest(assessment: Assessment, show: int) -> Int64:
    """Every line in order if there are no more than `show`, else the riskiest, worst first."""
    a = assessment
    if len(a) <= show:
        return np.arange(len(a), dtype=np.int64)
    needed = np.where(a.equity > 0, a.maintenance_ratio, np.inf)
    order = np.lexsort((np.arange(len(a)), a.excess, -needed, -a.status.astype(np.int64)))
    return order[:show].astype(np.int64)


def largest_account(assessment: Assessment) -> str:
    """The account with the largest maintenance requirement, the first of equals."""
    return assessment.account[int(assessment.maintenance.argmax())]


def fitting(assessment: Assessment, rows: Int64, console: Console) -> RenderableType:
    """The widest form that the terminal holds without cutting a figure."""
    unbound = console.options.update(max_width=PIPE_WIDTH)
    for width in (None, NARROW):
        table = margin_table(assessment, rows, console, worst_width=width)
        if Measurement.get(console, unbound, table).maximum <= console.width:
            return table
    return margin_list(assessment, rows)


def margin_table(
    assessment: Assessment, rows: Int64, console: Console, *, worst_width: int | None = None
) -> Table:
    """One row a line; only the worst scenario may take more than one row of text."""
    a, table = assessment, table_for(console)
    table.add_column("account", no_wrap=True)
    table.add_column("pool", no_wrap=True)
    for name in AMOUNTS:
        table.add_column(HEADERS.get(name, name), justify="right", no_wrap=True)
    table.add_column("maint. /\nequity", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("worst scenario", max_width=worst_width)
    digits = digits_of(np.stack([getattr(a, name)[rows] for name in AMOUNTS]))
    for k in rows.tolist():
        figures = [amount(float(getattr(a, name)[k]), digits) for name in AMOUNTS]
        figures.append(ratio(float(a.maintenance_ratio[k])))
        status = status_text(int(a.status[k]))
        table.add_row(
            plain(a.account[k]), plain(a.pool[k]), *figures, status, plain(worst_of(a, k))
        )
    return table


def margin_list(assessment: Assessment, rows: Int64) -> Group:
    """The same as name and value under each other, for terminals that hold no table."""
    a, parts = assessment, list[RenderableType]()
    digits = digits_of(np.stack([getattr(a, name)[rows] for name in AMOUNTS]))
    for k in rows.tolist():
        table = Table.grid(padding=(0, 2))
        table.add_column()
        table.add_column(justify="right")
        table.add_row(plain(a.account[k]), plain(f"pool {a.pool[k]}"))
        for name in AMOUNTS:
            title = HEADERS.get(name, name).replace("\n", " ")
            table.add_row(title, amount(float(getattr(a, name)[k]), digits))
        table.add_row("maint. / equity", ratio(float(a.maintenance_ratio[k])))
        table.add_row("status", status_text(int(a.status[k])))
        table.add_row("worst scenario", plain(worst_of(a, k)))
        parts += [table, Text()]
    return Group(*parts)


def worst_of(assessment: Assessment, line: int) -> str:
    """Unit and scenario of the largest loss of a line."""
    if not assessment.maintenance[line] > 0:
        return "none loses"
    label = assessment.scenarios[int(assessment.worst_scenario[line])]
    return f"{assessment.worst_unit[line]} {label}"


def slides_of(assessment: Assessment, account: str, console: Console) -> list[RenderableType]:
    """The grid of every unit of an account that moves, in each of its pools."""
    parts: list[RenderableType] = []
    axes = axes_of(assessment.scenarios)
    for evidence in assessment.explain(account):
        moving = [u for u in evidence.units if any(u.grid)]
        for unit in moving:
            title = f"{account}: P&L of {unit.unit} in every scenario, {assessment.reporting}"
            parts += [Text(), plain(title), slide_grid(unit, axes, console)]
            if unit.loss > 0:
                parts += [Text(), *contributions_of(unit, console)]
        added = [f"{n.replace('_', ' ')} {x:,.2f}" for n, x in evidence.components.items() if x]
        if not moving:
            where = "" if evidence.pool == "account" else f" in {evidence.pool}"
            text = f"{account}: nothing that it holds{where} moves in any scenario."
            parts += [Text(), plain(text)]
        if any(evidence.components[n] for n in evidence.components if n not in CONSTANTS):
            parts.append(plain(f"{evidence.pool}: {', '.join(added)}"))
    return parts


def contributions_of(unit: UnitEvidence, console: Console) -> list[RenderableType]:
    """Who gains and loses in the worst cell, the largest losses first."""
    order = sorted(unit.contributions, key=lambda c: c.pnl)
    table = table_for(console)
    table.add_column(f"at {unit.label}", overflow="fold")
    for header in ("quantity", "P&L"):
        table.add_column(header, justify="right", no_wrap=True)
    digits = digits_of(np.array([c.pnl for c in order]))
    for c in order[:CONTRIBUTIONS]:
        table.add_row(plain(c.name), significant(c.quantity), amount(c.pnl, digits))
    left = len(order) - CONTRIBUTIONS
    return [table, Text(f"{left:,} rows that lose less are in --json.")] if left > 0 else [table]


def slide_grid(unit: UnitEvidence, axes: Axes | None, console: Console) -> RenderableType:
    """P&L with price moves down and vol across, the worst cell marked by an asterisk."""
    digits = digits_of(np.array(unit.grid))
    worst = unit.scenario if unit.loss > 0 else -1
    if axes is None:
        return plain(f"loses {amount(unit.loss, digits)} in {unit.label}")
    table = table_for(console)
    table.add_column("price", justify="right")
    for vol in axes.vols:
        table.add_column(f"vol {vol}  ", justify="right")
    add_moves(table, axes, unit.grid, digits, worst)
    return table


def add_moves(
    table: Table,
    axes: Axes,
    pnl: Sequence[float],
    digits: int,
    worst: int,
    labels: Sequence[Text] = (),
) -> None:
    """A row for each price move; `labels` stand before the first of them."""
    before = list(labels)
    for move, scenarios in zip(axes.moves, axes.cells, strict=True):
        cells = [
            Text() if k is None else cell(float(pnl[k]), digits, marked=k == worst)
            for k in scenarios
        ]
        table.add_row(*before, percent(move), *cells)
        before = [Text()] * len(before)


def stress_report(
    portfolio: Portfolio,
    pnl: Float,
    axes: Axes,
    console: Console,
    *,
    by: str,
    show: int,
    unit: str,
) -> Group:
    """P&L of positions by row and price move, vol across; each row's worst cell is marked.

    unit: the reporting currency and the instant, as the heading says them.
    """
    names = row_names(portfolio, by)
    worst = pnl.min(axis=1) if pnl.size else np.zeros(0)
    rows = np.argsort(worst, kind="stable")[:show] if len(names) > show else np.arange(len(names))
    table = table_for(console)
    for name in names[0] if names else ("account",):
        table.add_column(name, no_wrap=True)
    table.add_column("price", justify="right")
    for vol in axes.vols:
        table.add_column(f"vol {vol}  ", justify="right", no_wrap=True)
    digits = digits_of(pnl[rows])
    for k in rows.tolist():
        lowest = int(pnl[k].argmin()) if worst[k] < 0 else -1
        labels = [plain(text) for text in names[k].values()]
        add_moves(table, axes, pnl[k].tolist(), digits, lowest, labels)
    head = plain(f"P&L of positions, balances aside, {unit}; * is the worst of all moves")
    left = _left_out(len(names) - rows.size, "rows that lose less")
    return Group(head, Text(), table, *left)


def greeks_report(
    portfolio: Portfolio, exposure: Exposure, console: Console, *, by: str, show: int, unit: str
) -> Group:
    """Greeks by row: vols and rates per point (0.01), time per day (a year is 365).

    Those of second order stand beside the rest where the console has room for whole figures.
    """
    first, second = exposure.greeks, exposure.second
    scaled = {
        "value": (first.value, 1.0),
        "delta": (first.delta, 1.0),
        "gamma": (first.gamma, 1.0),
        "vega per point": (first.vega, 100.0),
        "theta per day": (first.theta, 365.0),
        "rho per point": (first.rho, 100.0),
    }
    more = {
        "vanna per point": (second.vanna, 100.0),
        "volga per point^2": (second.volga, 1e4),
        "charm per day": (second.charm, 365.0),
    }
    table = _greeks_table(portfolio, exposure, console, scaled | more, by, show)
    unbound = console.options.update(max_width=PIPE_WIDTH)
    left: list[RenderableType] = []
    if Measurement.get(console, unbound, table).maximum > console.width:
        table = _greeks_table(portfolio, exposure, console, scaled, by, show)
        left.append(Text("vanna, volga and charm take a wider terminal, a pipe or --json"))
    head = plain(f"Greeks of positions, balances aside, by the spot, {unit}")
    left += [*_left_out(len(exposure.name) - show, "rows"), *_not_by_spot(exposure, show)]
    return Group(head, Text(), table, *left)


def _greeks_table(
    portfolio: Portfolio,
    exposure: Exposure,
    console: Console,
    scaled: dict[str, tuple[Float, float]],
    by: str,
    show: int,
) -> Table:
    """Columns by header, with what each is divided by."""
    table = table_for(console)
    table.add_column("account", no_wrap=True)
    table.add_column("instrument" if by == "leg" else "underlying", no_wrap=True)
    for header in scaled:
        table.add_column(header, justify="right", no_wrap=True)
    for k in range(min(show, len(exposure.name))):
        cells = [significant(float(values[k]) / unit) for values, unit in scaled.values()]
        owner = portfolio.accounts[int(exposure.account[k])]
        name = exposure.name[k] + ("" if exposure.by_spot[k] else " *")
        table.add_row(plain(owner), plain(name), *cells)
    return table


def _not_by_spot(exposure: Exposure, show: int) -> list[RenderableType]:
    """What the asterisk of a row says, where one shown has it."""
    if exposure.by_spot[:show].all():
        return []
    text = "* no spot is quoted: delta and what comes of it are by each contract's own price"
    return [Text(text)]


def warnings_of(assessment: Assessment) -> list[RenderableType]:
    """The warnings of an assessment, one a line."""
    found = [plain(f"warning: {w}", "yellow") for w in assessment.warnings]
    return [Text(), *found] if found else []


def _left_out(left: int, what: str) -> list[RenderableType]:
    return [Text(f"{left:,} {what} are left out; --all shows them.")] if left > 0 else []


def table_for(console: Console) -> Table:
    box = SIMPLE_HEAD if console.is_terminal and not console.options.ascii_only else PIPE_HEAD
    padding = (0, 1, 0, 0)
    return Table(box=box, header_style="bold", pad_edge=False, show_edge=False, padding=padding)
