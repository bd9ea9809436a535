"""Decides how a clearing house's series are revalued by the library: BSM on spot, one vol."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from families.files import DAY, Columns, Int64, Numbers, numbers
from families.span_terms import Terms

import riskslide as rs

NAME = "underlying"  # files do not say its name
AS_OF = 1_767_225_600 * 10**9  # any instant: expiries count from it
# (price move in scan ranges, vol move in scan ranges), in SPAN's order; then the extremes.
MOVES = [(0, 1), (0, -1)] + [(s * k / 3, v) for k in (1, 2, 3) for s in (1, -1) for v in (1, -1)]


@dataclass(frozen=True, slots=True)
class Series:
    """N series: expiry dates and days until then, strikes, calls."""

    expiry: list[date]
    days: Numbers
    strike: Numbers
    is_call: list[bool]

    def __len__(self) -> int:
        return len(self.expiry)

    def take(self, at: Int64) -> Series:
        rows = at.tolist()
        return Series(
            [self.expiry[k] for k in rows],
            self.days[at],
            self.strike[at],
            [self.is_call[k] for k in rows],
        )

    def places(self) -> list[str]:
        kinds = ["C" if call else "P" for call in self.is_call]
        rows = zip(self.expiry, self.strike.tolist(), kinds, strict=True)
        return [f"{day} {strike:g} {kind}" for day, strike, kind in rows]


def series_of(columns: Columns) -> Series:
    """Raises ValueError for a date, a number or a type that is none."""
    sides = [str(text).strip().upper()[:1] for text in columns["type"]]
    if set(sides) - {"C", "P"}:
        raise ValueError(f"type must be C or P, not {sorted(set(sides) - {'C', 'P'})}")
    return Series(
        [date.fromisoformat(str(text)[:10]) for text in columns["expiry"]],
        numbers(columns["days_to_expiry"]),
        numbers(columns["strike"]),
        [side == "C" for side in sides],
    )


def deltas(series: Series, terms: Terms) -> Numbers:
    """Of one long unit, now, (N)."""
    given = (series.days / 365.0, terms.sigma, terms.rate)
    return rs.bsm(terms.spot, series.strike, *given, is_call=series.is_call).delta


def scan_losses(series: Series, terms: Terms) -> Numbers:
    """What one short unit loses in its worst of the 16 scenarios, (N)."""
    found = np.empty(len(series))
    dates = zip(series.expiry, series.days.tolist(), strict=True)
    scans = np.array([price_scan(expiry, days, terms) for expiry, days in dates])
    for scan in np.unique(scans).tolist():
        at = np.flatnonzero(scans == scan)
        found[at] = _losses_of_shorts(series.take(at), terms, scenarios_of(scan, terms))
    return found


def price_scan(expiry: date, days: float, terms: Terms) -> float:
    """The price scan range of an expiry that many days ahead, a fraction of the spot."""
    priced = expiry - timedelta(days=days)
    return [part for months, part in terms.price_scans if expiry > later(priced, months)][-1]


def later(day: date, months: int) -> date:
    """The same day some months on, or the last of that month."""
    years, month = divmod(day.month - 1 + months, 12)
    last = monthrange(day.year + years, month + 1)[1]
    return date(day.year + years, month + 1, min(day.day, last))


def scenarios_of(scan: float, terms: Terms) -> rs.Scenarios:
    multiple, weight = terms.extremes
    moves = [*MOVES, (multiple, 0), (-multiple, 0)]
    return rs.Scenarios.of(
        [1.0 + price * scan for price, _ in moves],
        vol_shift=[vol * terms.vol_scan for _, vol in moves],
        weight=[1.0] * len(MOVES) + [weight] * 2,
        horizon_days=terms.look_ahead,
    )


def _losses_of_shorts(series: Series, terms: Terms, scenarios: rs.Scenarios) -> Numbers:
    names = series.places()
    contracts = rs.Instruments.from_columns(
        name=names,
        kind="option",
        underlying=NAME,
        expiry=[AS_OF + round(days * DAY) for days in series.days.tolist()],
        strike=series.strike,
        option_type=["call" if call else "put" for call in series.is_call],
        model="bsm",
    )
    market = rs.Market.of(
        AS_OF,
        spot={NAME: terms.spot},
        rate={NAME: terms.rate},
        vol=dict.fromkeys(names, terms.sigma),
    )
    values = rs.revalue(contracts, market, scenarios).values
    rows = np.arange(len(series))
    shorts = rs.Positions.from_columns(rows, rows, np.full(rows.size, -1))
    return rs.worst_loss(shorts, rs.Cube.from_values(values * scenarios.weight)).loss


def fitted_sigma(series: Series, terms: Terms, printed: Numbers) -> float:
    """The vol whose largest error is least: errors are near linear in it, their maximum convex."""
    have = np.flatnonzero(~np.isnan(printed))
    rows, figures = series.take(have), printed[have]

    def largest_error(sigma: float) -> float:
        found = scan_losses(rows, terms._replace(sigma=sigma))
        return float(np.abs(found - figures).max(initial=0.0))

    low, high = 0.01, 3.0
    while high - low > 1e-8:
        grid = np.linspace(low, high, 9).tolist()
        best = min(range(len(grid)), key=lambda k: largest_error(grid[k]))
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    return 0.5 * (low + high)
