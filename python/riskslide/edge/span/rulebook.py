"""Decides which rule book of method `span` a risk parameter file writes.

Risk arrays hold the weights of their scenarios already, so that all weigh 1 here; what is computed
without arrays has no ranges, and is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from ...book.clock import text_of
from ...errors import InputError, refuse
from ...venue.load import rulebook_of
from ...venue.rulebook import Rulebook
from .nets import Commodity, Spread
from .tiering import Tiering, tiering_of

# The standard scenarios, as parts of the scan ranges of price and vol.
_PRICE = [part for k in range(4) for s in ((1, -1) if k else (1,)) for part in [s * k / 3] * 2]
_VOL = [1.0, -1.0] * 7
_PAIR = [float(k + 1 if k % 2 else k - 1) for k in range(1, 15)]
_COUNTS = {"": "gross", "GROSS": "gross", "MAX": "larger"}
_CHARGES = {"": "flat", "F": "flat", "W": "weighted"}
_CHOSEN = ("inter.start", "inter.cap", "scenarios.pair", "scenarios.time")  # no file says them

Values = dict[str, Any]


def rulebook_of_file(
    file: str,
    as_of: int,
    *,
    currencies: Sequence[str],
    commodities: Sequence[Commodity],
    inter_spreads: Sequence[Spread],
    premium_style: Collection[str],
    futures_style: Collection[str],
) -> Rulebook:
    """Raises InputError: `E_CURRENCY` for contracts of several currencies, `E_UNSUPPORTED` for what
    the method has no words for, `E_RANGE` for a credit that is no fraction."""
    if len(currencies) != 1:
        fix = "must be one: the file has no rates of exchange that are read"
        refuse("E_CURRENCY", "currency", None, ", ".join(currencies), fix, file=file)
    mixed = sorted(set(premium_style) & set(futures_style))
    if mixed:
        _unsupported(file, mixed[0], "valueMeth", "has options of both styles; split it")
    tierings = [tiering_of(file, commodity) for commodity in commodities]
    values = _plain(currencies[0], tierings) | {"options.futures_style": sorted(futures_style)}
    values |= _within(tierings) | _delivery(tierings) | _between(file, inter_spreads)
    values |= _minimum(file, tierings)
    day = date.fromisoformat(text_of(as_of)[:10])
    name = Path(file).name
    statuses = {key: "second-hand" for key in _CHOSEN if key in values}
    try:
        found = rulebook_of("span", values, name=name, source=name, day=day, statuses=statuses)
    except InputError as error:  # names the rule book, which is nowhere but here
        refuse(error.code, error.column, None, error.value, error.fix, file=file)
    found.check_together(file)
    return found


def _plain(currency: str, tierings: Sequence[Tiering]) -> Values:
    return {
        "reporting.currency": currency,
        "reporting.par": [currency],
        "market.max_age_seconds": 86_400.0,
        "collateral.haircut": {currency: 0.0},
        "collateral.haircut_other": 1.0,
        "commodity.of": {},
        "scan.unit": "currency",
        "scan.days": [0.0],
        "scan.price_range": {},
        "scan.vol_unit": "absolute",
        "scan.vol_range": {},
        "scenarios.price": [*_PRICE, 2.0, -2.0],
        "scenarios.vol": [*_VOL, 0.0, 0.0],
        "scenarios.weight": [1.0] * 16,
        "scenarios.pair": [*_PAIR, 15.0, 16.0],
        "scenarios.time": [1.0, 2.0],
        "scenarios.look_ahead_days": 0.0,
        "delta.points": [0.0],
        "delta.weights": [1.0],
        "delta.unit": {},
        "tiers.by": "date",
        "tiers.starts": {t.commodity.code: [_number(d) for d in t.starts] for t in tierings},
        "tiers.net": "month",
        "margin.initial_factor": 1.0,
    }


def _within(tierings: Sequence[Tiering]) -> Values:
    """Spreads within commodities; nothing where there is none."""
    found: dict[str, dict[str, Any]] = {
        name: {} for name in ("tiers", "ratios", "priority", "flat", "per_month", "weighted")
    }
    for tiering in tierings:
        for spread in tiering.commodity.spreads:
            name = f"{tiering.commodity.code}:{spread.number}"
            if spread.method not in _CHARGES:
                fix = f"must be one of {', '.join(filter(None, _CHARGES))}"
                _unsupported(tiering.file, name, f"chargeMeth {spread.method}", fix)
            found["tiers"][name] = [float(tiering.place(leg)) for leg in spread.legs]
            found["ratios"][name] = [leg.side * leg.ratio for leg in spread.legs]
            found["priority"][name] = float(spread.number)
            found[_CHARGES[spread.method]][name] = spread.rate
    if not found["tiers"]:
        return {}
    return {"intra.of": "currency"} | {f"intra.{name}": table for name, table in found.items()}


def _delivery(tierings: Sequence[Tiering]) -> Values:
    """Rates of delivery months; nothing where there is none."""
    found: dict[str, dict[str, list[float]]] = {n: {} for n in ("months", "spread", "outright")}
    for tiering in tierings:
        code, rates = tiering.commodity.code, tiering.commodity.spot_rates
        months = [float(f"{r.period.first:%Y%m}") for r in rates]
        if len(set(months)) < len(months):
            _unsupported(tiering.file, code, "spotRate", "has two rates in one month")
        if rates:
            found["months"][code] = months
            found["spread"][code] = [r.spread for r in rates]
            found["outright"][code] = [r.outright for r in rates]
    if not found["months"]:
        return {}
    return {"spot.of": "currency"} | {f"spot.{name}": table for name, table in found.items()}


def _between(file: str, spreads: Sequence[Spread]) -> Values:
    """Spreads between commodities; nothing where there is none."""
    deltas: dict[str, float] = {}
    credits: dict[str, float] = {}
    for spread in spreads:
        if spread.rate > 1.0:
            fix = "must be a fraction: 0.6 is 60 % of the price risk"
            refuse("E_RANGE", f"interSpreads {spread.number}", None, spread.rate, fix, file=file)
        for leg in spread.legs:
            key = f"{spread.number}:{leg.commodity}"
            if key in deltas:
                _unsupported(file, leg.commodity, f"spread {spread.number}", "has two legs of it")
            deltas[key], credits[key] = leg.side * leg.ratio, spread.rate
    if not deltas:
        return {}
    return {
        "inter.deltas": deltas,
        "inter.credits": credits,
        "inter.priority": {str(spread.number): float(spread.number) for spread in spreads},
        "inter.start": "net",
        "inter.cap": "price_risk",
    }


def _minimum(file: str, tierings: Sequence[Tiering]) -> Values:
    """Minimums of options sold; nothing where there is none."""
    rated = [t for t in tierings if any(tier.rate for tier in t.commodity.short_option)]
    methods = {t.commodity.short_option_method: t.commodity.code for t in rated}
    for method, code in methods.items():
        if method not in _COUNTS:
            fix = f"must be one of {', '.join(filter(None, _COUNTS))}"
            _unsupported(file, code, f"somMeth {method}", fix)
    counts = sorted({_COUNTS[method] for method in methods})
    if len(counts) > 1:
        both = " and ".join(methods.values())
        _unsupported(file, both, "somMeth", "must be one for all commodities")
    if not rated:
        return {}
    return {
        "short_option.rate": {t.commodity.code: t.short_option() for t in rated},
        "short_option.of": "currency",
        "short_option.count": counts[0],
    }


def _number(day: date) -> float:
    """A day as YYYYMMDD."""
    return float(f"{day:%Y%m%d}")


def _unsupported(file: str, commodity: str, value: str, fix: str) -> NoReturn:
    refuse("E_UNSUPPORTED", f"ccDef {commodity}", None, value, fix, file=file)
