"""Decides how measurements are kept and shown: benchmarks/results/*.json and the README's table.

    riskslide bench --json --output FILE
    python tools/readme_table.py FILE

Run both on one machine, on which nothing else runs. The result is named after the processor, its
cores and the instruction set.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
COMMAND = "riskslide bench --json --output FILE && python tools/readme_table.py FILE"


def table(result: dict[str, Any]) -> str:
    """The Markdown between the markers."""
    named = ", ".join(f"{k} {v}" for k, v in result["packages"].items() if v)
    lines = [
        *wrapped(
            f"{result['processor']}, {result['cores']} threads, {result['instruction_set']}, "
            f"{result['compiler']}, Python {result['python']}, riskslide {result['riskslide']}, "
            f"{named}; {result['date']}."
        ),
        "Medians; a peer's figure is how many times as long it takes as riskslide, in turns in one",
        "run and with the same answer, and in brackets what is wanted of it. Those marked ' run on",
        "one thread whatever riskslide does. Made by",
        f"`{COMMAND}`.",
        "",
        "| workload | threads | riskslide | wanted | peers |",
        "|---|---|---|---|---|",
    ]
    for work in result["workloads"]:
        goal = work["target_seconds"]
        cells = (
            f"{work['title']}, {work['count']:,} {work['unit']}",
            str(work["threads"]),
            shown(work["seconds"]["median"]),
            "" if goal is None else shown(goal),
            ", ".join(beside(peer, work["threads"]) for peer in work["peers"]),
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += [f"\nNot measured: {x['peer']} (`{x['install']}`)." for x in result["missing"]]
    return "\n".join(lines)


def wrapped(text: str) -> list[str]:
    """Lines of at most 100 columns, broken at blanks."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > 98:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def beside(peer: dict[str, Any], threads: int) -> str:
    mark = "'" if peer["threads"] != threads else ""
    goal = "" if peer["target_ratio"] is None else f" ({times(peer['target_ratio'])})"
    return f"{peer['name']}{mark} {times(peer['ratio'])}{goal}"


def times(ratio: float) -> str:
    """Two significant digits."""
    return f"{ratio:.2g}" if ratio < 100 else f"{round(ratio, -1):,.0f}"


def shown(seconds: float) -> str:
    """Milliseconds with three significant digits."""
    value = 1e3 * seconds
    return f"{value:,.0f} ms" if value >= 100 else f"{value:#.3g} ms"


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
    result = json.loads(Path(path).read_text("utf-8"))
    if result["quick"]:
        raise SystemExit("this was a quick run, whose sizes say nothing; leave --quick out")
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
