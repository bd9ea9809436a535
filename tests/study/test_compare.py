"""Guards rs.compare: figures of each rule book, what stands alone, failures, and which is more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskslide as rs
from riskslide.study.alone import By, alone
from riskslide.study.compare import saving_of
from riskslide.venue.load import preset_names

PROPERTY = settings(max_examples=40, deadline=None, derandomize=True, database=None)
AS_OF = "2026-02-05T12:00:00Z"
NEAR, FAR = "2026-02-27T08:00:00Z", "2026-06-26T08:00:00Z"
SPOT = {"BTC": 71_000.0, "ETH": 2_100.0, "EURR": 1.18}
ACCOUNTS = ("a", "b", "c")


class Terms(NamedTuple):
    """One contract of the test: EURR is a currency that is not at par, and moves in scenarios."""

    underlying: str
    kind: str
    currency: str
    expiry: str = ""
    strike: float = 0.0
    side: str = ""
    settlement: str = "linear"


CONTRACTS = (
    Terms("BTC", "option", "USDC", NEAR, 65_000.0, "call"),
    Terms("BTC", "option", "BTC", NEAR, 80_000.0, "call", "inverse"),
    Terms("BTC", "option", "BTC", FAR, 60_000.0, "put", "inverse"),
    Terms("BTC", "option", "BTC", FAR, 150_000.0, "call", "inverse"),
    Terms("BTC", "option", "BTC", FAR, 160_000.0, "call", "inverse"),
    Terms("ETH", "option", "USDC", NEAR, 2_000.0, "put"),
    Terms("ETH", "option", "ETH", FAR, 2_600.0, "call", "inverse"),
    Terms("BTC", "perpetual", "USDC"),
    Terms("BTC", "perpetual", "EURR"),
    Terms("ETH", "perpetual", "ETH", settlement="inverse"),
    Terms("BTC", "future", "BTC", FAR, settlement="inverse"),
    Terms("BTC", "spot", "USD"),
)
NAMES = tuple(f"I{k}" for k in range(len(CONTRACTS)))
INSTRUMENTS = rs.Instruments.from_columns(
    name=NAMES,
    kind=[c.kind for c in CONTRACTS],
    underlying=[c.underlying for c in CONTRACTS],
    currency=[c.currency for c in CONTRACTS],
    expiry=[c.expiry for c in CONTRACTS],
    strike=[c.strike for c in CONTRACTS],
    option_type=[c.side for c in CONTRACTS],
    settlement=[c.settlement for c in CONTRACTS],
    lot=0.1,
)
MARKET = rs.Market.of(
    AS_OF,
    spot=SPOT,
    forward={
        (u, e): SPOT[u] * (1.0 + 0.01 * (e == FAR)) for u in ("BTC", "ETH") for e in (NEAR, FAR)
    },
    mark={"I7": 71_020.0, "I8": 60_100.0, "I9": 2_101.0, "I10": 71_700.0},
    vol={n: 0.5 + 0.03 * k for k, n in enumerate(NAMES) if CONTRACTS[k].kind == "option"},
)
COMPLETE = [
    r.name
    for r in map(rs.load_rulebook, preset_names())
    if r.status == "complete" and r.terms.reporting == "USD"  # others are compared apart
]
NAMED = ["generic-slides", "deribit-spm", "deribit-xpm"]
FIGURES = ("initial", "maintenance", "equity")

Row = tuple[str, int, int, float | None]  # account, contract, lots, entry price
Cash = tuple[str, str, int]
some_rows = st.lists(
    st.tuples(
        st.sampled_from(ACCOUNTS),
        st.integers(0, len(CONTRACTS) - 1),
        st.integers(-3_000, 3_000),
        st.sampled_from([None, 2_000.0, 70_000.0]),
    ),
    min_size=1,
    max_size=25,
)
some_cash = st.lists(
    st.tuples(
        st.sampled_from(ACCOUNTS),
        st.sampled_from(["BTC", "ETH", "USDC", "EURR"]),
        st.integers(-500, 500),
    ),
    max_size=6,
)


def book(rows: Sequence[Row], cash: Sequence[Cash] = (), **more: Any) -> rs.Portfolio:
    return rs.Portfolio.from_columns(
        INSTRUMENTS,
        account=[r[0] for r in rows],
        instrument=[NAMES[r[1]] for r in rows],
        quantity=[r[2] * 0.1 for r in rows],
        entry_price=[r[3] for r in rows],
        balance_account=[c[0] for c in cash],
        balance_asset=[c[1] for c in cash],
        balance_amount=[float(c[2]) for c in cash],
        **more,
    )


def changed(name: str, **values: Any) -> rs.Rulebook:
    """A preset with other values; two underscores stand for the point of a key."""
    found = rs.load_rulebook(name)
    parameters = dict(found.parameters)
    for key, value in values.items():
        dotted = key.replace("__", ".")
        parameters[dotted] = replace(parameters[dotted], value=value)
    return replace(found, parameters=parameters)


def by_account(found: rs.Assessment, figure: str) -> dict[str, float]:
    out: dict[str, float] = {}
    for account, value in zip(found.account, getattr(found, figure).tolist(), strict=True):
        out[account] = out.get(account, 0.0) + value
    return out


def columns(found: rs.Comparison, figure: str, label: str) -> dict[str, Any]:
    values = getattr(found, figure)[found.lines_of(label)]
    return dict(zip(found.accounts, values, strict=True))


# Figures


@PROPERTY
@given(some_rows, some_cash)
def test_figures_are_those_of_every_rule_book_alone(rows: list[Row], cash: list[Cash]) -> None:
    portfolio = book(rows, cash)
    found = rs.compare(portfolio, MARKET, COMPLETE)
    assert len(found) == len(portfolio.accounts) * len(found.warnings)
    assert set(NAMED) <= set(found.warnings)
    for name in COMPLETE:
        if name in found.failures:
            with pytest.raises(rs.InputError, match=found.failures[name].code):
                rs.assess(portfolio, MARKET, rs.load_rulebook(name))
            continue
        alone_under = rs.assess(portfolio, MARKET, rs.load_rulebook(name))
        for figure in FIGURES:
            expected = by_account(alone_under, figure)
            assert columns(found, figure, name) == pytest.approx(expected, rel=1e-12)
        assert found.warnings[name] == alone_under.warnings
        assert found.sha256[name] == alone_under.rulebook_sha256
        status: dict[str, int] = {}
        for account, code in zip(alone_under.account, alone_under.status.tolist(), strict=True):
            status[account] = max(status.get(account, 0), code)
        assert columns(found, "status", name) == status
    np.testing.assert_array_equal(found.excess, found.equity - found.initial)


@PROPERTY
@given(some_rows, some_cash)
def test_worst_scenario_is_that_of_the_largest_loss_of_any_pool(
    rows: list[Row], cash: list[Cash]
) -> None:
    portfolio = book(rows, cash)
    found = rs.compare(portfolio, MARKET, COMPLETE)
    for place, name in enumerate(found.warnings):
        whole = rs.assess(portfolio, MARKET, rs.load_rulebook(name))
        for k, account in enumerate(portfolio.accounts):
            units = [u for evidence in whole.explain(account) for u in evidence.units]
            worst = max(units, key=lambda u: u.loss, default=None)
            loses = worst is not None and worst.loss > 1e-6
            line = k * len(found.warnings) + place
            shown = (found.worst_unit[line], found.worst_scenario[line])
            assert shown == ((worst.unit, worst.label) if worst and loses else ("", ""))


def brute_force(rows: Sequence[Row], cash: Sequence[Cash], by: By, rules: str) -> dict[str, float]:
    """Maintenance of every account's parts, each written down as an account of its own."""
    leg = by == "leg"
    held = [(f"{r[0]}|{r[1] if leg else CONTRACTS[r[1]].underlying}", *r[1:]) for r in rows]
    owned = [(f"{c[0]}|{'cash ' if leg else ''}{c[1]}", *c[1:]) for c in cash]
    found = rs.assess(book(held, owned), MARKET, rs.load_rulebook(rules))
    out = dict.fromkeys((x[0] for x in (*rows, *cash)), 0.0)
    for part, value in by_account(found, "maintenance").items():
        out[part[0]] += value
    return out


@PROPERTY
@given(some_rows, some_cash, st.sampled_from(COMPLETE))
def test_parts_alone_need_what_they_need_as_accounts(
    rows: list[Row], cash: list[Cash], rules: str
) -> None:
    try:
        found = rs.compare(book(rows, cash), MARKET, [rules])
    except rs.InputError as error:
        assert rules not in NAMED
        with pytest.raises(rs.InputError, match=error.code):
            rs.assess(book(rows, cash), MARKET, rs.load_rulebook(rules))
        return
    for figure, by in (("leg_by_leg", "leg"), ("by_underlying", "underlying")):
        expected = brute_force(rows, cash, by, rules)  # type: ignore[arg-type]
        assert columns(found, figure, rules) == pytest.approx(expected, rel=1e-12, abs=1e-9)
    wanted = saving_of(found.maintenance, found.leg_by_leg)
    np.testing.assert_array_equal(found.saving, wanted)


@pytest.mark.parametrize("sign", [1, -1])  # one of them hedges the positions beside it
@pytest.mark.parametrize("rules", NAMED)
def test_no_two_legs_of_an_account_that_holds_everything_net(rules: str, sign: int) -> None:
    rows: list[Row] = [("a", k, (-1) ** k * (40 + k), 60_000.0) for k in range(len(CONTRACTS))]
    amounts = {"BTC": 3, "ETH": -70, "EURR": 900, "USDC": -8}
    cash: list[Cash] = [("a", asset, sign * amount) for asset, amount in amounts.items()]
    found = rs.compare(book(rows, cash), MARKET, [rules])
    for figure, expected in (
        ("leg_by_leg", brute_force(rows, cash, "leg", rules)),
        ("by_underlying", brute_force(rows, cash, "underlying", rules)),
    ):
        assert columns(found, figure, rules) == pytest.approx(expected, rel=1e-12)
    assert found.leg_by_leg[0] > found.by_underlying[0]


def test_a_hedged_pair_saves_what_the_legs_lose_apart() -> None:
    """Long 10 BTC of the perpetual in USDC, short 10 of the calls struck at 65,000."""
    found = rs.compare(book([("a", 7, 100, None), ("a", 0, -100, None)]), MARKET, NAMED[:1])
    perpetual = 0.16 * 71_020.0 * 10
    call = found.leg_by_leg[0] - perpetual
    assert call > 0 and found.maintenance[0] < max(call, perpetual)
    assert found.saving[0] == 1.0 - found.maintenance[0] / found.leg_by_leg[0]


def test_saving_is_finite_and_zero_where_nothing_differs() -> None:
    maintenance, legs = np.array([0.0, 5.0, 5.0, 0.0, 3.0]), np.array([0.0, 5.0, 10.0, 7.0, 0.0])
    assert saving_of(maintenance, legs).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0 - 3.0e9]


def test_a_closed_position_is_a_leg_with_its_profit() -> None:
    rows = [("a", 9, 500, 2_000.0), ("a", 9, -500, 2_500.0), ("a", 7, 100, None)]
    found = rs.compare(book(rows), MARKET, NAMED)
    for name in NAMED:
        expected = brute_force(rows, [], "leg", name)
        assert columns(found, "leg_by_leg", name) == pytest.approx(expected, rel=1e-12)


def test_open_orders_count_in_initial_alone() -> None:
    orders = {"order_account": ["a"], "order_instrument": ["I7"], "order_quantity": [50.0]}
    rows = [("a", 0, -100, None)]
    with_orders = rs.compare(book(rows, **orders), MARKET, NAMED)
    without = rs.compare(book(rows), MARKET, NAMED)
    for figure in ("maintenance", "leg_by_leg", "by_underlying"):
        assert getattr(with_orders, figure).tolist() == getattr(without, figure).tolist()
    assert (with_orders.initial > without.initial).all()


# Bits, batches, sizes


@PROPERTY
@given(some_rows, some_cash, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_rule_books_changes_no_bit(
    rows: list[Row], cash: list[Cash], random: Any
) -> None:
    first = rs.compare(book(rows, cash), MARKET, NAMED)
    before = {(x.account, x.rulebook): x for x in first.rows()}
    random.shuffle(rows)
    random.shuffle(cash)
    for threads in (1, 2):
        again = rs.compare(book(rows, cash), MARKET, NAMED[::-1], threads=threads)
        assert {(x.account, x.rulebook): x for x in again.rows()} == before


@pytest.mark.parametrize("by", ["leg", "underlying"])
@pytest.mark.parametrize("most", [1, 3, 7])
def test_parts_are_the_same_however_many_are_made_at_a_time(by: By, most: int) -> None:
    draw = np.random.default_rng(5)
    rows: list[Row] = [
        (ACCOUNTS[draw.integers(3)], int(draw.integers(12)), int(draw.integers(-9, 9)), price)
        for price in [None, 70_000.0, 2_000.0] * 10
    ]
    cash: list[Cash] = [("a", "BTC", 3), ("c", "EURR", -4), ("b", "USDC", 5), ("a", "BTC", 1)]
    portfolio = book(rows, cash)
    (whole,) = alone(portfolio, by)
    parts = list(alone(portfolio, by, most=most))
    assert max(len(p.portfolio.accounts) for p in parts) <= most
    assert np.concatenate([p.owner for p in parts]).tolist() == whole.owner.tolist()
    rules = rs.load_rulebook("generic-slides")
    needed = [rs.assess(p.portfolio, MARKET, rules).maintenance for p in parts]
    expected = rs.assess(whole.portfolio, MARKET, rules).maintenance
    assert np.concatenate(needed).tobytes() == expected.tobytes()
    for table in ("entry_price", "balance_amount"):
        held = np.concatenate([getattr(p.portfolio, table) for p in parts])
        assert sorted(held.tolist()) == sorted(getattr(portfolio, table).tolist())


def test_many_accounts_are_those_of_each_alone() -> None:
    draw = np.random.default_rng(1)
    n = 2_000
    rows: list[Row] = [
        (f"n{draw.integers(n):04d}", int(draw.integers(12)), int(draw.integers(-99, 99)), None)
        for _ in range(10 * n)
    ]
    found = rs.compare(book(rows), MARKET, NAMED)
    assert len(found) == len(found.accounts) * 3
    for account in found.accounts[:: len(found.accounts) // 20]:
        one = rs.compare(book([r for r in rows if r[0] == account]), MARKET, NAMED)
        mine = [x for x in found.rows() if x.account == account]
        assert list(one.rows()) == mine


def test_no_account_and_an_account_without_anything() -> None:
    found = rs.compare(book([]), MARKET, NAMED)
    assert len(found) == 0 and list(found.rows()) == [] and found.saving.size == 0
    held = book([("a", 7, 100, None)])
    empty = replace(
        held,
        accounts=("a", "b"),
        positions=rs.Positions.from_columns([0], [7], [100], accounts=2, instruments=12),
        orders=rs.Positions.from_columns([], [], [], accounts=2, instruments=24),
    )
    found = rs.compare(empty, MARKET, NAMED)
    for label in NAMED:
        line = found.lines_of(label)
        assert found.maintenance[line][1] == found.leg_by_leg[line][1] == 0.0
        assert found.worst_unit[line][1] == found.worst_scenario[line][1] == ""
        assert found.saving[line].tolist() == [0.0, 0.0]


# What cannot run


def refused(code: str, rulebooks: Any, portfolio: rs.Portfolio | None = None) -> rs.InputError:
    held = book([("a", 7, 100, None)]) if portfolio is None else portfolio
    with pytest.raises(rs.InputError) as caught:
        rs.compare(held, MARKET, rulebooks)
    assert caught.value.code == code
    return caught.value


def partial_rules(name: str) -> rs.Rulebook:
    """A preset that leaves a parameter unpublished."""
    rules = rs.load_rulebook(name)
    key = "matrix.price_range"
    left_out = replace(rules.parameters[key], value=None, status="unpublished")
    return replace(rules, status="partial", parameters={**rules.parameters, key: left_out})


def test_a_rule_book_that_cannot_run_is_a_value() -> None:
    partial = replace(partial_rules("deribit-xpm"), name="mine")
    narrow = changed("generic-slides", reporting__par=["USD"])
    given = {"good": "generic-slides", "partial": partial, "no USDC": narrow}
    portfolio = book([("a", 7, 100, None), ("b", 9, 5, None)])
    found = rs.compare(portfolio, MARKET, given)
    assert {k: e.code for k, e in found.failures.items()} == {
        "partial": "E_PARTIAL",
        "no USDC": "E_MISSING_PRICE",
    }
    assert list(found.sha256) == list(given) and list(found.warnings) == ["good"]
    rows = list(found.rows())
    assert [(r.account, r.rulebook) for r in rows] == [(a, k) for a in "ab" for k in given]
    alone_good = list(rs.compare(portfolio, MARKET, {"good": "generic-slides"}).rows())
    assert [r for r in rows if r.failure is None] == alone_good
    for row in rows:
        if row.failure is not None:
            assert row.failure is found.failures[row.rulebook]
            assert row.maintenance is row.saving is row.status is None
    with pytest.raises(rs.InputError, match="E_PARTIAL"):
        found.lines_of("partial")
    with pytest.raises(rs.InputError, match="did you mean 'good'"):
        found.lines_of("goood")


def test_the_first_failure_is_raised_where_all_fail() -> None:
    old = changed("generic-slides", reporting__par=["USD"])
    partial = partial_rules("deribit-xpm")
    assert refused("E_PARTIAL", [partial, old]).value == "deribit-xpm"
    assert refused("E_MISSING_PRICE", [old, partial]).value == "USDC"


def test_rule_books_are_named_once_and_several() -> None:
    assert refused("E_DUPLICATE", ["generic-slides", rs.load_rulebook("generic-slides")]).row == 1
    refused("E_EMPTY", [])
    refused("E_EMPTY", {})
    refused("E_DTYPE", "generic-slides")
    refused("E_DTYPE", rs.load_rulebook("generic-slides"))
    refused("E_UNKNOWN_RULEBOOK", ["generic-slides", "generic-slide"])


def test_units_of_rule_books_are_one_or_refused_by_name() -> None:
    in_usdc = changed("deribit-xpm", reporting__currency="USDC")
    portfolio = book([("a", 9, 100, None)])
    found = rs.compare(portfolio, MARKET, ["generic-slides", in_usdc])
    assert found.reporting == "USD" and found.maintenance.min() > 0
    for other in (
        changed("deribit-xpm", reporting__currency="EURR"),
        changed("deribit-xpm", reporting__currency="USDC", reporting__par=["USDC", "USDT"]),
    ):
        error = refused("E_CURRENCY", {"first": "generic-slides", "second": other}, portfolio)
        assert error.value == "second" and "first in USD" in error.fix
    quoted = rs.Market.of(AS_OF, spot={**SPOT, "USDC": 0.99}, mark={"I9": 2_101.0})
    with pytest.raises(rs.InputError, match="E_CURRENCY"):
        rs.compare(portfolio, quoted, ["generic-slides", in_usdc])


# Isolated >= cross >= portfolio
#
# isolated is leg by leg, cross is the sum over underlyings, portfolio the whole account. Which of
# them must not be below which, by method and book:
#
# slides, any book: all three. A unit's loss is the worst of sums of P&L, and the worst of a sum is
#   never above the sum of the worsts; an asset's balance is one leg, so its haircut bends once.
#   (A coin held as position and as balance is two legs of one leaf: of opposite signs they lose
#   less together in every scenario than the larger of them alone.)
# risk-matrix, any book: cross >= portfolio. What is dampened and offset is all that one currency
#   settles on one underlying, which lies in one part; gains of other underlyings only help; roll
#   is charged by expiry of an underlying.
# risk-matrix, no dampener, any book: all three. Losses of a node are at most those of its legs,
#   and the absolute delta of an expiry is at most the sum of its legs'.
# risk-matrix, books whose underlyings lose most within the price range: all three, the same way.
# risk-matrix otherwise: isolated may be below cross. In far moves every leg alone has a loss free
#   up to the dampener, which legs together have once.

Ordered = tuple[str, ...]
ALL: Ordered = ("leg_by_leg", "by_underlying", "maintenance")
PAIRS: Mapping[tuple[str, str], Ordered] = {
    ("slides", "no concentration"): ALL,  # that of size grows faster than size: legs need less
    ("risk-matrix", "any"): ALL[1:],
    ("risk-matrix", "no dampener"): ALL,
    ("risk-matrix", "worst within the range"): ALL,
}


def rule_books(method: str, which: str) -> list[rs.Rulebook]:
    found = [r for r in map(rs.load_rulebook, COMPLETE) if r.method == method]
    if which == "no concentration":
        return [r for r in found if not r.has("concentration")]
    return (
        [changed(r.name, extended__dampener=0.0) for r in found]
        if which == "no dampener"
        else found
    )


def within_range(portfolio: rs.Portfolio, rules: rs.Rulebook) -> bool:
    """Whether no underlying alone loses most in a far move."""
    regular = 3 * (2 * rules.whole("matrix.price_steps") + 1)
    (parts,) = alone(portfolio, "underlying")
    found = rs.assess(parts.portfolio, MARKET, rules)
    return bool((found.worst_scenario < regular).all())


@PROPERTY
@given(some_rows, some_cash, st.sampled_from([1, 30]))
def test_isolated_needs_no_less_than_cross_and_cross_than_portfolio(
    rows: list[Row], cash: list[Cash], size: int
) -> None:
    portfolio = book([(a, i, lots * size // 30, p) for a, i, lots, p in rows], cash)
    for (method, which), figures in PAIRS.items():
        for rules in rule_books(method, which):
            if which.startswith("worst") and not within_range(portfolio, rules):
                continue
            found = rs.compare(portfolio, MARKET, [rules])
            for more, less in pairwise(figures):
                high, low = getattr(found, more), getattr(found, less)
                slack = 1e-6 + 1e-10 * found.leg_by_leg
                assert (high >= low - slack).all(), (rules.name, which, more, less)


def test_every_pair_is_of_a_method_that_a_preset_has() -> None:
    assert all(rule_books(*pair) for pair in PAIRS)


@pytest.mark.parametrize("name", ["deribit-spm", "deribit-xpm"])
def test_legs_alone_need_less_where_each_has_the_dampener_to_itself(name: str) -> None:
    """Far calls, sold at two strikes: the order does not hold, which is why it is not listed."""
    portfolio = book([("a", 3, -3_000, None), ("a", 4, -3_000, None)])
    assert not within_range(portfolio, rs.load_rulebook(name))
    found = rs.compare(portfolio, MARKET, [name])
    assert found.leg_by_leg[0] < 0.9 * found.by_underlying[0]
    assert found.saving[0] < 0.0
    still = rs.compare(portfolio, MARKET, [changed(name, extended__dampener=0.0)])
    assert still.leg_by_leg[0] >= still.by_underlying[0] * (1.0 - 1e-12)


def test_gains_of_another_underlying_pay_under_cross_margin_alone() -> None:
    """Short BTC against long ETH: X:PM offsets 60 % of a gain, S:PM and the slides none."""
    portfolio = book([("a", 7, -100, None), ("a", 9, 700_000, None)])
    found = rs.compare(portfolio, MARKET, NAMED)
    kept = [found.maintenance[found.lines_of(n)][0] for n in NAMED]
    apart_ = [found.by_underlying[found.lines_of(n)][0] for n in NAMED]
    assert kept[:2] == pytest.approx(apart_[:2], rel=1e-12)
    assert kept[2] < 0.9 * apart_[2]
