"""Decides what the `ratio` method reads of a row, and what a contract needs by its notional."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np

from ...book.columns import Bool, Float
from ...book.instruments import Instruments, Kind
from ...book.portfolio import Role
from ...errors import refuse
from ...rules import Rules, Spec
from ..draft import Draft, Figure, level_of
from ..equity import roles_of
from ..program import Fold, Level, Measure, Subject

SCHEMA: Mapping[str, Spec] = {
    "brackets.start": Spec("lists", 0.0, 1e15),
    "brackets.rate": Spec("lists", 0.0, 1.0),
    "brackets.other_start": Spec("numbers", 0.0, 1e15),
    "brackets.other_rate": Spec("numbers", 0.0, 1.0),
}

Bracket = tuple[float, float]  # start in the reporting currency, rate of what lies above it


class Held(NamedTuple):
    """R rows: contracts; balances, and unrealised P&L by currency; price of each row."""

    instruments: Instruments
    contracts: Bool
    balances: Bool
    unrealised: Bool
    price: Float

    @classmethod
    def of(cls, subject: Subject) -> Self:
        """Refuses options and open orders (`E_UNSUPPORTED`): these venues margin them elsewhere."""
        x, role, name = subject.rows.instruments, roles_of(subject.rows), subject.rules.name
        position = role == Role.POSITION.value
        options = np.flatnonzero(position & (x.kind == Kind.OPTION.value))
        if options.size:
            row = int(options[0])
            fix = f"{name} margins no options: leave them out, or take another rule book"
            refuse("E_UNSUPPORTED", "instrument", row, x.name[row], fix)
        orders = np.flatnonzero(role == Role.ORDER.value)
        if orders.size:
            fix = f"{name} margins no open orders: leave them out, or take another rule book"
            refuse("E_UNSUPPORTED", "order_instrument", None, x.name[orders[0]], fix)
        balances, unrealised = role == Role.BALANCE.value, role == Role.PNL.value
        price = subject.state.price[subject.rows.source]
        return cls(x, position, balances, unrealised, price)

    @property
    def cash(self) -> Bool:
        return self.balances | self.unrealised


def brackets_of(rules: Rules, instruments: Instruments, row: int) -> list[Bracket]:
    """The brackets of a contract: by its name, else by its underlying, else those of all others."""
    starts, rates = rules.lists("brackets.start"), rules.lists("brackets.rate")
    for key in (instruments.name[row], instruments.underlyings[instruments.underlying[row]]):
        if key in starts:
            return list(zip(starts[key], rates[key], strict=True))
    others = rules.numbers("brackets.other_start"), rules.numbers("brackets.other_rate")
    return list(zip(*others, strict=True))


def bracketed(draft: Draft, held: Held, columns: Mapping[str, Bool]) -> dict[str, Figure]:
    """Sums over contracts of what their notional at the mark needs: of every bracket its rate times
    what lies in it."""
    row = np.arange(held.contracts.size)
    low, high = draft.shape(held.contracts, (row,), ()).levels
    rules, x = draft.subject.rules, held.instruments
    folds = [_fold(brackets_of(rules, x, k)) for k in high.row.tolist()]
    size = level_of(low, loss=-1.0)
    tree = draft.tree(
        draft.shape(held.contracts, (row,), ()), size, Level.of(high.parent.tolist(), folds)
    )
    return draft.each(tree, Measure.DELTA, columns)


def _fold(brackets: list[Bracket]) -> Fold:
    tiers = tuple((start, rate) for start, rate in brackets if start > 0.0)
    return Fold(gain=[rate for start, rate in brackets if start == 0.0][-1], tiers=tiers)


def check_brackets(rules: Rules) -> None:
    """Refuse brackets whose starts and rates do not fit each other (`E_RULES`)."""
    starts, rates = rules.lists("brackets.start"), rules.lists("brackets.rate")
    if starts.keys() != rates.keys():
        name = sorted(starts.keys() ^ rates.keys())[0]
        fix = "must stand in brackets.start and in brackets.rate"
        refuse("E_RULES", "brackets", None, name, fix)
    _check(rules.numbers("brackets.other_start"), rules.numbers("brackets.other_rate"), "other")
    for name in starts:
        _check(starts[name], rates[name], name)


def _check(starts: list[float], rates: list[float], name: str) -> None:
    if len(starts) != len(rates):
        fix = f"must hold a rate for each of the {len(starts)} starts"
        refuse("E_RULES", f"brackets.rate of {name}", None, len(rates), fix)
    if starts[0] != 0.0 or any(low > high for low, high in pairwise(starts)):
        fix = "must begin at 0 and not fall; a start given twice counts with its last rate"
        refuse("E_RULES", f"brackets.start of {name}", None, starts, fix)
