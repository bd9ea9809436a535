"""W1: value and five Greeks of 1,000,000 distinct European options, arrays in and out.

Run with `pytest benchmarks/bench_greeks.py`; every peer's answer is compared with ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import riskslide as rs

COUNT = 1_000_000


@pytest.fixture(scope="module")
def options() -> dict[str, Any]:
    """Distinct options around the money, one week to two years."""
    rng = np.random.default_rng(20260205)
    return {
        "forward": rng.uniform(50.0, 150.0, COUNT),
        "strike": rng.uniform(50.0, 150.0, COUNT),
        "years": rng.uniform(0.02, 2.0, COUNT),
        "vol": rng.uniform(0.1, 1.0, COUNT),
        "rate": rng.uniform(0.0, 0.05, COUNT),
        "is_call": rng.random(COUNT) < 0.5,
    }


@pytest.fixture(scope="module")
def answer(options: dict[str, Any]) -> rs.Greeks:
    return rs.black76(**options)


def scipy_greeks(o: dict[str, Any]) -> rs.Greeks:
    """The same in NumPy and SciPy, as a quant writes it."""
    special = pytest.importorskip("scipy.special")
    forward, strike, years, vol, rate = (
        o[k] for k in ("forward", "strike", "years", "vol", "rate")
    )
    root = np.sqrt(years)
    deviation = vol * root
    d1 = np.log(forward / strike) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    discount = np.exp(-rate * years)
    density = np.exp(-0.5 * d1 * d1) / np.sqrt(2.0 * np.pi)
    side = np.where(o["is_call"], 1.0, -1.0)
    n1, n2 = special.ndtr(side * d1), special.ndtr(side * d2)
    value = discount * side * (forward * n1 - strike * n2)
    return rs.Greeks(
        value=value,
        delta=side * discount * n1,
        gamma=discount * density / (forward * deviation),
        vega=discount * forward * density * root,
        theta=rate * value - discount * forward * density * vol / (2.0 * root),
        rho=-years * value,
    )


def numba_greeks() -> Callable[..., None]:
    """The same as a parallel numba loop over the textbook formulas."""
    numba = pytest.importorskip("numba")
    from math import erfc, exp, log, pi, sqrt

    @numba.njit(parallel=True, cache=False)  # type: ignore[untyped-decorator]
    def run(forward, strike, years, vol, rate, is_call, out):  # type: ignore[no-untyped-def]
        for i in numba.prange(forward.size):
            root = sqrt(years[i])
            deviation = vol[i] * root
            d1 = log(forward[i] / strike[i]) / deviation + 0.5 * deviation
            d2 = d1 - deviation
            discount = exp(-rate[i] * years[i])
            density = exp(-0.5 * d1 * d1) / sqrt(2.0 * pi)
            side = 1.0 if is_call[i] else -1.0
            n1, n2 = 0.5 * erfc(-side * d1 / sqrt(2.0)), 0.5 * erfc(-side * d2 / sqrt(2.0))
            value = discount * side * (forward[i] * n1 - strike[i] * n2)
            out[0, i] = value
            out[1, i] = side * discount * n1
            out[2, i] = discount * density / (forward[i] * deviation)
            out[3, i] = discount * forward[i] * density * root
            out[4, i] = rate[i] * value - discount * forward[i] * density * vol[i] / (2.0 * root)
            out[5, i] = -years[i] * value

    return run


def assert_same(ours: rs.Greeks, theirs: Any) -> None:
    """Values within 1e-12 of the forward, Greeks within 1e-9 of their largest."""
    for name, a, b in zip(rs.Greeks._fields, ours, theirs, strict=True):
        scale = 150.0 * 1e-12 if name == "value" else 1e-9 * float(np.abs(a).max())
        assert np.abs(a - b).max() <= scale, name


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.benchmark(group="W1: 1,000,000 options, value and 5 Greeks")
def test_riskslide(benchmark: Any, options: dict[str, Any], threads: int) -> None:
    out = rs.Greeks.empty(COUNT)
    benchmark(lambda: rs.black76(**options, out=out, threads=threads))
    assert_same(out, scipy_greeks(options))


@pytest.mark.benchmark(group="W1: 1,000,000 options, value and 5 Greeks")
def test_numpy_scipy(benchmark: Any, options: dict[str, Any], answer: rs.Greeks) -> None:
    assert_same(answer, benchmark(scipy_greeks, options))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.benchmark(group="W1: 1,000,000 options, value and 5 Greeks")
def test_numba(benchmark: Any, options: dict[str, Any], answer: rs.Greeks, threads: int) -> None:
    run = numba_greeks()
    numba = pytest.importorskip("numba")
    if threads > numba.config.NUMBA_NUM_THREADS:
        pytest.skip("this machine has fewer cores")
    numba.set_num_threads(threads)
    out = np.empty((6, COUNT))
    names = ("forward", "strike", "years", "vol", "rate", "is_call")
    arguments = [options[k] for k in names]
    run(*arguments, out)
    benchmark(run, *arguments, out)
    assert_same(answer, out)
