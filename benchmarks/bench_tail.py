"""Decides how long the tail of many accounts takes (W6): riskslide beside NumPy on a whole matrix.

10,000 instruments in 2,500 scenarios, 10,000 accounts of 50 positions, shortfall at 97.5 %.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

import riskslide as rs

INSTRUMENTS, SCENARIOS, ACCOUNTS, LEGS, LEVEL = 10_000, 2_500, 10_000, 50, 0.975
GROUP = "W6: shortfall of 10,000 accounts of 50, 2,500 scenarios"


class Workload(NamedTuple):
    positions: rs.Positions
    cube: rs.Cube


@pytest.fixture(scope="module")
def work() -> Workload:
    rng = np.random.default_rng(1)
    values = rng.standard_t(4, size=(INSTRUMENTS, SCENARIOS))
    positions = rs.Positions.from_columns(
        np.repeat(np.arange(ACCOUNTS), LEGS),
        rng.integers(0, INSTRUMENTS, ACCOUNTS * LEGS),
        rng.integers(-50, 51, ACCOUNTS * LEGS),
        accounts=ACCOUNTS,
        instruments=INSTRUMENTS,
    )
    return Workload(positions, rs.Cube.from_values(values))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.benchmark(group=GROUP)
def test_tail(benchmark: Any, work: Workload, threads: int) -> None:
    found = benchmark(lambda: rs.tail(*work, level=LEVEL, threads=threads))
    expected = shortfall_of(rs.aggregate(*work)[:100])
    assert np.allclose(found.expected_shortfall[:100], expected, rtol=1e-12)


@pytest.mark.benchmark(group=GROUP)
def test_numpy_partition(benchmark: Any, work: Workload) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    p = work.positions
    matrix = sparse.csr_matrix(
        (p.lots.astype(float), p.instrument, p.offsets), shape=(ACCOUNTS, INSTRUMENTS)
    )
    found = benchmark.pedantic(
        lambda: shortfall_of(matrix @ work.cube.values), rounds=3, iterations=1
    )
    assert np.allclose(found, rs.tail(*work, level=LEVEL).expected_shortfall, rtol=1e-9)


def shortfall_of(pnl: Any) -> Any:
    """By partition, on the whole matrix of accounts and scenarios."""
    below = SCENARIOS * LEVEL
    rank = int(np.ceil(round(below, 9)))
    part = np.partition(-pnl, rank - 1, axis=1)[:, rank - 1 :]
    edge = part[:, 0]
    return (part[:, 1:].sum(axis=1) + (rank - below) * edge) / (SCENARIOS - below)
