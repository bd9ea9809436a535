"""Decides what every row is quoted at: one instant of quotes, resolved to columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np

from .. import _core
from ..book.clock import NANOSECONDS_PER_YEAR, instant, text_of
from ..book.columns import Bool, Float, Int32, Int64, UInt8
from ..book.instruments import Instruments, Kind, PricingModel, Style
from ..errors import refuse
from .factors import factors_of


class Quote(NamedTuple):
    """A number and the instant (UTC nanoseconds) at which it was true."""

    value: float
    instant: int


class Terms(NamedTuple):
    """Where and how far quotes may be trusted, from a rule book."""

    reporting: str = "USD"
    # assets worth one reporting unit where nothing is quoted; they do not move in scenarios
    par: frozenset[str] = frozenset({"USD", "USDC", "USDT"})
    max_age: float = math.inf  # seconds
    # gains in coin count at today's rate of exchange, which no scenario moves
    coin_at_index: bool = False
    # what an option's price in coin is its price in money over: its forward, or the index
    option_divisor: str = "forward"

    def at_scenario_rates(self) -> Terms:
        """The same for figures that no rule book makes: coins count at the scenario's price."""
        return self._replace(coin_at_index=False, option_divisor="forward")


NO_TERMS = Terms()

UNLIKELY_VOL, UNLIKELY_LOW_VOL = 10.0, 0.01

QUOTES = ("spot", "forward", "mark", "vol", "rate", "dividend_yield", "settlement")


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """Quotes at `as_of` (UTC nanoseconds).

    spot: price of an asset or underlying in the reporting currency (it is the FX rate too);
    forward: of an option, by instrument name or by (underlying, expiry); mark: price of a future,
    perpetual or spot instrument; vol: decimal, by instrument; rate, dividend_yield: continuous per
    year, by instrument, (underlying, expiry) or underlying, 0 where absent; settlement: final price
    by instrument or (underlying, expiry), its instant being the expiry.
    """

    as_of: int
    spot: Mapping[str, Quote] = field(default_factory=dict)
    forward: Mapping[Any, Quote] = field(default_factory=dict)
    mark: Mapping[str, Quote] = field(default_factory=dict)
    vol: Mapping[str, Quote] = field(default_factory=dict)
    rate: Mapping[Any, Quote] = field(default_factory=dict)
    dividend_yield: Mapping[Any, Quote] = field(default_factory=dict)
    settlement: Mapping[Any, Quote] = field(default_factory=dict)
    dropped: int = 0
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, as_of: Any, **quotes: Mapping[Any, Any]) -> Self:
        """Quotes given as plain numbers, all of the instant `as_of`; Quotes are kept as they are.

        Expiries in keys (underlying, expiry) are instants as `clock.instant` reads them. Raises
        InputError (`E_NOT_FINITE`, `E_INSTANT`, `E_TIMEZONE`, `E_UNKNOWN`).
        """
        now = instant(as_of, "as_of")
        tables: dict[str, Any] = {}
        for kind, table in quotes.items():
            if kind not in QUOTES:
                refuse("E_UNKNOWN", kind, None, kind, f"must be one of {', '.join(QUOTES)}")
            read = {_key(k): v for k, v in table.items()}
            tables[kind] = {k: _quote(v, now, kind, k) for k, v in read.items()}
        return cls(now, **tables)

    def on(self, instruments: Instruments, terms: Terms = NO_TERMS) -> State:
        """The columns of these instruments.

        Raises InputError: `E_MISSING_PRICE` naming the quote that is not there, `E_STALE` for one
        older than `terms.max_age` or from after `as_of`, `E_EXPIRED` and `E_SETTLEMENT` for an
        expired contract without its settlement price.
        """
        return _Resolver(self, instruments, terms).state()

    def spot_of_underlying(self, instruments: Instruments, terms: Terms = NO_TERMS) -> Float:
        """The spot of every row's underlying; 0 where none is quoted, or none > 0.

        Of the reporting currency and of assets at par 1. Raises InputError (`E_STALE`, `E_FX`).
        """
        resolver = _Resolver(self, instruments, terms)
        known = {*self.spot, *terms.par, terms.reporting}
        spots = [
            max(resolver.asset_price(asset), 0.0) if asset in known else 0.0
            for asset in instruments.underlyings
        ]
        return np.array(spots, dtype=np.float64)[instruments.underlying]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Columns of N instruments at one instant, as the kernel takes them; see revalue.hpp.

    `still` names the assets that no scenario moves; `factors` the risk factors: an asset or
    underlying, or underlying@expiry (`factor_expiry`, else `NO_EXPIRY`). `mark` is the
    price that unrealised P&L is taken at; `spot`, `rate`, `dividend_yield` serve the Greeks.
    """

    as_of: int
    instruments: Instruments
    still: frozenset[str]
    factors: tuple[str, ...]
    factor_underlying: tuple[str, ...]
    factor_expiry: tuple[int, ...]
    payoff: UInt8
    is_call: Bool
    inverse: Bool
    factor: Int32
    fx_factor: Int32
    price: Float
    strike: Float
    years: Float
    vol: Float
    discount: Float
    multiplier: Float
    fx: Float
    mark: Float
    spot: Float
    rate: Float
    dividend_yield: Float
    warnings: tuple[str, ...] = ()

    def columns(self) -> dict[str, Any]:
        """The columns by the names of revalue.hpp."""
        names = ("payoff", "is_call", "inverse", "factor", "fx_factor", "price", "strike", "years")
        found = {n: getattr(self, n) for n in (*names, "vol", "discount", "multiplier", "fx")}
        on_spot = self.on_spot
        return found | {"spot": np.where(on_spot, self.spot, 0.0)} if on_spot.any() else found

    @property
    def on_spot(self) -> Bool:
        """Options that hold their spot as time passes and rates move, as the Greeks of BSM do; all
        others hold their forward, also where it was grown from a spot."""
        held: Bool = (self.instruments.model == PricingModel.BSM.value) & (self.spot > 0)
        return held


class Payoff:
    """Kernel bodies, as numbered in kinds.hpp."""

    BLACK76, BACHELIER, MARGINED, SPOT = range(4)


_OPTION, _SPOT = int(Kind.OPTION), int(Kind.SPOT)
_BSM, _BACHELIER = int(PricingModel.BSM), int(PricingModel.BACHELIER)


class _Resolver:
    """Looks every quote up once; holds the warnings met on the way."""

    def __init__(self, market: Market, instruments: Instruments, terms: Terms) -> None:
        self.market, self.rows, self.terms = market, instruments, terms
        self.oldest = market.as_of - (
            2**62 if math.isinf(terms.max_age) else int(terms.max_age * 1e9)
        )
        self.warned: dict[str, None] = dict.fromkeys(market.warnings)
        self.spots: dict[str, float] = {}

    def state(self) -> State:
        rows, n = self.rows, len(self.rows)
        factors = factors_of(rows, self.terms.reporting, self.terms.coin_at_index)
        price, mark, spot, vol, years = (np.zeros(n) for _ in range(5))
        rate, dividend, fx = np.zeros(n), np.zeros(n), np.ones(n)
        grows = np.zeros(n, dtype=np.bool_)
        payoff = np.full(n, Payoff.SPOT, dtype=np.uint8)
        multiplier, inverse, factor = rows.multiplier.copy(), rows.inverse.copy(), factors.factor
        as_of = self.market.as_of
        kinds, expiries, models = rows.kind.tolist(), rows.expiry.tolist(), rows.model.tolist()
        alike = self.alike(factor, vol)
        for i in np.flatnonzero(alike == np.arange(n)).tolist():
            kind, expiry = kinds[i], expiries[i]
            underlying = rows.underlyings[rows.underlying[i]]
            if kind != _SPOT:
                fx[i] = self.currency_price(rows.currencies[rows.currency[i]])
            if expiry <= as_of:
                mark[i] = self.settlement(i, underlying)
                price[i], multiplier[i] = 1.0, self.cash(i, float(mark[i]))
                inverse[i], factor[i] = False, factors.still
            elif kind == _OPTION:
                years[i] = (expiry - as_of) / NANOSECONDS_PER_YEAR
                self.option(i, (underlying, expiry), price, spot, rate, dividend, grows)
                vol[i] = self.need("vol", rows.name[i])
                payoff[i] = Payoff.BACHELIER if models[i] == _BACHELIER else Payoff.BLACK76
            elif kind == _SPOT:
                price[i] = self.spot_price(i, underlying)
            else:
                price[i] = mark[i] = self.need("mark", rows.name[i])
                payoff[i] = Payoff.MARGINED
        price, spot, years = price[alike], spot[alike], years[alike]
        rate, dividend, fx = rate[alike], dividend[alike], fx[alike]
        grows, payoff = grows[alike], payoff[alike]
        self.warn(grows & (rows.model != _BSM), vol, payoff)
        self.warn_of_currency(grows & ~rows.inverse)
        price = np.where(grows, price * _core.exponential((rate - dividend) * years), price)
        if self.terms.option_divisor == "index":
            multiplier *= self.over_index(price, payoff)
        # A coin option is worth V / forward coins with V undiscounted: rate * years is in the
        # forward already, and what is left to discount is the coin's own yield.
        return State(
            as_of=self.market.as_of,
            instruments=rows,
            still=self.terms.par | {self.terms.reporting},
            factors=factors.labels,
            factor_underlying=factors.underlying,
            factor_expiry=factors.expiry,
            payoff=payoff,
            is_call=rows.is_call,
            inverse=inverse,
            factor=factor,
            fx_factor=factors.fx_factor,
            price=price,
            strike=rows.strike,
            years=years,
            vol=vol,
            discount=_core.exponential(-(np.where(rows.inverse, dividend, rate) * years)),
            multiplier=multiplier,
            fx=fx,
            mark=mark,
            spot=spot,
            rate=rate,
            dividend_yield=dividend,
            warnings=tuple(self.warned),
        )

    def alike(self, factor: Int32, vol: Float) -> Int64:
        """The row, itself or an earlier one, whose quotes but the vol are those of each row.

        Live options of one expiry, currency and model share theirs, unless one is quoted by its own
        name; their vols are filled in here. A row whose vol is missing or out of date stands for
        itself, so that it is refused in its turn.
        """
        rows, market = self.rows, self.market
        quotes: list[Any] = [market.vol.get(name) for name in rows.name]
        first, last = self.oldest, market.as_of
        sound = [q is not None and first <= q.instant <= last for q in quotes]
        shared = np.array(sound, dtype=np.bool_)
        shared &= (rows.kind == _OPTION) & (rows.expiry > last)
        for table in (market.rate, market.dividend_yield, market.forward):
            shared[[rows.index[name] for name in rows.index.keys() & table.keys()]] = False
        at = np.flatnonzero(shared)
        vol[at] = [float(quotes[i].value) for i in at.tolist()]
        group = factor[at].astype(np.int64) * len(rows.currencies) + rows.currency[at]
        group = group * (int(rows.model.max(initial=0)) + 1) + rows.model[at]
        _, leader, member = np.unique(group, return_index=True, return_inverse=True)
        out = np.arange(len(rows))
        out[at] = at[leader][member]
        return out

    def over_index(self, price: Float, payoff: UInt8) -> Float:
        """Forward over index of coin options, so that their price in coin is over the index."""
        rows = self.rows
        options = rows.inverse & np.isin(payoff, (Payoff.BLACK76, Payoff.BACHELIER))
        at = np.flatnonzero(options)
        index = np.ones(len(rows.underlyings))
        for u in dict.fromkeys(rows.underlying[at].tolist()):
            index[u] = self.asset_price(rows.underlyings[u])
        over = np.ones(len(rows))
        over[at] = price[at] / index[rows.underlying[at]]
        return over

    def option(
        self,
        i: int,
        dated: tuple[str, int],
        price: Float,
        spot: Float,
        rate: Float,
        dividend: Float,
        grows: Bool,
    ) -> None:
        """Forward of option i, or the spot that grows to it, with its rates."""
        underlying, name = dated[0], self.rows.name[i]
        rate[i] = self.find("rate", name, dated, underlying) or 0.0
        dividend[i] = self.find("dividend_yield", name, dated, underlying) or 0.0
        on_spot = self.rows.model[i] == _BSM
        forward = self.find("forward", name, dated)
        if forward is not None and not on_spot:
            price[i] = forward
            return
        if not on_spot and underlying not in self.market.spot:
            self.need("forward", dated)
        price[i] = spot[i] = self.asset_price(underlying)
        grows[i] = True

    def warn(self, from_spot: Bool, vol: Float, payoff: UInt8) -> None:
        """What is accepted and yet looks like a slip: units, keys that name nothing."""
        rows = self.rows
        high = np.flatnonzero((payoff == Payoff.BLACK76) & (vol > UNLIKELY_VOL))
        if high.size:
            name, found = rows.name[high[0]], float(vol[high[0]])
            text = f"vol of {name} is {found:g}, {100 * found:g} % a year; 0.6 means 60 %"
            self.warned[f"W_VOL_HIGH: {text}"] = None
        low = np.flatnonzero((payoff == Payoff.BLACK76) & (vol > 0) & (vol < UNLIKELY_LOW_VOL))
        if low.size:
            name, found = rows.name[low[0]], float(vol[low[0]])
            text = f"vol of {name} is {found:g}, {100 * found:g} % a year; 60 % is 0.6"
            self.warned[f"W_VOL_LOW: {text}"] = None
        given = {key[0] for key in self.market.forward if isinstance(key, tuple)}
        for i in np.flatnonzero(from_spot).tolist():
            underlying = rows.underlyings[rows.underlying[i]]
            if underlying in given:
                text = (
                    f"{underlying} of {text_of(int(rows.expiry[i]))} has no forward; spot is used"
                )
                self.warned[f"W_NO_FORWARD: {text}"] = None
        self.warn_of_style(payoff)
        known = {*rows.underlyings, *self.market.spot, *self.market.vol}
        for kind in ("rate", "dividend_yield"):
            for key in getattr(self.market, kind):
                named = key[0] if isinstance(key, tuple) else key
                if named not in known:
                    self.warned[f"W_UNUSED: {kind} of {named} names no underlying"] = None

    def warn_of_currency(self, from_spot: Bool) -> None:
        """Options that grow a spot in the reporting currency beside a strike in another."""
        rows, same = self.rows, self.terms.par | {self.terms.reporting}
        for i in np.flatnonzero(from_spot).tolist():
            currency = rows.currencies[rows.currency[i]]
            if currency in same:
                continue
            text = (
                f"forwards of {rows.underlyings[rows.underlying[i]]} grow from a spot in "
                f"{self.terms.reporting}, strikes are in {currency}; quote forwards in {currency}"
            )
            self.warned[f"W_SPOT_CURRENCY: {text}"] = None

    def warn_of_style(self, payoff: UInt8) -> None:
        """How many American options are valued without their early exercise."""
        options = np.isin(payoff, (Payoff.BLACK76, Payoff.BACHELIER))
        early = np.flatnonzero(options & (self.rows.style == Style.AMERICAN.value)).tolist()
        if early:
            such = f"{len(early)}, such as {min(self.rows.name[i] for i in early)}"
            what = "American options that are valued as European"
            self.warned[f"W_AMERICAN_AS_EUROPEAN: {what}: {such}"] = None

    def find(self, kind: str, *keys: Any) -> float | None:
        """The first quote that one of the keys names, checked for age."""
        table = getattr(self.market, kind)
        for key in keys:
            quote = table.get(key)
            if quote is not None:
                self.check_age(kind, key, quote)
                return float(quote.value)
        return None

    def need(self, kind: str, *keys: Any) -> float:
        found = self.find(kind, *keys)
        if found is None:
            refuse("E_MISSING_PRICE", kind, None, _shown(keys[0]), f"add its {kind} to the market")
        return found

    def check_age(self, kind: str, key: Any, quote: Quote) -> None:
        if quote.instant > self.market.as_of:
            fix = f"is from {text_of(quote.instant)}, after {text_of(self.market.as_of)}"
            refuse("E_STALE", kind, None, _shown(key), f"{fix}; move --as-of")
        if quote.instant < self.oldest and kind != "settlement":
            age = (self.market.as_of - quote.instant) / 1e9
            fix = (
                f"is from {text_of(quote.instant)}, {age:.0f} s before as_of; the rule book allows "
                f"{self.terms.max_age:.0f} s; refresh it or move --as-of"
            )
            refuse("E_STALE", kind, None, _shown(key), fix)

    def asset_price(self, asset: str) -> float:
        """Reporting currency per unit; par assets are worth one where nothing is quoted."""
        if asset not in self.spots:
            self.spots[asset] = self.lookup_asset(asset)
        return self.spots[asset]

    def lookup_asset(self, asset: str) -> float:
        found = self.find("spot", asset)
        if asset == self.terms.reporting:
            if found not in (None, 1.0):
                refuse("E_FX", "spot", None, found, f"{asset} is reported in: its price is 1")
            return 1.0
        if found is None and asset in self.terms.par:
            self.warned[f"W_STABLE_AT_PAR: {asset} is not quoted and counts at 1"] = None
            return 1.0
        return self.need("spot", asset) if found is None else found

    def currency_price(self, currency: str) -> float:
        """The price of a coin that something settles in: a rate of exchange must be positive."""
        price = self.asset_price(currency)
        if not price > 0:
            refuse("E_FX", "spot", None, currency, f"is {price!r}; a rate must be > 0")
        return price

    def spot_price(self, i: int, underlying: str) -> float:
        """Price in the reporting currency; a mark of the instrument's own is in its currency."""
        currency = self.rows.currencies[self.rows.currency[i]]
        if currency == underlying:  # a balance: so many coins
            return self.currency_price(underlying)
        mark = self.find("mark", self.rows.name[i])
        return self.asset_price(underlying) if mark is None else mark * self.asset_price(currency)

    def settlement(self, i: int, underlying: str) -> float:
        """Settlement price of an expired contract, which must be of the instant of its expiry."""
        expiry, name = int(self.rows.expiry[i]), self.rows.name[i]
        for key in (name, (underlying, expiry)):
            quote = self.market.settlement.get(key)
            if quote is None:
                continue
            if quote.instant != expiry:
                fix = f"is of {text_of(quote.instant)}, the contract expired {text_of(expiry)}"
                refuse("E_SETTLEMENT", "settlement", None, name, fix)
            return float(quote.value)
        fix = f"expired {text_of(expiry)}; drop the position or give its settlement price"
        refuse("E_EXPIRED", "expiry", None, name, fix)

    def cash(self, i: int, final: float) -> float:
        """What one unit of an expired option pays in its settlement currency; else nothing."""
        rows = self.rows
        if rows.inverse[i] and not final > 0:
            refuse("E_DOMAIN_FORWARD", "settlement", None, final, f"{rows.name[i]}: must be > 0")
        if rows.kind[i] != Kind.OPTION.value:
            return 0.0
        side = 1.0 if rows.is_call[i] else -1.0
        paid = max(side * (final - float(rows.strike[i])), 0.0) * float(rows.multiplier[i])
        return paid / final if rows.inverse[i] else paid


def _key(key: Any) -> Any:
    return (key[0], instant(key[1], "expiry")) if isinstance(key, tuple) else key


def _quote(value: Any, now: int, kind: str, key: Any) -> Quote:
    quote = value if isinstance(value, Quote) else Quote(float(value), now)
    if not math.isfinite(quote.value):
        refuse("E_NOT_FINITE", kind, None, quote.value, f"{_shown(key)} must be a finite number")
    return quote


def _shown(key: Any) -> str:
    return f"{key[0]}@{text_of(key[1])}" if isinstance(key, tuple) else str(key)
