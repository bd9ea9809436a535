"""Decides value at risk and expected shortfall of whole books over thousands of scenarios."""

from __future__ import annotations

from typing import NamedTuple

from .. import _core
from ..book.columns import Float, Int32
from ..book.positions import Positions
from .cube import Cube
from .revaluation import Revaluation


class Tail(NamedTuple):
    """value_at_risk, expected_shortfall (rows): losses, negative where even the tail gains.

    scenario (rows, tail): the columns that make the tail, ascending; of equal losses at its edge
    the lowest belong to it.
    """

    value_at_risk: Float
    expected_shortfall: Float
    scenario: Int32


def tail(
    positions: Positions,
    cube: Cube | Revaluation,
    *,
    level: float = 0.975,
    threads: int | None = None,
) -> Tail:
    """Tail of every row's P&L over the scenarios of `cube`, each of them as likely.

    With losses ascending L(1) .. L(n) and k = ceil(n level), n level rounded to nine decimals:
    value at risk L(k), shortfall (sum of L(i), i > k, + (k - n level) L(k)) / (n (1 - level)). P&L
    is held for a block of rows at a time, 256 MiB at most; of a `Revaluation` half of its memory,
    and what a block holds is valued anew for each block. Raises InputError (`E_RANGE` for a level
    that is not between 0 and 1, `E_SHAPE`, `E_OVERFLOW`). Source: Acerbi and Tasche (2002), ES of a
    discontinuous distribution.

    >>> import numpy as np
    >>> one = Positions.from_columns([0], [0], [1])
    >>> found = tail(one, Cube.from_values([-np.arange(1.0, 11.0)]), level=0.75)
    >>> float(found.value_at_risk[0]), float(found.expected_shortfall[0])
    (8.0, 9.2)
    """
    if isinstance(cube, Revaluation):
        return Tail(*cube.core.tail(positions.csr, level, threads or 0))
    return Tail(*_core.tail(positions.csr, cube.values, level, threads or 0))
