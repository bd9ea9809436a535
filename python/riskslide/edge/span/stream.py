"""Decides how an XML file is read without holding it: known elements one by one, with their places.

Contracts are handed over as they close and are then forgotten; the rest is returned. Elements that
the shape does not name are passed over with all that they hold. Document types are refused, and
with them entities: nothing in a file can grow when it is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NoReturn, TypeAlias
from xml.parsers import expat

from ...errors import InputError
from .element import Element, Place, finite, number_of
from .limits import Limits

# What an element may hold: elements by name, a text (None), or so many numbers, one an element.
Shape: TypeAlias = "Mapping[str, Shape | int | None]"

_UNKNOWN: Shape = {}
_ENCODINGS = (18, 19)  # codes of expat: unknown, or not that of the bytes


class Stream:
    """One file while it is read; `passed` counts what `count` names among the unknown elements."""

    def __init__(
        self,
        file: str,
        shape: Shape,
        *,
        contracts: Collection[str],
        contract: Callable[[list[Element]], None],
        count: Collection[str],
        limits: Limits,
    ) -> None:
        self.file, self.limits = file, limits
        self.contracts, self.contract, self.count = contracts, contract, count
        self.passed: Counter[str] = Counter()
        self.path = [Element("", Place(file, 1, 1))]  # open elements that the shape names
        self.shapes = [shape]
        self.leaf = ""  # the open element that holds no known ones
        self.holds: Shape | int | None = None  # what it holds instead
        self.unknown = 0  # elements open inside it
        self.kept = self.read = 0
        self.said: list[str] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.opened
        self.parser.EndElementHandler = self.closed
        self.parser.CharacterDataHandler = self.said.append
        self.parser.StartDoctypeDeclHandler = self.refuse_doctype

    def run(self, pieces: Iterable[bytes]) -> Element:
        """The elements of the file in one without a name."""
        for piece in pieces:
            self.parse(piece, False)
        self.parse(b"", True)
        return self.path[0]

    def parse(self, piece: bytes, last: bool) -> None:
        self.read += len(piece)
        if self.read > self.limits.bytes:
            self.beyond("", "bytes", self.limits.bytes)
        try:
            self.parser.Parse(piece, last)
        except expat.ExpatError as error:
            place = Place(self.file, error.lineno, error.offset + 1)
            code = "E_ENCODING" if error.code in _ENCODINGS else "E_FILE"
            fix = f"is damaged or incomplete XML ({expat.ErrorString(error.code)}); fetch it again"
            place.refuse(code, self.leaf or self.path[-1].name, None, fix)
        except InputError:
            raise
        except (LookupError, ValueError) as error:  # of an encoding that is unknown, or not taken
            self.here().refuse("E_ENCODING", "", None, f"{error}; save it as UTF-8")
        if sum(map(len, self.said)) > self.limits.text:
            self.beyond(self.leaf, "characters of text", self.limits.text)
        if self.read - max(self.parser.CurrentByteIndex, 0) > self.limits.markup:
            self.beyond("", "bytes of one tag", self.limits.markup)

    # The next two run for every element of a file: what is rare is elsewhere.

    def opened(self, name: str, _: object) -> None:
        self.said.clear()
        if self.leaf:
            self.opened_in_leaf(name)
            return
        self.holds = holds = self.shapes[-1].get(name, _UNKNOWN)
        if holds is None or holds is _UNKNOWN or isinstance(holds, int):
            self.leaf = name
            if holds is _UNKNOWN and name in self.count:
                self.passed[name] += 1
            return
        self.kept += 1
        if self.kept > self.limits.definitions:
            self.beyond(name, "definitions", self.limits.definitions)
        self.path.append(Element(name, self.here()))
        self.shapes.append(holds)

    def closed(self, name: str) -> None:
        if not self.leaf:
            self.keep_element(name)
        elif self.unknown:
            self.unknown -= 1
        else:
            self.leaf = ""
            text = self.said[0] if len(self.said) == 1 else "".join(self.said)
            if self.holds is None:
                self.keep_text(name, text)
            elif self.holds is not _UNKNOWN:
                self.keep_number(name, text)

    def opened_in_leaf(self, name: str) -> None:
        """An element inside an unknown one; a value holds none."""
        if self.holds is not _UNKNOWN:
            fix = f"must hold a value, not the element {name}"
            self.here().refuse("E_DTYPE", f"{self.path[-1].name}/{self.leaf}", None, fix)
        self.unknown += 1
        if len(self.path) + self.unknown > self.limits.depth:
            self.beyond(name, "elements inside each other", self.limits.depth)

    def keep_number(self, name: str, text: str) -> None:
        owner = self.path[-1]
        if len(owner.numbers) == self.holds:
            fix = f"must hold {self.holds} values, not more"
            self.here().refuse("E_SHAPE", f"{owner.name}/{name}", text, fix)
        value = finite(text)
        if value is None:
            value = number_of(text.strip(), f"{owner.name}/{name}", self.here())
        owner.numbers.append(value)

    def keep_text(self, name: str, text: str) -> None:
        owner, parser = self.path[-1], self.parser
        if len(text) > self.limits.text:
            self.beyond(name, "characters of text", self.limits.text)
        if name in owner.texts:
            fix = f"is given twice in this {owner.name}; drop one"
            self.here().refuse("E_DUPLICATE", f"{owner.name}/{name}", text, fix)
        if owner.streamed:
            fix = f"must stand before the contracts of its {owner.name}"
            self.here().refuse("E_MISSING", f"{owner.name}/{name}", text, fix)
        owner.texts[name] = (text.strip(), parser.CurrentLineNumber, parser.CurrentColumnNumber)

    def keep_element(self, name: str) -> None:
        element, owner = self.path[-1], self.path[-2]
        if name in self.contracts:
            self.contract(self.path)
            if not owner.streamed:
                for above in self.path[:-1]:
                    above.streamed = True
            self.kept -= 1 + len(element.inside)
        else:
            owner.inside.append(element)
        self.path.pop()
        self.shapes.pop()

    def here(self) -> Place:
        parser = self.parser
        return Place(self.file, parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)

    def refuse_doctype(self, name: str, *_: object) -> NoReturn:
        fix = "remove the DOCTYPE: entities and document types are not read"
        self.here().refuse("E_DOCTYPE", "", f"<!DOCTYPE {name}", fix)

    def beyond(self, element: str, what: str, most: int) -> NoReturn:
        fix = f"must hold at most {most:,} {what}; raise it by limits= if the file is to be trusted"
        self.here().refuse("E_LIMIT", element, None, fix)
