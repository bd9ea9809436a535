"""Guards the claim that the replay command compares every figure or says why it does not."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from families.run import replay, write
from families.tally import Criterion, Tally

# Haug, Option Pricing Formulas (1998), pages 2-8 and 11-16.
ROW = {"type": "Call", "strike": 65.0, "spot": 60.0, "q": 0.0, "r": 0.08, "t": 0.25, "vol": 0.3}
VALUE = {**ROW, "value": 2.1334, "tol": 1e-4}
ELASTICITY = {
    "type": "Put",
    "strike": 100.0,
    "spot": 105.0,
    "q": 0.1,
    "r": 0.1,
    "t": 0.5,
    "vol": 0.36,
    "greek": "elasticity",
    "value": -4.8775,
}


def test_the_command_prints_a_table_and_ends_with_the_code_of_its_verdict(tmp_path: Path) -> None:
    path = write(tmp_path, "some_name.json", {"source": "Haug", "rows": [VALUE]})
    line = [sys.executable, str(Path(__file__).with_name("replay.py")), "european"]
    for given, code in ((path, 0), (tmp_path / "absent", 2)):
        done = subprocess.run(
            [*line, str(given)], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == code, done.stderr
        assert ("european: passed, 1 compared" in done.stdout) == (code == 0)


def test_right_figures_pass_and_every_field_is_accounted_for(tmp_path: Path) -> None:
    path = write(tmp_path, "some_name.json", {"source": "Haug", "rows": [VALUE, ELASTICITY]})
    code, result = replay("european", path)
    assert (code, result["passed"]) == (0, True)
    assert result["fields"]["value"]["compared"] == 1
    assert result["fields"]["greek elasticity"]["compared"] == 1
    for name, held in result["fields"].items():
        assert held["read"] == held["compared"] + sum(held["skipped"].values()), name
    assert {"(source)", "tol", "spot", "greek"} <= result["fields"].keys()


def test_a_figure_beyond_tolerance_fails_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, "f.json", {"rows": [{**VALUE, "value": 2.1336}]})
    code, result = replay("european", path)
    assert (code, result["passed"]) == (1, False)
    assert "f.json row 0" in result["fields"]["value"]["beyond"][0]


def test_figures_that_cannot_be_compared_are_skipped_with_their_reason(tmp_path: Path) -> None:
    rows = [
        VALUE,
        {**VALUE, "value": None},
        {**VALUE, "vol": None},
        {**VALUE, "greek": "charm"},
        {**VALUE, "type": "Straddle"},
        {**VALUE, "new_field": 3.0},
    ]
    code, result = replay("european", write(tmp_path, "f.json", {"rows": rows}))
    assert code == 0
    assert result["fields"]["value"]["skipped"] == {
        "null in the file": 1,
        "the row lacks vol": 1,
        "unknown type 'Straddle'": 1,
    }
    assert result["fields"]["greek charm"]["skipped"] == {"no formula for this Greek here": 1}
    assert result["fields"]["new_field"]["skipped"] == {"not a field of the family": 1}
    assert result["fields"]["value"]["compared"] == 2


def test_a_row_that_the_library_refuses_is_a_failure(tmp_path: Path) -> None:
    code, result = replay("european", write(tmp_path, "f.json", {"rows": [{**VALUE, "vol": -1.0}]}))
    assert code == 1
    assert "E_VOL_NEGATIVE" in result["fields"]["value"]["beyond"][0]


def test_nothing_to_compare_is_a_failure_and_other_files_are_named(tmp_path: Path) -> None:
    write(tmp_path, "american.json", {"american": True, "rows": [VALUE]})
    (tmp_path / "notes.txt").write_text("x", "utf-8")
    code, result = replay("european", tmp_path)
    assert code == 1
    assert sorted(result["files"].values()) == [
        "skipped: holds American options",
        "skipped: not one of .json, .json.gz",
    ]


def test_an_unreadable_path_is_bad_input(tmp_path: Path) -> None:
    assert replay("european", tmp_path / "absent.json")[0] == 2


def test_vollib_reads_the_columns_that_are_there(tmp_path: Path) -> None:
    # py_vollib's own test table, one row.
    content: dict[str, Any] = {
        "columns": ["S", "K", "R", "t", "v", "bs_put", "PD", "extra"],
        "data": [[100.0, 1000.0, 0.05, 0.5, 0.3, 875.309912, -1.0, 1.0]],
    }
    code, result = replay("vollib", write(tmp_path, "f.json", content))
    assert code == 0
    assert result["fields"]["bs_put"]["compared"] == result["fields"]["PD"]["compared"] == 1
    assert result["fields"]["extra"]["skipped"] == {"not a field of the family": 1}
    content["data"][0][5] += 2e-6
    assert replay("vollib", write(tmp_path, "f.json", content))[0] == 1


def test_a_field_is_judged_by_the_distribution_of_its_errors() -> None:
    tally, places = Tally(), [f"row {k}" for k in range(200)]
    errors = [0.0] * 150 + [1.0] * 48 + [9.0] * 2
    keeps = (Criterion("median", 0.0), Criterion("p99", 1.0), Criterion("largest", 9.0))
    tally.compare_all("right", errors, [0.0] * 200, places, keeps)
    assert tally.beyond == []
    misses = (Criterion("median", 0.0), Criterion("p99", 0.5), Criterion("largest", 8.0))
    tally.compare_all("wrong", errors, [0.0] * 200, places, misses)
    assert len(tally.beyond) == 2
    assert "p99 1 > 0.5" in tally.beyond[0] and "row 198" in tally.beyond[1]


def test_few_figures_have_no_percentile_and_nan_is_the_largest_error() -> None:
    tally, only = Tally(), (Criterion("p99", 0.1),)
    tally.compare_all("few", [1.0], [0.0], ["row"], only, scale=[2.0])
    assert tally.fields["few"].statistic("p99") is None
    assert tally.fields["few"].largest_error == 0.5
    assert tally.beyond == []
    tally.compare_all("bad", [math.nan], [0.0], ["row"], (Criterion("median", 0.1),))
    assert "median inf" in tally.beyond[0]


@pytest.mark.parametrize(
    ("family", "folder", "figures"),
    [
        ("european", "oracles", 39),
        ("vollib", "oracles", 1313),
        ("deribit-greeks", "chains_deribit_greeks", 110_000),
        ("okx-greeks", "chains_okx_greeks", 100_000),
        ("deribit-pme", "margin_vectors", 80),
        ("derive-auction", "derive/liquidation", 180),
        ("span-arrays", "span", 9_156),
    ],
)
def test_the_published_files_are_reproduced(
    family: str, folder: str, figures: int, shared_data: Callable[[str], Path]
) -> None:
    code, result = replay(family, shared_data(folder))
    assert code == 0
    assert sum(f["compared"] for f in result["fields"].values()) >= figures
