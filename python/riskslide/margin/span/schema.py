"""Decides what a rule book of the `span` method holds, and which parameters fit each other.

Commodities, spreads and legs are keys of tables: `A` or `*` for every other one, `A:NAME` for a
spread within a commodity, `NAME:A` for a leg of a spread between commodities.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from ...errors import refuse
from ...rules import Rules, Spec

_AMOUNT = Spec("table", 0.0, 1e12)
_AMOUNTS = Spec("lists", 0.0, 1e12, ragged=True)
_OF = Spec("text", choices=("currency", "spot"))
_PARTS = Spec("numbers", -10.0, 10.0)
_PLACES = Spec("numbers", 1.0, 1000.0)
_PRIORITY = Spec("table", 0.0, 1e9)

SCHEMA: Mapping[str, Spec] = {
    "commodity.of": Spec("words"),
    "scan.unit": Spec("text", choices=("fraction", "currency")),
    "scan.days": Spec("numbers", 0.0, 36_500.0, ascending=True),
    "scan.price_range": Spec("lists", 0.0, 1e9),
    "scan.vol_unit": Spec("text", choices=("absolute", "relative")),
    "scan.vol_range": Spec("lists", 0.0, 100.0),
    "scenarios.price": _PARTS,
    "scenarios.vol": _PARTS,
    "scenarios.weight": Spec("numbers", 1e-6, 10.0),
    "scenarios.pair": _PLACES,
    "scenarios.time": _PLACES,
    "scenarios.look_ahead_days": Spec("number", 0.0, 365.0),
    "delta.points": _PARTS,
    "delta.weights": Spec("numbers", 0.0, 1.0),
    "delta.unit": Spec("table", 1e-9, 1e9),
    "tiers.by": Spec("text", choices=("date", "months", "days")),
    "tiers.starts": Spec("lists", 0.0, 1e8, ragged=True),
    "tiers.net": Spec("text", choices=("month", "expiry")),
    "options.futures_style": Spec("texts"),
    "margin.initial_factor": Spec("number", 1.0, 100.0),
}

OPTIONAL: Mapping[str, Mapping[str, Spec]] = {
    "intra": {
        "tiers": Spec("lists", 1.0, 1000.0, ragged=True),
        "ratios": Spec("lists", -1e6, 1e6, ragged=True),
        "priority": _PRIORITY,
        "of": _OF,
        "flat": _AMOUNT,
        "per_month": _AMOUNT,
        "weighted": Spec("table", 0.0, 10.0),
    },
    "spot": {
        "months": Spec("lists", 190_001.0, 226_112.0, ragged=True),
        "of": _OF,
        "spread": _AMOUNTS,
        "outright": _AMOUNTS,
    },
    "inter": {
        "deltas": Spec("table", -1e9, 1e9),
        "credits": Spec("table", 0.0, 10.0),
        "priority": _PRIORITY,
        "start": Spec("text", choices=("net", "left")),
        "cap": Spec("text", choices=("price_risk", "none")),
    },
    "short_option": {
        "rate": _AMOUNTS,
        "of": _OF,
        "count": Spec("text", choices=("gross", "larger")),
    },
    "exposure": {
        "index": Spec("texts"),
        "index_rate": Spec("number", 0.0, 1.0),
        "stock_rate": Spec("number", 0.0, 1.0),
    },
}


def need(good: bool, key: str, value: object, fix: str) -> None:
    """Refuse parameters that do not fit each other (`E_RULES`)."""
    if not good:
        refuse("E_RULES", key, None, value, fix)


def check_together(rules: Rules) -> None:
    """Refuse parameters that do not fit each other, before anything is asked of a market."""
    _check_commodities(rules)
    _check_scenarios(rules)
    if rules.has("intra"):
        _check_intra(rules)
    if rules.has("spot"):
        months = rules.lists("spot.months")
        for name in ("spread", "outright"):
            _alike(f"spot.{name}", rules.lists(f"spot.{name}"), months)
    if rules.has("inter"):
        _check_inter(rules)


def _check_commodities(rules: Rules) -> None:
    days = rules.numbers("scan.days")
    need(days[0] == 0.0, "scan.days", days[0], "must begin with 0")
    for name in ("price_range", "vol_range"):
        for commodity, ranges in rules.lists(f"scan.{name}").items():
            key, fix = f"scan.{name}.{commodity}", f"must be one for each of {len(days)} scan.days"
            need(len(ranges) == len(days), key, len(ranges), fix)
    for commodity, starts in rules.lists("tiers.starts").items():
        rises = all(a < b for a, b in pairwise(starts))
        need(rises, f"tiers.starts.{commodity}", starts, "must ascend")


def _check_scenarios(rules: Rules) -> None:
    count = len(rules.numbers("scenarios.price"))
    for name in ("vol", "weight", "pair"):
        found = len(rules.numbers(f"scenarios.{name}"))
        need(found == count, f"scenarios.{name}", found, f"must hold {count} numbers")
    for name in ("pair", "time"):
        for place in rules.numbers(f"scenarios.{name}"):
            whole = place == int(place) and place <= count
            need(whole, f"scenarios.{name}", place, f"must be whole, from 1 to {count}")
    points, weights = (len(rules.numbers(f"delta.{n}")) for n in ("points", "weights"))
    need(points == weights, "delta.weights", weights, f"must hold {points} numbers")


def _check_intra(rules: Rules) -> None:
    tiers, ratios = rules.lists("intra.tiers"), rules.lists("intra.ratios")
    _alike("intra.ratios", ratios, tiers)
    _named("intra.priority", rules.table("intra.priority"), tiers)
    for name, places in tiers.items():
        key = f"intra.tiers.{name}"
        need(":" in name, key, name, "must be of COMMODITY:NAME, or *:NAME")
        need(all(t == int(t) for t in places), key, places, "must be whole numbers of tiers")
        need(all(ratios[name]), f"intra.ratios.{name}", ratios[name], "must not be 0")
    by_date = rules.text("tiers.by") in ("date", "months")
    per_month = rules.table("intra.per_month")
    fix = "must be empty where tiers are by days: no months lie between them"
    need(by_date or not per_month, "intra.per_month", per_month, fix)


def _check_inter(rules: Rules) -> None:
    deltas = rules.table("inter.deltas")
    _named("inter.credits", rules.table("inter.credits"), deltas)
    for leg, size in deltas.items():
        key = f"inter.deltas.{leg}"
        need(":" in leg, key, leg, "must be of NAME:COMMODITY")
        need(size != 0.0, key, size, "must not be 0: its sign is the side of the leg")
    names = dict.fromkeys(leg.partition(":")[0] for leg in deltas)
    _named("inter.priority", rules.table("inter.priority"), names)


def _alike(key: str, found: Mapping[str, list[float]], wanted: Mapping[str, list[float]]) -> None:
    _named(key, found, wanted)
    for name, row in wanted.items():
        count = len(found[name])
        need(count == len(row), f"{key}.{name}", count, f"must hold {len(row)} numbers")


def _named(key: str, found: Iterable[str], wanted: Iterable[str]) -> None:
    given, names = sorted(found), sorted(wanted)
    need(given == names, key, ", ".join(given), f"must be of {', '.join(names) or 'nothing'}")
