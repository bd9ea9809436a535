"""Decides what marginal tiers are to a fold: what lies in a tier counts that tier's fraction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Tiers(NamedTuple):
    """gain: what counts below the first start; rest: (start, gain) of what lies beyond."""

    gain: float
    rest: tuple[tuple[float, float], ...] = ()


def marginal(starts: Sequence[float], fractions: Sequence[float], below: float) -> Tiers:
    """Tiers from their starts, that do not descend; `below` counts up to the first, if not 0."""
    first = fractions[0] if starts[0] == 0.0 else below
    pairs = zip(starts, fractions, strict=True)
    rest = [(start, gain) for k, (start, gain) in enumerate(pairs) if k > 0 or start > 0.0]
    return Tiers(first, tuple(rest))
