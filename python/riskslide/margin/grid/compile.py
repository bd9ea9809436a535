"""Decides the program of the `scenario-grid` method: which parts there are, and how they add up.

loss = the largest of the worst scenario and the parts that compete with it; the requirements are
factors of it plus charges. docs/methods/derive.md, paradex.md and okx.md have the formulas.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book.portfolio import Role, Rows
from ...errors import refuse
from ...market.state import Payoff
from ...rules import Rules
from ...scenario.grid import grid_terms, offsets_of
from ..draft import Draft, Figure
from ..equity import check_collateral, equity, roles_of, warnings_of_coin
from ..program import Program, Subject
from . import charges, losses
from .holdings import Holdings
from .schema import check_together

Parts = dict[str, Figure]

BY_SIZE = ("perpetual", "future", "option", "delta_minimum", "basis_risk", "minimum", "provision")
BY_SPOT = ("perpetual", "future", "option", "oracle", "provision", "delta_minimum")


def terms_of_grid(rules: Rules) -> dict[str, Any]:
    """How quotes are read, which is asked before anything else of a rule book: refuses parameters
    that do not fit each other."""
    check_together(rules)
    return grid_terms(rules)


def compile_grid(subject: Subject) -> Program:
    """The program of these rows under these scenarios (resolved to risk factors)."""
    rules = subject.rules
    check_collateral(rules)
    held = Holdings.of(subject)
    need_index(rules, held)
    draft = Draft(subject, held.units, held.unit)
    worst = losses.worst_scenario(draft, held)
    orders = held.orders.any()
    filled = losses.worst_scenario(draft, held, filled=True) if orders else worst
    competitors = losses.competing(draft, held)
    static, extra = charges.static(draft, held)
    further = charges.further(draft, held)
    maintenance = rules.number("margin.maintenance_factor")
    initial = rules.number("margin.initial_factor") + charges.depeg(rules, held)
    covers = rules.text("margin.factor_covers") == "all"
    of_loss = losses.in_turn(worst, competitors)
    needed: Parts = {}
    asked: Parts = {}
    for name, figure in of_loss.items():
        needed[name], asked[name] = figure * maintenance, figure * initial
    for name, figure in static.items():
        needed[name] = figure * maintenance if covers else figure
        asked[name] = figure * initial if covers else figure
        if name in extra:
            asked[name] = asked[name] + extra[name]
    covered = draft.total([*of_loss.values(), *(static.values() if covers else [])])
    least = charges.minimum(draft, held) if rules.has("minimum") else draft.constant(0.0)
    if rules.has("minimum"):
        short = (least - covered).at_least(0.0)
        needed["minimum"], asked["minimum"] = short * maintenance, short * initial
    if rules.has("stable_charge"):
        due = charges.stable_charge(draft, held)
        needed["stable_charge"] = due * maintenance if covers else due
        asked["stable_charge"] = due * initial if covers else due
    for name, (low, high) in further.items():
        needed[name], asked[name] = low, high
    if orders:
        more = losses.largest(filled, competitors) - losses.largest(worst, competitors)
        grown = (covered + more).at_least(least) - covered.at_least(least)
        asked["open_orders"] = grown * initial
    held_equity = equity(draft)
    outputs = {
        "maintenance": draft.total(list(needed.values())),
        "initial": draft.total(list(asked.values())),
        "equity": draft.total(list(held_equity.values())),
        **held_equity,
        "worst": worst,
        **competitors,
        **{f"maintenance.{name}": figure for name, figure in needed.items()},
        **{f"initial.{name}": figure for name, figure in asked.items()},
    }
    return draft.program(outputs, {"maintenance_factor": maintenance, "initial_factor": initial})


def need_index(rules: Rules, held: Holdings) -> None:
    """Refuse a contract whose spot is not quoted where a part charges by it."""
    by_spot = rules.has("moves") and rules.text("moves.of") == "index"
    live = held.contracts & (held.state.payoff[held.source] != Payoff.SPOT)
    bare = np.flatnonzero(live & (held.quote(held.state.index) == 0.0))
    if bare.size and (by_spot or any(map(rules.has, BY_SPOT))):
        x = held.instruments
        name = x.underlyings[x.underlying[bare[0]]]
        refuse("E_MISSING_PRICE", "spot", None, name, "add its spot to the market")


def warnings_of_grid(rules: Rules, rows: Rows) -> tuple[str, ...]:
    """What the user of a program for these rows must know."""
    x, role = rows.instruments, roles_of(rows)
    found = warnings_of_coin(rows)
    orders = int(np.flatnonzero(role == Role.ORDER.value).size)
    if orders and any(rules.has(part) for part in BY_SIZE):
        what = "sides of orders count in the scenarios alone, not in the charges by size"
        found.append(f"W_ORDERS_UNCHARGED: {orders} {what} until they are filled")
    free = [f"provision.{n}" for n in ("fee", "funding") if _is_zero(rules, f"provision.{n}")]
    if free:
        what = "is 0: what the venue provides for it is missing in both requirements"
        found.append(f"W_NO_PROVISION: {', '.join(free)} {what}")
    homes = offsets_of(rules)
    still = (
        {x.underlyings[u] for u in x.underlying[role == Role.BALANCE.value].tolist()}
        - set(homes)
        - rules.par
    )
    if still:
        names = ", ".join(sorted(still))
        found.append(f"W_COLLATERAL_STILL: {names} does not move in the scenarios")
    return tuple(found)


def _is_zero(rules: Rules, key: str) -> bool:
    return rules.has(key.partition(".")[0]) and rules.number(key) == 0.0
