"""Decides what an account needs that borrows tokens against its other balances, token by token.

The token with the largest ratio of requirement to liquidation value stands for the account.
docs/methods/hyperliquid.md has the formulas.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...book.columns import Bool, Float, Int32
from ...errors import refuse
from ...rules import Rules, Spec
from ..draft import Draft, Figure, level_of
from ..equity import EQUITY, haircut_of
from ..program import Measure
from .brackets import Held, bracketed

DEBT, MARGIN = "debt", "margin"

LENDING: Mapping[str, Spec] = {
    "tokens": Spec("texts"),
    "covers": Spec("text", choices=(DEBT, MARGIN)),
    "offset": Spec("number", 0.0, 1e9),
    "supply_cap": Spec("table", 0.0, 1e15),
    "borrow_cap": Spec("table", 0.0, 1e15),
}

Parts = dict[str, Figure]
THRESHOLD, LOAN = range(2)  # sets of folds: what liquidation counts, what is lent
LEAST = 1e-9  # a liquidation value below it counts as this, so that ratios compare


def lend(draft: Draft, held: Held) -> tuple[Parts, Parts, Parts]:
    """Parts of maintenance, initial and equity, of the token with the largest ratio, the first of
    equals; a token in which nothing is owed and nothing margined has a ratio of 0."""
    tokens, x = draft.subject.rules.texts("lending.tokens"), held.instruments
    assets = {token: _named(x.underlyings, x.underlying, token) for token in tokens}
    settled = {token: _named(x.currencies, x.currency, token) for token in tokens}
    _refuse_others(held, settled)
    plain = draft.tree(draft.shape(held.cash))
    maintenance = bracketed(draft, held, {t: settled[t] & held.contracts for t in tokens})
    cash = draft.each(plain, Measure.VALUE, {t: assets[t] & held.cash for t in tokens})
    pnl = draft.each(plain, Measure.VALUE, {t: assets[t] & held.unrealised for t in tokens})
    backing = _collateral(draft, held, held.balances & ~_any(assets))
    best: Parts = {}
    for token in tokens:
        prices = held.price[assets[token] & held.cash]
        limit = _borrow_limit(draft.subject.rules, token, prices)
        counted = tuple(f.at_most(limit) for f in backing) if np.isfinite(limit) else backing
        found = _of_token(draft, maintenance[token], cash[token], counted)
        found["unrealised"] = pnl[token]
        best = _worse(best, found) if best else found
    return _parts(draft, best)


def _of_token(draft: Draft, margin: Figure, cash: Figure, backing: tuple[Figure, ...]) -> Parts:
    """The figures of one token, in the reporting currency.

    cash: balance and P&L in it, debts below zero. What is borrowed lifts it to zero, or to the
    maintenance margin where loans cover that.
    """
    rules = draft.subject.rules
    covered = margin * (1.0 if rules.text("lending.covers") == MARGIN else 0.0)
    borrowed = (covered - cash).at_least(0.0)
    threshold, loan = backing
    offset = (margin + borrowed).above(0.0) * rules.number("lending.offset")
    return {
        "positions": margin,
        "borrowed": borrowed,
        "offset": offset,
        "requirement": offset + margin + borrowed,
        "value": cash.at_least(covered) + threshold,
        "withheld": threshold - loan,
    }


def _worse(best: Parts, other: Parts) -> Parts:
    """The figures of the larger ratio, compared without a quotient."""
    found = other["requirement"] * best["value"].at_least(LEAST)
    known = best["requirement"] * other["value"].at_least(LEAST)
    worse = found.above(known)
    keeps = worse * -1.0 + 1.0
    return {name: other[name] * worse + best[name] * keeps for name in best}


def _parts(draft: Draft, of: Parts) -> tuple[Parts, Parts, Parts]:
    """Initial: the loans that the balances carry must cover what is borrowed and the initial margin
    of the contracts; it is never less than maintenance."""
    factor = draft.subject.rules.number("margin.initial_factor")
    needed = {name: of[name] for name in ("positions", "borrowed", "offset")}
    asked = {
        "positions": of["positions"] * factor,
        "borrowed": of["borrowed"],
        "withheld": of["withheld"],
    }
    least = draft.total(needed.values()) - draft.total(asked.values())
    asked["maintenance"] = least.at_least(0.0)
    pieces = (of["value"] - of["unrealised"], of["unrealised"], draft.constant(0.0))
    return needed, asked, dict(zip(EQUITY, pieces, strict=True))


def _collateral(draft: Draft, held: Held, inside: Bool) -> tuple[Figure, ...]:
    """These balances up to their caps, at the liquidation threshold and at the part that is lent
    on them: threshold = .5 + .5 of that part. Debts count in full."""
    rules, x = draft.subject.rules, held.instruments
    shape = draft.shape(inside, (x.underlying,))
    (assets,) = shape.levels
    names = [x.underlyings[x.underlying[row]] for row in assets.row.tolist()]
    threshold = np.array([1.0 - haircut_of(rules, name) for name in names])
    gain = np.stack([threshold, np.maximum(2.0 * threshold - 1.0, 0.0)])
    most = np.array([rules.table("lending.supply_cap").get(name, -1.0) for name in names])
    cap = np.where(most >= 0.0, gain * most * held.price[assets.row], np.inf)
    tree = draft.tree(shape, level_of(assets, sets=2, gain=gain, cap=cap))
    columns = {"threshold": inside, "loan": inside}
    return tuple(draft.each(tree, Measure.VALUE, columns, [THRESHOLD, LOAN]).values())


def _borrow_limit(rules: Rules, token: str, prices: Float) -> float:
    """Most that balances count for a token, in the reporting currency; infinite without a cap, or
    where nobody holds or owes the token."""
    cap = rules.table("lending.borrow_cap").get(token)
    return np.inf if cap is None or not prices.size else cap * float(prices[0])


def _named(names: tuple[str, ...], number: Int32, name: str) -> Bool:
    """Rows whose name, by number, is this one."""
    here = [k for k, found in enumerate(names) if found == name]
    return np.isin(number, here)


def _any(masks: Mapping[str, Bool]) -> Bool:
    """Rows of one of these masks or more."""
    first, *rest = masks.values()
    found = first.copy()
    for mask in rest:
        found |= mask
    return found


def _refuse_others(held: Held, settled: Mapping[str, Bool]) -> None:
    """Contracts that settle in what cannot be borrowed have no requirement of their own."""
    lost = np.flatnonzero(held.contracts & ~_any(settled))
    if lost.size:
        row, x = int(lost[0]), held.instruments
        currency = x.currencies[x.currency[row]]
        fix = f"settles in {currency}; only {', '.join(settled)} can be borrowed here"
        refuse("E_UNSUPPORTED", "instrument", row, x.name[row], fix)
