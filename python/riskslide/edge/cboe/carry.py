"""Decides forward and rate of the expiries of a page: by put-call parity of the mids, or the spot.

European series give the forward and the discount factor, American ones the forward alone. Printed
vols belong to the forward that they were solved with. Those of stock options are often solved with
the price as it is, and mean nothing with the forward by parity, so the page takes the spot for all
its expiries where its vols meet its mids better with that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

import numpy as np

from ...book.clock import NANOSECONDS_PER_YEAR
from ...book.columns import Float
from ...market.parity import Parity, forward_linear
from ...value.pricing import black76
from ..contract import Contract
from ..snapshot import rate_of

FITTED_YEARS = 14 / 365  # below, a fitted discount factor is noise: its distance from 1 is smaller
NEAR = 0.1  # of the spot: strikes whose mids the vols are held against


class Quoted(NamedTuple):
    """One option with its mid, NaN where it has no two sides, and its printed vol."""

    contract: Contract
    mid: float
    vol: float


class Carry(NamedTuple):
    """Forward and continuous rate of an expiry; `reason` says why the forward is the spot."""

    forward: float
    rate: float = 0.0
    reason: str = ""


def carries(expiries: Mapping[int, Sequence[Quoted]], moment: int, spot: float) -> dict[int, Carry]:
    """The carry of every expiry (UTC nanoseconds, after `moment`) of one underlying."""
    years = {e: (e - moment) / NANOSECONDS_PER_YEAR for e in expiries}
    found = {e: _parity(options, years[e]) for e, options in expiries.items()}
    by_parity, by_spot = [], []
    for e, parity in found.items():
        if parity.forward is not None:
            by_parity += _misfits(expiries[e], years[e], spot, parity.forward, parity.discount)
            by_spot += _misfits(expiries[e], years[e], spot, spot, 1.0)
    if by_parity and median(by_spot) < median(by_parity):
        return dict.fromkeys(expiries, Carry(spot, reason="its vols fit the spot better"))
    return {
        e: Carry(spot, reason=p.reason)
        if p.forward is None
        else Carry(p.forward, rate_of(p.discount, years[e]))
        for e, p in found.items()
    }


def _parity(options: Sequence[Quoted], years: float) -> Parity:
    sides: dict[float, list[float]] = {}
    for option in options:
        pair = sides.setdefault(option.contract.strike, [math.nan, math.nan])
        pair[0 if option.contract.is_call else 1] = option.mid
    strikes = sorted(sides)
    calls, puts = ([sides[k][side] for k in strikes] for side in (0, 1))
    found = Parity(None)
    if options[0].contract.style == "european" and years >= FITTED_YEARS:
        found = forward_linear(strikes, calls, puts, discount=None)
    if found.forward is None:
        found = forward_linear(strikes, calls, puts)
    if found.forward is not None and not found.forward > 0:
        return Parity(None, reason="its forward by parity is not > 0")
    return found


def _misfits(
    options: Sequence[Quoted], years: float, spot: float, forward: float, discount: float
) -> list[float]:
    """Distance of values from mids as a fraction of the mid, of options near the money."""
    near = [
        o
        for o in options
        if o.mid > 0 and o.vol > 0 and abs(o.contract.strike - spot) <= NEAR * spot
    ]
    if not near:
        return []
    strikes, mids, vols = (
        np.array(c) for c in zip(*((o.contract.strike, o.mid, o.vol) for o in near), strict=True)
    )
    calls = np.array([bool(o.contract.is_call) for o in near])
    values: Float = black76(forward, strikes, years, vols, discount, is_call=calls).value
    apart: list[float] = np.abs(values / mids - 1.0).tolist()
    return apart
