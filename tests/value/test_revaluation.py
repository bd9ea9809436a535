"""Guards the claim that sums over a cube that is never held are those over the cube, to the bit, in
the memory that is stated."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import riskslide as rs
from riskslide.market.state import State

AS_OF = "2026-02-05T12:00:00Z"
EXPIRIES = ("2026-03-07T12:00:00Z", "2026-12-25T08:00:00Z")
SPOT = {"BTC": 70_000.0, "CL": 63.0, "EUR": 1.2}
TINY = 1  # byte: 16 columns and one row of sums at a time


def state_of(rng: np.random.Generator, count: int) -> State:
    """`count` contracts of every payoff, model and settlement, with their quotes."""
    kinds = rng.choice(["option"] * 8 + ["future", "perpetual", "spot"], count).tolist()
    underlyings = rng.choice(["BTC", "CL"], count).tolist()
    inverse = [
        u == "BTC" and k != "spot" and rng.random() < 0.5
        for u, k in zip(underlyings, kinds, strict=True)
    ]
    dated = [k in ("option", "future") for k in kinds]
    names = [f"I{k}" for k in range(count)]
    models = rng.choice(["black76", "bsm", "bachelier"], count).tolist()
    instruments = rs.Instruments.from_columns(
        name=names,
        kind=kinds,
        underlying=underlyings,
        expiry=[str(rng.choice(EXPIRIES)) if d else "" for d in dated],
        strike=[SPOT[u] * float(rng.uniform(0.7, 1.4)) for u in underlyings],
        option_type=[str(rng.choice(["call", "put"])) if k == "option" else "" for k in kinds],
        model=[m if k == "option" else "black76" for m, k in zip(models, kinds, strict=True)],
        settlement=["inverse" if i else "linear" for i in inverse],
        currency=[
            u if i else str(rng.choice(["USD", "EUR"]))
            for u, i in zip(underlyings, inverse, strict=True)
        ],
        lot=rng.choice([1e-8, 0.1, 1.0], count),
    )
    vols = {
        n: 0.6 * (SPOT[u] if m == "bachelier" else 1.0)
        for n, u, m, k in zip(names, underlyings, models, kinds, strict=True)
        if k == "option"
    }
    marks = {n: SPOT[u] * 1.01 for n, u in zip(names, underlyings, strict=True)}
    held = {n for n, k in zip(names, kinds, strict=True) if k in ("future", "perpetual")}
    return rs.Market.of(
        AS_OF,
        spot=SPOT,
        forward={(u, e): SPOT[u] * 1.02 for u in ("BTC", "CL") for e in EXPIRIES},
        mark={n: m for n, m in marks.items() if n in held},
        vol=vols,
        rate={"CL": 0.04, "BTC": 0.01},
        dividend_yield={"BTC": 0.02},
    ).on(instruments)


def scenarios_of(rng: np.random.Generator, state: State, count: int) -> rs.Scenarios:
    shape = (len(state.factors), count)
    ages, moves = bool(rng.integers(0, 2)), bool(rng.integers(0, 2))
    crude = np.array([f.startswith("CL") for f in state.factors])[:, None]
    return rs.Scenarios.of(
        rng.choice([-0.2, 0.5, 1.0, 1.7], shape) if moves else rng.uniform(0.5, 1.5, shape),
        price_shift=np.where(crude, rng.uniform(-5.0, 5.0, shape), 0.0) if moves else 0.0,
        vol_scale=rng.uniform(0.5, 1.5, shape),
        horizon_days=rng.choice([0.0, 1.0, 40.0], count) if ages else 0.0,
        rate_shift=rng.uniform(-0.02, 0.02, shape) if ages else 0.0,
        weight=rng.choice([1.0, 0.35], count),
        factors=state.factors,
    )


def positions_of(rng: np.random.Generator, rows: int, instruments: int) -> rs.Positions:
    n = int(rng.integers(0, 12 * rows))
    lots = rng.integers(-(10**9), 10**9, n)
    at = rng.integers(0, instruments, n)
    return rs.Positions.from_columns(
        rng.integers(0, rows, n), at, lots, accounts=rows, instruments=instruments
    )


def same(one: Any, other: Any) -> bool:
    arrays = zip(one, other, strict=True) if isinstance(one, tuple) else [(one, other)]
    return all(a.tobytes() == b.tobytes() and a.shape == b.shape for a, b in arrays)


@pytest.mark.parametrize("seed", range(24))
def test_sums_without_the_cube_are_those_with_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    state = state_of(rng, int(rng.integers(1, 90)))
    if seed % 2:  # prices below zero: no coins
        linear = np.flatnonzero(~state.inverse & (state.fx_factor < 0))
        state = state_of_rows(state, linear)
    if not len(state.instruments):
        pytest.skip("no contract is left")
    count = int(rng.choice([1, 15, 16, 17, 255, 256, 257, 600]))
    scenarios = scenarios_of(rng, state, count)
    positions = positions_of(rng, int(rng.integers(1, 30)), len(state.instruments))
    try:
        cube = rs.revalue(state.instruments, state, scenarios)
    except rs.InputError as refused:
        with pytest.raises(rs.InputError) as again:
            rs.Revaluation(state.instruments, state, scenarios)
        assert str(again.value) == str(refused)
        pytest.skip(f"refused alike: {refused.code}")
    lots = cube.values * state.instruments.lot[:, None] * scenarios.weight
    for per_lot, values in ((False, cube.values), (True, lots)):
        held = rs.Cube.from_values(values)
        for memory in (TINY, 40_000, 2**30):
            streamed = rs.Revaluation(state.instruments, state, scenarios, per_lot, memory)
            assert (streamed.floored, streamed.base.tobytes()) == (
                cube.floored,
                cube.base.tobytes(),
            )
            for threads in (1, 2, 5):
                for function in (rs.aggregate, rs.worst_loss, rs.tail):
                    found = function(positions, streamed, threads=threads)
                    assert same(found, function(positions, held, threads=threads)), function


def state_of_rows(state: State, rows: Any) -> State:
    """The state of some of its instruments."""
    found = {name: getattr(state, name) for name in state.__dataclass_fields__}
    n = len(state.instruments)
    for name, column in found.items():
        if isinstance(column, np.ndarray) and column.shape == (n,):
            found[name] = np.ascontiguousarray(column[rows])
    return State(**(found | {"instruments": state.instruments.take(rows)}))


def test_ties_go_to_the_lowest_scenario_of_all_blocks() -> None:
    state = state_of(np.random.default_rng(3), 5)
    scales = np.tile([1.0, 0.9, 1.1], 200)
    streamed = rs.Revaluation(state.instruments, state, rs.Scenarios.of(scales), memory=TINY)
    rows = rs.Positions.from_columns(range(5), range(5), [1] * 5)
    found = rs.worst_loss(rows, streamed)
    assert set(found.scenario.tolist()) <= {0, 1, 2}
    assert (rs.tail(rows, streamed, level=0.9).scenario[:, 0] <= 2).all()


def test_only_what_is_held_is_valued() -> None:
    """An instrument that leaves float64 in a scenario is refused by whom holds it, as in a cube."""
    state = state_of(np.random.default_rng(4), 40)
    at = int(np.flatnonzero((state.payoff == 0) & state.is_call & ~state.inverse)[0])
    big = State(**{n: getattr(state, n) for n in state.__dataclass_fields__})
    big.multiplier[at] = 1e303
    scenarios = rs.Scenarios.of(np.linspace(1.0, 1e6, 40))
    streamed = rs.Revaluation(big.instruments, big, scenarios)
    other = [k for k in range(40) if k != at]
    rs.worst_loss(rs.Positions.from_columns([0] * 39, other, [1] * 39, instruments=40), streamed)
    for function in (rs.aggregate, rs.worst_loss, rs.tail):
        with pytest.raises(rs.InputError) as refused:
            function(rs.Positions.from_columns([0, 1], [other[0], at], [1, 1]), streamed)
        assert (refused.value.code, refused.value.row) == ("E_OVERFLOW", at)
    with pytest.raises(rs.InputError) as refused:
        rs.revalue(big.instruments, big, scenarios)
    assert (refused.value.code, refused.value.row) == ("E_OVERFLOW", at)


def test_sums_that_leave_float64_name_the_account() -> None:
    state = state_of(np.random.default_rng(6), 40)
    at = int(np.flatnonzero((state.payoff == 2) & ~state.inverse)[0])  # margined: no bound
    state.multiplier[at] = 1e297
    streamed = rs.Revaluation(state.instruments, state, rs.Scenarios.of([0.5, 1.5]), memory=TINY)
    rows = rs.Positions.from_columns([0, 1, 2], [1, 2, at], [1, 1, 2**62], instruments=40)
    for function in (rs.aggregate, rs.worst_loss, rs.tail):
        with pytest.raises(rs.InputError) as refused:
            function(rows, streamed)
        assert (refused.value.code, refused.value.row) == ("E_OVERFLOW", 2)


@pytest.mark.parametrize("memory", [0, -1, 1.5, True, None])
def test_memory_is_a_number_of_bytes(memory: Any) -> None:
    state = state_of(np.random.default_rng(1), 3)
    with pytest.raises(rs.InputError) as refused:
        rs.Revaluation(state.instruments, state, rs.Scenarios.of(1.0), memory=memory)
    assert (refused.value.code, refused.value.column) == ("E_RANGE", "memory")


def test_positions_of_other_instruments_are_refused() -> None:
    state = state_of(np.random.default_rng(1), 3)
    streamed = rs.Revaluation(state.instruments, state, rs.Scenarios.of(1.0))
    for function in (rs.aggregate, rs.worst_loss, rs.tail):
        with pytest.raises(rs.InputError) as refused:
            function(rs.Positions.from_columns([0], [3], [1]), streamed)
        assert refused.value.code == "E_INDEX"


PEAK = """
import resource
import numpy as np
import riskslide as rs

n, s, accounts = 20_000, 4_000, 2_000
instruments = rs.Instruments.from_columns(
    name=[f"I{k}" for k in range(n)], kind="option", underlying="BTC",
    expiry="2026-12-25T08:00:00Z", strike=40_000.0 + np.arange(n), option_type="call", lot=1.0)
market = rs.Market.of("2026-02-05T12:00:00Z", spot={"BTC": 70_000.0},
    forward={("BTC", "2026-12-25T08:00:00Z"): 71_000.0}, vol=dict.fromkeys(instruments.name, 0.6))
state = market.on(instruments)
scenarios = rs.Scenarios.joint({"BTC": np.linspace(-0.3, 0.3, s)}, horizon_days=1.0)
rows = rs.Positions.from_columns(np.arange(10 * accounts) // 10, np.arange(10 * accounts) % n,
    np.ones(10 * accounts, dtype=np.int64), accounts=accounts, instruments=n)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
found = rs.Revaluation(instruments, state, scenarios, memory=2**26)
rs.worst_loss(rows, found)
rs.tail(rows, found)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss counts kilobytes on Linux")
def test_a_cube_of_640_megabytes_is_summed_in_the_memory_stated() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PEAK], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 2**26 + 2**25  # the memory asked for, and the results


THREADS = """
import os
import sys
import numpy as np
import riskslide as rs

n = 2_000
instruments = rs.Instruments.from_columns(
    name=[f"I{k}" for k in range(n)], kind="option", underlying="BTC",
    expiry="2026-12-25T08:00:00Z", strike=40_000.0 + np.arange(n), option_type="call", lot=1.0)
market = rs.Market.of("2026-02-05T12:00:00Z", spot={"BTC": 70_000.0},
    forward={("BTC", "2026-12-25T08:00:00Z"): 71_000.0}, vol=dict.fromkeys(instruments.name, 0.6))
book = rs.Portfolio.from_columns(instruments, account=["a"] * n,
    instrument=list(instruments.name), quantity=[1.0] * n, threads=1)
before = len(os.listdir("/proc/self/task"))
threads = int(sys.argv[1]) or None
rs.stress(book, market, rs.Scenarios.of([0.5, 1.5]), threads=threads)
print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc lists the threads of a process")
@pytest.mark.parametrize(("threads", "started"), [(0, 2), (1, 0)])
def test_stress_takes_the_threads_it_is_given(threads: int, started: int) -> None:
    """The pool keeps what it started: beside the caller, as many as RISKSLIDE_THREADS has more."""
    done = subprocess.run(
        [sys.executable, "-c", THREADS, str(threads)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | {"RISKSLIDE_THREADS": "3"},
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == started
