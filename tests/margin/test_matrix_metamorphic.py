"""Guards what must not matter to Deribit's method, and what may only move it one way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from margin import deribit_by_hand as hand
from margin.deribit_by_hand import NAMES, Contract, book, market, rules_of
from margin.matrix_books import PLAIN, PRESETS, PROPERTY, grid

import riskslide as rs

# --- what must not matter -------------------------------------------------------------------------

lots = st.integers(-300, 300)
holdings = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(NAMES), lots), min_size=1, max_size=14
)
Rows = list[tuple[str, str, int]]


def figures(rows: Rows, rules: rs.Rulebook, orders: Rows | None = None) -> dict[Any, Any]:
    """Bits of every figure by account and pool, pools of nothing left out."""
    instruments = hand.instruments()
    lot = dict(zip(instruments.name, instruments.lot.tolist(), strict=True))
    asked = orders or []
    portfolio = rs.Portfolio.from_columns(
        instruments,
        account=[a for a, _, _ in rows],
        instrument=[n for _, n, _ in rows],
        quantity=[x * lot[n] for _, n, x in rows],
        order_account=[a for a, _, _ in asked],
        order_instrument=[n for _, n, _ in asked],
        order_quantity=[x * lot[n] for _, n, x in asked],
    )
    found = rs.assess(portfolio, market(), rules)
    columns = [found.initial, found.maintenance, found.equity, *found.components.values()]
    return {
        key: tuple(float(c[line]) for c in columns)
        for line, key in enumerate(zip(found.account, found.pool, strict=True))
        if found.initial[line] or found.equity[line]
    }


@pytest.mark.parametrize("preset", PRESETS)
@PROPERTY
@given(holdings, holdings, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_bit(
    preset: str, rows: Rows, orders: Rows, random: Any
) -> None:
    before = figures(rows, rules_of(preset), orders)
    random.shuffle(rows)
    random.shuffle(orders)
    assert figures(rows, rules_of(preset), orders) == before


@pytest.mark.parametrize("preset", PRESETS)
@PROPERTY
@given(holdings, lots, lots)
def test_splitting_a_row_and_adding_what_is_taken_away_change_no_bit(
    preset: str, rows: Rows, part: int, extra: int
) -> None:
    account, name, count = rows[0]
    split = [(account, name, part), *rows[1:], (account, name, count - part)]
    traded = [*rows, (account, name, extra), (account, name, -extra)]
    before = figures(rows, rules_of(preset))
    assert figures(split, rules_of(preset)) == before
    assert figures(traded, rules_of(preset)) == before


@pytest.mark.parametrize("preset", PRESETS)
@PROPERTY
@given(holdings, holdings)
def test_twice_the_book_under_twice_the_amounts_needs_exactly_twice_as_much(
    preset: str, rows: Rows, orders: Rows
) -> None:
    """Dampener, cap and threshold are amounts; the delta shock is on."""
    amounts = {
        "extended.dampener": 8e3,
        "netting.pnl_offset": 0.5,
        "netting.max_offsetable": 2e4,
        "delta_shock.slope": 0.25,
        "delta_shock.threshold": 1e5,
    }
    keys = ("extended.dampener", "netting.max_offsetable", "delta_shock.threshold")
    doubled = amounts | {key: 2.0 * amounts[key] for key in keys}
    one = figures(rows, rules_of(preset, amounts), orders)
    two = figures(
        [(a, n, 2 * x) for a, n, x in rows],
        rules_of(preset, doubled),
        [(a, n, 2 * x) for a, n, x in orders],
    )
    factor = rules_of(preset).number("margin.maintenance_factor")
    for line in one.values():
        assert factor in line
    assert {k: tuple(2.0 * x for x in v if x != factor) for k, v in one.items()} == {
        k: tuple(x for x in v if x != factor) for k, v in two.items()
    }


@pytest.mark.parametrize("preset", PRESETS)
@PROPERTY
@given(holdings)
def test_other_accounts_do_not_matter(preset: str, rows: Rows) -> None:
    whole = figures(rows, rules_of(preset))
    for account in "ab":
        mine = [r for r in rows if r[0] == account]
        expected = {k: v for k, v in whole.items() if k[0] == account}
        assert not mine or figures(mine, rules_of(preset)) == expected


@pytest.mark.parametrize("preset", PRESETS)
@PROPERTY
@given(holdings)
def test_more_offset_never_raises_and_more_far_moves_never_lower_the_requirement(
    preset: str, rows: Rows
) -> None:
    def initial(changes: dict[str, Any]) -> dict[Any, float]:
        found = figures(rows, rules_of(preset, changes))
        return {k: v[0] for k, v in found.items()}

    none, some, all_of = (
        initial({"netting.pnl_offset": x, "netting.max_offsetable": 1e9}) for x in (0.0, 0.5, 1.0)
    )
    few = initial({"extended.moves": [0.5]})
    many = initial({"extended.moves": [-0.66, 0.5, 5.0]})
    for key in none:
        assert none[key] >= some.get(key, 0.0) >= all_of.get(key, 0.0)
        assert many.get(key, 0.0) >= few.get(key, 0.0)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_box_of_options_moves_with_nothing(preset: str) -> None:
    """Calls less puts of two strikes, in coin: (K2 - K1) / F, which gains as the coin falls."""
    low = Contract("C1", "BTC", 22.0, 70_000.0, 60_000.0, True, 0.7)
    high = low._replace(name="C2", strike=80_000.0)
    four = [low, low._replace(name="P1", is_call=False), high]
    four.append(high._replace(name="P2", is_call=False))
    held = {"C1": 1.0, "P1": -1.0, "C2": -1.0, "P2": 1.0}
    found = rs.assess(book({"a": held}, contracts=four), market(four), rules_of(preset, PLAIN))
    row = grid(found, "a", found.pool[0])
    reach = rules_of(preset).number("matrix.price_range")
    for k in range(9):
        move = reach * (k - 4) / 4
        expected = 20_000.0 / 70_000.0 * (1.0 / (1.0 + move) - 1.0) * 70_000.0
        assert row[3 * k : 3 * k + 3] == pytest.approx([expected] * 3, rel=1e-9, abs=1e-7)
    assert found.components["roll_shock"][0] == pytest.approx(0.0, abs=1e-9)
