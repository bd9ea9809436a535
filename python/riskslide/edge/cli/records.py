"""Decides what `--json` prints: results as plain dicts, numbers as numbers, None where infinite."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..._version import __version__
from ...account.verdict import Assessment, Evidence, Status, UnitEvidence
from ...book.clock import text_of
from ...book.columns import Float
from ...book.portfolio import Portfolio
from ...errors import InputError
from ...scenario.shocks import Scenarios
from ...value.exposure import Exposure
from ...venue.rulebook import Rulebook
from .demo import Demo

AMOUNTS = (
    "collateral",
    "unrealised_pnl",
    "option_value",
    "equity",
    "initial",
    "maintenance",
    "excess",
)
GREEK_KEYS = {
    "value": "value",
    "delta": "delta",
    "gamma": "gamma",
    "vega": "vega_per_1_00_vol",
    "theta": "theta_per_year",
    "rho": "rho_per_1_00_rate",
}
SECOND_KEYS = {
    "vanna": "vanna_per_1_00_vol",
    "volga": "volga_per_1_00_vol_squared",
    "charm": "charm_per_year",
}


@dataclass(frozen=True, slots=True)
class Axes:
    """Price moves (fractions) down and states of the vol across; `cells` (moves, vols) holds the
    scenario of each, or None."""

    moves: tuple[float, ...]
    vols: tuple[str, ...]
    cells: tuple[tuple[int | None, ...], ...]


_GRID_LABEL = re.compile(r"price ([^ ]+) % vol (.+)")


def axes_of(labels: Sequence[str]) -> Axes | None:
    """The table that scenarios of these labels fill; None where they name no moves of price and
    vol, or one of them twice."""
    found = [_GRID_LABEL.fullmatch(label) for label in labels]
    keys = [(round(float(m[1]) / 100.0, 12), m[2]) for m in found if m is not None]
    if not labels or len(set(keys)) < len(labels):
        return None
    moves, vols = (tuple(dict.fromkeys(axis)) for axis in zip(*keys, strict=True))
    at = {key: k for k, key in enumerate(keys)}
    return Axes(moves, vols, tuple(tuple(at.get((m, v)) for v in vols) for m in moves))


def margin_record(
    assessment: Assessment, rulebook: Rulebook, slide: Sequence[Evidence], *, dropped: int = 0
) -> dict[str, Any]:
    """The whole assessment, and the slides of one account; `dropped` series have no price."""
    return {
        "riskslide": __version__,
        "as_of": text_of(assessment.as_of),
        "valid_for_seconds": number(assessment.valid_for),
        "reporting_currency": assessment.reporting,
        "rulebook": rulebook_record(rulebook),
        "program_sha256": assessment.program_sha256,
        "grid_only": assessment.grid_only,
        "scenarios": list(assessment.scenarios),
        "dropped_series": dropped,
        "warnings": list(assessment.warnings),
        "accounts": list(_lines(assessment)),
        "slides": [evidence_record(assessment, evidence) for evidence in slide],
    }


def rulebook_record(rulebook: Rulebook) -> dict[str, Any]:
    """Which rule book it was, by name, version and hash."""
    return {
        "name": rulebook.name,
        "title": rulebook.title,
        "method": rulebook.method,
        "version": rulebook.version,
        "valid_from": rulebook.valid_from.isoformat(),
        "status": rulebook.status,
        "sha256": rulebook.sha256,
    }


def _lines(a: Assessment) -> Iterator[dict[str, Any]]:
    columns = {name: getattr(a, name).tolist() for name in (*AMOUNTS, "maintenance_ratio")}
    offsets, unit = a.unit_offsets.tolist(), a.unit.tolist()
    loss, scenario = a.unit_loss.tolist(), a.unit_scenario.tolist()
    components = {name: values.tolist() for name, values in a.components.items()}
    status, worst = a.status.tolist(), a.worst_scenario.tolist()
    for k, account in enumerate(a.account):
        loses = columns["maintenance"][k] > 0
        yield {
            "account": account,
            "pool": a.pool[k],
            **{name: number(values[k]) for name, values in columns.items()},
            "status": Status(status[k]).name.lower(),
            **{name: number(values[k]) for name, values in components.items()},
            "worst_unit": a.worst_unit[k] if loses else None,
            "worst_scenario": a.scenarios[worst[k]] if loses else None,
            "units": [
                {
                    "unit": a.units[unit[n]],
                    "loss": number(loss[n]),
                    "scenario": a.scenarios[scenario[n]] if loss[n] > 0 else None,
                }
                for n in range(offsets[k], offsets[k + 1])
            ],
        }


def evidence_record(assessment: Assessment, evidence: Evidence) -> dict[str, Any]:
    """The slides of one line: every unit's P&L by scenario, and who made its worst cell."""
    axes = axes_of(assessment.scenarios)
    return {
        "account": evidence.account,
        "pool": evidence.pool,
        "components": {name: number(x) for name, x in evidence.components.items()},
        "units": [_unit_record(u, axes) for u in evidence.units],
        "units_with_orders_filled": [_unit_record(u, axes) for u in evidence.filled],
    }


def _unit_record(unit: UnitEvidence, axes: Axes | None) -> dict[str, Any]:
    return {
        "unit": unit.unit,
        "loss": number(unit.loss),
        "scenario": unit.label if unit.loss > 0 else None,
        "price_moves": list(axes.moves) if axes else None,
        "vols": list(axes.vols) if axes else None,
        "pnl": [number(x) for x in unit.grid],
        "contributions": [
            {"name": c.name, "quantity": number(c.quantity), "pnl": number(c.pnl)}
            for c in unit.contributions
        ],
    }


def stress_record(
    portfolio: Portfolio,
    scenarios: Scenarios,
    pnl: Float,
    *,
    by: str,
    rulebook: Rulebook,
    as_of: int,
) -> dict[str, Any]:
    """P&L of positions by row and scenario; horizon and rate shift where they are not 0."""
    days = [round(365.0 * years, 9) for years in scenarios.horizon.tolist()]
    shifts = scenarios.rate_shift[0].tolist() if scenarios.rate_shift.size else []
    return {
        "riskslide": __version__,
        "as_of": text_of(as_of),
        "reporting_currency": rulebook.terms.reporting,
        "rulebook": rulebook_record(rulebook),
        "by": by,
        "scenarios": [
            {"label": label, "price_move": round(price - 1.0, 12), "vol_scale": vol}
            for label, price, vol in zip(
                scenarios.labels,
                scenarios.price_scale[0].tolist(),
                scenarios.vol_scale[0].tolist(),
                strict=True,
            )
        ],
        **({"horizon_days": days} if days else {}),
        **({"rate_shift": shifts} if shifts else {}),
        "rows": [
            name | {"pnl": row}
            for name, row in zip(row_names(portfolio, by), pnl.tolist(), strict=True)
        ],
    }


def row_names(portfolio: Portfolio, by: str) -> list[dict[str, str]]:
    """Account, and instrument of a leg, of every row of `rs.stress`."""
    if by == "account":
        return [{"account": name} for name in portfolio.accounts]
    owners = portfolio.positions.offsets.tolist()
    held = portfolio.positions.instrument.tolist()
    return [
        {"account": name, "instrument": portfolio.instruments.name[held[k]]}
        for a, name in enumerate(portfolio.accounts)
        for k in range(owners[a], owners[a + 1])
    ]


def greeks_record(
    portfolio: Portfolio, exposure: Exposure, *, by: str, rulebook: Rulebook, as_of: int
) -> dict[str, Any]:
    """Greeks by row in library units, which the keys name; `by_spot` as `rs.Exposure` says."""
    label = "instrument" if by == "leg" else "underlying"
    columns = {key: getattr(exposure.greeks, g).tolist() for g, key in GREEK_KEYS.items()}
    columns |= {key: getattr(exposure.second, g).tolist() for g, key in SECOND_KEYS.items()}
    columns["by_spot"] = exposure.by_spot.tolist()
    return {
        "riskslide": __version__,
        "as_of": text_of(as_of),
        "reporting_currency": rulebook.terms.reporting,
        "rulebook": rulebook_record(rulebook),
        "by": by,
        "rows": [
            {"account": portfolio.accounts[account], label: name}
            | {key: values[k] for key, values in columns.items()}
            for k, (account, name) in enumerate(
                zip(exposure.account.tolist(), exposure.name, strict=True)
            )
        ],
    }


def demo_record(demo: Demo, rulebook: Rulebook) -> dict[str, Any]:
    """The demo's figures beside its assessment."""
    return margin_record(demo.assessment, rulebook, demo.assessment.explain("demo")) | {
        "positions_alone": {"loss": demo.alone, "scenario": demo.alone_scenario},
        "legs_one_by_one": demo.one_by_one,
        "legs": [
            {
                "instrument": c.name,
                "quantity": c.quantity,
                "worst_loss": demo.leg_worst[c.name],
                "pnl_in_worst_cell": c.pnl,
            }
            for c in demo.in_cell
        ],
        "loses_most": demo.loser.name,
        "offsets_most": demo.offset.name,
        "largest_difference_from_reference": demo.difference,
        "first_seconds": demo.first_seconds,
        "fastest_seconds": demo.fastest_seconds,
        "instruction_set": demo.instruction_set,
    }


def error_record(error: InputError) -> dict[str, Any]:
    """A refusal for machines."""
    return {"error": error.as_dict()}


def number(value: float) -> float | None:
    """`value`, or None where JSON has no such number."""
    return value if math.isfinite(value) else None


def json_text(record: dict[str, Any]) -> str:
    """Strict JSON, a key a line and a row a line: a NaN or an infinity is a bug, not output."""
    lines = ",\n".join(f"  {_dumped(key)}: {_block(value)}" for key, value in record.items())
    return f"{{\n{lines}\n}}\n"


def _block(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n    " + ",\n    ".join(map(_dumped, value)) + "\n  ]"
    return _dumped(value)


def _dumped(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)
