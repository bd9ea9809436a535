"""Decides the netting tree of the `risk-matrix` method, and how its columns fold on it.

Leaves -> buckets (expiries) -> nodes (settlement, underlying) -> pools.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ..book.clock import NO_EXPIRY
from ..book.columns import Int32, Int64, UInt8
from ..book.instruments import Kind
from ..book.portfolio import Role
from ..scenario.matrix import Column
from .charges import roll_factors, weigh
from .equity import haircut_of, roles_of
from .program import Fold, Level, Subject

NOTHING = Fold(gain=0.0, loss=0.0)
CONTRACTS = (Role.POSITION.value, Role.ORDER.value)


class Node(NamedTuple):
    """Where a dampener and an offset act: what is settled in one currency on one underlying."""

    pool: str
    settlement: str
    underlying: str

    @property
    def in_coin(self) -> bool:
        """Whether gains arise in the coin that moves."""
        return self.settlement == self.underlying


class Leaf(NamedTuple):
    """What nets below a node: contracts of one expiry, orders of one side, a balance, P&L."""

    node: Node
    role: int
    expiry: int
    row: int  # where rows of one expiry are told apart: orders, and positions under a delta shock

    @property
    def bucket(self) -> Leaf:
        """What its rows net in: all positions of the expiry, or the same leaf."""
        return self if self.role == Role.ORDER.value else self._replace(row=-1)


def leaves_of(subject: Subject, long_apart: bool) -> tuple[list[Leaf], Int64]:
    """The leaves in order, and the number of every row's."""
    instruments, roles = subject.rows.instruments, roles_of(subject.rows)
    segregated = subject.rules.text("netting.pool") == "settlement"
    contract = np.isin(roles, CONTRACTS)
    alone = roles == Role.ORDER.value
    if long_apart:
        alone |= roles == Role.POSITION.value
    columns = (
        instruments.underlying,
        np.where(contract, instruments.currency, -1),  # a balance settles in so many coins
        roles,
        np.where(contract, instruments.expiry, NO_EXPIRY),
        np.where(alone, np.arange(len(roles)), -1),
    )
    found = []
    rows, member = _distinct(columns)
    for of in zip(*(c[rows].tolist() for c in columns), strict=True):
        underlying = instruments.underlyings[of[0]]
        settlement = underlying if of[1] < 0 else instruments.currencies[of[1]]
        node = Node(settlement if segregated else "account", settlement, underlying)
        found.append(Leaf(node, *of[2:]))
    leaves = sorted(set(found))
    number = {leaf: k for k, leaf in enumerate(leaves)}
    return leaves, np.array([number[leaf] for leaf in found], dtype=np.int64)[member]


def _distinct(columns: Sequence[Int64 | Int32 | UInt8]) -> tuple[Int64, Int64]:
    """One row of every combination, and the number of each row's combination."""
    code = np.zeros(columns[0].size, dtype=np.int64)
    for column in columns:  # codes stay below the square of the number of rows
        values, at = np.unique(column, return_inverse=True)
        code = np.unique(code * values.size + at, return_inverse=True)[1]
    return np.unique(code, return_index=True)[1], code


def _alike(_: object) -> Fold:
    return Fold()


class Tree:
    """Leaves -> buckets -> nodes -> pools, and the sets of folds as they are asked for."""

    def __init__(self, subject: Subject, leaves: list[Leaf]) -> None:
        self.subject = subject
        self.leaves = leaves
        self.buckets = sorted({leaf.bucket for leaf in self.leaves})
        self.nodes = sorted({leaf.node for leaf in self.leaves})
        self.pools = sorted({node.pool for node in self.nodes})
        self.sets: list[tuple[list[Fold], list[Fold], list[Fold]]] = []
        self.known: dict[tuple[float, ...], int] = {}

    def levels(self) -> tuple[Level, ...]:
        """Every level with all sets of folds; the first only where leaves are not buckets."""
        bucket = {b: k for k, b in enumerate(self.buckets)}
        node = {n: k for k, n in enumerate(self.nodes)}
        parents = (
            [bucket[leaf.bucket] for leaf in self.leaves],
            [node[b.node] for b in self.buckets],
            [self.pools.index(n.pool) for n in self.nodes],
        )
        by_level = zip(parents, zip(*self.sets, strict=True), strict=True)
        return tuple(Level.of(parent, *sets) for parent, sets in by_level)

    def add(
        self,
        bucket: Callable[[Leaf], Fold],
        node: Callable[[Node], Fold] = _alike,
        leaf: Callable[[Leaf], Fold] = _alike,
    ) -> int:
        """The number of a new set."""
        folds = (map(leaf, self.leaves), map(bucket, self.buckets), map(node, self.nodes))
        lower, middle, upper = (list(f) for f in folds)
        self.sets.append((lower, middle, upper))
        return len(self.sets) - 1

    def matrix(self, column: Column, filled: bool) -> int:
        """The set of a scenario, in which orders are filled where they lose, or not at all."""
        rules = self.subject.rules
        in_coin, in_money = (weigh(rules, column, coin) for coin in (True, False))
        key = (*in_coin, *in_money, float(filled))
        # A block has one weight a column, that of rows in coin, which are nearly all; rows that
        # settle in money take the rest of their own here.
        scale = in_money[0] / in_coin[0] if in_coin[0] else 1.0

        def bucket(leaf: Leaf) -> Fold:
            weight = 1.0 if leaf.node.in_coin else scale
            if leaf.role == Role.POSITION.value:
                return Fold(scale=weight)
            return Fold(gain=0.0, scale=weight) if filled and leaf.row >= 0 else NOTHING

        def node(of: Node) -> Fold:
            return Fold(
                gain=rules.number("netting.pnl_offset"),
                deadband=(in_coin if of.in_coin else in_money)[1],
                cap=rules.number("netting.max_offsetable"),
            )

        if key not in self.known:
            self.known[key] = self.add(bucket, node)
        return self.known[key]

    def roll(self) -> int:
        """The set that takes the absolute delta of every expiry times its roll factor."""
        expiries = [b.expiry for b in self.buckets]
        factor = dict(zip(expiries, roll_factors(self.subject, expiries).tolist(), strict=True))
        return self.add(lambda b: _held(b, Fold(loss=-1.0, scale=factor[b.expiry])))

    def net(self) -> int:
        """The set that passes the delta of positions as it is."""
        return self.add(lambda b: _held(b, Fold()))

    def long_options(self) -> int:
        """The set that passes the delta of options that are held long, and of nothing else."""
        instruments = self.subject.rows.instruments
        calls, puts = Fold(loss=0.0), Fold(gain=0.0)  # a long put has a delta below zero

        def leaf(of: Leaf) -> Fold:
            if of.role != Role.POSITION.value or instruments.kind[of.row] != Kind.OPTION.value:
                return NOTHING
            return calls if instruments.is_call[of.row] else puts

        return self.add(lambda b: _held(b, Fold()), leaf=leaf)

    def equity(self) -> int:
        """The set that takes haircuts off balances and leaves the rest as it is."""
        rules, balance = self.subject.rules, Role.BALANCE.value

        def bucket(of: Leaf) -> Fold:
            haircut = haircut_of(rules, of.node.underlying) if of.role == balance else 0.0
            return Fold(gain=1.0 - haircut)

        return self.add(bucket)


def _held(bucket: Leaf, fold: Fold) -> Fold:
    """The fold of positions; cash and orders pass nothing."""
    return fold if bucket.role == Role.POSITION.value else NOTHING
