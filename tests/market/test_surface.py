"""A strike without a vol takes it between its neighbours of the same expiry, or has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskslide as rs
from riskslide.market.surface import REASONS, VolOrigin, fill_vols

NONE = float("nan")
Q, SAME, BETWEEN, LOW, HIGH, EMPTY = (o.value for o in VolOrigin)


def refused(call: Callable[[], Any]) -> rs.InputError:
    with pytest.raises(rs.InputError) as caught:
        call()
    return caught.value


def test_variance_is_linear_in_the_strike_between_neighbours() -> None:
    strikes = np.array([80.0, 85.0, 100.0, 120.0])
    exact = np.sqrt(0.5 - 0.003 * strikes)
    found = fill_vols(0, strikes, [exact[0], NONE, 0.0, exact[3]])
    assert found.vol == pytest.approx(exact, rel=1e-15)
    assert found.origin.tolist() == [Q, BETWEEN, BETWEEN, Q]
    assert (found.lower.tolist(), found.higher.tolist()) == ([80, 80, 80, 120], [80, 120, 120, 120])
    assert found.found.all()


def test_the_nearest_strikes_with_a_vol_count_and_no_others() -> None:
    strikes, vols = [70.0, 90.0, 100.0, 110.0, 130.0], [0.9, 0.4, NONE, 0.3, 0.8]
    alone = fill_vols(0, strikes[1:4], vols[1:4])
    assert fill_vols(0, strikes, vols).vol[2] == alone.vol[1]


def test_a_quoted_vol_stays_as_it_is() -> None:
    vols = np.array([0.1 + 0.2, 1 / 3, 0.7])
    assert fill_vols(0, [1.0, 1.0, 2.0], vols).vol.tolist() == vols.tolist()


def test_a_call_without_a_vol_takes_that_of_the_put_of_its_strike() -> None:
    found = fill_vols(0, [90.0, 100.0, 100.0, 110.0], [0.9, NONE, 0.5, 0.9])
    assert found.vol.tolist() == [0.9, 0.5, 0.5, 0.9]
    assert found.origin[1] == SAME


def test_quotes_of_one_strike_count_with_the_mean_of_their_variances() -> None:
    found = fill_vols(0, [90.0, 90.0, 100.0, 110.0], [0.3, 0.4, NONE, 0.5])
    variance = (0.5 * (0.09 + 0.16) + 0.25) / 2
    assert found.vol[2] == pytest.approx(variance**0.5, rel=1e-15)


def test_nothing_is_extrapolated() -> None:
    found = fill_vols([0, 0, 0, 1], [80.0, 100.0, 120.0, 100.0], [NONE, 0.5, NONE, NONE])
    assert found.origin.tolist() == [LOW, Q, HIGH, EMPTY]
    assert np.isnan(found.vol).tolist() == [True, False, True, True]
    assert [REASONS[VolOrigin(o)].split()[1] for o in (LOW, HIGH, EMPTY)] == [
        "lower",
        "higher",
        "strike",
    ]
    assert set(REASONS) == {VolOrigin.NO_LOWER, VolOrigin.NO_HIGHER, VolOrigin.NO_QUOTE}


def test_expiries_do_not_see_each_other() -> None:
    dates = [1, 2, 1, 2, 1]
    found = fill_vols(dates, [90.0, 90.0, 100.0, 100.0, 110.0], [0.5, 0.8, NONE, NONE, 0.5])
    assert found.vol[2] == pytest.approx(0.5, rel=1e-15)
    assert np.isnan(found.vol[3])


@pytest.mark.parametrize("missing", [NONE, 0.0, -0.0, -0.4, float("inf"), float("-inf"), 1e200])
def test_whatever_is_no_positive_finite_vol_is_missing(missing: float) -> None:
    found = fill_vols(0, [90.0, 100.0, 110.0], [0.5, missing, 0.5])
    assert (found.vol[1], found.origin[1]) == (pytest.approx(0.5, rel=1e-15), BETWEEN)


def test_strikes_at_and_below_zero_are_strikes() -> None:
    found = fill_vols(0, [-10.0, 0.0, 10.0], [20.0, NONE, 20.0])
    assert found.vol.tolist() == [20.0, 20.0, 20.0]


def test_an_empty_column_gives_an_empty_answer() -> None:
    found = fill_vols(np.zeros(0, dtype=np.int64), [], [])
    assert (found.vol.size, found.origin.size, found.origin.dtype) == (0, 0, np.uint8)


ROWS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([60.0, 80.0, 90.0, 100.0, 105.0, 120.0]),
        st.sampled_from([NONE, 0.0, 0.2, 0.35, 0.5, 1.7]),
    ),
    max_size=20,
)


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_bit(
    rows: list[tuple[int, float, float]], random: Any
) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)
    dates, strikes, vols = (np.array(c) for c in zip(*rows, strict=True)) if rows else ([], [], [])
    first = fill_vols(np.array(dates, dtype=np.int64), strikes, vols)
    again = fill_vols(
        np.array(dates, dtype=np.int64)[order],
        np.array(strikes, dtype=float)[order],
        np.array(vols, dtype=float)[order],
    )
    for name in ("vol", "origin", "lower", "higher"):
        assert getattr(first, name)[order].tobytes() == getattr(again, name).tobytes()


@given(ROWS)
def test_a_vol_between_neighbours_lies_between_theirs(rows: list[tuple[int, float, float]]) -> None:
    if not rows:
        return
    dates, strikes, vols = (np.array(c) for c in zip(*rows, strict=True))
    found = fill_vols(dates.astype(np.int64), strikes, vols)
    assert np.isfinite(found.vol[np.nan_to_num(vols) > 0]).all()
    for i in np.flatnonzero(found.origin == BETWEEN):
        assert found.lower[i] < strikes[i] < found.higher[i]
        ends = (dates == dates[i]) & ((strikes == found.lower[i]) | (strikes == found.higher[i]))
        ends &= vols > 0
        assert vols[ends].min() * (1 - 1e-15) <= found.vol[i] <= vols[ends].max() * (1 + 1e-15)


def test_bad_columns_are_refused_by_name() -> None:
    error = refused(lambda: fill_vols(0, [90.0, NONE], [0.5, 0.5]))
    assert (error.code, error.column, error.row) == ("E_NOT_FINITE", "strike", 1)
    assert refused(lambda: fill_vols(0, [90.0, 100.0], [0.5])).column == "vol"
    assert refused(lambda: fill_vols([0, 1, 2], [90.0, 100.0], 0.5)).column == "expiry"
    assert refused(lambda: fill_vols(0.5, [90.0], [0.5])).code == "E_INTEGER"
