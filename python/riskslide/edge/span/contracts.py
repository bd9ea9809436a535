"""Decides what a contract of a risk parameter file is: a row of columns, one after the other."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import NamedTuple

from ...book.clock import NO_EXPIRY
from .dates import expiry_of
from .element import Element
from .limits import Limits
from .portfolio import Portfolio, portfolio_of
from .shape import SCENARIOS

_CALLS = {"C": True, "P": False}


def _floats() -> array[float]:
    return array("d")


def _wholes() -> array[int]:
    return array("q")


class Series(NamedTuple):
    """What options of one expiry have in common; a future or a physical is one by itself."""

    period: str
    expiry: int
    price_scan: float
    vol_scan: float


@dataclass(slots=True)
class Contracts:
    """Columns of the contracts read so far; `SpanFile` says what they mean.

    portfolio: index into `portfolios`; is_call: 1, 0 also where there is no option. physical: the
    prices of physicals by portfolio, with or without a risk array; without one they are no rows.
    """

    limits: Limits
    portfolios: list[Portfolio] = field(default_factory=list)
    physical: dict[int, list[float]] = field(default_factory=dict)
    name: dict[str, None] = field(default_factory=dict)
    portfolio: array[int] = field(default_factory=_wholes)
    expiry: array[int] = field(default_factory=_wholes)
    strike: array[float] = field(default_factory=_floats)
    is_call: array[int] = field(default_factory=_wholes)
    multiplier: array[float] = field(default_factory=_floats)
    price: array[float] = field(default_factory=_floats)
    losses: array[float] = field(default_factory=_floats)
    delta: array[float] = field(default_factory=_floats)
    scaling: array[float] = field(default_factory=_floats)
    price_scan: array[float] = field(default_factory=_floats)
    vol_scan: array[float] = field(default_factory=_floats)
    _owner: Element | None = None  # the portfolio of the last contract
    _listed: tuple[Element | None, Series] = (None, Series("", 0, 0.0, 0.0))

    def add(self, path: list[Element]) -> None:
        """The row of the contract that ends a path of open elements (InputError)."""
        contract = path[-1]
        option = contract.name == "opt"
        exchange, owner = path[-4:-2] if option else path[-3:-1]
        if owner is not self._owner:
            self._owner = owner
            self.portfolios.append(portfolio_of(owner, exchange))
        price = contract.number("p")
        if contract.name == "phy":
            self.physical.setdefault(len(self.portfolios) - 1, []).append(price)
            if not contract.of("ra"):
                return
        listed = path[-2] if option else contract
        series = self._series(contract, listed)
        strike = contract.positive("k") if option else 0.0
        is_call = option and contract.word("o", _CALLS)
        end = (f"{strike:.12g}", contract.text("o")) if option else ()
        self._define(contract, series.period, *end)
        self.portfolio.append(len(self.portfolios) - 1)
        self.expiry.append(series.expiry)
        self.strike.append(strike)
        self.is_call.append(is_call)
        self.price.append(price)
        self.multiplier.append(_nearest("cvf", contract, listed, owner).positive("cvf"))
        self.scaling.append(_nearest("sc", contract, listed, owner).positive("sc", 1.0))
        self.price_scan.append(series.price_scan)
        self.vol_scan.append(series.vol_scan)
        self._array(contract)

    def _series(self, contract: Element, listed: Element) -> Series:
        """That of a contract, whose own scan ranges and date go before those of its list."""
        known, series = self._listed
        own = "setlDate" in contract.texts or bool(contract.of("scanRate"))
        if known is listed and not own:
            return series
        scan = contract.base("scanRate") or listed.base("scanRate")
        period = listed.text("pe", "").strip("0") and listed.text("pe")
        if not period and contract.name != "phy":
            listed.refuse("E_MISSING", "pe", "must be given: the period of the contract")
        found = Series(
            period,
            expiry_of(contract, listed) if period else NO_EXPIRY,
            scan.amount("priceScan", 0.0) if scan else 0.0,
            scan.amount("volScan", 0.0) if scan else 0.0,
        )
        if not own:
            self._listed = (listed, found)
        return found

    def _define(self, contract: Element, *terms: str) -> None:
        """``EXCHANGE-CODE-PERIOD-STRIKE-C``, as far as there is each."""
        portfolio = self.portfolios[-1]
        name = "-".join(filter(None, (portfolio.exchange, portfolio.code, *terms)))
        if name in self.name:
            contract.place.refuse("E_DUPLICATE", contract.name, name, "is defined twice; drop one")
        if len(self.name) == self.limits.contracts:
            fix = f"must hold at most {self.limits.contracts:,} contracts; raise it by limits="
            contract.place.refuse("E_LIMIT", contract.name, name, fix)
        self.name[name] = None

    def _array(self, contract: Element) -> None:
        """The risk array, and the composite delta: the array's own, else the contract's."""
        found = contract.base("ra")
        if found is None:
            contract.refuse("E_MISSING", "ra", "must be given: the risk array of the contract")
        if len(found.numbers) != SCENARIOS:
            fix = f"must hold {SCENARIOS} values"
            found.place.refuse("E_SHAPE", f"{contract.name}/ra", len(found.numbers), fix)
        self.losses.extend(found.numbers)
        self.delta.append((found if "d" in found.texts else contract).number("d"))


def _nearest(name: str, contract: Element, listed: Element, owner: Element) -> Element:
    """The first that says this; the contract itself where none does."""
    if name in contract.texts:
        return contract
    if name in listed.texts:
        return listed
    return owner if name in owner.texts else contract
