"""Decides how a program is put together from parts: trees, blocks, and figures worked out per unit.

A method says which rows net where and what follows from the sums; where registers lie, and in what
order, is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..book.columns import Bool, Float, Int32, Int64
from .figures import Figure as Figure
from .figures import Lines, Number, Step
from .program import Block, Level, Operation, Program, Reduction, Subject, Tree


class Nodes(NamedTuple):
    """The nodes of one level of a tree: a row of each, and its parent among the next level."""

    row: Int64
    parent: Int32


class Shape(NamedTuple):
    """A tree without its folds: leaf (rows), levels from the leaves up, a row of every root."""

    leaf: Int32
    levels: tuple[Nodes, ...]
    roots: Int64


def shape_of(unit: Int64, inside: Bool, *columns: Sequence[Any]) -> Shape:
    """Nodes of the rows that are `inside`, told apart by ever more columns (rows each).

    columns: one sequence of columns for each depth, from the roots down; the unit comes before all.
    """
    code = np.unique(np.where(inside, unit, -1), return_inverse=True)[1]
    if not inside.all():
        code = code - 1  # rows outside have the lowest code
    depths = []
    for depth in columns:
        for column in depth:
            values, at = np.unique(np.where(inside, column, 0), return_inverse=True)
            code = np.where(inside, code * values.size + at, -1)
            code = _ranked(code, inside)
        depths.append(_ranked(code, inside))
    rows = [_first_rows(depth) for depth in depths]
    levels = [Nodes(low, depths[k][low].astype(np.int32)) for k, low in enumerate(rows[1:])]
    return Shape(depths[-1].astype(np.int32), tuple(reversed(levels)), rows[0])


def _ranked(code: Int64, inside: Bool) -> Int64:
    """Codes counted from 0 in their order; -1 outside."""
    out = np.full(code.shape, -1, dtype=np.int64)
    out[inside] = np.unique(code[inside], return_inverse=True)[1]
    return out


def _first_rows(code: Int64) -> Int64:
    values, first = np.unique(code, return_index=True)
    return first[values >= 0]


def level_of(nodes: Nodes, sets: int = 1, **words: Any) -> Level:
    """A level whose words are given as numbers, (nodes) or (sets, nodes); the others stand."""
    shape = (sets, nodes.row.size)
    full = {
        "gain": 1.0,
        "loss": 1.0,
        "scale": 1.0,
        "deadband": 0.0,
        "cap": np.inf,
        "biased": False,
        "anchored": False,
        "against": False,
        "worst": False,
    }
    columns = {
        name: np.ascontiguousarray(
            np.broadcast_to(
                np.asarray(words.get(name, plain), dtype=bool if plain is False else float), shape
            )
        )
        for name, plain in full.items()
    }
    return Level(parent=nodes.parent, **columns, tiers=words.get("tiers", ()))


class _Result(NamedTuple):
    block: int
    column: int


class _Run(NamedTuple):
    """Columns that run through a tree together: the number of their block, each one's name,
    attribute (rows) and set of folds, and where a set and an attribute stand among them."""

    block: int
    names: list[str]
    attributes: list[Float]
    sets: list[int]
    places: dict[tuple[int, bytes], int]


_NOTHING = Block("", Reduction.EACH)


@dataclass(slots=True, eq=False)
class Draft:
    """A program in the making: `units` by name, the unit of every row, the pool of every unit."""

    subject: Subject
    units: tuple[str, ...]
    unit: Int64
    pools: tuple[str, ...] = ("account",)
    unit_pool: Sequence[int] = ()
    trees: list[Tree] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    entries: list[_Result | Step | Float] = field(default_factory=list)
    runs: dict[tuple[int, int, bool], _Run] = field(default_factory=dict)
    lines: Lines = field(default_factory=Lines)
    known: dict[str, int] = field(default_factory=dict)  # trees, places of figures shared by parts

    def shape(self, inside: Bool, *columns: Sequence[Any]) -> Shape:
        """A tree over these rows whose roots are the units; see `shape_of`."""
        return shape_of(self.unit, inside, (), *columns)

    def tree(self, shape: Shape, *levels: Level, groups: Sequence[str] | None = None) -> int:
        """Number of a new tree; its roots are groups of these names, or stand for the units."""
        unit = self.unit[shape.roots].astype(np.int32)
        if groups is not None:
            self.trees.append(Tree(shape.leaf, levels, tuple(groups), unit))
        elif levels:
            top = levels[-1]
            last = Level(unit[top.parent], *(getattr(top, n) for n in _WORDS))
            self.trees.append(Tree(shape.leaf, (*levels[:-1], last)))
        else:
            leaf = np.where(shape.leaf >= 0, unit[shape.leaf] if unit.size else -1, -1)
            self.trees.append(Tree(leaf.astype(np.int32)))
        return len(self.trees) - 1

    def worst(self, name: str, tree: int, first: int, count: int, **columns: Any) -> Figure:
        """The loss of the worst of `count` scenarios from `first` on."""
        columns = {"weight": np.ones(count)} | columns
        block = Block(name, Reduction.WORST, first=first, tree=tree, **columns)
        return self._results(block)[0]

    def scenarios(self, name: str, tree: int, weight: Sequence[float]) -> list[Figure]:
        """The P&L in every one of the first scenarios, as many as there are weights."""
        columns = tuple(self.subject.scenarios.labels[: len(weight)])
        given = np.array(weight, dtype=np.float64)
        return self._results(Block(name, Reduction.EACH, columns=columns, weight=given, tree=tree))

    def each(
        self,
        tree: int,
        measure: int,
        columns: Mapping[str, Any],
        fold_set: Sequence[int] | None = None,
        *,
        gross: bool = False,
    ) -> dict[str, Figure]:
        """Sums of attributes (rows) by name, times the measure of the row; gross: of their sizes.

        Columns of one tree and measure run together, and the same column runs once.
        """
        if not columns:
            return {}
        key = (tree, int(measure), gross)
        if key not in self.runs:
            self.runs[key] = _Run(len(self.blocks), [], [], [], {})
            self.blocks.append(_NOTHING)  # until `program` knows all of its columns
        run = self.runs[key]
        found = {}
        for place, (name, column) in enumerate(columns.items()):
            attribute = np.asarray(column, dtype=np.float64)
            number = fold_set[place] if fold_set is not None else 0
            column_key = (number, attribute.tobytes())
            if column_key not in run.places:
                run.places[column_key] = len(run.names)
                run.names.append(name)
                run.attributes.append(attribute)
                run.sets.append(number)
            found[name] = self._entry(_Result(run.block, run.places[column_key]))
        return found

    def _run_together(self) -> None:
        """The blocks of `each`, now that their columns are known."""
        for (tree, measure, gross), run in self.runs.items():
            self.blocks[run.block] = Block(
                f"sums {run.block}",
                Reduction.EACH,
                columns=tuple(run.names),
                attribute=np.stack(run.attributes, axis=1),
                measure=measure,
                fold_set=np.array(run.sets if any(run.sets) else [], dtype=np.int32),
                tree=tree,
                gross=gross,
            )

    def _results(self, block: Block) -> list[Figure]:
        self.blocks.append(block)
        number = len(self.blocks) - 1
        return [self._entry(_Result(number, c)) for c in range(block.registers)]

    def constant(self, value: Number) -> Figure:
        """A figure that is given: one number, or one a unit."""
        values = np.asarray(value, dtype=np.float64)
        return self._entry(np.array(np.broadcast_to(values, (len(self.units),))))

    def apply(self, operation: Operation, left: Figure, right: Figure | Number) -> Figure:
        other = right if isinstance(right, Figure) else self.constant(right)
        return self._entry(Step(operation, left.place, other.place))

    def total(self, figures: Iterable[Figure]) -> Figure:
        """Their sum in this order; 0 without any."""
        out: Figure | None = None
        for figure in figures:
            out = figure if out is None else out + figure
        return self.constant(0.0) if out is None else out

    def _entry(self, entry: _Result | Step | Float) -> Figure:
        self.entries.append(entry)
        return Figure(self, len(self.entries) - 1)

    def program(
        self, outputs: Mapping[str, Figure], constants_of_line: Mapping[str, float], **head: Any
    ) -> Program:
        """The program whose outputs are these figures, those of units summed over the units of a
        line, and these constants of a line."""
        rules, rows = self.subject.rules, self.subject.rows
        self._run_together()
        before = np.cumsum([0, *(b.registers for b in self.blocks)])
        number: dict[int, int] = {}
        constants: list[Float] = []
        steps: list[tuple[int, ...]] = []
        width = int(before[-1])
        for place, entry in enumerate(self.entries):
            if isinstance(entry, _Result):
                number[place] = int(before[entry.block]) + entry.column
                continue
            number[place] = width + len(constants)
            if isinstance(entry, Step):
                left, right = number[entry.left], number[entry.right]
                steps.append((entry.operation.value, number[place], left, right))
                constants.append(np.zeros(len(self.units)))
            else:
                constants.append(entry)
        registers = np.zeros((len(self.units), width + len(constants)))
        for k, values in enumerate(constants):
            registers[:, width + k] = values
        told = [f if f.draft is self.lines else self.lines.summed(f) for f in outputs.values()]
        line = self.lines.layout(len(self.units), width, constants_of_line.values())
        sums, lifted = ([number[place] for place in seen] for seen in (line.sums, line.lifted))
        if not self.units:  # nothing is held: nothing is worked out per unit, and sums are 0
            registers, steps, sums = np.zeros((0, 0)), [], []
        last = len(line.registers)
        at = [*(line.number[f.place] for f in told), *range(last - len(constants_of_line), last)]
        pools = self.unit_pool if len(self.unit_pool) else [0] * len(self.units)
        return Program(
            name=rules.name,
            rows=rows.instruments.name,
            lot=rows.lot,
            trees=tuple(self.trees),
            units=self.units,
            unit_pool=np.array(pools, dtype=np.int32),
            pools=self.pools,
            blocks=tuple(self.blocks),
            unit_registers=registers,
            unit_steps=np.array(steps, dtype=np.int32).reshape(-1, 4),
            sums=np.array(sums, dtype=np.int32),
            lifted=np.array(lifted, dtype=np.int32),
            lift_to=line.lift_to,
            registers=np.array(line.registers),
            steps=line.steps,
            outputs=(*outputs, *constants_of_line),
            output_register=np.array(at, dtype=np.int32),
            scenarios=self.subject.scenarios,
            rulebook_sha256=rules.sha256,
            **({"as_of": self.subject.as_of} | head),
        )


_WORDS = (
    *("gain", "loss", "scale", "deadband", "cap"),
    *("biased", "anchored", "against", "worst", "tiers"),
)
