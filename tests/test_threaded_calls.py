"""Guards calls side by side: many Python threads, each with threads of the kernel, and forks.

`.ci/full` runs this file under the address, undefined-behaviour and thread sanitizers too.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

import lattice
import numpy as np
import pytest

import riskslide as rs

CALLERS = 8
ROUNDS = 3
CHILD_SECONDS = 60


def greeks(threads: int) -> list[Any]:
    held = lattice.options()
    price = np.linspace(80.0, 120.0, held["strike"].size)
    rest = {name: held[name] for name in ("strike", "years", "vol", "is_call")}
    return list(rs.black76(price, **rest, threads=threads))


def revalued(threads: int) -> list[Any]:
    cube = rs.revalue(lattice.instruments(), lattice.market(), grid(), threads=threads)
    return [cube.values, cube.base]


@cache
def grid() -> rs.Scenarios:
    return rs.Scenarios.grid([(k - 16) / 40 for k in range(33)], [0.72, 1.0, 1.45])


@cache
def sums() -> tuple[rs.Positions, rs.Cube]:
    """Enough rows for several tasks of the kernel."""
    numbers = lattice.sequence(11)
    columns = [np.array([next(numbers) % size for _ in range(30_000)]) for size in (4_000, 50)]
    lots = np.array([next(numbers) % 201 - 100 for _ in range(30_000)])
    values = np.array([next(numbers) - 2**30 for _ in range(50 * 120)]) / 1024.0
    return rs.Positions.from_columns(*columns, lots), rs.Cube.from_values(values.reshape(50, 120))


def worst(threads: int) -> list[Any]:
    found = rs.worst_loss(*sums(), threads=threads)
    return [found.loss, found.scenario]


def tails(threads: int) -> list[Any]:
    found = rs.tail(*sums(), level=0.95, threads=threads)
    return [found.value_at_risk, found.expected_shortfall, found.scenario]


def assessed(threads: int) -> list[Any]:
    rulebook = rs.load_rulebook("generic-slides")
    return [array for _, array in lattice.assess_under(rulebook, lattice.Asking(threads))]


CALLS: dict[str, Callable[[int], list[Any]]] = {
    "greeks": greeks,
    "revalue": revalued,
    "worst_loss": worst,
    "tail": tails,
    "assess": assessed,
}


def digests(name: str, threads: int) -> list[str]:
    return [lattice.digest(np.asarray(array)) for array in CALLS[name](threads)]


@cache
def alone(name: str) -> list[str]:
    """What one thread finds; the inputs are made here too, before any other thread asks."""
    return digests(name, 1)


def test_calls_side_by_side_give_what_one_alone_gives() -> None:
    for name in CALLS:
        alone(name)
    order = [(name, 2 + k % 4) for k in range(ROUNDS) for name in CALLS for _ in range(2)]
    with ThreadPoolExecutor(CALLERS) as pool:
        found = list(pool.map(lambda asked: digests(*asked), order))
    for (name, threads), hashes in zip(order, found, strict=True):
        assert hashes == alone(name), f"{name} with {threads} threads"


def same_as(expected: dict[str, list[str]], threads: int) -> bool:
    return all(digests(name, threads) == hashes for name, hashes in expected.items())


def exit_code_of_child(work: Callable[[], bool]) -> int:
    """Runs `work` in a forked child: 0 where it returned True."""
    with warnings.catch_warnings():
        # Python 3.12 warns of any fork beside threads: that the pool survives it is the claim.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(CHILD_SECONDS)  # ends a child that waits for threads it does not have
        code = 1
        try:
            code = 0 if work() else 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


@needs_fork
def test_a_forked_child_finds_the_same() -> None:
    expected = {name: alone(name) for name in CALLS}
    assert same_as(expected, 3)  # the parent's pool is at work
    again = partial(same_as, expected, 3)
    assert exit_code_of_child(again) == 0
    assert exit_code_of_child(lambda: again() and exit_code_of_child(again) == 0) == 0
    assert exit_code_of_child(lambda: not again()) == 2
    assert again()


@needs_fork
def test_a_child_forked_while_other_threads_call_finds_the_same() -> None:
    expected = {name: alone(name) for name in ("greeks", "worst_loss")}
    with ThreadPoolExecutor(2) as pool:
        busy = [pool.submit(same_as, {"worst_loss": alone("worst_loss")}, 4) for _ in range(20)]
        codes = [exit_code_of_child(partial(same_as, expected, 3)) for _ in range(4)]
        assert all(call.result() for call in busy)
    assert codes == [0] * 4


@needs_fork
def test_forked_processes_of_multiprocessing_find_the_same() -> None:
    expected = {name: alone(name) for name in CALLS}
    assert same_as(expected, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # as above
        with multiprocessing.get_context("fork").Pool(2) as pool:
            asked = [(name, threads) for name in CALLS for threads in (1, 2, 3)]
            found = pool.starmap_async(digests, asked).get(CHILD_SECONDS)
    for (name, _), hashes in zip(asked, found, strict=True):
        assert hashes == expected[name]
