"""Decides in which market a balance counts, where rules of collateral differ by market."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..book.columns import Int64
from ..book.instruments import Kind
from ..book.portfolio import Portfolio


class Placed(NamedTuple):
    """keys: (asset, market) that occur, market "" for none; at: the key of every balance."""

    keys: tuple[tuple[str, str], ...]
    at: Int64


def unplaced(portfolio: Portfolio) -> Placed:
    """Every balance in no market."""
    return Placed(tuple((a, "") for a in portfolio.assets), portfolio.balance_asset)


def placed(portfolio: Portfolio, homes: Mapping[str, str], par: frozenset[str]) -> Placed:
    """Balances in the market of their account.

    homes: the market in which an asset cancels risk. An asset counts there if the account holds
    contracts there, or none at all; else in the first market, by name, whose contracts it holds.
    Assets at par count in no market.
    """
    x, positions = portfolio.instruments, portfolio.positions
    owner = np.repeat(np.arange(positions.accounts), np.diff(positions.offsets))
    contract = x.kind[positions.instrument] != Kind.SPOT.value
    count = max(len(x.underlyings), 1)
    held = np.unique((owner * count + x.underlying[positions.instrument])[contract])
    first = np.full(len(portfolio.accounts), -1, dtype=np.int64)
    accounts, at = np.unique(held // count, return_index=True)
    first[accounts] = held[at] % count
    number = {key: k for k, key in enumerate(x.underlyings)}
    named = (*x.underlyings, "")  # -1 is no market
    keys: dict[tuple[str, str], int] = {}
    out = np.zeros(portfolio.balance_asset.size, dtype=np.int64)
    for k, asset in enumerate(portfolio.assets):
        entries = np.flatnonzero(portfolio.balance_asset == k)
        of = portfolio.balance_account[entries]
        market = np.full(entries.size, -1) if asset in par else first[of]
        home = homes.get(asset, "")
        names = [named[m] for m in market.tolist()]
        if home and asset not in par:
            mine = number.get(home, -1)
            there = (market < 0) | np.isin(of * count + mine, held) if mine >= 0 else market < 0
            names = [home if t else n for t, n in zip(there.tolist(), names, strict=True)]
        out[entries] = [keys.setdefault((asset, name), len(keys)) for name in names]
    return Placed(tuple(keys), out)
