"""Decides what PM1 and PM2 of Derive make of an account: naive, figure by figure, no library code.

Source: public contracts and documentation of Derive v2 (docs.derive.xyz: pm2, portfolio-margin-1).
Margins are positive where the account is healthy; charges are printed negative, as its files do.
Parameters are those of the method `scenario-grid`; a part without any of its keys is off.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from families.derive_account import Account, Expiry, Figures, Market, Option, Parameters

DAY = 86_400


def black76(is_call: bool, forward: float, strike: float, years: float, vol: float) -> float:
    """Undiscounted; the value at expiry where the forward does not move any more."""
    deviation = vol * math.sqrt(years)
    if not deviation > 0.0 or not forward > 0.0:
        return max(forward - strike if is_call else strike - forward, 0.0)
    d1 = math.log(forward / strike) / deviation + deviation / 2
    d2 = d1 - deviation
    if is_call:
        return forward * normal(d1) - strike * normal(d2)
    return strike * normal(-d2) - forward * normal(-d1)


def normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def floored(rate: float) -> float:
    return max(rate, 0.0)


# --- parts that both managers have ---------------------------------------------------------------


def on(parameters: Parameters, section: str) -> bool:
    return any(key.startswith(f"{section}.") for key in parameters)


def multipliers(seconds: int, p: Parameters) -> tuple[float, float]:
    """(up, down): factors on the vol of an expiry."""
    days = max(seconds / DAY, p["vol.floor_days"])
    short = seconds <= 30 * DAY
    term = (30.0 / days) ** p["vol.short_power" if short else "vol.long_power"]
    return 1.0 + p["vol.range_up"] * term, max(0.0, 1.0 - p["vol.range_down"] * term)


def smallest_confidence(market: Market) -> float:
    held = market.perpetual is not None and market.perpetual.quantity != 0.0
    if not held or market.perpetual is None:
        return market.spot_confidence
    return min(market.spot_confidence, market.perpetual.confidence)


def expiry_confidence(market: Market, e: Expiry) -> float:
    feeds = (e.forward_confidence, e.rate_confidence, e.vol_confidence)
    return min(smallest_confidence(market), *feeds)


def naked_shorts(options: Sequence[Option]) -> float:
    """Contracts short beyond those long, strike by strike, calls and puts together."""
    by_strike: dict[float, float] = defaultdict(float)
    for option in options:
        by_strike[option.strike] += option.amount
    return sum(max(0.0, -amount) for amount in by_strike.values())


def discount_of(e: Expiry, p: Parameters) -> float:
    if p["pricing.rates"] == "none":
        return 1.0
    rate = floored(e.rate) if p["pricing.rates"] == "floored" else e.rate
    return math.exp(-rate * e.years)


def value_of(market: Market, e: Expiry, p: Parameters, move: float, vols: Sequence[float]) -> float:
    """Net discounted value of an expiry at a factor on spot and the vol of each of its options."""
    forward = move * e.variable + e.fixed
    return discount_of(e, p) * sum(
        o.amount * black76(o.is_call, forward, o.strike, e.years, vol)
        for o, vol in zip(market.of(e.seconds), vols, strict=True)
    )


def mark_vols(market: Market, e: Expiry) -> list[float]:
    return [o.vol for o in market.of(e.seconds)]


def mark_of(market: Market, e: Expiry, p: Parameters) -> float:
    return value_of(market, e, p, 1.0, mark_vols(market, e))


def basis_of(market: Market, p: Parameters) -> float:
    """Forward contingency, <= 0: the worse of two moves of spot, growing with the years."""
    if not on(p, "basis"):
        return 0.0
    total = 0.0
    for e in market.expiries:
        mark, vols = mark_of(market, e, p), mark_vols(market, e)
        moved = [value_of(market, e, p, p[key], vols) for key in ("basis.up", "basis.down")]
        loss = min(moved[0] - mark, moved[1] - mark, 0.0)
        total += loss * (p["basis.add"] + p["basis.per_year"] * e.years)
    return total


def shocked_vols(market: Market, e: Expiry, rule: str, p: Parameters) -> list[float]:
    up, down = multipliers(e.seconds, p)
    if rule == "up":
        return [max(p.get("vol.min_up", 0.0), o.vol * up) for o in market.of(e.seconds)]
    if rule == "down":
        return [o.vol * down for o in market.of(e.seconds)]
    if rule == "none":
        return mark_vols(market, e)
    return [o.vol * max(tilt(o, e, rule, p), 0.0) for o in market.of(e.seconds)]


def tilt(option: Option, e: Expiry, rule: str, p: Parameters) -> float:
    """Factor on the vol of an option as its smile tilts (linear) or bends (abs)."""
    shape = {"linear": "linear", "abs": "absolute"}[rule]
    root = math.sqrt(e.years)
    cap = p[f"skew.{shape}_cap"] + p[f"skew.{shape}_slope"] * root
    spread = p["skew.width_static"] + root * p["skew.width_slope"]
    width = max(p["skew.least_width"], root * p["skew.width_scale"] * spread)
    distance = math.log(option.strike / e.forward)
    distance = abs(distance) if rule == "abs" else distance
    if width > 0.0:
        line = distance * cap / width
    else:
        line = math.copysign(math.inf, distance * cap) if distance * cap != 0.0 else 0.0
    return 1.0 + (min(cap, line) if distance >= 0.0 else max(-cap, line))


def discounts(e: Expiry, p: Parameters) -> tuple[float, float]:
    """(factor on an expiry worth something, factor on one that is owed)."""
    if e.seconds <= 0:
        return 1.0, 1.0
    gain = loss = 1.0
    if on(p, "gain_discount"):
        yearly = floored(e.rate) * p["gain_discount.rate"] + p["gain_discount.add"]
        gain = p["gain_discount.base"] * math.exp(-yearly * e.years)
    if on(p, "loss_premium"):
        yearly = floored(e.rate) * p["loss_premium.rate"] + p["loss_premium.add"]
        most = math.exp(floored(e.rate) * e.years)
        loss = min(p["loss_premium.base"] * math.exp(yearly * e.years), most)
    return gain, loss


def scenario_pnl(account: Account, p: Parameters, move: float, rule: str, weight: float) -> float:
    """P&L of the account in one scenario; move: factor on spot."""
    market = account.market
    cancels = p.get("collateral_offset.cancels", ())
    total = sum(
        worth * (move - 1.0) * weight
        for name, worth in collateral_values(account).items()
        if f"{market.name}:{name}" in cancels
    )
    if market.perpetual is not None:
        total += market.perpetual.quantity * market.perpetual.price * (move - 1.0) * weight
    for e in market.expiries:
        gain, loss = discounts(e, p)
        value = value_of(market, e, p, move, shocked_vols(market, e, rule, p))
        value *= gain if value >= 0.0 else loss
        change = value - mark_of(market, e, p)
        total += (-abs(change) if rule in ("linear", "abs") else change) * weight
    return total


def collateral_values(account: Account) -> dict[str, float]:
    return {c.name: c.amount * c.price / account.stable for c in account.collaterals}


def charge_on_collateral(account: Account, p: Parameters, side: str) -> float:
    """side: maintenance, or initial, which comes on top of it; of value, or of units at spot."""
    if not on(p, "collateral_charge"):
        return 0.0
    rates, other = p[f"collateral_charge.{side}"], p[f"collateral_charge.other_{side}"]
    total = 0.0
    for c in account.collaterals:
        at_spot = p["collateral_charge.of"] == "spot"
        size = c.amount * (account.market.spot if at_spot else c.price / account.stable)
        rate = rates.get(f"{account.market.name}:{c.name}", rates.get(c.name, other))
        total += size * rate
    return total


def oracle_of(account: Account, p: Parameters) -> float:
    """Charge for feeds whose confidence is below the threshold, >= 0."""
    if not on(p, "oracle"):
        return 0.0
    market, smallest = account.market, smallest_confidence(account.market)
    held = abs(market.perpetual.quantity) if market.perpetual is not None else 0.0
    at_risk = [(smallest, held * market.spot)]
    for e in market.expiries:
        size = market.spot * sum(abs(o.amount) for o in market.of(e.seconds))
        at_risk.append((expiry_confidence(market, e), size))
    for c in account.collaterals:
        if p["oracle.collateral"] == "market":
            at_risk.append((smallest, c.amount * market.spot))
        else:
            own = min(c.confidence, market.spot_confidence)
            at_risk.append((own, c.amount * c.price / account.stable))
    return sum(
        (1.0 - confidence) * p["oracle.charge"] * size
        for confidence, size in at_risk
        if confidence < p["oracle.threshold"]
    )


def peg_of(account: Account, p: Parameters) -> float:
    """What a stable below its peg adds to the factor of the initial margin."""
    if not on(p, "peg"):
        return 0.0
    return max(0.0, p["peg.threshold"] - account.stable) * p["peg.factor"]


# --- the two managers ----------------------------------------------------------------------------


def grid(account: Account, p: Parameters) -> Figures:
    """Figures that both managers have, by the names of the files of PM2."""
    market = account.market
    marks = [mark_of(market, e, p) for e in market.expiries]
    pnl = [
        scenario_pnl(account, p, 1.0 + move, rule, weight)
        for move, rule, weight in zip(
            p["grid.moves"], p["grid.vols"], p["grid.weights"], strict=True
        )
    ]
    basis = basis_of(market, p)
    lowest = min(pnl, default=math.inf)
    worst = len(pnl) if basis < lowest else pnl.index(lowest)
    naked = sum(naked_shorts(market.of(e.seconds)) for e in market.expiries)
    perpetual = abs(market.perpetual.quantity) * market.spot if market.perpetual else 0.0
    out: Figures = {
        "option_mtm_per_expiry": marks,
        "option_mtm": [sum(marks)],
        "collateral_mtm": [sum(collateral_values(account).values())],
        "unrealised": [market.perpetual.unrealised if market.perpetual else 0.0],
        "static_discounts_pos_neg": [x for e in market.expiries for x in discounts(e, p)],
        "vol_up_multiplier_per_option": [multipliers(o.seconds, p)[0] for o in market.options],
        "vol_down_multiplier_per_option": [multipliers(o.seconds, p)[1] for o in market.options],
        "scenario_pnl": pnl,
        "basis_contingency": [basis],
        "worst": [float(worst)],
        "worst_pnl": [min(basis, lowest)],
        "oracle_contingency": [-oracle_of(account, p)],
    }
    for side, short in (("maintenance", "mm"), ("initial", "im")):
        of_perpetual = perpetual * p.get(f"perpetual.{side}", 0.0)
        of_options = naked * market.spot * p.get(f"option.{side}", 0.0)
        out[f"{short}_perp_cont"] = [-of_perpetual]
        out[f"{short}_option_cont"] = [-of_options]
        out[f"{short}_collateral_haircut"] = [-charge_on_collateral(account, p, side)]
    total = out["unrealised"][0] + out["option_mtm"][0] + out["collateral_mtm"][0]
    out["portfolio_mtm"] = [account.cash + total]
    out["mm_loss_factor"] = [p["margin.maintenance_factor"]]
    out["im_loss_factor"] = [p["margin.initial_factor"] + peg_of(account, p)]
    return out


def charges(figures: Figures, short: str) -> float:
    names = ("perp_cont", "option_cont", "collateral_haircut")
    return sum(figures[f"{short}_{name}"][0] for name in names)


def pm2(account: Account, p: Parameters) -> Figures:
    """PMRM_2: the factors are on the worst P&L alone."""
    out = grid(account, p)
    mtm, worst = out["portfolio_mtm"][0], out["worst_pnl"][0]
    maintenance, initial = charges(out, "mm"), charges(out, "im") + out["oracle_contingency"][0]
    out["mm"] = [mtm + worst * out["mm_loss_factor"][0] + maintenance]
    out["im"] = [mtm + worst * out["im_loss_factor"][0] + maintenance + initial]
    return out


def pm1(account: Account, p: Parameters) -> Figures:
    """PMRM: the factors are on the worst P&L and the static charges together."""
    out = grid(account, p)
    mtm = out["portfolio_mtm"][0]
    together = out["worst_pnl"][0] + charges(out, "mm")
    out["mm"] = [mtm + together * out["mm_loss_factor"][0]]
    initial = together + charges(out, "im")
    out["im"] = [mtm + initial * out["im_loss_factor"][0] + out["oracle_contingency"][0]]
    return out


def margin_of(account: Account, p: Parameters) -> Figures:
    """By what the factors of the rule book cover."""
    return {"loss": pm2, "all": pm1}[p["margin.factor_covers"]](account, p)
