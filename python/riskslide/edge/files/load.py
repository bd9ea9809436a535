"""Decides how positions, balances, quotes and instruments of files become one book."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ...book.clock import text_of
from ...book.instruments import Instruments, Kind, PricingModel, canonical_order
from ...book.portfolio import Portfolio
from ...errors import InputError, refuse, suggestion
from ...market.state import Market
from ..deribit.names import instruments_of, parse_instrument
from ..tables.quotes import Sheet
from .holdings import (
    BalanceTable,
    PositionTable,
    lines_of,
    read_balances,
    read_instruments,
    read_positions,
)
from .market import read_market, read_sheet

__all__ = [
    "BalanceTable",
    "PositionTable",
    "load_book",
    "read_balances",
    "read_instruments",
    "read_market",
    "read_positions",
]

Paths = str | Path | Sequence[str | Path]

MARKS = "its mark: give --market a file of marks too, such as perpetual_futures_prices.csv.gz"


def load_book(
    positions: str | Path,
    balances: str | Path,
    market: Paths,
    instruments: str | Path | None = None,
    *,
    as_of: Any = None,
) -> tuple[Portfolio, Market]:
    """The book of these files and its market at `as_of` (default: the newest instant quoted).

    Only the instruments that are held are kept, in an order that does not depend on the files:
    underlying, expiry, kind, strike, call before put, name. Without a file of instruments they are
    read off the names, which must be Deribit's. Raises InputError naming file, line and column:
    what the readers refuse, `E_UNKNOWN` for an instrument that no file defines, `E_MISSING_PRICE`
    for one without its quote, `E_EXPIRED`, `E_LOT`, `E_OVERFLOW`, `E_DOMAIN_FORWARD`.
    """
    held, cash = read_positions(positions), read_balances(balances)
    sheet = read_sheet(market, as_of=as_of)
    # The first row of every instrument: later entries of a dict replace earlier ones.
    rows = dict(zip(reversed(held.instrument), range(len(held) - 1, -1, -1), strict=True))
    if instruments is None:
        found = _from_names(held, rows)
    else:
        found = _from_file(held, rows, read_instruments(instruments), str(instruments))
    found = found.take(canonical_order(found)[1])
    for i, name in enumerate(found.name):
        _need_quotes(found, i, sheet, held, rows[name])
    return _book(found, held, cash), sheet.market()


def _from_names(held: PositionTable, rows: dict[str, int]) -> Instruments:
    contracts = []
    for name, row in rows.items():
        try:
            contracts.append(parse_instrument(name))
        except InputError as error:
            fix = f"{error.fix}; other instruments need a file of instruments (--instruments)"
            _refuse(held, row, error.code, name, fix)
    return instruments_of(contracts)


def _from_file(
    held: PositionTable, rows: dict[str, int], known: Instruments, file: str
) -> Instruments:
    for name, row in rows.items():
        if name not in known.index:
            fix = f"{file} does not define it"
            near = suggestion(name, known.name, "").removesuffix("?")
            _refuse(held, row, "E_UNKNOWN", name, f"{fix}; {near}?" if "'" in near else fix)
    return known.take(np.array([known.index[n] for n in rows], dtype=np.int64))


def _need_quotes(found: Instruments, i: int, sheet: Sheet, held: PositionTable, row: int) -> None:
    """Refuse an instrument that the market cannot price, at the line that first holds it."""
    name, kind, expiry = found.name[i], found.kind[i], int(found.expiry[i])
    dated = (found.underlyings[found.underlying[i]], expiry)
    quotes = sheet.quotes
    if expiry <= sheet.as_of:
        if name not in quotes["settlement"] and dated not in quotes["settlement"]:
            fix = f"expired {text_of(expiry)}; drop the position or give its settlement price"
            _refuse(held, row, "E_EXPIRED", name, fix)
    elif kind == Kind.OPTION.value:
        if name not in quotes["vol"]:
            why = sheet.dropped.get(name, "is not in the market")
            _refuse(held, row, "E_MISSING_PRICE", name, f"{why}; add its vol and forward")
        _need_positive_forward(found, i, sheet, dated)
    elif kind != Kind.SPOT.value and name not in quotes["mark"]:
        _refuse(held, row, "E_MISSING_PRICE", name, f"add {MARKS}")


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


def _book(found: Instruments, held: PositionTable, cash: BalanceTable) -> Portfolio:
    names = {"balance_account": "account", "balance_asset": "asset", "balance_amount": "amount"}
    try:
        return Portfolio.from_columns(
            found,
            account=held.account,
            instrument=held.instrument,
            quantity=held.quantity,
            entry_price=held.entry_price,
            balance_account=cash.account,
            balance_asset=cash.asset,
            balance_amount=cash.amount,
        )
    except InputError as error:
        if error.column in names:
            with lines_of(cash.file, cash.line, names):
                raise
        if error.code == "E_OVERFLOW" and error.column != "quantity" and error.row is not None:
            account = sorted({*held.account, *cash.account})[error.row]  # all that the kernel knows
            row = _largest(found, held, account)
            _refuse(held, row, error.code, float(held.quantity[row]), error.fix)
        with lines_of(held.file, held.line):
            raise


def _largest(found: Instruments, held: PositionTable, account: str) -> int:
    """The row of an account that has the most lots."""
    rows = [k for k, owner in enumerate(held.account) if owner == account]

    def lots(row: int) -> float:
        return abs(float(held.quantity[row] / found.lot[found.index[held.instrument[row]]]))

    return max(rows, key=lots)


def _refuse(held: PositionTable, row: int, code: str, value: object, fix: str) -> NoReturn:
    column = "instrument" if isinstance(value, str) else "quantity"
    refuse(code, column, int(held.line[row]), value, fix, file=held.file)
