"""Decides the scenarios of the `span` method: parts of the scan ranges, after the look-ahead.

Loaded risk arrays stand for them where the market holds them; docs/methods/span.md has both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TypeVar

import numpy as np

from ..book.clock import NANOSECONDS_PER_DAY, NO_EXPIRY
from ..book.columns import Float
from ..errors import refuse
from ..market.state import Payoff, State
from ..rules import Rules
from .shocks import Scenarios

T = TypeVar("T")

EVERY = "*"  # stands for every commodity that is not named


def span_scenarios(rules: Rules, state: State) -> Scenarios:
    """The scenarios of the rule book, for every risk factor of `state`."""
    moves, vols = rules.numbers("scenarios.price"), rules.numbers("scenarios.vol")
    reach = ranges(rules, state, "vol_range", Payoff.OPTIONS)[:, None]
    absolute = rules.text("scan.vol_unit") == "absolute"
    scale, shift = price_moves(rules, state, moves)
    return Scenarios.of(
        scale,
        price_shift=shift,
        vol_shift=reach * vols if absolute else 0.0,
        vol_scale=1.0 if absolute else np.maximum(1.0 + reach * vols, 0.0),
        weight=rules.numbers("scenarios.weight"),
        horizon_days=rules.number("scenarios.look_ahead_days"),
        labels=[_label(f, g) for f, g in zip(moves, vols, strict=True)],
        factors=state.factors,
    ).on(state)


def price_moves(rules: Rules, state: State, parts: Sequence[float]) -> tuple[Float, Float]:
    """(scale, shift) of the price of every factor at these parts of its scan range.

    A range in currency is of the spot where options hold it: their forward moves by the growth.
    """
    reach = ranges(rules, state, "price_range", (*Payoff.OPTIONS, Payoff.MARGINED))[:, None]
    if rules.text("scan.unit") == "fraction":
        return 1.0 + reach * np.asarray(parts), np.zeros((reach.size, len(parts)))
    growth = np.ones(len(state.factors))
    held = state.on_spot & (state.payoff != Payoff.SPOT)
    growth[state.factor[held]] = state.price[held] / state.spot[held]
    return np.ones((reach.size, len(parts))), (growth[:, None] * reach) * np.asarray(parts)


def ranges(rules: Rules, state: State, name: str, payoffs: Sequence[int]) -> Float:
    """A scan range of every factor, by its commodity and days to expiry; 0 where no row of these
    payoffs is revalued. Refuses (`E_RULES`) a commodity that the rule book has no range for."""
    table, members = rules.lists(f"scan.{name}"), rules.words("commodity.of")
    starts = np.array(rules.numbers("scan.days"))
    computed = np.isin(state.payoff, payoffs)
    computed[list(state.risk_array)] = False
    out = np.zeros(len(state.factors))
    for factor in sorted(set(state.factor[computed].tolist())):
        underlying, expiry = state.factor_underlying[factor], state.factor_expiry[factor]
        row = of_commodity(table, members.get(underlying, underlying))
        if row is None:
            fix = f"add a range of it, or of {EVERY}, or give the risk arrays of its contracts"
            refuse("E_RULES", f"scan.{name}", None, underlying, fix)
        days = 0.0 if expiry == NO_EXPIRY else (expiry - state.as_of) / NANOSECONDS_PER_DAY
        out[factor] = row[int(np.searchsorted(starts, days, side="right")) - 1]
    return out


def of_commodity(table: Mapping[str, T], commodity: str) -> T | None:
    """What a table says of a commodity, else of every other one."""
    return table.get(commodity, table.get(EVERY))


def _label(move: float, vol: float) -> str:
    part = Fraction(move).limit_denominator(100)
    state = {1.0: "vol up", -1.0: "vol down", 0.0: "vol same"}.get(vol, f"vol {vol:+g}")
    return f"price {'+' if part > 0 else ''}{part} {state}"
