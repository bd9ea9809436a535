"""Decides what a rule book of the `tims` method holds, and which of its words must fit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ...errors import refuse
from ...rules import Rules, Spec
from ..equity import check_collateral

_OFFSET = Spec("table", 0.0, 1.0)

SCHEMA: Mapping[str, Spec] = {
    "points.steps": Spec("whole", 1, 100),
    "points.low": Spec("table", -0.99, 0.0),
    "points.high": Spec("table", 0.0, 10.0),
    "points.kind": Spec("words"),
    "points.kind_other": Spec("text"),
    "points.leverage": Spec("table", -10.0, 10.0),
    "groups.class": Spec("words"),
    "groups.product": Spec("words"),
    "groups.product_offset": _OFFSET,
    "groups.portfolio": Spec("words"),
    "groups.portfolio_offset": _OFFSET,
    "minimum.per_unit": Spec("number", 0.0, 1e6),
    "minimum.long_cap": Spec("text", choices=("none", "value")),
}

OPTIONAL: Mapping[str, Mapping[str, Spec]] = {
    "vol_stress": {"scales": Spec("numbers", 0.0, 100.0)},
}


def check_together(rules: Rules) -> None:
    """Refuse words that name nothing, and members of a class group that are told apart again."""
    check_collateral(rules)
    classes, kinds = rules.words("groups.class"), rules.words("points.kind")
    products, portfolios = rules.words("groups.product"), rules.words("groups.portfolio")
    for side in ("low", "high"):
        ranges = rules.table(f"points.{side}")
        _known("points.kind", kinds.values(), ranges)
        _known("points.kind_other", [rules.text("points.kind_other")], ranges)
    _known("groups.product", products.values(), rules.table("groups.product_offset"))
    _known("groups.portfolio", portfolios.values(), rules.table("groups.portfolio_offset"))
    _known("groups.portfolio", portfolios, products.values())
    for key, names in (
        ("groups.class", classes.values()),
        ("points.kind", kinds),
        ("groups.product", products),
    ):
        for name in names:
            if classes.get(name, name) != name:
                fix = f"is a member of the class group {classes[name]}: name that"
                refuse("E_RULES", key, None, name, fix)


def _known(key: str, names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            refuse("E_RULES", key, None, name, f"must be one of {', '.join(sorted(set(known)))}")
