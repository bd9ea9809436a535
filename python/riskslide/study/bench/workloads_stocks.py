"""Decides the input of the workload on stock options: a market of American series, and who holds
them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...book.columns import Float, Int64
from ...book.instruments import Instruments
from ...book.portfolio import Portfolio
from ...market.market import Market
from .workloads import SEED

AS_OF = "2026-02-05T21:00:00Z"
FUNDS = ("SPY", "QQQ", "IWM")
STOCKS = 17
EXPIRIES = 10
RATE, YIELD = 0.04, 0.01
STOCK_LEGS = 2  # of every account, beside its options


class StockBook(NamedTuple):
    """Series with their vols, and accounts that hold them beside the stock."""

    portfolio: Portfolio
    market: Market

    def of_first(self, accounts: int) -> StockBook:
        """The book of the first accounts, with the instruments that these hold."""
        book = self.portfolio
        end = int(book.positions.offsets[accounts])
        held = np.unique(book.positions.instrument[:end])
        owner = np.repeat(np.arange(accounts), np.diff(book.positions.offsets[: accounts + 1]))
        number = book.positions.instrument[:end].tolist()
        few = Portfolio.from_columns(
            book.instruments.take(held),
            account=[book.accounts[k] for k in owner.tolist()],
            instrument=[book.instruments.name[k] for k in number],
            quantity=book.positions.lots[:end].astype(np.float64),
        )
        return StockBook(few, self.market)


def stock_book(series: int, accounts: int, legs: int) -> StockBook:
    """Series on three funds and 17 stocks, a week to ten months, vols of 15 % to 60 %.

    Every account holds `legs` rows, two of them stock.
    """
    rng = np.random.default_rng(SEED)
    names = [*FUNDS, *(f"S{k:02d}" for k in range(STOCKS))]
    spot = dict(zip(names, np.round(rng.uniform(20.0, 500.0, len(names)), 2).tolist(), strict=True))
    contracts, vols = _contracts(rng, names, spot, series)
    market = Market.of(
        AS_OF,
        spot=spot,
        vol=dict(zip(contracts.name[len(names) :], vols.tolist(), strict=True)),
        rate=dict.fromkeys(names, RATE),
        dividend_yield=dict.fromkeys(names, YIELD),
    )
    stock = rng.integers(0, len(names), (accounts, min(STOCK_LEGS, legs)))
    options = rng.integers(len(names), len(contracts), (accounts, legs - stock.shape[1]))
    held: Int64 = np.concatenate([stock, options], axis=1).reshape(-1)
    lots = rng.integers(-50, 51, held.size) * np.where(held < len(names), 100, 1)
    called = [f"a{k:07d}" for k in range(accounts)]
    portfolio = Portfolio.from_columns(
        contracts,
        account=np.repeat(np.array(called, dtype=object), legs).tolist(),
        instrument=np.array(contracts.name, dtype=object)[held].tolist(),
        quantity=lots.astype(np.float64),
    )
    return StockBook(portfolio, market)


def _contracts(
    rng: np.random.Generator, names: list[str], spot: dict[str, float], series: int
) -> tuple[Instruments, Float]:
    """The stocks, then series on them around the money, and the vol of each series."""
    owner = [names[k % len(names)] for k in range(series)]
    start = np.datetime64("2026-02-13T21:00:00", "ns").astype(np.int64)
    expiry = start + rng.integers(0, EXPIRIES, series) * 28 * 86_400 * 10**9
    strike = np.array([spot[u] for u in owner]) * rng.uniform(0.75, 1.3, series)
    strike = np.round(strike, 1) + np.arange(series) / (10.0 * series)  # no two are one contract
    stocks = len(names)
    contracts = Instruments.from_columns(
        name=[*names, *(f"{u}-{k}" for k, u in enumerate(owner))],
        kind=["spot"] * stocks + ["option"] * series,
        underlying=[*names, *owner],
        expiry=[None] * stocks + expiry.tolist(),
        strike=np.concatenate([np.zeros(stocks), strike]),
        option_type=[""] * stocks + ["call" if x else "put" for x in rng.random(series) < 0.5],
        style=["european"] * stocks + ["american"] * series,
        model="bsm",
        multiplier=[1.0] * stocks + [100.0] * series,
        lot=1.0,
    )
    return contracts, rng.uniform(0.15, 0.6, series)
