"""The fold beside the plain worst loss: 100,000 accounts of 50 positions through programs without
levels, and with one or eight leaves below two netting levels.

Run with `pytest benchmarks/bench_evaluate.py`; the first accounts are worked out again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from riskslide import _core
from riskslide.margin.program import Block, Fold, Level, Program, Reduction
from riskslide.study.bench.workloads import FULL, Slides, slides

INSTRUMENTS, ACCOUNTS = FULL.instruments, FULL.accounts
CHECKED = 50  # accounts whose fold is worked out again
GROUP = "W2 through a program: 100,000 accounts x 50 positions x 93 scenarios"


@pytest.fixture(scope="module")
def work() -> Slides:
    return slides(INSTRUMENTS, FULL.moves, ACCOUNTS, FULL.legs)


def two_levels(work: Slides, leaves: int) -> Program:
    """Leaves of equal size, netted at 0.9 in pairs of them and at 0.6 above; no level for 0."""
    count = len(work.scenarios)
    leaf = (np.arange(INSTRUMENTS) * leaves // INSTRUMENTS).astype(np.int32)
    nodes = (leaves + 1) // 2
    return Program(
        name="two-levels",
        rows=work.instruments.name,
        leaf=leaf,
        lot=np.ones(INSTRUMENTS),
        levels=(
            Level.of([k // 2 for k in range(leaves)], [Fold(gain=0.9)] * leaves),
            Level.of([0] * nodes, [Fold(gain=0.6)] * nodes),
        )
        if leaves
        else (),
        units=("BTC",),
        unit_pool=np.zeros(1, dtype=np.int32),
        pools=("account",),
        blocks=(Block("slides", Reduction.WORST, weight=np.ones(count)),),
        registers=np.zeros(1),
        steps=np.zeros((0, 4), dtype=np.int32),
        outputs=("maintenance",),
        output_register=np.zeros(1, dtype=np.int32),
        scenarios=work.scenarios,
    )


@pytest.mark.parametrize("leaves", [0, 1, 8])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.benchmark(group=GROUP)
def test_evaluate(benchmark: Any, work: Slides, threads: int, leaves: int) -> None:
    program = two_levels(work, leaves)
    none = np.zeros(0, dtype=np.int64)
    cash = _core.cash_from_columns(none, none, np.zeros(0), ACCOUNTS, INSTRUMENTS)
    found = benchmark(
        lambda: _core.evaluate(program.core, work.cube.cells, work.positions.csr, cash, threads)
    )
    gains = (0.9, 0.6) if leaves else (1.0, 1.0)
    sums = np.zeros((CHECKED, len(work.scenarios)))
    for row in range(CHECKED):
        total = np.zeros(len(work.scenarios))
        at = slice(work.positions.offsets[row], work.positions.offsets[row + 1])
        held, lots = work.positions.instrument[at], work.positions.lots[at]
        pairs: dict[int, Any] = {}
        for leaf in np.unique(program.leaf[held]):
            mine = program.leaf[held] == leaf
            x = lots[mine].astype(float) @ work.cube.values[held[mine]]
            pairs[leaf // 2] = pairs.get(leaf // 2, 0.0) + np.where(x >= 0, gains[0], 1.0) * x
        for x in pairs.values():
            total += np.where(x >= 0, gains[1], 1.0) * x
        sums[row] = total
    expected = np.maximum(-sums.min(axis=1), 0.0)
    assert np.allclose(found["outputs"][:CHECKED, 0], expected, rtol=1e-10, atol=1e-6)
