"""Decides the program of the `expiry-standard` method: every expiry at the better of two margins.

An expiry needs what its options sold need each by itself, or its largest loss at expiry, if that is
less; perpetuals a part of their value; collateral counts in part. docs/methods/derive.md has the
formulas.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book.columns import Bool, Float
from ...book.portfolio import Role, Rows
from ...errors import refuse
from ...rules import Rules
from ..draft import Draft, Figure, level_of
from ..equity import EQUITY, roles_of, warnings_of_coin
from ..program import Measure, Program, Subject
from .holdings import Holdings, payoffs, ranks, sold

LONG, SHORT, GROSS, COUNTED = range(4)  # sets of folds of the tree whose leaves are rows
Columns = dict[str, tuple[Float | Bool, int]]  # attribute of every row, and its set of folds
SIDES = ("maintenance", "initial")
COINS = EQUITY[:2]  # what may be in coin
ORACLE = ("perpetual", "option", "base")
MOST_STRIKES = 1000  # powers of four that float64 tells apart
LARGE = 1e30  # times any lots there are, beyond 1


def standard_terms(rules: Rules) -> dict[str, Any]:
    """Options are not discounted, and no rate is asked."""
    stable = rules.text("peg.asset") if rules.has("peg") else ""
    return {"rates": "none", "trusts_rates": False, "stable": stable}


def compile_standard(subject: Subject) -> Program:
    """The program of these rows under this scenario."""
    rules, held = subject.rules, Holdings.of(subject)
    draft = Draft(subject, held.units, held.unit)
    inside = roles_of(subject.rows) != Role.ORDER.value
    draft.worst("scenarios", draft.tree(draft.shape(inside)), 0, 1)  # names the unit of every row
    of = _by_row(draft, held, inside)
    worth = {name: of[name] for name in EQUITY}
    for name in COINS:
        worth[name] = worth[name] + of[f"{name} in coin"]
    parts: dict[str, dict[str, Figure]] = {side: {} for side in SIDES}
    others: dict[str, Figure] = {}
    together = _together(draft, held, worth["option_value"]) if held.options.any() else {}
    for side in SIDES:
        if together:
            alone = of["held"] + of[f"sold_{side}"]
            others |= {f"isolated_{side}": alone, f"bounded_{side}": together[side]}
            parts[side]["option"] = alone.at_most(together[side])
        parts[side]["perpetual"] = of["perpetual"] * rules.number(f"perpetual.{side}")
        if rules.has("base"):
            parts[side]["base"] = of[f"base_{side}"]
    if rules.has("oracle"):
        parts["initial"]["oracle"] = draft.total([of[f"oracle_{name}"] for name in ORACLE])
    if rules.has("peg"):
        below = max(0.0, rules.number("peg.threshold") - held.state.stable)
        at_risk = of["linear_at_spot"] + of["sold_at_spot"]
        parts["initial"]["depeg"] = at_risk * (below * rules.number("peg.factor"))
    outputs = {
        **{side: draft.total(list(figures.values())) for side, figures in parts.items()},
        "equity": draft.total(list(worth.values())),
        **worth,
        **others,
        **{f"{side}.{name}": x for side, figures in parts.items() for name, x in figures.items()},
    }
    return draft.program(outputs, {})


def _by_row(draft: Draft, held: Holdings, inside: Bool) -> dict[str, Figure]:
    """Sums over rows that stand alone, one block for every measure.

    Balances count after haircut, coins at their spot whatever the price of the stable: only cash is
    in units of it. An option that is held gives nothing by itself, so that its value is asked for.
    """
    rules = draft.subject.rules
    shape = draft.shape(inside, (np.arange(held.unit.size),))
    (rows,) = shape.levels
    plain = np.ones(rows.row.size)
    gain = np.stack([plain, 0.0 * plain, plain, held.counted[rows.row]])
    level = level_of(rows, sets=4, gain=gain, loss=[[0.0], [-1.0], [-1.0], [1.0]])
    tree = draft.tree(shape, level)
    value: Columns = {
        "collateral": (held.balances & held.par, COUNTED),
        "unrealised_pnl": (held.unrealised & held.par, COUNTED),
        "option_value": (held.options, COUNTED),
        "held": (held.options, LONG),
    }
    at_spot: Columns = {
        "collateral in coin": (held.balances & ~held.par, COUNTED),
        "unrealised_pnl in coin": (held.unrealised & ~held.par, COUNTED),
    }
    if rules.has("base"):
        at_spot |= {f"base_{side}": (x, LONG) for side, x in _uncounted(rules, held).items()}
    if rules.has("oracle"):
        at_spot |= {f"oracle_{name}": column for name, column in _untrusted(rules, held).items()}
    if rules.has("peg"):
        at_spot |= {"linear_at_spot": (held.linear, GROSS), "sold_at_spot": (held.options, SHORT)}
    charges: Columns = {
        f"sold_{side}": (held.options * x, SHORT) for side, x in sold(rules, held).items()
    }
    delta: Columns = {"perpetual": (held.linear, GROSS)}
    blocks: dict[Measure, Columns] = {
        Measure.VALUE: value,
        Measure.NOTIONAL: at_spot,
        Measure.ONE: charges,
        Measure.DELTA: delta,
    }
    found: dict[str, Figure] = {}
    for measure, columns in blocks.items():
        attributes = {name: x for name, (x, _) in columns.items()}
        found |= draft.each(tree, measure, attributes, [fold for _, fold in columns.values()])
    return found


def _together(draft: Draft, held: Holdings, value: Figure) -> dict[str, Figure]:
    """By the largest loss at expiry, over 0 and all strikes that the account holds of an expiry.

    Beyond the highest of them nothing counts but calls sold beyond those bought, at the forward:
    what other accounts hold is no business of this one.
    """
    rules = draft.subject.rules
    columns = payoffs(held)
    names = [f"price {k}" for k in range(len(columns))]
    paid = draft.each(
        draft.tree(draft.shape(held.options)), Measure.ONE, dict(zip(names, columns, strict=True))
    )
    highest, marks = _highest(draft, held, len(columns) - 1)
    least = paid[names[0]].at_most(draft.constant(0.0))
    for name, mark in zip(names[1:], marks, strict=True):
        least = least.at_most(paid[name] * highest.above(mark))
    calls = held.options & held.instruments.is_call
    shape = draft.shape(calls, ())
    (expiries,) = shape.levels
    unpaired = draft.each(
        draft.tree(shape, level_of(expiries, gain=0.0, loss=-1.0)),
        Measure.ONE,
        {"unpaired": calls * held.instruments.multiplier * held.forward},
    )["unpaired"]
    loss = value - least
    return {side: loss + unpaired * rules.number(f"unpaired.{side}") for side in SIDES}


def _highest(draft: Draft, held: Holdings, count: int) -> tuple[Figure, list[float]]:
    """A number that exceeds the k-th of `count` marks where an option is held at the k-th strike of
    its expiry or above.

    It is the sum of 4^k over the strikes k that are held: those below k sum to less than half of
    4^k, whatever the rounding.
    """
    if count > MOST_STRIKES:
        fix = f"an expiry may hold {MOST_STRIKES} strikes under this method"
        refuse("E_RANGE", "strike", None, count, fix)
    powers = [1.0]
    for _ in range(count - 1):  # around 1, so that as many as may be are within float64
        powers = [0.5 * x for x in powers] + [2.0 * powers[-1]]
    place = ranks(held)
    shape = draft.shape(held.options, (place,), (np.arange(held.unit.size),))
    rows, strikes = shape.levels
    scale = np.array(powers)[place[strikes.row]]
    tree = draft.tree(
        shape,
        level_of(rows, loss=-1.0),
        level_of(strikes, gain=LARGE, cap=1.0, scale=scale),
    )
    found = draft.each(tree, Measure.ONE, {"highest": held.options})["highest"]
    return found, [0.5 * x for x in powers]


def _uncounted(rules: Rules, held: Holdings) -> dict[str, Float]:
    """What of a coin does not count: 1 - factor for maintenance, 1 - factor x scale for initial
    margin."""
    names, at = held.instruments.underlyings, held.instruments.underlying
    factor, scale = (
        np.array([rules.table(f"base.{s}").get(a, rules.number(f"base.other_{s}")) for a in names])
        for s in SIDES
    )
    coins = (held.balances & ~held.par) * held.counted
    return {
        "maintenance": coins * (1.0 - factor)[at],
        "initial": coins * (1.0 - factor * scale)[at],
    }


def _untrusted(rules: Rules, held: Holdings) -> Columns:
    """(1 - confidence) x charge of what rests on quotes that are not trusted: perpetuals at the
    spot, options sold, coins that count."""
    state = held.state

    def weight(name: str, confidence: Float) -> Float:
        low = confidence < rules.number(f"oracle.{name}_threshold")
        return np.where(low, (1.0 - confidence) * rules.number("oracle.charge"), 0.0)

    spot = state.spot_confidence
    by_mark = weight("perpetual", held.trust(spot, state.mark_confidence))
    by_expiry = weight("option", held.trust(spot, state.expiry_confidence))
    coins = (held.balances & ~held.par) * held.counted
    return {
        "perpetual": (held.linear * by_mark, GROSS),
        "option": (held.options * by_expiry, SHORT),
        "base": (coins * weight("base", held.trust(spot)), LONG),
    }


def warnings_of_standard(rules: Rules, rows: Rows) -> tuple[str, ...]:
    """What the user of a program for these rows must know."""
    x, role = rows.instruments, roles_of(rows)
    found = warnings_of_coin(rows)
    owned = {x.underlyings[u] for u in x.underlying[role == Role.BALANCE.value].tolist()}
    if owned - rules.par:
        names = ", ".join(sorted(owned - rules.par))
        found.append(f"W_COLLATERAL_STILL: {names} counts in part, and does not move with anything")
    if rows.orders:
        what = "open orders are asked nothing for until they are filled, as at the venue"
        found.append(f"W_ORDERS_FREE: {what}: {len(rows.orders)}")
    return tuple(found)
