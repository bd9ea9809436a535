"""Decides what is required of one underlying: the matching of its contracts that requires least."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ...book.columns import Float, Int32, Int64
from .legs import Legs, divisor
from .rates import Rates
from .requirement import Groups, alone, stock_alone, with_stock


class Group(NamedTuple):
    """Contracts that are margined together; kind: what such a group is called; members: contracts
    of each instrument, stock in contracts too; amount: what all of them require."""

    kind: str
    members: tuple[tuple[str, float], ...]
    amount: float


class Required(NamedTuple):
    """What one underlying requires before premiums. groups: amounts that add up to `deposit`;
    bound: no matching requires less; proven: none does by more than a millionth."""

    groups: tuple[Group, ...]
    deposit: float
    bound: float
    proven: bool


def required(legs: Legs, rates: Rates) -> Required:
    """The matching that requires least, exactly."""
    rows = len(legs.name)
    round_lots = legs.round_lots if rows else Fraction(0)
    odd = legs.shares - round_lots
    held = [*legs.contracts, *([round_lots] if round_lots else [])]
    found: list[Group] = []
    bound, proven = 0.0, True
    if held:
        unit = divisor(held)
        matched = _core.match(*_columns(legs, rates, held, unit))
        found = _groups(legs, matched[:3], held, unit)
        bound, proven = float(matched[3]) * float(unit), bool(matched[5])
    if odd:
        amount = stock_alone(legs, rates) * abs(float(odd))
        found.append(Group("stock", ((legs.stock, float(odd)),), amount))
        bound += amount
    return Required(tuple(found), math.fsum(g.amount for g in found), bound, proven)


def _columns(
    legs: Legs, rates: Rates, held: list[Fraction], unit: Fraction
) -> tuple[dict[str, NDArray[Any]], Int32, Float]:
    """What the kernel takes: options, a row of stock behind them, groups of the two."""
    n, stock = len(legs.name), len(held) > len(legs.name)

    def column(values: NDArray[Any], of_stock: float, kind: type) -> NDArray[Any]:
        behind = [of_stock] if stock else []
        return np.concatenate([values.astype(kind), np.array(behind, dtype=kind)])

    columns = {
        "option": column(np.ones(n), False, np.bool_),
        "is_call": column(legs.is_call, False, np.bool_),
        "is_short": column(legs.is_short, legs.shares < 0, np.bool_),
        "strike": column(legs.strike, 0.0, np.float64),
        "price": column(legs.price, 0.0, np.float64),
        "alone": column(alone(legs, rates), stock_alone(legs, rates), np.float64),
        "expiry": column(legs.expiry, 0, np.int64),
        "quantity": np.array([int(abs(h) / unit) for h in held], dtype=np.int64),
    }
    nothing = Groups(np.zeros((0, 4), dtype=np.int32), np.zeros(0))
    groups = with_stock(legs, rates, n) if stock else nothing
    return columns, groups.rows, groups.requirement


def _groups(
    legs: Legs, matched: tuple[Int32, Float, Int64], held: list[Fraction], unit: Fraction
) -> list[Group]:
    """The groups of a matching, by name."""
    names = [*legs.name, legs.stock]
    out = []
    for rows, requirement, count in zip(*(x.tolist() for x in matched), strict=True):
        inside = [row for row in rows if row >= 0]
        times = float(count * unit)
        sides = [1.0 if held[row] > 0 else -1.0 for row in inside]
        members: dict[str, float] = {}
        for row, side in zip(inside, sides, strict=True):
            members[names[row]] = members.get(names[row], 0.0) + side * times
        kind = kind_of(legs, list(zip(inside, sides, strict=True)))
        out.append(Group(kind, tuple(members.items()), requirement * times))
    return out


def kind_of(legs: Legs, members: list[tuple[int, float]]) -> str:
    """What traders call a group: of (row, side) of every contract, stock behind the options."""
    n = len(legs.name)
    kinds = sorted(
        ("stock" if row == n else "call" if legs.is_call[row] else "put", side)
        for row, side in members
    )
    if len(members) == 1:
        kind, side = kinds[0]
        return "stock" if kind == "stock" else f"long {kind}" if side > 0 else f"naked {kind}"
    known = _NAMES.get(tuple(kinds))
    if known:
        return known
    if len(members) == 2 and not any(side > 0 for _, side in kinds):
        a, b = (legs.strike[row] for row, _ in members)
        return "short straddle" if a == b else "short strangle"
    return "spread" if len(members) == 2 else f"spread of {len(members)}"


_NAMES = {
    (("call", -1.0), ("stock", 1.0)): "covered call",
    (("put", 1.0), ("stock", 1.0)): "protective put",
    (("call", -1.0), ("put", 1.0), ("stock", 1.0)): "collar",
    (("call", 1.0), ("stock", -1.0)): "protective call",
    (("put", -1.0), ("stock", -1.0)): "covered put",
}
