"""Books that nobody touches: what expires pays, what is not quoted moves with the index."""

from __future__ import annotations

import numpy as np
import pytest
from held import Held, alive, carried, cash_of, coin_gains, received, settlement_prices

import riskslide as rs
from riskslide.book.clock import instant

NEAR, FAR = "2026-02-06T08:00:00Z", "2026-03-27T08:00:00Z"
CALL, PUT, LATE, FUTURE, PERPETUAL = (
    "BTC-6FEB26-60000-C",
    "BTC-6FEB26-60000-P",
    "BTC-27MAR26-70000-C",
    "BTC-6FEB26",
    "BTC-PERPETUAL",
)
NAMES = (CALL, PUT, LATE, FUTURE, PERPETUAL)
SETTLED = {("BTC", instant(NEAR)): 64_000.0}


def held() -> Held:
    """One account: long 2 calls, short 1 put, long 3 late calls, a future and a perpetual."""
    instruments = rs.Instruments.from_columns(
        name=NAMES,
        kind=["option", "option", "option", "future", "perpetual"],
        underlying="BTC",
        expiry=[NEAR, NEAR, FAR, NEAR, None],
        strike=[60_000.0, 60_000.0, 70_000.0, 0.0, 0.0],
        option_type=["call", "put", "call", "", ""],
        settlement="inverse",
    )
    return Held(
        instruments=instruments,
        account=("a",) * 5,
        row=(0, 1, 2, 3, 4),
        quantity=np.array([2.0, -1.0, 3.0, 100_000.0, -50_000.0]),
        entry_price=np.array([np.nan, np.nan, np.nan, 80_000.0, 60_000.0]),
        balances={("a", "BTC"): 5.0},
    )


def market(as_of: str, index: float, *, without: tuple[str, ...] = ()) -> rs.Market:
    """All that is alive quoted 1 % above the index, at a vol that follows it."""
    options = [n for n in (CALL, PUT, LATE) if n not in without]
    return rs.Market.of(
        as_of,
        spot={"BTC": index},
        vol=dict.fromkeys(options, index / 100_000.0),
        forward=dict.fromkeys(options, 1.01 * index),
        mark={n: 1.01 * index for n in (FUTURE, PERPETUAL) if n not in without},
    )


FIRST = market("2026-02-05T08:00:00Z", 65_000.0)
SECOND = market("2026-02-06T10:00:00Z", 63_000.0)
THIRD = market("2026-02-07T10:00:00Z", 66_000.0)


def test_what_expired_pays_its_pay_off_in_coin() -> None:
    cash = cash_of(held(), SECOND.as_of, SETTLED)
    paid = 2 * (64_000 - 60_000) / 64_000 + 100_000 * (1 / 80_000 - 1 / 64_000)
    assert cash == {("a", "BTC"): pytest.approx(paid, rel=1e-12)}
    left = alive(held(), SECOND.as_of)
    assert [left.instruments.name[i] for i in left.row] == [LATE, PERPETUAL]
    assert received(left, cash).balances["a", "BTC"] == pytest.approx(5.0 + paid, rel=1e-12)
    assert cash_of(held(), FIRST.as_of, SETTLED) == {}


def test_gains_of_two_steps_are_those_of_both_at_once() -> None:
    one = coin_gains(held(), FIRST, SECOND, SETTLED)
    two = coin_gains(alive(held(), SECOND.as_of), SECOND, THIRD, SETTLED)
    both = coin_gains(held(), FIRST, THIRD, SETTLED)
    assert both["a", "BTC"] == pytest.approx(one["a", "BTC"] + two["a", "BTC"], rel=1e-12)


def test_equity_in_coin_changes_by_the_gains() -> None:
    rules = rs.load_rulebook("deribit-spm")
    before = rs.assess(held().portfolio(), FIRST, rules).equity[0] / 65_000
    after = received(alive(held(), SECOND.as_of), cash_of(held(), SECOND.as_of, SETTLED))
    then = rs.assess(after.portfolio(), SECOND, rules).equity[0] / 63_000
    gained = coin_gains(held(), FIRST, SECOND, SETTLED)["a", "BTC"]
    assert then - before == pytest.approx(gained, rel=1e-9)


def test_a_series_without_a_quote_keeps_its_vol_on_the_new_forward() -> None:
    later = market("2026-02-05T14:00:00Z", 60_000.0, without=(PUT, PERPETUAL))
    found, missing = carried(held(), later, FIRST)
    assert missing == 2
    assert found.vol[PUT].value == FIRST.vol[PUT].value
    assert found.forward[PUT].value == later.forward[CALL].value
    assert found.mark[PERPETUAL].value == pytest.approx(1.01 * 60_000.0)
    assert {q.instant for q in found.vol.values()} == {later.as_of}


def test_settlement_is_the_index_nearest_to_the_expiry() -> None:
    prices = settlement_prices(held().instruments, [FIRST, SECOND, THIRD])
    assert prices["BTC", instant(NEAR)] == 63_000.0
    assert prices["BTC", instant(FAR)] == 66_000.0
