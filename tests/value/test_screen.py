"""Guards the claim that screening worst losses in single precision changes no bit of the answer.

33 to 255 scenarios are screened; the sums of `aggregate` are in double precision throughout.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import riskslide as rs

ROWS, ACCOUNTS = 60, 400


def book(rng: np.random.Generator, largest: int = 50, legs: int = 12) -> rs.Positions:
    count = ACCOUNTS * legs
    return rs.Positions.from_columns(
        rng.integers(0, ACCOUNTS, count),
        rng.integers(0, ROWS, count),
        rng.integers(-largest, largest + 1, count),
        accounts=ACCOUNTS + 3,  # the last hold nothing
        instruments=ROWS,
    )


def assert_same(positions: rs.Positions, values: Any) -> None:
    cube = rs.Cube.from_values(np.ascontiguousarray(values))
    sums = rs.aggregate(positions, cube)
    loss = np.maximum(-sums.min(axis=1), 0.0)
    for threads in (1, 2, 5):
        found = rs.worst_loss(positions, cube, threads=threads)
        assert np.array_equal(found.loss, loss)
        assert np.array_equal(found.scenario, np.where(loss > 0, sums.argmin(axis=1), 0))


def smooth(rng: np.random.Generator, columns: int) -> Any:
    """Rows as slides have them: neighbours differ little, and three are equal."""
    move = np.linspace(-0.2, 0.2, (columns + 2) // 3).repeat(3)[:columns]
    return rng.normal(size=(ROWS, 1)) * move + rng.normal(size=(ROWS, 1)) * move**2


@pytest.mark.parametrize("columns", [32, 33, 62, 63, 64, 93, 95, 96, 127, 254, 255, 256, 300])
def test_random_and_smooth_cubes(columns: int) -> None:
    rng = np.random.default_rng(columns)
    assert_same(book(rng), rng.normal(size=(ROWS, columns)))
    assert_same(book(rng), smooth(rng, columns))


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e-30, 1e30, 1e280, 1e300])
def test_any_size_of_values(scale: float) -> None:
    rng = np.random.default_rng(1)
    assert_same(book(rng), smooth(rng, 93) * scale)


def test_rows_of_very_different_sizes() -> None:
    """What single precision cannot tell apart beside a large row, double precision must."""
    rng = np.random.default_rng(2)
    size = 10.0 ** rng.uniform(-40, 8, size=(ROWS, 1))
    assert_same(book(rng), rng.normal(size=(ROWS, 93)) * size)
    hedged = smooth(rng, 93)
    hedged[1::2] = -hedged[::2] * (1 + 1e-12)  # pairs that nearly cancel
    positions = rs.Positions.from_columns(
        np.repeat(np.arange(30), 2), np.arange(60), np.full(60, 7), accounts=30, instruments=ROWS
    )
    assert_same(positions, hedged)


def test_ties_go_to_the_lowest_scenario() -> None:
    rng = np.random.default_rng(3)
    for values in (np.full((ROWS, 93), -1.0), np.zeros((ROWS, 93)), np.tile([-1.0, 1.0], 47)):
        assert_same(book(rng), np.broadcast_to(values, (ROWS, np.shape(values)[-1])))


def test_neighbours_closer_than_single_precision() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(size=(ROWS, 1)) * (1.0 + 1e-9 * rng.permutation(93))
    assert_same(book(rng), values)


def test_large_lots_and_long_accounts() -> None:
    rng = np.random.default_rng(5)
    assert_same(book(rng, largest=2**52), smooth(rng, 93))
    many = 70_000  # more rows than the bound on the error covers
    long = rs.Positions(
        np.array([0, many], dtype=np.int64),
        (np.arange(many) % ROWS).astype(np.int32),
        rng.integers(-9, 10, many),
    )
    assert_same(long, smooth(rng, 93))


def test_what_is_not_finite_is_refused_by_account() -> None:
    rng = np.random.default_rng(6)
    values = smooth(rng, 93)
    values[:, 40] = 1e308
    positions = rs.Positions.from_columns([0, 1], [3, 5], [1, 100], accounts=2, instruments=ROWS)
    with pytest.raises(rs.InputError) as raised:
        rs.worst_loss(positions, rs.Cube.from_values(values))
    assert raised.value.row == 1
