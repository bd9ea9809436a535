"""Decides how NumPy and numba revalue options in scenarios. What a peer may prepare before it is
timed stands outside the function that it returns."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from math import sqrt
from typing import Any

import numpy as np

from ...book.columns import Float
from .workloads import Slides

ROOT_TWO = sqrt(2.0)


def scipy_cube(work: Slides) -> Callable[[], Float]:
    """Values (instrument, scenario) less the base value, by broadcasting and `ndtr`."""
    special: Any = import_module("scipy.special")
    state = work.state
    side = np.where(state.is_call, 1.0, -1.0)[:, None]

    def value(moves: Float, vols: Float) -> Float:
        forward = state.price[:, None] * (1.0 + moves)
        strike = state.strike[:, None]
        deviation = (state.vol * np.sqrt(state.years))[:, None] * vols
        d1 = np.log(forward / strike) / deviation + 0.5 * deviation
        n1, n2 = special.ndtr(side * d1), special.ndtr(side * (d1 - deviation))
        out: Float = state.discount[:, None] * side * (forward * n1 - strike * n2)
        return out

    def run() -> Float:
        return value(work.moves, work.vols) - value(np.zeros(1), np.ones(1))

    return run


def numba_cube(work: Slides, threads: int) -> Callable[[], Float]:
    """The same as a parallel loop; logarithm and root once an instrument, two `erfc` a cell."""
    from math import erfc, log

    numba: Any = import_module("numba")

    def one(forward: float, logarithm: float, strike: float, sd: float, side: float) -> float:
        d1 = logarithm / sd + 0.5 * sd
        n1 = 0.5 * erfc(-side * d1 / ROOT_TWO)
        n2 = 0.5 * erfc(-side * (d1 - sd) / ROOT_TWO)
        return side * (forward * n1 - strike * n2)

    value = numba.njit(inline="always")(one)

    def loop(
        price: Any,
        strike: Any,
        years: Any,
        vol: Any,
        discount: Any,
        call: Any,
        moves: Any,
        logs: Any,
        vols: Any,
        out: Any,
    ) -> None:
        for i in numba.prange(price.size):
            side = 1.0 if call[i] else -1.0
            sd, near = vol[i] * sqrt(years[i]), log(price[i] / strike[i])
            base = value(price[i], near, strike[i], sd, side)
            for s in range(moves.size):
                moved = price[i] * (1.0 + moves[s])
                cell = value(moved, near + logs[s], strike[i], sd * vols[s], side)
                out[i, s] = discount[i] * (cell - base)

    compiled = numba.njit(parallel=True)(loop)
    state = work.state
    columns = (state.price, state.strike, state.years, state.vol, state.discount, state.is_call)
    shocks = (work.moves, np.log1p(work.moves), work.vols)
    out = np.empty_like(work.cube.values)
    within = min(threads, numba.config.NUMBA_NUM_THREADS)

    def run() -> Float:
        numba.set_num_threads(within)
        compiled(*columns, *shocks, out)
        return out

    return run
