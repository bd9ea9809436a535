"""Decides how positions, balances, quotes and instruments of files become one book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ...book.clock import text_of
from ...book.instruments import Instruments, Kind, PricingModel, canonical_order
from ...book.portfolio import Portfolio
from ...errors import InputError, refuse, suggestion
from ...market.market import Market
from ..contract import Contract, instruments_of
from ..names import parse_instrument
from ..osi import is_symbol
from ..tables.quotes import Sheet
from .holdings import (
    BalanceTable,
    PositionTable,
    read_balances,
    read_instruments,
    read_orders,
    read_positions,
)
from .market import read_market, read_sheet

__all__ = [
    "BalanceTable",
    "PositionTable",
    "load_book",
    "load_contracts",
    "read_balances",
    "read_instruments",
    "read_market",
    "read_orders",
    "read_positions",
]

Paths = str | Path | Sequence[str | Path]

NO_BALANCES = BalanceTable("", [], [], np.zeros(0), np.zeros(0, dtype=np.int64))

MARKS = "its mark: give --market a file of marks too, such as perpetual_futures_prices.csv.gz"


class Held(NamedTuple):
    """A row that holds an instrument, or orders it."""

    table: PositionTable
    row: int


def load_book(
    positions: str | Path,
    balances: str | Path | None,
    market: Paths,
    instruments: str | Path | None = None,
    orders: str | Path | None = None,
    *,
    as_of: Any = None,
) -> tuple[Portfolio, Market]:
    """The book of these files and its market at `as_of` (default: the newest instant quoted).

    Only the instruments that are held or ordered are kept, in an order that does not depend on the
    files: underlying, expiry, kind, strike, call before put, name. Without a file of instruments
    their terms are those of the chain, or are read off the names (`names.parse_instrument`). Raises
    InputError naming file, line and column: what the readers refuse, `E_UNKNOWN` for an instrument
    that no file defines, `E_MISSING_PRICE` for one without its quote, `E_EXPIRED`, `E_LOT`,
    `E_OVERFLOW`, `E_DOMAIN_FORWARD`.
    """
    tables = [read_positions(positions)]
    tables += [] if orders is None else [read_orders(orders)]
    cash = NO_BALANCES if balances is None else read_balances(balances)
    sheet = read_sheet(market, as_of=as_of)
    if instruments is None:
        tables, found = _from_names(tables, sheet)
    else:
        found = _from_file(tables, read_instruments(instruments), str(instruments))
    first = _first_rows(tables)
    found = found.take(canonical_order(found)[1])
    _need_all_quotes(found, sheet, first, tables)
    return _book(found, tables, cash), sheet.market(held=found.name)


def load_contracts(market: Paths, *, as_of: Any = None) -> tuple[Instruments, Market]:
    """Every contract that the chains and marks of a market quote, and that market."""
    sheet = read_sheet(market, as_of=as_of)
    found = instruments_of(sheet.contracts.values())
    return found.take(canonical_order(found)[1]), sheet.market()


def _first_rows(tables: Sequence[PositionTable]) -> dict[str, Held]:
    """Where every instrument is met first."""
    first: dict[str, Held] = {}
    for table in tables:
        for row, name in enumerate(table.instrument):
            first.setdefault(name, Held(table, row))
    return first


def _from_names(
    tables: Sequence[PositionTable], sheet: Sheet
) -> tuple[list[PositionTable], Instruments]:
    """Terms as the chain that quotes a contract has them, or else as its name says.

    Of names that mean one contract the positions take the one that the venue quotes it by.
    """
    first = _first_rows(tables)
    known = sheet.contracts | _delivered(sheet) | _beside_options(first, sheet)
    contracts: dict[str, Contract] = {}
    for name, held in first.items():
        try:
            contracts[name] = known.get(name) or parse_instrument(name)
        except InputError as error:
            fix = f"{error.fix}; other instruments need a file of instruments (--instruments)"
            _refuse(held, error.code, name, fix)
    unique = {c.name: sheet.contracts.get(c.name, c) for c in contracts.values()}
    quoted = [replace(t, instrument=[contracts[n].name for n in t.instrument]) for t in tables]
    return quoted, instruments_of(unique.values())


def _delivered(sheet: Sheet) -> dict[str, Contract]:
    """Stocks and funds that the options of a chain deliver, which may be held beside them."""
    names = {c.underlying for c in sheet.contracts.values() if c.style == "american"}
    return {n: Contract(n, Kind.SPOT, n, inverse=False) for n in names & set(sheet.quotes["spot"])}


def _beside_options(names: Mapping[str, Held], sheet: Sheet) -> dict[str, Contract]:
    """Names with a quoted spot in a book that holds options of the OCC: stocks and funds."""
    if not any(map(is_symbol, names)):
        return {}
    stocks = names.keys() & sheet.quotes["spot"].keys()
    return {n: Contract(n, Kind.SPOT, n, inverse=False) for n in stocks}


def _from_file(tables: Sequence[PositionTable], known: Instruments, file: str) -> Instruments:
    rows = _first_rows(tables)
    for name, held in rows.items():
        if name not in known.index:
            fix = f"{file} does not define it"
            near = suggestion(name, known.name, "").removesuffix("?")
            _refuse(held, "E_UNKNOWN", name, f"{fix}; {near}?" if "'" in near else fix)
    return known.take(np.array([known.index[n] for n in rows], dtype=np.int64))


def _need_all_quotes(
    found: Instruments, sheet: Sheet, first: dict[str, Held], tables: Sequence[PositionTable]
) -> None:
    """Refuse the instruments that the market cannot price: the first by line, listing the others
    of its file."""
    faults: list[InputError] = []
    for i, name in enumerate(found.name):
        try:
            _need_quotes(found, i, sheet, first[name])
        except InputError as error:
            faults.append(error)
    for file in [t.file for t in tables] + [f.file for f in faults]:
        here = sorted((f for f in faults if f.file == file), key=lambda f: f.row or 0)
        if here:
            worst = here[0]
            worst.rows = tuple((f.row or 0, f.column, f.code) for f in here) if here[1:] else ()
            raise worst


def _need_quotes(found: Instruments, i: int, sheet: Sheet, held: Held) -> None:
    """Refuse an instrument that the market cannot price, at the line that first holds it."""
    name, kind, expiry = found.name[i], found.kind[i], int(found.expiry[i])
    dated = (found.underlyings[found.underlying[i]], expiry)
    quotes = sheet.quotes
    if expiry <= sheet.as_of:
        if name not in quotes["settlement"] and dated not in quotes["settlement"]:
            fix = f"expired {text_of(expiry)}; drop the position or give its settlement price"
            _refuse(held, "E_EXPIRED", name, fix)
    elif kind == Kind.OPTION.value:
        if name not in quotes["vol"] and name not in quotes["mark"]:
            listed = any(c.underlying == dated[0] for c in sheet.contracts.values())
            none = "is not in the market" if listed else f"nothing is quoted of {dated[0]} until"
            none = none if listed else f"{none} {text_of(sheet.as_of)}"
            why = sheet.dropped.get(name, none)
            _refuse(held, "E_MISSING_PRICE", name, f"{why}; add its vol, or mark, and forward")
        _need_positive_forward(found, i, sheet, dated)
        _need_part_of_forward(name, dated, [("forward", name), ("forward", dated)], sheet)
    elif kind != Kind.SPOT.value and name not in quotes["mark"]:
        _refuse(held, "E_MISSING_PRICE", name, f"add {MARKS}")
    elif kind == Kind.FUTURE.value:
        _need_part_of_forward(name, dated, [("forward", dated), ("mark", name)], sheet)


def _need_positive_forward(
    found: Instruments, i: int, sheet: Sheet, dated: tuple[str, int]
) -> None:
    if found.model[i] == PricingModel.BACHELIER.value:
        return
    keys = [("forward", found.name[i]), ("forward", dated), ("spot", dated[0])]
    if found.model[i] == PricingModel.BSM.value:
        keys = keys[2:]
    for kind, key in keys:
        quote = sheet.quotes[kind].get(key)
        if quote is None:
            continue
        if not quote.value > 0:
            origin = sheet.origins[(kind, key)]
            fix = (
                f"must be > 0 for {found.name[i]} under {PricingModel(found.model[i]).name.lower()}"
            )
            refuse("E_DOMAIN_FORWARD", "value", origin.line, quote.value, fix, file=origin.file)
        return


def _need_part_of_forward(
    name: str, dated: tuple[str, int], keys: Sequence[tuple[str, Any]], sheet: Sheet
) -> None:
    """Refuse a fixed part beyond the first of the prices that these keys name."""
    part = sheet.quotes["fixed"].get(dated)
    whole = next((q for kind, key in keys if (q := sheet.quotes[kind].get(key)) is not None), None)
    if part is not None and whole is not None and part.value > whole.value:
        origin = sheet.origins[("fixed", dated)]
        fix = f"must be <= the forward of {name}, which is {whole.value!r}"
        refuse("E_DOMAIN", "value", origin.line, part.value, fix, file=origin.file)


def _book(found: Instruments, tables: Sequence[PositionTable], cash: BalanceTable) -> Portfolio:
    held, orders = tables[0], tables[1] if len(tables) > 1 else None
    columns: dict[str, Any] = {}
    if orders is not None:
        columns["order_account"] = orders.account
        columns["order_instrument"] = orders.instrument
        columns["order_quantity"] = orders.quantity
    try:
        return Portfolio.from_columns(
            found,
            account=held.account,
            instrument=held.instrument,
            quantity=held.quantity,
            entry_price=held.entry_price,
            accrued=held.accrued,
            balance_account=cash.account,
            balance_asset=cash.asset,
            balance_amount=cash.amount,
            **columns,
        )
    except InputError as error:
        if error.row is None:
            raise
        part, _, rest = error.column.partition("_")
        table = {"balance": cash, "order": orders}.get(part) if rest else None
        column, source = (error.column, held) if table is None else (rest, table)
        value = error.value
        if column == "quantity" and isinstance(source, PositionTable):
            value = float(source.quantity[error.row])  # as the file has it, not in lots
        refuse(error.code, column, int(source.line[error.row]), value, error.fix, file=source.file)


def _refuse(held: Held, code: str, value: object, fix: str) -> NoReturn:
    column = "instrument" if isinstance(value, str) else "quantity"
    line = int(held.table.line[held.row])
    refuse(code, column, line, value, fix, file=held.table.file)
