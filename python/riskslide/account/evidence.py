"""Decides how one line of an assessment is taken apart again, from what it was computed with."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .. import _core
from ..book.columns import Float, Int32, Int64
from ..book.portfolio import Portfolio, Rows
from ..book.positions import slice_rows
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
        account = self.portfolio.accounts.index(of.account[line])
        positions = slice_rows(self.portfolio.positions.csr, account, account + 1)
        cash: Cash = slice_rows(self.cash, account, account + 1)
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
        """One unit; what is owned contributes what its haircut leaves of its move."""
        scenario, number = int(of.unit_scenario[k]), int(of.unit[k])
        instruments, names = self.rows.instruments, self.rows.instruments.name
        moved = self.cube.values[:, scenario] * self.program.blocks[0].weight[scenario]
        held = [
            (row, lots * float(instruments.lot[row]))
            for row, lots in zip(positions[1].tolist(), positions[2].tolist(), strict=True)
        ]
        held += [
            (row, math.fsum(cash[2][cash[1] == row].tolist()))
            for row in dict.fromkeys(cash[1].tolist())
        ]
        mine = [(row, amount) for row, amount in held if instruments.underlying[row] == number]
        contributions = [
            Contribution(names[row], amount, amount * self.slope(row, mine) * float(moved[row]))
            for row, amount in mine
        ]
        return UnitEvidence(
            unit=of.units[number],
            loss=float(of.unit_loss[k]),
            scenario=scenario,
            label=of.scenarios[scenario],
            grid=grid,
            contributions=tuple(contributions),
        )

    def slope(self, row: int, held: list[tuple[int, float]]) -> float:
        """Share of a row's change that its leaf passes on, by the sign of what the leaf is worth.

        All rows of a biased leaf are the same asset, so that no scenario turns the sign.
        """
        level, node = self.program.levels[0], int(self.program.leaf[row])
        if not level.biased[node]:
            return 1.0
        worth = math.fsum(
            amount * float(self.cube.base[r]) for r, amount in held if self.program.leaf[r] == node
        )
        return float(level.gain[node] if worth >= 0 else level.loss[node])
