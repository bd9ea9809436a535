"""Decides the inputs of the workloads, drawn from fixed seeds: options, books, rows, histories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ...book.columns import Bool, Float, Int64
from ...book.instruments import Instruments, canonical_order
from ...book.portfolio import Portfolio
from ...book.positions import Positions
from ...market.market import Market
from ...market.state import State
from ...scenario.shocks import Scenarios
from ...value.cube import Cube, revalue
from ...venue.load import load_rulebook
from ...venue.rulebook import Rulebook

AS_OF = "2026-02-05T08:00:00Z"
SEED = 20260205
VOLS = (0.72, 1.0, 1.45)
REACH = 0.16  # largest move of the price


class Sizes(NamedTuple):
    """How large every workload is."""

    options: int = 1_000_000
    instruments: int = 10_000
    moves: int = 31  # times three vols
    accounts: int = 100_000
    legs: int = 50
    rows: int = 5_000_000
    history: int = 2_500
    tail_accounts: int = 10_000


FULL = Sizes()
QUICK = Sizes(20_000, 500, 31, 2_000, 20, 100_000, 500, 200)


class Options(NamedTuple):
    """Distinct European options on forwards."""

    forward: Float
    strike: Float
    years: Float
    vol: Float
    rate: Float
    is_call: Bool


def options(count: int) -> Options:
    """Around the money, one week to two years."""
    rng = np.random.default_rng(SEED)
    return Options(
        forward=rng.uniform(50.0, 150.0, count),
        strike=rng.uniform(50.0, 150.0, count),
        years=rng.uniform(0.02, 2.0, count),
        vol=rng.uniform(0.1, 1.0, count),
        rate=rng.uniform(0.0, 0.05, count),
        is_call=rng.random(count) < 0.5,
    )


@dataclass(frozen=True, slots=True)
class Slides:
    """W2: options, the moves and vols they are revalued in, and what every account holds."""

    instruments: Instruments
    market: Market
    state: State
    scenarios: Scenarios
    moves: Float  # (scenario): fractions of the price
    vols: Float  # (scenario): multipliers
    positions: Positions
    cube: Cube


def slides(
    instruments: int, moves: int, accounts: int, legs: int, underlyings: tuple[str, ...] = ("BTC",)
) -> Slides:
    """Distinct options of 20 expiries, and accounts with `legs` random ones each."""
    rng = np.random.default_rng(SEED)
    contracts, market = _chain(rng, instruments, underlyings)
    state = market.on(contracts)
    reach = np.linspace(-REACH, REACH, moves)
    scenarios = Scenarios.grid(reach.tolist(), VOLS).on(state)
    positions = Positions.from_columns(
        np.repeat(np.arange(accounts), legs),
        rng.integers(0, instruments, accounts * legs),
        rng.integers(-50, 51, accounts * legs),
        accounts=accounts,
        instruments=instruments,
    )
    return Slides(
        instruments=contracts,
        market=market,
        state=state,
        scenarios=scenarios,
        moves=np.repeat(reach, len(VOLS)),
        vols=np.tile(np.array(VOLS), moves),
        positions=positions,
        cube=revalue(contracts, state, scenarios),
    )


def _chain(
    rng: np.random.Generator, count: int, underlyings: tuple[str, ...]
) -> tuple[Instruments, Market]:
    start = np.datetime64("2026-02-12T08:00:00", "ns").astype(np.int64)
    expiry = start + rng.integers(0, 20, count) * 14 * 86_400 * 10**9
    strike = np.round(rng.uniform(40_000.0, 160_000.0, count)) + np.arange(count) / count
    owner = [underlyings[k % len(underlyings)] for k in range(count)]
    names = [f"{u}-{k}" for k, u in enumerate(owner)]
    contracts = Instruments.from_columns(
        name=names,
        kind="option",
        underlying=owner,
        expiry=expiry.tolist(),
        strike=strike,
        option_type=["call" if x else "put" for x in rng.random(count) < 0.5],
        lot=1.0,
    )
    market = Market.of(
        AS_OF,
        spot=dict.fromkeys(underlyings, 100_000.0),
        forward={(u, int(e)): 100_000.0 for u in underlyings for e in np.unique(expiry)},
        vol=dict(zip(names, rng.uniform(0.3, 1.2, count).tolist(), strict=True)),
    )
    return contracts, market


class Unsorted(NamedTuple):
    """Position rows as they come: integers in any order, some pairs more than once."""

    account: Int64
    instrument: Int64
    lots: Int64
    accounts: int
    instruments: int


def unsorted(rows: int, accounts: int, instruments: int) -> Unsorted:
    """Accounts and instruments drawn evenly, -50 to 50 lots a row."""
    rng = np.random.default_rng(SEED)
    return Unsorted(
        rng.integers(0, accounts, rows),
        rng.integers(0, instruments, rows),
        rng.integers(-50, 51, rows),
        accounts,
        instruments,
    )


class History(NamedTuple):
    """W6: values of instruments in historical scenarios, and who holds what."""

    positions: Positions
    cube: Cube
    level: float


def history(instruments: int, scenarios: int, accounts: int, legs: int) -> History:
    """Moves with fat tails (Student's t of 4 degrees)."""
    rng = np.random.default_rng(1)
    values = rng.standard_t(4, size=(instruments, scenarios))
    positions = Positions.from_columns(
        np.repeat(np.arange(accounts), legs),
        rng.integers(0, instruments, accounts * legs),
        rng.integers(-50, 51, accounts * legs),
        accounts=accounts,
        instruments=instruments,
    )
    return History(positions, Cube.from_values(values), 0.975)


class Margined(NamedTuple):
    """A whole margin run: book with collateral, market, rule book; and W2's part of it."""

    portfolio: Portfolio
    market: Market
    one_level: Rulebook
    two_levels: Rulebook
    slides: Slides


def margined(instruments: int, moves: int, accounts: int, legs: int) -> Margined:
    """W2 on two underlyings, with collateral, for two rule books.

    one_level: `generic-slides` in W2's own scenarios. two_levels: `deribit-xpm` with as many price
    steps as W2 has, and one far move where the preset has eight: 94 scenarios for W2's 93. Expiries
    net in their underlying, and underlyings in the account, where 60 % of a gain offsets losses;
    the roll shock of every expiry comes on top.
    """
    work = slides(instruments, moves, accounts, legs, ("BTC", "ETH"))
    rng = np.random.default_rng(SEED + 1)
    assets, names = ("BTC", "USDC"), tuple(f"a{k:07d}" for k in range(accounts))
    holder = np.repeat(np.arange(accounts, dtype=np.int64), 2)
    order = canonical_order(work.instruments)[1]
    none, nobody = np.zeros(0, dtype=np.int64), np.zeros(accounts + 1, dtype=np.int64)
    held = work.positions
    portfolio = Portfolio(
        instruments=work.instruments,
        accounts=names,
        positions=Positions(held.offsets, order[held.instrument], held.lots),
        entry_account=none,
        entry_instrument=none,
        entry_quantity=np.zeros(0),
        entry_price=np.zeros(0),
        assets=assets,
        balance_account=holder,
        balance_asset=np.tile(np.arange(2, dtype=np.int64), accounts),
        balance_amount=np.round(rng.lognormal(3.0, 1.0, 2 * accounts) * _scale(accounts), 4),
        orders=Positions(nobody, none.astype(np.int32), none),
    )
    slide = {"slides.price_points": moves, "slides.price_range": REACH}
    matrix: dict[str, Any] = {"matrix.price_steps": moves // 2, "matrix.price_range": REACH}
    matrix |= {"extended.moves": [0.3]}
    return Margined(
        portfolio,
        work.market,
        _changed("generic-slides", slide),
        _changed("deribit-xpm", matrix),
        work,
    )


class Held(NamedTuple):
    """A book and its market."""

    portfolio: Portfolio
    market: Market


SHARES, LISTED, STRIKES = 200, ("2026-02-26", "2026-03-26", "2026-04-30"), 8


def shares(accounts: int, legs: int) -> Held:
    """Futures and options on two indices and 198 stocks, three expiries each; positions of an
    account are on ten of them."""
    rng = np.random.default_rng(SEED + 2)
    underlyings = ("BANKNIFTY", "NIFTY", *(f"STOCK{k:03d}" for k in range(SHARES - 2)))
    ladder = [(float(900 + 25 * k), side) for k in range(STRIKES) for side in ("call", "put")]
    terms = [(u, day, *of) for u in underlyings for day in LISTED for of in ((0.0, ""), *ladder)]
    names = [f"{u}-{day}-{k:g}{side}" for u, day, k, side in terms]
    instruments = Instruments.from_columns(
        name=names,
        kind=["option" if side else "future" for *_, side in terms],
        underlying=[u for u, *_ in terms],
        expiry=[f"{day}T10:00:00Z" for _, day, *_ in terms],
        strike=[strike for *_, strike, _ in terms],
        option_type=[side for *_, side in terms],
        model="bsm",
        currency="INR",
        lot=1.0,
    )
    options = {n: t[3] != "" for n, t in zip(names, terms, strict=True)}
    market = Market.of(
        AS_OF,
        spot=dict.fromkeys(underlyings, 1000.0),
        mark={n: 1004.0 for n, option in options.items() if not option},
        vol={n: float(v) for n, v in zip(names, rng.uniform(0.1, 0.4, len(names)), strict=True)},
        rate=dict.fromkeys(underlyings, 0.06),
    )
    each = len(LISTED) * (len(ladder) + 1)
    account = np.repeat(np.arange(accounts, dtype=np.int64), legs)
    chosen = rng.integers(0, SHARES, size=(accounts, 10))
    underlying = chosen[account, rng.integers(0, 10, account.size)]
    row = underlying * each + rng.integers(0, each, account.size)
    lots = rng.integers(1, 20, account.size) * rng.choice([-1, 1], account.size)
    portfolio = Portfolio.from_columns(
        instruments,
        account=[f"a{k:07d}" for k in account.tolist()],
        instrument=[names[k] for k in row.tolist()],
        quantity=lots.astype(np.float64),
    )
    return Held(portfolio, market)


def _scale(accounts: int) -> Float:
    """Units of one balance: coins, then dollars."""
    return np.tile([1.0, 100_000.0], accounts)


def _changed(preset: str, values: Mapping[str, Any]) -> Rulebook:
    found = load_rulebook(preset)
    parameters = dict(found.parameters)
    for key, value in values.items():
        parameters[key] = replace(parameters[key], value=value, status="chosen", source="riskslide")
    return replace(found, name=f"{preset} of the benchmark", parameters=parameters)
