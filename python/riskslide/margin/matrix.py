"""Decides the program of the `risk-matrix` method, which is Deribit's portfolio margin as data.

risk matrix = worst column + roll shock + delta shock; maintenance = maintenance_factor * that;
initial = that + what the worst column loses more with every order filled that loses in it.

A scenario takes its dampener and the offset of its gains at the node, the roll shock the absolute
delta of every expiry below it. Amounts are in the reporting currency, coins at today's index.
docs/methods/deribit.md has the formulas and what is verified of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..book.columns import Bool, Int64
from ..book.portfolio import Role, Rows
from ..rules import Rules, Spec
from ..scenario.matrix import columns_of
from .charges import requirement, weigh
from .equity import equity_block, roles_of
from .netting import Node, Tree, leaves_of
from .program import Block, Measure, Program, Reduction, Steps, Subject
from .program import Tree as NettingTree

SCHEMA = {
    "coin.option_divisor": Spec("text", choices=("forward", "index")),
    "coin.rate": Spec("text", choices=("index", "scenario")),
    "matrix.printed_for": Spec("texts"),
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


def compile_matrix(subject: Subject) -> Program:
    """The program of these rows under these scenarios (resolved to risk factors)."""
    rules, rows = subject.rules, subject.rows
    long_apart = rules.number("delta_shock.slope") > 0
    leaves, of_row = leaves_of(subject, long_apart)
    tree = Tree(subject, leaves)
    blocks = _blocks(subject, tree, of_row, long_apart)
    steps = Steps([0.0] * sum(len(b.columns) or 1 for b in blocks))
    outputs = requirement(rules, blocks, steps, len(tree.nodes) if long_apart else 0)
    registers, step_rows = steps.columns()
    lowest = tree.leaves if long_apart else tree.buckets
    numbered = {leaf: k for k, leaf in enumerate(lowest)}
    lowest_of = [numbered[leaf if long_apart else leaf.bucket] for leaf in leaves]
    leaf = np.array(lowest_of, dtype=np.int32)[of_row]
    return Program(
        name=rules.name,
        rows=rows.instruments.name,
        lot=rows.lot,
        trees=(NettingTree(leaf, tree.levels()[0 if long_apart else 1 :]),),
        units=tuple(tree.pools),
        unit_pool=np.arange(len(tree.pools), dtype=np.int32),
        pools=tuple(tree.pools) or ("account",),  # where an account that holds nothing stands
        blocks=tuple(blocks),
        registers=registers,
        steps=step_rows,
        outputs=tuple(outputs),
        output_register=np.array(list(outputs.values()), dtype=np.int32),
        scenarios=subject.scenarios,
        rulebook_sha256=rules.sha256,
        as_of=subject.as_of,
        coin_at_index=True,
        option_over_index=rules.text("coin.option_divisor") == "index",
    )


def terms_of_matrix(rules: Rules) -> dict[str, Any]:
    """Coins count at today's index; an option's price in coin is over what the rules say."""
    return {"coin_at_index": True, "option_divisor": rules.text("coin.option_divisor")}


def warnings_of_matrix(rules: Rules, rows: Rows) -> tuple[str, ...]:
    """What the user of a program for these rows must know."""
    x = rows.instruments
    found = ["W_COLLATERAL_STILL: balances and unrealised P&L do not move in the scenarios"]
    held = roles_of(rows) == Role.POSITION.value
    dollars = np.flatnonzero(held & ~x.inverse).tolist()
    if dollars:
        what = "contracts that do not settle in their coin count by this project's own rule"
        found.append(f"W_DOLLAR_SETTLED: {what}: {len(dollars)}, such as {x.name[dollars[0]]}")
    printed = rules.texts("matrix.printed_for")
    others = {x.underlyings[u] for u in x.underlying[held].tolist()} - set(printed)
    if others:
        what = f"{', '.join(sorted(others))} takes the parameters of {' and '.join(printed)}"
        found.append(f"W_COIN_PARAMETERS: {what}: the exchange's own differ by coin")
    return tuple(found)


def _blocks(subject: Subject, tree: Tree, of_row: Int64, long_apart: bool) -> list[Block]:
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
    positions = [leaf.role == Role.POSITION.value for leaf in tree.leaves]
    held = np.array(positions, dtype=np.bool_)[of_row]
    blocks.append(_deltas({"roll": held}, [tree.roll()]))
    if long_apart and tree.nodes:
        at = {node: held & _of(tree, node)[of_row] for node in tree.nodes}
        masks = {f"{word}:{':'.join(n)}": at[n] for n in tree.nodes for word in ("all", "long")}
        blocks.append(_deltas(masks, [tree.net(), tree.long_options()] * len(tree.nodes)))
    return [*blocks, equity_block(subject.rows, tree.equity())]


def _of(tree: Tree, node: Node) -> Bool:
    return np.array([leaf.node == node for leaf in tree.leaves], dtype=np.bool_)


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
