"""Decides, a second time and naively, what standard margin requires: every grouping is tried.

Written from the rules, with no code of the library: contracts are told apart one by one, and the
cheapest of all ways to group them is found by trying them all. For books of about eight contracts.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

LONG_DATED = 273  # days: longer is "more than nine months"


class Contract(NamedTuple):
    """kind C, P or S (as many shares as a contract is of); side +1 or -1; price of one unit."""

    kind: str
    side: int
    strike: float = 0.0
    days: int = 0
    price: float = 0.0


class Rules(NamedTuple):
    """Of one underlying: rate of naked options, leverage, rates of stock long and short."""

    spot: float
    rate: float = 0.20
    leverage: float = 1.0
    long_stock: float = 0.25
    short_stock: float = 0.30
    initial: bool = False  # stock with an option requires what the stock does


def out_of_the_money(c: Contract, spot: float) -> float:
    return max(0.0, c.strike - spot if c.kind == "C" else spot - c.strike)


def naked(c: Contract, r: Rules) -> float:
    floor = 0.10 * r.leverage * (r.spot if c.kind == "C" else c.strike)
    return c.price + max(r.rate * r.leverage * r.spot - out_of_the_money(c, r.spot), floor)


def alone(c: Contract, r: Rules) -> float:
    if c.kind == "S":
        return (r.long_stock if c.side > 0 else r.short_stock) * r.spot
    if c.side < 0:
        return naked(c, r)
    return -0.25 * c.price if c.days > LONG_DATED else 0.0


def at_expiry(c: Contract, spot: float) -> float:
    worth = max(0.0, spot - c.strike if c.kind == "C" else c.strike - spot)
    return c.side * worth


def spread(group: tuple[Contract, ...]) -> float:
    if sum(c.side for c in group if c.kind == "C") < 0:
        return math.inf
    points = [0.0, *(c.strike for c in group)]
    return max(0.0, *(-sum(at_expiry(c, x) for c in group) for x in points))


def with_stock(stock: Contract, options: tuple[Contract, ...], r: Rules) -> float:
    """One round lot of stock with options; infinite where the rules name no such group."""
    s = r.spot
    sides = tuple(sorted((c.kind, c.side) for c in options))
    by_kind = {c.kind: c for c in options}
    rate = r.long_stock if stock.side > 0 else r.short_stock
    if stock.side > 0 and sides == (("C", -1),):
        k = options[0].strike
        return rate * min(s, k) + max(0.0, s - k)
    if stock.side > 0 and sides == (("P", 1),):
        k = options[0].strike
        return rate * s if r.initial else min(0.10 * k + max(0.0, s - k), rate * s)
    if stock.side < 0 and sides == (("C", 1),):
        k = options[0].strike
        return rate * s if r.initial else min(0.10 * k + max(0.0, k - s), rate * s)
    if stock.side < 0 and sides == (("P", -1),):
        return rate * s + max(0.0, options[0].strike - s)
    if stock.side > 0 and sides == (("C", -1), ("P", 1)):
        call, put = by_kind["C"], by_kind["P"]
        if put.strike > call.strike or put.days < call.days:
            return math.inf
        above = max(0.0, s - call.strike)  # stock counts at no more than the strike
        if r.initial:
            return rate * min(s, call.strike) + above
        both = min(0.10 * put.strike + max(0.0, s - put.strike), rate * call.strike)
        same = put.strike == call.strike and put.days == call.days
        return above + (min(both, 0.10 * put.strike) if same else both)
    return math.inf


def required(group: tuple[Contract, ...], r: Rules) -> float:
    """What one group requires; infinite where it is none."""
    stock = [c for c in group if c.kind == "S"]
    options = tuple(c for c in group if c.kind != "S")
    if len(group) == 1:
        return alone(group[0], r)
    if stock:
        return with_stock(stock[0], options, r) if len(stock) == 1 else math.inf
    shorts = [c for c in options if c.side < 0]
    longs = [c for c in options if c.side > 0]
    if len(group) == 2 and not longs and shorts[0].kind != shorts[1].kind:
        a, b = shorts
        return max(naked(a, r) + b.price, naked(b, r) + a.price)
    if not longs or not shorts:
        return math.inf
    if max(c.days for c in shorts) > min(c.days for c in longs):
        return math.inf
    return spread(group)


def least(contracts: tuple[Contract, ...], r: Rules) -> float:
    """The cheapest of all groupings, per unit of the underlying."""

    @cache
    def rest(left: tuple[Contract, ...]) -> float:
        if not left:
            return 0.0
        first, others = left[0], left[1:]
        return min(
            required((first, *more), r) + rest(without(others, more))
            for more in parts(others)
            if math.isfinite(required((first, *more), r))
        )

    return rest(tuple(sorted(contracts)))


def parts(left: tuple[Contract, ...]) -> Iterator[tuple[Contract, ...]]:
    for size in range(4):
        yield from set(itertools.combinations(left, size))


def without(left: tuple[Contract, ...], taken: tuple[Contract, ...]) -> tuple[Contract, ...]:
    out = list(left)
    for c in taken:
        out.remove(c)
    return tuple(out)
