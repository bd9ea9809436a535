"""Decides how one figure reads in a table: separators, decimals, signs, marks and colours."""

from __future__ import annotations

import math

import numpy as np
from rich.text import Text

from ...account.verdict import Status
from ...book.columns import Float

WHOLE_FROM = 10_000.0  # amounts are shown without cents where the largest is at least this
NO_EQUITY = 1e8  # a requirement so many times the equity says that there is none
STYLES = {
    Status.HEALTHY: "green",
    Status.REMINDER: "cyan",
    Status.NO_NEW_RISK: "yellow",
    Status.LIQUIDATION: "red",
    Status.BANKRUPT: "bold red",
}


def status_word(status: int) -> str:
    """A status as a reader says it: ``no new risk``."""
    return Status(status).name.lower().replace("_", " ")


def status_text(status: int) -> Text:
    """A status in its colour."""
    return Text(status_word(status), style=STYLES[Status(status)])


def cell(value: float, digits: int, *, marked: bool) -> Text:
    """An amount, with an asterisk where it is marked."""
    text = amount(value, digits)
    return Text(f"{text} *", style="bold red") if marked else Text(f"{text}  ")


def amount(value: float, digits: int) -> str:
    """Thousands separated, never a negative zero."""
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if not text.strip("-0.,") else text


def significant(value: float) -> str:
    """Six significant digits, with separators from a thousand on."""
    if value == 0 or not 1e-4 <= abs(value) < 1e15:
        return f"{value + 0.0:.6g}"
    places = max(0, 5 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(places, 6)}f}"


def percent(fraction: float) -> str:
    """A signed percentage: ``-16 %``."""
    value = round(100.0 * fraction, 6)
    return f"{value:+g} %" if value else "0 %"


def ratio(value: float) -> str:
    """A ratio as a percentage; words where there is next to no equity to divide by."""
    return f"{100.0 * value:,.1f} %" if abs(value) < NO_EQUITY else "no equity"


def digits_of(amounts: Float) -> int:
    """Decimals that these amounts are shown with."""
    return 0 if float(np.abs(amounts).max(initial=0.0)) >= WHOLE_FROM else 2


def counted(number: int, noun: str) -> str:
    """A number with its noun in the right form."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def plain(text: str, style: str = "") -> Text:
    """Text from outside, without the power to move a terminal's cursor or colour it."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return Text(shown, style=style)
