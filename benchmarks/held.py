"""Decides what becomes of a book that nobody touches: its settlements, and its quotes.

- A contract that expired is settled to coin at the index of the snapshot nearest to its expiry,
  found in that snapshot as the median of its series. The venue averages the index over the last
  half hour instead.
- A series that a later snapshot does not price keeps its last vol, on the new forward of its
  expiry; an expiry, perpetual or future that is not priced moves with the index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from books import Books

import riskslide as rs
from riskslide.book.columns import Float
from riskslide.book.instruments import Instruments, Kind

Balances = Mapping[tuple[str, str], float]


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Rows of positions that are alive, and balances by (account, asset)."""

    instruments: Instruments
    account: tuple[str, ...]
    row: tuple[int, ...]
    quantity: Float
    entry_price: Float
    balances: Balances

    @classmethod
    def of(cls, books: Books) -> Held:
        """The made books as they start."""
        number = books.chain.instruments.index
        amounts = books.balance_amount.tolist()
        owners = zip(books.balance_account, books.balance_asset, strict=True)
        return cls(
            instruments=books.chain.instruments,
            account=books.account,
            row=tuple(number[name] for name in books.instrument),
            quantity=books.quantity,
            entry_price=books.entry_price,
            balances=dict(zip(owners, amounts, strict=True)),
        )

    def portfolio(self) -> rs.Portfolio:
        """The book over the instruments that are still held."""
        held = sorted(set(self.row))
        return rs.Portfolio.from_columns(
            self.instruments.take(held),
            account=self.account,
            instrument=[self.instruments.name[i] for i in self.row],
            quantity=self.quantity,
            entry_price=self.entry_price,
            balance_account=[account for account, _ in self.balances],
            balance_asset=[asset for _, asset in self.balances],
            balance_amount=list(self.balances.values()),
        )


def alive(held: Held, as_of: int) -> Held:
    """The book without what has expired by `as_of`, and without what that paid."""
    left = [k for k, i in enumerate(held.row) if held.instruments.expiry[i] > as_of]
    return replace(
        held,
        account=tuple(held.account[k] for k in left),
        row=tuple(held.row[k] for k in left),
        quantity=held.quantity[left],
        entry_price=held.entry_price[left],
    )


def cash_of(held: Held, as_of: int, prices: Mapping[tuple[str, int], float]) -> Balances:
    """Coin by (account, coin) that what expired by `as_of` pays.

    prices: settlement price by (underlying, expiry).
    """
    x = held.instruments
    cash: dict[tuple[str, str], float] = {}
    for k, i in enumerate(held.row):
        if x.expiry[i] <= as_of:
            coin, expiry = x.underlyings[x.underlying[i]], int(x.expiry[i])
            paid = _final(x, i, prices[coin, expiry])
            if x.kind[i] != Kind.OPTION.value:
                paid += float(x.multiplier[i]) / float(held.entry_price[k])
            key = (held.account[k], coin)
            cash[key] = cash.get(key, 0.0) + float(held.quantity[k]) * paid
    return cash


def coin_gains(
    held: Held, before: rs.Market, market: rs.Market, prices: Mapping[tuple[str, int], float]
) -> Balances:
    """What the positions gained from one market to the next, in coin, by (account, coin).

    What expired on the way gains up to its settlement at `prices`.
    """
    x = held.instruments
    now, later = _worth(held, before), _worth(held, market)
    out: dict[tuple[str, str], float] = {}
    for k, i in enumerate(held.row):
        coin, expiry = x.underlyings[x.underlying[i]], int(x.expiry[i])
        then = later[i] if i in later else _final(x, i, prices[coin, expiry])
        key = (held.account[k], coin)
        out[key] = out.get(key, 0.0) + float(held.quantity[k]) * (then - now[i])
    return out


def received(held: Held, cash: Balances) -> Held:
    """The book with cash of settlements in its balances."""
    total = dict(held.balances)
    for key, amount in cash.items():
        total[key] = total.get(key, 0.0) + amount
    return replace(held, balances=total)


def _worth(held: Held, market: rs.Market) -> dict[int, float]:
    """Coin that one contract unit of everything alive is worth; of futures up to a constant."""
    rows = [i for i in sorted(set(held.row)) if held.instruments.expiry[i] > market.as_of]
    alive = held.instruments.take(rows)
    state = market.on(alive)
    base = rs.revalue(alive, state, rs.Scenarios.of([1.0])).base / state.fx
    marked = -alive.multiplier / np.where(state.mark > 0, state.mark, 1.0)
    worth = np.where(alive.kind == Kind.OPTION.value, base, marked)
    return dict(zip(rows, worth.tolist(), strict=True))


def _final(x: Instruments, i: int, final: float) -> float:
    """`_worth` of one contract unit at its settlement price."""
    if x.kind[i] == Kind.OPTION.value:
        side = 1.0 if x.is_call[i] else -1.0
        return float(max(side * (final - x.strike[i]), 0.0) * x.multiplier[i] / final)
    return float(-x.multiplier[i] / final)


def carried(held: Held, market: rs.Market, before: rs.Market) -> tuple[rs.Market, int]:
    """`market` with a quote for everything that is held, and how many instruments lacked one."""
    x = held.instruments
    tables: dict[str, Any] = {k: dict(getattr(market, k)) for k in ("vol", "forward", "mark")}
    forwards = _forwards(x, market)
    missing = 0
    for i in sorted(set(held.row)):
        name, coin = x.name[i], x.underlyings[x.underlying[i]]
        kinds = ("vol", "forward") if x.kind[i] == Kind.OPTION.value else ("mark",)
        fresh = [_is_now(tables[kind].get(name), market.as_of) for kind in kinds]
        if all(fresh):
            continue
        missing += 1
        moved = market.spot[coin].value / before.spot[coin].value
        for kind in kinds:
            value = getattr(before, kind)[name].value * (1.0 if kind == "vol" else moved)
            if kind == "forward":
                value = forwards.get((coin, int(x.expiry[i])), value)
            tables[kind][name] = rs.Quote(value, market.as_of)
    return replace(market, **tables), missing


def settlement_prices(
    instruments: Instruments, markets: Sequence[rs.Market]
) -> dict[tuple[str, int], float]:
    """Index of the snapshot nearest to every expiry, by (underlying, expiry)."""
    out = {}
    pairs = zip(instruments.underlying.tolist(), instruments.expiry.tolist(), strict=True)
    for number, expiry in sorted(set(pairs)):
        coin = instruments.underlyings[number]
        nearest = min(markets, key=lambda m: abs(m.as_of - expiry))
        out[coin, expiry] = nearest.spot[coin].value
    return out


def _forwards(x: Instruments, market: rs.Market) -> dict[tuple[str, int], float]:
    """Median forward of every expiry that the market quotes."""
    found: dict[tuple[str, int], list[float]] = {}
    for i, name in enumerate(x.name):
        quote = market.forward.get(name)
        if quote is not None:
            key = (x.underlyings[x.underlying[i]], int(x.expiry[i]))
            found.setdefault(key, []).append(quote.value)
    return {key: float(np.median(values)) for key, values in found.items()}


def _is_now(quote: rs.Quote | None, as_of: int, max_age: float = 3600.0) -> bool:
    return quote is not None and as_of - quote.instant <= 1e9 * max_age
