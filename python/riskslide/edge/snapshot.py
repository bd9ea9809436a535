"""Decides what one snapshot of a chain quotes, and what stands in for a vol or forward not there.

A series without a forward takes that of its expiry: the median of the other series' or, where none
has one, the forward by put-call parity of the marks (`market.parity`). A series without a vol takes
it from the neighbour strikes of its expiry (`market.surface`). A series that stays without either
is dropped with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ..book.clock import text_of
from ..errors import refuse
from ..market.parity import forward_in_coin, forward_linear
from ..market.state import Quote
from ..market.surface import REASONS, VolOrigin, fill_vols
from .contract import Contract
from .tables.quotes import Origin, Sheet


@dataclass(frozen=True, slots=True)
class Series:
    """One option of a snapshot, as its row has it; NaN where it has nothing.

    vol: decimal; forward: currency of the strike; price: mark of one unit of the underlying, in
    the settlement currency; reason: why it must not be used, empty where it may.
    """

    contract: Contract
    vol: float
    forward: float
    price: float
    origin: Origin
    reason: str = ""

    def same_as(self, other: Series) -> str:
        """The first figure that differs, by name; empty where both rows say the same."""
        for name in ("vol", "forward", "price"):
            one, two = getattr(self, name), getattr(other, name)
            if one != two and not (math.isnan(one) and math.isnan(two)):
                return name
        return ""


def add_snapshot(
    rows: Sequence[Series], moment: int, sheet: Sheet, columns: Mapping[str, str]
) -> list[Contract]:
    """Quote vol and forward of the series, by instrument, at `moment`; returns those quoted.

    columns: where the file holds vol, forward and price. Rows that say the same twice count once,
    in `Sheet.repeated`; `E_DUPLICATE` where they differ.
    """
    groups: dict[tuple[str, int], list[Series]] = {}
    for series in _unique(rows, sheet, columns):
        contract = series.contract
        reason = "expired" if contract.expiry <= moment else series.reason
        if reason:
            _drop(series, reason, moment, sheet)
            continue
        groups.setdefault((contract.underlying, contract.expiry), []).append(series)
    quoted = []
    for group in groups.values():
        quoted += list(_quoted(group, moment, sheet))
    return quoted


def _quoted(group: list[Series], moment: int, sheet: Sheet) -> Iterator[Contract]:
    """Quote the series of one expiry."""
    shared, lacking = _forward(group)
    strikes = [s.contract.strike for s in group]
    vols = fill_vols(0, strikes, [s.vol if _usable(s.vol) else math.nan for s in group])
    origins = vols.origin.tolist()
    for series, vol, origin in zip(group, vols.vol.tolist(), origins, strict=True):
        forward = series.forward if _usable(series.forward) else shared
        if forward is None:
            _drop(series, f"has no forward ({lacking})", moment, sheet)
            continue
        if origin in REASONS:
            _drop(series, f"has no implied vol ({REASONS[VolOrigin(origin)]})", moment, sheet)
            continue
        name = series.contract.name
        if origin != VolOrigin.QUOTED.value:
            sheet.interpolated.add(name)
        if not _usable(series.forward):
            sheet.inferred.add(name)
        sheet.add("vol", name, Quote(vol, moment), series.origin)
        sheet.add("forward", name, Quote(forward, moment), series.origin)
        sheet.contracts[name] = series.contract
        yield series.contract


def _forward(group: list[Series]) -> tuple[float | None, str]:
    """The forward for series of an expiry that have none, or why there is none."""
    own = [s.forward for s in group if _usable(s.forward)]
    if own:
        return median(own), ""
    sides: dict[float, list[float]] = {}
    for series in group:
        pair = sides.setdefault(series.contract.strike, [math.nan, math.nan])
        pair[0 if series.contract.is_call else 1] = series.price
    strikes, calls = sorted(sides), [sides[k][0] for k in sorted(sides)]
    puts = [sides[k][1] for k in strikes]
    parity = forward_in_coin if group[0].contract.inverse else forward_linear
    found = parity(strikes, calls, puts)
    return found.forward, found.reason


def _unique(rows: Sequence[Series], sheet: Sheet, columns: Mapping[str, str]) -> Iterator[Series]:
    first: dict[str, Series] = {}
    for series in rows:
        name, origin = series.contract.name, series.origin
        seen = first.setdefault(name, series)
        if seen is series:
            yield series
            continue
        if differs := series.same_as(seen):
            value = getattr(series, differs)
            fix = (
                f"{name} has the {differs} {getattr(seen, differs)!r} of the same instant in "
                f"{seen.origin.file}:{seen.origin.line}; drop one"
            )
            refuse("E_DUPLICATE", columns[differs], origin.line, value, fix, file=origin.file)
        sheet.repeated[origin.file] = sheet.repeated.get(origin.file, 0) + 1


def _drop(series: Series, reason: str, moment: int, sheet: Sheet) -> None:
    sheet.dropped[series.contract.name] = f"{reason} in the snapshot of {text_of(moment)}"


def _usable(value: float) -> bool:
    return 0.0 < value < math.inf
