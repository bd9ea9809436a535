"""Decides which commodity, tier and month every row counts in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from ...book.clock import NANOSECONDS_PER_DAY, NO_EXPIRY, text_of
from ...book.columns import Bool, Float, Int64
from ...book.instruments import Instruments, Kind
from ...book.portfolio import Role
from ...errors import refuse
from ...market.state import State
from ...rules import Rules
from ..equity import roles_of
from ..program import Subject
from .deltas import unit_of_delta
from .spreads import tier_starts

CASH = "cash"  # the unit of balances and P&L
NEVER = 10**9  # the month of what has no expiry


class Holdings(NamedTuple):
    """R rows: contracts count in their commodity, which is the unit, cash in a unit of its own.

    premium: options paid for as they are bought; alive: contracts that have not expired; tier:
    from 0, -1 for none; month: calendar month since 0000-01, or number of the expiry, within which
    deltas net; calendar: calendar month, YYYYMM.
    """

    instruments: Instruments
    state: State
    source: Int64
    units: tuple[str, ...]
    unit: Int64
    contracts: Bool
    options: Bool
    premium: Bool
    alive: Bool
    tier: Int64
    month: Int64
    calendar: Int64

    @classmethod
    def of(cls, subject: Subject) -> Self:
        rules, x, role = subject.rules, subject.rows.instruments, roles_of(subject.rows)
        contracts = role == Role.POSITION.value
        members = rules.words("commodity.of")
        own = np.array([members.get(name, name) for name in x.underlyings], dtype=object)
        traded = contracts | (role == Role.ORDER.value)
        names = np.where(traded, own[x.underlying], CASH).astype(str)
        units, unit = np.unique(names, return_inverse=True)
        options = contracts & (x.kind == Kind.OPTION.value)
        styled = np.isin(units, rules.texts("options.futures_style"))
        months = _months(x.expiry)
        expired = x.expiry <= subject.state.as_of
        by_month = rules.text("tiers.net") == "month"
        return cls(
            instruments=x,
            state=subject.state,
            source=subject.rows.source,
            units=tuple(units.tolist()),
            unit=unit,
            contracts=contracts,
            options=options,
            premium=options & ~styled[unit],
            alive=contracts & ~expired,
            tier=_tiers(rules, subject.state.as_of, x.expiry, units[unit].tolist()),
            month=months if by_month else np.unique(x.expiry, return_inverse=True)[1],
            calendar=months // 12 * 100 + months % 12 + 1,
        )

    def money(self, rules: Rules, of: str) -> Float:
        """What one unit of a rate is for one delta of every unit: 1 in currency, else its spot.

        Refuses (`E_MISSING_PRICE`) a commodity whose spot is not quoted.
        """
        if of == "currency":
            return np.ones(len(self.units))
        spot = (self.state.index * unit_of_delta(rules, self.state))[self.source]
        spot = np.where(self.contracts, spot, 0.0)
        rows = [self.unit == unit for unit in range(len(self.units))]
        found = np.array([spot[mine].max(initial=0.0) for mine in rows])
        missing = self.alive & (found[self.unit] == 0.0)
        if missing.any():
            x, row = self.instruments, int(np.flatnonzero(missing)[0])
            name = x.underlyings[x.underlying[row]]
            refuse("E_MISSING_PRICE", "spot", None, name, "add its spot to the market")
        return found


def _months(expiry: Int64) -> Int64:
    """Calendar months since the year 0."""
    instants = np.where(expiry == NO_EXPIRY, 0, expiry).astype("datetime64[ns]")
    months = instants.astype("datetime64[M]").astype(np.int64) + 1970 * 12
    return np.where(expiry == NO_EXPIRY, NEVER, months)


def _tiers(rules: Rules, as_of: int, expiry: Int64, commodity: Sequence[str]) -> Int64:
    """The tier of every row: the last that begins at or before its expiry."""
    if rules.text("tiers.by") == "days":
        place = (expiry - as_of) / NANOSECONDS_PER_DAY
    elif rules.text("tiers.by") == "months":
        place = (_months(expiry) - _months(np.array([as_of]))).astype(np.float64)
    else:
        place = np.array([_date(x) for x in expiry.tolist()], dtype=np.float64)
    place = np.where(expiry == NO_EXPIRY, np.inf, place)
    starts = {name: np.array(tier_starts(rules, name)) for name in set(commodity)}
    pairs = zip(commodity, place.tolist(), strict=True)
    found = (np.searchsorted(starts[name], x, side="right") for name, x in pairs)
    return np.array([k - 1 for k in found], dtype=np.int64)


def _date(expiry: int) -> float:
    """The day of an instant as YYYYMMDD."""
    return float(text_of(expiry)[:10].replace("-", "")) if expiry != NO_EXPIRY else 0.0
