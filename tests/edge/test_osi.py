"""OCC option symbols mean the contract that they name, in either form, or are refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskslide as rs
from riskslide.book.clock import instant, text_of
from riskslide.book.instruments import Kind, Style
from riskslide.edge import osi
from riskslide.edge.contract import instruments_of


def refused(call: Callable[[], Any]) -> rs.InputError:
    with pytest.raises(rs.InputError) as caught:
        call()
    return caught.value


def test_a_symbol_gives_its_contract() -> None:
    contract = osi.parse_instrument("AAPL260824C00255000")
    assert (contract.kind, contract.underlying, contract.currency) == (Kind.OPTION, "AAPL", "USD")
    assert (contract.strike, contract.is_call, contract.style) == (255.0, True, "american")
    assert (contract.inverse, contract.multiplier, contract.lot) == (False, 100.0, 1.0)
    assert contract.expiry == instant("2026-08-24T20:00:00Z")
    put = osi.parse_instrument("XLF260824P00055500")
    assert (put.strike, put.is_call) == (55.5, False)


def test_both_forms_name_one_contract() -> None:
    padded, compact = "SPXW  230914C01200000", "SPXW230914C01200000"
    assert osi.parse_instrument(padded) == osi.parse_instrument(compact)
    assert osi.parse_instrument(padded).name == compact
    symbol = osi.parse_symbol(padded)
    assert (symbol.compact, symbol.padded, len(symbol.padded)) == (compact, padded, 21)


@given(
    st.from_regex(r"[A-Z0-9]{1,6}", fullmatch=True),
    st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    st.booleans(),
    st.integers(1, 99_999_999),
)
def test_every_symbol_comes_back_from_both_forms(
    root: str, day: date, is_call: bool, thousandths: int
) -> None:
    symbol = osi.Symbol(root, day, is_call, thousandths)
    assert osi.parse_symbol(symbol.compact) == symbol
    assert osi.parse_symbol(symbol.padded) == symbol
    assert round(symbol.strike * 1000) == thousandths


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("aapl260824C00255000", "capitals: AAPL260824C00255000"),
        ("AAPL260824c00255000", "capitals"),
        ("AAPL 260824C00255000", "six characters, or not at all: AAPL260824C00255000"),
        ("AAPL   260824C00255000", "six characters"),
        (" AAPL 260824C00255000", "six characters"),
        ("AA PL 260824C00255000", "six characters"),
        ("AAPL260824C00255000 ", "must be as"),
        ("AAPL260824C00255000\n", "must be as"),
        ("AAPL260824X00255000", "must be as"),
        ("AAPL260824C0025500", "must be as"),
        ("AAPL260824C255.00", "must be as"),
        ("AAPL-260824C00255000", "must be as"),
        ("APPLEEE260824C00255000", "must be as"),
        ("      260824C00255000", "must be as"),
        ("260824C00255000", "must be as"),
        ("AAPL260230C00255000", "260230 is no date"),
        ("AAPL261324C00255000", "261324 is no date"),
        ("AAPL260824C00000000", "strike must be > 0"),
        ("AAPL\u0662\u0666\u0660\u0668\u0662\u0664C00255000", "must be as"),
        ("", "must be as"),
        ("AAPL1260824C00255000", "AAPL1 is adjusted or FLEX"),
        ("1SPX  260824C04500000", "1SPX is adjusted or FLEX"),
    ],
)
def test_any_other_text_is_refused_with_the_fix(name: str, fix: str) -> None:
    error = refused(lambda: osi.parse_instrument(name))
    assert (error.code, error.value) == ("E_INSTRUMENT", name)
    assert fix in error.fix


@pytest.mark.parametrize(
    ("root", "underlying", "style", "clock"),
    [
        ("SPX", "SPX", "european", "13:30"),
        ("SPXW", "SPX", "european", "20:00"),
        ("XSP", "XSP", "european", "20:00"),
        ("NDX", "NDX", "european", "13:30"),
        ("NDXP", "NDX", "european", "20:00"),
        ("RUT", "RUT", "european", "13:30"),
        ("RUTW", "RUT", "european", "20:00"),
        ("MRUT", "MRUT", "european", "20:00"),
        ("DJX", "DJX", "european", "13:30"),
        ("VIX", "VIX", "european", "13:30"),
        ("VIXW", "VIX", "european", "13:30"),
        ("XEO", "OEX", "european", "20:00"),
        ("OEX", "OEX", "american", "20:00"),
        ("SPY", "SPY", "american", "20:00"),
        ("BRKB", "BRKB", "american", "20:00"),
    ],
)
def test_a_root_says_what_the_option_is_on_and_how_it_is_exercised(
    root: str, underlying: str, style: str, clock: str
) -> None:
    contract = osi.parse_instrument(f"{root}230616P00400000")
    assert (contract.underlying, contract.style) == (underlying, style)
    assert text_of(contract.expiry) == f"2023-06-16T{clock}:00Z"


def test_every_index_root_is_tested_above() -> None:
    assert len(osi.INDEX_ROOTS) == 12


@pytest.mark.parametrize(
    ("yymmdd", "close", "opening"),
    [
        ("230310", "2023-03-10T21:00:00Z", "2023-03-10T14:30:00Z"),  # winter
        ("230313", "2023-03-13T20:00:00Z", "2023-03-13T13:30:00Z"),  # the day after the change
        ("231103", "2023-11-03T20:00:00Z", "2023-11-03T13:30:00Z"),
        ("231106", "2023-11-06T21:00:00Z", "2023-11-06T14:30:00Z"),
        ("060331", "2006-03-31T21:00:00Z", "2006-03-31T14:30:00Z"),  # summer began in April then
    ],
)
def test_expiries_follow_the_clocks_of_new_york(yymmdd: str, close: str, opening: str) -> None:
    assert text_of(osi.parse_instrument(f"SPXW{yymmdd}C04000000").expiry) == close
    assert text_of(osi.parse_instrument(f"SPX{yymmdd}C04000000").expiry) == opening


def test_contracts_become_instruments_with_their_style() -> None:
    names = ("SPX230616C04000000", "SPY230616C00400000")
    found = instruments_of([osi.parse_instrument(n) for n in names])
    assert found.style.tolist() == [Style.EUROPEAN.value, Style.AMERICAN.value]
    assert found.multiplier.tolist() == [100.0, 100.0]
    assert found.currencies == ("USD",)


def test_styles_keep_their_numbers() -> None:
    assert {s.name: s.value for s in Style} == {"EUROPEAN": 0, "AMERICAN": 1}
