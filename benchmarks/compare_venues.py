"""Decides how maintenance is set side by side: by rule book and strategy, over real chains.

    python benchmarks/compare_venues.py --data DIR [--write docs/methods/compare.md]

Every snapshot of the files margins textbook strategies (strategies.py) and made accounts
(books.py) under every rule book, both without balances, and the accounts once more with the
collateral that they post. A figure of a table is taken over all accounts of a strategy and all
snapshots: the ratio of maintenance to that of the base, and what is saved against leg by leg. An
account whose base maintenance is below a dollar has no ratio. The same contract is margined
everywhere: coin-settled options stay coin-settled where a venue's own settle in dollars. With
--write the tables go between the markers of a page.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from board import chain_of
from books import make_books
from snapshots import MAX_AGE, Snapshot, read_snapshot, snapshots_of
from strategies import NOTIONAL, STRATEGIES, TENORS, make_singles
from structures import ARCHETYPES

import riskslide as rs
from riskslide.book.clock import text_of
from riskslide.venue.load import preset_names

FILES = "deribit_btc_eth_daily_202602.parquet"
BEGIN, END = "<!-- compare:begin -->", "<!-- compare:end -->"
LEAST = 1.0  # a smaller maintenance is no measure of another


@dataclass(slots=True)
class Tally:
    """What was seen of one strategy under one rule book: maintenance, of the base, leg by leg."""

    own: list[float] = field(default_factory=list)
    base: list[float] = field(default_factory=list)
    legs: list[float] = field(default_factory=list)
    worst: Counter[str] = field(default_factory=Counter)

    @property
    def ratio(self) -> str:
        """Median and mean of maintenance over that of the base."""
        own, base = np.array(self.own), np.array(self.base)
        kept = base >= LEAST
        if not kept.any():
            return "-"
        ratios = own[kept] / base[kept]
        return f"{np.median(ratios):.2f} ({ratios.mean():.2f})"

    @property
    def saving(self) -> str:
        """Median share that is saved against leg by leg."""
        legs = np.maximum(np.array(self.legs), 1e-9)
        return f"{np.median(1.0 - np.array(self.own) / legs):.0%}"

    @property
    def usual(self) -> str:
        """The scenario that is the worst most often, and how often."""
        label, count = self.worst.most_common(1)[0]
        return f"{label or 'none'} ({count / self.worst.total():.0%})"


Tallies = dict[tuple[str, str], Tally]  # by strategy, rule book


@dataclass(slots=True)
class Seen:
    """All snapshots so far: tallies by part of the page, accounts, what failed, first and last."""

    singles: Tallies = field(default_factory=dict)
    positions: Tallies = field(default_factory=dict)
    backed: Tallies = field(default_factory=dict)
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    instants: list[int] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    books = {name: rs.load_rulebook(name) for name in given.rules or complete()}
    if given.base not in books:
        raise SystemExit(f"--base {given.base} is not among {', '.join(books)}")
    seen = Seen()
    for snapshot in snapshots_of(given.data, given.files)[:: given.every]:
        take(seen, snapshot, books, given)
        print(f"{text_of(seen.instants[-1])} margined", file=sys.stderr, flush=True)
    if not seen.instants:
        raise SystemExit(f"no snapshot of {given.files} is in {given.data}")
    tables = page(seen, list(books), given)
    print(tables)
    if given.write:
        text = given.write.read_text("utf-8")
        given.write.write_text(written(text, tables), "utf-8")
    return 0


def complete() -> list[str]:
    """The presets that can run as they are."""
    return [n for n in preset_names() if rs.load_rulebook(n).status == "complete"]


def take(
    seen: Seen,
    snapshot: Snapshot,
    books: Mapping[str, rs.Rulebook],
    given: argparse.Namespace,
) -> None:
    """Margin one snapshot and add what it shows."""
    market, instruments = read_snapshot(snapshot)
    chain = chain_of(instruments, market, max_age=MAX_AGE)
    singles = make_singles(chain, market.as_of)
    made = make_books(chain, seed=given.seed, accounts=given.accounts)
    kinds = dict(zip(made.accounts, made.archetype, strict=True))
    bare = replace(made, balance_account=(), balance_asset=(), balance_amount=np.zeros(0))
    for tallies, portfolio, strategy in (
        (seen.singles, singles.portfolio, singles.strategy),
        (seen.positions, bare.portfolio(), kinds),
        (seen.backed, made.portfolio(), kinds),
    ):
        found = rs.compare(portfolio, market, books)
        add(tallies, found, strategy, given.base)
        seen.failed.update((label, error.code) for label, error in found.failures.items())
    seen.instants.append(market.as_of)


def add(tallies: Tallies, found: rs.Comparison, strategy: Mapping[str, str], base: str) -> None:
    """Add every line to the tally of its strategy and rule book."""
    against = found.maintenance[found.lines_of(base)].tolist()
    for label in found.warnings:
        at = found.lines_of(label)
        rows = zip(
            found.accounts,
            found.maintenance[at].tolist(),
            found.leg_by_leg[at].tolist(),
            found.worst_scenario[at],
            against,
            strict=True,
        )
        for account, own, legs, worst, other in rows:
            tally = tallies.setdefault((strategy[account], label), Tally())
            tally.own.append(own)
            tally.legs.append(legs)
            tally.base.append(other)
            tally.worst[worst] += 1


def page(seen: Seen, labels: Sequence[str], given: argparse.Namespace) -> str:
    """The tables as Markdown."""
    first, last = (text_of(t)[:10] for t in (seen.instants[0], seen.instants[-1]))
    strategies, made = list(STRATEGIES), [a.name for a in ARCHETYPES]
    lines = [
        f"{len(seen.instants)} snapshots from {first} to {last}. A ratio is maintenance over that",
        f"of {given.base}: the median over accounts and snapshots, the mean in brackets. Saved is",
        "the median of 1 - maintenance / leg by leg.",
        "",
        f"Textbook strategies on {NOTIONAL:,.0f} USD of BTC and of ETH, nearest to "
        f"{', '.join(map(str, TENORS))} days:",
        "",
        *ratios(seen.singles, strategies, labels, given.base, NOTIONAL),
        "",
        "What they save:",
        "",
        *table(seen.singles, strategies, labels, lambda tally: tally.saving),
        "",
        "Their worst scenario, the one met most often, and how often:",
        "",
        *table(seen.singles, strategies, labels, lambda tally: tally.usual),
        "",
        f"Made accounts, {given.accounts:,} a snapshot, positions alone:",
        "",
        *ratios(seen.positions, made, labels, given.base),
        "",
        "What they save:",
        "",
        *table(seen.positions, made, labels, lambda tally: tally.saving),
        "",
        "The same accounts with the collateral that they post:",
        "",
        *ratios(seen.backed, made, labels, given.base),
    ]
    failed = [
        f"- {label} did not run: {code}, {n} times" for (label, code), n in seen.failed.items()
    ]
    return "\n".join([*lines, *(["", *failed] if failed else [])])


def ratios(
    tallies: Tallies,
    strategies: Sequence[str],
    labels: Sequence[str],
    base: str,
    notional: float | None = None,
) -> list[str]:
    """A row for each strategy: the median maintenance of the base, then the others over it."""
    others = [label for label in labels if label != base]
    unit = f"{base}, of notional" if notional else f"{base}, USD"
    out = [_row(["strategy", unit, *others]), "|---" * (len(others) + 2) + "|"]
    for name in (n for n in strategies if (n, base) in tallies):
        middle = float(np.median(tallies[name, base].own))
        needs = f"{middle / notional:.1%}" if notional else f"{middle:,.0f}"
        out.append(_row([name, needs, *_cells(tallies, name, others, lambda tally: tally.ratio)]))
    return out


def table(
    tallies: Tallies,
    strategies: Sequence[str],
    labels: Sequence[str],
    shown: Callable[[Tally], str],
) -> list[str]:
    """A row for each strategy, a column for each rule book."""
    out = [_row(["strategy", *labels]), "|---" * (len(labels) + 1) + "|"]
    met = {name for name, _ in tallies}
    return out + [
        _row([name, *_cells(tallies, name, labels, shown)]) for name in strategies if name in met
    ]


def _cells(
    tallies: Tallies, name: str, labels: Sequence[str], shown: Callable[[Tally], str]
) -> list[str]:
    """What a strategy shows under every rule book; a dash where one never ran."""
    found = (tallies.get((name, label)) for label in labels)
    return ["-" if tally is None else shown(tally) for tally in found]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def written(text: str, tables: str) -> str:
    """The page with the tables between its markers."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise SystemExit(f"the page must hold {BEGIN} and {END} once each")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{tables}\n{END}{rest.split(END)[1]}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of snapshots and marks")
    parser.add_argument("--files", default=FILES, help="pattern of the files of chains")
    parser.add_argument("--rules", nargs="+", metavar="NAME", help="default: complete presets")
    parser.add_argument("--base", default="generic-slides", metavar="NAME")
    parser.add_argument("--write", type=Path, help="page whose tables are replaced")
    parser.add_argument("--every", type=int, default=1, help="every how many snapshots")
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
