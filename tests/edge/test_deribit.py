"""Guards that snapshots of Deribit's chain are read as the venue means them."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edge.deribit_chains import CALL, FOLDER, NOW, PUT, chain, load, refused, row

import riskslide as rs
from riskslide.book.clock import instant
from riskslide.book.instruments import Kind
from riskslide.edge.contract import instruments_of

# Snapshots written here


def test_a_snapshot_quotes_vol_forward_and_the_median_index(tmp_path: Path) -> None:
    names = (CALL, "BTC-27MAR26-70000-C", "BTC-27MAR26-60000-P", PUT)
    rows = [row(n, index_price=100.0 + k, futures_price=10.0 + k) for k, n in enumerate(names)]
    market = rs.read_market(chain(tmp_path, *rows))
    assert market.as_of == instant(NOW)
    assert {k: q.value for k, q in market.spot.items()} == {"BTC": 101.0, "ETH": 103.0}
    assert {k: q.value for k, q in market.forward.items()} == dict(
        zip(names, (10, 11, 12, 13), strict=True)
    )
    assert market.vol[CALL] == rs.Quote(0.6, instant(NOW))


def test_the_newest_snapshot_not_after_as_of_is_taken_whole(tmp_path: Path) -> None:
    later = "2026-02-05T21:51:32+00:00"
    path = chain(
        tmp_path,
        row(CALL),
        row(PUT),
        row(CALL, timestamp=later, implied_volatility=0.7),
        row(PUT, timestamp=later, implied_volatility=""),
    )
    newest, first = rs.read_market(path), rs.read_market(path, as_of="2026-02-05T20:00:00Z")
    assert (newest.vol[CALL].value, newest.as_of, newest.dropped) == (0.7, instant(later), 1)
    assert PUT not in newest.vol
    assert (first.vol[CALL], len(first.vol)) == (rs.Quote(0.6, instant(NOW)), 2)
    assert first.as_of == instant("2026-02-05T20:00:00Z")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"implied_volatility": ""}, "has no implied vol"),
        ({"implied_volatility": 0}, "has no implied vol"),
        ({"implied_volatility": -0.1}, "has no implied vol"),
        ({"implied_volatility": "nan"}, "has no implied vol"),
        ({"futures_price": ""}, "has no forward"),
        ({"futures_price": "inf"}, "has no forward"),
        ({"timestamp": "2026-03-27T08:00:00+00:00"}, "expired"),
    ],
)
def test_a_series_without_a_price_is_dropped_and_named_where_it_is_held(
    tmp_path: Path, changed: dict[str, Any], why: str
) -> None:
    path = chain(tmp_path, row("BTC-26JUN26-80000-C", **changed), row(CALL, **changed))
    market = rs.read_market(path)
    assert market.dropped >= 1
    assert CALL not in market.vol
    error = refused(lambda: load(tmp_path, [path], (CALL, 1)))
    expired = why == "expired"
    assert error.code == ("E_EXPIRED" if expired else "E_MISSING_PRICE")
    assert (error.row, error.column, error.value) == (2, "instrument", CALL)
    assert why in error.fix


@pytest.mark.parametrize(
    ("changed", "code", "column"),
    [
        ({"strike": 81_000}, "E_CONTRADICTION", "strike"),
        ({"option_type": "put"}, "E_CONTRADICTION", "option_type"),
        ({"expiry_datetime": "2026-03-27T09:00:00+00:00"}, "E_CONTRADICTION", "expiry_datetime"),
        ({"expiry_datetime": "2026-03-27T08:00:00"}, "E_TIMEZONE", "expiry_datetime"),
        ({"instrument_name": "BTC-27MAR26"}, "E_CONTRADICTION", "strike"),
        ({"instrument_name": "BTC-027MAR26-80000-C"}, "E_INSTRUMENT", "instrument_name"),
        ({"instrument_name": PUT}, "E_CONTRADICTION", "strike"),
        ({"instrument_name": ""}, "E_MISSING", "instrument_name"),
        ({"timestamp": "2026-02-05T15:51:32"}, "E_TIMEZONE", "timestamp"),
        ({"implied_volatility": "high"}, "E_DTYPE", "implied_volatility"),
        ({"strike": ""}, "E_MISSING", "strike"),
    ],
)
def test_a_chain_that_contradicts_itself_is_refused_by_line(
    tmp_path: Path, changed: dict[str, Any], code: str, column: str
) -> None:
    path = chain(tmp_path, row(PUT), row("BTC-27MAR26-70000-C"), row(CALL, **changed))
    error = refused(lambda: rs.read_market(path))
    assert (error.code, error.row, error.column) == (code, 4, column)
    assert error.file == str(path)


def test_a_row_that_says_the_same_again_counts_once_with_a_warning(tmp_path: Path) -> None:
    path = chain(tmp_path, row(CALL), row(PUT), row(CALL, open_interest=5), row(CALL))
    market = rs.read_market(path)
    assert (len(market.vol), market.dropped) == (2, 0)
    assert market.warnings == (f"W_REPEATED: rows of {path} that say what another row has said: 2",)


def test_repeated_rows_do_not_weigh_on_the_index(tmp_path: Path) -> None:
    names = ("BTC-27MAR26-70000-C", "BTC-27MAR26-70000-P")
    rows = [row(name, index_price=67_000.0 + 100 * k) for k, name in enumerate(names)]
    once = rs.read_market(chain(tmp_path, *rows)).spot
    assert rs.read_market(chain(tmp_path, *rows, rows[0], rows[0])).spot == once
    assert once["BTC"].value == 67_050.0


@pytest.mark.parametrize(
    ("column", "value"),
    [("implied_volatility", 0.61), ("implied_volatility", ""), ("futures_price", 68_001.0)],
)
def test_a_series_that_a_snapshot_quotes_in_two_ways_is_refused_by_line(
    tmp_path: Path, column: str, value: Any
) -> None:
    path = chain(tmp_path, row(CALL), row(PUT), row(CALL, **{column: value}))
    error = refused(lambda: rs.read_market(path))
    assert (error.code, error.file, error.row) == ("E_DUPLICATE", str(path), 4)
    assert (error.column, error.value) == (column, value or None)
    assert f"{CALL} has the" in error.fix and f"{path}:2" in error.fix


# The venue's files


def snapshots(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix in (".parquet", ".gz"))


def test_every_file_of_the_folder_loads(shared_data: Callable[[str], Path]) -> None:
    files = snapshots(shared_data(FOLDER))
    assert files
    for path in files:
        market = rs.read_market(path)
        if "futures" in path.name:
            assert market.mark
            continue
        assert set(market.spot) == {"BTC", "ETH"}
        assert set(market.vol) == set(market.forward)
        assert len(market.vol) + market.dropped > 1000
        assert instruments_of(map(rs.parse_instrument, market.vol)).inverse.all()


def test_mark_prices_of_a_chain_are_those_of_its_vols_and_forwards(
    shared_data: Callable[[str], Path],
) -> None:
    path = shared_data(f"{FOLDER}/original_deribit_options_snapshot_20260122T153944Z.csv.gz")
    market = rs.read_market(path)  # a calm hour: marks, vols and forwards are not of one second
    instruments = instruments_of(map(rs.parse_instrument, market.vol))
    base = rs.revalue(instruments, market, rs.Scenarios.of([1.0])).base
    with gzip.open(path, "rt") as file:
        printed = {r["instrument_name"]: float(r["mark_price"]) for r in csv.DictReader(file)}
    coin = [base[k] / market.spot[n[:3]].value for k, n in enumerate(instruments.name)]
    error = np.abs(np.array(coin) - [printed[n] for n in instruments.name])
    assert len(error) == 1398
    assert np.median(error) < 2e-5
    assert error.max() < 1e-3


def test_whole_chain_and_generated_accounts_have_no_nan(
    shared_data: Callable[[str], Path],
) -> None:
    folder = shared_data(FOLDER)
    files = [folder / "deribit_btc_eth_daily_202602.parquet"]
    files += [folder / n for n in ("perpetual_futures_prices.csv.gz", "term_futures_marks.csv.gz")]
    market = rs.read_market(files, as_of="2026-02-02T10:00:00Z")
    assert whole_chain(market, accounts=50, seed=1) == 1556 + len(market.mark)


def whole_chain(market: rs.Market, *, accounts: int, seed: int) -> int:
    """Margin generated accounts of 5 to 60 legs over everything quoted; how much was held."""
    names = [*market.vol, *market.mark]
    instruments = instruments_of(map(rs.parse_instrument, names))
    source = np.random.default_rng(seed)
    held = [
        source.choice(len(names), source.integers(5, 61), replace=False) for _ in range(accounts)
    ]
    held.append(np.arange(len(names)))
    owner = np.repeat(np.arange(len(held)), [h.size for h in held])
    which = np.concatenate(held)
    option = instruments.kind[which] == Kind.OPTION
    side = source.choice([-1.0, 1.0], which.size)
    quantity = side * np.where(option, source.integers(1, 500, which.size) / 10, 10_000.0)
    entries = np.where(option | (source.random(which.size) < 0.5), np.nan, 75_000.0)
    account = [f"account-{k:04d}" for k in range(len(held))]
    portfolio = rs.Portfolio.from_columns(
        instruments,
        account=[account[k] for k in owner],
        instrument=[names[k] for k in which],
        quantity=quantity,
        entry_price=entries,
        balance_account=account * 2,
        balance_asset=["BTC"] * len(held) + ["USDC"] * len(held),
        balance_amount=source.normal(0, 100, 2 * len(held)),
    )
    found = rs.assess(portfolio, market, rs.load_rulebook("generic-slides"))
    for column in ("collateral", "unrealised_pnl", "option_value", "equity", "excess"):
        assert np.isfinite(getattr(found, column)).all()
    for column in ("maintenance", "initial"):
        assert (getattr(found, column) >= 0).all()
    assert (found.maintenance > 0).sum() >= accounts // 2
    return int(np.unique(portfolio.positions.instrument).size)
