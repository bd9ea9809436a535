"""Decides what a rule book of `scenario-grid` asks for a few contracts, by naive formulas.

For rule books without a rotation, discounts, basis, oracle or peg, which the twin of Derive has
(tests/families/derive_reference.py). Of the library only the rule book is read and books are built.
Formulas: docs/methods/paradex.md, okx.md.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import riskslide as rs

AS_OF = "2026-02-05T12:00:00Z"
INDEX = {"BTC": 70_000.0, "ETH": 2_000.0, "SOL": 90.0}
MONEY = {"USDC": 1.0, "USDT": 0.9993}


class Contract(NamedTuple):
    """days: to the expiry, None for a perpetual; price: the forward, or the mark, in `currency`."""

    name: str
    coin: str
    days: float | None
    price: float
    currency: str = "USDC"
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

    @property
    def money(self) -> float:
        return MONEY[self.currency]

    def value(self, price: float, vol: float) -> float:
        """Of one contract in `currency`; nothing is discounted."""
        if not self.is_option:
            return price
        assert self.days is not None
        deviation = vol * math.sqrt(self.days / 365.0)
        if deviation == 0.0:
            return max((price - self.strike) * (1.0 if self.is_call else -1.0), 0.0)
        d1 = math.log(price / self.strike) / deviation + deviation / 2
        sign = 1.0 if self.is_call else -1.0
        forward, strike = (normal(sign * d) for d in (d1, d1 - deviation))
        return sign * (price * forward - self.strike * strike)

    @property
    def delta(self) -> float:
        """Coins that one contract is like."""
        if not self.is_option:
            return 1.0
        assert self.days is not None
        deviation = self.vol * math.sqrt(self.days / 365.0)
        d1 = math.log(self.price / self.strike) / deviation + deviation / 2
        return normal(d1) if self.is_call else normal(d1) - 1.0


def normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


CONTRACTS = {
    c.name: c
    for c in (
        Contract("BTC-PERP", "BTC", None, 70_020.0),
        Contract("BTC-PERP-T", "BTC", None, 70_055.0, "USDT"),
        Contract("BTC-22D-FUT", "BTC", 22.0, 70_310.0, "USDT"),
        Contract("BTC-HOUR-C", "BTC", 1.0 / 24.0, 70_010.0, strike=70_500.0, is_call=True, vol=0.9),
        Contract("BTC-22D-80-C", "BTC", 22.0, 70_300.0, strike=8e4, is_call=True, vol=0.55),
        Contract("BTC-22D-80-P", "BTC", 22.0, 70_300.0, strike=8e4, vol=0.55),
        Contract("BTC-22D-60-P", "BTC", 22.0, 70_300.0, strike=6e4, vol=0.62),
        Contract("BTC-141D-80-C", "BTC", 141.0, 71_500.0, strike=8e4, is_call=True, vol=0.5),
        Contract("ETH-PERP", "ETH", None, 2_001.0),
        Contract("ETH-22D-18-P", "ETH", 22.0, 2_006.0, strike=1_800.0, vol=0.8),
        Contract("SOL-PERP-T", "SOL", None, 90.2, "USDT"),
    )
}


class Position(NamedTuple):
    contract: Contract
    quantity: float
    entry: float | None = None

    @property
    def profit(self) -> float:
        """In the currency of the contract."""
        if self.entry is None or self.contract.is_option:
            return 0.0
        return self.quantity * (self.contract.price - self.entry)

    @property
    def delta(self) -> float:
        """In the reporting currency, at the contract's own price."""
        c = self.contract
        return self.quantity * c.delta * c.price * c.money


def portfolio(
    accounts: Mapping[str, Iterable[Position]],
    balances: Mapping[str, Mapping[str, float]] | None = None,
) -> rs.Portfolio:
    rows = [(name, p) for name, held in accounts.items() for p in held]
    cash = [(n, a, x) for n, held in (balances or {}).items() for a, x in held.items()]
    contracts = list(CONTRACTS.values()) + [
        c for c in dict.fromkeys(p.contract for _, p in rows) if c.name not in CONTRACTS
    ]
    return rs.Portfolio.from_columns(
        rs.Instruments.from_columns(
            name=[c.name for c in contracts],
            kind=[
                "option" if c.is_option else "perpetual" if c.days is None else "future"
                for c in contracts
            ],
            underlying=[c.coin for c in contracts],
            currency=[c.currency for c in contracts],
            expiry=[c.expiry for c in contracts],
            strike=[c.strike for c in contracts],
            option_type=[
                ("call" if c.is_call else "put") if c.is_option else "" for c in contracts
            ],
        ),
        account=[name for name, _ in rows],
        instrument=[p.contract.name for _, p in rows],
        quantity=[p.quantity for _, p in rows],
        entry_price=[p.entry for _, p in rows],
        balance_account=[row[0] for row in cash],
        balance_asset=[row[1] for row in cash],
        balance_amount=[row[2] for row in cash],
    )


def market(contracts: Iterable[Contract] = ()) -> rs.Market:
    known = {**CONTRACTS, **{c.name: c for c in contracts}}.values()
    return rs.Market.of(
        AS_OF,
        spot=INDEX | MONEY,
        forward={c.name: c.price for c in known if c.is_option},
        vol={c.name: c.vol for c in known if c.is_option},
        mark={c.name: c.price for c in known if not c.is_option},
    )


def margin(
    rules: rs.Rulebook, held: Iterable[Position], balances: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Both requirements of an account and the named parts of them."""
    positions = list(held)
    out: dict[str, float] = defaultdict(float)
    for coin in sorted({p.contract.coin for p in positions}):
        for name, amount in unit(rules, coin, [p for p in positions if p.contract.coin == coin]):
            out[name] += amount
    if rules.has("borrow"):
        of_currency: dict[str, float] = defaultdict(float)
        for asset, amount in (balances or {}).items():
            of_currency[asset] += amount
        for p in positions:
            of_currency[p.contract.currency] += p.profit
        debt = sum(max(0.0, -x) * (MONEY | INDEX)[a] for a, x in of_currency.items())
        for side in ("maintenance", "initial"):
            out[f"{side}.borrow"] = debt * rules.number(f"borrow.{side}")
    for side in ("maintenance", "initial"):
        out[side] = sum(x for n, x in out.items() if n.startswith(f"{side}."))
    return dict(out)


def unit(rules: rs.Rulebook, coin: str, held: list[Position]) -> Iterable[tuple[str, float]]:
    """Parts of both requirements of one underlying, as they add up."""
    covers = rules.text("margin.factor_covers") == "all"
    factors = {s: rules.number(f"margin.{s}_factor") for s in ("maintenance", "initial")}
    loss, static = losses(rules, coin, held), charges(rules, coin, held)
    largest, of_loss = 0.0, {}
    for name, amount in loss.items():
        of_loss[name] = max(0.0, amount - largest)
        largest = max(largest, amount)
    covered = largest + (sum(low for low, _ in static.values()) if covers else 0.0)
    short = max(0.0, minimum(rules, coin, held) - covered)
    stable = stable_charge(rules, held)
    for side, factor in factors.items():
        reach = factor if covers else 1.0
        for name, amount in of_loss.items():
            yield f"{side}.{name}", factor * amount
        for name, (low, more) in static.items():
            yield f"{side}.{name}", reach * low + (more if side == "initial" else 0.0)
        if rules.has("minimum"):
            yield f"{side}.minimum", factor * short
        if rules.has("stable_charge"):
            yield f"{side}.stable_charge", reach * stable
        if rules.has("provision"):
            traded, funded = gross(coin, held), gross(coin, held, perpetuals=True)
            due = rules.number("provision.fee") * traded
            yield f"{side}.provision", due + rules.number("provision.funding") * funded


def losses(rules: rs.Rulebook, coin: str, held: list[Position]) -> dict[str, float]:
    """The losses that compete, in the order in which parts name them."""
    moves = rules.lists("grid.moves_of").get(coin, rules.numbers("grid.moves"))
    grid = zip(moves, rules.texts("grid.vols"), rules.numbers("grid.weights"), strict=True)
    out = {"scenarios": max(0.0, *(-w * gained(rules, held, m, v) for m, v, w in grid))}
    if rules.has("extreme"):
        reach = rules.number("extreme.multiple") * max(map(abs, moves))
        reach = rules.table("extreme.moves").get(coin, reach)
        far = min(gained(rules, held, side * reach, "none") for side in (1, -1))
        out["extreme"] = max(0.0, -far * rules.number("extreme.share"))
    if rules.has("delta_minimum"):
        deltas = [p.quantity * p.contract.delta * INDEX[coin] for p in held]
        net = abs(sum(deltas))
        hedged = (sum(map(abs, deltas)) - net) / 2
        low, high = (rules.number(f"delta_minimum.{n}") for n in ("net", "hedged"))
        out["delta_minimum"] = low * net + high * hedged
    if rules.has("unit_loss"):
        out["unit_loss"] = rules.table("unit_loss.amounts").get(coin, 0.0)
    return out


def gained(rules: rs.Rulebook, held: list[Position], move: float, state: str) -> float:
    total = 0.0
    for p in held:
        c = p.contract
        if c.is_option:
            moved = c.value(c.price * (1 + move), shocked(rules, c, state)) - c.value(
                c.price, c.vol
            )
            total += p.quantity * c.money * moved
        elif rules.has("moves") and rules.text("moves.of") == "index":
            total += p.quantity * INDEX[c.coin] * move
        else:
            total += p.quantity * c.money * c.price * move
    return total


def shocked(rules: rs.Rulebook, c: Contract, state: str) -> float:
    if state == "none":
        return c.vol
    assert c.days is not None
    sign = 1.0 if state == "up" else -1.0
    least = rules.number("vol.min_up") if state == "up" else 0.0
    form = rules.text("vol.form")
    if form == "points":
        return max(c.vol + sign * rules.number(f"vol.range_{state}"), least)
    if form == "table":
        days, values = rules.numbers("vol_table.days"), rules.numbers(f"vol_table.{state}")
        reach = between(c.days, days, values)
    else:
        word = "short" if c.days <= 30 else "long"
        floored = max(c.days, rules.number("vol.floor_days"))
        reach = rules.number(f"vol.range_{state}")
        reach *= (30.0 / floored) ** rules.number(f"vol.{word}_power")
    return max(c.vol * max(1.0 + sign * reach, 0.0), least)


def between(x: float, knots: list[float], values: list[float]) -> float:
    if x <= knots[0]:
        return values[0]
    for k in range(1, len(knots)):
        if x <= knots[k]:
            share = (x - knots[k - 1]) / (knots[k] - knots[k - 1])
            return values[k - 1] + share * (values[k] - values[k - 1])
    return values[-1]


def charges(rules: rs.Rulebook, coin: str, held: list[Position]) -> dict[str, tuple[float, float]]:
    """Charges beside the loss: in both requirements, and what initial adds."""
    out: dict[str, tuple[float, float]] = {}

    def of(section: str, amount: float) -> None:
        low, more = (rules.number(f"{section}.{side}") for side in ("maintenance", "initial"))
        out[section] = (low * amount, more * amount)

    if rules.has("perpetual"):
        of("perpetual", gross(coin, held, perpetuals=True))
    if rules.has("future"):
        of("future", gross(coin, [p for p in held if not p.contract.is_option]))
    if rules.has("option"):
        strikes: dict[Any, float] = defaultdict(float)
        for p in held:
            if p.contract.is_option:
                strikes[p.contract.days, p.contract.strike] += p.quantity
        of("option", sum(max(0.0, -x) for x in strikes.values()) * INDEX[coin])
    if rules.has("basis_risk"):
        rate = rules.table("basis_risk.rate").get(coin, rules.number("basis_risk.other"))
        out["basis_risk"] = (rate * abs(sum(p.delta for p in held)), 0.0)
    if rules.has("unit_charge"):
        amounts = rules.table("unit_charge.amounts")
        for name in rules.texts("unit_charge.names"):
            out[f"unit_charge_{name}"] = (amounts.get(f"{coin}:{name}", 0.0), 0.0)
    return out


def gross(coin: str, held: list[Position], *, perpetuals: bool = False) -> float:
    counted = (p for p in held if not perpetuals or p.contract.days is None)
    return sum(abs(p.quantity) for p in counted) * INDEX[coin]


def minimum(rules: rs.Rulebook, coin: str, held: list[Position]) -> float:
    if not rules.has("minimum"):
        return 0.0
    rate = rules.table("minimum.rate").get(coin, rules.number("minimum.other"))
    raw = rate * sum(abs(p.delta) for p in held)
    return tiered(raw, rules.numbers("minimum.start"), rules.numbers("minimum.multiple"))


def stable_charge(rules: rs.Rulebook, held: list[Position]) -> float:
    if not rules.has("stable_charge"):
        return 0.0
    nets: dict[str, float] = defaultdict(float)
    for p in held:
        nets[p.contract.currency] += p.delta
    hedged = (sum(map(abs, nets.values())) - abs(sum(nets.values()))) / 2
    return tiered(hedged, rules.numbers("stable_charge.start"), rules.numbers("stable_charge.rate"))


def tiered(amount: float, start: list[float], gain: list[float]) -> float:
    """What lies between two starts counts by the gain of the lower one."""
    ends = [*start[1:], math.inf]
    return sum(
        g * max(0.0, min(amount, last) - first)
        for first, last, g in zip(start, ends, gain, strict=True)
    )
