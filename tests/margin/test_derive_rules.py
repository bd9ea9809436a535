"""Guards rules of Derive that no published file can catch, by hand, for every implementation."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from families import derive_library, derive_reference, derive_srm_reference
from families.derive_account import (
    CASH,
    MARKET,
    Account,
    Collateral,
    Expiry,
    Market,
    Option,
    Perpetual,
    split,
)
from families.derive_compare import Implementation

DAY = 86_400
YEAR = 365 * DAY


class Managers(NamedTuple):
    """Who computes: figures by the names of the files."""

    pm2: Implementation
    pm1: Implementation
    srm: Implementation


IMPLEMENTATIONS = {
    "reference": Managers(derive_reference.pm2, derive_reference.pm1, derive_srm_reference.srm),
    "library": Managers(
        derive_library.margin_of, derive_library.margin_of, derive_library.standard_margin_of
    ),
}


@pytest.fixture(params=list(IMPLEMENTATIONS))
def managers(request: pytest.FixtureRequest) -> Managers:
    return IMPLEMENTATIONS[request.param]


SHARED: dict[str, Any] = {
    "reporting.currency": "USD",
    "reporting.par": ["USD", CASH],
    "market.max_age_seconds": 1e9,
    "collateral.haircut": {},
    "collateral.haircut_other": 0.0,
    "pricing.settlement_window": 1800.0,
    "grid.moves": [0.1, 0.0, -0.1],
    "grid.vols": ["none", "none", "none"],
    "grid.weights": [1.0, 1.0, 1.0],
    "grid.moves_of": {},
    "vol.form": "power",
    "vol.range_up": 0.5,
    "vol.range_down": 0.3,
    "vol.short_power": 0.3,
    "vol.long_power": 0.13,
    "vol.floor_days": 1.0,
    "vol.min_up": 0.0,
    "oracle.threshold": 0.5,
    "oracle.charge": 0.75,
    "peg.asset": CASH,
    "peg.threshold": 0.98,
    "peg.factor": 2.0,
    "perpetual.maintenance": 0.02,
    "option.maintenance": 0.01,
    "collateral_charge.other_maintenance": 0.0,
    "collateral_charge.other_initial": 0.0,
    "collateral_offset.cancels": [f"{MARKET}:BASE"],
}
PM2 = SHARED | {
    "pricing.rates": "floored",
    "margin.factor_covers": "loss",
    "margin.maintenance_factor": 0.8,
    "margin.initial_factor": 1.0,
    "gain_discount.base": 1.0,
    "gain_discount.rate": 0.0,
    "gain_discount.add": 0.0,
    "loss_premium.base": 1.0,
    "loss_premium.rate": 0.0,
    "loss_premium.add": 0.0,
    "oracle.collateral": "own",
    "perpetual.initial": 0.01,
    "option.initial": 0.005,
    "collateral_charge.of": "value",
    "collateral_charge.maintenance": {f"{MARKET}:BASE": 0.1},
    "collateral_charge.initial": {f"{MARKET}:BASE": 0.05},
}
PM1 = SHARED | {
    "pricing.rates": "none",
    "margin.factor_covers": "all",
    "margin.maintenance_factor": 1.0,
    "margin.initial_factor": 1.25,
    "gain_discount.base": 0.9,
    "gain_discount.rate": 4.0,
    "gain_discount.add": 0.05,
    "oracle.collateral": "market",
    "perpetual.initial": 0.0,
    "option.initial": 0.0,
    "collateral_charge.of": "spot",
    "collateral_charge.maintenance": {f"{MARKET}:BASE": 0.02},
    "collateral_charge.initial": {f"{MARKET}:BASE": 0.0},
}
SRM: dict[str, Any] = {
    "reporting.currency": "USD",
    "reporting.par": ["USD", CASH],
    "market.max_age_seconds": 1e9,
    "collateral.haircut": {},
    "collateral.haircut_other": 0.0,
    "perpetual.maintenance": 0.05,
    "perpetual.initial": 0.065,
    "option.most_spot": 0.15,
    "option.least_spot": 0.1,
    "option.call_maintenance": 0.075,
    "option.put_maintenance": 0.075,
    "option.put_value": 0.075,
    "option.put_initial": 1.05,
    "unpaired.maintenance": 1.1,
    "unpaired.initial": 1.2,
    "oracle.perpetual_threshold": 0.4,
    "oracle.option_threshold": 0.5,
    "oracle.base_threshold": 0.6,
    "oracle.charge": 0.25,
    "peg.asset": CASH,
    "peg.threshold": 0.98,
    "peg.factor": 1.2,
    "base.maintenance": {"ETH": 0.8},
    "base.initial": {"ETH": 0.9},
    "base.other_maintenance": 0.0,
    "base.other_initial": 0.0,
}

EXPIRY = Expiry(30 * DAY, 0.0, 2000.0, rate=0.05)
CALL = Option(30 * DAY, 2000.0, True, 1.0, 0.6)
PERPETUAL = Perpetual(3.0, 2010.0)


def account(
    *options: Option,
    expiry: Expiry = EXPIRY,
    perpetual: Perpetual | None = None,
    base: float = 0.0,
    spot_confidence: float = 1.0,
    stable: float = 1.0,
    name: str = MARKET,
) -> Account:
    """One market at spot 2000, cash 10,000; base: units of the underlying as collateral."""
    expiries = [expiry] if options else []
    market = Market(name, 2000.0, spot_confidence, perpetual, expiries, options)
    asset = "BASE" if name == MARKET else name
    held = [Collateral(asset, base, 2000.0)] if base else []
    return Account(10_000.0, stable, [market], held)


def one(figures: dict[str, list[float]], name: str) -> float:
    (figure,) = figures[name]
    return figure


# --- PM2 -----------------------------------------------------------------------------------------


def test_pm2_what_is_unsettled_counts_only_while_a_perpetual_is_held(managers: Managers) -> None:
    gone = managers.pm2(account(CALL, perpetual=Perpetual(0.0, 2010.0, 1.0, -500.0)), PM2)
    never = managers.pm2(account(CALL), PM2)
    assert [one(gone, k) for k in ("mm", "im")] == [one(never, k) for k in ("mm", "im")]
    held = managers.pm2(account(perpetual=replace(PERPETUAL, accrued=-500.0)), PM2)
    marked = managers.pm2(account(perpetual=PERPETUAL), PM2)
    assert one(held, "mm") == pytest.approx(one(marked, "mm") - 500.0, rel=1e-12)


def test_pm2_confidence_of_a_perpetual_counts_only_while_it_is_held(managers: Managers) -> None:
    gone = account(CALL, perpetual=Perpetual(0.0, 0.0, confidence=0.0))
    assert one(managers.pm2(gone, PM2), "oracle_contingency") == 0.0
    held = account(CALL, perpetual=replace(PERPETUAL, confidence=0.2))
    charge = 0.8 * 0.75 * 2000.0 * (3.0 + 1.0)  # the perpetual, and the option with it
    assert one(managers.pm2(held, PM2), "oracle_contingency") == pytest.approx(-charge)


@pytest.mark.parametrize(
    ("seconds", "window", "fixed"),
    [
        (1800, 1800.0, 0.0),
        (900, 1800.0, 0.5),
        (900, 3600.0, 0.75),
        (1800, 3600.0, 0.5),
        (0, 1800.0, 1.0),
        (-1, 1800.0, 1.0),
    ],
)
def test_pm2_only_what_is_not_fixed_yet_moves(
    seconds: int, window: float, fixed: float, managers: Managers
) -> None:
    """A call far in the money is worth forward less strike, and moves one for one with it."""
    parts = split(2000.0, seconds, window)
    assert parts == pytest.approx((fixed * 2000.0, (1.0 - fixed) * 2000.0), abs=1e-9)
    deep = Option(seconds, 10.0, True, 1.0, 0.5)
    expiry = Expiry(seconds, *parts)
    found = managers.pm2(account(deep, expiry=expiry), PM2 | {"pricing.settlement_window": window})
    moves = [0.1 * parts[1], 0.0, -0.1 * parts[1]]
    assert found["scenario_pnl"] == pytest.approx(moves, abs=1e-9)


@pytest.mark.parametrize("feed", ["forward", "rate", "vol"])
def test_pm2_every_feed_of_an_expiry_may_be_the_least_confident(
    feed: str, managers: Managers
) -> None:
    low = replace(EXPIRY, **{f"{feed}_confidence": 0.3})
    short = replace(CALL, amount=-2.0)
    sure, unsure = (managers.pm2(account(short, expiry=e), PM2) for e in (EXPIRY, low))
    charge = 0.7 * 0.75 * 2000.0 * 2.0
    assert one(unsure, "oracle_contingency") == pytest.approx(-charge)
    assert one(unsure, "im") == pytest.approx(one(sure, "im") - charge)
    assert one(unsure, "mm") == one(sure, "mm")


@pytest.mark.parametrize(
    ("confidence", "charged"),
    [(0.5, False), (math.nextafter(0.5, 0.0), True), (math.nextafter(0.5, 1.0), False)],
)
def test_a_confidence_at_the_threshold_is_not_charged(
    confidence: float, charged: bool, managers: Managers
) -> None:
    at = account(CALL, perpetual=PERPETUAL, base=2.0, spot_confidence=confidence)
    for found in (managers.pm2(at, PM2), managers.pm1(at, PM1)):
        assert (one(found, "oracle_contingency") < 0.0) == charged
    standard = account(
        replace(CALL, amount=-1.0), perpetual=PERPETUAL, spot_confidence=confidence, name="ETH"
    )
    rules = SRM | {"oracle.perpetual_threshold": 0.5}
    assert (one(managers.srm(standard, rules), "OracleConts") < 0.0) == charged


def test_pm2_collateral_is_never_as_unsure_as_the_perpetual(managers: Managers) -> None:
    unsure = account(base=2.0, perpetual=replace(PERPETUAL, confidence=0.2))
    charge = 0.8 * 0.75 * 2000.0 * 3.0
    assert one(managers.pm2(unsure, PM2), "oracle_contingency") == pytest.approx(-charge)
    spot = account(base=2.0, spot_confidence=0.2)
    charge = 0.8 * 0.75 * 2000.0 * 2.0
    assert one(managers.pm2(spot, PM2), "oracle_contingency") == pytest.approx(-charge)


# --- PM1 -----------------------------------------------------------------------------------------


def test_pm1_confidence_of_the_perpetual_is_that_of_everything(managers: Managers) -> None:
    unsure = account(CALL, base=2.0, perpetual=replace(PERPETUAL, confidence=0.2))
    charge = 0.8 * 0.75 * 2000.0 * (3.0 + 2.0 + 1.0)
    found = managers.pm1(unsure, PM1)
    assert one(found, "oracle_contingency") == pytest.approx(-charge)
    sure = managers.pm1(account(CALL, base=2.0, perpetual=PERPETUAL), PM1)
    assert one(found, "im") == pytest.approx(one(sure, "im") - charge)
    assert one(found, "mm") == one(sure, "mm")


def test_pm1_a_stable_off_its_peg_divides_values_and_not_charges(managers: Managers) -> None:
    found = managers.pm1(account(base=2.0, stable=0.95), PM1)
    value = 2.0 * 2000.0 / 0.95
    worst, static = -0.1 * value, 0.02 * 2.0 * 2000.0
    assert one(found, "collateral_mtm") == pytest.approx(value)
    assert one(found, "mm_collateral_haircut") == pytest.approx(-static)
    assert one(found, "mm") == pytest.approx(10_000.0 + value + worst - static)
    factor = 1.25 + (0.98 - 0.95) * 2.0
    assert one(found, "im_loss_factor") == pytest.approx(factor)
    assert one(found, "im") == pytest.approx(10_000.0 + value + (worst - static) * factor)


def test_a_stable_above_its_peg_adds_no_factor(managers: Managers) -> None:
    for stable in (0.98, 1.02):
        at = account(base=2.0, stable=stable)
        assert one(managers.pm1(at, PM1), "im_loss_factor") == 1.25
        assert one(managers.pm2(at, PM2), "im_loss_factor") == 1.0


def test_negative_rates_count_as_none(managers: Managers) -> None:
    """In the discount of values (PM2), and in that of gains (PM1), which a rate of 5 % lowers."""
    below, none = replace(EXPIRY, rate=-0.3), replace(EXPIRY, rate=0.0)
    for manager, rules in ((managers.pm2, PM2), (managers.pm1, PM1)):
        found, floor, above = (
            manager(account(CALL, expiry=e), rules) for e in (below, none, EXPIRY)
        )
        for name in ("scenario_pnl", "option_mtm", "mm", "im"):
            assert found[name] == floor[name]
        assert one(above, "mm") < one(floor, "mm")


def test_pm1_discounts_gains_by_the_rate_and_neither_marks_nor_losses(managers: Managers) -> None:
    found = managers.pm1(account(CALL), PM1 | {"grid.moves": [0.0, 0.0, 0.0]})
    gain = 0.9 * math.exp(-(0.05 * 4.0 + 0.05) * 30 / 365)
    assert found["scenario_pnl"] == pytest.approx([(gain - 1.0) * one(found, "option_mtm")] * 3)
    short = account(replace(CALL, amount=-1.0))
    sold = managers.pm1(short, PM1 | {"grid.moves": [0.0, 0.0, 0.0]})
    assert sold["scenario_pnl"] == [0.0] * 3
    assert one(sold, "option_mtm") == -one(found, "option_mtm")


# --- standard manager ----------------------------------------------------------------------------


def test_srm_a_perpetual_is_charged_for_the_less_sure_of_its_feeds(managers: Managers) -> None:
    """At spot, not at the price of the perpetual, and for initial margin alone."""
    sure = managers.srm(account(perpetual=PERPETUAL, name="ETH"), SRM)
    for confidence, spot_confidence in ((0.3, 1.0), (1.0, 0.3), (0.3, 0.35)):
        unsure = account(
            perpetual=replace(PERPETUAL, confidence=confidence),
            spot_confidence=spot_confidence,
            name="ETH",
        )
        found = managers.srm(unsure, SRM)
        charge = 0.7 * 0.25 * 2000.0 * 3.0
        assert one(found, "OracleConts") == pytest.approx(-charge)
        assert one(found, "im") == pytest.approx(one(sure, "im") - charge)
        assert one(found, "mm") == one(sure, "mm")
    at_threshold = account(perpetual=replace(PERPETUAL, confidence=0.4), name="ETH")
    assert one(managers.srm(at_threshold, SRM), "OracleConts") == 0.0


def test_srm_shorts_are_charged_for_an_unsure_spot_and_longs_are_not(managers: Managers) -> None:
    short = replace(CALL, amount=-2.0, strike=2100.0)
    found = managers.srm(account(short, CALL, spot_confidence=0.3, name="ETH"), SRM)
    assert one(found, "OracleConts") == pytest.approx(-0.7 * 0.25 * 2000.0 * 2.0)
    assert one(managers.srm(account(CALL, spot_confidence=0.3, name="ETH"), SRM), "im") == 10_000.0


def test_srm_the_rate_feed_is_not_asked(managers: Managers) -> None:
    short, unsure = replace(CALL, amount=-1.0), replace(EXPIRY, rate_confidence=0.0)
    found = managers.srm(account(short, expiry=unsure, name="ETH"), SRM)
    assert one(found, "OracleConts") == 0.0
    unsure = replace(EXPIRY, vol_confidence=0.1)
    found = managers.srm(account(short, expiry=unsure, name="ETH"), SRM)
    assert one(found, "OracleConts") == pytest.approx(-0.9 * 0.25 * 2000.0)


def test_srm_base_counts_less_for_initial_margin(managers: Managers) -> None:
    found = managers.srm(account(base=2.0, name="ETH"), SRM)
    assert one(found, "mm") == pytest.approx(10_000.0 + 0.8 * 4000.0)
    assert one(found, "im") == pytest.approx(10_000.0 + 0.9 * 0.8 * 4000.0)
    assert one(found, "PortfolioMtM") == pytest.approx(4000.0)
    unsure = managers.srm(account(base=2.0, spot_confidence=0.55, name="ETH"), SRM)
    charge = 0.45 * 0.25 * 4000.0  # base has the highest threshold of the three
    assert one(unsure, "im") == pytest.approx(one(found, "im") - charge)
    assert one(unsure, "mm") == one(found, "mm")


def test_srm_a_lost_peg_costs_what_is_sold_and_perpetuals(managers: Managers) -> None:
    short = replace(CALL, amount=-2.0)
    held = account(short, CALL, perpetual=PERPETUAL, name="ETH")
    sure = managers.srm(held, SRM)
    found = managers.srm(replace(held, stable=0.9), SRM)
    charge = (3.0 + 2.0) * 2000.0 * 0.08 * 1.2
    assert one(found, "DepegIMs") == pytest.approx(-charge)
    assert one(found, "im") == pytest.approx(one(sure, "im") - charge)
    assert one(found, "mm") == one(sure, "mm")


def test_srm_markets_add_up(managers: Managers) -> None:
    held = account(replace(CALL, amount=-1.0), perpetual=PERPETUAL, base=1.0, name="ETH")
    other = account(CALL, perpetual=replace(PERPETUAL, quantity=-4.0), name="BTC")
    both = replace(held, markets=[*held.markets, *other.markets])
    alone = [managers.srm(a, SRM) for a in (held, other)]
    for side in ("mm", "im"):
        total = sum(one(figures, side) - 10_000.0 for figures in alone)
        assert one(managers.srm(both, SRM), side) == pytest.approx(10_000.0 + total)
