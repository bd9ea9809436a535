"""Guards the claim that the kernel computes what the slow reference computes, on random books.

Differences are measured against the size of the line: the sum over its rows of
|quantity| * (|value now| + largest |change|), times the largest factor of the folds above it. A row
counts at 1e-30 of its price at least: further out the reference's own tail is the weaker one (at 30
standard deviations it is 5e-11 off where the kernel is 3e-13 off, against 60 digits).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import riskslide as rs
from riskslide import _core
from riskslide.account.collateral import cash_rows
from riskslide.account.markets import unplaced
from riskslide.book.portfolio import rows_of
from riskslide.margin import reference as fold_reference
from riskslide.margin.methods import METHODS
from riskslide.margin.program import (
    Block,
    Fold,
    Level,
    Measure,
    Operation,
    Program,
    Reduction,
    Tree,
)
from riskslide.market.quotes import Terms
from riskslide.reference import assess_lines
from riskslide.value import reference
from riskslide.value.cube import Cells
from riskslide.value.exposure import cash_delta

TOLERANCE = 1e-12
AS_OF = "2026-02-05T12:00:00Z"
EXPIRIES = (
    "2026-02-05T13:00:00Z",
    "2026-02-13T08:00:00Z",
    "2026-03-27T08:00:00Z",
    "2026-12-25T08:00:00Z",
)
PRICES = {"BTC": 71_234.5, "ETH": 2_101.25, "CL": 63.7, "SPX": 6_911.0}
ASSETS = ("BTC", "ETH", "EUR", "USD", "USDC", "USDT", "DOGE")
SPOTS = PRICES | {"EUR": 1.18, "DOGE": 0.11}
QUICK, ALL = 200, 1000  # seeds of each of the two families
PROGRAMS = 300  # quick ones of the second


# --- random books through assess ---------------------------------------------------------------


def instrument_columns(rng: np.random.Generator, count: int) -> dict[str, list[Any]]:
    """`count` random contracts, columns as Instruments.from_columns takes them."""
    columns: dict[str, list[Any]] = {}
    for i in range(count):
        kind = str(rng.choice(["option", "option", "option", "future", "perpetual", "spot"]))
        underlying = str(rng.choice(list(PRICES)))
        coin = underlying in ("BTC", "ETH")
        inverse = coin and kind != "spot" and rng.random() < 0.5
        model = str(rng.choice(["black76", "bsm", "bachelier"])) if kind == "option" else "black76"
        currency = underlying if inverse else str(rng.choice(["USD", "USDC", "EUR"]))
        row = {
            "name": f"I{i}",
            "kind": kind,
            "underlying": underlying,
            "expiry": str(rng.choice(EXPIRIES)) if kind in ("option", "future") else "",
            "strike": round(PRICES[underlying] * float(rng.uniform(0.6, 1.6)), 2),
            "option_type": str(rng.choice(["call", "put"])) if kind == "option" else "",
            "model": model,
            "settlement": "inverse" if inverse else "linear",
            "multiplier": float(rng.choice([1.0, 0.1, 10.0, 100.0])),
            "lot": float(rng.choice([1e-8, 0.1, 1.0, 0.25])),
            "currency": currency,
        }
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return columns


def market_of(rng: np.random.Generator, columns: dict[str, list[Any]]) -> rs.Market:
    """Quotes for all of them, the forwards around the spots."""
    forward, mark, vol, rate, dividend = {}, {}, {}, {}, {}
    for i, name in enumerate(columns["name"]):
        underlying, expiry = columns["underlying"][i], columns["expiry"][i]
        price = PRICES[underlying]
        if columns["kind"][i] == "option":
            key = (underlying, expiry)
            if rng.random() < 0.7:
                forward[key] = price * float(rng.uniform(0.97, 1.04))
            rate[key] = float(rng.choice([0.0, 0.04, -0.01]))
            dividend[key] = float(rng.choice([0.0, 0.015]))
            decimal = float(rng.choice([0.0, 0.15, 0.6, 1.3], p=[0.05, 0.25, 0.5, 0.2]))
            vol[name] = decimal * (price if columns["model"][i] == "bachelier" else 1.0)
        elif columns["kind"][i] in ("future", "perpetual"):
            mark[name] = price * float(rng.uniform(0.97, 1.04))
    return rs.Market.of(
        AS_OF,
        spot=SPOTS,
        forward=forward,
        mark=mark,
        vol=vol,
        rate=rate,
        dividend_yield=dividend,
    )


def random_book(seed: int) -> tuple[rs.Portfolio, rs.Market]:
    """Book number `seed`; the number also picks its kind."""
    rng = np.random.default_rng(seed)
    kind = ("balances", "one leg", "small", "small", "duplicates", "zeros", "small")[seed % 7]
    legs = {"balances": 0, "one leg": 1, "zeros": 4}.get(kind, int(rng.integers(2, 40)))
    contracts = int(rng.integers(1, 25))
    if seed % 400 == 3:
        kind, legs, contracts = "5,000 legs", 5_000, 5_000
    columns = instrument_columns(rng, contracts)
    instruments = rs.Instruments.from_columns(**columns)
    accounts = [f"a{k}" for k in range(1 if kind == "one leg" else int(rng.integers(1, 6)))]
    at = rng.permutation(contracts)[:legs] if kind == "5,000 legs" else None
    at = rng.integers(0, contracts, size=legs) if at is None else at
    if kind == "duplicates":
        at[: legs // 2] = at[0]
    lots = rng.integers(-500, 500, size=legs) * 10 ** rng.integers(0, 5, size=legs)
    if kind == "zeros":
        lots[:] = 0
    names = [columns["name"][i] for i in at]
    entries = [float("nan") if rng.random() < 0.5 else PRICES[columns["underlying"][i]] for i in at]
    owed = int(rng.integers(1 if not legs else 0, 7))
    return (
        rs.Portfolio.from_columns(
            instruments,
            account=[str(rng.choice(accounts)) for _ in range(legs)],
            instrument=names,
            quantity=lots * instruments.lot[at] if legs else [],
            entry_price=entries,
            balance_account=[str(rng.choice(accounts)) for _ in range(owed)],
            balance_asset=[str(rng.choice(ASSETS)) for _ in range(owed)],
            balance_amount=[float(rng.normal(0.0, 1e4)) for _ in range(owed)],
        ),
        market_of(rng, columns),
    )


def line_sizes(portfolio: rs.Portfolio, market: rs.Market, rulebook: rs.Rulebook) -> np.ndarray:
    """Sum of |q V| of every account (the rule book has one pool)."""
    rows = rows_of(portfolio.instruments, [(a, "") for a in portfolio.assets])
    state = market.on(rows.instruments, rulebook.terms)
    cube = rs.revalue(rows.instruments, state, METHODS["slides"].scenarios(rulebook, state))
    size = np.abs(cube.base) + np.abs(cube.values).max(axis=1)
    size = np.maximum(size, 1e-30 * np.abs(state.price * state.multiplier * state.fx))
    out = np.zeros(len(portfolio.accounts))
    lot = np.concatenate([portfolio.instruments.lot, np.ones(len(rows))])
    for offsets, index, held in (
        portfolio.positions.csr,
        cash_rows(portfolio, rows, state, unplaced(portfolio)),
    ):
        owner = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
        unit = lot if held.dtype == np.int64 else np.ones(lot.size)
        np.add.at(out, owner, np.abs(held * unit[index]) * size[index])
    return out


def check_book(seed: int, rulebook: rs.Rulebook) -> float:
    """The largest difference of book `seed`, relative to |q V|; refuses one beyond tolerance."""
    portfolio, market = random_book(seed)
    found = rs.assess(portfolio, market, rulebook, threads=1 + seed % 3)
    expected = assess_lines(portfolio, market, rulebook)
    size = line_sizes(portfolio, market, rulebook)
    assert found.account == portfolio.accounts
    largest = 0.0
    for name, values in expected.items():
        difference = np.abs(getattr(found, name) - values)
        assert (difference <= TOLERANCE * size).all(), (seed, name, difference, size)
        largest = max(largest, float((difference / np.where(size > 0, size, 1.0)).max(initial=0.0)))
    return largest


@pytest.fixture(scope="module", params=["generic-slides", "generic-unified"])
def rulebook(request: pytest.FixtureRequest) -> rs.Rulebook:
    return rs.load_rulebook(request.param)


def test_assess_equals_the_reference_on_random_books(rulebook: rs.Rulebook) -> None:
    largest = max(check_book(seed, rulebook) for seed in range(QUICK))
    assert 0.0 < largest <= TOLERANCE  # zero would mean that the twin shares the kernel's code


@pytest.mark.slow
def test_assess_equals_the_reference_on_all_books(rulebook: rs.Rulebook) -> None:
    for seed in range(QUICK, ALL):
        check_book(seed, rulebook)


# --- random programs ---------------------------------------------------------------------------


def random_fold(rng: np.random.Generator, first_level: bool) -> Fold:
    if rng.random() < 0.25:
        return Fold()
    starts = sorted(rng.choice([0.0, 2.0, 10.0, 60.0], size=int(rng.integers(1, 4))).tolist())
    tiers = tuple((start, float(rng.choice([0.0, 0.6, -1.0, 1.7]))) for start in starts)
    return Fold(
        gain=float(rng.choice([1.0, 0.0, 0.6, -1.0, 1.7])),
        loss=float(rng.choice([1.0, 0.0, 0.6, -1.0, 1.7])),
        scale=float(rng.choice([1.0, 0.5, -1.0])),
        deadband=float(rng.choice([0.0, 0.0, 3.0, 50.0])),
        cap=float(rng.choice([np.inf, np.inf, 10.0, 0.0])),
        biased=first_level and bool(rng.random() < 0.5),
        anchored=bool(rng.random() < 0.5),
        against=bool(rng.random() < 0.15),
        tiers=tiers if rng.random() < 0.2 else (),
    )


def nested(rng: np.random.Generator, nodes: int, parents: int) -> list[int]:
    return sorted(int(p) for p in rng.integers(0, parents, size=nodes))


def random_tree(rng: np.random.Generator, units: int) -> tuple[Tree, list[int], float]:
    """A tree without rows, the unit above every leaf, and the largest factor of its folds."""
    depth = int(rng.integers(0, 5))
    groups = units + int(rng.integers(0, 4)) if rng.random() < 0.5 else 0
    widths = [groups or units]
    for _ in range(depth):
        widths.append(widths[-1] + int(rng.integers(0, 5)))
    widths.reverse()
    sets = int(rng.integers(1, 4)) if depth else 1
    folds = [
        [random_fold(rng, level == 0) for _ in range(sets * widths[level])]
        for level in range(depth)
    ]
    if depth and rng.random() < 0.2:  # some nodes of a level pass the worst of their columns
        at, nodes = int(rng.integers(0, depth)), rng.random(max(widths)) < 0.5
        folds[at] = [
            replace(fold, tiers=(), worst=bool(nodes[k % widths[at]]))
            for k, fold in enumerate(folds[at])
        ]
    levels = tuple(
        Level.of(nested(rng, widths[k], widths[k + 1]), *fold_sets(folds[k], widths[k]))
        for k in range(depth)
    )
    factor = 1.0
    for level in folds:
        gains = [max(abs(f.gain), abs(f.loss), 1.0, *(abs(g) for _, g in f.tiers)) for f in level]
        factor *= max(abs(f.scale) * gain for f, gain in zip(level, gains, strict=True))
    unit = nested(rng, groups, units) if groups else list(range(units))
    names = tuple(f"g{k}" for k in range(groups))
    tree = Tree(
        np.zeros(0, dtype=np.int32),
        levels,
        names,
        np.array(unit if groups else [], dtype=np.int32),
    )
    for parents in reversed([x.parent.tolist() for x in levels]):
        unit = [unit[p] for p in parents]
    return tree, unit, factor


def random_trees(
    rng: np.random.Generator, rows: int, units: int
) -> tuple[tuple[Tree, ...], list[float]]:
    """Trees that lead a row to one unit; a row may stand outside of one, or of all."""
    drawn = [random_tree(rng, units) for _ in range(int(rng.choice([1, 1, 2, 3])))]
    unit = rng.choice(sorted(set(drawn[0][1])), size=rows)
    trees = []
    for tree, above, _ in drawn:
        outside = float(rng.choice([0.0, 0.3]))
        at: list[list[int]] = [[k for k, u in enumerate(above) if u == x] for x in unit]
        leaf = [int(rng.choice(x)) if x and rng.random() >= outside else -1 for x in at]
        trees.append(replace(tree, leaf=np.array(leaf, dtype=np.int32)))
    return tuple(trees), [factor for _, _, factor in drawn]


@dataclass(slots=True)
class Steps:
    """Registers and steps in the making: first the block results, then the rest."""

    registers: list[float]
    steps: list[tuple[int, int, int, int]] = field(default_factory=list)

    def constant(self, value: float) -> int:
        """A register that holds `value`."""
        self.registers.append(value)
        return len(self.registers) - 1

    def apply(self, operation: Operation, left: int, right: int) -> int:
        """A register that will hold the result."""
        target = self.constant(0.0)
        self.steps.append((operation, target, left, right))
        return target

    def columns(self) -> tuple[Any, Any]:
        steps = np.array(self.steps, dtype=np.int32).reshape(-1, 4)
        return np.array(self.registers, dtype=np.float64), steps


def random_steps(rng: np.random.Generator, width: int) -> Steps:
    """Constants and steps behind `width` results."""
    steps = Steps([0.0] * width)
    for _ in range(int(rng.integers(0, 4))):
        steps.constant(float(rng.normal()))
    for _ in range(int(rng.integers(0, 6)) if steps.registers else 0):
        left, right = (int(x) for x in rng.integers(0, len(steps.registers), size=2))
        steps.apply(Operation(int(rng.integers(0, 7))), left, right)
    return steps


def random_program(seed: int) -> tuple[Program, Cells, float]:
    """A program with its cube and the largest factor of its folds."""
    rng = np.random.default_rng(10_000 + seed)
    rows = int(rng.integers(1, 30))
    scenarios = int(
        rng.choice([1, 2, 15, 16, 17, 40, 257, 300], p=[0.15] * 4 + [0.3, 0.06, 0.02, 0.02])
    )
    pools = int(rng.integers(1, 4))
    units = pools + int(rng.integers(0, 4))
    trees, factors = random_trees(rng, rows, units)
    blocks = [random_block(rng, rows, scenarios, trees, k) for k in range(int(rng.integers(1, 4)))]
    width = sum(b.registers for b in blocks)
    own: dict[str, Any] = {}
    if rng.random() < 0.5:
        registers, unit_steps = random_steps(rng, width).columns()
        of_units = np.tile(registers, (units, 1))
        of_units[:, width:] *= rng.uniform(0.5, 2.0, size=(units, 1))
        sums = rng.integers(0, registers.size, size=int(rng.integers(1, 6))).astype(np.int32)
        own = {"unit_registers": of_units, "unit_steps": unit_steps, "sums": sums}
        width = sums.size
        if rng.random() < 0.5:
            lifted = rng.integers(0, of_units.shape[1], size=int(rng.integers(1, 4)))
            place = np.cumsum(rng.random(units) < 0.5) - 1
            seen = np.diff(place, prepend=-1) > 0
            lift_to = np.where(seen, width + place * lifted.size, -1)
            width += int(seen.sum()) * lifted.size
            own |= {"lifted": lifted.astype(np.int32), "lift_to": lift_to.astype(np.int32)}
    registers, step_rows = random_steps(rng, width).columns()
    program = Program(
        name=f"random {seed}",
        rows=tuple(f"r{k}" for k in range(rows)),
        lot=rng.choice([1.0, 1e-8, 0.1], size=rows),
        trees=trees,
        units=tuple(f"u{k}" for k in range(units)),
        unit_pool=np.array(nested(rng, units, pools), dtype=np.int32),
        pools=tuple(f"p{k}" for k in range(pools)),
        blocks=tuple(blocks),
        registers=registers,
        steps=step_rows,
        outputs=tuple(f"o{k}" for k in range(registers.size)),
        output_register=np.arange(registers.size, dtype=np.int32),
        scenarios=rs.Scenarios.of(np.ones(scenarios)),
        **own,
    )
    values = rng.normal(size=(rows, scenarios)) * 10.0 ** rng.integers(-2, 4, size=(rows, 1))
    if seed % 5 == 0:
        values = np.rint(values)  # ties between scenarios
    base, delta, notional = rng.normal(size=(3, rows)) * 50.0
    return program, Cells(values, base.copy(), delta.copy(), np.abs(notional)), max(factors)


def fold_sets(folds: list[Fold], nodes: int) -> list[list[Fold]]:
    """Folds of all nodes, set by set; biased, anchored and tiers are those of the first set."""
    return [
        [
            replace(fold, biased=first.biased, anchored=first.anchored, tiers=first.tiers)
            for fold, first in zip(folds[k : k + nodes], folds[:nodes], strict=True)
        ]
        for k in range(0, len(folds), nodes)
    ]


def random_block(
    rng: np.random.Generator, rows: int, scenarios: int, trees: tuple[Tree, ...], number: int
) -> Block:
    reduction = Reduction(int(rng.integers(0, 2)))
    tree = int(rng.integers(0, len(trees)))
    sets = max((x.gain.shape[0] for x in trees[tree].levels), default=1)
    narrow = any(x.worst.any() for x in trees[tree].levels)  # all columns lie side by side

    def chosen(columns: int) -> Any:
        """A set for every column, often runs of one set, sometimes none named."""
        if narrow:
            return np.full(columns, rng.integers(0, sets), dtype=np.int32)
        drawn = np.repeat(rng.integers(0, sets, size=columns), rng.integers(1, 40, size=columns))
        return drawn[: columns if rng.random() < 0.8 else 0].astype(np.int32)

    def factor(columns: int) -> Any:
        """Of every column, or none."""
        return rng.choice([1.0, 0.7, 0.0, -1.0], size=columns if rng.random() < 0.4 else 0)

    if rng.random() < 0.6:
        first = int(rng.integers(0, min(scenarios, 30))) if rng.random() < 0.5 else 0
        rest = scenarios - first
        count = rest - int(rng.integers(0, (rest + 1) // 2)) if first else scenarios
        count = min(count, 16) if narrow else count
        return Block(
            f"b{number}",
            reduction,
            columns=tuple(f"s{k}" for k in range(count)),
            weight=rng.choice([1.0, 0.35, 0.0], size=count),
            fold_set=chosen(count),
            factor=factor(count),
            first=first,
            tree=tree,
        )
    count = int(rng.integers(1, 17 if narrow else 20))
    return Block(
        f"b{number}",
        reduction,
        columns=tuple(f"c{k}" for k in range(count)),
        attribute=rng.normal(size=(rows, count)),
        measure=Measure(int(rng.integers(0, 4))),
        fold_set=chosen(count),
        factor=factor(count),
        tree=tree,
        gross=bool(rng.random() < 0.3),
    )


def random_rows(seed: int, program: Program) -> tuple[Any, Any]:
    """Positions and cash of a few accounts; some hold nothing, some hold zeros."""
    rng = np.random.default_rng(20_000 + seed)
    accounts, rows = int(rng.integers(1, 8)), len(program.rows)
    n, m = int(rng.integers(0, 60)), int(rng.integers(0, 15))
    account, row = rng.integers(0, accounts, size=n), rng.integers(0, rows, size=n)
    lots = rng.integers(-30, 31, size=n) * np.where(program.lot[row] == 1e-8, 10**8, 1)
    at = rng.integers(0, rows, size=m)
    amounts = rng.normal(size=m) * 20.0 / program.lot[at]
    positions = _core.positions_from_columns(account, row, lots, accounts, rows)
    cash = _core.cash_from_columns(rng.integers(0, accounts, size=m), at, amounts, accounts, rows)
    return positions, cash


Units = list[tuple[int, list[fold_reference.Holding]]]  # of a book: (unit, what it holds)


def unit_sizes(program: Program, cube: Cells, units: Units) -> list[float]:
    """|q| times the largest figure of its row, for every unit of every line."""
    size = np.abs(cube.values).max(axis=1) + np.abs(cube.base)
    measured = (1.0, np.abs(cube.base), np.abs(cube.delta), np.abs(cube.notional))
    for block in program.blocks:
        if block.attribute.size:
            size = size + np.abs(block.attribute).max(axis=1) * measured[block.measure]
    return [sum(abs(h.quantity) * float(size[h.row]) for h in held) for _, held in units]


def check_program(seed: int) -> float:
    program, cube, factor = random_program(seed)
    positions, cash = random_rows(seed, program)
    book, threads = (cube, positions, cash), 1 + seed % 3
    found = _core.evaluate(program.core, *book, threads)
    expected = fold_reference.evaluate(program, *book)
    for name in ("account", "pool", "unit_offsets", "unit"):
        assert found[name].tolist() == expected[name].tolist(), (seed, name)
    units = fold_reference._units(fold_reference._lines(program, positions, cash))
    of_unit = np.array(unit_sizes(program, cube, units)) * factor
    figures = _core.unit_figures(program.core, *book, threads)
    results = figures[:, : sum(b.registers for b in program.blocks)]
    wanted = fold_reference.unit_figures(program, *book)
    assert figures.shape == wanted.shape
    difference = np.abs(results - wanted[:, : results.shape[1]])
    assert (difference <= TOLERANCE * of_unit[:, None]).all(), (seed, difference, of_unit)
    check_steps(program, found, figures)
    # Steps may amplify what sums differ by; of the whole only that it is put together alike.
    taken = {*program.steps[:, 0].tolist(), *program.unit_steps[:, 0].tolist()}
    if not taken & {Operation.GREATER, Operation.DIVIDE}:  # they jump
        assert np.allclose(found["outputs"], expected["outputs"], rtol=1e-6, atol=1e-6), seed
    check_units(program, book, units, found, of_unit)
    return float((difference / np.where(of_unit > 0, of_unit, 1.0)[:, None]).max(initial=0.0))


def check_steps(program: Program, found: Any, figures: Any) -> None:
    """What is worked out of the results, per unit and per line, is the reference's to the bit."""
    width = sum(b.registers for b in program.blocks)
    for unit, registers in zip(found["unit"].tolist(), figures.tolist(), strict=True):
        worked = fold_reference._unit_registers(program, unit, registers[:width])
        assert worked == registers
    summed = program.sums.tolist() if program.unit_registers.size else list(range(width))
    for line, (begin, end) in enumerate(pairwise(found["unit_offsets"].tolist())):
        sums = [0.0] * len(summed)
        for registers in figures[begin:end].tolist():
            sums = [x + registers[k] for x, k in zip(sums, summed, strict=True)]
        numbers, of_units = found["unit"][begin:end].tolist(), figures[begin:end].tolist()
        begun = fold_reference.gathered(program, sums, numbers, of_units)
        worked = fold_reference._stepped(begun, program.steps)
        assert worked == found["outputs"][line].tolist()


def check_units(program: Program, book: Any, units: Units, found: Any, size: Any) -> None:
    """unit_loss and unit_scenario are those of the grid, and the grid is the reference's."""
    column = 0
    for number, block in enumerate(program.blocks):
        group, grid = _core.grid(program.core, number, *book)
        expected = [
            (place, g, sums)
            for place, (_, held) in enumerate(units)
            for g, sums in fold_reference._groups(program, block, book[0], held).items()
        ]
        assert group.tolist() == [g for _, g, _ in expected]
        place = np.array([p for p, _, _ in expected], dtype=np.int64)
        values = np.array([sums for _, _, sums in expected]).reshape(grid.shape)
        assert (np.abs(grid - values) <= TOLERANCE * size[place][:, None]).all()
        if block.reduction != Reduction.WORST:
            continue
        for unit in range(len(units)):
            losses, scenarios = [0.0], [0]
            for pnl in grid[place == unit]:
                least = float(pnl.min())
                losses.append(max(0.0, -least))
                scenarios.append(int(np.flatnonzero(pnl == least)[0]))
            assert found["unit_loss"][unit, column] == sum(losses)
            at = losses.index(max(losses))
            assert found["unit_scenario"][unit, column] == scenarios[at]
        column += 1


def test_evaluate_equals_the_reference_on_random_programs() -> None:
    largest = max(check_program(seed) for seed in range(PROGRAMS))
    assert 0.0 < largest <= TOLERANCE


@pytest.mark.slow
def test_evaluate_equals_the_reference_on_all_programs() -> None:
    for seed in range(PROGRAMS, ALL):
        check_program(seed)


def test_random_programs_reach_every_feature() -> None:
    """The generator is worth nothing if it stops making one of the cases."""
    programs = [random_program(seed)[0] for seed in range(PROGRAMS)]
    assert {len(p.trees) for p in programs} == {1, 2, 3}
    trees = [t for p in programs for t in p.trees]
    assert {len(t.levels) for t in trees} == {0, 1, 2, 3, 4}
    levels = [t.levels[0] for t in trees if t.levels]
    assert any((x.biased & x.anchored).any() for x in levels)
    assert any((x.biased & ~x.anchored).any() for x in levels)
    assert any((x.deadband > 0).any() and np.isfinite(x.cap).any() for x in levels)
    assert any(len(x.gain) > 1 and any(x.tiers) for x in levels)
    assert any(
        x.tiers and (x.biased[0] & np.array([bool(t) for t in x.tiers])).any() for x in levels
    )
    assert {o for p in programs for o in p.steps[:, 0].tolist()} == set(range(7))
    assert {o for p in programs for o in p.unit_steps[:, 0].tolist()} == set(range(7))
    lifting = [p for p in programs if p.lift_to.size]
    assert lifting and any((p.lift_to < 0).any() and (p.lift_to >= 0).any() for p in lifting)
    assert max(len(p.scenarios) for p in programs) > 256
    assert max(len(p.pools) for p in programs) > 2


def test_random_programs_reach_every_feature_of_trees_and_blocks() -> None:
    programs = [random_program(seed)[0] for seed in range(PROGRAMS)]
    trees = [t for p in programs for t in p.trees]
    assert any(np.unique(t.group_unit).size < t.group_unit.size for t in trees)
    assert any(not t.groups and t.levels for t in trees)
    rows = [(p, [t.leaf for t in p.trees]) for p in programs if len(p.trees) > 1]
    assert any((np.array(leaf).max(axis=0) < 0).any() for _, leaf in rows)  # of no tree
    assert any(((leaf[0] < 0) & (leaf[1] >= 0)).any() for _, leaf in rows)
    blocks = [b for p in programs for b in p.blocks]
    assert {b.tree for b in blocks} == {0, 1, 2}
    assert {int(b.measure) for b in blocks} == {0, 1, 2, 3}
    scenarios = [b for b in blocks if b.weight.size]
    assert any(b.first > 0 and b.weight.size > 16 and b.factor.size for b in scenarios)
    assert any(b.factor.size and not b.weight.size for b in blocks)


# --- sums, worst losses, cubes -----------------------------------------------------------------


def random_sums(seed: int) -> tuple[rs.Positions, rs.Cube]:
    rng = np.random.default_rng(30_000 + seed)
    rows, instruments, scenarios = (int(rng.integers(1, n)) for n in (20, 40, 80))
    n = int(rng.integers(0, 200))
    positions = rs.Positions.from_columns(
        rng.integers(0, rows, size=n),
        rng.integers(0, instruments, size=n),
        rng.integers(-100, 100, size=n),
        accounts=rows,
        instruments=instruments,
    )
    return positions, rs.Cube.from_values(rng.normal(size=(instruments, scenarios)))


@pytest.mark.parametrize("seed", range(20))
def test_aggregate_and_worst_loss_equal_the_reference(seed: int) -> None:
    positions, cube = random_sums(seed)
    sums = rs.aggregate(positions, cube)
    expected = reference.aggregate(positions.csr, cube.values)
    size = reference.aggregate(
        (positions.offsets, positions.instrument, np.abs(positions.lots)), np.abs(cube.values)
    )
    assert (np.abs(sums - expected) <= TOLERANCE * size).all()
    loss, scenario = rs.worst_loss(positions, cube)
    assert loss.tolist() == np.maximum(0.0, -sums.min(axis=1)).tolist()
    first = np.where(loss > 0, sums.argmin(axis=1), 0)
    assert scenario.tolist() == first.tolist()
    assert (
        np.abs(loss - reference.worst_loss(positions.csr, cube.values)[0])
        <= TOLERANCE * size.max(axis=1)
    ).all()


@pytest.mark.parametrize("seed", range(0, 40, 2))
def test_cube_equals_the_reference_under_scales_shifts_and_floors(seed: int) -> None:
    rng = np.random.default_rng(40_000 + seed)
    columns = instrument_columns(rng, 20)
    columns["settlement"] = ["linear"] * 20
    columns["currency"] = ["USD"] * 20
    instruments = rs.Instruments.from_columns(**columns)
    state = market_of(rng, columns).on(instruments)
    shape = (len(state.factors), 21)
    scenarios = rs.Scenarios.of(
        rng.uniform(-0.1, 2.0, size=shape),
        price_shift=rng.normal(size=shape) * 100.0,
        vol_scale=rng.uniform(0.0, 2.0, size=shape),
        vol_shift=rng.normal(size=shape) * 0.2,
        vol_floor=rng.choice([0.0, 0.1], size=shape),
        factors=state.factors,
    )
    cube = rs.revalue(instruments, state, scenarios)
    values, base, floored = reference.revalue(state, scenarios)
    size = np.abs(base) + np.abs(values).max(axis=1)
    assert cube.floored == floored > 0
    assert (np.abs(cube.base - base) <= TOLERANCE * size).all()
    assert (np.abs(cube.values - values) <= TOLERANCE * size[:, None]).all()


@pytest.mark.parametrize("seed", range(1, 40, 2))
def test_cash_delta_is_that_of_the_reference(seed: int) -> None:
    """Multipliers are the contract's own, whatever option prices are over."""
    rng = np.random.default_rng(50_000 + seed)
    columns = instrument_columns(rng, 40)
    instruments = rs.Instruments.from_columns(**columns)
    terms = Terms(coin_at_index=True, option_divisor=("forward", "index")[seed % 4 // 2])
    state = market_of(rng, columns).on(instruments, terms)
    found, expected = cash_delta(state, threads=1 + seed % 3), reference.cash_delta(state)
    # Far from the money a put's delta is what is left of a call's: the size is that of the price.
    size = np.abs(instruments.multiplier * state.fx * np.where(state.inverse, 1.0, state.price))
    assert (np.abs(found - expected) <= TOLERANCE * size).all()


def test_cash_delta_of_what_has_expired_is_nothing() -> None:
    """It is so much cash, which the kernel by itself would take for so many coins."""
    names, kinds = ["gone", "gone future", "coins"], ["option", "future", "spot"]
    instruments = rs.Instruments.from_columns(
        name=names,
        kind=kinds,
        underlying=["BTC"] * 3,
        expiry=[EXPIRIES[0], EXPIRIES[0], ""],
        strike=[60_000.0, 0.0, 0.0],
        option_type=["call", "", ""],
        multiplier=[2.0] * 3,
    )
    settled = rs.Quote(70_000.0, int(instruments.expiry[0]))
    market = rs.Market.of(
        EXPIRIES[1], spot={"BTC": 71_000.0}, settlement={("BTC", EXPIRIES[0]): settled}
    )
    state = market.on(instruments)
    assert state.mark.tolist() == [70_000.0, 70_000.0, 0.0]
    assert cash_delta(state).tolist() == [0.0, 0.0, 142_000.0]
    assert reference.cash_delta(state).tolist() == [0.0, 0.0, 142_000.0]
