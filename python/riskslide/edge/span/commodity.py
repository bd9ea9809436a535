"""Decides what combined commodities and spreads of a risk parameter file are."""

from __future__ import annotations

from .dates import days_of
from .element import Element
from .nets import ALWAYS, Commodity, Days, Leg, SpotRate, Spread, Tier

_SIDES = {"A": 1, "B": -1}


def commodity_of(element: Element) -> Commodity:
    """Raises InputError for what is missing, out of range or given twice."""
    return Commodity(
        code=element.text("cc"),
        name=element.text("name", ""),
        currency=element.text("currency", ""),
        tiers=_tiers(element, "intraTiers"),
        spreads=_spreads(element.of("dSpread"), within=element.text("cc")),
        spot_rates=tuple(
            SpotRate(days_of(e, "pe"), e.amount("sprd", 0.0), e.amount("outr", 0.0))
            for e in element.levels("spotRate")
        ),
        short_option_method=element.text("somMeth", ""),
        short_option=_tiers(element, "somTiers"),
    )


def inter_spreads_of(clearing: Element, definitions: list[Element]) -> tuple[Spread, ...]:
    """The spreads between commodities, in order of priority, each once: several commodities may
    name the same (`E_DUPLICATE` where they differ)."""
    groups = [group for owner in (clearing, *definitions) for group in owner.of("interSpreads")]
    return _spreads([e for group in groups for e in group.of("dSpread")])


def _spreads(elements: list[Element], within: str = "") -> tuple[Spread, ...]:
    """Spreads in order of priority (`E_DUPLICATE`); within: of one commodity."""
    found: dict[int, Spread] = {}
    for e in elements:
        spread = _spread(e, within)
        known = found.setdefault(spread.number, spread)
        if known is not spread and (within or known != spread):
            e.refuse("E_DUPLICATE", "spread", "is the number of two spreads; drop one")
    return tuple(found[number] for number in sorted(found))


def _spread(element: Element, within: str) -> Spread:
    rate = element.base("rate")
    if rate is None:
        element.refuse("E_MISSING", "rate", "must be given")
    legs = tuple(_leg(e, within) for e in element.inside if e.name in ("pLeg", "tLeg"))
    if len(legs) < 2:
        fix = f"has {len(legs)} legs; must have two or more"
        element.place.refuse("E_MISSING", "dSpread", None, fix)
    number = element.count("spread")
    return Spread(number, element.text("chargeMeth", ""), rate.amount("val"), legs)


def _leg(element: Element, within: str) -> Leg:
    """Within a commodity a leg names its tier or period; between them all of one counts."""
    if within and element.text("cc") != within:
        element.refuse("E_UNKNOWN", "cc", f"must be {within}, whose spread it is")
    by_tier = element.name == "tLeg"
    dated = not by_tier and (within or element.text("pe", ""))
    return Leg(
        commodity=element.text("cc"),
        tier=element.count("tn") if by_tier else 0,
        period=days_of(element, "pe") if dated else None,
        side=element.word("rs", _SIDES),
        ratio=element.positive("i"),
    )


def _tiers(element: Element, name: str) -> tuple[Tier, ...]:
    found: dict[int, Tier] = {}
    for group in element.of(name):
        for e in group.of("tier"):
            rate = e.base("rate")
            number = e.count("tn", len(found) + 1)
            first = days_of(e, "sPe").first if e.text("sPe", "") else ALWAYS.first
            last = days_of(e, "ePe").last if e.text("ePe", "") else ALWAYS.last
            tier = Tier(number, Days(first, last), rate.amount("val") if rate else 0.0)
            if found.setdefault(number, tier) is not tier:
                e.refuse("E_DUPLICATE", "tn", "is the number of two tiers; drop one")
    return tuple(found[number] for number in sorted(found))
