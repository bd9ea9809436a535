"""Decides what every floor may ask of a rule book, and how a parameter of one is described."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Spec:
    """What a parameter may be: its form, the closed range of every number in it, the choices of
    every word; `ascending` numbers each exceed the one before.

    `table` holds numbers by name, `lists` lists of numbers by name, equally long but where they are
    `ragged`; `words` a text by name.
    """

    form: str  # text, texts, words, number, numbers, whole, odd, table, lists
    low: float = float("-inf")
    high: float = float("inf")
    choices: tuple[str, ...] = ()
    ascending: bool = False
    ragged: bool = False

    @property
    def of_text(self) -> bool:
        """Whether it holds text, which has no range."""
        return self.form in ("text", "texts", "words")


class Rules(Protocol):
    """Checked parameters by dotted key, such as ``slides.price_range``."""

    @property
    def name(self) -> str: ...

    @property
    def sha256(self) -> str: ...

    @property
    def par(self) -> frozenset[str]: ...

    def has(self, section: str) -> bool: ...

    def number(self, key: str) -> float: ...

    def whole(self, key: str) -> int: ...

    def numbers(self, key: str) -> list[float]: ...

    def text(self, key: str) -> str: ...

    def texts(self, key: str) -> list[str]: ...

    def words(self, key: str) -> dict[str, str]: ...

    def table(self, key: str) -> dict[str, float]: ...

    def lists(self, key: str) -> dict[str, list[float]]: ...
