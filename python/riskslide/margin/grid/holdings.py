"""Decides which unit every row counts in, and what the parts ask of a row: masks and quotes."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from ...book.columns import Bool, Float, Int64
from ...book.instruments import Instruments, Kind, canonical_order
from ...book.portfolio import Role
from ...market.state import State
from ...scenario.grid import offsets_of, seconds_left
from ..equity import roles_of
from ..program import Subject

CASH = "cash"  # the unit of what moves with no market


class Holdings(NamedTuple):
    """R rows: contracts count in the market of their underlying, balances in that of their account,
    coins held as positions in the market in which they cancel risk, cash and P&L in `CASH`;
    `cancels`: balances that move with the spot of their market."""

    instruments: Instruments
    state: State
    source: Int64
    units: tuple[str, ...]
    unit: Int64
    rank: Int64  # place in canonical order, in which the positions of an account lie
    contracts: Bool
    options: Bool
    perpetuals: Bool
    cancels: Bool
    orders: Bool
    balances: Bool
    unrealised: Bool

    @classmethod
    def of(cls, subject: Subject) -> Self:
        x, role = subject.rows.instruments, roles_of(subject.rows)
        home = offsets_of(subject.rules)
        names = sorted({*x.underlyings, *home.values(), CASH})
        number = {name: k for k, name in enumerate(names)}
        own = np.array([number[name] for name in x.underlyings], dtype=np.int64)
        cash = (role == Role.BALANCE.value) | (role == Role.PNL.value)
        unit = np.where(cash, number[CASH], own[x.underlying])
        cancels = np.zeros(unit.size, dtype=np.bool_)
        for row in np.flatnonzero(role == Role.BALANCE.value).tolist():
            asset = x.underlyings[x.underlying[row]]  # a coin held as a position is at home
            if asset in home and asset not in subject.rules.par:
                unit[row], cancels[row] = number[home[asset]], True
        for (asset, market), row in subject.rows.balance.items():
            unit[row] = number.get(market, number[CASH])
            cancels[row] = market != "" and home.get(asset) == market
        used, unit = np.unique(unit, return_inverse=True)
        position = role == Role.POSITION.value
        return cls(
            instruments=x,
            state=subject.state,
            source=subject.rows.source,
            units=tuple(names[k] for k in used.tolist()),
            unit=unit,
            rank=canonical_order(x)[0],
            contracts=position,
            options=position & (x.kind == Kind.OPTION.value),
            perpetuals=position & (x.kind == Kind.PERPETUAL.value),
            cancels=cancels,
            orders=role == Role.ORDER.value,
            balances=role == Role.BALANCE.value,
            unrealised=role == Role.PNL.value,
        )

    @property
    def moving(self) -> Bool:
        """Rows that run through the scenarios: contracts, and collateral that cancels risk."""
        return self.contracts | self.cancels

    def quote(self, column: Float) -> Float:
        """A column of the state, for every row."""
        return column[self.source]

    @property
    def years(self) -> Float:
        """Years to expiry, 0 where it is past or where there is none."""
        left = seconds_left(self.state)[self.source]
        return np.where(np.isfinite(left), left / (365.0 * 86_400.0), 0.0)
