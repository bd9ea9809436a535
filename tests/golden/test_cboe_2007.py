"""Guards margin of sample positions as Cboe printed it.

Cboe, "Margin Requirement Examples for Sample Options-based Positions", close of 23 February 2007,
April options, portfolio margin column. Premiums printed as @1.68 and @3.18 are 1.675 and 3.175; the
table names neither rate nor yield: those here reproduce it.
"""

from __future__ import annotations

import pytest

import riskslide as rs

AS_OF, EXPIRY = "2007-02-23T21:00:00Z", "2007-04-21T21:00:00Z"  # 57 days
IBM, SPX = 97.73, 1_451.19
TOLERANCE = 2.5e-3

# (type, strike, contracts, premium); shares of IBM; requirement; what binds
Leg = tuple[str, float, int, float]
OF_IBM: list[tuple[str, list[Leg], int, float, str]] = [
    ("short call", [("C", 100, -100, 1.675)], 0, 115_429, "point 10"),
    ("short put", [("P", 100, -100, 3.175)], 0, 137_527, "point 1"),
    ("protective put", [("P", 95, 100, 1.025)], 10_000, 37_538, "point 1"),
    ("collar", [("P", 95, 100, 1.025), ("C", 105, -100, 0.40)], 10_000, 33_522, "point 1"),
    (
        "long straddle",
        [("P", 100, 100, 3.175), ("C", 100, 100, 1.675)],
        0,
        7_500,
        "minimum",
    ),
]
OF_SPX: list[tuple[str, list[Leg], float, str]] = [
    ("short call", [("C", 1460, -100, 21.66)], 654_514, "point 10"),
    ("short put", [("P", 1460, -100, 22.55)], 948_203, "point 1"),
    ("long straddle", [("P", 1450, 100, 18.72), ("C", 1450, 100, 27.56)], 7_500, "minimum"),
]


def margin(
    underlying: str,
    style: str,
    spot: float,
    rates: tuple[float, float],
    legs: list[Leg],
    shares: int,
) -> rs.Assessment:
    names = [f"{side}{strike}" for side, strike, _, _ in legs]
    count = len(legs)
    contracts = rs.Instruments.from_columns(
        name=[*names, underlying],
        kind=["option"] * count + ["spot"],
        underlying=underlying,
        expiry=[EXPIRY] * count + [None],
        strike=[*(leg[1] for leg in legs), 0],
        option_type=[*(leg[0] for leg in legs), ""],
        style=style,
        model="bsm",
        multiplier=[100.0] * count + [1.0],
        lot=1.0,
    )
    book = rs.Portfolio.from_columns(
        contracts,
        account=["a"] * (count + 1),
        instrument=[*names, underlying],
        quantity=[*(leg[2] for leg in legs), shares],
    )
    market = rs.Market.of(
        AS_OF,
        spot={underlying: spot},
        rate={underlying: rates[0]},
        dividend_yield={underlying: rates[1]},
        mark={name: leg[3] for name, leg in zip(names, legs, strict=True)},
    )
    return rs.assess(book, market, rs.load_rulebook("occ-cpm"))


def binds(found: rs.Assessment) -> str:
    (unit,) = found.explain("a")[0].units
    least = unit.figures["minimum"] > unit.figures["requirement"]
    return "minimum" if least else unit.label.partition(",")[0]


@pytest.mark.parametrize(("name", "legs", "printed", "stage"), OF_SPX, ids=[r[0] for r in OF_SPX])
def test_positions_in_spx_need_what_is_printed(
    name: str, legs: list[Leg], printed: float, stage: str
) -> None:
    found = margin("SPX", "european", SPX, (0.0552, 0.0228), legs, 0)
    assert found.maintenance[0] == pytest.approx(printed, rel=TOLERANCE)
    assert binds(found) == stage


@pytest.mark.parametrize(
    ("name", "legs", "shares", "printed", "stage"), OF_IBM, ids=[r[0] for r in OF_IBM]
)
def test_positions_in_ibm_need_what_is_printed(
    name: str, legs: list[Leg], shares: int, printed: float, stage: str
) -> None:
    found = margin("IBM", "american", IBM, (0.05, 0.0), legs, shares)
    assert found.maintenance[0] == pytest.approx(printed, rel=TOLERANCE)
    assert binds(found) == stage


def test_european_vols_would_miss_the_puts() -> None:
    """Early exercise is what the figure of the protective put is about."""
    legs: list[Leg] = [("P", 95, 100, 1.025)]
    found = margin("IBM", "european", IBM, (0.05, 0.0), legs, 10_000)
    assert found.maintenance[0] > 1.1 * 37_538
