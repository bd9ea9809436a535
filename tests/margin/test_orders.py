"""Guards the claim that open orders count as the worst of their fills, scenario by scenario."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from margin import deribit_by_hand as hand
from margin.deribit_by_hand import CONTRACTS, NAMES, book, market, rules_of

import riskslide as rs
from riskslide.reference import assess_lines

PROPERTY = settings(max_examples=40, deadline=None, derandomize=True, database=None)
DERIBIT = ("deribit-spm", "deribit-xpm")
PRESETS = ("generic-slides", "generic-unified", *DERIBIT)
SMALL = {"extended.dampener": 5e3, "netting.max_offsetable": 5e4}  # so that both are felt
LOT = {n: 0.1 if c.is_option else 10.0 for n, c in CONTRACTS.items()}

counts = st.integers(-2_000, 2_000)
positions = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(NAMES), counts), min_size=1, max_size=10
)
orders = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(NAMES), counts), max_size=10)
Rows = list[tuple[str, str, int]]


def made(rows: Rows, asked: Rows) -> rs.Portfolio:
    """A book from rows of lots."""
    return rs.Portfolio.from_columns(
        hand.instruments(),
        account=[a for a, _, _ in rows],
        instrument=[n for _, n, _ in rows],
        quantity=[x * LOT[n] for _, n, x in rows],
        order_account=[a for a, _, _ in asked],
        order_instrument=[n for _, n, _ in asked],
        order_quantity=[x * LOT[n] for _, n, x in asked],
    )


def assess(preset: str, rows: Rows, asked: Rows) -> rs.Assessment:
    rules = rules_of(preset, SMALL if preset in DERIBIT else {})
    return rs.assess(made(rows, asked), market(), rules)


def by_line(found: rs.Assessment, figure: str) -> dict[tuple[str, str], float]:
    keys = zip(found.account, found.pool, strict=True)
    return dict(zip(keys, getattr(found, figure).tolist(), strict=True))


# --- the worst subset of fills --------------------------------------------------------------------


def subsets(asked: Rows) -> Iterator[Rows]:
    for size in range(len(asked) + 1):
        yield from (list(chosen) for chosen in combinations(asked, size))


def worst_grids(preset: str, rows: Rows, asked: Rows) -> dict[tuple[str, str], np.ndarray]:
    """Of each (pool, unit) of account a: its least P&L in every scenario, over all fills."""
    out: dict[tuple[str, str], np.ndarray] = {}
    for filled in subsets(asked):
        empty = [(a, n, 0) for a, n, _ in [*rows, *asked]]  # every pool is there
        for evidence in assess(preset, [*rows, *filled, *empty], []).explain("a"):
            for unit in evidence.units:
                key, grid = (evidence.pool, unit.unit), np.array(unit.grid)
                out[key] = np.minimum(out.get(key, grid), grid)
    return out


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("preset", PRESETS)
def test_worst_column_is_that_of_the_worst_fills_of_every_scenario(preset: str, seed: int) -> None:
    """All subsets of up to four orders, one an instrument, traded in full or not at all."""
    rng = np.random.default_rng(seed)
    names = rng.choice(NAMES, size=int(rng.integers(2, 5)), replace=False).tolist()
    held = rng.choice(NAMES, size=4, replace=False).tolist()
    rows, asked = (
        [
            ("a", n, int(rng.integers(-900, 901)) * (1 if CONTRACTS[n].is_option else 500))
            for n in of
        ]
        for of in (held, names)
    )
    found = assess(preset, rows, asked)
    grids = worst_grids(preset, rows, asked)
    for line, pool in enumerate(found.pool):
        mine = [grid for (of, _), grid in grids.items() if of == pool]
        loss = sum(max(0.0, -float(grid.min())) for grid in mine)
        if preset in DERIBIT:
            worst = found.components["worst"][line]
            expected = found.components["risk_matrix"][line] + loss - worst
            assert found.components["open_orders"][line] == pytest.approx(loss - worst, abs=1e-5)
        else:
            size = found.components.get("initial.concentration", np.zeros(1))[line]
            expected = 1.25 * loss + size  # which takes all orders, filled or not
        assert found.initial[line] == pytest.approx(expected, rel=1e-11, abs=1e-5)


@pytest.mark.parametrize("preset", PRESETS)
@PROPERTY
@given(positions, orders, orders)
def test_an_order_never_lowers_the_initial_requirement(
    preset: str, rows: Rows, asked: Rows, more: Rows
) -> None:
    none, some, many = (
        by_line(assess(preset, rows, x), "initial") for x in ([], asked, [*asked, *more])
    )
    for key, needed in many.items():
        slack = 1e-12 * needed + 1e-9
        assert needed >= some.get(key, 0.0) - slack
        assert some.get(key, 0.0) >= none.get(key, 0.0) - slack


@pytest.mark.parametrize("preset", PRESETS)
@PROPERTY
@given(positions, orders)
def test_orders_move_nothing_but_the_initial_requirement(
    preset: str, rows: Rows, asked: Rows
) -> None:
    without, found = assess(preset, rows, []), assess(preset, rows, asked)
    for figure in ("maintenance", "equity", "collateral", "unrealised_pnl", "option_value"):
        before, after = by_line(without, figure), by_line(found, figure)
        assert {k: after[k] for k in before} == before, figure
        assert not any(after[k] for k in after if k not in before), figure
    asked_of = ("open_orders", "initial.open_orders", "initial.concentration")
    still = [n for n in without.components if n not in asked_of]
    assert {n: without.components[n].sum() for n in still if n != "maintenance_factor"} == {
        n: found.components[n].sum() for n in still if n != "maintenance_factor"
    }
    for account in without.account:
        kept = {(e.pool, u.unit): u.grid for e in without.explain(account) for u in e.units}
        moved = {(e.pool, u.unit): u.grid for e in found.explain(account) for u in e.units}
        assert {k: moved[k] for k in kept} == kept


# --- sides ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
def test_a_purchase_and_a_sale_never_pay_for_each_other(preset: str) -> None:
    """Whichever loses is filled: both together need what the worse of them needs alone."""
    name, lots = "BTC-PERPETUAL", 70_020
    buy, sell = [("a", name, lots)], [("a", name, -lots)]
    one, other, both = (
        float(assess(preset, [], asked).initial[0]) for asked in (buy, sell, buy + sell)
    )
    assert both == max(one, other) > 0.0


@pytest.mark.parametrize("preset", PRESETS)
def test_orders_in_two_contracts_never_pay_for_each_other(preset: str) -> None:
    """A spread that is asked for leg by leg may be filled in one leg alone."""
    near, far = ("a", "BTC-PERPETUAL", 70_020), ("a", "BTC-22D-FUT", -70_310)
    alone = [float(assess(preset, [], [x]).initial[0]) for x in (near, far)]
    assert float(assess(preset, [], [near, far]).initial[0]) == max(alone)
    filled = float(assess(preset, [near, far], []).maintenance[0])
    assert filled < 0.5 * max(alone)


@pytest.mark.parametrize("preset", PRESETS)
def test_orders_of_one_side_count_as_one_order_of_their_sum(preset: str) -> None:
    rows: Rows = [("a", "BTC-141D-65-P", -40)]
    parts: Rows = [("a", "BTC-22D-60-P", -100), ("a", "BTC-22D-60-P", -250)]
    whole: Rows = [("a", "BTC-22D-60-P", -350)]
    one, other = assess(preset, rows, parts), assess(preset, rows, whole)
    assert one.initial.tobytes() == other.initial.tobytes()
    assert one.program_sha256 == other.program_sha256


@pytest.mark.parametrize("preset", PRESETS)
def test_an_order_that_closes_a_position_gives_no_relief(preset: str) -> None:
    rows: Rows = [("a", "BTC-22D-60-P", -100)]
    closing: Rows = [("a", "BTC-22D-60-P", 100)]
    without, found = assess(preset, rows, []), assess(preset, rows, closing)
    assert found.initial[0] == pytest.approx(without.initial[0], rel=1e-13)


@pytest.mark.parametrize("preset", DERIBIT)
def test_fills_carry_no_roll_shock(preset: str) -> None:
    """They count in the worst column alone."""
    found = assess(preset, [], [("a", "BTC-PERPETUAL", 70_020)])
    assert found.components["roll_shock"].tolist() == [0.0]
    assert found.maintenance.tolist() == [0.0]
    assert found.initial.tolist() == found.components["open_orders"].tolist()
    assert found.initial[0] > 0.0


def test_segregated_orders_need_margin_in_the_currency_that_they_settle_in() -> None:
    asked: Rows = [("a", "ETH-PERPETUAL", -2_001)]
    found = assess("deribit-spm", [("a", "BTC-PERPETUAL", 70_020)], asked)
    assert found.pool == ("BTC", "ETH")
    assert (found.maintenance > 0).tolist() == [True, False]
    assert (found.components["open_orders"] > 0).tolist() == [False, True]
    assert found.status[1] == rs.Status.NO_NEW_RISK


@pytest.mark.parametrize("preset", PRESETS)
def test_an_account_may_hold_orders_alone_and_an_order_for_nothing_counts_nothing(
    preset: str,
) -> None:
    nothing = assess(preset, [], [("a", "BTC-PERPETUAL", 0)])
    assert nothing.account == ("a",)
    assert nothing.initial.tolist() == [0.0]
    rows: Rows = [("a", "BTC-22D-60-P", -100)]
    asked: Rows = [("a", "BTC-22D-60-P", 0), ("a", "BTC-22D-80-C", 0)]
    assert assess(preset, rows, asked).initial.tolist() == assess(preset, rows, []).initial.tolist()


# --- the twin, the same bits ----------------------------------------------------------------------


def random_book(accounts: int) -> rs.Portfolio:
    rng = np.random.default_rng(5)

    def rows(count: int) -> Rows:
        return [
            (
                f"a{rng.integers(0, accounts):03}",
                str(rng.choice(NAMES)),
                int(rng.integers(-500, 501)),
            )
            for _ in range(count)
        ]

    return made(rows(4 * accounts), rows(3 * accounts))


@pytest.mark.parametrize("preset", PRESETS)
def test_kernel_fills_orders_as_the_reference_does(preset: str) -> None:
    portfolio, rules = random_book(25), rules_of(preset)
    found, expected = (
        rs.assess(portfolio, market(), rules),
        assess_lines(portfolio, market(), rules),
    )
    for name, values in expected.items():
        np.testing.assert_allclose(getattr(found, name), values, rtol=1e-11, atol=1e-5)
    none = rs.Positions.from_columns([], [], [], accounts=len(portfolio.accounts))
    without = rs.assess(replace(portfolio, orders=none), market(), rules)
    assert found.initial.sum() > without.initial.sum()


@pytest.mark.parametrize("preset", PRESETS)
def test_threads_and_batches_change_no_bit_of_orders(preset: str) -> None:
    portfolio, rules = random_book(60), rules_of(preset)
    whole = rs.assess(portfolio, market(), rules, threads=1)
    for threads, batch in ((3, None), (2, 1), (1, 7), (None, 59)):
        other = rs.assess(portfolio, market(), rules, threads=threads, batch=batch)
        assert other.initial.tobytes() == whole.initial.tobytes()
        assert other.maintenance.tobytes() == whole.maintenance.tobytes()


@pytest.mark.parametrize("preset", PRESETS)
@PROPERTY
@given(positions, orders, st.randoms(use_true_random=False))
def test_the_order_of_orders_changes_no_bit(
    preset: str, rows: Rows, asked: Rows, random: Any
) -> None:
    before = by_line(assess(preset, rows, asked), "initial")
    random.shuffle(asked)
    assert by_line(assess(preset, rows, asked), "initial") == before


@pytest.mark.parametrize("preset", PRESETS)
def test_evidence_of_an_account_with_orders_adds_up_exactly(preset: str) -> None:
    portfolio = random_book(20)
    found = rs.assess(portfolio, market(), rules_of(preset))
    for account in dict.fromkeys(found.account):
        for evidence in found.explain(account):
            assert sum(evidence.maintenance_parts.values()) == evidence.maintenance
            assert sum(evidence.equity_parts.values()) == evidence.equity
            orders = [c for u in evidence.units for c in u.contributions if c.name[:6] == "order:"]
            assert all(c.pnl == 0.0 for c in orders)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "code", "column", "row"),
    [
        ({"order_instrument": ["BTC-PERP"]}, "E_UNKNOWN", "order_instrument", 0),
        ({"order_instrument": [""]}, "E_UNKNOWN", "order_instrument", 0),
        ({"order_quantity": [15.0]}, "E_LOT", "order_quantity", 0),
        ({"order_quantity": [10.0 + 1e-4]}, "E_LOT", "order_quantity", 0),
        ({"order_quantity": [float("nan")]}, "E_NOT_FINITE", "order_quantity", 0),
        ({"order_quantity": [float("-inf")]}, "E_NOT_FINITE", "order_quantity", 0),
        ({"order_quantity": [None]}, "E_DTYPE", "order_quantity", 0),
        ({"order_quantity": ["10"]}, "E_DTYPE", "order_quantity", None),
        ({"order_quantity": [1e20]}, "E_OVERFLOW", "order_quantity", 0),
        ({"order_quantity": [10.0, 20.0]}, "E_SHAPE", "order_quantity", None),
        ({"order_quantity": []}, "E_SHAPE", "order_quantity", None),
        ({"order_instrument": ["BTC-PERPETUAL"] * 2}, "E_SHAPE", "order_instrument", None),
        ({"order_account": ["a", "a"]}, "E_SHAPE", "order_instrument", None),
    ],
)
def test_orders_that_mean_nothing_are_refused_by_their_own_names(
    columns: dict[str, Any], code: str, column: str, row: int | None
) -> None:
    asked = {
        "order_account": ["a"],
        "order_instrument": ["BTC-PERPETUAL"],
        "order_quantity": [10.0],
    }
    with pytest.raises(rs.InputError) as refused:
        rs.Portfolio.from_columns(hand.instruments(), **(asked | columns))
    assert refused.value.code == code
    assert refused.value.column == column
    assert row is None or refused.value.row == row
    assert refused.value.fix


def test_sums_of_orders_beyond_int64_are_refused() -> None:
    sizes = (10.0, 3e19, 6e19, 3e19)
    with pytest.raises(rs.InputError) as refused:
        book({}, orders=[("a", "BTC-PERPETUAL", size) for size in sizes])
    error = refused.value
    assert (error.code, error.column, error.row) == ("E_OVERFLOW", "order_quantity", 2)
    book({}, orders=[("a", "BTC-PERPETUAL", side * 6e19) for side in (1, -1)])  # sides apart


def test_evidence_of_orders_works_the_initial_requirement_again() -> None:
    held, asked = {"a": {"BTC-PERPETUAL": 70_000.0}}, [("a", "BTC-PERPETUAL", 10_000.0)]
    for preset in PRESETS:
        found = rs.assess(book(held, orders=asked), market(), rules_of(preset))
        (evidence, *_) = found.explain("a")
        (unit,), (filled,) = evidence.units, evidence.filled
        assert "order:buy:BTC-PERPETUAL" in [c.name for c in filled.contributions]
        assert "order:buy:BTC-PERPETUAL" not in [c.name for c in unit.contributions]
        assert filled.loss - unit.loss == pytest.approx(evidence.components["open_orders"])
        assert sum(c.pnl for c in filled.contributions) == pytest.approx(-filled.loss)


def test_orders_of_coins_are_refused() -> None:
    coins = rs.Instruments.from_columns(name=["BTC_USDC"], kind="spot", underlying="BTC")
    with pytest.raises(rs.InputError) as refused:
        rs.Portfolio.from_columns(
            coins, order_account=["a"], order_instrument=["BTC_USDC"], order_quantity=[1.0]
        )
    assert (refused.value.code, refused.value.column) == ("E_DOMAIN", "order_instrument")


@pytest.mark.parametrize("preset", PRESETS)
def test_an_order_needs_the_quotes_of_its_instrument(preset: str) -> None:
    c = CONTRACTS["BTC-22D-60-P"]
    rows = [CONTRACTS["BTC-PERPETUAL"], c]
    portfolio = book({"a": {}}, orders=[("a", c.name, 1.0)], contracts=rows)
    with pytest.raises(rs.InputError) as refused:
        rs.assess(portfolio, market(rows[:1]), rules_of(preset))
    assert refused.value.code == "E_MISSING_PRICE"
