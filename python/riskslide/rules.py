"""Decides what every floor may ask of a rule book, so that none of them knows its schema."""

from __future__ import annotations

from typing import Protocol


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

    def table(self, key: str) -> dict[str, float]: ...
