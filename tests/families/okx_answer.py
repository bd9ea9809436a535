"""Decides what an answer of OKX's position-builder says, and which of its risk units are margined.

The answer has no index and no price of a stablecoin: both are inferred from one figure each.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

VOLS = {"volShockUp": "up", "volSame": "none", "volShockDown": "down"}


class Position(NamedTuple):
    """size: coins, negative = short; figure: what is printed of it, by name."""

    name: str
    currency: str
    size: float
    contract: float
    value_inferred: bool
    figure: Mapping[str, Any]

    @property
    def mark(self) -> float:
        return float(self.figure["markPx"])

    @property
    def entry(self) -> float | None:
        text = self.figure.get("avgPx")
        return None if text in (None, "") else float(text)

    @property
    def profit(self) -> float:
        """In its currency; what was marked to market has none."""
        return 0.0 if self.entry is None else self.size * (self.mark - self.entry)


@dataclass(frozen=True, slots=True)
class Unit:
    """A risk unit; grid: printed P&L by (move, state of the vol); refusal: why it is not margined,
    empty where it is."""

    name: str
    figure: Mapping[str, Any]
    positions: tuple[Position, ...]
    grid: Mapping[tuple[float, str], float]
    refusal: str

    @property
    def moves(self) -> list[float]:
        return sorted({move for move, _ in self.grid})

    @property
    def currencies(self) -> set[str]:
        return {p.currency for p in self.positions}

    @property
    def size(self) -> float:
        return math.fsum(p.size for p in self.positions)

    def number(self, name: str) -> float:
        """A printed figure, 0 where there is none."""
        text = self.figure.get(name)
        return 0.0 if text in (None, "") else float(text)


@dataclass(frozen=True, slots=True)
class Answer:
    """balances: amounts by currency, None where the answer holds real ones that it does not say;
    price: USD of a currency; price_from: the unit whose `upl` gave it, or the position whose
    `delta` did."""

    result: Mapping[str, Any]
    units: tuple[Unit, ...]
    balances: Mapping[str, float] | None
    price: Mapping[str, float]
    price_from: Mapping[str, str]


def result_of(raw: Any) -> dict[str, Any]:
    """The answer itself, with or without the request around it."""
    found = raw if isinstance(raw, dict) else {}
    found = found.get("result", found)
    data = found.get("data")
    found = data[0] if isinstance(data, list) and data else found
    return found if isinstance(found, dict) else {}


def answer_of(raw: dict[str, Any]) -> Answer:
    result = result_of(raw)
    values = raw.get("contract_values", {})
    units = tuple(unit_of(found, values) for found in result["riskUnitData"])
    asked = raw.get("request", {})
    balances: dict[str, float] | None = {}
    for held in asked.get("simAsset", []):
        balances[held["ccy"]] = balances.get(held["ccy"], 0.0) + float(held["amt"])
    if asked.get("inclRealPosAndEq", not asked):
        balances = None
    price, price_from = prices_of(units)
    return Answer(result, units, balances, price, price_from)


def unit_of(figure: Mapping[str, Any], values: Mapping[str, Any]) -> Unit:
    rows = figure.get("portfolios", [])
    positions = tuple(position_of(row, values) for row in rows if is_swap(row["instId"]))
    grid = {
        (float(move), VOLS[state]): float(pnl)
        for state, entries in figure.get("mr1Scenarios", {}).items()
        for move, pnl in entries.items()
    }
    refusal = ""
    others = [row["instId"] for row in rows if not is_swap(row["instId"])]
    if others:
        refusal = f"holds {kind_of(others[0])}, which the family does not margin"
    elif not positions:
        refusal = "holds nothing"
    elif any(not p.contract for p in positions):
        refusal = "no figure says how many coins a contract is on"
    elif not grid:
        refusal = "prints no scenarios"
    return Unit(str(figure["riskUnit"]), figure, positions, grid, refusal)


def is_swap(name: str) -> bool:
    """Whether it is a perpetual that does not settle in coin."""
    return name.endswith("-SWAP") and name.split("-")[1] != "USD"


def kind_of(name: str) -> str:
    parts = name.split("-")
    if parts[-1] == "SWAP":
        return "swaps that settle in coin"
    return "options" if parts[-1] in ("C", "P") else "futures or spot"


def position_of(figure: Mapping[str, Any], values: Mapping[str, Any]) -> Position:
    name, amount = figure["instId"], float(figure["amt"])
    found = re.search(r"[\d.]*\d", str(values.get(name, "")))
    contract = float(found[0]) if found else inferred_contract(figure, amount)
    currency = name.split("-")[1]
    return Position(name, currency, amount * contract, contract, not found, figure)


def inferred_contract(figure: Mapping[str, Any], amount: float) -> float:
    """Coins of a contract, by its profit; 0 where that says nothing."""
    texts = [figure.get(name) for name in ("floatPnl", "markPx", "avgPx")]
    if any(text in (None, "") for text in texts):
        return 0.0
    profit, mark, entry = (float(str(text)) for text in texts)
    moved = amount * (mark - entry)
    return profit / moved if moved else 0.0


def prices_of(units: tuple[Unit, ...]) -> tuple[dict[str, float], dict[str, str]]:
    """USD of every currency of account: `upl` of a unit over the profits of its positions, of the
    unit with the largest; else `delta` of a position over its size at the mark."""
    price: dict[str, float] = {}
    source: dict[str, str] = {}
    margined = [u for u in units if not u.refusal]
    for currency in sorted({c for u in margined for c in u.currencies}):
        profits = [
            (abs(profit), u, profit)
            for u in margined
            if u.currencies == {currency} and u.figure.get("upl") not in (None, "")
            for profit in [math.fsum(p.profit for p in u.positions)]
            if profit
        ]
        if profits:
            _, unit, profit = max(profits, key=lambda row: row[0])
            price[currency], source[currency] = unit.number("upl") / profit, unit.name
            continue
        for p in (p for u in margined for p in u.positions if p.currency == currency):
            if p.figure.get("delta") not in (None, "") and p.size * p.mark:
                price[currency] = float(p.figure["delta"]) / (p.size * p.mark)
                source[currency] = p.name
                break
        else:
            raise ValueError(f"no figure says what {currency} is worth")
    return price, source


def index_of(unit: Unit, price: Mapping[str, float]) -> tuple[float, tuple[float, str] | None]:
    """USD of the underlying, and the entry of the grid that it is inferred from: P&L over move
    and coins, at the largest move. The mark where nothing of it is held, net."""
    found = max(unit.grid, key=lambda entry: abs(entry[0]))
    if unit.size and found[0]:
        return unit.grid[found] / (found[0] * unit.size), found
    first = unit.positions[0]
    return first.mark * price[first.currency], None


def leaves(value: Any) -> Iterator[str]:
    """A name for every number or text in it, lists by their own name."""
    if not isinstance(value, dict):
        return
    for key, entry in value.items():
        items = entry if isinstance(entry, list) else [entry]
        for item in items:
            if isinstance(item, dict):
                yield from (f"{key}.{name}" for name in leaves(item))
            else:
                yield key
