"""Decides how much of a risk parameter file is read before it is refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a file may hold; a file beyond one of them is refused (`E_LIMIT`).

    bytes: of its text, decompressed; depth: of elements in elements; text: characters of one
    value; markup: bytes of one tag or comment; contracts; definitions: elements of portfolios,
    series and combined commodities together, which are kept until all is read.
    """

    bytes: int = 4 * 2**30
    depth: int = 32
    text: int = 4_096
    markup: int = 2**20
    contracts: int = 2_000_000
    definitions: int = 500_000


DEFAULT = Limits()
