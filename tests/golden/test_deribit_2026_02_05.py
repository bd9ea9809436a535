"""Three accounts on Deribit's chain of 2026-02-05 need what a script worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from golden.deribit_case import CASE, CHAIN, PERPETUALS, numbers, printed_by, same
from golden.deribit_case import stored_quotes as quotes_of

import riskslide as rs
from riskslide.edge.files.load import load_book

TOTALS = (
    "collateral",
    "unrealised_pnl",
    "option_value",
    "equity",
    "maintenance",
    "initial",
    "excess",
    "maintenance_ratio",
)
EXPECTED: dict[str, Any] = json.loads((CASE / "expected.json").read_text("utf-8"))


def book_and_market(market: list[Path]) -> tuple[rs.Portfolio, rs.Market]:
    return load_book(CASE / "positions.csv", CASE / "balances.csv", market)


def compare(portfolio: rs.Portfolio, market: rs.Market) -> None:
    """Every figure of the case against the library."""
    for coin, price in EXPECTED["coins"].items():
        assert market.spot[coin].value == price
    assessment = rs.assess(portfolio, market, rs.load_rulebook("generic-slides"))
    assert assessment.account == tuple(EXPECTED["accounts"])
    for line, (account, expected) in enumerate(EXPECTED["accounts"].items()):
        for name in TOTALS:
            same(getattr(assessment, name)[line], expected[name])
        compare_units(assessment.explain(account)[0], expected)
    compare_legs(portfolio, market)


def compare_units(evidence: Any, expected: dict[str, Any]) -> None:
    units = {unit.unit: unit for unit in evidence.units}
    assert {u for u in units if units[u].loss > 0} == set(expected["units"])
    for coin, figures in expected["units"].items():
        scale = sum(abs(leg["value"]) for leg in expected["legs"]) + figures["loss"]
        same(units[coin].grid, figures["grid"], scale)
        same(units[coin].loss, figures["loss"])
        assert units[coin].scenario == figures["worst_scenario"]
        worst = figures["worst_scenario"]
        moved = {c.name: c.pnl for c in units[coin].contributions}
        for name, key in ((f"balance:{coin}", "collateral"), (f"pnl:{coin}", "unrealised_pnl")):
            same(moved.get(name, 0.0), figures[key][worst])


def compare_legs(portfolio: rs.Portfolio, market: rs.Market) -> None:
    grid = EXPECTED["scenarios"]
    scenarios = rs.Scenarios.of(
        [1 + s["move"] for s in grid], vol_scale=[s["vol_scale"] for s in grid]
    )
    pnl = rs.stress(portfolio, market, scenarios, by="leg")
    exposure = rs.greeks(portfolio, market, by="leg")
    found = {
        (portfolio.accounts[a], name): k
        for k, (a, name) in enumerate(zip(exposure.account, exposure.name, strict=True))
    }
    legs = [(a, leg) for a, x in EXPECTED["accounts"].items() for leg in x["legs"]]
    assert set(found) == {(account, leg["instrument"]) for account, leg in legs}
    state = market.on(portfolio.instruments)
    for account, leg in legs:
        k = found[(account, leg["instrument"])]
        i = portfolio.instruments.index[leg["instrument"]]
        same(pnl[k], leg["pnl"], abs(leg["value"]) + max(map(abs, leg["pnl"])))
        same(exposure.greeks.value[k], leg["value"])
        if leg["kind"] == "option":
            same(state.years[i], leg["years"])
            assert state.vol[i] == leg["vol"]
            assert state.price[i] == leg["forward"]
        else:
            assert state.mark[i] == leg["mark"]


def test_accounts_on_the_venue_files_need_what_the_script_says(
    shared_data: Callable[[str], Path],
) -> None:
    compare(*book_and_market([shared_data(CHAIN), shared_data(PERPETUALS)]))


def test_row_order_of_the_files_changes_no_bit(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    market = [shared_data(PERPETUALS), shared_data(CHAIN)]
    rules = rs.load_rulebook("generic-slides")
    first = rs.assess(*book_and_market(market), rules)
    reversed_files = []
    for name in ("positions.csv", "balances.csv"):
        header, *rows = (CASE / name).read_text("utf-8").splitlines()
        reversed_files.append(tmp_path / name)
        reversed_files[-1].write_text("\n".join([header, *rows[::-1]]) + "\n", "utf-8")
    second = rs.assess(*load_book(*reversed_files, market[::-1]), rules)
    for name in TOTALS:
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes()
    assert first.program_sha256 == second.program_sha256


def test_script_still_gives_the_committed_figures(shared_data: Callable[[str], Path]) -> None:
    printed = printed_by("recompute.py", shared_data)
    same(numbers(json.loads(printed)), numbers(EXPECTED), 1e6)


def test_script_knows_nothing_of_the_library() -> None:
    assert "riskslide" not in (CASE / "recompute.py").read_text("utf-8")


def test_accounts_on_the_stored_quotes_need_what_the_script_says(tmp_path: Path) -> None:
    compare(*book_and_market(stored_quotes(tmp_path)))


@pytest.mark.parametrize("threads", [1, 3])
def test_thread_count_changes_no_bit(tmp_path: Path, threads: int) -> None:
    portfolio, market = book_and_market(stored_quotes(tmp_path))
    rules = rs.load_rulebook("generic-slides")
    first, second = (
        rs.assess(portfolio, market, rules),
        rs.assess(portfolio, market, rules, threads=threads),
    )
    assert first.maintenance.tobytes() == second.maintenance.tobytes()


def stored_quotes(folder: Path) -> list[Path]:
    """A chain and perpetual marks that hold nothing but the legs of the case."""
    accounts = EXPECTED["accounts"].values()
    return quotes_of(folder, EXPECTED, [leg for account in accounts for leg in account["legs"]])
