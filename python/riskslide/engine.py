"""Decides the order of things: resolve, revalue, compile, evaluate, and then the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from . import _core
from .account.collateral import cash_rows
from .account.evidence import Cash, Source
from .account.markets import placed, unplaced
from .account.matched import Matched, figures_of, warnings_of
from .account.verdict import FIGURES, NANO, Assessment, Thresholds, ratio_of, status_of
from .book.columns import Float, Int32, Int64
from .book.instruments import Instruments, Kind
from .book.portfolio import Portfolio, Rows, order_sides, rows_held, rows_of
from .book.positions import Positions, slice_rows
from .errors import refuse
from .margin.equity import EQUITY, listed
from .margin.methods import METHODS
from .margin.program import Program, Subject
from .market.market import Market
from .market.state import State
from .scenario.shocks import Scenarios
from .value.cube import Cube, revalue, with_arrays
from .value.exposure import Deltas, cash_delta, notional, option_delta
from .venue.rulebook import Rulebook


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A book, a market and a rule book, brought together: all that `evaluate` needs but values."""

    rulebook: Rulebook
    portfolio: Portfolio
    rows: Rows
    state: State
    scenarios: Scenarios
    program: Program
    positions: Positions
    cash: Cash


def prepare(
    portfolio: Portfolio, market: Market, rulebook: Rulebook, *, threads: int | None = None
) -> Prepared:
    """Resolve quotes and shocks, compile the rule book, lay out the cash rows."""
    rulebook.refuse_unpublished()
    homes = METHODS[rulebook.method].homes(rulebook)
    where = unplaced(portfolio) if homes is None else placed(portfolio, homes, rulebook.par)
    rows = rows_of(portfolio.instruments, where.keys, order_sides(portfolio))
    state = market.on(rows.valued, rulebook.terms)
    scenarios, program = _program(rulebook, rows, state)
    cash = cash_rows(portfolio, rows, state, where, threads)
    positions = rows_held(portfolio, rows, threads)
    return Prepared(rulebook, portfolio, rows, state, scenarios, program, positions, cash)


def assess(
    portfolio: Portfolio,
    market: Market,
    rulebook: Rulebook,
    *,
    threads: int | None = None,
    batch: int | None = None,
    done: Callable[[int], None] = lambda accounts: None,
) -> Assessment:
    """Margin every account of a portfolio.

    Returns an Assessment, amounts in the rule book's reporting currency. With `batch`, that many
    accounts are evaluated at a time (the result is the same, bit for bit) and `done` is told how
    many are. threads: None for all cores. Raises InputError for what the market lacks or the rule
    book refuses; nothing is assessed then.
    """
    p = prepare(portfolio, market, rulebook, threads=threads)
    cube = valued(p, threads=threads)
    accounts = len(portfolio.accounts)
    found = []
    for first in range(0, max(accounts, 1), batch or max(accounts, 1)):
        last = min(first + (batch or accounts), accounts)
        lots = slice_rows(p.positions.csr, first, last)
        amounts = slice_rows(p.cash, first, last)
        part = _core.evaluate(p.program.core, cube.cells, lots, amounts, threads or 0)
        part["account"] += first
        found.append(part)
        done(last)
    return _assessment(p, cube, found[0] if len(found) == 1 else _joined(found))


def valued(p: Prepared, *, threads: int | None = None) -> Cube:
    """What the rows of a program are worth in its scenarios, with what its blocks measure."""
    cube = revalue(p.rows.valued, p.state, p.scenarios, threads=threads)
    if p.state.risk_array:
        cube = with_arrays(cube, p.state.risk_array)
    if p.program.measures_delta:
        deltas = Deltas(*(partial(f, threads=threads) for f in (cash_delta, option_delta)))
        delta = METHODS[p.rulebook.method].delta(p.rulebook, p.state, deltas)
        cube = replace(cube, delta=delta)
    if p.program.measures_notional:
        cube = replace(cube, notional=notional(p.state))
    return cube.take(p.rows.source) if p.rows.orders else cube


def _joined(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The results of consecutive accounts as one."""
    whole = {k: np.concatenate([part[k] for part in found]) for k in found[0]}
    before = np.cumsum([0, *(part["unit"].size for part in found)])
    starts = [part["unit_offsets"][:-1] + n for part, n in zip(found, before, strict=False)]
    return whole | {"unit_offsets": np.concatenate([*starts, before[-1:]])}


def _assessment(p: Prepared, cube: Cube, found: dict[str, Any]) -> Assessment:
    """What follows from the evaluated lines."""
    program = p.program
    outputs: dict[str, Any] = {
        n: np.ascontiguousarray(found["outputs"][:, k]) for k, n in enumerate(program.outputs)
    }
    computed = Source(p.portfolio.accounts, p.rows, p.state, cube, program, p.positions, p.cash)
    source: Source | Matched = computed
    warnings = _warnings(p, cube.floored)
    margined = METHODS[p.rulebook.method].margined
    if margined is not None:
        accounts = list(margined(p.rulebook, p.state, cube.base, p.positions.csr))
        outputs |= figures_of(accounts, found["account"])
        warnings += warnings_of(accounts, p.portfolio.accounts)
        source = Matched(computed, accounts)
    unit_loss = np.ascontiguousarray(found["unit_loss"][:, 0])
    unit_scenario = np.ascontiguousarray(found["unit_scenario"][:, 0])
    largest = _largest(found["unit_offsets"], unit_loss)
    at = largest[largest >= 0]
    worst = np.zeros(largest.size, dtype=np.int32)
    worst[largest >= 0] = unit_scenario[at]
    worst_unit = np.full(largest.size, len(program.units), dtype=np.int32)
    worst_unit[largest >= 0] = found["unit"][at]
    figures = {n: outputs.pop(n) for n in FIGURES}
    equity, initial, maintenance = (figures[k] for k in ("equity", "initial", "maintenance"))
    pieces = (figures[k] for k in EQUITY)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused
        gross = initial + maintenance + sum(np.abs(x) for x in pieces)
        excess, ratio = equity - initial, ratio_of(maintenance, equity)
        billionths = gross * NANO  # in which evidence counts
    bad = np.flatnonzero(~(np.isfinite(billionths) & np.isfinite(excess) & np.isfinite(ratio)))
    if bad.size:
        account = p.portfolio.accounts[found["account"][bad[0]]]
        refuse("E_OVERFLOW", "account", None, account, "its amounts leave float64; check the units")
    return Assessment(
        account=_named(found["account"], p.portfolio.accounts),
        pool=_named(found["pool"], program.pools),
        **figures,
        components=outputs,
        excess=excess,
        maintenance_ratio=ratio,
        status=status_of(equity, initial, maintenance, gross, Thresholds.of(p.rulebook)),
        worst_scenario=worst,
        worst_unit=_named(worst_unit, (*program.units, "")),
        scenarios=p.scenarios.labels[: program.blocks[0].width],
        warnings=warnings,
        as_of=p.state.as_of,
        valid_for=p.rulebook.terms.max_age,
        reporting=p.rulebook.terms.reporting,
        rulebook=p.rulebook.name,
        rulebook_sha256=p.rulebook.sha256,
        program_sha256=program.sha256,
        unit_offsets=found["unit_offsets"],
        unit=found["unit"],
        units=program.units,
        unit_loss=unit_loss,
        unit_scenario=unit_scenario,
        source=source,
    )


def compile_rulebook(
    rulebook: Rulebook,
    instruments: Instruments,
    market: Market,
    assets: Iterable[str] | None = None,
) -> Program:
    """The rule book as data for these instruments: what `evaluate` runs, in Python or in C++.

    Its rows are the instruments, then ``balance:ASSET`` for every asset (by default those that the
    rule book lists and the market prices), then ``pnl:CURRENCY`` for every settlement currency.
    """
    rulebook.refuse_unpublished()
    if METHODS[rulebook.method].margined is not None:
        fix = f"the method {rulebook.method!r} matches contracts account by account: use assess"
        refuse("E_UNSUPPORTED", "rules", None, rulebook.name, fix)
    homes = METHODS[rulebook.method].homes(rulebook)
    if assets is None:
        counted = {*listed(rulebook), *(homes or {})}
        assets = [a for a in counted if a in market.spot or a in rulebook.par]
    markets = ["", *(instruments.underlyings if homes is not None else ())]
    rows = rows_of(instruments, [(a, m) for a in assets for m in markets])
    return _program(rulebook, rows, market.on(rows.instruments, rulebook.terms))[1]


def _program(rulebook: Rulebook, rows: Rows, state: State) -> tuple[Scenarios, Program]:
    method = METHODS[rulebook.method]
    scenarios = method.scenarios(rulebook, state)
    return scenarios, method.compile(Subject(rulebook, rows, scenarios, state))


def _named(index: Int32 | Int64, names: tuple[str, ...]) -> tuple[str, ...]:
    """The name of every index, by a gather; the names themselves where each stands once."""
    if index.size == len(names) and (index == np.arange(index.size)).all():
        return names
    return tuple(np.array(names, dtype=object)[index].tolist())


def _largest(offsets: Int64, loss: Float) -> Int64:
    """Index of the unit with the largest loss of every line, ties to the first; -1 for none."""
    out = np.full(offsets.size - 1, -1, dtype=np.int64)
    width = int((offsets[1:] - offsets[:-1]).max(initial=0))
    for k in range(width):
        at = offsets[:-1] + k
        held = at < offsets[1:]
        at = np.where(held, at, 0)
        better = held & ((out < 0) | (loss[at] > loss[np.where(out < 0, 0, out)]))
        out = np.where(better, at, out)
    return out


def _warnings(p: Prepared, floored: int) -> tuple[str, ...]:
    found: list[str] = []
    if p.portfolio.marked:
        what = "futures or perpetuals without an entry price, taken as marked to market"
        found.append(f"W_MARKED: {what}: {p.portfolio.marked}")
    found += p.state.warnings
    found += METHODS[p.rulebook.method].warnings(p.rulebook, p.rows)
    if p.rulebook.second_hand:
        what = "parameters are second-hand, checked against no printed figure"
        found.append(f"W_SECOND_HAND: {p.rulebook.second_hand} {what}: {p.rulebook.name}")
    if p.rulebook.given:
        what = "is not published and was given by the user"
        found.append(f"W_GIVEN: {', '.join(p.rulebook.given)} {what}: {p.rulebook.name}")
    counted = listed(p.rulebook)
    other = 100.0 * p.rulebook.number("collateral.haircut_other")
    found += [
        f"W_NO_HAIRCUT: {a} is not listed in the rule book, its haircut is {other:g} %"
        for a in sorted({*p.portfolio.assets, *_owned(p.portfolio.instruments)})
        if a not in counted
    ]
    if floored:
        found.append(f"W_FORWARD_FLOORED: {floored} cells have a forward at zero, valued there")
    if p.portfolio.duplicates:
        found.append(f"W_DUPLICATE: {p.portfolio.duplicates} position rows were summed into others")
    if _day(p.state.as_of) < p.rulebook.valid_from.isoformat():
        found.append(f"W_VALIDITY: {p.rulebook.name} is valid from {p.rulebook.valid_from}")
    return tuple(found)


def _owned(instruments: Instruments) -> list[str]:
    """Coins held as positions, which count as balances do."""
    spot = np.unique(instruments.underlying[instruments.kind == Kind.SPOT.value])
    return [instruments.underlyings[u] for u in spot.tolist()]


def _day(as_of: int) -> str:
    return str(np.datetime64(as_of, "ns").astype("datetime64[D]"))
