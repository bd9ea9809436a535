"""Open orders of a file enter the initial requirement alone, or are refused by file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import riskslide as rs
from riskslide.edge.files.load import load_book

POSITIONS = "account,instrument,quantity\nalice,BTC-27MAR26-80000-C,-2\n"
BALANCES = "account,asset,amount\nalice,BTC,3\n"
MARKET = """quote,symbol,expiry,value,instant
spot,BTC,,70000,2026-02-05T08:00:00Z
forward,BTC,2026-03-27T08:00:00Z,70500,2026-02-05T08:00:00Z
vol,BTC-27MAR26-80000-C,,0.5,2026-02-05T08:00:00Z
vol,BTC-27MAR26-90000-C,,0.55,2026-02-05T08:00:00Z
mark,BTC-PERPETUAL,,70010,2026-02-05T08:00:00Z
"""


def load(
    folder: Path, orders: str | None, positions: str = POSITIONS
) -> tuple[rs.Portfolio, rs.Market]:
    texts = {"positions": positions, "balances": BALANCES, "market": MARKET, "orders": orders}
    paths: dict[str, Any] = {}
    for name, text in texts.items():
        if text is not None:
            paths[name] = folder / f"{name}.csv"
            paths[name].write_text(text)
    return load_book(**paths)


@pytest.mark.parametrize("rules", ["generic-slides", "deribit-spm", "deribit-xpm"])
def test_orders_raise_initial_and_leave_maintenance(tmp_path: Path, rules: str) -> None:
    rulebook = rs.load_rulebook(rules)
    rows = ("alice,BTC-27MAR26-90000-C,-1", "alice,BTC-PERPETUAL,70000", "bob,BTC-PERPETUAL,700")
    text = "\n".join(["account,instrument,quantity", *rows, ""])
    without = rs.assess(*load(tmp_path, None), rulebook)
    found = rs.assess(*load(tmp_path, text), rulebook)
    alice, bob = found.line("alice"), found.line("bob")
    assert found.maintenance[alice] == without.maintenance[0]
    assert found.equity[alice] == without.equity[0]
    assert found.initial[alice] > without.initial[0] > 0
    assert found.maintenance[bob] == 0 and found.initial[bob] > 0


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        ("alice,BTC-PERPETUAL,0.001", "E_LOT", "quantity"),
        ("alice,BTC-PERPETUAL,nan", "E_NOT_FINITE", "quantity"),
        ("alice,BTC-PERPETUAL,", "E_MISSING", "quantity"),
        ("alice,BTC-27MAR26-70000-C,1", "E_MISSING_PRICE", "instrument"),
        ("alice,BTC-31FEB26-70000-C,1", "E_INSTRUMENT", "instrument"),
        ("alice,BTC-27FEB20,1", "E_EXPIRED", "instrument"),
        (",BTC-PERPETUAL,1", "E_MISSING", "account"),
    ],
)
def test_a_bad_order_is_named_by_its_line(tmp_path: Path, row: str, code: str, column: str) -> None:
    text = f"account,instrument,quantity\nalice,BTC-PERPETUAL,1\n{row}\n"
    with pytest.raises(rs.InputError) as refused:
        load(tmp_path, text)
    error = refused.value
    assert (error.code, error.column, error.row) == (code, column, 3)
    assert error.file.endswith("orders.csv") and error.fix


PERPETUAL = "{0},BTC-PERPETUAL,{1}\n"


def test_an_overflow_is_told_by_line_beside_accounts_that_hold_only_orders(tmp_path: Path) -> None:
    rows = PERPETUAL.format("zoe", "5e16") + PERPETUAL.format("zoe", "6e16")
    orders = "account,instrument,quantity\n" + PERPETUAL.format("aaron", "1")
    with pytest.raises(rs.InputError) as refused:
        load(tmp_path, orders, POSITIONS + rows)
    error = refused.value
    assert (error.code, error.column, error.row) == ("E_OVERFLOW", "quantity", 4)
    assert error.value == 6e16
    assert error.file.endswith("positions.csv")


def test_orders_that_overflow_are_told_by_their_line(tmp_path: Path) -> None:
    rows = PERPETUAL.format("aaron", "1") + PERPETUAL.format("zoe", "5e16")
    orders = f"account,instrument,quantity\n{rows}{PERPETUAL.format('zoe', '6e16')}"
    with pytest.raises(rs.InputError) as refused:
        load(tmp_path, orders)
    error = refused.value
    assert (error.code, error.column, error.row) == ("E_OVERFLOW", "quantity", 4)
    assert error.value == 6e16
    assert error.file.endswith("orders.csv")


def test_every_instrument_that_has_no_price_is_named_at_once(tmp_path: Path) -> None:
    text = "account,instrument,quantity\n" + "".join(
        f"alice,BTC-27MAR26-{k}000-C,1\n" for k in (91, 80, 93, 90, 92)
    )
    with pytest.raises(rs.InputError) as refused:
        load(tmp_path, text)
    error = refused.value
    assert (error.code, error.row, error.value) == ("E_MISSING_PRICE", 2, "BTC-27MAR26-91000-C")
    assert [row for row, _, _ in error.rows] == [2, 4, 6]
