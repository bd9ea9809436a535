"""Guards the steps of SPAN: random books agree with a naive calculation (R-SPAN)."""

from __future__ import annotations

import functools
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pytest
from margin.span_by_hand import Between, Contract, Margin, Rules, Within, margin_of

import riskslide as rs
from riskslide.margin.reference import evaluate
from riskslide.venue.load import rulebook_of

PRICE = [0, 0, 1 / 3, 1 / 3, -1 / 3, -1 / 3, 2 / 3, 2 / 3, -2 / 3, -2 / 3, 1, 1, -1, -1, 2, -2]
VOL = [1, -1] * 7 + [0, 0]
WEIGHT = [1.0] * 14 + [0.33, 0.33]
PAIR = [2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 15, 16]
AS_OF = "2027-01-04T12:00:00Z"
STARTS = [20270301, 20270501, 20270901]
MONTHS = {202702: -1, 202703: 0, 202704: 0, 202705: 1, 202707: 1, 202709: 2, 202712: 2}
NAMES = ("A", "B", "C")

PLAIN: dict[str, Any] = {
    "reporting.currency": "USD",
    "reporting.par": ["USD"],
    "market.max_age_seconds": 3600.0,
    "collateral.haircut": {"USD": 0.0},
    "collateral.haircut_other": 1.0,
    "commodity.of": {},
    "scan.unit": "currency",
    "scan.days": [0.0],
    "scan.price_range": {"*": [1.0]},
    "scan.vol_unit": "relative",
    "scan.vol_range": {"*": [0.25]},
    "scenarios.price": PRICE,
    "scenarios.vol": VOL,
    "scenarios.weight": WEIGHT,
    "scenarios.pair": PAIR,
    "scenarios.time": [1, 2],
    "scenarios.look_ahead_days": 1.0,
    "delta.points": [0.0],
    "delta.weights": [1.0],
    "delta.unit": {},
    "tiers.by": "date",
    "tiers.starts": {"*": STARTS},
    "tiers.net": "month",
    "options.futures_style": [],
    "margin.initial_factor": 1.0,
}


def rulebook(values: dict[str, Any], name: str = "made") -> rs.Rulebook:
    source = {"source": "this test", "day": date(2027, 1, 1), "status": "chosen"}
    return rulebook_of("span", PLAIN | values, name=name, **source)  # type: ignore[arg-type]


class World(NamedTuple):
    """One rule book in both forms, contracts by name, and books of them by account."""

    rules: Rules
    rulebook: rs.Rulebook
    contracts: dict[str, Contract]
    books: dict[str, dict[str, float]]

    @property
    def instruments(self) -> rs.Instruments:
        of = self.contracts.values()
        return rs.Instruments.from_columns(
            name=list(self.contracts),
            kind=["future" if c.kind == "future" else "option" for c in of],
            underlying=[c.commodity for c in of],
            expiry=[f"{c.month // 100}-{c.month % 100:02d}-15T12:00:00Z" for c in of],
            strike=[0.0 if c.kind == "future" else 10.0 + k for k, c in enumerate(of)],
            option_type=["" if c.kind == "future" else c.kind for c in of],
            lot=1.0,
        )

    @property
    def market(self) -> rs.Market:
        return rs.Market.of(
            AS_OF,
            mark={n: c.value if c.kind != "future" else 100.0 for n, c in self.contracts.items()},
            risk_array={n: (c.array, c.delta) for n, c in self.contracts.items()},
        )

    def portfolio(self) -> rs.Portfolio:
        rows = [(a, n, q) for a, book in self.books.items() for n, q in book.items()]
        account, name, quantity = zip(*rows, strict=True)
        return rs.Portfolio.from_columns(
            self.instruments, account=account, instrument=name, quantity=quantity
        )

    def by_hand(self, account: str) -> tuple[float, dict[str, Margin], list[float]]:
        book = [(self.contracts[n], q) for n, q in self.books[account].items()]
        return margin_of(book, self.rules)


def drawn(seed: int) -> World:
    """A rule book, contracts and four books, of which one only buys options."""
    rng = np.random.default_rng(seed)
    contracts: dict[str, Contract] = {}
    for commodity in NAMES:
        for month in rng.choice(list(MONTHS), size=4, replace=False).tolist():
            tier = MONTHS[month]
            reach = float(rng.uniform(100.0, 2000.0))
            linear = [-w * f * reach for f, w in zip(PRICE, WEIGHT, strict=True)]
            contracts[f"{commodity}-{month}"] = Contract(
                commodity, month, tier, "future", linear, float(rng.choice([1.0, 0.2]))
            )
            for kind in ("call", "put"):
                side = 1.0 if kind == "call" else -1.0
                delta = float(rng.uniform(0.05, 0.95))
                bend, vega = float(rng.uniform(0.0, 0.4)), float(rng.uniform(0.0, 0.3))
                decay = float(rng.uniform(0.0, 0.05))
                array = [
                    -w * reach * (side * delta * f + bend * f * f + vega * g - decay)
                    for f, g, w in zip(PRICE, VOL, WEIGHT, strict=True)
                ]
                value = float(rng.uniform(1.0, 800.0))
                name = f"{commodity}-{month}-{kind}"
                contracts[name] = Contract(commodity, month, tier, kind, array, side * delta, value)
    rules, values = drawn_rules(rng)
    books = {f"book {k}": drawn_book(rng, list(contracts)) for k in range(3)}
    options = [n for n, c in contracts.items() if c.kind != "future"]
    bought = rng.choice(options, size=3, replace=False).tolist()
    books["bought"] = {name: float(rng.integers(1, 20)) for name in bought}
    return World(rules, rulebook(values), contracts, books)


def drawn_book(rng: np.random.Generator, names: list[str]) -> dict[str, float]:
    chosen = rng.choice(names, size=int(rng.integers(1, 12)), replace=False).tolist()
    return {n: float(q) for n in chosen if (q := int(rng.integers(-20, 21)))} or {chosen[0]: 1.0}


def drawn_rules(rng: np.random.Generator) -> tuple[Rules, dict[str, Any]]:
    """The same rules twice: for the naive calculation, and as parameters of a rule book."""
    within: dict[str, list[Within]] = {}
    tiers, ratios, priority, flat, weighted = ({} for _ in range(5))  # type: ignore[var-annotated]
    for commodity in NAMES:
        for place in range(int(rng.integers(0, 5))):
            count = int(rng.integers(2, 4))
            legs = [
                (int(rng.integers(0, 3)), "A" if k == 0 else "B", float(rng.integers(1, 4)))
                for k in range(count)
            ]
            rate, part = float(rng.uniform(0.0, 80.0)), float(rng.choice([0.0, 0.1]))
            order = float(rng.permutation(100)[0]) + place / 10.0
            within.setdefault(commodity, []).append(Within(order, legs, rate, part))
            name = f"{commodity}:{place}"
            tiers[name] = [tier + 1 for tier, _, _ in legs]
            ratios[name] = [r if side == "A" else -r for _, side, r in legs]
            priority[name], flat[name], weighted[name] = order, rate, part
    delivery = {
        c: {m: (float(rng.uniform(0, 20)), float(rng.uniform(0, 40))) for m in (202702, 202703)}
        for c in NAMES[:2]
    }
    between = []
    deltas, credits, orders = ({} for _ in range(3))  # type: ignore[var-annotated]
    for place, pair in enumerate([("A", "B"), ("B", "C"), ("A", "B", "C")]):
        sides = ["A", *(str(rng.choice(["A", "B"])) for _ in pair[1:])]
        legs_between = [
            (c, side, float(rng.uniform(0.5, 3.0)), float(rng.uniform(0.2, 1.3)))
            for c, side in zip(pair, sides, strict=True)
        ]
        order = float(rng.permutation(100)[0]) + place / 10.0
        between.append(Between(order, legs_between))
        orders[str(place)] = order
        for c, side, size, rate in legs_between:
            deltas[f"{place}:{c}"] = size if side == "A" else -size
            credits[f"{place}:{c}"] = rate
    short = {
        c: [float(x) for x in rng.uniform(0, 900, size=int(rng.choice([1, 3])))] for c in NAMES
    }
    count = str(rng.choice(["gross", "larger"]))
    start = str(rng.choice(["net", "left"]))
    cap = str(rng.choice(["price_risk", "none"]))
    values: dict[str, Any] = {
        "intra.tiers": tiers,
        "intra.ratios": ratios,
        "intra.priority": priority,
        "intra.of": "currency",
        "intra.flat": flat,
        "intra.per_month": {},
        "intra.weighted": weighted,
        "spot.months": {c: list(map(float, of)) for c, of in delivery.items()},
        "spot.of": "currency",
        "spot.spread": {c: [x for x, _ in of.values()] for c, of in delivery.items()},
        "spot.outright": {c: [x for _, x in of.values()] for c, of in delivery.items()},
        "inter.deltas": deltas,
        "inter.credits": credits,
        "inter.priority": orders,
        "inter.start": start,
        "inter.cap": cap,
        "short_option.rate": short,
        "short_option.of": "currency",
        "short_option.count": count,
    }
    rules = Rules(within, between, delivery, short, count, start, cap == "price_risk")
    return rules, values


SEEDS = range(125)  # of four books each


@functools.cache
def worked(seed: int) -> tuple[World, rs.Assessment]:
    world = drawn(seed)
    return world, rs.assess(world.portfolio(), world.market, world.rulebook)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_books_need_what_the_naive_calculation_says(seed: int) -> None:
    world, found = worked(seed)
    assert len(found.account) == len(world.books)
    for line, account in enumerate(found.account):
        total, commodities, _ = world.by_hand(account)
        mine = {name: float(x[line]) for name, x in found.components.items()}
        sums = {
            "maintenance.scenarios": sum(m.scan for m in commodities.values()),
            "maintenance.intra": sum(m.intra for m in commodities.values()),
            "maintenance.spot": sum(m.spot for m in commodities.values()),
            "maintenance.inter": -sum(m.credit for m in commodities.values()),
            "risk": sum(m.risk for m in commodities.values()),
            "total": total,
        }
        for name, value in sums.items():
            assert mine[name] == pytest.approx(value, rel=1e-9, abs=1e-9), (account, name)
        value = sum(m.option_value for m in commodities.values())
        assert found.option_value[line] == pytest.approx(value, rel=1e-9, abs=1e-9)
        assert found.maintenance[line] == mine["risk"]


def test_what_the_steps_decide_occurs_among_the_books() -> None:
    """Credits that a cap cuts, priority that moves figures, minima that bind, books that only buy,
    spreads of either side, consumed delivery months."""
    seen = dict.fromkeys(("cut", "credited", "bound", "bought", "order", "spread", "delivered"), 0)
    for seed in SEEDS:
        world, _ = worked(seed)
        for account in world.books:
            total, commodities, _ = world.by_hand(account)
            rules = world.rules
            for m in commodities.values():
                assert m.credit <= m.price_risk * (1 + 1e-12) or not rules.capped
                seen["credited"] += 0.0 < m.credit <= m.scan
                before = m.scan + m.intra + m.spot - m.credit
                seen["bound"] += m.minimum > before
                seen["bought"] += m.bought_only and m.risk < max(before, m.minimum)
                seen["spread"] += any(n > 0 for n in m.formed)
                seen["delivered"] += m.spot > 0
            uncapped = margin_of(
                [(world.contracts[n], q) for n, q in world.books[account].items()],
                Rules(**{**vars(rules), "capped": False}),
            )[1]
            seen["cut"] += any(
                uncapped[n].credit > m.credit * (1 + 1e-9) for n, m in commodities.items()
            )
            seen["order"] += reversed_total(world, account) != pytest.approx(total, rel=1e-6)
    assert all(count >= 10 for count in seen.values()), seen


def reversed_total(world: World, account: str) -> float:
    """The total with all priorities turned round."""
    rules = world.rules
    within = {
        c: [Within(-s.priority, s.legs, s.rate, s.weighted) for s in of]
        for c, of in rules.within.items()
    }
    between = [Between(-s.priority, s.legs) for s in rules.between]
    turned = Rules(**{**vars(rules), "within": within, "between": between})
    book = [(world.contracts[n], q) for n, q in world.books[account].items()]
    return margin_of(book, turned)[0]


@pytest.mark.parametrize("seed", range(0, 125, 5))
def test_the_evaluator_agrees_with_its_reference(seed: int) -> None:
    _, found = worked(seed)
    source = found.source
    assert source is not None
    twin = evaluate(source.program, source.cube.cells, source.positions.csr, source.cash)
    outputs = {n: twin["outputs"][:, k] for k, n in enumerate(source.program.outputs)}
    np.testing.assert_allclose(outputs["maintenance"], found.maintenance, rtol=1e-11, atol=1e-7)
    for name, column in found.components.items():
        np.testing.assert_allclose(outputs[name], column, rtol=1e-11, atol=1e-7)
