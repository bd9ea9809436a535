"""Decides what a figure of a program in the making is, and how figures of a line are laid out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..book.columns import Float, Int32
from .program import Operation

Number = float | Sequence[float] | Float


class Maker(Protocol):
    """What figures are worked out in: the units, or the line that they stand in."""

    def apply(self, operation: Operation, left: Figure, right: Figure | Number) -> Figure: ...


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A number that every unit or line has: a result, a constant, or worked out from others."""

    draft: Maker = field(repr=False)
    place: int

    def __add__(self, other: Figure | Number) -> Figure:
        return self.draft.apply(Operation.ADD, self, other)

    def __sub__(self, other: Figure | Number) -> Figure:
        return self.draft.apply(Operation.SUBTRACT, self, other)

    def __mul__(self, other: Figure | Number) -> Figure:
        return self.draft.apply(Operation.MULTIPLY, self, other)

    def __truediv__(self, other: Figure | Number) -> Figure:
        """0 where the other is 0."""
        return self.draft.apply(Operation.DIVIDE, self, other)

    def above(self, other: Figure | Number) -> Figure:
        """1 where it is greater, else 0."""
        return self.draft.apply(Operation.GREATER, self, other)

    def at_least(self, other: Figure | Number) -> Figure:
        return self.draft.apply(Operation.MAXIMUM, self, other)

    def at_most(self, other: Figure | Number) -> Figure:
        return self.draft.apply(Operation.MINIMUM, self, other)


class Step(NamedTuple):
    operation: Operation
    left: int
    right: int


class _Seen(NamedTuple):
    """A figure of units: its sum over those of a line, or that of one of them."""

    figure: int
    unit: int = -1


class Layout(NamedTuple):
    """Figures of lines as registers: which figures of units are summed and which lifted, the place
    of every unit, and constants and steps behind them; `number` is the register of every figure."""

    sums: list[int]
    lifted: list[int]
    lift_to: Int32
    registers: list[float]
    steps: Int32
    number: dict[int, int]


@dataclass(slots=True, eq=False)
class Lines:
    """Figures of a line in the making, worked out once those of its units are."""

    entries: list[_Seen | Step | float] = field(default_factory=list)
    known: dict[_Seen, Figure] = field(default_factory=dict)

    def summed(self, figure: Figure) -> Figure:
        """The sum of a figure over the units of a line."""
        return self._seen(_Seen(figure.place))

    def of(self, figure: Figure, unit: int) -> Figure:
        """The figure of one unit, 0 where the line does not hold it."""
        return self._seen(_Seen(figure.place, unit))

    def constant(self, value: float) -> Figure:
        return self._entry(value)

    def apply(self, operation: Operation, left: Figure, right: Figure | Number) -> Figure:
        other = right if isinstance(right, Figure) else self._entry(float(np.asarray(right)))
        return self._entry(Step(operation, left.place, other.place))

    def total(self, figures: Iterable[Figure]) -> Figure:
        """Their sum in this order; 0 without any."""
        out: Figure | None = None
        for figure in figures:
            out = figure if out is None else out + figure
        return self.constant(0.0) if out is None else out

    def _seen(self, seen: _Seen) -> Figure:
        if seen not in self.known:
            self.known[seen] = self._entry(seen)
        return self.known[seen]

    def _entry(self, entry: _Seen | Step | float) -> Figure:
        self.entries.append(entry)
        return Figure(self, len(self.entries) - 1)

    def layout(self, units: int, least: int, constants: Iterable[float]) -> Layout:
        """Where everything lies; `least` registers at least are for sums, `constants` come last."""
        seen = [x for x in self.entries if isinstance(x, _Seen)]
        sums = list(dict.fromkeys(x.figure for x in seen if x.unit < 0))
        alone = [x for x in seen if x.unit >= 0]
        lifted = list(dict.fromkeys(x.figure for x in alone))
        held = list(dict.fromkeys(x.unit for x in alone))
        first = max(len(sums), least)
        lift_to = np.full(units if lifted else 0, -1, dtype=np.int32)
        for slot, unit in enumerate(held):
            lift_to[unit] = first + slot * len(lifted)
        registers = [0.0] * (first + len(held) * len(lifted))
        number: dict[int, int] = {}
        steps: list[tuple[int, ...]] = []
        for place, entry in enumerate(self.entries):
            if isinstance(entry, _Seen) and entry.unit < 0:
                number[place] = sums.index(entry.figure)
                continue
            if isinstance(entry, _Seen):
                number[place] = int(lift_to[entry.unit]) + lifted.index(entry.figure)
                continue
            number[place] = len(registers)
            if isinstance(entry, Step):
                left, right = number[entry.left], number[entry.right]
                steps.append((entry.operation.value, number[place], left, right))
            registers.append(0.0 if isinstance(entry, Step) else entry)
        table: Any = np.array(steps, dtype=np.int32).reshape(-1, 4)
        return Layout(sums, lifted, lift_to, [*registers, *constants], table, number)
