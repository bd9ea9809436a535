"""Decides the charges that stand beside the loss: per row, without regard to scenarios."""

from __future__ import annotations

import numpy as np

from ...book.columns import Bool, Float
from ...rules import Rules
from ..draft import Draft, Figure, level_of
from ..equity import borrowed
from ..program import Measure
from ..tiers import marginal
from .holdings import Holdings
from .losses import contracts_of, where_held


def balances_of(draft: Draft, held: Holdings) -> int:
    """A tree in which every balance stands alone: what it is worth above zero."""
    if "balances" not in draft.known:
        shape = draft.shape(held.balances, (held.rank,))
        (rows,) = shape.levels
        draft.known["balances"] = draft.tree(shape, level_of(rows, loss=0.0))
    return draft.known["balances"]


def static(draft: Draft, held: Holdings) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """Charges that count in both requirements, and what the initial one adds to them."""
    rules = draft.subject.rules
    both: dict[str, Figure] = {}
    extra: dict[str, Figure] = {}

    def charge(name: str, figure: Figure) -> None:
        both[name] = figure * rules.number(f"{name}.maintenance")
        extra[name] = figure * rules.number(f"{name}.initial")

    if rules.has("perpetual"):
        charge("perpetual", gross(draft, held, held.perpetuals, "perpetual"))
    if rules.has("future"):
        charge("future", gross(draft, held, held.contracts & ~held.options, "future"))
    if rules.has("option"):
        charge("option", _naked(draft, held))
    if rules.has("collateral_charge"):
        names = ("maintenance", "initial")
        measure = Measure.VALUE if rules.text("collateral_charge.of") == "value" else None
        found = draft.each(
            balances_of(draft, held),
            Measure.NOTIONAL if measure is None else measure,
            {f"collateral_{n}": _rates(rules, held, n) for n in names},
        )
        both["collateral"], extra["collateral"] = found.values()
    if rules.has("basis_risk"):
        net = draft.each(
            contracts_of(draft, held),
            Measure.DELTA,
            {"delta": _by_market(draft, held, "basis_risk") * held.contracts},
        )["delta"]
        both["basis_risk"] = net.at_least(net * -1.0)
    if rules.has("unit_charge"):
        amounts = rules.table("unit_charge.amounts")
        for name in rules.texts("unit_charge.names"):
            given = [amounts.get(f"{unit}:{name}", 0.0) for unit in held.units]
            both[f"unit_charge_{name}"] = where_held(draft, held, given)
    return both, extra


def stable_charge(draft: Draft, held: Holdings) -> Figure:
    """What hedges a contract by one of another currency of account, in marginal tiers.

    Of every unit: half of (sum over currencies of |net delta| - |net delta of all|); contracts
    that settle in coin are accounted for in its dollar price, as one currency.
    """
    rules, x = draft.subject.rules, held.instruments
    shape = draft.shape(held.contracts, (np.where(x.inverse, -1, x.currency),))
    (currencies,) = shape.levels
    level = level_of(currencies, sets=2, loss=np.array([[1.0], [-1.0]]))
    columns = {"net_of_all": held.contracts, "net_of_each": held.contracts}
    found = draft.each(draft.tree(shape, level), Measure.DELTA, columns, [0, 1])
    net = found["net_of_all"]
    hedged = (found["net_of_each"] - net.at_least(net * -1.0)) * 0.5
    due, before = draft.constant(0.0), 0.0
    pairs = (rules.numbers(f"stable_charge.{name}") for name in ("start", "rate"))
    for start, rate in zip(*pairs, strict=True):
        due = due + (hedged - start).at_least(0.0) * (rate - before)
        before = rate
    return due


def further(draft: Draft, held: Holdings) -> dict[str, tuple[Figure, Figure]]:
    """Charges that no factor touches: (maintenance, initial)."""
    rules = draft.subject.rules
    found: dict[str, tuple[Figure, Figure]] = {}
    if rules.has("oracle"):
        found["oracle"] = (draft.constant(0.0), _oracle(draft, held))
    if rules.has("provision"):
        due = draft.constant(0.0)
        for name, rows in (("fee", held.contracts), ("funding", held.perpetuals)):
            rate = rules.number(f"provision.{name}")
            if rate:  # what costs nothing is not counted
                due = due + gross(draft, held, rows, name) * rate
        found["provision"] = (due, due)
    if rules.has("borrow"):
        found["borrow"] = borrowed(draft)
    return found


def depeg(rules: Rules, held: Holdings) -> float:
    """What the initial factor gains while the stablecoin trades below its threshold."""
    if not rules.has("peg"):
        return 0.0
    short = max(0.0, rules.number("peg.threshold") - held.state.stable)
    return short * rules.number("peg.factor")


def gross(draft: Draft, held: Holdings, rows: Bool, name: str) -> Figure:
    """Sum of |quantity| at the spot over these rows."""
    tree, column = contracts_of(draft, held), {f"gross_{name}": rows}
    return draft.each(tree, Measure.NOTIONAL, column, gross=True)[f"gross_{name}"]


def minimum(draft: Draft, held: Holdings) -> Figure:
    """rate times the gross delta, in marginal tiers: what lies in a tier counts so many times."""
    rules = draft.subject.rules
    start, multiple = rules.numbers("minimum.start"), rules.numbers("minimum.multiple")
    shape = draft.shape(held.contracts, ())
    (markets,) = shape.levels
    counted = marginal(start, multiple, below=1.0)
    tiers = (counted.rest,) * markets.row.size if counted.rest else ()
    level = level_of(markets, gain=counted.gain, tiers=tiers)
    column = {"minimum": _by_market(draft, held, "minimum") * held.contracts}
    return draft.each(draft.tree(shape, level), Measure.DELTA, column, gross=True)["minimum"]


def _by_market(draft: Draft, held: Holdings, section: str) -> Float:
    """The rate of every row's unit."""
    rules = draft.subject.rules
    table, other = rules.table(f"{section}.rate"), rules.number(f"{section}.other")
    rates = np.array([table.get(u, other) for u in held.units], dtype=np.float64)
    return rates[held.unit] if rates.size else np.zeros(held.unit.size)


def _naked(draft: Draft, held: Holdings) -> Figure:
    """Options sold short at a strike of an expiry beyond those held there, calls and puts together,
    at the spot."""
    x = held.instruments
    shape = draft.shape(held.options, (x.expiry, x.strike))
    (strikes,) = shape.levels
    tree = draft.tree(shape, level_of(strikes, gain=0.0, loss=-1.0))
    return draft.each(tree, Measure.NOTIONAL, {"naked": held.options})["naked"]


def _rates(rules: Rules, held: Holdings, name: str) -> Float:
    """The charge on every balance, by MARKET:ASSET, else by ASSET."""
    table = rules.table(f"collateral_charge.{name}")
    other = rules.number(f"collateral_charge.other_{name}")
    x = held.instruments
    out = np.zeros(held.unit.size)
    for row in np.flatnonzero(held.balances).tolist():
        asset, market = x.underlyings[x.underlying[row]], held.units[held.unit[row]]
        if asset in rules.par:
            continue
        out[row] = table.get(f"{market}:{asset}", table.get(asset, other))
    return out


def _oracle(draft: Draft, held: Holdings) -> Figure:
    """(1 - confidence) * charge of what rests on a price that is not trusted.

    A market's confidence is that of its spot, and that of its perpetual too where one is held: of
    several perpetuals of a market the least trusted, though an account may hold another.
    """
    rules, state = draft.subject.rules, held.state
    spot = held.quote(state.spot_confidence)
    expiry = np.minimum(spot, held.quote(state.expiry_confidence))
    mark = _of_unit(held, held.quote(state.mark_confidence), held.perpetuals)
    own = rules.text("oracle.collateral") == "own"

    def weight(confidence: Float, rows: Bool) -> Float:
        low = confidence < rules.number("oracle.threshold")
        return np.where(rows & low, (1.0 - confidence) * rules.number("oracle.charge"), 0.0)

    contracts = weight(expiry, held.options)
    own_mark = np.minimum(spot, held.quote(state.mark_confidence))
    with_perpetual = weight(np.minimum(expiry, mark), held.options)
    with_perpetual = with_perpetual + weight(own_mark, held.perpetuals)
    market = np.minimum(spot, _spot_of_unit(held))
    balances = weight(market, held.balances & ~_par(held, rules))
    if not own:
        market = np.minimum(market, mark)
    with_both = weight(market, held.balances & ~_par(held, rules))
    low, high = draft.each(
        contracts_of(draft, held),
        Measure.NOTIONAL,
        {"oracle": contracts, "oracle_with_perpetual": with_perpetual},
        gross=True,
    ).values()
    measure = Measure.VALUE if own else Measure.NOTIONAL
    low_cash, high_cash = draft.each(
        balances_of(draft, held),
        measure,
        {"oracle_collateral": balances, "oracle_collateral_with_perpetual": with_both},
    ).values()
    has = gross(draft, held, held.perpetuals, "perpetual").above(0.0)
    low, high = low + low_cash, high + high_cash
    return low + has * (high - low)


def _of_unit(held: Holdings, confidence: Float, rows: Bool) -> Float:
    """The least confidence of these rows in the unit of every row, 1 where there is none."""
    least = np.ones(len(held.units))
    np.minimum.at(least, held.unit[rows], confidence[rows])
    return least[held.unit] if least.size else confidence


def _spot_of_unit(held: Holdings) -> Float:
    """The confidence in the spot of every row's market."""
    found = np.array([held.state.trust.get(unit, 1.0) for unit in held.units])
    return found[held.unit] if found.size else np.zeros(0)


def _par(held: Holdings, rules: Rules) -> Bool:
    x = held.instruments
    par = np.array([name in rules.par for name in x.underlyings], dtype=np.bool_)
    return par[x.underlying] if par.size else np.zeros(0, dtype=np.bool_)
