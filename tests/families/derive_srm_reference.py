"""Decides what Derive's standard manager makes of an account: naive, with no library code.

Source: public contracts and documentation of Derive v2 (docs.derive.xyz). Amounts for the account
are positive; every market stands alone, and the margins of all are added up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from families.derive_account import Account, Expiry, Figures, Market, Option, Parameters
from families.derive_reference import black76


class Both(NamedTuple):
    """A figure under maintenance and under initial margin."""

    mm: float
    im: float


def mark_of(option: Option, e: Expiry) -> float:
    """Value of a position, not discounted."""
    unit = black76(option.is_call, e.forward, option.strike, e.years, option.vol)
    return option.amount * unit


def isolated(option: Option, market: Market, e: Expiry, p: Parameters) -> Both:
    """Margin of one position alone; a long one gives nothing."""
    if option.amount >= 0.0:
        return Both(0.0, 0.0)
    mark, spot, size = mark_of(option, e), market.spot, option.amount * market.spot
    if option.is_call:
        out = max(0.0, (option.strike - spot) / spot)
        rate = max(p["option.most_spot"] - out, p["option.least_spot"])
        return Both(p["option.call_maintenance"] * size + mark, rate * size + mark)
    out = max(0.0, (spot - option.strike) / spot)
    rate = max(p["option.most_spot"] - out, p["option.least_spot"])
    spot_based, value_based = p["option.put_maintenance"] * size, p["option.put_value"] * mark
    mm = min(spot_based, value_based) + mark
    return Both(mm, min(rate * size + mark, mm * p["option.put_initial"]))


def bounded(options: Sequence[Option], e: Expiry, p: Parameters) -> Both:
    """Largest loss at expiry, over 0 and all strikes; calls sold beyond those bought rise on."""
    prices = [0.0, *(o.strike for o in options)]
    worst = 0.0
    for price in prices:
        payoff = sum(
            o.amount * max(price - o.strike if o.is_call else o.strike - price, 0.0)
            for o in options
        )
        worst = min(worst, payoff)
    calls = sum(o.amount for o in options if o.is_call)
    unpaired = e.forward * min(calls, 0.0)
    mm, im = p["unpaired.maintenance"] * unpaired, p["unpaired.initial"] * unpaired
    return Both(worst + mm, worst + im)


def penalty(confidence: float, threshold: float, size: float, p: Parameters) -> float:
    """Charge for a feed below its threshold, <= 0."""
    return -(1.0 - confidence) * p["oracle.charge"] * size if confidence < threshold else 0.0


def shorts(options: Sequence[Option]) -> float:
    return sum(max(-o.amount, 0.0) for o in options)


def market_figures(account: Account, market: Market, p: Parameters) -> dict[str, float]:
    """Figures of one market; expiries add up, each at the better of its two margins."""
    names = ("OptionMM", "OptionIM", "OptionIsolatedMM", "OptionIsolatedIM")
    out = dict.fromkeys((*names, "OptionBoundedMM", "OptionBoundedIM"), 0.0)
    oracle = marks = 0.0
    for e in market.expiries:
        options = market.of(e.seconds)
        alone = [isolated(o, market, e, p) for o in options]
        whole = bounded(options, e, p)
        for side, suffix in enumerate(("MM", "IM")):
            one = sum(figure[side] for figure in alone)
            out[f"OptionIsolated{suffix}"] += one
            out[f"OptionBounded{suffix}"] += whole[side]
            out[f"Option{suffix}"] += max(one, whole[side])
        confidence = min(market.spot_confidence, e.forward_confidence, e.vol_confidence)
        size = shorts(options) * market.spot
        oracle += penalty(confidence, p["oracle.option_threshold"], size, p)
        marks += sum(mark_of(o, e) for o in options)
    return (
        out
        | linear_figures(account, market, p, oracle)
        | {"marks": marks, "expiries": float(len(market.expiries))}
    )


def linear_figures(
    account: Account, market: Market, p: Parameters, oracle: float
) -> dict[str, float]:
    """Perpetual and base of a market, and what low confidence and a lost peg cost it."""
    perpetual, spot = market.perpetual, market.spot
    quantity = abs(perpetual.quantity) if perpetual is not None else 0.0
    mm = im = pnl = funding = 0.0
    if perpetual is not None and quantity:
        size = quantity * perpetual.price
        mm, im = (-size * p[f"perpetual.{side}"] for side in ("maintenance", "initial"))
        confidence = min(perpetual.confidence, market.spot_confidence)
        oracle += penalty(confidence, p["oracle.perpetual_threshold"], quantity * spot, p)
        pnl, funding = perpetual.pnl, perpetual.accrued
    base = sum(c.amount for c in account.collaterals if c.name == market.name) * spot
    rate = p["base.maintenance"].get(market.name, p["base.other_maintenance"])
    scale = p["base.initial"].get(market.name, p["base.other_initial"])
    oracle += penalty(market.spot_confidence, p["oracle.base_threshold"], base, p)
    below = max(0.0, p["peg.threshold"] - account.stable)
    at_risk = (quantity + shorts(market.options)) * spot
    return {
        "perpetual_mm": mm,
        "perpetual_im": im,
        "pnl": pnl,
        "funding": funding,
        "base": base,
        "base_mm": base * rate,
        "base_im": base * rate * scale,
        "oracle": oracle,
        "depeg": -at_risk * below * p["peg.factor"],
    }


def srm(account: Account, p: Parameters) -> Figures:
    """Figures by the names of the files; those of one market with its name before them."""
    by_market = {m.name: market_figures(account, m, p) for m in account.markets}

    def total(*names: str) -> float:
        return sum(figures[name] for figures in by_market.values() for name in names)

    out = {f"{m}{k}": [x] for m, figures in by_market.items() for k, x in figures.items()}
    return out | {
        "UnrealizedPNL": [total("pnl")],
        "UnsettledFunding": [total("funding")],
        "PerpMargin": [total("perpetual_mm")],
        "BaseMargin": [total("base_mm")],
        "OracleConts": [total("oracle")],
        "DepegIMs": [total("depeg")],
        "PortfolioMtM": [total("marks", "pnl", "funding", "base")],
        "mm": [account.cash + total("OptionMM", "perpetual_mm", "pnl", "funding", "base_mm")],
        "im": [
            account.cash
            + total("OptionIM", "perpetual_im", "pnl", "funding", "base_im", "oracle", "depeg")
        ],
    }
