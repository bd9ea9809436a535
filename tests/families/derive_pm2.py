"""Decides how the files of Derive's PM2 are read, and which of their figures are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from families import derive_reference
from families.derive_account import (
    CASH,
    MARKET,
    Account,
    Collateral,
    Expiry,
    Figures,
    Market,
    Option,
    Parameters,
    Perpetual,
    split,
)
from families.derive_compare import (
    Implementation,
    Limit,
    compare_named,
    largest,
    leaf_count,
    skip_inputs,
)
from families.tally import Tally, is_number

WINDOW = 1800.0  # seconds of settlement averaging: the files give no split of the forward
RELATIVE = 1e-8  # where a file states none
# Of the largest figure of the file: several printed P&Ls are 0 where float64 gives 1e-11, and the
# other way round; small ones hold the last bits of what was added up.
ZERO, LEAST = 0.1, 1e-4
RATIOS = (
    "static_discounts_pos_neg",
    "vol_up_multiplier_per_option",
    "vol_down_multiplier_per_option",
    "mm_loss_factor",
    "im_loss_factor",
)
PARAMETERS = {
    "vol_shock": {
        "VOLRANGEUP": "vol.range_up",
        "VOLRANGEDOWN": "vol.range_down",
        "SHORTTERMPOWER": "vol.short_power",
        "LONGTERMPOWER": "vol.long_power",
        "DTE_FLOOR": "vol.floor_days",
        "MIN_VOL_EVAL_SHOCKED": "vol.min_up",
    },
    "skew_shock": {
        "LINEAR_SCALE_CAP": "skew.linear_cap",
        "LINEAR_CBASE": "skew.linear_slope",
        "ABS_SCALE_CAP": "skew.absolute_cap",
        "ABS_CBASE": "skew.absolute_slope",
        "MIN_K_STAR": "skew.least_width",
        "MIN_WIDTH_SCALE": "skew.width_scale",
        "VOL_PARAM_STATIC": "skew.width_static",
        "VOL_PARAM_SCALE": "skew.width_slope",
    },
    "margin": {
        "MM_LOSS_FACTOR": "margin.maintenance_factor",
        "IM_LOSS_FACTOR": "margin.initial_factor",
        "BASE_STATIC_DISCOUNT": "gain_discount.base",
        "LONG_RATE_MULTSCALE": "gain_discount.rate",
        "LONG_RATE_ADDSCALE": "gain_discount.add",
        "BASE_STATIC_DISCOUNT_NEG": "loss_premium.base",
        "SHORT_RATE_MULTSCALE": "loss_premium.rate",
        "SHORT_RATE_ADDSCALE": "loss_premium.add",
    },
    "basis_contingency": {
        "SCENARIO_SPOT_UP": "basis.up",
        "SCENARIO_SPOT_DOWN": "basis.down",
        "BASIS_CONT_ADD_FACTOR": "basis.add",
        "BASIS_CONT_MULT_FACTOR": "basis.per_year",
    },
    "other_contingency": {
        "PEG_LOSS_THRESHOLD": "peg.threshold",
        "PEG_LOSS_FACTOR": "peg.factor",
        "CONF_THRESHOLD": "oracle.threshold",
        "CONF_MARGIN": "oracle.charge",
        "MM_PERP_PERCENT": "perpetual.maintenance",
        "IM_PERP_PERCENT": "perpetual.initial",
        "MM_OPTION_PERCENT": "option.maintenance",
        "IM_OPTION_PERCENT": "option.initial",
    },
}
# Sections of a rule book that stand whole or not at all; what a file leaves out of one is neutral.
NEUTRAL: Mapping[str, Mapping[str, float]] = {
    "vol": dict.fromkeys(("range_up", "range_down", "short_power", "long_power"), 0.0)
    | {"floor_days": 1.0, "min_up": 0.0},
    "skew": dict.fromkeys(("linear_cap", "linear_slope", "absolute_cap", "absolute_slope"), 0.0)
    | {"least_width": 0.01, "width_scale": 0.0, "width_static": 0.0, "width_slope": 0.0},
    "basis": {"up": 1.0, "down": 1.0, "add": 0.0, "per_year": 0.0},
    "gain_discount": {"base": 1.0, "rate": 0.0, "add": 0.0},
    "loss_premium": {"base": 1.0, "rate": 0.0, "add": 0.0},
    "perpetual": {"maintenance": 0.0, "initial": 0.0},
    "option": {"maintenance": 0.0, "initial": 0.0},
    "oracle": {"threshold": 0.0, "charge": 0.0},
    "peg": {"threshold": 0.0, "factor": 0.0},
}


# --- what a file says ----------------------------------------------------------------------------


def refusal(path: Path, raw: Any) -> str:
    """Why a file is none of this family; empty if it is one."""
    if not isinstance(raw, dict):
        return "is no object"
    missing = {"inputs", "parameters", "expected"} - raw.keys()
    if missing:
        return f"has no {', '.join(sorted(missing))} of a PM2 case"
    if not raw["parameters"].get("scenarios"):
        return "has no scenarios"
    return f"its note excludes it: {raw['note']}" if raw.get("note") else ""


def account_of(raw: Mapping[str, Any]) -> Account:
    """The account of a file; what a file does not give is 0, a confidence 1, the stable 1."""
    inputs = raw["inputs"]
    perpetual = inputs.get("perp") or {}
    quantity = float(perpetual.get("position") or 0.0)
    market = Market(
        MARKET,
        float(inputs["spot"]),
        float(inputs.get("spot_conf", 1.0)),
        Perpetual(
            quantity,
            float(perpetual["price"]),
            float(perpetual.get("conf", 1.0)),
            float(perpetual.get("unrealised_pnl") or 0.0)
            + float(perpetual.get("unrealised_funding") or 0.0),
        )
        if quantity
        else None,
        [expiry_of(e) for e in inputs.get("expiries", ())],
        [option_of(o) for o in inputs.get("options", ())],
    )
    return Account(
        float(inputs.get("cash", 0.0)),
        float(inputs.get("stable", 1.0)),
        (market,),
        [
            Collateral(name, float(c["amount"]), float(c["price"]), float(c.get("conf", 1.0)))
            for name, c in named_collaterals(raw).items()
        ],
    )


def named_collaterals(raw: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Collaterals by a name that is theirs alone: one may stand twice, with other prices."""
    out: dict[str, Mapping[str, Any]] = {}
    for c in raw["inputs"].get("collaterals", ()):
        name, times = str(c.get("name", "COLLATERAL")), 1
        while name in out or name in (CASH, MARKET):
            times += 1
            name = f"{c.get('name', 'COLLATERAL')} {times}"
        out[name] = c
    return out


def expiry_of(e: Mapping[str, Any]) -> Expiry:
    seconds = int(e["sec_to_expiry"])
    fixed, variable = split(float(e["forward"]), seconds, WINDOW)
    confidences = (float(e.get(k, 1.0)) for k in ("forward_conf", "rate_conf", "vol_conf"))
    return Expiry(seconds, fixed, variable, float(e.get("rate", 0.0)), *confidences)


def option_of(o: Mapping[str, Any]) -> Option:
    numbers = (float(o["strike"]), bool(o["is_call"]), float(o["amount"]), float(o["mark_vol"]))
    return Option(int(o["sec_to_expiry"]), *numbers)


def parameters_of(raw: Mapping[str, Any]) -> Parameters:
    """The rule book of a file by the keys of the method `scenario-grid`."""
    given, scenarios = raw["parameters"], raw["parameters"]["scenarios"]
    out: dict[str, Any] = {
        "reporting.currency": "USD",
        "reporting.par": ["USD", CASH],
        "market.max_age_seconds": 1e9,
        "collateral.haircut": {},
        "collateral.haircut_other": 0.0,
        "pricing.rates": "floored",
        "pricing.settlement_window": WINDOW,
        "grid.moves": [float(s["spot_shock"]) - 1.0 for s in scenarios],
        "grid.vols": [str(s["vol"]) for s in scenarios],
        "grid.weights": [float(s.get("dampening", 1.0)) for s in scenarios],
        "grid.moves_of": {},
        "vol.form": "power",
        "margin.factor_covers": "loss",
        "margin.maintenance_factor": 1.0,
        "margin.initial_factor": 1.0,
    }
    for section, names in PARAMETERS.items():
        held = given.get(section, {})
        out |= {key: float(held[name]) for name, key in names.items() if name in held}
    tilted = {"linear", "abs"} & {*out["grid.vols"]}
    for section, neutral in NEUTRAL.items():
        held = any(key.startswith(f"{section}.") for key in out)
        if held or (section == "skew" and tilted):
            out = {f"{section}.{name}": value for name, value in neutral.items()} | out
    if "peg.threshold" in out:
        out["peg.asset"] = CASH
    if "oracle.threshold" in out:
        out["oracle.collateral"] = "own"
    named = named_collaterals(raw)
    if named:
        charge = {"maintenance": "mm_haircut", "initial": "im_haircut_extra"}
        for side, field in charge.items():
            rates = {n: float(c.get(field, 0.0)) for n, c in named.items()}
            out |= {f"collateral_charge.{side}": rates, f"collateral_charge.other_{side}": 0.0}
        out["collateral_charge.of"] = "value"
        moving = [f"{MARKET}:{n}" for n, c in named.items() if c.get("risk_cancelling")]
        out["collateral_offset.cancels"] = moving
    return out


# --- what is compared ----------------------------------------------------------------------------


def replay(
    path: Path, raw: Any, tally: Tally, margin: Implementation = derive_reference.margin_of
) -> None:
    """Every printed figure against those of an implementation."""
    printed, where = raw["expected"], str(raw.get("case") or path.name)
    found = margin(account_of(raw), parameters_of(raw))
    limits = limits_of(raw)
    compare_named({k: v for k, v in found.items() if k != "worst"}, printed, limits, where, tally)
    for name, value in printed.items():
        if name == "worst":
            compare_worst(found, value, raw, where, tally)
        elif name not in found:
            tally.skip(name, "not a figure of the method", leaf_count(value))
    count_inputs(raw, tally)


def limits_of(raw: Mapping[str, Any]) -> Callable[[str], Limit]:
    """Relative to the figure; one that is 0 to a part of the largest amount of the file."""
    given = raw.get("tolerance", {}).get("relative")
    relative = float(given) if is_number(given) else RELATIVE
    printed = raw["expected"]
    amount = largest(v for name, v in printed.items() if name not in RATIOS) or 1.0

    def limit(name: str) -> Limit:
        size = amount if name not in RATIOS else largest([printed[name]]) or 1.0
        return Limit(relative, LEAST * size, ZERO * size)

    return limit


def compare_worst(
    found: Figures, printed: str, raw: Mapping[str, Any], where: str, tally: Tally
) -> None:
    """The kind of the worst scenario, where no other kind is as bad within the tolerance."""
    kinds = [*kinds_of(raw["parameters"]["scenarios"]), "fwd_contingency"]
    pnl = [*found["scenario_pnl"], *found["basis_contingency"]]
    limit, worst = limits_of(raw)("scenario_pnl"), int(found["worst"][0])
    margin = limit.relative * limit.unit(pnl[worst])
    as_bad = {kind for kind, x in zip(kinds, pnl, strict=True) if x <= pnl[worst] + margin}
    if len(as_bad) > 1:
        tally.skip("worst", "scenarios of several kinds are as bad within the tolerance")
    elif printed not in kinds:
        tally.skip("worst", f"no scenario of the file is called {printed!r}")
    else:
        right = float(kinds[worst] == printed)
        tally.compare("worst", right, 1.0, 0.0, f"{where}: {kinds[worst]}, printed {printed}")


def kinds_of(scenarios: Iterable[Mapping[str, Any]]) -> list[str]:
    """Regular, tail or skew; a tail is dampened, or moves as far as one that is."""
    rows = [(abs(s["spot_shock"] - 1.0), s["vol"], s.get("dampening", 1.0)) for s in scenarios]
    skews = ("linear", "abs")
    dampened = [move for move, vol, weight in rows if weight != 1.0 and vol not in skews]
    far = min(dampened, default=float("inf"))
    return [
        "skew" if vol in skews else "tail" if weight != 1.0 or move >= far else "regular"
        for move, vol, weight in rows
    ]


def count_inputs(raw: Mapping[str, Any], tally: Tally) -> None:
    """Skips, by reason, what is no result of the method."""
    reasons = {"inputs": "input", "parameters": "parameter", "tolerance": "tolerance"}
    for key, value in raw.items():
        if key not in ("inputs", "parameters", "expected"):
            tally.skip(f"({key})", reasons.get(key, "describes the file"), leaf_count(value))
    known = ("cash", "spot", "spot_conf", "stable", "perp", "collaterals", "expiries", "options")
    skip_inputs(raw["inputs"], dict.fromkeys(known, "input"), tally)
    for section, value in raw["parameters"].items():
        if section == "scenarios":
            tally.skip("scenarios", "parameter", leaf_count(value))
        else:
            names = PARAMETERS.get(section, {})
            skip_inputs(value, dict.fromkeys(names, "parameter"), tally)
