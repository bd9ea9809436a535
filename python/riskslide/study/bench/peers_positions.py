"""Decides how NumPy, SciPy, numba and DuckDB sum positions to worst losses, and sort rows to CSR.

What a peer may prepare before it is timed (its own format of the same data) stands outside the
function that it returns.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from ...book.columns import Float
from ...book.positions import Positions
from ...value.cube import Cube, WorstLoss
from .workloads import Unsorted


def sparse_matrix(positions: Positions, instruments: int) -> Any:
    """Lots as a SciPy matrix (account, instrument) of float64."""
    sparse: Any = import_module("scipy.sparse")
    held = (positions.lots.astype(np.float64), positions.instrument, positions.offsets)
    return sparse.csr_matrix(held, shape=(positions.accounts, instruments))


def scipy_worst(positions: Positions, instruments: int) -> Callable[[Float], WorstLoss]:
    """Sparse matrix times dense values: the whole matrix (account, scenario), then its minima."""
    matrix = sparse_matrix(positions, instruments)
    rows = np.arange(positions.accounts)

    def run(values: Float) -> WorstLoss:
        total = matrix @ values
        at = total.argmin(axis=1)
        least = total[rows, at]
        return WorstLoss(np.maximum(-least, 0.0), np.where(least < 0.0, at, 0).astype(np.int32))

    return run


def numba_worst(positions: Positions, threads: int) -> Callable[[Float], WorstLoss]:
    """A parallel loop over accounts with a sum per scenario; the compiler may reorder sums."""
    numba: Any = import_module("numba")

    def loop(offsets: Any, index: Any, lots: Any, values: Any, loss: Any, scenario: Any) -> None:
        for a in numba.prange(offsets.size - 1):
            total = np.zeros(values.shape[1])
            for p in range(offsets[a], offsets[a + 1]):
                quantity = float(lots[p])
                row = values[index[p]]
                for s in range(total.size):
                    total[s] += quantity * row[s]
            at = total.argmin()
            loss[a] = max(-total[at], 0.0)
            scenario[a] = at if total[at] < 0 else 0

    compiled = numba.njit(parallel=True, fastmath=True)(loop)
    found = WorstLoss(np.empty(positions.accounts), np.empty(positions.accounts, dtype=np.int32))
    within = min(threads, numba.config.NUMBA_NUM_THREADS)

    def run(values: Float) -> WorstLoss:
        numba.set_num_threads(within)
        compiled(*positions.csr, values, *found)
        return found

    return run


def duckdb_worst(positions: Positions, cube: Cube, threads: int) -> Callable[[], WorstLoss]:
    """Positions joined with the cube, a column a scenario, and grouped by account.

    A table of a row for every (instrument, scenario) instead took eight times as long.
    """
    duckdb: Any = import_module("duckdb")
    con = duckdb.connect()
    con.execute(f"set threads to {threads}")
    scenarios = range(cube.values.shape[1])
    held = {
        "account": np.repeat(np.arange(positions.accounts), np.diff(positions.offsets)),
        "instrument": positions.instrument,
        "lots": positions.lots.astype(np.float64),
    }
    values: dict[str, Any] = {f"v{s}": np.ascontiguousarray(cube.values[:, s]) for s in scenarios}
    values["instrument"] = np.arange(cube.values.shape[0], dtype=np.int32)
    for name, table in (("held", held), ("cells", values)):
        con.register("given", table)
        con.execute(f"create table {name} as select * from given")
        con.unregister("given")
    sums = ", ".join(f"sum(lots * v{s}) as s{s}" for s in scenarios)
    least = f"least({', '.join(f's{s}' for s in scenarios)})"
    which = f"case {least} {' '.join(f'when s{s} then {s}' for s in scenarios)} end"
    query = (
        f"with total as (select account, {sums} from held join cells using (instrument) "
        f"group by account) select {least} as least, {which} as at from total order by account"
    )

    def run() -> WorstLoss:
        found = con.execute(query).fetchnumpy()
        loss = np.maximum(-found["least"], 0.0)
        return WorstLoss(loss, np.where(found["least"] < 0.0, found["at"], 0).astype(np.int32))

    return run


def lexsort_rows(rows: Unsorted) -> Callable[[], Positions]:
    """NumPy's `lexsort`, then sums between the places where a pair changes."""

    def run() -> Positions:
        order = np.lexsort((rows.instrument, rows.account))
        account, instrument = rows.account[order], rows.instrument[order]
        first = np.ones(order.size, dtype=bool)
        first[1:] = (account[1:] != account[:-1]) | (instrument[1:] != instrument[:-1])
        at = np.flatnonzero(first)
        lots = np.add.reduceat(rows.lots[order], at)
        return _rows(rows, account[at], instrument[at], lots)

    return run


def unique_rows(rows: Unsorted) -> Callable[[], Positions]:
    """NumPy's `unique` of one key for account and instrument, then sums by what it returns."""

    def run() -> Positions:
        key = rows.account * rows.instruments + rows.instrument
        pairs, place = np.unique(key, return_inverse=True)
        lots = np.zeros(pairs.size, dtype=np.int64)
        np.add.at(lots, place, rows.lots)
        return _rows(rows, pairs // rows.instruments, pairs % rows.instruments, lots)

    return run


def scipy_rows(rows: Unsorted) -> Callable[[], Positions]:
    """SciPy's coordinates to CSR, duplicates summed, indices sorted; integers throughout."""
    sparse: Any = import_module("scipy.sparse")
    shape = (rows.accounts, rows.instruments)

    def run() -> Positions:
        found = sparse.coo_matrix((rows.lots, (rows.account, rows.instrument)), shape=shape).tocsr()
        found.sort_indices()
        return Positions(found.indptr, found.indices, found.data)

    return run


def _rows(rows: Unsorted, account: Any, instrument: Any, lots: Any) -> Positions:
    counts = np.bincount(account, minlength=rows.accounts)
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
    return Positions(offsets, instrument.astype(np.int32), lots)
