"""Decides where rows net: class groups in product groups in portfolio groups.

What a rule book does not name is a group of its own at every level and offsets nothing.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from ...book.columns import Bool, Float, Int64
from ...book.instruments import Instruments, Kind
from ...book.portfolio import Role
from ...market.state import Payoff
from ...rules import Rules
from ...scenario.tims import class_of
from ..equity import roles_of
from ..program import Subject

CASH = "cash"  # the unit of what no point moves
Key = tuple[str, bool]  # a group, and whether the rule book names it


class Place(NamedTuple):
    """The groups of one underlying, and the part of a gain that each passes on."""

    group: Key
    product: Key
    portfolio: Key
    offset: float
    product_offset: float


def place_of(rules: Rules, underlying: str) -> Place:
    """Where an underlying nets; a group that is alone passes on what it has."""
    group: Key = (class_of(rules, underlying), False)
    named = rules.words("groups.product").get(group[0])
    if named is None:
        return Place(group, group, group, 1.0, 1.0)
    offset = rules.table("groups.product_offset")[named]
    above = rules.words("groups.portfolio").get(named)
    if above is None:
        return Place(group, (named, True), (named, True), offset, 1.0)
    above_offset = rules.table("groups.portfolio_offset")[above]
    return Place(group, (named, True), (above, True), offset, above_offset)


class Grouped(NamedTuple):
    """R rows: the unit, product and class group of each by number, and what it is.

    units: names of the portfolio groups and of `CASH`; offset, product_offset: the part of a gain
    that the row's class group passes to its product group, and that to the portfolio group;
    moving: rows that run through the points; contracts: options, futures and their orders that have
    not expired.
    """

    instruments: Instruments
    units: tuple[str, ...]
    unit: Int64
    product: Int64
    group: Int64
    offset: Float
    product_offset: Float
    moving: Bool
    orders: Bool
    contracts: Bool

    @classmethod
    def of(cls, subject: Subject) -> Self:
        """Contracts and stock count on their underlying, balances and P&L in their own asset."""
        rules, rows, state = subject.rules, subject.rows, subject.state
        x, role = rows.instruments, roles_of(rows)
        places = [place_of(rules, u) for u in x.underlyings]
        cash = (role == Role.BALANCE.value) | (role == Role.PNL.value)
        at_par = np.array([u in state.still for u in x.underlyings], dtype=np.bool_)
        still = cash & at_par[x.underlying]
        nowhere: Key = (CASH, True)
        keys = sorted({nowhere, *(p.portfolio for p in places)})
        unit = _numbers([p.portfolio for p in places], keys)[x.underlying]
        used, unit = np.unique(np.where(still, keys.index(nowhere), unit), return_inverse=True)
        live = (state.payoff != Payoff.SPOT)[rows.source]
        return cls(
            instruments=x,
            units=tuple(keys[k][0] for k in used.tolist()),
            unit=unit,
            product=_numbers([p.product for p in places])[x.underlying],
            group=_numbers([p.group for p in places])[x.underlying],
            offset=np.array([p.offset for p in places], dtype=np.float64)[x.underlying],
            product_offset=np.array([p.product_offset for p in places])[x.underlying],
            moving=~still,
            orders=role == Role.ORDER.value,
            contracts=live & ~cash & (x.kind != Kind.SPOT.value),
        )


def _numbers(keys: list[Key], known: list[Key] | None = None) -> Int64:
    """The number of every key among those that are known, by default among themselves."""
    number = {key: k for k, key in enumerate(sorted(set(keys)) if known is None else known)}
    return np.array([number[key] for key in keys], dtype=np.int64)
