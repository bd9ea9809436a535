"""Decides the program of the `tims` method: net loss of portfolio groups, or a least charge.

requirement = the loss of a portfolio group at its worst point; maintenance = the larger of it and
the minimum, summed over portfolio groups; initial = the same with every open order filled that
loses. docs/methods/tims.md has the formulas.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book.columns import Bool, Float
from ...book.instruments import Kind, canonical_order
from ...book.portfolio import Rows
from ...rules import Rules
from ...scenario.shocks import Scenarios
from ...value.cube import revalue
from ..draft import Draft, Figure, level_of
from ..equity import equity, warnings_of_coin
from ..program import Measure, Program, Subject
from .groups import Grouped
from .schema import check_together


def terms_of_tims(rules: Rules) -> dict[str, Any]:
    """Nothing but the defaults; asked first, it refuses parameters that do not fit each other."""
    check_together(rules)
    return {}


def compile_tims(subject: Subject) -> Program:
    """The program of these rows under these scenarios (resolved to risk factors)."""
    held = Grouped.of(subject)
    draft = Draft(subject, held.units, held.unit)
    requirement = _requirement(draft, held)
    least = _minimum(draft, held, held.contracts & ~held.orders)
    filled, most = requirement, least
    if held.orders.any():
        filled = _requirement(draft, held, filled=True)
        most = _minimum(draft, held, held.contracts)
    maintenance, initial = requirement.at_least(least), filled.at_least(most)
    parts = equity(draft)
    outputs = {
        "maintenance": maintenance,
        "initial": initial,
        "equity": draft.total(list(parts.values())),
        **parts,
        "requirement": requirement,
        "minimum": least,
        "open_orders": initial - maintenance,
        "maintenance.scenarios": requirement,
        "maintenance.minimum": maintenance - requirement,
        "initial.scenarios": requirement,
        "initial.minimum": maintenance - requirement,
        "initial.open_orders": initial - maintenance,
    }
    return draft.program(outputs, {}, as_of=0)  # no rule counts days


def _requirement(draft: Draft, held: Grouped, *, filled: bool = False) -> Figure:
    """The loss of a portfolio group at its worst point; `filled`: with every order that loses.

    A class group nets in full. In product and portfolio groups a part of each gain counts, and
    every loss.
    """
    alone = [(np.where(held.orders, np.arange(held.unit.size), -1),)] if filled else []
    inside = held.moving & (~held.orders | filled)
    shape = draft.shape(inside, (held.product,), (held.group,), *alone)
    *orders, groups, products = shape.levels
    tree = draft.tree(
        shape,
        *(level_of(nodes, gain=1.0 - held.orders[nodes.row]) for nodes in orders),
        level_of(groups, gain=held.offset[groups.row]),
        level_of(products, gain=held.product_offset[products.row]),
    )
    name = "orders" if filled else "points"
    return draft.worst(name, tree, 0, len(draft.subject.scenarios))


def _minimum(draft: Draft, held: Grouped, contracts: Bool) -> Figure:
    """So much for every unit of these contracts, long and short alike.

    Under ``minimum.long_cap = "value"`` a long option never asks for more than it is worth.
    """
    subject, rules = draft.subject, draft.subject.rules
    charge = rules.number("minimum.per_unit") * held.instruments.multiplier
    if rules.text("minimum.long_cap") == "none":
        tree = draft.tree(draft.shape(contracts))
        columns = {"minimum": np.where(contracts, charge, 0.0)}
        return draft.each(tree, Measure.ONE, columns, gross=True)["minimum"]
    long = np.minimum(charge, _worth(subject))
    shape = draft.shape(contracts, (canonical_order(held.instruments)[0],))
    (rows,) = shape.levels
    tree = draft.tree(shape, level_of(rows, gain=long[rows.row], loss=-charge[rows.row]))
    return draft.each(tree, Measure.ONE, {"minimum": contracts})["minimum"]


def _worth(subject: Subject) -> Float:
    """What one unit of every option is worth today, infinite for what is none."""
    rows = subject.rows
    base = revalue(rows.valued, subject.state, Scenarios.of(1.0)).base[rows.source]
    option = rows.instruments.kind == Kind.OPTION.value
    return np.where(option, np.maximum(base, 0.0), np.inf)


def warnings_of_tims(rules: Rules, rows: Rows) -> tuple[str, ...]:
    """What the user of a program for these rows must know."""
    return tuple(warnings_of_coin(rows))
