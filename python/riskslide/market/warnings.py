"""Decides what is accepted and yet looks like a slip: units, keys that name nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..book.clock import text_of
from ..book.columns import Bool, Float, UInt8
from ..book.instruments import Instruments, PricingModel, Style
from .lookup import Lookup
from .quotes import shown
from .state import Payoff

UNLIKELY_VOL, UNLIKELY_LOW_VOL = 10.0, 0.01


def warn(rows: Instruments, lookup: Lookup, grows: Bool, vol: Float, payoff: UInt8) -> None:
    """Adds its warnings to those of `lookup`. grows: options whose forward grows from a spot."""
    black_scholes = rows.model == PricingModel.BSM.value
    for text in (
        *_of_vol(rows, vol, payoff),
        *_of_forward(rows, lookup, grows & ~black_scholes),
        *_of_style(rows, payoff),
        *_of_keys(rows, lookup),
        *_of_currency(rows, lookup, grows & ~rows.inverse),
    ):
        lookup.warned[text] = None


def _of_vol(rows: Instruments, vol: Float, payoff: UInt8) -> Iterator[str]:
    lognormal = np.isin(payoff, (Payoff.BLACK76, Payoff.AMERICAN))
    for code, odd, fix in (
        ("W_VOL_HIGH", vol > UNLIKELY_VOL, "0.6 means 60 %"),
        ("W_VOL_LOW", (vol > 0) & (vol < UNLIKELY_LOW_VOL), "60 % is 0.6"),
    ):
        at = np.flatnonzero(lognormal & odd)
        if at.size:
            name, found = rows.name[at[0]], float(vol[at[0]])
            yield f"{code}: vol of {name} is {found:g}, {100 * found:g} % a year; {fix}"


def _of_forward(rows: Instruments, lookup: Lookup, from_spot: Bool) -> Iterator[str]:
    """Options without a forward whose underlying has forwards."""
    given = {key[0] for key in lookup.tables["forward"] if isinstance(key, tuple)}
    for i in np.flatnonzero(from_spot).tolist():
        underlying = rows.underlyings[rows.underlying[i]]
        if underlying in given:
            when = text_of(int(rows.expiry[i]))
            yield f"W_NO_FORWARD: {underlying} of {when} has no forward; spot is used"


def _of_style(rows: Instruments, payoff: UInt8) -> Iterator[str]:
    """How many American options are valued without their early exercise."""
    options = np.isin(payoff, (Payoff.BLACK76, Payoff.BACHELIER))
    early = np.flatnonzero(options & (rows.style == Style.AMERICAN.value)).tolist()
    if early:
        such = f"{len(early)}, such as {min(rows.name[i] for i in early)}"
        what = "American options that are valued as European"
        yield f"W_AMERICAN_AS_EUROPEAN: {what}: {such}"


def _of_keys(rows: Instruments, lookup: Lookup) -> Iterator[str]:
    """Rates of nothing, and confidences of quotes that are not there."""
    tables = lookup.tables
    known = {*rows.underlyings, *tables["spot"], *tables["vol"]}
    for kind in ("rate", "dividend_yield"):
        for key in tables[kind]:
            if (named := _name(key)) not in known:
                yield f"W_UNUSED: {kind} of {named} names no underlying"
    for kind, key in tables["confidence"]:
        dated = isinstance(key, tuple)
        if not (key[0] in known if dated else key in tables[kind] or key in rows.index):
            yield f"W_UNUSED: confidence of {kind} {shown(key)} belongs to no quote"
    for key in tables["fixed"]:
        if _name(key) not in known:
            yield f"W_UNUSED: fixed of {shown(key)} names no underlying"


def _name(key: Any) -> str:
    return str(key[0] if isinstance(key, tuple) else key)


def _of_currency(rows: Instruments, lookup: Lookup, from_spot: Bool) -> Iterator[str]:
    """Options that grow a spot in the reporting currency beside a strike in another."""
    for i in np.flatnonzero(from_spot).tolist():
        currency = rows.currencies[rows.currency[i]]
        if currency in lookup.still:
            continue
        yield (
            f"W_SPOT_CURRENCY: forwards of {rows.underlyings[rows.underlying[i]]} grow from a spot "
            f"in {lookup.terms.reporting}, strikes are in {currency}; quote forwards in {currency}"
        )
