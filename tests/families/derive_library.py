"""Decides how the library answers for an account of Derive under PM1 or PM2: every figure that the
independent reference has, by the same names."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from families.derive_account import CASH, Account, Figures, Parameters
from families.derive_case import case_of

import riskslide as rs
from riskslide import _core
from riskslide.account.evidence import Source
from riskslide.margin.grid import charges
from riskslide.margin.grid.holdings import Holdings
from riskslide.margin.grid.losses import discounts
from riskslide.margin.program import Subject
from riskslide.venue.rulebook import Rulebook, check

CHARGES = {
    "perp_cont": "perpetual",
    "option_cont": "option",
    "collateral_haircut": "collateral",
}


def rulebook_of(parameters: Parameters, method: str = "scenario-grid") -> Rulebook:
    """A rule book of these values by dotted key."""
    head = {"schema": 1, "name": "replayed", "title": "replayed", "method": method}
    head |= {"version": "1", "valid_from": date(2020, 1, 1), "status": "complete"}
    raw: dict[str, Any] = head | {"description": "parameters of a file"}
    for key, value in parameters.items():
        section, name = key.split(".")
        entry = {"value": value, "status": "chosen", "source": "a file", "date": date(2020, 1, 1)}
        raw.setdefault(section, {})[name] = entry
    return check(raw, "replayed")


def margin_of(account: Account, parameters: Parameters) -> Figures:
    """What the library finds."""
    rules, case = rulebook_of(parameters), case_of(account)
    found = rs.assess(case.portfolio(), case.market(), rules)
    assert len(found) == 1
    source = found.source
    assert isinstance(source, Source)
    part = {name: float(x[0]) for name, x in found.components.items()}
    equity, cash = float(found.equity[0]), account.cash
    values = source.cube.base
    of_option = [
        float(values[k]) * source.program.lot[k] * np.sign(o.amount)
        for k, o in enumerate(option for m in account.markets for option in m.options)
    ]
    expiries = [(m.name, e.seconds) for m in account.markets for e in m.expiries]
    at = [(m.name, o.seconds) for m in account.markets for o in m.options]
    grid = _core.grid(
        source.program.core, 0, source.cube.cells, source.positions.csr, source.cash
    )[1].sum(axis=0)
    figures: dict[str, Any] = {
        "mm": equity - float(found.maintenance[0]),
        "im": equity - float(found.initial[0]),
        "option_mtm": float(found.option_value[0]),
        "option_mtm_per_expiry": [
            sum(v for v, key in zip(of_option, at, strict=True) if key == expiry)
            for expiry in expiries
        ],
        "collateral_mtm": float(found.collateral[0]) - cash,
        "scenario_pnl": grid.tolist() if grid.size else [0.0] * len(parameters["grid.moves"]),
        "basis_contingency": -part.get("basis", 0.0),
        "oracle_contingency": -part.get("initial.oracle", 0.0),
        "unrealised": float(found.unrealised_pnl[0]),
        "worst_pnl": -max(part["worst"], part.get("basis", 0.0)),
        "portfolio_mtm": equity,
    }
    for name, ours in CHARGES.items():
        low, high = (part.get(f"{side}.{ours}", 0.0) for side in ("maintenance", "initial"))
        figures[f"mm_{name}"], figures[f"im_{name}"] = -low, -(high - low)
    return {k: v if isinstance(v, list) else [v] for k, v in figures.items()}


__all__ = ["CASH", "Holdings", "Subject", "charges", "discounts", "margin_of", "rulebook_of"]
