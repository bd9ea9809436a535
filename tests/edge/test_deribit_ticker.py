"""Tickers and book summaries of Deribit, as files and as the exchange answers, are chains."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import riskslide as rs
from riskslide.book.clock import instant
from riskslide.edge.contract import instruments_of
from riskslide.edge.deribit.ticker import AVERAGED
from riskslide.edge.files.load import load_book

FOLDER = "chains_deribit_greeks"
NOW = instant("2026-02-05T15:51:32.535Z")
MILLISECONDS = NOW // 10**6
CALL, PUT, FUTURE = "BTC-27MAR26-80000-C", "BTC-27MAR26-80000-P", "BTC-27MAR26"


def refused(call: Callable[[], Any]) -> rs.InputError:
    with pytest.raises(rs.InputError) as caught:
        call()
    return caught.value


def summary(name: str, **changed: Any) -> dict[str, Any]:
    """An entry of get_book_summary_by_currency, with the fields and units of the exchange."""
    option = name.endswith(("-C", "-P"))
    found: dict[str, Any] = {
        "instrument_name": name,
        "base_currency": "BTC",
        "quote_currency": "BTC" if option else "USD",
        "mark_price": 0.0321 if option else 68_010.5,
        "bid_price": None,
        "ask_price": 0.033 if option else 68_011,
        "estimated_delivery_price": 67_900.25,
        "creation_timestamp": MILLISECONDS,
        "volume": 1.5,
        "open_interest": 12,
    }
    if option:
        found |= {"underlying_price": 68_200.5, "underlying_index": "BTC-27MAR26"}
        found |= {"mark_iv": 55.49, "interest_rate": 0.0}
    return found | changed


def ticker(name: str, **changed: Any) -> dict[str, Any]:
    """A result of public/ticker."""
    found = summary(name) | {"timestamp": MILLISECONDS, "state": "open", "index_price": 67_900.5}
    found |= {"greeks": {"delta": 0.1, "vega": 2.0}, "stats": {"volume": None}, "bids": [[1, 2]]}
    found.pop("creation_timestamp")
    return found | changed


def answer(result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "result": result, "usDiff": MILLISECONDS * 1000, "testnet": False}


def write(folder: Path, content: Any, name: str = "answer.json") -> Path:
    path = folder / name
    data = json.dumps(content).encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def load(
    folder: Path, market: list[Path], *held: tuple[str, float]
) -> tuple[rs.Portfolio, rs.Market]:
    rows = [f"A,{name},{quantity!r}\n" for name, quantity in held]
    (folder / "p.csv").write_text("account,instrument,quantity\n" + "".join(rows), "utf-8")
    (folder / "b.csv").write_text("account,asset,amount\nA,BTC,1\n", "utf-8")
    return load_book(folder / "p.csv", folder / "b.csv", market)


# Answers of the exchange


@pytest.mark.parametrize("name", ["answer.json", "answer.json.gz", "answer"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_book_summary_quotes_options_futures_and_the_index(
    tmp_path: Path, name: str, wrapped: bool
) -> None:
    rows = [summary(CALL), summary(PUT), summary(FUTURE), summary("BTC-PERPETUAL")]
    market = rs.read_market(write(tmp_path, answer(rows) if wrapped else rows, name))
    assert market.as_of == NOW
    assert market.vol == {n: rs.Quote(55.49 / 100, NOW) for n in (CALL, PUT)}
    assert market.forward == {n: rs.Quote(68_200.5, NOW) for n in (CALL, PUT)}
    assert market.mark == {n: rs.Quote(68_010.5, NOW) for n in (FUTURE, "BTC-PERPETUAL")}
    assert market.spot == {"BTC": rs.Quote(67_900.25, NOW)}
    assert (market.dropped, market.warnings) == (0, ())


@pytest.mark.parametrize(
    "content",
    [
        answer(ticker(CALL)),
        ticker(CALL),
        [ticker(CALL)],
        answer([ticker(CALL)]),
        [answer(ticker(CALL))],
    ],
)
def test_a_ticker_is_read_in_every_wrapping(tmp_path: Path, content: Any) -> None:
    market = rs.read_market(write(tmp_path, content))
    assert market.vol == {CALL: rs.Quote(55.49 / 100, NOW)}
    assert market.spot == {"BTC": rs.Quote(67_900.5, NOW)}


def test_a_book_is_margined_on_answers_alone(tmp_path: Path) -> None:
    options = write(tmp_path, answer([summary(CALL), summary(PUT)]), "options.json")
    later = MILLISECONDS + 2500
    futures = [summary(n, creation_timestamp=later) for n in (FUTURE, "BTC-PERPETUAL")]
    marks = write(tmp_path, answer(futures), "futures.json.gz")
    portfolio, market = load(tmp_path, [options, marks], (CALL, -2.0), ("BTC-PERPETUAL", -1e4))
    assert market.as_of == later * 10**6
    assert (market.vol[CALL].instant, market.mark[FUTURE].instant) == (NOW, later * 10**6)
    found = rs.assess(portfolio, market, rs.load_rulebook("generic-slides"))
    assert found.maintenance[0] > 0
    error = refused(lambda: load(tmp_path, [options], ("BTC-PERPETUAL", 1.0)))
    assert (error.code, error.value) == ("E_MISSING_PRICE", "BTC-PERPETUAL")


def test_what_is_listed_and_not_covered_is_dropped_with_the_reason(tmp_path: Path) -> None:
    names = {
        "BTC_USDC": "spot pair",
        "BTC_USDC-PERPETUAL": "linear",
        "BTC-FS-27MAR26_PERP": "combo",
        "BTC-CS-27MAR26-80000_90000": "combo",
        "BTC-REV-27MAR26-80000": "combo",
        "SOL-27MAR26-200-C": "does not settle in BTC or ETH",
    }
    path = write(tmp_path, answer([summary(n) for n in (*names, CALL)]))
    market = rs.read_market(path)
    assert (len(market.vol), market.dropped) == (1, len(names))
    error = refused(lambda: rs.read_market(write(tmp_path, [summary("BTC-MAR26-80000-C")])))
    assert (error.code, error.row, error.value) == ("E_INSTRUMENT", 1, "BTC-MAR26-80000-C")


def test_the_index_is_not_taken_from_a_price_that_is_an_average_by_then(tmp_path: Path) -> None:
    soon = "BTC-6FEB26-70000-C"
    moment = instant("2026-02-06T08:00:00Z") - AVERAGED
    stamp = {"creation_timestamp": moment // 10**6}
    rows = [summary(soon, estimated_delivery_price=1.0, **stamp), summary(CALL, **stamp)]
    assert rs.read_market(write(tmp_path, rows)).spot["BTC"].value == 67_900.25
    rows[1]["creation_timestamp"] -= 1
    rows[0]["creation_timestamp"] -= 1
    assert rs.read_market(write(tmp_path, rows)).spot["BTC"].value == (67_900.25 + 1.0) / 2


def test_a_closed_series_or_one_without_figures_is_dropped(tmp_path: Path) -> None:
    rows = [
        ticker(CALL, state="closed"),
        ticker(PUT, mark_iv=None),
        ticker(FUTURE, mark_price=None),
        ticker("BTC-PERPETUAL", state="locked"),
    ]
    path = write(tmp_path, rows)
    market = rs.read_market(path)
    assert (dict(market.vol), dict(market.mark), market.dropped) == ({}, {}, 4)
    for name, why in ((CALL, "is closed"), (PUT, "has no implied vol")):
        assert why in refused(lambda name=name: load(tmp_path, [path], (name, 1.0))).fix


@pytest.mark.parametrize(
    ("changed", "code", "column"),
    [
        ({"timestamp": None}, "E_MISSING", "timestamp"),
        ({"timestamp": MILLISECONDS // 1000}, "E_INSTANT", "timestamp"),
        ({"timestamp": "yesterday"}, "E_DTYPE", "timestamp"),
        ({"mark_iv": "high"}, "E_DTYPE", "mark_iv"),
        ({"underlying_price": 2**53 + 1}, "E_INTEGER", "underlying_price"),
        ({"instrument_name": "BTC-27MAR26-80000"}, "E_INSTRUMENT", "instrument_name"),
        ({"instrument_name": None}, "E_MISSING", "instrument_name"),
        ({"strike": 81_000}, "E_CONTRADICTION", "strike"),
    ],
)
def test_a_row_is_refused_by_its_number(
    tmp_path: Path, changed: dict[str, Any], code: str, column: str
) -> None:
    path = write(
        tmp_path, [ticker(PUT, strike=80_000), ticker(CALL, **{"strike": 80_000} | changed)]
    )
    error = refused(lambda: rs.read_market(path))
    assert (error.code, error.file, error.row, error.column) == (code, str(path), 2, column)


# Captures


def test_a_capture_is_one_snapshot_of_its_newest_row(tmp_path: Path) -> None:
    rows = [
        ticker(CALL, mark_iv=50, timestamp=MILLISECONDS - 400_000),
        ticker(PUT, mark_iv=51, timestamp=MILLISECONDS - 400_000),
        ticker(CALL, mark_iv=52, timestamp=MILLISECONDS - 100_000),
        ticker("BTC-27MAR26-70000-C", mark_iv=53),
    ]
    path = write(tmp_path, rows)
    market = rs.read_market(path)
    names = (CALL, "BTC-27MAR26-70000-C")
    assert market.vol == dict(zip(names, [rs.Quote(v, NOW) for v in (0.52, 0.53)], strict=True))
    assert market.dropped == 1
    assert "newest capture" in refused(lambda: load(tmp_path, [path], (PUT, 1.0))).fix
    earlier = rs.read_market(path, as_of=NOW - 300 * 10**9)
    assert {n: q.value for n, q in earlier.vol.items()} == {CALL: 0.5, PUT: 0.51}


def test_rows_of_one_instant_agree_or_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, [ticker(CALL), ticker(PUT), ticker(CALL, open_interest=7)])
    assert rs.read_market(path).warnings[0].startswith("W_REPEATED")
    path = write(tmp_path, [ticker(CALL), ticker(PUT), ticker(CALL, mark_iv=56)])
    error = refused(lambda: rs.read_market(path))
    assert (error.code, error.row, error.column, error.value) == ("E_DUPLICATE", 3, "mark_iv", 56.0)
    assert f"the vol 55.49 of the same instant in {path}:1" in error.fix


# Recorded files


@pytest.mark.parametrize(
    ("file", "count", "index"),
    [
        ("deribit_btc_2020-05-21_ticker.csv.gz", 326, 9085.195),
        ("deribit_btc_2021-02-11_ticker.csv.gz", 488, 47759.2),
    ],
)
def test_recorded_tickers_price_every_series_as_they_print_it(
    shared_data: Callable[[str], Path], file: str, count: int, index: float
) -> None:
    path = shared_data(f"{FOLDER}/{file}")
    market = rs.read_market(path)
    assert (len(market.vol), market.dropped, market.warnings) == (count, 0, ())
    assert market.spot["BTC"].value == pytest.approx(index, rel=1e-12)
    names = list(market.vol)
    with gzip.open(path, "rt") as source:
        rows = list(csv.DictReader(source))
    newest = max(int(r["timestamp"]) for r in rows)
    assert market.as_of == newest * 10**6
    printed = {r["instrument_name"]: float(r["mark_price"]) for r in rows}  # the last one counts
    base = rs.revalue(
        instruments_of(map(rs.parse_instrument, names)), market, rs.Scenarios.of([1.0])
    ).base
    error = np.abs(base / market.spot["BTC"].value - [printed[n] for n in names])
    assert np.median(error) < 5e-5  # all years run to the newest row, not to their own
    assert error.max() < 2e-3


def test_the_first_pass_of_a_file_is_loaded_at_its_time(
    shared_data: Callable[[str], Path],
) -> None:
    path = shared_data(f"{FOLDER}/deribit_btc_2021-02-11_ticker.csv.gz")
    first = rs.read_market(path, as_of="2021-02-11T18:41:00Z")
    assert (len(first.vol), first.dropped) == (488, 0)
    assert first.vol["BTC-13FEB21-37500-C"].instant < rs.read_market(path).as_of - 200 * 10**9


def test_vols_without_forwards_and_prices_are_refused_with_the_reason(
    shared_data: Callable[[str], Path],
) -> None:
    path = shared_data(f"{FOLDER}/r1quant_btc_full_data_sample.csv.gz")
    error = refused(lambda: rs.read_market(path))
    assert (error.code, error.row, error.column) == ("E_MISSING", 1, "underlying_price")
    assert "neither forwards nor prices" in error.fix


def test_tickers_in_parquet_may_carry_timestamps(tmp_path: Path) -> None:
    stamps = pa.array([MILLISECONDS], pa.timestamp("ms", tz="UTC"))
    figures = {"mark_price": [0.03], "mark_iv": [55.49], "underlying_price": [68_200.5]}
    table = pa.table({"instrument_name": [CALL], "timestamp": stamps, **figures})
    pq.write_table(table, tmp_path / "t.parquet")
    market = rs.read_market(tmp_path / "t.parquet")
    assert market.vol == {CALL: rs.Quote(55.49 / 100, NOW)}
    assert market.spot == {}  # no index: an error where the coin is needed, and not before
    error = refused(
        lambda: rs.assess(
            *load(tmp_path, [tmp_path / "t.parquet"], (CALL, 1.0)),
            rs.load_rulebook("generic-slides"),
        )
    )
    assert (error.code, error.column, error.value) == ("E_MISSING_PRICE", "spot", "BTC")
