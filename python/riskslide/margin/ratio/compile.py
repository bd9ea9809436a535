"""Decides the program of the `ratio` method: adjusted equity beside marginal brackets of notional.

Nothing moves. maintenance = brackets of every contract + rates of what is borrowed, or with the
section `lending` what that of the token with the largest ratio needs.
docs/methods/binance.md and docs/methods/hyperliquid.md have the formulas.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...errors import refuse
from ...rules import Rules, Spec
from ..draft import Draft, Figure, level_of
from ..equity import EQUITY, haircut_of
from ..program import Measure, Program, Subject
from .brackets import SCHEMA as BRACKETS
from .brackets import Held, bracketed, check_brackets
from .lending import LENDING, Parts, lend

FULL, NETTED = "full", "netted"

SCHEMA: Mapping[str, Spec] = {
    "equity.unrealised": Spec("text", choices=(FULL, NETTED)),
    **BRACKETS,
    "margin.initial_factor": Spec("number", 1.0, 100.0),
}

OPTIONAL: Mapping[str, Mapping[str, Spec]] = {
    "borrow": {"rate": Spec("table", 0.0, 1.0), "other": Spec("number", 0.0, 1.0)},
    "lending": LENDING,
    "units": {"of": Spec("text", choices=("account", "position"))},
}

WALLET = "wallet"  # the unit of balances where every position is one


def compile_ratio(subject: Subject) -> Program:
    """The program of these rows, all in one unit."""
    rules, rows = subject.rules, len(subject.rows)
    check_together(rules)
    held = Held.of(subject)
    apart = rules.has("units") and rules.text("units.of") == "position"
    draft = _apart(subject, held) if apart and rows else _together(subject)
    draft.worst("as quoted", draft.tree(draft.shape(np.ones(rows, dtype=np.bool_))), 0, 1)
    if rules.has("lending"):
        needed, asked, equity = lend(draft, held)
    else:
        equity = _equity(draft, held)
        needed = bracketed(draft, held, {"positions": held.contracts})
        if rules.has("borrow"):
            needed["borrowed"] = _borrowed(draft, held)
        factor = rules.number("margin.initial_factor")
        asked = {name: figure * factor for name, figure in needed.items()}
    outputs = {
        "maintenance": draft.total(needed.values()),
        "initial": draft.total(asked.values()),
        "equity": draft.total(equity.values()),
        **equity,
        **{f"maintenance.{name}": figure for name, figure in needed.items()},
        **{f"initial.{name}": figure for name, figure in asked.items()},
    }
    return draft.program(outputs, {})


def _together(subject: Subject) -> Draft:
    rows = len(subject.rows)
    return Draft(subject, ("account",) if rows else (), np.zeros(rows, dtype=np.int64))


def _apart(subject: Subject, held: Held) -> Draft:
    """Every contract a unit of its own, so that evidence has what each requires."""
    contracts = np.flatnonzero(held.contracts)
    unit = np.full(len(subject.rows), contracts.size, dtype=np.int64)
    unit[contracts] = np.arange(contracts.size)
    names = (*(held.instruments.name[k] for k in contracts.tolist()), WALLET)
    return Draft(subject, names, unit)


def check_together(rules: Rules) -> None:
    """Refuse parameters that do not fit each other (`E_RULES`)."""
    check_brackets(rules)
    if not rules.has("lending"):
        return
    tokens, netted = rules.texts("lending.tokens"), rules.text("equity.unrealised") == NETTED
    stray = sorted(set(rules.table("lending.borrow_cap")) - set(tokens))
    for good, key, value, fix in (
        (not rules.has("units"), "units", "lending", "leave one out: tokens are lent to accounts"),
        (not rules.has("borrow"), "borrow", "lending", "leave one out: lending says it all"),
        (netted, "equity.unrealised", FULL, f"must be {NETTED} where tokens are borrowed"),
        (tokens != [], "lending.tokens", tokens, "must name a token or more"),
        (len(set(tokens)) == len(tokens), "lending.tokens", tokens, "must be named once"),
        (not stray, "lending.borrow_cap", stray, "must be of lending.tokens"),
    ):
        if not good:
            refuse("E_RULES", key, None, value, fix)


def _equity(draft: Draft, held: Held) -> Parts:
    """What is held above zero counts after haircut, debts in full.

    Netted: of every asset the balance and the P&L paid in it together, as one amount; else P&L
    counts in full beside the balance.
    """
    rules, x = draft.subject.rules, held.instruments
    netted = rules.text("equity.unrealised") == NETTED
    apart = np.zeros(held.cash.size, dtype=np.bool_) if netted else held.unrealised
    shape = draft.shape(held.cash, (x.underlying, apart))
    (assets,) = shape.levels
    names = [x.underlyings[x.underlying[row]] for row in assets.row.tolist()]
    kept = np.array([1.0 - haircut_of(rules, name) for name in names])
    tree = draft.tree(shape, level_of(assets, gain=np.where(apart[assets.row], 1.0, kept)))
    nothing = draft.constant(0.0)
    if not netted:
        columns = dict(zip(EQUITY, (held.balances, held.unrealised), strict=False))
        return draft.each(tree, Measure.VALUE, columns) | {"option_value": nothing}
    counted = draft.each(tree, Measure.VALUE, {"adjusted": held.cash})["adjusted"]
    unrealised = _unrealised(draft, held)
    return dict(zip(EQUITY, (counted - unrealised, unrealised, nothing), strict=True))


def _unrealised(draft: Draft, held: Held) -> Figure:
    plain = draft.tree(draft.shape(held.unrealised))
    return draft.each(plain, Measure.VALUE, {"unrealised": held.unrealised})["unrealised"]


def _borrowed(draft: Draft, held: Held) -> Figure:
    """Rates of the balances that are below zero, by asset; P&L pays none of them."""
    rules, x = draft.subject.rules, held.instruments
    table, other = rules.table("borrow.rate"), rules.number("borrow.other")
    shape = draft.shape(held.balances, (x.underlying,))
    (assets,) = shape.levels
    names = [x.underlyings[x.underlying[row]] for row in assets.row.tolist()]
    rates = np.array([table.get(name, other) for name in names])
    tree = draft.tree(shape, level_of(assets, gain=0.0, loss=-rates))
    return draft.each(tree, Measure.VALUE, {"borrowed": held.balances})["borrowed"]
