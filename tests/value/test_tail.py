"""Value at risk and shortfall are those of the definition, and name the scenarios behind them."""

from __future__ import annotations

import math

import numpy as np
import pytest

import riskslide as rs

# ES and VaR of a standard normal (McNeil, Frey, Embrechts, Quantitative Risk Management, 2.2).
NORMAL = {
    0.95: (2.062713, 1.644854),
    0.975: (2.337803, 1.959964),
    0.99: (2.665214, 2.326348),
    0.995: (2.891949, 2.575829),
}


def book(lots: list[list[int]]) -> rs.Positions:
    account = np.repeat(np.arange(len(lots)), len(lots[0]))
    return rs.Positions.from_columns(
        account, np.tile(np.arange(len(lots[0])), len(lots)), [q for row in lots for q in row]
    )


@pytest.mark.parametrize("level", NORMAL)
def test_quantiles_of_a_normal_distribution_give_its_tail(level: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    n = 2_000_001
    values = stats.norm.ppf((np.arange(n) + 0.5) / n)[None, :]
    found = rs.tail(book([[1]]), rs.Cube.from_values(values), level=level)
    shortfall, at_risk = NORMAL[level]
    assert found.value_at_risk[0] == pytest.approx(at_risk, abs=3e-5)
    assert found.expected_shortfall[0] == pytest.approx(shortfall, abs=3e-5)


@pytest.mark.parametrize("level", [0.05, 0.5, 0.9, 0.975, 0.999])
@pytest.mark.parametrize("scenarios", [1, 3, 40, 500, 1999])
def test_the_definition_by_sorting(level: float, scenarios: int) -> None:
    draw = np.random.default_rng(scenarios)
    values = np.rint(draw.normal(size=(6, scenarios)) * 8.0)
    lots = draw.integers(-5, 6, size=(40, 6)).tolist()
    found = rs.tail(book(lots), rs.Cube.from_values(values), level=level, threads=2)
    edge = round(scenarios * level, 9)
    rank = max(math.ceil(edge), 1)
    for row, held in enumerate(lots):
        loss = np.sort(-(np.array(held, dtype=float) @ values))
        mean = (loss[rank:].sum() + (rank - edge) * loss[rank - 1]) / (scenarios - edge)
        assert found.value_at_risk[row] == loss[rank - 1]
        assert found.expected_shortfall[row] == pytest.approx(mean, abs=1e-9)
        members = np.sort(-(np.array(held, dtype=float) @ values[:, found.scenario[row]]))
        assert members.tolist() == loss[rank - 1 :].tolist()
    assert (found.expected_shortfall >= found.value_at_risk).all()
    assert (np.diff(found.scenario, axis=1) > 0).all()


def test_shortfall_is_subadditive_and_scales() -> None:
    draw = np.random.default_rng(4)
    cube = rs.Cube.from_values(draw.standard_t(3, size=(2, 777)))
    found = rs.tail(book([[3, 0], [0, -2], [3, -2], [30, -20]]), cube).expected_shortfall
    assert found[2] <= found[0] + found[1] + 1e-12
    assert found[3] == pytest.approx(10 * found[2])


def test_threads_and_blocks_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(5)
    cube = rs.Cube.from_values(draw.normal(size=(9, 333)))
    positions = book(draw.integers(-9, 10, size=(300, 9)).tolist())
    whole = rs.tail(positions, cube, threads=1)
    for threads in (2, 3, 7):
        other = rs.tail(positions, cube, threads=threads)
        assert all(x.tobytes() == y.tobytes() for x, y in zip(whole, other, strict=True))
    half = rs.Positions(
        positions.offsets[150:] - positions.offsets[150],
        positions.instrument[1350:],
        positions.lots[1350:],
    )
    part = rs.tail(half, cube)
    assert part.expected_shortfall.tobytes() == whole.expected_shortfall[150:].tobytes()


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, math.nan, math.inf])
def test_a_level_beyond_its_range_is_refused(level: float) -> None:
    with pytest.raises(rs.InputError) as refused:
        rs.tail(book([[1]]), rs.Cube.from_values([[1.0, 2.0]]), level=level)
    assert (refused.value.code, refused.value.column) == ("E_RANGE", "level")


def test_sums_that_leave_float64_are_refused_by_row() -> None:
    cube = rs.Cube.from_values([[1e308, -1e308]])
    with pytest.raises(rs.InputError) as refused:
        rs.tail(book([[1], [2]]), cube)
    assert (refused.value.code, refused.value.row) == ("E_OVERFLOW", 1)


def test_books_of_nothing_have_no_tail() -> None:
    none = rs.Positions.from_columns([], [], [], accounts=2, instruments=1)
    found = rs.tail(none, rs.Cube.from_values([[1.0, -1.0]]), level=0.5)
    assert found.value_at_risk.tolist() == found.expected_shortfall.tolist() == [0.0, 0.0]
    assert (
        rs.tail(rs.Positions.from_columns([], [], []), rs.Cube.from_values([[1.0]])).scenario.size
        == 0
    )


@pytest.mark.parametrize("scenarios", [1, 10, 250])
@pytest.mark.parametrize("level", [1 - 1e-10, 1 - 1e-12, 1 - 1e-16])
def test_a_tail_of_less_than_a_scenario_is_the_worst_loss(scenarios: int, level: float) -> None:
    cube = rs.Cube.from_values(-np.arange(1.0, scenarios + 1.0)[None, :])
    found = rs.tail(rs.Positions.from_columns([0], [0], [1]), cube, level=level)
    assert found.value_at_risk.tolist() == found.expected_shortfall.tolist() == [scenarios]


def test_the_mean_of_huge_losses_is_finite() -> None:
    cube = rs.Cube.from_values(np.array([[-1.5e308, -1.6e308, 0.0, 0.0, 1.0]]))
    found = rs.tail(rs.Positions.from_columns([0], [0], [1]), cube, level=0.4)
    assert found.expected_shortfall[0] == pytest.approx(1.5e308 / 3 + 1.6e308 / 3)
