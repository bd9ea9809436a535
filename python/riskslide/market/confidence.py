"""Decides how far the quotes of every row are trusted, and how much of its forward is fixed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..book.clock import NO_EXPIRY
from ..book.columns import Bool, Float
from ..book.instruments import Instruments, Kind
from ..errors import refuse
from .factors import Factors
from .lookup import Lookup
from .quotes import shown


class Confidence(NamedTuple):
    """One number of [0, 1] for each row: of its spot, its mark, and the quotes of its expiry."""

    spot: Float
    mark: Float
    expiry: Float
    of_assets: Mapping[str, float]  # the confidence in the spot of every asset that one is given of


def confidence_of(rows: Instruments, factors: Factors, lookup: Lookup) -> Confidence:
    """The confidences of rows; of an expired contract, whose price is final, 1 for its expiry.

    Of an expiry counts the smallest that is said of its forward, rate or vol, by the expiry, by the
    underlying (rate) or by one of its contracts; not of its rate where the terms do not ask it.
    """
    n = len(rows)
    table = lookup.tables["confidence"]
    if not table:
        whole = np.ones(n)
        return Confidence(whole, whole, whole, {})
    named: dict[str, list[int]] = {}
    for kind, key in table:
        if isinstance(key, str) and key in rows.index:
            named.setdefault(kind, []).append(rows.index[key])

    def said(kind: str, key: object) -> float:
        return lookup.checked("confidence", (kind, key), 1.0)

    spot = np.array([said("spot", u) for u in rows.underlyings], dtype=np.float64)
    mark = np.ones(n)
    for i in named.get("mark", ()):
        mark[i] = said("mark", rows.name[i])
    asked = ("forward", "rate", "vol") if lookup.terms.trusts_rates else ("forward", "vol")
    least = np.ones(len(factors.labels))
    for f in _live(factors, lookup.as_of):
        underlying, dated = factors.underlying[f], (factors.underlying[f], factors.expiry[f])
        least[f] = min(said(kind, dated) for kind in asked)
        if "rate" in asked:
            least[f] = min(least[f], said("rate", underlying))
    for kind in asked:
        for i in named.get(kind, ()):
            if lookup.as_of < rows.expiry[i] < NO_EXPIRY:
                f = int(factors.factor[i])
                least[f] = min(least[f], said(kind, rows.name[i]))
    of_assets = {key: said(kind, key) for kind, key in table if kind == "spot"}
    return Confidence(spot[rows.underlying], mark, least[factors.factor], of_assets)


def fixed_share_of(
    rows: Instruments, factors: Factors, lookup: Lookup, forward: Float, live: Bool
) -> Float:
    """Fixed part over forward of live options and dated futures, else 0.

    forward (rows): of an option; a future takes the forward of its expiry, or else its own price.
    Refuses (`E_DOMAIN`) a fixed part that exceeds the forward.
    """
    if not lookup.tables["fixed"]:
        return np.zeros(len(rows))
    fixed, quoted = np.zeros(len(factors.labels)), np.full(len(factors.labels), np.nan)
    for f in _live(factors, lookup.as_of):
        dated = (factors.underlying[f], factors.expiry[f])
        fixed[f] = lookup.checked("fixed", dated, 0.0)
        if fixed[f] > 0:
            found = lookup.find("forward", dated)
            quoted[f] = np.nan if found is None else found
    part = np.where(live & (rows.expiry != NO_EXPIRY), fixed[factors.factor], 0.0)
    future = rows.kind == Kind.FUTURE.value
    whole = np.where(future & ~np.isnan(quoted)[factors.factor], quoted[factors.factor], forward)
    bad = np.flatnonzero((part > 0) & ~(part <= whole))
    if bad.size:
        i = int(bad[0])
        key = shown((rows.underlyings[rows.underlying[i]], int(rows.expiry[i])))
        fix = f"part of the forward of {key} must be <= the forward, which is {float(whole[i])!r}"
        refuse("E_DOMAIN", "fixed", None, float(part[i]), f"{fix} for {rows.name[i]}")
    return np.where(part > 0, part, 0.0) / np.where(part > 0, whole, 1.0)


def _live(factors: Factors, as_of: int) -> list[int]:
    """The dated factors whose expiry has not come."""
    return [f for f, e in enumerate(factors.expiry) if as_of < e < NO_EXPIRY]
