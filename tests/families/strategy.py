"""Decides how published figures of standard margin are replayed, under the rule book `reg-t`.

Cases of the Cboe manual: the deposit where a naked short remains, else net of premiums; whole
dollars, 0.50. Tables of Cboe: initial margin net of premiums that are rounded to the cent: 0.50
beyond what half a cent each way makes. Lean's answers of a broker: the deposit, structural, 20 %,
where 0 is 0; the broker charges funds like stock, and its initial rate of stock is 50 % or that of
maintenance, whichever the answer shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from families.tally import Tally, is_number, skip_header

import riskslide as rs
from riskslide.margin.strategy.legs import Legs
from riskslide.margin.strategy.matching import Required, required
from riskslide.margin.strategy.rates import Rates

PRINTED = 0.50  # whole dollars
STRUCTURAL = 0.20
HALF_A_CENT = 0.005
DAY = 86_400 * 10**9
CONTRACT = 100  # units
NAKED = ("naked call", "naked put", "short straddle", "short strangle")


class Leg(NamedTuple):
    """kind C, P or S; quantity in contracts, of S in shares; price and strike of a unit."""

    kind: str
    quantity: float
    strike: float = 0.0
    days: float = 0.0
    price: float = 0.0


class Found(NamedTuple):
    """What the library requires: before premiums, and their worth; the groups."""

    required: Required
    premium: float

    @property
    def net(self) -> float:
        return self.required.deposit + self.premium


def margin(
    legs: list[Leg], spot: float, rules: rs.Rulebook, name: str, *, initial: bool, size: float
) -> Found:
    options = [leg for leg in legs if leg.kind != "S" and leg.quantity]
    stock = [Fraction(repr(float(leg.quantity))) for leg in legs if leg.kind == "S"]
    held = Legs(
        name=tuple(f"{k} {leg.kind}{leg.strike:g}" for k, leg in enumerate(options)),
        is_call=np.array([leg.kind == "C" for leg in options], dtype=np.bool_),
        strike=np.array([leg.strike * size for leg in options], dtype=np.float64),
        price=np.array([leg.price * size for leg in options], dtype=np.float64),
        expiry=np.array([int(leg.days * DAY) for leg in options], dtype=np.int64),
        contracts=tuple(Fraction(repr(float(leg.quantity))) for leg in options),
        spot=spot * size,
        shares=sum(stock, Fraction(0)) / Fraction(repr(float(size))),
        stock="stock",
    )
    return Found(required(held, Rates.of(rules, name, initial=initial)), held.premium)


def with_values(rules: rs.Rulebook, **values: Any) -> rs.Rulebook:
    """The rule book with other values, keys written with __ for the dot."""
    new = {key.replace("__", "."): value for key, value in values.items()}
    held = dict(rules.parameters)
    return replace(rules, parameters=held | {k: replace(held[k], value=v) for k, v in new.items()})


def blocks_of(raw: Any) -> dict[str, Any]:
    """Blocks of a table of Cboe: by underlying, with cases that have a strategy margin."""
    if not isinstance(raw, dict):
        return {}
    return {
        name: block
        for name, block in raw.items()
        if isinstance(block, dict)
        and isinstance(block.get("cases"), list)
        and any("strategy_margin" in case for case in block["cases"])
    }


def form_of(raw: Any) -> str:
    """Which kind of file it is; "" for none of this family."""
    if blocks_of(raw):
        return "blocks"
    if not isinstance(raw, dict):
        return ""
    cases, rows = raw.get("cases"), raw.get("rows")
    if isinstance(cases, list) and any("legs" in c and "margin" in c for c in cases):
        return "manual"
    if isinstance(rows, list) and rows:
        if "underlying_prices" in raw and all(isinstance(row, list) for row in rows):
            return "table"
        if isinstance(raw.get("strategies"), dict):
            return "answers"
        if "option_prices" in raw and "underlying_price" in raw:
            return "covered calls"
    return ""


def refusal(path: Path, raw: Any) -> str:
    """Why a file is none of this family; empty if it is one."""
    return "" if form_of(raw) else "has no cases of standard margin"


def replay(path: Path, raw: Any, tally: Tally) -> None:
    rules = rs.load_rulebook("reg-t")
    forms = {
        "manual": replay_manual,
        "blocks": replay_blocks,
        "table": replay_table,
        "answers": replay_answers,
        "covered calls": replay_covered_calls,
    }
    forms[form_of(raw)](path, raw, rules, tally)


# --- the Cboe manual -----------------------------------------------------------------------------


def replay_manual(path: Path, raw: Any, rules: rs.Rulebook, tally: Tally) -> None:
    skip_header(raw, ("cases",), tally)
    for number, case in enumerate(raw["cases"]):
        where = f"{path.name} case {number} {case.get('name', '')}".strip()
        broad = [where] if case.get("etf_type") == "broad-based" else []
        leverage = {where: float(case.get("leverage") or 1.0)}
        own = with_values(rules, underlyings__broad_based=broad, underlyings__leverage=leverage)
        legs = [
            Leg(x["type"], x["qty"], x["strike"], x.get("days") or 0.0, x["price"])
            for x in case["legs"]
        ]
        for field in case:
            if field not in ("margin", "cash"):
                what = "another calculation" if field == "independent_check" else "input"
                tally.skip(field, what)
        if "cash" in case:
            tally.skip("cash", "what a cash account holds, which is no margin account")
        if not is_number(case.get("margin")):
            tally.skip("margin", "null in the file")
            continue
        found = margin(legs, case["underlying"], own, where, initial=True, size=CONTRACT)
        naked = any(group.kind in NAKED for group in found.required.groups)
        ours = found.required.deposit if naked else found.net
        tally.compare("margin", ours, case["margin"], PRINTED, where)


# --- tables of Cboe ------------------------------------------------------------------------------


def beyond_rounding(found: float, legs: list[Leg], size: float, printed: float) -> float:
    """The figure within half a cent on every premium that is nearest to the printed one."""
    width = sum(abs(leg.quantity) for leg in legs if leg.kind != "S") * size * HALF_A_CENT
    return min(max(printed, found - width), found + width)


def compare_net(
    legs: list[Leg], spot: float, size: float, name: str, printed: float, where: str, tally: Tally
) -> None:
    rules = rs.load_rulebook("reg-t")
    found = margin(legs, spot, rules, name, initial=True, size=size).net
    if abs(found - printed) > PRINTED:
        tally.note(where, f"{found - printed:+.2f} at the premiums as they are printed")
    ours = beyond_rounding(found, legs, size, printed)
    tally.compare("strategy_margin", ours, printed, PRINTED, where)


def replay_blocks(path: Path, raw: Any, rules: rs.Rulebook, tally: Tally) -> None:
    blocks = blocks_of(raw)
    skip_header(raw, blocks, tally)
    for block_name, block in blocks.items():
        skip_header(block, ("cases",), tally)
        for case in block["cases"]:
            where = f"{path.name} {block_name} {case.get('name', '')}"
            for field in case:
                if field != "strategy_margin":
                    reason = "of the family tims" if field == "portfolio_margin" else "input"
                    tally.skip(field, reason)
            if not is_number(case.get("strategy_margin")):
                tally.skip("strategy_margin", "null in the file")
                continue
            shares = case.get("shares") or 0
            if shares and "spy" in block:
                tally.skip("strategy_margin", "its shares are of another underlying")
                continue
            days = block.get("T_days", 0)
            legs = [
                Leg(x["type"], x["contracts"], x["strike"], days, x["price"])
                for x in case.get("options", [])
            ]
            legs += [Leg("S", shares)] if shares else []
            size = block.get("multiplier", CONTRACT)
            printed = case["strategy_margin"]
            compare_net(legs, block["underlying"], size, block_name.upper(), printed, where, tally)


def replay_table(path: Path, raw: Any, rules: rs.Rulebook, tally: Tally) -> None:
    skip_header(raw, ("rows",), tally)
    size = raw.get("contract_size", CONTRACT)
    for title, legs, printed, *rest in raw["rows"]:
        where = f"{path.name} {title}"
        tally.skip("legs", "input", len(legs))
        tally.skip("portfolio margin", "of the family tims", len(rest))
        names = {leg[0] for leg in legs}
        spot = raw["underlying_prices"].get(next(iter(names)))
        months = list(dict.fromkeys(leg[3] for leg in legs if leg[3]))
        if len(names) > 1 or not is_number(spot) or not is_number(printed):
            tally.skip("strategy_margin", "no price of its underlying, or several, or null")
        elif len(months) > 1:
            tally.skip("strategy_margin", "several expiry months, whose order is not told")
        else:
            own = [Leg(k, n, strike or 0.0, 0.0, price) for _, k, strike, _, n, price in legs]
            compare_net(own, spot, size, names.pop(), printed, where, tally)


# --- Lean's answers of a broker ------------------------------------------------------------------


def replay_answers(path: Path, raw: Any, rules: rs.Rulebook, tally: Tally) -> None:
    skip_header(raw, ("strategies", "rows"), tally)
    for row in raw["rows"]:
        where = f"{path.name} {row['strategy']} {row['quantity']:+g}"
        strategy = raw["strategies"][row["strategy"]]
        size = strategy.get("contract_multiplier", CONTRACT)
        legs = list(legs_of(strategy, row["quantity"]))
        sides = broker_sides(legs, strategy["underlying_price"], rules, size)
        for field, value in row.items():
            side, _, whose = field.partition("_margin_")
            if side not in sides or not whose:
                tally.skip(field, "text" if isinstance(value, str) else "input")
                continue
            asked = row.get(f"{side}_margin_ib")
            highest = row.get("initial_margin_ib")
            if asked is None:
                tally.skip(field, "the broker was never asked")
            elif value is None:
                tally.skip(field, "null in the file")
            elif whose == "ib" and is_number(highest) and value > highest:
                tally.skip(field, "maintenance above initial: misprinted")
            else:
                compare_structure(field, sides[side], value, where, tally)


def legs_of(strategy: dict[str, Any], units: float) -> Iterator[Leg]:
    """Legs; days tell the expiries apart, by their order."""
    options = [x for x in strategy["legs_per_unit"] if x["type"] != "stock"]
    order = sorted({x["expiry"] for x in options})
    for x in strategy["legs_per_unit"]:
        if x["type"] == "stock":
            yield Leg("S", x["quantity"] * units)
        else:
            kind, days = x["type"][0].upper(), order.index(x["expiry"])
            yield Leg(kind, x["quantity"] * units, x["strike"], days, x["price"])


def broker_sides(
    legs: list[Leg], spot: float, rules: rs.Rulebook, size: float
) -> dict[str, tuple[float, ...]]:
    """Deposits that the broker may mean, by side: initial ones at either rate of stock."""
    plain = with_values(rules, underlyings__broad_based=[])
    same = with_values(plain, stock__initial_long=0.0, stock__initial_short=0.0)

    def deposit(book: rs.Rulebook, initial: bool) -> float:
        return margin(legs, spot, book, "", initial=initial, size=size).required.deposit

    return {
        "initial": (deposit(plain, True), deposit(same, True)),
        "maintenance": (deposit(plain, False),),
    }


def compare_structure(
    field: str, ours: tuple[float, ...], printed: float, where: str, tally: Tally
) -> None:
    nearest = min(ours, key=lambda x: abs(x - printed))
    unit = abs(printed) or PRINTED  # 0 is 0: nothing of it but rounding
    tally.compare(field, nearest, printed, STRUCTURAL, where, unit=unit)


def replay_covered_calls(path: Path, raw: Any, rules: rs.Rulebook, tally: Tally) -> None:
    skip_header(raw, ("rows",), tally)
    spot, prices = raw["underlying_price"], raw["option_prices"]
    for row in raw["rows"]:
        units, strike = row.get("quantity", raw.get("quantity")), row["strike"]
        where = f"{path.name} {strike:g}"
        call = Leg("C", -units, strike, 0.0, prices[f"{strike:g}"])
        legs = [Leg("S", units * CONTRACT), call]
        (ours,) = broker_sides(legs, spot, rules, CONTRACT)["maintenance"]
        for field, value in row.items():
            if field not in ("ib", "lean_expected"):
                tally.skip(field, "text" if isinstance(value, str) else "input")
            elif value is None:
                tally.skip(field, "null in the file")
            else:
                compare_structure(field, (ours,), value, where, tally)
