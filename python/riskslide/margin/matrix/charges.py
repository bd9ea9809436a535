"""Decides what the `risk-matrix` method asks beside the scenarios: roll and delta; and equity.

docs/methods/deribit.md has the formulas.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ... import _core
from ...book.clock import NANOSECONDS_PER_YEAR, NO_EXPIRY
from ...book.columns import Float
from ...book.instruments import canonical_order
from ...errors import refuse
from ...rules import Rules
from ..draft import Draft, Figure, level_of
from ..equity import EQUITY, haircut_of
from ..program import Measure, Subject
from .netting import Held


def roll_shock(draft: Draft, held: Held) -> Figure:
    """The absolute delta of every expiry of a node, times the factor of the expiry."""
    x = held.instruments
    shape = draft.shape(held.positions, (*held.node, x.expiry))
    (expiries,) = shape.levels
    factor = roll_factors(draft.subject, x.expiry[expiries.row].tolist())
    tree = draft.tree(shape, level_of(expiries, loss=-1.0, scale=factor))
    return draft.each(tree, Measure.DELTA, {"roll": held.positions})["roll"]


def roll_factors(subject: Subject, expiries: Iterable[int]) -> Float:
    """max(exp(annualised move * years) - 1, minimum) of every expiry, the minimum without one."""
    least = subject.rules.number("roll.minimum")
    years = [
        (e - subject.as_of) / NANOSECONDS_PER_YEAR if subject.as_of < e < NO_EXPIRY else 0.0
        for e in expiries
    ]
    annualised = subject.rules.number("roll.annualised_move")
    grown = _core.exponential(annualised * np.array(years, dtype=np.float64))
    if not np.isfinite(grown).all():
        fix = f"leaves float64 over the {max(years):.0f} years to the last expiry"
        refuse("E_OVERFLOW", "roll.annualised_move", None, annualised, fix)
    return np.maximum(grown - 1.0, least)


def delta_shock(draft: Draft, held: Held) -> Figure:
    """The shocks of all nodes, each from its delta and that of its long options.

    Steps run per pool: its first node has columns of its own, so has its second, and so on.
    """
    total = draft.constant(0.0)
    rules = draft.subject.rules
    if rules.number("delta_shock.slope") == 0.0 or not held.positions.any():
        return total
    of_nodes = draft.shape(held.positions, held.node)
    parent = of_nodes.levels[0].parent
    turn = (np.arange(parent.size) - np.searchsorted(parent, parent))[of_nodes.leaf]
    shape = draft.shape(held.positions, (canonical_order(held.instruments)[0],))
    (rows,) = shape.levels
    option, call = held.options[rows.row], held.instruments.is_call[rows.row]
    every = np.ones(rows.row.size)
    gain, loss = (np.stack([every, x]) for x in (option & call, option & ~call))
    tree = draft.tree(shape, level_of(rows, 2, gain=gain, loss=loss))  # long puts have deltas < 0
    for k in range(turn.max(initial=-1, where=held.positions) + 1):
        node = held.positions & (turn == k)
        columns = {f"delta:{k}": node, f"long:{k}": node}
        delta, long = draft.each(tree, Measure.DELTA, columns, [0, 1]).values()
        total = total + _shock(rules, delta, long)
    return total


def _shock(rules: Rules, delta: Figure, long: Figure) -> Figure:
    """Long options reduce the other delta d2, but never turn it: net = d1 + d2 between 0 and d2;
    shock = min(max(|net| - threshold, 0) * slope, maximum * |net|).
    """
    other = delta - long
    net = delta.at_least(other.at_most(0.0)).at_most(other.at_least(0.0))
    size = net.at_least(net * -1.0)
    excess = (size - rules.number("delta_shock.threshold")).at_least(0.0)
    most = size * rules.number("delta_shock.maximum")
    return (excess * rules.number("delta_shock.slope")).at_most(most)


def equity(draft: Draft, held: Held) -> dict[str, Figure]:
    """Balances after haircut, asset by asset, unrealised P&L, value of options."""
    masks = (held.balances, held.unrealised, held.options)
    assets, of = held.instruments.underlyings, held.instruments.underlying
    shape = draft.shape(masks[0] | masks[1] | masks[2], (np.where(held.balances, of, -1),))
    (leaves,) = shape.levels
    kept = np.array([1.0 - haircut_of(draft.subject.rules, a) for a in assets])[of[leaves.row]]
    level = level_of(leaves, gain=np.where(held.balances[leaves.row], kept, 1.0))
    columns = dict(zip(EQUITY, masks, strict=True))
    return draft.each(draft.tree(shape, level), Measure.VALUE, columns)
