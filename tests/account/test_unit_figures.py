"""Guards that what a unit's evidence names is what adds up to the figure of that name."""

from __future__ import annotations

import math
from typing import Any

import pytest

import riskslide as rs
from riskslide.venue.load import preset_names

AS_OF, EXPIRY = "2026-02-05T12:00:00Z", "2026-03-27T08:00:00Z"
CONTRACTS = rs.Instruments.from_columns(
    name=["BTC-C", "BTC-P", "ETH-P", "BTC", "ETH"],
    kind=["option", "option", "option", "spot", "spot"],
    underlying=["BTC", "BTC", "ETH", "BTC", "ETH"],
    expiry=[EXPIRY, EXPIRY, EXPIRY, "", ""],
    strike=[72_000.0, 65_000.0, 2_000.0, 0.0, 0.0],
    option_type=["call", "put", "put", "", ""],
)
BOOK = rs.Portfolio.from_columns(
    CONTRACTS,
    account=["a"] * 4,
    instrument=["BTC-C", "BTC-P", "ETH-P", "BTC"],
    quantity=[-2.0, -1.0, -20.0, 1.5],
    balance_account=["a"],
    balance_asset=["USD"],
    balance_amount=[50_000.0],
)
MARKET = rs.Market.of(
    AS_OF,
    spot={"BTC": 71_000.0, "ETH": 2_100.0, "USD": 1.0},
    vol={"BTC-C": 0.55, "BTC-P": 0.6, "ETH-P": 0.7},
)


RULES = [rs.load_rulebook(name) for name in preset_names()]
TAKEN = [r for r in RULES if not r.unpublished and r.method != "ratio"]  # which takes no options


def figure(of: rs.Assessment, name: str) -> Any:
    return of.components[name] if name in of.components else getattr(of, name)


@pytest.mark.parametrize("rules", TAKEN, ids=lambda r: r.name)
def test_figures_of_units_add_up_to_those_of_their_line(rules: rs.Rulebook) -> None:
    assessed = rs.assess(BOOK, MARKET, rules)
    for line, evidence in enumerate(assessed.explain("a")):
        for name in evidence.units[0].figures if evidence.units else ():
            total = math.fsum(unit.figures[name] for unit in evidence.units)
            assert total == pytest.approx(figure(assessed, name)[line], rel=1e-9, abs=1e-6), name
