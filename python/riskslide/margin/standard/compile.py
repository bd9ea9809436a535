"""Decides the program of the `expiry-standard` method: every expiry at the better of two margins.

An expiry needs what its options sold need each by itself, or its largest loss at expiry, if that is
less; perpetuals a part of their value; collateral counts in part. docs/methods/derive.md has the
formulas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...book.columns import Bool, Float
from ...book.portfolio import Role, Rows
from ...market.state import State
from ...rules import Rules
from ...scenario.shocks import Scenarios
from ..draft import Draft, Figure, level_of
from ..equity import EQUITY, roles_of
from ..program import Measure, Program, Subject
from .holdings import Holdings, payoffs, sold

LONG, SHORT, GROSS, COUNTED = range(4)  # sets of folds of the tree whose leaves are rows
SIDES = ("maintenance", "initial")


def standard_terms(rules: Rules) -> dict[str, Any]:
    """Options are not discounted, and no rate is asked."""
    stable = rules.text("peg.asset") if rules.has("peg") else ""
    return {"rates": "none", "trusts_rates": False, "stable": stable}


def standard_scenarios(rules: Rules, state: State) -> Scenarios:
    """One, in which nothing moves: what counts at other prices is the payoff at expiry."""
    return Scenarios.of(1.0, labels=("nothing moves",)).on(state)


def compile_standard(subject: Subject) -> Program:
    """The program of these rows under this scenario."""
    rules, held = subject.rules, Holdings.of(subject)
    draft = Draft(subject, held.units, held.unit)
    orders = roles_of(subject.rows) == Role.ORDER.value
    draft.worst("scenarios", draft.tree(draft.shape(~orders)), 0, 1)  # names the unit of every row
    rows = _row_tree(draft, held, ~orders)
    worth = _equity(draft, rows, held)
    parts: dict[str, dict[str, Figure]] = {side: {} for side in SIDES}
    others: dict[str, Figure] = {}

    def part(name: str, figures: tuple[Figure, Figure]) -> None:
        for side, figure in zip(SIDES, figures, strict=True):
            parts[side][name] = figure

    if held.options.any():
        alone = _alone(draft, rows, held)
        together = _together(draft, held, rows, worth["option_value"])
        part("option", (alone[0].at_most(together[0]), alone[1].at_most(together[1])))
        for word, pair in (("isolated", alone), ("bounded", together)):
            others |= {f"{word}_{s}": figure for s, figure in zip(SIDES, pair, strict=True)}
    size = draft.each(rows, Measure.DELTA, {"perpetual": held.linear}, [GROSS])["perpetual"]
    low, high = (rules.number(f"perpetual.{side}") for side in SIDES)
    part("perpetual", (size * low, size * high))
    if rules.has("base"):
        part("base", _base(draft, rows, held))
    if rules.has("oracle"):
        parts["initial"]["oracle"] = _oracle(draft, rows, held)
    if rules.has("peg"):
        below = max(0.0, rules.number("peg.threshold") - held.state.stable)
        at_risk = (
            _notional(draft, rows, {"at_risk": held.linear}, GROSS)[0]
            + _notional(draft, rows, {"sold": held.options}, SHORT)[0]
        )
        parts["initial"]["depeg"] = at_risk * (below * rules.number("peg.factor"))
    outputs = {
        **{side: _sum(list(of.values())) for side, of in parts.items()},
        "equity": _sum(list(worth.values())),
        **worth,
        **others,
        **{f"{side}.{name}": x for side, of in parts.items() for name, x in of.items()},
    }
    return draft.program(outputs, {})


def _row_tree(draft: Draft, held: Holdings, inside: Bool) -> int:
    """A tree in which every row stands alone: what is held, what is sold, both, and what counts of
    it as equity."""
    shape = draft.shape(inside, (np.arange(held.unit.size),))
    (rows,) = shape.levels
    plain = np.ones(rows.row.size)
    gain = np.stack([plain, 0.0 * plain, plain, held.counted[rows.row]])
    level = level_of(rows, sets=4, gain=gain, loss=[[0.0], [-1.0], [-1.0], [1.0]])
    return draft.tree(shape, level)


def _notional(
    draft: Draft, rows: int, columns: Mapping[str, Float | Bool], fold_set: int
) -> list[Figure]:
    found = draft.each(rows, Measure.NOTIONAL, columns, [fold_set] * len(columns))
    return list(found.values())


def _equity(draft: Draft, rows: int, held: Holdings) -> dict[str, Figure]:
    """Balances after haircut, unrealised P&L, value of options.

    Coins count at their spot, whatever the price of the stable: only cash is in units of it.
    """
    masks = (held.balances, held.unrealised, held.options)
    cash = held.par | held.options
    at_par = draft.each(
        rows,
        Measure.VALUE,
        {name: m & cash for name, m in zip(EQUITY, masks, strict=True)},
        [COUNTED] * len(EQUITY),
    )
    coins = _notional(
        draft,
        rows,
        {f"{name} in coin": m & ~held.par for name, m in zip(EQUITY[:2], masks, strict=False)},
        COUNTED,
    )
    for name, figure in zip(EQUITY, coins, strict=False):
        at_par[name] = at_par[name] + figure
    return at_par


def _alone(draft: Draft, rows: int, held: Holdings) -> tuple[Figure, Figure]:
    """(maintenance, initial) with every option by itself: one that is held gives nothing, so that
    its value is asked for; one that is sold is charged."""
    held_long = draft.each(rows, Measure.VALUE, {"held": held.options}, [LONG])["held"]
    charges = {f"sold_{k}": held.options * x for k, x in sold(draft.subject.rules, held).items()}
    low, high = draft.each(rows, Measure.ONE, charges, [SHORT] * 2).values()
    return held_long + low, held_long + high


def _together(draft: Draft, held: Holdings, rows: int, value: Figure) -> tuple[Figure, Figure]:
    """(maintenance, initial) by the largest loss at expiry, over 0 and all strikes of an expiry.

    Beyond the highest strike that an account holds nothing counts but calls sold beyond those
    bought, at the forward: what other accounts hold is no business of this one.
    """
    rules = draft.subject.rules
    columns = payoffs(held)
    names = [f"price {k}" for k in range(len(columns))]
    paid = draft.each(
        draft.tree(draft.shape(held.options)),
        Measure.ONE,
        dict(zip(names, (x for x, _ in columns), strict=True)),
    )
    further = draft.each(
        rows,
        Measure.ONE,
        {f"{n} or above": x for n, (_, x) in zip(names[1:], columns[1:], strict=True)},
        [GROSS] * (len(names) - 1),
    )
    nothing = draft.constant(0.0)
    least = nothing
    for k, name in enumerate(names):
        figure = paid[name]
        if k:
            figure = figure * further[f"{name} or above"].above(nothing)
        least = least.at_most(figure)
    calls = held.options & held.instruments.is_call
    shape = draft.shape(calls, ())
    (expiries,) = shape.levels
    open_calls = draft.each(
        draft.tree(shape, level_of(expiries, gain=0.0, loss=-1.0)),
        Measure.ONE,
        {"unpaired": calls * held.instruments.multiplier * held.forward},
    )["unpaired"]
    loss = value - least
    low, high = (rules.number(f"unpaired.{side}") for side in SIDES)
    return loss + open_calls * low, loss + open_calls * high


def _base(draft: Draft, rows: int, held: Holdings) -> tuple[Figure, Figure]:
    """What of a coin does not count: 1 - factor for maintenance, 1 - factor x scale for initial
    margin; of one that is owed, nothing."""
    rules, x = draft.subject.rules, held.instruments
    names = x.underlyings
    factor, scale = (
        np.array([rules.table(f"base.{s}").get(a, rules.number(f"base.other_{s}")) for a in names])
        for s in SIDES
    )
    coins = (held.balances & ~held.par) * held.counted
    at = x.underlying
    low, high = _notional(
        draft,
        rows,
        {
            "base_maintenance": coins * (1.0 - factor)[at],
            "base_initial": coins * (1.0 - factor * scale)[at],
        },
        LONG,
    )
    return low, high


def _oracle(draft: Draft, rows: int, held: Holdings) -> Figure:
    """(1 - confidence) x charge of what rests on quotes that are not trusted: perpetuals at the
    spot, options sold, coins that count."""
    rules, state = draft.subject.rules, held.state

    def weight(name: str, confidence: Float) -> Float:
        low = confidence < rules.number(f"oracle.{name}_threshold")
        return np.where(low, (1.0 - confidence) * rules.number("oracle.charge"), 0.0)

    spot = state.spot_confidence
    perpetual = weight("perpetual", held.trust(spot, state.mark_confidence))
    option = weight("option", held.trust(spot, state.expiry_confidence))
    base = weight("base", held.trust(spot)) * held.counted
    parts = (
        ({"oracle_perpetual": held.linear * perpetual}, GROSS),
        ({"oracle_option": held.options * option}, SHORT),
        ({"oracle_base": (held.balances & ~held.par) * base}, LONG),
    )
    return _sum([figure for columns, s in parts for figure in _notional(draft, rows, columns, s)])


def _sum(figures: list[Figure]) -> Figure:
    total = figures[0]
    for figure in figures[1:]:
        total = total + figure
    return total


def warnings_of_standard(rules: Rules, rows: Rows) -> tuple[str, ...]:
    """What the user of a program for these rows must know."""
    x, role = rows.instruments, roles_of(rows)
    found = []
    coin = np.flatnonzero((role == Role.POSITION.value) & x.inverse).tolist()
    if coin:
        what = "contracts that settle in coin are margined as if this venue listed them"
        found.append(f"W_COIN_SETTLED: {what}: {len(coin)}, such as {x.name[coin[0]]}")
    owned = {x.underlyings[u] for u in x.underlying[role == Role.BALANCE.value].tolist()}
    if owned - rules.par:
        names = ", ".join(sorted(owned - rules.par))
        found.append(f"W_COLLATERAL_STILL: {names} counts in part, and does not move with anything")
    if rows.orders:
        what = "open orders are asked nothing for until they are filled, as at the venue"
        found.append(f"W_ORDERS_FREE: {what}: {len(rows.orders)}")
    return tuple(found)
