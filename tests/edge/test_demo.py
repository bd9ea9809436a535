"""Decides that the demo shows the published figures, computed and never copied."""

from __future__ import annotations

import pytest

import riskslide as rs
from riskslide.edge.cli.demo import Demo, demo_book, run_demo


@pytest.fixture(scope="module")
def demo() -> Demo:
    return run_demo()


def test_demo_shows_the_published_figures(demo: Demo) -> None:
    a = demo.assessment
    figures = {
        "positions alone": demo.alone,
        "maintenance": a.maintenance[0],
        "collateral": a.collateral[0],
        "option value": a.option_value[0],
        "equity": a.equity[0],
        "one by one": demo.one_by_one,
    }
    assert {name: round(float(x)) for name, x in figures.items()} == {
        "positions alone": 46_458,
        "maintenance": 68_058,
        "collateral": 165_000,
        "option value": -36_873,
        "equity": 128_127,
        "one by one": 253_949,
    }
    assert demo.alone_scenario == demo.unit.label == "price -16 % vol x1.45"


def test_short_put_loses_most_and_its_bought_wing_offsets_most(demo: Demo) -> None:
    assert demo.loser.name == "BTC_USDC-31JAN26-90000-P"
    assert demo.offset.name == "BTC_USDC-31JAN26-80000-P"
    assert demo.loser.pnl < -90_000 and demo.offset.pnl > 60_000


def test_legs_one_by_one_are_accounts_of_their_own(demo: Demo) -> None:
    portfolio, market = demo_book()
    at, lots = portfolio.positions.instrument, portfolio.positions.lots
    names = [portfolio.instruments.name[i] for i in at]
    split = rs.Portfolio.from_columns(
        portfolio.instruments,
        account=[f"account {k}" for k in range(len(names))],
        instrument=names,
        quantity=lots * portfolio.instruments.lot[at],
    )
    apart = rs.assess(split, market, rs.load_rulebook("generic-slides"))
    assert demo.one_by_one == pytest.approx(float(apart.maintenance.sum()), rel=1e-13)
    for name, loss in zip(names, apart.maintenance, strict=True):
        assert demo.leg_worst[name] == pytest.approx(loss, rel=1e-13)


def test_demo_follows_its_book_and_not_remembered_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riskslide.edge.cli.demo.LONG", 3.0)
    moved = run_demo()
    assert round(moved.alone) == 46_458 + round(1.5 * 100_000 * 0.16)


def test_kernel_agrees_with_the_reference_on_the_demo(demo: Demo) -> None:
    assert 0.0 <= demo.difference < 1e-7
