"""Guards that accounts of one book are margined as the naive reference does each by itself."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from families import derive_pm2, derive_reference, derive_srm_reference
from families.derive_account import (
    CASH,
    Account,
    Collateral,
    Expiry,
    Market,
    Option,
    Perpetual,
    split,
)
from families.derive_case import AS_OF, instant_of
from families.derive_library import rulebook_of
from margin.test_derive_rules import PM1, PM2, SRM

import riskslide as rs

DAY = 86_400
LOT = 0.1
MARKETS = ("BTC", "ETH")
HOMES = {"BTC": "BTC", "LBTC": "BTC", "ETH": "ETH"}
BASES = ("BTC", "ETH")
ACCOUNTS = 25

CHARGES = {"BTC:BTC": 0.02, "BTC:LBTC": 0.03, "ETH:ETH": 0.015, "BTC": 0.25, "LBTC": 0.3}
CHARGES |= {"ETH": 0.15, "DAI": 0.08}
GRID: dict[str, Any] = {
    "grid.moves": [0.18, 0.09, 0.0, -0.09, -0.18, -0.66, 1.0],
    "grid.vols": ["up", "none", "down", "none", "down", "up", "up"],
    "grid.weights": [1.0, 1.0, 1.0, 1.0, 1.0, 0.21, 0.14],
    "vol.min_up": 0.45,
    "basis.up": 1.05,
    "basis.down": 0.95,
    "basis.add": 0.5,
    "basis.per_year": 2.0,
    "collateral_offset.cancels": [f"{market}:{asset}" for asset, market in HOMES.items()],
    "collateral_charge.maintenance": CHARGES,
    "collateral_charge.initial": {asset: rate / 2 for asset, rate in CHARGES.items()},
}
SKEW = {f"skew.{name}": value for name, value in derive_pm2.NEUTRAL["skew"].items()}
SKEW |= {"skew.linear_cap": 0.2, "skew.linear_slope": -0.05, "skew.absolute_cap": 0.1}
SKEW |= {"skew.width_scale": 4.0, "skew.width_static": 0.6, "skew.width_slope": -0.1}
TURNED = {
    "grid.moves": [*GRID["grid.moves"], 0.0, 0.0],
    "grid.vols": [*GRID["grid.vols"], "linear", "abs"],
    "grid.weights": [*GRID["grid.weights"], 1.0, 0.8],
    "gain_discount.base": 0.95,
    "gain_discount.rate": 1.0,
    "gain_discount.add": 0.08,
    "loss_premium.base": 1.04,
    "loss_premium.rate": 0.5,
    "loss_premium.add": 0.08,
}
BOOKS: Mapping[str, Mapping[str, Any]] = {
    "pm2": PM2 | GRID | SKEW | TURNED,
    "pm1": PM1
    | GRID
    | {"grid.weights": [1.0, 1.0, 1.0, 1.0, 1.0, 0.2, 0.1], "vol.min_up": 0.0}
    | {"basis.add": 3.0, "collateral_charge.initial": {}},
    "srm": SRM
    | {"base.maintenance": {"BTC": 0.75, "ETH": 0.8}, "base.initial": {"BTC": 0.9}}
    | {"base.other_initial": 0.95},
}


@dataclass(frozen=True, slots=True)
class Venue:
    """What every account may hold, at which quotes: markets with all their options listed."""

    stable: float
    markets: Mapping[str, Market]
    assets: Mapping[str, tuple[float, float]]  # price, confidence


def venue_of(seed: int) -> Venue:
    """Quotes of a seed; some feeds are below the thresholds, one expiry is being settled."""
    rng = random.Random(seed)

    def trust() -> float:
        return rng.choice([1.0, 1.0, 0.9, rng.uniform(0.05, 0.7)])

    markets = {}
    for name in MARKETS:
        spot = {"BTC": 70_000.0, "ETH": 2_100.0}[name] * rng.uniform(0.9, 1.1)
        expiries, options = [], []
        for seconds in (450, rng.randrange(2, 30) * DAY, rng.randrange(31, 300) * DAY):
            forward = spot * rng.uniform(0.97, 1.05)
            parts = split(forward, seconds, 1800.0)
            rate = rng.uniform(-0.05, 0.1)
            expiries.append(Expiry(seconds, *parts, rate, trust(), trust(), trust()))
            for x in sorted(rng.sample(range(60, 150, 5), 7)):
                for call in (True, False):
                    strike = round(spot * x / 100.0, 1)
                    options.append(Option(seconds, strike, call, 0.0, rng.uniform(0.3, 1.2)))
        perpetual = Perpetual(0.0, spot * rng.uniform(0.99, 1.01), trust())
        markets[name] = Market(name, spot, trust(), perpetual, expiries, options)
    assets = {name: (m.spot, m.spot_confidence) for name, m in markets.items()}
    assets |= {"LBTC": (assets["BTC"][0] * 0.998, trust()), "DAI": (0.9985, trust())}
    return Venue(rng.choice([1.0, 0.96, 1.01]), markets, assets)


def accounts_of(venue: Venue, seed: int, assets: tuple[str, ...]) -> Iterator[Account]:
    """Accounts of one market or both, or of none; all of them hold something."""
    rng = random.Random(seed)

    def lots(most: int) -> float:
        return rng.choice([-1, 1]) * rng.randrange(1, most) * LOT

    for k in range(ACCOUNTS):
        markets = []
        for name in {0: MARKETS, 1: (), 2: MARKETS[:1]}.get(k % 5, MARKETS[1:]):
            listed = venue.markets[name]
            held = rng.sample(list(listed.options), rng.randrange(0, 9))
            options = [replace(o, amount=lots(80)) for o in held]
            perpetual = None
            if rng.random() < 0.6 or not options:
                assert listed.perpetual is not None
                quantity = lots(60)
                entry = listed.perpetual.price * rng.uniform(0.9, 1.1)
                accrued = rng.uniform(-500.0, 500.0)
                perpetual = replace(
                    listed.perpetual, quantity=quantity, entry=entry, accrued=accrued
                )
            markets.append(replace(listed, options=options, perpetual=perpetual))
        owned = [a for a in assets if rng.random() < 0.5]
        if not markets:
            owned = sorted({*owned, "ETH"})
        collaterals = [Collateral(a, rng.uniform(0.1, 30.0), *venue.assets[a]) for a in owned]
        yield Account(rng.uniform(-1e5, 1e5), venue.stable, markets, collaterals)


def book_of(venue: Venue, accounts: list[Account]) -> tuple[rs.Portfolio, rs.Market]:
    """All of them in one book, over instruments that they share."""
    names, columns = [], []
    for market in venue.markets.values():
        for o in market.options:
            names.append((market.name, o.seconds, o.strike, o.is_call))
            columns.append(("option", market.name, instant_of(o.seconds), o.strike))
        names.append((market.name, "perpetual"))
        columns.append(("perpetual", market.name, None, None))
    title = {key: "/".join(map(str, key)) for key in names}
    kinds, underlyings, expiries, strikes = zip(*columns, strict=True)
    instruments = rs.Instruments.from_columns(
        name=list(title.values()),
        kind=list(kinds),
        underlying=list(underlyings),
        expiry=list(expiries),
        strike=list(strikes),
        option_type=["" if len(k) == 2 else "call" if k[3] else "put" for k in names],
        lot=LOT,
        settlement="linear",
        model="black76",
        currency=[CASH] * len(names),
    )
    rows: list[tuple[str, str, float, float | None, float]] = []
    balances: list[tuple[str, str, float]] = []
    for k, account in enumerate(accounts):
        me = f"{k:03}"
        for m in account.markets:
            for o in m.options:
                key = (m.name, o.seconds, o.strike, o.is_call)
                rows.append((me, title[key], o.amount, None, 0.0))
            p = m.perpetual
            if p is not None:
                rows.append((me, title[m.name, "perpetual"], p.quantity, p.entry, p.accrued))
        balances.append((me, CASH, account.cash))
        balances += [(me, c.name, c.amount) for c in account.collaterals]
    held, cash = list(zip(*rows, strict=True)), list(zip(*balances, strict=True))
    portfolio = rs.Portfolio.from_columns(
        instruments,
        account=held[0],
        instrument=held[1],
        quantity=list(held[2]),
        entry_price=list(held[3]),
        accrued=list(held[4]),
        balance_account=cash[0],
        balance_asset=cash[1],
        balance_amount=list(cash[2]),
    )
    return portfolio, rs.Market.of(AS_OF, **quotes_of(venue, title))


def quotes_of(venue: Venue, title: Mapping[Any, str]) -> dict[str, dict[Any, float]]:
    out: dict[str, dict[Any, float]] = {
        "spot": {a: price for a, (price, _) in venue.assets.items()} | {CASH: venue.stable},
        **{t: {} for t in ("forward", "fixed", "rate", "vol", "mark")},
        "confidence": {("spot", a): trust for a, (_, trust) in venue.assets.items()},
    }
    for m in venue.markets.values():
        assert m.perpetual is not None
        perpetual = title[m.name, "perpetual"]
        out["mark"][perpetual] = m.perpetual.price
        out["confidence"]["mark", perpetual] = m.perpetual.confidence
        for e in m.expiries:
            key = (m.name, instant_of(e.seconds))
            out["forward"][key], out["rate"][key], out["fixed"][key] = e.forward, e.rate, e.fixed
            trusted = {
                "forward": e.forward_confidence,
                "rate": e.rate_confidence,
                "vol": e.vol_confidence,
            }
            out["confidence"] |= {(kind, key): x for kind, x in trusted.items()}
        for o in m.options:
            out["vol"][title[m.name, o.seconds, o.strike, o.is_call]] = o.vol
    return out


def by_market(account: Account, venue: Venue) -> list[Account]:
    """The account cut into accounts of one market, collateral where it counts, without cash."""
    with_contracts = [m.name for m in account.markets]
    lone = sorted(HOMES[c.name] for c in account.collaterals if c.name in HOMES)
    own = (with_contracts or lone)[0]
    place = {
        c.name: home if (home := HOMES.get(c.name)) in (with_contracts or MARKETS) else own
        for c in account.collaterals
    }
    empty = {n: replace(m, options=(), perpetual=None) for n, m in venue.markets.items()}
    markets = empty | {m.name: m for m in account.markets}
    return [
        replace(
            account,
            cash=0.0,
            markets=[m],
            collaterals=[c for c in account.collaterals if place[c.name] == m.name],
        )
        for m in markets.values()
    ]


def expected(name: str, account: Account, venue: Venue) -> tuple[float, float]:
    """(maintenance, initial): what the account has beyond each."""
    p = BOOKS[name]
    if name == "srm":
        missing = [
            m for m in venue.markets.values() if m.name not in {x.name for x in account.markets}
        ]
        empty = [replace(m, options=(), perpetual=None) for m in missing]
        found = derive_srm_reference.srm(replace(account, markets=[*account.markets, *empty]), p)
        return found["mm"][0], found["im"][0]
    manager = {"pm2": derive_reference.pm2, "pm1": derive_reference.pm1}[name]
    parts = [manager(a, p) for a in by_market(account, venue)]
    low, high = (account.cash + sum(x[side][0] for x in parts) for side in ("mm", "im"))
    return low, high


@cache
def found_of(name: str, seed: int) -> tuple[Venue, list[Account], rs.Assessment]:
    venue = venue_of(seed)
    assets = ("BTC", "LBTC", "ETH", "DAI") if name == "pm2" else BASES
    accounts = list(accounts_of(venue, seed + 1000, assets))
    if name == "pm1":  # of a market's own underlying alone
        accounts = [
            replace(a, collaterals=[c for c in a.collaterals if at_home(a, c)]) for a in accounts
        ]
    method = "expiry-standard" if name == "srm" else "scenario-grid"
    portfolio, market = book_of(venue, accounts)
    return venue, accounts, rs.assess(portfolio, market, rulebook_of(BOOKS[name], method))


def at_home(account: Account, collateral: Collateral) -> bool:
    return not account.markets or collateral.name in {m.name for m in account.markets}


SEEDS = range(6)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", list(BOOKS))
def test_every_account_of_a_book_is_margined_as_by_itself(name: str, seed: int) -> None:
    venue, accounts, found = found_of(name, seed)
    assert len(found) == len(accounts)
    for k, account in enumerate(accounts):
        low, high = expected(name, account, venue)
        assert found.account[k] == f"{k:03}"
        for side, wanted in (("maintenance", low), ("initial", high)):
            ours = float(found.equity[k] - getattr(found, side)[k])
            size = abs(float(found.equity[k])) + float(getattr(found, side)[k])
            assert ours == pytest.approx(wanted, rel=1e-9, abs=1e-9 * size), (k, side)


@pytest.mark.parametrize("seed", SEEDS)
def test_both_margins_of_options_are_those_of_the_reference(seed: int) -> None:
    """Also the one that is not taken: calls sold beyond those bought seldom are."""
    _, accounts, found = found_of("srm", seed)
    words = {"Isolated": "isolated", "Bounded": "bounded"}
    for k, account in enumerate(accounts):
        wanted = derive_srm_reference.srm(account, BOOKS["srm"])
        for title, word in words.items():
            for short, side in (("MM", "maintenance"), ("IM", "initial")):
                named = f"Option{title}{short}"
                margin = sum(x[0] for key, x in wanted.items() if key.endswith(named))
                needed = float(found.components[f"{word}_{side}"][k])
                ours = float(found.option_value[k]) - needed
                assert ours == pytest.approx(margin, rel=1e-9, abs=1e-9 * abs(needed)), (k, named)


@pytest.mark.parametrize("name", list(BOOKS))
def test_the_books_reach_every_part(name: str) -> None:
    """What no account is charged for would be compared with nothing."""
    parts: dict[str, float] = {}
    for seed in SEEDS:
        for part, x in found_of(name, seed)[2].components.items():
            if "." in part or part.startswith(("isolated", "bounded", "basis")):
                parts[part] = parts.get(part, 0.0) + float(np.abs(x).max())
    least = {"pm2": 7, "pm1": 7, "srm": 8}[name]
    assert len(parts) >= least
    assert {part for part, x in parts.items() if x == 0.0} <= {
        *("maintenance.oracle", "initial.collateral", "initial.perpetual")
    }


@pytest.mark.parametrize("name", list(BOOKS))
def test_parts_add_up_to_the_requirements(name: str) -> None:
    _, accounts, found = found_of(name, 0)
    for side in ("maintenance", "initial"):
        parts = [x for part, x in found.components.items() if part.startswith(f"{side}.")]
        total = getattr(found, side)
        np.testing.assert_allclose(np.sum(parts, axis=0), total, rtol=1e-12, atol=1e-6)
    for k in range(len(accounts)):
        (evidence,) = found.explain(f"{k:03}")
        assert sum(evidence.maintenance_parts.values()) == evidence.maintenance
        assert sum(evidence.initial_parts.values()) == evidence.initial


def test_expiries_take_either_margin_of_the_standard_manager() -> None:
    """Somewhere an option sold by itself needs less, and somewhere the largest loss does."""
    alone = together = 0
    for seed in SEEDS:
        part = found_of("srm", seed)[2].components
        needed = part["maintenance.option"]
        alone += int((needed < part["bounded_maintenance"] - 1e-6).sum())
        together += int((needed < part["isolated_maintenance"] - 1e-6).sum())
    assert alone > 10
    assert together > 10
