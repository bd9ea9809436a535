"""Decides how requirements that are matched account by account stand in an assessment, and how the
groups behind one line are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..book.columns import Float, Int64
from ..margin.strategy.accounts import Margined, Side
from .evidence import Source
from .verdict import Assessment, Evidence, shares

PREMIUMS, FLOOR = "premiums", "not below zero"


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """What an assessment was computed from, and what every account must post by groups."""

    source: Source
    accounts: Sequence[Margined]

    def evidence(self, of: Assessment, line: int) -> Evidence:
        """Evidence of one line, whose parts are the groups of contracts."""
        found = self.accounts[self.source.accounts.index(of.account[line])]
        maintenance, low = _parts(found, found.maintenance, float(of.maintenance[line]))
        initial, high = _parts(found, found.initial, float(of.initial[line]))
        plain = self.source.evidence(of, line)
        return replace(
            plain,
            units=tuple(replace(unit, figures=_not_required(unit.figures)) for unit in plain.units),
            maintenance=maintenance,
            maintenance_parts=low,
            initial=initial,
            initial_parts=high,
        )


def _not_required(figures: Mapping[str, float]) -> dict[str, float]:
    """What the program says of a unit: its requirements, which are matched, are none of it."""
    return {n: x for n, x in figures.items() if n not in ("maintenance", "initial")}


def figures_of(accounts: Sequence[Margined], line: Int64) -> dict[str, Float]:
    """The outputs of every line, by name: requirements, and their parts in sum.

    deposit: what is initially required before premiums; net: after them, which may be below zero;
    bound: no matching makes a smaller deposit.
    """
    held = [accounts[k] for k in line.tolist()]

    def column(values: list[float]) -> Float:
        return np.array(values, dtype=np.float64)

    premium = column([m.premium for m in held])
    out = {"deposit": column([m.initial.deposit for m in held])}
    out["net"] = out["deposit"] + premium
    out["bound"] = column([m.initial.bound for m in held])
    for name in ("maintenance", "initial"):
        sides: list[Side] = [getattr(m, name) for m in held]
        deposit = column([s.deposit for s in sides])
        out[name] = column([m.net(s) for m, s in zip(held, sides, strict=True)])
        out[f"{name}.groups"], out[f"{name}.{PREMIUMS}"] = deposit, premium
        out[f"{name}.{FLOOR}"] = np.maximum(-(deposit + premium), 0.0)
    return out


def warnings_of(accounts: Sequence[Margined], names: Sequence[str]) -> tuple[str, ...]:
    """Accounts whose matching may not be the best: how far from it at most."""
    open_ended = [
        (name, max(s.deposit - s.bound for s in (m.maintenance, m.initial) if not s.proven))
        for name, m in zip(names, accounts, strict=True)
        if not (m.maintenance.proven and m.initial.proven)
    ]
    if not open_ended:
        return ()
    name, gap = max(open_ended, key=lambda found: found[1])
    what = "accounts have a matching that is not proven to require least"
    return (f"W_NOT_PROVEN: {len(open_ended)} {what}: {name} by {gap:.2f} at most",)


def _parts(found: Margined, side: Side, total: float) -> tuple[int, dict[str, int]]:
    """The amounts of groups and premiums in whole billionths, which add up to the total exactly."""
    named: dict[str, float] = {}
    for underlying, group in side.groups:
        inside = ", ".join(f"{n:+g} {name}" for name, n in group.members)
        named[f"{underlying} {group.kind}: {inside}"] = group.amount
    named[PREMIUMS] = found.premium
    below = -(side.deposit + found.premium)
    if below > 0.0:
        named[FLOOR] = below
    whole, parts = shares(total, list(named.values()))
    return whole, dict(zip(named, parts, strict=True))
