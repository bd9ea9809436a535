"""Decides the charges of the `risk-matrix` method: weights of scenarios, roll, delta, the sum.

docs/methods/deribit.md has the formulas.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .. import _core
from ..book.clock import NANOSECONDS_PER_YEAR, NO_EXPIRY
from ..book.columns import Float
from ..errors import refuse
from ..rules import Rules
from ..scenario.matrix import Column
from .equity import equity_outputs
from .program import Block, Operation, Steps, Subject


def weigh(rules: Rules, column: Column, in_coin: bool) -> tuple[float, float]:
    """Weight and dampener (reporting currency) of a scenario.

    Far moves count `factor` * range / |move| of their P&L in money. P&L `in_coin` comes as coin at
    today's index, and is turned into coin at the price at the edge of the range: times (1 + move) /
    (1 + sign range). Under ``coin.rate = "scenario"`` coins count at the price of the scenario
    instead, of the edge where the move is a far one.
    """
    reach, move = rules.number("matrix.price_range"), column.move
    moved = rules.text("coin.rate") == "scenario"
    if not column.extended:
        return (1.0 + move if moved and in_coin else 1.0), 0.0
    far = abs(move) / reach if move else 1.0
    weight = rules.number("extended.factor") / far
    dampener = max(far - 1.0, 0.0) * rules.number("extended.dampener")
    if not in_coin:
        return weight, dampener
    edge = 1.0 + (reach if move > 0 else -reach if move < 0 else 0.0)
    rate = edge if moved else 1.0
    return weight * (1.0 + move) / edge * rate, dampener / edge * rate


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


def requirement(rules: Rules, blocks: list[Block], steps: Steps, shocked: int) -> dict[str, int]:
    """Steps from the results of the blocks to the requirement; the register of every output.

    shocked: nodes that take a delta shock.
    """
    with_orders = blocks[1].name == "orders"
    worst, filled, roll = 0, int(with_orders), 1 + with_orders
    delta = steps.constant(0.0)
    for k in range(shocked):
        shock = _delta_shock(rules, steps, roll + 1 + 2 * k)
        delta = steps.apply(Operation.ADD, delta, shock)
    risk = steps.apply(Operation.ADD, worst, roll)
    risk = steps.apply(Operation.ADD, risk, delta)
    orders = steps.apply(Operation.SUBTRACT, filled, worst)
    factor = steps.constant(rules.number("margin.maintenance_factor"))
    parts = {"scenarios": worst, "roll_shock": roll, "delta_shock": delta}
    kept = {n: steps.apply(Operation.MULTIPLY, r, factor) for n, r in parts.items()}
    return {
        "maintenance": steps.apply(Operation.MULTIPLY, risk, factor),
        "initial": steps.apply(Operation.ADD, risk, orders),
        **equity_outputs(steps, roll + 1 + 2 * shocked),
        "worst": worst,
        "roll_shock": roll,
        "delta_shock": delta,
        "risk_matrix": risk,
        "open_orders": orders,
        "maintenance_factor": factor,
        **{f"maintenance.{name}": register for name, register in kept.items()},
        **{f"initial.{name}": register for name, register in parts.items()},
        "initial.open_orders": orders,
    }


def _delta_shock(rules: Rules, steps: Steps, first: int) -> int:
    """Register of the shock of one node, whose delta and delta of long options are given.

    Long options reduce the other delta d2, but never turn it: net = d1 + d2 between 0 and d2;
    shock = min(max(|net| - threshold, 0) * slope, maximum * |net|).
    """
    every, long = first, first + 1
    zero = steps.constant(0.0)
    other = steps.apply(Operation.SUBTRACT, every, long)
    low, high = (steps.apply(o, other, zero) for o in (Operation.MINIMUM, Operation.MAXIMUM))
    net = steps.apply(Operation.MINIMUM, steps.apply(Operation.MAXIMUM, every, low), high)
    size = steps.apply(Operation.MAXIMUM, net, steps.apply(Operation.SUBTRACT, zero, net))
    threshold = steps.constant(rules.number("delta_shock.threshold"))
    excess = steps.apply(Operation.SUBTRACT, size, threshold)
    excess = steps.apply(Operation.MAXIMUM, excess, zero)
    slope = steps.constant(rules.number("delta_shock.slope"))
    most = steps.constant(rules.number("delta_shock.maximum"))
    return steps.apply(
        Operation.MINIMUM,
        steps.apply(Operation.MULTIPLY, excess, slope),
        steps.apply(Operation.MULTIPLY, size, most),
    )
