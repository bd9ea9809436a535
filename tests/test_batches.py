"""Decides that a book assessed in steps gives the bits of a book assessed at once."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

import riskslide as rs
from riskslide.edge.cli.demo import demo_book


def random_book(accounts: int) -> tuple[rs.Portfolio, rs.Market]:
    """Accounts with legs, entry prices and balances; some hold only one of them, some nothing."""
    portfolio, market = demo_book()
    draw = np.random.default_rng(7)
    names = portfolio.instruments.name
    count = 4 * accounts
    instrument = draw.integers(0, len(names), count)
    perpetual = instrument == len(names) - 1
    entry = np.where(perpetual & (draw.random(count) < 0.5), 99_000.0, np.nan)
    owner, holder = draw.integers(0, accounts, count), draw.integers(0, accounts, accounts)
    book = rs.Portfolio.from_columns(
        portfolio.instruments,
        account=[f"a{k:06d}" for k in owner],
        instrument=[names[k] for k in instrument],
        quantity=draw.integers(-50, 50, count) / 10,
        entry_price=entry,
        balance_account=[f"a{k:06d}" for k in holder],
        balance_asset=draw.choice(["BTC", "USDC", "ETH"], accounts).tolist(),
        balance_amount=draw.integers(-5, 50, accounts) / 4,
    )
    spot = {**market.spot, "ETH": rs.Quote(3_000.0, market.as_of)}
    return book, rs.Market(
        market.as_of, spot=spot, forward=market.forward, mark=market.mark, vol=market.vol
    )


@pytest.mark.parametrize("batch", [1, 7, 50, 1000])
def test_batches_give_the_bits_of_one_run(batch: int) -> None:
    book, market = random_book(150)
    rules = rs.load_rulebook("generic-slides")
    whole = rs.assess(book, market, rules)
    parts = rs.assess(book, market, rules, batch=batch)
    for field in fields(whole):
        one, other = getattr(whole, field.name), getattr(parts, field.name)
        if field.name == "components":
            assert {n: x.tobytes() for n, x in one.items()} == {
                n: x.tobytes() for n, x in other.items()
            }
        elif isinstance(one, np.ndarray):
            assert one.dtype == other.dtype and one.tobytes() == other.tobytes(), field.name
        elif field.name != "source":
            assert one == other, field.name
    for account in (whole.account[0], whole.account[-1], whole.account[len(whole) // 2]):
        assert whole.explain(account) == parts.explain(account)


def test_progress_counts_every_account() -> None:
    book, market = random_book(20)
    seen: list[int] = []
    rs.assess(book, market, rs.load_rulebook("generic-slides"), batch=8, done=seen.append)
    assert seen == sorted(seen) and seen[-1] == len(book.accounts)


def test_empty_book_has_no_lines() -> None:
    book, market = demo_book()
    empty = rs.Portfolio.from_columns(book.instruments)
    assert len(rs.assess(empty, market, rs.load_rulebook("generic-slides"))) == 0
