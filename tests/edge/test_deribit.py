"""Deribit's names and snapshots mean what the venue means by them, or are refused."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import riskslide as rs
from riskslide.book.clock import NO_EXPIRY, instant
from riskslide.book.instruments import Kind
from riskslide.edge.contract import instruments_of
from riskslide.edge.deribit.names import FUTURE_LOT, OPTION_LOT
from riskslide.edge.files.load import load_book

FOLDER = "chains_deribit_2026"
NOW = "2026-02-05T15:51:32.535650+00:00"
CALL, PUT = "BTC-27MAR26-80000-C", "ETH-6FEB26-2000-P"


def refused(call: Callable[[], Any]) -> rs.InputError:
    with pytest.raises(rs.InputError) as caught:
        call()
    return caught.value


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


# Snapshots written here


def row(name: str, **changed: Any) -> dict[str, Any]:
    contract = rs.parse_instrument(name)
    expiry = datetime.fromtimestamp(contract.expiry // 10**9, tz=UTC)
    return {
        "timestamp": NOW,
        "instrument_name": name,
        "option_type": "call" if contract.is_call else "put",
        "strike": contract.strike,
        "expiry_datetime": expiry.isoformat(),
        "futures_price": 68_000.0,
        "implied_volatility": 0.6,
        "index_price": 67_900.0,
        "open_interest": "",
    } | changed


def chain(folder: Path, *rows: dict[str, Any], name: str = "chain.csv") -> Path:
    path = folder / name
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


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


# What stands in for a forward or a vol that is not there

MARCH = "27MAR26"
STRIKES = (60_000, 65_000, 70_000, 75_000, 80_000)


def priced(strike: int, side: str, *, forward: float = 68_000.0, **changed: Any) -> dict[str, Any]:
    """A row whose mark is that of its vol and forward."""
    years = (instant("2026-03-27T08:00:00Z") - instant(NOW)) / (365 * 86_400e9)
    usd = rs.black76(forward, float(strike), years, 0.6, is_call=side == "C").value[0]
    return row(f"BTC-{MARCH}-{strike}-{side}", mark_price=usd / forward, **changed)


def test_a_missing_forward_is_that_of_put_call_parity(tmp_path: Path) -> None:
    rows = [priced(k, s, futures_price="") for k in STRIKES for s in "CP"]
    market = rs.read_market(chain(tmp_path, *rows))
    assert (len(market.forward), market.dropped) == (10, 0)
    forwards = {q.value for q in market.forward.values()}
    assert len(forwards) == 1
    assert forwards.pop() == pytest.approx(68_000.0, rel=1e-12)


def test_a_forward_of_other_series_of_the_expiry_comes_before_parity(tmp_path: Path) -> None:
    rows = [priced(k, s, futures_price="") for k in STRIKES for s in "CP"]
    rows.append(priced(85_000, "C", futures_price=68_123.0))
    market = rs.read_market(chain(tmp_path, *rows))
    assert {q.value for q in market.forward.values()} == {68_123.0}


def test_too_few_pairs_of_call_and_put_give_no_forward(tmp_path: Path) -> None:
    rows = [priced(k, s, futures_price="") for k in STRIKES[:2] for s in "CP"]
    path = chain(tmp_path, *rows, row(PUT))
    assert rs.read_market(path).dropped == 4
    assert set(load(tmp_path, [path], (PUT, 1.0))[1].vol) == {PUT}  # none of them is held
    name = f"BTC-{MARCH}-60000-C"
    error = refused(lambda: load(tmp_path, [path], (name, 1.0)))
    assert (error.code, error.row, error.value) == ("E_MISSING_PRICE", 2, name)
    assert "has no forward" in error.fix and "3 are needed" in error.fix


def test_a_missing_vol_is_taken_between_neighbour_strikes_with_a_warning(tmp_path: Path) -> None:
    held, other = f"BTC-{MARCH}-70000-C", f"BTC-{MARCH}-75000-C"
    vols = {60_000: 0.7, 65_000: 0.6, 70_000: "", 75_000: "", 80_000: 0.5}
    path = chain(tmp_path, *[priced(k, "C", implied_volatility=v) for k, v in vols.items()])
    everything = rs.read_market(path)
    assert everything.dropped == 0
    for name, weight in ((held, 1 / 3), (other, 2 / 3)):
        variance = (1 - weight) * 0.36 + weight * 0.25
        assert everything.vol[name].value == pytest.approx(variance**0.5, rel=1e-14)
    assert [w for w in everything.warnings if w.startswith("W_VOL_INTERPOLATED") and ": 2" in w]
    portfolio, market = load(tmp_path, [path], (held, 1.0))
    found = rs.assess(portfolio, market, rs.load_rulebook("generic-slides"))
    assert [w for w in found.warnings if w.startswith("W_VOL_INTERPOLATED") and held in w]
    portfolio, market = load(tmp_path, [path], (f"BTC-{MARCH}-65000-C", 1.0))
    assert market.warnings == ()


def test_nothing_is_extrapolated_beyond_the_last_strike_with_a_vol(tmp_path: Path) -> None:
    vols = {60_000: "", 65_000: 0.6, 70_000: 0.5, 75_000: 0}
    path = chain(tmp_path, *[priced(k, "C", implied_volatility=v) for k, v in vols.items()])
    assert rs.read_market(path).dropped == 2
    for strike, side in ((60_000, "lower"), (75_000, "higher")):
        name = f"BTC-{MARCH}-{strike}-C"
        error = refused(lambda name=name: load(tmp_path, [path], (name, 1.0)))
        assert (error.code, error.value) == ("E_MISSING_PRICE", name)
        assert f"has no implied vol (no {side} strike" in error.fix


def test_forwards_by_parity_are_those_that_the_venue_prints(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    path = shared_data(f"{FOLDER}/deribit_btc_eth_daily_202604.parquet")
    moment = "2026-04-02T09:53:28.822483+00:00"
    printed = rs.read_market(path, as_of=moment)
    table = pq.read_table(path)
    rows = table.filter(pc.equal(pc.cast(table["timestamp"], "string"), moment)).to_pylist()
    found = rs.read_market(chain(tmp_path, *[r | {"futures_price": ""} for r in rows]))
    assert set(found.forward) == set(printed.forward)
    error = [found.forward[n].value / q.value - 1 for n, q in printed.forward.items()]
    assert np.median(np.abs(error)) < 2e-5  # marks and forwards are not of one second
    assert np.abs(error).max() < 3e-4


def test_series_whose_forward_the_venue_leaves_out_are_priced(
    shared_data: Callable[[str], Path],
) -> None:
    path = shared_data(f"{FOLDER}/deribit_btc_eth_daily_202604.parquet")
    market = rs.read_market(path, as_of="2026-04-03T10:00:00Z")
    assert (len(market.vol), market.dropped) == (1620, 0)
    assert market.forward["BTC-4APR26-68500-C"].value == pytest.approx(66_857, rel=1e-3)


def test_a_chain_without_a_needed_column_is_refused(tmp_path: Path) -> None:
    for column in ("index_price", "strike", "timestamp", "futures_price"):
        rows = {k: v for k, v in row(CALL).items() if k != column}
        error = refused(lambda rows=rows: rs.read_market(chain(tmp_path, rows)))
        assert (error.code, error.column) == ("E_MISSING", column)


# Books on a snapshot


def load(
    folder: Path, market: list[Path], *held: tuple[str, float], as_of: Any = None
) -> tuple[rs.Portfolio, rs.Market]:
    rows = [f"A,{name},{quantity!r}\n" for name, quantity in held]
    (folder / "p.csv").write_text("account,instrument,quantity\n" + "".join(rows), "utf-8")
    (folder / "b.csv").write_text("account,asset,amount\nA,BTC,1\n", "utf-8")
    return load_book(folder / "p.csv", folder / "b.csv", market, as_of=as_of)


def marks(folder: Path, name: str, mark: float, when: str = NOW) -> Path:
    columns = ("obs_datetime", "instrument_name", "perp_futures_mark_price")
    if not name.endswith("PERPETUAL"):
        columns = ("timestamp", "futures_instrument_name", "term_mark_price_final")
    written = dict(zip(columns, (when, name, mark), strict=True))
    return chain(folder, written, name=f"{name}.csv")


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
