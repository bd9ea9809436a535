"""Decides what options sold and futures are asked for whatever the scenarios say."""

from __future__ import annotations

import numpy as np

from ...book.columns import Bool, Float
from ...scenario.span import of_commodity
from ..draft import Draft, Figure, level_of
from ..program import Measure
from .holdings import Holdings

SOLD, GROSS = range(2)  # sets of folds of the tree whose leaves are rows


def _alone(draft: Draft, held: Holdings) -> int:
    """The tree in which every contract stands alone: what is sold of it, or its size."""
    if "rows alone" in draft.known:
        return draft.known["rows alone"]
    shape = draft.shape(held.contracts, (np.arange(held.unit.size),))
    (rows,) = shape.levels
    level = level_of(rows, sets=2, gain=[[0.0], [1.0]], loss=[[-1.0], [-1.0]])
    draft.known["rows alone"] = draft.tree(shape, level)
    return draft.known["rows alone"]


def short_option_minimum(draft: Draft, held: Holdings) -> Figure:
    """Rate times options sold: calls and puts together, or the larger of both."""
    rules = draft.subject.rules
    of = rules.text("short_option.of")
    held.money(rules, of)  # refuses what has no spot
    measure = Measure.ONE if of == "currency" else Measure.NOTIONAL
    rate = _rates(draft, held) * (held.options & held.alive)
    calls = held.instruments.is_call
    columns = {"calls sold": rate * calls, "puts sold": rate * ~calls}
    found = draft.each(_alone(draft, held), measure, columns, [SOLD, SOLD])
    if rules.text("short_option.count") == "gross":
        return found["calls sold"] + found["puts sold"]
    return found["calls sold"].at_least(found["puts sold"])


def _rates(draft: Draft, held: Holdings) -> Float:
    """The rate of every row: that of its tier, where its commodity has one for each."""
    table = draft.subject.rules.lists("short_option.rate")
    out = np.zeros(held.unit.size)
    for unit, commodity in enumerate(held.units):
        rates = of_commodity(table, commodity)
        if rates is not None:
            mine = held.unit == unit
            out[mine] = np.array(rates)[np.clip(held.tier[mine], 0, len(rates) - 1)]
    return out


def most(draft: Draft, held: Holdings, value: Figure, large: float) -> Figure:
    """The most that a commodity needs: the value of its options, where it holds nothing but options
    bought and paid for."""
    columns = {"not bought": held.contracts & ~held.premium, "sold": held.premium}
    found = draft.each(_alone(draft, held), Measure.ONE, columns, [GROSS, SOLD])
    other = (found["not bought"] + found["sold"]).above(0.0)
    return other * large + (draft.constant(1.0) - other) * value


def exposure(draft: Draft, held: Holdings) -> Figure:
    """Part of the spot, times quantity of futures and of options sold."""
    rules = draft.subject.rules
    held.money(rules, "spot")  # refuses what has no spot
    named = np.isin(held.units, rules.texts("exposure.index"))[held.unit]
    rate = np.where(named, rules.number("exposure.index_rate"), rules.number("exposure.stock_rate"))
    futures: Bool = held.contracts & ~held.options
    columns = {"futures": rate * (futures & held.alive), "sold": rate * (held.options & held.alive)}
    found = draft.each(_alone(draft, held), Measure.NOTIONAL, columns, [GROSS, SOLD])
    return found["futures"] + found["sold"]
