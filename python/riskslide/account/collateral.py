"""Decides the amounts behind the cash rows: balances, P&L since the entry prices, and accruals."""

from __future__ import annotations

import numpy as np

from .. import _core
from ..book.columns import Float, Int32, Int64
from ..book.instruments import Kind
from ..book.portfolio import Portfolio, Rows
from ..errors import refuse
from ..market.state import State


def cash_rows(
    portfolio: Portfolio, rows: Rows, state: State, threads: int | None = None
) -> tuple[Int64, Int32, Float]:
    """CSR (offsets, row, amount) of balances and unrealised P&L, in units of their asset."""
    balance = np.array([rows.balance[a] for a in portfolio.assets], dtype=np.int64)
    instruments = portfolio.instruments
    settled = np.array([rows.pnl.get(c, -1) for c in instruments.currencies], dtype=np.int64)
    moved = np.concatenate([portfolio.entry_instrument, portfolio.accrued_instrument])
    pnl = unrealised(portfolio, state), portfolio.accrued_amount
    account = np.concatenate(
        [portfolio.balance_account, portfolio.entry_account, portfolio.accrued_account]
    )
    row = np.concatenate([balance[portfolio.balance_asset], settled[instruments.currency[moved]]])
    amount = np.concatenate([portfolio.balance_amount, *pnl])
    return _core.cash_from_columns(
        account, row, amount, len(portfolio.accounts), len(rows), threads or 0
    )


def unrealised(portfolio: Portfolio, state: State) -> Float:
    """P&L of every entry since its price, in the settlement currency; 0 for options and spot.

    Linear: n * (p - p0); inverse: n * (1/p0 - 1/p), n = quantity times multiplier. An option's
    premium was paid when it was bought, so its whole value counts as option value instead.
    """
    at = portfolio.entry_instrument
    instruments = portfolio.instruments
    mark, entry = state.mark[at], portfolio.entry_price
    margined = (instruments.kind[at] == Kind.FUTURE.value) | (
        instruments.kind[at] == Kind.PERPETUAL.value
    )
    size = portfolio.entry_quantity * instruments.multiplier[at]
    inverse = instruments.inverse[at] & margined
    mark_over, entry_over = np.where(inverse, mark, 1.0), np.where(inverse, entry, 1.0)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
        coin = size * (1.0 / entry_over - 1.0 / mark_over)
        pnl = np.where(margined, np.where(inverse, coin, size * (mark - entry)), 0.0)
    bad = np.flatnonzero(~np.isfinite(pnl))
    if bad.size:
        account = portfolio.accounts[portfolio.entry_account[bad[0]]]
        fix = f"P&L of {instruments.name[at[bad[0]]]} leaves float64; check its entry price"
        refuse("E_OVERFLOW", "entry_price", None, account, fix)
    return pnl
