"""Guards the arithmetic of Dutch auctions, by figures worked by hand and by what they must keep."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskslide as rs
from riskslide.account.auction import (
    SCHEMA,
    Auction,
    Bid,
    Offered,
    after_bid,
    socialised_loss,
    withdrawals_blocked,
)

PROPERTY = settings(max_examples=200, deadline=None, derandomize=True, database=None)
AUCTION = Auction(
    start=0.9,
    cutoff=0.6,
    fast_length=100.0,
    slow_length=1000.0,
    insolvent_length=500.0,
    fee_rate=0.05,
    buffer=0.25,
)
# Buffer margin -100 - (100 + 60) / 4 = -140: at the full mark value 140 of 200 must be sold.
OFFERED = Offered(value=60.0, maintenance=-100.0)


@pytest.mark.parametrize(
    ("seconds", "discount"),
    [(0, 0.9), (50, 0.75), (100, 0.6), (600, 0.3), (1100, 0.0), (1e8, 0.0)],
)
def test_the_price_falls_fast_then_slowly_then_stays_at_nothing(
    seconds: float, discount: float
) -> None:
    assert AUCTION.discount(seconds) == pytest.approx(discount, abs=1e-15)


def test_the_price_has_no_jump_at_the_cutoff() -> None:
    before, after = (AUCTION.discount(math.nextafter(100.0, to)) for to in (0.0, 200.0))
    assert before == pytest.approx(after, abs=1e-14)


def test_an_account_is_insolvent_without_value_or_after_the_last_second() -> None:
    assert not AUCTION.is_insolvent(1e-9, 1099.0)
    assert AUCTION.is_insolvent(1e-9, 1100.0)
    assert AUCTION.is_insolvent(0.0, 0.0)
    assert AUCTION.is_insolvent(-1.0, 0.0)


def test_the_buffer_is_a_share_of_the_requirement() -> None:
    assert AUCTION.buffer_margin(OFFERED) == -140.0
    assert replace(AUCTION, buffer=0.0).buffer_margin(OFFERED) == -100.0


def test_figures_worked_by_hand() -> None:
    assert AUCTION.max_share(OFFERED, 1.0) == 140 / 200
    assert AUCTION.start_fee(OFFERED) == pytest.approx(0.7 * 60 * 0.05, rel=1e-15)
    bid = AUCTION.bid(OFFERED, 0.5, 0.2)
    assert bid == Bid(share=0.2, price=6.0, held=6.0 + 28.0)
    # 10 of 1000 cash were paid in: 990 * 0.8 + 10 + 6 stay, and 16 are paid in now.
    assert after_bid(bid, cash=1000.0, paid=10.0) == (808.0, 16.0)


def test_cash_of_earlier_bidders_is_not_sold() -> None:
    bid = AUCTION.bid(OFFERED._replace(paid=20.0), 0.5, 0.25)
    assert bid.price == (60 - 20) * 0.5 * 0.25
    assert bid.held == bid.price + (140 + 20) * 0.25


def test_a_whole_account_is_sold_where_nothing_is_asked_for_it() -> None:
    assert AUCTION.max_share(OFFERED, 0.0) == 1.0
    assert AUCTION.bid(OFFERED, 0.0, 1.0).price == 0.0
    assert after_bid(Bid(1.0, 7.0, 0.0), cash=500.0, paid=0.0) == (7.0, 7.0)


@pytest.mark.parametrize("maintenance", [60.0, 12.0, 30.0])
def test_nothing_is_sold_once_the_buffer_is_there(maintenance: float) -> None:
    """At 12 the buffer margin is 0 exactly: that ends the auction too."""
    offered = Offered(60.0, maintenance)
    assert AUCTION.buffer_margin(offered) >= 0.0
    assert AUCTION.max_share(offered, 0.9) == 0.0
    assert AUCTION.start_fee(offered) == 0.0
    assert AUCTION.bid(offered, 0.9, 1.0) == Bid(0.0, 0.0, 0.0)


def test_a_small_account_is_sold_whole() -> None:
    auction = replace(AUCTION, mtm_cutoff=60.5)
    assert auction.max_share(OFFERED, 0.9) == 1.0
    assert replace(AUCTION, mtm_cutoff=60.0).max_share(OFFERED, 0.9) < 1.0
    assert auction.max_share(Offered(60.0, 60.0), 0.9) == 0.0


def test_an_insolvent_account_has_no_share_price_or_fee() -> None:
    offered = Offered(0.0, -100.0)
    assert AUCTION.start_fee(offered) == 0.0
    with pytest.raises(rs.InputError, match=r"E_DOMAIN: value = 0\.0"):
        AUCTION.max_share(offered, 0.5)
    with pytest.raises(rs.InputError, match="E_DOMAIN: value"):
        AUCTION.bid(offered._replace(value=-1.0), 0.5, 0.1)


@pytest.mark.parametrize(
    ("value", "maintenance", "seconds", "payment"),
    [
        (-40.0, -100.0, 0.0, 40.0),
        (-40.0, -100.0, 250.0, 70.0),
        (-40.0, -100.0, 500.0, 100.0),
        (-40.0, -100.0, 1e7, 100.0),
        (30.0, -100.0, 0.0, 0.0),
        (30.0, -100.0, 100.0, 20.0),
        (-40.0, -10.0, 400.0, 40.0),
    ],
)
def test_the_security_module_pays_from_debt_to_requirement(
    value: float, maintenance: float, seconds: float, payment: float
) -> None:
    offered = Offered(value, maintenance)
    assert AUCTION.security_payment(offered, seconds, 1.0) == pytest.approx(payment, rel=1e-14)
    half = AUCTION.security_payment(offered, seconds, 0.5)
    assert half == pytest.approx(payment / 2, rel=1e-14)


def test_what_the_module_lacks_is_shared_by_all_and_stops_withdrawals() -> None:
    assert socialised_loss(70.0, 100.0) == 0.0
    assert socialised_loss(70.0, 50.0) == 20.0
    assert socialised_loss(70.0, -5.0) == 70.0
    assert withdrawals_blocked(-100.1, 100.0)
    assert not withdrawals_blocked(-100.0, 100.0)


@PROPERTY
@given(
    value=st.floats(1e-3, 1e6),
    requirement=st.floats(1e-3, 1e6),
    paid=st.floats(0.0, 1.0),
    discount=st.floats(0.0, 1.0),
    buffer=st.floats(0.0, 2.0),
)
def test_the_largest_bid_restores_the_buffer(
    value: float, requirement: float, paid: float, discount: float, buffer: float
) -> None:
    """Positions and cash for sale shrink alike, so both figures follow from the share."""
    auction = replace(AUCTION, buffer=buffer)
    paid *= value
    offered = Offered(value, -requirement, paid)
    bid = auction.bid(offered, discount, 1.0)
    assert 0.0 < bid.share <= 1.0
    left = 1.0 - bid.share
    kept = paid + bid.price
    after = Offered((value - paid) * left + kept, (-requirement - paid) * left + kept, kept)
    size = max(value, requirement) * (1.0 + buffer)
    assert auction.buffer_margin(after) == pytest.approx(0.0, abs=1e-12 * size)


@PROPERTY
@given(first=st.floats(0.0, 1200.0), second=st.floats(0.0, 1200.0))
def test_waiting_never_raises_the_price_nor_lowers_the_payment(first: float, second: float) -> None:
    early, late = sorted((first, second))
    assert AUCTION.discount(early) >= AUCTION.discount(late)
    insolvent = Offered(-5.0, -50.0)
    paid = [AUCTION.security_payment(insolvent, t, 1.0) for t in (early, late)]
    assert paid[0] <= paid[1]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("start", 1.01, "E_RANGE"),
        ("cutoff", 0.95, "E_RANGE"),
        ("cutoff", -0.01, "E_RANGE"),
        ("fast_length", 0.0, "E_RANGE"),
        ("slow_length", 0.5, "E_RANGE"),
        ("insolvent_length", -1.0, "E_RANGE"),
        ("fee_rate", 1.5, "E_RANGE"),
        ("buffer", math.nan, "E_NOT_FINITE"),
        ("mtm_cutoff", math.inf, "E_NOT_FINITE"),
    ],
)
def test_parameters_out_of_range_are_refused_by_key(name: str, value: float, code: str) -> None:
    with pytest.raises(rs.InputError) as caught:
        replace(AUCTION, **{name: value})
    assert (caught.value.code, caught.value.column) == (code, f"auction.{name}")


def test_bad_amounts_are_refused_by_name() -> None:
    for offered, code, column in [
        (Offered(math.nan, -1.0), "E_NOT_FINITE", "value"),
        (Offered(1.0, -math.inf), "E_NOT_FINITE", "maintenance"),
        (Offered(1.0, -1.0, -1.0), "E_DOMAIN", "paid"),
        (Offered(1e200, -1.0), "E_OVERFLOW", "value"),
    ]:
        with pytest.raises(rs.InputError) as caught:
            AUCTION.bid(offered, 0.5, 0.5)
        assert (caught.value.code, caught.value.column) == (code, column)
    for call in (
        lambda: AUCTION.bid(OFFERED, 1.1, 0.5),
        lambda: AUCTION.bid(OFFERED, 0.5, -0.1),
        lambda: AUCTION.discount(-1.0),
        lambda: AUCTION.security_payment(OFFERED, -1.0, 0.5),
        lambda: AUCTION.security_payment(OFFERED, 1.0, 1.5),
    ):
        with pytest.raises(rs.InputError, match="E_DOMAIN"):
            call()


class Book:
    """Numbers by key, as a rule book gives them."""

    def number(self, key: str) -> float:
        return float(getattr(AUCTION, key.removeprefix("auction.")))


def test_a_rule_book_gives_every_parameter_by_its_key() -> None:
    assert list(SCHEMA) == [f"auction.{name}" for name in Auction.__slots__]
    assert Auction.of(Book()) == AUCTION  # type: ignore[arg-type]
