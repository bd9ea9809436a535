"""Decides what files of positions, balances and instruments say; docs/files.md describes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...book.clock import NO_EXPIRY
from ...book.columns import Float, Int64
from ...book.instruments import DEFAULT_LOT, Instruments
from ...errors import InputError, refuse
from ..tables.convert import Columns
from ..tables.raw import Table, check_columns
from ..tables.read import read_table

POSITIONS = ("account", "instrument", "quantity")
BALANCES = ("account", "asset", "amount")
INSTRUMENTS = ("instrument", "kind", "underlying")
TERMS = (
    "expiry",
    "strike",
    "option_type",
    "style",
    "model",
    "settlement",
    "multiplier",
    "lot",
    "currency",
)


@dataclass(frozen=True, slots=True, eq=False)
class PositionTable:
    """Rows of a positions file, as they stand there.

    quantity: venue contract units, negative = short; entry_price: NaN = marked to market; accrued:
    settlement currency, 0 where empty; line: where each row stands (see `tables.Table`).
    """

    file: str
    account: list[str]
    instrument: list[str]
    quantity: Float
    entry_price: Float
    accrued: Float
    line: Int64

    def __len__(self) -> int:
        return len(self.account)


@dataclass(frozen=True, slots=True, eq=False)
class BalanceTable:
    """Rows of a balances file; amount: units of the asset, negative = debt."""

    file: str
    account: list[str]
    asset: list[str]
    amount: Float
    line: Int64

    def __len__(self) -> int:
        return len(self.account)


def read_positions(path: str | Path) -> PositionTable:
    """Positions of a file: ``account,instrument,quantity[,entry_price][,accrued]``.

    Raises InputError naming file, line, column, value and fix, of the first bad row by line and
    listing the others: a missing, unknown or repeated column, an empty name, a quantity that is
    empty, no number, NaN or infinite. MissingExtra without pyarrow.
    """
    table = _rows_of(path, POSITIONS, ("entry_price", "accrued"))
    columns = Columns(table)
    account, held = columns.texts("account"), columns.texts("instrument")
    quantity = columns.numbers("quantity")
    entry = columns.numbers("entry_price", blank=np.nan)
    accrued = columns.numbers("accrued", blank=0.0)
    columns.check()
    names = account.spread(), held.spread()
    return PositionTable(table.file, *names, quantity, entry, accrued, table.line)


def read_orders(path: str | Path) -> PositionTable:
    """Open orders of a CSV or Parquet file: ``account,instrument,quantity``.

    quantity: what is still to be bought (positive) or sold; errors as `read_positions`.
    """
    table = _rows_of(path, POSITIONS)
    columns = Columns(table)
    account, ordered = columns.texts("account"), columns.texts("instrument")
    quantity = columns.numbers("quantity")
    columns.check()
    names, n = (account.spread(), ordered.spread()), len(table)
    return PositionTable(table.file, *names, quantity, np.full(n, np.nan), np.zeros(n), table.line)


def read_balances(path: str | Path) -> BalanceTable:
    """Balances of a CSV or Parquet file: ``account,asset,amount``; errors as `read_positions`."""
    table = _rows_of(path, BALANCES)
    columns = Columns(table)
    account, asset = columns.texts("account"), columns.texts("asset")
    amount = columns.numbers("amount")
    columns.check()
    return BalanceTable(table.file, account.spread(), asset.spread(), amount, table.line)


def _rows_of(path: str | Path, required: Sequence[str], optional: Sequence[str] = ()) -> Table:
    """A file whose columns are these; an empty list of JSON has none and holds nothing."""
    table = read_table(path)
    if len(table) or table.columns:
        check_columns(table, required, optional)
    return table


def read_instruments(path: str | Path) -> Instruments:
    """Instruments of a CSV or Parquet file, as docs/files.md describes its columns.

    Empty fields take the defaults of `Instruments.from_columns`. Raises InputError as
    `read_positions`, and what `Instruments.from_columns` refuses, with the line.
    """
    table = read_table(path)
    check_columns(table, INSTRUMENTS, TERMS)
    columns = Columns(table)
    texts = {c: columns.texts(c).spread() for c in INSTRUMENTS}
    optional = ("option_type", "style", "model", "settlement", "currency")
    words = {c: columns.texts(c, blank=True).spread() for c in optional}
    expiry = columns.instants("expiry", blank=True)
    strike = columns.numbers("strike", blank=np.nan)
    multiplier = columns.numbers("multiplier", blank=1.0)
    lot = columns.numbers("lot", blank=DEFAULT_LOT)
    is_option = np.array([k.lower() == "option" for k in texts["kind"]], dtype=np.bool_)
    fix = "an option needs its strike"
    columns.blame(np.isnan(strike) & is_option, "strike", "E_MISSING", [None] * len(table), fix)
    columns.check()
    names = {"name": "instrument", "inverse": "settlement"}
    defaults = {"style": "european", "model": "black76", "settlement": "linear"}
    words |= {c: [w or word for w in words[c]] for c, word in defaults.items()}
    with lines_of(table.file, table.line, names):
        return Instruments.from_columns(
            name=texts["instrument"],
            kind=texts["kind"],
            underlying=texts["underlying"],
            expiry=[None if e == NO_EXPIRY else e for e in expiry.tolist()],
            strike=np.where(np.isnan(strike), 0.0, strike),
            multiplier=multiplier,
            lot=lot,
            **words,
        )


@contextmanager
def lines_of(file: str, line: Int64, names: dict[str, str] | None = None) -> Iterator[None]:
    """Errors that name a row of columns name the line of the file instead."""
    try:
        yield
    except InputError as error:
        if error.file or error.row is None:
            raise
        column = (names or {}).get(error.column, error.column)
        row = int(line[error.row])
        refuse(error.code, column, row, error.value, error.fix, file=file)
