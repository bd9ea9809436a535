"""Decides the program of the `risk-matrix` method, which is Deribit's portfolio margin as data.

risk matrix = worst column + roll shock + delta shock; maintenance = maintenance_factor * that;
initial = that + what the worst column loses more with every order filled that loses in it.

The tree: (settlement, underlying, expiry) -> (settlement, underlying) -> pool. A scenario takes its
dampener and the offset of its gains at the upper level, the roll shock the absolute delta of every
expiry at the lower one. Amounts are in the reporting currency,
coins at today's index. docs/methods/deribit.md has the formulas and what is verified of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .. import _core
from ..book.clock import NANOSECONDS_PER_YEAR, NO_EXPIRY
from ..book.columns import Bool, Float
from ..book.instruments import Kind
from ..book.portfolio import Role
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

WARNINGS = (
    "W_COLLATERAL_STILL: balances and unrealised P&L do not move in the scenarios of this method",
)

NOTHING = Fold(gain=0.0, loss=0.0)


class Leaf(NamedTuple):
    """What nets first: contracts of one expiry, orders of one side, a balance, unrealised P&L."""

    pool: str
    settlement: str
    underlying: str
    role: int
    expiry: int
    row: int  # where rows of one expiry are told apart: orders, and options under a delta shock

    @property
    def node(self) -> tuple[str, str, str]:
        return self.pool, self.settlement, self.underlying


@dataclass(frozen=True, slots=True)
class Folds:
    """One set of folds: what each role of leaf passes on, and what its node does with the sum."""

    position: Fold = NOTHING
    order: Fold = NOTHING
    node: Fold = field(default_factory=Fold)


def compile_matrix(subject: Subject) -> Program:
    """The program of these rows under these scenarios (resolved to risk factors)."""
    rules, rows = subject.rules, subject.rows
    long_apart = rules.number("delta_shock.slope") > 0
    keys = _leaves(subject, long_apart)
    leaves = sorted(set(keys))
    nodes = sorted({leaf.node for leaf in leaves})
    pools = sorted({pool for pool, _, _ in nodes})
    tree = _Tree(subject, leaves, nodes)
    blocks, steps = _blocks(subject, tree, keys, long_apart)
    outputs = _outputs(rules, blocks, steps, nodes if long_apart else [])
    registers, step_rows = steps.columns()
    numbered = {leaf: k for k, leaf in enumerate(leaves)}
    at_pool = {pool: k for k, pool in enumerate(pools)}
    at_node = {node: k for k, node in enumerate(nodes)}
    return Program(
        name=rules.name,
        rows=rows.instruments.name,
        leaf=np.array([numbered[key] for key in keys], dtype=np.int32),
        lot=rows.lot,
        levels=(
            Level.of([at_node[leaf.node] for leaf in leaves], *tree.lower),
            Level.of([at_pool[pool] for pool, _, _ in nodes], *tree.upper),
        ),
        units=tuple(pools),
        unit_pool=np.arange(len(pools), dtype=np.int32),
        pools=tuple(pools),
        blocks=tuple(blocks),
        registers=registers,
        steps=step_rows,
        outputs=tuple(outputs),
        output_register=np.array(list(outputs.values()), dtype=np.int32),
        scenarios=subject.scenarios,
        rulebook_sha256=rules.sha256,
    )


def _leaves(subject: Subject, long_apart: bool) -> list[Leaf]:
    """The leaf of every row."""
    instruments, roles = subject.rows.instruments, roles_of(subject.rows)
    segregated = subject.rules.text("netting.pool") == "settlement"
    contracts = (Role.POSITION.value, Role.ORDER.value)
    out = []
    for row, role in enumerate(roles.tolist()):
        underlying = instruments.underlyings[instruments.underlying[row]]
        settlement = instruments.currencies[instruments.currency[row]]
        if role not in contracts:
            settlement = underlying  # so many coins
        expiry = int(instruments.expiry[row]) if role in contracts else NO_EXPIRY
        alone = role == Role.ORDER.value or (role == Role.POSITION.value and long_apart)
        pool = settlement if segregated else "account"
        out.append(Leaf(pool, settlement, underlying, role, expiry, row if alone else -1))
    return out


class _Tree:
    """Sets of folds as they are asked for: `lower` by leaf, `upper` by node, set by set."""

    def __init__(
        self, subject: Subject, leaves: list[Leaf], nodes: list[tuple[str, str, str]]
    ) -> None:
        self.subject, self.leaves, self.nodes = subject, leaves, nodes
        self.lower: list[list[Fold]] = []
        self.upper: list[list[Fold]] = []
        self.known: dict[Folds, int] = {}

    def of(self, folds: Folds) -> int:
        """The number of the set in which cash passes nothing."""
        if folds not in self.known:
            by_role = {Role.POSITION.value: folds.position, Role.ORDER.value: folds.order}
            lower = [by_role.get(leaf.role, NOTHING) for leaf in self.leaves]
            self.known[folds] = self.add(lower, folds.node)
        return self.known[folds]

    def add(self, lower: list[Fold], node: Fold) -> int:
        """The number of a new set."""
        self.lower.append(lower)
        self.upper.append([node] * len(self.nodes))
        return len(self.lower) - 1

    def matrix(self, column: Column, filled: bool) -> int:
        """The set of a scenario, in which orders are filled where they lose, or not at all."""
        rules = self.subject.rules
        return self.of(
            Folds(
                position=Fold(),
                order=Fold(gain=0.0) if filled else NOTHING,
                node=Fold(
                    gain=rules.number("netting.pnl_offset"),
                    deadband=weigh(rules, column)[1],
                    cap=rules.number("netting.max_offsetable"),
                ),
            )
        )

    def roll(self) -> int:
        """The set that takes the absolute delta of every expiry times its roll factor."""
        factors = roll_factors(self.subject, [leaf.expiry for leaf in self.leaves])
        pairs = zip(self.leaves, factors.tolist(), strict=True)
        held = Role.POSITION.value
        folds = [Fold(loss=-1.0, scale=f) if leaf.role == held else NOTHING for leaf, f in pairs]
        return self.add(folds, Fold())

    def long_options(self) -> int:
        """The set that passes the delta of options that are held long, and of nothing else."""
        instruments = self.subject.rows.instruments
        calls, puts = Fold(loss=0.0), Fold(gain=0.0)  # a long put has a delta below zero
        folds = []
        for leaf in self.leaves:
            held = leaf.role == Role.POSITION.value
            option = held and instruments.kind[leaf.row] == Kind.OPTION.value
            of_option = calls if instruments.is_call[leaf.row] else puts
            folds.append(of_option if option else NOTHING)
        return self.add(folds, Fold())

    def equity(self) -> int:
        """The set that takes haircuts off balances and leaves the rest as it is."""
        rules, balance = self.subject.rules, Role.BALANCE.value
        folds = [
            Fold(gain=1.0 - haircut_of(rules, leaf.underlying)) if leaf.role == balance else Fold()
            for leaf in self.leaves
        ]
        return self.add(folds, Fold())


def weigh(rules: Rules, column: Column) -> tuple[float, float]:
    """Weight and dampener (reporting currency) of a scenario, on P&L in coin at today's index.

    Far moves count `factor` * range / |move| of their P&L in money, turned into coin at the price
    at the edge of the range: (1 + move) / (1 + sign range). Under ``coin.rate = "scenario"`` coins
    count at the price of the scenario instead, of the edge where the move is a far one.
    """
    reach, move = rules.number("matrix.price_range"), column.move
    moved = rules.text("coin.rate") == "scenario"
    if not column.extended:
        return (1.0 + move if moved else 1.0), 0.0
    edge = 1.0 + (reach if move > 0 else -reach)
    rate = edge if moved else 1.0
    far = abs(move) / reach if move else 1.0
    weight = rules.number("extended.factor") / far * (1.0 + move) / edge
    return weight * rate, max(far - 1.0, 0.0) * rules.number("extended.dampener") / edge * rate


def roll_factors(subject: Subject, expiries: Iterable[int]) -> Float:
    """max(exp(annualised move * years) - 1, minimum) of every expiry, the minimum without one."""
    least = subject.rules.number("roll.minimum")
    years = [
        (e - subject.as_of) / NANOSECONDS_PER_YEAR if subject.as_of < e < NO_EXPIRY else 0.0
        for e in expiries
    ]
    move = subject.rules.number("roll.annualised_move") * np.array(years, dtype=np.float64)
    return np.maximum(_core.exponential(move) - 1.0, least)


def _blocks(
    subject: Subject, tree: _Tree, keys: list[Leaf], long_apart: bool
) -> tuple[list[Block], Steps]:
    """What runs through the tree, in the order of the registers that hold its results."""
    columns = columns_of(subject.rules)
    weight = np.array([weigh(subject.rules, c)[0] for c in columns], dtype=np.float64)
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
        pair = [tree.of(Folds(position=Fold())), tree.long_options()]
        blocks.append(_deltas(masks, pair * len(tree.nodes)))
    blocks.append(equity_block(subject.rows, tree.equity()))
    results = sum(len(b.columns) or 1 for b in blocks)
    return blocks, Steps([0.0] * results)


def _of(keys: list[Leaf], node: tuple[str, str, str]) -> Bool:
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


def _outputs(
    rules: Rules, blocks: list[Block], steps: Steps, shocked: list[tuple[str, str, str]]
) -> dict[str, int]:
    """Steps from the results of the blocks to the requirement; the register of every output."""
    with_orders = blocks[1].name == "orders"
    worst, filled, roll = 0, int(with_orders), 1 + with_orders
    delta = steps.constant(0.0)
    for k in range(len(shocked)):
        shock = _delta_shock(rules, steps, roll + 1 + 2 * k)
        delta = steps.apply(Operation.ADD, delta, shock)
    risk = steps.apply(Operation.ADD, worst, roll)
    risk = steps.apply(Operation.ADD, risk, delta)
    orders = steps.apply(Operation.SUBTRACT, filled, worst)
    factor = steps.constant(rules.number("margin.maintenance_factor"))
    return {
        "maintenance": steps.apply(Operation.MULTIPLY, risk, factor),
        "initial": steps.apply(Operation.ADD, risk, orders),
        **equity_outputs(steps, roll + 1 + 2 * len(shocked)),
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
