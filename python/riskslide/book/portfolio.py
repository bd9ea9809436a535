"""Decides what a book is: accounts, their positions in lots, entry prices and balances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

import numpy as np

from ..errors import refuse
from .columns import Float, Int64, UInt8, finite_column, float_column, index_of, text_column
from .instruments import Instruments, Kind, canonical_order, join
from .positions import Positions, lots_of


class Role(IntEnum):
    """What a row of the cube stands for."""

    POSITION = 0
    BALANCE = 1
    PNL = 2


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Everything that is valued: the instruments, a balance per asset, unrealised P&L per currency.

    A balance and a P&L row are spot instruments: so many coins, worth what the coin is worth.
    balance, pnl: row of each asset and currency.
    """

    instruments: Instruments
    role: UInt8
    balance: dict[str, int]
    pnl: dict[str, int]

    def __len__(self) -> int:
        return len(self.instruments)


def rows_of(instruments: Instruments, assets: Iterable[str]) -> Rows:
    """Rows of a book that holds these instruments and may hold these assets."""
    held = sorted(set(assets))
    settled = sorted({instruments.currencies[c] for c in np.unique(instruments.currency).tolist()})
    cash = [f"balance:{a}" for a in held] + [f"pnl:{c}" for c in settled]
    spots = Instruments.from_columns(
        name=cash, kind="spot", underlying=[*held, *settled], currency=[*held, *settled]
    )
    n = len(instruments)
    role = np.full(n + len(cash), Role.POSITION, dtype=np.uint8)
    role[n : n + len(held)] = Role.BALANCE.value
    role[n + len(held) :] = Role.PNL.value
    return Rows(
        instruments=join(instruments, spots),
        role=role,
        balance={a: n + k for k, a in enumerate(held)},
        pnl={c: n + len(held) + k for k, c in enumerate(settled)},
    )


@dataclass(frozen=True, slots=True, eq=False)
class Portfolio:
    """A book. Build it with `from_columns`.

    accounts: names, sorted; positions: CSR of lots over `instruments`; entry_*: one element for
    each position row that names an entry price (account, instrument, quantity in contract units,
    price), the others being marked to market; balance_*: account, asset, amount in asset units,
    negative = debt; duplicates: position rows that were summed into another; marked: rows of
    futures and perpetuals without an entry price.
    """

    instruments: Instruments
    accounts: tuple[str, ...]
    positions: Positions
    entry_account: Int64
    entry_instrument: Int64
    entry_quantity: Float
    entry_price: Float
    assets: tuple[str, ...]
    balance_account: Int64
    balance_asset: Int64
    balance_amount: Float
    duplicates: int = 0
    marked: int = 0

    @classmethod
    def from_columns(
        cls,
        instruments: Instruments,
        *,
        account: Iterable[str] = (),
        instrument: Iterable[str] = (),
        quantity: Any = (),
        entry_price: Any = None,
        balance_account: Iterable[str] = (),
        balance_asset: Iterable[str] = (),
        balance_amount: Any = (),
        threads: int | None = None,
    ) -> Self:
        """A book from rows of plain values.

        quantity: venue contract units, negative = short, a whole number of lots; entry_price: price
        at which the row was opened, NaN or None where it is marked to market. Rows of one account
        and instrument are summed. Raises InputError naming row, column, value and fix.
        """
        names, held = text_column(account, "account"), text_column(instrument, "instrument")
        n = len(names)
        if len(held) != n:
            refuse("E_SHAPE", "instrument", None, len(held), f"must hold {n} values")
        quantities = finite_column(quantity, "quantity", n)
        entries = _entries(entry_price, n)
        owners = text_column(balance_account, "balance_account")
        assets = text_column(balance_asset, "balance_asset", len(owners))
        amounts = finite_column(balance_amount, "balance_amount", len(owners))

        accounts = tuple(sorted({*names, *owners}))
        number = {name: k for k, name in enumerate(accounts)}
        known_assets = tuple(sorted(set(assets)))
        a = index_of(names, number, "account", "accounts")
        i = index_of(held, instruments.index, "instrument", "instruments given")
        lots = lots_of(quantities, instruments.lot[i])
        rank, order = canonical_order(instruments)
        ranked = Positions.from_columns(
            a, rank[i], lots, accounts=len(accounts), instruments=len(instruments), threads=threads
        )
        positions = Positions(ranked.offsets, order[ranked.instrument], ranked.lots)
        opened = np.flatnonzero(~np.isnan(entries))
        margined = np.isin(instruments.kind[i], (Kind.FUTURE.value, Kind.PERPETUAL.value))
        inverse = instruments.inverse[i[opened]]
        bad = np.flatnonzero(inverse & ~(entries[opened] > 0))
        if bad.size:
            row = int(opened[bad[0]])
            refuse("E_DOMAIN", "entry_price", row, float(entries[row]), "must be > 0 for inverse")
        return cls(
            instruments=instruments,
            accounts=accounts,
            positions=positions,
            entry_account=a[opened],
            entry_instrument=i[opened],
            entry_quantity=lots[opened].astype(np.float64) * instruments.lot[i[opened]],
            entry_price=entries[opened],
            assets=known_assets,
            balance_account=index_of(owners, number, "balance_account", "accounts"),
            balance_asset=index_of(
                assets, {s: k for k, s in enumerate(known_assets)}, "balance_asset", "assets"
            ),
            balance_amount=amounts,
            duplicates=n - int(positions.instrument.size),
            marked=int(np.flatnonzero(np.isnan(entries) & margined).size),
        )


def _entries(values: Any, size: int) -> Float:
    if values is None:
        return np.full(size, np.nan)
    if not isinstance(values, np.ndarray):
        values = [np.nan if v is None or v == "" else v for v in values]
    out = float_column(values, "entry_price", size)
    bad = np.flatnonzero(np.isinf(out))
    if bad.size:
        row = int(bad[0])
        refuse("E_NOT_FINITE", "entry_price", row, float(out[row]), "must be a finite number")
    return out
