"""Decides how requirements are held against a real fall: books held unchanged from 3 to 8 Feb 2026.

    python benchmarks/fall.py --data DIR --rules generic-slides [--write docs/methods/deribit.md]

Made books are hedged at the first of 24 six-hourly snapshots and then left alone (held.py says what
is settled and at which quotes they stand). The loss of an account over a step is the fall of its
equity as the rule book counts it, which is what its maintenance at the start of the step was for.
A pool that is margined in its coin loses coin, at the index of the start. Cash of a settlement
counts in full in the step in which it is paid, after haircut from then on. Nobody is liquidated, no
funding is paid. A line is an (account, pool) that requires, or loses, anything. With --write the
tables go between the markers of a page.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from board import chain_of
from books import Books, make_books
from held import (
    Balances,
    Held,
    alive,
    carried,
    cash_of,
    coin_gains,
    received,
    settlement_prices,
)
from snapshots import MAX_AGE, Snapshot, read_snapshot, snapshots_of

import riskslide as rs
from riskslide.book.clock import text_of

FILES = "stress_6h_*.parquet"
BEGIN, END = "<!-- fall:begin -->", "<!-- fall:end -->"
COINS = ("BTC", "ETH")
CENT = 0.01  # amounts that are closer are equal
SMALL = 1_000.0  # a smaller maintenance is no measure of a loss

Line = tuple[str, str]  # account, pool


@dataclass(frozen=True, slots=True)
class Step:
    """One rule book from one snapshot to the next.

    start, end: nanoseconds; moves: of the index of every coin; maintenance, initial, equity: by
    line, at the start; loss: by line, over the step; moved: what the positions alone lost, in coin
    at the index of the start; carried: instruments without a quote at its end.
    """

    start: int
    end: int
    moves: Mapping[str, float]
    maintenance: Mapping[Line, float]
    initial: Mapping[Line, float]
    equity: Mapping[Line, float]
    loss: Mapping[Line, float]
    moved: Mapping[Line, float]
    carried: int

    @property
    def exceeded(self) -> list[Line]:
        """Lines that lost more than their maintenance."""
        return [k for k, loss in self.loss.items() if loss > self.maintenance[k] + CENT]

    @property
    def exceeded_alone(self) -> list[Line]:
        """Lines whose positions alone lost more than their maintenance."""
        return [k for k, loss in self.moved.items() if loss > self.maintenance[k] + CENT]

    @property
    def ratios(self) -> list[float]:
        """Loss over maintenance of the lines that have one to speak of."""
        return [x / m for k, x in self.loss.items() if (m := self.maintenance[k]) >= SMALL]

    @property
    def uncovered(self) -> float:
        """What was lost beyond the maintenance of each line."""
        return sum(self.loss[k] - self.maintenance[k] for k in self.exceeded)


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    snapshots = snapshots_of(given.data, FILES)
    if len(snapshots) < 2:
        print(f"{given.data} holds no {FILES}")
        return 1
    books, markets, missing = history(snapshots, given.accounts, given.seed)
    rules = [rs.load_rulebook(name) for name in given.rules]
    steps = {r.name: walk(books, markets, missing, r) for r in rules}
    text = page(books, steps)
    print(text)
    if given.write:
        given.write.write_text(written(given.write.read_text("utf-8"), text), "utf-8")
    return 0


def history(
    snapshots: Sequence[Snapshot], accounts: int, seed: int
) -> tuple[Books, list[rs.Market], list[int]]:
    """Books made on the first snapshot, and markets that price what is held at every one."""
    market, instruments = read_snapshot(snapshots[0])
    books = make_books(chain_of(instruments, market, max_age=MAX_AGE), seed=seed, accounts=accounts)
    held, markets, missing = Held.of(books), [market], [0]
    for snapshot in snapshots[1:]:
        market = read_snapshot(snapshot)[0]
        found, lacked = carried(alive(held, market.as_of), market, markets[-1])
        markets.append(found)
        missing.append(lacked)
    return books, markets, missing


def walk(
    books: Books, markets: Sequence[rs.Market], missing: Sequence[int], rules: rs.Rulebook
) -> list[Step]:
    """Every step of one rule book."""
    held, out = Held.of(books), []
    prices = settlement_prices(held.instruments, markets)
    now = rs.assess(held.portfolio(), markets[0], rules)
    for before, market, lacked in zip(markets[:-1], markets[1:], missing[1:], strict=True):
        left, cash = alive(held, market.as_of), cash_of(held, market.as_of, prices)
        then = rs.assess(left.portfolio(), market, rules)
        start, end = amounts_of(now, "equity"), amounts_of(then, "equity")
        for line, worth in worth_of(cash, now, market).items():
            end[line] = end.get(line, 0.0) + worth
        gained = worth_of(coin_gains(held, before, market, prices), now, before)
        needed = amounts_of(now, "maintenance")
        loss = {k: e - end.get(k, 0.0) * in_unit(k, before, market) for k, e in start.items()}
        loss = {k: x for k, x in loss.items() if needed[k] > CENT or abs(x) > CENT}
        out.append(
            Step(
                start=before.as_of,
                end=market.as_of,
                moves={c: market.spot[c].value / before.spot[c].value - 1.0 for c in COINS},
                maintenance=needed,
                initial=amounts_of(now, "initial"),
                equity=start,
                loss=loss,
                moved={k: -gained.get(k, 0.0) for k in loss},
                carried=lacked,
            )
        )
        held = received(left, cash)
        now = rs.assess(held.portfolio(), market, rules) if cash else then
    return out


def amounts_of(found: rs.Assessment, figure: str) -> dict[Line, float]:
    """One figure of every line."""
    lines = zip(found.account, found.pool, strict=True)
    return dict(zip(lines, getattr(found, figure).tolist(), strict=True))


def in_unit(line: Line, before: rs.Market, market: rs.Market) -> float:
    """What turns an amount at the end into the unit of the line, at the price of the start.

    A pool that is named after a coin is margined in that coin: what the coin itself loses is no
    loss there.
    """
    coin = line[1]
    return before.spot[coin].value / market.spot[coin].value if coin in before.spot else 1.0


def worth_of(cash: Balances, found: rs.Assessment, market: rs.Market) -> dict[Line, float]:
    """Amounts of coin in the reporting currency, by the line they belong to."""
    pools = set(found.pool)
    out: dict[Line, float] = {}
    for (account, coin), amount in cash.items():
        line = (account, coin if coin in pools else min(pools))
        out[line] = out.get(line, 0.0) + amount * market.spot[coin].value
    return out


def page(books: Books, steps: Mapping[str, Sequence[Step]]) -> str:
    """The tables as Markdown."""
    lines = overall(books, steps)
    for name, walked in steps.items():
        lines += ["", *table(name, walked)]
    return "\n".join(lines)


def overall(books: Books, steps: Mapping[str, Sequence[Step]]) -> list[str]:
    """One row for each rule book, over all steps."""
    walked = next(iter(steps.values()))
    first, last = text_of(walked[0].start)[:16], text_of(walked[-1].end)[:16]
    out = [
        f"{len(books.accounts):,} made accounts, {len(books.account):,} legs, hedged at {first}\n"
        f"and held unchanged to {last} UTC, {len(walked)} steps; "
        f"{sum(s.carried for s in walked)} quotes were carried on.",
        "",
        "| rule book | lines x steps | loss > maintenance | of which had the equity for it "
        "| positions alone > maintenance | loss > initial | beyond maintenance, USD "
        "| of all maintenance | largest loss / maintenance | most often |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    kinds = dict(zip(books.accounts, books.archetype, strict=True))
    return out + [row(name, rows, kinds) for name, rows in steps.items()]


def row(name: str, steps: Sequence[Step], kinds: Mapping[str, str]) -> str:
    """All steps of one rule book on one row."""
    lines = sum(len(s.loss) for s in steps)
    over = [(s, k) for s in steps for k in s.exceeded]
    funded = sum(s.equity[k] >= s.maintenance[k] for s, k in over)
    alone = sum(len(s.exceeded_alone) for s in steps)
    initial = sum(loss > s.initial[k] + CENT for s in steps for k, loss in s.loss.items())
    uncovered = sum(s.uncovered for s in steps)
    required = sum(sum(s.maintenance.values()) for s in steps)
    worst = max(r for s in steps for r in s.ratios)
    usual = Counter(kinds[k[0]] for _, k in over).most_common(2)
    words = ", ".join(f"{kind} {count}" for kind, count in usual)
    return (
        f"| {name} | {lines:,} | {len(over)} ({len(over) / lines:.3%}) | {funded} | {alone} "
        f"| {initial} | {uncovered:,.0f} | {uncovered / required:.4%} | {worst:.2f} | {words} |"
    )


def table(name: str, steps: Sequence[Step]) -> list[str]:
    """One row for each step of one rule book."""
    out = [
        f"{name}: maintenance and equity in millions of USD at the start of the step,\n"
        f"loss / maintenance where that is at least {SMALL:,.0f} USD:",
        "",
        "| step to | BTC | ETH | maintenance | equity | below maintenance | loss / maintenance, "
        "median | largest | loss > maintenance | positions alone | beyond it, USD |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for s in steps:
        below = sum(s.equity[k] < m - CENT for k, m in s.maintenance.items())
        out.append(
            f"| {text_of(s.end)[5:16].replace('T', ' ')} | {s.moves['BTC']:+.1%} "
            f"| {s.moves['ETH']:+.1%} | {sum(s.maintenance.values()) / 1e6:,.1f} "
            f"| {sum(s.equity.values()) / 1e6:,.1f} | {below} | {statistics.median(s.ratios):.2f} "
            f"| {max(s.ratios):.2f} | {len(s.exceeded)} | {len(s.exceeded_alone)} "
            f"| {s.uncovered:,.0f} |"
        )
    return out


def written(text: str, tables: str) -> str:
    """The page with the tables between its markers."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise SystemExit(f"the page must hold {BEGIN} and {END} once each")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{tables}\n{END}{rest.split(END)[1]}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of snapshots and marks")
    parser.add_argument("--rules", nargs="+", default=["generic-slides"], metavar="NAME")
    parser.add_argument("--write", type=Path, help="page whose tables are replaced")
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
