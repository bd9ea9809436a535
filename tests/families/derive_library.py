"""Decides how the library answers for an account of Derive under PM1, PM2 or the standard manager:
every figure that the independent reference has, by the same names."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
from families.derive_account import Account, Figures, Market, Parameters
from families.derive_case import case_of, instant_of

import riskslide as rs
from riskslide import _core
from riskslide.account.evidence import Source
from riskslide.margin.grid.holdings import Holdings
from riskslide.margin.grid.losses import discounts
from riskslide.margin.program import Subject
from riskslide.scenario.grid import vol_ranges
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
    equity = float(found.equity[0])
    cells, lots, cash = source.cube.cells, source.positions.csr, source.cash
    grid = _core.grid(source.program.core, 0, cells, lots, cash)[1].sum(axis=0)
    worst, basis = part["worst"], part.get("basis", 0.0)
    scenarios = len(parameters["grid.moves"])
    figures: dict[str, Any] = {
        "mm": equity - float(found.maintenance[0]),
        "im": equity - float(found.initial[0]),
        "option_mtm": float(found.option_value[0]),
        "collateral_mtm": float(found.collateral[0]) - account.cash,
        "scenario_pnl": grid.tolist() if grid.size else [0.0] * scenarios,
        "basis_contingency": -basis,
        "oracle_contingency": -part.get("initial.oracle", 0.0),
        "unrealised": float(found.unrealised_pnl[0]),
        "worst_pnl": -max(worst, basis),
        "portfolio_mtm": equity,
        "worst": scenarios if basis > worst else int(found.worst_scenario[0]),
        "mm_loss_factor": part["maintenance_factor"],
        "im_loss_factor": part["initial_factor"],
        **of_expiries(account, source, rules),
    }
    for name, ours in CHARGES.items():
        low, high = (part.get(f"{side}.{ours}", 0.0) for side in ("maintenance", "initial"))
        figures[f"mm_{name}"], figures[f"im_{name}"] = -low, -(high - low)
    return {k: v if isinstance(v, list) else [v] for k, v in figures.items()}


def of_expiries(account: Account, source: Source, rules: Rulebook) -> dict[str, Any]:
    """What is printed by expiry or by option: value, discounts, vol multipliers."""
    held = Holdings.of(Subject(rules, source.rows, source.cube.scenarios, source.state))
    gain, loss = discounts(rules, held)
    options = [o for m in account.markets for o in m.options]
    worth = [
        float(source.cube.base[k]) * float(source.program.lot[k]) * float(np.sign(o.amount))
        for k, o in enumerate(options)
    ]
    at = [(m.name, o.seconds) for m in account.markets for o in m.options]
    expiries = [(m.name, e.seconds) for m in account.markets for e in m.expiries]
    x = source.rows.instruments
    names = [x.underlyings[u] for u in x.underlying.tolist()]
    row_of = {(names[k], int(x.expiry[k])): k for k in reversed(range(len(x)))}
    rows = [row_of[name, instant_of(seconds)] for name, seconds in expiries]
    out: dict[str, Any] = {
        "option_mtm_per_expiry": [
            sum(v for v, key in zip(worth, at, strict=True) if key == e) for e in expiries
        ],
        "static_discounts_pos_neg": [float(side[k]) for k in rows for side in (gain, loss)],
    }
    if rules.has("vol"):
        up, down = vol_ranges(rules, source.state)
        dated = zip(source.state.factor_underlying, source.state.factor_expiry, strict=True)
        number = {key: k for k, key in enumerate(dated)}
        factor = [number[name, instant_of(seconds)] for name, seconds in at]
        out["vol_up_multiplier_per_option"] = (1.0 + up[factor]).tolist()
        out["vol_down_multiplier_per_option"] = np.maximum(1.0 - down[factor], 0.0).tolist()
    return out


# --- standard manager ----------------------------------------------------------------------------


def standard_margin_of(account: Account, parameters: Parameters) -> Figures:
    """What the library finds under the standard manager; figures of one market by assessing it
    alone."""
    rules = rulebook_of(parameters, "expiry-standard")
    found = assessed(account, rules)
    settled = assessed(replace(account, markets=[_settled(m) for m in account.markets]), rules)
    whole, pnl = float(found.equity[0]), float(settled.unrealised_pnl[0])
    part = {name: float(x[0]) for name, x in found.components.items()}
    base = float(found.collateral[0]) - account.cash
    figures = {
        "UnrealizedPNL": pnl,
        "UnsettledFunding": float(found.unrealised_pnl[0]) - pnl,
        "PerpMargin": -part["maintenance.perpetual"],
        "BaseMargin": base - part["maintenance.base"],
        "OracleConts": -part["initial.oracle"],
        "DepegIMs": -part["initial.depeg"],
        "PortfolioMtM": whole - account.cash,
        "mm": whole - float(found.maintenance[0]),
        "im": whole - float(found.initial[0]),
    }
    for market in account.markets:
        figures |= of_market(replace(account, markets=[market], collaterals=()), market, rules)
    return {name: [figure] for name, figure in figures.items()}


def of_market(account: Account, market: Market, rules: Rulebook) -> dict[str, float]:
    """Margins of the options of a market: value less what they need."""
    found = assessed(account, rules)
    value = float(found.option_value[0])
    names = {"": "{}.option", "Isolated": "isolated_{}", "Bounded": "bounded_{}"}
    return {
        f"{market.name}Option{title}{short}": value
        - float(found.components.get(name.format(side), [0.0])[0])
        for title, name in names.items()
        for short, side in (("MM", "maintenance"), ("IM", "initial"))
    }


def assessed(account: Account, rules: Rulebook) -> rs.Assessment:
    case = case_of(account)
    return rs.assess(case.portfolio(), case.market(), rules)


def _settled(market: Market) -> Market:
    """The market with nothing accrued."""
    p = market.perpetual
    return market if p is None else replace(market, perpetual=replace(p, accrued=0.0))
