"""Matching of books of one underlying under `reg-t`: time, bound and proof.

    python benchmarks/bench_matching.py [--legs 200] [--rounds 5]

Trades: vertical spreads, butterflies, condors, strangles and naked shorts at strikes near the spot,
in five expiries, whose legs are added up by contract until there are so many. Scattered: as many
contracts at random, long or short.
"""

from __future__ import annotations

import argparse
import random
import time
from fractions import Fraction
from statistics import NormalDist

import numpy as np

import riskslide as rs
from riskslide.margin.strategy.legs import Legs
from riskslide.margin.strategy.matching import required
from riskslide.margin.strategy.rates import Rates

SPOT, VOL, SIZE = 100.0, 0.3, 100.0
EXPIRIES = (7, 30, 60, 120, 300)
STRIKES = range(70, 131)
DAY = 86_400 * 10**9
Contract = tuple[bool, int, int]  # call, strike, days

# Legs of a trade: (call, strikes away from the first, quantity).
TRADES: tuple[tuple[tuple[bool, int, int], ...], ...] = (
    ((True, 0, -1), (True, 5, 1)),
    ((False, 0, -1), (False, -5, 1)),
    ((True, 0, 1), (True, 5, -1)),
    ((True, 0, 1), (True, 5, -2), (True, 10, 1)),
    ((False, 0, 1), (False, -5, -2), (False, -10, 1)),
    ((False, -10, 1), (False, -5, -1), (True, 5, -1), (True, 10, 1)),
    ((True, -8, 1), (True, -4, -1), (True, 4, -1), (True, 8, 1)),
    ((True, 6, -1), (False, -6, -1)),
    ((False, -12, -1),),
)


def trades(legs: int, rng: random.Random) -> dict[Contract, int]:
    held: dict[Contract, int] = {}
    while sum(n != 0 for n in held.values()) < legs:
        at, days, size = rng.randint(84, 116), rng.choice(EXPIRIES), rng.randint(1, 20)
        for call, away, n in rng.choice(TRADES):
            key = (call, at + away, days)
            held[key] = held.get(key, 0) + n * size
    return {key: n for key, n in held.items() if n}


def scattered(legs: int, rng: random.Random) -> dict[Contract, int]:
    every = [(call, k, days) for call in (True, False) for k in STRIKES for days in EXPIRIES]
    return {key: rng.choice([-1, 1]) * rng.randint(1, 20) for key in rng.sample(every, legs)}


def price(contract: Contract) -> float:
    """Black-Scholes without rates, to the cent and one more."""
    call, strike, days = contract
    deviation = VOL * (days / 365.0) ** 0.5
    d = (np.log(SPOT / strike) + 0.5 * deviation**2) / deviation
    normal = NormalDist().cdf
    worth = SPOT * normal(d) - strike * normal(d - deviation)
    return round(float(worth if call else worth - SPOT + strike) + 0.01, 2)


def legs_of(held: dict[Contract, int]) -> Legs:
    return Legs(
        name=tuple(f"{'C' if c else 'P'}{k}-{days}" for c, k, days in held),
        is_call=np.array([c for c, _, _ in held], dtype=np.bool_),
        strike=np.array([k * SIZE for _, k, _ in held]),
        price=np.array([price(key) * SIZE for key in held]),
        expiry=np.array([days * DAY for _, _, days in held], dtype=np.int64),
        contracts=tuple(Fraction(n) for n in held.values()),
        spot=SPOT * SIZE,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--legs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    rates = Rates.of(rs.load_rulebook("reg-t"), "XYZ", initial=False)
    print(f"{'book':<12}{'seed':>5}{'legs':>6}{'min ms':>9}{'deposit':>14}{'bound':>14}  proven")
    for kind in (trades, scattered):
        for seed in range(4):
            legs = legs_of(kind(given.legs, random.Random(seed)))
            times = []
            for _ in range(given.rounds):
                start = time.perf_counter()
                found = required(legs, rates)
                times.append(time.perf_counter() - start)
            print(
                f"{kind.__name__:<12}{seed:>5}{len(legs.name):>6}{1e3 * min(times):>9.1f}"
                f"{found.deposit:>14,.2f}{found.bound:>14,.2f}  {found.proven}"
            )


if __name__ == "__main__":
    main()
