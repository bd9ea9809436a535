"""Guards the claim that portfolio margin by TIMS depends on what is held, not on how it is told."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from margin.tims_by_hand import LEGS, MARKET, book, rules

import riskslide as rs

RULES = rules()
SEEDS = range(40)
FIGURES = ("initial", "maintenance", "equity", "option_value", "collateral")
Rows = list[tuple[str, float]]


def draw_rows(seed: int, most: int = 14) -> tuple[random.Random, Rows]:
    draw = random.Random(seed)
    names = list(LEGS)
    rows = [
        (draw.choice(names), float(draw.randint(-40, 40))) for _ in range(draw.randint(1, most))
    ]
    return draw, rows


def figures(*accounts: Sequence[tuple[str, float]]) -> list[tuple[float, ...]]:
    found = rs.assess(book(*accounts), MARKET, RULES)
    return [tuple(float(getattr(found, n)[k]) for n in FIGURES) for k in range(len(accounts))]


@pytest.mark.parametrize("seed", SEEDS)
def test_order_splits_and_rows_of_nothing_change_no_bit(seed: int) -> None:
    draw, rows = draw_rows(seed)
    plain = figures(rows)
    name, quantity = rows[0]
    part = float(draw.randint(-9, 9))
    written = [(name, part), (name, quantity - part), *rows[1:]]
    written += [(draw.choice(list(LEGS)), 0.0), ("IBM-C", 7.0), ("IBM-C", -7.0)]
    draw.shuffle(written)
    assert figures(written) == plain


@pytest.mark.parametrize("seed", SEEDS)
def test_twice_the_book_needs_exactly_twice_as_much(seed: int) -> None:
    _, rows = draw_rows(seed)
    (one,), (two,) = figures(rows), figures([(n, 2.0 * q) for n, q in rows])
    assert two == tuple(2.0 * x for x in one)


@pytest.mark.parametrize("seed", SEEDS)
def test_other_accounts_and_batches_change_no_bit(seed: int) -> None:
    _, rows = draw_rows(seed)
    _, others = draw_rows(seed + 1_000)
    assert figures(others, rows, others)[1] == figures(rows)[0]
    whole = rs.assess(book(rows, others, rows), MARKET, RULES)
    parts = rs.assess(book(rows, others, rows), MARKET, RULES, batch=1, threads=1)
    assert whole.maintenance.tolist() == parts.maintenance.tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_joining_accounts_never_raises_the_requirement(seed: int) -> None:
    (_, one), (_, two) = draw_rows(seed), draw_rows(seed + 2_000)
    apart = figures(one, two)
    (joined,) = figures([*one, *two])
    assert joined[1] <= (apart[0][1] + apart[1][1]) * (1 + 1e-12) + 1e-9


@pytest.mark.parametrize("seed", SEEDS)
def test_the_instruments_that_nobody_holds_change_no_bit(seed: int) -> None:
    """A book that lists only what it holds is margined as the same book beside all others."""
    _, rows = draw_rows(seed, most=5)
    whole = book(rows)
    held = sorted({whole.instruments.index[name] for name, _ in rows})
    few = rs.Portfolio.from_columns(
        whole.instruments.take(held),
        account=["a"] * len(rows),
        instrument=[name for name, _ in rows],
        quantity=[quantity for _, quantity in rows],
    )
    alone = rs.assess(few, MARKET, RULES)
    assert [float(alone.maintenance[0]), float(alone.equity[0])] == [
        figures(rows)[0][FIGURES.index(n)] for n in ("maintenance", "equity")
    ]


@pytest.mark.parametrize("name", [n for n, leg in LEGS.items() if leg.kind == "option"])
@pytest.mark.parametrize("quantity", [1.0, 8.0])
def test_a_long_option_needs_no_more_than_its_value_and_its_minimum(
    name: str, quantity: float
) -> None:
    found = rs.assess(book([(name, quantity)]), MARKET, RULES)
    assert found.components["requirement"][0] <= found.option_value[0] * (1 + 1e-12)
    assert found.components["minimum"][0] == 37.5 * quantity
