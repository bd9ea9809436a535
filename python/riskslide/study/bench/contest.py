"""Decides what a workload and a peer are: what is done, who does it, how near answers must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .measure import Answer, Runner


class Peer(NamedTuple):
    """Somebody else's way: the packages it needs; how it is made to run.

    threaded: whether it uses the threads it is given; others run on one, whatever ours does.
    same: whether it gives the same answer, which is then compared; target: ratio to reach.
    """

    name: str
    packages: tuple[str, ...]
    make: Callable[[int], Runner]
    threaded: bool = False
    target: float | None = None
    same: bool = True


@dataclass(frozen=True, slots=True)
class Workload:
    """What is done, how much of it, by whom. target: seconds to reach at full size, by threads.

    slack: how far a peer's column may be from ours; verify: a check of our answer alone.
    """

    key: str
    group: str
    title: str
    count: int
    unit: str
    limit: str
    ours: Callable[[int], Runner]
    peers: tuple[Peer, ...]
    slack: Callable[[Answer], Answer]
    target: Mapping[int, float]
    verify: Callable[[Answer], None] = lambda found: None
