"""Decides what columns of instruments at one instant are: the nouns that kernels and rules read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..book.columns import Bool, Float, Int32, UInt8
from ..book.instruments import Instruments, PricingModel


class Payoff:
    """Kernel bodies, as numbered in kinds.hpp."""

    BLACK76, BACHELIER, MARGINED, SPOT, AMERICAN = range(5)
    OPTIONS = (BLACK76, BACHELIER, AMERICAN)


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Columns of N instruments at one instant, as the kernel takes them; see revalue.hpp.

    `still` names the assets that no scenario moves; `factors` the risk factors: an asset or
    underlying, or underlying@expiry (`factor_expiry`, else `NO_EXPIRY`). `mark` is the
    price that unrealised P&L is taken at; `spot`, `rate`, `dividend_yield` serve the Greeks.

    Rules that charge by notional or by trust read: `index`, the quoted spot of the underlying, of
    a balance its asset's, in reporting units before any division by the stable; 0 where none is
    quoted, or none > 0. `fixed_share`: what settlement averaging has fixed of the forward, in
    [0, 1]. `spot_confidence`, `mark_confidence`, and `expiry_confidence`, the smallest of forward,
    rate and vols of the row's expiry: in [0, 1], 1 where none is given. `stable`: the quoted spot
    of the stable of the terms, else 1. `trust`: the confidence in a spot by its asset, where given.
    """

    as_of: int
    instruments: Instruments
    still: frozenset[str]
    factors: tuple[str, ...]
    factor_underlying: tuple[str, ...]
    factor_expiry: tuple[int, ...]
    payoff: UInt8
    is_call: Bool
    inverse: Bool
    factor: Int32
    fx_factor: Int32
    price: Float
    strike: Float
    years: Float
    vol: Float
    discount: Float
    multiplier: Float
    fx: Float
    mark: Float
    spot: Float
    rate: Float
    dividend_yield: Float
    index: Float
    fixed_share: Float
    spot_confidence: Float
    mark_confidence: Float
    expiry_confidence: Float
    stable: float = 1.0
    trust: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def columns(self) -> dict[str, Any]:
        """The columns by the names of revalue.hpp."""
        names = ("payoff", "is_call", "inverse", "factor", "fx_factor", "price", "strike", "years")
        found = {n: getattr(self, n) for n in (*names, "vol", "discount", "multiplier", "fx")}
        on_spot = self.on_spot
        return found | {"spot": np.where(on_spot, self.spot, 0.0)} if on_spot.any() else found

    @property
    def on_spot(self) -> Bool:
        """Options that hold their spot as time passes and rates move, as the Greeks of BSM do; all
        others hold their forward, also where it was grown from a spot."""
        held: Bool = (self.instruments.model == PricingModel.BSM.value) & (self.spot > 0)
        return held
