"""Decides W1: options priced with their Greeks, and who prices them too."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ...value.pricing import Greeks, black76
from . import peers_greeks, peers_vml
from .contest import Peer, Workload
from .measure import Answer, Runner
from .workloads import Sizes, options

LOOPED, LOOPED_SLOWLY = 5_000, 500  # options of a Python loop over objects, over functions


def greeks(sizes: Sizes) -> list[Workload]:
    """W1: value and first-order Greeks of distinct Black-76 options into arrays that exist."""
    given = options(sizes.options)
    inputs, side = given[:5], given.is_call
    forward, strike, years, vol, rate = inputs
    count = given.forward.size

    def ours(threads: int) -> Runner:
        out = Greeks.empty(count)
        return Runner(
            lambda: black76(
                forward, strike, years, vol, rate=rate, is_call=side, out=out, threads=threads
            ),
            Greeks._asdict,
        )

    def slack(found: Answer) -> Answer:
        largest = {n: 1e-9 * float(np.abs(x).max()) for n, x in found.items()}
        return largest | {"value": 1e-12 * float(forward.max())}

    def first(make: Callable[..., Callable[[], Greeks]], rows: int, threads: int) -> Runner:
        rows = min(rows, count)
        return Runner(make(given, rows), Greeks._asdict, rows / count)

    p, vml = peers_greeks, peers_vml.vml_greeks
    peers = (
        Peer(
            "oneMKL VML",
            ("mkl", "numba"),
            lambda t: Runner(vml(given, t), Greeks._asdict),
            True,
            2.0,
        ),
        Peer(
            "numba, Mills ratio",
            ("numba",),
            lambda t: Runner(p.numba_mills(given, t), Greeks._asdict),
            True,
        ),
        Peer(
            "numba, erfc",
            ("numba",),
            lambda t: Runner(p.numba_greeks(given, t), Greeks._asdict),
            True,
            9.0,
        ),
        Peer(
            "NumPy + SciPy",
            ("scipy",),
            lambda t: Runner(p.scipy_greeks(given), Greeks._asdict),
        ),
        Peer(
            "QuantLib-Python",
            ("QuantLib",),
            partial(first, p.quantlib_greeks, LOOPED),
            target=900.0,
        ),
        Peer("vollib", ("vollib",), partial(first, p.vollib_greeks, LOOPED_SLOWLY)),
    )
    return [
        Workload(
            key="W1",
            group="W1",
            title="value and five Greeks of options",
            count=count,
            unit="options",
            limit="memory: 137 bytes an option; execution ports: about 270 M/s a thread",
            ours=ours,
            peers=peers,
            slack=slack,
            target={1: 1.0 / 140.0, 2: 1.0 / 290.0},
        )
    ]
