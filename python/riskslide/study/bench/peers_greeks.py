"""Decides how NumPy, numba, QuantLib and vollib value options: value and five Greeks.

What a peer may prepare before it is timed stands outside the function that it returns.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from math import pi, sqrt
from typing import Any

import numpy as np

from ...value.pricing import Greeks
from .workloads import Options

ROOT_TWO, DENSITY = sqrt(2.0), 1.0 / sqrt(2.0 * pi)

# Mills ratio N(-x) / phi(x) on [0, 40] as one rational function, lowest power first; relative error
# below 1e-15. The fit is tools/fit_functions.py's, which the library's kernels use as well.
NUMERATOR = (
    1.2533141373155003,
    1.9356418933768111,
    1.479170549548699,
    0.7180556381096846,
    0.24160466537003653,
    0.05818637917695762,
    0.010027457692417202,
    0.001196218746022148,
    9.028549059193288e-05,
    3.3299734517760836e-06,
)
DENOMINATOR = (
    1.0,
    2.342303342771457,
    2.549095018193367,
    1.7016189153633974,
    0.7738831421329436,
    0.25145153941097337,
    0.059375938437795886,
    0.010117743170845132,
    0.0011995487196905723,
    9.028549058961774e-05,
    3.3299734517872128e-06,
)


def scipy_greeks(options: Options) -> Callable[[], Greeks]:
    """As a quant writes it in NumPy, with SciPy's `ndtr`; every step is a pass over memory."""
    special: Any = import_module("scipy.special")
    forward, strike, years, vol, rate, is_call = options

    def run() -> Greeks:
        root = np.sqrt(years)
        deviation = vol * root
        d1 = np.log(forward / strike) / deviation + 0.5 * deviation
        discount = np.exp(-rate * years)
        density = DENSITY * np.exp(-0.5 * d1 * d1)
        side = np.where(is_call, 1.0, -1.0)
        n1, n2 = special.ndtr(side * d1), special.ndtr(side * (d1 - deviation))
        value = discount * side * (forward * n1 - strike * n2)
        vega = discount * forward * density * root
        return Greeks(
            value=value,
            delta=side * discount * n1,
            gamma=discount * density / (forward * deviation),
            vega=vega,
            theta=rate * value - vega * vol / (2.0 * years),
            rho=-years * value,
        )

    return run


def numba_greeks(options: Options, threads: int) -> Callable[[], Greeks]:
    """A parallel loop over the textbook's formulas, the normal distribution by `erfc`."""
    from math import erfc, exp, log

    numba: Any = import_module("numba")

    def loop(
        forward: Any, strike: Any, years: Any, vol: Any, rate: Any, call: Any, out: Any
    ) -> None:
        for i in numba.prange(forward.size):
            root = sqrt(years[i])
            deviation = vol[i] * root
            d1 = log(forward[i] / strike[i]) / deviation + 0.5 * deviation
            discount = exp(-rate[i] * years[i])
            side = 1.0 if call[i] else -1.0
            n1 = 0.5 * erfc(-side * d1 / ROOT_TWO)
            n2 = 0.5 * erfc(-side * (d1 - deviation) / ROOT_TWO)
            value = discount * side * (forward[i] * n1 - strike[i] * n2)
            scaled = discount * DENSITY * exp(-0.5 * d1 * d1)
            out[0, i] = value
            out[1, i] = side * discount * n1
            out[2, i] = scaled / (forward[i] * deviation)
            out[3, i] = forward[i] * scaled * root
            out[4, i] = rate[i] * value - forward[i] * scaled * vol[i] / (2.0 * root)
            out[5, i] = -years[i] * value

    return compiled_loop(numba, loop, options, threads)


def numba_mills(options: Options, threads: int) -> Callable[[], Greeks]:
    """The same loop with one `exp` for the density and both tails: N(-x) = phi(x) M(x)."""
    from math import exp, log

    numba: Any = import_module("numba")
    mills = _mills(numba)

    def loop(
        forward: Any, strike: Any, years: Any, vol: Any, rate: Any, call: Any, out: Any
    ) -> None:
        for i in numba.prange(forward.size):
            root = sqrt(years[i])
            deviation = vol[i] * root
            inverse = 1.0 / deviation
            d1 = log(forward[i] / strike[i]) * inverse + 0.5 * deviation
            d2 = d1 - deviation
            discount = exp(-rate[i] * years[i])
            # forward phi(d1) = strike phi(d2): one density serves both.
            scaled = discount * forward[i] * DENSITY * exp(-0.5 * d1 * d1)
            low1, low2 = scaled * mills(abs(d1)), scaled * mills(abs(d2))
            upper1 = discount * forward[i] - low1 if d1 > 0.0 else low1
            upper2 = discount * strike[i] - low2 if d2 > 0.0 else low2
            if call[i]:
                value, delta = upper1 - upper2, upper1 / forward[i]
            else:
                lower1 = low1 if d1 > 0.0 else discount * forward[i] - low1
                lower2 = low2 if d2 > 0.0 else discount * strike[i] - low2
                value, delta = lower2 - lower1, -lower1 / forward[i]
            out[0, i] = value
            out[1, i] = delta
            out[2, i] = scaled * inverse / (forward[i] * forward[i])
            out[3, i] = scaled * root
            out[4, i] = rate[i] * value - 0.5 * scaled * vol[i] * vol[i] * inverse
            out[5, i] = -years[i] * value

    return compiled_loop(numba, loop, options, threads)


def compiled_loop(
    numba: Any, loop: Callable[..., None], options: Options, threads: int
) -> Callable[[], Greeks]:
    """A call of the loop over all options, compiled by numba, on so many threads."""
    compiled = numba.njit(parallel=True)(loop)
    out = np.empty((6, options.forward.size))
    within = min(threads, numba.config.NUMBA_NUM_THREADS)

    def run() -> Greeks:
        numba.set_num_threads(within)
        compiled(*options, out)
        return Greeks(*out)

    return run


def _mills(numba: Any) -> Any:
    """The ratio as a compiled function; even and odd powers apart, which shortens the chain."""
    p, q = NUMERATOR, DENOMINATOR

    def ratio(x: float) -> float:
        y = x * x
        even = p[0] + y * (p[2] + y * (p[4] + y * (p[6] + y * p[8])))
        odd = p[1] + y * (p[3] + y * (p[5] + y * (p[7] + y * p[9])))
        below = q[0] + y * (q[2] + y * (q[4] + y * (q[6] + y * (q[8] + y * q[10]))))
        beside = q[1] + y * (q[3] + y * (q[5] + y * (q[7] + y * q[9])))
        return (even + x * odd) / (below + x * beside)

    return numba.njit(inline="always")(ratio)


def quantlib_greeks(options: Options, count: int) -> Callable[[], Greeks]:
    """`BlackCalculator` in a loop over the first `count` options, as Python numbers.

    It has no rho that holds the forward, so rho is -years times the value.
    """
    ql: Any = import_module("QuantLib")
    rows = _rows(options, count)
    deviation = (options.vol * np.sqrt(options.years))[:count].tolist()
    discount = np.exp(-options.rate * options.years)[:count].tolist()

    def run() -> Greeks:
        out = []
        for row, sd, d in zip(rows, deviation, discount, strict=True):
            forward, strike, years, _, _, is_call = row
            payoff = ql.PlainVanillaPayoff(ql.Option.Call if is_call else ql.Option.Put, strike)
            found = ql.BlackCalculator(payoff, forward, sd, d)
            value = found.value()
            out.append(
                (
                    value,
                    found.deltaForward(),
                    found.gammaForward(),
                    found.vega(years),
                    found.theta(forward, years),
                    -years * value,
                )
            )
        return Greeks(*np.array(out).T)

    return run


def vollib_greeks(options: Options, count: int) -> Callable[[], Greeks]:
    """vollib's `black` and its analytical Greeks in a loop over the first `count` options.

    Its vega and rho are per point, its theta per day of 365.
    """
    price: Any = import_module("vollib.black").black
    greek: Any = import_module("vollib.black.greeks.analytical")
    rows = _rows(options, count)

    def run() -> Greeks:
        out = []
        for forward, strike, years, vol, rate, is_call in rows:
            of = ("c" if is_call else "p", forward, strike, years, rate, vol)
            out.append(
                (
                    price(*of),
                    greek.delta(*of),
                    greek.gamma(*of),
                    100.0 * greek.vega(*of),
                    365.0 * greek.theta(*of),
                    100.0 * greek.rho(*of),
                )
            )
        return Greeks(*np.array(out).T)

    return run


def _rows(options: Options, count: int) -> list[Any]:
    return list(zip(*(column[:count].tolist() for column in options), strict=True))
