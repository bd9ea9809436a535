"""Decides what a quote is, and how far a rule book trusts quotes."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..book.clock import instant, text_of
from ..errors import refuse


class Quote(NamedTuple):
    """A number and the instant (UTC nanoseconds) at which it was true."""

    value: float
    instant: int


class RiskArray(NamedTuple):
    """What one long contract unit loses in every scenario, a gain being negative, and its composite
    delta, in deltas of its commodity: figures of a clearing house, in the reporting currency."""

    losses: tuple[float, ...]
    delta: float


class Terms(NamedTuple):
    """Where and how far quotes may be trusted, from a rule book."""

    reporting: str = "USD"
    # assets worth one unit of the measure where nothing is quoted; they do not move in scenarios
    par: frozenset[str] = frozenset({"USD", "USDC", "USDT"})
    max_age: float = math.inf  # seconds
    # gains in coin count at today's rate of exchange, which no scenario moves
    coin_at_index: bool = False
    # what an option's price in coin is its price in money over: its forward, or the index
    option_divisor: str = "forward"
    # asset by whose quoted spot the price of coins is divided; it and the assets at par count at 1
    stable: str = ""
    # quoted; floored: negative rates count 0; none: floored, and nothing is discounted
    rates: str = "quoted"
    # whether the confidence in its rate is one of those of an expiry
    trusts_rates: bool = True
    # whether every strike of an expiry is a risk factor of its own
    by_strike: bool = False
    # currency that scenarios leave still while the one reported in may move; empty: that one
    numeraire: str = ""
    # whether risk arrays stand for the values of the instruments that have one
    risk_arrays: bool = False

    @property
    def measure(self) -> str:
        """The currency in which scenarios tell what moves, and which therefore stands still."""
        return self.numeraire or self.reporting

    def at_scenario_rates(self) -> Terms:
        """The same for figures that no rule book makes: coins count at the scenario's price, and
        prices and rates as they are quoted."""
        return self._replace(
            coin_at_index=False, option_divisor="forward", stable="", rates="quoted"
        )


NO_TERMS = Terms()
RATES = ("quoted", "floored", "none")

QUOTES = ("spot", "forward", "mark", "vol", "rate", "dividend_yield", "settlement", "fixed")
CONFIDENCES = ("spot", "forward", "mark", "vol", "rate")  # quotes that a confidence belongs to
TABLES = (*QUOTES, "confidence")


def key_of(table: str, key: Any) -> Any:
    """A key as the tables hold it: expiries in (underlying, expiry) are read as instants."""
    if table != "confidence":
        if table == "fixed" and not _is_pair(key):
            refuse("E_DTYPE", "fixed", None, key, "its key must be (underlying, expiry)")
        return (key[0], instant(key[1], "expiry")) if isinstance(key, tuple) else key
    if not _is_pair(key):
        refuse("E_DTYPE", "confidence", None, key, "its key must be (kind of quote, key of that)")
    kind, of = key
    if kind not in CONFIDENCES:
        fix = f"a confidence is of {', '.join(CONFIDENCES)}"
        refuse("E_UNKNOWN", "confidence", None, kind, fix)
    return kind, key_of(kind, of)


def _is_pair(key: Any) -> bool:
    return isinstance(key, tuple) and len(key) == 2


def check_value(table: str, key: Any, value: float) -> None:
    """Refuse what no quote of this table may say."""
    if not math.isfinite(value):
        refuse("E_NOT_FINITE", table, None, value, f"{shown(key)} must be a finite number")
    if table == "confidence" and not 0.0 <= value <= 1.0:
        refuse("E_RANGE", table, None, value, f"of {shown(key)} must be from 0 to 1")
    if table == "fixed" and value < 0.0:
        refuse("E_DOMAIN", table, None, value, f"part of the forward of {shown(key)} must be >= 0")


def shown(key: Any) -> str:
    """A key as messages name it: underlying@expiry, or kind:key of a confidence."""
    if not isinstance(key, tuple):
        return str(key)
    if isinstance(key[1], int):
        return f"{key[0]}@{text_of(key[1])}"
    return f"{key[0]}:{shown(key[1])}"
