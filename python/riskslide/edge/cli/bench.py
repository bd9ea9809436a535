"""Decides how `riskslide bench` is asked for, and how what it measured reads as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..._core import default_threads
from ...study.bench.run import benchmark
from ...study.bench.suite import GROUPS
from .figures import plain
from .options import JSON, THREADS
from .output import check_target, progress
from .report import table_for

ONLY = click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(GROUPS), case_sensitive=False),
    help="Measure this group; may be repeated.",
)
QUICK = click.option("--quick", is_flag=True, help="Small sizes: it tells whether all runs.")


def takes_bench(command: Any) -> Any:
    """Gives a command the options of `measured`."""
    output = click.option("--output", metavar="FILE", help="Write there, whole or not at all.")
    for option in (output, JSON, THREADS, QUICK, ONLY):
        command = option(command)
    return command


def measured(
    only: tuple[str, ...], quick: bool, threads: int | None, output: str | None
) -> dict[str, Any]:
    """Run the benchmarks, a bar saying which."""
    check_target(output)
    with progress() as bar:
        task = bar.add_task("benchmarks", total=None)
        return benchmark(
            only or tuple(GROUPS),
            quick=quick,
            threads=default_threads() if threads is None else threads,
            says=lambda what: bar.update(task, description=what),
        )


def bench_report(record: Mapping[str, Any], console: Console) -> Group:
    """The machine, a table of ours and the peers, what is missing, and how to read it."""
    named = ", ".join(f"{k} {v}" for k, v in record["packages"].items() if v)
    parts: list[RenderableType] = [
        plain(
            f"{record['processor']}, {record['cores']} threads, {record['instruction_set']}, "
            f"{record['compiler']}, load {record['load_before']}"
        ),
        plain(f"riskslide {record['riskslide']}; Python {record['python']}, {named}"),
    ]
    if record["quick"]:
        parts.append(plain("Small sizes: they show that everything runs, not how fast it is."))
    parts += [Text(), bench_table(record, console)]
    parts += [
        plain(f"not measured: {x['peer']} ({x['reason']}): {x['install']}")
        for x in record["missing"]
    ]
    parts.append(plain("ratio: median of the peer over ours, both timed in turns in one run"))
    parts.append(plain("cpu: the processor's time over all threads, whatever else runs"))
    parts += [plain(line) for line in _notes(record)]
    return Group(*parts)


def bench_table(record: Mapping[str, Any], console: Console) -> Table:
    """Ours, then its peers, for every workload and number of threads."""
    table = table_for(console)
    table.add_column("workload", no_wrap=True)
    for header in ("threads", "median", "min", "p90", "cpu", "rounds", "ratio", "of cpu", "target"):
        table.add_column(header, justify="right", no_wrap=True)
    for work in record["workloads"]:
        goal = "" if work["target_seconds"] is None else f"<= {shown(work['target_seconds'])}"
        head = f"{work['name']}: {work['count']:,} {work['unit']}"
        table.add_row(plain(head), str(work["threads"]), *_cells(work["seconds"]), "", "", goal)
        for peer in work["peers"]:
            goal = "" if peer["target_ratio"] is None else f">= {peer['target_ratio']:.3g}"
            name = f"  {peer['name']}{'' if peer['share'] == 1.0 else ' +'}"
            ratios = [figure(peer["ratio"]), figure(peer["cpu_ratio"])]
            cells = _cells(peer["seconds"])
            table.add_row(plain(name), str(peer["threads"]), *cells, *ratios, goal)
    return table


def _cells(seconds: Mapping[str, Any]) -> list[str]:
    times = [shown(seconds[k]) for k in ("median", "least", "p90", "cpu")]
    return [*times, str(seconds["rounds"])]


def _notes(record: Mapping[str, Any]) -> Iterator[str]:
    peers = [p for work in record["workloads"] for p in work["peers"]]
    if any(p["share"] != 1.0 for p in peers):
        yield "+: timed on the first options only, and scaled to all"
    if any(not p["same_answer"] for p in peers):
        yield "revaluation and worst loss alone: the library's own W2, for what the rest costs"


def figure(ratio: float | None) -> str:
    """Two digits behind the point where it is small, none where it is large."""
    if ratio is None:
        return ""
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"


def shown(seconds: float) -> str:
    """Three significant digits with their unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            value = seconds / size
            digits = max(0, 3 - len(str(int(value))))
            return f"{value:,.{digits}f} {unit}"
    return f"{seconds / 1e-6:.3g} us"
