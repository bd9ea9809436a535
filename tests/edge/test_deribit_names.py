"""Guards what names of Deribit mean, and what their contracts are worth."""

from __future__ import annotations

import numpy as np
import pytest
from edge.deribit_chains import CALL, PUT, refused

import riskslide as rs
from riskslide.book.clock import NO_EXPIRY, instant
from riskslide.book.instruments import Kind
from riskslide.edge.contract import instruments_of
from riskslide.edge.deribit.names import FUTURE_LOT, OPTION_LOT

# Names


def test_an_option_name_gives_its_contract() -> None:
    contract = rs.parse_instrument(CALL)
    assert (contract.kind, contract.underlying, contract.currency) == (Kind.OPTION, "BTC", "BTC")
    assert (contract.strike, contract.is_call) == (80000.0, True)
    assert contract.expiry == instant("2026-03-27T08:00:00Z")
    assert (contract.inverse, contract.multiplier, contract.lot) == (True, 1.0, OPTION_LOT)
    assert rs.parse_instrument(PUT).expiry == instant("2026-02-06T08:00:00Z")
    assert rs.parse_instrument(PUT).is_call is False


def test_a_future_and_a_perpetual_count_usd_of_notional() -> None:
    future, perpetual = rs.parse_instrument("BTC-27JUN25"), rs.parse_instrument("ETH-PERPETUAL")
    assert (future.kind, future.expiry) == (Kind.FUTURE, instant("2025-06-27T08:00:00Z"))
    assert (perpetual.kind, perpetual.expiry) == (Kind.PERPETUAL, NO_EXPIRY)
    for contract in (future, perpetual):
        assert (contract.inverse, contract.multiplier, contract.lot) == (True, 1.0, FUTURE_LOT)
        assert contract.is_call is None


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("btc-27MAR26-80000-C", "capitals: BTC-27MAR26-80000-C"),
        ("BTC-27mar26-80000-C", "capitals"),
        ("BTC-06FEB26-80000-C", "without a leading zero: 6FEB26"),
        ("BTC-06FEB26", "without a leading zero"),
        ("BTC-0FEB26", "leading zero"),
        ("BTC-30FEB26-80000-C", "30FEB26 is no date"),
        ("BTC-32MAR26", "32MAR26 is no date"),
        ("BTC-27MRZ26", "27MRZ26 is no date"),
        ("BTC-27MAR26-0-C", "strike must be > 0"),
        ("BTC-27MAR26-080000-C", "leading zeros"),
        ("BTC-27MAR26-80000.5-C", "must be as"),
        ("BTC-27MAR26--80000-C", "must be as"),
        ("BTC-27MAR26-80000-X", "must be as"),
        ("BTC-27MAR26-80000", "must be as"),
        ("BTC-27MAR2026-80000-C", "must be as"),
        ("BTC-27MAR26-80000-C ", "must be as"),
        ("BTC-27MAR26-80000-C\n", "must be as"),
        ("BTC-27MAR26-\u0668\u0660-C", "must be as"),
        ("BTC-PERP", "must be as"),
        ("BTC", "must be as"),
        ("", "must be as"),
        ("SOL-27MAR26-200-C", "must settle in BTC or ETH"),
        ("BTC_USDC-PERPETUAL", "USDC"),
        ("BTC-FS-27MAR26_PERP", "combos are not covered"),
    ],
)
def test_any_other_name_is_refused_with_the_fix(name: str, fix: str) -> None:
    error = refused(lambda: rs.parse_instrument(name))
    assert (error.code, error.value) == ("E_INSTRUMENT", name)
    assert fix in error.fix


def test_coin_options_are_worth_their_usd_value_over_the_forward() -> None:
    instruments = instruments_of([rs.parse_instrument(CALL)])
    market = rs.Market.of(
        "2026-02-27T08:00:00Z",
        spot={"BTC": 79_000.0},
        forward={CALL: 80_500.0},
        vol={CALL: 0.6},
    )
    usd = rs.black76(80_500.0, 80_000.0, 28 / 365, 0.6, is_call=True).value[0]
    cube = rs.revalue(instruments, market, rs.Scenarios.of([1.0]))
    assert cube.base[0] == pytest.approx(usd / 80_500 * 79_000, rel=1e-14)


@pytest.mark.parametrize("name", ["BTC-PERPETUAL", "BTC-27MAR26"])
@pytest.mark.parametrize("notional", [100_000.0, -100_000.0])
@pytest.mark.parametrize("move", [0.8, 1.3])
def test_coin_pnl_of_futures_is_notional_times_the_difference_of_the_inverse_prices(
    name: str, notional: float, move: float
) -> None:
    instruments = instruments_of([rs.parse_instrument(name)])
    entry, mark, coin = 78_000.0, 80_000.0, 79_500.0
    portfolio = rs.Portfolio.from_columns(
        instruments, account=["A"], instrument=[name], quantity=[notional], entry_price=[entry]
    )
    market = rs.Market.of("2026-02-27T08:00:00Z", spot={"BTC": coin}, mark={name: mark})
    gained = rs.stress(portfolio, market, rs.Scenarios.of([move]))[0, 0]
    assert gained == pytest.approx(
        notional * (1 / mark - 1 / (mark * move)) * coin * move, rel=1e-12
    )
    assert np.sign(gained) == np.sign(notional * (move - 1))
    assessment = rs.assess(portfolio, market, rs.load_rulebook("generic-slides"))
    assert assessment.unrealised_pnl[0] == pytest.approx(
        notional * (1 / entry - 1 / mark) * coin, rel=1e-12
    )
