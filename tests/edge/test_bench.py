"""Decides what `riskslide bench` promises: a record of one shape, no peer left out silently, and no
time of a peer whose answer is not ours."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from riskslide.book.positions import Positions
from riskslide.edge.cli.main import main
from riskslide.errors import AnswersDiffer
from riskslide.study.bench import peers_positions, run, suite_assess
from riskslide.study.bench.measure import Sample, Timing, compare
from riskslide.study.bench.workloads import Sizes

ROOT = Path(__file__).resolve().parents[2]
TINY = Sizes(
    options=300,
    instruments=40,
    moves=3,
    accounts=30,
    legs=5,
    rows=2_000,
    history=80,
    tail_accounts=10,
)
SECONDS = {"median", "least", "p90", "cpu", "rounds"}


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "QUICK", TINY)


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """As if these were not installed."""
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)


def recorded(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["bench", "--quick", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_record_has_machine_times_and_ratios(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RISKSLIDE_THREADS", "7")
    found = recorded(capsys, "--only", "positions", "--threads", "2")
    assert found["quick"] is True and found["processor"] and found["compiler"]
    assert {"instruction_set", "cores", "date", "python", "riskslide", "load_before"} <= set(found)
    if sys.platform == "linux":
        assert found["cores"] == len(os.sched_getaffinity(0))
    assert found["packages"]["numpy"] == np.__version__
    assert [w["threads"] for w in found["workloads"]] == [1, 2]
    for work in found["workloads"]:
        assert work["name"] == "positions" and work["count"] == TINY.rows
        assert work["target_seconds"] is None  # targets are those of the full size
        assert set(work["seconds"]) == SECONDS
        assert work["per_second"] == pytest.approx(work["count"] / work["seconds"]["median"])
        names = [p["name"] for p in work["peers"]]
        assert names[:2] == ["NumPy lexsort", "NumPy unique"]
        for peer in work["peers"]:
            ratio = peer["seconds"]["median"] / peer["our_seconds"]["median"]
            assert peer["ratio"] == pytest.approx(ratio)
            assert peer["seconds"]["cpu"] > 0.0 and peer["cpu_ratio"] > 0.0
            assert peer["seconds"]["rounds"] >= 3 and peer["threads"] == 1


def test_assess_is_compared_with_the_reference(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = recorded(capsys, "--only", "assess", "--threads", "1")
    assert [w["name"] for w in found["workloads"]] == ["assess slides", "assess"]
    assert all(p["same_answer"] is False for w in found["workloads"] for p in w["peers"])

    def shifted(*arguments: Any) -> Any:
        return {k: x + 1.0 for k, x in assess_lines(*arguments).items()}

    assess_lines = suite_assess.assess_lines
    monkeypatch.setattr(suite_assess, "assess_lines", shifted)
    assert main(["bench", "--quick", "--only", "assess"]) == 1
    assert "E_ANSWER: assess slides: reference: " in capsys.readouterr().err


def test_peers_that_are_not_installed_are_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "numba", "scipy", "scipy.special", "QuantLib", "vollib", "vollib.black")
    found = recorded(capsys, "--only", "W1", "--threads", "1")
    (work,) = found["workloads"]
    assert work["peers"] == [] and work["seconds"]["rounds"] >= 3
    lines = {x["peer"]: x["install"] for x in found["missing"]}
    assert lines["numba, erfc"] == "pip install numba"
    assert lines["oneMKL VML"] == "pip install mkl numba"
    assert {"NumPy + SciPy", "QuantLib-Python", "vollib", "numba, Mills ratio"} <= set(lines)
    assert main(["bench", "--quick", "--only", "W1", "--threads", "1"]) == 0
    shown = capsys.readouterr().out
    assert "not measured: QuantLib-Python (" in shown and "pip install QuantLib" in shown


def test_wrong_answer_of_a_peer_is_an_error_that_names_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = peers_positions.lexsort_rows

    def wrong(rows: Any) -> Callable[[], Positions]:
        found = right(rows)()
        lots = found.lots.copy()
        lots[17] += 1
        return lambda: Positions(found.offsets, found.instrument, lots)

    monkeypatch.setattr(peers_positions, "lexsort_rows", wrong)
    assert main(["bench", "--quick", "--only", "positions", "--json"]) == 1
    ended = capsys.readouterr()
    assert ended.out == ""
    told = json.loads(ended.err)["error"]
    assert told["code"] == "E_ANSWER"
    assert told["message"].startswith("E_ANSWER: positions: NumPy lexsort: lots[17] is ")


def test_answer_that_turns_wrong_while_it_is_timed_is_seen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    right, calls = peers_positions.unique_rows, [0]

    def decaying(rows: Any) -> Callable[[], Positions]:
        inner = right(rows)

        def run() -> Positions:
            calls[0] += 1
            found = inner()
            late = int(calls[0] > 2)  # both warm calls are right
            return Positions(found.offsets, found.instrument, found.lots + late)

        return run

    monkeypatch.setattr(peers_positions, "unique_rows", decaying)
    assert main(["bench", "--quick", "--only", "positions"]) == 1
    assert "positions: NumPy unique: lots[0] is " in capsys.readouterr().err


def test_nan_and_missing_rows_are_no_answer() -> None:
    ours, slack = {"loss": np.array([1.0, 2.0])}, {"loss": 0.5}
    compare("W", "p", ours, {"loss": np.array([1.4, 1.6])}, slack)
    compare("W", "p", ours, {"loss": np.array([1.0])}, slack, share=0.5)
    wrong = ([1.0, np.nan], [], [1.0], [1.0, 2.0, 3.0], 1.0, [[1.0, 2.0]])
    for bad in map(np.array, wrong):
        with pytest.raises(AnswersDiffer, match=r"E_ANSWER: W: p: loss"):
            compare("W", "p", ours, {"loss": bad}, slack)


def test_spread_is_the_least_and_what_nine_of_ten_stay_below() -> None:
    found = Timing.of([Sample(float(k), 2.0 * k) for k in range(20, 0, -1)])
    assert found == Timing(median=10.5, least=1.0, p90=18.0, cpu=21.0, rounds=20)


def test_nothing_of_the_benchmarks_is_imported_with_the_library() -> None:
    code = (
        "import sys, riskslide\n"
        "bad = [m for m in sys.modules if m.startswith('riskslide.study.bench')]\n"
        "peers = {'scipy', 'numba', 'QuantLib', 'duckdb', 'vollib'}\n"
        "bad += sorted(peers & set(sys.modules))\n"
        "sys.exit(repr(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def readme_table() -> ModuleType:
    path = ROOT / "tools" / "readme_table.py"
    spec = importlib.util.spec_from_file_location("readme_table", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_readme_table_is_made_of_a_record(capsys: pytest.CaptureFixture[str]) -> None:
    tool, record = readme_table(), recorded(capsys, "--only", "positions", "--threads", "2")
    work = record["workloads"][1]
    work["seconds"]["median"], work["target_seconds"] = 0.1234, 0.15
    work["peers"] = [work["peers"][0] | {"ratio": 7.654, "target_ratio": 4.0, "name": "peer"}]
    page = f"above\n{tool.BEGIN}\nold\n{tool.END}\nbelow\n"
    made = tool.replaced(page, "x.json", record)
    assert made.startswith("above\n") and made.endswith("\nbelow\n") and "old" not in made
    row = next(x for x in made.splitlines() if x.startswith("| unsorted") and "123 ms" in x)
    assert row.endswith("2,000 rows | 2 | 123 ms | 150 ms | peer' 7.7 (4) |")
    assert tool.replaced(made, "x.json", record) == made
    assert all(len(x) <= 100 for x in made.splitlines() if not x.startswith("|"))


def test_readme_table_refuses_a_quick_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "quick.json"
    path.write_text(json.dumps(recorded(capsys, "--only", "positions", "--threads", "1")), "utf-8")
    with pytest.raises(SystemExit, match="--quick"):
        readme_table().main(str(path))
