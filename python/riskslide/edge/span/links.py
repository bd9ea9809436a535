"""Decides in which combined commodity the contracts of a portfolio net."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from .element import Element
from .portfolio import Portfolio

Key = tuple[str, str, str]  # exchange, type, id or code; empty where a link names none


def commodity_of_portfolios(
    portfolios: list[Portfolio], definitions: list[Element], *, held: Collection[int]
) -> list[int]:
    """The definition of every portfolio: the one that links it, else the one of its code.

    -1 where there is neither, which only those may lack that hold no contracts (`E_UNKNOWN`).
    Raises `E_DUPLICATE` for a portfolio that two definitions link, a code that two have.
    """
    linked: dict[Key, tuple[int, Element]] = {}
    by_code: dict[str, int] = {}
    for k, definition in enumerate(definitions):
        if by_code.setdefault(definition.text("cc"), k) != k:
            definition.refuse("E_DUPLICATE", "cc", "is defined twice; drop one")
        for link in definition.of("pfLink"):
            name = link.text("pfId", "") or link.text("pfCode")
            key = (link.text("exch", ""), link.text("pfType"), name)
            if linked.setdefault(key, (k, link))[0] != k:
                link.refuse("E_DUPLICATE", "pfId", "is linked by two combined commodities")
    return [
        _definition(portfolio, linked, by_code, must=p in held)
        for p, portfolio in enumerate(portfolios)
    ]


def _definition(
    portfolio: Portfolio,
    linked: dict[Key, tuple[int, Element]],
    by_code: dict[str, int],
    *,
    must: bool,
) -> int:
    for key in _keys(portfolio):
        if key in linked:
            return linked[key][0]
    if portfolio.code not in by_code and must:
        fix = "no ccDef links this portfolio and none has its code"
        portfolio.element.refuse("E_UNKNOWN", "pfCode", fix)
    return by_code.get(portfolio.code, -1)


def _keys(portfolio: Portfolio) -> Iterator[Key]:
    for exchange in dict.fromkeys((portfolio.exchange, "")):
        for name in filter(None, (portfolio.identity, portfolio.code)):
            yield exchange, portfolio.family.link, name
