"""Decides how a compiled rule book is held in Python; risk/program.hpp says what it means."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import _core
from ..book.columns import Bool, Float, Int32
from ..book.portfolio import Rows
from ..market.state import State
from ..rules import Rules
from ..scenario.shocks import Scenarios


class Subject(NamedTuple):
    """What a method compiles: its rule book, the rows, the resolved scenarios, and the quotes of
    the rows that are valued (`rows.source`)."""

    rules: Rules
    rows: Rows
    scenarios: Scenarios
    state: State

    @property
    def as_of(self) -> int:
        """UTC nanoseconds from which days to expiry count."""
        return self.state.as_of


class Reduction(IntEnum):
    """WORST: the loss of the worst column of each unit, summed in the pool; EACH: every column."""

    WORST = 0
    EACH = 1


class Measure(IntEnum):
    """What an attribute counts: itself, or so much of the row's value, cash delta or notional (see
    Cube)."""

    ONE = 0
    VALUE = 1
    DELTA = 2
    NOTIONAL = 3


class Operation(IntEnum):
    """What a step does with two registers; GREATER: 1 where left > right, else 0; DIVIDE: 0 where
    right is 0."""

    ADD = 0
    SUBTRACT = 1
    MULTIPLY = 2
    MINIMUM = 3
    MAXIMUM = 4
    GREATER = 5
    DIVIDE = 6


@dataclass(frozen=True, slots=True)
class Fold:
    """What a netting node passes to its parent; x is its summed change, b its base value if biased.

    z = x + b drawn towards zero by `deadband`; f = min(gain * z, cap) if z >= 0 else loss * z;
    passed on: y = scale * (f(x + b) - (f(b) if anchored else b)), or -|y| if `against`; if
    `worst`, the most negative y of all columns, or 0, in the first, and nothing in the others. With
    `tiers`, (start, gain) each, a gain counts `gain` up to the first start, then that of the tier;
    they are the same in all sets.
    """

    gain: float = 1.0
    loss: float = 1.0
    scale: float = 1.0
    deadband: float = 0.0
    cap: float = float("inf")
    biased: bool = False
    anchored: bool = False
    against: bool = False
    worst: bool = False
    tiers: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One level of a netting tree: node n folds into `parent[n]` of the next level.

    The words of the folds are matrices (sets, nodes): a column folds by the set its block names.
    """

    parent: Int32
    gain: Float
    loss: Float
    scale: Float
    deadband: Float
    cap: Float
    biased: Bool
    anchored: Bool
    against: Bool
    worst: Bool
    tiers: tuple[tuple[tuple[float, float], ...], ...] = ()

    @classmethod
    def of(cls, parent: Sequence[int], *sets: Sequence[Fold]) -> Level:
        """A level from the parent of each node and the folds of all nodes, set by set.

        Parents must not decrease; a node is biased and anchored in all sets, or in none.
        """

        def word(name: str, dtype: type) -> Any:
            rows = [[getattr(fold, name) for fold in folds] for folds in sets]
            return np.array(rows, dtype=dtype).reshape(len(sets), len(parent))

        numbers = {n: word(n, np.float64) for n in ("gain", "loss", "scale", "deadband", "cap")}
        flags = {n: word(n, np.bool_) for n in ("biased", "anchored", "against", "worst")}
        tiers = tuple(fold.tiers for fold in sets[0]) if any(f.tiers for f in sets[0]) else ()
        return cls(parent=np.array(parent, dtype=np.int32), **numbers, **flags, tiers=tiers)


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A netting tree: leaf (rows), -1 where the row is not in it; levels; groups, the names of its
    roots, and the unit of each. Without groups the roots are the units."""

    leaf: Int32
    levels: tuple[Level, ...] = ()
    groups: tuple[str, ...] = ()
    group_unit: Int32 = field(default_factory=lambda: np.zeros(0, dtype=np.int32))


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Columns that run through a tree: scenarios from `first` on (attribute has no column), or
    attributes.

    attribute (rows, columns), times the row's `measure`; weight (scenarios of the block), times
    what goes into the tree; factor (columns), times the sum of a group, 1 where it is empty;
    fold_set (columns): the set of folds of every column, the first where it is empty; gross:
    what counts is the size of each row, |quantity| times |attribute|.
    """

    name: str
    reduction: int
    columns: tuple[str, ...] = ()
    weight: Float = field(default_factory=lambda: np.zeros(0))
    attribute: Float = field(default_factory=lambda: np.zeros((0, 0)))
    measure: int = Measure.ONE
    fold_set: Int32 = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    factor: Float = field(default_factory=lambda: np.zeros(0))
    first: int = 0
    tree: int = 0
    gross: bool = False

    @property
    def width(self) -> int:
        """How many columns it has."""
        return len(self.columns) if self.attribute.size else self.weight.size

    @property
    def registers(self) -> int:
        """How many registers its results fill."""
        return 1 if self.reduction == Reduction.WORST.value else len(self.columns)


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A compiled rule book: frozen, hashable by its bytes, without code.

    as_of: instant (UTC nanoseconds) from which its days count, 0 where it counts none;
    coin_at_index, option_over_index: how its rows are to be filled, see `Terms`; lifted, lift_to:
    registers of a unit that a line sees by themselves, and where, -1 for units it sees in sums.
    """

    name: str
    rows: tuple[str, ...]
    lot: Float
    trees: tuple[Tree, ...]
    units: tuple[str, ...]
    unit_pool: Int32
    pools: tuple[str, ...]
    blocks: tuple[Block, ...]
    registers: Float
    steps: Int32  # (steps, 4): operation, target, left, right
    outputs: tuple[str, ...]
    output_register: Int32
    scenarios: Scenarios
    unit_registers: Float = field(default_factory=lambda: np.zeros((0, 0)))  # (units, registers)
    unit_steps: Int32 = field(default_factory=lambda: np.zeros((0, 4), dtype=np.int32))
    sums: Int32 = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    lifted: Int32 = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    lift_to: Int32 = field(default_factory=lambda: np.zeros(0, dtype=np.int32))  # (units)
    rulebook_sha256: str = ""
    as_of: int = 0
    coin_at_index: bool = False
    option_over_index: bool = False
    core: _core.Program = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "core", _core.Program(self._parts()))

    def _parts(self) -> dict[str, Any]:
        parts: dict[str, Any] = {n: getattr(self, n) for n in _PLAIN}
        parts |= {n: list(getattr(self, n)) for n in ("rows", "units", "pools", "outputs")}
        parts["trees"] = [
            {n: getattr(tree, n) for n in _TREE}
            | {"groups": list(tree.groups)}
            | {"levels": [{n: getattr(x, n) for n in _LEVEL} for x in tree.levels]}
            for tree in self.trees
        ]
        parts["blocks"] = [
            {n: getattr(b, n) for n in _BLOCK} | {"columns": list(b.columns)} for b in self.blocks
        ]
        names = {"labels": list(self.scenarios.labels), "factors": list(self.scenarios.factors)}
        parts["scenarios"] = names | self.scenarios.columns()
        return parts

    @classmethod
    def from_bytes(cls, data: bytes) -> Program:
        """The program of a file's bytes; `E_PROGRAM` if they are damaged or of another version."""
        parts = _core.Program.from_bytes(data).parts()
        parts["trees"] = tuple(
            Tree(
                t["leaf"],
                tuple(Level(**x) for x in t["levels"]),
                tuple(t["groups"]),
                t["group_unit"],
            )
            for t in parts["trees"]
        )
        parts["blocks"] = tuple(
            Block(**(b | {"columns": tuple(b["columns"])})) for b in parts["blocks"]
        )
        texts = ("rows", "units", "pools", "outputs")
        parts |= {n: tuple(parts[n]) for n in texts}
        held = parts["scenarios"]
        held |= {n: tuple(held[n]) for n in ("labels", "factors")}
        weight = np.ones(len(held["labels"]))
        for b in reversed(parts["blocks"]):
            weight[b.first : b.first + b.weight.size] = b.weight
        parts["scenarios"] = Scenarios(**held, weight=weight, lost_pegs=held["factors"])
        return cls(**parts)

    def to_bytes(self) -> bytes:
        """Canonical bytes: equal programs give equal bytes."""
        return bytes(self.core.to_bytes())

    @property
    def measures_delta(self) -> bool:
        """Whether a block reads the cash delta of the rows."""
        return any(b.measure == Measure.DELTA.value for b in self.blocks)

    @property
    def measures_notional(self) -> bool:
        """Whether a block reads the notional of the rows."""
        return any(b.measure == Measure.NOTIONAL.value for b in self.blocks)

    def unit_of(self, row: int) -> int:
        """The unit of a row; -1 where it stands in no tree."""
        for tree in self.trees:
            group = int(tree.leaf[row])
            if group < 0:
                continue
            for level in tree.levels:
                group = int(level.parent[group])
            return int(tree.group_unit[group]) if tree.groups else group
        return -1

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def save(self, path: str | Path) -> None:
        """Write the program for a C++ user (`riskslide::Program::load`)."""
        Path(path).write_bytes(self.to_bytes())


_HEAD = ("name", "rulebook_sha256", "as_of", "coin_at_index", "option_over_index")
_UNITS = ("unit_pool", "unit_registers", "unit_steps", "sums", "lifted", "lift_to")
_PLAIN = (*_HEAD, "lot", *_UNITS, "registers", "steps", "output_register")
_TREE = ("leaf", "group_unit")
_WORDS = ("gain", "loss", "scale", "deadband", "cap", "biased", "anchored", "against", "worst")
_LEVEL = ("parent", *_WORDS, "tiers")
_COLUMNS = ("weight", "attribute", "measure", "fold_set", "factor", "first", "tree", "gross")
_BLOCK = ("name", "reduction", *_COLUMNS)
