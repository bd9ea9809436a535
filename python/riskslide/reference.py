"""Decides the lines of an assessment once more, through the slow reference instead of the kernel.

It shares with `engine` the preparation of data (rows, quotes, scenarios, program, cash rows) and
nothing of the arithmetic that follows.
"""

from __future__ import annotations

from .account.verdict import FIGURES
from .book.columns import Float
from .book.portfolio import Portfolio
from .engine import prepare
from .errors import refuse
from .margin.methods import METHODS
from .margin.reference import evaluate
from .market.market import Market
from .value.cube import Cells
from .value.exposure import Deltas, notional
from .value.reference import cash_delta, option_delta, revalue
from .venue.rulebook import Rulebook


def assess_lines(portfolio: Portfolio, market: Market, rulebook: Rulebook) -> dict[str, Float]:
    """Figures (lines) by name, in the order of the lines of `assess`.

    Raises what `assess` does, and InputError `E_UNSUPPORTED` for a rule book that no program says.
    """
    if METHODS[rulebook.method].margined is not None:
        fix = "is matched account by account, which has no twin here; take `assess`"
        refuse("E_UNSUPPORTED", "rulebook", None, rulebook.name, fix)
    p = prepare(portfolio, market, rulebook)
    values, base, _ = revalue(p.state, p.scenarios)
    rows = p.rows.source
    for row, array in p.state.risk_array.items():
        values[row] = [0.0 - x / w for x, w in zip(array.losses, p.scenarios.weight, strict=True)]
    delta = METHODS[rulebook.method].delta(rulebook, p.state, Deltas(cash_delta, option_delta))
    cells = Cells(values[rows], base[rows], delta[rows], notional(p.state)[rows])
    found = evaluate(p.program, cells, p.positions.csr, p.cash)
    return {name: found["outputs"][:, p.program.outputs.index(name)].copy() for name in FIGURES}
