"""Decides how two ways to one answer are timed: in turns within one run, answers compared first and
last, and what is kept of the seconds."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter, process_time, sleep
from typing import Any, NamedTuple

import numpy as np

from ...errors import AnswersDiffer

Answer = Mapping[str, Any]  # arrays by name
SHORTEST = 2e-3  # seconds that one sample lasts at least: the clock and the call weigh nothing then
FEWEST = 3  # rounds, however long they take
# Seconds of rest before every sample. The threads of an OpenMP loop spin for some milliseconds when
# it is done and share a core with whoever runs next: W1 on two threads took 6.9 ms after 2 ms of
# rest, 5.9 ms after 5 ms or more.
REST = 0.02


@dataclass(frozen=True, slots=True)
class Runner:
    """One way to the answer. `run` is what is timed; `answer` turns what it returned into arrays.

    share: the part of the rows that it does, the first ones, where all would take too long; its
    seconds are divided by that.
    """

    run: Callable[[], Any]
    answer: Callable[[Any], Answer]
    share: float = 1.0


class Sample(NamedTuple):
    """Seconds of one run for all rows: by the clock, and of the processor over all threads."""

    clock: float
    cpu: float


class Timing(NamedTuple):
    """Seconds of one run: the middle, the least, what nine of ten stay below, by the clock; and
    the middle of the processor's, which another program's work does not lengthen."""

    median: float
    least: float
    p90: float
    cpu: float
    rounds: int

    @classmethod
    def of(cls, samples: list[Sample]) -> Timing:
        ordered = sorted(s.clock for s in samples)
        p90 = ordered[math.ceil(0.9 * len(ordered)) - 1]
        cpu = float(np.median([s.cpu for s in samples]))
        return cls(float(np.median(ordered)), ordered[0], p90, cpu, len(ordered))


class Pace(NamedTuple):
    """How long a race lasts: so many seconds, but never less than `FEWEST` rounds of each."""

    seconds: float


class Race(NamedTuple):
    """Samples of ours and of the peer, taken in turns."""

    ours: list[Sample]
    peer: list[Sample]


def compare(
    workload: str, peer: str, ours: Answer, theirs: Answer, slack: Answer, share: float = 1.0
) -> None:
    """Raise AnswersDiffer where a column of the peer is further from ours than `slack` allows.

    slack: absolute, by column; share: the part of the rows, the first ones, that the peer did.
    """
    for name, allowed in slack.items():
        theirs_column, ours_column = np.asarray(theirs[name]), np.asarray(ours[name])
        ours_column = ours_column[: round(share * len(ours_column))]
        if theirs_column.shape != ours_column.shape:
            what = f"{name} has shape {theirs_column.shape} beside our {ours_column.shape}"
            raise AnswersDiffer(workload, peer, what)
        near = np.abs(theirs_column - ours_column) <= allowed  # NaN is not near
        if not near.all():
            at = tuple(int(k) for k in np.argwhere(~near)[0])
            row = at[0] if len(at) == 1 else at
            what = f"{name}[{row}] is {theirs_column[at]!s}, ours {ours_column[at]!s}"
            raise AnswersDiffer(workload, peer, f"{what}; {int((~near).sum())} such values")


def race(
    ours: Runner,
    peer: Runner,
    pace: Pace,
    compared: Callable[[Answer, Answer], None],
) -> Race:
    """Time both in turns: ours, peer, ours, peer.

    Both run once before, which compiles what is compiled, and `compared` is asked about that
    answer and about the last one: what was timed is what was compared.
    """
    warm = [_warm(runner) for runner in (ours, peer)]
    compared(ours.answer(warm[0].found), peer.answer(warm[1].found))
    begin, samples = perf_counter(), Race([], [])
    while len(samples.peer) < FEWEST or perf_counter() - begin < pace.seconds:
        first = _sample(ours, warm[0].calls, samples.ours)
        second = _sample(peer, warm[1].calls, samples.peer)
    compared(ours.answer(first), peer.answer(second))
    return samples


def alone(ours: Runner, pace: Pace) -> list[Sample]:
    """Samples of ours where no peer is there."""
    calls, samples = _warm(ours).calls, list[Sample]()
    begin = perf_counter()
    while len(samples) < FEWEST or perf_counter() - begin < pace.seconds:
        _sample(ours, calls, samples)
    return samples


class _Warm(NamedTuple):
    found: Any
    calls: int


def _warm(runner: Runner) -> _Warm:
    """The answer of a first call, and how many calls make one sample."""
    found = runner.run()
    begin = perf_counter()
    runner.run()
    return _Warm(found, max(1, math.ceil(SHORTEST / max(perf_counter() - begin, 1e-9))))


def _sample(runner: Runner, calls: int, samples: list[Sample]) -> Any:
    """Add what one run took to `samples`; what the last call returned."""
    sleep(REST)
    collecting = gc.isenabled()
    gc.disable()
    try:
        begin, spent = perf_counter(), process_time()
        for _ in range(calls):
            found = runner.run()
        clock, cpu = perf_counter() - begin, process_time() - spent
        runs = calls * runner.share
        samples.append(Sample(clock / runs, cpu / runs))
    finally:
        if collecting:
            gc.enable()
    return found
