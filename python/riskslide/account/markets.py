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

    homes: the market in which an asset cancels risk. The market of an account is the first, by
    name, whose contracts it holds; of one without contracts the first, by name, that is the home of
    an asset it holds. An asset counts at home if the account holds contracts there or nowhere,
    else in the market of the account. Assets at par count in no market.
    """
    x, positions = portfolio.instruments, portfolio.positions
    named = tuple(sorted({*x.underlyings, *homes.values()}))
    number = {name: k for k, name in enumerate(named)}
    count = max(len(named), 1)
    own = np.array([number[name] for name in x.underlyings], dtype=np.int64)
    home = np.array([number.get(homes.get(a, ""), -1) for a in portfolio.assets], dtype=np.int64)
    still = np.array([a in par for a in portfolio.assets], dtype=np.bool_)
    home[still] = -1
    owner = np.repeat(np.arange(positions.accounts), positions.offsets[1:] - positions.offsets[:-1])
    contract = (x.kind[positions.instrument] != Kind.SPOT.value) & (positions.lots != 0)
    codes = owner * count + own[x.underlying[positions.instrument]]
    held = np.unique(codes[contract])  # (account, market) with contracts
    of, asset = portfolio.balance_account, portfolio.balance_asset
    at_home = home[asset] >= 0
    lone = np.unique((of * count + home[asset])[at_home])
    market = np.full(len(portfolio.accounts), -1, dtype=np.int64)
    for found in (lone, held):  # contracts count before assets
        accounts, first = np.unique(found // count, return_index=True)
        market[accounts] = found[first] % count
    nowhere = ~np.isin(of, held // count)
    there = at_home & (nowhere | np.isin(of * count + home[asset], held))
    place = np.where(still[asset], -1, np.where(there, home[asset], market[of]))
    pairs, at = np.unique(asset * (len(named) + 1) + place + 1, return_inverse=True)
    keys = [divmod(pair, len(named) + 1) for pair in pairs.tolist()]
    return Placed(tuple((portfolio.assets[a], named[m - 1] if m else "") for a, m in keys), at)
