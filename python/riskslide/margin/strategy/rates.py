"""Decides which rates of a rule book hold for one underlying, initial or maintenance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Self

from ...rules import Rules, Spec

_RATE = Spec("number", 0.0, 1.0)

SCHEMA: Mapping[str, Spec] = {
    "underlyings.broad_based": Spec("texts"),
    "underlyings.leverage": Spec("table", 0.01, 10.0),
    "naked.rate": _RATE,
    "naked.rate_broad_based": _RATE,
    "naked.floor": _RATE,
    "long_option.relief": _RATE,
    "long_option.relief_days": Spec("number", 0.0, 36_500.0),
    "stock.initial_long": _RATE,
    "stock.initial_short": _RATE,
    "stock.maintenance_long": _RATE,
    "stock.maintenance_short": _RATE,
    "stock.hedged": _RATE,
    "stock.conversion": _RATE,
}


class Rates(NamedTuple):
    """Fractions: of the spot for naked options and stock, of the strike for `floor` of puts,
    `hedged` and `conversion`, of the price for `relief` of options longer than `relief_days`.

    initial: stock with options asks what the stock does, as when it is bought.
    """

    naked: float
    floor: float
    relief: float
    relief_days: float
    long_stock: float
    short_stock: float
    hedged: float
    conversion: float
    initial: bool

    @classmethod
    def of(cls, rules: Rules, underlying: str, *, initial: bool) -> Self:
        """Leverage multiplies the rates of naked options, and those of stock up to its whole price;
        what is asked for stock at first is never less than what must be maintained."""
        leverage = rules.table("underlyings.leverage").get(underlying, 1.0)
        broad = underlying in rules.texts("underlyings.broad_based")
        naked = rules.number("naked.rate_broad_based" if broad else "naked.rate")
        stock = {
            side: min(leverage * rules.number(f"stock.maintenance_{side}"), 1.0)
            for side in ("long", "short")
        }
        if initial:
            asked = {side: rules.number(f"stock.initial_{side}") for side in stock}
            stock = {side: max(rate, asked[side]) for side, rate in stock.items()}
        return cls(
            naked=naked * leverage,
            floor=rules.number("naked.floor") * leverage,
            relief=rules.number("long_option.relief"),
            relief_days=rules.number("long_option.relief_days"),
            long_stock=stock["long"],
            short_stock=stock["short"],
            hedged=rules.number("stock.hedged"),
            conversion=rules.number("stock.conversion"),
            initial=initial,
        )
