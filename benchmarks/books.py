"""Decides the made books of benchmarks and studies: accounts of archetypes on a real chain.

The positions are made; the chain, its prices and its vols are real. One (seed, chain) gives one
book, in whatever order instruments and quotes come: account k draws from a generator of its own,
seeded with (seed, k), so that it is also the same in a book of more accounts.

- Legs: structures of the account's archetype (structures.py) on one underlying, or on all of them,
  until it holds 5 to 60 instruments. Sizes are log-normal, of the account and of each structure.
- Hedge: archetypes that hedge trade the perpetual, a dated future or shares, or a call less a put
  where none is priced, down to a delta within `residual` of the gross delta of their options.
- Entry prices of futures and perpetuals: the mark, off by a log-normal 2 %.
- Collateral: a log-normal multiple, median 3, of the largest loss of the positions on each
  underlying over moves of 16 % and damped larger ones, less what the positions are worth; so a few
  accounts in a hundred are short of it. 60 % of the accounts post the coin of each underlying, 30 %
  coin and cash on top, 10 % cash only, which does not help where each coin is margined alone.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from board import Board, Chain
from structures import ARCHETYPES, Archetype, Legs, hold

import riskslide as rs
from riskslide.book.columns import Float, Int64
from riskslide.book.instruments import Kind
from riskslide.value.cube import revalue

FEWEST, MOST = 5, 60
HEDGES = 4  # legs that hedging may add: two on each of two underlyings
NOTIONAL, SPREAD = 300_000.0, 1.0  # median of a structure in the reporting currency, and its sigma
CUSHION, CUSHION_SPREAD = 3.0, 0.6  # median of collateral over the largest loss, and its sigma
MOVES = (-0.16, -0.12, -0.08, -0.04, 0.0, 0.04, 0.08, 0.12, 0.16)
TAILS = (-0.66, -0.33, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
CENTS, COINS = 2, 4  # decimals of cash and of coin


@dataclass(frozen=True, slots=True, eq=False)
class Books:
    """Rows of a book as files have them, and the archetype of every account.

    entry_price: NaN where there is none.
    """

    chain: Chain
    accounts: tuple[str, ...]
    archetype: tuple[str, ...]
    account: tuple[str, ...]
    instrument: tuple[str, ...]
    quantity: Float
    entry_price: Float
    balance_account: tuple[str, ...]
    balance_asset: tuple[str, ...]
    balance_amount: Float

    def portfolio(self, accounts: Sequence[str] | None = None) -> rs.Portfolio:
        """The book, or that of some accounts, over the instruments that are held."""
        chosen = set(self.accounts if accounts is None else accounts)
        rows = [k for k, a in enumerate(self.account) if a in chosen]
        cash = [k for k, a in enumerate(self.balance_account) if a in chosen]
        number = self.chain.instruments.index
        held = sorted({number[self.instrument[k]] for k in rows})
        return rs.Portfolio.from_columns(
            self.chain.instruments.take(held),
            account=[self.account[k] for k in rows],
            instrument=[self.instrument[k] for k in rows],
            quantity=self.quantity[rows],
            entry_price=self.entry_price[rows],
            balance_account=[self.balance_account[k] for k in cash],
            balance_asset=[self.balance_asset[k] for k in cash],
            balance_amount=self.balance_amount[cash],
        )

    def write(self, folder: str | Path) -> None:
        """Write positions.csv and balances.csv, which `riskslide margin` reads."""
        prices = ["" if np.isnan(p) else repr(p) for p in self.entry_price.tolist()]
        held = zip(self.account, self.instrument, self.quantity.tolist(), prices, strict=True)
        amounts = self.balance_amount.tolist()
        cash = zip(self.balance_account, self.balance_asset, amounts, strict=True)
        for name, header, rows in (
            ("positions.csv", ("account", "instrument", "quantity", "entry_price"), held),
            ("balances.csv", ("account", "asset", "amount"), cash),
        ):
            with open(Path(folder) / name, "w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(header)
                writer.writerows(rows)


def make_books(chain: Chain, *, seed: int, accounts: int = 1_000) -> Books:
    """`accounts` made accounts on a chain; money is USDC where contracts settle in coin."""
    cash = "USDC" if chain.instruments.inverse.any() else "USD"
    names, kinds, owner, row, quantity, entry = [], [], [], [], [], []
    splits = np.empty((accounts, 2))
    for k in range(accounts):
        draw = np.random.default_rng((seed, k))
        kind = ARCHETYPES[int(draw.choice(len(ARCHETYPES), p=[a.share for a in ARCHETYPES]))]
        held = _account(chain, kind, draw)
        names.append(f"a{k:05d}")
        kinds.append(kind.name)
        owner += [k] * len(held)
        row += list(held)
        quantity += list(held.values())
        entry += [_entry(chain, i, draw) for i in held]
        splits[k] = draw.lognormal(np.log(CUSHION), CUSHION_SPREAD), draw.random()
    columns = np.array(owner), np.array(row), np.array(quantity), np.array(entry)
    balances = _collateral(chain, columns, splits, cash)
    return Books(
        chain=chain,
        accounts=tuple(names),
        archetype=tuple(kinds),
        account=tuple(names[k] for k in owner),
        instrument=tuple(chain.instruments.name[i] for i in row),
        quantity=columns[2],
        entry_price=columns[3],
        balance_account=tuple(names[k] for k, _, _ in balances),
        balance_asset=tuple(asset for _, asset, _ in balances),
        balance_amount=np.array([amount for _, _, amount in balances]),
    )


def net_delta(chain: Chain, held: dict[int, float], board: Board) -> tuple[float, float]:
    """Net delta of the rows on a board, and gross delta of its options, in units of it."""
    net = gross = 0.0
    for i, quantity in held.items():
        if chain.instruments.underlyings[chain.instruments.underlying[i]] == board.underlying:
            delta = quantity * float(chain.delta[i])
            net += delta
            gross += abs(delta) * (chain.instruments.kind[i] == Kind.OPTION.value)
    return net, gross


def _account(chain: Chain, kind: Archetype, draw: np.random.Generator) -> dict[int, float]:
    """Contract units by row of the chain, in the order of the rows."""
    boards = list(chain.boards)
    if draw.random() < 0.7:
        boards = [boards[int(draw.integers(len(boards)))]]
    notional = NOTIONAL * float(draw.lognormal(0.0, SPREAD))
    aim = int(draw.integers(kind.legs[0], kind.legs[1] + 1))
    held: dict[int, float] = {}
    while len(held) < FEWEST:  # a hedge may close a leg, seldom the fifth
        held = _filled(chain, boards, held, kind, (notional, aim), draw)
        for board in boards if kind.residual is not None else []:
            held = _hedged(chain, board, held, kind.residual or 0.0, draw)
        aim += 1
    return dict(sorted(held.items()))


def _filled(
    chain: Chain,
    boards: list[Board],
    held: dict[int, float],
    kind: Archetype,
    goal: tuple[float, int],
    draw: np.random.Generator,
) -> dict[int, float]:
    """The account with structures of a notional, until it holds so many legs."""
    notional, aim = goal
    for _ in range(10 * MOST):
        if len(held) >= aim:
            break
        board = boards[int(draw.integers(len(boards)))]
        more = _added(chain, held, kind.structure(board, draw, notional / board.price))
        if len(held) >= FEWEST and len(more) > MOST - HEDGES:
            break
        held = more
    return held


def _added(chain: Chain, held: dict[int, float], legs: Legs) -> dict[int, float]:
    """`held` and `legs` together, whole steps each; what comes to nothing is left out."""
    out = dict(held)
    for i, amount in legs:
        step = float(chain.step[i])
        size = max(round(abs(amount) * float(chain.unit[i]) / step), 1)
        total = round(out.get(i, 0.0) / step) + (size if amount > 0 else -size)
        out[i] = round(total * step, 8)
    return {i: q for i, q in out.items() if q != 0.0}


def _hedged(
    chain: Chain,
    board: Board,
    held: dict[int, float],
    residual: float,
    draw: np.random.Generator,
) -> dict[int, float]:
    """The account with what brings its delta on one board down to the residual."""
    net, gross = net_delta(chain, held, board)
    left = gross * float(draw.uniform(-residual, residual))
    if abs(net) <= abs(left):
        return held
    legs = hold(board, draw, left - net)
    row, amount = legs[0]
    if amount == 0.0 or abs(amount) * chain.unit[row] < chain.step[row]:
        return held
    return _added(chain, held, legs)


def _entry(chain: Chain, i: int, draw: np.random.Generator) -> float:
    if chain.instruments.kind[i] not in (Kind.FUTURE.value, Kind.PERPETUAL.value):
        return float("nan")
    return round(float(chain.state.mark[i]) * float(draw.lognormal(0.0, 0.02)), CENTS)


def _collateral(
    chain: Chain, columns: tuple[Int64, Int64, Float, Float], splits: Float, cash: str
) -> list[tuple[int, str, float]]:
    """(account, asset, amount) of every balance."""
    owner, row, quantity, entry = columns
    instruments, state = chain.instruments, chain.state
    width = len(instruments.underlyings)
    book = owner * width + instruments.underlying[row]
    keys, first, group = np.unique(book, return_index=True, return_inverse=True)
    loss, worth = _loss_and_worth(chain, row, quantity, entry, group)
    price = np.where(instruments.inverse, state.fx, 0.0)[row[first]].tolist()
    out = []
    for key, coin, most, value in zip(
        keys.tolist(), price, loss.tolist(), worth.tolist(), strict=True
    ):
        account, underlying = divmod(key, width)
        cushion, way = splits[account].tolist()
        needed = max(cushion * most - value, 0.1 * most)
        if coin and way < 0.9:
            name = instruments.underlyings[underlying]
            out.append((account, name, round(needed / coin, COINS)))
            needed = 0.3 * needed if way > 0.6 else 0.0
        if needed:
            out.append((account, cash, round(needed, CENTS)))
    return _summed(out)


def _loss_and_worth(
    chain: Chain, row: Int64, quantity: Float, entry: Float, group: Int64
) -> tuple[Float, Float]:
    """Largest loss and present value, unrealised P&L included, of the rows of every group."""
    points = [(m, v, 1.0) for m in MOVES for v in (0.75, 1.0, 1.5)]
    points += [(m, 1.5, 0.16 / abs(m)) for m in TAILS]
    scenarios = rs.Scenarios.of(
        [1.0 + m for m, _, _ in points],
        vol_scale=[v for _, v, _ in points],
        weight=[w for _, _, w in points],
    )
    cube = revalue(chain.instruments, chain.state, scenarios)
    loss = np.zeros(int(group.max()) + 1)
    for values, weight in zip(cube.values.T, scenarios.weight.tolist(), strict=True):
        pnl = np.bincount(group, quantity * values[row] * weight)
        loss = np.maximum(loss, -pnl)
    inverse, mark = chain.instruments.inverse[row], chain.state.mark[row]
    opened = ~np.isnan(entry)
    over = np.where(opened, entry, 1.0)
    at = np.where(opened, mark, 1.0)
    gain = np.where(inverse, 1.0 / over - 1.0 / at, at - over)
    size = quantity * chain.instruments.multiplier[row] * chain.state.fx[row]
    worth = quantity * cube.base[row] + np.where(opened, size * gain, 0.0)
    return loss, np.bincount(group, worth).astype(np.float64)


def _summed(rows: list[tuple[int, str, float]]) -> list[tuple[int, str, float]]:
    """One row for every account and asset, sorted."""
    total: dict[tuple[int, str], float] = {}
    for account, asset, amount in rows:
        total[account, asset] = total.get((account, asset), 0.0) + amount
    return [(a, s, round(x, COINS)) for (a, s), x in sorted(total.items()) if x]
