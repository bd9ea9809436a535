"""Decides the program of the `slides` method: price times vol, worst cell per underlying.

maintenance = sum over underlyings of the worst loss of its positions, unrealised P&L and
collateral, all revalued in the same scenario; gains of one underlying never pay for another.
initial = initial_factor * maintenance; equity = collateral + unrealised P&L + option value.
"""

from __future__ import annotations

import numpy as np

from ..book.instruments import Kind
from ..book.portfolio import Role, Rows
from ..rules import Rules
from ..scenario.shocks import Scenarios
from .program import Block, Fold, Level, Operation, Program, Reduction, Steps

EQUITY = ("collateral", "unrealised_pnl", "option_value")


def haircut_fold(rules: Rules, asset: str) -> Fold:
    """Credits count after haircut, debts in full, by the sign of the shocked balance.

    An asset that the rule book does not list takes the haircut of the others.
    """
    listed = rules.table("collateral.haircut")
    haircut = listed.get(asset, rules.number("collateral.haircut_other"))
    return Fold(gain=1.0 - haircut, biased=True, anchored=True)


def compile_slides(rules: Rules, rows: Rows, scenarios: Scenarios) -> Program:
    """The program of these rows under these scenarios (resolved to risk factors)."""
    instruments = rows.instruments
    units = instruments.underlyings
    owned = (rows.role == Role.POSITION.value) & (instruments.kind == Kind.SPOT.value)
    role = np.where(owned, Role.BALANCE.value, rows.role)  # a coin is a coin, however it is held
    keys = list(zip(instruments.underlying.tolist(), role.tolist(), strict=True))
    leaves = sorted(set(keys))
    number = {leaf: k for k, leaf in enumerate(leaves)}
    nodes = [
        (unit, haircut_fold(rules, units[unit]) if kind == Role.BALANCE.value else Fold())
        for unit, kind in leaves
    ]
    is_option = instruments.kind == Kind.OPTION.value
    masks = (role == Role.BALANCE.value, role == Role.PNL.value, is_option)
    steps = Steps([0.0] * (1 + len(EQUITY)))
    maintenance, collateral, unrealised, option_value = range(4)
    factor = steps.constant(rules.number("margin.initial_factor"))
    initial = steps.apply(Operation.MULTIPLY, maintenance, factor)
    backed = steps.apply(Operation.ADD, collateral, unrealised)
    equity = steps.apply(Operation.ADD, backed, option_value)
    registers, step_rows = steps.columns()
    outputs = {
        "maintenance": maintenance,
        "initial": initial,
        "equity": equity,
        "collateral": collateral,
        "unrealised_pnl": unrealised,
        "option_value": option_value,
    }
    return Program(
        name=rules.name,
        rows=instruments.name,
        leaf=np.array([number[key] for key in keys], dtype=np.int32),
        lot=np.where(rows.role == Role.POSITION.value, instruments.lot, 1.0),
        levels=(Level.of(nodes),),
        units=units,
        unit_pool=np.zeros(len(units), dtype=np.int32),
        pools=("account",),
        blocks=(
            Block("slides", Reduction.WORST, weight=scenarios.weight),
            Block(
                "equity",
                Reduction.EACH,
                columns=EQUITY,
                attribute=np.stack(masks, axis=1).astype(np.float64),
                of_base=True,
            ),
        ),
        registers=registers,
        steps=step_rows,
        outputs=tuple(outputs),
        output_register=np.array(list(outputs.values()), dtype=np.int32),
        scenarios=scenarios,
        rulebook_sha256=rules.sha256,
    )
