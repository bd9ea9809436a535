"""Decides the program of the `scenario-grid` method: which parts there are, and how they add up.

loss = the largest of the worst scenario and the parts that compete with it; the requirements are
factors of it plus charges. docs/methods/derive.md, paradex.md and okx.md have the formulas.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book.portfolio import Role, Rows
from ...rules import Rules
from ...scenario.grid import grid_terms, homes_of
from ..draft import Draft, Figure
from ..equity import check_collateral, equity, roles_of
from ..program import Program, Subject
from . import charges, losses
from .holdings import Holdings
from .schema import check_together

Parts = dict[str, Figure]


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
    draft = Draft(subject, held.units, held.unit)
    worst = losses.worst_scenario(draft, held)
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
    if rules.has("minimum"):
        floor = charges.minimum(draft, held)
        covered = _sum(draft, [*of_loss.values(), *(static.values() if covers else [])])
        short = (floor - covered).at_least(0.0)
        needed["minimum"], asked["minimum"] = short * maintenance, short * initial
    for name, (low, high) in further.items():
        needed[name], asked[name] = low, high
    if held.orders.any():
        filled = losses.worst_scenario(draft, held, filled=True)
        asked["open_orders"] = (filled - worst) * initial
    held_equity = equity(draft)
    outputs = {
        "maintenance": _sum(draft, list(needed.values())),
        "initial": _sum(draft, list(asked.values())),
        "equity": _sum(draft, list(held_equity.values())),
        **held_equity,
        "worst": worst,
        **competitors,
        **{f"maintenance.{name}": figure for name, figure in needed.items()},
        **{f"initial.{name}": figure for name, figure in asked.items()},
    }
    return draft.program(outputs, {"maintenance_factor": maintenance, "initial_factor": initial})


def _sum(draft: Draft, figures: list[Figure]) -> Figure:
    total = figures[0] if figures else draft.constant(0.0)
    for figure in figures[1:]:
        total = total + figure
    return total


def warnings_of_grid(rules: Rules, rows: Rows) -> tuple[str, ...]:
    """What the user of a program for these rows must know."""
    x, role = rows.instruments, roles_of(rows)
    found = []
    coin = np.flatnonzero((role == Role.POSITION.value) & x.inverse).tolist()
    if coin:
        what = "contracts that settle in coin are margined as if this venue listed them"
        found.append(f"W_COIN_SETTLED: {what}: {len(coin)}, such as {x.name[coin[0]]}")
    homes = homes_of(rules)
    still = (
        {x.underlyings[u] for u in x.underlying[role == Role.BALANCE.value].tolist()}
        - set(homes)
        - rules.par
    )
    if still:
        names = ", ".join(sorted(still))
        found.append(f"W_COLLATERAL_STILL: {names} does not move in the scenarios")
    return tuple(found)
