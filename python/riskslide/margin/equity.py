"""Decides what counts as equity, for every method: balances after haircut, P&L, option value."""

from __future__ import annotations

import numpy as np

from ..book.columns import Int32, UInt8
from ..book.instruments import Kind
from ..book.portfolio import Role, Rows
from ..rules import Rules
from .program import Block, Measure, Operation, Reduction, Steps

EQUITY = ("collateral", "unrealised_pnl", "option_value")  # in the order of the block's columns


def roles_of(rows: Rows) -> UInt8:
    """The role of every row, a coin that is held as a position being a balance."""
    owned = (rows.role == Role.POSITION.value) & (rows.instruments.kind == Kind.SPOT.value)
    return np.where(owned, Role.BALANCE.value, rows.role).astype(np.uint8)


def haircut_of(rules: Rules, asset: str) -> float:
    """Fraction of a positive balance that does not count; unlisted assets take the others'."""
    listed = rules.table("collateral.haircut")
    return listed.get(asset, rules.number("collateral.haircut_other"))


def equity_block(rows: Rows, fold_set: int = 0) -> Block:
    """One column for each part of equity; balances fold by `fold_set`, which takes the haircut."""
    role = roles_of(rows)
    options = (role == Role.POSITION.value) & (rows.instruments.kind == Kind.OPTION.value)
    masks = (role == Role.BALANCE.value, role == Role.PNL.value, options)
    sets: Int32 = np.full(len(EQUITY), fold_set, dtype=np.int32)
    return Block(
        "equity",
        Reduction.EACH,
        columns=EQUITY,
        attribute=np.stack(masks, axis=1).astype(np.float64),
        measure=Measure.VALUE,
        fold_set=sets,
    )


def equity_outputs(steps: Steps, first: int) -> dict[str, int]:
    """Registers of equity and its parts, whose block begins at register `first`."""
    collateral, unrealised, options = range(first, first + len(EQUITY))
    backed = steps.apply(Operation.ADD, collateral, unrealised)
    equity = steps.apply(Operation.ADD, backed, options)
    return {"equity": equity} | dict(zip(EQUITY, (collateral, unrealised, options), strict=True))
