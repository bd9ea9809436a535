"""Decides how a large book is assessed in steps, so that progress shows and Ctrl-C is heard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...account.evidence import Source
from ...account.verdict import Assessment
from ...book.columns import Int64
from ...book.portfolio import Portfolio
from ...book.positions import Positions
from ...engine import assess
from ...market.state import Market
from ...venue.rulebook import Rulebook

BATCH = 50_000  # accounts

_LINES = (
    "initial",
    "maintenance",
    "equity",
    "collateral",
    "unrealised_pnl",
    "option_value",
    "excess",
    "maintenance_ratio",
    "status",
    "worst_scenario",
    "unit",
    "unit_loss",
    "unit_scenario",
)


def assess_in_batches(
    portfolio: Portfolio,
    market: Market,
    rulebook: Rulebook,
    *,
    threads: int | None = None,
    batch: int = BATCH,
    done: Callable[[int], None] = lambda accounts: None,
) -> Assessment:
    """What `assess` returns, bit for bit, calling `done` with the accounts assessed so far."""
    count = len(portfolio.accounts)
    found = []
    for first in range(0, max(count, 1), batch):
        last = min(first + batch, count)
        part = portfolio if count <= batch else accounts_of(portfolio, first, last)
        found.append(assess(part, market, rulebook, threads=threads))
        done(last)
    return found[0] if len(found) == 1 else _joined(found, portfolio)


def accounts_of(portfolio: Portfolio, first: int, last: int) -> Portfolio:
    """The accounts from `first` to before `last`, with the same instruments and assets."""
    p = portfolio
    offsets = p.positions.offsets[first : last + 1]
    held = slice(int(offsets[0]), int(offsets[-1]))
    entry = np.flatnonzero((p.entry_account >= first) & (p.entry_account < last))
    cash = np.flatnonzero((p.balance_account >= first) & (p.balance_account < last))
    return replace(
        p,
        accounts=p.accounts[first:last],
        positions=Positions(
            offsets - offsets[0],
            np.ascontiguousarray(p.positions.instrument[held]),
            np.ascontiguousarray(p.positions.lots[held]),
        ),
        entry_account=p.entry_account[entry] - first,
        entry_instrument=p.entry_instrument[entry],
        entry_quantity=p.entry_quantity[entry],
        entry_price=p.entry_price[entry],
        balance_account=p.balance_account[cash] - first,
        balance_asset=p.balance_asset[cash],
        balance_amount=p.balance_amount[cash],
    )


def _joined(found: list[Assessment], portfolio: Portfolio) -> Assessment:
    first: Assessment = found[0]
    source: Source = first.source
    rows, amounts = ([a.source.cash[k] for a in found] for k in (1, 2))
    cash = (
        _offsets([a.source.cash[0] for a in found]),
        np.concatenate(rows),
        np.concatenate(amounts),
    )
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(a, name) for a in found]) for name in _LINES
    }
    return replace(
        first,
        account=tuple(name for a in found for name in a.account),
        pool=tuple(name for a in found for name in a.pool),
        worst_unit=tuple(name for a in found for name in a.worst_unit),
        unit_offsets=_offsets([a.unit_offsets for a in found]),
        source=Source(portfolio, source.rows, source.cube, source.program, cash),
        **columns,
    )


def _offsets(parts: list[Int64]) -> Int64:
    """Offsets of rows put one after another."""
    lengths = np.concatenate([np.diff(p) for p in parts])
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
