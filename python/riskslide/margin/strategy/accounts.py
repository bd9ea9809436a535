"""Decides what every account must post under the `strategy` method: underlying by underlying.

Requirements are of equity that counts options at their worth, so that they compare with those of
other methods: deposit + premium, where a short option brought what it costs and a long one is paid.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from ...book.clock import NO_EXPIRY
from ...book.columns import Float, Int32, Int64
from ...book.instruments import Kind
from ...errors import refuse
from ...market.state import State
from ...rules import Rules
from .legs import Legs
from .matching import Group, Required, required
from .rates import Rates


class Side(NamedTuple):
    """Of one account, initial or maintenance: groups with their underlying, requirements before
    premiums, and the bound below which no matching goes."""

    groups: tuple[tuple[str, Group], ...]
    deposit: float
    bound: float
    proven: bool


@dataclass(frozen=True, slots=True)
class Margined:
    """What one account must post: before premiums by groups, premium: worth of its options."""

    maintenance: Side
    initial: Side
    premium: float

    def net(self, side: Side) -> float:
        """Deposit and premium, which is what equity must cover; nothing where they are below 0."""
        return max(side.deposit + self.premium, 0.0)


def margined(
    rules: Rules, state: State, base: Float, rows: tuple[Int64, Int32, Int64]
) -> Iterator[Margined]:
    """Every account, in order. base: worth of one contract of each row; rows: CSR of lots."""
    offsets, instrument, lots = rows
    of = _Underlyings(rules, state, base)
    for first, last in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        yield of.account(instrument[first:last], lots[first:last])


class _Underlyings:
    """The legs of accounts by underlying, and the rates of each underlying."""

    def __init__(self, rules: Rules, state: State, base: Float) -> None:
        self.state, self.base, self.x = state, base, state.instruments
        self.alive = (self.x.expiry > state.as_of) | (self.x.expiry == NO_EXPIRY)  # else cash
        self.lot = [Fraction(repr(lot)) for lot in self.x.lot.tolist()]
        self.rates = {
            name: {i: Rates.of(rules, name, initial=i) for i in (False, True)}
            for name in self.x.underlyings
        }

    def account(self, rows: Int32, lots: Int64) -> Margined:
        held = (lots != 0) & self.alive[rows]
        rows, lots = rows[held].astype(np.int64), lots[held]
        maintenance: list[tuple[str, Required]] = []
        initial: list[tuple[str, Required]] = []
        premiums = []
        underlying = self.x.underlying[rows]
        for u in np.unique(underlying).tolist():
            name, mine = self.x.underlyings[u], underlying == u
            legs = self.legs(u, rows[mine], lots[mine])
            low = required(legs, self.rates[name][False])
            # Rates of options are the same: only stock asks for more at first.
            high = required(legs, self.rates[name][True]) if legs.shares else low
            maintenance.append((name, low))
            initial.append((name, high))
            premiums.append(legs.premium)
        return Margined(_side(maintenance), _side(initial), math.fsum(premiums))

    def legs(self, underlying: int, rows: Int64, lots: Int64) -> Legs:
        x, state = self.x, self.state
        option = x.kind[rows] == Kind.OPTION.value
        at = rows[option]
        multiplier = self.multiplier(at)
        spot = self.spot(underlying, rows)
        shares = Fraction(0)
        for row, n in zip(rows[~option].tolist(), lots[~option].tolist(), strict=True):
            shares += n * self.lot[row] * Fraction(repr(float(x.multiplier[row])))
        return Legs(
            name=tuple(x.name[row] for row in at.tolist()),
            is_call=x.is_call[at],
            strike=x.strike[at] * state.fx[at] * multiplier,
            price=self.base[at],
            expiry=x.expiry[at],
            contracts=tuple(
                n * self.lot[row] for row, n in zip(at.tolist(), lots[option].tolist(), strict=True)
            ),
            spot=spot * multiplier,
            shares=shares / Fraction(repr(multiplier)),
            stock=x.underlyings[underlying],
            as_of=state.as_of,
        )

    def multiplier(self, options: Int64) -> float:
        """Units of the underlying of one contract; 1 where only stock is held."""
        if not options.size:
            return 1.0
        found = self.x.multiplier[options]
        other = np.flatnonzero(found != found[0])
        if other.size:
            row = int(options[other[0]])
            fix = (
                f"is of {found[other[0]]:g} units, {self.x.name[options[0]]} of {found[0]:g}: "
                "contracts of several sizes on one underlying are not matched"
            )
            refuse("E_UNSUPPORTED", "multiplier", row, self.x.name[row], fix)
        return float(found[0])

    def spot(self, underlying: int, rows: Int64) -> float:
        """The quoted spot of the underlying, else the price of the stock that is held."""
        stock = rows[self.x.kind[rows] == Kind.SPOT.value]
        found = float(self.state.index[rows[0]])
        found = float(self.state.price[stock[0]]) if found <= 0.0 and stock.size else found
        if not found > 0.0:
            name = self.x.underlyings[underlying]
            fix = "standard margin needs the spot of the underlying: quote it, > 0"
            refuse("E_MISSING_PRICE", "spot", None, name, fix)
        return found


def _side(found: list[tuple[str, Required]]) -> Side:
    return Side(
        groups=tuple((name, group) for name, r in found for group in r.groups),
        deposit=math.fsum(r.deposit for _, r in found),
        bound=math.fsum(r.bound for _, r in found),
        proven=all(r.proven for _, r in found),
    )
