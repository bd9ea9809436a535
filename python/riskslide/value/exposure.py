"""Decides what a portfolio gains in scenarios and which Greeks it carries, by account or leg."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .. import _core
from ..book.columns import Float, Int64
from ..book.instruments import Kind, PricingModel
from ..book.portfolio import Portfolio
from ..book.positions import Positions
from ..errors import refuse
from ..market.state import NO_TERMS, Market, Payoff, State, Terms
from ..scenario.shocks import Scenarios
from .cube import Cube, aggregate
from .pricing import Greeks, bachelier, black76, bsm
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
    cube = Revaluation(portfolio.instruments, state, scenarios, per_lot=True)
    return aggregate(_rows(portfolio, by), cube, threads=threads)


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """Greeks of positions, in the reporting currency.

    account (rows): index into the portfolio's accounts; name (rows): the underlying, or the
    instrument of a leg; greeks (rows each): value; delta and gamma by the price that the instrument
    is written on (forward, mark or spot), the ratio of coin price to it held; vega per 1.00 of vol;
    theta per year; rho per 1.00 of rate.
    """

    account: Int64
    name: tuple[str, ...]
    greeks: Greeks


def greeks(
    portfolio: Portfolio,
    market: Market,
    *,
    by: By = "account",
    terms: Terms = NO_TERMS,
    threads: int | None = None,
) -> Exposure:
    """Greeks of every (account, underlying), or of every leg, positions only."""
    instruments = portfolio.instruments
    state = market.on(instruments, terms)
    unit = unit_greeks(state, threads=threads)
    columns = np.stack(unit, axis=1) * instruments.lot[:, None]
    positions = portfolio.positions
    owner = np.repeat(np.arange(positions.accounts), np.diff(positions.offsets))
    held = positions.instrument.astype(np.int64)
    if by == "leg":
        rows = _rows(portfolio, "leg")
        names = tuple(instruments.name[i] for i in held.tolist())
        account = owner
    else:
        width = max(len(instruments.underlyings), 1)
        key = owner * width + instruments.underlying[held]
        keys, group = np.unique(key, return_inverse=True)
        rows = Positions.from_columns(
            group, held, positions.lots, accounts=keys.size, instruments=len(instruments)
        )
        account = keys // width
        names = tuple(instruments.underlyings[u] for u in (keys % width).tolist())
    sums = aggregate(rows, Cube.from_values(columns), threads=threads)
    return Exposure(account, names, Greeks(*(np.ascontiguousarray(c) for c in sums.T)))


def unit_greeks(state: State, *, threads: int | None = None) -> Greeks:
    """Greeks of one contract unit of every instrument, in the reporting currency."""
    instruments = state.instruments
    unit = state.multiplier * state.fx
    price = _written_on(state)
    over = np.where(state.inverse, np.where(price > 0, price, state.price), 1.0)
    unit = unit / over
    out = Greeks(*(np.zeros(len(instruments)) for _ in range(6)))
    margined, owned = state.payoff == Payoff.MARGINED, state.payoff == Payoff.SPOT
    out.delta[:] = np.where(
        margined, unit / over, np.where(instruments.kind == Kind.SPOT.value, unit, 0.0)
    )
    out.value[:] = np.where(owned, unit * state.price, 0.0)
    options = np.isin(state.payoff, (Payoff.BLACK76, Payoff.BACHELIER))
    for model in PricingModel:
        at = np.flatnonzero(options & (instruments.model == model.value))
        if at.size:
            found = _option_greeks(model, state, at, threads)
            for column, values in zip(out, found, strict=True):
                column[at] = values * unit[at]
    return out


def cash_delta(state: State, *, threads: int | None = None) -> Float:
    """Delta of one unit times the price that it is written on, in the reporting currency.

    Of a contract settled in coin: its delta in coin, not adjusted for the premium, at the coin's
    price, whatever its price in coin is over; of a spot instrument or a balance: its value.
    """
    instruments = state.instruments
    own = state.columns() | {"multiplier": instruments.multiplier}
    expired = (state.payoff == Payoff.SPOT) & (instruments.kind != Kind.SPOT.value)  # cash
    return np.where(expired, 0.0, _core.cash_delta(own, threads or 0))


def _written_on(state: State) -> Float:
    """What an instrument is written on: its forward or mark, or the spot where BSM starts there."""
    return np.where(state.on_spot, state.spot, state.price)


def _option_greeks(model: PricingModel, s: State, at: Int64, threads: int | None) -> Greeks:
    strike, years, vol, rate = s.strike[at], s.years[at], s.vol[at], s.rate[at]
    side = s.is_call[at]
    if model == PricingModel.BSM.value:
        dividend = s.dividend_yield[at]
        return bsm(s.spot[at], strike, years, vol, rate, dividend, is_call=side, threads=threads)
    rate = np.where(s.inverse[at], s.dividend_yield[at], rate)  # as the resolver discounts
    function = black76 if model == PricingModel.BLACK76.value else bachelier
    return function(s.price[at], strike, years, vol, rate=rate, is_call=side, threads=threads)


def _rows(portfolio: Portfolio, by: By) -> Positions:
    positions = portfolio.positions
    if by == "account":
        return positions
    if by != "leg":
        refuse("E_ARGUMENT", "by", None, by, "must be 'account' or 'leg'")
    offsets = np.arange(positions.instrument.size + 1, dtype=np.int64)
    return Positions(offsets, positions.instrument, positions.lots)
