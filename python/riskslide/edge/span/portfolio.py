"""Decides what a portfolio of a risk parameter file says of all its contracts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .element import Element


class Family(NamedTuple):
    """What the name of its element tells of a portfolio: its type in links, kind and model."""

    link: str
    kind: str
    model: str


FAMILIES = {
    "phyPf": Family("PHY", "spot", "black76"),
    "futPf": Family("FUT", "future", "black76"),
    "oopPf": Family("OOP", "option", "bsm"),
    "ooePf": Family("OOE", "option", "bsm"),
    "oofPf": Family("OOF", "option", "black76"),
}
_STYLES = {"EURO": "european", "AMER": "american"}
_PREMIUM_STYLE = {"EQTY": True, "FUT": False}


@dataclass(frozen=True, slots=True)
class Portfolio:
    """What the contracts of one product have in common; codes as links name them."""

    family: Family
    exchange: str
    identity: str
    code: str
    currency: str
    style: str
    premium_style: bool
    element: Element


def portfolio_of(element: Element, exchange: Element) -> Portfolio:
    """Raises InputError (`E_MISSING`, `E_UNKNOWN`)."""
    family = FAMILIES[element.name]
    return Portfolio(
        family,
        exchange.text("exch", ""),
        element.text("pfId", ""),
        element.text("pfCode"),
        element.text("currency", ""),
        element.word("exercise", _STYLES, "EURO"),
        family.kind == "option" and element.word("valueMeth", _PREMIUM_STYLE, "EQTY"),
        element,
    )
