"""Decides whether the documents say what the library does: their examples are run."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

import riskslide as rs

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))


class Fence(NamedTuple):
    """A fenced block: what it is, what it holds, and the line that it starts on."""

    language: str
    text: str
    line: int


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def fences(page: Path) -> list[Fence]:
    text = page.read_text("utf-8")
    return [
        Fence(found[1], found[2], text.count("\n", 0, found.start()) + 1)
        for found in re.finditer(r"^```(\w*)[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


def with_examples() -> list[Path]:
    return [page for page in PAGES if any(f.language == "python" for f in fences(page))]


@pytest.mark.parametrize("page", with_examples(), ids=name_of)
def test_examples_print_what_the_page_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The python blocks of a page run in order in one namespace; a text block is their output.

    A console block is a command line after ``$ ``, and below it what that prints.
    """
    monkeypatch.chdir(tmp_path)
    space: dict[str, object] = {"__name__": "example"}
    blocks = fences(page)
    for k, block in enumerate(blocks):
        if block.language == "console":
            command, _, wanted = block.text.removeprefix("$ ").partition("\n")
            assert printed_by(command) == wanted, f"{name_of(page)}:{block.line}"
        if block.language != "python":
            continue
        place = "\n" * block.line + block.text  # so that a traceback names the page's own line
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(place, str(page), "exec"), space)
        shown = blocks[k + 1] if k + 1 < len(blocks) else Fence("", "", 0)
        wanted = shown.text if shown.language == "text" else ""
        assert printed.getvalue() == wanted, f"{name_of(page)}:{block.line}"


def printed_by(command: str) -> str:
    """What a shell prints, errors included, where ``riskslide`` is the one under test."""
    started = f'riskslide() {{ "{sys.executable}" -m riskslide "$@"; }}; {command}'
    done = subprocess.run(
        ["bash", "-c", started],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return done.stdout


def test_pages_with_examples_are_found() -> None:
    names = {name_of(page) for page in with_examples()}
    assert {"README.md", "docs/methods/slides.md", "docs/methods/deribit.md"} <= names
    assert "docs/rule-books.md" in names


def test_example_of_the_first_screen_has_at_most_15_lines() -> None:
    first = next(f for f in fences(README) if f.language == "python")
    assert len(first.text.splitlines()) <= 15


def test_demo_prints_what_the_readme_shows() -> None:
    pytest.importorskip("rich")
    command = [sys.executable, "-m", "riskslide", "demo"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    part = README.read_text("utf-8").split("<!-- demo -->")[1].split("<!-- /demo -->")[0]
    shown = part.strip().removeprefix("```text\n").removesuffix("```")
    assert len(shown.splitlines()) > 5
    assert shown in done.stdout


def tool(stem: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(stem, ROOT / "tools" / f"{stem}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_measured_table_is_what_the_kept_results_say() -> None:
    readme = README.read_text("utf-8")
    (name,) = re.findall(r"\]\(benchmarks/results/([\w.-]+)\)", readme)
    result = json.loads((ROOT / "benchmarks" / "results" / name).read_text("utf-8"))
    assert tool("readme_table").replaced(readme, name, result) == readme


def parameters_of(preset: str) -> dict[str, tuple[str, str, str]]:
    """Value, status and source of every parameter of a preset, as text."""
    path = ROOT / "python" / "riskslide" / "venue" / "presets" / f"{preset}.toml"
    return {
        f"{section}.{key}": (plain(entry.get("value", "")), entry["status"], entry["source"])
        for section, entries in tomllib.loads(path.read_text("utf-8")).items()
        for key, entry in (entries.items() if isinstance(entries, dict) else ())
    }


def with_none(parameters: dict[str, tuple[str, str, str]]) -> dict[str, tuple[str, ...]]:
    """The same, with a word where a value is empty."""
    return {key: (value or "none", *rest) for key, (value, *rest) in parameters.items()}


@pytest.mark.parametrize(
    ("name", "preset"),
    [
        ("slides", "generic-slides"),
        ("binance", "binance-pm"),
        ("hyperliquid", "hyperliquid"),
    ],
)
def test_parameters_of_a_page_are_those_of_its_preset(name: str, preset: str) -> None:
    page = (ROOT / "docs" / "methods" / f"{name}.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+\.\w+)` \| (.+) \| (.+) \| (.+) \|$", page, re.MULTILINE)
    assert {key: tuple(facts) for key, *facts in rows} == with_none(parameters_of(preset))


def test_parameters_of_unified_margin_are_those_of_the_preset() -> None:
    page = (ROOT / "docs" / "methods" / "collateral.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+\.\w+)` \| (.+) \| (.+) \|$", page, re.MULTILINE)
    found = {key: (value, "chosen", source) for key, value, source in rows}
    assert found == with_none(parameters_of("generic-unified"))


def test_parameters_of_deribit_are_those_of_the_presets() -> None:
    """Two presets side by side; a letter stands for the source."""
    page = (ROOT / "docs" / "methods" / "deribit.md").read_text("utf-8")
    sources = dict(re.findall(r"^- \*\*([A-Z])\*\*: (.+)$", page, re.MULTILINE))
    cell = r"(.+?) \| ([\w-]+), ([A-Z])"
    rows = re.findall(rf"^\| `(\w+\.\w+)` \| {cell} \| {cell} \|$", page, re.MULTILINE)
    for first, preset in ((1, "deribit-spm"), (4, "deribit-xpm")):
        found = {r[0]: (*r[first : first + 2], sources[r[first + 2]]) for r in rows}
        assert found == parameters_of(preset)
    used = {row[k] for row in rows for k in (3, 6)}
    assert used == set(sources)


@pytest.mark.parametrize("preset", ["derive-pm2", "derive-pm1", "derive-standard"])
def test_parameters_of_derive_are_those_of_the_presets(preset: str) -> None:
    """A table for each preset; a letter stands for the source."""
    page = (ROOT / "docs" / "methods" / "derive.md").read_text("utf-8")
    sources = dict(re.findall(r"^\| ([A-Z]) \| (.+) \|$", page, re.MULTILINE))
    table = page.split(f"### {preset}\n")[1].split("\n### ")[0]
    rows = re.findall(r"^\| `(\w+\.\w+)` \| (.+) \| ([\w-]+), ([A-Z]) \|$", table, re.MULTILINE)
    found = {key: ("" if v == "(empty)" else v, *rest, sources[x]) for key, v, *rest, x in rows}
    assert found == parameters_of(preset)


@pytest.mark.parametrize(
    ("page", "preset"),
    [("paradex", "paradex-pm"), ("okx", "okx-pm"), ("tims", "occ-cpm")]
    + [("partial", name) for name in ("aevo", "bit", "coincall", "bybit")],
)
def test_parameters_of_grids_are_those_of_the_presets(page: str, preset: str) -> None:
    """Several rule books of a page have a heading each; what is long is in the file alone."""
    text = (ROOT / "docs" / "methods" / f"{page}.md").read_text("utf-8")
    part = text.split(f"### {preset}\n" if page == "partial" else "## Parameters\n")[1]
    part = re.split(r"^##", part, flags=re.MULTILINE)[0]
    rows = re.findall(r"^\| `(\w+\.\w+)` \| (.*) \| ([\w-]+) \| (.+) \|$", part, re.MULTILINE)
    wanted = {key: (short(x), *rest) for key, (x, *rest) in parameters_of(preset).items()}
    assert {key: tuple(facts) for key, *facts in rows} == wanted


def short(value: str) -> str:
    return value if len(value) <= 90 else "in the file"


PRICING = ROOT / "docs" / "methods" / "pricing.md"


def test_errors_of_elementary_functions_are_those_that_the_source_states() -> None:
    rows = re.findall(
        r"\(`(\w+)`\) \| `(\w+\.hpp)` \|.+\| ([\d.]+) \| (\d+ million) \|$",
        PRICING.read_text("utf-8"),
        re.MULTILINE,
    )
    assert len(rows) == 6
    for function, file, error, number in rows:
        source = (ROOT / "cpp" / "src" / "kernel" / file).read_text("utf-8")
        comment = source.split(f"inline double {function}(")[0].split("\n\n")[-1]
        stated = re.search(r"error found: ([\d.]+) ULP over\s+(\d+\s+million)", comment)
        assert stated is not None and stated.groups() == (error, number), function


def test_measured_errors_of_greeks_are_within_what_is_promised() -> None:
    """The first table of what `accuracy` printed: over 10^6 options a model, nine fields."""
    part = PRICING.read_text("utf-8").split("<!-- accuracy -->")[1].split("<!-- /accuracy -->")[0]
    table = [line.strip("|").split("|") for line in part.split("\n\n")[1].splitlines()]
    fields = (*rs.Greeks._fields, *rs.SecondOrder._fields)
    assert tuple(cell.strip() for cell in table[0][2:]) == fields
    models, (_, _, *allowed) = table[2:-1], table[-1]
    assert len(models) == 5
    for model, number, *cells in models:
        assert int(number) >= 1_000_000, model
        for cell, limits in zip(cells, allowed, strict=True):
            unit = "x" if "x" in cell else "e"
            limit = next(word for word in limits.split() if unit in word)
            assert float(cell.strip(" x")) <= float(limit.strip("x")), (model, cell)


def plain(value: object) -> str:
    """Empty where there is no value, or none in it."""
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    words = value if isinstance(value, list) else [] if value is None else [value]
    return ", ".join(map(str, words))


def headings(page: Path) -> set[str]:
    """Anchors of a page, as they are formed from its headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in headings(target), link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_lines_have_at_most_100_columns(page: Path) -> None:
    """Rows of tables aside, which cannot be broken."""
    lines = enumerate(page.read_text("utf-8").splitlines(), start=1)
    assert [n for n, line in lines if len(line) > 100 and not line.startswith("|")] == []


@pytest.mark.parametrize("page", DECISIONS, ids=name_of)
def test_decisions_are_short_and_numbered(page: Path) -> None:
    assert re.match(r"\d{4}-[a-z0-9-]+\.md$", page.name)
    lines = page.read_text("utf-8").splitlines()
    assert len(lines) <= 40
    assert lines[0].startswith(f"# {int(page.name[:4])}. ")


def test_decisions_are_listed_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    assert [page.name for page in DECISIONS if f"(decisions/{page.name})" not in index] == []
