"""Guards what `riskslide compare` prints: the figures of the library, and why one is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("rich")

from rich.console import Console

import riskslide as rs
from riskslide.edge.cli.compare import compare_report
from riskslide.edge.cli.main import main
from riskslide.venue.load import preset_names, rulebook_text

AS_OF, EXPIRY = "2026-02-05T12:00:00Z", "2026-03-27T08:00:00Z"
FILES = {
    "positions": (
        "account,instrument,quantity,entry_price\n"
        "long,PERP,10,60000\nlong,C,-10,\nshort,P,-4,\nshort,PERP,-2,\n"
    ),
    "balances": "account,asset,amount\nlong,BTC,2\nshort,USDC,900000\n",
    "instruments": (
        "instrument,kind,underlying,expiry,strike,option_type,currency\n"
        f"C,option,BTC,{EXPIRY},80000,call,USDC\nP,option,BTC,{EXPIRY},60000,put,USDC\n"
        "PERP,perpetual,BTC,,,,USDC\n"
    ),
    "market": (
        "quote,symbol,expiry,value,instant\n"
        f"spot,BTC,,71000,{AS_OF}\nforward,BTC,{EXPIRY},71500,{AS_OF}\n"
        f"mark,PERP,,71020,{AS_OF}\nvol,C,,0.55,{AS_OF}\nvol,P,,0.6,{AS_OF}\n"
    ),
}
AMOUNTS = ("initial", "maintenance", "equity", "excess", "leg_by_leg", "by_underlying")


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """`riskslide compare` on the files, with these rule books and options."""
    options = []
    for name, text in FILES.items():
        (tmp_path / f"{name}.csv").write_text(text, "utf-8")
        options += [f"--{name}", str(tmp_path / f"{name}.csv")]

    def run(*rules: str, more: tuple[str, ...] = ()) -> Ended:
        code = main(["compare", *options, *(x for r in rules for x in ("--rules", r)), *more])
        found = capsys.readouterr()
        assert "Traceback" not in found.out + found.err
        return Ended(code, found.out, found.err)

    return run


def library(folder: Path, *rules: str) -> rs.Comparison:
    files = (str(folder / f"{n}.csv") for n in ("positions", "balances", "market"))
    portfolio, market = rs.load_book(*files, instruments=str(folder / "instruments.csv"))
    return rs.compare(portfolio, market, rules)


def written(folder: Path, name: str, old: str, new: str) -> str:
    """The path of a preset with another text."""
    text = rulebook_text(name)
    assert old in text
    path = folder / f"{name}-changed.toml"
    path.write_text(text.replace(old, new), "utf-8")
    return str(path)


def unpublished(folder: Path, name: str) -> str:
    """The path of a preset that leaves a parameter unpublished."""
    text = rulebook_text(name).replace('status = "complete"', 'status = "partial"')
    value = 'value = 0.16, status = "verified"'
    assert text.count(value) == 1
    path = folder / f"{name}-partial.toml"
    path.write_text(text.replace(value, 'status = "unpublished"'), "utf-8")
    return str(path)


def test_json_is_the_comparison_of_the_library(run: Run, tmp_path: Path) -> None:
    rules = ("deribit-spm", "generic-slides")
    ended = run(*rules, more=("--json",))
    assert ended.code == 0 and ended.err == ""
    found = library(tmp_path, *rules)
    for line, row in zip(ended.json["lines"], found.rows(), strict=True):
        assert (line["account"], line["rulebook"]) == (row.account, row.rulebook)
        for name in (*AMOUNTS, "saving"):
            assert line[name] == getattr(row, name)
        assert line["status"] == row.status.name.lower() and line["failure"] is None
        assert line["worst_scenario"] == row.worst_scenario != ""
    for record in ended.json["rulebooks"]:
        at = found.lines_of(record["label"])
        assert record["sha256"] == found.sha256[record["label"]]
        for name in AMOUNTS:
            assert record["total"][name] == pytest.approx(getattr(found, name)[at].sum(), rel=1e-14)
        whole = 1.0 - record["total"]["maintenance"] / record["total"]["leg_by_leg"]
        assert record["total"]["saving"] == whole
        assert record["warnings"] == list(found.warnings[record["label"]])


def test_all_complete_presets_in_dollars_are_compared_by_default(run: Run) -> None:
    found = [rs.load_rulebook(n) for n in preset_names()]
    complete = [r.name for r in found if r.status == "complete" and r.terms.reporting == "USD"]
    assert 0 < len(complete) < len([r for r in found if r.status == "complete"])
    assert [r["label"] for r in run(more=("--json",)).json["rulebooks"]] == complete


def test_tables_show_every_figure_once_and_each_warning_once(run: Run, tmp_path: Path) -> None:
    text = run("generic-slides", "deribit-xpm").out
    found = library(tmp_path, "generic-slides", "deribit-xpm")
    for row in found.rows():
        (shown,) = [x for x in text.splitlines() if f"{row.maintenance:,.0f}" in x.split()]
        assert f"{100 * row.saving:,.1f} %" in shown and row.rulebook in shown
    for label in found.warnings:
        total = f"{found.maintenance[found.lines_of(label)].sum():,.0f}"
        assert any(x.startswith(label) and total in x for x in text.splitlines())
        for warning in found.warnings[label]:
            assert text.count(f"warning: {label}: {warning}\n") == 1
    assert "price -16 % vol" in text and "2 accounts, amounts in USD" in text


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6])
def test_no_line_of_the_tables_is_wider_than_80_columns(
    tmp_path: Path, run: Run, scale: float
) -> None:
    run("generic-slides")
    files = {n: str(tmp_path / f"{n}.csv") for n in FILES}
    portfolio, market = rs.load_book(
        files["positions"], files["balances"], files["market"], files["instruments"]
    )
    scaled = rs.Portfolio.from_columns(
        portfolio.instruments,
        account=["long", "long", "short"],
        instrument=["PERP", "C", "P"],
        quantity=[10.0 * scale, -10.0 * scale, -4.0 * scale],
        balance_account=["long"],
        balance_asset=["USDC"],
        balance_amount=[1e6 * scale],
    )
    found = rs.compare(scaled, market, ["generic-slides", "deribit-spm", "deribit-xpm"])
    console = Console(file=StringIO(), width=80, color_system=None)
    with console.capture() as capture:
        console.print(compare_report(found, console, show=40), highlight=False)
    text = capture.get()
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for value in found.maintenance.tolist():
        assert f"{value:,.0f}" in text


def test_a_rule_book_that_cannot_run_says_why(run: Run, tmp_path: Path) -> None:
    partial = unpublished(tmp_path, "deribit-spm")
    ended = run("generic-slides", partial)
    assert ended.code == 0 and "not run: deribit-spm: E_PARTIAL" in ended.out
    lines = run("generic-slides", partial, more=("--json",)).json["lines"]
    failed = [x for x in lines if x["rulebook"] == "deribit-spm"]
    assert [x["failure"]["code"] for x in failed] == ["E_PARTIAL"] * 2
    assert {x["maintenance"] for x in failed} == {None}
    ended = run(partial)
    assert ended.code == 2 and "E_PARTIAL" in ended.err and ended.out == ""


def test_check_ends_with_one_where_a_line_is_not_healthy(run: Run, tmp_path: Path) -> None:
    check = ("--check",)
    assert run("deribit-xpm", more=check).code == 0
    assert run("deribit-xpm", "deribit-spm", more=check).code == 1  # USDC pool without a balance
    assert run("deribit-xpm", "deribit-spm").code == 0
    partial = unpublished(tmp_path, "deribit-spm")
    assert run("deribit-xpm", partial, more=check).code == 1


def test_refusals_end_with_two(run: Run, tmp_path: Path) -> None:
    ended = run("generic-slide")
    assert ended.code == 2 and "did you mean 'generic-slides'" in ended.err
    assert run("generic-slides", "generic-slides").code == 2
    dear = FILES["balances"] + "short,SOL,5\n"
    (tmp_path / "balances.csv").write_text(dear, "utf-8")
    ended = run("generic-slides", "deribit-xpm")
    assert ended.code == 2 and "balances.csv:4:asset: E_MISSING_PRICE: 'SOL'" in ended.err


def test_output_goes_to_a_file_whole(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    ended = run("generic-slides", "deribit-xpm", more=("--output", str(target)))
    assert (ended.code, ended.out) == (0, "")
    assert target.read_text("utf-8") == run("generic-slides", "deribit-xpm").out


def test_a_large_book_shows_the_accounts_that_need_most(run: Run, tmp_path: Path) -> None:
    rows = "".join(f"x{k:02d},PERP,{k + 1},\n" for k in range(50))
    (tmp_path / "positions.csv").write_text(f"account,instrument,quantity,entry_price\n{rows}")
    (tmp_path / "balances.csv").write_text("account,asset,amount\n", "utf-8")
    text = run("generic-slides", "deribit-xpm").out
    assert "30 accounts that need less are left out" in text
    assert "x49" in text and "x30" in text and "x29" not in text
    assert "x00" in run("generic-slides", "deribit-xpm", more=("--all",)).out
