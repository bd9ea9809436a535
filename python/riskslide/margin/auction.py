"""Decides what the section `auction` of a rule book holds; account/auction.py runs it."""

from __future__ import annotations

from collections.abc import Mapping

from ..rules import Spec

_SHARE = Spec("number", 0.0, 1.0)
_SECONDS = Spec("number", 1.0, 1e9)

AUCTION: Mapping[str, Spec] = {
    "start": _SHARE,
    "cutoff": _SHARE,
    "fast_length": _SECONDS,
    "slow_length": _SECONDS,
    "insolvent_length": _SECONDS,
    "fee_rate": _SHARE,
    "buffer": Spec("number", 0.0, 10.0),
    "mtm_cutoff": Spec("number", 0.0, 1e15),
}
