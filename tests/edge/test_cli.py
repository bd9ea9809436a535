"""Decides what the command line promises: exit codes, strict JSON, one line for every refusal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from click.testing import CliRunner
from commands import Ended, Run, strict
from edge.demo_files import AS_OF, BALANCES, EXPIRY, POSITIONS, Book

import riskslide as rs
from riskslide.edge.files.load import read_instruments, read_market

# What the commands print


def test_margin_of_files_is_the_margin_of_the_demo(run: Run, book: Book) -> None:
    ended = run("margin", *book.options())
    assert ended.code == 0 and ended.err == ""
    for figure in ("165,000", "-36,873", "128,127", "85,072", "68,058", "43,055", "healthy"):
        assert figure in ended.out
    assert "-68,058 *" in ended.out


def test_margin_json_has_every_account_and_unit(run: Run, book: Book) -> None:
    record = run("margin", *book.options(), "--json").json
    (line,) = record["accounts"]
    demo = run("demo", "--json").json["accounts"][0]
    for key in ("maintenance", "initial", "equity", "collateral", "option_value"):
        assert line[key] == pytest.approx(demo[key], rel=1e-13)
    assert [u["unit"] for u in line["units"]] == ["BTC", "USDC"]
    assert record["as_of"] == AS_OF and len(record["scenarios"]) == 27
    assert record["rulebook"]["sha256"] == rs.load_rulebook("generic-slides").sha256
    assert record["slides"][0]["account"] == "demo"


def test_chosen_account_is_the_one_whose_slides_are_shown(run: Run, book: Book) -> None:
    book.change("positions.csv", "demo,PERP,1.5,", "demo,PERP,1.5,\nsmall,PERP,0.1,")
    assert "demo: P&L of BTC" in run("margin", *book.options()).out
    chosen = run("margin", *book.options(), "--account", "small")
    assert "small: P&L of BTC" in chosen.out and "demo: P&L" not in chosen.out
    wrong = run("margin", *book.options(), "--account", "smal")
    assert wrong.code == 2 and "did you mean 'small'?" in wrong.err


def test_stress_shows_the_library_and_marks_the_worst(run: Run, book: Book) -> None:
    grid = ("--price", "-0.16,0,0.16", "--vol", "0.72,1,1.45")
    text = run("stress", *book.options(), *grid)
    assert text.code == 0 and "-46,458 *" in text.out
    record = run("stress", *book.options(), *grid, "--json").json
    assert min(record["rows"][0]["pnl"]) == pytest.approx(-46_457.7676596, abs=1e-6)
    assert [s["price_move"] for s in record["scenarios"]][::3] == [-0.16, 0.0, 0.16]


def test_stress_by_leg_adds_up_to_the_account(run: Run, book: Book) -> None:
    legs = run("stress", *book.options(), "--by", "leg", "--json").json["rows"]
    whole = run("stress", *book.options(), "--json").json["rows"]
    assert {row["instrument"] for row in legs} == {"C110", "P90", "C120", "P80", "PERP"}
    total = np.sum([row["pnl"] for row in legs], axis=0)
    np.testing.assert_allclose(total, whole[0]["pnl"], atol=1e-6)


def test_stress_ahead_shows_the_library_and_says_so(run: Run, book: Book) -> None:
    grid = ("--price", "-0.16,0", "--vol", "1", "--horizon-days", "7", "--rate", "-0.01")
    text = run("stress", *book.options(), *grid)
    assert text.code == 0 and "7 days later, rates -1 points" in text.out
    record = run("stress", *book.options(), *grid, "--json").json
    assert (record["horizon_days"], record["rate_shift"]) == ([7.0] * 2, [-0.01] * 2)
    files = (str(book.folder / f"{n}.csv") for n in ("positions", "balances", "market"))
    instruments = str(book.folder / "instruments.csv")
    portfolio, market = rs.load_book(*files, instruments=instruments)
    ahead = rs.Scenarios.grid([-0.16, 0.0], [1.0], horizon_days=7.0, rate_shift=-0.01)
    assert record["rows"][0]["pnl"] == rs.stress(portfolio, market, ahead)[0].tolist()
    assert "later" not in run("stress", *book.options()).out
    for wrong in (("--horizon-days", "-1"), ("--horizon-days", "nan"), ("--rate", "inf")):
        ended = run("stress", *book.options(), *wrong)
        assert ended.code == 2 and wrong[0].lstrip("-").split("-")[0] in ended.err


def test_greeks_name_their_units(run: Run, book: Book) -> None:
    table = run("greeks", *book.options()).out
    assert "vega per point" in table and "theta per day" in table
    (row,) = run("greeks", *book.options(), "--json").json["rows"]
    assert row["underlying"] == "BTC"
    assert {"vega_per_1_00_vol", "theta_per_year", "rho_per_1_00_rate"} <= set(row)
    legs = run("greeks", *book.options(), "--by", "leg", "--json").json["rows"]
    assert sum(leg["delta"] for leg in legs) == pytest.approx(row["delta"], abs=1e-9)
    shown = next(line for line in table.splitlines() if line.startswith("demo"))
    vega, theta = (float(x.replace(",", "")) for x in shown.split()[5:7])
    assert vega == pytest.approx(row["vega_per_1_00_vol"] / 100, rel=1e-5)
    assert theta == pytest.approx(row["theta_per_year"] / 365, rel=1e-5)
    header = next(line for line in table.splitlines() if line.startswith("account"))
    assert header.endswith("vanna per point  volga per point^2  charm per day")
    vanna, volga, charm = (float(x.replace(",", "")) for x in shown.split()[8:])
    assert vanna == pytest.approx(row["vanna_per_1_00_vol"] / 100, abs=1e-6)
    assert volga == pytest.approx(row["volga_per_1_00_vol_squared"] / 10_000, rel=1e-5)
    assert charm == pytest.approx(row["charm_per_year"] / 365, rel=1e-5)


def test_greeks_without_a_spot_say_so(run: Run, book: Book) -> None:
    table = run("greeks", *book.options()).out
    assert "by the spot" in table and "*" not in table
    assert run("greeks", *book.options(), "--json").json["rows"][0]["by_spot"] is True
    book.change("market.csv", f"spot,BTC,,100000,{AS_OF}\n", "")
    table = run("greeks", *book.options()).out
    assert "BTC *" in table and "* no spot is quoted" in table
    assert run("greeks", *book.options(), "--json").json["rows"][0]["by_spot"] is False


def test_demo_prints_the_published_figures(run: Run) -> None:
    ended = run("demo")
    for figure in ("46,458", "68,058", "165,000", "-36,873", "128,127", "253,949"):
        assert figure in ended.out
    record = run("demo", "--json").json
    assert round(record["positions_alone"]["loss"]) == 46_458
    assert record["largest_difference_from_reference"] < 1e-7


def test_rules_are_listed_and_shown(run: Run) -> None:
    assert "generic-slides" in run("rules", "list").out
    names = [r["name"] for r in run("rules", "list", "--json").json["rulebooks"]]
    assert "generic-slides" in names
    assert "slides.price_range" in run("rules", "show", "generic-slides").out
    shown = run("rules", "show", "generic-slides", "--json").json
    assert shown["parameters"]["slides.price_range"]["value"] == 0.16
    assert shown["parameters"]["slides.price_range"]["source"]


def test_compiled_program_is_the_one_of_the_library(run: Run, book: Book) -> None:
    target = book.folder / "demo.rsp"
    files = [str(book.folder / f"{x}.csv") for x in ("instruments", "market")]
    ended = run(
        "rules", "compile", "generic-slides", "--instruments", files[0], "--market", files[1],
        "-o", str(target),
    )  # fmt: skip
    assert ended.code == 0
    rules, (instruments, market) = rs.load_rulebook("generic-slides"), files
    program = rs.compile(rules, read_instruments(instruments), read_market(market))
    assert target.read_bytes() == program.to_bytes() and program.sha256 in ended.out


def test_output_file_holds_what_would_have_been_printed(run: Run, book: Book) -> None:
    target = book.folder / "out.txt"
    printed = run("margin", *book.options()).out
    assert run("margin", *book.options(), "--output", str(target)) == Ended(0, "", "")
    assert target.read_text("utf-8") == printed
    assert sorted(p.name for p in book.folder.glob("*out*")) == ["out.txt"]


def test_more_than_forty_accounts_show_the_riskiest(run: Run, book: Book) -> None:
    rows = "".join(f"a{k:02d},PERP,{1 + k},\n" for k in range(60))
    (book.folder / "positions.csv").write_text("account,instrument,quantity,entry_price\n" + rows)
    text = run("margin", *book.options()).out
    assert "21 less risky lines are left out" in text and "a59" in text and "a05 " not in text
    assert "a05 " in run("margin", *book.options(), "--all").out
    assert len(run("margin", *book.options(), "--json").json["accounts"]) == 61


def test_warnings_are_printed_below(run: Run, book: Book) -> None:
    book.change("market.csv", f"spot,USDC,,1,{AS_OF}\n", "")
    out = run("margin", *book.options()).out
    assert "warning: W_STABLE_AT_PAR" in out.splitlines()[-1]
    assert run("margin", *book.options(), "--json").json["warnings"]


# Exit codes


def test_check_exits_one_on_a_breach_and_zero_without(run: Run, book: Book) -> None:
    assert run("margin", *book.options(), "--check").code == 0
    book.change("balances.csv", "30000", "-60000")
    assert run("margin", *book.options(), "--check").code == 1
    assert run("margin", *book.options(), "--check", "--json").code == 1
    assert run("margin", *book.options()).code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["margin"],
        ["margin", "--nonsense"],
        ["nonsense"],
        ["rules"],
        ["rules", "show"],
        ["demo", "--threads", "0"],
        ["greeks", "--by", "moon"],
    ],
)
def test_usage_errors_exit_two_and_print_nothing_to_read(run: Run, arguments: list[str]) -> None:
    ended = run(*arguments)
    assert ended.code == 2 and ended.out == "" and ended.err
    assert strict(run(*arguments, "--json").err)["error"]["code"] == "E_USAGE"


def test_version_and_help_exit_zero(run: Run) -> None:
    assert rs.__version__ in run("--version").out
    assert "margin" in run("--help").out
    assert run() == run("--help")
    for command in ("margin", "stress", "greeks", "demo", "rules"):
        assert run(command, "--help").code == 0


# Refusals: (file, what stood there, what stands there now, what the line must say)

REFUSALS = [
    ("positions", "quantity", "quantitty", ("positions.csv:1:quantitty", "'quantity'")),
    ("positions", "P90,-10", "P90,ten", ("positions.csv:3:quantity", "E_DTYPE", "'ten'")),
    ("positions", "P90,-10", "P90,nan", ("positions.csv:3:quantity", "E_NOT_FINITE")),
    ("positions", "P90,-10", "P90,-inf", ("positions.csv:3:quantity", "E_NOT_FINITE")),
    ("positions", "demo,P90", "demo,P91", ("positions.csv:3:instrument", "'P91'")),
    ("positions", "P90,-10,", "P90,-10", ("positions.csv:3", "E_RAGGED")),
    ("balances", "BTC,1.5", "BTC,", ("balances.csv:2:amount",)),
    ("balances", "BTC,1.5", "DOGE,1.5", ("E_MISSING_PRICE", "DOGE")),
    ("instruments", "C120,option", "C110,option", ("instruments.csv:4:instrument", "E_DUPLICATE")),
    ("instruments", "90000,put", "-90000,put", ("instruments.csv:3:strike", "E_DOMAIN_STRIKE")),
    ("instruments", EXPIRY, "2025-12-31T23:59:59Z", ("E_EXPIRED",)),
    ("instruments", EXPIRY, "2026-01-31T00:00:00", ("instruments.csv:2:expiry", "E_TIMEZONE")),
    ("market", "P90,,0.62", "P90,,-0.62", ("market.csv:7", "E_VOL_NEGATIVE", "-0.62")),
    ("market", "P90,,0.62", "P90,,nan", ("market.csv:7", "E_NOT_FINITE")),
    ("market", f"vol,P90,,0.62,{AS_OF}\n", "", ("E_MISSING_PRICE", "P90")),
    ("market", f"1,{AS_OF}", "1,2025-12-31T22:00:00Z", ("E_STALE", "USDC")),
    ("market", f"0000,{AS_OF}", f"0000,{AS_OF[:-1]}", ("market.csv:2", "E_TIMEZONE")),
]


@pytest.mark.parametrize(("file", "old", "new", "said"), REFUSALS)
def test_bad_input_is_one_line_with_place_code_value_and_fix(
    run: Run, book: Book, file: str, old: str, new: str, said: Sequence[str]
) -> None:
    book.change(f"{file}.csv", old, new)
    for command in ("margin", "stress", "greeks"):
        if command != "margin" and file == "balances" and "E_MISSING_PRICE" in said:
            continue
        ended = run(command, *book.options())
        assert ended.code == 2 and ended.out == ""
        for part in said:
            assert part in ended.err.splitlines()[0]
    record = strict(run("margin", *book.options(), "--json").err)["error"]
    assert record["code"] in ended.err and record["fix"]


@pytest.mark.parametrize("name", ["positions", "balances", "instruments", "market"])
def test_missing_unreadable_and_directory_files_are_refused(
    run: Run, book: Book, name: str
) -> None:
    path = book.folder / f"{name}.csv"
    path.write_bytes(b"\xff\xfe\x00bad\x80")
    assert run("margin", *book.options()).code == 2
    path.unlink()
    ended = run("margin", *book.options())
    assert ended.code == 2 and f"{name}.csv: E_FILE" in ended.err
    path.mkdir()
    ended = run("margin", *book.options())
    assert ended.code == 2 and f"{name}.csv: E_FILE" in ended.err


def test_unknown_rule_book_names_the_nearest(run: Run, book: Book) -> None:
    ended = run("margin", *book.options("generic-slide"))
    assert ended.code == 2 and "generic-slides" in ended.err
    assert run("rules", "show", "generic-slide").code == 2


@pytest.mark.parametrize(
    "options",
    [
        ["--price", "-1"],
        ["--price", "nan"],
        ["--price", "a,b"],
        ["--vol", "-0.1"],
        ["--vol", "inf"],
        ["--price", ""],
        ["--as-of", "yesterday"],
        ["--as-of", "2026-01-01T00:00:00"],
        ["--output", "/no/such/folder/x"],
        ["--output", "/"],
    ],
)
def test_bad_options_are_refused(run: Run, book: Book, options: list[str]) -> None:
    ended = run("stress", *book.options(), *options)
    assert ended.code == 2 and ended.out == "" and options[0].strip("-")
    assert len(ended.err.splitlines()) == 1


def test_books_without_rows_are_no_error(run: Run, book: Book) -> None:
    (book.folder / "positions.csv").write_text(POSITIONS.splitlines()[0] + "\n")
    assert run("margin", *book.options()).code == 0
    (book.folder / "balances.csv").write_text(BALANCES.splitlines()[0] + "\n")
    ended = run("margin", *book.options(), "--check")
    assert ended.code == 0 and "no account" in ended.out
    assert run("margin", *book.options(), "--json").json["accounts"] == []
    for command in ("stress", "greeks"):
        assert run(command, *book.options()).code == 0
        assert run(command, *book.options(), "--json").json["rows"] == []


def test_account_without_positions_needs_nothing(run: Run, book: Book) -> None:
    (book.folder / "positions.csv").write_text(POSITIONS.splitlines()[0] + "\n")
    (book.folder / "balances.csv").write_text("account,asset,amount\ncash,USDC,5\n")
    ended = run("margin", *book.options())
    assert "none loses" in ended.out and "cash: nothing that it holds moves" in ended.out
    (line,) = run("margin", *book.options(), "--json").json["accounts"]
    assert line["worst_scenario"] is None and line["maintenance_ratio"] == 0.0


def test_bankrupt_account_has_a_negative_ratio(run: Run, book: Book) -> None:
    book.change("balances.csv", "USDC,30000", "USDC,-400000")
    (line,) = run("margin", *book.options(), "--json").json["accounts"]
    assert line["status"] == "bankrupt" and line["maintenance_ratio"] < 0


def test_batches_change_no_byte_of_the_output(run: Run, book: Book) -> None:
    book.grow(200)
    whole = run("margin", *book.options(), "--json").out
    assert run("margin", *book.options(), "--json", "--batch", "7").out == whole
    assert run("margin", *book.options(), "--json", "--threads", "1").out == whole


def test_click_runner_sees_the_same_commands() -> None:
    from riskslide.edge.cli.commands import cli

    ended = CliRunner().invoke(cli, ["rules", "show", "generic-slides", "--json"])
    assert ended.exit_code == 0 and strict(ended.output)["name"] == "generic-slides"


def test_a_balance_without_a_price_is_named_by_its_line(run: Run, book: Book) -> None:
    balances = book.folder / "balances.csv"
    lines = balances.read_text().rstrip("\n").splitlines()
    balances.write_text("\n".join([*lines, "cash,SOL,5", ""]))
    ended = run("margin", *book.options())
    place = f"balances.csv:{len(lines) + 1}:asset: E_MISSING_PRICE: 'SOL'"
    assert ended.code == 2 and place in ended.err
