"""Decides what follows for an account: status, ratio, and evidence that adds up exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np

from ..book.columns import Bool, Float, Int32, Int64, UInt8
from ..errors import nearest, refuse
from ..margin.equity import EQUITY
from ..rules import Rules

NANO = 1e9  # amounts are explained in whole billionths of the reporting unit


class Status(IntEnum):
    """Where equity stands, from best to worst; equality counts for the account."""

    HEALTHY = 0  # equity >= initial
    REMINDER = 1  # below a threshold of the rule book that forbids nothing yet
    NO_NEW_RISK = 2  # initial > equity >= maintenance
    LIQUIDATION = 3  # maintenance > equity >= 0
    BANKRUPT = 4  # 0 > equity


class Thresholds(NamedTuple):
    """Multiples of maintenance below which equity has a status, besides being below initial
    (no new risk) and below zero (bankrupt)."""

    reminder: float = 0.0
    no_new_risk: float = 0.0
    liquidation: float = 1.0
    bankrupt: float = 0.0

    @classmethod
    def of(cls, rules: Rules) -> Self:
        """Those of the section `verdict`; `E_RULES` unless each is at most the one before it."""
        if not rules.has("verdict"):
            return cls()
        found = cls(*(rules.number(f"verdict.{name}") for name in cls._fields))
        for high, low in pairwise(cls._fields):
            if getattr(found, low) > getattr(found, high):
                fix = f"must be at most verdict.{high}, {getattr(found, high):.12g}"
                refuse("E_RULES", f"verdict.{low}", None, getattr(found, low), fix)
        return found


PLAIN = Thresholds()  # of rule books without thresholds of their own


def status_of(
    equity: Float,
    initial: Float,
    maintenance: Float,
    gross: Float,
    thresholds: Thresholds = PLAIN,
) -> UInt8:
    """Status of every line; amounts closer than they can be told apart are equal.

    That is a millionth of the reporting unit, or 1e-12 of `gross`, the size of what was added up,
    where that is more: sums of float64 are not exact to the last digit.
    """
    same = np.maximum(1e-6, 1e-12 * gross)
    status = np.full(equity.shape, Status.HEALTHY.value, dtype=np.uint8)

    def below(amount: Float | float) -> Bool:
        found: Bool = equity - amount < -same
        return found

    status[below(thresholds.reminder * maintenance)] = Status.REMINDER.value
    no_new_risk = below(initial) | below(thresholds.no_new_risk * maintenance)
    status[no_new_risk] = Status.NO_NEW_RISK.value
    status[below(thresholds.liquidation * maintenance)] = Status.LIQUIDATION.value
    status[below(thresholds.bankrupt * maintenance) | below(0.0)] = Status.BANKRUPT.value
    return status


def ratio_of(maintenance: Float, equity: Float) -> Float:
    """maintenance / equity: 0 where nothing is required, negative where equity is.

    An equity within a billionth of zero counts as one billionth, so that the ratio stays finite.
    """
    smallest = np.where(np.abs(equity) < 1.0 / NANO, 1.0 / NANO, equity)
    return np.where(maintenance == 0, 0.0, maintenance / smallest)


def shares(total: float, parts: list[float]) -> tuple[int, list[int]]:
    """`total` and `parts` in whole billionths, the parts adding up to the total exactly.

    Each part is rounded down and what is left is shared out, the largest remainders first, ties to
    the first.
    """
    whole = round(total * NANO)
    floors = [int(np.floor(p * NANO)) for p in parts]
    each, left = divmod(whole - sum(floors), len(parts)) if parts else (0, 0)
    order = sorted(range(len(parts)), key=lambda k: (floors[k] - parts[k] * NANO, k))
    for place, k in enumerate(order):
        floors[k] += each + (place < left)
    return whole, floors


@dataclass(frozen=True, slots=True)
class Contribution:
    """One row in the worst scenario of its unit: amounts in the reporting currency."""

    name: str
    quantity: float
    pnl: float


class Stage(NamedTuple):
    """One node of the netting tree in the worst scenario of its unit.

    level: 0 for the leaves, of which `underlyings` are told; pnl: what comes in; passed: what its
    fold passes on.
    """

    level: int
    underlyings: tuple[str, ...]
    pnl: float
    passed: float


@dataclass(frozen=True, slots=True)
class UnitEvidence:
    """Where one unit loses most; `grid` is its P&L in every scenario.

    The loss is -(sum of the contributions), floored at zero, under rule books whose leaves fold
    straight into units; others (Deribit's) dampen and offset that sum first, as `grid` shows.
    `stages` are the nodes from the leaves up, as far as they only slope; `figures` what the method
    works out of the unit alone, by the names of the outputs that sum them.
    """

    unit: str
    loss: float
    scenario: int
    label: str
    grid: tuple[float, ...]
    contributions: tuple[Contribution, ...]
    stages: tuple[Stage, ...]
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that a requirement was made of, so that it can be worked again by hand.

    `components` are what else the method computed, in the reporting currency; `maintenance_parts`,
    `initial_parts` and `equity_parts` are whole billionths that add up to the totals exactly.
    `filled` are the
    units again with every order filled that loses, which the initial requirement counts; none
    without open orders.
    """

    account: str
    pool: str
    maintenance: int
    maintenance_parts: Mapping[str, int]
    components: Mapping[str, float]
    initial: int
    initial_parts: Mapping[str, int]
    equity: int
    equity_parts: Mapping[str, int]
    units: tuple[UnitEvidence, ...]
    filled: tuple[UnitEvidence, ...]
    rulebook_sha256: str
    program_sha256: str


FIGURES = ("initial", "maintenance", "equity", *EQUITY)
SCENARIOS = "scenarios"  # the part that the worst scenarios of all units make


def parts_of(components: Mapping[str, Float], side: str) -> dict[str, Float]:
    """The named parts of a requirement, "maintenance" or "initial", among the components."""
    start = f"{side}."
    return {n.removeprefix(start): x for n, x in components.items() if n.startswith(start)}


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """Requirements of every (account, pool): L lines, sorted by account.

    Amounts (L) in the reporting currency: equity = collateral (balances after haircut)
    + unrealised_pnl + option_value; maintenance, initial >= 0; excess = equity - initial;
    maintenance_ratio = maintenance / equity, negative where equity is.
    components (L each): what else the method computes on the way to the requirement.
    worst_scenario (L): index of the scenario behind the largest unit loss, `scenarios` the labels.
    grid_only: worst losses are over the listed scenarios, not over the space between them.
    """

    account: tuple[str, ...]
    pool: tuple[str, ...]
    initial: Float
    maintenance: Float
    equity: Float
    collateral: Float
    unrealised_pnl: Float
    option_value: Float
    components: Mapping[str, Float]
    excess: Float
    maintenance_ratio: Float
    status: UInt8
    worst_scenario: Int32
    worst_unit: tuple[str, ...]
    scenarios: tuple[str, ...]
    warnings: tuple[str, ...]
    as_of: int
    valid_for: float
    reporting: str
    rulebook: str
    rulebook_sha256: str
    program_sha256: str
    unit_offsets: Int64
    unit: Int32
    units: tuple[str, ...]
    unit_loss: Float
    unit_scenario: Int32
    source: Any  # what `explain` draws on: see engine.py
    grid_only: bool = True

    def __len__(self) -> int:
        return len(self.account)

    @property
    def parts(self) -> dict[str, Float]:
        """Maintenance of every line by unit and part, (L) each; they add up to it.

        A unit's part is what its worst scenario makes; the others are those of the rule book.
        """
        out = {name: np.zeros(len(self)) for name in self.units}
        line = np.repeat(np.arange(len(self)), self.unit_offsets[1:] - self.unit_offsets[:-1])
        for k, name in enumerate(self.units):
            at = self.unit == k
            out[name][line[at]] = self.unit_loss[at]
        others = parts_of(self.components, "maintenance")
        others.pop(SCENARIOS, None)
        factor = self.components.get("maintenance_factor", np.ones(len(self)))
        return {name: part * factor for name, part in out.items()} | others

    def line(self, account: str) -> int:
        """Index of the first line of an account; InputError `E_UNKNOWN` if there is none."""
        if account not in self.account:
            near = nearest(account, self.account)
            hint = f", such as {near!r}" if near else ""
            refuse("E_UNKNOWN", "account", None, account, f"must be an account of the book{hint}")
        return self.account.index(account)

    def explain(self, account: str) -> tuple[Evidence, ...]:
        """Evidence of every line of an account."""
        first = self.line(account)
        lines = [k for k in range(first, len(self)) if self.account[k] == account]
        return tuple(self.source.evidence(self, line) for line in lines)
