"""Decides which quote counts where files hold several: the newest that is not after `as_of`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from ...book.clock import text_of
from ...book.columns import Int64
from ...errors import InputError, refuse
from ...market.market import Market
from ...market.quotes import TABLES, Quote
from ..contract import Contract

Meaning = TypeVar("Meaning")


class Origin(NamedTuple):
    """Where a quote stands."""

    file: str
    line: int


def parsed_at(parse: Callable[[str], Meaning], name: str, column: str, origin: Origin) -> Meaning:
    """What `parse` makes of a name; what it refuses is refused by the place where it stands."""
    try:
        return parse(name)
    except InputError as error:
        refuse(error.code, column, origin.line, error.value, error.fix, file=origin.file)


@dataclass(slots=True)
class Sheet:
    """Quotes gathered so far, newest first come, with the place each was read from.

    contracts: what chains quote, by name. dropped: series that a chain names but does not price,
    with the reason. interpolated: series whose vol was taken from neighbour strikes. inferred:
    series whose forward is that of their expiry, or comes by parity. on_spot: series whose forward
    is the spot, with the reason. closed: underlyings whose quotes are from outside every session,
    with their time. repeated: rows of chains that say what another row has said, by file.
    """

    as_of: int
    quotes: dict[str, dict[Any, Quote]] = field(default_factory=lambda: {k: {} for k in TABLES})
    origins: dict[tuple[str, Any], Origin] = field(default_factory=dict)
    contracts: dict[str, Contract] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    interpolated: set[str] = field(default_factory=set)
    inferred: set[str] = field(default_factory=set)
    on_spot: dict[str, str] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)
    repeated: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, key: Any, quote: Quote, origin: Origin) -> None:
        """Keep a quote unless a newer one is there; two values of one instant are refused."""
        held = self.quotes[kind].get(key)
        if held is not None and held.instant == quote.instant and held.value != quote.value:
            first = self.origins[(kind, key)]
            fix = f"{kind} is {held.value!r} at that instant in {first.file}:{first.line}; drop one"
            refuse("E_DUPLICATE", "value", origin.line, quote.value, fix, file=origin.file)
        if held is None or quote.instant > held.instant:
            self.quotes[kind][key] = quote
            self.origins[(kind, key)] = origin

    def market(self, held: Collection[str] | None = None) -> Market:
        """The quotes as a market at `as_of`, with warnings about instruments that are held.

        held: names of instruments; None stands for all.
        """
        tables: dict[str, Any] = dict(self.quotes)
        warnings = tuple(self._warnings(held))
        return Market(self.as_of, **tables, dropped=len(self.dropped), warnings=warnings)

    def _warnings(self, held: Collection[str] | None) -> Iterable[str]:
        for file, count in sorted(self.repeated.items()):
            yield f"W_REPEATED: rows of {file} that say what another row has said: {count}"
        told = {
            "W_VOL_INTERPOLATED: series without a vol take that between their neighbour strikes": (
                self.interpolated
            ),
            "W_FORWARD_INFERRED: series without a forward take that of their expiry, or parity": (
                self.inferred
            ),
        }
        for what, names in told.items():
            found = names if held is None else names.intersection(held)
            if found:
                yield f"{what}: {len(found)}, such as {min(found)}"
        flat = [n for n in self.on_spot if held is None or n in held]
        if flat:
            such = f"{len(flat)}, such as {min(flat)} ({self.on_spot[min(flat)]})"
            yield f"W_NO_FORWARD: series whose forward is the spot, at a rate of 0: {such}"
        written = {c.underlying for n, c in self.contracts.items() if held is None or n in held}
        written |= set(held or ())  # stocks are held by the name that their options are on
        for underlying in sorted(written & set(self.closed)):
            when = self.closed[underlying]
            yield f"W_CLOSED_SESSION: quotes of {underlying} are of {when}; no session was open"


class Source(Protocol):
    """A file of quotes that has been read."""

    @property
    def file(self) -> str: ...

    @property
    def instants(self) -> Int64:
        """Instant of every row."""
        ...

    @property
    def leads(self) -> bool:
        """Whether its newest instant is one that `as_of` may default to."""
        ...


def instant_of(sources: Iterable[Source], as_of: int | None) -> int:
    """`as_of`, by default the newest instant of the sources that lead, or else of all of them.

    Raises InputError: `E_EMPTY` where there is no quote at all, `E_STALE` where all are later.
    """
    files = list(sources)
    filled = [s for s in files if s.instants.size]
    heads = [s for s in files if s.leads] or files
    leading = [s for s in heads if s.instants.size]
    if not leading:
        names = ", ".join(s.file for s in heads)
        refuse("E_EMPTY", "", None, None, f"there is no quote in {names or 'the market'}")
    if as_of is None:
        return max(int(s.instants.max()) for s in leading)
    first = min(int(s.instants.min()) for s in filled)
    if first > as_of:
        fix = f"every quote is later; the first is of {text_of(first)}"
        refuse("E_STALE", "as_of", None, text_of(as_of), fix)
    return as_of


def newest(group: Int64, instants: Int64, as_of: int) -> Int64:
    """Row of the newest instant not after `as_of` in each group; of equal ones the last row."""
    rows = np.flatnonzero(instants <= as_of)
    order = rows[np.lexsort((rows, instants[rows], group[rows]))]
    last = np.ones(order.size, dtype=np.bool_)
    last[:-1] = group[order[1:]] != group[order[:-1]]
    return order[last]
