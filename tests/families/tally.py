"""Decides what a replay counts: every figure read is compared or skipped with its reason."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

LEAST_FOR_P99 = 100  # below it, the 99th percentile is the largest


@dataclass(frozen=True, slots=True)
class Criterion:
    """What the errors of a whole field must keep to: `median`, `p99` or `largest` <= limit."""

    statistic: str
    limit: float


@dataclass(slots=True)
class Field:
    """What became of one field of one family."""

    read: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    errors: list[float] = field(default_factory=list)
    tolerance: float | None = None
    criteria: tuple[Criterion, ...] = ()
    failures: list[str] = field(default_factory=list)
    largest_error: float = 0.0
    worst_at: str = ""

    @property
    def compared(self) -> int:
        return len(self.errors)

    def statistic(self, name: str) -> float | None:
        """Nearest rank; None where the figures are too few to have one."""
        size = len(self.errors)
        if size == 0 or (name == "p99" and size < LEAST_FOR_P99):
            return None
        if name == "largest":
            return self.largest_error
        share = {"median": 0.5, "p99": 0.99}[name]
        return sorted(self.errors)[math.ceil(share * size) - 1]

    @property
    def beyond(self) -> list[str]:
        """Figures beyond their tolerance, then criteria that the field misses."""
        texts = list(self.failures)
        for criterion in self.criteria:
            found = self.statistic(criterion.statistic)
            if found is not None and not found <= criterion.limit:
                place = f", largest at {self.worst_at}"
                texts.append(f"{criterion.statistic} {found:.3g} > {criterion.limit:g}{place}")
        return texts


class Tally:
    """Counts by field, the fate of every file, and what a family notes of a case."""

    def __init__(self) -> None:
        self.fields: dict[str, Field] = {}
        self.files: dict[str, str] = {}
        self.notes: dict[str, list[str]] = {}

    def note(self, where: str, text: str) -> None:
        """What else there is to say of a case; it decides nothing."""
        self.notes.setdefault(where, []).append(text)

    def of(self, name: str) -> Field:
        return self.fields.setdefault(name, Field())

    def skip(self, name: str, reason: str, count: int = 1) -> None:
        if count == 0:
            return
        held = self.of(name)
        held.read += count
        held.skipped[reason] += count

    def compare(
        self,
        name: str,
        found: float,
        expected: float,
        tolerance: float,
        where: str,
        *,
        unit: float = 1.0,
    ) -> None:
        """Counts one figure; the error is in `unit` > 0, like its tolerance."""
        held = self.of(name)
        held.tolerance = max(held.tolerance or 0.0, tolerance)
        error = self._count(held, found, expected, unit, where)
        if not error <= tolerance:
            held.failures.append(f"{where}: {found!r} against {expected!r}")

    def compare_all(
        self,
        name: str,
        found: Sequence[float],
        expected: Sequence[float],
        where: Sequence[str],
        criteria: tuple[Criterion, ...],
        *,
        scale: Sequence[float] | None = None,
    ) -> None:
        """Counts figures (N) whose errors, divided by `scale` > 0 (N), keep `criteria` together."""
        held = self.of(name)
        held.criteria = criteria
        units = [1.0] * len(found) if scale is None else scale
        for row in zip(found, expected, units, where, strict=True):
            self._count(held, *row)

    def _count(self, held: Field, found: float, expected: float, unit: float, where: str) -> float:
        error = abs(float(found) - float(expected)) / float(unit)
        error = math.inf if math.isnan(error) else error
        held.read += 1
        held.errors.append(error)
        if len(held.errors) == 1 or error > held.largest_error:
            held.largest_error, held.worst_at = error, where
        return error

    def fail(self, name: str, reason: str, where: str) -> None:
        """Counts a figure that the library refused to produce."""
        held = self.of(name)
        held.read += 1
        held.failures.append(f"{where}: {reason}")

    @property
    def compared(self) -> int:
        return sum(f.compared for f in self.fields.values())

    @property
    def beyond(self) -> list[str]:
        return [f"{name}: {text}" for name, f in self.fields.items() for text in f.beyond]

    def as_dict(self, family: str) -> dict[str, Any]:
        passed = bool(self.compared and not self.beyond)
        fields = {name: _as_dict(held) for name, held in self.fields.items()}
        found = {"family": family, "passed": passed, "files": self.files, "fields": fields}
        return found | ({"notes": self.notes} if self.notes else {})


def skip_header(raw: dict[str, Any], taken: Iterable[str], tally: Tally) -> None:
    """Accounts for what stands beside the rows of a JSON file."""
    for key, value in raw.items():
        if key not in taken:
            size = len(value) if isinstance(value, list | dict) else 1
            tally.skip(f"({key})", "describes the file", size)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _as_dict(held: Field) -> dict[str, Any]:
    compared = held.compared > 0
    return {
        "read": held.read,
        "compared": held.compared,
        "skipped": dict(held.skipped),
        "median": held.statistic("median"),
        "p99": held.statistic("p99"),
        "largest_error": held.largest_error if compared else None,
        "tolerance": held.tolerance if compared else None,
        "criteria": {c.statistic: c.limit for c in held.criteria},
        "worst_at": held.worst_at or None,
        "beyond": held.beyond,
    }
