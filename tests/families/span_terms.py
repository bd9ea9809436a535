"""Decides what a clearing house's file says of how its risk arrays were made."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from families.tally import is_number

LOOK_AHEAD = 2.0  # days, as NSE Clearing has it; in files that do not say
EXTREMES = (2.0, 0.35)  # the same of the two extreme moves: price scan ranges, weight

_PERCENT = re.compile(r"([0-9.]+)\s*%")
_BEYOND = re.compile(r"(?:>|above|beyond|over)\s*([0-9]+)\s*months")
_MULTIPLE = re.compile(r"([0-9.]+)\s*x\s*PSR")


class Terms(NamedTuple):
    """spot; sigma, rate per year, None where absent; price_scans: (months, fraction of spot) of
    residual terms beyond those months, rising; vol_scan absolute; look_ahead in days; extremes:
    (price scan ranges, weight); read: the names of the file that were understood; lacking: what
    keeps the arrays from being made, or empty."""

    spot: float
    sigma: float | None
    rate: float | None
    price_scans: list[tuple[int, float]]
    vol_scan: float
    look_ahead: float
    extremes: tuple[float, float]
    read: list[str]
    lacking: str


def terms_of(raw: dict[str, Any]) -> Terms:
    """Raises ValueError for a spot that is no number."""
    given = {k: v for k, v in raw["fitted_parameters"].items() if v is not None}
    if not is_number(raw["spot"]):
        raise ValueError(f"spot is {raw['spot']!r}, no number")
    needed = ("rate", "price_scan_range", "vol_scan_range_abs")
    missing = [name for name in needed if name not in given]
    optional = ("sigma", "lookahead_days", "scenarios")
    return Terms(
        spot=float(raw["spot"]),
        sigma=_number(given.get("sigma")),
        rate=_number(given.get("rate")),
        price_scans=_price_scans(given.get("price_scan_range", 0.0)),
        vol_scan=_number(given.get("vol_scan_range_abs")) or 0.0,
        look_ahead=float(given.get("lookahead_days", LOOK_AHEAD)),
        extremes=_extremes(str(given.get("scenarios", ""))),
        read=[name for name in (*needed, *optional) if name in given],
        lacking=f"lacks {', '.join(missing)}" if missing else "",
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _price_scans(given: Any) -> list[tuple[int, float]]:
    """Of ``11.30% of spot; 17.70% for residual maturity > 9 months``, or of one fraction."""
    if is_number(given):
        return [(0, float(given))]
    scans = []
    for part in str(given).split(";"):
        percent, beyond = _PERCENT.search(part), _BEYOND.search(part)
        if percent is None:
            raise ValueError(f"price_scan_range: {part!r} has no per cent")
        scans.append((int(beyond[1]) if beyond else 0, float(percent[1]) / 100.0))
    if min(scans)[0]:
        raise ValueError(f"price_scan_range: {given!r} names none for the near months")
    return sorted(scans)


def _extremes(text: str) -> tuple[float, float]:
    """Of ``14 + 2 extremes (2 x PSR, vol unchanged, 35%)``."""
    multiple, percent = _MULTIPLE.search(text), _PERCENT.search(text)
    return (
        float(multiple[1]) if multiple else EXTREMES[0],
        float(percent[1]) / 100.0 if percent else EXTREMES[1],
    )
