"""Guards Greeks by the spot: differences of what a book is worth, figures worked by hand, the slow
twin, sums of legs, and what has no spot."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import riskslide as rs
from riskslide.market.quotes import Terms
from riskslide.value import reference
from riskslide.value.exposure import cash_delta

AS_OF = "2026-02-05T12:00:00Z"
NEAR, FAR = "2026-03-07T12:00:00Z", "2027-02-05T12:00:00Z"  # 30 and 365 days
NANOSECONDS_PER_YEAR = 365 * 86_400 * 10**9
ROWS: list[tuple[str, str, str, float, str, str, str, str, str, float]] = [
    # name, kind, underlying, strike, side, model, settlement, currency, expiry, vol
    ("near", "option", "SPX", 4_900.0, "put", "black76", "linear", "USD", NEAR, 0.25),
    ("far", "option", "SPX", 5_100.0, "call", "black76", "linear", "USD", FAR, 0.2),
    ("euro", "option", "SPX", 5_200.0, "put", "black76", "linear", "EUR", FAR, 0.2),
    ("normal", "option", "SPX", 5_050.0, "call", "bachelier", "linear", "USD", FAR, 900.0),
    ("on spot", "option", "SPX", 5_100.0, "call", "bsm", "linear", "USD", FAR, 0.2),
    ("euro on spot", "option", "SPX", 5_100.0, "put", "bsm", "linear", "EUR", NEAR, 0.3),
    ("coin", "option", "BTC", 72_000.0, "call", "black76", "inverse", "BTC", NEAR, 0.6),
    ("coin put", "option", "BTC", 65_000.0, "put", "black76", "inverse", "BTC", FAR, 0.7),
    ("coin on spot", "option", "BTC", 68_000.0, "put", "bsm", "inverse", "BTC", FAR, 0.7),
    ("grown", "option", "ETH", 2_000.0, "call", "black76", "linear", "USDC", FAR, 0.8),
    ("euro future", "future", "SPX", 0.0, "", "black76", "linear", "EUR", FAR, 0.0),
    ("coin future", "future", "BTC", 0.0, "", "black76", "inverse", "BTC", FAR, 0.0),
    ("coin perpetual", "perpetual", "BTC", 0.0, "", "black76", "inverse", "BTC", "", 0.0),
    ("perpetual", "perpetual", "BTC", 0.0, "", "black76", "linear", "USDC", "", 0.0),
    ("coins", "spot", "BTC", 0.0, "", "black76", "linear", "USD", "", 0.0),
    ("marked coins", "spot", "BTC", 0.0, "", "black76", "linear", "USDC", "", 0.0),
]
NAMES = tuple(r[0] for r in ROWS)
OPTIONS = tuple(r[0] for r in ROWS if r[1] == "option")
UNDERLYING = {r[0]: r[2] for r in ROWS}
SPOT = {"BTC": 70_000.0, "SPX": 5_000.0, "ETH": 2_100.0, "EUR": 1.2, "USDC": 0.999}
FORWARD = {
    ("SPX", FAR): 5_125.0,
    ("SPX", NEAR): 5_010.0,
    ("BTC", NEAR): 70_400.0,
    ("BTC", FAR): 74_900.0,
}
MARK = {
    "euro future": 5_130.0,
    "coin future": 75_000.0,
    "coin perpetual": 70_100.0,
    "perpetual": 69_950.0,
    "marked coins": 70_035.0,
}
RATE, DIVIDEND = {"SPX": 0.04, "BTC": 0.03, "ETH": 0.05}, {"SPX": 0.015, "BTC": 0.01}


def instruments() -> rs.Instruments:
    names = ("name", "kind", "underlying", "strike", "option_type", "model", "settlement")
    columns = [list(c) for c in zip(*ROWS, strict=True)]
    given = dict(zip((*names, "currency", "expiry"), columns[:-1], strict=True))
    return rs.Instruments.from_columns(
        **given, multiplier=[(1.0, 0.1, 10.0)[k % 3] for k in range(len(ROWS))]
    )


def market(
    scale: float = 1.0, vol: float = 0.0, as_of: Any = AS_OF, moved: str | None = None
) -> rs.Market:
    """Quotes with the spot, forwards and marks of one underlying scaled, and vols shifted by so
    much of themselves."""
    return rs.Market.of(
        as_of,
        spot={u: p * (scale if u == moved else 1.0) for u, p in SPOT.items()},
        forward={k: p * (scale if k[0] == moved else 1.0) for k, p in FORWARD.items()},
        mark={n: p * (scale if UNDERLYING[n] == moved else 1.0) for n, p in MARK.items()},
        vol={r[0]: r[9] * (1.0 + vol) for r in ROWS if r[1] == "option"},
        rate=RATE,
        dividend_yield=DIVIDEND,
    )


def quantities(seed: int) -> Any:
    """Whole lots of two accounts; the second holds half of the rows."""
    return np.random.default_rng(seed).integers(-400, 400, (2, len(ROWS))) / 8.0


def portfolio(seed: int = 1) -> rs.Portfolio:
    first, second = quantities(seed)
    held = instruments()
    return rs.Portfolio.from_columns(
        held,
        account=["a"] * len(NAMES) + ["b"] * len(NAMES[::2]),
        instrument=[*NAMES, *NAMES[::2]],
        quantity=[*first, *second[::2]],
    )


def one(**columns: Any) -> rs.Portfolio:
    """An account with one contract."""
    quantity = columns.pop("quantity", 1.0)
    held = rs.Instruments.from_columns(name=["X"], **{k: [v] for k, v in columns.items()})
    return rs.Portfolio.from_columns(held, account=["a"], instrument=["X"], quantity=[quantity])


def figures(exposure: rs.Exposure) -> Any:
    """(rows, Greeks of first and second order)."""
    return np.stack([*exposure.greeks, *exposure.second], axis=1)


def spots(exposure: rs.Exposure) -> Any:
    return np.array([SPOT[UNDERLYING.get(name, name)] for name in exposure.name])


# --- differences of what the book is worth -----------------------------------------------------


@pytest.mark.parametrize("by", ["leg", "account"])
@pytest.mark.parametrize("underlying", ["SPX", "BTC", "ETH"])
def test_gains_of_a_moved_spot_are_delta_and_gamma(underlying: str, by: Any) -> None:
    """The revaluation kernel moves spot, forwards, marks and the coin in one proportion."""
    h = 1e-4
    moves = {u: [h, -h] if u == underlying else [0.0, 0.0] for u in (*RATE, "EUR", "USDC")}
    pnl = rs.stress(portfolio(), market(), rs.Scenarios.joint(moves), by=by)
    found = rs.greeks(portfolio(), market(), by=by)
    assert found.by_spot.all()
    mine = [UNDERLYING.get(name, name) == underlying for name in found.name]
    step = h * SPOT[underlying]
    delta, gamma = np.where(mine, found.greeks.delta, 0.0), np.where(mine, found.greeks.gamma, 0.0)
    if by == "account":
        delta, gamma = (
            np.array([c[found.account == a].sum() for a in (0, 1)]) for c in (delta, gamma)
        )
    straight, bent = (pnl[:, 0] - pnl[:, 1]) / (2 * step), (pnl[:, 0] + pnl[:, 1]) / step**2
    noise = 1e-6 * np.abs(delta) / SPOT[underlying]  # of a difference of second order
    assert (np.abs(straight - delta) <= 1e-6 * np.abs(delta)).all()
    assert (np.abs(bent - gamma) <= 1e-5 * np.abs(gamma) + noise).all()
    assert np.abs(delta).max() > 0 and np.abs(gamma).max() > 0


def differences(of: Callable[[float], rs.Market], step: float) -> Any:
    """Change of every figure of every leg per unit of what `of` moves."""
    up, down = (rs.greeks(portfolio(), of(x), by="leg") for x in (step, -step))
    return (figures(up) - figures(down)) / (2 * step)


def assert_close(found: Any, expected: Any, tolerance: float) -> None:
    assert (np.abs(found - expected) <= tolerance * (np.abs(expected) + 1e-9)).all()
    assert np.abs(expected).max() > 0


@pytest.mark.parametrize("underlying", ["SPX", "BTC", "ETH"])
def test_quotes_in_proportion_give_delta_gamma_and_vanna(underlying: str) -> None:
    legs = rs.greeks(portfolio(), market(), by="leg")
    rows = [k for k, n in enumerate(legs.name) if UNDERLYING[n] == underlying and n in OPTIONS]
    change = differences(lambda x: market(1.0 + x, moved=underlying), 1e-4) / SPOT[underlying]
    value, delta, _, vega, *_ = change[rows].T
    assert_close(value, legs.greeks.delta[rows], 1e-6)
    assert_close(delta, legs.greeks.gamma[rows], 1e-6)
    assert_close(vega, legs.second.vanna[rows], 1e-5)


def test_vols_give_vega_vanna_and_volga() -> None:
    legs = rs.greeks(portfolio(), market(), by="leg")
    vol = np.array([ROWS[NAMES.index(n)][9] for n in legs.name])
    rows = np.flatnonzero(vol > 0)
    change = differences(lambda x: market(vol=x), 1e-4)[rows] / vol[rows, None]
    value, delta, _, vega, *_ = change.T
    assert_close(value, legs.greeks.vega[rows], 1e-6)
    assert_close(delta, legs.second.vanna[rows], 1e-6)
    assert_close(vega, legs.second.volga[rows], 1e-6)


def test_time_gives_theta_and_charm() -> None:
    """Where a forward is quoted it stands; the spot stands under bsm. A forward that is grown from
    the spot would shrink, which no Greek of a forward's model counts."""
    now = market().as_of
    legs = rs.greeks(portfolio(), market(), by="leg")
    rows = [k for k, n in enumerate(legs.name) if n in OPTIONS and n != "grown"]
    minute = 60 * 10**9 / NANOSECONDS_PER_YEAR

    def later(years: float) -> rs.Market:
        return market(as_of=now + round(years * NANOSECONDS_PER_YEAR))

    value, delta, *_ = differences(later, minute)[rows].T
    assert_close(value, legs.greeks.theta[rows], 1e-6)
    assert_close(delta, legs.second.charm[rows], 1e-6)


# --- sums, and the slow twin -------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_accounts_are_the_sums_of_their_legs(seed: int) -> None:
    held = portfolio(seed)
    legs = rs.greeks(held, market(), by="leg")
    accounts = rs.greeks(held, market(), threads=1 + seed % 3)
    rows = list(zip(accounts.account.tolist(), accounts.name, strict=True))
    assert len(rows) == len(set(rows))
    held_in = {(a, UNDERLYING[n]) for a, n in zip(legs.account.tolist(), legs.name, strict=True)}
    assert set(rows) == held_in
    parts = figures(legs)
    for k, (account, underlying) in enumerate(rows):
        at = [
            j
            for j, (a, n) in enumerate(zip(legs.account.tolist(), legs.name, strict=True))
            if a == account and UNDERLYING[n] == underlying
        ]
        total = np.array([math.fsum(column) for column in parts[at].T])
        size = np.abs(parts[at]).sum(axis=0)
        assert (np.abs(figures(accounts)[k] - total) <= 1e-14 * size).all()


@pytest.mark.parametrize("seed", range(20))
def test_greeks_of_a_book_are_those_of_the_reference(seed: int) -> None:
    held, quotes = (
        portfolio(seed),
        market(1.0 + 0.02 * (seed % 7 - 3), (0.0, 0.1, -1.0)[seed % 3], moved="BTC"),
    )
    terms = Terms(option_divisor=("forward", "index")[seed % 2])
    state = quotes.on(held.instruments, terms)
    spot = np.array([quotes.spot[UNDERLYING[n]].value for n in held.instruments.name])
    unit = [c for order in reference.unit_greeks(state, spot) for c in order]
    amounts = held.positions.lots * held.instruments.lot[held.positions.instrument]
    owner = np.repeat([0, 1], np.diff(held.positions.offsets))
    found = rs.greeks(held, quotes, terms=terms, threads=1 + seed % 3)
    for k, (account, name) in enumerate(zip(found.account.tolist(), found.name, strict=True)):
        of = [UNDERLYING[held.instruments.name[i]] == name for i in held.positions.instrument]
        at = np.flatnonzero((owner == account) & np.array(of))
        for column, values in zip(unit, figures(found)[k], strict=True):
            legs = amounts[at] * column[held.positions.instrument[at]]
            size = np.abs(legs).sum()
            assert abs(values - math.fsum(legs)) <= 1e-12 * size


def test_cash_delta_is_delta_times_the_spot() -> None:
    held = instruments()
    legs = rs.greeks(
        rs.Portfolio.from_columns(
            held, account=["a"] * len(NAMES), instrument=list(NAMES), quantity=[1.0] * len(NAMES)
        ),
        market(),
        by="leg",
    )
    order = [held.index[name] for name in legs.name]
    expected = cash_delta(market().on(held))[order]
    assert (np.abs(legs.greeks.delta * spots(legs) - expected) <= 1e-13 * np.abs(expected)).all()


def test_threads_change_no_bit() -> None:
    bits = {figures(rs.greeks(portfolio(), market(), threads=t)).tobytes() for t in (1, 2, 5)}
    assert len(bits) == 1


# --- figures worked by hand --------------------------------------------------------------------


def test_two_expiries_add_up_by_the_spot() -> None:
    """Futures at 101 and 110 over a spot of 100: a percent more is 1.01 and 1.10 more."""
    held = rs.Instruments.from_columns(
        name=["F1", "F2"], kind=["future"] * 2, underlying=["S"] * 2, expiry=[NEAR, FAR]
    )
    book = rs.Portfolio.from_columns(
        held, account=["a"] * 2, instrument=["F1", "F2"], quantity=[1.0, -1.0]
    )
    quotes = rs.Market.of(AS_OF, spot={"S": 100.0}, mark={"F1": 101.0, "F2": 110.0})
    found = rs.greeks(book, quotes)
    assert found.greeks.delta[0] == pytest.approx(1.01 - 1.10, rel=1e-14)
    assert rs.greeks(book, quotes, by="leg").greeks.delta.tolist() == [1.01, -1.1]


def test_a_coin_perpetual_by_hand() -> None:
    """10,000 USD at 50,100, the coin at 50,000. Prices k times as high: 10,000 (1 / 50,100 -
    1 / (50,100 k)) coins at 50,000 k are 10,000 x 50,000 / 50,100 x (k - 1) USD, a line in k."""
    book = one(
        kind="perpetual", underlying="BTC", settlement="inverse", currency="BTC", quantity=10_000.0
    )
    quotes = rs.Market.of(AS_OF, spot={"BTC": 50_000.0}, mark={"X": 50_100.0})
    found = rs.greeks(book, quotes)
    assert found.greeks.delta[0] == pytest.approx(10_000 / 50_100, rel=1e-14)  # coins
    cash = 10_000 * cash_delta(quotes.on(book.instruments))[0]
    assert cash == pytest.approx(10_000 * 50_000 / 50_100, rel=1e-14)
    assert found.greeks.delta[0] * 50_000 == pytest.approx(cash, rel=1e-14)
    others = np.delete(figures(found)[0], 1)
    assert others.tolist() == [0.0] * 8
    pnl = rs.stress(book, quotes, rs.Scenarios.of([1.2, 0.7]))[0]
    assert pnl == pytest.approx([cash * 0.2, cash * -0.3], rel=1e-13)


def test_a_coin_option_by_hand() -> None:
    """A year, vol 50 %, forward and strike 52,000, the coin at 50,000, no rates: worth
    (2 N(1/4) - 1) coins of the forward; delta N(1/4) coins, as the venue's."""
    book = one(
        kind="option",
        underlying="BTC",
        expiry=FAR,
        strike=52_000.0,
        option_type="call",
        settlement="inverse",
        currency="BTC",
    )
    quotes = rs.Market.of(
        AS_OF, spot={"BTC": 50_000.0}, forward={("BTC", FAR): 52_000.0}, vol={"X": 0.5}
    )
    found = rs.greeks(book, quotes)
    above = 0.5 * math.erfc(-0.25 / math.sqrt(2.0))
    density = math.exp(-0.03125) / math.sqrt(2.0 * math.pi)
    expected = {
        "value": (2 * above - 1) * 50_000.0,
        "delta": above,  # 50,000 / 52,000 of a dollar option, 52,000 / 50,000 of the spot
        "gamma": density / (52_000.0 * 0.5) * 1.04,
        "vega": density * 50_000.0,
        "theta": -0.5 * density * 0.5 * 50_000.0,
    }
    for name, value in expected.items():
        assert getattr(found.greeks, name)[0] == pytest.approx(value, rel=1e-13), name
    # d1 = 1/4, d2 = -1/4: vanna -density d2 / vol, volga vega d1 d2 / vol, charm density d2 / 2T
    assert found.second.vanna[0] == pytest.approx(0.5 * density, rel=1e-13)
    assert found.second.volga[0] == pytest.approx(-0.125 * density * 50_000.0, rel=1e-13)
    assert found.second.charm[0] == pytest.approx(-0.125 * density, rel=1e-13)


def test_a_spot_with_a_mark_of_its_own_moves_with_the_spot() -> None:
    """A coin marked at 101 USDC of 0.99 USD each, its spot at 100: a percent is 0.9999."""
    book = one(kind="spot", underlying="BTC", currency="USDC")
    quotes = rs.Market.of(AS_OF, spot={"BTC": 100.0, "USDC": 0.99}, mark={"X": 101.0})
    found = rs.greeks(book, quotes)
    assert found.greeks.delta[0] == pytest.approx(0.9999, rel=1e-14)
    assert found.greeks.value[0] == pytest.approx(99.99, rel=1e-14)


# --- without a spot ----------------------------------------------------------------------------

OIL = {"kind": "option", "underlying": "CL", "strike": 60.0, "option_type": "call"}


def oil_book() -> rs.Portfolio:
    names = ["C1", "C2", "PERP"]
    held = rs.Instruments.from_columns(
        name=names,
        kind=["option", "option", "perpetual"],
        underlying=["CL", "CL", "BTC"],
        expiry=[NEAR, FAR, ""],
        strike=[60.0, 60.0, 0.0],
        option_type=["call", "call", ""],
    )
    return rs.Portfolio.from_columns(
        held, account=["a"] * 3, instrument=names, quantity=[3.0, -2.0, 1.0]
    )


@pytest.mark.parametrize("spot", [None, 0.0, -37.63])
def test_forwards_alone_are_what_delta_is_by(spot: float | None) -> None:
    book = oil_book()
    quotes = rs.Market.of(
        AS_OF,
        spot={"BTC": 100.0} | ({} if spot is None else {"CL": spot}),
        forward={("CL", NEAR): 62.0, ("CL", FAR): 66.0},
        mark={"PERP": 103.0},
        vol={"C1": 0.3, "C2": 0.25},
        rate={"CL": 0.04},
    )
    legs = rs.greeks(book, quotes, by="leg")
    assert dict(zip(legs.name, legs.by_spot.tolist(), strict=True)) == {
        "C1": False,
        "C2": False,
        "PERP": True,
    }
    second = rs.SecondOrder.empty(2)
    own = rs.black76(
        [62.0, 66.0], 60.0, [30 / 365, 1.0], [0.3, 0.25], rate=0.04, is_call=True, second=second
    )
    amount = np.array([3.0, -2.0])
    at = [legs.name.index("C1"), legs.name.index("C2")]
    for column, expected in zip(figures(legs)[at].T, (*own, *second), strict=True):
        assert column == pytest.approx(amount * expected, rel=1e-14)
    accounts = rs.greeks(book, quotes)
    shown = dict(zip(accounts.name, accounts.by_spot.tolist(), strict=True))
    assert shown == {"CL": False, "BTC": True}
    delta = dict(zip(accounts.name, accounts.greeks.delta.tolist(), strict=True))
    assert delta["BTC"] == pytest.approx(1.03, rel=1e-14)
    assert delta["CL"] == pytest.approx(float(amount @ own.delta), rel=1e-14)


def test_a_spot_instrument_is_by_its_own_price_where_none_is_quoted() -> None:
    found = rs.greeks(one(kind="spot", underlying="S"), rs.Market.of(AS_OF, mark={"X": 12.0}))
    assert found.greeks.delta[0] == pytest.approx(1.0, rel=1e-14)
    assert found.greeks.value[0] == pytest.approx(12.0, rel=1e-14)
    assert found.by_spot.all()


def test_what_has_expired_has_no_delta_and_needs_no_spot() -> None:
    book = one(**OIL, expiry=NEAR, quantity=2.0)
    settled = rs.Quote(64.0, int(book.instruments.expiry[0]))
    found = rs.greeks(book, rs.Market.of(FAR, settlement={("CL", NEAR): settled}))
    assert figures(found)[0].tolist() == [8.0] + [0.0] * 8
    assert found.by_spot.all()


def test_a_book_of_nothing_has_no_rows() -> None:
    held = rs.Instruments.from_columns(
        name=["X"], **{k: [v] for k, v in OIL.items()}, expiry=[NEAR]
    )
    empty = rs.Portfolio.from_columns(held, account=[], instrument=[], quantity=[])
    quotes = rs.Market.of(AS_OF, forward={("CL", NEAR): 62.0}, vol={"X": 0.3})
    found = rs.greeks(empty, quotes)
    assert (figures(found).shape, found.by_spot.shape) == ((0, 9), (0,))


# --- what is refused ---------------------------------------------------------------------------

COIN = {"kind": "perpetual", "underlying": "BTC", "settlement": "inverse", "currency": "BTC"}
FUTURE = {"kind": "future", "underlying": "CL", "expiry": FAR}


@pytest.mark.parametrize(
    ("columns", "quotes", "code"),
    [
        (COIN, {"spot": {"BTC": 100.0}, "mark": {"X": 0.0}}, "E_DOMAIN_FORWARD"),
        (COIN, {"spot": {"BTC": 100.0}, "mark": {"X": -5.0}}, "E_DOMAIN_FORWARD"),
        (FUTURE, {"spot": {"CL": 1e-300}, "mark": {"X": 1e300}}, "E_OVERFLOW"),
        (FUTURE | {"multiplier": 1e308}, {"spot": {"CL": 1.0}, "mark": {"X": 10.0}}, "E_OVERFLOW"),
    ],
)
def test_impossible_ratios_are_refused(
    columns: dict[str, Any], quotes: dict[str, Any], code: str
) -> None:
    with pytest.raises(rs.InputError) as refused:
        rs.greeks(one(**columns), rs.Market.of(AS_OF, **quotes))
    assert refused.value.code == code


def test_an_old_spot_is_refused() -> None:
    now = rs.Market.of(AS_OF).as_of
    old = rs.Quote(64.0, now - 10**12)
    quotes = rs.Market.of(AS_OF, spot={"CL": old}, mark={"X": 65.0})
    book = one(**FUTURE)
    assert rs.greeks(book, quotes).greeks.delta[0] == 65.0 / 64.0
    with pytest.raises(rs.InputError) as refused:
        rs.greeks(book, quotes, terms=Terms(max_age=60.0))
    assert (refused.value.code, refused.value.column) == ("E_STALE", "spot")


def test_an_unknown_grouping_is_refused() -> None:
    none = rs.Portfolio.from_columns(rs.Instruments.from_columns(name=[], kind=[], underlying=[]))
    grouping: Any = "x"
    with pytest.raises(rs.InputError, match="'account' or 'leg'"):
        rs.greeks(none, rs.Market.of("2026-01-01T00:00:00Z"), by=grouping)
