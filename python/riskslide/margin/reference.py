"""Decides what the evaluator must find: the same Program walked naively, account by account.

Slow on purpose: dictionaries instead of a plan, `math.fsum` instead of canonical sums. Nothing here
calls the compiled kernel.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..book.columns import Float, Int32, Int64
from ..value.cube import Cells
from ..value.reference import Positions, worst_of
from .program import Block, Level, Measure, Program, Reduction

Cash = tuple[Int64, Int32, Float]


class Holding(NamedTuple):
    """Contract units or an amount of one row."""

    row: int
    quantity: float


class Line(NamedTuple):
    """One (account, pool) with its holdings by unit."""

    account: int
    pool: int
    units: dict[int, list[Holding]]


def evaluate(program: Program, cube: Cells, positions: Positions, cash: Cash) -> dict[str, Any]:
    """One line per (account, pool); the keys and shapes of `_core.evaluate`."""
    lines = _lines(program, positions, cash)
    worst_blocks = [b for b in program.blocks if b.reduction == Reduction.WORST.value]
    losses: list[list[tuple[float, int]]] = []
    outputs = []
    for line in lines:
        results: list[float] = []
        found: dict[int, list[tuple[float, int]]] = {unit: [] for unit in line.units}
        for block in program.blocks:
            columns = {
                unit: _columns(program, block, cube, held) for unit, held in line.units.items()
            }
            if block.reduction == Reduction.WORST.value:
                for unit, sums in columns.items():
                    found[unit].append(worst_of(sums))
                results.append(math.fsum(found[unit][-1][0] for unit in line.units))
            else:
                width = _width(block, cube.values)
                results += [math.fsum(sums[c] for sums in columns.values()) for c in range(width)]
        losses += found.values()
        outputs.append(_outputs(program, results))
    shape = (len(losses), len(worst_blocks))
    unit_count = [len(line.units) for line in lines]
    return {
        "account": np.array([line.account for line in lines], dtype=np.int64),
        "pool": np.array([line.pool for line in lines], dtype=np.int32),
        "outputs": np.array(outputs, dtype=np.float64).reshape(len(lines), len(program.outputs)),
        "unit_offsets": np.cumsum([0, *unit_count], dtype=np.int64),
        "unit": np.array([u for line in lines for u in line.units], dtype=np.int32),
        "unit_loss": np.array([[x for x, _ in u] for u in losses]).reshape(shape),
        "unit_scenario": np.array([[s for _, s in u] for u in losses], dtype=np.int32).reshape(
            shape
        ),
    }


def grid(
    program: Program,
    block: int,
    cube: Cells,
    positions: Positions,
    cash: Cash,
) -> Float:
    """P&L (units, columns) of one block, units in the order of `evaluate`."""
    chosen = program.blocks[block]
    rows = [
        _columns(program, chosen, cube, held)
        for line in _lines(program, positions, cash)
        for held in line.units.values()
    ]
    return np.array(rows, dtype=np.float64).reshape(len(rows), _width(chosen, cube.values))


def _lines(program: Program, positions: Positions, cash: Cash) -> list[Line]:
    """Every (account, pool) that holds something; an account with nothing has a line in pool 0."""
    lines = []
    for account in range(positions[0].size - 1):
        pools: dict[int, dict[int, list[Holding]]] = {}
        for offsets, index, quantity in (positions, cash):
            for k in range(int(offsets[account]), int(offsets[account + 1])):
                row = int(index[k])
                unit = _unit_of(program, row)
                held = Holding(row, quantity[k].item() * float(program.lot[row]))
                pool = pools.setdefault(int(program.unit_pool[unit]), {})
                pool.setdefault(unit, []).append(held)
        if not pools:
            lines.append(Line(account, 0, {}))
        for number, units in sorted(pools.items()):
            lines.append(Line(account, number, dict(sorted(units.items()))))
    return lines


def _unit_of(program: Program, row: int) -> int:
    node = int(program.leaf[row])
    for level in program.levels:
        node = int(level.parent[node])
    return node


def _width(block: Block, values: Float) -> int:
    return len(block.columns) if block.attribute.size else values.shape[1]


def _columns(
    program: Program,
    block: Block,
    cube: Cells,
    held: list[Holding],
) -> list[float]:
    """P&L of one unit's holdings in every column of a block, folded level by level."""
    is_scenarios = block.attribute.size == 0
    worth: dict[int, list[float]] = {}
    for h in held:
        worth.setdefault(int(program.leaf[h.row]), []).append(h.quantity * float(cube.base[h.row]))
    bias = {leaf: math.fsum(parts) if is_scenarios else 0.0 for leaf, parts in worth.items()}
    out = []
    for c in range(_width(block, cube.values)):
        fold_set = int(block.fold_set[c]) if block.fold_set.size else 0
        changes: dict[int, list[float]] = {}
        for h in held:
            change = _cell(block, cube, h.row, c, is_scenarios)
            changes.setdefault(int(program.leaf[h.row]), []).append(h.quantity * change)
        sums = {node: math.fsum(parts) for node, parts in changes.items()}
        for depth, level in enumerate(program.levels):
            passed: dict[int, list[float]] = {}
            for node, change in sums.items():
                biased = depth == 0 and bool(level.biased[fold_set, node])
                at = (fold_set, node)
                folded = _fold(level, at, change, bias[node] if biased else 0.0)
                passed.setdefault(int(level.parent[node]), []).append(folded)
            sums = {node: math.fsum(parts) for node, parts in passed.items()}
        out.append(math.fsum(sums.values()))
    return out


def _cell(block: Block, cube: Cells, row: int, column: int, is_scenarios: bool) -> float:
    if is_scenarios:
        return float(cube.values[row, column]) * float(block.weight[column])
    counted = float(block.attribute[row, column])
    if block.measure == Measure.ONE.value:
        return counted
    return counted * float((cube.base if block.measure == Measure.VALUE else cube.delta)[row])


def _fold(level: Level, node: tuple[int, int], change: float, bias: float) -> float:
    """What a node passes on: scale * (f(change + bias) - (f(bias) if anchored else bias))."""
    gain, loss, cap = float(level.gain[node]), float(level.loss[node]), float(level.cap[node])
    deadband = float(level.deadband[node])

    def f(z: float) -> float:
        drawn = max(abs(z) - deadband, 0.0)
        return min(gain * drawn, cap) if z >= 0 else -loss * drawn

    return float(level.scale[node]) * (
        f(change + bias) - (f(bias) if level.anchored[node] else bias)
    )


def _outputs(program: Program, results: list[float]) -> list[float]:
    """The output registers after every step."""
    registers = [*results, *program.registers[len(results) :].tolist()]
    for operation, target, left, right in program.steps.tolist():
        a, b = registers[left], registers[right]
        registers[target] = (a + b, a - b, a * b, min(a, b), max(a, b))[operation]
    return [registers[k] for k in program.output_register.tolist()]
