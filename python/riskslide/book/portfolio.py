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
    ORDER = 3


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Everything that is held: the instruments, a balance per asset, unrealised P&L per currency,
    and for open orders the instrument again, once for purchases and once for sales.

    A balance and a P&L row are spot instruments: so many coins, worth what the coin is worth.
    valued: the rows that need a value of their own; source: which of them each row is;
    balance, pnl: row of each asset and currency; orders: row of each (instrument, is it bought).
    """

    instruments: Instruments
    valued: Instruments
    source: Int64
    role: UInt8
    balance: dict[str, int]
    pnl: dict[str, int]
    orders: dict[tuple[int, bool], int]

    @property
    def lot(self) -> Float:
        """Contract units of one unit of quantity: lots of contracts, amounts of cash."""
        is_cash = (self.role == Role.BALANCE.value) | (self.role == Role.PNL.value)
        return np.where(is_cash, 1.0, self.instruments.lot)

    def __len__(self) -> int:
        return len(self.instruments)


def rows_of(
    instruments: Instruments,
    assets: Iterable[str],
    orders: Iterable[tuple[int, bool]] = (),
) -> Rows:
    """Rows of a book that holds these instruments and may hold these assets and orders.

    orders: (instrument, whether it is bought).
    """
    held = sorted(set(assets))
    settled = sorted({instruments.currencies[c] for c in np.unique(instruments.currency).tolist()})
    cash = [f"balance:{a}" for a in held] + [f"pnl:{c}" for c in settled]
    spots = Instruments.from_columns(
        name=cash, kind="spot", underlying=[*held, *settled], currency=[*held, *settled]
    )
    n, sides = len(instruments), sorted(set(orders))
    titles = [f"order:{'buy' if b else 'sell'}:{instruments.name[i]}" for i, b in sides]
    ordered = [i for i, _ in sides]
    valued = join(instruments, spots)
    roles = (Role.POSITION, Role.BALANCE, Role.PNL, Role.ORDER)
    counts = (n, len(held), len(settled), len(sides))
    return Rows(
        instruments=join(valued, instruments.take(ordered, titles)) if sides else valued,
        valued=valued,
        source=np.array([*range(len(valued)), *ordered], dtype=np.int64),
        role=np.repeat(np.array([r.value for r in roles], dtype=np.uint8), counts),
        balance={a: n + k for k, a in enumerate(held)},
        pnl={c: n + len(held) + k for k, c in enumerate(settled)},
        orders={side: n + len(cash) + k for k, side in enumerate(sides)},
    )


@dataclass(frozen=True, slots=True, eq=False)
class Portfolio:
    """A book. Build it with `from_columns`.

    accounts: names, sorted; positions: CSR of lots over `instruments`; entry_*: one element for
    each position row that names an entry price (account, instrument, quantity in contract units,
    price), the others being marked to market; balance_*: account, asset, amount in asset units,
    negative = debt; order_*: one element for each open order (account, instrument, lots, negative =
    a sale); duplicates: position rows that were summed into another; marked: rows of futures and
    perpetuals without an entry price.
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
    order_account: Int64
    order_instrument: Int64
    order_lots: Int64
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
        order_account: Iterable[str] = (),
        order_instrument: Iterable[str] = (),
        order_quantity: Any = (),
        threads: int | None = None,
    ) -> Self:
        """A book from rows of plain values.

        quantity: venue contract units, negative = short, a whole number of lots; entry_price: price
        at which the row was opened, NaN or None where it is marked to market; order_quantity: what
        an open order would still buy (positive) or sell. Rows of one account and instrument are
        summed, purchases and sales apart. Raises InputError naming row, column, value and fix.
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

        traders = text_column(order_account, "order_account")
        wanted = text_column(order_instrument, "order_instrument", len(traders))
        open_quantity = finite_column(order_quantity, "order_quantity", len(traders))

        accounts = tuple(sorted({*names, *owners, *traders}))
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
        ordered = index_of(wanted, instruments.index, "order_instrument", "instruments given")
        spot = np.flatnonzero(instruments.kind[ordered] == Kind.SPOT.value)
        if spot.size:
            row = int(spot[0])
            fix = (
                "an order of a coin or stock moves balances, which no method margins; leave it out"
            )
            refuse("E_DOMAIN", "order_instrument", row, wanted[row], fix)
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
            order_account=index_of(traders, number, "order_account", "accounts"),
            order_instrument=ordered,
            order_lots=lots_of(open_quantity, instruments.lot[ordered], "order_quantity"),
            duplicates=n - int(positions.instrument.size),
            marked=int(np.flatnonzero(np.isnan(entries) & margined).size),
        )


def order_sides(portfolio: Portfolio) -> set[tuple[int, bool]]:
    """(instrument, whether it is bought) of every open order."""
    bought = portfolio.order_lots > 0
    return set(zip(portfolio.order_instrument.tolist(), bought.tolist(), strict=True))


def rows_held(portfolio: Portfolio, rows: Rows, threads: int | None = None) -> Positions:
    """Positions, and open orders summed by side, as rows of a program."""
    if not rows.orders:
        return portfolio.positions
    held, n = portfolio.positions, len(portfolio.instruments)
    rank, order = canonical_order(portfolio.instruments)
    after = np.arange(n, len(rows), dtype=np.int64)  # cash and orders lie behind the instruments
    row_of_rank = np.concatenate([order, after]).astype(np.int32)
    sides = zip(portfolio.order_instrument.tolist(), portfolio.order_lots.tolist(), strict=True)
    ordered = np.array([rows.orders[(i, lots > 0)] for i, lots in sides], dtype=np.int64)
    owner = np.repeat(np.arange(held.accounts), held.offsets[1:] - held.offsets[:-1])
    ranked = Positions.from_columns(
        np.concatenate([owner, portfolio.order_account]),
        np.concatenate([rank[held.instrument], ordered]),
        np.concatenate([held.lots, portfolio.order_lots]),
        accounts=held.accounts,
        instruments=len(rows),
        threads=threads,
    )
    return Positions(ranked.offsets, row_of_rank[ranked.instrument], ranked.lots)


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
