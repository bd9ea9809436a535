"""Decides the order of things: resolve, revalue, compile, evaluate, and then the verdict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from . import _core
from .account.collateral import cash_rows
from .account.evidence import Source
from .account.verdict import Assessment, ratio_of, status_of
from .book.columns import Float, Int64
from .book.instruments import Instruments
from .book.portfolio import Portfolio, Rows, rows_of
from .errors import refuse
from .margin.program import Program
from .margin.slides import compile_slides
from .market.state import Market, State
from .scenario.shocks import Scenarios
from .scenario.slides import slide_scenarios
from .value.cube import revalue
from .venue.rulebook import Rulebook

METHODS = {"slides": (slide_scenarios, compile_slides)}


def assess(
    portfolio: Portfolio, market: Market, rulebook: Rulebook, *, threads: int | None = None
) -> Assessment:
    """Margin every account of a portfolio.

    Returns an Assessment, amounts in the rule book's reporting currency. Raises InputError for
    what the market lacks or the rule book refuses; nothing is assessed then.
    """
    rows = rows_of(portfolio.instruments, portfolio.assets)
    state = market.on(rows.instruments, rulebook.terms)
    scenarios, program = _program(rulebook, rows, state)
    cube = revalue(rows.instruments, state, scenarios, threads=threads)
    cash = cash_rows(portfolio, rows, state, threads)
    found = _core.evaluate(
        program.core, cube.values, cube.base, portfolio.positions.csr, cash, threads or 0
    )
    outputs: dict[str, Any] = {
        n: np.ascontiguousarray(found["outputs"][:, k]) for k, n in enumerate(program.outputs)
    }
    unit_loss = np.ascontiguousarray(found["unit_loss"][:, 0])
    unit_scenario = np.ascontiguousarray(found["unit_scenario"][:, 0])
    largest = _largest(found["unit_offsets"], unit_loss)
    equity, initial, maintenance = (outputs[k] for k in ("equity", "initial", "maintenance"))
    return Assessment(
        account=tuple(portfolio.accounts[a] for a in found["account"].tolist()),
        pool=tuple(program.pools[p] for p in found["pool"].tolist()),
        **outputs,
        excess=equity - initial,
        maintenance_ratio=ratio_of(maintenance, equity),
        status=status_of(equity, initial, maintenance),
        worst_scenario=np.where(largest >= 0, unit_scenario[largest], 0).astype(np.int32)
        if unit_loss.size
        else np.zeros(equity.size, dtype=np.int32),
        worst_unit=tuple(
            program.units[found["unit"][k]] if k >= 0 else "" for k in largest.tolist()
        ),
        scenarios=scenarios.labels,
        warnings=_warnings(portfolio, state, rulebook, cube.floored),
        as_of=state.as_of,
        valid_for=rulebook.terms.max_age,
        reporting=rulebook.terms.reporting,
        rulebook=rulebook.name,
        rulebook_sha256=rulebook.sha256,
        program_sha256=program.sha256,
        unit_offsets=found["unit_offsets"],
        unit=found["unit"],
        units=program.units,
        unit_loss=unit_loss,
        unit_scenario=unit_scenario,
        source=Source(portfolio, rows, cube, program, cash),
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
    if assets is None:
        listed = rulebook.table("collateral.haircut")
        assets = [a for a in listed if a in market.spot or a in rulebook.par]
    rows = rows_of(instruments, assets)
    return _program(rulebook, rows, market.on(rows.instruments, rulebook.terms))[1]


def _program(rulebook: Rulebook, rows: Rows, state: State) -> tuple[Scenarios, Program]:
    if rulebook.status == "partial":
        fix = "has unpublished inputs; give them in a rule book of your own"
        refuse("E_PARTIAL", "rules", None, rulebook.name, fix)
    resolve, compile_method = METHODS[rulebook.method]
    scenarios = resolve(rulebook, rows, state)
    return scenarios, compile_method(rulebook, rows, scenarios)


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


def _warnings(
    portfolio: Portfolio, state: State, rulebook: Rulebook, floored: int
) -> tuple[str, ...]:
    found: list[str] = list(state.warnings)
    listed = rulebook.table("collateral.haircut")
    found += [
        f"W_NO_HAIRCUT: {a} is not listed, its balances take the haircut of the others"
        for a in portfolio.assets
        if a not in listed
    ]
    if floored:
        found.append(f"W_FORWARD_FLOORED: {floored} cells have a forward at zero, valued there")
    if portfolio.duplicates:
        found.append(f"W_DUPLICATE: {portfolio.duplicates} position rows were summed into others")
    if _day(state.as_of) < rulebook.valid_from.isoformat():
        found.append(f"W_VALIDITY: {rulebook.name} is valid from {rulebook.valid_from}")
    return tuple(found)


def _day(as_of: int) -> str:
    return str(np.datetime64(as_of, "ns").astype("datetime64[D]"))
