"""Files are read correctly or refused by file, line, column, value and fix; nothing is silent."""

from __future__ import annotations

import gzip
import json
import random
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import riskslide as rs
from riskslide.book.clock import instant
from riskslide.edge.files.load import load_book, read_balances, read_instruments, read_orders

POSITIONS = b"account,instrument,quantity,entry_price\n"
INSTRUMENTS = b"instrument,kind,underlying,expiry,strike,option_type,settlement,lot,currency\n"
MARKET = b"quote,symbol,expiry,value,instant\n"
NOW = b"2026-02-27T08:00:00Z"


def write(folder: Path, data: bytes, name: str = "p.csv") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def refused(call: Callable[[], Any]) -> rs.InputError:
    with pytest.raises(rs.InputError) as caught:
        call()
    return caught.value


# Positions: what is refused. (data, code, line, column, value, part of the fix)
REFUSED = [
    (b"", "E_HEADER", 1, "", None, "first line must name"),
    (b"\n\na,b\n", "E_HEADER", 1, "", None, "first line must name"),
    (b"acount,instrument,quantity\n", "E_UNKNOWN_COLUMN", 1, "acount", "acount", "'account'"),
    (b"account,instrument\n", "E_MISSING", 1, "quantity", None, "add the column quantity"),
    (b"account,account,instrument,quantity\n", "E_DUPLICATE", 1, "account", "account", "once"),
    (b"account;instrument;quantity\n", "E_UNKNOWN_COLUMN", 1, None, None, "commas"),
    (b"account,instrument,quantity,\n", "E_UNKNOWN_COLUMN", 1, "", "", "columns are"),
    (b"A\xff,instrument,quantity\n", "E_ENCODING", 1, "", None, "UTF-8"),
    ("account,instrument,quantity\n".encode("utf-16"), "E_ENCODING", 1, "", None, "UTF-8"),
    (POSITIONS + b"A,X,1,\nB,Y\xe9,1,\n", "E_ENCODING", 3, "", b"\xe9", "UTF-8"),
    (POSITIONS + b"A,X,1,\nB,Y,1\n", "E_RAGGED", 3, "", "B,Y,1", "has 3 fields"),
    (POSITIONS + b"A,X,1,\nB,Y,1,2,3\n", "E_RAGGED", 3, "", "B,Y,1,2,3", "has 5 fields"),
    (POSITIONS + b"A,X,1,\n  \nB,Y,1,2\n", "E_RAGGED", 3, "", "  ", "has 1 fields"),
    (POSITIONS + b'A,X,1,\n"B,Y,1,\n', "E_QUOTES", 3, "", None, "quotes"),
    (POSITIONS + b"A,X,1,\nB,Y,,\n", "E_MISSING", 3, "quantity", None, "must not be empty"),
    (POSITIONS + b"A,X,1,\n ,Y,1,\n", "E_MISSING", 3, "account", None, "must not be empty"),
    (POSITIONS + b"A,X,1,\nB,,1,\n", "E_MISSING", 3, "instrument", None, "must not be empty"),
    (POSITIONS + b"A,X,1,\nB,Y,ten,\n", "E_DTYPE", 3, "quantity", "ten", "must be a number"),
    (POSITIONS + b'A,X,"1,000",\n', "E_DTYPE", 2, "quantity", "1,000", "thousands"),
    (POSITIONS + b"A,X,1_000,\n", "E_DTYPE", 2, "quantity", "1_000", "must be a number"),
    (POSITIONS + b"A,X,0x10,\n", "E_DTYPE", 2, "quantity", "0x10", "must be a number"),
    (POSITIONS + "A,X,\u0663,\n".encode(), "E_DTYPE", 2, "quantity", "\u0663", "number"),
    (POSITIONS + b"A,X,1,\nB,Y,nan,\n", "E_NOT_FINITE", 3, "quantity", "nan", "finite"),
    (POSITIONS + b"A,X,1,\nB,Y,-Inf,\n", "E_NOT_FINITE", 3, "quantity", "-Inf", "finite"),
    (POSITIONS + b"A,X,1,\nB,Y,1e999,\n", "E_NOT_FINITE", 3, "quantity", "1e999", "finite"),
    (POSITIONS + b"A,X,1,\nB,Y,1,nan\n", "E_NOT_FINITE", 3, "entry_price", "nan", "finite"),
    (POSITIONS + b"A,X,ten,\nB,Y,nan,\n", "E_DTYPE", 2, "quantity", "ten", "must be a number"),
    (
        POSITIONS + b"A,X,9007199254740993,\n",
        "E_INTEGER",
        2,
        "quantity",
        "9007199254740993",
        "2**53",
    ),
    (POSITIONS + b"A,X,1,\n\n\nB,Y,ten,\n", "E_DTYPE", 5, "quantity", "ten", "must be a number"),
    (POSITIONS + b'"A\nB",X,1,\nB,Y,ten,\n', "E_DTYPE", 4, "quantity", "ten", "must be a number"),
    (POSITIONS + b"A,X,1,\r\nB,Y,ten,\r\n", "E_DTYPE", 3, "quantity", "ten", "must be a number"),
    (POSITIONS + b"A,X,1,\rB,Y,ten,\r", "E_DTYPE", 3, "quantity", "ten", "must be a number"),
    (POSITIONS + b"A,X,1,\rB,Y,2,\n\nC,Z,ten,", "E_DTYPE", 5, "quantity", "ten", "number"),
    (
        POSITIONS.replace(b"\n", b"\r") + b"A,X,1,\r\rB,Y\xe9,1,\r",
        "E_ENCODING",
        4,
        "",
        b"\xe9",
        "UTF-8",
    ),
    (POSITIONS.replace(b"\n", b"\r") + b"A,X,1,\rB,Y,1\r", "E_RAGGED", 3, "", "B,Y,1", "3 fields"),
]


@pytest.mark.parametrize(("data", "code", "line", "column", "value", "fix"), REFUSED)
def test_positions_are_refused_by_line_column_value_and_fix(
    tmp_path: Path, data: bytes, code: str, line: int, column: str | None, value: Any, fix: str
) -> None:
    path = write(tmp_path, data)
    error = refused(lambda: rs.read_positions(path))
    assert (error.code, error.file, error.row) == (code, str(path), line)
    if column is not None:
        assert (error.column, error.value) == (column, value)
    assert fix in error.fix
    assert str(error).startswith(f"{code}: {path}:{line}")


ACCRUED = b"account,instrument,quantity,accrued\n"
REFUSED += [
    (ACCRUED + b"A,X,1,\nB,Y,1,nan\n", "E_NOT_FINITE", 3, "accrued", "nan", "finite"),
    (ACCRUED + b"A,X,1,ten\n", "E_DTYPE", 2, "accrued", "ten", "must be a number"),
    (ACCRUED + b"A,X,1,1e999\n", "E_NOT_FINITE", 2, "accrued", "1e999", "finite"),
    (
        b"account,instrument,quantity,accrue\n",
        "E_UNKNOWN_COLUMN",
        1,
        "accrue",
        "accrue",
        "'accrued'",
    ),
]


READ = [
    (POSITIONS + b"A,X,1.5,\nB,Y,-2,70\n", "plain"),
    (b"\xef\xbb\xbf" + POSITIONS + b"A,X,1.5,\nB,Y,-2,70\n", "byte order mark"),
    (POSITIONS.replace(b"\n", b"\r\n") + b"A,X,1.5,\r\nB,Y,-2,70\r\n", "CRLF"),
    (POSITIONS.replace(b"\n", b"\r") + b"A,X,1.5,\rB,Y,-2,70\r", "CR"),
    (POSITIONS + b"A,X,1.5,\nB,Y,-2,70", "no last line end"),
    (POSITIONS + b"A,X,1.5,\nB,Y,-2,70\n\n\n", "blank lines at the end"),
    (POSITIONS + b'"A","X",1.5,""\nB,"Y","-2",70\n', "quotes"),
    (POSITIONS + b" A , X , 1.5 , \n B,Y , -2,70 \n", "spaces"),
    (b" account , instrument,quantity,entry_price\nA,X,1.5,\nB,Y,-2,70\n", "header with spaces"),
    (b"entry_price,quantity,instrument,account\n,+1.5,X,A\n7e1,-2.,Y,B\n", "other order"),
]


@pytest.mark.parametrize(("data", "what"), READ, ids=[what for _, what in READ])
@pytest.mark.parametrize("zipped", [False, True])
def test_every_way_of_writing_a_file_reads_the_same(
    tmp_path: Path, data: bytes, what: str, zipped: bool
) -> None:
    path = write(tmp_path, gzip.compress(data), "p.csv.gz") if zipped else write(tmp_path, data)
    table = rs.read_positions(path)
    assert (table.account, table.instrument) == (["A", "B"], ["X", "Y"])
    assert table.quantity.tolist() == [1.5, -2.0]
    assert np.isnan(table.entry_price[0])
    assert table.entry_price[1] == 70.0
    assert table.line.tolist() == [2, 3]


def test_what_positions_have_accrued_is_read_from_every_kind_of_file(tmp_path: Path) -> None:
    rows = [("A", "X", 1.5, -0.25), ("B", "Y", -2.0, None)]
    text = "".join(f"{a},{i},{q},{'' if f is None else f}\n" for a, i, q, f in rows)
    names = ("account", "instrument", "quantity", "accrued")
    table = {n: [r[k] for r in rows] for k, n in enumerate(names)}
    pq.write_table(pa.table(table), tmp_path / "p.parquet")
    write(tmp_path, json.dumps([dict(zip(names, r, strict=True)) for r in rows]).encode(), "p.json")
    write(tmp_path, ACCRUED + text.encode())
    for name in ("p.csv", "p.parquet", "p.json"):
        found = rs.read_positions(tmp_path / name)
        assert found.accrued.tolist() == [-0.25, 0.0]
        assert np.isnan(found.entry_price).all()
    plain = rs.read_positions(write(tmp_path, POSITIONS + b"A,X,1,\n"))
    assert plain.accrued.tolist() == [0.0]


def test_orders_accrue_nothing(tmp_path: Path) -> None:
    error = refused(lambda: read_orders(write(tmp_path, ACCRUED + b"A,X,1,2\n")))
    assert (error.code, error.column) == ("E_UNKNOWN_COLUMN", "accrued")


def test_header_alone_is_a_file_of_no_rows(tmp_path: Path) -> None:
    for data in (POSITIONS, POSITIONS.rstrip(), b"account,instrument,quantity"):
        table = rs.read_positions(write(tmp_path, data))
        assert len(table) == 0
        assert table.quantity.shape == table.line.shape == (0,)


def test_blank_lines_and_quoted_line_ends_keep_the_line_numbers(tmp_path: Path) -> None:
    data = POSITIONS + b'\nA,X,1,\n\n"two\nlines",Y,2,\nC,Z,3,\n'
    table = rs.read_positions(write(tmp_path, data))
    assert table.line.tolist() == [3, 5, 7]
    assert table.account[1] == "two\nlines"


def test_first_of_many_faults_is_told_and_all_are_listed(tmp_path: Path) -> None:
    data = POSITIONS + b"A,X,1,\nB,Y,1,none\nC,,nan,\nD,Z,ten,\n"
    error = refused(lambda: rs.read_positions(write(tmp_path, data)))
    assert (error.row, error.column, error.code) == (3, "entry_price", "E_DTYPE")
    assert set(error.rows) == {
        (3, "entry_price", "E_DTYPE"),
        (4, "instrument", "E_MISSING"),
        (4, "quantity", "E_NOT_FINITE"),
        (5, "quantity", "E_DTYPE"),
    }


def test_no_more_than_a_thousand_faults_are_listed(tmp_path: Path) -> None:
    error = refused(lambda: rs.read_positions(write(tmp_path, POSITIONS + b"A,X,x,\n" * 5000)))
    assert error.row == 2
    assert len(error.rows) == 1000


def test_a_damaged_or_absent_file_is_refused_by_name(tmp_path: Path) -> None:
    good = gzip.compress(POSITIONS + b"A,X,1,\n" * 1000)
    pq.write_table(pa.table({"account": ["A"] * 1000}), tmp_path / "good.parquet")
    parquet = (tmp_path / "good.parquet").read_bytes()
    files = [
        tmp_path / "absent.csv",
        tmp_path,
        write(tmp_path, good[:-20], "cut.csv.gz"),
        write(tmp_path, b"plain text", "plain.csv.gz"),
        write(tmp_path, b"", "empty.csv.gz"),
        write(tmp_path, parquet[:-20], "cut.parquet"),
        write(tmp_path, b"", "empty.parquet"),
        write(tmp_path, b"PAR1", "magic.parquet"),
    ]
    for path in files:
        error = refused(lambda path=path: rs.read_positions(path))
        assert error.file == str(path)
        assert error.code in ("E_FILE", "E_HEADER")
        assert error.fix


def test_any_cut_or_changed_byte_is_read_or_refused_but_never_crashes(tmp_path: Path) -> None:
    source = random.Random(7)
    whole = POSITIONS + b'A,X,1.5,\n"B, C",Y,-2,70\nC,Z,1e3,0.5\n'
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(source.randint(1, 4)):
            data[source.randrange(len(data))] = source.randrange(256)
        path = write(tmp_path, bytes(data[: source.randint(0, len(data))]))
        try:
            table = rs.read_positions(path)
        except rs.InputError as error:
            assert error.file == str(path)
        else:
            assert np.isfinite(table.quantity).all()


def test_balances_are_checked_as_positions_are(tmp_path: Path) -> None:
    table = read_balances(write(tmp_path, b"account,asset,amount\nA, BTC ,-1.5\n"))
    assert (table.account, table.asset, table.amount.tolist()) == (["A"], ["BTC"], [-1.5])
    error = refused(lambda: read_balances(write(tmp_path, b"account,asset,amount\nA,,1\n")))
    assert (error.code, error.row, error.column) == ("E_MISSING", 2, "asset")
    error = refused(lambda: read_balances(write(tmp_path, b"account,asset,quantity\n")))
    assert error.code == "E_UNKNOWN_COLUMN"


# Parquet


def parquet(folder: Path, **columns: Any) -> Path:
    path = folder / "p.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_types_read_as_their_text_would(tmp_path: Path) -> None:
    names = pa.array(["X", "Y"]).dictionary_encode()
    quantities = [
        pa.array([1.5, -2.0]),
        pa.array([1.5, -2.0], pa.float32()),
        pa.array(["1.5", " -2 "]),
        pa.array(["1.5", "-2"]).dictionary_encode(),
        pa.array(["1.5", "-2"]).cast(pa.decimal128(10, 4)),
    ]
    for quantity in quantities:
        path = parquet(tmp_path, account=[7, 8], instrument=names, quantity=quantity)
        table = rs.read_positions(path)
        assert (table.account, table.instrument) == (["7", "8"], ["X", "Y"])
        assert table.quantity.tolist() == [1.5, -2.0]
        assert table.line.tolist() == [1, 2]


def test_parquet_entry_price_may_be_null_or_nan_or_not_there(tmp_path: Path) -> None:
    for entry in (pa.array([None, 70.0]), pa.array([np.nan, 70.0]), pa.array([None, 70])):
        path = parquet(
            tmp_path, account=["A", "B"], instrument=["X", "Y"], quantity=[1, 2], entry_price=entry
        )
        assert np.isnan(rs.read_positions(path).entry_price[0])


@pytest.mark.parametrize(
    ("quantity", "code", "row"),
    [
        (pa.array([1.0, np.nan]), "E_MISSING", 2),
        (pa.array([1.0, None]), "E_MISSING", 2),
        (pa.array([1, None]), "E_MISSING", 2),
        (pa.array([1.0, np.inf]), "E_NOT_FINITE", 2),
        (pa.array([1, 2**53 + 1]), "E_INTEGER", 2),
        (pa.array([True, False]), "E_DTYPE", None),
        (pa.array([[1.0], [2.0]]), "E_DTYPE", None),
        (pa.array([None, None]), "E_MISSING", 1),
    ],
)
def test_parquet_quantities_are_refused_by_row(
    tmp_path: Path, quantity: Any, code: str, row: int | None
) -> None:
    path = parquet(tmp_path, account=["A", "B"], instrument=["X", "Y"], quantity=quantity)
    error = refused(lambda: rs.read_positions(path))
    assert (error.code, error.row, error.column) == (code, row, "quantity")


def test_parquet_timestamps_need_a_zone(tmp_path: Path) -> None:
    moment = np.array(["2026-02-27T08:00:00.123456789"], dtype="datetime64[ns]")
    columns = {"quote": ["spot"], "symbol": ["BTC"], "value": [1e5]}
    zoned = pa.array(moment).cast(pa.timestamp("ns", tz="UTC"))
    market = rs.read_market(parquet(tmp_path, **columns, instant=zoned))
    assert market.as_of == instant("2026-02-27T08:00:00.123456789Z")
    error = refused(lambda: rs.read_market(parquet(tmp_path, **columns, instant=pa.array(moment))))
    assert (error.code, error.column) == ("E_TIMEZONE", "instant")


# Instruments


def test_empty_terms_of_instruments_take_their_defaults(tmp_path: Path) -> None:
    path = write(tmp_path, b"instrument,kind,underlying\nP,perpetual,BTC\n")
    bare = read_instruments(path)
    rows = b"C,option,BTC,2026-03-27T08:00:00Z,90000,call,,,\nP,perpetual,BTC,,,,inverse,1,BTC\n"
    full = read_instruments(write(tmp_path, INSTRUMENTS + rows))
    assert (bare.lot[0], bare.multiplier[0], bare.currencies) == (1e-8, 1.0, ("USD",))
    assert full.lot.tolist() == [1e-8, 1.0]
    assert full.inverse.tolist() == [False, True]
    assert full.expiry[0] == instant("2026-03-27T08:00:00Z")
    assert full.currencies == ("BTC", "USD")


@pytest.mark.parametrize(
    ("row", "code", "column", "value"),
    [
        (b"C,opton,BTC,,,,,,", "E_UNKNOWN", "kind", "opton"),
        (b"C,option,BTC,,90000,call,,,", "E_MISSING", "expiry", None),
        (b"C,option,BTC,2026-03-27,90000,call,,,", "E_TIMEZONE", "expiry", "2026-03-27"),
        (b"C,option,BTC,27/03/26,90000,call,,,", "E_INSTANT", "expiry", "27/03/26"),
        (b"C,option,BTC,9999-03-27T08:00Z,9,call,,,", "E_INSTANT", "expiry", "9999-03-27T08:00Z"),
        (b"C,option,BTC,2026-03-27T08:00Z,,call,,,", "E_MISSING", "strike", None),
        (b"C,option,BTC,2026-03-27T08:00Z,-5,call,,,", "E_DOMAIN_STRIKE", "strike", -5.0),
        (b"C,option,BTC,2026-03-27T08:00Z,5,both,,,", "E_UNKNOWN", "option_type", "both"),
        (b"A,perpetual,BTC,,,,,,", "E_DUPLICATE", "instrument", "A"),
        (b"C,perpetual,BTC,,,,quanto,,", "E_UNKNOWN", "settlement", "quanto"),
        (b"C,spot,BTC,,,,inverse,,", "E_DOMAIN", "settlement", True),
        (b"C,perpetual,BTC,,,,,0,", "E_DOMAIN", "lot", 0.0),
    ],
)
def test_instruments_are_refused_by_line(
    tmp_path: Path, row: bytes, code: str, column: str, value: Any
) -> None:
    path = write(tmp_path, INSTRUMENTS + b"A,perpetual,BTC,,,,,,\n" + row + b"\n")
    error = refused(lambda: read_instruments(path))
    assert (error.code, error.file, error.row, error.column) == (code, str(path), 3, column)
    assert error.fix
    if column != "expiry":
        assert error.value == value


# Market


def test_newest_quote_not_after_as_of_counts(tmp_path: Path) -> None:
    rows = (
        b"spot,BTC,,3,2026-02-27T08:00:02Z\nspot,BTC,,1,2026-02-27T08:00:00Z\n"
        b"spot,BTC,,2,2026-02-27T09:00:01+01:00\nrate,BTC,2026-03-27T08:00:00Z,0.01," + NOW + b"\n"
    )
    path = write(tmp_path, MARKET + rows)
    assert rs.read_market(path).spot["BTC"].value == 3
    assert rs.read_market(path).as_of == instant("2026-02-27T08:00:02Z")
    for as_of, value in (("2026-02-27T08:00:01.5Z", 2), ("2026-02-27T08:00:00Z", 1)):
        market = rs.read_market(path, as_of=as_of)
        assert (market.spot["BTC"].value, market.as_of) == (value, instant(as_of))
    key = ("BTC", instant("2026-03-27T08:00:00Z"))
    assert rs.read_market(path).rate[key].value == 0.01


def test_a_market_wholly_after_as_of_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, MARKET + b"spot,BTC,,1," + NOW + b"\n")
    error = refused(lambda: rs.read_market(path, as_of="2026-02-27T07:59:59Z"))
    assert error.code == "E_STALE"
    assert "2026-02-27T08:00:00Z" in error.fix


def test_a_market_without_rows_is_refused(tmp_path: Path) -> None:
    assert refused(lambda: rs.read_market(write(tmp_path, MARKET))).code == "E_EMPTY"
    assert refused(lambda: rs.read_market([])).code == "E_EMPTY"


@pytest.mark.parametrize(
    ("row", "code", "column", "value"),
    [
        (b"spott,BTC,,1," + NOW, "E_UNKNOWN", "quote", "spott"),
        (b"vol,X,,-0.1," + NOW, "E_VOL_NEGATIVE", "value", -0.1),
        (b"vol,X,2026-03-27T08:00:00Z,0.1," + NOW, "E_DOMAIN", "expiry", "vol"),
        (b"spot,BTC,,," + NOW, "E_MISSING", "value", None),
        (b"spot,BTC,,inf," + NOW, "E_NOT_FINITE", "value", "inf"),
        (b"spot,BTC,,1,2026-02-27T08:00:00", "E_TIMEZONE", "instant", "2026-02-27T08:00:00"),
        (b"spot,BTC,,1,", "E_MISSING", "instant", None),
        (b"spot,,,1," + NOW, "E_MISSING", "symbol", None),
        (b"spot,ETH,,2," + NOW, "E_DUPLICATE", "value", 2.0),
        (b"confidence,BTC,,1," + NOW, "E_UNKNOWN", "quote", "confidence"),
        (b"confidence:settlement,X,,1," + NOW, "E_UNKNOWN", "quote", "confidence:settlement"),
        (b"confidence:spot,BTC,,1.01," + NOW, "E_RANGE", "value", 1.01),
        (b"confidence:vol,X,,-0.5," + NOW, "E_RANGE", "value", -0.5),
        (b"confidence:mark,X,,nan," + NOW, "E_NOT_FINITE", "value", "nan"),
        (
            b"confidence:spot,X,2026-03-27T08:00:00Z,1," + NOW,
            "E_DOMAIN",
            "expiry",
            "confidence:spot",
        ),
        (b"fixed,ETH,,1," + NOW, "E_MISSING", "expiry", None),
        (b"fixed,ETH,2026-03-27T08:00:00Z,-1," + NOW, "E_DOMAIN", "value", -1.0),
    ],
)
def test_quotes_are_refused_by_line(
    tmp_path: Path, row: bytes, code: str, column: str, value: Any
) -> None:
    path = write(tmp_path, MARKET + b"spot,ETH,,1," + NOW + b"\n" + row + b"\n")
    error = refused(lambda: rs.read_market(path))
    assert (error.code, error.file, error.row) == (code, str(path), 3)
    assert (error.column, error.value) == (column, value)


def test_confidences_and_fixed_parts_are_quotes_with_their_instant(tmp_path: Path) -> None:
    dated = b"BTC,2026-03-27T08:00:00Z,"
    rows = [
        b"confidence:spot,BTC,,0.9,",
        b"confidence:mark,P,,0.8,",
        b"confidence:forward," + dated + b"0.7,",
        b"confidence:forward,C,,0.6,",
        b"confidence:vol,C,,0.5,",
        b"confidence:vol," + dated + b"0.4,",
        b"confidence:rate,BTC,,0.3,",
        b"confidence:rate," + dated + b"0.2,",
        b"fixed," + dated + b"50000,",
    ]
    path = write(tmp_path, MARKET + b"".join(r + NOW + b"\n" for r in rows))
    market = rs.read_market(path)
    now, expiry = instant(NOW.decode()), instant("2026-03-27T08:00:00Z")
    assert {key: q.value for key, q in market.confidence.items()} == {
        ("spot", "BTC"): 0.9,
        ("mark", "P"): 0.8,
        ("forward", ("BTC", expiry)): 0.7,
        ("forward", "C"): 0.6,
        ("vol", "C"): 0.5,
        ("vol", ("BTC", expiry)): 0.4,
        ("rate", "BTC"): 0.3,
        ("rate", ("BTC", expiry)): 0.2,
    }
    assert market.fixed == {("BTC", expiry): rs.Quote(50_000.0, now)}
    assert {q.instant for q in market.confidence.values()} == {now}
    said = {key: q.value for key, q in market.confidence.items()}
    by_hand = rs.Market.of(now, confidence=said, fixed={("BTC", expiry): 50_000.0})
    assert (by_hand.confidence, by_hand.fixed) == (market.confidence, market.fixed)
    later = MARKET + b"confidence:spot,BTC,,0.1,2026-02-27T08:00:01Z\n"
    both = [path, write(tmp_path, later, "later.csv")]
    assert rs.read_market(both).confidence[("spot", "BTC")].value == 0.1
    assert rs.read_market(both, as_of=now).confidence[("spot", "BTC")].value == 0.9
    other = write(tmp_path, MARKET + b"confidence:spot,BTC,,0.2," + NOW + b"\n", "other.csv")
    error = refused(lambda: rs.read_market([path, other]))
    assert (error.code, error.file, error.row) == ("E_DUPLICATE", str(other), 2)


def test_equal_quotes_of_two_files_agree_and_different_ones_are_refused(tmp_path: Path) -> None:
    first = write(tmp_path, MARKET + b"spot,ETH,,1," + NOW + b"\n", "first.csv")
    same = write(tmp_path, MARKET + b"spot,ETH,,1.0," + NOW + b"\n", "same.csv")
    other = write(tmp_path, MARKET + b"spot,ETH,,2," + NOW + b"\n", "other.csv")
    assert rs.read_market([first, same]).spot["ETH"].value == 1
    error = refused(lambda: rs.read_market([first, other]))
    assert (error.code, error.file, error.row) == ("E_DUPLICATE", str(other), 2)
    assert f"{first}:2" in error.fix


def test_a_misspelt_market_column_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, b"qoute,symbol,value,instant\n")
    error = refused(lambda: rs.read_market(path))
    assert (error.code, error.value) == ("E_UNKNOWN_COLUMN", "qoute")
    assert "'quote'" in error.fix


# The whole book

BOOK = {
    "positions": b"account,instrument,quantity,entry_price\nA,C,-1,\nB,P,2,90000\n",
    "balances": b"account,asset,amount\nA,USDC,1000\nB,BTC,0.5\n",
    "instruments": b"instrument,kind,underlying,expiry,strike,option_type,lot,style\n"
    b"C,option,BTC,2026-03-27T08:00:00Z,90000,call,0.1,european\n"
    b"P,perpetual,BTC,,,,0.1,\nE,perpetual,ETH,,,,1,\n",
    "market": MARKET + b"spot,BTC,,100000," + NOW + b"\nvol,C,,0.5," + NOW + b"\n"
    b"forward,BTC,2026-03-27T08:00:00Z,100500," + NOW + b"\nmark,P,,100010," + NOW + b"\n",
}


def load(folder: Path, **changed: bytes) -> tuple[rs.Portfolio, rs.Market]:
    files = {k: write(folder, v, f"{k}.csv") for k, v in (BOOK | changed).items()}
    return load_book(files["positions"], files["balances"], files["market"], files["instruments"])


def test_a_book_of_files_is_margined(tmp_path: Path) -> None:
    portfolio, market = load(tmp_path)
    assessment = rs.assess(portfolio, market, rs.load_rulebook("generic-slides"))
    assert assessment.account == ("A", "B")
    assert portfolio.instruments.name == ("C", "P")
    assert portfolio.instruments.underlyings == ("BTC",)
    assert assessment.unrealised_pnl[1] == pytest.approx(2 * (100010 - 90000))
    assert np.isfinite(assessment.excess).all()


def test_duplicate_positions_are_summed_and_counted(tmp_path: Path) -> None:
    rows = BOOK["positions"] + b"A,C,0.3,\nA,C,-0.2,\n"
    portfolio, _ = load(tmp_path, positions=rows)
    assert portfolio.duplicates == 2
    assert portfolio.positions.lots.tolist() == [-9, 20]


@pytest.mark.parametrize(
    ("which", "row", "code", "column", "value", "fix"),
    [
        ("positions", b"B,CC,1,\n", "E_UNKNOWN", "instrument", "CC", "does not define it"),
        ("positions", b"B,C,0.15,\n", "E_LOT", "quantity", 0.15, "lots of 0.1"),
        ("positions", b"B,C,1e18,\n", "E_OVERFLOW", "quantity", 1e18, "lots of 0.1"),
        ("positions", b"B,E,1,\n", "E_MISSING_PRICE", "instrument", "E", "mark"),
    ],
)
def test_what_a_book_lacks_is_refused_by_the_line_of_the_position(
    tmp_path: Path, which: str, row: bytes, code: str, column: str, value: Any, fix: str
) -> None:
    error = refused(lambda: load(tmp_path, **{which: BOOK[which] + row}))
    assert (error.code, error.row, error.column, error.value) == (code, 4, column, value)
    assert error.file.endswith(f"{which}.csv")
    assert fix in error.fix


def test_lots_that_sum_beyond_int64_are_refused_by_line(tmp_path: Path) -> None:
    rows = b"account,instrument,quantity\nB,P,1\nB,C,1\nA,P,2\nA,C,5e17\nA,C,6e17\n"
    error = refused(lambda: load(tmp_path, positions=rows))
    assert (error.code, error.column) == ("E_OVERFLOW", "quantity")
    assert (error.row, error.value) == (6, 6e17)


def test_lots_beyond_every_float_are_refused_without_a_word_on_stderr(tmp_path: Path) -> None:
    terms = b"instrument,kind,underlying,lot\nP,perpetual,BTC,1e-320\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        error = refused(
            lambda: load(
                tmp_path, positions=b"account,instrument,quantity\nA,P,5\n", instruments=terms
            )
        )
    assert (error.code, error.row, error.value) == ("E_OVERFLOW", 2, 5.0)
    assert "use a larger lot" in error.fix


def test_american_options_of_a_file_of_instruments_are_told(tmp_path: Path) -> None:
    terms = b"instrument,kind,underlying,expiry,strike,option_type,style\n" + b"".join(
        f"{name},option,BTC,2026-03-27T08:00:00Z,70000,{side},{style}\n".encode()
        for name, side, style in (("C", "call", "american"), ("D", "put", "european"))
    )
    rows = b"account,instrument,quantity\nA,C,1\nA,D,1\n"
    quotes = b"".join(
        b"vol,%s,,0.5,%s\nforward,%s,,7e4,%s\n" % (n, NOW, n, NOW) for n in (b"C", b"D")
    )
    market = MARKET + b"spot,BTC,,7e4,%s\n" % NOW + quotes
    book = load(tmp_path, positions=rows, instruments=terms, market=market)
    found = rs.assess(*book, rs.load_rulebook("generic-slides")).warnings
    told = [w for w in found if w.startswith("W_AMERICAN_AS_EUROPEAN")]
    assert [w.split(": ", 2)[2] for w in told] == ["1, such as C"]


def test_entry_prices_of_inverse_contracts_are_refused_by_line(tmp_path: Path) -> None:
    terms = b"instrument,kind,underlying,settlement,currency\nP,perpetual,BTC,inverse,BTC\n"
    rows = b"account,instrument,quantity,entry_price\nA,P,1,\nA,P,1,-5\n"
    error = refused(lambda: load(tmp_path, positions=rows, instruments=terms))
    assert (error.code, error.row, error.column) == ("E_DOMAIN", 3, "entry_price")


def test_a_book_of_files_counts_what_has_accrued(tmp_path: Path) -> None:
    rows = ACCRUED + b"A,C,-1,-0.25\nA,P,2,0.125\nA,P,-1,0.5\nA,P,-1,\n"
    portfolio, market = load(tmp_path, positions=rows)
    found = rs.assess(portfolio, market, rs.load_rulebook("generic-slides"))
    assert found.unrealised_pnl[0] == -0.25  # USD; of P, which nets to nothing, none
    terms = INSTRUMENTS + b"C,option,BTC,2026-03-27T08:00:00Z,80000,call,inverse,0.1,BTC\n"
    coin = b"S,spot,BTC,,,,,,\n"
    rows = ACCRUED + b"A,C,-1,1\nA,S,1,\nA,S,1,2\n"
    error = refused(lambda: load(tmp_path, positions=rows, instruments=terms + coin))
    assert (error.code, error.row, error.column, error.value) == ("E_DOMAIN", 4, "accrued", 2.0)


@pytest.mark.parametrize("held", ["C", "F"])
def test_a_fixed_part_beyond_its_forward_is_refused_by_the_line_of_the_quote(
    tmp_path: Path, held: str
) -> None:
    terms = BOOK["instruments"] + b"F,future,BTC,2026-03-27T08:00:00Z,,,0.1,\n"
    market = BOOK["market"] + b"mark,F,,100500," + NOW + b"\n"
    line = market.count(b"\n") + 1
    positions = b"account,instrument,quantity\nA," + held.encode() + b",-1\n"
    for part, allowed in ((b"100500", True), (b"100500.5", False)):
        fixed = market + b"fixed,BTC,2026-03-27T08:00:00Z," + part + b"," + NOW + b"\n"

        def book(fixed: bytes = fixed) -> Any:
            return load(tmp_path, positions=positions, instruments=terms, market=fixed)

        if allowed:
            portfolio, quotes = book()
            assert quotes.on(portfolio.instruments).fixed_share.tolist() == [1.0]
        else:
            error = refused(book)
            assert (error.code, error.row, error.value) == ("E_DOMAIN", line, 100_500.5)


def test_a_forward_that_black76_cannot_take_is_refused_by_the_line_of_the_quote(
    tmp_path: Path,
) -> None:
    market = BOOK["market"].replace(b"100500", b"-1")
    error = refused(lambda: load(tmp_path, market=market))
    assert (error.code, error.row, error.value) == ("E_DOMAIN_FORWARD", 4, -1.0)
    assert error.file.endswith("market.csv")


def test_an_expired_contract_needs_its_settlement_price(tmp_path: Path) -> None:
    terms = BOOK["instruments"].replace(b"2026-03-27T08:00:00Z", b"2026-02-27T07:00:00Z")
    error = refused(lambda: load(tmp_path, instruments=terms))
    assert (error.code, error.row, error.value) == ("E_EXPIRED", 2, "C")
    paid = BOOK["market"] + b"settlement,BTC,2026-02-27T07:00:00Z,95000,2026-02-27T07:00:00Z\n"
    portfolio, market = load(tmp_path, instruments=terms, market=paid)
    assessment = rs.assess(portfolio, market, rs.load_rulebook("generic-slides"))
    assert assessment.option_value[0] == -5000.0


def test_an_empty_book_is_a_book(tmp_path: Path) -> None:
    portfolio, market = load(
        tmp_path,
        positions=b"account,instrument,quantity\n",
        balances=b"account,asset,amount\n",
    )
    assert portfolio.accounts == ()
    assert len(portfolio.instruments) == 0
    assert market.spot["BTC"].value == 100000


def test_csv_and_parquet_of_one_book_give_the_same_bits(tmp_path: Path) -> None:
    import pyarrow.csv as csv

    files = {}
    for name, data in BOOK.items():
        path = write(tmp_path, data, f"{name}.csv")
        files[name] = tmp_path / f"{name}.parquet"
        text = name == "positions"
        options = csv.ConvertOptions(column_types={"entry_price": pa.float64()} if text else {})
        pq.write_table(csv.read_csv(path, convert_options=options), files[name])
    rules = rs.load_rulebook("generic-slides")
    first = rs.assess(*load(tmp_path), rules)
    second = rs.assess(
        *load_book(files["positions"], files["balances"], files["market"], files["instruments"]),
        rules,
    )
    assert first.maintenance.tobytes() == second.maintenance.tobytes()
    assert first.equity.tobytes() == second.equity.tobytes()


def test_without_pyarrow_the_install_line_is_named(tmp_path: Path) -> None:
    write(tmp_path, POSITIONS)
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "import riskslide as rs\n"
        "from riskslide.errors import MissingExtra\n"
        "try: rs.read_positions('p.csv')\n"
        "except MissingExtra as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert 'pip install "riskslide[cli]"' in done.stdout


def test_examples_of_the_documentation_are_a_book(tmp_path: Path) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "files.md").read_text("utf-8")
    found = dict(re.findall(r"```csv (\S+)\n(.*?)```", text, re.DOTALL))
    files = {name: write(tmp_path, data.encode(), name) for name, data in found.items()}
    book = [files[f"{n}.csv"] for n in ("positions", "balances", "market")]
    rules = rs.load_rulebook("generic-slides")
    by_name, by_file = load_book(*book), load_book(*book, files["instruments.csv"])
    first, second = rs.assess(*by_name, rules), rs.assess(*by_file, rules)
    assert first.account == ("alice", "bob")
    np.testing.assert_allclose(first.maintenance, second.maintenance, rtol=1e-12)
    assert (first.maintenance > 0).all()


# Names of venues and books without a file of instruments


@pytest.mark.parametrize(
    ("name", "venue"),
    [
        ("BTC-27MAR26-80000-C", "deribit"),
        ("BTC-USD-260327-80000-C", "okx"),
        ("SPXW230914C04500000", "occ"),
        ("AAPL  260918C00255000", "occ"),
    ],
)
def test_names_of_every_venue_are_read(name: str, venue: str) -> None:
    contract = rs.parse_instrument(name)
    terms = (contract.inverse, contract.multiplier, contract.lot, contract.currency)
    assert (
        terms
        == {
            "deribit": (True, 1.0, 1e-8, "BTC"),
            "okx": (True, 0.01, 1e-6, "BTC"),
            "occ": (False, 100.0, 1.0, "USD"),
        }[venue]
    )


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("AAPL", "BTC-27MAR26-80000-C, BTC-27MAR26 or BTC-PERPETUAL (Deribit)"),
        ("AAPL", "BTC-USD-260327-80000-C (OKX)"),
        ("AAPL", "(OCC)"),
        ("BTC-06FEB26", "6FEB26"),
        ("BTC-USD-260332-80000-C", "260332 is no date"),
        ("SPXW230932C04500000", "230932 is no date"),
        ("spxw230914c04500000", "capitals"),
    ],
)
def test_a_name_of_no_venue_is_refused_with_its_slip_or_all_forms(name: str, fix: str) -> None:
    error = refused(lambda: rs.parse_instrument(name))
    assert (error.code, error.value) == ("E_INSTRUMENT", name)
    assert fix in error.fix


def test_a_stock_and_both_forms_of_a_symbol_are_held_beside_a_page(tmp_path: Path) -> None:
    strikes = ("00250000", "00255000", "00260000")
    quotes = ",".join(
        f'{{"symbol": "AAPL260918{side[0].upper()}{k}", "expiration": "2026-09-18", '
        f'"side": "{side}", "strike": {int(k) / 1000}, "bid": 5.0, "ask": 5.1, "iv": 0.3}}'
        for side in ("call", "put")
        for k in strikes
    )
    facts = '"updated": "2026-08-22T09:50:41-04:00", "underlyingPrice": 255.0'
    page = f'{{{facts}, "quotes": [{quotes}]}}'
    market = write(tmp_path, page.encode(), "page.json")
    rows = b"A,AAPL,100\nA,AAPL  260918C00255000,-1\nA,AAPL260918C00255000,-1\n"
    held = write(tmp_path, b"account,instrument,quantity\n" + rows)
    cash = write(tmp_path, b"account,asset,amount\nA,USD,100000\n", "b.csv")
    portfolio, quoted = load_book(held, cash, market)
    assert set(portfolio.instruments.name) == {"AAPL", "AAPL260918C00255000"}
    assert portfolio.duplicates == 1
    found = rs.assess(portfolio, quoted, rs.load_rulebook("generic-slides"))
    assert np.isfinite(found.equity).all()
    bad = write(tmp_path, b"account,instrument,quantity\nA,MSFT,1\n", "bad.csv")
    error = refused(lambda: load_book(bad, cash, market))
    assert (error.code, error.row, error.value) == ("E_INSTRUMENT", 2, "MSFT")
