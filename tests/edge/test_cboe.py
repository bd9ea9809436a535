"""Cboe's pages of option quotes, in both forms, give vols, forwards, rates and what they lack."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import riskslide as rs
from riskslide.book.clock import instant, text_of
from riskslide.edge.contract import instruments_of
from riskslide.edge.files.load import load_book
from riskslide.edge.files.market import read_sheet
from riskslide.edge.osi import parse_symbol
from riskslide.edge.tables.quotes import Sheet

FOLDER = "chains_equity"
NOW = "2023-09-14T20:31:00Z"
TITLE = "Standard & Poors 500 Index,Last: 4505.1001,Change:  37.6601"
DATE = '"Date: September 14, 2023 at 4:31 PM EDT",Bid: 4483.25,Ask: 4526.27,Size: 1*1,Volume: 0'
SIDE = "Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest"
HEADER = f"Expiration Date,Calls,{SIDE},Strike,Puts,{SIDE}"
DAYS = {"231215": "Fri Dec 15 2023", "230914": "Thu Sep 14 2023", "230929": "Fri Sep 29 2023"}
FORWARD, DISCOUNT = 4559.0, 0.985
STRIKES = tuple(range(4400, 4700, 25))


def refused(call: Callable[[], Any]) -> rs.InputError:
    with pytest.raises(rs.InputError) as caught:
        call()
    return caught.value


def reasons(sheet: Sheet) -> dict[str, int]:
    """How many series were dropped, by reason."""
    return dict(Counter(text.split(" in the snapshot")[0] for text in sheet.dropped.values()))


def years(yymmdd: str, root: str = "SPXW") -> float:
    clock = "14:30" if root == "SPX" else "21:00" if yymmdd == "231215" else "20:00"
    day = f"20{yymmdd[:2]}-{yymmdd[2:4]}-{yymmdd[4:]}"
    return (instant(f"{day}T{clock}:00Z") - instant(NOW)) / (365 * 86_400e9)


# CSV pages written here


def row(strike: int, day: str = "231215", root: str = "SPXW", **changed: Any) -> dict[str, Any]:
    """A call and a put whose mids are those of a vol, `FORWARD` and `DISCOUNT`."""
    out: dict[str, Any] = {"Expiration Date": DAYS[day], "Strike": f"{strike}.00"}
    vol = round(0.16 - (strike - 4500) / 20_000, 4)
    for side, mark in (("Calls", ""), ("Puts", ".2")):
        left = max(years(day, root), 0.0)
        call = side == "Calls"
        mid = rs.black76(FORWARD, float(strike), left, vol, DISCOUNT, is_call=call).value[0]
        out[side] = f"{root}{day}{side[0]}{strike * 1000:08d}"
        out |= {f"Bid{mark}": mid - 0.5, f"Ask{mark}": mid + 0.5, f"IV{mark}": vol}
    return out | changed


def whole(day: str = "231215", root: str = "SPXW") -> list[dict[str, Any]]:
    return [row(k, day, root) for k in STRIKES]


def page(
    folder: Path,
    rows: list[dict[str, Any]],
    *,
    title: str = TITLE,
    date: str = DATE,
    name: str = "spx.csv",
    header: str = HEADER,
    first: str = "\n",
) -> Path:
    text = io.StringIO()
    columns = [*HEADER.split(",")[:11], "Strike", "Puts", *(f"{c}.2" for c in SIDE.split(","))]
    writer = csv.DictWriter(text, columns, restval="0", lineterminator="\n")
    writer.writerows(rows)
    path = folder / name
    path.write_text(f"{first}{title}\n{date}\n{header}\n{text.getvalue()}", "utf-8")
    return path


def test_a_page_gives_spot_vols_forward_and_rate(tmp_path: Path) -> None:
    market = rs.read_market(page(tmp_path, whole()))
    assert text_of(market.as_of) == NOW
    assert market.spot == {"SPX": rs.Quote(4505.1001, market.as_of)}
    assert (len(market.vol), market.dropped, market.warnings) == (24, 0, ())
    assert market.vol["SPXW231215P04500000"].value == 0.16
    assert {round(q.value, 8) for q in market.forward.values()} == {FORWARD}
    key = ("SPX", instant("2023-12-15T21:00:00Z"))
    assert set(market.rate) == {key}
    assert market.rate[key].value == pytest.approx(-np.log(DISCOUNT) / years("231215"), rel=1e-10)


def test_mids_come_back_from_vol_forward_and_rate(tmp_path: Path) -> None:
    rows = whole()
    sheet = read_sheet(page(tmp_path, rows))
    instruments = instruments_of(sheet.contracts.values())
    cube = rs.revalue(instruments, sheet.market(), rs.Scenarios.of([1.0]))
    mids = {r["Calls"]: r["Bid"] + 0.5 for r in rows} | {r["Puts"]: r["Bid.2"] + 0.5 for r in rows}
    assert cube.base == pytest.approx([100 * mids[n] for n in instruments.name], rel=1e-9)


def test_morning_and_afternoon_series_of_one_day_are_two_expiries(tmp_path: Path) -> None:
    market = rs.read_market(page(tmp_path, [*whole(), *whole(root="SPX")]))
    assert [text_of(key[1]) for key in sorted(market.rate)] == [
        "2023-12-15T14:30:00Z",
        "2023-12-15T21:00:00Z",
    ]


def test_a_discount_factor_is_not_fitted_in_the_last_two_weeks(tmp_path: Path) -> None:
    DAYS["230922"] = "Fri Sep 22 2023"
    market = rs.read_market(page(tmp_path, [row(k, "230922") for k in STRIKES]))
    assert (len(market.rate), len(market.forward)) == (0, 24)
    forward = next(iter(market.forward.values())).value
    assert forward == pytest.approx(FORWARD, abs=1.0)


def test_series_that_cannot_be_priced_are_dropped_by_reason(tmp_path: Path) -> None:
    rows = whole()
    rows[0] |= {"IV": 0, "IV.2": 0}
    rows[5] |= {"Bid": 0, "Ask": 0}
    rows[6] |= {"Bid": 0, "Ask": 0.05, "IV": 0}
    sheet = read_sheet(page(tmp_path, [*rows, row(4500, "230914")]))
    assert reasons(sheet) == {
        "has no implied vol (no lower strike of its expiry has a vol)": 2,
        "has neither bid nor ask": 1,
        "expired": 2,
    }
    assert sheet.interpolated == {rows[6]["Calls"]}
    assert len(sheet.quotes["vol"]) == 21


def test_an_expiry_without_pairs_takes_the_spot_with_a_warning(tmp_path: Path) -> None:
    lone = [row(k, "230929", **{"Bid.2": 0}) for k in STRIKES]
    sheet = read_sheet(page(tmp_path, [*whole(), *lone]))
    name = "SPXW230929C04500000"
    assert sheet.quotes["forward"][name].value == 4505.1001
    warned = [w for w in sheet.market().warnings if w.startswith("W_NO_FORWARD")]
    assert len(warned) == 1
    assert ": 24, such as SPXW230929C04400000 (0 of its strikes have a call and a put" in warned[0]
    assert sheet.market(held=["SPXW231215P04500000"]).warnings == ()


def test_adjusted_contracts_are_dropped(tmp_path: Path) -> None:
    rows = [row(4400, Calls="SPXW1231215C04400000", Puts="SPXW1231215P04400000"), *whole()[1:]]
    sheet = read_sheet(page(tmp_path, rows))
    assert set(sheet.dropped) == {"SPXW1231215C04400000", "SPXW1231215P04400000"}
    assert len(sheet.quotes["vol"]) == 22


@pytest.mark.parametrize(
    ("date", "meant"),
    [
        ('"Date: February 5 2022, 8:09 PM EST",Bid: 4420.5', "2022-02-06T01:09:00Z"),
        ('"Date: July 12, 2022, 11:55 AM EDT",Bid: 3855.3701,,,', "2022-07-12T15:55:00Z"),
        ('"Date: September 14, 2023 at 4:31 PM EDT",Bid: 1', "2023-09-14T20:31:00Z"),
        ('"Date: May 1, 2023 at 12:05 PM EDT"', "2023-05-01T16:05:00Z"),
        ('"Date: May 1, 2023 at 12:05 AM EDT"', "2023-05-01T04:05:00Z"),
    ],
)
def test_the_date_line_is_read_as_it_is_printed(tmp_path: Path, date: str, meant: str) -> None:
    assert text_of(rs.read_market(page(tmp_path, whole(), date=date)).as_of) == meant


def test_a_title_in_line_one_and_padded_lines_are_read_too(tmp_path: Path) -> None:
    path = page(tmp_path, whole(), title=TITLE + ",,,", date=DATE + ",,,", first="")
    assert len(rs.read_market(path).vol) == 24


@pytest.mark.parametrize(
    ("changed", "code", "column"),
    [
        ({"Strike": "4425"}, "E_CONTRADICTION", "Strike"),
        ({"Strike": ""}, "E_MISSING", "Strike"),
        ({"Expiration Date": "Fri Dec 22 2023"}, "E_CONTRADICTION", "Expiration Date"),
        ({"Expiration Date": "tomorrow"}, "E_CONTRADICTION", "Expiration Date"),
        ({"Calls": "SPXW231215P04700000"}, "E_CONTRADICTION", "Calls"),
        ({"Puts": "SPXW231215C04700000"}, "E_CONTRADICTION", "Puts"),
        ({"Calls": "XSP231215C04700000"}, "E_CONTRADICTION", "Calls"),
        ({"Calls": "SPXW-231215-4700"}, "E_INSTRUMENT", "Calls"),
        ({"Puts": ""}, "E_MISSING", "Puts"),
        ({"Bid": "n/a"}, "E_DTYPE", "Bid"),
        ({"IV.2": "high"}, "E_DTYPE", "IV.2"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused_by_line(
    tmp_path: Path, changed: dict[str, Any], code: str, column: str
) -> None:
    path = page(tmp_path, [*whole(), row(4700) | changed])
    error = refused(lambda: rs.read_market(path))
    assert (error.code, error.row, error.column, error.file) == (code, 17, column, str(path))


@pytest.mark.parametrize(
    ("changed", "code", "column"),
    [
        ({"date": "no date"}, "E_MISSING", "Date"),
        ({"date": '"Date: September 14, 2023"'}, "E_MISSING", "Date"),
        ({"date": '"Date: September 31, 2023 at 4:31 PM EDT"'}, "E_INSTANT", "Date"),
        ({"date": '"Date: Septober 14, 2023 at 4:31 PM EDT"'}, "E_INSTANT", "Date"),
        ({"title": "Standard & Poors 500 Index"}, "E_MISSING", "Last"),
        ({"title": "Index,Last: n/a"}, "E_MISSING", "Last"),
        ({"header": HEADER.replace("Puts", "Put")}, "E_MISSING", "Puts"),
    ],
)
def test_a_page_without_its_title_is_refused(
    tmp_path: Path, changed: dict[str, str], code: str, column: str
) -> None:
    error = refused(lambda: rs.read_market(page(tmp_path, whole(), **changed)))
    assert (error.code, error.column) == (code, column)


def test_a_page_without_rows_quotes_nothing(tmp_path: Path) -> None:
    assert refused(lambda: rs.read_market(page(tmp_path, []))).code == "E_EMPTY"


def test_the_newest_page_of_an_underlying_counts(tmp_path: Path) -> None:
    first = page(tmp_path, whole(), name="first.csv")
    second = page(
        tmp_path,
        whole()[:8],
        title=TITLE.replace("4505", "4510"),
        date=DATE.replace("4:31", "4:41"),
        name="second.csv",
    )
    both = rs.read_market([second, first])
    assert (both.spot["SPX"].value, len(both.vol)) == (4510.1001, 16)
    assert rs.read_market([first, second], as_of=NOW).spot["SPX"].value == 4505.1001


@pytest.mark.parametrize(
    ("date", "day"),
    [
        ("February 5 2022, 8:09 PM EST", "2022-02-06T01:09:00Z, a Saturday"),
        ("February 6 2022, 11:59 PM EST", "2022-02-07T04:59:00Z, a Sunday"),
        ("February 7 2022, 12:00 AM EST", ""),
        ("February 4 2022, 11:59 PM EST", ""),
    ],
)
def test_a_page_of_a_weekend_in_new_york_is_told(tmp_path: Path, date: str, day: str) -> None:
    sheet = read_sheet(page(tmp_path, whole(), date=f'"Date: {date}",Bid: 1'))
    for held in (None, ["SPXW231215P04500000"], ["SPX"]):
        told = [w for w in sheet.market(held).warnings if w.startswith("W_CLOSED_SESSION")]
        assert len(told) == bool(day)
        assert all(f"quotes of SPX are of {day} in New York" in w for w in told)
    assert sheet.market(held=["BTC-PERPETUAL"]).warnings == ()


# JSON pages written here


def quote(symbol: str, bid: float | None, ask: float | None, iv: float | None) -> dict[str, Any]:
    parts = parse_symbol(symbol)
    return {
        "symbol": symbol,
        "expiration": parts.day.isoformat(),
        "side": "call" if parts.is_call else "put",
        "strike": parts.strike,
        "bid": bid,
        "ask": ask,
        "mid": None,
        "iv": iv,
        "greeksMissingReason": None,
    }


def stock(
    strike: int, side: str, forward: float, discount: float, **changed: Any
) -> dict[str, Any]:
    """A quote of a stock option whose mid is that of a vol, forward and discount factor."""
    left = (instant("2026-12-18T21:00:00Z") - instant("2026-08-22T13:50:09Z")) / (365 * 86_400e9)
    values = rs.black76(forward, float(strike), left, 0.3, discount, is_call=side == "C").value
    symbol = f"AAPL261218{side}{strike * 1000:08d}"
    return quote(symbol, values[0] - 0.05, values[0] + 0.05, 0.3) | changed


def answer(folder: Path, quotes: list[dict[str, Any]], **changed: Any) -> Path:
    path = folder / "aapl.json.gz"
    whole = {
        "symbol": "AAPL",
        "updated": "2026-08-22T09:50:09.000000-04:00",
        "underlyingPrice": 309.35,
        "greeks": {"enabled": True, "riskFreeRate": None},
        "expirations": ["2026-12-18"],
        "quotes": quotes,
    }
    kept = {k: v for k, v in (whole | changed).items() if v is not None}
    path.write_bytes(gzip.compress(json.dumps(kept).encode()))
    return path


def stocks(forward: float, discount: float) -> list[dict[str, Any]]:
    return [stock(k, s, forward, discount) for k in range(280, 345, 5) for s in "CP"]


def test_stock_options_are_american_and_valued_as_european_with_a_warning(tmp_path: Path) -> None:
    sheet = read_sheet(answer(tmp_path, stocks(312.0, 1.0)))
    assert text_of(sheet.as_of) == "2026-08-22T13:50:09Z"
    assert {c.style for c in sheet.contracts.values()} == {"american"}
    assert {round(q.value, 8) for q in sheet.quotes["forward"].values()} == {312.0}
    assert sheet.quotes["rate"] == {}
    everything = instruments_of(sheet.contracts.values())
    for count, such in ((26, "AAPL261218C0"), (1, "AAPL261218P00300000")):
        rows = [i for i, n in enumerate(everything.name) if n == such or count > 1]
        warned = sheet.market(held=[]).on(everything.take(rows)).warnings
        assert len(warned) == 1 and warned[0].startswith("W_AMERICAN_AS_EUROPEAN")
        assert f": {count}, such as {such}" in warned[0]


def test_vols_printed_for_the_spot_are_used_with_the_spot(tmp_path: Path) -> None:
    """Calls and puts have vols of their own, so that parity gives another forward than theirs."""
    left = (instant("2026-12-18T21:00:00Z") - instant("2026-08-22T13:50:09Z")) / (365 * 86_400e9)
    quotes = []
    for each in stocks(309.35, 1.0):
        call = each["side"] == "call"
        vol = 0.35 if call else 0.25
        mid = rs.black76(309.35, each["strike"], left, vol, is_call=call).value[0]
        quotes.append(each | {"bid": mid - 0.05, "ask": mid + 0.05, "iv": vol})
    sheet = read_sheet(answer(tmp_path, quotes))
    assert {q.value for q in sheet.quotes["forward"].values()} == {309.35}
    warned = [w for w in sheet.market().warnings if w.startswith("W_NO_FORWARD")]
    assert "its vols fit the spot better" in warned[0]


def test_nulls_and_zeros_are_no_quotes(tmp_path: Path) -> None:
    quotes = stocks(312.0, 1.0)
    quotes[0] |= {"bid": None, "ask": 0.0}
    quotes[3] |= {"bid": None}
    quotes[6] |= {"iv": 0.0}
    sheet = read_sheet(answer(tmp_path, quotes))
    assert reasons(sheet) == {"has neither bid nor ask": 1}
    assert (len(sheet.quotes["vol"]), len(sheet.interpolated)) == (25, 1)


@pytest.mark.parametrize(
    ("changed", "code", "column"),
    [
        ({"updated": None}, "E_MISSING", "updated"),
        ({"updated": "2026-08-22T09:50:09"}, "E_TIMEZONE", "updated"),
        ({"underlyingPrice": None}, "E_MISSING", "underlyingPrice"),
        ({"underlyingPrice": "high"}, "E_DTYPE", "underlyingPrice"),
        ({"underlyingPrice": -1}, "E_DTYPE", "underlyingPrice"),
    ],
)
def test_an_answer_without_instant_or_price_is_refused(
    tmp_path: Path, changed: dict[str, Any], code: str, column: str
) -> None:
    error = refused(lambda: rs.read_market(answer(tmp_path, stocks(312.0, 1.0), **changed)))
    assert (error.code, error.column) == (code, column)


@pytest.mark.parametrize(
    ("changed", "code", "column"),
    [
        ({"strike": 281.0}, "E_CONTRADICTION", "strike"),
        ({"side": "put"}, "E_CONTRADICTION", "symbol"),
        ({"expiration": "2026-12-19"}, "E_CONTRADICTION", "expiration"),
        ({"symbol": "MSFT261218C00290000"}, "E_CONTRADICTION", "symbol"),
        ({"symbol": "AAPL 290 C"}, "E_INSTRUMENT", "symbol"),
    ],
)
def test_a_quote_that_contradicts_itself_is_refused_by_its_number(
    tmp_path: Path, changed: dict[str, Any], code: str, column: str
) -> None:
    quotes = stocks(312.0, 1.0)
    assert quotes[4]["symbol"] == "AAPL261218C00290000"
    quotes[4] |= changed
    error = refused(lambda: rs.read_market(answer(tmp_path, quotes)))
    assert (error.code, error.row, error.column) == (code, 5, column)


def test_positions_name_options_by_their_symbols(tmp_path: Path) -> None:
    positions, balances = tmp_path / "positions.csv", tmp_path / "balances.csv"
    positions.write_text("account,instrument,quantity\nA,SPXW231215P04500000,-3\n", "utf-8")
    balances.write_text("account,asset,amount\nA,USD,1000000\n", "utf-8")
    portfolio, market = load_book(positions, balances, page(tmp_path, whole()))
    found = rs.assess(portfolio, market, rs.load_rulebook("generic-slides"))
    assert found.maintenance[0] > 0
    assert portfolio.instruments.multiplier.tolist() == [100.0]


# Recorded pages: priced, dropped by reason, interpolated, rates; rows x 2 = priced + dropped

PAGES = [
    (
        "cboe_spx_2022-07-12.csv.gz",
        "2022-07-12T15:55:00Z",
        3856.28,
        19354,
        {
            "has neither bid nor ask": 12,
            "has no implied vol (no lower strike of its expiry has a vol)": 12,
        },
        41,
    ),
    (
        "cboe_spx_2023-09-14.csv.gz",
        "2023-09-14T20:31:00Z",
        4505.1001,
        19378,
        {
            "expired": 296,
            "has neither bid nor ask": 228,
            "has no implied vol (no lower strike of its expiry has a vol)": 18,
        },
        47,
    ),
    (
        "cboe_spx_2022-02-05.csv.gz",
        "2022-02-06T01:09:00Z",
        4500.5298,
        20503,
        {"has neither bid nor ask": 11},
        38,
    ),
    ("cboe_spy_2023-09-14.csv.gz", "2023-09-14T20:31:00Z", 450.81, 7042, {"expired": 250}, 0),
    (
        "cboe_AAPL_2026-08-22.json.gz",
        "2026-08-22T13:50:09.293324Z",
        309.3500061035156,
        2385,
        {"has neither bid nor ask": 33},
        0,
    ),
    (
        "cboe_IVV_2026-08-22.json.gz",
        "2026-08-22T13:50:43.828313Z",
        769.3099975585938,
        754,
        {"has neither bid nor ask": 93},
        0,
    ),
    (
        "cboe_JPM_2026-08-22.json.gz",
        "2026-08-22T13:50:41.91558Z",
        351.5799865722656,
        1301,
        {"has neither bid nor ask": 17},
        0,
    ),
    (
        "cboe_MSFT_2026-08-22.json.gz",
        "2026-08-22T13:50:11.910201Z",
        483.239990234375,
        2853,
        {"has neither bid nor ask": 45},
        0,
    ),
    (
        "cboe_XLF_2026-08-22.json.gz",
        "2026-08-22T13:54:43.421842Z",
        57.47999954223633,
        1090,
        {"has neither bid nor ask": 29},
        0,
    ),
    (
        "cboe_XOM_2026-08-22.json.gz",
        "2026-08-22T13:50:57.548857Z",
        165.11000061035156,
        861,
        {"has neither bid nor ask": 25},
        0,
    ),
]


@pytest.mark.parametrize(
    ("name", "moment", "spot", "priced", "dropped", "rates"), PAGES, ids=[p[0] for p in PAGES]
)
def test_a_recorded_page_is_read_whole(
    shared_data: Callable[[str], Path],
    name: str,
    moment: str,
    spot: float,
    priced: int,
    dropped: dict[str, int],
    rates: int,
) -> None:
    sheet = read_sheet(shared_data(f"{FOLDER}/{name}"))
    assert text_of(sheet.as_of) == moment
    assert [q.value for q in sheet.quotes["spot"].values()] == [spot]
    assert len(sheet.quotes["vol"]) == len(sheet.quotes["forward"]) == priced
    assert reasons(sheet) == dropped
    assert len(sheet.quotes["rate"]) == rates


@pytest.mark.parametrize(
    ("name", "median", "most"),
    [
        ("cboe_spx_2022-07-12.csv.gz", 0.003, 0.05),
        ("cboe_spx_2023-09-14.csv.gz", 0.005, 0.05),
        ("cboe_AAPL_2026-08-22.json.gz", 0.03, 0.2),
        ("cboe_MSFT_2026-08-22.json.gz", 0.03, 0.2),
    ],
)
def test_recorded_mids_near_the_money_come_back(
    shared_data: Callable[[str], Path], name: str, median: float, most: float
) -> None:
    """The median and nine tenths of the distances, as fractions of the mid."""
    path = shared_data(f"{FOLDER}/{name}")
    sheet = read_sheet(path)
    instruments = instruments_of(sheet.contracts.values())
    base = rs.revalue(instruments, sheet.market(), rs.Scenarios.of([1.0])).base / 100
    mids = recorded_mids(path)
    spot = next(iter(sheet.quotes["spot"].values())).value
    near = np.abs(instruments.strike / spot - 1) < 0.1
    near &= np.array([mids[n] > 0 and n not in sheet.interpolated for n in instruments.name])
    expected = np.array([mids[n] for n in instruments.name])
    apart = np.abs(base[near] / expected[near] - 1)
    assert np.median(apart) < median
    assert np.quantile(apart, 0.9) < most


def recorded_mids(path: Path) -> dict[str, float]:
    """Mid of every series by name; 0 where it has no two sides."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        if ".json" in path.name:
            quotes = json.load(file)["quotes"]
            return {q["symbol"]: q["mid"] or 0.0 for q in quotes}
        rows = [r for r in csv.reader(file) if len(r) == 22 and r[1][-8:].isdigit()]
    sides = [(r[k], float(r[k + 3]), float(r[k + 4])) for r in rows for k in (1, 12)]
    return {name: (bid + ask) / 2 if 0 < bid <= ask else 0.0 for name, bid, ask in sides}


def test_rates_of_the_index_are_those_of_the_day(shared_data: Callable[[str], Path]) -> None:
    """US money cost 5.3 to 5.5 % a year in September 2023, and less in the years after."""
    sheet = read_sheet(shared_data(f"{FOLDER}/cboe_spx_2023-09-14.csv.gz"))
    rates = {e: q.value for (_, e), q in sheet.quotes["rate"].items()}
    year = 365 * 86_400 * 10**9
    long = [r for e, r in rates.items() if e - sheet.as_of > year // 4]
    assert len(long) == 23
    assert 0.05 < min(long) <= max(long) < 0.061
