"""Decides how measurements are kept and shown: benchmarks/results/*.json and the README's table.

    pytest benchmarks/bench_*.py --benchmark-json=FILE
    python tools/readme_table.py FILE

Run both on one machine, on which nothing else runs. The result is named after the processor, its
cores and the instruction set.
"""

from __future__ import annotations

import json
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"

W1 = "value and five Greeks of 1,000,000 options"
W2 = "worst loss of 100,000 accounts of 50, 93 scenarios"
W6 = "shortfall of 10,000 accounts of 50, 2,500 scenarios"
PEERS = ("numba", "NumPy, SciPy")
ROWS: tuple[tuple[str, str, dict[str, str]], ...] = (
    (W1, "test_riskslide", {"numba": "test_numba", "NumPy, SciPy": "test_numpy_scipy"}),
    (
        W2,
        "test_riskslide_worst_loss",
        {"numba": "test_numba_csr", "NumPy, SciPy": "test_scipy_sparse"},
    ),
    ("the same, after revaluing 10,000 options", "test_riskslide_end_to_end", {}),
    ("the same, through a program without levels", "test_riskslide_two_levels/0", {}),
    ("the same, one leaf below two netting levels", "test_riskslide_two_levels/1", {}),
    ("the same, eight leaves below two netting levels", "test_riskslide_two_levels/8", {}),
    ("10,000 options revalued, 93 scenarios", "test_reprice", {}),
    (W6, "test_tail", {"NumPy, SciPy": "test_numpy_partition"}),
)


def reduced(raw: dict[str, Any], runtime: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a pytest-benchmark file: where it ran, and the median of every case."""
    if raw["machine_info"]["node"] != platform.node():
        raise SystemExit("the file comes from another machine; run this where it was measured")
    cpu = raw["machine_info"]["cpu"]
    return {
        "date": raw["datetime"][:10],
        "processor": cpu.get("brand_raw") or platform.machine(),
        "cores": cpu.get("count"),
        "instruction_set": runtime["instruction_set"],
        "compiler": runtime["compiler"],
        "python": raw["machine_info"]["python_version"],
        "packages": {name: installed(name) for name in ("riskslide", "numpy", "scipy", "numba")},
        "cases": [
            {
                "group": case["group"],
                "name": name_of(case),
                "threads": (case["params"] or {}).get("threads", 1),
                "median_seconds": case["stats"]["median"],
                "rounds": case["stats"]["rounds"],
            }
            for case in raw["benchmarks"]
        ],
    }


def name_of(case: dict[str, Any]) -> str:
    """The test, and what it varies besides the threads."""
    varied = [str(v) for k, v in (case["params"] or {}).items() if k != "threads"]
    return "/".join([case["name"].split("[")[0], *varied])


def installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "source" if package == "riskslide" else "none"


def table(result: dict[str, Any]) -> str:
    """The Markdown between the markers."""
    medians = {(c["name"], c["threads"]): c["median_seconds"] for c in result["cases"]}
    named = ", ".join(f"{k} {v}" for k, v in result["packages"].items() if v != "none")
    lines = [
        f"{result['processor']}, {result['cores']} cores, {result['instruction_set']}, "
        f"{result['compiler']}; Python {result['python']},",
        f"{named}; {result['date']}.",
        "Medians; in brackets, how many times as long as riskslide in the same run.",
        "",
        f"| workload | threads | riskslide | {' | '.join(PEERS)} |",
        f"|---|---|---|{'---|' * len(PEERS)}",
    ]
    for label, ours, peers in ROWS:
        for threads in sorted({t for name, t in medians if name == ours}):
            own = medians[ours, threads]
            cells = [against(medians.get((peers.get(p, ""), threads)), own) for p in PEERS]
            lines.append(f"| {label} | {threads} | {shown(own)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def against(seconds: float | None, own: float) -> str:
    return "" if seconds is None else f"{shown(seconds)} ({seconds / own:.1f})"


def shown(seconds: float) -> str:
    """Milliseconds with three significant digits."""
    value = 1e3 * seconds
    return f"{value:.0f} ms" if value >= 100 else f"{value:#.3g} ms"


def file_name(result: dict[str, Any]) -> str:
    words = f"{result['processor']} {result['cores']} {result['instruction_set']}".lower()
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-") + ".json"


def replaced(readme: str, name: str, result: dict[str, Any]) -> str:
    """The README with its table taken from `result`, which is kept under `name`."""
    before, rest = readme.split(BEGIN)
    after = rest.split(END)[1]
    source = f"Kept in [benchmarks/results](benchmarks/results/{name})."
    return f"{before}{BEGIN}\n{table(result)}\n\n{source}\n{END}{after}"


def main(path: str) -> None:
    import riskslide as rs

    result = reduced(json.loads(Path(path).read_text("utf-8")), dict(rs.runtime()))
    RESULTS.mkdir(exist_ok=True)
    name = file_name(result)
    (RESULTS / name).write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    readme = ROOT / "README.md"
    readme.write_text(replaced(readme.read_text("utf-8"), name, result), "utf-8")
    print(f"benchmarks/results/{name}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
