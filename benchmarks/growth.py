"""Decides how time grows with positions, instruments, scenarios and accounts around W2, and how
much memory W2 takes.

    python benchmarks/growth.py            # prints the tables
    python benchmarks/growth.py --write    # and puts them into docs/benchmarks.md

Each size is varied alone. A part of the run is judged on the sizes that its work is proportional
to: revaluation on instruments and scenarios, the worst loss on positions, accounts and scenarios.
A step is judged where the part's time at the smallest size of the table, which stands for what does
not grow, is at most a fifth of its time at the lower end; the slope must then lie in 0.9 .. 1.15.
Where it is above, the cache that the data leave on the step is named, if they leave one.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

LOW, HIGH = 0.9, 1.15
FIXED = 0.2  # of the time at the lower end: what does not grow bends a slope to 0.91 at most
ROUNDS, LEAST_SECONDS, MOST_SECONDS = 5, 1.0, 20.0
MEMORY_TARGET = 1.3
PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- growth -->", "<!-- /growth -->"
PARTS = ("revalue", "worst loss")


class Point(NamedTuple):
    """Sizes of one book."""

    instruments: int = 10_000
    scenarios: int = 93
    accounts: int = 100_000
    positions: int = 5_000_000


class Axis(NamedTuple):
    """What is varied, its sizes, and the parts whose work is proportional to it."""

    name: str
    sizes: tuple[int, ...]
    parts: tuple[str, ...]

    def at(self, size: int) -> Point:
        if self.name == "accounts":  # of 50 positions each
            return Point(accounts=size, positions=50 * size)
        return Point()._replace(**{self.name: size})


AXES = (
    Axis("positions", (100_000, 1_000_000, 5_000_000, 10_000_000, 50_000_000), PARTS[1:]),
    Axis("instruments", (100, 1_000, 10_000, 100_000), PARTS[:1]),
    Axis("scenarios", (10, 100, 1_000, 10_000), PARTS),
    Axis("accounts", (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000), PARTS[1:]),
)


class Timed(NamedTuple):
    """Median and least seconds of each part and of both; bytes that the worst loss reads."""

    median: dict[str, float]
    least: dict[str, float]
    bytes: int


class Book(NamedTuple):
    """Everything that a run reads."""

    instruments: Any
    state: Any
    scenarios: Any
    positions: Any

    @property
    def bytes(self) -> int:
        """Of the arrays of positions, instruments and shocks."""
        columns = [*self.positions.csr, *self.state.columns().values()]
        return sum(x.nbytes for x in [*columns, *self.scenarios.columns().values()])


def book_of(point: Point) -> Book:
    import numpy as np

    import riskslide as rs
    from riskslide.study.bench.workloads import slides

    work = slides(point.instruments, 1, 0, 0)
    moves = np.linspace(-0.16, 0.16, point.scenarios)
    vol = np.resize([0.72, 1.0, 1.45], point.scenarios)
    scenarios = rs.Scenarios.of(1.0 + moves, vol_scale=vol).on(work.state)
    rng = np.random.default_rng(7)
    legs = point.positions // max(point.accounts, 1)
    positions = rs.Positions.from_columns(
        np.repeat(np.arange(point.accounts), legs),
        rng.integers(0, point.instruments, point.accounts * legs),
        rng.integers(-50, 51, point.accounts * legs),
        accounts=point.accounts,
        instruments=point.instruments,
    )
    return Book(work.instruments, work.state, scenarios, positions)


def timed(book: Book) -> Timed:
    import riskslide as rs

    seconds: dict[str, list[float]] = {part: [] for part in (*PARTS, "both")}
    begin = perf_counter()
    while len(seconds["both"]) < ROUNDS or perf_counter() - begin < LEAST_SECONDS:
        start = perf_counter()
        cube = rs.revalue(book.instruments, book.state, book.scenarios)
        middle = perf_counter()
        rs.worst_loss(book.positions, cube)
        end = perf_counter()
        for part, value in zip(seconds, (middle - start, end - middle, end - start), strict=True):
            seconds[part].append(value)
        if perf_counter() - begin > MOST_SECONDS and len(seconds["both"]) > 2:
            break
    middles = {part: sorted(x)[len(x) // 2] for part, x in seconds.items()}
    read = sum(x.nbytes for x in book.positions.csr) + cube.values.nbytes
    return Timed(middles, {part: min(x) for part, x in seconds.items()}, read)


def rows_of(axis: Axis) -> Iterator[str]:
    """The table of one axis, row by row as it is measured."""
    yield f"| {axis.name} | revalue | worst loss | both, median (min) | slope | judged |"
    yield "|---|---|---|---|---|---|"
    smallest: Timed | None = None
    before: tuple[int, Timed] | None = None
    for size in axis.sizes:
        found = timed(book_of(axis.at(size)))
        smallest = smallest or found
        slopes, verdicts = [], []
        for part in axis.parts if before else ():
            slope, verdict = judged(before, (size, found), part, smallest.least[part])
            slopes.append(f"{part} {slope:.2f}")
            verdicts.append(verdict)
        median, least = found.median, found.least
        parts = " | ".join(milliseconds(median[p]) for p in PARTS)
        both = f"{milliseconds(median['both'])} ({milliseconds(least['both'])})"
        yield f"| {size:,} | {parts} | {both} | {', '.join(slopes)} | {', '.join(verdicts)} |"
        before = size, found


def judged(
    lower: tuple[int, Timed] | None, upper: tuple[int, Timed], part: str, fixed: float
) -> tuple[float, str]:
    """Log-log slope by the least seconds, and what the criterion says."""
    assert lower is not None
    (small, first), (large, second) = lower, upper
    slope = math.log(second.least[part] / first.least[part]) / math.log(large / small)
    if fixed > FIXED * first.least[part]:
        return slope, f"no: {milliseconds(fixed)} do not grow"
    if LOW <= slope <= HIGH:
        return slope, "yes"
    if slope < LOW:
        return slope, "BELOW"
    left = [name for name, size in caches().items() if first.bytes <= size < second.bytes]
    return slope, f"ABOVE: the data leave {' and '.join(left)}" if left else "ABOVE"


def caches() -> dict[str, int]:
    """Sizes of the data caches of the first core; none where the system does not say."""
    found = {}
    for path in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((path / x).read_text().strip() for x in ("level", "type", "size"))
        if kind != "Instruction":
            found[f"L{level}"] = 1024 * int(size.removesuffix("K"))
    return found


def milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms"


def resident(word: str) -> int:
    """Bytes: VmRSS now, VmHWM the largest since the start or since `forget_peak`."""
    text = Path("/proc/self/status").read_text("utf-8")
    return next(1024 * int(x.split()[1]) for x in text.splitlines() if x.startswith(word))


def forget_peak() -> None:
    """Give back what building the inputs left, and let the peak begin again (proc(5), 5)."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", "utf-8")


def memory() -> dict[str, int]:
    """Of a process that does nothing else: base, resident inputs, peak of one run."""
    import riskslide as rs
    import riskslide.study.bench.workloads  # what building needs is part of the base

    base = resident("VmRSS:")
    book = book_of(Point())
    forget_peak()
    held = resident("VmRSS:")
    cube = rs.revalue(book.instruments, book.state, book.scenarios)
    rs.worst_loss(book.positions, cube)
    peak = resident("VmHWM:")
    return {
        "base": base,
        "held": held,
        "peak": peak,
        "inputs": book.bytes,
        "matrix": cube.values.nbytes + cube.base.nbytes,
    }


def memory_text() -> str:
    command = [sys.executable, __file__, "--memory"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    mega = {k: f"{v / 2**20:.1f} MiB" for k, v in found.items()}
    wanted = found["inputs"] + found["matrix"]
    ratio = (found["peak"] - found["base"]) / wanted
    verdict = "met" if ratio <= MEMORY_TARGET else "MISSED"
    return (
        f"Peak resident memory of W2 in a fresh process, from the filled inputs on: "
        f"{mega['peak']},\nof which {mega['base']} are Python, NumPy and the library after their "
        f"import.\nThe rest is {ratio:.2f} times inputs ({mega['inputs']}) and scenario matrix "
        f"({mega['matrix']});\ntarget {MEMORY_TARGET}: {verdict}. Names and other Python objects "
        f"of the book count in it."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    parser.add_argument("--only", choices=[a.name for a in AXES], action="append")
    parser.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.memory:
        print(json.dumps(memory()))
        return
    from riskslide.study.bench.machine import machine

    x = machine()
    sizes = ", ".join(f"{name} {size / 2**20:.3g} MiB" for name, size in caches().items())
    lines = [
        f"{x['processor']}, {x['cores']} threads, {x['instruction_set']}, {x['compiler']};",
        f"{sizes}; {x['date']}, load {x['load_before']} before.",
    ]
    print("\n".join(lines))
    for axis in AXES:
        if asked.only and axis.name not in asked.only:
            continue
        lines.append("")
        for row in rows_of(axis):
            print(row, flush=True)
            lines.append(row)
    lines += ["", memory_text()]
    print(f"\n{lines[-1]}")
    if asked.write:
        before, rest = PAGE.read_text("utf-8").split(BEGIN)
        text = "\n".join(lines)
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", "utf-8")


if __name__ == "__main__":
    main()
