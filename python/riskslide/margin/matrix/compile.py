"""Decides the program of the `risk-matrix` method, which is Deribit's portfolio margin as data.

risk matrix = worst column + roll shock + delta shock; maintenance = maintenance_factor * that;
initial = that + what the worst column loses more with every order filled that loses in it.

A scenario takes its dampener and the offset of its gains at the node, the roll shock the absolute
delta of every expiry below it. Amounts are in the reporting currency, coins at today's index.
docs/methods/deribit.md has the formulas and what is verified of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...book.portfolio import Role, Rows
from ...rules import Rules, Spec
from ..draft import Draft
from ..equity import roles_of
from ..program import Program, Subject
from .charges import delta_shock, equity, roll_shock
from .netting import Held, worst_scenario

SCHEMA = {
    "coin.option_divisor": Spec("text", choices=("forward", "index")),
    "coin.rate": Spec("text", choices=("index", "scenario")),
    "matrix.printed_for": Spec("texts"),
    "matrix.price_range": Spec("number", 1e-6, 0.99),
    "matrix.price_steps": Spec("whole", 1, 100),
    "vol.range_up": Spec("number", 0.0, 100.0),
    "vol.range_down": Spec("number", 0.0, 100.0),
    "vol.short_power": Spec("number", 0.0, 2.0),
    "vol.long_power": Spec("number", 0.0, 2.0),
    "vol.min_up": Spec("number", 0.0, 100.0),
    "extended.moves": Spec("numbers", -0.99, 100.0),
    "extended.factor": Spec("number", 0.0, 100.0),
    "extended.dampener": Spec("number", 0.0, 1e15),
    "netting.pool": Spec("text", choices=("settlement", "account")),
    "netting.pnl_offset": Spec("number", 0.0, 1.0),
    "netting.max_offsetable": Spec("number", 0.0, 1e15),
    "roll.annualised_move": Spec("number", 0.0, 10.0),
    "roll.minimum": Spec("number", 0.0, 1.0),
    "delta_shock.slope": Spec("number", 0.0, 1.0),
    "delta_shock.threshold": Spec("number", 0.0, 1e15),
    "delta_shock.maximum": Spec("number", 0.0, 1.0),
    "margin.maintenance_factor": Spec("number", 0.0, 1.0),
}


def compile_matrix(subject: Subject) -> Program:
    """The program of these rows under these scenarios (resolved to risk factors)."""
    rules, held = subject.rules, Held.of(subject)
    numbers = range(len(held.pools))  # the worst scenario is the pool's: pools are the units
    draft = Draft(subject, held.pools, held.pool, held.pools or ("account",), numbers)
    worst = worst_scenario(draft, held)
    filled = worst_scenario(draft, held, filled=True) if held.orders.any() else worst
    parts = {
        "scenarios": worst,
        "roll_shock": roll_shock(draft, held),
        "delta_shock": delta_shock(draft, held),
    }
    backing = equity(draft, held)
    collateral, unrealised, options = backing.values()
    risk = worst + parts["roll_shock"] + parts["delta_shock"]
    orders = filled - worst
    factor = rules.number("margin.maintenance_factor")
    outputs = {
        "maintenance": risk * factor,
        "initial": risk + orders,
        "equity": collateral + unrealised + options,
        **backing,
        "worst": worst,
        "roll_shock": parts["roll_shock"],
        "delta_shock": parts["delta_shock"],
        "risk_matrix": risk,
        "open_orders": orders,
        **{f"maintenance.{name}": figure * factor for name, figure in parts.items()},
        **{f"initial.{name}": figure for name, figure in parts.items()},
        "initial.open_orders": orders,
    }
    return draft.program(
        outputs,
        {"maintenance_factor": factor},
        coin_at_index=True,
        option_over_index=rules.text("coin.option_divisor") == "index",
    )


def terms_of_matrix(rules: Rules) -> dict[str, Any]:
    """Coins count at today's index; an option's price in coin is over what the rules say."""
    return {"coin_at_index": True, "option_divisor": rules.text("coin.option_divisor")}


def warnings_of_matrix(rules: Rules, rows: Rows) -> tuple[str, ...]:
    """What the user of a program for these rows must know."""
    x = rows.instruments
    found = ["W_COLLATERAL_STILL: balances and unrealised P&L do not move in the scenarios"]
    held = roles_of(rows) == Role.POSITION.value
    dollars = np.flatnonzero(held & ~x.inverse).tolist()
    if dollars:
        what = "contracts that do not settle in their coin count by this project's own rule"
        found.append(f"W_DOLLAR_SETTLED: {what}: {len(dollars)}, such as {x.name[dollars[0]]}")
    printed = rules.texts("matrix.printed_for")
    others = {x.underlyings[u] for u in x.underlying[held].tolist()} - set(printed)
    if others:
        what = f"{', '.join(sorted(others))} takes the parameters of {' and '.join(printed)}"
        found.append(f"W_COIN_PARAMETERS: {what}: the exchange's own differ by coin")
    return tuple(found)
