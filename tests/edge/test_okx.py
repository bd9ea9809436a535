"""OKX's names and snapshots mean what the venue means by them, or are refused."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import riskslide as rs
from riskslide.book.clock import instant
from riskslide.book.instruments import Kind
from riskslide.edge.contract import instruments_of
from riskslide.edge.files.load import load_book
from riskslide.edge.files.market import read_sheet
from riskslide.edge.okx.names import parse_instrument

FOLDER = "chains_okx_greeks"
NOW = "2026-07-15 03:38:42"
FORWARD, SPOT = 66_400.0, 64_627.8
STRIKES = (55_000, 60_000, 65_000, 70_000, 75_000)
MORE = (*STRIKES, 80_000)  # as many as a discount factor takes


def refused(call: Callable[[], Any]) -> rs.InputError:
    with pytest.raises(rs.InputError) as caught:
        call()
    return caught.value


# Names


def test_a_name_gives_its_contract() -> None:
    call, put = (
        parse_instrument("BTC-USD-270326-90000-C"),
        parse_instrument("ETH-USD-260807-1900-P"),
    )
    assert (call.kind, call.underlying, call.currency) == (Kind.OPTION, "BTC", "BTC")
    assert (call.strike, call.is_call, call.style) == (90_000.0, True, "european")
    assert call.expiry == instant("2027-03-26T08:00:00Z")
    assert (call.inverse, call.multiplier) == (True, 0.01)
    assert (put.multiplier, put.is_call, put.strike) == (0.1, False, 1900.0)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("btc-usd-270326-90000-c", "capitals: BTC-USD-270326-90000-C"),
        ("BTC-USD-270326-90000-c", "capitals"),
        ("BTC-USD-270230-90000-C", "270230 is no date"),
        ("BTC-USD-260027-90000-C", "260027 is no date"),
        ("BTC-USD-270326-0-C", "strike must be > 0"),
        ("BTC-USD-270326-090000-C", "leading zeros"),
        ("BTC-USD-270326-90000.5-C", "must be as"),
        ("BTC-USD-270326-90000-X", "must be as"),
        ("BTC-USD-20270326-90000-C", "must be as"),
        ("BTC-270326-90000-C", "must be as"),
        ("BTC-USD-270326-90000-C ", "must be as"),
        ("BTC-USD-270326-90000-C\n", "must be as"),
        ("BTC-USD-\u0662\u0667\u0660\u0663\u0662\u0666-90000-C", "must be as"),
        ("SOL-USD-270326-200-C", "must settle in BTC or ETH"),
        ("BTC-USD_UM-270326-90000-C", "only options that settle in coin"),
        ("BTC-USDT-SWAP", "only options that settle in coin"),
        ("BTC-USD-SWAP", "futures and swaps are not covered"),
        ("BTC-USD-270326", "futures and swaps are not covered"),
        ("", "must be as"),
    ],
)
def test_any_other_name_is_refused_with_the_fix(name: str, fix: str) -> None:
    error = refused(lambda: parse_instrument(name))
    assert (error.code, error.value) == ("E_INSTRUMENT", name)
    assert fix in error.fix


def test_one_contract_is_a_hundredth_of_a_coin() -> None:
    name = "BTC-USD-270326-70000-C"
    market = rs.Market.of(
        "2026-07-15T03:38:42Z", spot={"BTC": SPOT}, forward={name: FORWARD}, vol={name: 0.4}
    )
    years = (instant("2027-03-26T08:00:00Z") - market.as_of) / (365 * 86_400e9)
    usd = rs.black76(FORWARD, 70_000.0, years, 0.4, is_call=True).value[0]
    cube = rs.revalue(instruments_of([parse_instrument(name)]), market, rs.Scenarios.of([1.0]))
    assert cube.base[0] == pytest.approx(0.01 * usd / FORWARD * SPOT, rel=1e-14)


# Snapshots written here


def row(
    strike: int, side: str, *, day: str = "270326", discount: float = 1.0, **changed: Any
) -> dict[str, Any]:
    """A row whose mark is that of its vol, `FORWARD` and a discount factor."""
    expiry = f"20{day[:2]}-{day[2:4]}-{day[4:]}"
    years = (instant(f"{expiry}T08:00:00Z") - instant(f"{NOW}+00:00")) / (365 * 86_400e9)
    vol = 0.4 + strike / 1e6
    years, call = max(years, 0.0), side == "C"
    usd = rs.black76(FORWARD, float(strike), years, vol, discount, is_call=call).value[0]
    return {
        "snapshot_utc": NOW,
        "exchange": "okx",
        "instrument": f"BTC-USD-{day}-{strike}-{side}",
        "expiry": expiry,
        "strike": strike,
        "type": "call" if side == "C" else "put",
        "mark_price": usd / FORWARD,
        "bid": "",
        "mark_iv": vol,
        "underlying_price": SPOT,
    } | changed


def whole(**changed: Any) -> list[dict[str, Any]]:
    return [row(k, s, **changed) for k in STRIKES for s in "CP"]


def chain(folder: Path, *rows: dict[str, Any], name: str = "okx.csv") -> Path:
    path = folder / name
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def load(folder: Path, market: Path, *held: tuple[str, float]) -> tuple[rs.Portfolio, rs.Market]:
    positions, balances = folder / "positions.csv", folder / "balances.csv"
    rows = "".join(f"A,{name},{quantity}\n" for name, quantity in held)
    positions.write_text(f"account,instrument,quantity\n{rows}", "utf-8")
    balances.write_text("account,asset,amount\nA,BTC,1\n", "utf-8")
    return load_book(positions, balances, market)


def test_a_snapshot_gives_vols_the_index_and_forwards_by_parity(tmp_path: Path) -> None:
    market = rs.read_market(chain(tmp_path, *whole()))
    assert market.as_of == instant("2026-07-15T03:38:42Z")
    assert market.spot == {"BTC": rs.Quote(SPOT, market.as_of)}
    assert (len(market.vol), market.dropped) == (10, 0)
    assert [w.split(":")[0] for w in market.warnings] == ["W_FORWARD_INFERRED"]
    assert market.vol["BTC-USD-270326-60000-P"].value == 0.46
    assert {round(q.value, 6) for q in market.forward.values()} == {FORWARD}


def test_values_come_back_from_the_marks(tmp_path: Path) -> None:
    rows = whole()
    held = [(r["instrument"], 100.0) for r in rows]
    portfolio, market = load(tmp_path, chain(tmp_path, *rows), *held)
    cube = rs.revalue(portfolio.instruments, market, rs.Scenarios.of([1.0]))
    marks = {r["instrument"]: 0.01 * r["mark_price"] * SPOT for r in rows}
    expected = [marks[name] for name in portfolio.instruments.name]
    assert cube.base == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("discount", [0.99, 1.004])
def test_an_expiry_brings_its_discount_as_the_yield_of_its_series(
    tmp_path: Path, discount: float
) -> None:
    rows = [row(k, s, discount=discount) for k in MORE for s in "CP"]
    held = [(r["instrument"], 100.0) for r in rows]
    portfolio, market = load(tmp_path, chain(tmp_path, *rows), *held)
    years = (instant("2027-03-26T08:00:00Z") - market.as_of) / (365 * 86_400e9)
    yields = [market.dividend_yield[name].value for name, _ in held]
    assert yields == pytest.approx([-np.log(discount) / years] * 12, rel=1e-9)
    assert {round(q.value, 6) for q in market.forward.values()} == {FORWARD}
    cube = rs.revalue(portfolio.instruments, market, rs.Scenarios.of([1.0]))
    marks = {r["instrument"]: 0.01 * r["mark_price"] * SPOT for r in rows}
    assert cube.base == pytest.approx([marks[n] for n in portfolio.instruments.name], rel=1e-11)
    found = rs.assess(portfolio, market, rs.load_rulebook("generic-slides")).warnings
    told = {w.split(":")[0] for w in found}
    assert "W_FORWARD_INFERRED" in told and "W_UNUSED" not in told


def test_the_discount_of_an_okx_chain_is_not_that_of_another_venues(tmp_path: Path) -> None:
    """Deribit prices in coin hold no discount factor; the expiry is the same instant."""
    name, expiry = "BTC-26MAR27-70000-C", "2027-03-26T08:00:00Z"
    rows = [row(k, s, discount=0.99) for k in MORE for s in "CP"]
    path, stamp = chain(tmp_path, *rows), f"{NOW.replace(' ', 'T')}Z"
    other = tmp_path / "deribit.csv"
    other.write_text(
        "timestamp,instrument_name,option_type,strike,expiry_datetime,futures_price,"
        "implied_volatility,index_price\n"
        f"{stamp},{name},call,70000,{expiry},{FORWARD},0.4,{SPOT}\n",
        "utf-8",
    )
    instruments = instruments_of([rs.parse_instrument(name)])
    alone, both = (
        rs.revalue(instruments, rs.read_market(files), rs.Scenarios.of([1.0])).base[0]
        for files in (other, [path, other])
    )
    assert alone == both


def test_too_few_strikes_for_a_discount_are_taken_without_one(tmp_path: Path) -> None:
    market = rs.read_market(chain(tmp_path, *whole()))
    assert (len(market.forward), dict(market.dividend_yield)) == (10, {})


def test_marks_at_the_floor_are_no_prices(tmp_path: Path) -> None:
    rows = whole()
    for r in rows:
        if r["strike"] == 55_000:
            r["mark_price"] = 1e-16
    market = rs.read_market(chain(tmp_path, *rows))
    assert len(market.vol) == 10
    assert {round(q.value, 6) for q in market.forward.values()} == {FORWARD}


def test_an_expiry_of_too_few_pairs_is_dropped_with_the_reason(tmp_path: Path) -> None:
    few = [row(k, s, day="261225") for k in STRIKES[:2] for s in "CP"]
    sheet = read_sheet(chain(tmp_path, *whole(), *few))
    assert len(sheet.quotes["vol"]) == 10
    assert set(sheet.dropped) == {r["instrument"] for r in few}
    assert all("2 of its strikes" in r and "3 are needed" in r for r in sheet.dropped.values())


def test_an_expired_series_is_dropped(tmp_path: Path) -> None:
    sheet = read_sheet(chain(tmp_path, *whole(), *whole(day="260714")))
    assert Counter(r.split(" in ")[0] for r in sheet.dropped.values()) == {"expired": 10}


def test_the_newest_snapshot_not_after_as_of_is_taken_whole(tmp_path: Path) -> None:
    later = [r | {"snapshot_utc": "2026-07-16 04:00:00", "mark_iv": 0.9} for r in whole()[:8]]
    path = chain(tmp_path, *whole(), *later)
    assert len(rs.read_market(path).vol) == 8
    first = rs.read_market(path, as_of="2026-07-15T23:00:00Z")
    assert (len(first.vol), first.vol["BTC-USD-270326-60000-P"].value) == (10, 0.46)
    assert first.vol["BTC-USD-270326-60000-P"].instant == instant("2026-07-15T03:38:42Z")


@pytest.mark.parametrize("zone", ["Z", "+00:00"])
def test_an_instant_may_carry_its_zone(tmp_path: Path, zone: str) -> None:
    rows = [r | {"snapshot_utc": NOW.replace(" ", "T") + zone} for r in whole()]
    assert rs.read_market(chain(tmp_path, *rows)).as_of == instant("2026-07-15T03:38:42Z")


@pytest.mark.parametrize(
    ("changed", "code", "column"),
    [
        ({"strike": 81_000}, "E_CONTRADICTION", "strike"),
        ({"strike": ""}, "E_CONTRADICTION", "strike"),
        ({"type": "put"}, "E_CONTRADICTION", "type"),
        ({"expiry": "2027-03-27"}, "E_CONTRADICTION", "expiry"),
        ({"instrument": "BTC-USD-270326-90000"}, "E_INSTRUMENT", "instrument"),
        ({"instrument": "BTC-27MAR27-90000-C"}, "E_INSTRUMENT", "instrument"),
        ({"instrument": ""}, "E_MISSING", "instrument"),
        ({"snapshot_utc": "yesterday"}, "E_INSTANT", "snapshot_utc"),
        ({"snapshot_utc": ""}, "E_MISSING", "snapshot_utc"),
        ({"mark_iv": "high"}, "E_DTYPE", "mark_iv"),
        ({"underlying_price": "n/a"}, "E_DTYPE", "underlying_price"),
    ],
)
def test_a_chain_that_contradicts_itself_is_refused_by_line(
    tmp_path: Path, changed: dict[str, Any], code: str, column: str
) -> None:
    path = chain(tmp_path, *whole(), row(90_000, "C") | changed)
    error = refused(lambda: rs.read_market(path))
    assert (error.code, error.row, error.column, error.file) == (code, 12, column, str(path))


def test_a_missing_vol_is_taken_from_the_other_side_of_its_strike(tmp_path: Path) -> None:
    rows = whole()
    rows[4]["mark_iv"] = ""
    sheet = read_sheet(chain(tmp_path, *rows))
    name = rows[4]["instrument"]
    assert sheet.interpolated == {name}
    assert sheet.quotes["vol"][name].value == pytest.approx(rows[5]["mark_iv"], rel=1e-15)


def test_an_answer_of_opt_summary_brings_its_own_forwards(tmp_path: Path) -> None:
    names = ["BTC-USD-270326-60000-C", "BTC-USD-270326-60000-P", "ETH-USD-261225-2000-C"]
    data = [
        {"instId": n, "uly": n[:7], "markVol": "0.41", "bidVol": "", "fwdPx": fwd, "ts": str(ts)}
        for n, fwd, ts in zip(
            names,
            ("66400.5", "66400.5", "1980.25"),
            (1784086722000, 1784086722003, 1784086722001),
            strict=True,
        )
    ]
    path, spot = tmp_path / "opt-summary.json", tmp_path / "spot.csv"
    path.write_text(json.dumps({"code": "0", "msg": "", "data": data}), "utf-8")
    market = rs.read_market(path)
    assert market.as_of == 1784086722003 * 10**6
    assert {n: q.value for n, q in market.forward.items()} == dict(
        zip(names, (66400.5, 66400.5, 1980.25), strict=True)
    )
    assert (len(market.spot), market.vol[names[0]].value) == (0, 0.41)
    spot.write_text("quote,symbol,value,instant\nspot,BTC,64600,2026-07-15T03:38:42Z\n", "utf-8")
    assert rs.read_market([path, spot]).spot["BTC"].value == 64_600.0


# Recorded snapshots


def test_the_recorded_month_is_read_whole(shared_data: Callable[[str], Path]) -> None:
    path = shared_data(f"{FOLDER}/okx_btc_202607.parquet")
    market = rs.read_market(path)
    assert market.as_of == instant("2026-07-31T03:52:40Z")
    assert (len(market.vol), len(market.forward), market.dropped) == (714, 714, 0)
    assert market.spot["BTC"].value == 64_299.1
    first = rs.read_market(path, as_of="2026-07-05T00:00:00Z")
    assert next(iter(first.vol.values())).instant == instant("2026-07-04T12:24:07Z")
    assert len({q.value for q in first.forward.values()}) == 13


def test_recorded_marks_come_back_from_vol_and_forward(shared_data: Callable[[str], Path]) -> None:
    path = shared_data(f"{FOLDER}/sample_okx_btc_2026-07-15.csv")
    sheet = read_sheet(path)
    assert (len(sheet.quotes["vol"]), len(sheet.dropped)) == (674, 0)
    instruments = instruments_of(sheet.contracts.values())
    cube = rs.revalue(instruments, sheet.market(), rs.Scenarios.of([1.0]))
    with path.open(encoding="utf-8") as file:
        marks = {r["instrument"]: float(r["mark_price"]) for r in csv.DictReader(file)}
    spot = sheet.quotes["spot"]["BTC"].value
    coins = cube.base / instruments.multiplier / spot
    apart = np.abs(coins - np.array([marks[n] for n in instruments.name]))
    assert np.median(apart) < 1e-6
    assert apart.max() < 2e-4
