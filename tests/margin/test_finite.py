"""Guards the claim that what is accepted gives finite numbers, and the rest is refused (R-FIN)."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

import riskslide as rs
from riskslide.margin.program import Block, Program, Reduction

AS_OF = "2026-02-05T12:00:00Z"
EXPIRY = "2026-03-27T08:00:00Z"
RULES = rs.load_rulebook("generic-slides")
SPECIAL = (math.nan, math.inf, -math.inf, 1e308, -1e308, 1e300, 5e-324, -5e-324, 0.0, -0.0, -1.0)


def inputs() -> dict[str, dict[Any, Any]]:
    return {
        "instruments": {
            "name": ["C", "P", "N", "F", "L", "S"],
            "kind": ["option"] * 3 + ["perpetual"] * 2 + ["spot"],
            "underlying": "BTC",
            "expiry": [EXPIRY] * 3 + [""] * 3,
            "strike": [80_000.0, 60_000.0, 70_000.0, 0.0, 0.0, 0.0],
            "option_type": ["call", "put", "call", "", "", ""],
            "model": ["black76", "bsm", "bachelier"] + ["black76"] * 3,
            "settlement": ["inverse", "linear", "linear", "inverse", "linear", "linear"],
            "currency": ["BTC", "USD", "EUR", "BTC", "USD", "USD"],
            "multiplier": [1.0, 10.0, 1.0, 1.0, 1.0, 1.0],
            "lot": [0.1] * 6,
        },
        "book": {
            "account": ["a", "a", "b", "b", "b", "a"],
            "instrument": ["C", "P", "N", "F", "L", "S"],
            "quantity": [1.0, -2.0, 3.0, 5_000.0, -1.0, 2.0],
            "entry_price": [1.0, 2.0, 3.0, 70_000.0, 72_000.0, 5.0],
            "accrued": [0.0, 1.5, -2.0, 0.01, 3.0, 0.0],
            "balance_account": ["a", "b"],
            "balance_asset": ["BTC", "EUR"],
            "balance_amount": [1.5, -900.0],
        },
        "spot": {"BTC": 71_000.0, "EUR": 1.18},
        "forward": {("BTC", EXPIRY): 71_500.0},
        "mark": {"F": 71_000.0, "L": 71_010.0},
        "vol": {"C": 0.5, "P": 0.6, "N": 30_000.0},
        "rate": {"BTC": 0.03},
        "dividend_yield": {"BTC": 0.01},
    }


def assess(given: dict[str, dict[Any, Any]]) -> rs.Assessment:
    instruments = rs.Instruments.from_columns(**given["instruments"])
    portfolio = rs.Portfolio.from_columns(instruments, **given["book"])
    quotes = {k: v for k, v in given.items() if k not in ("instruments", "book")}
    return rs.assess(portfolio, rs.Market.of(AS_OF, **quotes), RULES)


def check_finite(found: rs.Assessment) -> None:
    for name in (
        "initial",
        "maintenance",
        "equity",
        "collateral",
        "unrealised_pnl",
        "option_value",
        "excess",
        "maintenance_ratio",
        "unit_loss",
    ):
        assert np.isfinite(getattr(found, name)).all(), name


PLACES = [
    (table, column, key)
    for table, column, rows in (
        ("instruments", "strike", range(6)),
        ("instruments", "multiplier", range(6)),
        ("instruments", "lot", range(6)),
        ("book", "quantity", range(6)),
        ("book", "entry_price", range(6)),
        ("book", "accrued", range(6)),
        ("book", "balance_amount", range(2)),
    )
    for key in rows
] + [
    (table, key, None)
    for table in ("spot", "forward", "mark", "vol", "rate", "dividend_yield")
    for key in inputs()[table]
]


def test_the_plain_inputs_are_accepted() -> None:
    check_finite(assess(inputs()))


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_special_values_are_refused_or_give_finite_figures(place: tuple[Any, Any, Any]) -> None:
    table, column, key = place
    for value in SPECIAL:
        given = copy.deepcopy(inputs())
        if key is None:
            given[table][column] = value
        else:
            given[table][column][key] = value
        try:
            with np.errstate(all="ignore"):
                found = assess(given)
        except rs.InputError as refused:
            assert refused.code.startswith("E_")
            continue
        check_finite(found)
        absent = column == "entry_price" and math.isnan(value)
        assert math.isfinite(value) or absent, (place, value)


@pytest.mark.parametrize(
    "shock",
    [
        *("price_scale", "price_shift", "vol_scale", "vol_shift", "vol_floor", "weight"),
        *("horizon_days", "rate_shift"),
    ],
)
def test_shocks_are_refused_or_give_finite_figures(shock: str) -> None:
    given = inputs()
    instruments = rs.Instruments.from_columns(**given["instruments"])
    portfolio = rs.Portfolio.from_columns(instruments, **given["book"])
    quotes = {k: v for k, v in given.items() if k not in ("instruments", "book")}
    market = rs.Market.of(AS_OF, **quotes)
    for value in SPECIAL:
        try:
            shocks: dict[str, Any] = {shock: [1.0, value, 1.0]}
            scenarios = rs.Scenarios.of(**shocks)
            with np.errstate(all="ignore"):
                found = rs.stress(portfolio, market, scenarios)
        except rs.InputError:
            continue
        assert math.isfinite(value)
        assert np.isfinite(found).all()


@pytest.mark.parametrize("lots", [[2**62, 2**62], [2**62, -(2**62)], [-(2**62), 2**61]])
def test_sums_that_leave_float64_are_refused(lots: list[int]) -> None:
    positions = rs.Positions.from_columns([0, 0, 1], [0, 1, 2], [*lots, 1])
    cube = rs.Cube.from_values([[1e300], [1e300], [1.0]])
    for function in (rs.aggregate, rs.worst_loss):
        with pytest.raises(rs.InputError) as refused:
            function(positions, cube)
        assert (refused.value.code, refused.value.row) == ("E_OVERFLOW", 0)


@pytest.mark.parametrize(
    ("values", "base"),
    [
        ([[math.nan]], None),
        ([[math.inf]], None),
        ([[1.0]], [math.nan]),
        ([[1.0]], [1.0, 2.0]),
        ([1.0], None),
        (np.ma.array([[1.0]], mask=[[True]]), None),
        ([[2**53 + 1]], None),
        ([["1"]], None),
    ],
)
def test_a_cube_of_values_that_mean_nothing_is_refused(values: Any, base: Any) -> None:
    with pytest.raises(rs.InputError):
        rs.Cube.from_values(values, base=base)


def nothing(instruments: rs.Instruments) -> rs.Assessment:
    return rs.assess(rs.Portfolio.from_columns(instruments), rs.Market.of(AS_OF), RULES)


def test_a_book_without_accounts_has_no_lines() -> None:
    some = rs.Instruments.from_columns(name=["X"], kind="perpetual", underlying="BTC")
    portfolio = rs.Portfolio.from_columns(some)
    assert len(rs.assess(portfolio, rs.Market.of(AS_OF, mark={"X": 1.0}), RULES)) == 0


def test_a_book_of_nothing_at_all_has_no_lines() -> None:
    none = rs.Instruments.from_columns(name=[], kind="option", underlying="BTC")
    assert len(nothing(none)) == 0


def program(block: Block, scenarios: int) -> Program:
    registers = max(1, len(block.columns))
    return Program(
        name="one block",
        rows=("r",),
        leaf=np.zeros(1, dtype=np.int32),
        lot=np.ones(1),
        levels=(),
        units=("u",),
        unit_pool=np.zeros(1, dtype=np.int32),
        pools=("p",),
        blocks=(block,),
        registers=np.zeros(registers),
        steps=np.zeros((0, 4), dtype=np.int32),
        outputs=("o",),
        output_register=np.zeros(1, dtype=np.int32),
        scenarios=rs.Scenarios.of(np.ones(scenarios)),
    )


@pytest.mark.parametrize("named", [0, 1, 39, 41])
def test_a_block_that_keeps_every_scenario_names_every_scenario(named: int) -> None:
    """Its registers are counted by its names: fewer of them would be written past their end."""
    columns = tuple(str(k) for k in range(named))
    block = Block("all", Reduction.EACH, columns=columns, weight=np.ones(40))
    with pytest.raises(rs.InputError) as refused:
        program(block, 40)
    assert refused.value.code == "E_PROGRAM"


def test_a_block_of_attributes_without_a_column_is_refused() -> None:
    """It would read as a block of scenarios."""
    block = Block("none", Reduction.EACH, attribute=np.zeros((1, 0)))
    with pytest.raises(rs.InputError) as refused:
        program(block, 40)
    assert refused.value.code == "E_PROGRAM"
