"""Decides that tables show what was computed: signs, marks, order, widths, and nothing cut."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

import riskslide as rs
from riskslide.edge.cli import figures, records, report, showcase
from riskslide.edge.cli.demo import Demo, demo_book, run_demo
from riskslide.edge.cli.output import rendered

RULES = rs.load_rulebook("generic-slides")


@pytest.fixture(scope="module")
def demo() -> Demo:
    return run_demo()


def pipe() -> Console:
    return Console(file=io.StringIO(), width=report.PIPE_WIDTH, color_system=None)


def screen(width: int) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)


def shown(demo: Demo, console: Console, show: int = 40) -> str:
    content = report.margin_report(demo.assessment, RULES, console, account=None, show=show)
    return rendered(console, content)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (68057.7676, 0, "68,058"),
        (-36872.8049, 0, "-36,873"),
        (-0.2, 0, "0"),
        (-0.001, 2, "0.00"),
        (-1234.5, 2, "-1,234.50"),
        (0.0, 2, "0.00"),
    ],
)
def test_amounts_have_separators_and_no_negative_zero(value: float, digits: int, text: str) -> None:
    assert figures.amount(value, digits) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1234.5678, "1,234.57"),
        (-0.00012345678, "-0.000123"),
        (0.000000123456789, "1.23457e-07"),
        (1e18, "1e+18"),
    ],
)
def test_greeks_show_six_significant_digits(value: float, text: str) -> None:
    assert figures.significant(value) == text


@pytest.mark.parametrize("width", [100, 130, 150, 200])
def test_greeks_of_second_order_stand_where_there_is_room(width: int) -> None:
    book, market = demo_book()
    found = rs.greeks(book, market)
    content = report.greeks_report(
        book, found, screen(width), by="account", show=40, unit="USD, then"
    )
    text = rendered(screen(width), content)
    first = figures.significant(float(found.greeks.rho[0]) / 100)
    charm = figures.significant(float(found.second.charm[0]) / 365)
    assert first in text and "…" not in text
    fits = charm in text
    assert fits == ("charm per day" in text) == ("a wider terminal" not in text)
    assert fits == (width >= 150)


def test_pipe_table_holds_every_figure_without_cutting(demo: Demo) -> None:
    text = shown(demo, pipe())
    for figure in ("165,000", "-36,873", "128,127", "85,072", "68,058", "43,055", "53.1 %"):
        assert figure in text
    assert "\x1b" not in text and "…" not in text
    assert text.isascii() and max(map(len, text.splitlines())) > 120


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 130, 160, 200])
def test_no_figure_is_cut_on_any_terminal(demo: Demo, width: int) -> None:
    text = shown(demo, screen(width))
    for figure in ("165,000", "-36,873", "128,127", "85,072", "68,058", "43,055", "53.1 %"):
        assert figure in text
    assert "…" not in text


def test_worst_cell_is_the_only_marked_one(demo: Demo) -> None:
    marked = [line for line in shown(demo, pipe()).splitlines() if "*" in line]
    assert len(marked) == 1
    assert marked[0].split()[:2] == ["-16", "%"] and "-68,058 *" in marked[0]


def test_grid_puts_price_down_and_vol_across(demo: Demo) -> None:
    axes = records.axes_of(demo.assessment.scenarios)
    assert axes is not None
    assert axes.vols == ("x0.72", "x1.00", "x1.45")
    assert axes.moves == (-0.16, -0.12, -0.08, -0.04, 0.0, 0.04, 0.08, 0.12, 0.16)
    text = rendered(pipe(), report.slide_grid(demo.unit, axes, pipe()))
    rows = [line.split() for line in text.splitlines()[2:]]
    grid = np.array(demo.unit.grid).reshape(9, 3)
    for row, expected in zip(rows, grid, strict=True):
        cells = [x for x in row[2:] if x != "*"]
        assert [float(x.replace(",", "")) for x in cells] == np.rint(expected).tolist()


def test_scenarios_that_are_no_grid_have_no_axes() -> None:
    assert records.axes_of(rs.Scenarios.of([0.9, 1.1]).labels) is None
    assert records.axes_of(rs.Scenarios.grid([0.1, 0.1], [1.0]).labels) is None
    assert records.axes_of(()) is None


def test_far_moves_stand_in_a_column_of_their_own() -> None:
    labels = ["price -4 % vol down", "price -4 % vol up", "price +50 % vol up, extended"]
    axes = records.axes_of(labels)
    assert axes is not None
    assert axes.moves == (-0.04, 0.5) and axes.vols == ("down", "up", "up, extended")
    assert axes.cells == ((0, 1, None), (None, None, 2))


def many(accounts: int) -> rs.Assessment:
    portfolio, market = demo_book()
    names = [f"a{k:03d}" for k in range(accounts)]
    book = rs.Portfolio.from_columns(
        portfolio.instruments,
        account=names,
        instrument=["BTC_USDC-PERPETUAL"] * accounts,
        quantity=[float(k) for k in range(accounts)],
        balance_account=names,
        balance_asset=["USDC"] * accounts,
        balance_amount=[100_000.0] * accounts,
    )
    return rs.assess(book, market, RULES)


def test_riskiest_lines_come_first_and_the_rest_is_counted() -> None:
    assessment = many(50)
    rows = report.riskiest(assessment, 40)
    assert rows.tolist() == list(range(49, 9, -1))
    content = report.margin_report(assessment, RULES, pipe(), account=None, show=40)
    text = rendered(pipe(), content)
    assert "10 less risky lines are left out; --all shows them." in text
    assert "a049: P&L of BTC" in text
    assert report.riskiest(assessment, 50).tolist() == list(range(50))


def test_status_and_infinite_ratio_have_words_and_no_number_in_json() -> None:
    a = many(12)
    bankrupt = np.full(len(a), rs.Status.BANKRUPT.value, dtype=np.uint8)
    broke = replace(a, maintenance_ratio=np.full(len(a), np.inf), status=bankrupt)
    text = rendered(pipe(), report.margin_report(broke, RULES, pipe(), account=None, show=40))
    assert "bankrupt" in text and " no equity " in text
    record = records.margin_record(broke, RULES, ())
    assert {x["maintenance_ratio"] for x in record["accounts"]} == {None}
    assert {x["status"] for x in record["accounts"]} == {"bankrupt"}


def test_warnings_stand_below_the_tables(demo: Demo) -> None:
    warned = replace(demo, assessment=replace(demo.assessment, warnings=("W_X: beware",)))
    assert shown(warned, pipe()).rstrip().endswith("warning: W_X: beware")


def test_account_names_cannot_steer_a_terminal(demo: Demo) -> None:
    text = rendered(pipe(), figures.plain("a\x1b[31mred[bold]\n"))
    assert text == "a\\x1b[31mred[bold]\\n\n"


def test_json_of_an_assessment_adds_up(demo: Demo) -> None:
    a = demo.assessment
    record = json.loads(records.json_text(records.margin_record(a, RULES, a.explain("demo"))))
    (line,) = record["accounts"]
    assert sum(u["loss"] for u in line["units"]) == line["maintenance"]
    assert line["collateral"] + line["unrealised_pnl"] + line["option_value"] == line["equity"]
    assert line["equity"] - line["initial"] == line["excess"]
    unit = record["slides"][0]["units"][0]
    assert len(unit["pnl"]) == len(unit["price_moves"]) * len(unit["vols"]) == 27
    assert min(unit["pnl"]) == -unit["loss"]
    assert record["rulebook"]["sha256"] == RULES.sha256


def test_json_never_holds_a_nan() -> None:
    assert records.number(float("inf")) is None and records.number(float("nan")) is None
    with pytest.raises(ValueError, match="JSON"):
        records.json_text({"x": float("nan")})


def test_demo_page_fits_a_readme(demo: Demo) -> None:
    lines = rendered(pipe(), showcase.demo_report(demo, pipe())).splitlines()
    assert len(lines) <= 30 and max(map(len, lines)) <= 100
    text = "\n".join(lines)
    for figure in ("46,458", "68,058", "165,000", "-36,873", "128,127", "253,949"):
        assert figure in text
