"""Decides what of the `strategy` method a program holds: equity, and nothing that is required.

That is matched account by account (`accounts.py`), which no program can say: these are for `assess`
alone.
"""

from __future__ import annotations

import numpy as np

from ...book.instruments import Kind
from ...book.portfolio import Role
from ...errors import refuse
from ..draft import Draft
from ..equity import equity
from ..program import Program, Subject


def compile_equity(subject: Subject) -> Program:
    """The program of these rows, all in one unit, that requires nothing."""
    refuse_others(subject)
    rows = len(subject.rows)
    draft = Draft(subject, ("account",) if rows else (), np.zeros(rows, dtype=np.int64))
    draft.worst("as quoted", draft.tree(draft.shape(np.ones(rows, dtype=np.bool_))), 0, 1)
    parts, nothing = equity(draft), draft.constant(0.0)
    totals = {"maintenance": nothing, "initial": nothing, "equity": draft.total(parts.values())}
    return draft.program({**totals, **parts}, {})


def refuse_others(subject: Subject) -> None:
    """Refuse what these rules do not know (`E_UNSUPPORTED`): all but stock and options on it that
    settle in money, and open orders."""
    x, role, name = subject.rows.instruments, subject.rows.role, subject.rules.name
    stock = (x.kind == Kind.OPTION.value) | (x.kind == Kind.SPOT.value)
    for bad, what in (
        ((role == Role.POSITION.value) & ~stock, "futures or perpetuals"),
        ((role == Role.POSITION.value) & x.inverse, "options that settle in coin"),
        (role == Role.ORDER.value, "open orders"),
    ):
        rows = np.flatnonzero(bad)
        if rows.size:
            row = int(rows[0])
            fix = f"{name} margins no {what}: leave them out, or take another rule book"
            refuse("E_UNSUPPORTED", "instrument", row, x.name[row], fix)
