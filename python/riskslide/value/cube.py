"""Decides what every instrument is worth in every scenario, and sums and worst losses over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np

from .. import _core
from ..book.columns import Float, Int32, Int64, float_matrix
from ..book.instruments import Instruments
from ..book.positions import Positions
from ..errors import refuse
from ..market.market import Market
from ..market.quotes import RiskArray
from ..market.state import State
from ..scenario.shocks import Scenarios
from .revaluation import Revaluation


class Cells(NamedTuple):
    """What a program reads of a cube: values (rows, scenarios), base, delta, notional (rows)."""

    values: Float
    base: Float
    delta: Float
    notional: Float


@dataclass(frozen=True, slots=True, eq=False)
class Cube:
    """values (instrument, scenario): change of one unit's value, in the reporting currency;
    base (instrument): the value of one unit now, 0 for futures and perpetuals;
    delta (instrument): its cash delta, see `cash_delta`; notional (instrument): units of the
    underlying times its spot, see `notional`; both empty where nobody asked for them;
    floored: cells in which a lognormal forward reached zero and was valued at that limit.
    """

    values: Float
    base: Float
    scenarios: Scenarios
    floored: int = 0
    delta: Float = field(default_factory=lambda: np.zeros(0))
    notional: Float = field(default_factory=lambda: np.zeros(0))

    @property
    def cells(self) -> Cells:
        """The arrays that a program reads."""
        return Cells(self.values, self.base, self.delta, self.notional)

    def take(self, rows: Int64) -> Cube:
        """The cube of these rows, in this order."""
        delta, notional = (x[rows] if x.size else x for x in (self.delta, self.notional))
        taken = (self.values[rows], self.base[rows], self.scenarios, self.floored)
        return Cube(*taken, delta, notional)

    @classmethod
    def from_values(cls, values: Any, scenarios: Any = None, base: Any = None) -> Self:
        """A cube of values that come from elsewhere, (instrument, scenario); base defaults to 0."""
        matrix = float_matrix(values, "values")
        if matrix.ndim != 2:
            refuse("E_SHAPE", "values", None, matrix.shape, "must be (instrument, scenario)")
        if scenarios is None:
            scenarios = Scenarios.of(np.ones(matrix.shape[1]))
        if isinstance(scenarios, Scenarios) and len(scenarios) != matrix.shape[1]:
            refuse("E_SHAPE", "scenarios", None, len(scenarios), f"needs {matrix.shape[1]} columns")
        first = float_matrix(np.zeros(matrix.shape[0]) if base is None else base, "base")
        if first.shape != matrix.shape[:1]:
            refuse("E_SHAPE", "base", None, first.shape, f"must hold {matrix.shape[0]} values")
        return cls(matrix, first, scenarios)


class WorstLoss(NamedTuple):
    """loss (row) >= 0 and the lowest index of the scenario it comes from (0: nothing loses)."""

    loss: Float
    scenario: Int32


def revalue(
    instruments: Instruments,
    market: Market | State,
    scenarios: Scenarios,
    *,
    threads: int | None = None,
) -> Cube:
    """Value every instrument in every scenario.

    Coin-settled instruments are turned into the reporting currency at the scenario's coin price.
    Values are of one contract unit; positions of a `Portfolio` are lots of `instruments.lot` units,
    so sums over them want values times lot (`stress` does it, and `Revaluation` with per_lot=True).
    Raises InputError for missing, stale or impossible quotes (see Market.on) and E_OVERFLOW.
    """
    state = market if isinstance(market, State) else market.on(instruments)
    moved = scenarios.on(state)
    values, base, floored = _core.revalue(state.columns(), moved.columns(), threads or 0)
    return Cube(values, base, moved, floored)


def with_arrays(cube: Cube, arrays: Mapping[int, RiskArray]) -> Cube:
    """The cube with the losses of risk arrays in their rows, weights taken off again."""
    values, weight = cube.values.copy(), cube.scenarios.weight
    for row, array in arrays.items():
        if len(array.losses) != weight.size:
            count = len(array.losses)
            refuse("E_SHAPE", "risk_array", row, count, f"must hold {weight.size} losses")
        values[row] = 0.0 - np.array(array.losses) / weight
    return replace(cube, values=values)


def aggregate(
    positions: Positions, cube: Cube | Revaluation, *, threads: int | None = None
) -> Float:
    """P&L (row, scenario): lots times values, summed over each row's positions in index order."""
    if isinstance(cube, Revaluation):
        return cube.core.aggregate(positions.csr, threads or 0)
    return _core.aggregate(positions.csr, cube.values, threads or 0)


def worst_loss(
    positions: Positions, cube: Cube | Revaluation, *, threads: int | None = None
) -> WorstLoss:
    """The largest loss of every row over the scenarios of `cube`, ties to the lowest index."""
    if isinstance(cube, Revaluation):
        return WorstLoss(*cube.core.worst_loss(positions.csr, threads or 0))
    return WorstLoss(*_core.worst_loss(positions.csr, cube.values, threads or 0))
