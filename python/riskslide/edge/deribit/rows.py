"""Decides whether the rows of a chain agree with the names that they carry."""

from __future__ import annotations

from ...book.clock import text_of
from ...errors import refuse
from ..contract import Contract
from ..tables.convert import Columns
from ..tables.quotes import Origin

_SIDES = {True: "call", False: "put", None: "a contract that is no option"}


class Claims:
    """What the columns of a chain say about its contracts, to be held against their names."""

    def __init__(self, columns: Columns, expiry: str) -> None:
        table = columns.table
        self.expiry = expiry
        self.strike = columns.numbers("strike") if "strike" in table.columns else None
        self.side = columns.texts("option_type").spread()
        self.has_side = "option_type" in table.columns
        self.instants = None
        if expiry in table.columns:
            read = columns.moments if expiry.endswith("_timestamp") else columns.instants
            self.instants = read(expiry)

    def check(self, row: int, contract: Contract, origin: Origin) -> None:
        """Refuse a row whose columns and name differ (`E_CONTRADICTION`)."""
        claims: dict[str, tuple[object, object]] = {}
        if self.strike is not None:
            claims["strike"] = (float(self.strike[row]), contract.strike)
        if self.instants is not None and self.instants[row] != contract.expiry:
            claims[self.expiry] = (text_of(int(self.instants[row])), text_of(contract.expiry))
        if self.has_side:
            claims["option_type"] = (self.side[row], _SIDES[contract.is_call])
        for column, (written, meant) in claims.items():
            if written != meant:
                fix = f"the name {contract.name} says {meant!r}; one of them is wrong"
                refuse("E_CONTRADICTION", column, origin.line, written, fix, file=origin.file)
