"""Decides how one line of an assessment is taken apart again, from what it was computed with."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .. import _core
from ..book.columns import Float, Int32, Int64
from ..book.portfolio import Portfolio, Role, Rows
from ..book.positions import take_rows
from ..margin.program import Program
from ..value.cube import Cube
from .verdict import Assessment, Contribution, Evidence, UnitEvidence, shares

Cash = tuple[Int64, Int32, Float]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What an assessment was computed from."""

    portfolio: Portfolio
    rows: Rows
    cube: Cube
    program: Program
    cash: Cash

    def evidence(self, of: Assessment, line: int) -> Evidence:
        """Evidence of one line: every unit's grid, worst scenario and contributions."""
        account = np.array([self.portfolio.accounts.index(of.account[line])], dtype=np.int64)
        positions = take_rows(self.portfolio.positions.csr, account)
        cash: Cash = take_rows(self.cash, account)
        grid = _core.grid(self.program.core, 0, self.cube.values, self.cube.base, positions, cash)
        found = range(int(of.unit_offsets[line]), int(of.unit_offsets[line + 1]))
        first = int(of.unit_offsets[of.line(of.account[line])])
        units = tuple(
            self.unit(of, k, tuple(grid[k - first].tolist()), positions, cash) for k in found
        )
        maintenance, parts = shares(float(of.maintenance[line]), [u.loss for u in units])
        components = ("collateral", "unrealised_pnl", "option_value")
        equity, pieces = shares(
            float(of.equity[line]), [float(getattr(of, c)[line]) for c in components]
        )
        return Evidence(
            account=of.account[line],
            pool=of.pool[line],
            maintenance=maintenance,
            maintenance_parts=dict(zip((u.unit for u in units), parts, strict=True)),
            initial=round(float(of.initial[line]) * 1e9),
            equity=equity,
            equity_parts=dict(zip(components, pieces, strict=True)),
            units=units,
            rulebook_sha256=of.rulebook_sha256,
            program_sha256=of.program_sha256,
        )

    def unit(
        self,
        of: Assessment,
        k: int,
        grid: tuple[float, ...],
        positions: tuple[Int64, Int32, Int64],
        cash: Cash,
    ) -> UnitEvidence:
        """One unit; balances contribute what their haircut leaves of their move."""
        scenario, number = int(of.unit_scenario[k]), int(of.unit[k])
        instruments, names = self.rows.instruments, self.rows.instruments.name
        moved = self.cube.values[:, scenario]
        weight = float(self.program.blocks[0].weight[scenario])
        contributions = []
        for row, lots in zip(positions[1].tolist(), positions[2].tolist(), strict=True):
            if instruments.underlying[row] == number:
                quantity = lots * float(instruments.lot[row])
                pnl = quantity * float(moved[row]) * weight
                contributions.append(Contribution(names[row], quantity, pnl))
        for row in np.unique(cash[1]).tolist():
            if instruments.underlying[row] == number:
                amount = math.fsum(cash[2][cash[1] == row].tolist())
                kept = self.fold(row, amount, float(moved[row]) * weight)
                contributions.append(Contribution(names[row], amount, kept))
        return UnitEvidence(
            unit=of.units[number],
            loss=float(of.unit_loss[k]),
            scenario=scenario,
            label=of.scenarios[scenario],
            grid=grid,
            contributions=tuple(contributions),
        )

    def fold(self, row: int, amount: float, moved: float) -> float:
        """Change of a cash row as its leaf passes it on."""
        if self.rows.role[row] != Role.BALANCE:
            return amount * moved
        level, node = self.program.levels[0], int(self.program.leaf[row])
        base = amount * float(self.cube.base[row])

        def kept(x: float) -> float:
            return float(level.gain[node] if x >= 0 else level.loss[node]) * x

        return kept(base + amount * moved) - kept(base)
