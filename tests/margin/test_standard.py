"""Guards the method `expiry-standard` where the books of Derive's files do not reach."""

from __future__ import annotations

from typing import Any

import pytest
from families.derive_account import CASH
from families.derive_library import rulebook_of
from margin.test_derive_rules import SRM

import riskslide as rs
from riskslide.account.evidence import Source
from riskslide.book.clock import instant
from riskslide.margin.reference import evaluate
from riskslide.market.quotes import Quote

AS_OF = "2026-02-05T08:00:00Z"
NEAR, FAR = "2026-02-27T08:00:00Z", "2026-06-26T08:00:00Z"
STRIKES = (1800.0, 2000.0, 2100.0, 5000.0)
Held = dict[str, float]


def option(strike: float, side: str = "call", expiry: str = NEAR) -> str:
    return f"ETH {expiry} {strike:g} {side}"


def instruments(settlement: str = "linear") -> rs.Instruments:
    dated = [(k, side, e) for e in (NEAR, FAR) for k in STRIKES for side in ("call", "put")]
    return rs.Instruments.from_columns(
        name=[*(option(*row) for row in dated), "ETH-PERP", "ETH-FUTURE"],
        kind=[*["option"] * len(dated), "perpetual", "future"],
        underlying="ETH",
        expiry=[*(e for _, _, e in dated), "", FAR],
        strike=[*(k for k, _, _ in dated), 0.0, 0.0],
        option_type=[*(side for _, side, _ in dated), "", ""],
        settlement=settlement,
        currency="ETH" if settlement == "inverse" else CASH,
        lot=0.01,
    )


def market(**more: Any) -> rs.Market:
    names = instruments().name
    quotes = {
        "spot": {"ETH": 2000.0, CASH: 1.0, "BTC": 70_000.0},
        "forward": {("ETH", NEAR): 2005.0, ("ETH", FAR): 2030.0},
        "vol": {name: 0.7 for name in names if name.startswith("ETH 2")},
        "mark": {"ETH-PERP": 2001.0, "ETH-FUTURE": 2031.0},
    }
    return rs.Market.of(AS_OF, **{k: quotes.get(k, {}) | more.get(k, {}) for k in quotes | more})


def assess(
    *accounts: Held, cash: float = 0.0, quotes: rs.Market | None = None, **more: Any
) -> rs.Assessment:
    rows = [(f"{k}", name, n) for k, held in enumerate(accounts) for name, n in held.items()]
    book = rs.Portfolio.from_columns(
        more.pop("listed", instruments()),
        account=[a for a, _, _ in rows],
        instrument=[i for _, i, _ in rows],
        quantity=[n for _, _, n in rows],
        **{"balance_account": ["0"], "balance_asset": [CASH], "balance_amount": [cash]}
        | {k: more.pop(k) for k in list(more) if k.startswith(("balance", "order"))},
    )
    return rs.assess(book, quotes or market(), rulebook_of(SRM | more, "expiry-standard"))


RATIO = {option(2000.0): -20.0, option(2100.0): 19.0}  # twenty sold, nineteen bought


def test_the_largest_loss_ends_at_the_highest_strike_that_the_account_holds() -> None:
    """Whatever strikes others hold: 19 calls lose 100 each, and one has the unpaired charge."""
    alone = assess(RATIO)
    beside = assess(RATIO, {option(5000.0): 3.0, option(1800.0, "put"): -1.0})
    value = alone.option_value[0]
    wanted = value + 20 * 100.0 + 1.1 * 2005.0
    assert alone.components["bounded_maintenance"][0] == pytest.approx(wanted, rel=1e-12)
    assert alone.maintenance[0] == alone.components["bounded_maintenance"][0]
    for name in ("maintenance", "initial", "equity"):
        assert getattr(beside, name)[0] == getattr(alone, name)[0]


@pytest.mark.parametrize("count", [2, 60, 1000])
def test_every_strike_of_an_expiry_is_told_apart(count: int) -> None:
    """Of many strikes an account is short at one: at those above it nothing is held."""
    strikes = [1000.0 + k for k in range(count)]
    listed = rs.Instruments.from_columns(
        name=[f"{k:g}" for k in strikes],
        kind="option",
        underlying="ETH",
        expiry=NEAR,
        strike=strikes,
        option_type="call",
        currency=[CASH] * count,
        lot=0.01,
    )
    quotes = market(vol=dict.fromkeys(listed.name, 0.7))
    for at in {0, count // 2, count - 2, count - 1}:
        held = {f"{strikes[at]:g}": -1.0} | ({f"{strikes[0]:g}": 0.5} if at else {})
        found = assess(held, {f"{strikes[-1]:g}": 1.0}, quotes=quotes, listed=listed)
        net = 0.5 if at else 1.0  # what is held at the lowest strike pays up to the one sold
        wanted = found.option_value[0] + 1.1 * 2005.0 * net
        assert found.components["bounded_maintenance"][0] == pytest.approx(wanted, rel=1e-12)


def test_more_strikes_than_can_be_told_apart_are_refused() -> None:
    listed = rs.Instruments.from_columns(
        name=[str(k) for k in range(1, 1002)],
        kind="option",
        underlying="ETH",
        expiry=NEAR,
        strike=[float(k) for k in range(1, 1002)],
        option_type="call",
        currency=[CASH] * 1001,
        lot=0.01,
    )
    with pytest.raises(rs.InputError) as refused:
        assess({"1": 1.0}, quotes=market(vol=dict.fromkeys(listed.name, 0.7)), listed=listed)
    assert (refused.value.code, refused.value.value) == ("E_RANGE", 1001)


def test_a_spread_needs_its_width_and_a_single_call_a_part_of_the_spot() -> None:
    spread = assess({option(2000.0): -1.0, option(2100.0): 1.0})
    assert spread.equity[0] - spread.maintenance[0] == pytest.approx(-100.0)
    single = assess({option(2000.0): -1.0})
    assert single.maintenance[0] == pytest.approx(0.075 * 2000.0)
    assert single.initial[0] == pytest.approx(0.15 * 2000.0)
    bought = assess({option(2000.0): 2.0, option(1800.0, "put"): 1.0})
    assert bought.maintenance[0] == pytest.approx(bought.option_value[0])
    assert bought.equity[0] - bought.initial[0] == pytest.approx(0.0, abs=1e-9)


def test_expiries_do_not_net() -> None:
    near, far = option(2000.0), option(2100.0, expiry=FAR)
    both = assess({near: -1.0, far: 1.0})
    single = [assess({name: n}) for name, n in ((near, -1.0), (far, 1.0))]
    assert both.maintenance[0] == pytest.approx(sum(x.maintenance[0] for x in single))


def test_a_dated_future_is_charged_as_a_perpetual_is() -> None:
    found = assess({"ETH-FUTURE": -3.0})
    assert found.maintenance[0] == pytest.approx(0.05 * 3 * 2031.0)
    assert found.initial[0] == pytest.approx(0.065 * 3 * 2031.0)
    pair = assess({"ETH-FUTURE": -3.0, "ETH-PERP": 3.0})
    assert pair.maintenance[0] == pytest.approx(0.05 * 3 * (2031.0 + 2001.0))


def test_contracts_in_coin_count_as_those_in_dollars() -> None:
    """At forwards equal to the spot, where a coin's worth of premium is worth its dollars."""
    level = market(forward={("ETH", NEAR): 2000.0, ("ETH", FAR): 2000.0})
    held = {option(2000.0): -20.0, option(2100.0): 19.0, option(1800.0, "put"): -2.0}
    dollars = assess(held, quotes=level)
    coins = assess(held, quotes=level, listed=instruments("inverse"))
    for name in ("equity", "maintenance", "initial"):
        assert getattr(coins, name)[0] == pytest.approx(getattr(dollars, name)[0], rel=1e-12)
    assert any(w.startswith("W_COIN_SETTLED") for w in coins.warnings)
    assert not any(w.startswith("W_COIN_SETTLED") for w in dollars.warnings)


def test_a_coin_that_is_owed_counts_in_full_and_an_unknown_one_not_at_all() -> None:
    def of(asset: str, amount: float, **more: Any) -> rs.Assessment:
        balance = {"balance_account": ["0"], "balance_asset": [asset], "balance_amount": [amount]}
        return assess({}, **balance, **more)

    owed = of("ETH", -2.0)
    assert (owed.equity[0], owed.maintenance[0]) == (-4000.0, 0.0)
    unknown = of("BTC", 1.0)  # counts as equity, and is asked for again
    assert unknown.equity[0] - unknown.maintenance[0] == 0.0
    unlisted = of("BTC", 1.0, **{"collateral.haircut_other": 1.0})
    assert (unlisted.equity[0], unlisted.maintenance[0], unlisted.initial[0]) == (0.0, 0.0, 0.0)


def test_a_stable_off_its_peg_leaves_the_value_of_coins_alone() -> None:
    quotes = market(spot={"ETH": 2000.0, CASH: 0.9})
    balance = {"balance_account": ["0"] * 2, "balance_asset": [CASH, "ETH"]}
    found = assess({}, quotes=quotes, **balance, balance_amount=[1000.0, 3.0])
    assert found.collateral[0] == pytest.approx(1000.0 + 3 * 2000.0)


def test_what_has_expired_counts_at_its_settlement_price() -> None:
    later = rs.Market.of(
        "2026-02-27T09:00:00Z",
        spot={"ETH": 2080.0, CASH: 1.0},
        forward={("ETH", FAR): 2100.0},
        vol={name: 0.7 for name in instruments().name if name.startswith("ETH 2")},
        mark={"ETH-PERP": 2001.0, "ETH-FUTURE": 2031.0},
        settlement={("ETH", NEAR): Quote(2050.0, instant(NEAR))},
    )
    sold = assess({option(2000.0): -1.0}, quotes=later)
    assert sold.option_value[0] == pytest.approx(-50.0)
    assert sold.maintenance[0] == pytest.approx(0.075 * 2080.0)


def test_a_contract_whose_spot_is_not_quoted_is_refused() -> None:
    bare = rs.Market.of(
        AS_OF,
        forward={("ETH", NEAR): 2005.0, ("ETH", FAR): 2030.0},
        vol={name: 0.7 for name in instruments().name if name.startswith("ETH 2")},
        mark={"ETH-PERP": 2001.0, "ETH-FUTURE": 2031.0},
    )
    with pytest.raises(rs.InputError) as refused:
        assess({option(2000.0): 1.0}, quotes=bare)
    assert (refused.value.code, refused.value.value) == ("E_MISSING_PRICE", "ETH")


def test_open_orders_are_free_and_said_to_be() -> None:
    orders = {"order_account": ["0"], "order_instrument": ["ETH-PERP"], "order_quantity": [50.0]}
    found, without = assess(RATIO, **orders), assess(RATIO)
    assert found.initial[0] == without.initial[0]
    assert any(w.startswith("W_ORDERS_FREE") for w in found.warnings)
    assert not any(w.startswith("W_ORDERS_FREE") for w in without.warnings)


@pytest.mark.parametrize("section", ["base", "oracle", "peg"])
def test_a_part_that_a_rule_book_leaves_out_is_absent(section: str) -> None:
    less = {k: v for k, v in SRM.items() if not k.startswith(f"{section}.")}
    book = rs.Portfolio.from_columns(
        instruments(), account=["0"], instrument=["ETH-PERP"], quantity=[1.0]
    )
    found = rs.assess(book, market(), rulebook_of(less, "expiry-standard"))
    name = {"peg": "depeg"}.get(section, section)
    assert f"initial.{name}" not in found.components
    assert found.initial[0] == pytest.approx(0.065 * 2001.0)


def test_the_kernel_finds_what_the_naive_walk_of_the_program_finds() -> None:
    held = [RATIO, {option(1800.0, "put"): -3.0, "ETH-PERP": 2.0}, {option(5000.0): 1.0}]
    found = assess(*held, cash=-50.0)
    source = found.source
    assert isinstance(source, Source)
    positions, cash = source.positions.csr, source.cash
    naive = evaluate(source.program, source.cube.cells, positions, cash)
    for name in ("maintenance", "initial", "equity"):
        k = source.program.outputs.index(name)
        assert naive["outputs"][:, k] == pytest.approx(getattr(found, name), rel=1e-12, abs=1e-9)
    again = type(source.program).from_bytes(source.program.to_bytes())
    assert again.sha256 == source.program.sha256


def test_units_are_expiries_underlyings_and_cash() -> None:
    (evidence,) = assess({**RATIO, "ETH-PERP": 1.0}, cash=10.0).explain("0")
    assert [u.unit for u in evidence.units] == ["cash", f"ETH {NEAR}", "ETH"]
    assert {u.loss for u in evidence.units} == {0.0}
    parts = {name for name, x in evidence.maintenance_parts.items() if x}
    assert parts == {"option", "perpetual"}
