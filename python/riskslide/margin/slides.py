"""Decides the program of the `slides` method: price times vol, worst cell per underlying.

maintenance = sum over underlyings of the worst loss of its positions, unrealised P&L and
collateral, all revalued in the same scenario; gains of one underlying never pay for another.
initial = initial_factor * the same with every open order that loses filled; equity = collateral +
unrealised P&L + option value.
"""

from __future__ import annotations

import numpy as np

from ..book.portfolio import Role
from ..rules import Spec
from .equity import equity_block, equity_outputs, haircut_of, roles_of
from .program import Block, Fold, Level, Operation, Program, Reduction, Steps, Subject, Tree

SCHEMA = {
    "slides.price_range": Spec("number", 0.0, 0.99),
    "slides.price_points": Spec("odd", 1, 1001),
    "slides.vol_scales": Spec("numbers", 0.0, 100.0),
    "margin.initial_factor": Spec("number", 1.0, 100.0),
}

_FILLED = 1  # set of folds under which orders that lose are filled


def compile_slides(subject: Subject) -> Program:
    """The program of these rows under these scenarios (resolved to risk factors)."""
    rules, rows, scenarios = subject.rules, subject.rows, subject.scenarios
    instruments, role = rows.instruments, roles_of(rows)
    units = instruments.underlyings
    alone = np.where(role == Role.ORDER.value, np.arange(len(rows)), 0)  # an order nets with none
    keys = list(zip(instruments.underlying.tolist(), role.tolist(), alone.tolist(), strict=True))
    leaves = sorted(set(keys))
    number = {leaf: k for k, leaf in enumerate(leaves)}

    def fold(unit: int, kind: int, orders: float) -> Fold:
        """Credits count after haircut, debts in full, by the sign of the shocked balance."""
        if kind == Role.BALANCE.value:
            return Fold(gain=1.0 - haircut_of(rules, units[unit]), biased=True, anchored=True)
        return Fold(gain=0.0, loss=orders) if kind == Role.ORDER.value else Fold()

    parents = [unit for unit, _, _ in leaves]
    folds = [[fold(unit, kind, orders) for unit, kind, _ in leaves] for orders in (0.0, 1.0)]
    with_orders = bool(rows.orders)
    blocks = [Block("slides", Reduction.WORST, weight=scenarios.weight)]
    if with_orders:
        sets = np.full(len(scenarios), _FILLED, dtype=np.int32)
        weight = scenarios.weight
        blocks.append(Block("orders", Reduction.WORST, weight=weight, fold_set=sets))
    steps = Steps([0.0] * (len(blocks) + 3))
    outputs = {"maintenance": 0} | equity_outputs(steps, len(blocks))
    factor = steps.constant(rules.number("margin.initial_factor"))
    filled = len(blocks) - 1
    outputs["initial"] = steps.apply(Operation.MULTIPLY, filled, factor)
    outputs["open_orders"] = steps.apply(Operation.SUBTRACT, filled, 0)
    outputs["maintenance.scenarios"] = 0
    outputs["initial.scenarios"] = steps.apply(Operation.MULTIPLY, 0, factor)
    ordered = steps.apply(Operation.MULTIPLY, outputs["open_orders"], factor)
    outputs["initial.open_orders"] = ordered
    registers, step_rows = steps.columns()
    leaf = np.array([number[key] for key in keys], dtype=np.int32)
    return Program(
        name=rules.name,
        rows=instruments.name,
        lot=rows.lot,
        trees=(Tree(leaf, (Level.of(parents, *folds[: 1 + with_orders]),)),),
        units=units,
        unit_pool=np.zeros(len(units), dtype=np.int32),
        pools=("account",),
        blocks=(*blocks, equity_block(rows)),
        registers=registers,
        steps=step_rows,
        outputs=tuple(outputs),
        output_register=np.array(list(outputs.values()), dtype=np.int32),
        scenarios=scenarios,
        rulebook_sha256=rules.sha256,
    )
