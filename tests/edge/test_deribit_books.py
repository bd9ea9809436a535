"""Guards that books on a snapshot of Deribit find their quotes, or say what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from edge.deribit_chains import CALL, NOW, chain, load, marks, refused, row

import riskslide as rs
from riskslide.book.clock import instant

# Books on a snapshot


@pytest.mark.parametrize("name", ["BTC-PERPETUAL", "BTC-27MAR26"])
def test_a_future_needs_a_file_of_marks(tmp_path: Path, name: str) -> None:
    path = chain(tmp_path, row(CALL))
    error = refused(lambda: load(tmp_path, [path], (CALL, 1.0), (name, -100.0)))
    assert (error.code, error.row, error.value) == ("E_MISSING_PRICE", 3, name)
    assert "perpetual_futures_prices.csv.gz" in error.fix
    portfolio, market = load(
        tmp_path, [path, marks(tmp_path, name, 68_010.0)], (CALL, 1.0), (name, -100.0)
    )
    assert market.mark[name].value == 68_010.0
    assert set(portfolio.instruments.name) == {CALL, name}


def test_names_of_marks_are_refused_by_their_own_column(tmp_path: Path) -> None:
    path = tmp_path / "futures.csv"
    path.write_text(
        f"timestamp,futures_instrument_name,term_mark_price_final\n{NOW},BTC-31FEB26,7e4\n", "utf-8"
    )
    error = refused(lambda: rs.read_market(path))
    assert (error.code, error.row, error.column) == ("E_INSTRUMENT", 2, "futures_instrument_name")


def test_marks_follow_the_chain_that_they_are_given_with(tmp_path: Path) -> None:
    path = chain(tmp_path, row(CALL))
    late = marks(tmp_path, "BTC-PERPETUAL", 1.0, when="2026-04-01T00:00:00Z")
    assert rs.read_market([path, late]).as_of == instant(NOW)
    assert rs.read_market(late).as_of == instant("2026-04-01T00:00:00Z")
    error = refused(lambda: load(tmp_path, [path, late], ("BTC-PERPETUAL", 1.0)))
    assert error.code == "E_MISSING_PRICE"


def test_names_that_are_not_deribits_need_a_file_of_instruments(tmp_path: Path) -> None:
    path = chain(tmp_path, row(CALL))
    error = refused(lambda: load(tmp_path, [path], ("AAPL", 1.0)))
    assert (error.code, error.row, error.value) == ("E_INSTRUMENT", 2, "AAPL")
    assert "--instruments" in error.fix


def test_an_option_that_the_snapshot_does_not_list_is_named(tmp_path: Path) -> None:
    path = chain(tmp_path, row(CALL))
    error = refused(lambda: load(tmp_path, [path], ("BTC-27MAR26-81000-C", 1.0)))
    assert (error.code, error.row) == ("E_MISSING_PRICE", 2)
    assert "not in the market" in error.fix
