"""Decides the scenarios of the `scenario-grid` method: moves of the price with states of the vol.

Vol states: none; up and down by the form of the rule book; linear and absolute rotate the smile, so
that every strike is a risk factor of its own. docs/methods/derive.md has the formulas.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import _core
from ..book.clock import NANOSECONDS_PER_DAY, NO_EXPIRY
from ..book.columns import Float, Int64
from ..errors import refuse
from ..market.state import State
from ..rules import Rules
from .shocks import Scenarios

REFERENCE_DAYS = 30.0  # where the ranges of vol are quoted
DAYS_PER_YEAR = 365.0
ROTATIONS = ("linear", "abs")
PLACED = ("collateral_offset", "collateral_charge", "oracle")  # ask where a balance counts
STATES = ("up", "down", "none", *ROTATIONS)


def grid_terms(rules: Rules) -> dict[str, Any]:
    """How quotes are read; every strike is a risk factor where a scenario rotates the smile."""
    return {
        "rates": rules.text("pricing.rates"),
        "stable": rules.text("peg.asset") if rules.has("peg") else "",
        "by_strike": bool(set(rules.texts("grid.vols")) & set(ROTATIONS)),
    }


def check_grid(rules: Rules) -> None:
    """Refuse parameters of scenarios that do not fit each other (`E_RULES`)."""
    moves, vols = rules.numbers("grid.moves"), rules.texts("grid.vols")

    def need(good: bool, key: str, value: object, fix: str) -> None:
        if not good:
            refuse("E_RULES", key, None, value, fix)

    lengths = {"grid.weights": len(rules.numbers("grid.weights")), "grid.vols": len(vols)}
    lengths |= {f"grid.moves_of.{n}": len(x) for n, x in rules.lists("grid.moves_of").items()}
    for key, found in lengths.items():
        need(found == len(moves), key, found, f"must have one entry a move, {len(moves)}")
    listed = [moves, *rules.lists("grid.moves_of").values()]
    for k, vol in enumerate(vols):
        if vol in ROTATIONS:
            still = all(row[k] == 0.0 for row in listed)
            need(still, "grid.moves", moves[k], f"must be 0 where the vol is {vol}")
            need(rules.has("skew"), "grid.vols", vol, "needs the section skew")
            need(vols.count(vol) == 1, "grid.vols", vol, "may stand once")
    moved = bool({"up", "down"} & set(vols))
    need(not moved or rules.has("vol"), "grid.vols", "up or down", "needs the section vol")
    if rules.has("vol") and rules.text("vol.form") == "table":
        need(rules.has("vol_table"), "vol.form", "table", "needs the section vol_table")
    if rules.has("vol_table"):
        wanted = len(rules.numbers("vol_table.days"))
        for way in ("up", "down"):
            found = len(rules.numbers(f"vol_table.{way}"))
            need(found == wanted, f"vol_table.{way}", found, f"must hold {wanted} numbers")


class Column(NamedTuple):
    """One scenario: where its move stands in the list of moves, and the state of the vol."""

    part: str  # grid, basis or extreme
    place: int
    vol: str


def columns_of(rules: Rules) -> list[Column]:
    """The scenarios of the grid, then those of the parts that have columns of their own."""
    found = [Column("grid", k, vol) for k, vol in enumerate(rules.texts("grid.vols"))]
    if rules.has("basis"):
        found += [Column("basis", k, "none") for k in range(2)]
    if rules.has("extreme"):
        found += [Column("extreme", k, "none") for k in range(2)]
    return found


def moves_of(rules: Rules, underlying: str) -> Float:
    """The move (fraction of the price) of every column, for one underlying."""
    moves = rules.lists("grid.moves_of").get(underlying, rules.numbers("grid.moves"))
    found = list(moves)
    if rules.has("basis"):
        found += [rules.number("basis.up") - 1.0, rules.number("basis.down") - 1.0]
    if rules.has("extreme"):
        reach = rules.number("extreme.multiple") * max(map(abs, moves))
        reach = rules.table("extreme.moves").get(underlying, reach)
        found += [reach, -reach]
    return np.array(found, dtype=np.float64)


def market_of(rules: Rules, asset: str) -> str:
    """The market whose moves an asset follows: that in which it cancels risk, else its own."""
    return offsets_of(rules).get(asset, asset)


def homes_of(rules: Rules) -> dict[str, str] | None:
    """The market in which each asset cancels risk; None where no part asks of a balance in which
    market it counts."""
    return offsets_of(rules) if any(map(rules.has, PLACED)) else None


def offsets_of(rules: Rules) -> dict[str, str]:
    """asset -> the market in which it moves with the spot."""
    if not rules.has("collateral_offset"):
        return {}
    pairs = (text.partition(":") for text in rules.texts("collateral_offset.cancels"))
    return {asset: market for market, _, asset in pairs}


def grid_scenarios(rules: Rules, state: State) -> Scenarios:
    """Shocks of every risk factor.

    The part of a forward that settlement has fixed does not move: price' = price (1 + move (1 -
    fixed share)).
    """
    check_grid(rules)
    columns = columns_of(rules)
    factors = len(state.factors)
    row = row_of_factors(state)
    held = row >= 0
    moves = np.zeros((factors, len(columns)))
    known: dict[str, Float] = {}
    for f, underlying in enumerate(state.factor_underlying):
        if underlying in state.still:
            continue
        market = market_of(rules, underlying)
        known.setdefault(market, moves_of(rules, market))
        moves[f] = known[market]
    free = np.ones(factors)
    free[held] = 1.0 - fixed_share(rules, state)[row[held]]
    vol_scale = np.ones((factors, len(columns)))
    vol_shift, vol_floor = np.zeros((2, factors, len(columns)))
    states = np.array([c.vol for c in columns])
    if rules.has("vol"):
        up, down = vol_ranges(rules, state)
        points = rules.text("vol.form") == "points"
        target = vol_shift if points else vol_scale
        base = 0.0 if points else 1.0
        target[:, states == "up"] = (base + up)[:, None]
        target[:, states == "down"] = (base - down if points else np.maximum(base - down, 0.0))[
            :, None
        ]
        vol_floor[:, states == "up"] = rules.number("vol.min_up")
    for rotation in ROTATIONS:
        if (states == rotation).any():
            vol_scale[:, states == rotation] = rotated(rules, state, row, rotation)[:, None]
    return Scenarios(
        labels=tuple(_label(rules, c, moves_of(rules, "")[k]) for k, c in enumerate(columns)),
        factors=state.factors,
        price_scale=1.0 + moves * free[:, None],
        price_shift=np.zeros_like(moves),
        vol_scale=vol_scale,
        vol_shift=vol_shift,
        vol_floor=vol_floor,
        weight=np.ones(len(columns)),
    )


def _label(rules: Rules, column: Column, move: float) -> str:
    kind = "" if column.part == "grid" else f", {column.part}"
    listed = " or as listed" if column.part != "basis" and rules.lists("grid.moves_of") else ""
    return f"price {100 * move:+g} %{listed} vol {column.vol}{kind}"


def row_of_factors(state: State) -> Int64:
    """A row that moves with each factor; -1 where there is none."""
    row = np.full(len(state.factors), -1, dtype=np.int64)
    factors, first = np.unique(state.factor, return_index=True)
    row[factors] = first
    return row


def seconds_left(state: State) -> Float:
    """Seconds to the expiry of every row, 0 where it is past, infinite where there is none."""
    expiry = state.instruments.expiry
    left = np.maximum(expiry - state.as_of, 0) / 1e9
    return np.where(expiry == NO_EXPIRY, np.inf, left)


def fixed_share(rules: Rules, state: State) -> Float:
    """Part of every row's forward that the averaging of the settlement price has fixed.

    As the market says; else the part of the window that has passed.
    """
    window, left = rules.number("pricing.settlement_window"), seconds_left(state)
    if window <= 0:
        return state.fixed_share
    passed = np.where(left < window, (window - left) / window, 0.0)
    return np.where(state.fixed_share > 0, state.fixed_share, passed)


def vol_ranges(rules: Rules, state: State) -> tuple[Float, Float]:
    """What the vol of every factor gains when it goes up and loses when it goes down: fractions of
    the vol, or points."""
    days = np.array(
        [
            (expiry - state.as_of) / NANOSECONDS_PER_DAY
            if expiry != NO_EXPIRY and expiry > state.as_of
            else (REFERENCE_DAYS if expiry == NO_EXPIRY else 0.0)
            for expiry in state.factor_expiry
        ],
        dtype=np.float64,
    )
    up, down = rules.number("vol.range_up"), rules.number("vol.range_down")
    form = rules.text("vol.form")
    if form == "points":
        return np.full(days.shape, up), np.full(days.shape, down)
    if form == "table":
        knots = rules.numbers("vol_table.days")
        table = (np.array(rules.numbers(f"vol_table.{way}")) for way in ("up", "down"))
        higher, lower = (_between(days, np.array(knots), values) for values in table)
        return higher, lower
    short, long = rules.number("vol.short_power"), rules.number("vol.long_power")
    floored = np.maximum(days, rules.number("vol.floor_days"))
    floored = np.where(floored > 0, floored, REFERENCE_DAYS)  # expired, and nothing is the least
    reach = _core.power(REFERENCE_DAYS / floored, np.where(days <= REFERENCE_DAYS, short, long))
    return up * reach, down * reach


def _between(x: Float, knots: Float, values: Float) -> Float:
    """Linear between knots, flat beyond them."""
    if knots.size == 1:
        return np.full(x.shape, values[0])
    at = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, knots.size - 2)
    share = np.clip((x - knots[at]) / (knots[at + 1] - knots[at]), 0.0, 1.0)
    return values[at] + share * (values[at + 1] - values[at])


def rotated(rules: Rules, state: State, row: Int64, rotation: str) -> Float:
    """The factor on the vol of every risk factor under a rotation of the smile.

    With q = sqrt(years) and k = ln(strike / forward), |k| for "abs": cap = cap0 + slope q,
    k* = max(least width, q width (static + q slope of width)); the factor is 1 + min(cap, k cap /
    k*) for k >= 0, 1 + max(-cap, k cap / k*) below; not less than 0.
    """
    word = {"linear": "linear", "abs": "absolute"}[rotation]
    out = np.ones(len(state.factors))
    of = np.flatnonzero(row >= 0)
    rows = row[of]
    option = (state.strike[rows] > 0) & (state.price[rows] > 0) & (state.years[rows] > 0)
    of, rows = of[option], rows[option]
    root = np.sqrt(state.years[rows])
    k = _core.log_ratio(state.strike[rows], state.price[rows])
    k = np.abs(k) if rotation == "abs" else k
    cap = rules.number(f"skew.{word}_cap") + rules.number(f"skew.{word}_slope") * root
    spread = rules.number("skew.width_static") + root * rules.number("skew.width_slope")
    width = np.maximum(
        rules.number("skew.least_width"), root * rules.number("skew.width_scale") * spread
    )
    steep = cap / np.where(width > 0, width, np.finfo(np.float64).tiny)
    turned = k * np.where(np.isfinite(steep), steep, np.copysign(np.finfo(np.float64).max, steep))
    turned = np.where(k >= 0, np.minimum(cap, turned), np.maximum(-cap, turned))
    out[of] = np.maximum(1.0 + turned, 0.0)
    return out
