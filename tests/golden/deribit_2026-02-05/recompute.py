"""Decides the margin of three accounts on 2026-02-05 by hand, without the library.

    python recompute.py CHAIN.csv.gz PERPETUALS.csv.gz > expected.json

CHAIN is Deribit's option snapshot of 2026-02-05T15:51:32Z, PERPETUALS its perpetual marks. Only
the standard library is used, and every formula is written out where it is needed:

- vol and forward of an option: `implied_volatility`, `futures_price` of its row; price of a coin:
  median `index_price` of the coin's rows; mark of a perpetual: `perp_futures_mark_price`;
- a scenario moves price, forwards and mark of all coins by m = -16 % ... +16 % in nine steps and
  multiplies vols by 0.72, 1, 1.45, moves outermost: S' = S (1 + m), F' = F (1 + m), v' = v k;
- one coin of an option is worth Black76(F', K, T, v') / F' * S' USD (rate 0, 365-day year);
- n USD of a perpetual gain n (1/p - 1/p') coin, worth S' each;
- P&L since the entry price p0, n (1/p0 - 1/p) coin, is worth S' each too;
- a positive balance counts 90 % (BTC, ETH) or 100 % (USDC at 1 USD), a debt counts in full;
- requirement of a coin: its worst loss over the 27 scenarios, not below zero; maintenance: their
  sum; initial: 1.25 times that; equity: balances after haircut + P&L + value of the options.

All amounts in USD unless the name says coin.
"""

import csv
import gzip
import json
import math
import sys
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).parent
MOVES = [0.16 * k / 4 for k in range(-4, 5)]
VOLS = [0.72, 1.0, 1.45]
SCENARIOS = [(m, k) for m in MOVES for k in VOLS]
KEPT = {"BTC": 0.9, "ETH": 0.9, "USDC": 1.0}
STABLE = {"USDC": 1.0}


def rows(path):
    opened = gzip.open(path, "rt") if str(path).endswith(".gz") else open(path)
    with opened as file:
        return list(csv.DictReader(file))


def normal(x):
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def black76(forward, strike, years, vol, is_call):
    deviation = vol * math.sqrt(years)
    d1 = math.log(forward / strike) / deviation + deviation / 2
    d2 = d1 - deviation
    if is_call:
        return forward * normal(d1) - strike * normal(d2)
    return strike * normal(-d2) - forward * normal(-d1)


def median(numbers):
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def read_quotes(chain, perpetuals):
    """Prices of coins, rows of options by name, marks of perpetuals, the instant."""
    options = rows(chain)
    now = options[0]["timestamp"]
    coins = {
        coin: median([float(r["index_price"]) for r in options if r["currency"] == coin])
        for coin in ("BTC", "ETH")
    }
    marks = {
        r["instrument_name"]: float(r["perp_futures_mark_price"])
        for r in rows(perpetuals)
        if r["obs_datetime"] == now
    }
    return coins, {r["instrument_name"]: r for r in options}, marks, now


def option_leg(row, spot, now):
    forward, strike = float(row["futures_price"]), float(row["strike"])
    vol, is_call = float(row["implied_volatility"]), row["option_type"] == "call"
    life = datetime.fromisoformat(row["expiry_datetime"]) - datetime.fromisoformat(now)
    years = life.total_seconds() / (365 * 86400)
    base = black76(forward, strike, years, vol, is_call) / forward * spot
    pnl = []
    for move, scale in SCENARIOS:
        moved = forward * (1 + move)
        value = black76(moved, strike, years, vol * scale, is_call) / moved
        pnl.append(value * spot * (1 + move) - base)
    return {
        "kind": "option",
        "expiry": row["expiry_datetime"],
        "strike": strike,
        "option_type": row["option_type"],
        "forward": forward,
        "vol": vol,
        "years": years,
        "unit_value": base,
        "unit_pnl": pnl,
    }


def perpetual_leg(mark, spot):
    pnl = [(1 / mark - 1 / (mark * (1 + m))) * spot * (1 + m) for m, _ in SCENARIOS]
    return {"kind": "perpetual", "mark": mark, "unit_value": 0.0, "unit_pnl": pnl}


def leg_of(position, coins, options, marks, now):
    name, quantity = position["instrument"], float(position["quantity"])
    coin = name.split("-")[0]
    if name in marks:
        leg = perpetual_leg(marks[name], coins[coin])
    else:
        leg = option_leg(options[name], coins[coin], now)
    leg |= {"instrument": name, "coin": coin, "quantity": quantity}
    leg["value"] = quantity * leg["unit_value"]
    leg["pnl"] = [quantity * x for x in leg["unit_pnl"]]
    leg["unrealised_coin"] = 0.0
    if position["entry_price"]:
        entry = float(position["entry_price"])
        leg["entry_price"] = entry
        leg["unrealised_coin"] = quantity * (1 / entry - 1 / leg["mark"])
    return leg


def coin_loss(coin, price, legs, balance):
    """Scenario P&L of everything that is held in one coin, and the worst of it."""
    counted = balance * (KEPT[coin] if balance >= 0 else 1.0)
    unrealised = sum(leg["unrealised_coin"] for leg in legs)
    of_balance = [counted * price * m for m, _ in SCENARIOS]
    of_unrealised = [unrealised * price * m for m, _ in SCENARIOS]
    of_legs = [sum(leg["pnl"][s] for leg in legs) for s in range(len(SCENARIOS))]
    columns = zip(of_legs, of_unrealised, of_balance, strict=True)
    grid = [a + b + c for a, b, c in columns]
    worst = min(range(len(grid)), key=lambda s: (grid[s], s))
    return {
        "positions": of_legs,
        "unrealised_pnl": of_unrealised,
        "collateral": of_balance,
        "grid": grid,
        "loss": max(-grid[worst], 0.0),
        "worst_scenario": worst,
    }


def margin(account, positions, balances, coins, quotes):
    mine = [p for p in positions if p["account"] == account]
    legs = [leg_of(p, coins, *quotes) for p in mine]
    cash = {b["asset"]: float(b["amount"]) for b in balances if b["account"] == account}
    units = {}
    for coin, price in coins.items():
        of_coin = [leg for leg in legs if leg["coin"] == coin]
        if of_coin or coin in cash:
            units[coin] = coin_loss(coin, price, of_coin, cash.get(coin, 0.0))
    prices = coins | STABLE
    collateral = sum(x * prices[a] * (KEPT[a] if x >= 0 else 1.0) for a, x in sorted(cash.items()))
    unrealised = sum(leg["unrealised_coin"] * coins[leg["coin"]] for leg in legs)
    option_value = sum(leg["value"] for leg in legs)
    maintenance = sum(unit["loss"] for unit in units.values())
    equity = collateral + unrealised + option_value
    return {
        "legs": legs,
        "balances": cash,
        "units": units,
        "collateral": collateral,
        "unrealised_pnl": unrealised,
        "option_value": option_value,
        "equity": equity,
        "maintenance": maintenance,
        "initial": 1.25 * maintenance,
        "excess": equity - 1.25 * maintenance,
        "maintenance_ratio": maintenance / equity,
    }


def main(chain, perpetuals):
    coins, options, marks, now = read_quotes(chain, perpetuals)
    positions, balances = rows(HERE / "positions.csv"), rows(HERE / "balances.csv")
    accounts = sorted({row["account"] for row in positions + balances})
    quotes = (options, marks, now)
    expected = {
        "as_of": now,
        "coins": coins,
        "scenarios": [{"move": m, "vol_scale": k} for m, k in SCENARIOS],
        "accounts": {a: margin(a, positions, balances, coins, quotes) for a in accounts},
    }
    print(json.dumps(expected, indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:3])
