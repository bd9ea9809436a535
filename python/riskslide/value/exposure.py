"""Decides what a portfolio gains in scenarios and which Greeks it carries, by account or leg."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from .. import _core
from ..book.columns import Bool, Float, Int64
from ..book.instruments import Kind, PricingModel
from ..book.portfolio import Portfolio
from ..book.positions import Positions
from ..errors import InputError, refuse
from ..market.market import Market
from ..market.quotes import NO_TERMS, Terms
from ..market.state import Payoff, State
from ..scenario.shocks import Scenarios
from .cube import Cube, aggregate
from .pricing import Greeks, SecondOrder, american, bachelier, black76, bsm
from .revaluation import Revaluation

By = Literal["account", "leg"]


def stress(
    portfolio: Portfolio,
    market: Market,
    scenarios: Scenarios,
    *,
    by: By = "account",
    terms: Terms = NO_TERMS,
    threads: int | None = None,
) -> Float:
    """P&L of positions (balances aside) in every scenario, in the reporting currency.

    (accounts, scenarios) in the order of `portfolio.accounts`, or (legs, scenarios) in the order of
    `portfolio.positions`. No cube is held: instruments are valued while positions are summed.
    Raises InputError as `revalue` does.
    """
    state = market.on(portfolio.instruments, terms)
    cube = Revaluation(portfolio.instruments, state, scenarios, per_lot=True, threads=threads)
    return aggregate(_rows(portfolio, by), cube, threads=threads)


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """Greeks of positions, in the reporting currency.

    account (rows): index into the portfolio's accounts; name (rows): the underlying, or the
    instrument of a leg; greeks (rows each): value; delta and gamma by the spot of the underlying,
    the ratio of a contract's forward or mark to it held, and that of a coin contract's coin, as a
    scenario of price moves them; vega per 1.00 of vol; theta per year; rho per 1.00 of rate;
    second (rows each): vanna and charm, of that delta, and volga; by_spot (rows): False where the
    market quotes no spot > 0 of an underlying. What was by the spot is then by every contract's
    own forward or mark, and the sum over several expiries is the derivative of nothing.
    """

    account: Int64
    name: tuple[str, ...]
    greeks: Greeks
    second: SecondOrder
    by_spot: Bool


def greeks(
    portfolio: Portfolio,
    market: Market,
    *,
    by: By = "account",
    terms: Terms = NO_TERMS,
    threads: int | None = None,
) -> Exposure:
    """Greeks of every (account, underlying), or of every leg, by the spot; positions only.

    Rates of exchange are held, but for the coin of an inverse contract. Raises InputError as
    `revalue` does, `E_STALE` for an old spot too, and `E_OVERFLOW` for Greeks beyond float64.
    """
    if by not in ("account", "leg"):
        refuse("E_ARGUMENT", "by", None, by, "must be 'account' or 'leg'")
    instruments = portfolio.instruments
    state = market.on(instruments, terms)
    spot = market.spot_of_underlying(instruments, terms)
    first, second = unit_greeks(state, spot, threads=threads)
    with np.errstate(over="ignore"):
        columns = np.stack([*first, *second], axis=1) * instruments.lot[:, None]
    bad = np.flatnonzero(~np.isfinite(columns).all(axis=1))
    if bad.size:
        fix = "its Greeks leave the range of float64; check the units of price and multiplier"
        refuse("E_OVERFLOW", "instrument", int(bad[0]), instruments.name[bad[0]], fix)
    positions = portfolio.positions
    owner = np.repeat(np.arange(positions.accounts), np.diff(positions.offsets))
    held = positions.instrument.astype(np.int64)
    own_price = ~((spot > 0) | (state.payoff == Payoff.SPOT))[held]
    if by == "leg":
        rows = _rows(portfolio, "leg")
        names = tuple(instruments.name[i] for i in held.tolist())
        account, by_spot = owner, ~own_price
    else:
        width = max(len(instruments.underlyings), 1)
        key = owner * width + instruments.underlying[held]
        keys, group = np.unique(key, return_inverse=True)
        rows = Positions.from_columns(
            group, held, positions.lots, accounts=keys.size, instruments=len(instruments)
        )
        account = keys // width
        names = tuple(instruments.underlyings[u] for u in (keys % width).tolist())
        by_spot = ~np.isin(keys, key[own_price])
    sums = aggregate(rows, Cube.from_values(columns), threads=threads)
    found = [np.ascontiguousarray(c) for c in sums.T]
    return Exposure(account, names, Greeks(*found[:6]), SecondOrder(*found[6:]), by_spot)


def unit_greeks(
    state: State, spot: Float, *, threads: int | None = None
) -> tuple[Greeks, SecondOrder]:
    """Greeks of one contract unit of every instrument, in the reporting currency.

    By `spot` (N) of the underlyings; by the price that a contract is written on where it is 0.
    """
    instruments = state.instruments
    price = np.where(state.on_spot, state.spot, state.price)  # what a contract is written on
    over = np.where(state.inverse, price, 1.0)
    margined, owned = state.payoff == Payoff.MARGINED, state.payoff == Payoff.SPOT
    bad = np.flatnonzero(state.inverse & (price <= 0))
    if bad.size:
        fix = "must be > 0 where the instrument settles in coin"
        refuse("E_DOMAIN_FORWARD", "price", int(bad[0]), float(price[bad[0]]), fix)
    zeros = np.zeros((9, len(instruments)))
    first, second = Greeks(*zeros[:6]), SecondOrder(*zeros[6:])
    with np.errstate(over="ignore", invalid="ignore"):  # `greeks` refuses what is not finite
        unit = state.multiplier * state.fx / over
        coin = instruments.kind == Kind.SPOT.value
        first.delta[:] = np.where(margined, unit / over, np.where(coin, unit, 0.0))
        first.value[:] = np.where(owned, unit * state.price, 0.0)
        for model, at in _options_by_model(state):
            try:
                found = _option_greeks(model, state, at, threads)
            except InputError as error:  # its rows are those of one model
                row = None if error.row is None else int(at[error.row])
                refuse(error.code, error.column, row, error.value, error.fix)
            for column, values in zip((*first, *second), found, strict=True):
                column[at] = values * unit[at]
        ratio = np.where(spot > 0, price / np.where(spot > 0, spot, 1.0), 1.0)
        for column in (first.delta, first.gamma, first.gamma, second.vanna, second.charm):
            column *= ratio  # gamma twice
    return first, second


def _options_by_model(state: State) -> Iterator[tuple[PricingModel | None, Int64]]:
    """The rows of every model that options are valued by; without a model American ones."""
    early = state.payoff == Payoff.AMERICAN
    others = np.isin(state.payoff, Payoff.OPTIONS) & ~early
    model = state.instruments.model
    for m, rows in ((None, early), *((m, others & (model == m.value)) for m in PricingModel)):
        if rows.any():
            yield m, np.flatnonzero(rows)


def cash_delta(state: State, *, threads: int | None = None) -> Float:
    """Delta of one unit times the price that it is written on, in the reporting currency.

    Of a contract settled in coin: its delta in coin, not adjusted for the premium, at the coin's
    price, whatever its price in coin is over; of a spot instrument or a balance: its value.
    """
    instruments = state.instruments
    own = state.columns() | {"multiplier": instruments.multiplier}
    expired = (state.payoff == Payoff.SPOT) & (instruments.kind != Kind.SPOT.value)  # cash
    return np.where(expired, 0.0, _core.cash_delta(own, threads or 0))


def option_delta(state: State, *, threads: int | None = None) -> Float:
    """Delta of options by the price that they are written on, of one unit of it; 0 of others."""
    found = np.zeros(len(state.instruments))
    for model, at in _options_by_model(state):
        found[at] = _option_greeks(model, state, at, threads)[1]
    return found


class Deltas(NamedTuple):
    """Who takes deltas of rows: `cash_delta` and `option_delta`, of a kernel or of its twin."""

    cash: Callable[[State], Float]
    option: Callable[[State], Float]


def notional(state: State) -> Float:
    """Units of the underlying of one unit, times its spot, in the reporting currency; of a spot
    instrument or a balance its price. 0 where no spot is quoted."""
    x = state.instruments
    margined = (x.kind == Kind.FUTURE.value) | (x.kind == Kind.PERPETUAL.value)
    over = x.inverse & margined  # their multiplier is money
    return x.multiplier / np.where(over, state.mark, 1.0) * state.index


def _option_greeks(
    model: PricingModel | None, s: State, at: Int64, threads: int | None
) -> tuple[Float, ...]:
    """Greeks of first and second order of options, of one unit of what they are on.

    Without a model of American ones, whose second order is left 0.
    """
    strike, years, vol, rate = s.strike[at], s.years[at], s.vol[at], s.rate[at]
    last: dict[str, Any] = {"is_call": s.is_call[at], "threads": threads}
    if model is None:
        on_spot = s.on_spot[at]
        price = np.where(on_spot, s.spot[at], s.price[at])
        dividend = np.where(on_spot, s.dividend_yield[at], rate)
        return _american_greeks(price, strike, years, vol, rate, dividend, **last)
    last["second"] = second = SecondOrder.empty(at.size)
    if model == PricingModel.BSM.value:
        return (*bsm(s.spot[at], strike, years, vol, rate, s.dividend_yield[at], **last), *second)
    rate = np.where(s.inverse[at], s.dividend_yield[at], rate)  # as the resolver discounts
    function = black76 if model == PricingModel.BLACK76.value else bachelier
    return (*function(s.price[at], strike, years, vol, rate=rate, **last), *second)


def _american_greeks(
    price: Float, strike: Float, years: Float, vol: Float, *rates: Float, **last: Any
) -> tuple[Float, ...]:
    """As `_option_greeks`; the second order is the difference of the first over 1e-4 of vol and
    life either way, good to about 1e-6."""
    step = 1e-4

    def at(life: Float, shocked: Float) -> Greeks:
        return american(price, strike, life, shocked, *rates, **last)

    wide, long = 2.0 * step * vol, 2.0 * step * years
    up, down = at(years, vol * (1.0 + step)), at(years, vol * (1.0 - step))
    later, sooner = at(years * (1.0 + step), vol), at(years * (1.0 - step), vol)
    by_vol = 1.0 / np.where(wide > 0, wide, np.inf)
    by_life = 1.0 / np.where(long > 0, long, np.inf)
    return (
        *at(years, vol),
        (up.delta - down.delta) * by_vol,
        (up.vega - down.vega) * by_vol,
        (sooner.delta - later.delta) * by_life,
    )


def _rows(portfolio: Portfolio, by: By) -> Positions:
    positions = portfolio.positions
    if by == "account":
        return positions
    if by != "leg":
        refuse("E_ARGUMENT", "by", None, by, "must be 'account' or 'leg'")
    offsets = np.arange(positions.instrument.size + 1, dtype=np.int64)
    return Positions(offsets, positions.instrument, positions.lots)
