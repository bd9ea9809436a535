"""Guards the claim that quantities are exact integers of lots, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskslide as rs

PROPERTY = settings(max_examples=100, deadline=None, derandomize=True, database=None)
MOST = 2**63 - 1


def summed(*lots: int) -> list[int]:
    n = len(lots)
    positions = rs.Positions.from_columns([0] * n, [0] * n, np.array(lots, dtype=np.int64))
    return [int(x) for x in positions.lots]


@pytest.mark.parametrize(
    "lots", [2**31 - 1, 2**31, 2**32 + 1, 2**53, 2**53 + 1, MOST, -(2**31), -(2**53) - 1, -(2**63)]
)
def test_lots_at_the_edges_of_other_types_are_kept_exactly(lots: int) -> None:
    assert summed(lots) == [lots]


@pytest.mark.parametrize(
    ("lots", "total"),
    [
        ((2**31 - 1, 1), 2**31),
        ((2**53, 1), 2**53 + 1),
        ((2**62, 2**62 - 1), MOST),
        ((-(2**62), -(2**62)), -(2**63)),
        ((MOST, -MOST), 0),
        ((MOST, -(2**63)), -1),
    ],
)
def test_sums_are_exact(lots: tuple[int, ...], total: int) -> None:
    assert summed(*lots) == [total]


@pytest.mark.parametrize(
    "lots", [(2**62, 2**62), (MOST, 1), (-(2**63), -1), (-(2**62) - 1, -(2**62))]
)
def test_a_sum_beyond_int64_is_refused_and_never_wraps(lots: tuple[int, ...]) -> None:
    with pytest.raises(rs.InputError) as refused:
        summed(*lots)
    assert refused.value.code == "E_OVERFLOW"
    assert refused.value.column == "account"


@PROPERTY
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(-(2**55), 2**55)), max_size=60
    ),
    st.randoms(use_true_random=False),
)
def test_rows_are_sorted_and_summed_in_any_order(
    rows: list[tuple[int, int, int]], random: Any
) -> None:
    total: dict[tuple[int, int], int] = {}
    for account, instrument, lots in rows:
        total[account, instrument] = total.get((account, instrument), 0) + lots
    random.shuffle(rows)
    columns = [np.array([r[k] for r in rows], dtype=np.int64) for k in range(3)]
    found = rs.Positions.from_columns(*columns, accounts=4, instruments=5)
    owner = np.repeat(np.arange(4), np.diff(found.offsets)).tolist()
    held = zip(owner, found.instrument.tolist(), found.lots.tolist(), strict=True)
    assert [((a, i), n) for a, i, n in held] == sorted(total.items())


@pytest.mark.parametrize(
    ("columns", "code", "column"),
    [
        (([0], [0], [2**63]), "E_OVERFLOW", "lots"),
        (([0], [0], [1.5]), "E_INTEGER", "lots"),
        (([0], [0], [2.0**53]), "E_INTEGER", "lots"),
        (([0], [0], [float("nan")]), "E_INTEGER", "lots"),
        (([0], [0], ["1"]), "E_DTYPE", "lots"),
        (([-1], [0], [1]), "E_INDEX", "account"),
        (([0], [-1], [1]), "E_INDEX", "instrument"),
        (([0, 0], [0], [1, 1]), "E_SHAPE", "instrument"),
        (([0], [0], np.ma.array([1], mask=[True])), "E_NOT_FINITE", "lots"),
    ],
)
def test_what_are_no_whole_lots_is_refused(columns: Any, code: str, column: str) -> None:
    with pytest.raises(rs.InputError) as refused:
        rs.Positions.from_columns(*columns)
    assert (refused.value.code, refused.value.column) == (code, column)


def test_an_index_beyond_the_counts_is_refused_with_its_row() -> None:
    with pytest.raises(rs.InputError) as refused:
        rs.Positions.from_columns([0, 1, 2], [0, 0, 0], [1, 1, 1], accounts=2, instruments=1)
    assert (refused.value.code, refused.value.column, refused.value.row) == (
        "E_INDEX",
        "account",
        2,
    )


def perpetual(lot: float) -> rs.Instruments:
    return rs.Instruments.from_columns(name=["X"], kind="perpetual", underlying="BTC", lot=lot)


def lots_of(lot: float, *quantities: float) -> list[int]:
    portfolio = rs.Portfolio.from_columns(
        perpetual(lot),
        account=["a"] * len(quantities),
        instrument=["X"] * len(quantities),
        quantity=list(quantities),
    )
    return [int(x) for x in portfolio.positions.lots]


@pytest.mark.parametrize("lot", [0.1, 0.05, 1e-8])
def test_a_tenth_and_two_tenths_less_three_tenths_is_nothing(lot: float) -> None:
    assert 0.1 + 0.2 - 0.3 != 0.0
    assert lots_of(lot, 0.1, 0.2, -0.3) == [0]


@PROPERTY
@given(st.integers(-(10**12), 10**12), st.sampled_from([1e-8, 0.001, 0.1, 0.25, 1.0, 10.0]))
def test_quantities_become_the_lots_they_are(count: int, lot: float) -> None:
    assert lots_of(lot, count * lot) == [count]


@pytest.mark.parametrize(("lot", "quantity"), [(1.0, 0.5), (0.1, 0.15), (10.0, 12.0), (0.25, 1e-6)])
def test_a_quantity_between_two_lots_is_refused(lot: float, quantity: float) -> None:
    with pytest.raises(rs.InputError) as refused:
        lots_of(lot, 10.0 * lot, quantity)
    assert (refused.value.code, refused.value.row, refused.value.value) == ("E_LOT", 1, quantity)


def test_a_quantity_beyond_int64_lots_is_refused() -> None:
    assert lots_of(1e-8, 9.2e10) == [92 * 10**17]
    with pytest.raises(rs.InputError) as refused:
        lots_of(1e-8, 9.3e10)
    assert refused.value.code == "E_OVERFLOW"
    with pytest.raises(rs.InputError) as refused:
        lots_of(1e-8, *[9.0e10] * 2)
    assert refused.value.code == "E_OVERFLOW"
