"""Decides how the files of Derive's PM1 are read, and which of their figures are compared."""

from __future__ import annotations

from collections.abc import Mapping
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
    Fixed,
    Implementation,
    compare_figures,
    largest,
    leaf_count,
    skip_inputs,
)
from families.derive_settings import WEI, amount, amounts, scenarios_of, settings_of
from families.tally import Tally

WINDOW = 3600.0  # seconds of settlement averaging
BASE = "BASE"
TOLERANCE = 1e-10  # USD, as the files state
PARAMETERS = {
    "scenarioSpotUp": "basis.up",
    "scenarioSpotDown": "basis.down",
    "basisContAddFactor": "basis.add",
    "basisContMultFactor": "basis.per_year",
    "pegLossThreshold": "peg.threshold",
    "pegLossFactor": "peg.factor",
    "confThreshold": "oracle.threshold",
    "confMargin": "oracle.charge",
    "perpPercent": "perpetual.maintenance",
    "optionPercent": "option.maintenance",
    "imFactor": "margin.initial_factor",
    "baseStaticDiscount": "gain_discount.base",
    "rateMultScale": "gain_discount.rate",
    "rateAddScale": "gain_discount.add",
    "volRangeUp": "vol.range_up",
    "volRangeDown": "vol.range_down",
    "shortTermPower": "vol.short_power",
    "longTermPower": "vol.long_power",
    "dteFloorDays": "vol.floor_days",
}
RESULTS = {
    "PortfolioMTM": "portfolio_mtm",
    "MinSpan": "min_span",
    "ForwardContingency": "basis_contingency",
    "PerpContingency": "mm_perp_cont",
    "BaseContingency": "mm_collateral_haircut",
    "OptionContingency": "mm_option_cont",
    "OracleContingency": "oracle_contingency",
    "LossFactor": "im_loss_factor",
    "MaintenanceMarginCalc": "mm",
    "MaintenanceMarginHand": "mm",
    "InitialMarginCalc": "im",
    "InitialMarginHand": "im",
}
MULTIPLIERS = {
    "VolShockUp": "vol_up_multiplier_per_option",
    "VolShockDown": "vol_down_multiplier_per_option",
}
REPEATED = ("Cash", "UnrealisedPerpPNL", "UnrealisedFunding")
INPUTS = (
    "OptionExpiries",
    "OptionStrikes",
    "OptionIsCall",
    "OptionAmounts",
    "OptionVols",
    "OptionVolConfidences",
    "FeedExpiries",
    "Forwards",
    "ForwardConfidences",
    "Rates",
    "RateConfidences",
    "ForwardsFixed",
    "ForwardsVariable",
    "Cash",
    "Perps",
    "Base",
    "SpotPrice",
    "SpotConfidence",
    "PerpPrice",
    "PerpConfidence",
    "StablePrice",
    "UnrealisedPerpPNL",
    "UnrealisedFunding",
)
UNUSED = ("SVIparams", "SVIParams", "StableConfidence")


# --- what a file says ----------------------------------------------------------------------------


def refusal(path: Path, raw: Any) -> str:
    """Why a file is none of this family; empty if it is one."""
    if not isinstance(raw, dict):
        return "is no object"
    missing = {"Scenario", "Result"} - raw.keys()
    if missing or not isinstance(raw.get("Scenario"), dict):
        return f"has no {', '.join(sorted(missing)) or 'Scenario'} of a PM1 case"
    if "SpotPrice" not in raw["Scenario"] or "OptionUnderlying" in raw["Scenario"]:
        return "is no account of one market"
    return "" if settings_of(path, raw, "pmrm1") else "no parameters: neither in it nor beside it"


def account_of(feeds: Mapping[str, Any], elapsed: int = 0) -> Account:
    """The account of a Scenario; elapsed: seconds since its expiries were counted."""
    spot, quantity = amount(feeds["SpotPrice"]), amount(feeds.get("Perps"))
    spot_confidence = amount(feeds.get("SpotConfidence", WEI))
    perpetual = Perpetual(
        quantity,
        amount(feeds.get("PerpPrice")),
        amount(feeds.get("PerpConfidence", WEI)),
        amount(feeds.get("UnrealisedPerpPNL")) + amount(feeds.get("UnrealisedFunding")),
    )
    base = amount(feeds.get("Base"))
    market = Market(
        MARKET,
        spot,
        spot_confidence,
        perpetual if quantity else None,
        expiries_of(feeds, elapsed),
        options_of(feeds, elapsed),
    )
    held = [Collateral(BASE, base, spot, spot_confidence)] if base else []
    return Account(
        amount(feeds.get("Cash")), amount(feeds.get("StablePrice", WEI)), (market,), held
    )


def options_of(feeds: Mapping[str, Any], elapsed: int = 0) -> list[Option]:
    rows = zip(
        feeds.get("OptionExpiries") or (),
        amounts(feeds.get("OptionStrikes")),
        feeds.get("OptionIsCall") or (),
        amounts(feeds.get("OptionAmounts")),
        amounts(feeds.get("OptionVols")),
        strict=True,
    )
    return [Option(int(t) - elapsed, k, bool(c), a, v) for t, k, c, a, v in rows]


def expiries_of(feeds: Mapping[str, Any], elapsed: int = 0, window: float = WINDOW) -> list[Expiry]:
    """Expiries in the order of their options; the feeds repeat them once for each."""
    seconds = [int(t) for t in feeds.get("FeedExpiries") or ()]
    fixed, variable = (amounts(feeds.get(f"Forwards{part}")) for part in ("Fixed", "Variable"))
    if fixed and variable:
        splits = list(zip(fixed, variable, strict=True))
    else:
        forwards = zip(amounts(feeds.get("Forwards")), seconds, strict=True)
        splits = [split(forward, t - elapsed, window) for forward, t in forwards]
    ones = [WEI] * len(seconds)
    columns = [amounts(feeds.get(k, ones)) for k in ("ForwardConfidences", "RateConfidences")]
    rates = amounts(feeds.get("Rates", [0] * len(seconds)))
    out: dict[int, Expiry] = {}
    for t, parts, rate, *confidences in zip(seconds, splits, rates, *columns, strict=True):
        least = smallest_vol_confidence(feeds, t)
        out.setdefault(t, Expiry(t - elapsed, *parts, rate, *confidences, least))
    return list(out.values())


def smallest_vol_confidence(feeds: Mapping[str, Any], seconds: int) -> float:
    expiries = [int(t) for t in feeds.get("OptionExpiries") or ()]
    given = amounts(feeds.get("OptionVolConfidences", [WEI] * len(expiries)))
    pairs = zip(expiries, given, strict=True)
    return min((c for t, c in pairs if t == seconds), default=1.0)


def parameters_of(settings: Mapping[str, Any]) -> Parameters:
    """The rule book of test parameters by the keys of the method `scenario-grid`."""
    scenarios = scenarios_of(settings)
    out: dict[str, Any] = {
        "reporting.currency": "USD",
        "reporting.par": ["USD", CASH],
        "market.max_age_seconds": 1e9,
        "collateral.haircut": {},
        "collateral.haircut_other": 0.0,
        "pricing.rates": "none",
        "pricing.settlement_window": WINDOW,
        "grid.moves": [factor - 1.0 for factor, _ in scenarios],
        "grid.vols": [vol for _, vol in scenarios],
        "grid.weights": [1.0] * len(scenarios),
        "grid.moves_of": {},
        "vol.form": "power",
        "vol.min_up": 0.0,
        "margin.factor_covers": "all",
        "margin.maintenance_factor": 1.0,
        "perpetual.initial": 0.0,
        "option.initial": 0.0,
        "oracle.collateral": "market",
        "peg.asset": CASH,
        "collateral_charge.of": "spot",
        "collateral_charge.maintenance": {f"{MARKET}:{BASE}": float(settings["basePercent"])},
        "collateral_charge.initial": {f"{MARKET}:{BASE}": 0.0},
        "collateral_charge.other_maintenance": 0.0,
        "collateral_charge.other_initial": 0.0,
        "collateral_offset.cancels": [f"{MARKET}:{BASE}"],
    }
    return out | {key: float(settings[name]) for name, key in PARAMETERS.items()}


# --- what is compared ----------------------------------------------------------------------------


def figures(
    feeds: Mapping[str, Any],
    elapsed: int,
    parameters: Parameters,
    margin: Implementation = derive_reference.margin_of,
) -> Figures:
    """Everything that an implementation says of a portfolio and its feeds."""
    return margin(account_of(feeds, elapsed), parameters)


def replay(
    path: Path, raw: Any, tally: Tally, margin: Implementation = derive_reference.margin_of
) -> None:
    """Every printed figure against those of an implementation."""
    settings = settings_of(path, raw, "pmrm1") or {}
    feeds, printed = raw["Scenario"], raw["Result"]
    where = str(raw.get("case") or path.name)
    found = figures(feeds, 0, parameters_of(settings), margin)
    found = found | {"min_span": [min(found["scenario_pnl"])]}
    limit = Fixed(TOLERANCE, max(1.0, 1e-4 * largest(amounts(printed.values()))))
    for name, value in printed.items():
        if name in RESULTS:
            compare_figures(name, found[RESULTS[name]], amounts([value]), limit, where, tally)
        elif name in REPEATED:
            tally.skip(name, "repeats an input")
        elif name not in ("SettlementPrice", "PercentFixed"):
            tally.skip(name, "not a field of the family", leaf_count(value))
    replay_feeds(feeds, 0, found, where, tally)
    compare_settlement("Result", printed, feeds, 0, where, tally)
    for key, value in raw.items():
        if key not in ("Scenario", "Result"):
            tally.skip(f"({key})", "describes the file", leaf_count(value))


def replay_feeds(
    feeds: Mapping[str, Any], elapsed: int, found: Figures, where: str, tally: Tally
) -> None:
    """What a portfolio prints of its own: vol multipliers and the settled forward."""
    for name, figure in MULTIPLIERS.items():
        if name in feeds:
            limit = Fixed(TOLERANCE, 1.0)
            compare_figures(name, found[figure], feeds[name], limit, where, tally)
    compare_settlement("Scenario", feeds, feeds, elapsed, where, tally)
    known = dict.fromkeys(INPUTS, "input") | dict.fromkeys(UNUSED, "not used by the method")
    taken = (*MULTIPLIERS, "SettlementPrice", "PercentFixed")
    skip_inputs({k: v for k, v in feeds.items() if k not in taken}, known, tally)


def compare_settlement(
    part: str,
    printed: Mapping[str, Any],
    feeds: Mapping[str, Any],
    elapsed: int,
    where: str,
    tally: Tally,
) -> None:
    """The forward after the split and the share that is fixed, where one expiry is meant."""
    expiries = expiries_of(feeds, elapsed)
    for name in ("SettlementPrice", "PercentFixed"):
        if name not in printed:
            continue
        title, value = f"{part}.{name}", printed[name]
        if value is None:
            tally.skip(title, "null in the file")
        elif len(expiries) != 1:
            tally.skip(title, "does not say which expiry is meant")
        elif name == "SettlementPrice":
            limit = Fixed(TOLERANCE, 1.0)
            compare_figures(title, [expiries[0].forward], amounts([value]), limit, where, tally)
        else:
            share, _ = split(1.0, expiries[0].seconds, WINDOW)
            compare_figures(title, [share], [value], Fixed(TOLERANCE, 1.0), where, tally)
