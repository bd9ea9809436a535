"""Decides W2, the sorting of positions and W6: whole books in scenarios, and who sums them too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...book.positions import Positions
from ...value.cube import Cube, WorstLoss, revalue, worst_loss
from ...value.tail import tail
from . import peers_positions, peers_revalue, peers_tail
from .contest import Peer, Workload
from .measure import Answer, Runner
from .workloads import Sizes, Slides, history, slides, unsorted


def worst_losses(sizes: Sizes) -> list[Workload]:
    """W2: options revalued, worst losses over their cube, and one after the other."""
    work = slides(sizes.instruments, sizes.moves, sizes.accounts, sizes.legs)
    cells = work.cube.values.size
    held = work.positions.lots.size
    return [
        _revalue(work, f"{sizes.instruments:,} options in {len(work.moves)} scenarios", cells),
        _worst(work, held),
        _end_to_end(work, held),
    ]


def _revalue(work: Slides, what: str, cells: int) -> Workload:
    def answer(found: Any) -> Answer:
        return {"value": found.values if isinstance(found, Cube) else found}

    def ours(threads: int) -> Runner:
        return Runner(
            lambda: revalue(work.instruments, work.state, work.scenarios, threads=threads), answer
        )

    p = peers_revalue
    return Workload(
        key="W2 revalue",
        group="W2",
        title=f"{what} revalued",
        count=cells,
        unit="cells",
        limit="ports: an exponential and two Mills ratios a cell",
        ours=ours,
        peers=(
            Peer("numba, erfc", ("numba",), lambda t: Runner(p.numba_cube(work, t), answer), True),
            Peer("NumPy + SciPy", ("scipy",), lambda t: Runner(p.scipy_cube(work), answer)),
        ),
        slack=lambda found: {"value": 1e-12 * float(work.state.price.max())},
        target={},
    )


def _of_losses(found: Answer) -> Answer:
    return {"loss": 1e-9 * float(found["loss"].max()), "scenario": 0}


def _worst(work: Slides, held: int) -> Workload:
    p, cube, count = peers_positions, work.cube, work.cube.values.shape[0]

    def bound(run: Callable[[Any], WorstLoss]) -> Runner:
        return Runner(lambda: run(cube.values), WorstLoss._asdict)

    return Workload(
        key="W2 worst loss",
        group="W2",
        title=f"worst loss of {work.positions.accounts:,} accounts",
        count=held,
        unit="positions",
        limit="second-level cache: a row of the tile read for every position; in tiles of doubles "
        "about 20 ms on two cores of an AVX-512 Xeon at 3.5 GHz, and losses are screened in single "
        "precision, half the bytes",
        ours=lambda t: Runner(
            lambda: worst_loss(work.positions, cube, threads=t), WorstLoss._asdict
        ),
        peers=(
            Peer(
                "numba, CSR loop",
                ("numba",),
                lambda t: bound(p.numba_worst(work.positions, t)),
                True,
                3.0,
            ),
            Peer(
                "scipy.sparse",
                ("scipy",),
                lambda t: bound(p.scipy_worst(work.positions, count)),
                target=6.0,
            ),
            Peer(
                "DuckDB",
                ("duckdb",),
                lambda t: Runner(p.duckdb_worst(work.positions, cube, t), WorstLoss._asdict),
                True,
                25.0,
            ),
        ),
        slack=_of_losses,
        target={},
    )


def _end_to_end(work: Slides, held: int) -> Workload:
    def ours(threads: int) -> Runner:
        return Runner(lambda: revalued_and_summed(work, threads), WorstLoss._asdict)

    def numba(threads: int) -> Runner:
        cube = peers_revalue.numba_cube(work, threads)
        worst = peers_positions.numba_worst(work.positions, threads)
        return Runner(lambda: worst(cube()), WorstLoss._asdict)

    def scipy(threads: int) -> Runner:
        cube = peers_revalue.scipy_cube(work)
        worst = peers_positions.scipy_worst(work.positions, work.cube.values.shape[0])
        return Runner(lambda: worst(cube()), WorstLoss._asdict)

    return Workload(
        key="W2",
        group="W2",
        title=f"both: CSR in, worst loss of {work.positions.accounts:,} accounts out",
        count=held,
        unit="positions",
        limit="the two above",
        ours=ours,
        peers=(
            Peer("numba, erfc and CSR loop", ("numba",), numba, True),
            Peer("NumPy + SciPy", ("scipy",), scipy),
        ),
        slack=_of_losses,
        target={1: 0.062, 2: 0.030},
    )


def revalued_and_summed(work: Slides, threads: int) -> WorstLoss:
    """Worst losses of the accounts, over a cube that is made for them and held."""
    cube = revalue(work.instruments, work.state, work.scenarios, threads=threads)
    return worst_loss(work.positions, cube, threads=threads)


def sorted_rows(sizes: Sizes) -> list[Workload]:
    """Unsorted position rows to CSR, equal pairs summed."""
    rows, p = unsorted(sizes.rows, sizes.accounts, sizes.instruments), peers_positions
    counts = {"accounts": rows.accounts, "instruments": rows.instruments}

    def answer(found: Positions) -> Answer:
        return {k: getattr(found, k) for k in ("offsets", "instrument", "lots")}

    def ours(threads: int) -> Runner:
        return Runner(lambda: Positions.from_columns(*rows[:3], **counts, threads=threads), answer)

    return [
        Workload(
            key="positions",
            group="positions",
            title=f"unsorted rows of {rows.accounts:,} accounts to CSR",
            count=rows.lots.size,
            unit="rows",
            limit="memory: 24 bytes a row read, moved three times, 12 written",
            ours=ours,
            peers=(
                Peer("NumPy lexsort", ("numpy",), lambda t: Runner(p.lexsort_rows(rows), answer)),
                Peer("NumPy unique", ("numpy",), lambda t: Runner(p.unique_rows(rows), answer)),
                Peer("scipy.sparse", ("scipy",), lambda t: Runner(p.scipy_rows(rows), answer)),
            ),
            slack=lambda found: dict.fromkeys(("offsets", "instrument", "lots"), 0),
            target={2: 0.150},
        )
    ]


def tails(sizes: Sizes) -> list[Workload]:
    """W6: expected shortfall of accounts in historical scenarios."""
    given = history(sizes.instruments, sizes.history, sizes.tail_accounts, sizes.legs)

    def answer(found: Any) -> Answer:
        return {"shortfall": getattr(found, "expected_shortfall", found)}

    return [
        Workload(
            key="W6",
            group="W6",
            title=f"shortfall at 97.5 % of accounts in {sizes.history:,} scenarios",
            count=sizes.tail_accounts,
            unit="accounts",
            limit="cache: a row of the values read for every position",
            ours=lambda t: Runner(
                lambda: tail(given.positions, given.cube, level=given.level, threads=t), answer
            ),
            peers=(
                Peer(
                    "NumPy partition",
                    ("scipy",),
                    lambda t: Runner(peers_tail.partition(given), answer),
                    target=4.0,
                ),
            ),
            slack=lambda found: {"shortfall": 1e-9 * float(np.abs(found["shortfall"]).max())},
            target={2: 0.5},
        )
    ]
