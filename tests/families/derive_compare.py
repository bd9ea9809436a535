"""Decides how an implementation's figures are held against those a Derive file prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from families.derive_account import Account, Figures, Parameters
from families.tally import Tally, is_number

Implementation = Callable[[Account, Parameters], Figures]


class Limit(NamedTuple):
    """A figure may be off by `relative` of itself, or of `least` where it is smaller than that.

    One that is 0 as far as its neighbours can tell, below `relative` of `zero`, may be off by that.
    """

    relative: float
    least: float
    zero: float = 0.0

    def unit(self, printed: float) -> float:
        """What the error of a printed figure is counted in; > 0."""
        if abs(printed) <= self.relative * self.zero:
            return self.zero or self.least
        return max(abs(printed), self.least)


class Fixed(NamedTuple):
    """A figure may be off by `relative` of `size`, whatever it is itself."""

    relative: float
    size: float

    def unit(self, printed: float) -> float:
        return self.size


def compare_figures(
    name: str, found: Iterable[float], printed: Any, limit: Limit | Fixed, where: str, tally: Tally
) -> None:
    """Counts a printed figure or list of them; the errors are relative, as `limit` says."""
    theirs = list(flat(printed))
    ours = list(found)
    if len(ours) != len(theirs):
        tally.fail(name, f"{len(ours)} figures, not {len(theirs)}", where)
        return
    for k, (our, their) in enumerate(zip(ours, theirs, strict=True)):
        place = f"{where} {k}" if len(theirs) > 1 else where
        if their is None:
            tally.skip(name, "null in the file")
        elif not is_number(their):
            tally.skip(name, "no number in the file")
        else:
            unit = limit.unit(float(their))
            tally.compare(name, our, float(their), limit.relative, place, unit=unit)


def compare_named(
    found: Mapping[str, Iterable[float]],
    printed: Mapping[str, Any],
    limits: Callable[[str], Limit],
    where: str,
    tally: Tally,
) -> None:
    """Every printed field that has a figure of its name in `found`."""
    for name, theirs in printed.items():
        if name in found:
            compare_figures(name, found[name], theirs, limits(name), where, tally)


def flat(value: Any) -> Iterable[Any]:
    if isinstance(value, list):
        for inner in value:
            yield from flat(inner)
    else:
        yield value


def largest(values: Iterable[Any]) -> float:
    """The largest amount among figures, lists of them and texts."""
    return max((abs(x) for v in values for x in flat(v) if is_number(x)), default=0.0)


def skip_inputs(part: Mapping[str, Any], known: Mapping[str, str], tally: Tally) -> None:
    """Skips every leaf below `part`; known: reason by key, others are named as unknown fields."""
    for name, value in part.items():
        count = leaf_count(value)
        tally.skip(name, known.get(name, "not a field of the family"), count)


def leaf_count(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(leaf_count, value.values()))
    return sum(map(leaf_count, value)) if isinstance(value, list) else 1
