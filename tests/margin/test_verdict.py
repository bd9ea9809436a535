"""Guards the claim that equality is healthy and that evidence adds up exactly (R-EDGE)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskslide as rs
from riskslide.account.verdict import Thresholds, ratio_of, shares, status_of

PROPERTY = settings(max_examples=150, deadline=None, derandomize=True, database=None)
HEALTHY, REMINDER, NO_NEW_RISK, LIQUIDATION, BANKRUPT = rs.Status


@pytest.mark.parametrize(
    ("equity", "status"),
    [
        (20_000.0, HEALTHY),
        (20_000.0 - 4e-7, HEALTHY),
        (20_000.0 - 2e-6, NO_NEW_RISK),
        (16_000.0, NO_NEW_RISK),
        (16_000.0 - 4e-7, NO_NEW_RISK),
        (16_000.0 - 2e-6, LIQUIDATION),
        (0.0, LIQUIDATION),
        (-4e-7, LIQUIDATION),
        (-2e-6, BANKRUPT),
    ],
)
def test_status_at_and_beside_equality(equity: float, status: rs.Status) -> None:
    found = status_of(np.array([equity]), np.array([20_000.0]), np.array([16_000.0]), np.zeros(1))
    assert found.tolist() == [status]


@pytest.mark.parametrize(
    ("cash", "status"),
    [
        (20_000.0, HEALTHY),
        (19_999.999998, NO_NEW_RISK),
        (16_000.0, NO_NEW_RISK),
        (15_999.999998, LIQUIDATION),
        (0.0, LIQUIDATION),
        (-0.000002, BANKRUPT),
    ],
)
def test_status_of_an_account_at_and_beside_equality(cash: float, status: rs.Status) -> None:
    """One coin at 100,000 moves by 16 %: 16,000 to maintain, 1.25 times as much to begin."""
    instruments = rs.Instruments.from_columns(name=["X"], kind="perpetual", underlying="BTC")
    portfolio = rs.Portfolio.from_columns(
        instruments,
        account=["a"],
        instrument=["X"],
        quantity=[1.0],
        balance_account=["a"],
        balance_asset=["USDC"],
        balance_amount=[cash],
    )
    market = rs.Market.of("2026-02-05T12:00:00Z", spot={"BTC": 1e5}, mark={"X": 1e5})
    found = rs.assess(portfolio, market, rs.load_rulebook("generic-slides"))
    assert found.status.tolist() == [status]


@pytest.mark.parametrize(
    ("equity", "status"),
    [
        (1.5, HEALTHY),
        (1.5 - 3e-6, REMINDER),
        (1.2, REMINDER),
        (1.2 - 3e-6, NO_NEW_RISK),
        (1.05, NO_NEW_RISK),
        (1.05 - 3e-6, LIQUIDATION),
        (1.0, LIQUIDATION),
        (1.0 - 3e-6, BANKRUPT),
    ],
)
def test_status_at_and_beside_the_thresholds_of_a_rule_book(
    equity: float, status: rs.Status
) -> None:
    maintenance = np.array([1.0, 20_000.0])
    found = status_of(
        equity * maintenance,
        1.2 * maintenance,
        maintenance,
        np.zeros(2),
        Thresholds(1.5, 1.2, 1.05, 1.0),
    )
    assert found.tolist() == [status, status]


def test_thresholds_add_to_the_requirements_and_never_take_from_them() -> None:
    """Below initial no threshold allows new risk; below zero none denies that it is bankrupt."""
    amounts = np.array([19_999.0, -1.0, 16_000.0])
    initial, maintenance = np.full(3, 20_000.0), np.full(3, 16_000.0)
    low = Thresholds(reminder=0.1, no_new_risk=0.1, liquidation=0.0, bankrupt=0.0)
    found = status_of(amounts, initial, maintenance, np.zeros(3), low)
    assert found.tolist() == [NO_NEW_RISK, BANKRUPT, NO_NEW_RISK]


def test_statuses_ascend_from_best_to_worst() -> None:
    assert list(rs.Status) == sorted(rs.Status) == [0, 1, 2, 3, 4]
    assert HEALTHY < REMINDER < NO_NEW_RISK < LIQUIDATION < BANKRUPT


@PROPERTY
@given(st.floats(-1e9, 1e9), st.floats(0.0, 1e9), st.floats(1.0, 3.0))
def test_thresholds_of_nobody_change_nothing(
    equity: float, maintenance: float, factor: float
) -> None:
    """The status by the words of the page, written out."""
    initial = factor * maintenance
    same = max(1e-6, 1e-12 * (initial + maintenance + abs(equity)))
    words = [equity - initial < -same, equity - maintenance < -same, equity < -same]
    after = [
        s for s, holds in zip((NO_NEW_RISK, LIQUIDATION, BANKRUPT), words, strict=True) if holds
    ]
    found = status_of(
        np.array([equity]),
        np.array([initial]),
        np.array([maintenance]),
        np.array([initial + maintenance + abs(equity)]),
    )
    assert found.tolist() == [max(after, default=HEALTHY)]


def test_nothing_owed_and_nothing_there_is_healthy() -> None:
    zero = np.zeros(1)
    assert status_of(zero, zero, zero, zero).tolist() == [HEALTHY]
    assert ratio_of(zero, zero).tolist() == [0.0]
    assert ratio_of(np.ones(3), np.array([2.0, -4.0, 0.0])).tolist() == [0.5, -0.25, 1.0 / 1e-9]


@PROPERTY
@given(st.floats(-1e12, 1e12), st.floats(0.0, 1e12), st.floats(0.0, 1.0))
def test_status_never_improves_as_equity_falls(
    equity: float, initial: float, fraction: float
) -> None:
    maintenance = initial * fraction
    falling = np.array([equity, equity - 1e-3, equity - 1.0, equity - 1e9])
    gross = np.full(4, initial + abs(equity) + 1e9)
    found = status_of(falling, np.full(4, initial), np.full(4, maintenance), gross).tolist()
    assert found == sorted(found)


@PROPERTY
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40))
def test_shares_add_up_to_the_total_exactly(parts: list[float]) -> None:
    amount = float(np.sum(parts))
    total, whole = shares(amount, parts)
    assert sum(whole) == total == round(amount * 1e9)
    rounding = 2.0**-50 * sum(abs(p) for p in parts) * 1e9 * len(parts)
    for part, share in zip(parts, whole, strict=True):
        assert abs(share - part * 1e9) <= 2.0 + rounding
