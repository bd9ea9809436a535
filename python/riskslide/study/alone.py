"""Decides what of a book stands alone: every leg, or all on one underlying, as an account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from ..book.columns import Int64
from ..book.portfolio import Portfolio
from ..book.positions import Positions

By = Literal["leg", "underlying"]

MOST = 1 << 16  # parts of one book: bounds what an assessment of it holds


class Parts(NamedTuple):
    """A book whose accounts are parts of another's, and the account that owns each of them."""

    portfolio: Portfolio
    owner: Int64


def alone(portfolio: Portfolio, by: By, *, most: int = MOST) -> Iterator[Parts]:
    """Every part of every account as an account of its own, `most` at a time, by account.

    A leg is all that an account holds of one instrument, with its entry prices, or its balance of
    one asset; the balance of an asset belongs to the underlying of its name. So the parts hold
    each row of the book once. Open orders are left out: maintenance does not count them.
    """
    of_instrument, of_asset, width = _groups(portfolio, by)
    held = portfolio.positions
    owner = np.repeat(np.arange(held.accounts), held.offsets[1:] - held.offsets[:-1])
    codes = [owner * width + of_instrument[held.instrument]]
    tables = [_table(portfolio, prefix) for prefix in _prefixes()]
    for table in tables:
        group = of_asset[table["asset"]] if "asset" in table else of_instrument[table["instrument"]]
        codes.append(table["account"] * width + group)
    parts = np.unique(np.concatenate(codes))
    order = [np.argsort(code, kind="stable") for code in codes]
    part = [np.searchsorted(parts, code[rows]) for code, rows in zip(codes, order, strict=True)]
    for first in range(0, parts.size, most):
        last = min(first + most, parts.size)
        bounds = [slice(*np.searchsorted(p, (first, last)).tolist()) for p in part]
        rows, *rows_of = (o[s] for o, s in zip(order, bounds, strict=True))
        member, *members = (p[s] - first for p, s in zip(part, bounds, strict=True))
        offsets = np.searchsorted(member, np.arange(last - first + 1)).astype(np.int64)
        changed: dict[str, Any] = {}
        for prefix, table, at, of in zip(_prefixes(), tables, rows_of, members, strict=True):
            changed |= {prefix + n: x[at] for n, x in table.items()} | {f"{prefix}account": of}
        yield Parts(
            replace(
                portfolio,
                accounts=tuple(map(str, range(last - first))),
                positions=Positions(offsets, held.instrument[rows], held.lots[rows]),
                orders=_no_orders(last - first),
                **changed,
            ),
            parts[first:last] // width,
        )


def _groups(portfolio: Portfolio, by: By) -> tuple[Int64, Int64, int]:
    """Which part every instrument and every asset belongs to, and how many parts there may be."""
    x, assets = portfolio.instruments, portfolio.assets
    if by == "leg":
        width = len(x) + len(assets)
        return np.arange(len(x)), np.arange(len(x), width), width
    names = {name: k for k, name in enumerate(sorted({*x.underlyings, *assets}))}
    underlying = np.array([names[u] for u in x.underlyings], dtype=np.int64)[x.underlying]
    return underlying, np.array([names[a] for a in assets], dtype=np.int64), len(names)


def _prefixes() -> list[str]:
    """What the columns of every table begin with that names its accounts: ``entry_``."""
    end = "account"
    return [f.name.removesuffix(end) for f in fields(Portfolio) if f.name.endswith(f"_{end}")]


def _table(portfolio: Portfolio, prefix: str) -> dict[str, Any]:
    """The columns that begin so, by the rest of their names."""
    names = [f.name for f in fields(Portfolio) if f.name.startswith(prefix)]
    return {name.removeprefix(prefix): getattr(portfolio, name) for name in names}


def _no_orders(accounts: int) -> Positions:
    none = np.zeros(0, dtype=np.int64)
    return Positions(np.zeros(accounts + 1, dtype=np.int64), none.astype(np.int32), none)
