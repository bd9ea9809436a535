"""Decides the program of the `slides` method: price times vol, worst cell per underlying.

maintenance = worst loss of positions, unrealised P&L and collateral, all revalued in the same
scenario, + charges; initial = initial_factor * the same with every open order that loses filled.
The loss is taken per underlying and added up where gains offset nothing (``slides.offset = 0``),
else of the whole account, a declared fraction of each underlying's gain counting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...book.columns import Bool, Float, Int64
from ...book.portfolio import Role, Rows
from ...errors import refuse
from ...rules import Rules, Spec
from ...scenario.slides import measure_of
from .. import equity
from ..draft import Draft, Figure, Nodes, level_of
from ..program import Level, Program, Subject
from . import addons

SCHEMA = {
    "slides.price_range": Spec("number", 0.0, 0.99),
    "slides.price_range_of": Spec("table", 0.0, 0.99),
    "slides.price_points": Spec("odd", 1, 1001),
    "slides.vol_scales": Spec("numbers", 0.0, 100.0),
    "slides.offset": Spec("number", 0.0, 1.0),
    "slides.offset_among": Spec("texts"),
    "margin.initial_factor": Spec("number", 1.0, 100.0),
}

_AMOUNTS = Spec("numbers", 0.0, 1e15, ascending=True)
_RATES = Spec("numbers", 0.0, 1.0, ascending=True)

OPTIONAL: Mapping[str, Mapping[str, Spec]] = {
    **equity.OPTIONAL,
    "apart": {"share": Spec("number", 0.0, 1.0)},
    "borrow": equity.BORROW,
    "concentration": {"starts": _AMOUNTS, "rates": _RATES},
    "depeg": {"falls_to": Spec("lists", 0.0, 1.0)},
    "depeg_charge": {"assets": Spec("texts"), "starts": _AMOUNTS, "rates": _RATES},
    "numeraire": {"currency": Spec("text")},
}

ACCOUNT = "account"  # the only unit where underlyings offset each other


def compile_slides(subject: Subject) -> Program:
    """The program of these rows under these scenarios (resolved to risk factors)."""
    rules, x = subject.rules, subject.rows.instruments
    check_together(rules)
    check_measure(rules, subject.rows)
    together = _together(rules)
    units = (ACCOUNT,) if together else x.underlyings
    draft = Draft(subject, units, np.where(together, 0, x.underlying).astype(np.int64))
    with_orders = bool(subject.rows.orders)
    worst, filled = _losses(draft, with_orders)
    factor = rules.number("margin.initial_factor")
    needed, asked = {"scenarios": worst}, {"scenarios": worst * factor}
    asked["open_orders"] = (filled - worst) * factor
    if rules.has("concentration"):
        needed["concentration"] = addons.concentration(draft, orders=False)
        gross = addons.concentration(draft, orders=True) if with_orders else needed["concentration"]
        asked["concentration"] = gross * factor
    if rules.has("depeg_charge"):
        needed["depeg"] = addons.depeg(draft)
        asked["depeg"] = needed["depeg"] * factor
    if rules.has("borrow"):
        needed["borrow"], asked["borrow"] = equity.borrowed(draft)
    charges = [asked[name] for name in needed if name != "scenarios"]
    parts = equity.equity(draft)
    outputs = {
        "maintenance": draft.total(list(needed.values())),
        "initial": draft.total([filled * factor, *charges]),
        "equity": draft.total(list(parts.values())),
        **parts,
        "open_orders": filled - worst,
        **{f"maintenance.{name}": figure for name, figure in needed.items()},
        **{f"initial.{name}": figure for name, figure in asked.items()},
    }
    return draft.program(outputs, {}, as_of=0)  # no rule counts days


def _together(rules: Rules) -> bool:
    """Whether the account is one unit, in which underlyings offset each other."""
    return rules.number("slides.offset") > 0.0


def warnings_of_slides(rules: Rules, rows: Rows) -> tuple[str, ...]:
    """What the user of a program for these rows must know."""
    still = sorted(_contracts_on(rows) & rules.par)
    what = "stands at par, so that contracts on it move in no scenario of prices"
    return tuple(f"W_CONTRACT_AT_PAR: {asset} {what}" for asset in still)


def _contracts_on(rows: Rows) -> set[str]:
    """Underlyings of contracts."""
    x, role = rows.instruments, equity.roles_of(rows)
    contract = (role == Role.POSITION.value) | (role == Role.ORDER.value)
    return {x.underlyings[u] for u in x.underlying[contract].tolist()}


def check_measure(rules: Rules, rows: Rows) -> None:
    """Refuse contracts on what everything is measured in: it stands still (`E_RULES`)."""
    measure = measure_of(rules)
    if measure in _contracts_on(rows):
        fix = "contracts on it would not move; name a [numeraire], in which it has a price"
        refuse("E_RULES", "reporting.currency", None, measure, fix)


def check_together(rules: Rules) -> None:
    """Refuse parameters that do not fit each other (`E_RULES`)."""
    equity.check_collateral(rules)
    for section in ("concentration", "depeg_charge"):
        if not rules.has(section):
            continue
        wanted, found = (len(rules.numbers(f"{section}.{n}")) for n in ("starts", "rates"))
        if wanted != found:
            fix = f"must be one rate a start, {wanted}"
            refuse("E_RULES", f"{section}.rates", None, found, fix)


def _losses(draft: Draft, with_orders: bool) -> tuple[Figure, Figure]:
    """The loss of the worst scenario, and that with every order filled that loses in it.

    What nets by one fold is a leaf: positions and P&L of an underlying, its balance, every order
    alone. Above the leaves of each underlying a part of its gain counts, where gains offset.
    """
    rules, rows = draft.subject.rules, draft.subject.rows
    x, role = rows.instruments, equity.roles_of(rows)
    alone = np.where(role == Role.ORDER.value, np.arange(len(rows)), 0)
    columns: list[tuple[Any, ...]] = [(x.underlying,)] if _together(rules) else []
    columns.append((role, alone))
    nodes = draft.shape(_all(draft), *columns).levels[0]
    words = equity.words_of(draft.subject, nodes)
    by_coins = bool(words.in_coins.any())
    shape = draft.shape(_all(draft), *columns, *([()] if by_coins else []))
    count = len(draft.subject.scenarios)
    fills = np.repeat(np.arange(1 + with_orders), count if by_coins else 1)  # of every set
    levels = _leaves(draft, shape.levels, words, fills)
    if _together(rules):
        among = set(rules.texts("slides.offset_among"))
        offset = np.array([rules.number("slides.offset") * (u in among) for u in x.underlyings])
        top = shape.levels[-1]
        levels.append(level_of(top, sets=fills.size, gain=offset[x.underlying[top.row]]))
    tree = draft.tree(shape, *levels)

    def loss(name: str, filled: int) -> Figure:
        sets = np.arange(count) if by_coins else np.zeros(count, dtype=np.int64)
        first = filled * (count if by_coins else 1)
        return draft.worst(name, tree, 0, count, fold_set=(sets + first).astype(np.int32))

    worst = loss("slides", 0)
    return worst, loss("orders", 1) if with_orders else worst


def _all(draft: Draft) -> Bool:
    return np.ones(len(draft.subject.rows), dtype=np.bool_)


def _leaves(
    draft: Draft, nodes: tuple[Nodes, ...], words: equity.Words, fills: Int64
) -> list[Level]:
    """The level of the leaves, and one more where tiers are of coins.

    A balance counts by its worth in the scenario less what it counts now: its leaf is biased and
    anchored. Tiers by coins do not move with the price, so that the change goes through them at
    today's price: divided by the move, counted, and times the move.
    """
    subject, leaves = draft.subject, nodes[0]
    role = equity.roles_of(subject.rows)[leaves.row]
    by_value = (role == Role.BALANCE.value) & ~words.in_coins
    orders = role == Role.ORDER.value
    gain = np.where(by_value, words.gain, 1.0) * ~orders
    loss = np.where(orders, fills[:, None], 1.0)
    tiers = tuple(() if c else t for t, c in zip(words.tiers, words.in_coins, strict=False))
    folds = {"gain": gain, "loss": loss, "cap": words.cap, "tiers": tiers if any(tiers) else ()}
    flags = {"biased": by_value, "anchored": by_value}
    if not words.in_coins.any():
        return [level_of(leaves, sets=fills.size, **folds, **flags)]
    moves = np.concatenate([_moves(subject, leaves)] * (1 + int(fills.max(initial=0))))
    moved = np.where(moves != 0.0, moves, 1.0)
    coins = words.in_coins
    counted = tuple(t if c else () for t, c in zip(words.tiers, coins, strict=False))
    return [
        level_of(leaves, fills.size, scale=np.where(coins, 1.0 / moved, 1.0), **folds, **flags),
        level_of(
            nodes[1],
            fills.size,
            gain=np.where(coins, words.gain, 1.0),
            scale=np.where(coins, moves, 1.0),
            tiers=counted if any(counted) else (),
        ),
    ]


def _moves(subject: Subject, nodes: Nodes) -> Float:
    """The move of the asset of every node in every scenario, a fraction: (scenarios, nodes)."""
    factor = subject.state.factor[subject.rows.source]
    moves: Float = (subject.scenarios.price_scale - 1.0)[factor[nodes.row]]
    return moves.T
