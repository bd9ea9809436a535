"""Decides what a run of the benchmarks does and records: every workload, every peer, both in turns,
on one thread and on all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ..._version import __version__
from .contest import Peer, Workload
from .machine import installed, machine
from .measure import Answer, Pace, Race, Sample, Timing, alone, compare, race
from .suite import GROUPS
from .workloads import FULL, QUICK

UNHURRIED, HURRIED = Pace(4.0), Pace(0.05)


def benchmark(
    groups: Iterable[str] = tuple(GROUPS),
    *,
    quick: bool = False,
    threads: int,
    says: Callable[[str], None] = lambda what: None,
) -> dict[str, Any]:
    """Run these groups and return what was measured, as plain values.

    threads: those of "all"; one thread is always measured as well. Raises AnswersDiffer where a
    peer's answer is not ours. A peer whose package is missing is listed under ``missing``.
    """
    pace, sizes = (HURRIED, QUICK) if quick else (UNHURRIED, FULL)
    record: dict[str, Any] = {"riskslide": __version__, **machine(), "quick": quick}
    record |= {"packages": {"numpy": installed("numpy")}, "workloads": [], "missing": []}
    for group in groups:
        for workload in GROUPS[group](sizes):
            for count in sorted({1, threads}):
                says(f"{workload.key}, threads: {count}")
                record["workloads"].append(_measured(workload, count, pace, record, full=not quick))
    record["missing"] = list({x["peer"]: x for x in record["missing"]}.values())
    return record


def _measured(
    work: Workload, threads: int, pace: Pace, record: dict[str, Any], *, full: bool
) -> dict[str, Any]:
    ours = work.ours(threads)
    first = ours.answer(ours.run())
    work.verify(first)
    slack = work.slack(first)
    samples: list[Sample] = []
    peers = []
    for peer in work.peers:
        try:
            theirs = peer.make(threads if peer.threaded else 1)
        except (ImportError, OSError) as error:  # OSError: its shared library does not load
            record["missing"].append(_missing(peer, error))
            continue

        compared = partial(_compared, work, peer, slack, theirs.share)
        found = race(ours, theirs, pace, compared)
        record["packages"] |= {p: installed(p) for p in peer.packages}
        samples += found.ours
        peers.append(_beside(peer, found, threads, theirs.share))
    timing = Timing.of(samples or alone(ours, pace))
    return {
        "name": work.key,
        "group": work.group,
        "title": work.title,
        "count": work.count,
        "unit": work.unit,
        "limit": work.limit,
        "threads": threads,
        "seconds": timing._asdict(),
        "per_second": work.count / timing.median,
        "target_seconds": work.target.get(threads) if full else None,
        "peers": peers,
    }


def _compared(
    work: Workload, peer: Peer, slack: Answer, share: float, ours: Answer, theirs: Answer
) -> None:
    if peer.same:
        compare(work.key, peer.name, ours, theirs, slack, share)


def _beside(peer: Peer, found: Race, threads: int, share: float) -> dict[str, Any]:
    """ratio: how many times as long as ours, by the medians of this race; cpu_ratio: how much more
    of the processor."""
    ours, theirs = Timing.of(found.ours), Timing.of(found.peer)
    return {
        "name": peer.name,
        "threads": threads if peer.threaded else 1,
        "share": share,
        "same_answer": peer.same,
        "seconds": theirs._asdict(),
        "our_seconds": ours._asdict(),
        "ratio": theirs.median / ours.median,
        "cpu_ratio": theirs.cpu / ours.cpu if ours.cpu else None,
        "target_ratio": peer.target,
    }


def _missing(peer: Peer, error: Exception) -> dict[str, Any]:
    packages = " ".join(peer.packages)
    return {"peer": peer.name, "install": f"pip install {packages}", "reason": str(error)}
