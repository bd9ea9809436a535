"""Standard margin: published examples, every grouping tried, and what must not change it."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from margin import strategy_by_hand as by_hand
from margin.strategy_by_hand import Contract

import riskslide as rs
from riskslide import _core
from riskslide.margin.strategy.legs import Legs
from riskslide.margin.strategy.matching import Required, required
from riskslide.margin.strategy.rates import Rates

DAY = 86_400 * 10**9
SIZE = 100
RULES = rs.load_rulebook("reg-t")
PLAIN = Rates.of(RULES, "XYZ", initial=False)
INITIAL = Rates.of(RULES, "XYZ", initial=True)


def legs_of(held: dict[Contract, int], spot: float) -> Legs:
    """Options and stock, the quantity of each in contracts of 100."""
    return legs_of_rows(list(held.items()), spot)


def legs_of_rows(rows: list[tuple[Contract, int]], spot: float) -> Legs:
    options = [c for c, _ in rows if c.kind != "S"]
    shares = sum(c.side * n for c, n in rows if c.kind == "S")

    def column(values: list[float]) -> Any:
        return np.array(values, dtype=np.float64)

    return Legs(
        name=tuple(f"{k}:{c.kind}{c.strike:g}" for k, c in enumerate(options)),
        is_call=np.array([c.kind == "C" for c in options], dtype=np.bool_),
        strike=column([c.strike * SIZE for c in options]),
        price=column([c.price * SIZE for c in options]),
        expiry=np.array([c.days * DAY for c in options], dtype=np.int64),
        contracts=tuple(Fraction(c.side * n) for c, n in rows if c.kind != "S"),
        spot=spot * SIZE,
        shares=Fraction(shares),
        stock="XYZ",
    )


def of_list(contracts: list[Contract]) -> dict[Contract, int]:
    held: dict[Contract, int] = {}
    for c in contracts:
        held[c] = held.get(c, 0) + 1
    return held


def margin(contracts: list[Contract], spot: float, rates: Rates = PLAIN) -> Required:
    found = required(legs_of(of_list(contracts), spot), rates)
    assert found.proven
    return found


def call(side: int, strike: float, price: float = 0.0, days: int = 30) -> Contract:
    return Contract("C", side, strike, days, price)


def put(side: int, strike: float, price: float = 0.0, days: int = 30) -> Contract:
    return Contract("P", side, strike, days, price)


# Worked and published figures: Cboe Margin Manual and the specification's example


def test_a_short_strangle_pays_the_dearer_side_and_the_premium_of_the_other() -> None:
    """S 45, short 47 call at 2.10 and 43 put at 1.20: 910 + 120."""
    found = margin([call(-1, 47.0, 2.10), put(-1, 43.0, 1.20)], 45.0)
    assert found.deposit == pytest.approx(1030.0, abs=1e-9)
    assert [g.kind for g in found.groups] == ["short strangle"]


def test_a_butterfly_is_one_group() -> None:
    """545/550/565: by pairs the two shorts need 0 and 1,500, together 1,000."""
    held = [call(1, 545.0), call(-1, 550.0), call(-1, 550.0), call(1, 565.0)]
    assert margin(held, 550.0).deposit == pytest.approx(1000.0)
    pairs = margin([held[0], held[1]], 550.0).deposit + margin(held[2:], 550.0).deposit
    assert pairs == pytest.approx(1500.0)


def test_an_iron_condor_pays_one_side() -> None:
    held = [put(1, 1000.0), put(-1, 1025.0), call(-1, 1150.0), call(1, 1175.0)]
    found = margin(held, 1060.0)
    assert found.deposit == pytest.approx(2500.0)
    assert [g.kind for g in found.groups] == ["spread of 4"]


def test_a_short_that_expires_later_is_naked() -> None:
    late = [call(1, 70.0, 4.0, 30), call(-1, 70.0, 8.0, 60)]
    assert margin(late, 75.0).deposit == pytest.approx(100 * (8.0 + 0.2 * 75.0))
    early = [call(1, 70.0, 4.0, 60), call(-1, 70.0, 8.0, 30)]
    assert margin(early, 75.0).deposit == 0.0


def test_long_options_are_paid_in_full_up_to_nine_months() -> None:
    assert margin([call(1, 80.0, 12.0, 273)], 78.0).deposit == 0.0
    assert margin([call(1, 80.0, 12.0, 274)], 78.0).deposit == pytest.approx(-300.0)


@pytest.mark.parametrize(
    ("kind", "held", "maintenance", "initial"),
    [
        ("stock", [Contract("S", 1)], 2500.0, 5000.0),
        ("stock", [Contract("S", -1)], 3000.0, 5000.0),
        ("covered call", [Contract("S", 1), call(-1, 110.0, 1.0)], 2500.0, 5000.0),
        ("covered call", [Contract("S", 1), call(-1, 90.0, 12.0)], 3250.0, 5500.0),
        ("protective put", [Contract("S", 1), put(1, 95.0, 2.0)], 1450.0, 5000.0),
        ("protective call", [Contract("S", -1), call(1, 105.0, 2.0)], 1550.0, 5000.0),
        ("covered put", [Contract("S", -1), put(-1, 105.0, 7.0)], 3500.0, 5500.0),
        ("collar", [Contract("S", 1), put(1, 95.0), call(-1, 105.0)], 1450.0, 5000.0),
        ("collar", [Contract("S", 1), put(1, 90.0), call(-1, 90.0)], 1900.0, 5500.0),
    ],
)
def test_stock_with_options(
    kind: str, held: list[Contract], maintenance: float, initial: float
) -> None:
    low, high = margin(held, 100.0), margin(held, 100.0, INITIAL)
    assert [g.kind for g in low.groups] == [kind]
    assert low.deposit == pytest.approx(maintenance)
    assert high.deposit == pytest.approx(initial)


def test_leverage_multiplies_rates_and_stock_is_asked_in_full_at_most() -> None:
    """Twice: a short put of 725 on 970 at 3.00 needs 14,800 (Cboe)."""
    double = Rates.of(RULES, "SSO", initial=False)
    found = required(legs_of({put(-1, 725.0, 3.0): 1}, 970.0), double)
    assert found.deposit == pytest.approx(14_800.0)
    triple = Rates.of(RULES, "UPRO", initial=True)
    assert (triple.long_stock, triple.short_stock) == pytest.approx((0.75, 0.9))
    assert Rates.of(RULES, "SPX", initial=False).naked == pytest.approx(0.15)


# Every grouping, tried


def random_book(rng: random.Random, size: int, stock: bool) -> list[Contract]:
    spot = 100.0
    out = []
    for _ in range(size):
        kind, strike = rng.choice("CP"), rng.choice([10.0, 20.0, *range(80, 125, 5), 150.0])
        inside = max(spot - strike if kind == "C" else strike - spot, 0.0)
        price = round(inside + rng.uniform(0.05, 6.0), 2)
        days = rng.choice([30, 30, 60, 300])
        out.append(Contract(kind, rng.choice([1, -1]), float(strike), days, price))
    side = rng.choice([1, -1])
    return out + [Contract("S", side)] * (rng.randint(1, 2) if stock else 0)


def test_matching_is_the_best_of_all_groupings_on_500_books() -> None:
    rng = random.Random(20260222)
    for number in range(500):
        stock = number % 4 == 0
        held = random_book(rng, rng.randint(1, 6 if stock else 8), stock)
        leverage = rng.choice([1.0, 1.0, 2.0, 3.0])
        rates = (INITIAL if number % 8 == 0 else PLAIN)._replace(
            naked=0.2 * leverage, floor=0.1 * leverage
        )
        found = margin(held, 100.0, rates)
        rules = by_hand.Rules(
            100.0,
            leverage=leverage,
            long_stock=rates.long_stock,
            short_stock=rates.short_stock,
            initial=rates.initial,
        )
        wanted = SIZE * by_hand.least(tuple(held), rules)
        assert found.deposit == pytest.approx(wanted, abs=1e-7), (number, held)
        assert found.bound <= found.deposit + 1e-7


def test_groups_hold_every_contract_once() -> None:
    rng = random.Random(7)
    for _ in range(50):
        held = of_list(random_book(rng, 12, stock=True))
        held = {c: rng.randint(1, 9) * n for c, n in held.items()}
        legs = legs_of(held, 100.0)
        found = required(legs, PLAIN)
        whole: dict[str, float] = {}
        for group in found.groups:
            for name, n in group.members:
                whole[name] = whole.get(name, 0.0) + n
        wanted = dict(zip(legs.name, map(float, legs.contracts), strict=True))
        assert whole == wanted | {"XYZ": float(legs.shares)}


# What must not change it

books = st.integers(0, 10**9).map(lambda seed: random_book(random.Random(seed), 7, seed % 2 == 0))
PROPERTY = settings(max_examples=60, deadline=None)


@PROPERTY
@given(books, st.randoms(use_true_random=False))
def test_the_order_of_legs_does_not_matter(held: list[Contract], rng: random.Random) -> None:
    other = list(held)
    rng.shuffle(other)
    assert margin(other, 100.0).deposit == pytest.approx(margin(held, 100.0).deposit, abs=1e-7)


@PROPERTY
@given(books)
def test_a_book_of_a_thousand_times_the_size_needs_a_thousand_times_as_much(
    held: list[Contract],
) -> None:
    once = of_list(held)
    found = required(legs_of(once, 100.0), PLAIN)
    large = required(legs_of({c: 1000 * n for c, n in once.items()}, 100.0), PLAIN)
    assert large.deposit == 1000 * found.deposit
    assert [(g.kind, g.amount) for g in large.groups] == [
        (g.kind, 1000 * g.amount) for g in found.groups
    ]


@PROPERTY
@given(books)
def test_two_rows_of_a_contract_are_one_of_both(held: list[Contract]) -> None:
    lone = (call(-1, 101.0, 2.0), 1)  # so that both are matched by single contracts
    apart = [lone, *((c, n) for c in dict.fromkeys(held) for n in (1, 2))]
    one = [lone, *((c, 3) for c in dict.fromkeys(held))]
    found = [required(legs_of_rows(rows, 100.0), PLAIN).deposit for rows in (apart, one)]
    assert found[0] == pytest.approx(found[1], abs=1e-7)


@PROPERTY
@given(books, st.sampled_from("CP"), st.integers(70, 130), st.sampled_from([30, 90]))
def test_another_long_option_never_asks_for_more(
    held: list[Contract], kind: str, strike: int, days: int
) -> None:
    more = [*held, Contract(kind, 1, float(strike), days, 3.0)]
    assert margin(more, 100.0).deposit <= margin(held, 100.0).deposit + 1e-7


@PROPERTY
@given(books, books)
def test_two_books_together_need_no_more_than_apart(
    one: list[Contract], other: list[Contract]
) -> None:
    options = [[c for c in held if c.kind != "S"] for held in (one, other)]
    apart = sum(margin(held, 100.0).deposit for held in options)
    assert margin([*options[0], *options[1]], 100.0).deposit <= apart + 1e-7


def test_round_lots_alone_go_with_contracts() -> None:
    """150 shares cover one call of two; the other is naked, 50 shares stand alone."""
    legs = legs_of({call(-1, 110.0, 1.0): 2}, 100.0)
    held = Legs(**{n: getattr(legs, n) for n in Legs.__slots__} | {"shares": Fraction(3, 2)})
    found = required(held, PLAIN)
    assert sorted(g.kind for g in found.groups) == ["covered call", "naked call", "stock"]
    assert found.deposit == pytest.approx(2500.0 + 100 * (1.0 + 10.0) + 1250.0)


# Through assess


def stock_book() -> tuple[rs.Portfolio, rs.Market]:
    contracts = rs.Instruments.from_columns(
        name=["IBM", "C105", "P95"],
        kind=["spot", "option", "option"],
        underlying="IBM",
        expiry=["", "2007-04-21T20:00:00Z", "2007-04-21T20:00:00Z"],
        strike=[0.0, 105.0, 95.0],
        option_type=["", "call", "put"],
        model="bsm",
        multiplier=[1.0, 100.0, 100.0],
    )
    book = rs.Portfolio.from_columns(
        contracts,
        account=["collar"] * 3 + ["naked"],
        instrument=["IBM", "P95", "C105", "C105"],
        quantity=[10_000.0, 100.0, -100.0, -2.0],
        balance_account=["collar"],
        balance_asset=["USD"],
        balance_amount=[-480_000.0],
    )
    market = rs.Market.of(
        "2007-02-23T21:00:00Z", spot={"IBM": 97.73}, mark={"C105": 0.40, "P95": 1.02}
    )
    return book, market


def test_parts_of_an_account_add_up_to_what_it_must_post() -> None:
    """The collar of Cboe's table: 494,850 net of premiums; 488,650 before."""
    book, market = stock_book()
    found = rs.assess(book, market, RULES)
    (evidence,) = found.explain("collar")
    line = found.line("collar")
    assert found.initial[line] == pytest.approx(494_850.0)
    assert found.components["deposit"][line] == pytest.approx(488_650.0)
    assert found.components["bound"][line] == pytest.approx(488_650.0)
    assert sum(evidence.initial_parts.values()) == evidence.initial
    assert sum(evidence.maintenance_parts.values()) == evidence.maintenance
    assert list(evidence.initial_parts) == [
        "IBM collar: +100 P95, -100 C105, +100 IBM",
        "premiums",
    ]
    assert found.equity[line] == pytest.approx(977_300.0 - 480_000.0 + 10_200.0 - 4_000.0)
    assert sum(x[line] for x in found.parts.values()) == pytest.approx(found.maintenance[line])


def test_programs_are_refused_by_name() -> None:
    book, market = stock_book()
    with pytest.raises(rs.InputError, match="strategy") as refused:
        rs.compile(RULES, book.instruments, market)
    assert (refused.value.code, refused.value.value) == ("E_UNSUPPORTED", "reg-t")


@pytest.mark.parametrize("kind", ["perpetual", "inverse", "order", "size"])
def test_what_the_rules_do_not_know_is_refused(kind: str) -> None:
    terms: dict[str, Any] = {"kind": "option", "expiry": "2026-06-26T08:00:00Z", "strike": 90.0}
    if kind == "perpetual":
        terms = {"kind": "perpetual"}
    if kind == "inverse":
        terms |= {"settlement": "inverse"}
    contracts = rs.Instruments.from_columns(
        name=["X", "Y"],
        underlying="BTC",
        option_type="call",
        multiplier=[1.0, 10.0 if kind == "size" else 1.0],
        **terms,
    )
    order = {"order_account": ["a"], "order_instrument": ["X"], "order_quantity": [1.0]}
    book = rs.Portfolio.from_columns(
        contracts,
        account=["a", "a"],
        instrument=["X", "Y"],
        quantity=[1.0, -1.0],
        **(order if kind == "order" else {}),
    )
    quotes: dict[str, Any] = {"vol": {"X": 0.5, "Y": 0.5}}
    if kind == "perpetual":
        quotes = {"mark": {"X": 100.0, "Y": 100.0}}
    market = rs.Market.of("2026-01-05T08:00:00Z", spot={"BTC": 100.0}, **quotes)
    with pytest.raises(rs.InputError) as refused:
        rs.assess(book, market, RULES)
    assert refused.value.code == "E_UNSUPPORTED"


def test_a_search_that_is_cut_short_says_so() -> None:
    """The kernel's bound holds and its matching is whole, also without a node to search."""
    rng = random.Random(5)
    held = dict.fromkeys(random_book(rng, 40, stock=False), 1)
    legs = legs_of(held, 100.0)
    columns = {
        "option": np.ones(len(held), dtype=np.bool_),
        "is_call": legs.is_call,
        "is_short": legs.is_short,
        "strike": legs.strike,
        "price": legs.price,
        "alone": np.where(legs.is_short, legs.price + 2_000.0, 0.0),
        "expiry": legs.expiry,
        "quantity": np.ones(len(held), dtype=np.int64),
    }
    nothing = np.zeros((0, 4), dtype=np.int32), np.zeros(0)
    _, each, count, bound, _, proven = _core.match(columns, *nothing, 1)
    _, best, counted, lower, _, through = _core.match(columns, *nothing, 2000)
    assert through and (best * counted).sum() >= lower - 1e-6
    assert bound == lower and (each * count).sum() >= (best * counted).sum() - 1e-6
    assert not proven or (each * count).sum() == pytest.approx((best * counted).sum())


def test_an_expired_option_is_cash_and_no_leg() -> None:
    """Settled in the money it owes or pays 800, which equity says; stock beside it stands alone."""
    names = ("C", "P", "S")
    rows = rs.Instruments.from_columns(
        name=names,
        kind=["option", "option", "spot"],
        underlying="ABC",
        expiry=["2026-01-02T21:00:00Z", "2026-01-02T21:00:00Z", ""],
        strike=[40.0, 40.0, 0.0],
        option_type=["call", "put", ""],
        multiplier=[100.0, 100.0, 1.0],
    )
    market = rs.Market.of(
        "2026-01-05T21:00:00Z",
        spot={"ABC": 48.0},
        settlement={n: rs.Quote(48.0, rows.expiry[k]) for k, n in enumerate(names[:2])},
    )
    held = {"owes": {"C": -1.0}, "worthless": {"P": -1.0}, "covered": {"C": -1.0, "S": 100.0}}
    portfolio = rs.Portfolio.from_columns(
        rows,
        account=[a for a, book in held.items() for _ in book],
        instrument=[n for book in held.values() for n in book],
        quantity=[q for book in held.values() for q in book.values()],
    )
    found = rs.assess(portfolio, market, rs.load_rulebook("reg-t"))
    assert dict(zip(found.account, found.maintenance.tolist(), strict=True)) == {
        "owes": 0.0,
        "worthless": 0.0,
        "covered": 0.25 * 4_800.0,
    }
    assert found.equity[found.line("owes")] == -800.0


def test_stock_beside_a_short_call_counts_at_no_more_than_its_strike() -> None:
    """A worthless put frees nothing, and a conversion pays for no other short call."""
    covered = margin([Contract("S", 1), call(-1, 100.0, 50.0)], 150.0)
    with_put = margin([Contract("S", 1), call(-1, 100.0, 50.0), put(1, 95.0)], 150.0)
    assert covered.deposit == with_put.deposit == 2_500.0 + 5_000.0
    conversion = margin([Contract("S", 1), call(-1, 100.0, 50.0), put(1, 100.0)], 150.0)
    assert conversion.deposit == 1_000.0 + 5_000.0
