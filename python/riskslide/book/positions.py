"""Decides how positions are held: sorted rows of integer lots per account (CSR)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from .. import _core
from ..errors import refuse
from .columns import Float, Int32, Int64, int_column


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Positions of A accounts: those of account a are [offsets[a], offsets[a + 1]).

    offsets: int64 (A + 1); instrument: int32, an index; lots: int64, negative = short. Sums run in
    the order of the rows; `from_columns` sorts them by index.
    """

    offsets: Int64
    instrument: Int32
    lots: Int64

    @classmethod
    def from_columns(
        cls,
        account: Any,
        instrument: Any,
        lots: Any,
        *,
        accounts: int | None = None,
        instruments: int | None = None,
        threads: int | None = None,
    ) -> Self:
        """Rows of unsorted integer columns of one length; equal pairs are summed exactly.

        `accounts` and `instruments` (counts) default to the largest index plus one. Raises
        InputError: `E_INDEX` for an index out of range, `E_OVERFLOW` where a sum leaves int64.
        """
        a = int_column(account, "account")
        i = int_column(instrument, "instrument", a.size)
        q = int_column(lots, "lots", a.size)
        n_accounts = int(a.max(initial=-1)) + 1 if accounts is None else accounts
        n_instruments = int(i.max(initial=-1)) + 1 if instruments is None else instruments
        return cls(*_core.positions_from_columns(a, i, q, n_accounts, n_instruments, threads or 0))

    @property
    def accounts(self) -> int:
        return int(self.offsets.size) - 1

    @property
    def csr(self) -> tuple[Int64, Int32, Int64]:
        """The three arrays as the kernel takes them."""
        return self.offsets, self.instrument, self.lots


def slice_rows(rows: tuple[Int64, Int32, Any], first: int, last: int) -> tuple[Int64, Int32, Any]:
    """The CSR rows of accounts `first` to before `last`."""
    offsets, index, quantity = rows
    begin, end = int(offsets[first]), int(offsets[last])
    return offsets[first : last + 1] - begin, index[begin:end], quantity[begin:end]


def lots_of(quantity: Float, lot: Float, column: str = "quantity") -> Int64:
    """Whole lots of quantities in contract units.

    Refuses (`E_LOT`) a quantity that is no whole number of lots, as far as float64 can tell, and
    (`E_OVERFLOW`) one of 2**63 lots or more.
    """
    with np.errstate(over="ignore"):  # an infinite count is refused below
        whole = np.rint(quantity / lot)
    exact = lot == np.floor(lot)  # others are rounded themselves, as is the quantity
    slack = np.where(exact, 0.0, 4.5e-16 * np.abs(quantity))
    off = np.flatnonzero((np.abs(whole * lot - quantity) > slack) & np.isfinite(whole))
    row = int(off[0]) if off.size else -1
    if row >= 0:
        refuse(
            "E_LOT",
            column,
            row,
            float(quantity[row]),
            f"must be a whole number of lots of {float(lot[row])!r}",
        )
    big = np.flatnonzero(np.abs(whole) >= 2.0**63)
    if big.size:
        row = int(big[0])
        refuse(
            "E_OVERFLOW",
            column,
            row,
            float(quantity[row]),
            f"is beyond 2**63 lots of {float(lot[row])!r}; use a larger lot",
        )
    return whole.astype(np.int64)
