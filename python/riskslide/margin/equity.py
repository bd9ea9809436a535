"""Decides what counts as equity, for every method: balances after haircut, P&L, option value.

Balances count by asset: a flat fraction or marginal tiers of what is above zero, at most a cap,
nothing of what the account issues itself; debts in full.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..book.columns import Bool, Float, UInt8
from ..book.instruments import Kind
from ..book.portfolio import Role, Rows
from ..errors import refuse
from ..rules import Rules, Spec
from .draft import Draft, Figure, Nodes, level_of
from .program import Measure, Subject
from .tiers import Tiers, marginal

EQUITY = ("collateral", "unrealised_pnl", "option_value")  # in the order of the block's columns

_AMOUNT = 1e15  # more than any book is worth, and sums of it stay exact to a unit

OPTIONAL: Mapping[str, Mapping[str, Spec]] = {
    "collateral_tiers": {
        "unit": Spec("text", choices=("coins", "value")),
        "starts": Spec("lists", 0.0, _AMOUNT, ragged=True),
        "fractions": Spec("lists", 0.0, 1.0, ragged=True),
    },
    "collateral_cap": {"value": Spec("table", 0.0, _AMOUNT)},
    "collateral_own": {"assets": Spec("texts")},
}
BORROW = {"maintenance": Spec("number", 0.0, 1.0), "initial": Spec("number", 0.0, 1.0)}


class Counted(NamedTuple):
    """How much of an asset counts above zero: tiers in coins or in the reporting currency, and a
    cap in the reporting currency."""

    tiers: Tiers
    in_coins: bool = False
    cap: float = math.inf


def counted(rules: Rules, asset: str) -> Counted:
    """What the rule book counts of an asset; unlisted ones take the flat haircut of the others."""
    if rules.has("collateral_own") and asset in rules.texts("collateral_own.assets"):
        return Counted(Tiers(0.0))
    flat = 1.0 - haircut_of(rules, asset)
    caps = rules.table("collateral_cap.value") if rules.has("collateral_cap") else {}
    cap = caps.get(asset, math.inf)
    starts = rules.lists("collateral_tiers.starts") if rules.has("collateral_tiers") else {}
    if asset not in starts:
        return Counted(Tiers(flat), cap=cap)
    fractions = rules.lists("collateral_tiers.fractions")[asset]
    in_coins = rules.text("collateral_tiers.unit") == "coins"
    return Counted(marginal(starts[asset], fractions, flat), in_coins, cap)


def check_collateral(rules: Rules) -> None:
    """Refuse parameters of collateral that do not fit each other (`E_RULES`)."""

    def need(good: bool, key: str, value: object, fix: str) -> None:
        if not good:
            refuse("E_RULES", key, None, value, fix)

    if rules.has("borrow"):
        low, high = rules.number("borrow.maintenance"), rules.number("borrow.initial")
        need(low <= high, "borrow.initial", high, f"must be borrow.maintenance, {low:g}, or more")
    if not rules.has("collateral_tiers"):
        return
    starts, fractions = (rules.lists(f"collateral_tiers.{n}") for n in ("starts", "fractions"))
    key = "collateral_tiers.fractions"
    need(set(starts) == set(fractions), key, sorted(fractions), f"must be of {sorted(starts)}")
    caps = rules.table("collateral_cap.value") if rules.has("collateral_cap") else {}
    for asset, row in starts.items():
        found = len(fractions[asset])
        need(found == len(row), f"{key}.{asset}", found, f"must be one a start, {len(row)}")
        rises = all(a <= b for a, b in pairwise(row))
        need(rises, f"collateral_tiers.starts.{asset}", row, "must not descend")
        by_value = rules.text("collateral_tiers.unit") == "value" or asset not in caps
        fix = "a cap by value needs tiers by value; tiers by coins end in one that counts 0"
        need(by_value, f"collateral_cap.value.{asset}", caps.get(asset), fix)


def listed(rules: Rules) -> set[str]:
    """Assets of which the rule book says what they count."""
    found = set(rules.table("collateral.haircut"))
    if rules.has("collateral_own"):
        found |= set(rules.texts("collateral_own.assets"))
    return found | (
        set(rules.lists("collateral_tiers.starts")) if rules.has("collateral_tiers") else set()
    )


def roles_of(rows: Rows) -> UInt8:
    """The role of every row, a coin that is held as a position being a balance."""
    owned = (rows.role == Role.POSITION.value) & (rows.instruments.kind == Kind.SPOT.value)
    return np.where(owned, Role.BALANCE.value, rows.role).astype(np.uint8)


def haircut_of(rules: Rules, asset: str) -> float:
    """Flat fraction of a positive balance that does not count; unlisted assets take the others'."""
    found = rules.table("collateral.haircut")
    return found.get(asset, rules.number("collateral.haircut_other"))


class Words(NamedTuple):
    """Words of the folds of nodes, one of each: what counts of a balance, all of anything else.

    tiers are in the reporting currency, those by coins at today's price; in_coins: whose tiers are
    of coins.
    """

    gain: Float
    cap: Float
    tiers: tuple[tuple[tuple[float, float], ...], ...]
    in_coins: Bool


def words_of(subject: Subject, nodes: Nodes) -> Words:
    """How the balances among the nodes, an asset each, count above zero."""
    rules, x = subject.rules, subject.rows.instruments
    balance = roles_of(subject.rows) == Role.BALANCE.value
    price = subject.state.price[subject.rows.source]
    of_asset = dict(zip(x.underlying[balance].tolist(), price[balance].tolist(), strict=True))
    known = {u: counted(rules, x.underlyings[u]) for u in of_asset}
    plain = Counted(Tiers(1.0))
    rows = [
        known[u] if inside else plain
        for u, inside in zip(
            x.underlying[nodes.row].tolist(), balance[nodes.row].tolist(), strict=True
        )
    ]
    tiers = []
    for row, u in zip(rows, x.underlying[nodes.row].tolist(), strict=True):
        unit = max(of_asset[u], 0.0) if row.in_coins else 1.0
        tiers.append(tuple((start * unit, gain) for start, gain in row.tiers.rest))
    return Words(
        gain=np.array([row.tiers.gain for row in rows], dtype=np.float64),
        cap=np.array([row.cap for row in rows], dtype=np.float64),
        tiers=tuple(tiers) if any(tiers) else (),
        in_coins=np.array([row.in_coins for row in rows], dtype=np.bool_),
    )


def equity(draft: Draft, paid: Bool | None = None) -> dict[str, Figure]:
    """Balances as they count, unrealised P&L, value of options: of those rows that are `paid` for
    as they are bought, all where it is None."""
    rows = draft.subject.rows
    x, role = rows.instruments, roles_of(rows)
    balance, pnl = role == Role.BALANCE.value, role == Role.PNL.value
    options = (role == Role.POSITION.value) & (x.kind == Kind.OPTION.value)
    options &= True if paid is None else paid
    asset = np.where(balance, x.underlying, -1)
    shape = draft.shape(balance | pnl | options, (asset,))
    (nodes,) = shape.levels
    words = words_of(draft.subject, nodes)
    level = level_of(nodes, gain=words.gain, cap=words.cap, tiers=words.tiers)
    masks = dict(zip(EQUITY, (balance, pnl, options), strict=True))
    return draft.each(draft.tree(shape, level), Measure.VALUE, masks)


def debts(draft: Draft) -> Figure:
    """What every currency lacks: balances and unrealised P&L together, where they are below 0."""
    rows = draft.subject.rows
    role = roles_of(rows)
    currencies = (role == Role.BALANCE.value) | (role == Role.PNL.value)
    shape = draft.shape(currencies, (rows.instruments.underlying,))
    (assets,) = shape.levels
    tree = draft.tree(shape, level_of(assets, gain=0.0, loss=-1.0))
    return draft.each(tree, Measure.VALUE, {"debt": currencies})["debt"]


def borrowed(draft: Draft) -> tuple[Figure, Figure]:
    """(maintenance, initial) charge on debts, of the section `borrow`."""
    debt = debts(draft)
    low, high = (draft.subject.rules.number(f"borrow.{n}") for n in ("maintenance", "initial"))
    return debt * low, debt * high


def warnings_of_coin(rows: Rows) -> list[str]:
    """What the user of a venue that lists no contract settled in coin must know."""
    x = rows.instruments
    coin = np.flatnonzero((roles_of(rows) == Role.POSITION.value) & x.inverse).tolist()
    if not coin:
        return []
    what = "contracts that settle in coin are margined as if this venue listed them"
    return [f"W_COIN_SETTLED: {what}: {len(coin)}, such as {x.name[coin[0]]}"]
