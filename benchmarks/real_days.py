"""Decides whether every day of a folder of real chains can be margined: made books, all rule books.

    python benchmarks/real_days.py --data DIR --rules generic-slides

A line for each snapshot: series priced and dropped, instruments and legs held; seconds to read it
and to make the books; for each rule book the median time of five runs of `assess`, how many lines
are healthy, without new risk, in liquidation and bankrupt, and how far a few accounts are from the
reference; resident memory now and at its peak. Making the books values every priced series. It ends
with status 1 where a figure is not finite or the kernel differs from the reference.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import numpy as np
from board import chain_of
from books import Books, make_books
from snapshots import MAX_AGE, Snapshot, read_snapshot, snapshots_of

import riskslide as rs
from riskslide.book.clock import text_of
from riskslide.reference import assess_lines

FIGURES = ("initial", "maintenance", "equity", "collateral", "unrealised_pnl", "option_value")
ROUNDS = 5  # of which the median counts
TOLERANCE = 1e-9  # of what an account's figures add up from

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Margined:
    """One rule book on one book; apart: largest difference from the reference, of the gross."""

    rules: str
    seconds: float
    lines: int
    statuses: tuple[int, ...]
    finite: bool
    apart: float


@dataclass(frozen=True, slots=True)
class Day:
    """What one snapshot showed; seconds, and resident memory in MiB."""

    snapshot: str
    file: str
    series: int
    dropped: int
    stale: int
    held: int
    legs: int
    load: float
    making: float
    margined: tuple[Margined, ...]
    resident: float
    peak: float
    warned: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    books = [rs.load_rulebook(name) for name in given.rules]
    runtime = rs.runtime()
    threads = given.threads or runtime["threads"]
    print(
        f"{runtime['instruction_set']}, {threads} threads, {given.accounts:,} accounts a snapshot"
    )
    days = []
    for snapshot in snapshots_of(given.data, given.files)[:: given.every]:
        day = measure(snapshot, books, given)
        days.append(day)
        print(line(day), flush=True)
    print(*summary(days), sep="\n")
    good = all(m.finite and m.apart <= TOLERANCE for d in days for m in d.margined)
    return 0 if days and good else 1


def measure(snapshot: Snapshot, rules: Sequence[rs.Rulebook], given: argparse.Namespace) -> Day:
    """Load a snapshot, make its books, margin them under every rule book."""
    (market, instruments), load = timed(lambda: read_snapshot(snapshot, shares=given.shares))
    chain = chain_of(instruments, market, max_age=MAX_AGE)
    made, making = timed(lambda: make_books(chain, seed=given.seed, accounts=given.accounts))
    portfolio = made.portfolio()
    margined = tuple(margin(made, portfolio, market, r, given) for r in rules)
    return Day(
        snapshot=text_of(market.as_of)[:16],
        file=snapshot.file.name,
        series=len(market.vol),
        dropped=market.dropped,
        stale=chain.unpriced,
        held=len(portfolio.instruments),
        legs=len(made.account),
        load=load,
        making=making,
        margined=margined,
        resident=resident(),
        peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        warned=tuple(sorted({text.split(":")[0] for text in market.warnings})),
    )


def margin(
    made: Books,
    portfolio: rs.Portfolio,
    market: rs.Market,
    rules: rs.Rulebook,
    given: argparse.Namespace,
) -> Margined:
    """Assess the whole book, and some accounts of it once more by the reference."""
    runs = [timed(lambda: rs.assess(portfolio, market, rules, threads=given.threads))]
    runs += [
        timed(lambda: rs.assess(portfolio, market, rules, threads=given.threads))
        for _ in range(ROUNDS - 1)
    ]
    found = runs[0][0]
    return Margined(
        rules=rules.name,
        seconds=statistics.median(seconds for _, seconds in runs),
        lines=len(found),
        statuses=tuple(np.bincount(found.status, minlength=len(rs.Status)).tolist()),
        finite=all(bool(np.isfinite(getattr(found, f)).all()) for f in FIGURES),
        apart=difference(made, market, rules, found, given),
    )


def difference(
    made: Books,
    market: rs.Market,
    rules: rs.Rulebook,
    found: rs.Assessment,
    given: argparse.Namespace,
) -> float:
    """Largest difference from the reference over a seeded few accounts, relative to their gross."""
    draw = np.random.default_rng((given.seed, market.as_of))
    few = sorted(draw.choice(made.accounts, min(given.checked, len(made.accounts)), replace=False))
    if not few:
        return 0.0
    part = made.portfolio(few)
    lines = [k for k, account in enumerate(found.account) if account in part.accounts]
    expected = assess_lines(part, market, rules)
    gross = np.maximum(sum(np.abs(values) for values in expected.values()), 1.0)
    apart = [np.abs(getattr(found, f)[lines] - expected[f]) / gross for f in FIGURES]
    return float(np.max(apart))


def timed(work: Callable[[], T]) -> tuple[T, float]:
    start = perf_counter()
    result = work()
    return result, perf_counter() - start


def resident() -> float:
    """MiB that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def line(day: Day) -> str:
    """One snapshot on one line."""
    rules = "; ".join(
        f"{m.rules} {1e3 * m.seconds:.1f} ms {'/'.join(map(str, m.statuses))} {m.apart:.0e}"
        + ("" if m.finite else " NOT FINITE")
        for m in day.margined
    )
    return (
        f"{day.snapshot} {day.file[:24]:24} {day.series:5} series {day.dropped:3} dropped "
        f"{day.stale:3} stale {day.held:5} held {day.legs:6} legs; load {1e3 * day.load:.0f} ms, "
        f"books {1e3 * day.making:.0f} ms; {rules}; {day.resident:.0f} MiB, peak {day.peak:.0f}"
    )


def summary(days: Sequence[Day]) -> list[str]:
    """What all the snapshots showed together."""
    if not days:
        return ["no snapshot was found"]
    warned = Counter(code for d in days for code in d.warned)
    thirds = [days[k * len(days) // 3 : (k + 1) * len(days) // 3] or days for k in range(3)]
    held = "/".join(f"{statistics.median(d.resident for d in third):.0f}" for third in thirds)
    out = [
        f"{len(days)} snapshots, {sum(d.series for d in days):,} series, "
        f"{sum(d.dropped for d in days)} dropped, {sum(d.legs for d in days):,} legs; "
        f"load median {1e3 * statistics.median(d.load for d in days):.0f} ms; "
        f"resident median of each third {held} MiB, peak {days[-1].peak:.0f} MiB",
        f"snapshots with a warning of the market: {dict(sorted(warned.items())) or 'none'}",
    ]
    for k, first in enumerate(days[0].margined):
        each = [d.margined[k] for d in days]
        times = sorted(1e3 * m.seconds for m in each)
        out.append(
            f"{first.rules}: margin median {statistics.median(times):.1f} ms a day, longest "
            f"{times[-1]:.1f} ms; healthy/no new risk/liquidation/bankrupt "
            f"{'/'.join(str(sum(s)) for s in zip(*(m.statuses for m in each), strict=True))}; "
            f"not finite {sum(not m.finite for m in each)}; farthest from the reference "
            f"{max(m.apart for m in each):.1e} of the gross"
        )
    return out


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of snapshots and marks")
    parser.add_argument("--rules", nargs="+", default=["generic-slides"], metavar="NAME")
    parser.add_argument("--files", default="*", help="pattern of the files of chains")
    parser.add_argument("--shares", action="store_true", help="stocks are held, not replicated")
    parser.add_argument("--every", type=int, default=1, help="every how many snapshots")
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--checked", type=int, default=5, help="accounts for the reference")
    parser.add_argument("--threads", type=int, default=None)
    return parser


if __name__ == "__main__":
    sys.exit(main())
