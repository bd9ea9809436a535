"""JSON files become the columns that the same rows would give as CSV, or are refused by place."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import riskslide as rs
from riskslide.edge.files.load import load_book, read_balances, read_instruments, read_orders
from riskslide.edge.tables.raw import Table
from riskslide.edge.tables.read import read_table


def refused(call: Callable[[], Any]) -> rs.InputError:
    with pytest.raises(rs.InputError) as caught:
        call()
    return caught.value


def write(folder: Path, text: str, name: str = "a.json") -> Path:
    path = folder / name
    data = text.encode("utf-8")
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def columns(table: Table) -> dict[str, list[str]]:
    return {name: column.to_pylist() for name, column in table.columns.items()}


ROWS = '[{"a": 1, "b": null}, {"a": 0.10, "c": {"d": true, "e": "x"}, "f": [1, 2]}]'
READ = {"a": ["1", "0.10"], "b": ["", ""], "c.d": ["", "true"], "c.e": ["", "x"]}


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (ROWS, {}),
        (f'{{"jsonrpc": "2.0", "usDiff": 7, "result": {ROWS}}}', {"jsonrpc": "2.0", "usDiff": "7"}),
        (
            f'{{"symbol": "X", "at": {{"day": 1}}, "quotes": {ROWS}}}',
            {"symbol": "X", "at.day": "1"},
        ),
        (f'{{"code": "0", "none": [], "data": {ROWS}}}', {"code": "0"}),
        (f'[{{"result": {ROWS}}}]', {}),
        ("\ufeff" + ROWS, {}),
        ("\n" + ROWS, {}),
    ],
)
def test_rows_are_found_in_every_wrapping(tmp_path: Path, text: str, facts: dict[str, str]) -> None:
    for name in ("a.json", "a.json.gz"):
        table = read_table(write(tmp_path, text, name))
        assert columns(table) == READ
        assert (table.line.tolist(), dict(table.facts)) == ([1, 2], facts)


def test_an_object_without_a_list_is_one_row(tmp_path: Path) -> None:
    for text in ('{"a": 1}', '{"result": {"a": 1}}', '[{"result": {"a": 1}}]'):
        assert columns(read_table(write(tmp_path, text))) == {"a": ["1"]}


def test_numbers_keep_the_digits_that_they_are_written_with(tmp_path: Path) -> None:
    text = '[{"a": 9007199254740993, "b": 1e400, "c": NaN, "d": 0.1000}]'
    table = read_table(write(tmp_path, text))
    assert columns(table) == {
        "a": ["9007199254740993"],
        "b": ["1e400"],
        "c": ["NaN"],
        "d": ["0.1000"],
    }


def test_positions_may_be_json_and_are_refused_by_the_number_of_the_row(tmp_path: Path) -> None:
    row = '{{"account": "A", "instrument": "X", "quantity": {}}}'
    path = write(tmp_path, f"[{row.format(1)}, {row.format('-2.5')}]")
    assert rs.read_positions(path).quantity.tolist() == [1.0, -2.5]
    for value, code in (("null", "E_MISSING"), ('"ten"', "E_DTYPE"), ("NaN", "E_NOT_FINITE")):
        path = write(tmp_path, f"[{row.format(1)}, {row.format(value)}]")
        error = refused(lambda path=path: rs.read_positions(path))
        assert (error.code, error.row, error.column) == (code, 2, "quantity")


@pytest.mark.parametrize(
    ("text", "code", "line", "fix"),
    [
        ("", "E_FILE", 1, "incomplete JSON"),
        ("[{", "E_FILE", 1, "incomplete JSON"),
        ('[{"a": 1},\n {"a": ', "E_FILE", 2, "incomplete JSON"),
        ("[" * 100_000, "E_FILE", None, "nested"),
        ('{"a": ' * 100_000, "E_FILE", None, "nested"),
        ("{}", "E_HEADER", None, "list of objects"),
        ("[{}]", "E_HEADER", None, "list of objects"),
        ("7", "E_HEADER", None, "list of objects"),
        ("[[1, 2]]", "E_HEADER", None, "list of objects"),
        ('[{"a": 1}, 2]', "E_HEADER", None, "list of objects"),
        ('{"result": null}', "E_HEADER", None, "list of objects"),
        ('{"error": {"message": "too_many_requests"}}', "E_FILE", None, "too_many_requests"),
        ('{"error": {"code": 10028}, "result": []}', "E_FILE", None, "10028"),
        ('[{"error": {"code": 10028}, "result": []}]', "E_FILE", None, "10028"),
    ],
)
def test_what_holds_no_rows_is_refused(
    tmp_path: Path, text: str, code: str, line: int | None, fix: str
) -> None:
    path = write(tmp_path, text)
    error = refused(lambda: read_table(path))
    assert (error.code, error.file, error.row) == (code, str(path), line)
    assert fix in error.fix


def test_text_that_is_not_utf8_is_refused_by_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'[{"a":\n"\xff"}]')
    error = refused(lambda: read_table(path))
    assert (error.code, error.row, error.value) == ("E_ENCODING", 2, b"\xff")


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('[{"a": 1, "a": 1}]', 1, "a"),
        ('[{"a": 1}, {"g": {"delta": 1, "vega": 2, "delta": 3}}]', 2, "g.delta"),
        ('{"result": [{"a": 1}, {"a": 1, "bids": [{"p": 1}, {"p": 1, "p": 2}]}]}', 2, "bids.2.p"),
        ('{"result": [{"a": 1}], "result": [{"a": 2}]}', None, "result"),
        ('{"updated": 1, "quotes": [{"a": 1}], "updated": 2}', None, "updated"),
        ('[{"result": [], "result": [{"a": 1}]}]', None, "1.result"),
        ('[{"": 1, "": 2}]', 1, ""),
    ],
)
def test_a_key_given_twice_is_refused_by_its_place(
    tmp_path: Path, text: str, line: int | None, column: str
) -> None:
    error = refused(lambda: read_table(write(tmp_path, text)))
    assert (error.code, error.row, error.column) == ("E_DUPLICATE", line, column)
    assert "each key once" in error.fix


@pytest.mark.parametrize("row", ['"a.b": 1, "a": {"b": 2}', '"a": {"b": 2}, "a.b": null'])
def test_two_keys_of_one_column_are_refused_by_the_row(tmp_path: Path, row: str) -> None:
    error = refused(lambda: read_table(write(tmp_path, f'[{{"c": 0}}, {{{row}}}]')))
    assert (error.code, error.row, error.column) == ("E_DUPLICATE", 2, "a.b")
    assert "the same column" in error.fix


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('[{"a": "x"}, {"a": "x\\ud800"}]', 2, "a"),
        ('[{"a": {"\\udc00b": 1}}]', 1, "a.\\udc00b"),
        ('{"symbol": "\\uD83D", "quotes": [{"a": 1}]}', None, "symbol"),
    ],
)
def test_half_of_a_surrogate_pair_is_refused_by_its_row(
    tmp_path: Path, text: str, line: int | None, column: str
) -> None:
    error = refused(lambda: read_table(write(tmp_path, text)))
    assert (error.code, error.row, error.column) == ("E_ENCODING", line, column)
    str(error).encode("utf-8")
    whole = write(tmp_path, '[{"a": "\\ud83d\\ude00"}]')
    assert columns(read_table(whole)) == {"a": ["\U0001f600"]}


EMPTY = ["[]", '{"jsonrpc": "2.0", "result": [], "usDiff": 7}', '[{"result": []}]']


@pytest.mark.parametrize("text", EMPTY)
def test_an_empty_list_is_no_positions_orders_or_balances(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    assert (len(rs.read_positions(path)), len(read_orders(path)), len(read_balances(path))) == (
        0,
        0,
        0,
    )
    market = tmp_path / "m.csv"
    market.write_text("quote,symbol,value,instant\nspot,BTC,7e4,2026-02-27T08:00:00Z\n", "utf-8")
    portfolio, _ = load_book(path, path, market, orders=path)
    assert portfolio.accounts == ()
    assert refused(lambda: read_instruments(path)).code == "E_MISSING"


@pytest.mark.parametrize("text", EMPTY)
def test_an_empty_list_quotes_nothing(tmp_path: Path, text: str) -> None:
    path, spot = write(tmp_path, text), tmp_path / "m.csv"
    error = refused(lambda: rs.read_market(path))
    assert error.code == "E_EMPTY" and str(path) in error.fix
    spot.write_text("quote,symbol,value,instant\nspot,BTC,7e4,2026-02-27T08:00:00Z\n", "utf-8")
    assert rs.read_market([path, spot]).spot["BTC"].value == 7e4


# A header below a title, as pages of quotes have it


def test_a_header_that_is_known_by_its_beginning_may_stand_below_a_title(tmp_path: Path) -> None:
    text = '\nTitle, Last: 7\n"Date: x, y",Bid: 1\nName,Bid,Ask,Bid\nA,1,2,3\n\nB,4,5,6\n'
    table = read_table(write(tmp_path, text, "a.csv"), headers=("Name,Bid",))
    assert columns(table) == {
        "Name": ["A", "B"],
        "Bid": ["1", "4"],
        "Ask": ["2", "5"],
        "Bid.2": ["3", "6"],
    }
    assert table.above == ("", "Title, Last: 7", '"Date: x, y",Bid: 1')
    assert table.line.tolist() == [5, 7]
    error = refused(
        lambda: read_table(write(tmp_path, text + "C,7\n", "a.csv"), headers=("Name,",))
    )
    assert (error.code, error.row) == ("E_RAGGED", 8)
    error = refused(lambda: read_table(write(tmp_path, text, "a.csv")))
    assert (error.code, error.row) == ("E_HEADER", 1)
