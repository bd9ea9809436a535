"""Decides how NumPy finds the tails of many accounts: a whole matrix of P&L, partitioned."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...book.columns import Float
from .peers_positions import sparse_matrix
from .workloads import History


def shortfall_of(pnl: Float, level: float) -> Float:
    """Expected shortfall (row) of P&L (row, scenario), by partition."""
    scenarios = pnl.shape[1]
    below = scenarios * level
    rank = int(np.ceil(round(below, 9)))
    part = np.partition(-pnl, rank - 1, axis=1)[:, rank - 1 :]
    edge = part[:, 0]
    out: Float = (part[:, 1:].sum(axis=1) + (rank - below) * edge) / (scenarios - below)
    return out


def partition(history: History) -> Callable[[], Float]:
    """SciPy's sparse matrix times the values, then NumPy's partition of every row."""
    matrix = sparse_matrix(history.positions, history.cube.values.shape[0])
    return lambda: shortfall_of(matrix @ history.cube.values, history.level)
