"""Decides how every refusal reads: what, where (file, row, column), the value and the fix."""

from __future__ import annotations

import math
from collections.abc import Iterable
from difflib import get_close_matches
from typing import NoReturn


class RiskslideError(Exception):
    """Root of everything that riskslide raises on purpose."""


class InputError(RiskslideError, ValueError):
    """A refused input.

    code: stable name such as ``E_VOL_NEGATIVE``; column: the argument or column; row: 0-based row
    of an array, or 1-based line of a file when `file` is given; value: what stood there; fix: what
    it must be instead. `rows` holds every refused row as (row, column, code) where more than one
    is known.
    """

    def __init__(
        self,
        *,
        code: str,
        column: str = "",
        row: int | None = None,
        value: object = None,
        fix: str = "",
        file: str = "",
        rows: tuple[tuple[int, str, str], ...] = (),
    ) -> None:
        self.code = code
        self.column = column
        self.row = row
        self.value = None if isinstance(value, float) and math.isnan(value) else value
        self.fix = fix
        self.file = file
        self.rows = rows
        super().__init__(str(self))

    def __str__(self) -> str:
        place = self.place()
        shown = "" if self.value is None else f" = {self.value!r}"
        where = f"{place}{shown}" if place else shown.removeprefix(" = ")
        return f"{self.code}: {where}: {self.fix}" if where else f"{self.code}: {self.fix}"

    def place(self) -> str:
        """Where the value stood: ``file:line:column`` or ``column[row]``."""
        if self.file:
            line = "" if self.row is None else f":{self.row}"
            return f"{self.file}{line}" + (f":{self.column}" if self.column else "")
        return self.column if self.row is None else f"{self.column}[{self.row}]"

    def as_dict(self) -> dict[str, object]:
        """The same facts for machines, as ``--json`` prints them."""
        return {
            "code": self.code,
            "message": str(self),
            "file": self.file or None,
            "row": self.row,
            "column": self.column or None,
            "value": self.value if _is_plain(self.value) else _text(self.value),
            "fix": self.fix,
            "rows": [list(r) for r in self.rows],
        }


class AnswersDiffer(RiskslideError):
    """A benchmark's peer gives another answer than the library; no time of either counts then."""

    code = "E_ANSWER"

    def __init__(self, workload: str, peer: str, what: str) -> None:
        self.workload, self.peer = workload, peer
        super().__init__(f"{self.code}: {workload}: {peer}: {what}")


class MissingExtra(RiskslideError, ImportError):
    """A feature needs a package that is not installed; the message holds the install line."""


def _is_plain(value: object) -> bool:
    """Whether JSON holds the value as a number."""
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `word` is most likely a slip of, if any is close."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return near[0] if near else None


def suggestion(word: str, known: Iterable[str], otherwise: str = "must be one of") -> str:
    """What to write instead of `word`: the nearest of `known`, or all of them."""
    names = list(known)
    near = nearest(word, names)
    return f"did you mean {near!r}?" if near else f"{otherwise} {', '.join(names)}"


def refuse(
    code: str,
    column: str = "",
    row: int | None = None,
    value: object = None,
    fix: str = "",
    *,
    file: str = "",
) -> NoReturn:
    """Raise the InputError of these facts."""
    raise InputError(code=code, column=column, row=row, value=value, fix=fix, file=file)
