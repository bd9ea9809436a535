"""The made books of the benchmarks: the same for the same chain, within bounds, hedged, priced."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from board import Chain, chain_of
from books import FEWEST, MOST, Books, make_books, net_delta
from structures import ARCHETYPES

import riskslide as rs
from riskslide.book.clock import instant

AS_OF = "2026-02-05T08:00:00Z"
EXPIRIES = tuple(f"2026-{d}T08:00:00Z" for d in ("02-06", "02-13", "02-27", "03-27", "06-26"))
COINS = {"BTC": 70_000.0, "ETH": 2_100.0}
HEDGED = {a.name: a.residual for a in ARCHETYPES if a.residual is not None}


def columns(*, hedges: bool = True) -> list[tuple[str, str, str, str, float, str, float]]:
    """(name, kind, coin, expiry, strike, side, price) of a made chain of two coins."""
    rows = []
    for coin, spot in COINS.items():
        for n, expiry in enumerate(EXPIRIES):
            forward = spot * (1.0 + 0.002 * n)
            for x in np.linspace(0.6, 1.5, 19).tolist():
                strike = round(spot * x)
                for side in ("call", "put"):
                    name = f"{coin}-{n}-{strike}-{side}"
                    rows.append((name, "option", coin, expiry, float(strike), side, forward))
            if hedges:
                rows.append((f"{coin}-{n}", "future", coin, expiry, 0.0, "", forward))
        if hedges:
            rows.append((f"{coin}-PERPETUAL", "perpetual", coin, "", 0.0, "", spot))
    return rows


def chain(*, hedges: bool = True, order: int | None = None, stale: str = "") -> Chain:
    """The made chain, its rows and quotes in any order, one quote too old."""
    rows = columns(hedges=hedges)
    if order is not None:
        rows = [rows[k] for k in np.random.default_rng(order).permutation(len(rows))]
    instruments = rs.Instruments.from_columns(
        name=[r[0] for r in rows],
        kind=[r[1] for r in rows],
        underlying=[r[2] for r in rows],
        expiry=[r[3] for r in rows],
        strike=[r[4] for r in rows],
        option_type=[r[5] for r in rows],
        settlement="inverse",
        lot=[1e-8 if r[1] == "option" else 0.01 for r in rows],
    )
    old = instant(AS_OF) - 4000 * 10**9
    options = [r for r in rows if r[1] == "option"]
    market = rs.Market.of(
        AS_OF,
        spot=COINS,
        vol={r[0]: rs.Quote(0.6, old if r[0] == stale else instant(AS_OF)) for r in options},
        forward={r[0]: r[6] for r in options},
        mark={r[0]: r[6] for r in rows if r[1] != "option"},
    )
    return chain_of(instruments, market)


def rows_of(books: Books) -> list[object]:
    held = zip(books.account, books.instrument, books.quantity.tolist(), strict=True)
    amounts = books.balance_amount.tolist()
    cash = zip(books.balance_account, books.balance_asset, amounts, strict=True)
    return [*held, *cash, books.entry_price.tobytes()]


@pytest.fixture(scope="module")
def books() -> Books:
    return make_books(chain(), seed=7, accounts=150)


def test_a_seed_and_a_chain_give_one_book(books: Books) -> None:
    assert rows_of(make_books(chain(), seed=7, accounts=150)) == rows_of(books)
    assert rows_of(make_books(chain(), seed=8, accounts=150)) != rows_of(books)


def test_the_order_of_instruments_and_quotes_does_not_matter(books: Books) -> None:
    for order in (1, 2):
        assert rows_of(make_books(chain(order=order), seed=7, accounts=150)) == rows_of(books)


def test_an_account_is_the_same_in_a_larger_book(books: Books) -> None:
    few = make_books(chain(), seed=7, accounts=20)
    assert set(rows_of(few)[:-1]) <= set(rows_of(books)[:-1])


def test_accounts_hold_5_to_60_instruments_once_each(books: Books) -> None:
    legs = Counter(books.account)
    assert set(legs) == set(books.accounts)
    assert min(legs.values()) >= FEWEST and max(legs.values()) <= MOST
    assert len(set(zip(books.account, books.instrument, strict=True))) == len(books.account)


@pytest.mark.parametrize("hedges", [True, False])
def test_who_hedges_keeps_a_small_delta(hedges: bool) -> None:
    made = make_books(chain(hedges=hedges), seed=3, accounts=120)
    number = made.chain.instruments.index
    seen = 0
    for account, kind in zip(made.accounts, made.archetype, strict=True):
        if kind not in HEDGED:
            continue
        held = {
            number[name]: quantity
            for owner, name, quantity in zip(
                made.account, made.instrument, made.quantity.tolist(), strict=True
            )
            if owner == account
        }
        for board in made.chain.boards:
            net, gross = net_delta(made.chain, held, board)
            step = max(float(s) for s in made.chain.step[list(held)] / made.chain.unit[list(held)])
            assert abs(net) <= HEDGED[kind] * gross + 2.0 * step
            seen += gross > 0
    assert seen > 60


def test_quantities_are_whole_steps_and_lots(books: Books) -> None:
    number = books.chain.instruments.index
    step = books.chain.step[[number[name] for name in books.instrument]]
    steps = books.quantity / step
    assert np.allclose(steps, np.round(steps), rtol=0, atol=1e-6)
    assert books.portfolio().duplicates == 0


def test_nothing_is_held_that_the_market_does_not_price() -> None:
    stale = "BTC-2-70000-call"
    found = chain(stale=stale)
    assert found.unpriced == 1 and stale not in found.instruments.index
    assert stale not in make_books(found, seed=7, accounts=100).instrument
    assert stale in chain().instruments.index


def test_all_archetypes_appear_and_entry_prices_are_near_the_mark(books: Books) -> None:
    assert set(books.archetype) == {a.name for a in ARCHETYPES}
    assert sum(a.share for a in ARCHETYPES) == pytest.approx(1.0)
    mark = books.chain.state.mark[[books.chain.instruments.index[n] for n in books.instrument]]
    opened = ~np.isnan(books.entry_price)
    assert np.array_equal(opened, mark > 0)
    assert np.abs(np.log(books.entry_price[opened] / mark[opened])).max() < 0.1


def test_files_say_what_the_book_says(books: Books, tmp_path: Path) -> None:
    books.write(tmp_path)
    held = rs.read_positions(tmp_path / "positions.csv")
    assert held.quantity.tobytes() == books.quantity.tobytes()
    assert held.entry_price.tobytes() == books.entry_price.tobytes()
    with open(tmp_path / "balances.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["account", "asset", "amount"]
    assert len(rows) == 1 + len(books.balance_account)


def test_most_accounts_are_healthy_and_a_few_are_not() -> None:
    made = make_books(chain(), seed=11, accounts=400)
    market = rs.Market.of(
        AS_OF,
        spot=COINS,
        vol={r[0]: 0.6 for r in columns() if r[1] == "option"},
        forward={r[0]: r[6] for r in columns() if r[1] == "option"},
        mark={r[0]: r[6] for r in columns() if r[1] != "option"},
    )
    found = rs.assess(made.portfolio(), market, rs.load_rulebook("generic-slides"))
    healthy = float((found.status == rs.Status.HEALTHY.value).mean())
    assert 0.75 < healthy < 0.99
    assert (found.status == rs.Status.LIQUIDATION.value).any()
