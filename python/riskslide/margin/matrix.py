"""Decides the program of the `risk-matrix` method, which is Deribit's portfolio margin as data.

risk matrix = worst column + roll shock + delta shock; maintenance = maintenance_factor * that;
initial = that + what the worst column loses more with every order filled that loses in it.

The tree: (settlement, underlying, expiry) -> (settlement, underlying) -> pool. A scenario takes its
dampener and the offset of its gains at the upper level, the roll shock the absolute delta of every
expiry at the lower one. Where the delta shock is on, every position stands on a level below.
Amounts are in the reporting currency, coins at today's index. docs/methods/deribit.md has the
formulas and what is verified of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from .. import _core
from ..book.clock import NANOSECONDS_PER_YEAR, NO_EXPIRY
from ..book.columns import Bool, Float
from ..book.instruments import Kind
from ..book.portfolio import Role, Rows
from ..rules import Rules, Spec
from ..scenario.matrix import Column, columns_of
from .equity import equity_block, equity_outputs, haircut_of, roles_of
from .program import Block, Fold, Level, Measure, Operation, Program, Reduction, Steps, Subject

SCHEMA = {
    "coin.option_divisor": Spec("text", choices=("forward", "index")),
    "coin.rate": Spec("text", choices=("index", "scenario")),
    "matrix.price_range": Spec("number", 1e-6, 0.99),
    "matrix.price_steps": Spec("whole", 1, 100),
    "vol.range_up": Spec("number", 0.0, 100.0),
    "vol.range_down": Spec("number", 0.0, 100.0),
    "vol.short_power": Spec("number", 0.0, 2.0),
    "vol.long_power": Spec("number", 0.0, 2.0),
    "vol.min_up": Spec("number", 0.0, 100.0),
    "extended.moves": Spec("numbers", -0.99, 100.0),
    "extended.factor": Spec("number", 0.0, 100.0),
    "extended.dampener": Spec("number", 0.0, 1e15),
    "netting.pool": Spec("text", choices=("settlement", "account")),
    "netting.pnl_offset": Spec("number", 0.0, 1.0),
    "netting.max_offsetable": Spec("number", 0.0, 1e15),
    "roll.annualised_move": Spec("number", 0.0, 10.0),
    "roll.minimum": Spec("number", 0.0, 1.0),
    "delta_shock.slope": Spec("number", 0.0, 1.0),
    "delta_shock.threshold": Spec("number", 0.0, 1e15),
    "delta_shock.maximum": Spec("number", 0.0, 1.0),
    "margin.maintenance_factor": Spec("number", 0.0, 1.0),
}

STILL = (
    "W_COLLATERAL_STILL: balances and unrealised P&L do not move in the scenarios of this method"
)

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


def compile_matrix(subject: Subject) -> Program:
    """The program of these rows under these scenarios (resolved to risk factors)."""
    rules, rows = subject.rules, subject.rows
    long_apart = rules.number("delta_shock.slope") > 0
    keys = _leaves(subject, long_apart)
    tree = _Tree(subject, keys)
    blocks = _blocks(subject, tree, keys, long_apart)
    steps = Steps([0.0] * sum(len(b.columns) or 1 for b in blocks))
    outputs = _outputs(rules, blocks, steps, len(tree.nodes) if long_apart else 0)
    registers, step_rows = steps.columns()
    lowest = tree.leaves if long_apart else tree.buckets
    numbered = {leaf: k for k, leaf in enumerate(lowest)}
    return Program(
        name=rules.name,
        rows=rows.instruments.name,
        leaf=np.array([numbered[k if long_apart else k.bucket] for k in keys], dtype=np.int32),
        lot=rows.lot,
        levels=tree.levels()[0 if long_apart else 1 :],
        units=tuple(tree.pools),
        unit_pool=np.arange(len(tree.pools), dtype=np.int32),
        pools=tuple(tree.pools),
        blocks=tuple(blocks),
        registers=registers,
        steps=step_rows,
        outputs=tuple(outputs),
        output_register=np.array(list(outputs.values()), dtype=np.int32),
        scenarios=subject.scenarios,
        rulebook_sha256=rules.sha256,
    )


def warnings_of_matrix(rows: Rows) -> tuple[str, ...]:
    """What the user of a program for these rows must know."""
    x = rows.instruments
    held = (roles_of(rows) == Role.POSITION.value) & ~x.inverse
    if not held.any():
        return (STILL,)
    name = x.name[int(np.flatnonzero(held)[0])]
    what = "contracts that do not settle in their coin count by this project's own rule"
    return STILL, f"W_DOLLAR_SETTLED: {what}: {int(np.flatnonzero(held).size)}, such as {name}"


def _leaves(subject: Subject, long_apart: bool) -> list[Leaf]:
    """The leaf of every row."""
    instruments, roles = subject.rows.instruments, roles_of(subject.rows)
    segregated = subject.rules.text("netting.pool") == "settlement"
    out = []
    for row, role in enumerate(roles.tolist()):
        underlying = instruments.underlyings[instruments.underlying[row]]
        settlement = instruments.currencies[instruments.currency[row]]
        if role not in CONTRACTS:
            settlement = underlying  # so many coins
        expiry = int(instruments.expiry[row]) if role in CONTRACTS else NO_EXPIRY
        alone = role == Role.ORDER.value or (role == Role.POSITION.value and long_apart)
        node = Node(settlement if segregated else "account", settlement, underlying)
        out.append(Leaf(node, role, expiry, row if alone else -1))
    return out


def _alike(_: object) -> Fold:
    return Fold()


class _Tree:
    """Leaves -> buckets -> nodes -> pools, and the sets of folds as they are asked for."""

    def __init__(self, subject: Subject, keys: list[Leaf]) -> None:
        self.subject = subject
        self.leaves = sorted(set(keys))
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
        # The block weighs every row as one in coin.
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


def roll_factors(subject: Subject, expiries: Iterable[int]) -> Float:
    """max(exp(annualised move * years) - 1, minimum) of every expiry, the minimum without one."""
    least = subject.rules.number("roll.minimum")
    years = [
        (e - subject.as_of) / NANOSECONDS_PER_YEAR if subject.as_of < e < NO_EXPIRY else 0.0
        for e in expiries
    ]
    move = subject.rules.number("roll.annualised_move") * np.array(years, dtype=np.float64)
    return np.maximum(_core.exponential(move) - 1.0, least)


def _blocks(subject: Subject, tree: _Tree, keys: list[Leaf], long_apart: bool) -> list[Block]:
    """What runs through the tree, in the order of the registers that hold its results."""
    columns = columns_of(subject.rules)
    weights = [weigh(subject.rules, c, in_coin=True)[0] for c in columns]
    weight = np.array(weights, dtype=np.float64)
    blocks = []
    for name, filled in (("matrix", False), ("orders", True)):
        if filled and not subject.rows.orders:
            continue
        sets = np.array([tree.matrix(c, filled) for c in columns], dtype=np.int32)
        blocks.append(Block(name, Reduction.WORST, weight=weight, fold_set=sets))
    held = np.array([key.role == Role.POSITION.value for key in keys], dtype=np.bool_)
    blocks.append(_deltas({"roll": held}, [tree.roll()]))
    if long_apart:
        at = {node: held & _of(keys, node) for node in tree.nodes}
        masks = {f"{word}:{':'.join(n)}": at[n] for n in tree.nodes for word in ("all", "long")}
        blocks.append(_deltas(masks, [tree.net(), tree.long_options()] * len(tree.nodes)))
    return [*blocks, equity_block(subject.rows, tree.equity())]


def _of(keys: list[Leaf], node: Node) -> Bool:
    return np.array([key.node == node for key in keys], dtype=np.bool_)


def _deltas(masks: dict[str, Bool], sets: list[int]) -> Block:
    """Cash deltas of the rows that each mask holds."""
    return Block(
        next(iter(masks)),
        Reduction.EACH,
        columns=tuple(masks),
        attribute=np.stack(list(masks.values()), axis=1).astype(np.float64),
        measure=Measure.DELTA,
        fold_set=np.array(sets, dtype=np.int32),
    )


def _outputs(rules: Rules, blocks: list[Block], steps: Steps, shocked: int) -> dict[str, int]:
    """Steps from the results of the blocks to the requirement; the register of every output.

    shocked: nodes that take a delta shock.
    """
    with_orders = blocks[1].name == "orders"
    worst, filled, roll = 0, int(with_orders), 1 + with_orders
    delta = steps.constant(0.0)
    for k in range(shocked):
        shock = _delta_shock(rules, steps, roll + 1 + 2 * k)
        delta = steps.apply(Operation.ADD, delta, shock)
    risk = steps.apply(Operation.ADD, worst, roll)
    risk = steps.apply(Operation.ADD, risk, delta)
    orders = steps.apply(Operation.SUBTRACT, filled, worst)
    factor = steps.constant(rules.number("margin.maintenance_factor"))
    return {
        "maintenance": steps.apply(Operation.MULTIPLY, risk, factor),
        "initial": steps.apply(Operation.ADD, risk, orders),
        **equity_outputs(steps, roll + 1 + 2 * shocked),
        "worst": worst,
        "roll_shock": roll,
        "delta_shock": delta,
        "risk_matrix": risk,
        "open_orders": orders,
        "maintenance_factor": factor,
    }


def _delta_shock(rules: Rules, steps: Steps, first: int) -> int:
    """Register of the shock of one node, whose delta and delta of long options are given.

    Long options reduce the other delta d2, but never turn it: net = d1 + d2 between 0 and d2;
    shock = min(max(|net| - threshold, 0) * slope, maximum * |net|).
    """
    every, long = first, first + 1
    zero = steps.constant(0.0)
    other = steps.apply(Operation.SUBTRACT, every, long)
    low, high = (steps.apply(o, other, zero) for o in (Operation.MINIMUM, Operation.MAXIMUM))
    net = steps.apply(Operation.MINIMUM, steps.apply(Operation.MAXIMUM, every, low), high)
    size = steps.apply(Operation.MAXIMUM, net, steps.apply(Operation.SUBTRACT, zero, net))
    threshold = steps.constant(rules.number("delta_shock.threshold"))
    excess = steps.apply(Operation.SUBTRACT, size, threshold)
    excess = steps.apply(Operation.MAXIMUM, excess, zero)
    slope = steps.constant(rules.number("delta_shock.slope"))
    most = steps.constant(rules.number("delta_shock.maximum"))
    return steps.apply(
        Operation.MINIMUM,
        steps.apply(Operation.MULTIPLY, excess, slope),
        steps.apply(Operation.MULTIPLY, size, most),
    )
