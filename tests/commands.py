"""Decides how tests run a command: what it ended with, and what no command may ever show."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

Run = Callable[..., "Ended"]


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return strict(self.out)


def strict(text: str) -> Any:
    """The JSON of a text that holds none of the constants that are no JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def ended(code: int, out: str, err: str) -> Ended:
    """What a command said: never a traceback, and one of its bugs where it exits with 70 alone."""
    assert "Traceback" not in out + err
    assert ("this is a bug" in err) == (code == 70)
    return Ended(code, out, err)
