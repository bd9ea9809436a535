"""Decides the scenarios of the `slides` method: a grid of price moves and vol multipliers, then
columns in which underlyings move apart, then columns in which stablecoins lose their peg."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..book.columns import Float
from ..errors import refuse
from ..market.state import State
from ..rules import Rules
from .shocks import Scenarios


def slide_scenarios(rules: Rules, state: State) -> Scenarios:
    """Evenly spaced price moves across the range of every underlying, each with every vol
    multiplier, and the columns of the optional sections.

    In a column of the grid all underlyings and currencies move by the same part of their own
    ranges. Assets that no scenario moves stand still, but where they lose their peg.
    """
    grid = [(part, vol) for part in parts_of(rules) for vol in rules.numbers("slides.vol_scales")]
    group, pegged = apart_of(rules), depegs_of(rules)
    _check_pegs(pegged, rules)
    whole = len(grid) + 2 * len(group) + next((len(row) for row in pegged.values()), 0)
    price = np.ones((len(state.factors), whole))
    known: dict[str, Float] = {}
    for f, underlying in enumerate(state.factor_underlying):
        if underlying not in known:
            known[underlying] = _moves(rules, underlying, grid, underlying in state.still)
        price[f] = 1.0 + known[underlying]
    vol = np.ones(whole)
    vol[: len(grid)] = [scale for _, scale in grid]
    return Scenarios.of(
        price,
        vol_scale=np.broadcast_to(vol, price.shape),
        labels=[*_labels(rules, grid), *_labels_apart(rules), *_labels_of_depegs(pegged)],
        factors=state.factors,
        lost_pegs=[coin for coin in pegged if coin in state.factors],
    )


def slide_terms(rules: Rules) -> dict[str, Any]:
    """The currency that stands still, where it is not the one that is reported in."""
    return {"numeraire": rules.text("numeraire.currency")} if rules.has("numeraire") else {}


def measure_of(rules: Rules) -> str:
    """The currency in which scenarios tell what moves."""
    return str(slide_terms(rules).get("numeraire", rules.text("reporting.currency")))


def parts_of(rules: Rules) -> list[tuple[int, int]]:
    """Steps of the grid from the lowest on: (k, of how many), 0 of 1 where it has one point."""
    half = (rules.whole("slides.price_points") - 1) // 2
    return [(k, half or 1) for k in range(-half, half + 1)]


def reach_of(rules: Rules, underlying: str) -> float:
    """The range of an underlying or a currency, a fraction of its price."""
    own = rules.table("slides.price_range_of")
    return own.get(underlying, rules.number("slides.price_range"))


def apart_of(rules: Rules) -> list[str]:
    """The underlyings that move against all others, one after the other."""
    return rules.texts("slides.offset_among") if rules.has("apart") else []


def depegs_of(rules: Rules) -> dict[str, list[float]]:
    """What every stablecoin is worth in every column of depegs, a fraction of today's price."""
    return rules.lists("depeg.falls_to") if rules.has("depeg") else {}


def _moves(
    rules: Rules, underlying: str, grid: list[tuple[tuple[int, int], float]], still: bool
) -> Float:
    """The move of one underlying in every column, a fraction of its price."""
    reach = 0.0 if still else reach_of(rules, underlying)
    moves = [reach * k / half for (k, half), _ in grid]
    for alone in apart_of(rules):
        far = reach * rules.number("apart.share")
        moves += [far, -far] if underlying == alone else [-far, far]
    pegged = depegs_of(rules)
    nothing = [1.0] * next((len(row) for row in pegged.values()), 0)
    moves += [to - 1.0 for to in pegged.get(underlying, nothing)]
    return np.array(moves, dtype=np.float64)


def _labels(rules: Rules, grid: list[tuple[tuple[int, int], float]]) -> list[str]:
    reach, own = rules.number("slides.price_range"), rules.table("slides.price_range_of")
    if not own:
        return [f"price {100 * (reach * k / half):+g} % vol x{v:.2f}" for (k, half), v in grid]
    return [f"price {k / half:+g} of its range vol x{v:.2f}" for (k, half), v in grid]


def _labels_apart(rules: Rules) -> list[str]:
    ways = (("up", "down"), ("down", "up"))
    return [f"{one} {up}, all others {down}" for one in apart_of(rules) for up, down in ways]


def _labels_of_depegs(pegged: dict[str, list[float]]) -> list[str]:
    return [
        "depeg " + ", ".join(f"{coin} x{to:g}" for coin, to in zip(pegged, column, strict=True))
        for column in zip(*pegged.values(), strict=True)
    ]


def _check_pegs(pegged: dict[str, list[float]], rules: Rules) -> None:
    """A currency in which everything is measured cannot lose its own peg."""
    measure = measure_of(rules)
    if measure in pegged:
        fix = f"{measure} is what everything is measured in; leave it out"
        refuse("E_RULES", f"depeg.falls_to.{measure}", None, pegged[measure], fix)
