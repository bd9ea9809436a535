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
from .program import Block, Level, Measure, Program, Reduction, Tree

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
        of_units = []
        for unit, held in line.units.items():
            results, found = _results(program, cube, held)
            losses.append(found)
            of_units.append(_unit_registers(program, unit, results))
        outputs.append(_outputs(program, list(line.units), of_units))
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


def _results(
    program: Program, cube: Cells, held: list[Holding]
) -> tuple[list[float], list[tuple[float, int]]]:
    """Results of every block for one unit, and (loss, scenario) of those of worst columns."""
    results: list[float] = []
    found: list[tuple[float, int]] = []
    for block in program.blocks:
        columns = _groups(program, block, cube, held)
        if block.reduction == Reduction.WORST.value:
            worst = [worst_of(sums) for sums in columns.values()]
            largest = max(worst, key=lambda x: x[0], default=(0.0, 0))
            found.append((math.fsum(loss for loss, _ in worst), largest[1]))
            results.append(found[-1][0])
        else:
            results += [math.fsum(sums[c] for sums in columns.values()) for c in range(block.width)]
    return results, found


def grid(
    program: Program,
    block: int,
    cube: Cells,
    positions: Positions,
    cash: Cash,
) -> tuple[Int32, Float]:
    """(group, P&L (groups, columns)) of one block, groups in the order of units."""
    chosen = program.blocks[block]
    rows = [
        item
        for _, held in _units(_lines(program, positions, cash))
        for item in _groups(program, chosen, cube, held).items()
    ]
    groups = np.array([g for g, _ in rows], dtype=np.int32)
    values = np.array([sums for _, sums in rows], dtype=np.float64)
    return groups, values.reshape(len(rows), chosen.width)


def unit_figures(program: Program, cube: Cells, positions: Positions, cash: Cash) -> Float:
    """Registers (units, registers of a unit) after the steps of every unit, in their order."""
    rows = [
        _unit_registers(program, unit, _results(program, cube, held)[0])
        for unit, held in _units(_lines(program, positions, cash))
    ]
    own = program.unit_registers.shape[1] if program.unit_registers.size else 0
    width = own or sum(b.registers for b in program.blocks)
    return np.array(rows, dtype=np.float64).reshape(len(rows), width)


def _units(lines: list[Line]) -> list[tuple[int, list[Holding]]]:
    """Every unit of every line, in order, with its holdings."""
    return [item for line in lines for item in line.units.items()]


def _lines(program: Program, positions: Positions, cash: Cash) -> list[Line]:
    """Every (account, pool) that holds something; an account with nothing has a line in pool 0."""
    lines = []
    for account in range(positions[0].size - 1):
        pools: dict[int, dict[int, list[Holding]]] = {}
        for offsets, index, quantity in (positions, cash):
            for k in range(int(offsets[account]), int(offsets[account + 1])):
                row = int(index[k])
                unit = program.unit_of(row)
                if unit < 0:
                    continue
                held = Holding(row, quantity[k].item() * float(program.lot[row]))
                pool = pools.setdefault(int(program.unit_pool[unit]), {})
                pool.setdefault(unit, []).append(held)
        if not pools:
            lines.append(Line(account, 0, {}))
        for number, units in sorted(pools.items()):
            lines.append(Line(account, number, dict(sorted(units.items()))))
    return lines


def _group_of(tree: Tree, row: int) -> int:
    """The root that a row leads to; -1 where it is not in the tree."""
    node = int(tree.leaf[row])
    for level in tree.levels if node >= 0 else ():
        node = int(level.parent[node])
    return node


def _groups(
    program: Program, block: Block, cube: Cells, held: list[Holding]
) -> dict[int, list[float]]:
    """P&L in every column of a block, of every group that one unit's holdings stand in."""
    tree = program.trees[block.tree]
    groups: dict[int, list[Holding]] = {}
    for h in held:
        groups.setdefault(_group_of(tree, h.row), []).append(h)
    groups.pop(-1, None)
    return {g: _columns(tree, block, cube, groups[g]) for g in sorted(groups)}


def _columns(tree: Tree, block: Block, cube: Cells, held: list[Holding]) -> list[float]:
    """P&L of one group's holdings in every column of a block, folded level by level."""
    is_scenarios = block.attribute.size == 0
    worth: dict[int, list[float]] = {}
    for h in held:
        worth.setdefault(int(tree.leaf[h.row]), []).append(h.quantity * float(cube.base[h.row]))
    bias = {leaf: math.fsum(parts) if is_scenarios else 0.0 for leaf, parts in worth.items()}
    columns = range(block.width)
    sets = block.fold_set.tolist() if block.fold_set.size else [0] * block.width
    changes: dict[int, list[list[float]]] = {}
    for h in held:
        cells = [h.quantity * _cell(block, cube, h.row, c, is_scenarios) for c in columns]
        cells = [abs(x) for x in cells] if block.gross else cells
        changes.setdefault(int(tree.leaf[h.row]), []).append(cells)
    sums = {node: _added(rows) for node, rows in changes.items()}
    for depth, level in enumerate(tree.levels):
        passed: dict[int, list[list[float]]] = {}
        for node, change in sums.items():
            folded = []
            for c in columns:
                at = (sets[c], node)
                held_before = bias[node] if depth == 0 and level.biased[at] else 0.0
                folded.append(_fold(level, at, change[c], held_before, is_scenarios))
            if columns and level.worst[sets[0], node]:
                folded = [min([0.0, *folded])] + [0.0] * (len(columns) - 1)
            passed.setdefault(int(level.parent[node]), []).append(folded)
        sums = {node: _added(rows) for node, rows in passed.items()}
    factor = block.factor.tolist() if block.factor.size else [1.0] * block.width
    total = _added(list(sums.values()))
    return [f * x for f, x in zip(factor, total, strict=True)]


def _added(rows: list[list[float]]) -> list[float]:
    """Sums by column."""
    return [math.fsum(column) for column in zip(*rows, strict=True)]


def _cell(block: Block, cube: Cells, row: int, column: int, is_scenarios: bool) -> float:
    if is_scenarios:
        value = float(cube.values[row, block.first + column])
        return value * float(block.weight[column])
    counted = float(block.attribute[row, column])
    if block.measure == Measure.ONE.value:
        return counted
    measured = {Measure.VALUE: cube.base, Measure.DELTA: cube.delta}
    return counted * float(measured.get(Measure(block.measure), cube.notional)[row])


def _fold(
    level: Level, node: tuple[int, int], change: float, bias: float, is_scenarios: bool
) -> float:
    """What a node passes on: scale * (f(change + bias) - (f(bias) if anchored else bias))."""
    gain, loss, cap = float(level.gain[node]), float(level.loss[node]), float(level.cap[node])
    deadband = float(level.deadband[node])
    tiers = level.tiers[node[1]] if level.tiers else ()

    def f(z: float) -> float:
        drawn = max(abs(z) - deadband, 0.0)
        return min(_tiered(drawn, gain, tiers), cap) if z >= 0 else -loss * drawn

    anchored = is_scenarios and bool(level.anchored[node])
    passed = float(level.scale[node]) * (f(change + bias) - (f(bias) if anchored else bias))
    return -abs(passed) if level.against[node] else passed


def _tiered(size: float, gain: float, tiers: tuple[tuple[float, float], ...]) -> float:
    """gain up to the first start, then that of every tier on what lies in it."""
    ends = [start for start, _ in tiers] + [math.inf]
    slices = zip([0.0, *ends[:-1]], ends, [gain, *(g for _, g in tiers)], strict=True)
    return math.fsum(g * (min(size, end) - start) for start, end, g in slices if size > start)


def _unit_registers(program: Program, unit: int, results: list[float]) -> list[float]:
    """Registers of a unit after its steps: those of the blocks where it has none of its own."""
    if program.unit_registers.size == 0:
        return results
    rest = program.unit_registers[unit, len(results) :].tolist()
    return _stepped([*results, *rest], program.unit_steps)


def _outputs(program: Program, numbers: list[int], units: list[list[float]]) -> list[float]:
    """The output registers of a line, whose units have these registers, after every step."""
    registers = line_figures(program, numbers, units)
    return [registers[k] for k in program.output_register.tolist()]


def line_figures(program: Program, numbers: list[int], units: list[list[float]]) -> list[float]:
    """Registers of a line after its steps, from those of its units, which have these numbers."""
    own = program.unit_registers.size > 0
    width = sum(b.registers for b in program.blocks)
    summed = program.sums.tolist() if own else range(width)
    sums = [math.fsum(registers[k] for registers in units) for k in summed]
    return _stepped(gathered(program, sums, numbers, units), program.steps)


def gathered(
    program: Program, sums: list[float], numbers: list[int], units: list[list[float]]
) -> list[float]:
    """Registers of a line before its steps: sums, what it sees of single units, constants."""
    registers = [*sums, *program.registers[len(sums) :].tolist()]
    for number, of_unit in zip(numbers, units, strict=True) if program.lift_to.size else ():
        first = int(program.lift_to[number])
        for k, lifted in enumerate(program.lifted.tolist() if first >= 0 else ()):
            registers[first + k] = of_unit[lifted]
    return registers


def _stepped(registers: list[float], steps: Int32) -> list[float]:
    for operation, target, left, right in steps.tolist():
        a, b = registers[left], registers[right]
        over = a / b if b else 0.0
        results = (a + b, a - b, a * b, min(a, b), max(a, b), float(a > b), over)
        registers[target] = results[operation]
    return registers
