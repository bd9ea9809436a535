"""Decides how one line of an assessment is taken apart again, from what it was computed with."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .. import _core
from ..book.columns import Float, Int32, Int64
from ..book.portfolio import Role, Rows
from ..book.positions import Positions, slice_rows
from ..margin.equity import EQUITY
from ..margin.program import Level, Program, Tree
from ..market.state import State
from ..value.cube import Cube
from .verdict import (
    SCENARIOS,
    Assessment,
    Contribution,
    Evidence,
    Stage,
    UnitEvidence,
    parts_of,
    shares,
)

Cash = tuple[Int64, Int32, Float]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What an assessment was computed from."""

    accounts: tuple[str, ...]
    rows: Rows
    state: State
    cube: Cube
    program: Program
    positions: Positions
    cash: Cash

    def evidence(self, of: Assessment, line: int) -> Evidence:
        """Evidence of one line: every unit's grid, worst scenario and contributions."""
        account = self.accounts.index(of.account[line])
        first = of.account.index(of.account[line])  # its lines lie together
        positions = slice_rows(self.positions.csr, account, account + 1)
        cash: Cash = slice_rows(self.cash, account, account + 1)
        held = self.held(positions, cash)
        found = range(int(of.unit_offsets[line]), int(of.unit_offsets[line + 1]))
        before = int(of.unit_offsets[first])
        figures = self.figures(positions, cash)[found.start - before : found.stop - before]

        def units_of(block: int) -> tuple[UnitEvidence, ...]:
            group, grid = _core.grid(self.program.core, block, self.cube.cells, positions, cash)
            rows = dict(zip(group.tolist(), grid.tolist(), strict=True))
            nothing = [0.0] * grid.shape[1]  # of a unit without a row in the tree
            numbers = [int(of.unit[k]) for k in found]
            return tuple(
                self.unit(of, block, n, rows.get(n, nothing), held, own)
                for n, own in zip(numbers, figures, strict=True)
            )

        units = units_of(0)
        blocks = enumerate(self.program.blocks)
        filled = [k for k, block in blocks if block.name == "orders" and self.rows.orders]
        factor = of.components.get("maintenance_factor")
        share = 1.0 if factor is None else float(factor[line])
        losses = {u.unit: share * u.loss for u in units}
        losses |= {
            name: float(x[line])
            for name, x in parts_of(of.components, "maintenance").items()
            if name != SCENARIOS
        }
        maintenance, parts = shares(float(of.maintenance[line]), list(losses.values()))
        asked = parts_of(of.components, "initial")
        initial, of_initial = shares(
            float(of.initial[line]), [float(x[line]) for x in asked.values()]
        )
        equity, pieces = shares(
            float(of.equity[line]), [float(getattr(of, c)[line]) for c in EQUITY]
        )
        return Evidence(
            account=of.account[line],
            pool=of.pool[line],
            maintenance=maintenance,
            maintenance_parts=dict(zip(losses, parts, strict=True)),
            components={n: float(x[line]) for n, x in of.components.items()},
            initial=initial,
            initial_parts=dict(zip(asked, of_initial, strict=True)),
            equity=equity,
            equity_parts=dict(zip(EQUITY, pieces, strict=True)),
            units=units,
            filled=units_of(filled[0]) if filled else (),
            rulebook_sha256=of.rulebook_sha256,
            program_sha256=of.program_sha256,
        )

    def held(
        self, positions: tuple[Int64, Int32, Int64], cash: tuple[Int64, Int32, Float]
    ) -> list[tuple[int, float]]:
        """Contract units, or the amount, of every row that an account holds."""
        lot = self.program.lot
        found = [
            (row, lots * float(lot[row]))
            for row, lots in zip(positions[1].tolist(), positions[2].tolist(), strict=True)
        ]
        return found + [
            (row, math.fsum(cash[2][cash[1] == row].tolist()))
            for row in dict.fromkeys(cash[1].tolist())
        ]

    def figures(self, positions: tuple[Int64, Int32, Int64], cash: Cash) -> list[dict[str, float]]:
        """What the outputs sum, of every unit of an account in the order of its lines."""
        program = self.program
        at = zip(program.outputs, program.output_register.tolist(), strict=True)
        summed = {name: int(program.sums[r]) for name, r in at if r < program.sums.size}
        rows = _core.unit_figures(program.core, self.cube.cells, positions, cash)
        return [{name: row[r] for name, r in summed.items()} for row in rows.tolist()]

    def unit(
        self,
        of: Assessment,
        number: int,
        unit: int,
        grid: list[float],
        held: list[tuple[int, float]],
        figures: dict[str, float],
    ) -> UnitEvidence:
        """One unit in block `number`; every row of its tree contributes what its leaf passes on of
        its move."""
        block, names = self.program.blocks[number], self.rows.instruments.name
        least = min(grid)
        scenario = grid.index(least) if least < 0 else 0
        factor = float(block.factor[scenario]) if block.factor.size else 1.0
        moved = self.cube.values[:, block.first + scenario] * block.weight[scenario] * factor
        fold_set = int(block.fold_set[scenario]) if block.fold_set.size else 0
        mine = [(row, amount) for row, amount in held if self.program.unit_of(row) == unit]
        tree = self.program.trees[block.tree]
        inside = [(row, amount) for row, amount in mine if tree.leaf[row] >= 0]
        change = {row: amount * float(moved[row]) for row, amount in inside}
        passed, stages = self.passed(tree, change, inside, fold_set)
        contributions = [
            Contribution(names[row], amount, passed.get(row, 0.0))
            for row, amount in mine
            if number > 0 or self.rows.role[row] != Role.ORDER.value
        ]
        return UnitEvidence(
            unit=of.units[unit],
            loss=max(0.0, -least),
            scenario=scenario,
            label=of.scenarios[scenario],
            grid=tuple(grid),
            contributions=tuple(contributions),
            stages=stages,
            figures=figures,
        )

    def passed(
        self, tree: Tree, change: dict[int, float], held: list[tuple[int, float]], fold_set: int
    ) -> tuple[dict[int, float], tuple[Stage, ...]]:
        """What of each row's change the nodes above it pass on, as far up as they only slope: a
        node with a deadband or a cap takes the sum as it is; and every node on the way.

        A slope goes by the sign of what the node folds; the tiers and the cap of a balance take the
        same part of every row of it.
        """
        node = {row: int(tree.leaf[row]) for row in change}
        stages: list[Stage] = []
        for depth, level in enumerate(tree.levels):
            sums: dict[int, list[float]] = {}
            worth: dict[int, list[float]] = {}
            for row, amount in held:
                sums.setdefault(node[row], []).append(change[row])
                biased = depth == 0 and bool(level.biased[fold_set, node[row]])
                base = amount * float(self.cube.base[row]) if biased else 0.0
                worth.setdefault(node[row], []).append(base)
            bends = [n for n in sums if level.deadband[fold_set, n] != 0.0 or _caps(level, n)]
            if any(not level.biased[fold_set, n] for n in bends) or level.worst[fold_set].any():
                break
            rows_of: dict[int, list[int]] = {}
            for row, _ in held:
                rows_of.setdefault(node[row], []).append(row)
            for n, rows in rows_of.items():
                parts = _parts(level, (fold_set, n), sums[n], worth[n])
                change |= dict(zip(rows, parts, strict=True))
                on = self.underlyings(rows)
                stages.append(Stage(depth, on, math.fsum(sums[n]), math.fsum(parts)))
            node = {row: int(level.parent[n]) for row, n in node.items()}
        return change, tuple(stages)

    def underlyings(self, rows: list[int]) -> tuple[str, ...]:
        """What these rows are on, each once."""
        x = self.rows.instruments
        return tuple(sorted({x.underlyings[x.underlying[row]] for row in rows}))


def _caps(level: Level, node: int) -> bool:
    return bool((level.cap[:, node] != math.inf).any())


def _parts(
    level: Level, at: tuple[int, int], changes: list[float], worths: list[float]
) -> list[float]:
    """What a node passes on, by row: it adds up to the whole.

    Where one slope holds, each row passes its own part of the change, and of its base value what
    the slope takes off that where the node is not anchored. Else all take the same part.
    """
    change, bias = math.fsum(changes), math.fsum(worths)
    anchored, scale = bool(level.anchored[at]), float(level.scale[at])
    slope = float(level.gain[at] if change + bias >= 0.0 else level.loss[at])
    passed = scale * (_counted(level, at, change + bias) - _before(level, at, bias))
    straight = not (level.tiers and level.tiers[at[1]]) and level.cap[at] == math.inf
    if straight and not (anchored and bias * (change + bias) < 0.0):
        off = 0.0 if anchored else slope - 1.0
        parts = [scale * (slope * x + off * b) for x, b in zip(changes, worths, strict=True)]
    elif change != 0.0:
        parts = [passed * (x / change) for x in changes]
    else:
        parts = [passed * (b / bias) if bias else 0.0 for b in worths]
    turned = bool(level.against[at]) and passed > 0.0
    return [-x for x in parts] if turned else parts


def _before(level: Level, at: tuple[int, int], bias: float) -> float:
    return _counted(level, at, bias) if level.anchored[at] else bias


def _counted(level: Level, at: tuple[int, int], worth: float) -> float:
    """What a node without a deadband counts of its worth."""
    if worth < 0.0:
        return float(level.loss[at]) * worth
    tiers = level.tiers[at[1]] if level.tiers else ()
    ends = (*(start for start, _ in tiers), math.inf)
    gains = (float(level.gain[at]), *(gain for _, gain in tiers))
    slices = zip((0.0, *ends), ends, gains, strict=False)
    counted = math.fsum(
        gain * (min(worth, end) - start) for start, end, gain in slices if worth > start
    )
    return min(counted, float(level.cap[at]))
