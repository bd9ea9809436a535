"""Decides the risk factors of instruments: every asset, and every (underlying, expiry)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..book.clock import NO_EXPIRY, text_of
from ..book.columns import Int32
from ..book.instruments import Instruments, Kind


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """labels, underlying, expiry: one of each factor, assets first, then (underlying, expiry), in
    order; still: the factor of the measure, which nothing moves; factor, fx_factor (rows): what
    moves a row's price and its rate of exchange, -1 where nothing moves the latter."""

    labels: tuple[str, ...]
    underlying: tuple[str, ...]
    expiry: tuple[int, ...]
    still: int
    factor: Int32
    fx_factor: Int32


def factors_of(rows: Instruments, measure: str, coin_at_index: bool) -> Factors:
    """The factors of these rows. coin_at_index: no scenario moves a rate of exchange."""
    assets = sorted({measure, *rows.underlyings, *rows.currencies})
    number = {asset: k for k, asset in enumerate(assets)}
    owner, coin = (
        np.array([number[name] for name in names], dtype=np.int64)[index]
        for names, index in ((rows.underlyings, rows.underlying), (rows.currencies, rows.currency))
    )
    expiries, at = np.unique(rows.expiry, return_inverse=True)
    dated = rows.expiry != NO_EXPIRY
    pairs, pair = np.unique((owner * expiries.size + at)[dated], return_inverse=True)
    factor = owner.copy()
    factor[dated] = len(assets) + pair
    named = [assets[k] for k in (pairs // max(expiries.size, 1)).tolist()]
    expiry = expiries[pairs % max(expiries.size, 1)].tolist()
    constant = np.array([coin_at_index or c == measure for c in assets], dtype=np.bool_)
    still = constant[coin] | (rows.kind == Kind.SPOT.value)
    return Factors(
        labels=(*assets, *(f"{u}@{text_of(e)}" for u, e in zip(named, expiry, strict=True))),
        underlying=(*assets, *named),
        expiry=((NO_EXPIRY,) * len(assets) + tuple(expiry)),
        still=number[measure],
        factor=factor.astype(np.int32),
        fx_factor=np.where(still, -1, coin).astype(np.int32),
    )
