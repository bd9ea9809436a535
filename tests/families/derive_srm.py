"""Decides how the files of Derive's standard manager are read, and what of them is compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from families import derive_srm_reference
from families.derive_account import (
    CASH,
    Account,
    Collateral,
    Expiry,
    Market,
    Option,
    Parameters,
    Perpetual,
)
from families.derive_compare import (
    Fixed,
    Implementation,
    compare_figures,
    largest,
    leaf_count,
    skip_inputs,
)
from families.derive_pm1 import smallest_vol_confidence
from families.derive_settings import WEI, amount, amounts, settings_of
from families.tally import Tally

WINDOW = 3600.0  # seconds of settlement averaging
TOLERANCE = 1e-10  # USD; the files state none
ORDER = ("ETH", "BTC")  # of SpotPerpConfidences and PerpPrice, whatever order the keys have
PARAMETERS = {
    "mmPerpReq": "perpetual.maintenance",
    "imPerpReq": "perpetual.initial",
    "maxSpotReq": "option.most_spot",
    "minSpotReq": "option.least_spot",
    "mmCallSpotReq": "option.call_maintenance",
    "mmPutSpotReq": "option.put_maintenance",
    "MMPutMtMReq": "option.put_value",
    "mmOffsetScale": "option.put_initial",
    "unpairedMMScale": "unpaired.maintenance",
    "unpairedIMScale": "unpaired.initial",
    "perpThreshold": "oracle.perpetual_threshold",
    "optionThreshold": "oracle.option_threshold",
    "baseThreshold": "oracle.base_threshold",
    "OCFactor": "oracle.charge",
    "depegThreshold": "peg.threshold",
    "depegFactor": "peg.factor",
}
RESULTS = {
    "PortfolioMtM": "PortfolioMtM",
    "UnrealizedPNL": "UnrealizedPNL",
    "UnsettledFunding": "UnsettledFunding",
    "PerpMargin": "PerpMargin",
    "BaseMargin": "BaseMargin",
    "OracleConts": "OracleConts",
    "DepegIMs": "DepegIMs",
    "realMM": "mm",
    "HandMM": "mm",
    "realIM": "im",
    "HandIM": "im",
}
OPTION_FIGURES = ("OptionMM", "OptionIM", "OptionIsolatedMM", "OptionIsolatedIM")
BOUNDED = ("OptionBoundedMM", "OptionBoundedIM")
COLUMNS = (
    "OptionUnderlying",
    "OptionExpiries",
    "OptionStrikes",
    "OptionIsCall",
    "OptionAmounts",
    "OptionVols",
    "OptionVolConfidences",
    "FeedExpiries",
    "Forwards",
    "ForwardConfidences",
)


# --- what a file says ----------------------------------------------------------------------------


def refusal(path: Path, raw: Any) -> str:
    """Why a file is none of this family; empty if it is one."""
    if not isinstance(raw, dict):
        return "is no object"
    missing = {"Scenario", "Result"} - raw.keys()
    if missing or not isinstance(raw.get("Scenario"), dict):
        return f"has no {', '.join(sorted(missing)) or 'Scenario'} of a standard margin case"
    if not markets_of(raw["Scenario"]):
        return "names no market"
    return "" if settings_of(path, raw, "srm") else "no parameters: neither in it nor beside it"


def markets_of(feeds: Mapping[str, Any]) -> list[str]:
    """Markets in the order in which lists of one entry for each hold them."""
    ending = "SpotPrice"  # alone, it repeats one of them
    found = [k.removesuffix(ending) for k in feeds if k.endswith(ending) and k != ending]
    return [*(m for m in ORDER if m in found), *(m for m in found if m not in ORDER)]


def account_of(feeds: Mapping[str, Any]) -> Account:
    names = markets_of(feeds)
    markets = [market_of(feeds, name, at) for at, name in enumerate(names)]
    base = {m.name: amount(feeds.get(f"w{m.name}")) for m in markets}
    return Account(
        amount(feeds.get("Cash")),
        amount(feeds.get("USDCValue", WEI)),
        markets,
        [
            Collateral(m.name, base[m.name], m.spot, m.spot_confidence)
            for m in markets
            if base[m.name]
        ],
    )


def market_of(feeds: Mapping[str, Any], name: str, at: int) -> Market:
    """The market of a name; at: its place in lists of one entry for each."""
    confidences = feeds.get("SpotPerpConfidences") or []
    spot, perpetual = confidences[at] if at < len(confidences) else (WEI, WEI)
    own = options_only(feeds, name)
    return Market(
        name,
        amount(feeds[f"{name}SpotPrice"]),
        amount(spot),
        perpetual_of(feeds, name, at, amount(perpetual)),
        expiries_of(feeds, own, name),
        options_of(own),
    )


def perpetual_of(
    feeds: Mapping[str, Any], name: str, at: int, confidence: float
) -> Perpetual | None:
    """The perpetual held; its unsettled funding goes by the two funding indices."""
    quantity = amount(feeds.get(f"Perps_{name}"))
    if not quantity:
        return None
    price = amount(feeds["PerpPrice"][at])
    indices = (feeds.get(f"Account{name}FundingIndex"), feeds.get(f"{name}GlobalFundingIndex"))
    account, world = map(amount, indices)
    funding = quantity * (account - world) if indices[0] is not None else 0.0
    entry = feeds.get(f"LastEntry{name}")
    return Perpetual(quantity, price, confidence, funding, None if entry is None else amount(entry))


def options_only(feeds: Mapping[str, Any], name: str) -> dict[str, list[Any]]:
    """Columns of the options of one market."""
    rows = [k for k, of in enumerate(feeds.get("OptionUnderlying") or ()) if of == name]
    columns = {c: feeds[c] for c in COLUMNS if feeds.get(c) is not None}
    return {c: [values[k] for k in rows] for c, values in columns.items()}


def options_of(columns: Mapping[str, list[Any]]) -> list[Option]:
    rows = zip(
        map(int, columns.get("OptionExpiries", ())),
        amounts(columns.get("OptionStrikes")),
        map(bool, columns.get("OptionIsCall", ())),
        amounts(columns.get("OptionAmounts")),
        amounts(columns.get("OptionVols")),
        strict=True,
    )
    return [Option(*row) for row in rows]


def expiries_of(
    feeds: Mapping[str, Any], columns: Mapping[str, list[Any]], name: str
) -> list[Expiry]:
    """Expiries of one market; the one inside the window is settled by the average so far."""
    seconds = [int(t) for t in columns.get("FeedExpiries", ())]
    forwards = amounts(columns.get("Forwards"))
    confidences = amounts(columns.get("ForwardConfidences", [WEI] * len(seconds)))
    share = float(feeds.get(f"PercentFixed{name}") or 0.0)
    average = amount(feeds.get(f"TWAP_{name}"))
    out: dict[int, Expiry] = {}
    for t, forward, confidence in zip(seconds, forwards, confidences, strict=True):
        fixed = share if t < WINDOW else 0.0
        out.setdefault(
            t,
            Expiry(
                t,
                fixed * average,
                (1.0 - fixed) * forward,
                0.0,
                confidence,
                1.0,
                smallest_vol_confidence(columns, t),
            ),
        )
    return list(out.values())


def parameters_of(settings: Mapping[str, Any], raw: Mapping[str, Any]) -> Parameters:
    """Test parameters by dotted keys."""
    out: dict[str, Any] = {
        "reporting.currency": "USD",
        "reporting.par": ["USD", CASH],
        "market.max_age_seconds": 1e9,
        "collateral.haircut": {},
        "collateral.haircut_other": 0.0,
        "peg.asset": CASH,
    }
    out |= {key: float(settings[name]) for name, key in PARAMETERS.items()}
    names = markets_of(raw["Scenario"])
    factors = {name: base_factors(settings, raw, name) for name in names}
    for place, side in enumerate(("maintenance", "initial")):
        out[f"base.{side}"] = {name: float(f[place]) for name, f in factors.items()}
        out[f"base.other_{side}"] = 0.0
    return out


def base_factors(settings: Mapping[str, Any], raw: Mapping[str, Any], name: str) -> list[float]:
    """[factor on value, factor on that for initial margin]: the asset's own, or the file's row.

    Test parameters have one row for each file that cases come from, which it names in brackets.
    """
    rows = settings["base_marginFactor_IMScale"]
    if name in rows:
        return list(rows[name])
    origin = str(raw.get("provenance", {}).get("path", "")).rsplit("/", 1)[-1]
    named = [row for title, row in rows.items() if origin and f"({origin})" in title]
    return list((named or list(rows.values()))[0])


# --- what is compared ----------------------------------------------------------------------------


def replay(
    path: Path, raw: Any, tally: Tally, margin: Implementation = derive_srm_reference.srm
) -> None:
    """Every printed figure against those of an implementation."""
    feeds, printed = raw["Scenario"], raw["Result"]
    account = account_of(feeds)
    found = margin(account, parameters_of(settings_of(path, raw, "srm") or {}, raw))
    where = str(raw.get("case") or path.name)
    limit = Fixed(TOLERANCE, max(1.0, 1e-4 * largest(amounts(list(printed.values())))))
    names = dict(RESULTS)
    names |= {f"{m.name}{k}": f"{m.name}{k}" for m in account.markets for k in OPTION_FIGURES}
    for m in account.markets:
        for title in (f"{m.name}{k}" for k in BOUNDED):
            if len(m.expiries) <= 1:
                names[title] = title
            elif title in printed:
                tally.skip(title, "holds one of several expiries")
    for name, value in printed.items():
        if name in names:
            compare_figures(name, found[names[name]], amounts([value]), limit, where, tally)
        elif name == "Cash":
            tally.skip(name, "repeats an input")
        elif not any(name == f"{m.name}{k}" for m in account.markets for k in BOUNDED):
            tally.skip(name, "not a field of the family", leaf_count(value))
    compare_settlement(feeds, account, where, tally)
    count_inputs(raw, tally)


def compare_settlement(
    feeds: Mapping[str, Any], account: Account, where: str, tally: Tally
) -> None:
    """The forward after the split, where one expiry of a market is being settled."""
    for m in account.markets:
        name = f"SettlementPrice{m.name}"
        settled = [e for e in m.expiries if e.fixed]
        if name not in feeds:
            continue
        if feeds[name] is None:
            tally.skip(name, "null in the file")
        elif len(settled) != 1:
            tally.skip(name, "no expiry, or more than one, is inside the window")
        else:
            theirs = amounts([feeds[name]])
            limit = Fixed(TOLERANCE, max(1.0, 1e-4 * theirs[0]))
            compare_figures(name, [settled[0].forward], theirs, limit, where, tally)


def count_inputs(raw: Mapping[str, Any], tally: Tally) -> None:
    """Skips, by reason, what is no result of the method."""
    for key, value in raw.items():
        if key not in ("Scenario", "Result"):
            tally.skip(f"({key})", "describes the file", leaf_count(value))
    unused = ("SVIParams", "SVIparams", "Discounts", "DiscountConfidences", "SpotPrice")
    known = dict.fromkeys(unused, "not used by the method")
    shared = ("Cash", "USDCValue", "SpotPerpConfidences", "PerpPrice", *COLUMNS)
    known |= dict.fromkeys(shared, "input")
    for name in markets_of(raw["Scenario"]):
        own = (
            *(f"Perps_{name}", f"w{name}", f"LastEntry{name}", f"{name}SpotPrice"),
            *(f"{name}GlobalFundingIndex", f"Account{name}FundingIndex"),
            *(f"PercentFixed{name}", f"TWAP_{name}"),
        )
        known |= dict.fromkeys(own, "input")
    taken = {f"SettlementPrice{name}" for name in markets_of(raw["Scenario"])}
    skip_inputs({k: v for k, v in raw["Scenario"].items() if k not in taken}, known, tally)
