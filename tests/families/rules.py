"""Decides how the errors of a printed figure are counted and what they keep to together."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from families.files import Numbers
from families.tally import Criterion


class Rule(NamedTuple):
    """Criteria for errors counted in `unit(printed, forward)`, (N) each."""

    criteria: tuple[Criterion, ...]
    unit: Callable[[Numbers, Numbers], Numbers]


def absolute(**limits: float) -> Rule:
    return Rule(_criteria(limits), lambda printed, forward: np.ones(printed.size))


def relative(least: float, **limits: float) -> Rule:
    """Relative to the figure, or to `least` where the figure is smaller."""
    return Rule(_criteria(limits), lambda printed, forward: np.maximum(np.abs(printed), least))


def relative_in_dollars(least: float, **limits: float) -> Rule:
    """Relative to the figure, or to `least` of the forward where the figure is smaller."""
    return Rule(_criteria(limits), lambda printed, f: np.maximum(np.abs(printed), least * f))


def rounded(large: float, **limits: float) -> Rule:
    """Absolute, as the figure is rounded; relative to `large` where it is larger than that."""
    return Rule(_criteria(limits), lambda printed, f: np.maximum(1.0, np.abs(printed / large)))


def _criteria(limits: dict[str, float]) -> tuple[Criterion, ...]:
    return tuple(Criterion(*limit) for limit in limits.items())
