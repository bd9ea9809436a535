"""Decides what one snapshot of a chain quotes, and what stands in for a vol or forward not there.

A series without a forward takes that of its expiry: the median of the other series' or, where none
has one, the forward by put-call parity of the marks (`market.parity`), with the discount factor
that goes with it where the venue's prices hold one. A series without a vol takes
it from the neighbour strikes of its expiry (`market.surface`). A series that stays without either
is dropped with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from .. import _core
from ..book.clock import NANOSECONDS_PER_YEAR, text_of
from ..errors import refuse
from ..market.parity import Parity, forward_in_coin, forward_linear
from ..market.quotes import Quote
from ..market.surface import REASONS, VolOrigin, fill_vols
from .contract import Contract
from .tables.quotes import Origin, Sheet


@dataclass(frozen=True, slots=True)
class Series:
    """One option of a snapshot, as its row has it; NaN where it has nothing.

    vol: decimal; forward: currency of the strike; price: mark of one unit of the underlying, in
    the settlement currency; reason: why it must not be used, empty where it may; written_vol: the
    vol as the file has it, where that is no decimal.
    """

    contract: Contract
    vol: float
    forward: float
    price: float
    origin: Origin
    reason: str = ""
    written_vol: float | None = None

    def written(self, name: str) -> float:
        """A figure as the file has it."""
        if name == "vol" and self.written_vol is not None:
            return self.written_vol
        figure: float = getattr(self, name)
        return figure

    def same_as(self, other: Series) -> str:
        """The first figure that differs, by name; empty where both rows say the same."""
        for name in ("vol", "forward", "price"):
            one, two = getattr(self, name), getattr(other, name)
            if one != two and not (math.isnan(one) and math.isnan(two)):
                return name
        return ""


def add_snapshot(
    rows: Sequence[Series],
    moment: int,
    sheet: Sheet,
    columns: Mapping[str, str],
    *,
    discounted: bool = False,
) -> list[Contract]:
    """Quote vol and forward of the series, by instrument, at `moment`; returns those quoted.

    columns: where the file holds vol, forward and price. discounted: whether prices in coin are of
    a discount factor of their expiry, which is then quoted as the coin's yield with the forwards by
    parity. Rows that say the same twice count once, in `Sheet.repeated`; `E_DUPLICATE` where they
    differ.
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
        quoted += list(_quoted(group, moment, sheet, _shared(group, discounted)))
    return quoted


def _quoted(group: list[Series], moment: int, sheet: Sheet, shared: Parity) -> Iterator[Contract]:
    """Quote the series of one expiry; `shared` is for those that have no forward."""
    strikes = [s.contract.strike for s in group]
    vols = fill_vols(0, strikes, [s.vol if _usable(s.vol) else math.nan for s in group])
    origins = vols.origin.tolist()
    for series, vol, origin in zip(group, vols.vol.tolist(), origins, strict=True):
        forward = series.forward if _usable(series.forward) else shared.forward
        if forward is None:
            _drop(series, f"has no forward ({shared.reason})", moment, sheet)
            continue
        if origin in REASONS:
            _drop(series, f"has no implied vol ({REASONS[VolOrigin(origin)]})", moment, sheet)
            continue
        name = series.contract.name
        if origin != VolOrigin.QUOTED.value:
            sheet.interpolated.add(name)
        if not _usable(series.forward):
            sheet.inferred.add(name)
            if shared.discount != 1.0:
                years = (series.contract.expiry - moment) / NANOSECONDS_PER_YEAR
                carried = Quote(rate_of(shared.discount, years), moment)
                sheet.add("dividend_yield", name, carried, series.origin)
        sheet.add("vol", name, Quote(vol, moment), series.origin)
        sheet.add("forward", name, Quote(forward, moment), series.origin)
        sheet.contracts[name] = series.contract
        yield series.contract


def _shared(group: list[Series], discounted: bool) -> Parity:
    """Forward and discount factor for series of an expiry that have no forward."""
    own = [s.forward for s in group if _usable(s.forward)]
    if own:
        return Parity(median(own))
    sides: dict[float, list[float]] = {}
    for series in group:
        pair = sides.setdefault(series.contract.strike, [math.nan, math.nan])
        pair[0 if series.contract.is_call else 1] = series.price
    strikes, calls = sorted(sides), [sides[k][0] for k in sorted(sides)]
    puts = [sides[k][1] for k in strikes]
    if not group[0].contract.inverse:
        return forward_linear(strikes, calls, puts)
    found = forward_in_coin(strikes, calls, puts, discount=None if discounted else 1.0)
    return forward_in_coin(strikes, calls, puts) if found.forward is None else found


def rate_of(discount: float, years: float) -> float:
    """The continuous rate of a discount factor over years > 0, the same bits on every machine."""
    if discount == 1.0:
        return 0.0
    return float(_core.log_ratio(np.array([1.0]), np.array([discount]))[0]) / years


def _unique(rows: Sequence[Series], sheet: Sheet, columns: Mapping[str, str]) -> Iterator[Series]:
    first: dict[str, Series] = {}
    for series in rows:
        name, origin = series.contract.name, series.origin
        seen = first.setdefault(name, series)
        if seen is series:
            yield series
            continue
        if differs := series.same_as(seen):
            value = series.written(differs)
            fix = (
                f"{name} has the {differs} {seen.written(differs)!r} of the same instant in "
                f"{seen.origin.file}:{seen.origin.line}; drop one"
            )
            refuse("E_DUPLICATE", columns[differs], origin.line, value, fix, file=origin.file)
        sheet.repeated[origin.file] = sheet.repeated.get(origin.file, 0) + 1


def _drop(series: Series, reason: str, moment: int, sheet: Sheet) -> None:
    sheet.dropped[series.contract.name] = f"{reason} in the snapshot of {text_of(moment)}"


def _usable(value: float) -> bool:
    return 0.0 < value < math.inf
