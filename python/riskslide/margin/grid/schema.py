"""Decides what a rule book of the `scenario-grid` method holds: optional sections are its parts."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import refuse
from ...rules import Rules, Spec
from ...scenario.grid import ROTATIONS, STATES
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
    "extreme": {"multiple": _FACTOR, "share": _FRACTION},
    "delta_minimum": {"net": _FRACTION, "hedged": _FRACTION},
    "perpetual": {"maintenance": _FACTOR, "initial": _FACTOR},
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
    "unit_charge": {"amounts": Spec("table", 0.0, 1e15)},
    "provision": {"fee": _FRACTION, "funding": _FRACTION},
    "borrow": BORROW,
}


def check_together(rules: Rules) -> None:
    """Refuse parameters that do not fit each other (`E_RULES`)."""
    count = len(rules.numbers("grid.moves"))

    def need(good: bool, key: str, value: object, fix: str) -> None:
        if not good:
            refuse("E_RULES", key, None, value, fix)

    for key in ("grid.weights", "grid.vols"):
        values = rules.texts(key) if key == "grid.vols" else rules.numbers(key)
        need(len(values) == count, key, len(values), f"must have one entry a move, {count}")
    for name, moves in rules.lists("grid.moves_of").items():
        need(len(moves) == count, f"grid.moves_of.{name}", len(moves), f"must be {count} moves")
    vols = rules.texts("grid.vols")
    for k, vol in enumerate(vols):
        if vol in ROTATIONS:
            move = rules.numbers("grid.moves")[k]
            need(move == 0.0, "grid.moves", move, f"must be 0 where the vol is {vol}")
            need(rules.has("skew"), "grid.vols", vol, "needs the section skew")
            need(vols.count(vol) == 1, "grid.vols", vol, "may stand once")
    moved = bool({"up", "down"} & set(vols))
    need(not moved or rules.has("vol"), "grid.vols", "up or down", "needs the section vol")
    if rules.has("vol") and rules.text("vol.form") == "table":
        need(rules.has("vol_table"), "vol.form", "table", "needs the section vol_table")
    for section, first, rest in (
        ("vol_table", "days", ("up", "down")),
        ("minimum", "start", ("multiple",)),
    ):
        if not rules.has(section):
            continue
        wanted = len(rules.numbers(f"{section}.{first}"))
        for name in rest:
            found = len(rules.numbers(f"{section}.{name}"))
            need(found == wanted, f"{section}.{name}", found, f"must hold {wanted} numbers")
    if rules.has("collateral_offset"):
        texts = rules.texts("collateral_offset.cancels")
        assets = [text.partition(":")[2] for text in texts]
        for text, asset in zip(texts, assets, strict=True):
            need(bool(asset), "collateral_offset.cancels", text, "must be MARKET:ASSET")
            need(assets.count(asset) == 1, "collateral_offset.cancels", text, "names it twice")
