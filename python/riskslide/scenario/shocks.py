"""Decides what a scenario is: shocks of every risk factor, one column a scenario."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np

from .. import _core
from ..book.columns import Float, Int64, finite_column, float_column, float_matrix
from ..errors import refuse
from ..market.state import State

DAYS_PER_YEAR = 365.0


@dataclass(frozen=True, slots=True, eq=False)
class Scenarios:
    """S scenarios for R risk factors.

    A factor takes the row of its name, else that of its underlying, else the row named "*". All
    arrays (R, S): price' = price * price_scale + price_shift,
    vol' = max(vol * vol_scale + vol_shift, vol_floor). weight (S) multiplies the P&L; horizon (S):
    years that pass; rate_shift (R, S): per 1.00, continuous. The last two may be empty: nothing
    passes, no rate moves. lost_pegs: assets that move although the market's terms leave them still.
    """

    labels: tuple[str, ...]
    factors: tuple[str, ...]
    price_scale: Float
    price_shift: Float
    vol_scale: Float
    vol_shift: Float
    vol_floor: Float
    weight: Float
    horizon: Float = field(default_factory=lambda: np.zeros(0))
    rate_shift: Float = field(default_factory=lambda: np.zeros((0, 0)))
    lost_pegs: tuple[str, ...] = ()

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
        horizon_days: Any = 0.0,
        rate_shift: Any = 0.0,
        labels: Sequence[str] | None = None,
        factors: Iterable[str] = ("*",),
        lost_pegs: Iterable[str] = (),
    ) -> Self:
        """Scenarios from numbers, (S) rows or (R, S) matrices, broadcast against each other.

        horizon_days: days of 24 hours that pass, one number or (S); rate_shift: per 1.00, 0.01 is
        one percent; lost_pegs: assets whose rows count although they are at par. Raises
        InputError for a shock that is not finite, a negative vol scale, floor, weight or horizon,
        a lost peg that no factor is named for.
        """
        names = tuple(factors)
        given = {
            "price_scale": price_scale,
            "price_shift": price_shift,
            "vol_scale": vol_scale,
            "vol_shift": vol_shift,
            "vol_floor": vol_floor,
            "rate_shift": rate_shift,
        }
        matrices = [np.atleast_2d(float_matrix(x, name)) for name, x in given.items()]
        weights = np.atleast_1d(float_matrix(weight, "weight"))
        days = np.atleast_1d(float_matrix(horizon_days, "horizon_days"))
        for name, column in (("weight", weights), ("horizon_days", days)):
            if column.ndim != 1:
                refuse("E_SHAPE", name, None, column.shape, "must be one number or (scenarios)")
        rows = ((len(names), column.size) for column in (weights, days))
        try:
            shape = np.broadcast_shapes(*(m.shape for m in matrices), *rows)
        except ValueError:
            shapes = [m.shape for m in matrices]
            refuse("E_SHAPE", "scenarios", None, shapes, "must be (factors, scenarios) each")
        if shape[0] != len(names):
            fix = f"must be one, or one for each of the {len(names)} factors: rows are factors"
            refuse("E_SHAPE", "scenarios", None, f"{shape[0]} rows", fix)
        twice = [name for k, name in enumerate(names) if name in names[:k]]
        if twice:
            refuse("E_DUPLICATE", "factors", None, twice[0], "must be named once")
        full = dict(
            zip(
                given,
                (np.ascontiguousarray(np.broadcast_to(m, shape)) for m in matrices),
                strict=True,
            )
        )
        columns = {"weight": weights, "horizon_days": days}
        columns = {
            n: np.ascontiguousarray(np.broadcast_to(c, shape[1])) for n, c in columns.items()
        }
        for name in ("vol_scale", "vol_floor", *columns):
            matrix = full[name] if name in full else columns[name]
            if (matrix < 0).any():
                code = "E_RANGE" if name in columns else "E_VOL_NEGATIVE"
                refuse(code, name, None, float(matrix.min()), "must be >= 0")
        if not full["rate_shift"].any():
            del full["rate_shift"]
        if columns["horizon_days"].any():
            full["horizon"] = columns["horizon_days"] / DAYS_PER_YEAR
        texts = tuple(labels) if labels is not None else tuple(str(k) for k in range(shape[1]))
        if len(texts) != shape[1]:
            refuse("E_SHAPE", "labels", None, len(texts), f"must hold {shape[1]} labels")
        pegs = tuple(lost_pegs)
        for peg in pegs:
            if peg not in names:
                refuse("E_UNKNOWN", "lost_pegs", None, peg, "must be a name of factors")
        return cls(texts, names, weight=columns["weight"], lost_pegs=pegs, **full)

    @classmethod
    def grid(
        cls,
        moves: Sequence[float],
        vol_scales: Sequence[float],
        *,
        horizon_days: float = 0.0,
        rate_shift: float = 0.0,
    ) -> Self:
        """Every price move (fraction) with every vol multiplier, moves outermost.

        All of them after `horizon_days` days, rates shifted by `rate_shift` per 1.00.
        """
        points = [(m, v) for m in moves for v in vol_scales]
        return cls.of(
            [1.0 + m for m, _ in points],
            vol_scale=[v for _, v in points],
            horizon_days=horizon_days,
            rate_shift=rate_shift,
            labels=[f"price {100 * m:+g} % vol x{v:.2f}" for m, v in points],
        )

    @classmethod
    def joint(
        cls,
        returns: Mapping[str, Any],
        *,
        kind: Literal["simple", "log"] = "simple",
        vol_returns: Mapping[str, Any] | None = None,
        rate_shift: Mapping[str, Any] | None = None,
        horizon_days: Any = 0.0,
        weight: Any = 1.0,
        labels: Sequence[str] | None = None,
        lost_pegs: Iterable[str] = (),
    ) -> Self:
        """Scenarios in which all factors move together: column k takes entry k of every array.

        returns, vol_returns: by risk factor (an underlying moves its expiries too), (S) each: the
        relative change p'/p - 1 if `kind` is "simple", ln(p'/p) if it is "log"; rate_shift: per
        1.00. A factor that one of them lacks takes its underlying's entries there, else it stands
        still; an asset that none names is refused when it is met, unless it is at par. Assets at
        par stand still, but those of `lost_pegs`. Raises InputError (`E_SHAPE`, `E_NOT_FINITE`,
        `E_ARGUMENT`, `E_EMPTY`, as `of`).

        >>> history = {"BTC": [-0.1, 0.02], "ETH": [-0.15, 0.0]}
        >>> Scenarios.joint(history, horizon_days=1).price_scale.tolist()
        [[0.9, 1.02], [0.85, 1.0]]
        """
        if kind not in ("simple", "log"):
            refuse("E_ARGUMENT", "kind", None, kind, "must be 'simple' or 'log'")
        shifts, vols = rate_shift or {}, vol_returns or {}
        names = tuple(dict.fromkeys((*returns, *vols, *shifts)))
        if not names:
            refuse("E_EMPTY", "returns", None, "{}", "must name a risk factor or more")
        first = next(x for table in (returns, vols, shifts) for x in table.values())
        count = float_column(first, names[0]).size
        if count == 0:
            refuse("E_EMPTY", "returns", None, "[]", "must hold a scenario or more")
        nothing = np.zeros(count)

        def rows(table: Mapping[str, Any]) -> Float:
            still = ((n, table.get(n.rsplit("@", 1)[0], nothing)) for n in names)
            return np.stack([finite_column(table.get(n, x), n, count) for n, x in still])

        def scales(table: Mapping[str, Any]) -> Float:
            changes = rows(table)
            if kind == "simple":
                bad = np.flatnonzero(changes <= -1.0)
                if table is returns and bad.size:
                    factor, row = divmod(int(bad[0]), count)
                    fix = "must be above -1, a decimal: -0.2 is a fall of 20 %"
                    refuse("E_RANGE", names[factor], row, float(changes[factor, row]), fix)
                return 1.0 + changes
            return _core.exponential(changes.reshape(-1)).reshape(changes.shape)

        return cls.of(
            scales(returns),
            vol_scale=scales(vols),
            rate_shift=rows(shifts),
            horizon_days=horizon_days,
            weight=weight,
            labels=labels,
            factors=names,
            lost_pegs=lost_pegs,
        )

    def __len__(self) -> int:
        return len(self.labels)

    def on(self, state: State) -> Scenarios:
        """One row for every risk factor of `state`; the prices of `state.still` do not move, but
        those of `lost_pegs`."""
        at = self._rows_of(state)
        named = (at >= 0)[:, None]
        still = state.still - set(self.lost_pegs)
        moves = np.array([u not in still for u in state.factor_underlying])[:, None] & named
        return Scenarios(
            self.labels,
            state.factors,
            np.where(moves, self.price_scale[at], 1.0),
            np.where(moves, self.price_shift[at], 0.0),
            np.where(named, self.vol_scale[at], 1.0),
            np.where(named, self.vol_shift[at], 0.0),
            np.where(named, self.vol_floor[at], 0.0),
            self.weight,
            self.horizon,
            np.where(named, self.rate_shift[at], 0.0) if self.rate_shift.size else self.rate_shift,
            self.lost_pegs,
        )

    def _rows_of(self, state: State) -> Int64:
        """The row of every risk factor; -1 for one at par that none is named for."""
        index = {name: k for k, name in enumerate(self.factors)}
        found = []
        for factor, underlying in zip(state.factors, state.factor_underlying, strict=True):
            names = (n for n in (factor, underlying, "*") if n in index)
            row = index.get(next(names, ""), -1)
            if row < 0 and underlying not in state.still:
                refuse("E_UNKNOWN", "factors", None, factor, "has no row in the scenarios")
            found.append(row)
        return np.array(found, dtype=np.int64)

    def columns(self) -> dict[str, Float]:
        """The shock matrices by the names of revalue.hpp; those that are empty are left out."""
        names = ("price_scale", "price_shift", "vol_scale", "vol_shift", "vol_floor")
        late = [n for n in ("horizon", "rate_shift") if getattr(self, n).size]
        return {n: getattr(self, n) for n in (*names, *late)}
