"""Guards unified margin: joint moves, the declared part of gains, coins at the scenario's price,
and a requirement that does not depend on the currency it is told in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from margin.unified_by_hand import (
    AS_OF,
    EXPIRY,
    MARK,
    PLAIN,
    SPOT,
    book,
    contracts,
    market,
    rules,
)

import riskslide as rs
from riskslide.book.clock import instant

YEARS = (instant(EXPIRY, "e") - instant(AS_OF, "a")) / (365 * 86_400 * 1e9)
HEDGE = {"ETH-P": -100.0, "BTC-PERP": -150_000.0}  # short puts on ETH, short BTC against them


def put(forward: float, vol: float) -> float:
    """Black-76, undiscounted, strike 2,400."""
    deviation = vol * math.sqrt(YEARS)
    d1 = math.log(forward / 2_400.0) / deviation + deviation / 2

    def cdf(x: float) -> float:
        return math.erfc(-x / math.sqrt(2)) / 2

    return 2_400.0 * cdf(deviation - d1) - forward * cdf(-d1)


def scenarios_by_hand(apart: float = 0.0) -> list[tuple[float, float, float]]:
    """(move of BTC, move of ETH, factor of the vol)."""
    grid = [(0.16 * k / 4, 0.18 * k / 4, v) for k in range(-4, 5) for v in (0.72, 1.0, 1.45)]
    if apart:
        b, e = 0.16 * apart, 0.18 * apart
        grid += [(b, -e, 1.0), (-b, e, 1.0), (-b, e, 1.0), (b, -e, 1.0)]
    return grid


def pnl_by_hand(btc: float, eth: float, vol: float) -> tuple[float, float]:
    """USD, of the short BTC perpetual and of the short puts, in coin at the scenario's price."""
    price, moved = 70_000.0, 70_000.0 * (1 + btc)
    coin = -150_000.0 * (1 / price - 1 / moved) * moved
    return coin, -100.0 * (put(2_500.0 * (1 + eth), 0.7 * vol) - put(2_500.0, 0.7))


def margin(positions: dict[str, float], rulebook: rs.Rulebook, **more: Any) -> rs.Assessment:
    return rs.assess(book(positions, **more), market(), rulebook)


# --- offsets ------------------------------------------------------------------------------------


@pytest.mark.parametrize("apart", [0.0, 0.5])
@pytest.mark.parametrize("offset", [1e-12, 0.25, 0.5, 1.0])
def test_an_option_in_eth_is_hedged_by_a_future_in_btc_at_the_declared_part(
    offset: float, apart: float
) -> None:
    section: dict[str, Any] = {"apart__share": apart} if apart else {}
    found = margin(HEDGE, rules(without=PLAIN, slides__offset=offset, **section))
    sums = [
        sum(x if x < 0 else offset * x for x in pnl_by_hand(*s)) for s in scenarios_by_hand(apart)
    ]
    assert found.maintenance[0] == pytest.approx(-min(sums), rel=1e-9)
    assert found.units == ("account",)
    assert found.worst_scenario[0] == sums.index(min(sums))


def test_without_an_offset_every_underlying_takes_its_own_worst() -> None:
    found = margin(HEDGE, rules(without=PLAIN, slides__offset=0.0))
    both = [pnl_by_hand(*s) for s in scenarios_by_hand()]
    worst = [-min(p[k] for p in both) for k in range(2)]
    assert found.maintenance[0] == pytest.approx(sum(worst), rel=1e-9)
    assert {"BTC", "ETH"} <= set(found.units)


def test_a_hedge_never_helps_more_than_the_declared_part() -> None:
    """The requirement falls with the offset, and a full one leaves the sum of both."""
    steps = (0.0, 1e-9, 0.2, 0.4, 0.6, 0.8, 1.0)
    asked = [margin(HEDGE, rules(without=PLAIN, slides__offset=x)).maintenance[0] for x in steps]
    assert asked == sorted(asked, reverse=True)
    assert asked[-1] == pytest.approx(
        -min(sum(pnl_by_hand(*s)) for s in scenarios_by_hand()), rel=1e-9
    )
    assert asked[-1] < 0.75 * asked[0]


def test_what_no_group_names_offsets_nothing() -> None:
    """SOL is not among those that offset: short SOL pays for no loss of BTC (R-OFFSET)."""
    rulebook = rules(without=PLAIN, slides__offset=1.0)
    alone = margin({"BTC-PERP": 70_000.0}, rulebook).maintenance[0]
    hedged = margin({"BTC-PERP": 70_000.0, "SOL-LINEAR": -100.0}, rulebook).maintenance[0]
    assert hedged == alone
    named = rules(without=PLAIN, slides__offset=1.0, slides__offset_among=["BTC", "SOL"])
    assert margin({"BTC-PERP": 70_000.0, "SOL-LINEAR": -100.0}, named).maintenance[0] < 0.8 * alone


def test_legs_that_hedge_each_other_fully_still_pay_for_moving_apart() -> None:
    """Long BTC against short ETH of the same swing: the grid sees nothing, the columns in which
    they move apart see both lose."""
    pair = {"BTC-LINEAR": 1.0, "ETH-PERP": -round(0.16 / 0.18 * 70_000.0)}
    still = margin(pair, rules(without=PLAIN, slides__offset=1.0)).maintenance[0]
    apart = margin(pair, rules(without=PLAIN, slides__offset=1.0, apart__share=0.5))
    assert still < 1.0
    assert apart.maintenance[0] == pytest.approx(0.08 * 70_000.0 * 2, rel=1e-4)
    assert apart.scenarios[int(apart.worst_scenario[0])].endswith("all others up")


def test_the_name_of_an_underlying_decides_nothing() -> None:
    """One that is called as the unit of the account is, where nothing offsets."""
    odd = rs.Instruments.from_columns(
        name=["P"], kind="perpetual", underlying="account", settlement="linear", currency="account"
    )
    one = rs.Portfolio.from_columns(odd, account=["a"], instrument=["P"], quantity=[1.0])
    quotes = rs.Market.of(AS_OF, spot={"account": 1.0}, mark={"P": 100.0})
    rulebook = rules(without=PLAIN, slides__offset=0.0)
    assert rs.assess(one, quotes, rulebook).maintenance[0] == pytest.approx(0.75 * 25.0, rel=1e-12)


def test_a_book_of_nothing_needs_nothing_under_every_section() -> None:
    nothing = rs.Instruments.from_columns(name=[], kind="option", underlying="BTC")
    empty = rs.Portfolio.from_columns(
        nothing, balance_account=["a"], balance_asset=["USD"], balance_amount=[0.0]
    )
    charge = {
        "depeg_charge__assets": ["USDT"],
        "depeg_charge__starts": [0.0],
        "depeg_charge__rates": [0.01],
    }
    for offset in (0.0, 0.5):
        found = rs.assess(empty, market(), rules(slides__offset=offset, **charge))
        assert (found.maintenance.tolist(), found.initial.tolist()) == ([0.0], [0.0])
        nobody = rs.Portfolio.from_columns(nothing)
        assert len(rs.assess(nobody, market(), rules(slides__offset=offset, **charge))) == 0


# --- collateral in the scenarios -----------------------------------------------------------------


def test_long_bitcoin_backed_by_bitcoin_needs_more_than_backed_by_dollars() -> None:
    """R-WWR; the haircut is not a substitute for the move."""
    rulebook = rs.load_rulebook("generic-unified")
    positions = {"BTC-PERP": 700_000.0}
    coins = margin(positions, rulebook, balances={"BTC": 10.0})
    dollars = margin(positions, rulebook, balances={"USD": 0.98 * 700_000.0})
    assert coins.equity[0] == pytest.approx(dollars.equity[0], rel=1e-12)
    more = coins.maintenance[0] - dollars.maintenance[0]
    assert more == pytest.approx(0.16 * 0.98 * 700_000.0, rel=1e-12)


def test_coins_that_back_a_short_cover_it_as_they_count() -> None:
    """One underlying nets in full: 10 BTC at .98 lose what a short of 686,000 USD gains."""
    rulebook = rules(without=set(PLAIN) - {"collateral_tiers"}, slides__offset=0.5)
    found = margin({"BTC-LINEAR": -9.8}, rulebook, balances={"BTC": 10.0})
    assert found.maintenance[0] == pytest.approx(0.0, abs=1e-6)


def test_profit_in_every_coin_counts_at_the_price_of_the_scenario() -> None:
    """One account settles in BTC, ETH and USDC; all of it falls together."""
    entry = {"BTC-PERP": 60_000.0, "ETH-PERP": 2_000.0, "BTC-LINEAR": 65_000.0}
    positions = {"BTC-PERP": 600_000.0, "ETH-PERP": 100_000.0, "BTC-LINEAR": 1.0}
    found = margin(positions, rules(without=PLAIN), entry=entry)
    in_btc = 600_000.0 * (1 / 60_000.0 - 1 / 70_000.0)
    in_eth = 100_000.0 * (1 / 2_000.0 - 1 / 2_500.0)
    assert found.unrealised_pnl[0] == pytest.approx(
        in_btc * 70_000.0 + in_eth * 2_500.0 + 5_000.0, rel=1e-12
    )
    low, ether = 70_000.0 * 0.84, 2_500.0 * 0.82
    moved = (
        600_000.0 * (1 / 70_000.0 - 1 / low) * low
        + in_btc * (low - 70_000.0)
        + 100_000.0 * (1 / 2_500.0 - 1 / ether) * ether
        + in_eth * (ether - 2_500.0)
        + (low - 70_000.0)
    )
    assert found.maintenance[0] == pytest.approx(-moved, rel=1e-12)


# --- the currency that is reported in ------------------------------------------------------------

FULL: dict[str, Any] = {
    "positions": {"BTC-PERP": 40e6, "ETH-PERP": -3e6, "ETH-P": -900.0, "BTC-LINEAR": 7.25},
    "balances": {"BTC": 300.0, "ETH": -25.0, "USDT": 2e6, "USDC": -3e6, "USD": 1e5, "EUR": 4e5},
    "entry": {"BTC-PERP": 64_000.0, "ETH-PERP": 2_700.0},
    "orders": [("BTC-PERP", 1e6), ("ETH-P", -50.0)],
}
EUROS = 1.0 / 0.92  # USD per EUR


def told_in(currency: str, rate: float) -> rs.Assessment:
    """The same book and rules with every amount in a currency worth `rate` USD; the dollar stands
    still."""

    def by_rate(amounts: list[float]) -> list[float]:
        return [x / rate for x in amounts]

    value: dict[str, Any] = {
        "reporting__currency": currency,
        "numeraire__currency": "USD",
        "reporting__par": ["USD", "USDC", "USDT"],
        "collateral__haircut": {"USD": 0.0, "USDC": 0.0, "USDT": 0.001, "EUR": 0.02},
        "collateral_tiers__starts": {
            "BTC": by_rate([0.0, 5e6, 15e6]),
            "ETH": by_rate([0.0, 10e6]),
        },
        "collateral_tiers__fractions": {"BTC": [0.98, 0.9, 0.5], "ETH": [0.95, 0.5]},
        "collateral_cap__value": {"USDT": 1.5e6 / rate},
        "concentration__starts": by_rate([5e6, 20e6]),
        "concentration__rates": [0.01, 0.05],
        "depeg__falls_to": {"USDC": [0.9, 1.0], "USDT": [1.0, 0.4]},
    }
    spots = SPOT | {"USDT": 1.001, "USD": 1.0, "EUR": EUROS, "SOL": 120.0}
    quotes = rs.Market.of(
        AS_OF,
        spot={name: x / rate if name != currency else 1.0 for name, x in spots.items()},
        mark=MARK,
        vol={"ETH-P": 0.7},
        forward={("ETH", EXPIRY): 2_500.0},
    )
    full = book(FULL["positions"], FULL["balances"], entry=FULL["entry"], orders=FULL["orders"])
    return rs.assess(full, quotes, rules(**value))


TOLD_IN = [("EUR", EUROS), ("BTC", 70_000.0), ("ETH", 2_500.0)]


@pytest.mark.parametrize(("currency", "rate"), TOLD_IN)
def test_a_relabelled_reporting_currency_scales_every_figure(currency: str, rate: float) -> None:
    """Amounts at today's rate: also in a coin, which moves in the scenarios as it does in USD."""
    dollars, other = told_in("USD", 1.0), told_in(currency, rate)
    names = ("maintenance", "initial", "equity", "collateral", "unrealised_pnl", "option_value")
    for name in names:
        wanted = getattr(dollars, name) / rate
        assert getattr(other, name) == pytest.approx(wanted, rel=1e-11), name
    assert set(other.components) == set(dollars.components)
    for name, figure in dollars.components.items():
        assert other.components[name] == pytest.approx(figure / rate, rel=1e-9), name
    assert (other.components["maintenance.concentration"] > 0).all()
    assert other.worst_scenario.tolist() == dollars.worst_scenario.tolist()
    assert other.status.tolist() == dollars.status.tolist()


def in_bitcoin(spot: dict[str, float]) -> rs.Market:
    forward = {("ETH", EXPIRY): 2_500.0}
    return rs.Market.of(AS_OF, spot=spot, mark=MARK, vol={"ETH-P": 0.7}, forward=forward)


def test_contracts_on_the_measure_are_refused_without_a_numeraire() -> None:
    """Reported in BTC, BTC would stand still in every scenario, and all that is written on it."""
    spot = {"BTC": 1.0, "ETH": 2_500.0 / 70_000.0, "USDC": 1 / 70_000.0}
    rulebook = rules(without=PLAIN, reporting__currency="BTC", reporting__par=["USDC"])
    with pytest.raises(rs.InputError, match="numeraire") as refused:
        rs.assess(book({"BTC-PERP": 70_000.0}), in_bitcoin(spot), rulebook)
    assert (refused.value.code, refused.value.column) == ("E_RULES", "reporting.currency")


def test_contracts_on_what_stands_at_par_are_warned_of() -> None:
    at_par = rules(without=PLAIN, reporting__par=["USD", "USDC", "ETH"])
    found = margin({"BTC-PERP": 70_000.0}, at_par).warnings
    assert [w for w in found if w.startswith("W_CONTRACT_AT_PAR: ETH")]
    plain = margin({"BTC-PERP": 70_000.0}, rs.load_rulebook("generic-unified")).warnings
    assert not [w for w in plain if w.startswith("W_CONTRACT_AT_PAR")]


def test_a_numeraire_needs_a_price_and_par_counts_in_it() -> None:
    rulebook = rules(without=PLAIN, reporting__currency="BTC", numeraire__currency="USD")
    empty = book({"BTC-LINEAR": 1.0}, {"USDC": 700.0})
    quotes = {"BTC": 1.0, "ETH": 2_500.0 / 70_000.0}
    with pytest.raises(rs.InputError) as refused:
        rs.assess(empty, in_bitcoin(quotes), rulebook)
    assert (refused.value.code, refused.value.value) == ("E_MISSING_PRICE", "USD")
    quotes["USD"] = 1 / 70_000.0
    found = rs.assess(empty, in_bitcoin(quotes), rulebook)
    assert found.collateral[0] == pytest.approx(0.01, rel=1e-12)


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_a_rate_of_exchange_that_is_not_positive_is_refused(rate: float) -> None:
    """R-FX; every coin has one rate to the reporting currency, so that no triangle can be open."""
    with pytest.raises(rs.InputError) as refused:
        rs.assess(book({"BTC-LINEAR": 1.0}), market(SPOT | {"USDC": rate}), rules())
    assert refused.value.code == "E_FX"


def test_the_reporting_currency_has_no_other_price_than_one() -> None:
    with pytest.raises(rs.InputError) as refused:
        rs.assess(book({}, {"USD": 1.0}), market(SPOT | {"USD": 1.01}), rules())
    assert refused.value.code == "E_FX"


# --- a joint set of moves ------------------------------------------------------------------------

HISTORY = {
    "BTC": [-0.10, 0.04, -0.02, 0.11, -0.25],
    "ETH": [-0.14, -0.03, 0.05, 0.09, -0.20],
    "USDC": [0.0, 0.0, -0.01, 0.0, -0.06],
    "SOL": [0.0, 0.0, 0.0, 0.0, 0.0],
}


def test_a_lost_peg_must_be_one_of_the_factors() -> None:
    with pytest.raises(rs.InputError) as refused:
        rs.Scenarios.joint(HISTORY, lost_pegs=["USDT"])
    assert (refused.value.code, refused.value.column) == ("E_UNKNOWN", "lost_pegs")


def test_what_is_at_par_stands_still_unless_it_loses_its_peg() -> None:
    for pegs, wanted in (((), 0.0), (("USDC",), -600.0)):
        owned = rs.Instruments.from_columns(
            name=["cash"], kind="spot", underlying="USDC", currency="USDC", lot=1.0
        )
        cash = rs.Portfolio.from_columns(
            owned, account=["a"], instrument=["cash"], quantity=[10_000.0]
        )
        joint = rs.Scenarios.joint(HISTORY, lost_pegs=pegs)
        assert rs.stress(cash, market(), joint)[0, -1] == pytest.approx(wanted, abs=1e-9)


def test_a_joint_set_moves_every_coin_of_one_account_together() -> None:
    """Stress, worst loss and tail of the hedged book under the same history, each coin's P&L at the
    coin's price in the scenario."""
    joint = rs.Scenarios.joint(HISTORY, lost_pegs=["USDC"])
    positions = HEDGE | {"BTC-LINEAR": 0.5}
    found = rs.stress(book(positions), market(), joint)[0]
    by_hand = []
    for btc, eth, usdc, _ in zip(*HISTORY.values(), strict=True):
        linear = 0.5 * (1 + usdc) * 70_000.0 * btc
        by_hand.append(sum(pnl_by_hand(btc, eth, 1.0)) + linear)
    assert found == pytest.approx(by_hand, rel=1e-9)
    cube = rs.revalue(contracts(), market(), joint)
    names = contracts().index
    lots = [round(q / float(contracts().lot[names[n]])) for n, q in positions.items()]
    one = rs.Positions.from_columns([0] * len(lots), [names[n] for n in positions], lots)
    per_lot = rs.Cube.from_values(cube.values * contracts().lot[:, None], joint)
    worst = rs.worst_loss(one, per_lot)
    assert worst.loss[0] == pytest.approx(-min(by_hand), rel=1e-9)
    assert worst.scenario[0] == by_hand.index(min(by_hand))
    edge = rs.tail(one, per_lot, level=0.6)  # two of five
    two = sorted(by_hand)[:2]
    assert edge.expected_shortfall[0] == pytest.approx(-np.mean(two), rel=1e-9)
    assert edge.value_at_risk[0] == pytest.approx(-sorted(by_hand)[2], rel=1e-9)
