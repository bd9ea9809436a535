"""Decides what `riskslide rules` prints and refuses, for presets and for files of one's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import riskslide as rs
from riskslide.edge.cli.main import main
from riskslide.margin.methods import METHODS
from riskslide.venue.load import preset_names, rulebook_text

RANGE = 'price_range = { value = 0.16, status = "chosen",'
AS_OF, EXPIRY = "2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z"
FILES = {
    "instruments": f"""instrument,kind,underlying,expiry,strike,option_type,currency
C,option,BTC,{EXPIRY},110000,call,USDC
P,perpetual,BTC,,,,USDC
""",
    "market": f"""quote,symbol,expiry,value,instant
spot,BTC,,100000,{AS_OF}
spot,USDC,,1,{AS_OF}
forward,BTC,{EXPIRY},100000,{AS_OF}
mark,P,,100000,{AS_OF}
vol,C,,0.60,{AS_OF}
""",
    "positions": "account,instrument,quantity\ndemo,C,-2\ndemo,P,1\n",
    "balances": "account,asset,amount\ndemo,USDC,90000\n",
}


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> Ended:
        code = main(arguments)
        found = capsys.readouterr()
        assert "Traceback" not in found.out + found.err
        assert "bug" not in found.err
        return Ended(code, found.out, found.err)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of a book, and rule books of one's own: own.toml, partial.toml."""
    for name, text in FILES.items():
        (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    text = rulebook_text("generic-slides")
    assert RANGE in text
    (tmp_path / "own.toml").write_text(text.replace("value = 0.16", "value = 0.2"), "utf-8")
    unpublished = text.replace(RANGE, 'price_range = { status = "unpublished",')
    partial = unpublished.replace('status = "complete"', 'status = "partial"')
    (tmp_path / "partial.toml").write_text(partial, "utf-8")
    return tmp_path


def options(folder: Path, rules: str) -> list[str]:
    files = [x for name in FILES for x in (f"--{name}", str(folder / f"{name}.csv"))]
    return [*files, "--rules", rules]


# What is printed


def test_list_counts_parameters_by_status(run: Run, folder: Path) -> None:
    own = [str(folder / "own.toml"), str(folder / "partial.toml")]
    record = run("rules", "list", *own, "--json").json["rulebooks"]
    assert [r["name"] for r in record[:-2]] == preset_names()
    for name, found in zip([*preset_names(), *own], record, strict=True):
        rulebook = rs.load_rulebook(name)
        assert found["sha256"] == rulebook.sha256
        statuses = [p.status for p in rulebook.parameters.values()]
        assert found["counts"] == {s: statuses.count(s) for s in set(statuses)}
        assert sum(found["counts"].values()) == len(statuses)
    assert record[-1]["counts"]["unpublished"] == 1
    table = run("rules", "list").out
    assert all(name in table for name in preset_names()) and "second-hand" in table


@pytest.mark.parametrize("name", preset_names())
def test_show_tells_all_of_every_parameter(run: Run, name: str) -> None:
    rulebook, text = rs.load_rulebook(name), run("rules", "show", name).out
    record = run("rules", "show", name, "--json").json
    assert list(record["parameters"]) == list(rulebook.parameters)
    for key, p in rulebook.parameters.items():
        line = next(x for x in text.splitlines() if x.startswith(f"{key} "))
        assert p.status in line and p.source in line and p.date.isoformat() in line
        shown = record["parameters"][key]
        assert (shown["value"], shown["status"]) == (p.value, p.status)
        spec, allowed = METHODS[rulebook.method].specs[key], shown["allowed"]
        assert allowed["form"] == spec.form
        if spec.of_text:
            assert allowed["choices"] == (list(spec.choices) or None)
            assert " or ".join(spec.choices) in line
        else:
            assert (allowed["low"], allowed["high"]) == (spec.low, spec.high)
            ascending = ", ascending" if spec.ascending else ""
            assert line.endswith(f"{spec.low:.12g} to {spec.high:.12g}{ascending}")


def test_show_names_what_is_unpublished_and_takes_inputs(run: Run, folder: Path) -> None:
    name, key = str(folder / "partial.toml"), "slides.price_range"
    text = run("rules", "show", name)
    assert text.code == 0 and f"--input KEY=VALUE: {key}" in text.out
    assert run("rules", "show", name, "--json").json["unpublished"] == [key]
    shown = run("rules", "show", name, "--input", f"{key}=0.2", "--json").json
    assert shown["unpublished"] == [] and shown["counts"]["given"] == 1
    assert (shown["parameters"][key]["value"], shown["parameters"][key]["status"]) == (0.2, "given")
    assert shown["sha256"] == rs.load_rulebook(name, inputs={key: 0.2}).sha256


def test_check_passes_a_right_file(run: Run, folder: Path) -> None:
    for name in ("own.toml", "partial.toml"):
        ended = run("rules", "check", str(folder / name))
        assert ended.code == 0 and name in ended.out and ended.err == ""
        record = run("rules", "check", str(folder / name), "--json").json
        assert record["file"] == str(folder / name) and record["name"] == "generic-slides"
        assert bool(record["unpublished"]) == (name == "partial.toml")


@pytest.mark.parametrize(
    ("old", "new", "key", "value", "fix"),
    [
        ("value = 0.16", "value = 1.5", "slides.price_range", 1.5, "from 0 to 0.99"),
        ("value = 9,", "value = 8,", "slides.price_points", 8, "odd"),
        ("price_points", "price_point", "key", "slides.price_point", "'slides.price_points'"),
        ("initial_factor", "# initial_factor", "margin.initial_factor", None, "add it"),
        ('method = "slides"', 'method = "slide"', "method", "slide", "'slides'"),
        ("valid_from = 2020-01-01", "valid_from = 2020", "valid_from", 2020, "a date"),
        ("[slides]", "[slides", None, None, "valid TOML"),
    ],
)
def test_check_names_file_key_value_and_fix(
    run: Run, folder: Path, old: str, new: str, key: str | None, value: Any, fix: str
) -> None:
    path = folder / "own.toml"
    text = rulebook_text("generic-slides")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    ended = run("rules", "check", str(path))
    assert ended.code == 2 and ended.out == "" and len(ended.err.splitlines()) == 1
    place = f"{path}:{key}: " if key else f"{path}: "
    assert ended.err.startswith(place) and fix in ended.err
    error = json.loads(run("rules", "check", str(path), "--json").err)["error"]
    assert (error["file"], error["column"]) == (str(path), key)
    assert fix in error["fix"] and (value is None or error["value"] == value)


def test_check_of_what_is_no_file_is_refused(run: Run, folder: Path) -> None:
    (folder / "binary.toml").write_bytes(b"\xff\x00\x80")
    for name in ("no-such", str(folder), str(folder / "binary.toml")):
        assert run("rules", "check", name).code == 2


def test_diff_shows_values_and_statuses_that_differ(run: Run, folder: Path) -> None:
    own = str(folder / "own.toml")
    record = run("rules", "diff", "generic-slides", own, "--json").json
    (one,) = record["differ"]
    assert one["key"] == "slides.price_range"
    assert (one["a"]["value"], one["b"]["value"]) == (0.16, 0.2)
    assert record["same"] == len(rs.load_rulebook(own).parameters) - 1
    text = run("rules", "diff", "generic-slides", own).out
    assert "slides.price_range  0.16  chosen       0.2  chosen" in text
    alike = run("rules", "diff", "generic-slides", "generic-slides")
    assert alike.code == 0 and "No value and no status differs." in alike.out


def test_diff_of_other_methods_has_the_keys_of_each(run: Run) -> None:
    left, right = rs.load_rulebook("generic-slides"), rs.load_rulebook("deribit-xpm")
    record = run("rules", "diff", "generic-slides", "deribit-xpm", "--json").json
    only = {side: {x["key"] for x in record[f"only_{side}"]} for side in "ab"}
    assert only["a"] == left.parameters.keys() - right.parameters.keys() != set()
    assert only["b"] == right.parameters.keys() - left.parameters.keys() != set()
    shared = len(record["differ"]) + len(record["source_or_date_only"]) + record["same"]
    assert shared == len(left.parameters.keys() & right.parameters.keys())


def test_diff_gives_inputs_to_whoever_lacks_them(run: Run, folder: Path) -> None:
    names = ("generic-slides", str(folder / "partial.toml"))
    (one,) = run("rules", "diff", *names, "--json").json["differ"]
    assert one["b"] == {"value": None, "status": "unpublished"}
    given = ("--input", "slides.price_range = 0.3")
    (one,) = run("rules", "diff", *names, *given, "--json").json["differ"]
    assert one["b"] == {"value": 0.3, "status": "given"}
    for wrong in ("slides.price_rage=0.3", "margin.initial_factor=1.3"):
        ended = run("rules", "diff", *names, "--input", wrong)
        assert ended.code == 2 and "E_UNKNOWN_KEY" in ended.err


def test_compile_says_what_it_wrote(run: Run, folder: Path) -> None:
    target = folder / "out.rsp"
    files = [x for n in ("instruments", "market") for x in (f"--{n}", str(folder / f"{n}.csv"))]
    record = run("rules", "compile", str(folder / "own.toml"), *files, "-o", str(target), "--json")
    program = rs.Program.from_bytes(target.read_bytes())
    found = record.json
    assert found["sha256"] == program.sha256 and found["bytes"] == target.stat().st_size
    assert (found["rows"], found["scenarios"]) == (len(program.rows), len(program.scenarios))
    assert found["rulebook"]["sha256"] == program.rulebook_sha256
    text = run("rules", "compile", str(folder / "own.toml"), *files, "-o", str(target)).out
    assert program.sha256 in text and f"{found['rows']} rows, 27 scenarios" in text
    partial = ("rules", "compile", str(folder / "partial.toml"), *files, "-o")
    ended = run(*partial, str(folder / "none.rsp"))
    assert ended.code == 2 and "E_PARTIAL" in ended.err and not (folder / "none.rsp").exists()
    given = run(*partial, str(target), "--input", "slides.price_range=0.2", "--json")
    assert given.code == 0 and given.json["sha256"] != program.sha256  # of another rule book


# Inputs


def test_margin_of_a_partial_rule_book_takes_inputs_and_tells_them(run: Run, folder: Path) -> None:
    book = options(folder, str(folder / "partial.toml"))
    ended = run("margin", *book)
    assert ended.code == 2 and "E_PARTIAL" in ended.err and "slides.price_range" in ended.err
    found = run("margin", *book, "--input", "slides.price_range=0.2", "--json").json
    own = run("margin", *options(folder, str(folder / "own.toml")), "--json").json
    assert found["accounts"] == own["accounts"]
    (told,) = (w for w in found["warnings"] if w.startswith("W_GIVEN"))
    assert "slides.price_range" in told
    assert not [w for w in own["warnings"] if w.startswith("W_GIVEN")]
    for command in ("stress", "greeks"):
        given = run(command, *book, "--input", "slides.price_range=0.2")
        assert given.code == 0 and given == run(command, *book)  # they ask for terms alone


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (["slides.price_range"], "E_ARGUMENT"),
        (["=0.2"], "E_ARGUMENT"),
        (["slides.price_range="], "E_TOML"),
        (["slides.price_range=half"], "E_TOML"),
        (["slides.price_range=0.2\nother=1"], "E_TOML"),
        (["slides.price_range=" + "[" * 5_000], "E_TOML"),
        (["slides.price_range=" + "9" * 5_000], "E_TOML"),
        (["slides.price_range=0.2", "slides.price_range=0.3"], "E_DUPLICATE"),
        (["slides.price_range=1.5"], "E_RANGE"),
        (["slides.price_range=nan"], "E_DTYPE"),
        (['slides.price_range="0.2"'], "E_DTYPE"),
        (["slides.price_points=9"], "E_UNKNOWN_KEY"),
        (["slides.price=9"], "E_UNKNOWN_KEY"),
    ],
)
def test_other_inputs_are_one_line(run: Run, folder: Path, given: list[str], code: str) -> None:
    name = str(folder / "partial.toml")
    inputs = [x for text in given for x in ("--input", text)]
    for command in (["margin", *options(folder, name)], ["rules", "check", name]):
        ended = run(*command, *inputs)
        assert ended.code == 2 and ended.out == "" and code in ended.err
        assert len(ended.err.splitlines()) == 1
