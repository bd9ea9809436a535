"""W2: 10,000 options repriced over 31 moves x 3 vols, then 100,000 accounts x 50 positions to the
worst loss and its scenario; the fold with two levels beside the plain worst loss.

Run with `pytest benchmarks/bench_worst_loss.py`; every peer's answer is compared with ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import riskslide as rs
from riskslide import _core
from riskslide.margin.program import Block, Fold, Level, Program, Reduction

INSTRUMENTS, ACCOUNTS, LEGS = 10_000, 100_000, 50
MOVES = np.linspace(-0.16, 0.16, 31)
VOLS = (0.72, 1.0, 1.45)
CHECKED = 50  # accounts whose fold is worked out again
GROUP = "W2: 100,000 accounts x 50 positions x 93 scenarios"


@dataclass(frozen=True)
class Workload:
    instruments: rs.Instruments
    state: Any
    scenarios: rs.Scenarios
    positions: rs.Positions
    cube: rs.Cube


@pytest.fixture(scope="module")
def work() -> Workload:
    rng = np.random.default_rng(20260205)
    n = INSTRUMENTS
    as_of = "2026-02-05T08:00:00Z"
    start = np.datetime64("2026-02-12T08:00:00", "ns").astype(np.int64)
    expiry = start + rng.integers(0, 20, n) * 14 * 86_400 * 10**9
    strike = np.round(rng.uniform(40_000.0, 160_000.0, n)) + np.arange(n) / n
    names = [f"BTC-{k}" for k in range(n)]
    instruments = rs.Instruments.from_columns(
        name=names,
        kind="option",
        underlying="BTC",
        expiry=expiry.tolist(),
        strike=strike,
        option_type=["call" if x else "put" for x in rng.random(n) < 0.5],
        lot=1.0,
    )
    market = rs.Market.of(
        as_of,
        spot={"BTC": 100_000.0},
        forward={("BTC", int(e)): 100_000.0 for e in np.unique(expiry)},
        vol=dict(zip(names, rng.uniform(0.3, 1.2, n).tolist(), strict=True)),
    )
    state = market.on(instruments)
    scenarios = rs.Scenarios.grid(MOVES.tolist(), VOLS).on(state)
    account = np.repeat(np.arange(ACCOUNTS), LEGS)
    positions = rs.Positions.from_columns(
        account,
        rng.integers(0, n, account.size),
        rng.integers(-50, 51, account.size),
        accounts=ACCOUNTS,
        instruments=n,
    )
    return Workload(
        instruments, state, scenarios, positions, rs.revalue(instruments, state, scenarios)
    )


def two_levels(work: Workload, leaves: int) -> Program:
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


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.benchmark(group="W2: reprice 10,000 options x 93 scenarios")
def test_reprice(benchmark: Any, work: Workload, threads: int) -> None:
    cube = benchmark(
        lambda: rs.revalue(work.instruments, work.state, work.scenarios, threads=threads)
    )
    assert np.array_equal(cube.values, work.cube.values)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.benchmark(group=GROUP)
def test_riskslide_end_to_end(benchmark: Any, work: Workload, threads: int) -> None:
    def run() -> rs.WorstLoss:
        cube = rs.revalue(work.instruments, work.state, work.scenarios, threads=threads)
        return rs.worst_loss(work.positions, cube, threads=threads)

    assert_worst(work, benchmark(run))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.benchmark(group=GROUP)
def test_riskslide_worst_loss(benchmark: Any, work: Workload, threads: int) -> None:
    found = benchmark(lambda: rs.worst_loss(work.positions, work.cube, threads=threads))
    assert_worst(work, found)


@pytest.mark.parametrize("leaves", [0, 1, 8])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.benchmark(group=GROUP)
def test_riskslide_two_levels(benchmark: Any, work: Workload, threads: int, leaves: int) -> None:
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


@pytest.mark.benchmark(group=GROUP)
def test_scipy_sparse(benchmark: Any, work: Workload) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    p = work.positions
    matrix = sparse.csr_matrix(
        (p.lots.astype(float), p.instrument, p.offsets), shape=(ACCOUNTS, INSTRUMENTS)
    )

    def run() -> rs.WorstLoss:
        totals = matrix @ work.cube.values
        column = totals.argmin(axis=1)
        least = totals[np.arange(ACCOUNTS), column]
        return rs.WorstLoss(np.maximum(-least, 0.0), np.where(least < 0, column, 0))

    assert_worst(work, benchmark.pedantic(run, rounds=3, iterations=1))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.benchmark(group=GROUP)
def test_numba_csr(benchmark: Any, work: Workload, threads: int) -> None:
    numba = pytest.importorskip("numba")
    if threads > numba.config.NUMBA_NUM_THREADS:
        pytest.skip("this machine has fewer cores")
    numba.set_num_threads(threads)

    @numba.njit(parallel=True, fastmath=True)  # type: ignore[untyped-decorator]
    def run(offsets, instrument, lots, values, loss, scenario):  # type: ignore[no-untyped-def]
        for a in numba.prange(offsets.size - 1):
            total = np.zeros(values.shape[1])
            for p in range(offsets[a], offsets[a + 1]):
                q = float(lots[p])
                row = values[instrument[p]]
                for s in range(total.size):
                    total[s] += q * row[s]
            at = total.argmin()
            loss[a] = max(-total[at], 0.0)
            scenario[a] = at if total[at] < 0 else 0

    p = work.positions
    loss, scenario = np.empty(ACCOUNTS), np.empty(ACCOUNTS, dtype=np.int32)
    arguments = (p.offsets, p.instrument, p.lots, work.cube.values, loss, scenario)
    run(*arguments)
    benchmark(run, *arguments)
    assert_worst(work, rs.WorstLoss(loss, scenario))


def assert_worst(work: Workload, found: rs.WorstLoss) -> None:
    """The first thousand accounts against a dense product."""
    rows = 1000
    end = int(work.positions.offsets[rows])
    dense = np.zeros((rows, INSTRUMENTS))
    owner = np.repeat(np.arange(rows), np.diff(work.positions.offsets[: rows + 1]))
    np.add.at(dense, (owner, work.positions.instrument[:end]), work.positions.lots[:end])
    totals = dense @ work.cube.values
    assert np.allclose(found.loss[:rows], np.maximum(-totals.min(axis=1), 0.0), rtol=1e-9)
    at = totals[np.arange(rows), found.scenario[:rows]]
    assert np.allclose(at, np.minimum(totals.min(axis=1), 0.0), rtol=1e-9, atol=1e-6)
