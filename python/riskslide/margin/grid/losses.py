"""Decides the losses that compete with each other: scenarios, basis, far moves, least delta."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ... import _core
from ...book.columns import Bool, Float
from ...errors import refuse
from ...market.state import Payoff
from ...rules import Rules
from ...scenario.grid import ROTATIONS, columns_of
from ..draft import Draft, Figure, level_of
from ..program import Measure
from .holdings import Holdings

EXPIRY, SINGLE, ORDER = range(3)  # what nets in a leaf: options of one expiry, one row, one order


def worst_scenario(draft: Draft, held: Holdings, *, filled: bool = False) -> Figure:
    """The loss of the worst scenario; `filled`: with every order filled that loses in it."""
    rules = draft.subject.rules
    weights = np.array(rules.numbers("grid.weights"))
    tree, sets = _scenario_tree(draft, held, filled)
    name = "orders" if filled else "scenarios"
    return draft.worst(name, tree, 0, weights.size, factor=weights, fold_set=sets)


def competing(draft: Draft, held: Holdings) -> dict[str, Figure]:
    """The losses that compete with the worst scenario: the largest of all counts."""
    rules = draft.subject.rules
    parts = [c.part for c in columns_of(rules)]
    found: dict[str, Figure] = {}
    if rules.has("basis"):
        found["basis"] = _basis(draft, held, parts.index("basis"))
    if rules.has("extreme"):
        share = np.full(parts.count("extreme"), rules.number("extreme.share"))
        first, tree = parts.index("extreme"), _plain_tree(draft, held, held.contracts)
        found["extreme"] = draft.worst("extreme", tree, first, share.size, factor=share)
    if rules.has("delta_minimum"):
        found["delta_minimum"] = _delta_minimum(draft, held)
    if rules.has("unit_loss"):
        amounts = rules.table("unit_loss.amounts")
        given = [amounts.get(unit, 0.0) for unit in held.units]
        found["unit_loss"] = where_held(draft, held, given)
    return found


def in_turn(worst: Figure, competitors: dict[str, Figure]) -> dict[str, Figure]:
    """By how much each exceeds all before it, so that they add up to the largest."""
    found, largest = {"scenarios": worst}, worst
    for name, figure in competitors.items():
        found[name] = (figure - largest).at_least(0.0)
        largest = largest.at_least(figure)
    return found


def where_held(draft: Draft, held: Holdings, amounts: Sequence[float]) -> Figure:
    """An amount of every unit, 0 where no contract of it is held."""
    if not any(amounts):
        return draft.constant(0.0)
    if "held" not in draft.known:
        tree = contracts_of(draft, held)
        lots = draft.each(tree, Measure.ONE, {"held": held.contracts}, gross=True)["held"]
        draft.known["held"] = lots.above(0.0).place
    return Figure(draft, draft.known["held"]) * amounts


def contracts_of(draft: Draft, held: Holdings) -> int:
    """The tree in which the contracts of a unit stand as they are."""
    if "contracts" not in draft.known:
        draft.known["contracts"] = draft.tree(draft.shape(held.contracts))
    return draft.known["contracts"]


def _plain_tree(draft: Draft, held: Holdings, inside: Bool) -> int:
    """A tree that nets all of these rows in their unit."""
    by_index = _over_index(draft, held)
    if by_index is None:
        return draft.tree(draft.shape(inside))
    shape = draft.shape(inside, (np.where(held.options, -1, held.rank),))
    (rows,) = shape.levels
    return draft.tree(shape, level_of(rows, scale=by_index[rows.row]))


def _over_index(draft: Draft, held: Holdings) -> Float | None:
    """Index over the price of every linear future and perpetual, 1 for other rows; None where
    moves are fractions of a contract's own price.

    The change of such a contract is linear in the move: times this it is the move of the index.
    """
    rules = draft.subject.rules
    if not rules.has("moves") or rules.text("moves.of") == "price":
        return None
    price = held.quote(held.state.price * held.state.fx)
    linear = ((held.state.payoff == Payoff.MARGINED) & ~held.state.inverse)[held.source]
    if (linear & (price <= 0)).any():
        row = int(np.flatnonzero(linear & (price <= 0))[0])
        name, fix = held.instruments.name[row], "must be > 0 where moves are of the index"
        refuse("E_DOMAIN_FORWARD", "mark", None, name, fix)
    return np.where(linear, held.quote(held.state.index) / np.where(linear, price, 1.0), 1.0)


def largest(worst: Figure, competitors: dict[str, Figure]) -> Figure:
    """The largest of all."""
    for figure in competitors.values():
        worst = worst.at_least(figure)
    return worst


def _scenario_tree(draft: Draft, held: Holdings, filled: bool) -> tuple[int, np.ndarray]:
    """The tree of the scenarios and the set of folds of every column.

    The net value of an expiry counts less where it is a gain and more where it is a loss; what a
    rotation of the smile does to an expiry counts as a loss in every expiry separately.
    """
    rules = draft.subject.rules
    states = rules.texts("grid.vols")
    turned = np.array([v in ROTATIONS for v in states])
    discounted = rules.has("gain_discount") or rules.has("loss_premium")
    inside = held.moving | (held.orders if filled else False)
    plain = np.zeros(0, dtype=np.int32)
    if not (discounted or turned.any() or (filled and held.orders.any())):
        return _plain_tree(draft, held, inside), plain
    by_index = _over_index(draft, held)
    scale = np.ones(held.unit.size) if by_index is None else by_index
    kind = np.where(held.options, EXPIRY, np.where(held.orders, ORDER, SINGLE))
    expiry = np.where(held.options, held.instruments.expiry, 0)
    own = np.where(held.orders | (scale != 1.0), held.rank + 1, 0)  # 0: the node that is shared
    shape = draft.shape(inside, (kind, expiry, own))
    (leaves,) = shape.levels
    gain, loss = discounts(rules, held)
    by_expiry = held.options[leaves.row]
    order = held.orders[leaves.row]
    rotated = np.stack([np.zeros_like(by_expiry), by_expiry])
    level = level_of(
        leaves,
        sets=2,
        gain=np.where(by_expiry, gain[leaves.row], np.where(order, 0.0, 1.0)),
        loss=np.where(by_expiry, loss[leaves.row], 1.0),
        scale=scale[leaves.row],
        biased=by_expiry & discounted,
        against=rotated,
    )
    return draft.tree(shape, level), turned.astype(np.int32)


def discounts(rules: Rules, held: Holdings) -> tuple[Float, Float]:
    """What counts of the shocked net value of a row's expiry, where it is >= 0 and where it is < 0;
    1 where it has expired.

    base exp(-(rate r + add) years) of a gain; min(base exp((rate r + add) years), exp(r years)) of
    a loss, so that it never counts more than undiscounted.
    """
    years, rate = held.years, np.maximum(held.quote(held.state.rate), 0.0)
    gain, loss = np.ones(years.size), np.ones(years.size)
    live = years > 0

    def grown(section: str, sign: float) -> Float:
        slope = rules.number(f"{section}.rate") * rate + rules.number(f"{section}.add")
        return rules.number(f"{section}.base") * _core.exponential(sign * slope * years)

    if rules.has("gain_discount"):
        gain = np.where(live, grown("gain_discount", -1.0), 1.0)
    if rules.has("loss_premium"):
        most = _core.exponential(rate * years)
        loss = np.where(live, np.minimum(grown("loss_premium", 1.0), most), 1.0)
    return gain, loss


def _basis(draft: Draft, held: Holdings, first: int) -> Figure:
    """Every expiry apart: the loss of its options as the forward moves, times add + per_year T."""
    rules = draft.subject.rules
    shape = draft.shape(held.options, (held.instruments.expiry,))
    (leaves,) = shape.levels
    factor = rules.number("basis.add") + rules.number("basis.per_year") * held.years
    level = level_of(leaves, scale=factor[leaves.row], worst=True)
    return draft.worst("basis", draft.tree(shape, level), first, 2)


def _delta_minimum(draft: Draft, held: Holdings) -> Figure:
    """net |net delta| + hedged (gross delta - |net delta|) / 2, at the spot."""
    rules = draft.subject.rules
    price = held.quote(np.where(held.state.inverse, 1.0, held.state.price) * held.state.fx)
    index = held.quote(held.state.index)  # where a contract settles in coin, its rate of exchange
    at_spot = np.where(held.contracts & (price != 0), index / np.where(price != 0, price, 1.0), 0.0)
    tree = contracts_of(draft, held)
    found = draft.each(tree, Measure.DELTA, {"net_delta": at_spot})
    found |= draft.each(tree, Measure.DELTA, {"gross_delta": at_spot}, gross=True)
    net = found["net_delta"].at_least(found["net_delta"] * -1.0)
    hedged = (found["gross_delta"] - net) * 0.5
    return net * rules.number("delta_minimum.net") + hedged * rules.number("delta_minimum.hedged")
