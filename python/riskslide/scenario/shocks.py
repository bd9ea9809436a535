"""Decides what a scenario is: shocks of every risk factor, one column a scenario."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..book.columns import Float, float_matrix
from ..errors import refuse
from ..market.state import State


@dataclass(frozen=True, slots=True, eq=False)
class Scenarios:
    """S scenarios for R risk factors; a single factor row named "*" stands for every factor.

    All arrays (R, S): price' = price * price_scale + price_shift,
    vol' = max(vol * vol_scale + vol_shift, vol_floor). weight (S) multiplies the P&L.
    """

    labels: tuple[str, ...]
    factors: tuple[str, ...]
    price_scale: Float
    price_shift: Float
    vol_scale: Float
    vol_shift: Float
    vol_floor: Float
    weight: Float

    @classmethod
    def of(
        cls,
        price_scale: Any = 1.0,
        *,
        price_shift: Any = 0.0,
        vol_scale: Any = 1.0,
        vol_shift: Any = 0.0,
        vol_floor: Any = 0.0,
        weight: Any = 1.0,
        labels: Sequence[str] | None = None,
        factors: Iterable[str] = ("*",),
    ) -> Self:
        """Scenarios from numbers, (S) rows or (R, S) matrices, broadcast against each other.

        Raises InputError for a shock that is not finite, a negative vol scale, floor or weight.
        """
        names = tuple(factors)
        given = {
            "price_scale": price_scale,
            "price_shift": price_shift,
            "vol_scale": vol_scale,
            "vol_shift": vol_shift,
            "vol_floor": vol_floor,
        }
        matrices = [np.atleast_2d(float_matrix(x, name)) for name, x in given.items()]
        weights = np.atleast_1d(float_matrix(weight, "weight"))
        try:
            shape = np.broadcast_shapes(*(m.shape for m in matrices), (len(names), weights.size))
        except ValueError:
            shapes = [m.shape for m in matrices]
            refuse("E_SHAPE", "scenarios", None, shapes, "must be (factors, scenarios) each")
        full = dict(
            zip(
                given,
                (np.ascontiguousarray(np.broadcast_to(m, shape)) for m in matrices),
                strict=True,
            )
        )
        weights = np.ascontiguousarray(np.broadcast_to(weights, shape[1]))
        for name in ("vol_scale", "vol_floor", "weight"):
            matrix = full.get(name, weights)
            if (matrix < 0).any():
                code = "E_RANGE" if name == "weight" else "E_VOL_NEGATIVE"
                refuse(code, name, None, float(matrix.min()), "must be >= 0")
        texts = tuple(labels) if labels is not None else tuple(str(k) for k in range(shape[1]))
        if len(texts) != shape[1]:
            refuse("E_SHAPE", "labels", None, len(texts), f"must hold {shape[1]} labels")
        return cls(texts, names, weight=weights, **full)

    @classmethod
    def grid(cls, moves: Sequence[float], vol_scales: Sequence[float]) -> Self:
        """Every price move (fraction) with every vol multiplier, moves outermost."""
        points = [(m, v) for m in moves for v in vol_scales]
        return cls.of(
            [1.0 + m for m, _ in points],
            vol_scale=[v for _, v in points],
            labels=[f"price {100 * m:+g} % vol x{v:.2f}" for m, v in points],
        )

    def __len__(self) -> int:
        return len(self.labels)

    def on(self, state: State) -> Scenarios:
        """One row for every risk factor of `state`; the prices of `state.still` do not move."""
        if self.factors == ("*",):
            at = np.zeros(len(state.factors), dtype=np.int64)
        else:
            index = {name: k for k, name in enumerate(self.factors)}
            missing = [f for f in state.factors if f not in index]
            if missing:
                refuse("E_UNKNOWN", "factors", None, missing[0], "has no row in the scenarios")
            at = np.array([index[f] for f in state.factors], dtype=np.int64)
        moves = np.array([u not in state.still for u in state.factor_underlying])[:, None]
        return Scenarios(
            self.labels,
            state.factors,
            np.where(moves, self.price_scale[at], 1.0),
            np.where(moves, self.price_shift[at], 0.0),
            self.vol_scale[at],
            self.vol_shift[at],
            self.vol_floor[at],
            self.weight,
        )

    def columns(self) -> dict[str, Float]:
        """The shock matrices by the names of revalue.hpp."""
        names = ("price_scale", "price_shift", "vol_scale", "vol_shift", "vol_floor")
        return {n: getattr(self, n) for n in names}
