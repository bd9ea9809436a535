"""Decides what every row is quoted at: quotes resolved to columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .. import _core
from ..book.clock import NANOSECONDS_PER_YEAR, text_of
from ..book.columns import Bool, Float, Int32, Int64, UInt8
from ..book.instruments import Instruments, Kind, PricingModel, Style
from ..errors import refuse
from .confidence import confidence_of, fixed_share_of
from .factors import factors_of
from .lookup import Lookup
from .state import Payoff, State
from .warnings import warn

_OPTION, _SPOT = int(Kind.OPTION), int(Kind.SPOT)
_BSM, _BACHELIER = int(PricingModel.BSM), int(PricingModel.BACHELIER)


def resolve(rows: Instruments, lookup: Lookup) -> State:
    """The columns of these instruments; `Market.on` says what is refused."""
    state = _Resolver(rows, lookup).state()
    return strikes_apart(state) if lookup.terms.by_strike else state


def strikes_apart(state: State) -> State:
    """The same with a risk factor for every strike of an expiry, behind the others."""
    live = np.flatnonzero((state.instruments.kind == _OPTION) & (state.payoff != Payoff.SPOT))
    strikes, strike = np.unique(state.strike[live], return_inverse=True)
    pairs, pair = np.unique(
        state.factor[live].astype(np.int64) * strikes.size + strike, return_inverse=True
    )
    expiry = (pairs // max(strikes.size, 1)).tolist()
    named = zip(expiry, strikes[pairs % max(strikes.size, 1)].tolist(), strict=True)
    factor = state.factor.copy()
    factor[live] = len(state.factors) + pair
    return replace(
        state,
        factor=factor,
        factors=(*state.factors, *(f"{state.factors[f]}@{k!r}" for f, k in named)),
        factor_underlying=(
            *state.factor_underlying,
            *(state.factor_underlying[f] for f in expiry),
        ),
        factor_expiry=(*state.factor_expiry, *(state.factor_expiry[f] for f in expiry)),
    )


class _Resolver:
    """Looks every quote up once."""

    def __init__(self, rows: Instruments, lookup: Lookup) -> None:
        self.rows, self.lookup, self.terms = rows, lookup, lookup.terms

    def state(self) -> State:
        rows, lookup, n = self.rows, self.lookup, len(self.rows)
        factors = factors_of(rows, self.terms.measure, self.terms.coin_at_index)
        price, mark, spot, vol, years = (np.zeros(n) for _ in range(5))
        rate, dividend, fx = np.zeros(n), np.zeros(n), np.ones(n)
        grows = np.zeros(n, dtype=np.bool_)
        payoff = np.full(n, Payoff.SPOT, dtype=np.uint8)
        multiplier, inverse = rows.multiplier.copy(), rows.inverse.copy()
        factor, as_of = factors.factor.copy(), lookup.as_of
        kinds, expiries, models = rows.kind.tolist(), rows.expiry.tolist(), rows.model.tolist()
        alike = self.alike(factor, vol)
        for i in np.flatnonzero(alike == np.arange(n)).tolist():
            kind, expiry = kinds[i], expiries[i]
            underlying = rows.underlyings[rows.underlying[i]]
            if kind != _SPOT:
                fx[i] = lookup.exchange_rate(rows.currencies[rows.currency[i]])
            if expiry <= as_of:
                mark[i] = self.settlement(i, underlying)
                price[i], multiplier[i] = 1.0, self.cash(i, float(mark[i]))
                inverse[i], factor[i] = False, factors.still
            elif kind == _OPTION:
                years[i] = (expiry - as_of) / NANOSECONDS_PER_YEAR
                self.option(i, (underlying, expiry), price, spot, rate, dividend, grows)
                vol[i] = lookup.need("vol", rows.name[i])
                payoff[i] = Payoff.BACHELIER if models[i] == _BACHELIER else Payoff.BLACK76
            elif kind == _SPOT:
                price[i] = self.spot_price(i, underlying)
            else:
                price[i] = mark[i] = lookup.need("mark", rows.name[i])
                payoff[i] = Payoff.MARGINED
        price, spot, years = price[alike], spot[alike], years[alike]
        rate, dividend, fx = rate[alike], dividend[alike], fx[alike]
        grows, payoff = grows[alike], payoff[alike]
        payoff[self.exercised_early(payoff, rate)] = Payoff.AMERICAN
        warn(rows, lookup, grows, vol, payoff)
        if self.terms.rates != "quoted":
            rate = np.maximum(rate, 0.0)
        price = np.where(grows, price * _core.exponential((rate - dividend) * years), price)
        if self.terms.option_divisor == "index":
            multiplier *= self.over_index(price, payoff)
        confidence = confidence_of(rows, factors, lookup)
        live = payoff != Payoff.SPOT
        return State(
            as_of=as_of,
            instruments=rows,
            still=lookup.still,
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
            discount=self.discount(rate, dividend, years),
            multiplier=multiplier,
            fx=fx,
            mark=mark,
            spot=spot,
            rate=rate,
            dividend_yield=dividend,
            index=self.index(),
            fixed_share=fixed_share_of(rows, factors, lookup, price, live),
            spot_confidence=confidence.spot,
            mark_confidence=confidence.mark,
            expiry_confidence=confidence.expiry,
            stable=lookup.stable,
            trust=confidence.of_assets,
            warnings=tuple(lookup.warned),
        )

    def discount(self, rate: Float, dividend: Float, years: Float) -> Float:
        """A coin option is worth V / forward coins with V undiscounted: rate * years is in the
        forward already, and what is left to discount is the coin's own yield."""
        if self.terms.rates == "none":
            return np.ones(len(self.rows))
        discount: Float = _core.exponential(-(np.where(self.rows.inverse, dividend, rate) * years))
        return discount

    def index(self) -> Float:
        """Spots as they are quoted; a spot instrument without one has its own mark for it."""
        rows, lookup = self.rows, self.lookup
        found = lookup.spots(rows)
        for i in np.flatnonzero((rows.kind == _SPOT) & (found == 0.0)).tolist():
            mark = lookup.find("mark", rows.name[i])
            if mark is not None:
                currency = rows.currencies[rows.currency[i]]
                found[i] = max(mark * lookup.spot(currency), 0.0)
        return found

    def alike(self, factor: Int32, vol: Float) -> Int64:
        """The row, itself or an earlier one, whose quotes but the vol are those of each row.

        Live options of one expiry, currency and model share theirs, unless one is quoted by its own
        name; their vols are filled in here. A row whose vol is missing or out of date stands for
        itself, so that it is refused in its turn.
        """
        rows, tables = self.rows, self.lookup.tables
        quotes: list[Any] = list(map(tables["vol"].get, rows.name))
        first, last = self.lookup.oldest, self.lookup.as_of
        sound = [q is not None and first <= q.instant <= last for q in quotes]
        shared = np.array(sound, dtype=np.bool_)
        shared &= (rows.kind == _OPTION) & (rows.expiry > last)
        for kind in ("rate", "dividend_yield", "forward"):
            shared[[rows.index[name] for name in rows.index.keys() & tables[kind].keys()]] = False
        at = np.flatnonzero(shared)
        vol[at] = [float(quotes[i].value) for i in at.tolist()]
        group = factor[at].astype(np.int64) * len(rows.currencies) + rows.currency[at]
        group = group * (int(rows.model.max(initial=0)) + 1) + rows.model[at]
        _, leader, member = np.unique(group, return_index=True, return_inverse=True)
        out = np.arange(len(rows))
        out[at] = at[leader][member]
        return out

    def exercised_early(self, payoff: UInt8, rate: Float) -> Bool:
        """American options that are valued as such: on a spot, or on a future at a rate.

        Without a rate the right to exercise an option on a future early is worth nothing.
        """
        rows = self.rows
        early: Bool = (payoff == Payoff.BLACK76) & (rows.style == Style.AMERICAN.value)
        return early & ~rows.inverse & ((rows.model == _BSM) | (rate != 0))

    def over_index(self, price: Float, payoff: UInt8) -> Float:
        """Forward over index of coin options, so that their price in coin is over the index."""
        rows = self.rows
        options = rows.inverse & np.isin(payoff, (Payoff.BLACK76, Payoff.BACHELIER))
        at = np.flatnonzero(options)
        index = np.ones(len(rows.underlyings))
        for u in dict.fromkeys(rows.underlying[at].tolist()):
            index[u] = self.lookup.spot(rows.underlyings[u])
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
        lookup, underlying, name = self.lookup, dated[0], self.rows.name[i]
        rate[i] = lookup.find("rate", name, dated, underlying) or 0.0
        dividend[i] = lookup.find("dividend_yield", name, dated, underlying) or 0.0
        on_spot = self.rows.model[i] == _BSM
        forward = lookup.find("forward", name, dated)
        if forward is not None and not on_spot:
            price[i] = forward
            return
        if not on_spot and underlying not in lookup.tables["spot"]:
            lookup.need("forward", dated)
        price[i] = spot[i] = lookup.spot(underlying)
        grows[i] = True

    def spot_price(self, i: int, underlying: str) -> float:
        """Price in the reporting currency; a mark of the instrument's own is in its currency."""
        lookup, currency = self.lookup, self.rows.currencies[self.rows.currency[i]]
        if currency == underlying:  # a balance: so many coins
            return lookup.exchange_rate(underlying)
        mark = lookup.find("mark", self.rows.name[i])
        if mark is None:
            return lookup.counted_spot(underlying)
        return mark * lookup.counted_spot(currency)

    def settlement(self, i: int, underlying: str) -> float:
        """Settlement price of an expired contract, which must be of the instant of its expiry."""
        expiry, name = int(self.rows.expiry[i]), self.rows.name[i]
        for key in (name, (underlying, expiry)):
            quote = self.lookup.tables["settlement"].get(key)
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
