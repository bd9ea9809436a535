"""Decides what the `risk-matrix` method nets in a scenario: rows in nodes, and nodes in pools.

docs/methods/deribit.md has the formulas.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from ...book.columns import Bool, Int32, Int64
from ...book.instruments import Instruments, Kind
from ...book.portfolio import Role
from ...rules import Rules
from ...scenario.matrix import Column, columns_of
from ..draft import Draft, Figure, Nodes, level_of
from ..equity import roles_of
from ..program import Level, Subject


class Held(NamedTuple):
    """R rows: what each is, and the pool it counts in."""

    instruments: Instruments
    pools: tuple[str, ...]
    pool: Int64
    positions: Bool
    options: Bool
    orders: Bool
    balances: Bool
    unrealised: Bool

    @classmethod
    def of(cls, subject: Subject) -> Self:
        """Contracts count where they settle, balances and P&L in their own currency."""
        x, role = subject.rows.instruments, roles_of(subject.rows)
        positions, orders = role == Role.POSITION.value, role == Role.ORDER.value
        names = np.array([*x.currencies, *x.underlyings], dtype=str)
        at = np.where(positions | orders, x.currency, len(x.currencies) + x.underlying)
        segregated = subject.rules.text("netting.pool") == "settlement"
        pool_of_row = names[at] if segregated else np.full(at.shape, "account")
        pools, pool = np.unique(pool_of_row, return_inverse=True)
        return cls(
            instruments=x,
            pools=tuple(pools.tolist()),
            pool=pool,
            positions=positions,
            options=positions & (x.kind == Kind.OPTION.value),
            orders=orders,
            balances=role == Role.BALANCE.value,
            unrealised=role == Role.PNL.value,
        )

    @property
    def node(self) -> tuple[Int32, Int32]:
        """Where a dampener and an offset act: settled in one currency on one underlying."""
        return self.instruments.currency, self.instruments.underlying

    def in_coin(self, rows: Int64) -> Bool:
        """Whether gains of these contracts arise in the coin that moves."""
        x = self.instruments
        settled = np.array(x.currencies, dtype=str)[x.currency[rows]]
        found: Bool = settled == np.array(x.underlyings, dtype=str)[x.underlying[rows]]
        return found


def worst_scenario(draft: Draft, held: Held, *, filled: bool = False) -> Figure:
    """The loss of the worst scenario; `filled`: with every order filled that loses in it."""
    rules = draft.subject.rules
    columns = columns_of(rules)
    alone = [(np.where(held.orders, np.arange(held.pool.size), -1),)] if filled else []
    shape = draft.shape(held.positions | (held.orders & filled), held.node, *alone)
    *lower, nodes = shape.levels
    high, fold_set = _folds(rules, columns, nodes, held.in_coin(nodes.row))
    low = [level_of(x, len(high.gain), gain=1.0 - held.orders[x.row]) for x in lower]
    return draft.worst(
        "orders" if filled else "matrix",
        draft.tree(shape, *low, high),
        0,
        len(columns),
        weight=np.array([weigh(rules, c, in_coin=True)[0] for c in columns]),
        fold_set=fold_set,
    )


def _folds(rules: Rules, columns: list[Column], nodes: Nodes, in_coin: Bool) -> tuple[Level, Int32]:
    """The level of these nodes, and the set of folds of every column: equal ones share it.

    Columns are weighed as P&L in coin is, which is nearly all; a node in money takes here what its
    own weight is more than that.
    """
    coin, money = (np.array([weigh(rules, c, k) for c in columns]) for k in (True, False))
    weighs = coin[:, :1] != 0.0
    scale = np.where(in_coin | ~weighs, 1.0, money[:, :1] / np.where(weighs, coin[:, :1], 1.0))
    dampener = np.where(in_coin, coin[:, 1:], money[:, 1:]) / scale
    known: dict[bytes, int] = {}
    words = np.concatenate([scale, dampener], axis=1)
    fold_set = [known.setdefault(column.tobytes(), len(known)) for column in words]
    first = [fold_set.index(number) for number in known.values()]
    level = level_of(
        nodes,
        len(known),
        gain=rules.number("netting.pnl_offset") * scale[first],
        loss=scale[first],
        deadband=dampener[first],
        cap=rules.number("netting.max_offsetable"),
    )
    return level, np.array(fold_set, dtype=np.int32)


def weigh(rules: Rules, column: Column, in_coin: bool) -> tuple[float, float]:
    """Weight and dampener (reporting currency) of a scenario.

    Far moves count `factor` * range / |move| of their P&L in money. P&L `in_coin` comes as coin at
    today's index, and is turned into coin at the price at the edge of the range: times (1 + move) /
    (1 + sign range). Under ``coin.rate = "scenario"`` coins count at the price of the scenario
    instead, of the edge where the move is a far one.
    """
    reach, move = rules.number("matrix.price_range"), column.move
    moved = rules.text("coin.rate") == "scenario"
    if not column.extended:
        return (1.0 + move if moved and in_coin else 1.0), 0.0
    far = abs(move) / reach if move else 1.0
    weight = rules.number("extended.factor") / far
    dampener = max(far - 1.0, 0.0) * rules.number("extended.dampener")
    if not in_coin:
        return weight, dampener
    edge = 1.0 + (reach if move > 0 else -reach if move < 0 else 0.0)
    rate = edge if moved else 1.0
    return weight * (1.0 + move) / edge * rate, dampener / edge * rate
