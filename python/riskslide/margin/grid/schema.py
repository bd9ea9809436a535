"""Decides what a rule book of the `scenario-grid` method holds: optional sections are its parts."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import refuse
from ...rules import Rules, Spec
from ...scenario.grid import PLACED, STATES
from ..equity import BORROW

_FRACTION = Spec("number", 0.0, 1.0)
_FACTOR = Spec("number", 0.0, 1000.0)
_CHANGE = Spec("number", -1000.0, 1000.0)
_POWER = Spec("number", 0.0, 100.0)
_DISCOUNT = {"base": _FACTOR, "rate": _FACTOR, "add": _CHANGE}

SCHEMA: Mapping[str, Spec] = {
    "pricing.rates": Spec("text", choices=("quoted", "floored", "none")),
    "pricing.settlement_window": Spec("number", 0.0, 604_800.0),
    "grid.moves": Spec("numbers", -0.99, 100.0),
    "grid.vols": Spec("texts", choices=STATES),
    "grid.weights": Spec("numbers", 0.0, 10.0),
    "grid.moves_of": Spec("lists", -0.99, 100.0),
    "margin.maintenance_factor": _FACTOR,
    "margin.initial_factor": _FACTOR,
    "margin.factor_covers": Spec("text", choices=("loss", "all")),
}

OPTIONAL: Mapping[str, Mapping[str, Spec]] = {
    "vol": {
        "form": Spec("text", choices=("power", "points", "table")),
        "range_up": _FACTOR,
        "range_down": _FACTOR,
        "short_power": _POWER,
        "long_power": _POWER,
        "floor_days": Spec("number", 0.0, 3650.0),
        "min_up": _FACTOR,
    },
    "vol_table": {
        "days": Spec("numbers", 0.0, 36_500.0, ascending=True),
        "up": Spec("numbers", 0.0, 100.0),
        "down": Spec("numbers", 0.0, 100.0),
    },
    "skew": {
        "linear_cap": _CHANGE,
        "linear_slope": _CHANGE,
        "absolute_cap": _CHANGE,
        "absolute_slope": _CHANGE,
        "least_width": Spec("number", 0.0, 100.0),
        "width_scale": _FACTOR,
        "width_static": _FACTOR,
        "width_slope": _CHANGE,
    },
    "gain_discount": _DISCOUNT,
    "loss_premium": _DISCOUNT,
    "basis": {
        "up": Spec("number", 1.0, 100.0),
        "down": Spec("number", 0.01, 1.0),
        "add": _FACTOR,
        "per_year": _FACTOR,
    },
    "moves": {"of": Spec("text", choices=("price", "index"))},
    "extreme": {"multiple": _FACTOR, "moves": Spec("table", 0.0, 0.99), "share": _FRACTION},
    "delta_minimum": {"net": _FRACTION, "hedged": _FRACTION},
    "perpetual": {"maintenance": _FACTOR, "initial": _FACTOR},
    "future": {"maintenance": _FACTOR, "initial": _FACTOR},
    "option": {"maintenance": _FACTOR, "initial": _FACTOR},
    "collateral_charge": {
        "maintenance": Spec("table", 0.0, 100.0),
        "initial": Spec("table", 0.0, 100.0),
        "other_maintenance": _FACTOR,
        "other_initial": _FACTOR,
        "of": Spec("text", choices=("value", "spot")),
    },
    "collateral_offset": {"cancels": Spec("texts")},
    "oracle": {
        "threshold": _FRACTION,
        "charge": _FACTOR,
        "collateral": Spec("text", choices=("own", "market")),
    },
    "peg": {"asset": Spec("text"), "threshold": _FACTOR, "factor": _FACTOR},
    "basis_risk": {"rate": Spec("table", 0.0, 1.0), "other": _FRACTION},
    "minimum": {
        "rate": Spec("table", 0.0, 1.0),
        "other": _FRACTION,
        "start": Spec("numbers", 0.0, 1e15, ascending=True),
        "multiple": Spec("numbers", 0.0, 1000.0),
    },
    "unit_loss": {"amounts": Spec("table", 0.0, 1e15)},
    "unit_charge": {"names": Spec("texts"), "amounts": Spec("table", 0.0, 1e15)},
    "stable_charge": {
        "start": Spec("numbers", 0.0, 1e15, ascending=True),
        "rate": Spec("numbers", 0.0, 1.0),
    },
    "provision": {"fee": _FRACTION, "funding": _FRACTION},
    "borrow": BORROW,
}


def check_together(rules: Rules) -> None:
    """Refuse parameters of charges that do not fit each other (`E_RULES`)."""

    def need(good: bool, key: str, value: object, fix: str) -> None:
        if not good:
            refuse("E_RULES", key, None, value, fix)

    for section, first, other in (
        ("minimum", "start", "multiple"),
        ("stable_charge", "start", "rate"),
    ):
        if not rules.has(section):
            continue
        wanted, found = (len(rules.numbers(f"{section}.{n}")) for n in (first, other))
        need(found == wanted, f"{section}.{other}", found, f"must hold {wanted} numbers")
    for key in rules.table("unit_charge.amounts") if rules.has("unit_charge") else ():
        names = rules.texts("unit_charge.names")
        fix = f"must be MARKET:NAME, the name one of {', '.join(names)}"
        need(key.rpartition(":")[2] in names and ":" in key, "unit_charge.amounts", key, fix)
    if rules.has("borrow"):
        apart = [s for s in PLACED if rules.has(s)]
        fix = "counts balances by currency, while this section puts them into markets"
        need(not apart, "borrow", ", ".join(apart), fix)
    if rules.has("collateral_offset"):
        texts = rules.texts("collateral_offset.cancels")
        assets = [text.partition(":")[2] for text in texts]
        for text, asset in zip(texts, assets, strict=True):
            need(bool(asset), "collateral_offset.cancels", text, "must be MARKET:ASSET")
            need(assets.count(asset) == 1, "collateral_offset.cancels", text, "names it twice")
