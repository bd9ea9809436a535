"""Decides which quote answers a question, and refuses one that is missing or out of date."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from ..book.clock import text_of
from ..book.columns import Float
from ..book.instruments import Instruments
from ..errors import refuse
from .quotes import RATES, Quote, RiskArray, Terms, check_value, shown


class Lookup:
    """Tables of quotes under the terms of a rule book; holds the warnings met on the way."""

    def __init__(
        self,
        as_of: int,
        tables: Mapping[str, Mapping[Any, Quote]],
        terms: Terms,
        warnings: Iterable[str],
        risk_array: Mapping[str, RiskArray] = MappingProxyType({}),
    ) -> None:
        if terms.rates not in RATES:
            refuse("E_UNKNOWN", "rates", None, terms.rates, f"must be one of {', '.join(RATES)}")
        self.as_of, self.tables, self.terms = as_of, tables, terms
        self.risk_array = risk_array
        self.oldest = as_of - (2**62 if math.isinf(terms.max_age) else int(terms.max_age * 1e9))
        self.warned: dict[str, None] = dict.fromkeys(warnings)
        self.quoted: dict[str, float] = {}
        self.still = terms.par | ({terms.measure, terms.stable} - {""})
        self.stable = self._positive(terms.stable) if terms.stable else 1.0

    def find(self, kind: str, *keys: Any) -> float | None:
        """The first quote that one of the keys names, checked for age."""
        table = self.tables[kind]
        for key in keys:
            quote = table.get(key)
            if quote is not None:
                self.check_age(kind, key, quote)
                return float(quote.value)
        return None

    def need(self, kind: str, *keys: Any) -> float:
        found = self.find(kind, *keys)
        if found is None:
            refuse("E_MISSING_PRICE", kind, None, shown(keys[0]), f"add its {kind} to the market")
        return found

    def checked(self, kind: str, key: Any, absent: float) -> float:
        """A confidence, or a fixed part of a forward; `absent` where none is given."""
        found = self.find(kind, key)
        if found is None:
            return absent
        check_value(kind, key, found)
        return found

    def check_age(self, kind: str, key: Any, quote: Quote) -> None:
        if quote.instant > self.as_of:
            fix = f"is from {text_of(quote.instant)}, after {text_of(self.as_of)}"
            refuse("E_STALE", kind, None, shown(key), f"{fix}; move --as-of")
        if quote.instant < self.oldest and kind != "settlement":
            age = (self.as_of - quote.instant) / 1e9
            fix = (
                f"is from {text_of(quote.instant)}, {age:.0f} s before as_of; the rule book allows "
                f"{self.terms.max_age:.0f} s; refresh it or move --as-of"
            )
            refuse("E_STALE", kind, None, shown(key), fix)

    def spot(self, asset: str) -> float:
        """Reporting currency per unit, as quoted; par assets are worth a unit of the measure where
        nothing is."""
        if asset not in self.quoted:
            self.quoted[asset] = self._quoted_spot(asset)
        return self.quoted[asset]

    def _quoted_spot(self, asset: str) -> float:
        found = self.find("spot", asset)
        if asset == self.terms.reporting:
            if found not in (None, 1.0):
                refuse("E_FX", "spot", None, found, f"{asset} is reported in: its price is 1")
            return 1.0
        at_par = asset in self.terms.par and asset != self.terms.numeraire
        if found is None and (at_par or asset == self.terms.stable):
            measure = f" {self.terms.numeraire}" if self.terms.numeraire else ""
            self.warned[f"W_STABLE_AT_PAR: {asset} is not quoted and counts at 1{measure}"] = None
            return self.spot(self.terms.measure)
        return self.need("spot", asset) if found is None else found

    def _positive(self, asset: str) -> float:
        price = self.spot(asset)
        if not price > 0:
            refuse("E_FX", "spot", None, asset, f"is {price!r}; a rate must be > 0")
        return price

    def counted_spot(self, asset: str) -> float:
        """What one unit counts: its spot, or where the terms name a stable, units of that."""
        if self.terms.stable:
            return 1.0 if asset in self.still else self.spot(asset) / self.stable
        return self.spot(asset)

    def exchange_rate(self, currency: str) -> float:
        """What a coin counts that something settles in: a rate of exchange must be positive."""
        self._positive(currency)
        return self.counted_spot(currency)

    def spots(self, rows: Instruments) -> Float:
        """The spot of every row's underlying, as quoted; 0 where none is, or none > 0."""
        known = {*self.tables["spot"], *self.still, self.terms.reporting}
        found = [max(self.spot(u), 0.0) if u in known else 0.0 for u in rows.underlyings]
        return np.array(found, dtype=np.float64)[rows.underlying]
