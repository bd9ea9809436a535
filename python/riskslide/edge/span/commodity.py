"""Decides what combined commodities and spreads of a risk parameter file are."""

from __future__ import annotations

from .element import Element
from .file import Commodity, Leg, SpotRate, Spread, Tier

_SIDES = {"A": 1, "B": -1}


def commodity_of(element: Element) -> Commodity:
    """Raises InputError for what is missing, out of range or given twice."""
    return Commodity(
        code=element.text("cc"),
        name=element.text("name", ""),
        currency=element.text("currency", ""),
        tiers=_tiers(element, "intraTiers"),
        spreads=_spreads(element),
        spot_rates=tuple(
            SpotRate(e.text("pe"), e.amount("sprd", 0.0), e.amount("outr", 0.0))
            for e in element.levels("spotRate")
        ),
        short_option_method=element.text("somMeth", ""),
        short_option=_tiers(element, "somTiers"),
    )


def inter_spreads_of(clearing: Element, definitions: list[Element]) -> tuple[Spread, ...]:
    """The spreads between commodities, in order of priority, each once: several commodities may
    name the same."""
    groups = (group for owner in (clearing, *definitions) for group in owner.of("interSpreads"))
    found = dict.fromkeys(spread for group in groups for spread in _spreads(group))
    return tuple(sorted(found, key=lambda spread: spread.number))


def _spreads(element: Element) -> tuple[Spread, ...]:
    """The spreads inside, in order of priority (`E_DUPLICATE`)."""
    found: dict[int, Spread] = {}
    for e in element.of("dSpread"):
        spread = _spread(e)
        if found.setdefault(spread.number, spread) is not spread:
            e.refuse("E_DUPLICATE", "spread", "is the number of two spreads; drop one")
    return tuple(found[number] for number in sorted(found))


def _spread(element: Element) -> Spread:
    rate = element.base("rate")
    if rate is None:
        element.refuse("E_MISSING", "rate", "must be given")
    legs = tuple(_leg(e) for e in element.inside if e.name in ("pLeg", "tLeg"))
    if len(legs) < 2:
        fix = f"has {len(legs)} legs; must have two or more"
        element.place.refuse("E_MISSING", "dSpread", None, fix)
    number = element.count("spread")
    return Spread(number, element.text("chargeMeth", ""), rate.amount("val"), legs)


def _leg(element: Element) -> Leg:
    by_tier = element.name == "tLeg"
    return Leg(
        commodity=element.text("cc"),
        tier=element.count("tn") if by_tier else 0,
        period="" if by_tier else element.text("pe"),
        side=element.word("rs", _SIDES),
        ratio=element.positive("i"),
    )


def _tiers(element: Element, name: str) -> tuple[Tier, ...]:
    found: dict[int, Tier] = {}
    for group in element.of(name):
        for e in group.of("tier"):
            rate = e.base("rate")
            number = e.count("tn", len(found) + 1)
            tier = Tier(
                number, e.text("sPe", ""), e.text("ePe", ""), rate.amount("val") if rate else 0.0
            )
            if found.setdefault(number, tier) is not tier:
                e.refuse("E_DUPLICATE", "tn", "is the number of two tiers; drop one")
    return tuple(found[number] for number in sorted(found))
