"""Guards that an option may be quoted by its price: the model that revalues it implies its vol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import riskslide as rs
from riskslide.edge.files.load import load_book

NOW, EXPIRY = "2026-02-05T08:00:00Z", "2026-03-27T08:00:00Z"
SPOT, RATE, YIELD = 100.0, 0.04, 0.01
WAYS: list[dict[str, str]] = [
    {"model": "black76"},
    {"model": "bsm"},
    {"model": "bachelier"},
    {"model": "black76", "settlement": "inverse", "currency": "X"},
]


def option(strike: float, side: str, multiplier: float = 1.0, **way: Any) -> rs.Instruments:
    return rs.Instruments.from_columns(
        name=["O"],
        kind="option",
        underlying="X",
        expiry=EXPIRY,
        strike=strike,
        option_type=side,
        multiplier=multiplier,
        **way,
    )


def market(**quotes: Any) -> rs.Market:
    return rs.Market.of(
        NOW, spot={"X": SPOT}, rate={"X": RATE}, dividend_yield={"X": YIELD}, **quotes
    )


@pytest.mark.parametrize("way", WAYS, ids=lambda w: "-".join(w.values()))
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(st.floats(90.0, 112.0), st.sampled_from(["call", "put"]), st.floats(0.2, 1.5))
def test_a_price_stands_for_the_vol_that_gives_it(
    way: dict[str, str], strike: float, side: str, vol: float
) -> None:
    size = vol * SPOT if way["model"] == "bachelier" else vol
    contract = option(strike, side, 100.0, **way)
    by_vol = rs.revalue(contract, market(vol={"O": size}), rs.Scenarios.of([0.9, 1.1]))
    in_units = by_vol.base[0] / 100.0 / (SPOT if "settlement" in way else 1.0)
    priced = market(mark={"O": float(in_units)})
    state = priced.on(contract)
    assert state.vol[0] == pytest.approx(size, rel=1e-6)
    again = rs.revalue(contract, priced, rs.Scenarios.of([0.9, 1.1]))
    assert again.base[0] == pytest.approx(by_vol.base[0], rel=1e-11)
    assert again.values[0] == pytest.approx(by_vol.values[0], rel=1e-6, abs=1e-6)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    st.floats(80.0, 125.0),
    st.sampled_from(["call", "put"]),
    st.floats(0.1, 1.5),
    st.sampled_from(["black76", "bsm"]),
)
def test_an_american_price_stands_for_the_vol_of_an_option_that_may_be_exercised(
    strike: float, side: str, vol: float, model: str
) -> None:
    """On a spot under either model. A European option of this price needs a larger vol."""
    contract = option(strike, side, style="american", model=model)
    still = rs.Scenarios.of(1.0)
    value = float(rs.revalue(contract, market(vol={"O": vol}), still).base[0])
    assume(value > (SPOT - strike if side == "call" else strike - SPOT) + 0.01)
    priced = market(mark={"O": value})
    again = rs.revalue(contract, priced, still).base[0]
    assert again == pytest.approx(value, abs=1e-12 * strike)
    vol_of_european = market(mark={"O": value}).on(option(strike, side)).vol[0]
    assert vol_of_european >= priced.on(contract).vol[0] * (1 - 1e-6)


def test_an_american_price_at_which_it_is_exercised_says_no_vol() -> None:
    put = option(150.0, "put", style="american")
    for price, code in ((49.0, "E_PRICE_BELOW"), (50.0, "E_VOL_UNDETERMINED")):
        with pytest.raises(rs.InputError) as refused:
            market(mark={"O": price}).on(put)
        assert refused.value.code == code
    with pytest.raises(rs.InputError, match="E_PRICE_ABOVE"):
        market(mark={"O": 151.0}).on(put)


def test_a_price_in_coin_over_the_index_is_read_as_the_terms_say() -> None:
    """Forward 110, index 100: in the terms of the index the same option is worth 1.1 times as
    many coins."""
    contract = option(100.0, "call", settlement="inverse", currency="X")
    terms = rs.load_rulebook("deribit-xpm").terms
    quotes: dict[str, Any] = {"spot": {"X": 100.0}, "forward": {("X", EXPIRY): 110.0}}
    over = {"forward": 1.0, "index": 1.1}
    for divisor, factor in over.items():
        priced = rs.Market.of(NOW, mark={"O": 0.15 * factor}, **quotes)
        state = priced.on(contract, terms._replace(option_divisor=divisor))
        assert state.vol[0] == pytest.approx(
            rs.Market.of(NOW, mark={"O": 0.15}, **quotes).on(contract).vol[0], rel=1e-12
        )


def test_a_quoted_vol_counts_before_a_price() -> None:
    contract = option(100.0, "call")
    found = market(vol={"O": 0.3}, mark={"O": 50.0}).on(contract)
    assert found.vol.tolist() == [0.3]


@pytest.mark.parametrize(
    ("strike", "side", "price", "code"),
    [
        (80.0, "call", 15.0, "E_PRICE_BELOW"),
        (120.0, "put", 15.0, "E_PRICE_BELOW"),
        (100.0, "call", 100.0, "E_PRICE_ABOVE"),
        (100.0, "put", 100.0, "E_PRICE_ABOVE"),
        (100.0, "call", -1.0, "E_PRICE_BELOW"),
        (120.0, "call", 0.0, "E_VOL_UNDETERMINED"),
    ],
)
def test_a_price_that_no_vol_gives_is_refused_by_name(
    strike: float, side: str, price: float, code: str
) -> None:
    with pytest.raises(rs.InputError) as refused:
        market(mark={"O": price}).on(option(strike, side))
    assert (refused.value.code, refused.value.column) == (code, "mark")
    assert refused.value.value == price
    assert refused.value.fix.startswith("O: it ") and "quote its vol" in refused.value.fix


def test_a_price_may_be_out_of_date_and_its_lack_is_that_of_a_vol() -> None:
    terms = rs.load_rulebook("generic-slides").terms
    late = market(mark={"O": rs.Quote(5.0, 0)})
    with pytest.raises(rs.InputError, match=r"E_STALE: mark.*O"):
        late.on(option(100.0, "call"), terms)
    with pytest.raises(rs.InputError, match=r"E_MISSING_PRICE: vol.*O"):
        market().on(option(100.0, "call"))


def test_options_priced_and_quoted_by_vol_stand_side_by_side() -> None:
    names = [f"O{k}" for k in range(40)]
    contracts = rs.Instruments.from_columns(
        name=names,
        kind="option",
        underlying="X",
        expiry=EXPIRY,
        strike=np.linspace(80.0, 120.0, 40),
        option_type=["call", "put"] * 20,
        style=["european", "american"] * 20,
    )
    vol = {name: 0.2 + 0.01 * k for k, name in enumerate(names)}
    value = rs.revalue(contracts, market(vol=vol), rs.Scenarios.of(1.0)).base
    mark = dict(zip(names, value.tolist(), strict=True))
    mixed = market(
        vol={n: vol[n] for n in names[::3]}, mark={n: mark[n] for n in names if n not in names[::3]}
    )
    assert mixed.on(contracts).vol == pytest.approx(list(vol.values()), rel=1e-9)


def test_an_implied_vol_that_is_a_slip_is_warned_of() -> None:
    found = market(mark={"O": 98.0}).on(option(100.0, "call"))
    assert any(w.startswith("W_VOL_HIGH: vol of O") for w in found.warnings)


QUOTES = """quote,symbol,expiry,value,instant
spot,IBM,,97.73,2026-02-19T21:00:00Z
rate,IBM,,0.05,2026-02-19T21:00:00Z
mark,IBM260417C00100000,,1.675,2026-02-19T21:00:00Z
"""


def test_files_quote_options_by_their_mark(tmp_path: Path) -> None:
    """Without a vol a row `mark` of the option prices it; its stock is held beside it by name."""
    held = "account,instrument,quantity\na,IBM   260417C00100000,-10\na,IBM,1000\n"
    for name, text in {"positions": held, "market": QUOTES}.items():
        (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    book, quotes = load_book(tmp_path / "positions.csv", None, tmp_path / "market.csv")
    found = rs.assess(book, quotes, rs.load_rulebook("occ-cpm"))
    assert found.option_value[0] == pytest.approx(-1_675.0, rel=1e-12)
    assert found.collateral[0] == pytest.approx(97_730.0, rel=1e-12)


def test_a_stock_is_known_beside_options_alone(tmp_path: Path) -> None:
    """Where no option of the OCC is held, a bare name is a slip."""
    files = {"positions": "account,instrument,quantity\na,IBM,1000\n", "market": QUOTES}
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    with pytest.raises(rs.InputError, match="E_INSTRUMENT"):
        load_book(tmp_path / "positions.csv", None, tmp_path / "market.csv")


@pytest.mark.parametrize("rules", ["derive-standard", "paradex-pm", "derive-pm2", "generic-slides"])
def test_an_american_price_is_what_the_option_is_worth_whatever_discounts(rules: str) -> None:
    put = rs.Instruments.from_columns(
        name=["P"],
        kind="option",
        underlying="BTC",
        expiry="2026-12-18T08:00:00Z",
        strike=100_000.0,
        option_type="put",
        style="american",
    )
    quotes = {"spot": {"BTC": 100_000.0}, "rate": {"BTC": 0.05}, "mark": {"P": 9_000.0}}
    book = rs.Portfolio.from_columns(put, account=["a"], instrument=["P"], quantity=[-1.0])
    market = rs.Market.of("2026-02-05T12:00:00Z", **quotes)
    found = rs.assess(book, market, rs.load_rulebook(rules))
    assert found.option_value[0] == pytest.approx(-9_000.0, rel=1e-7)
