"""Decides how oneMKL's vector mathematics values options: value and five Greeks.

Its functions are called through ctypes from a loop over blocks that numba compiles together with
the arithmetic between them: called from Python block by block, NumPy's passes and the calls
themselves would cost more than oneMKL does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, files
from math import pi, sqrt
from pathlib import Path
from typing import Any

import numpy as np

from ...value.pricing import Greeks
from .peers_greeks import compiled_loop
from .workloads import Options

BLOCK = 1_024  # rows at a time: what stands between two calls stays in the second-level cache
HIGH_ACCURACY = 2  # VML_HA, below one unit in the last place
SEQUENTIAL = 1  # MKL_THREADING_SEQUENTIAL
DENSITY = 1.0 / sqrt(2.0 * pi)
FUNCTIONS = {"Sqrt": 1, "Ln": 1, "Exp": 1, "CdfNorm": 1, "Div": 2}  # inputs of each


def library() -> Any:
    """oneMKL as the package `mkl` installs it, without an OpenMP of its own.

    Intel's would be loaded beside the one that numba uses, take over numba's loops, and have its
    threads spin for 200 ms after each: whoever was timed next on two threads took twice as long.
    """
    try:
        found = [f for f in files("mkl") or () if f.name.startswith("libmkl_rt.")]
    except PackageNotFoundError:
        raise ImportError("the package mkl is not installed") from None
    if not found:
        raise ImportError("the package mkl holds no libmkl_rt for this platform")
    mkl = ctypes.CDLL(str(Path(found[0].locate()).resolve()))
    mkl.MKL_Set_Threading_Layer(SEQUENTIAL)  # counts before any other call only
    for name, inputs in FUNCTIONS.items():
        function = getattr(mkl, f"vd{name}")
        function.argtypes = [ctypes.c_int, *[ctypes.c_void_p] * (inputs + 1)]
        function.restype = None
    mkl.vmlSetMode.argtypes, mkl.vmlSetMode.restype = [ctypes.c_uint], ctypes.c_uint
    return mkl


def vml_greeks(options: Options, threads: int) -> Callable[[], Greeks]:
    """Blocks of rows in parallel."""
    numba: Any = import_module("numba")
    mkl = library()
    mode, root_of, log_of, exp_of = mkl.vmlSetMode, mkl.vdSqrt, mkl.vdLn, mkl.vdExp
    normal_of, quotient_of = mkl.vdCdfNorm, mkl.vdDiv

    def block(
        forward: Any, strike: Any, years: Any, vol: Any, rate: Any, call: Any, x: Any, out: Any
    ) -> None:
        n = forward.size
        root, sd, d1, d2, discount, density, w = x[0], x[1], x[2], x[3], x[4], x[5], x[6]
        root_of(n, years.ctypes, root.ctypes)
        quotient_of(n, forward.ctypes, strike.ctypes, w.ctypes)
        log_of(n, w.ctypes, w.ctypes)
        for i in range(n):
            sd[i] = vol[i] * root[i]
            discount[i] = -rate[i] * years[i]
        quotient_of(n, w.ctypes, sd.ctypes, d1.ctypes)
        exp_of(n, discount.ctypes, discount.ctypes)
        for i in range(n):
            d = d1[i] + 0.5 * sd[i]
            side = 1.0 if call[i] else -1.0
            density[i] = -0.5 * d * d
            d1[i] = side * d
            d2[i] = side * (d - sd[i])
            w[i] = forward[i] * sd[i]
        exp_of(n, density.ctypes, density.ctypes)
        normal_of(n, d1.ctypes, d1.ctypes)
        normal_of(n, d2.ctypes, d2.ctypes)
        for i in range(n):
            density[i] *= DENSITY * discount[i]
        quotient_of(n, density.ctypes, w.ctypes, w.ctypes)  # gamma
        for i in range(n):
            side = discount[i] if call[i] else -discount[i]
            value = side * (forward[i] * d1[i] - strike[i] * d2[i])
            vega = forward[i] * density[i] * root[i]
            out[0, i] = value
            out[1, i] = side * d1[i]
            out[2, i] = w[i]
            out[3, i] = vega
            # Instead of vega * vol / (2 years): the division is in gamma already.
            out[4, i] = rate[i] * value - 0.5 * w[i] * (forward[i] * vol[i]) * (forward[i] * vol[i])
            out[5, i] = -years[i] * value

    one = numba.njit(block)

    def loop(
        forward: Any, strike: Any, years: Any, vol: Any, rate: Any, call: Any, out: Any
    ) -> None:
        size = forward.size
        for k in numba.prange((size + BLOCK - 1) // BLOCK):
            mode(HIGH_ACCURACY)  # the mode is each thread's own
            a, b = k * BLOCK, min((k + 1) * BLOCK, size)
            x = np.empty((7, b - a))
            one(
                forward[a:b],
                strike[a:b],
                years[a:b],
                vol[a:b],
                rate[a:b],
                call[a:b],
                x,
                out[:, a:b],
            )

    return compiled_loop(numba, loop, options, threads)
