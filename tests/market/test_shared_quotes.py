"""Quotes that options share are looked up once, and every option is quoted as if it were alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskslide as rs
from riskslide.market.state import State

NOW = "2026-02-05T08:00:00Z"
EXPIRIES = ("2026-03-27T08:00:00Z", "2026-06-26T08:00:00Z", "2026-02-05T08:00:00Z")
FIGURES = ("price", "spot", "years", "rate", "dividend_yield", "fx", "vol", "discount", "mark")
TRUST = ("index", "fixed_share")
OTHERS = ("payoff", "multiplier", "inverse")

rows = st.lists(
    st.tuples(
        st.sampled_from(("BTC", "ETH", "SOL")),
        st.integers(0, 2),
        st.sampled_from(("black76", "bsm", "bachelier")),
        st.sampled_from(("USD", "USDC", "EUR")),
        st.sampled_from(("option", "future", "perpetual")),
    ),
    min_size=1,
    max_size=14,
)


def contracts(drawn: list[tuple[Any, ...]]) -> rs.Instruments:
    return rs.Instruments.from_columns(
        name=[f"n{k}" for k in range(len(drawn))],
        kind=[r[4] for r in drawn],
        underlying=[r[0] for r in drawn],
        expiry=[None if r[4] == "perpetual" else EXPIRIES[r[1]] for r in drawn],
        strike=100.0,
        option_type="call",
        model=[r[2] for r in drawn],
        currency=[r[3] for r in drawn],
    )


def resolved(instruments: rs.Instruments, market: rs.Market) -> State | str:
    try:
        return market.on(instruments)
    except rs.InputError as error:
        return str(error)


@settings(max_examples=60)
@given(rows, st.data())
def test_an_option_is_quoted_as_if_it_were_alone(drawn: list[tuple[Any, ...]], data: Any) -> None:
    names = [f"n{k}" for k in range(len(drawn))]

    def some(keys: list[Any], low: float, high: float) -> dict[Any, float]:
        kept = data.draw(st.sets(st.sampled_from(keys)))
        return {k: data.draw(st.floats(low, high)) for k in keys if k in kept}

    dated = [(u, e) for u in ("BTC", "ETH", "SOL") for e in EXPIRIES]
    missing = data.draw(st.sets(st.sampled_from([*names, "none"]), max_size=2))
    market = rs.Market.of(
        NOW,
        spot={"BTC": 120.0, "ETH": 80.0, "EUR": 1.1} | some(["SOL"], 50.0, 60.0),
        forward=some([*dated, *names], 90.0, 130.0),
        mark={n: 101.0 for n, row in zip(names, drawn, strict=True) if row[4] != "option"},
        vol={n: 0.3 + 0.01 * k for k, n in enumerate(names) if n not in missing},
        rate=some([*dated, *names, "BTC"], 0.0, 0.1),
        dividend_yield=some([*dated, *names, "ETH"], 0.0, 0.1),
        settlement={k: rs.Quote(99.0, 1770278400 * 10**9) for k in dated if k[1] == EXPIRIES[2]},
    )
    whole = contracts(drawn)
    together = resolved(whole, market)
    alone = [resolved(whole.take([k]), market) for k in range(len(drawn))]
    refused = [found for found in alone if isinstance(found, str)]
    if isinstance(together, str):
        assert together == refused[0]  # the first row that is refused, and for its first reason
        return
    assert refused == []
    warned = {w for s in alone if isinstance(s, State) for w in s.warnings}
    unused = {w for w in warned if w.startswith("W_UNUSED")}  # by that row alone
    assert set(together.warnings) >= {w for w in warned - unused if " options " not in w}
    for k, found in enumerate(alone):
        assert isinstance(found, State)
        for column in (*FIGURES, *OTHERS, *TRUST):
            assert getattr(together, column)[k] == getattr(found, column)[0], (column, k)
        assert together.factors[together.factor[k]] == found.factors[found.factor[0]]


def test_a_shared_quote_that_is_too_old_is_refused_before_a_later_vol() -> None:
    late = [("BTC", 0, "black76", "USD", "option")] * 3
    old = rs.Quote(100.0, 0)
    market = rs.Market.of(
        NOW, spot={"BTC": 100.0}, forward={("BTC", EXPIRIES[0]): old}, vol={"n0": 0.5}
    )
    terms = rs.load_rulebook("generic-slides").terms
    with pytest.raises(rs.InputError, match=r"E_STALE.*BTC@2026-03-27"):
        market.on(contracts(late), terms)
    fresh = rs.Market.of(NOW, forward={("BTC", EXPIRIES[0]): 100.0}, vol={"n0": 0.5})
    with pytest.raises(rs.InputError, match=r"E_MISSING_PRICE.*n1"):
        fresh.on(contracts(late), terms)
    assert np.isfinite(terms.max_age)


def test_a_spot_in_another_currency_than_the_strike_is_named() -> None:
    """Its forward would be a number of dollars beside a strike in euros."""
    calls = rs.Instruments.from_columns(
        name=["E", "U"],
        kind="option",
        underlying="X",
        expiry="2026-03-01T00:00:00Z",
        strike=5_000,
        option_type="call",
        currency=["EUR", "USD"],
    )
    vol = {"E": 0.2, "U": 0.2}
    market = rs.Market.of("2026-01-01T00:00:00Z", spot={"X": 5_500.0, "EUR": 1.1}, vol=vol)
    named = [w for w in market.on(calls).warnings if w.startswith("W_SPOT_CURRENCY")]
    assert named == [
        "W_SPOT_CURRENCY: forwards of X grow from a spot in USD, strikes are in EUR; "
        "quote forwards in EUR"
    ]
