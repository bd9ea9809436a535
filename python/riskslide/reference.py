"""Decides the lines of an assessment once more, through the slow reference instead of the kernel.

It shares with `engine` the preparation of data (rows, quotes, scenarios, program, cash rows) and
nothing of the arithmetic that follows.
"""

from __future__ import annotations

from .account.collateral import cash_rows
from .book.columns import Float
from .book.portfolio import Portfolio, rows_of
from .engine import METHODS
from .market.state import Market
from .value import reference
from .venue.rulebook import Rulebook

FIGURES = ("initial", "maintenance", "equity", "collateral", "unrealised_pnl", "option_value")


def assess_lines(portfolio: Portfolio, market: Market, rulebook: Rulebook) -> dict[str, Float]:
    """Figures (lines) by name, in the order of the lines of `assess`."""
    rows = rows_of(portfolio.instruments, portfolio.assets)
    state = market.on(rows.instruments, rulebook.terms)
    resolve, compile_method = METHODS[rulebook.method]
    scenarios = resolve(rulebook, rows, state)
    program = compile_method(rulebook, rows, scenarios)
    values, base, _ = reference.revalue(state, scenarios)
    cash = cash_rows(portfolio, rows, state)
    found = reference.evaluate(program, values, base, portfolio.positions.csr, cash)
    return {name: found["outputs"][:, program.outputs.index(name)].copy() for name in FIGURES}
