"""Decides how tests assess books under rule books of `scenario-grid`, and what they give those for
what their venues do not publish: no venue's numbers."""

from __future__ import annotations

import copy
import tomllib
from datetime import date
from typing import Any

from margin import grid_by_hand as by_hand
from margin.grid_by_hand import Position

import riskslide as rs
from riskslide.venue.load import rulebook_text
from riskslide.venue.rulebook import check

WHERE = {"status": "chosen", "source": "this test", "date": date(2026, 1, 1)}
OKX: dict[str, Any] = {
    "vol_table.days": [1.0, 30.0, 180.0],
    "vol_table.up": [0.6, 0.35, 0.2],
    "vol_table.down": [0.4, 0.25, 0.1],
    "unit_loss.amounts": {"BTC": 900.0, "ETH": 90.0},
    "unit_charge.amounts": {"BTC:vol_span": 70.0, "BTC:interest": 5.0, "ETH:vol_span": 3.0},
    "basis_risk.rate": {"BTC": 0.002},
    "basis_risk.other": 0.008,
    "minimum.rate": {"BTC": 0.0045},
    "minimum.other": 0.007,
}
STEPS = [0.15, 0.0, -0.15]
AEVO = {
    "grid.moves": [m for m in (0.25, 0.125, 0.0, -0.125, -0.25) for _ in range(3)],
    "unit_charge.amounts": {"BTC:floor": 120.0, "ETH:floor": 11.0},
    "margin.maintenance_factor": 0.7,
    "margin.initial_factor": 1.1,
}
BIT = {
    "grid.moves": [0.05 * k for k in range(-5, 6) for _ in range(3)],
    "vol.short_power": 0.3,
    "vol.long_power": 0.2,
    "vol.floor_days": 0.5,
    "unit_charge.amounts": {"SOL:contingency": 2.5},
    "margin.maintenance_factor": 0.8,
    "margin.initial_factor": 1.0,
}
COINCALL = {
    "vol.range_up": 0.4,
    "vol.range_down": 0.3,
    "vol.short_power": 0.3,
    "vol.long_power": 0.13,
    "vol.floor_days": 1.0,
    "vol.min_up": 0.6,
    "future.maintenance": 0.004,
    "future.initial": 0.002,
    "option.maintenance": 0.01,
    "option.initial": 0.005,
    "margin.maintenance_factor": 0.8,
    "margin.initial_factor": 1.0,
}
BYBIT = {
    "grid.moves": STEPS,
    "grid.vols": ["up", "none", "down"],
    "grid.weights": [1.0, 1.0, 1.0],
    "grid.moves_of": {"SOL": [0.3, 0.0, -0.3]},
    "vol.range_up": 0.5,
    "vol.range_down": 0.3,
    "vol.short_power": 0.3,
    "vol.long_power": 0.13,
    "vol.floor_days": 1.0,
    "vol.min_up": 0.0,
    "future.maintenance": 0.003,
    "option.maintenance": 0.02,
    "unit_charge.amounts": {"BTC:vega_spread": 40.0, "BTC:delta_spread": 8.0},
    "margin.initial_factor": 1.2,
}
INPUTS: dict[str, dict[str, Any]] = {
    "okx-pm": OKX,
    "aevo": AEVO,
    "bit": BIT,
    "coincall": COINCALL,
    "bybit": BYBIT,
}


def rules_of(name: str, values: dict[str, Any] | None = None) -> rs.Rulebook:
    """A preset with its inputs and with other values; a section that it lacks may be added whole,
    one that is None is left out."""
    raw: dict[str, Any] = copy.deepcopy(tomllib.loads(rulebook_text(name)))
    for key, value in (INPUTS.get(name, {}) | (values or {})).items():
        section, _, entry = key.partition(".")
        if value is None:
            raw.pop(section, None)
        else:
            raw.setdefault(section, {})[entry] = WHERE | {"value": value}
    return check(raw | {"status": "complete"}, "made")


def assess(
    rules: rs.Rulebook, *held: Position, balances: dict[str, float] | None = None
) -> rs.Assessment:
    book = by_hand.portfolio({"a": held}, {"a": balances or {}})
    return rs.assess(book, by_hand.market(p.contract for p in held), rules)


def parts(found: rs.Assessment) -> dict[str, float]:
    return {n: float(x[0]) for n, x in found.components.items()}
