"""Decides what Deribit's margin of a few contracts is by naive formulas, for tests to compare with.

Amounts in USD, moves and vols in decimals. Of the library only the rule book is read and books are
built. Formulas: docs/methods/deribit.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import riskslide as rs

AS_OF = "2026-02-05T12:00:00Z"
INDEX = {"BTC": 70_000.0, "ETH": 2_000.0}
SPOT = INDEX | {"STETH": 1_990.0, "DOGE": 0.1}


class Contract(NamedTuple):
    """days: to the expiry, None for a perpetual; price: the forward, or the mark; vol: options."""

    name: str
    coin: str
    days: float | None
    price: float
    strike: float = 0.0
    is_call: bool = False
    vol: float = 0.0

    @property
    def is_option(self) -> bool:
        return self.strike > 0

    @property
    def expiry(self) -> str | None:
        if self.days is None:
            return None
        return (datetime.fromisoformat(AS_OF) + timedelta(days=self.days)).isoformat()


CONTRACTS = {
    c.name: c
    for c in (
        Contract("BTC-HOUR-C", "BTC", 1.0 / 24.0, 70_010.0, 70_500.0, True, 0.9),
        Contract("BTC-22D-80-C", "BTC", 22.0, 70_300.0, 80_000.0, True, 0.55),
        Contract("BTC-22D-60-P", "BTC", 22.0, 70_300.0, 60_000.0, False, 0.62),
        Contract("BTC-22D-FUT", "BTC", 22.0, 70_310.0),
        Contract("BTC-141D-100-C", "BTC", 141.0, 71_500.0, 100_000.0, True, 0.5),
        Contract("BTC-141D-65-P", "BTC", 141.0, 71_500.0, 65_000.0, False, 0.21),
        Contract("BTC-660D-200-C", "BTC", 660.0, 75_000.0, 200_000.0, True, 0.6),
        Contract("BTC-660D-FUT", "BTC", 660.0, 75_100.0),
        Contract("BTC-PERPETUAL", "BTC", None, 70_020.0),
        Contract("ETH-22D-18-P", "ETH", 22.0, 2_006.0, 1_800.0, False, 0.8),
        Contract("ETH-141D-30-C", "ETH", 141.0, 2_030.0, 3_000.0, True, 0.75),
        Contract("ETH-PERPETUAL", "ETH", None, 2_001.0),
    )
}
NAMES = list(CONTRACTS)

Held = Mapping[str, float]  # contract units by name
Column = tuple[float, str, bool]  # move, vol state, whether it is a far move


# --- books ----------------------------------------------------------------------------------------


def instruments(contracts: Iterable[Contract] = tuple(CONTRACTS.values())) -> rs.Instruments:
    rows = list(contracts)
    kinds = ["option" if c.is_option else "future" if c.days else "perpetual" for c in rows]
    return rs.Instruments.from_columns(
        name=[c.name for c in rows],
        kind=kinds,
        underlying=[c.coin for c in rows],
        expiry=[c.expiry for c in rows],
        strike=[c.strike for c in rows],
        option_type=["call" if c.is_call else "put" if c.is_option else "" for c in rows],
        settlement="inverse",
        lot=[0.1 if c.is_option else 10.0 for c in rows],
    )


def market(contracts: Iterable[Contract] = tuple(CONTRACTS.values()), **more: Any) -> rs.Market:
    rows = list(contracts)
    return rs.Market.of(
        AS_OF,
        spot=SPOT,
        forward={c.name: c.price for c in rows if c.is_option},
        mark={c.name: c.price for c in rows if not c.is_option},
        vol={c.name: c.vol for c in rows if c.is_option},
        **more,
    )


Book = Mapping[str, Held]  # by account
Orders = Sequence[tuple[str, str, float]]  # account, instrument, quantity


def book(
    held: Book,
    *,
    orders: Orders = (),
    balances: Mapping[str, Held] | None = None,
    contracts: Iterable[Contract] = tuple(CONTRACTS.values()),
) -> rs.Portfolio:
    positions = [(a, name, q) for a, mine in held.items() for name, q in mine.items()]
    owned = [(a, s, x) for a, mine in (balances or {}).items() for s, x in mine.items()]
    return rs.Portfolio.from_columns(
        instruments(contracts),
        account=[a for a, _, _ in positions],
        instrument=[name for _, name, _ in positions],
        quantity=[q for _, _, q in positions],
        balance_account=[a for a, _, _ in owned],
        balance_asset=[s for _, s, _ in owned],
        balance_amount=[x for _, _, x in owned],
        order_account=[a for a, _, _ in orders],
        order_instrument=[name for _, name, _ in orders],
        order_quantity=[q for _, _, q in orders],
    )


def rules_of(preset: str, changes: Mapping[str, Any] | None = None) -> rs.Rulebook:
    """A preset with values of its own at some keys."""
    rules = rs.load_rulebook(preset)
    held = dict(rules.parameters)
    new = {key: replace(held[key], value=value) for key, value in (changes or {}).items()}
    return replace(rules, parameters=held | new)


# --- one contract ---------------------------------------------------------------------------------


def normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def black76(c: Contract, forward: float, vol: float) -> tuple[float, float]:
    """Value in USD and delta by the forward, undiscounted."""
    assert c.days is not None
    side = 1.0 if c.is_call else -1.0
    deviation = vol * math.sqrt(c.days / 365.0)
    if deviation == 0.0:
        inside = side * (forward - c.strike) > 0
        return max(side * (forward - c.strike), 0.0), side * float(inside)
    d1 = math.log(forward / c.strike) / deviation + deviation / 2.0
    d2 = d1 - deviation
    value = side * (forward * normal(side * d1) - c.strike * normal(side * d2))
    return value, side * normal(side * d1)


def vol_in(rules: rs.Rulebook, c: Contract, state: str) -> float:
    assert c.days is not None
    power = rules.number("vol.short_power" if c.days < 30.0 else "vol.long_power")
    reach = (30.0 / c.days) ** power
    if state == "up":
        moved = c.vol * (1.0 + rules.number("vol.range_up") * reach)
        return max(moved, rules.number("vol.min_up"))
    if state == "down":
        return max(c.vol * (1.0 - rules.number("vol.range_down") * reach), 0.0)
    return c.vol


def gain(rules: rs.Rulebook, c: Contract, column: Column) -> float:
    """Coins that one contract unit gains."""
    move, state, _ = column
    if not c.is_option:
        return move / (1.0 + move) / c.price
    by_forward = rules.text("coin.option_divisor") == "forward"
    over = c.price if by_forward else INDEX[c.coin]
    moved, _ = black76(c, c.price * (1.0 + move), vol_in(rules, c, state))
    now, _ = black76(c, c.price, c.vol)
    return moved / (over * (1.0 + move)) - now / over


def delta(c: Contract) -> float:
    """Coins of delta of one contract unit."""
    return black76(c, c.price, c.vol)[1] if c.is_option else 1.0 / c.price


# --- one scenario ---------------------------------------------------------------------------------


def columns(rules: rs.Rulebook) -> list[Column]:
    reach, steps = rules.number("matrix.price_range"), rules.whole("matrix.price_steps")
    near = [
        (reach * k / steps, state, False)
        for k in range(-steps, steps + 1)
        for state in ("down", "same", "up")
    ]
    return near + [(move, "up", True) for move in rules.numbers("extended.moves")]


def edge(rules: rs.Rulebook, move: float) -> float:
    return 1.0 + math.copysign(rules.number("matrix.price_range"), move)


def rate(rules: rs.Rulebook, column: Column) -> float:
    """What a coin is worth in the scenario, over what it is worth now."""
    move, _, far = column
    if rules.text("coin.rate") == "index":
        return 1.0
    return edge(rules, move) if far else 1.0 + move


def weight(rules: rs.Rulebook, column: Column) -> float:
    move, _, far = column
    if not far:
        return 1.0
    factor = rules.number("extended.factor") * rules.number("matrix.price_range") / abs(move)
    return factor * (1.0 + move) / edge(rules, move)


def dampener(rules: rs.Rulebook, column: Column) -> float:
    move, _, far = column
    if not far:
        return 0.0
    ranges = max(abs(move) / rules.number("matrix.price_range"), 1.0) - 1.0
    return ranges * rules.number("extended.dampener") / edge(rules, move) * rate(rules, column)


# --- one account ----------------------------------------------------------------------------------


class Figures(NamedTuple):
    """A pool's column sums with what holds it, and the parts of its requirement."""

    columns: list[float]
    filled: list[float]
    roll_shock: float
    delta_shock: float

    @property
    def worst(self) -> float:
        return max(-min(self.columns), 0.0)

    @property
    def risk_matrix(self) -> float:
        return self.worst + self.roll_shock + self.delta_shock

    @property
    def initial(self) -> float:
        return self.risk_matrix + max(-min(self.filled), 0.0) - self.worst


def pool(
    rules: rs.Rulebook, coins: Iterable[str], held: Held, orders: Sequence[tuple[str, float]] = ()
) -> Figures:
    """One pool that nets the nodes of these coins."""
    sides: dict[tuple[str, bool], float] = {}
    for name, quantity in orders:
        sides[name, quantity > 0] = sides.get((name, quantity > 0), 0.0) + quantity
    sums: list[tuple[float, float]] = []
    for column in columns(rules):
        alone = filled = 0.0
        for coin in coins:
            usd = INDEX[coin] * weight(rules, column) * rate(rules, column)
            x = usd * sum(q * gain(rules, CONTRACTS[n], column) for n, q in of(held, coin))
            mine = [(n, q) for (n, _), q in sides.items() if CONTRACTS[n].coin == coin]
            losing = [min(usd * q * gain(rules, CONTRACTS[n], column), 0.0) for n, q in mine]
            alone += counted(rules, column, x)
            filled += counted(rules, column, x + sum(losing))
        sums.append((alone, filled))
    return Figures(
        [a for a, _ in sums],
        [f for _, f in sums],
        sum(roll_shock(rules, held, coin) for coin in coins),
        sum(delta_shock(rules, held, coin) for coin in coins),
    )


def of(held: Held, coin: str) -> list[tuple[str, float]]:
    return [(name, q) for name, q in held.items() if CONTRACTS[name].coin == coin]


def counted(rules: rs.Rulebook, column: Column, x: float) -> float:
    """What the P&L of a node counts after dampener and offset."""
    y = math.copysign(max(abs(x) - dampener(rules, column), 0.0), x)
    most = rules.number("netting.max_offsetable")
    return min(rules.number("netting.pnl_offset") * y, most) if y >= 0 else y


def roll_shock(rules: rs.Rulebook, held: Held, coin: str) -> float:
    buckets: dict[float | None, float] = {}
    for name, q in of(held, coin):
        c = CONTRACTS[name]
        buckets[c.days] = buckets.get(c.days, 0.0) + q * delta(c)
    total = 0.0
    for days, coins in buckets.items():
        least = rules.number("roll.minimum")
        grown = math.expm1(rules.number("roll.annualised_move") * (days or 0.0) / 365.0)
        total += abs(coins) * INDEX[coin] * (least if days is None else max(grown, least))
    return total


def delta_shock(rules: rs.Rulebook, held: Held, coin: str) -> float:
    long = other = 0.0
    for name, q in of(held, coin):
        c = CONTRACTS[name]
        if c.is_option and q > 0:
            long += q * delta(c)
        else:
            other += q * delta(c)
    both = long + other
    net = min(max(both, other), 0.0) if other < 0 else max(min(both, other), 0.0)
    size = abs(net) * INDEX[coin]
    charge = max(size - rules.number("delta_shock.threshold"), 0.0)
    charge *= rules.number("delta_shock.slope")
    return min(charge, rules.number("delta_shock.maximum") * size)
