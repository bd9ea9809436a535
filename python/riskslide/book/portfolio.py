"""Decides what a book is: accounts, their positions in lots, entry prices and balances."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Self

import numpy as np

from ..errors import InputError, refuse
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
    negative = debt; orders: CSR of the lots of open orders, whose index is 2 x instrument, plus one
    for purchases; duplicates: position rows that were summed into another; marked: rows of futures
    and perpetuals without an entry price; accrued_*: account, instrument, amount in its settlement
    currency of each position row that has accrued something, where the account's lots of the
    instrument do not sum to zero.
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
    orders: Positions
    duplicates: int = 0
    marked: int = 0
    accrued_account: Int64 = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    accrued_instrument: Int64 = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    accrued_amount: Float = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def from_columns(
        cls,
        instruments: Instruments,
        *,
        account: Iterable[str] = (),
        instrument: Iterable[str] = (),
        quantity: Any = (),
        entry_price: Any = None,
        accrued: Any = None,
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
        at which the row was opened, NaN or None where it is marked to market; accrued: unsettled
        funding and the like, in the settlement currency, positive = to be received, None for none:
        it counts as unrealised P&L while the account holds the instrument, that is while its lots
        do not sum to zero; order_quantity: what an open order would still buy (positive) or sell.
        Rows of one account and instrument are summed, purchases and sales apart. Raises InputError
        naming row, column, value and fix.
        """
        names, held = text_column(account, "account"), text_column(instrument, "instrument")
        n = len(names)
        if len(held) != n:
            refuse("E_SHAPE", "instrument", None, len(held), f"must hold {n} values")
        quantities = finite_column(quantity, "quantity", n)
        entries, accruals = _entries(entry_price, n), _accruals(accrued, n)
        owners = text_column(balance_account, "balance_account")
        assets = text_column(balance_asset, "balance_asset", len(owners))
        amounts = finite_column(balance_amount, "balance_amount", len(owners))

        traders = text_column(order_account, "order_account")

        accounts = tuple(sorted({*names, *owners, *traders}))
        number = {name: k for k, name in enumerate(accounts)}
        known_assets = tuple(sorted(set(assets)))
        a = index_of(names, number, "account", "accounts")
        i = index_of(held, instruments.index, "instrument", "instruments given")
        lots = lots_of(quantities, instruments.lot[i])
        rank, order = canonical_order(instruments)
        with _named_by_row("quantity", a, lots):
            ranked = Positions.from_columns(
                a,
                rank[i],
                lots,
                accounts=len(accounts),
                instruments=len(instruments),
                threads=threads,
            )
        positions = Positions(ranked.offsets, order[ranked.instrument], ranked.lots)
        opened = np.flatnonzero(~np.isnan(entries))
        margined = np.isin(instruments.kind[i], (Kind.FUTURE.value, Kind.PERPETUAL.value))
        inverse = instruments.inverse[i[opened]]
        bad = np.flatnonzero(inverse & ~(entries[opened] > 0))
        if bad.size:
            row = int(opened[bad[0]])
            refuse("E_DOMAIN", "entry_price", row, float(entries[row]), "must be > 0 for inverse")
        accruing = np.flatnonzero(accruals)  # what is not zero
        bad = accruing[instruments.kind[i[accruing]] == Kind.SPOT.value]
        if bad.size:
            row = int(bad[0])
            fix = "a coin or stock accrues nothing that is unsettled; give it as a balance"
            refuse("E_DOMAIN", "accrued", row, float(accruals[row]), fix)
        accruing = accruing[_net_lots(ranked, a[accruing], rank[i[accruing]]) != 0]
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
            orders=_orders(instruments, number, traders, order_instrument, order_quantity),
            duplicates=n - int(positions.instrument.size),
            marked=int(np.flatnonzero(np.isnan(entries) & margined).size),
            accrued_account=a[accruing],
            accrued_instrument=i[accruing],
            accrued_amount=accruals[accruing],
        )


def order_sides(portfolio: Portfolio) -> list[tuple[int, bool]]:
    """(instrument, whether it is bought) of every side that is ordered."""
    sides = np.unique(portfolio.orders.instrument)
    return list(zip((sides // 2).tolist(), (sides % 2 == 1).tolist(), strict=True))


def rows_held(portfolio: Portfolio, rows: Rows, threads: int | None = None) -> Positions:
    """Positions, and open orders by side, as rows of a program."""
    if not rows.orders:
        return portfolio.positions
    held, orders, n = portfolio.positions, portfolio.orders, len(portfolio.instruments)
    rank, order = canonical_order(portfolio.instruments)
    after = np.arange(n, len(rows), dtype=np.int64)  # cash and orders lie behind the instruments
    row_of_rank = np.concatenate([order, after]).astype(np.int32)
    row_of_side = np.zeros(2 * n, dtype=np.int64)
    for (instrument, bought), row in rows.orders.items():
        row_of_side[2 * instrument + bought] = row
    ranked = Positions.from_columns(
        np.concatenate([_owners(held), _owners(orders)]),
        np.concatenate([rank[held.instrument], row_of_side[orders.instrument]]),
        np.concatenate([held.lots, orders.lots]),
        accounts=held.accounts,
        instruments=len(rows),
        threads=threads,
    )
    return Positions(ranked.offsets, row_of_rank[ranked.instrument], ranked.lots)


def _owners(rows: Positions) -> Int64:
    return np.repeat(np.arange(rows.accounts), rows.offsets[1:] - rows.offsets[:-1])


def _net_lots(ranked: Positions, account: Int64, rank: Int64) -> Int64:
    """Lots of pairs (account, rank), each of which `ranked` holds; its rows ascend by both."""
    if not account.size:
        return account
    width = int(ranked.instrument.max(initial=0)) + 1
    held = _owners(ranked) * width + ranked.instrument
    return ranked.lots[np.searchsorted(held, account * width + rank)]


def _orders(
    instruments: Instruments,
    number: dict[str, int],
    traders: list[str],
    instrument: Iterable[str],
    quantity: Any,
) -> Positions:
    """Open orders, summed by account, instrument and side."""
    wanted = text_column(instrument, "order_instrument", len(traders))
    quantities = finite_column(quantity, "order_quantity", len(traders))
    account = index_of(traders, number, "order_account", "accounts")
    at = index_of(wanted, instruments.index, "order_instrument", "instruments given")
    spot = np.flatnonzero(instruments.kind[at] == Kind.SPOT.value)
    if spot.size:
        row = int(spot[0])
        fix = "an order of a coin or stock moves balances, which no method margins; leave it out"
        refuse("E_DOMAIN", "order_instrument", row, wanted[row], fix)
    lots = lots_of(quantities, instruments.lot[at], "order_quantity")
    counts = {"accounts": len(number), "instruments": 2 * len(instruments)}
    with _named_by_row("order_quantity", account, lots):
        return Positions.from_columns(account, 2 * at + (lots > 0), lots, **counts)


@contextmanager
def _named_by_row(column: str, account: Int64, lots: Int64) -> Iterator[None]:
    """Sums that leave int64 are refused at the largest row of the account that the kernel names."""
    try:
        yield
    except InputError as error:
        if error.code != "E_OVERFLOW" or error.row is None:
            raise
        rows = np.flatnonzero(account == error.row)
        row = int(rows[int(np.abs(lots[rows].astype(np.float64)).argmax())])
        refuse(error.code, column, row, int(lots[row]), error.fix)


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


def _accruals(values: Any, size: int) -> Float:
    if values is None:
        return np.zeros(size)
    if not isinstance(values, np.ndarray):
        values = [0.0 if v is None or v == "" else v for v in values]
    return finite_column(values, "accrued", size)
