"""Deribit's portfolio margin of three accounts is what a script worked out by hand, and that of two
accounts what the exchange printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from golden.deribit_case import (
    CASE,
    CHAIN,
    PERPETUALS,
    numbers,
    printed_by,
    rows_of,
    same,
    stored_quotes,
    write,
)

import riskslide as rs
from riskslide import _core
from riskslide.book.positions import slice_rows
from riskslide.edge.files.load import load_book
from riskslide.scenario.matrix import matrix_scenarios

SCRIPT = "recompute_portfolio_margin.py"
EXPECTED: dict[str, Any] = json.loads((CASE / "expected_portfolio_margin.json").read_text("utf-8"))
PRESETS = tuple(EXPECTED["rulebooks"])
LINES = ("collateral", "unrealised_pnl", "option_value", "equity", "maintenance", "initial")
COMPONENTS = ("worst", "roll_shock", "delta_shock", "risk_matrix", "open_orders")
SUMMED = (*LINES, *COMPONENTS, "excess")
# what the script calls a parameter, and the rule book
PARAMETERS = {
    "vol_down": "vol.range_down",
    "short_power": "vol.short_power",
    "long_power": "vol.long_power",
    "least_vol_up": "vol.min_up",
    "delta_threshold": "delta_shock.threshold",
    "delta_slope": "delta_shock.slope",
    "most_delta_shock": "delta_shock.maximum",
    "maintenance_factor": "margin.maintenance_factor",
    "range": "matrix.price_range",
    "vol_up": "vol.range_up",
    "dampener": "extended.dampener",
    "roll_rate": "roll.annualised_move",
    "roll_least": "roll.minimum",
    "offset": "netting.pnl_offset",
    "most_offset": "netting.max_offsetable",
}
UNDAMPED = {"extended.dampener": 0.0}
NO_OFFSET = {"netting.pnl_offset": 1.0, "netting.max_offsetable": 1e15}


class Case(NamedTuple):
    """The files of the case with the quotes of a market."""

    instruments: rs.Instruments
    market: rs.Market
    positions: list[dict[str, str]]
    orders: list[dict[str, str]]
    balances: list[dict[str, str]]

    def book(self, *, orders: bool) -> rs.Portfolio:
        return portfolio(
            self.instruments, self.positions, self.orders if orders else [], self.balances
        )


@pytest.fixture(params=["venue files", "stored quotes"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    """With the quotes of the whole chain, which may be absent, and with those that the script
    copied into its figures."""
    if request.param == "stored quotes":
        market = stored_quotes(tmp_path, EXPECTED, [leg for _, leg in legs("deribit-spm")])
    else:
        shared_data = request.getfixturevalue("shared_data")
        market = [shared_data(CHAIN), shared_data(PERPETUALS)]
    positions, orders, balances = (rows_of(f"{n}.csv") for n in ("positions", "orders", "balances"))
    asked = [row | {"quantity": "0"} for row in orders]
    held = write(tmp_path / "positions.csv", [*positions, *asked])
    book, quotes = load_book(held, CASE / "balances.csv", market)
    return Case(book.instruments, quotes, positions, orders, balances)


def portfolio(
    instruments: rs.Instruments,
    positions: list[dict[str, str]],
    orders: list[dict[str, str]],
    balances: list[dict[str, str]],
) -> rs.Portfolio:
    return rs.Portfolio.from_columns(
        instruments,
        account=[row["account"] for row in positions],
        instrument=[row["instrument"] for row in positions],
        quantity=[float(row["quantity"]) for row in positions],
        entry_price=[float(row.get("entry_price") or "nan") for row in positions],
        balance_account=[row["account"] for row in balances],
        balance_asset=[row["asset"] for row in balances],
        balance_amount=[float(row["amount"]) for row in balances],
        order_account=[row["account"] for row in orders],
        order_instrument=[row["instrument"] for row in orders],
        order_quantity=[float(row["quantity"]) for row in orders],
    )


def pools(preset: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Account, name and figures of every pool of the script."""
    for account, figures in EXPECTED["rulebooks"][preset]["accounts"].items():
        for name, pool in figures["pools"].items():
            yield account, name, pool


def legs(preset: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Account and figures of every position and order of the script."""
    for account, _, pool in pools(preset):
        for leg in (*pool["legs"], *pool["orders"]):
            yield account, leg


def size_of(pool: dict[str, Any]) -> float:
    """What cancels in the figures of a pool."""
    return 1.0 + sum(max(map(abs, leg["weighted"])) for leg in (*pool["legs"], *pool["orders"]))


def with_values(preset: str, values: dict[str, Any]) -> rs.Rulebook:
    rules = rs.load_rulebook(preset)
    held = dict(rules.parameters)
    return replace(
        rules, parameters=held | {k: replace(held[k], value=v) for k, v in values.items()}
    )


def grid_of(found: rs.Assessment, account: str, block: int) -> dict[str, list[float]]:
    """P&L in every scenario of a block, of every pool in which an account holds contracts."""
    source = found.source
    at = source.accounts.index(account)
    lots, cash = (slice_rows(x, at, at + 1) for x in (source.positions.csr, source.cash))
    pool, grid = _core.grid(source.program.core, block, source.cube.cells, lots, cash)
    rows = zip(pool.tolist(), grid.tolist(), strict=True)
    return {source.program.units[k]: row for k, row in rows}


# --- the three accounts ---------------------------------------------------------------------------


@pytest.mark.parametrize("orders", [True, False], ids=["orders", "no orders"])
@pytest.mark.parametrize("preset", PRESETS)
def test_every_pool_needs_what_the_script_says(case: Case, preset: str, orders: bool) -> None:
    for coin, price in EXPECTED["coins"].items():
        assert case.market.spot[coin].value == price
    found = rs.assess(case.book(orders=orders), case.market, rs.load_rulebook(preset))
    expected = list(pools(preset))
    assert list(zip(found.account, found.pool, strict=True)) == [(a, n) for a, n, _ in expected]
    for line, (_, _, pool) in enumerate(expected):
        if not orders:
            pool = pool | {"open_orders": 0.0, "initial": pool["risk_matrix"]}
            pool |= {"excess": pool["equity"] - pool["initial"]}
        size = size_of(pool)
        for name in (*LINES, "excess"):
            same(getattr(found, name)[line], pool[name], size)
        for name in COMPONENTS:
            same(found.components[name][line], pool[name], size)
        assert found.worst_scenario[line] == (pool["worst_column"] if pool["worst"] > 0 else 0)


@pytest.mark.parametrize("preset", PRESETS)
def test_accounts_add_up_their_pools_as_the_script_does(case: Case, preset: str) -> None:
    found = rs.assess(case.book(orders=True), case.market, rs.load_rulebook(preset))
    for account, figures in EXPECTED["rulebooks"][preset]["accounts"].items():
        at = [k for k, name in enumerate(found.account) if name == account]
        for name in SUMMED:
            column = found.components.get(name)
            column = getattr(found, name) if column is None else column
            same(column[at].sum(), figures[name], size_of_account(figures))


def size_of_account(figures: dict[str, Any]) -> float:
    return sum(size_of(pool) for pool in figures["pools"].values())


@pytest.mark.parametrize("preset", PRESETS)
def test_every_column_of_every_pool_is_what_the_script_says(case: Case, preset: str) -> None:
    found = rs.assess(case.book(orders=True), case.market, rs.load_rulebook(preset))
    for account, name, pool in pools(preset):
        (evidence,) = (e for e in found.explain(account) if e.pool == name)
        (unit,) = evidence.units
        size = size_of(pool)
        same(unit.grid, pool["columns"], size)
        same(unit.loss, pool["worst"], size)
        filled = evidence.filled[0].grid
        same(filled, pool["with_orders"]["columns"], size)
        same(max(-min(filled), 0.0), pool["with_orders"]["worst"], size)
        if pool["with_orders"]["worst"] > 0:
            assert filled.index(min(filled)) == pool["with_orders"]["worst_column"]


@pytest.mark.parametrize(
    ("figure", "changes"),
    [("weighted", UNDAMPED | NO_OFFSET), ("dampened", NO_OFFSET), ("offset", {})],
)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_step_of_every_node_is_what_the_script_says(
    case: Case, preset: str, figure: str, changes: dict[str, Any]
) -> None:
    """Every (account, coin) as an account of its own, with and without orders."""
    apart = [
        [row | {"account": f"{row['account']}/{coin_of(row)}"} for row in rows]
        for rows in (case.positions, case.orders)
    ]
    found = rs.assess(
        portfolio(case.instruments, *apart, []), case.market, with_values(preset, changes)
    )
    for account, _, pool in pools(preset):
        for block, nodes in enumerate((pool["nodes"], pool["with_orders"]["nodes"])):
            for key, node in nodes.items():
                (grid,) = grid_of(found, f"{account}/{key.split('/')[1]}", block).values()
                same(grid, node[figure], size_of(pool))


def coin_of(row: dict[str, str]) -> str:
    return row["instrument"].split("-")[0]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_leg_moves_as_the_script_says(case: Case, preset: str) -> None:
    """Each position and order as a position of an account of its own."""
    rules = with_values(preset, UNDAMPED | NO_OFFSET)
    expected = {f"{k:02}": leg for k, (_, leg) in enumerate(legs(preset))}
    rows = [
        {"account": k, "instrument": leg["instrument"], "quantity": leg["quantity"]}
        for k, leg in expected.items()
    ]
    found = rs.assess(portfolio(case.instruments, rows, [], []), case.market, rules)
    cube = found.source.cube
    for account, leg in expected.items():
        i, coin = case.instruments.index[leg["instrument"]], EXPECTED["coins"][leg["underlying"]]
        (moved,) = grid_of(found, account, 0).values()
        same(moved, leg["weighted"], max(map(abs, leg["weighted"])))
        unit = leg["quantity"] / coin
        same(cube.values[i] * unit, leg["coin_pnl"], max(map(abs, leg["coin_pnl"])))
        same(cube.delta[i] * unit, leg["delta_coin"])
        same(cube.base[i] / coin, leg["unit_coin_value"])


@pytest.mark.parametrize("preset", PRESETS)
def test_every_vol_is_shocked_as_the_script_says(case: Case, preset: str) -> None:
    rules = rs.load_rulebook(preset)
    state = case.market.on(case.instruments, rules.terms)
    shocks = matrix_scenarios(rules, state)
    for _, leg in legs(preset):
        if leg["kind"] != "option":
            continue
        i = case.instruments.index[leg["instrument"]]
        factor = state.factor[i]
        assert state.vol[i] == leg["vol"]
        assert state.price[i] == leg["forward"]
        same(state.years[i], leg["years"])
        scale, floor = shocks.vol_scale[factor], shocks.vol_floor[factor]
        columns = EXPECTED["rulebooks"][preset]["columns"]
        same(
            np.maximum(state.vol[i] * scale, floor), [leg["shocked_vol"][c["vol"]] for c in columns]
        )
        same(scale[2], leg["vol_multiplier_up"])
        same(scale[0], leg["vol_multiplier_down"])


@pytest.mark.parametrize("preset", PRESETS)
def test_every_expiry_and_every_coin_is_shocked_as_the_script_says(case: Case, preset: str) -> None:
    """Each bucket of the roll shock as an account of its own; the delta shock shows the net delta
    under a slope of one without threshold."""
    expiry = {x["instrument"]: x.get("expiry", "perpetual") for _, x in legs(preset)}
    rows = [
        r | {"account": f"{r['account']}/{coin_of(r)}/{expiry[r['instrument']]}"}
        for r in case.positions
    ]
    found = rs.assess(
        portfolio(case.instruments, rows, [], []), case.market, rs.load_rulebook(preset)
    )
    for account, _, pool in pools(preset):
        for bucket in pool["roll_buckets"]:
            name = f"{account}/{bucket['underlying']}/{bucket['expiry']}"
            same(found.components["roll_shock"][found.line(name)], bucket["shock"])
    steep = {"delta_shock.slope": 1.0, "delta_shock.threshold": 0.0, "delta_shock.maximum": 1.0}
    found = rs.assess(case.book(orders=True), case.market, with_values(preset, steep))
    for line, (_, _, pool) in enumerate(pools(preset)):
        net = sum(
            abs(d["net_coin"]) * EXPECTED["coins"][d["underlying"]] for d in pool["delta_lines"]
        )
        same(found.components["delta_shock"][line], net)


@pytest.mark.parametrize("preset", PRESETS)
def test_script_counts_with_the_parameters_of_the_preset(preset: str) -> None:
    rules, book = rs.load_rulebook(preset), EXPECTED["rulebooks"][preset]
    expected = book["parameters"]
    for name, key in PARAMETERS.items():
        assert rules.number(key) == expected[name], key
    assert rules.text("netting.pool") == ("account" if expected["one_pool"] else "settlement")
    assert rules.number("collateral.haircut_other") == (0.0 if expected["haircut"] is None else 1.0)
    listed, wanted = rules.table("collateral.haircut"), expected["haircut"] or {}
    assert wanted.items() <= listed.items()
    assert all(listed[asset] == 0.0 for asset in listed if asset not in wanted)
    assert rules.numbers("extended.moves") == [c["move"] for c in book["columns"][27:]]
    assert set(PARAMETERS) == set(expected) - {"one_pool", "haircut"}


def test_script_still_gives_the_committed_figures(shared_data: Callable[[str], Path]) -> None:
    printed = json.loads(printed_by(SCRIPT, shared_data))
    assert names(printed) == names(EXPECTED)
    same(numbers(printed), numbers(EXPECTED), 1e6)


def names(tree: Any) -> Any:
    """A JSON document without its numbers."""
    if isinstance(tree, dict):
        return {key: names(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [names(item) for item in tree]
    return None if isinstance(tree, int | float) else tree


def test_script_knows_nothing_of_the_library() -> None:
    assert "riskslide" not in (CASE / SCRIPT).read_text("utf-8")


# --- what the exchange printed --------------------------------------------------------------------

PRINTED: dict[str, Any] = json.loads(
    (CASE.parent / "deribit_printed_margin.json").read_text("utf-8")
)
COIN = 1e-9  # the exchange prints positions and totals with so many coins


@pytest.fixture(params=list(PRINTED["answers"]))
def answer(request: pytest.FixtureRequest) -> dict[str, Any]:
    held: dict[str, Any] = PRINTED["answers"][request.param]
    return held


def printed_book(answer: dict[str, Any], **changes: Any) -> rs.Assessment:
    """Positions in coin are contracts of as many dollars as the mark."""
    positions, coin = answer["positions"], answer["coin"]
    instruments = rs.Instruments.from_columns(
        name=list(positions),
        kind=["future" if p["expiry"] else "perpetual" for p in positions.values()],
        underlying=coin,
        expiry=[p["expiry"] for p in positions.values()],
        settlement="inverse",
        multiplier=[p["mark"] for p in positions.values()],
        lot=1e-9,
    )
    book = rs.Portfolio.from_columns(
        instruments,
        account=["a"] * len(positions),
        instrument=list(positions),
        quantity=[p["coins"] for p in positions.values()],
    )
    marks = {name: p["mark"] for name, p in positions.items()}
    market = rs.Market.of(answer["as_of"], spot={coin: answer["index"]}, mark=marks)
    return rs.assess(book, market, with_values(answer["rulebook"], changes))


def test_totals_are_those_that_the_exchange_printed(answer: dict[str, Any]) -> None:
    found, printed = printed_book(answer), answer["printed"]
    coins = {n: float(x[0]) / answer["index"] for n, x in found.components.items()}
    assert coins["worst"] == pytest.approx(printed["worst_case"], rel=1e-12)
    assert found.worst_scenario[0] == printed["worst_index"] - 1  # theirs counts from one
    assert coins["roll_shock"] == pytest.approx(printed["roll_shock"], abs=1e-11)
    assert coins["risk_matrix"] == pytest.approx(printed["risk_matrix_margin"], abs=COIN)
    maintenance = float(found.maintenance[0]) / answer["index"]
    assert maintenance == pytest.approx(printed["maintenance_margin"], abs=COIN)
    initial = float(found.initial[0]) / answer["index"] + printed["not_modelled"]
    assert initial == pytest.approx(printed["initial_margin"], abs=COIN)


def test_printed_totals_are_exact_with_a_worst_case_of_nine_decimals(
    answer: dict[str, Any],
) -> None:
    printed = answer["printed"]
    risk = round(printed["worst_case"], 9) + printed["roll_shock"]
    assert risk == pytest.approx(printed["risk_matrix_margin"], abs=1e-15)
    assert 0.8 * risk == pytest.approx(printed["maintenance_margin"], abs=1e-15)
    initial = risk + printed["not_modelled"]
    assert initial == pytest.approx(printed["initial_margin"], abs=0.5000001 * COIN)
    assert (
        abs(printed["worst_case"] + printed["roll_shock"] - printed["risk_matrix_margin"]) > 1e-10
    )


def test_contracts_gain_what_the_exchange_printed(answer: dict[str, Any]) -> None:
    """Each by itself, before dampener and offset."""
    for name, vector in answer["initial"].items():
        alone = answer | {"positions": {name: answer["positions"][name]}}
        same_coins(printed_book(alone, **UNDAMPED, **NO_OFFSET), answer, vector)


def test_vectors_are_those_that_the_exchange_printed(answer: dict[str, Any]) -> None:
    """All contracts, after dampener and offset."""
    same_coins(printed_book(answer), answer, answer["aggregated"])


def same_coins(found: rs.Assessment, answer: dict[str, Any], vector: list[float]) -> None:
    (unit,) = found.explain("a")[0].units
    coins = np.array(unit.grid) / answer["index"]
    np.testing.assert_allclose(coins, vector, rtol=1e-13, atol=1e-16)
