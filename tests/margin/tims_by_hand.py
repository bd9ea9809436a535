"""Works TIMS out naively: dictionaries, one account and one point at a time, options by formula.

It shares nothing with the library but the numbers of the rule book.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import riskslide as rs
from riskslide.venue.load import rulebook_text
from riskslide.venue.rulebook import check

AS_OF = "2026-02-20T21:00:00Z"
EXPIRY = "2026-03-20T21:00:00Z"
YEARS = 28 / 365
RATE, YIELD = 0.04, 0.012
SPOT = {
    "SPX": 5_000.0,
    "SPY": 500.0,
    "SDS": 20.0,
    "NDX": 18_000.0,
    "QQQ": 440.0,
    "RUT": 2_000.0,
    "IWM": 200.0,
    "IBM": 180.0,
    "XYZ": 40.0,
}


@dataclass(frozen=True, slots=True)
class Leg:
    """A contract or a stock: what a random book is made of."""

    name: str
    kind: str
    underlying: str
    strike: float = 0.0
    is_call: bool = False
    vol: float = 0.0
    multiplier: float = 1.0

    def value(self, spot: float) -> float:
        """Of one unit, at a spot; a future is worth what it gains."""
        if self.kind == "option":
            return self.multiplier * black_scholes(spot, self.strike, self.vol, self.is_call)
        return self.multiplier * spot


def black_scholes(spot: float, strike: float, vol: float, is_call: bool) -> float:
    if spot == 0.0:
        return 0.0 if is_call else strike * math.exp(-RATE * YEARS)
    deviation = vol * math.sqrt(YEARS)
    forward = spot * math.exp((RATE - YIELD) * YEARS)
    d1 = math.log(forward / strike) / deviation + deviation / 2
    sign = 1.0 if is_call else -1.0

    def cdf(x: float) -> float:
        return math.erfc(-x / math.sqrt(2.0)) / 2.0

    inner = forward * cdf(sign * d1) - strike * cdf(sign * (d1 - deviation))
    return math.exp(-RATE * YEARS) * sign * inner


def universe() -> list[Leg]:
    """On every spot a stock, a future, a call and a put; an index has no stock."""
    legs = []
    for k, (name, spot) in enumerate(SPOT.items()):
        vol, index = 0.15 + 0.04 * k, name in ("SPX", "NDX", "RUT")
        legs += [] if index else [Leg(name, "spot", name)]
        legs.append(Leg(f"{name}-F", "future", name, multiplier=50.0))
        for side, strike in (("C", 1.04 * spot), ("P", 0.97 * spot)):
            legs.append(
                Leg(f"{name}-{side}", "option", name, strike, side == "C", vol, multiplier=100.0)
            )
    return legs


LEGS = {leg.name: leg for leg in universe()}
INSTRUMENTS = rs.Instruments.from_columns(
    name=list(LEGS),
    kind=[leg.kind for leg in LEGS.values()],
    underlying=[leg.underlying for leg in LEGS.values()],
    expiry=[None if leg.kind == "spot" else EXPIRY for leg in LEGS.values()],
    strike=[leg.strike for leg in LEGS.values()],
    option_type=["call" if leg.is_call else "put" for leg in LEGS.values()],
    multiplier=[leg.multiplier for leg in LEGS.values()],
    lot=1.0,
)
MARKET = rs.Market.of(
    AS_OF,
    spot=SPOT,
    mark={leg.name: SPOT[leg.underlying] for leg in LEGS.values() if leg.kind == "future"},
    vol={leg.name: leg.vol for leg in LEGS.values() if leg.kind == "option"},
    rate=dict.fromkeys(SPOT, RATE),
    dividend_yield=dict.fromkeys(SPOT, YIELD),
)

Held = Sequence[tuple[str, float]]  # instrument, quantity


def book(*accounts: Held, orders: Held = (), cash: float = 0.0) -> rs.Portfolio:
    """Accounts "a", "b", ...; orders and cash are those of "a"."""
    rows = [("abcdefgh"[k], *leg) for k, held in enumerate(accounts) for leg in held]
    return rs.Portfolio.from_columns(
        INSTRUMENTS,
        account=[r[0] for r in rows],
        instrument=[r[1] for r in rows],
        quantity=[r[2] for r in rows],
        order_account=["a"] * len(orders),
        order_instrument=[name for name, _ in orders],
        order_quantity=[quantity for _, quantity in orders],
        balance_account=["a"],
        balance_asset=["USD"],
        balance_amount=[cash],
    )


def rules(without: Sequence[str] = (), **values: Any) -> rs.Rulebook:
    """occ-cpm less some sections, with values of SECTION__KEY."""
    raw = tomllib.loads(rulebook_text("occ-cpm"))
    for section in without:
        raw.pop(section, None)
    for key, value in values.items():
        section, _, parameter = key.partition("__")
        entry = {"value": value, "status": "chosen", "source": "test", "date": date(2026, 1, 1)}
        raw.setdefault(section, {})[parameter] = entry
    return check(raw, "test")


class Group(NamedTuple):
    """A portfolio group: P at every point, its requirement and its minimum."""

    points: list[float]
    requirement: float
    minimum: float

    @property
    def margin(self) -> float:
        return max(self.requirement, self.minimum)


def groups(held: Held, rulebook: rs.Rulebook, orders: Held = ()) -> dict[str, Group]:
    """Every portfolio group of an account; with orders, all that lose filled."""
    p: dict[str, Any] = {key: x.value for key, x in rulebook.parameters.items()}
    net: dict[str, float] = {}
    for name, quantity in held:
        net[name] = net.get(name, 0.0) + quantity
    sides: dict[tuple[str, bool], float] = {}
    for name, quantity in orders:
        sides[name, quantity > 0] = sides.get((name, quantity > 0), 0.0) + quantity
    steps = [*range(-p["points.steps"], 0), *range(1, p["points.steps"] + 1)]
    found: dict[str, Group] = {}
    names = {LEGS[n].underlying for n in [*net, *(n for n, _ in sides)]}
    for portfolio in sorted({place(u, p)[2] for u in names}):
        points = [of_portfolio(portfolio, point(step, net, sides, p), p) for step in steps]
        least = 0.0
        for name, quantity in [*net.items(), *((n, x) for (n, _), x in sides.items())]:
            if place(LEGS[name].underlying, p)[2] == portfolio:
                least += minimum(LEGS[name], quantity, p)
        found[portfolio] = Group(points, max(0.0, -min(points)), least)
    return found


def place(underlying: str, p: dict[str, Any]) -> tuple[str, str, str]:
    """Class, product and portfolio group; one of its own where none is named."""
    group = p["groups.class"].get(underlying, underlying)
    product = p["groups.product"].get(group, group)
    return group, product, p["groups.portfolio"].get(product, product)


def point(
    step: int, net: dict[str, float], sides: dict[tuple[str, bool], float], p: dict[str, Any]
) -> dict[str, float]:
    """What every class group gains at one point."""
    gains: dict[str, float] = {}
    for name, quantity in net.items():
        group = place(LEGS[name].underlying, p)[0]
        gains[group] = gains.get(group, 0.0) + quantity * move(LEGS[name], step, p)
    for (name, _), quantity in sides.items():
        group = place(LEGS[name].underlying, p)[0]
        gains[group] = gains.get(group, 0.0) + min(quantity * move(LEGS[name], step, p), 0.0)
    return gains


def move(leg: Leg, step: int, p: dict[str, Any]) -> float:
    """What one unit gains at one point."""
    spot, group = SPOT[leg.underlying], place(leg.underlying, p)[0]
    kind = p["points.kind"].get(group, p["points.kind_other"])
    end = p["points.low" if step < 0 else "points.high"][kind]
    far = p["points.leverage"].get(leg.underlying, 1.0) * end * abs(step) / p["points.steps"]
    return leg.value(max(spot * (1 + far), 0.0)) - leg.value(spot)


def of_portfolio(portfolio: str, gains: dict[str, float], p: dict[str, Any]) -> float:
    """P of a portfolio group from what its class groups gain."""
    products: dict[str, dict[str, float]] = {}
    for group, gain in gains.items():
        _, product, above = place(group, p)
        if above == portfolio:
            products.setdefault(product, {})[group] = gain
    of_products = []
    for product, inside in products.items():
        part = p["groups.product_offset"].get(product, 1.0)
        of_products.append(offset(list(inside.values()), part))
    return offset(of_products, p["groups.portfolio_offset"].get(portfolio, 1.0))


def offset(gains: list[float], part: float) -> float:
    """P = f G - L."""
    return part * sum(x for x in gains if x > 0) - sum(-x for x in gains if x < 0)


def minimum(leg: Leg, quantity: float, p: dict[str, Any]) -> float:
    """So much a unit, a contract worth less capping its longs where the rule book says so."""
    if leg.kind == "spot":
        return 0.0
    charge = p["minimum.per_unit"] * leg.multiplier
    if p["minimum.long_cap"] == "value" and leg.kind == "option" and quantity > 0:
        charge = min(charge, leg.value(SPOT[leg.underlying]))
    return abs(quantity) * charge
