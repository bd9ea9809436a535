"""Guards what collateral counts, now and in every scenario: tiers, caps, own tokens, debts, lost
pegs, and the charge for size."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from margin.unified_by_hand import (
    PLAIN,
    SPOT,
    book,
    counted,
    market,
    rules,
)

import riskslide as rs
from riskslide.venue.rulebook import check

PROPERTY = settings(max_examples=60, deadline=None, derandomize=True, database=None)
COINS = [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]
FRACTIONS = [0.98, 0.95, 0.90, 0.85, 0.80, 0.0]
REACH, POINTS = 0.16, 9


def with_tiers(unit: str, starts: list[float], fractions: list[float], **more: Any) -> rs.Rulebook:
    tiers = {
        "collateral_tiers__unit": unit,
        "collateral_tiers__starts": {"BTC": starts},
        "collateral_tiers__fractions": {"BTC": fractions},
    }
    return rules(without=PLAIN, **tiers, **more)


def held(balances: dict[str, float], rulebook: rs.Rulebook, **spot: float) -> rs.Assessment:
    return rs.assess(book(balances=balances), market(SPOT | spot), rulebook)


# --- worked figures -----------------------------------------------------------------------------


def test_six_thousand_coins_count_in_tiers_of_value() -> None:
    rulebook = with_tiers("value", [0.0, 100e6, 120e6], [1.0, 0.975, 0.0])
    found = held({"BTC": 6_000.0}, rulebook, BTC=20_000.0)
    assert found.collateral.tolist() == [119_500_000.0]
    # at -16 % 100.8 m are left, which count 100 m + .975 * .8 m
    assert found.maintenance[0] == pytest.approx(119.5e6 - 100.78e6, rel=1e-14)


def test_forty_five_coins_count_as_forty_and_four_fifths() -> None:
    found = held({"BTC": 45.0}, with_tiers("coins", COINS, FRACTIONS), BTC=20_000.0)
    assert found.collateral[0] == pytest.approx(40.8 * 20_000.0, rel=1e-15)
    # as many coins count at every price, so that they lose as they move
    assert found.maintenance[0] == pytest.approx(REACH * 40.8 * 20_000.0, rel=1e-14)


def test_unified_equity_of_two_assets() -> None:
    balances = {"BTC": 3.136088934, "USDT": 347_974.9709}
    rulebook = rs.load_rulebook("generic-unified")
    found = held(balances, rulebook, BTC=37_496.76318, USDT=1.000296667)
    assert found.equity[0] == pytest.approx(462_971.4456, rel=5e-10)


# --- tiers and caps by hand ---------------------------------------------------------------------

AMOUNTS = st.floats(-80.0, 300.0)
TIERS = st.lists(st.tuples(st.integers(0, 60), st.floats(0.0, 1.0)), min_size=1, max_size=5).map(
    sorted
)
MOVES = [REACH * k / 4 for k in range(-4, 5)]


def worst_of(changes: list[float]) -> float:
    return max(0.0, -min(changes))


@PROPERTY
@given(amount=AMOUNTS, tiers=TIERS, cap=st.floats(0.0, 200.0), price=st.floats(0.01, 1e5))
def test_tiers_by_value_and_a_cap_count_in_every_scenario(
    amount: float, tiers: list[tuple[int, float]], cap: float, price: float
) -> None:
    starts = [start * price for start, _ in tiers]
    fractions = [f for _, f in tiers]
    rulebook = with_tiers("value", starts, fractions, collateral_cap__value={"BTC": cap * price})
    found = held({"BTC": amount}, rulebook, BTC=price)
    full = [0.0, *starts], [0.98, *fractions]  # below the first start the flat haircut
    now = counted(amount * price, *full, cap * price)
    moved = [counted(amount * price * (1 + m), *full, cap * price) for m in MOVES]
    size = 1e-12 * abs(amount) * price
    assert found.collateral[0] == pytest.approx(now, rel=1e-12, abs=size)
    # of a debt's gains and of BTC's own a half counts only above zero: losses count in full
    worst = worst_of([x - now for x in moved])
    assert found.maintenance[0] == pytest.approx(worst, rel=1e-11, abs=10 * size)


@PROPERTY
@given(amount=AMOUNTS, tiers=TIERS, price=st.floats(0.01, 1e5))
def test_tiers_by_coins_count_the_same_coins_in_every_scenario(
    amount: float, tiers: list[tuple[int, float]], price: float
) -> None:
    starts, fractions = [float(s) for s, _ in tiers], [f for _, f in tiers]
    found = held({"BTC": amount}, with_tiers("coins", starts, fractions), BTC=price)
    coins = counted(amount, [0.0, *starts], [0.98, *fractions])
    size = 1e-12 * abs(amount) * price
    assert found.collateral[0] == pytest.approx(coins * price, rel=1e-12, abs=size)
    assert found.maintenance[0] == pytest.approx(REACH * abs(coins) * price, rel=1e-11, abs=size)


@PROPERTY
@given(first=AMOUNTS, second=AMOUNTS, tiers=TIERS, unit=st.sampled_from(["coins", "value"]))
def test_no_figure_jumps_with_the_amount(
    first: float, second: float, tiers: list[tuple[int, float]], unit: str
) -> None:
    """Lipschitz in what is held: no cliff at a start, a cap or zero (R-CLIFF)."""
    price = 1_000.0
    starts = [s * (1.0 if unit == "coins" else price) for s, _ in tiers]
    capped = {"collateral_cap__value": {"BTC": 90e3}} if unit == "value" else {}
    charges: dict[str, Any] = {"borrow__maintenance": 0.02, "borrow__initial": 0.1}
    rulebook = with_tiers(unit, starts, [f for _, f in tiers], **capped, **charges)
    one, two = (held({"BTC": x}, rulebook, BTC=price) for x in (first, second))
    apart = price * abs(first - second) + 1e-9
    assert abs(one.collateral[0] - two.collateral[0]) <= apart
    assert abs(one.maintenance[0] - two.maintenance[0]) <= (1.0 + REACH + 0.02) * apart
    assert abs(one.initial[0] - two.initial[0]) <= (1.25 * (1.0 + REACH) + 0.1) * apart


def test_both_sides_of_a_start_and_of_zero_meet() -> None:
    """The same at the corners themselves, which the property above may miss."""
    rulebook = with_tiers("coins", COINS, FRACTIONS)
    for corner in (0.0, *COINS[1:]):
        low, high = (held({"BTC": corner + e}, rulebook) for e in (-1e-9, 1e-9))
        for figure in ("collateral", "maintenance", "initial", "equity"):
            difference = abs(getattr(high, figure)[0] - getattr(low, figure)[0])
            assert difference <= 2e-9 * 2 * SPOT["BTC"], (corner, figure)


def test_two_rows_of_one_coin_share_its_tiers() -> None:
    """A coin that is held as a position counts with the balance of it."""
    coin = rs.Instruments.from_columns(name=["coin"], kind="spot", underlying="BTC", currency="BTC")
    both = rs.Portfolio.from_columns(
        coin,
        account=["a"],
        instrument=["coin"],
        quantity=[25.0],
        balance_account=["a"],
        balance_asset=["BTC"],
        balance_amount=[20.0],
    )
    found = rs.assess(both, market(), with_tiers("coins", COINS, FRACTIONS))
    assert found.collateral[0] == pytest.approx(40.8 * SPOT["BTC"], rel=1e-15)


def test_beyond_its_cap_a_coin_loses_nothing_until_it_is_worth_less() -> None:
    """10 BTC at a fraction of .98 are worth 576,240 at -16 %, more than the cap."""
    low = rules(without=PLAIN, collateral_cap__value={"BTC": 500e3})
    assert held({"BTC": 10.0}, low).collateral.tolist() == [500e3]
    assert held({"BTC": 10.0}, low).maintenance.tolist() == [0.0]
    high = rules(without=PLAIN, collateral_cap__value={"BTC": 600e3})
    lost = held({"BTC": 10.0}, high).maintenance[0]
    assert lost == pytest.approx(600e3 - 0.98 * 700e3 * 0.84, rel=1e-14)


def test_what_an_account_issues_counts_nothing_and_its_debts_in_full() -> None:
    own = rules(without=PLAIN, collateral_own__assets=["BTC"])
    found = held({"BTC": 10.0}, own)
    assert (found.collateral[0], found.maintenance[0]) == (0.0, 0.0)
    owed = held({"BTC": -10.0}, own)
    assert owed.collateral[0] == -700e3
    assert owed.maintenance[0] == pytest.approx(REACH * 700e3, rel=1e-14)
    assert not [w for w in found.warnings if "W_NO_HAIRCUT: BTC" in w]


@pytest.mark.parametrize("unit", ["coins", "value"])
def test_debts_count_in_full_whatever_the_tiers(unit: str) -> None:
    found = held({"BTC": -45.0}, with_tiers(unit, COINS, FRACTIONS))
    assert found.collateral[0] == -45.0 * SPOT["BTC"]
    assert found.maintenance[0] == pytest.approx(REACH * 45.0 * SPOT["BTC"], rel=1e-14)


# --- debts --------------------------------------------------------------------------------------


def test_debts_pay_a_part_of_what_the_currency_lacks() -> None:
    rulebook = rules(without=set(PLAIN) - {"borrow"})
    found = held({"USDC": -1_000.0, "USDT": 5_000.0}, rulebook)
    assert found.components["maintenance.borrow"].tolist() == [20.0]
    assert found.components["initial.borrow"].tolist() == [100.0]
    # P&L in the currency fills the gap first
    gain = book({"BTC-LINEAR": 1.0}, {"USDC": -1_000.0}, entry={"BTC-LINEAR": 69_400.0})
    less = rs.assess(gain, market(), rulebook)
    assert less.components["maintenance.borrow"][0] == pytest.approx(0.02 * 400.0, rel=1e-12)


GRID: dict[str, Any] = {
    "pricing": {"rates": "quoted", "settlement_window": 0.0},
    "grid": {"moves": [-0.1, 0.1], "vols": ["none"] * 2, "weights": [1.0] * 2, "moves_of": {}},
    "margin": {"maintenance_factor": 1.0, "initial_factor": 1.3, "factor_covers": "loss"},
    "reporting": {"currency": "USD", "par": ["USD", "USDC"]},
    "market": {"max_age_seconds": 60.0},
    "collateral": {"haircut": {"USDC": 0.0}, "haircut_other": 1.0},
    "collateral_tiers": {
        "unit": "coins",
        "starts": {"BTC": COINS},
        "fractions": {"BTC": FRACTIONS},
    },
    "collateral_cap": {"value": {"USDT": 700.0}},
    "collateral_own": {"assets": ["ETH"]},
    "borrow": {"maintenance": 0.02, "initial": 0.1},
}


def test_the_scenario_grid_counts_collateral_and_debts_by_the_same_rules() -> None:
    head = {"schema": 1, "method": "scenario-grid", "status": "complete"}
    head |= dict.fromkeys(("name", "title", "version", "description"), "made")
    where = {"status": "chosen", "source": "test", "date": date(2026, 1, 1)}
    sections = {s: {k: where | {"value": v} for k, v in x.items()} for s, x in GRID.items()}
    grid = check({**head, "valid_from": date(2020, 1, 1), **sections}, "test")
    found = held({"BTC": 45.0, "USDC": -1_000.0, "ETH": 5.0}, grid)
    assert found.collateral[0] == pytest.approx(40.8 * SPOT["BTC"] - 1_000.0, rel=1e-14)
    assert found.components["maintenance.borrow"].tolist() == [20.0]
    assert found.components["initial.borrow"].tolist() == [100.0]


# --- lost pegs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["generic-slides", "generic-unified"])
def test_a_stablecoin_that_loses_its_peg_loses_what_the_scenario_says(preset: str) -> None:
    falls = {"USDC": [0.95, 1.0, 0.95], "USDT": [1.0, 0.93, 0.93]}
    rulebook = rules(
        preset, PLAIN, depeg__falls_to=falls, collateral__haircut={"USDC": 0.0, "USDT": 0.0}
    )
    one = held({"USDC": 1e6}, rulebook)
    assert one.maintenance[0] == pytest.approx(50e3, rel=1e-12)
    both = held({"USDC": 1e6, "USDT": 1e6}, rulebook)
    assert both.maintenance[0] == pytest.approx(120e3, rel=1e-12)
    evidence = both.explain("a")[0]
    labels = {u.unit: u.label for u in evidence.units}
    joint = "depeg USDC x0.95, USDT x0.93"
    assert labels.get("account", joint) == joint
    assert held({"USD": 1e6}, rulebook).maintenance.tolist() == [0.0]
    assert held({"USDC": -1e6}, rulebook).maintenance.tolist() == [0.0]  # a debt gains


def test_a_lost_peg_moves_the_profit_and_the_options_that_settle_in_it() -> None:
    rulebook = rules(
        without=PLAIN,
        slides__price_range_of={"BTC": 0.0, "ETH": 0.0},
        depeg__falls_to={"USDC": [0.9]},
    )
    gain = book({"BTC-LINEAR": 1.0}, entry={"BTC-LINEAR": 60_000.0})
    found = rs.assess(gain, market(), rulebook)
    assert found.maintenance[0] == pytest.approx(0.1 * 10_000.0, rel=1e-12)


def test_ten_million_of_a_stablecoin_are_charged_in_tiers() -> None:
    """1 m at .75 %, 4 m at 1.75 %, 5 m at 2.5 %: the worked figure of OKX's MR9."""
    charge: dict[str, Any] = {
        "depeg_charge__assets": ["USDT"],
        "depeg_charge__starts": [0.0, 1e6, 5e6],
        "depeg_charge__rates": [0.0075, 0.0175, 0.025],
    }
    rulebook = rules(without=PLAIN, **charge)
    found = held({"USDT": 10e6, "USDC": 10e6}, rulebook)
    assert found.components["maintenance.depeg"][0] == pytest.approx(202_500.0, rel=1e-14)
    assert found.components["initial.depeg"][0] == pytest.approx(1.25 * 202_500.0, rel=1e-14)
    assert held({"USDT": -10e6}, rulebook).components["maintenance.depeg"].tolist() == [0.0]


# --- concentration ------------------------------------------------------------------------------

SIZED = rules(without=set(PLAIN) - {"concentration"})  # 1 % from 20 m, 3 % from 100 m, 6 % 500 m


def charge_of(positions: dict[str, float], **more: Any) -> float:
    found = rs.assess(book(positions, **more), market(), SIZED)
    return float(found.components["maintenance.concentration"][0])


def test_size_is_charged_by_gross_notional_with_both_legs_of_a_spread() -> None:
    """35 m long in coin and 35 m short in USDC net to nothing and count 70 m."""
    spread = {"BTC-PERP": 35e6, "BTC-LINEAR": -500.0}
    assert charge_of(spread) == pytest.approx(0.01 * 50e6, rel=1e-12)
    assert charge_of({"BTC-PERP": 35e6, "ETH-PERP": -35e6}) == pytest.approx(0.01 * 30e6, rel=1e-12)


@PROPERTY
@given(size=st.floats(1.0, 2_000.0), short=st.floats(0.0, 1.0))
def test_twice_the_size_costs_more_than_twice_beyond_the_first_start(
    size: float, short: float
) -> None:
    """Convex in the gross exposure, spread legs included, and continuous (R-SIZE, R-CLIFF)."""
    legs = {"BTC-LINEAR": round(size, 6), "BTC-PERP": -round(size * 70e3 * short)}
    gross = legs["BTC-LINEAR"] * 70e3 - legs["BTC-PERP"]
    once = charge_of(legs)
    twice = charge_of({name: 2.0 * quantity for name, quantity in legs.items()})
    rate = [(20e6, 0.01), (100e6, 0.02), (500e6, 0.03)]  # what each start adds
    by_hand = sum(more * max(gross - start, 0.0) for start, more in rate)
    assert once == pytest.approx(by_hand, rel=1e-11, abs=1e-6)
    if 2.0 * gross > 20e6 * (1 + 1e-9):
        assert twice > 2.0 * once
    else:
        assert twice == once == 0.0
    more = charge_of(legs | {"BTC-LINEAR": round(size + 1.0, 6)})
    assert once - 1e-6 <= more <= once + 0.06 * 70e3 * (1 + 1e-9) + 1e-6


def test_orders_count_for_size_in_the_initial_requirement_alone() -> None:
    ordered = book({"BTC-PERP": 35e6}, orders=[("BTC-PERP", -35e6)])
    found = rs.assess(ordered, market(), SIZED)
    assert found.components["maintenance.concentration"][0] == pytest.approx(150e3, rel=1e-12)
    initial = found.components["initial.concentration"][0]
    assert initial == pytest.approx(1.25 * 0.01 * 50e6, rel=1e-12)


# --- evidence and refusals ----------------------------------------------------------------------

EVERYTHING: dict[str, Any] = {
    "depeg_charge__assets": ["USDT", "USDC"],
    "depeg_charge__starts": [0.0, 1e6],
    "depeg_charge__rates": [0.0075, 0.0175],
}


@pytest.mark.parametrize("unit", ["coins", "value"])
def test_named_parts_sum_exactly(unit: str) -> None:
    caps = {} if unit == "value" else {"collateral_cap__value": {"USDT": 1e6}}
    held_by = {"BTC": 600.0, "ETH": -30.0, "USDT": 3e6, "USDC": -5e6}
    full = book(
        {"BTC-PERP": 35_000_003.0, "ETH-PERP": -7_000_001.0, "ETH-P": -300.0, "SOL-LINEAR": 1.5},
        held_by,
        entry={"BTC-PERP": 65_432.1, "ETH-PERP": 2_345.6},
        orders=[("BTC-PERP", 3e6), ("ETH-P", -7.0)],
    )
    rulebook = rules(collateral_tiers__unit=unit, **caps, **EVERYTHING)
    found = rs.assess(full, market(), rulebook)
    (evidence,) = found.explain("a")
    charges = {"concentration", "depeg", "borrow"}
    assert set(evidence.maintenance_parts) == {"account", *charges}
    assert set(evidence.initial_parts) == {"scenarios", "open_orders", *charges}
    for whole, parts in (
        (evidence.maintenance, evidence.maintenance_parts),
        (evidence.initial, evidence.initial_parts),
        (evidence.equity, evidence.equity_parts),
    ):
        assert sum(parts.values()) == whole
        assert all(value != 0 for value in parts.values()), parts
    assert evidence.maintenance == round(float(found.maintenance[0]) * 1e9)
    total = sum(float(part[0]) for part in found.parts.values())
    assert total == pytest.approx(float(found.maintenance[0]), rel=1e-12)


@pytest.mark.parametrize("unit", ["coins", "value"])
@pytest.mark.parametrize("amount", [45.0, 700.0, -45.0])
def test_contributions_add_up_to_the_loss_through_tiers_and_caps(unit: str, amount: float) -> None:
    rulebook = with_tiers(
        unit,
        COINS if unit == "coins" else [x * 70e3 for x in COINS],
        FRACTIONS,
        **({} if unit == "coins" else {"collateral_cap__value": {"BTC": 2.7e6}}),
    )
    found = rs.assess(book({"BTC-PERP": 1e6}, {"BTC": amount}), market(), rulebook)
    (unit_evidence,) = found.explain("a")[0].units
    total = sum(c.pnl for c in unit_evidence.contributions)
    assert -total == pytest.approx(unit_evidence.loss, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"collateral_tiers__fractions": {"ETH": [0.9]}}, "collateral_tiers.fractions"),
        (
            {
                "collateral_tiers__starts": {"BTC": [0.0, 1.0]},
                "collateral_tiers__fractions": {"BTC": [0.9]},
            },
            "collateral_tiers.fractions.BTC",
        ),
        (
            {
                "collateral_tiers__starts": {"BTC": [1.0, 0.0]},
                "collateral_tiers__fractions": {"BTC": [0.9, 0.8]},
            },
            "collateral_tiers.starts.BTC",
        ),
        (
            {"collateral_tiers__unit": "coins", "collateral_cap__value": {"BTC": 1e6}},
            "collateral_cap.value.BTC",
        ),
        ({"borrow__initial": 0.01}, "borrow.initial"),
        ({"concentration__rates": [0.01]}, "concentration.rates"),
        ({"depeg__falls_to": {"USD": [0.9]}}, "depeg.falls_to.USD"),
    ],
)
def test_parameters_that_do_not_fit_each_other_are_refused(
    values: dict[str, Any], key: str
) -> None:
    with pytest.raises(rs.InputError) as refused:
        rs.assess(book(), market(), rules(**values))
    assert (refused.value.code, refused.value.column) == ("E_RULES", key)


def test_rates_that_do_not_rise_are_refused() -> None:
    with pytest.raises(rs.InputError, match=r"concentration\.rates"):
        rules(concentration__rates=[0.03, 0.02, 0.06])
