"""Decides the charges of the `slides` method that stand beside the loss: for size, and for what is
held in stablecoins."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book.instruments import canonical_order
from ...book.portfolio import Role
from ...rules import Rules
from ..draft import Draft, Figure, Nodes, level_of
from ..equity import roles_of
from ..program import Level, Measure
from ..tiers import Tiers, marginal


def concentration(draft: Draft, *, orders: bool) -> Figure:
    """Marginal rates on the gross notional of every underlying, every contract by itself.

    orders: with all that is ordered, which is no less than what any of it could make.
    """
    rules, rows = draft.subject.rules, draft.subject.rows
    role = roles_of(rows)
    inside = (role == Role.POSITION.value) | ((role == Role.ORDER.value) & orders)
    rank = canonical_order(rows.instruments)[0]  # in which the positions of an account lie
    shape = draft.shape(inside, (rows.instruments.underlying,), (rank,))
    each, underlyings = shape.levels
    rates = marginal(*_tiers(rules, "concentration"), below=0.0)
    tree = draft.tree(shape, level_of(each, loss=-1.0), _tiered(underlyings, rates))
    name = "gross_with_orders" if orders else "gross"
    return draft.each(tree, Measure.NOTIONAL, {name: inside})[name]


def depeg(draft: Draft) -> Figure:
    """Marginal rates on what is held in every stablecoin, its P&L included."""
    rules, rows = draft.subject.rules, draft.subject.rows
    role, x = roles_of(rows), rows.instruments
    coins = set(rules.texts("depeg_charge.assets"))
    stable = np.array([u in coins for u in x.underlyings], dtype=np.bool_)
    cash = (role == Role.BALANCE.value) | (role == Role.PNL.value)
    inside = cash & stable[x.underlying]
    shape = draft.shape(inside, (x.underlying,))
    (assets,) = shape.levels
    rates = marginal(*_tiers(rules, "depeg_charge"), below=0.0)
    tree = draft.tree(shape, _tiered(assets, rates, loss=0.0))
    return draft.each(tree, Measure.VALUE, {"depeg": inside})["depeg"]


def _tiers(rules: Rules, section: str) -> tuple[list[float], list[float]]:
    return rules.numbers(f"{section}.starts"), rules.numbers(f"{section}.rates")


def _tiered(nodes: Nodes, rates: Tiers, **words: Any) -> Level:
    tiers = (rates.rest,) * nodes.row.size if rates.rest else ()
    return level_of(nodes, gain=rates.gain, tiers=tiers, **words)
