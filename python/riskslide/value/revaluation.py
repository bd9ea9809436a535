"""Decides what a cube that is never held is: its cells are valued while sums read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import _core
from ..book.columns import Float
from ..book.instruments import Instruments
from ..errors import refuse
from ..market.market import Market
from ..market.state import State
from ..scenario.shocks import Scenarios


@dataclass(frozen=True, slots=True, eq=False)
class Revaluation:
    """What `revalue` would give, for `aggregate`, `worst_loss` and `tail` without the matrix.

    The results are the same to the bit. Blocks of columns of the instruments that are held by
    somebody are valued as they are needed, in `memory` bytes or less, though never less than 16
    columns of all instruments and one row of sums; results and the scenarios come on top. per_lot:
    cells count one lot times the weight of the scenario, as `stress` does, not one contract unit;
    positions of a `Portfolio` are lots, so that their sums are money with per_lot=True alone.
    threads: of the values now, made here; sums take their own.
    Raises InputError as `revalue` does; `E_OVERFLOW` of a cell when it is met.
    """

    instruments: Instruments
    market: Market | State
    scenarios: Scenarios
    per_lot: bool = False
    memory: int = 2**30
    threads: int | None = None
    state: State = field(init=False, repr=False)
    core: _core.Revaluation = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.memory, bool) or not isinstance(self.memory, int) or self.memory < 1:
            refuse("E_RANGE", "memory", None, self.memory, "must be a whole number of bytes, >= 1")
        market = self.market
        state = market if isinstance(market, State) else market.on(self.instruments)
        moved = self.scenarios.on(state)
        none = np.zeros(0)
        factors: tuple[Any, Any] = (none, none)
        if self.per_lot:
            factors = (self.instruments.lot, moved.weight)
        columns = state.columns(), moved.columns()
        core = _core.Revaluation(*columns, *factors, self.memory, self.threads or 0)
        object.__setattr__(self, "state", state)
        object.__setattr__(self, "core", core)

    @property
    def base(self) -> Float:
        """Value of one unit of every instrument now, as `Cube.base`."""
        return self.core.base

    @property
    def floored(self) -> int:
        """Cells in which a lognormal forward reached zero, as `Cube.floored`."""
        return int(self.core.floored)
