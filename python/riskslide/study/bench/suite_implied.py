"""Decides the workload of implied vols, and who implies them too."""

from __future__ import annotations

from functools import partial

import numpy as np

from ...book.columns import Float
from ...errors import AnswersDiffer
from ...value.implied import implied_vol
from ...value.pricing import black76
from .contest import Peer, Workload
from .measure import Answer, Runner
from .peers_implied import Quotes, rational
from .workloads import SEED, Sizes, options

KEY = "implied"
LOOPED = 5_000  # options of a Python loop
SLACK = 1e-9  # of a vol: four deviations in the money, a price holds no more digits of it


def implied_vols(sizes: Sizes) -> list[Workload]:
    """Black-76 vols of prices within four deviations of the strike."""
    given = options(sizes.options)
    count = given.forward.size
    distance = np.random.default_rng(SEED).uniform(-4.0, 4.0, count)
    strike = given.forward * np.exp(distance * given.vol * np.sqrt(given.years))
    forward, years, rate, side = given.forward, given.years, given.rate, given.is_call
    price = black76(forward, strike, years, given.vol, rate=rate, is_call=side).value
    quotes = Quotes(price, forward, strike, years, np.exp(-rate * years), side)

    def ours(threads: int) -> Runner:
        def run() -> Float:
            return implied_vol(
                price, forward, strike, years, rate=rate, is_call=side, threads=threads
            )

        return Runner(run, lambda vol: {"vol": vol})

    def verify(found: Answer) -> None:
        missed = float(np.abs(found["vol"] - given.vol).max())
        if not missed <= SLACK:
            raise AnswersDiffer(KEY, "the vols that made the prices", f"missed by {missed:.1e}")

    def looped(compiled: bool, threads: int) -> Runner:
        rows = min(LOOPED, count)
        return Runner(
            rational(quotes, rows, compiled=compiled), lambda vol: {"vol": vol}, rows / count
        )

    name = "py_lets_be_rational"
    peers = (
        Peer(f"{name}, numba", (name, "numba"), partial(looped, True), target=3.0),
        Peer(name, (name,), partial(looped, False), target=3.0),
    )
    return [
        Workload(
            key=KEY,
            group=KEY,
            title="implied vols of options",
            count=count,
            unit="options",
            limit="arithmetic: about 2,000 vector operations for eight options",
            ours=ours,
            peers=peers,
            slack=lambda found: {"vol": np.float64(SLACK)},
            target={1: 1.0 / 5.0, 2: 1.0 / 10.0},
            verify=verify,
        )
    ]
