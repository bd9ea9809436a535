"""Decides what files of marks of Deribit's perpetuals and dated futures quote."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from ...book.columns import Float, Int64
from ...market.quotes import Quote
from ..contract import Contract
from ..tables.convert import Coded, Columns
from ..tables.quotes import Origin, Sheet, newest, parsed_at
from ..tables.raw import Table, need_columns
from .names import parse_instrument

PERPETUALS = ("obs_datetime", "instrument_name", "perp_futures_mark_price")
FUTURES = ("timestamp", "futures_instrument_name", "term_mark_price_final")


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Marks of perpetuals or dated futures, over time; `named` is the column of the names."""

    file: str
    named: str
    name: Coded
    instants: Int64
    mark: Float
    line: Int64
    leads: bool = False


def recognises(columns: Collection[str]) -> bool:
    return PERPETUALS[2] in columns or FUTURES[2] in columns


def open_chain(table: Table) -> Marks:
    """A table of marks, told by the column that holds them."""
    columns = PERPETUALS if PERPETUALS[2] in table.columns else FUTURES
    need_columns(table, columns)
    read = Columns(table)
    instants, name = read.instants(columns[0]), read.texts(columns[1])
    mark = read.numbers(columns[2], blank=np.nan)
    read.check()
    return Marks(table.file, columns[1], name, instants, mark, table.line)


def add_chains(chains: Sequence[Marks], sheet: Sheet) -> list[Contract]:
    """Add the newest mark of every contract that is alive; returns those contracts."""
    found = []
    for marks in chains:
        for row in newest(marks.name.codes, marks.instants, sheet.as_of).tolist():
            origin = Origin(marks.file, int(marks.line[row]))
            name = marks.name.values[marks.name.codes[row]]
            contract = parsed_at(parse_instrument, name, marks.named, origin)
            value, moment = float(marks.mark[row]), int(marks.instants[row])
            if contract.expiry > sheet.as_of and value > 0:
                sheet.add("mark", contract.name, Quote(value, moment), origin)
                sheet.contracts[contract.name] = contract
                found.append(contract)
    return found
