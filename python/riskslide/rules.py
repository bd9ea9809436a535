"""Decides what every floor may ask of a rule book, and how a parameter of one is described."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Spec:
    """What a parameter may be: its form, the closed range of a number, the choices of a word."""

    form: str  # text, texts, number, numbers, whole, odd, table
    low: float = float("-inf")
    high: float = float("inf")
    choices: tuple[str, ...] = ()


class Rules(Protocol):
    """Checked parameters by dotted key, such as ``slides.price_range``."""

    @property
    def name(self) -> str: ...

    @property
    def sha256(self) -> str: ...

    @property
    def par(self) -> frozenset[str]: ...

    def number(self, key: str) -> float: ...

    def whole(self, key: str) -> int: ...

    def numbers(self, key: str) -> list[float]: ...

    def text(self, key: str) -> str: ...

    def texts(self, key: str) -> list[str]: ...

    def table(self, key: str) -> dict[str, float]: ...
