"""Decides which unit every row counts in, and what the parts ask of a row: masks and quotes."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from ...book.columns import Bool, Float, Int64
from ...book.instruments import Instruments, Kind
from ...book.portfolio import Role
from ...market.state import State
from ...scenario.grid import homes_of, seconds_left
from ..equity import roles_of
from ..program import Subject

CASH = "cash"  # the unit of what moves with no market


class Holdings(NamedTuple):
    """R rows: contracts count in the market of their underlying, collateral in the market in which
    it cancels risk, else in `CASH`. Columns of quotes are those of `State`."""

    instruments: Instruments
    state: State
    source: Int64
    units: tuple[str, ...]
    unit: Int64
    contracts: Bool
    options: Bool
    perpetuals: Bool
    orders: Bool
    balances: Bool
    unrealised: Bool

    @classmethod
    def of(cls, subject: Subject) -> Self:
        x, role = subject.rows.instruments, roles_of(subject.rows)
        homes = homes_of(subject.rules)
        cash = (role == Role.BALANCE.value) | (role == Role.PNL.value)
        market = [homes.get(name, CASH) for name in x.underlyings]
        names = sorted({*x.underlyings, *market})
        number = {name: k for k, name in enumerate(names)}
        own = np.array([number[name] for name in x.underlyings], dtype=np.int64)
        home = np.array([number[name] for name in market], dtype=np.int64)
        unit = np.where(cash, home[x.underlying], own[x.underlying])
        unit = np.where(role == Role.PNL.value, number.get(CASH, 0), unit)
        used, unit = np.unique(unit, return_inverse=True)
        position = role == Role.POSITION.value
        return cls(
            instruments=x,
            state=subject.state,
            source=subject.rows.source,
            units=tuple(names[k] for k in used.tolist()),
            unit=unit,
            contracts=position,
            options=position & (x.kind == Kind.OPTION.value),
            perpetuals=position & (x.kind == Kind.PERPETUAL.value),
            orders=role == Role.ORDER.value,
            balances=role == Role.BALANCE.value,
            unrealised=role == Role.PNL.value,
        )

    @property
    def moving(self) -> Bool:
        """Rows that run through the scenarios: contracts, and collateral that cancels risk."""
        return self.contracts | (self.balances & (self.unit != self.cash_unit))

    @property
    def cash_unit(self) -> int:
        return self.units.index(CASH) if CASH in self.units else -1

    def quote(self, column: Float) -> Float:
        """A column of the state, for every row."""
        return column[self.source]

    @property
    def years(self) -> Float:
        """Years to expiry, 0 where it is past or where there is none."""
        left = seconds_left(self.state)[self.source]
        return np.where(np.isfinite(left), left / (365.0 * 86_400.0), 0.0)
