"""Decides the program of the `span` method: the seven steps of SPAN, commodity by commodity.

risk = max(scan + intra + spot - credit, short-option minimum), at most the value of the options
where nothing else is held. docs/methods/span.md has the formulas and an example by hand.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...book.portfolio import Role, Rows
from ...rules import Rules
from ..draft import Draft, Figure
from ..equity import equity, roles_of, warnings_of_coin
from ..program import Program, Subject
from .credits import Linked, credits_of
from .holdings import Holdings
from .scan import Scan, scan
from .schema import check_together
from .sold import exposure, most, short_option_minimum
from .spreads import Leg, inter_spreads, intra_spreads
from .tiers import LARGE, Tiers, delivery_charge, spread_charge


def terms_of_span(rules: Rules) -> dict[str, Any]:
    """Risk arrays of the market stand for values. Refuses parameters that do not fit each other."""
    check_together(rules)
    return {"risk_arrays": True}


class Charged(NamedTuple):
    """What a commodity must hold, in the order of the steps; most: what it needs at the most."""

    scan: Figure
    intra: Figure
    spot: Figure
    credit: Figure
    minimum: Figure
    most: Figure

    def beyond(self) -> tuple[Figure, Figure]:
        """What the minimum adds to scan, spreads and credit, and what the cap then takes off."""
        spread = self.scan + self.intra + self.spot - self.credit
        covered = spread.at_least(self.minimum)
        return covered - spread, covered.at_most(self.most) - covered


def compile_span(subject: Subject) -> Program:
    """The program of these rows under these scenarios (resolved to risk factors)."""
    rules, held = subject.rules, Holdings.of(subject)
    draft = Draft(subject, held.units, held.unit)
    spreads = inter_spreads(rules, held.units)
    weighted = any(x.weighted for unit in held.units for x in intra_spreads(rules, unit))
    scanned = scan(draft, held, priced=bool(spreads) or weighted)
    tiers = Tiers(draft, held) if rules.has("intra") or rules.has("spot") else None
    worth = equity(draft, held.premium)
    charged = _charged(draft, held, scanned, tiers, worth["option_value"])
    start = scanned.delta
    if tiers and spreads and rules.text("inter.start") == "left":
        start = start - tiers.consumed()
    use = Linked(start, scanned.price_risk, scanned.per_delta)
    parts = _parts(draft, charged, use, spreads)
    risk = draft.lines.total(parts.values())
    if rules.has("exposure"):
        parts["exposure"] = draft.lines.summed(exposure(draft, held))
    needed = draft.lines.total(parts.values())
    net = (risk - draft.lines.summed(worth["option_value"])).at_least(0.0)
    factor = rules.number("margin.initial_factor")
    outputs = {
        "maintenance": needed,
        "initial": needed * factor,
        "equity": draft.total(list(worth.values())),
        **worth,
        "risk": risk,
        "total": net + parts["exposure"] if rules.has("exposure") else net,
        **{f"maintenance.{name}": figure for name, figure in parts.items()},
        **{f"initial.{name}": figure * factor for name, figure in parts.items()},
    }
    return draft.program(outputs, {})


def _charged(
    draft: Draft, held: Holdings, scanned: Scan, tiers: Tiers | None, value: Figure
) -> Charged:
    """Every commodity by itself: credits are a matter of its line."""
    rules, nothing = draft.subject.rules, draft.constant(0.0)
    return Charged(
        scan=scanned.loss,
        intra=spread_charge(tiers, scanned) if tiers and rules.has("intra") else nothing,
        spot=delivery_charge(tiers) if tiers and rules.has("spot") else nothing,
        credit=nothing,
        minimum=short_option_minimum(draft, held) if rules.has("short_option") else nothing,
        most=most(draft, held, value, LARGE),
    )


def _parts(
    draft: Draft, charged: Charged, use: Linked, spreads: list[tuple[Leg, ...]]
) -> dict[str, Figure]:
    """What a line must hold, by step: parts add up to its risk."""
    rules, lines = draft.subject.rules, draft.lines
    linked = sorted({leg.of for legs in spreads for leg in legs})
    apart = np.ones(len(draft.units))
    apart[linked] = 0.0
    met = {unit: Linked(*(lines.of(figure, unit) for figure in use)) for unit in linked}
    credits = credits_of(lines, rules, met, spreads) if linked else {}
    members = [
        Charged(*(lines.of(figure, unit) for figure in charged))._replace(credit=credits[unit])
        for unit in linked
    ]

    unlinked = [lines.summed(figure * apart) for figure in charged.beyond()]
    beyond = zip(unlinked, *(member.beyond() for member in members), strict=True)
    added, taken_off = (lines.total(figures) for figures in beyond)
    found = {"scenarios": lines.summed(charged.scan)}
    if rules.has("intra"):
        found["intra"] = lines.summed(charged.intra)
    if rules.has("spot"):
        found["spot"] = lines.summed(charged.spot)
    if rules.has("inter"):
        found["inter"] = lines.constant(0.0) - lines.total(credits.values())
    if rules.has("short_option"):
        found["short_option_minimum"] = added
    found["long_options"] = taken_off
    return found


def warnings_of_span(rules: Rules, rows: Rows) -> tuple[str, ...]:
    """What the user of a program for these rows must know."""
    x, role = rows.instruments, roles_of(rows)
    found = warnings_of_coin(rows)
    if rows.orders:
        what = "open orders are asked nothing for until they are filled"
        found.append(f"W_ORDERS_FREE: {what}: {len(rows.orders)}")
    owned = {x.underlyings[u] for u in x.underlying[role == Role.BALANCE.value].tolist()}
    if owned - rules.par:
        names = ", ".join(sorted(owned - rules.par))
        found.append(f"W_COLLATERAL_STILL: {names} does not move in the scenarios")
    return tuple(found)
