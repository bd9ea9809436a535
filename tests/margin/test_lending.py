"""Guards lending of the `ratio` method: loans against coins, against formulas by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from margin.ratio_books import AS_OF, HYPERLIQUID, PROPERTY, SPOT, changed

import riskslide as rs


def hyperliquid(
    margin: dict[str, float], cash: dict[str, float], backing: dict[str, float], covers: bool
) -> tuple[float, float, float]:
    """(requirement, value, initial) of the token with the largest ratio; amounts in dollars."""
    threshold = sum(min(x, cap) * 0.75 if x > 0 else x for x, cap in pairs(backing))
    loan = sum(min(x, cap) * 0.5 if x > 0 else x for x, cap in pairs(backing))
    best = (0.0, 0.0, 0.0)
    ratio = -1.0
    for token in ("USDC", "USDH"):
        m, e = margin.get(token, 0.0), cash.get(token, 0.0)
        least = m if covers else 0.0
        borrowed = max(least - e, 0.0)
        need = m + borrowed + (20.0 if m + borrowed > 0 else 0.0)
        value = max(e, least) + min(threshold, 1e6)
        carried = max(e, least) - borrowed + min(loan, 1e6)
        if need / max(value, 1e-9) > ratio:
            ratio = need / max(value, 1e-9)
            best = (need, value, max(need, value - carried + 2.0 * m))
    return best


def pairs(backing: dict[str, float]) -> list[tuple[float, float]]:
    caps = {"BTC": 20.0 * SPOT["BTC"], "HYPE": 50_000.0 * SPOT["HYPE"]}
    return [(x * SPOT[a], caps[a]) for a, x in backing.items()]


def perpetuals() -> rs.Instruments:
    return rs.Instruments.from_columns(
        name=["BTC-USDC", "HYPE-USDH"],
        kind="perpetual",
        underlying=["BTC", "HYPE"],
        currency=["USDC", "USDH"],
    )


def lent(
    held: dict[str, float], cash: dict[str, float], rules: rs.Rulebook = HYPERLIQUID
) -> rs.Assessment:
    """Positions opened at the mark."""
    mark = {"BTC-USDC": 40_000.0, "HYPE-USDH": 40.0}
    portfolio = rs.Portfolio.from_columns(
        perpetuals(),
        account=["a"] * len(held),
        instrument=list(held),
        quantity=list(held.values()),
        entry_price=[mark[n] for n in held],
        balance_account=["a"] * len(cash),
        balance_asset=list(cash),
        balance_amount=list(cash.values()),
    )
    return rs.assess(portfolio, rs.Market.of(AS_OF, spot=SPOT, mark=mark), rules)


def test_a_loan_against_a_coin_by_hand() -> None:
    """1,000 HYPE at 40 count 30,000 at the threshold of .75, and carry 20,000; 15,000 are owed."""
    found = lent({}, {"HYPE": 1_000.0, "USDC": -15_000.0})
    assert found.maintenance.tolist() == [15_020.0] and found.equity.tolist() == [30_000.0]
    assert found.maintenance_ratio.tolist() == [15_020.0 / 30_000.0]
    assert found.initial.tolist() == [25_000.0]  # 5,000 more can be borrowed
    assert found.excess.tolist() == [5_000.0]


@pytest.mark.parametrize(
    ("owed", "status"),
    [
        (20_000.0, "HEALTHY"),
        (20_000.01, "NO_NEW_RISK"),
        (0.95 * 30_000.0 - 20.0, "NO_NEW_RISK"),
        (0.95 * 30_000.0 - 20.0 + 1e-5, "LIQUIDATION"),
        (90_000.0, "LIQUIDATION"),
    ],
)
def test_states_of_a_loan_at_each_threshold(owed: float, status: str) -> None:
    found = lent({}, {"HYPE": 1_000.0, "USDC": -owed})
    assert rs.Status(found.status[0]).name == status


def test_what_a_contract_lacks_of_its_maintenance_is_borrowed() -> None:
    """1 BTC of 40,000 needs 500. With 300 USDC: 200 are borrowed on .75 x 40,000 of another BTC."""
    cash = {"BTC": 1.0, "USDC": 300.0}
    found = lent({"BTC-USDC": -1.0}, cash)
    assert found.maintenance.tolist() == [20.0 + 500.0 + 200.0]
    assert found.equity.tolist() == [500.0 + 30_000.0]
    debt = lent({"BTC-USDC": -1.0}, cash, changed(HYPERLIQUID, lending__covers="debt"))
    assert debt.maintenance.tolist() == [20.0 + 500.0]
    assert debt.equity.tolist() == [300.0 + 30_000.0]


def test_caps_count_in_units_of_the_asset() -> None:
    """20 BTC of 30 count, and of their .75 x 800,000 all; 50 BTC let no more than a million."""
    found = lent({}, {"BTC": 30.0, "USDC": -1_000.0})
    assert found.equity.tolist() == [0.75 * 20.0 * 40_000.0]
    rules = changed(HYPERLIQUID, lending__supply_cap={})
    found = lent({}, {"BTC": 50.0, "USDC": -1_000.0}, rules)
    assert found.equity.tolist() == [1e6]
    rules = changed(rules, lending__borrow_cap={})
    assert lent({}, {"BTC": 50.0, "USDC": -1_000.0}, rules).equity.tolist() == [0.75 * 2e6]


def test_the_token_with_the_larger_ratio_stands_for_the_account() -> None:
    """The same collateral behind both: the larger debt counts, wherever it stands in the list."""
    one_way = lent({}, {"HYPE": 1_000.0, "USDC": -3_000.0, "USDH": -9_000.0})
    other = lent({}, {"HYPE": 1_000.0, "USDC": -9_000.0, "USDH": -3_000.0})
    assert one_way.maintenance.tolist() == other.maintenance.tolist() == [9_020.0]
    assert one_way.equity.tolist() == [30_000.0]


def test_who_owes_nothing_and_margins_nothing_needs_nothing() -> None:
    found = lent({}, {"HYPE": 1_000.0})
    assert found.maintenance.tolist() == [0.0] and found.excess.tolist() == [20_000.0]
    assert lent({}, {"USDC": 5.0}).equity.tolist() == [5.0]


@PROPERTY
@given(
    st.integers(-50, 50),
    st.integers(-10_000, 10_000),
    st.dictionaries(st.sampled_from(["USDC", "USDH"]), st.integers(-800_000, 800_000)),
    st.dictionaries(st.sampled_from(["BTC", "HYPE"]), st.integers(-5, 60)),
    st.booleans(),
)
def test_any_loan_is_what_the_formulas_of_the_page_say(
    coins: int, hype: int, cash: dict[str, float], backing: dict[str, float], covers: bool
) -> None:
    held = {"BTC-USDC": float(coins), "HYPE-USDH": float(hype)}
    rules = changed(HYPERLIQUID, lending__covers="margin" if covers else "debt")
    found = lent(held, {**cash, **backing}, rules)
    margin = {"USDC": 0.0125 * abs(coins) * 40_000.0, "USDH": 0.05 * abs(hype) * 40.0}
    need, value, initial = hyperliquid(margin, cash, backing, covers)
    assert found.maintenance[0] == pytest.approx(need, rel=1e-12, abs=1e-6)
    assert found.equity[0] == pytest.approx(value, rel=1e-12, abs=1e-6)
    assert found.initial[0] == pytest.approx(initial, rel=1e-12, abs=1e-6)
    if need > 0 and value > 0 and not math.isclose(need, 0.95 * value, rel_tol=1e-9):
        assert (found.status[0] >= rs.Status.LIQUIDATION) == (need / value > 0.95)
