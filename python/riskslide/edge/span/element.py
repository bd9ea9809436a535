"""Decides how an element of a risk parameter file is asked for its values, and how it is blamed."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn, TypeVar

from ...errors import refuse

SHOWN = 60  # characters of a value that an error repeats
BASE = "1"  # the level of requirement that is read; others are those of kinds of accounts

Meaning = TypeVar("Meaning")

_LARGE = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WORDS = ("nan", "inf", "infinity")


class Place(NamedTuple):
    """Where something stands: line and column count from 1."""

    file: str
    line: int
    column: int

    def refuse(self, code: str, element: str, value: object, fix: str) -> NoReturn:
        """Raise the InputError of ``file:line:column:element``."""
        shown = value
        if isinstance(value, str) and len(value) > SHOWN:
            shown = f"{value[:SHOWN]}..."
        column = ":".join(filter(None, (str(self.column), element)))
        refuse(code, column, self.line, shown, fix, file=self.file)


Text = tuple[str, int, int]  # what a plain element says, the line and column (from 0) of its end


def finite(text: str) -> float | None:
    """A finite number as files write it; None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    # Python takes 1_000 and digits of every script.
    return value if math.isfinite(value) and "_" not in text and text.isascii() else None


def number_of(text: str, element: str, place: Place) -> float:
    """A finite number (`E_DTYPE`, `E_NOT_FINITE`)."""
    value = finite(text)
    if value is not None:
        return value
    if _LARGE.fullmatch(text) or text.lower().lstrip("+-") in _WORDS:
        place.refuse("E_NOT_FINITE", element, text, "must be a finite number")
    place.refuse("E_DTYPE", element, text, "must be a number such as -1.5")


@dataclass(slots=True)
class Element:
    """An element that holds others: its texts by name, its numbers, and the elements inside."""

    name: str
    place: Place
    texts: dict[str, Text] = field(default_factory=dict)
    numbers: array[float] = field(default_factory=lambda: array("d"))
    inside: list[Element] = field(default_factory=list)
    streamed: bool = False  # whether a contract of it was read already

    def refuse(self, code: str, name: str, fix: str) -> NoReturn:
        """Blame one of the texts, or this element where the text is absent."""
        text, place = self._said(name)
        place.refuse(code, f"{self.name}/{name}", text or None, fix)

    def text(self, name: str, default: str | None = None) -> str:
        """A text that is not empty (`E_MISSING` without a default)."""
        said = self.texts.get(name)
        if said is not None and said[0]:
            return said[0]
        if default is None:
            self.refuse("E_MISSING", name, "must be given")
        return default

    def number(self, name: str, default: float | None = None) -> float:
        """A finite number (`E_MISSING` without a default)."""
        said = self.texts.get(name)
        if said is None or not said[0]:
            if default is None:
                self.refuse("E_MISSING", name, "must be given")
            return default
        value = finite(said[0])
        if value is None:
            text, place = self._said(name)
            value = number_of(text, f"{self.name}/{name}", place)
        return value

    def positive(self, name: str, default: float | None = None) -> float:
        """A number > 0 (`E_RANGE`)."""
        value = self.number(name, default)
        if not value > 0.0:
            self.refuse("E_RANGE", name, "must be > 0")
        return value

    def amount(self, name: str, default: float | None = None) -> float:
        """A number >= 0 (`E_RANGE`)."""
        value = self.number(name, default)
        if value < 0.0:
            self.refuse("E_RANGE", name, "must be >= 0")
        return value

    def count(self, name: str, default: int | None = None) -> int:
        """A whole number >= 1 (`E_RANGE`)."""
        value = self.number(name, default)
        if not (value >= 1.0 and value == math.floor(value) and value < 2**31):
            self.refuse("E_RANGE", name, "must be a whole number >= 1")
        return int(value)

    def word(self, name: str, known: Mapping[str, Meaning], default: str | None = None) -> Meaning:
        """What one of the known words means (`E_UNKNOWN`)."""
        word = self.text(name, default)
        if word not in known:
            self.refuse("E_UNKNOWN", name, f"must be one of {', '.join(known)}")
        return known[word]

    def of(self, name: str) -> list[Element]:
        """The elements inside of this name, in order."""
        return [e for e in self.inside if e.name == name]

    def levels(self, name: str) -> list[Element]:
        """Those of this name at the base level."""
        return [e for e in self.of(name) if e.text("r", BASE) == BASE]

    def base(self, name: str) -> Element | None:
        """The one of this name at the base level; None without one (`E_DUPLICATE` of several)."""
        found = self.levels(name)
        if len(found) > 1:
            fix = f"a second one of level {BASE} in this {self.name}; drop one"
            found[1].place.refuse("E_DUPLICATE", f"{self.name}/{name}", None, fix)
        return found[0] if found else None

    def only(self, name: str) -> Element:
        """The one element of this name (`E_MISSING`, `E_DUPLICATE`)."""
        found = self.of(name)
        if not found:
            self.refuse("E_MISSING", name, "must be given")
        if len(found) > 1:
            fix = f"must be the only one; a file is read of one {name}"
            found[1].place.refuse("E_DUPLICATE", name, None, fix)
        return found[0]

    def _said(self, name: str) -> tuple[str, Place]:
        """A text and its place; the place of this element where it is absent."""
        if name not in self.texts:
            return "", self.place
        text, line, column = self.texts[name]
        return text, Place(self.place.file, line, column + 1)
