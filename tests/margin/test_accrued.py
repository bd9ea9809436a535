"""Guards what positions have accrued: it is P&L while the instrument is held, and nothing after."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskslide as rs

NOW, EXPIRY = "2026-02-05T12:00:00Z", "2026-03-27T08:00:00Z"
RULES = rs.load_rulebook("generic-slides")
BOOK = rs.Instruments.from_columns(
    name=["call", "future", "perp", "coin perp", "stock"],
    kind=["option", "future", "perpetual", "perpetual", "spot"],
    underlying=["ETH", "ETH", "ETH", "BTC", "AAPL"],
    expiry=[EXPIRY, EXPIRY, "", "", ""],
    strike=[2_000.0, 0.0, 0.0, 0.0, 0.0],
    option_type=["call", "", "", "", ""],
    settlement=["linear", "linear", "linear", "inverse", "linear"],
    currency=["USDC", "USDC", "USDC", "BTC", "USDC"],
    lot=0.01,
)
MARKET = rs.Market.of(
    NOW,
    spot={"ETH": 2_000.0, "BTC": 70_000.0, "USDC": 0.98, "AAPL": 250.0},
    forward={("ETH", EXPIRY): 2_005.0},
    mark={"future": 2_004.0, "perp": 2_001.0, "coin perp": 70_010.0},
    vol={"call": 0.6},
)


def book(*rows: tuple[str, str, float, Any], **more: Any) -> rs.Portfolio:
    account, instrument, quantity, accrued = ([r[k] for r in rows] for k in range(4))
    columns = {"account": account, "instrument": instrument, "quantity": quantity}
    return rs.Portfolio.from_columns(BOOK, **columns, accrued=accrued, **more)


def pnl(portfolio: rs.Portfolio) -> dict[str, float]:
    found = rs.assess(portfolio, MARKET, RULES)
    return dict(zip(found.account, found.unrealised_pnl.tolist(), strict=True))


@pytest.mark.parametrize(
    ("name", "rate"), [("call", 0.98), ("future", 0.98), ("perp", 0.98), ("coin perp", 70_000.0)]
)
@pytest.mark.parametrize("quantity", [3.0, -3.0])
def test_what_has_accrued_is_pnl_in_the_settlement_currency(
    name: str, rate: float, quantity: float
) -> None:
    found = pnl(book(("a", name, quantity, 2.5), ("b", name, quantity, -0.5)))
    assert found == {"a": 2.5 * rate, "b": -0.5 * rate}


def test_it_counts_beside_the_pnl_since_the_entry_price() -> None:
    rows = [("a", "perp", 2.0, 7.0), ("a", "perp", 1.0, None)]
    plain = book(*[(*r[:3], None) for r in rows], entry_price=[1_990.0, None])
    assert pnl(plain) == {"a": pytest.approx(2.0 * 11.0 * 0.98)}
    both = book(*rows, entry_price=[1_990.0, None])
    assert pnl(both)["a"] == pytest.approx((2.0 * 11.0 + 7.0) * 0.98)


def test_it_is_summed_over_rows_and_counts_while_the_net_is_held() -> None:
    rows = [("a", "perp", 2.0, 3.0), ("a", "perp", -1.0, 4.0), ("a", "future", 0.0, 100.0)]
    assert pnl(book(*rows)) == {"a": 7.0 * 0.98}
    flat = [*rows, ("a", "perp", -1.0, 5.0)]
    assert pnl(book(*flat)) == {"a": 0.0}
    again = [*flat, ("a", "call", 1.0, 1.0), ("b", "perp", -0.01, 2.0)]
    assert pnl(book(*again)) == {"a": 0.98, "b": 2.0 * 0.98}


def test_an_order_does_not_hold_an_instrument() -> None:
    order = {"order_account": ["a"], "order_instrument": ["perp"], "order_quantity": [1.0]}
    assert pnl(book(("a", "perp", 0.0, 5.0), **order)) == {"a": 0.0}


def test_greeks_and_stress_do_not_see_it() -> None:
    one, two = book(("a", "perp", 2.0, None)), book(("a", "perp", 2.0, 9.0))
    shock = rs.Scenarios.of([0.9, 1.1])
    assert rs.stress(one, MARKET, shock).tobytes() == rs.stress(two, MARKET, shock).tobytes()
    assert rs.greeks(one, MARKET).greeks.value.tobytes() == (
        rs.greeks(two, MARKET).greeks.value.tobytes()
    )


rows_drawn = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["call", "future", "perp", "coin perp"]),
        st.integers(-3, 3).map(float),
        st.one_of(st.none(), st.floats(-1e6, 1e6)),
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=60, deadline=None)
@given(rows_drawn, st.randoms(use_true_random=False))
def test_rows_in_any_order_give_what_a_loop_gives_and_the_same_bits(
    rows: list[tuple[str, str, float, Any]], random: Any
) -> None:
    found = pnl(book(*rows))
    for account in {r[0] for r in rows}:
        expected, size = 0.0, 0.0
        for name in {r[1] for r in rows}:
            own = [r for r in rows if r[:2] == (account, name)]
            if sum(r[2] for r in own) != 0:
                rate = 70_000.0 if name == "coin perp" else 0.98
                expected += rate * sum(r[3] or 0.0 for r in own)
                size += rate * sum(abs(r[3] or 0.0) for r in own)
        assert found[account] == pytest.approx(expected, abs=1e-12 * size)
    random.shuffle(rows)
    assert pnl(book(*rows)) == found


def test_nothing_accrued_is_as_if_the_column_were_not_there() -> None:
    rows = [("a", "perp", 2.0), ("b", "call", -1.0), ("b", "stock", 5.0)]
    without = rs.assess(book(*[(*r, None) for r in rows]), MARKET, RULES)
    for nothing in (0.0, None, ""):
        other = rs.assess(book(*[(*r, nothing) for r in rows]), MARKET, RULES)
        assert other.equity.tobytes() == without.equity.tobytes()


@pytest.mark.parametrize(
    ("instrument", "accrued", "code", "row"),
    [
        ("stock", 1.0, "E_DOMAIN", 1),
        ("perp", float("nan"), "E_NOT_FINITE", 1),
        ("perp", float("inf"), "E_NOT_FINITE", 1),
        ("perp", "ten", "E_DTYPE", 1),
    ],
)
def test_what_cannot_accrue_is_refused_by_row(
    instrument: str, accrued: Any, code: str, row: int
) -> None:
    with pytest.raises(rs.InputError) as refused:
        book(("a", "perp", 1.0, 1.0), ("a", instrument, 1.0, accrued))
    assert (refused.value.code, refused.value.column) == (code, "accrued")
    assert refused.value.row in (row, None)


def test_a_sum_beyond_float64_and_a_column_of_another_length_are_refused() -> None:
    with pytest.raises(rs.InputError):
        pnl(book(("a", "perp", 1.0, 1.7e308), ("a", "perp", 1.0, 1.7e308)))
    with pytest.raises(rs.InputError, match="E_SHAPE: accrued"):
        rs.Portfolio.from_columns(
            BOOK, account=["a"], instrument=["perp"], quantity=[1.0], accrued=np.zeros(2)
        )
