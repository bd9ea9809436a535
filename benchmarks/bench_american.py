"""W5 and random American options, beside QuantLib's QdFp engines called from Python.

    python benchmarks/bench_american.py [OPTIONS]

All in one run, one thread; errors are against QuantLib's scheme of high precision.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import QuantLib as ql

import riskslide as rs

EXACT = 200  # options valued by the slow scheme of high precision
TODAY, DAYS = ql.Date(1, 1, 2024), ql.Actual365Fixed()


class Peer:
    """QuantLib's engines over quotes that are set for every option."""

    def __init__(self) -> None:
        ql.Settings.instance().evaluationDate = TODAY
        self.quotes = [ql.SimpleQuote(x) for x in (100.0, 0.2, 0.05, 0.02)]
        spot, vol, rate, dividend = (ql.QuoteHandle(q) for q in self.quotes)
        curves = [
            ql.YieldTermStructureHandle(ql.FlatForward(TODAY, q, DAYS)) for q in (dividend, rate)
        ]
        surface = ql.BlackConstantVol(TODAY, ql.NullCalendar(), vol, DAYS)
        process = ql.BlackScholesMertonProcess(
            spot, *curves, ql.BlackVolTermStructureHandle(surface)
        )
        engine = ql.QdFpAmericanEngine
        self.fast = engine(process, engine.fastScheme())
        self.exact = engine(process, engine.highPrecisionScheme())

    def value(self, engine: Any, row: Any) -> float:
        spot, strike, days, vol, rate, dividend, call = row
        for quote, x in zip(self.quotes, (spot, vol, rate, dividend), strict=True):
            quote.setValue(x)
        side = ql.Option.Call if call else ql.Option.Put
        exercise = ql.AmericanExercise(TODAY, TODAY + int(days))
        option = ql.VanillaOption(ql.PlainVanillaPayoff(side, strike), exercise)
        option.setPricingEngine(engine)
        return float(option.NPV())


def contracts(count: int) -> list[Any]:
    """Columns: spot, strike, days, vol, rate, dividend yield, is_call."""
    rng = np.random.default_rng(1)
    spot, vol = rng.uniform(60, 140, count), rng.uniform(0.08, 0.8, count)
    days = np.floor(np.exp(rng.uniform(np.log(7), np.log(1100), count)))
    rates = [rng.uniform(0.0, 0.1, count) for _ in range(2)]
    return [spot, np.full(count, 100.0), days, vol, *rates, rng.random(count) < 0.5]


def ours(columns: list[Any]) -> rs.Greeks:
    spot, strike, days, vol, rate, dividend, call = columns
    return rs.american(spot, strike, days / 365, vol, rate, dividend, is_call=call, threads=1)


def seconds(run: Callable[[], Any], times: int = 3) -> float:
    def once() -> float:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    return min(once() for _ in range(times))


def main(count: int) -> None:
    peer, columns = Peer(), contracts(count)
    points = [np.repeat(c, 10) for c in columns]
    points[0] = points[0] * np.tile(np.linspace(0.85, 1.15, 10), count)
    few = list(zip(*(c[:EXACT] for c in columns), strict=True))
    exact = np.array([peer.value(peer.exact, row) for row in few])
    fast = np.array([peer.value(peer.fast, row) for row in few])
    found = ours([c[:EXACT] for c in columns]).value
    for name, values in (("ours", found), ("QuantLib fast", fast)):
        error = np.abs(values - exact) / 100.0
        print(f"{name}: error of strike, largest {error.max():.1e}, median {np.median(error):.1e}")
    sample = few * 5
    per_fast = seconds(lambda: [peer.value(peer.fast, r) for r in sample]) / len(sample)
    for name, rows in (("random, value and Greeks", columns), ("W5, 10 points", points)):
        per = seconds(lambda rows=rows: ours(rows)) / rows[0].size  # type: ignore[misc]
        print(
            f"{name}: {per * 1e6:.2f} us an option, {1 / per:,.0f}/s; QuantLib fast from Python "
            f"{per_fast * 1e6:.1f} us a value: {per_fast / per:.1f} times"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
