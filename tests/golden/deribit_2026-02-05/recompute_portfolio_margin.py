"""Decides the portfolio margin of three accounts on 2026-02-05 by hand, without the library.

    python recompute_portfolio_margin.py CHAIN.csv.gz PERPETUALS.csv.gz \
        > expected_portfolio_margin.json

It does what `recompute.py` does for the plain slides, for the rule books deribit-spm (each coin
alone) and deribit-xpm (one pool), with the open orders of orders.csv. Quotes, units and year are
those of `recompute.py`. Only the standard library is used. Sources: the project's text on
scenario margin, section "Deribit portfolio margin", and its decisions where that text is open.

- A column is a move m and a vol state: R k/4 for k = -4..4, each down, same, up; then eight
  extended moves, up only. Columns count from 0, ties go to the first.
- Vol: x = (30/days)^power, power short below 30 days; up max(v (1 + u x), 0.5);
  down max(v (1 - d x), 0).
- P&L of one coin of an option, in coin: V(F (1+m), v')/(F (1+m)) - V(F, v)/F. A perpetual of n
  USD is Q = n/p coins and gains Q m/(1+m) coin.
- Weight of an extended column: R/|m| (1+m)/(1 + sgn(m) R); else 1. USD: coin at today's price.
- Node (settlement coin, underlying), per column: the weighted sum; towards zero by
  (|m|/R - 1) dampener / (1 + sgn(m) R) in extended columns; a gain counts
  min(offset gain, most), a loss in full. Pool: the sum of its nodes; worst loss, not below zero.
- Roll: |net delta| price max(exp(a T) - 1, least) per expiry, perpetuals apart with the least.
- risk = worst + roll + delta shock; maintenance 0.8 risk; initial risk + open orders.
- Open orders: how much the worst loss grows when each (instrument, side) adds its losing columns.
- Equity: balances (a positive one after haircut) + P&L since entry + options, at today's price.

All amounts in USD unless the name says coin; a multiplier or a vol has no unit.
"""

import csv
import gzip
import json
import math
import sys
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).parent
EXTENDED = [-0.66, -0.33, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0]
STABLE = {"USD": 1.0, "USDC": 1.0, "USDT": 1.0}
COMMON = {
    "vol_down": 0.25,
    "short_power": 0.30,
    "long_power": 0.13,
    "least_vol_up": 0.5,
    "delta_threshold": 20e6,
    "delta_slope": 0.0,
    "most_delta_shock": 0.1,
    "maintenance_factor": 0.8,
}
PRESETS = {
    "deribit-spm": COMMON
    | {
        "range": 0.16,
        "vol_up": 0.50,
        "dampener": 100e3,
        "roll_rate": 0.075,
        "roll_least": 0.01,
        "offset": 0.0,
        "most_offset": 0.0,
        "one_pool": False,
        "haircut": None,
    },
    "deribit-xpm": COMMON
    | {
        "range": 0.18,
        "vol_up": 0.40,
        "dampener": 200e3,
        "roll_rate": 0.05,
        "roll_least": 0.005,
        "offset": 0.6,
        "most_offset": 20e6,
        "one_pool": True,
        "haircut": {"BTC": 0.0, "ETH": 0.0, "USD": 0.0, "USDC": 0.0, "STETH": 0.075},
    },
}


# Quotes


def rows(path):
    opened = gzip.open(path, "rt") if str(path).endswith(".gz") else open(path)
    with opened as file:
        return list(csv.DictReader(file))


def median(numbers):
    ordered = sorted(numbers)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


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


# Scenarios


def columns_of(rules):
    """Per column: the move, the vol state, its weight, its dampener in USD."""
    reach = rules["range"]
    columns = [
        {"move": reach * k / 4, "vol": state, "weight": 1.0, "dampener": 0.0}
        for k in range(-4, 5)
        for state in ("down", "same", "up")
    ]
    for move in EXTENDED:
        edge = 1 + math.copysign(reach, move)
        weight = reach / abs(move) * (1 + move) / edge
        dampener = (max(abs(move) / reach, 1) - 1) * rules["dampener"] / edge
        columns.append({"move": move, "vol": "up", "weight": weight, "dampener": dampener})
    return columns


def shocked_vols(vol, days, rules):
    power = rules["short_power"] if days < 30 else rules["long_power"]
    stretch = (30 / days) ** power
    up, down = 1 + rules["vol_up"] * stretch, 1 - rules["vol_down"] * stretch
    return {
        "vol_multiplier_up": up,
        "vol_multiplier_down": down,
        "shocked_vol": {
            "down": max(vol * down, 0.0),
            "same": vol,
            "up": max(vol * up, rules["least_vol_up"]),
        },
    }


# One instrument


def normal(x):
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def black76(forward, strike, years, vol, is_call):
    """Value, and delta to the forward, undiscounted."""
    deviation = vol * math.sqrt(years)
    if deviation == 0:
        d1 = d2 = math.copysign(math.inf, forward - strike)
    else:
        d1 = math.log(forward / strike) / deviation + deviation / 2
        d2 = d1 - deviation
    if is_call:
        return forward * normal(d1) - strike * normal(d2), normal(d1)
    return strike * normal(-d2) - forward * normal(-d1), normal(d1) - 1


def option_leg(row, quantity, now, rules, columns):
    forward, strike = float(row["futures_price"]), float(row["strike"])
    vol, is_call = float(row["implied_volatility"]), row["option_type"] == "call"
    life = datetime.fromisoformat(row["expiry_datetime"]) - datetime.fromisoformat(now)
    days = life.total_seconds() / 86400
    years = days / 365
    shocks = shocked_vols(vol, days, rules)
    value, delta = black76(forward, strike, years, vol, is_call)
    pnl = []
    for column in columns:
        moved, shocked = forward * (1 + column["move"]), shocks["shocked_vol"][column["vol"]]
        pnl.append(black76(moved, strike, years, shocked, is_call)[0] / moved - value / forward)
    leg = {"kind": "option", "expiry": row["expiry_datetime"], "strike": strike}
    leg |= {"option_type": row["option_type"], "forward": forward, "vol": vol}
    leg |= {"years": years, "days": days} | shocks
    leg |= {"unit_coin_value": value / forward, "delta_coin": quantity * delta}
    return leg | {"coin_pnl": [quantity * x for x in pnl]}


def perpetual_leg(mark, quantity, entry, columns):
    size = quantity / mark
    leg = {"kind": "perpetual", "mark": mark, "unit_coin_value": 0.0, "delta_coin": size}
    if entry:
        leg["entry_price"] = float(entry)
        leg["unrealised_coin"] = quantity * (1 / float(entry) - 1 / mark)
    return leg | {"coin_pnl": [size * c["move"] / (1 + c["move"]) for c in columns]}


def leg_of(line, quotes, rules, columns):
    """A position or an order as it moves, in coin and, weighted, in USD."""
    coins, options, marks, now = quotes
    name, quantity = line["instrument"], float(line["quantity"])
    coin = name.split("-")[0]
    if name in marks:
        leg = perpetual_leg(marks[name], quantity, line.get("entry_price"), columns)
    else:
        leg = option_leg(options[name], quantity, now, rules, columns)
    moved = zip(leg["coin_pnl"], columns, strict=True)
    weighted = [x * coins[coin] * c["weight"] for x, c in moved]
    named = {"instrument": name, "settlement": coin, "underlying": coin, "quantity": quantity}
    return named | leg | {"weighted": weighted}


# Nodes and the worst column


def toward_zero(amount, step):
    return math.copysign(max(abs(amount) - step, 0.0), amount)


def after_offset(amount, rules):
    return min(rules["offset"] * amount, rules["most_offset"]) if amount >= 0 else amount


def node_of(legs, orders, rules, columns):
    """What is held in one coin on one underlying, with the losing columns of the orders."""
    sides = {}
    for order in orders:
        sides.setdefault((order["instrument"], order["quantity"] > 0), []).append(order)
    weighted = []
    for s in range(len(columns)):
        fills = [min(0.0, sum(o["weighted"][s] for o in side)) for side in sides.values()]
        weighted.append(sum(leg["weighted"][s] for leg in legs) + sum(fills))
    steps = [c["dampener"] for c in columns]
    dampened = [toward_zero(x, step) for x, step in zip(weighted, steps, strict=True)]
    counted = [after_offset(y, rules) for y in dampened]
    return {"weighted": weighted, "dampened": dampened, "offset": counted}


def worst_of(legs, orders, rules, columns):
    """The nodes of a pool, their sum in each column, the worst loss and where it is."""
    keys = sorted({(x["settlement"], x["underlying"]) for x in legs + orders})
    nodes = {}
    for key in keys:
        mine = [
            [x for x in part if (x["settlement"], x["underlying"]) == key]
            for part in (legs, orders)
        ]
        nodes["/".join(key)] = node_of(*mine, rules, columns)
    pool = [sum(node["offset"][s] for node in nodes.values()) for s in range(len(columns))]
    at = min(range(len(pool)), key=lambda s: (pool[s], s))
    return {"nodes": nodes, "columns": pool, "worst": max(-pool[at], 0.0), "worst_column": at}


# Shocks on the delta


def roll_buckets(legs, coins, rules):
    """One line per settlement coin, underlying and expiry; perpetuals are a line of their own."""
    buckets = {}
    for leg in legs:
        key = (leg["settlement"], leg["underlying"], leg.get("expiry", "perpetual"))
        buckets.setdefault(key, []).append(leg)
    lines = []
    for (settlement, underlying, expiry), mine in sorted(buckets.items()):
        factor = rules["roll_least"]
        if expiry != "perpetual":
            factor = max(math.exp(rules["roll_rate"] * mine[0]["years"]) - 1, factor)
        net = sum(leg["delta_coin"] for leg in mine)
        line = {"settlement": settlement, "underlying": underlying, "expiry": expiry}
        line |= {"net_delta_coin": net, "factor": factor}
        lines.append(line | {"shock": abs(net) * coins[settlement] * factor})
    return lines


def delta_lines(legs, coins, rules):
    """One line per settlement coin and underlying; the slope 0 of both rule books makes it 0."""
    lines = []
    for key in sorted({(leg["settlement"], leg["underlying"]) for leg in legs}):
        mine = [leg for leg in legs if (leg["settlement"], leg["underlying"]) == key]
        long = sum(x["delta_coin"] for x in mine if x["kind"] == "option" and x["quantity"] > 0)
        other = sum(leg["delta_coin"] for leg in mine) - long
        both = long + other
        net = min(max(both, other), 0.0) if other < 0 else max(min(both, other), 0.0)
        size = abs(net) * coins[key[0]]
        shock = max(size - rules["delta_threshold"], 0.0) * rules["delta_slope"]
        line = {"settlement": key[0], "underlying": key[1]}
        line |= {"long_options_coin": long, "other_coin": other, "net_coin": net}
        lines.append(line | {"shock": min(shock, rules["most_delta_shock"] * size)})
    return lines


# Pools and accounts


def requirement_of(legs, orders, coins, rules, columns):
    held = worst_of(legs, [], rules, columns)
    filled = worst_of(legs, orders, rules, columns)
    buckets, deltas = roll_buckets(legs, coins, rules), delta_lines(legs, coins, rules)
    roll, delta = sum(x["shock"] for x in buckets), sum(x["shock"] for x in deltas)
    risk = held["worst"] + roll + delta
    open_orders = filled["worst"] - held["worst"]
    return held | {
        "with_orders": filled,
        "roll_buckets": buckets,
        "delta_lines": deltas,
        "roll_shock": roll,
        "delta_shock": delta,
        "risk_matrix": risk,
        "maintenance": rules["maintenance_factor"] * risk,
        "open_orders": open_orders,
        "initial": risk + open_orders,
    }


def equity_of(legs, cash, coins, rules):
    """Worth of a pool today; without a haircut table every asset counts in full."""
    prices, collateral = coins | STABLE, 0.0
    for asset, amount in sorted(cash.items()):
        haircut = rules["haircut"].get(asset, 1.0) if rules["haircut"] else 0.0
        collateral += amount * prices[asset] * (1 - haircut if amount > 0 else 1.0)
    unrealised = sum(x.get("unrealised_coin", 0.0) * coins[x["settlement"]] for x in legs)
    options = sum(x["quantity"] * x["unit_coin_value"] * coins[x["settlement"]] for x in legs)
    return {
        "collateral": collateral,
        "unrealised_pnl": unrealised,
        "option_value": options,
        "equity": collateral + unrealised + options,
    }


def margin(legs, orders, cash, coins, rules, columns):
    """One account: its pools, and their sums."""
    pools = {}
    names = {x["settlement"] for x in legs + orders} | set(cash)
    for name in ["account"] if rules["one_pool"] else sorted(names):
        mine = [
            [x for x in part if rules["one_pool"] or x["settlement"] == name]
            for part in (legs, orders)
        ]
        money = {a: x for a, x in cash.items() if rules["one_pool"] or a == name}
        pool = {"balances": money, "legs": mine[0], "orders": mine[1]}
        pool |= requirement_of(*mine, coins, rules, columns)
        pool |= equity_of(mine[0], money, coins, rules)
        pools[name] = pool | {"excess": pool["equity"] - pool["initial"]}
    summed = ("worst", "roll_shock", "delta_shock", "risk_matrix", "maintenance", "open_orders")
    summed += ("initial", "collateral", "unrealised_pnl", "option_value", "equity", "excess")
    return {"pools": pools} | {x: sum(pool[x] for pool in pools.values()) for x in summed}


def main(chain, perpetuals):
    quotes = read_quotes(chain, perpetuals)
    files = [rows(HERE / f"{name}.csv") for name in ("positions", "orders", "balances")]
    expected = {"as_of": quotes[-1], "coins": quotes[0], "rulebooks": {}}
    for name, rules in PRESETS.items():
        columns, accounts = columns_of(rules), {}
        for account in sorted({line["account"] for file in files for line in file}):
            positions, orders, balances = (
                [x for x in file if x["account"] == account] for file in files
            )
            legs, fills = (
                [leg_of(x, quotes, rules, columns) for x in part] for part in (positions, orders)
            )
            cash = {x["asset"]: float(x["amount"]) for x in balances}
            accounts[account] = margin(legs, fills, cash, quotes[0], rules, columns)
        book = {"parameters": rules, "columns": columns, "accounts": accounts}
        expected["rulebooks"][name] = book
    print(json.dumps(expected, indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:3])
