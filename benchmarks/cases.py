"""Decides how pytest-benchmark runs the workloads of `riskslide bench`: one case for every peer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

import riskslide as rs
from riskslide.study.bench.contest import Workload
from riskslide.study.bench.measure import compare
from riskslide.study.bench.suite import GROUPS
from riskslide.study.bench.workloads import FULL, QUICK

OURS = "riskslide"


class Case(NamedTuple):
    """A workload, who does it (a peer's name, or ours), and on how many threads."""

    workload: str
    who: str
    threads: int

    def __str__(self) -> str:
        return f"{self.workload}, {self.who}, {self.threads}"


def cases(group: str) -> list[Case]:
    """Everyone in every workload of the group, on one thread and on all that they use."""
    out = []
    for work in GROUPS[group](QUICK):  # small: only its names are asked for
        for threads in sorted({1, rs.runtime()["threads"]}):
            threaded = [p.name for p in work.peers if p.threaded or threads == 1]
            out += [Case(work.key, who, threads) for who in (OURS, *threaded)]
    return out


def measured(group: str) -> Callable[..., None]:
    """The test of a group, for a module to hold under a name that starts with `test_`."""
    made: dict[str, Mapping[str, Workload]] = {}

    @pytest.mark.parametrize("case", cases(group), ids=str)
    def run(benchmark: Any, case: Case) -> None:
        if not made:
            made[group] = {w.key: w for w in GROUPS[group](FULL)}
        work = made[group][case.workload]
        benchmark.group = f"{work.title}, {work.count:,} {work.unit}, {case.threads} threads"
        ours = work.ours(case.threads)
        expected = ours.answer(ours.run())
        if case.who == OURS:
            work.verify(expected)
            benchmark(ours.run)
            return
        peer = next(p for p in work.peers if p.name == case.who)
        try:
            theirs = peer.make(case.threads)
        except (ImportError, OSError) as error:
            pytest.skip(f"{peer.name}: {error}: pip install {' '.join(peer.packages)}")
        benchmark.extra_info["share of the rows"] = theirs.share
        theirs.run()  # compiles what is compiled
        found = benchmark(theirs.run)
        if peer.same:
            slack = work.slack(expected)
            compare(work.key, peer.name, expected, theirs.answer(found), slack, theirs.share)

    return run
