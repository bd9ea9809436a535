"""Guards the claim that margin depends on what is held, not on how it is written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskslide as rs

PROPERTY = settings(max_examples=40, deadline=None, derandomize=True, database=None)
AS_OF = "2026-02-05T12:00:00Z"
EXPIRY = "2026-03-27T08:00:00Z"
FIGURES = ("initial", "maintenance", "equity", "collateral", "unrealised_pnl", "option_value")
SPOT = {"BTC": 71_000.0, "ETH": 2_100.0}
ASSETS = ("BTC", "ETH", "USDC")


def universe() -> rs.Instruments:
    rows = [
        ("BTC", "option", 65_000.0, "call", "linear"),
        ("BTC", "option", 80_000.0, "call", "linear"),
        ("BTC", "option", 60_000.0, "put", "inverse"),
        ("ETH", "option", 2_000.0, "put", "linear"),
        ("ETH", "option", 2_600.0, "call", "inverse"),
        ("BTC", "perpetual", "", "", "linear"),
        ("ETH", "perpetual", "", "", "inverse"),
        ("BTC", "future", "", "", "inverse"),
    ]
    columns = [list(c) for c in zip(*rows, strict=True)]
    return rs.Instruments.from_columns(
        name=[f"I{k}" for k in range(len(rows))],
        underlying=columns[0],
        kind=columns[1],
        strike=columns[2],
        option_type=columns[3],
        settlement=columns[4],
        expiry=["" if kind == "perpetual" else EXPIRY for kind in columns[1]],
        currency=[r[0] if r[4] == "inverse" else "USDC" for r in rows],
        lot=0.1,
    )


INSTRUMENTS = universe()
MARKET = rs.Market.of(
    AS_OF,
    spot=SPOT,
    forward={("BTC", EXPIRY): 71_500.0, ("ETH", EXPIRY): 2_110.0},
    mark={"I5": 71_020.0, "I6": 2_101.0, "I7": 71_400.0},
    vol={f"I{k}": 0.5 + 0.05 * k for k in range(5)},
)
RULES = rs.load_rulebook("generic-slides")

Row = tuple[str, int, int, float | None]  # account, instrument, lots, entry price
rows_of_positions = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 7),
        st.integers(-300, 300),
        st.sampled_from([None, 2_000.0, 70_000.0]),
    ),
    min_size=1,
    max_size=25,
)
rows_of_balances = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(ASSETS), st.integers(-500, 500)),
    max_size=6,
)


def book(rows: Sequence[Row], balances: Sequence[tuple[str, str, float]]) -> rs.Portfolio:
    return rs.Portfolio.from_columns(
        INSTRUMENTS,
        account=[r[0] for r in rows],
        instrument=[f"I{r[1]}" for r in rows],
        quantity=[r[2] * 0.1 for r in rows],
        entry_price=[r[3] for r in rows],
        balance_account=[b[0] for b in balances],
        balance_asset=[b[1] for b in balances],
        balance_amount=[float(b[2]) for b in balances],
    )


def figures(portfolio: rs.Portfolio, rules: rs.Rulebook = RULES) -> dict[str, tuple[float, ...]]:
    found = rs.assess(portfolio, MARKET, rules)
    columns = [getattr(found, name) for name in FIGURES]
    return {name: tuple(float(c[line]) for c in columns) for line, name in enumerate(found.account)}


def close(one: dict[str, Any], other: dict[str, Any], factor: float = 1.0) -> bool:
    assert one.keys() == other.keys()
    return all(
        v * factor == pytest.approx(w, rel=1e-11, abs=1e-6)
        for name in one
        for v, w in zip(one[name], other[name], strict=True)
    )


def rules_with(**changes: Any) -> rs.Rulebook:
    held = dict(RULES.parameters)
    for key, value in changes.items():
        dotted = key.replace("__", ".")
        held[dotted] = replace(held[dotted], value=value)
    return replace(RULES, parameters=held)


@PROPERTY
@given(rows_of_positions, rows_of_balances, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_bit(
    rows: list[Row], balances: list[tuple[str, str, int]], random: Any
) -> None:
    before = figures(book(rows, balances))
    random.shuffle(rows)
    random.shuffle(balances)
    assert figures(book(rows, balances)) == before


@PROPERTY
@given(rows_of_positions, rows_of_balances, st.integers(-50, 50))
def test_splitting_a_marked_position_changes_no_bit(
    rows: list[Row], balances: list[tuple[str, str, int]], part: int
) -> None:
    rows = [(a, i, lots, None) for a, i, lots, _ in rows]
    account, instrument, lots, _ = rows[0]
    split = [(account, instrument, part, None), (account, instrument, lots - part, None), *rows[1:]]
    assert figures(book(split, balances)) == figures(book(rows, balances))


@PROPERTY
@given(rows_of_positions, st.integers(-50, 50))
def test_splitting_an_opened_position_changes_nothing_beyond_rounding(
    rows: list[Row], part: int
) -> None:
    account, instrument, lots, entry = rows[0]
    split = [
        (account, instrument, part, entry),
        (account, instrument, lots - part, entry),
        *rows[1:],
    ]
    assert close(figures(book(split, [])), figures(book(rows, [])))


@PROPERTY
@given(rows_of_positions, rows_of_balances)
def test_twice_the_book_needs_exactly_twice_as_much(
    rows: list[Row], balances: list[tuple[str, str, int]]
) -> None:
    marked = [(a, i, lots, None) for a, i, lots, _ in rows]
    one = figures(book(marked, balances))
    two = figures(
        book([(a, i, 2 * n, e) for a, i, n, e in marked], [(a, s, 2 * x) for a, s, x in balances])
    )
    assert {k: tuple(2 * x for x in v) for k, v in one.items()} == two


@PROPERTY
@given(rows_of_positions, rows_of_balances, st.integers(0, 1_000))
def test_margin_scales_with_the_book(
    rows: list[Row], balances: list[tuple[str, str, int]], times: int
) -> None:
    one = figures(book(rows, balances))
    many = book(
        [(a, i, times * n, e) for a, i, n, e in rows], [(a, s, times * x) for a, s, x in balances]
    )
    assert close(one, figures(many), times)


@PROPERTY
@given(rows_of_positions, rows_of_balances, st.integers(0, 7))
def test_a_position_of_zero_changes_no_bit(
    rows: list[Row], balances: list[tuple[str, str, int]], instrument: int
) -> None:
    account = rows[0][0]
    more = [*rows, (account, instrument, 0, None)]
    assert figures(book(more, balances)) == figures(book(rows, balances))


@PROPERTY
@given(rows_of_positions, rows_of_balances, st.integers(0, 7), st.integers(-900, 900))
def test_what_is_added_and_taken_away_leaves_no_trace(
    rows: list[Row], balances: list[tuple[str, str, int]], instrument: int, lots: int
) -> None:
    account = rows[0][0]
    more = [*rows, (account, instrument, lots, None), (account, instrument, -lots, None)]
    assert figures(book(more, balances)) == figures(book(rows, balances))


@PROPERTY
@given(rows_of_positions, rows_of_balances)
def test_names_of_accounts_do_not_matter(
    rows: list[Row], balances: list[tuple[str, str, int]]
) -> None:
    new = {"a": "z", "b": "M", "c": "\u00e9t\u00e9 7"}
    before = figures(book(rows, balances))
    after = figures(
        book([(new[a], i, n, e) for a, i, n, e in rows], [(new[a], s, x) for a, s, x in balances])
    )
    assert after == {new[name]: v for name, v in before.items()}


@PROPERTY
@given(rows_of_positions, rows_of_balances)
def test_other_accounts_do_not_matter(
    rows: list[Row], balances: list[tuple[str, str, int]]
) -> None:
    whole = figures(book(rows, balances))
    for account in "abc":
        mine = [r for r in rows if r[0] == account], [b for b in balances if b[0] == account]
        if any(mine):
            assert figures(book(*mine)) == {account: whole[account]}


@PROPERTY
@given(rows_of_positions, rows_of_balances)
def test_joining_accounts_never_raises_the_requirement(
    rows: list[Row], balances: list[tuple[str, str, int]]
) -> None:
    """Holds without debts: a haircut counts for each account's own credit."""
    credits = [(a, s, abs(x)) for a, s, x in balances]
    apart = figures(book(rows, credits))
    joined = figures(
        book([("a", i, n, e) for _, i, n, e in rows], [("a", s, x) for _, s, x in credits])
    )
    total = sum(v[FIGURES.index("maintenance")] for v in apart.values())
    assert joined["a"][FIGURES.index("maintenance")] <= total * (1 + 1e-12) + 1e-9


@PROPERTY
@given(rows_of_positions, rows_of_balances)
def test_more_scenarios_never_lower_a_requirement(
    rows: list[Row], balances: list[tuple[str, str, int]]
) -> None:
    portfolio = book(rows, balances)
    at = FIGURES.index("maintenance")
    few = figures(portfolio)
    finer = figures(portfolio, rules_with(slides__price_points=17))
    more_vols = figures(portfolio, rules_with(slides__vol_scales=[0.72, 0.9, 1.0, 1.45, 1.6]))
    for name, line in few.items():
        assert finer[name][at] >= line[at]
        assert more_vols[name][at] >= line[at]


def test_a_wider_cube_never_lowers_a_worst_loss() -> None:
    rng = np.random.default_rng(11)
    values = rng.normal(size=(12, 90))
    positions = rs.Positions.from_columns(
        rng.integers(0, 30, size=200), rng.integers(0, 12, size=200), rng.integers(-9, 9, size=200)
    )
    before = np.zeros(30)
    for width in range(1, 90):
        loss = rs.worst_loss(positions, rs.Cube.from_values(values[:, :width])).loss
        assert (loss >= before).all()
        before = loss


def needs(rows: list[Row], balances: list[tuple[str, str, float]]) -> float:
    return figures(book(rows, balances))["a"][FIGURES.index("maintenance")]


@pytest.mark.parametrize("instrument", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("lots", [1, 7, 1_234])
def test_long_option_needs_no_margin_beyond_premium(instrument: int, lots: int) -> None:
    line = figures(book([("a", instrument, lots, None)], []))["a"]
    value = line[FIGURES.index("option_value")]
    assert 0.0 < line[FIGURES.index("maintenance")] <= value
    assert line[FIGURES.index("equity")] == value


def test_coin_collateral_under_a_long_needs_more_than_cash() -> None:
    """The coin falls in the scenario in which the position loses (R-WWR)."""
    long_btc: list[Row] = [("a", 5, 10, None)]
    with_coin = needs(long_btc, [("a", "BTC", 1.0)])
    with_cash = needs(long_btc, [("a", "USDC", 71_000.0)])
    assert with_cash == pytest.approx(0.16 * 71_020.0, rel=1e-12)
    assert with_coin == pytest.approx(0.16 * (71_020.0 + 0.9 * 71_000.0), rel=1e-12)


def test_coin_collateral_under_a_short_is_a_hedge() -> None:
    assert needs([("a", 5, -10, None)], [("a", "BTC", 1.0)]) < needs([("a", 5, -10, None)], [])


def test_two_underlyings_never_net() -> None:
    """Two names of one root, with the same quotes, are two risks (R-OFFSET)."""
    twins = rs.Instruments.from_columns(
        name=["P", "Q"], kind="perpetual", underlying=["BTC", "BTC2"], currency="USDC", lot=0.1
    )
    market = rs.Market.of(AS_OF, mark={"P": 71_000.0, "Q": 71_000.0})

    def required(account: list[str]) -> Any:
        portfolio = rs.Portfolio.from_columns(
            twins, account=account, instrument=["P", "Q"], quantity=[1.0, -1.0]
        )
        return rs.assess(portfolio, market, RULES).maintenance

    apart, together = required(["a", "b"]), required(["a", "a"])
    assert together.tolist() == [apart[0] + apart[1]]
    assert apart.tolist() == pytest.approx([0.16 * 71_000.0] * 2, rel=1e-12)


def test_two_contracts_on_one_underlying_do_net() -> None:
    assert needs([("a", 5, 10, None)], []) > 0.0
    assert needs([("a", 5, 10, None), ("a", 5, -10, None)], []) == 0.0


@pytest.mark.parametrize(("asset", "price"), [("BTC", 71_000.0), ("USDC", 1.0)])
def test_debts_count_in_full_and_credits_after_haircut(asset: str, price: float) -> None:
    haircut = RULES.table("collateral.haircut")[asset]
    at = FIGURES.index("collateral")
    credit, debt = (figures(book([], [("a", asset, x)]))["a"][at] for x in (100.0, -100.0))
    assert credit == pytest.approx(100.0 * price * (1 - haircut), rel=1e-13)
    assert debt == -100.0 * price
