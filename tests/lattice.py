"""Decides which outputs stand for all of them, and how each is held against the committed ones.

    python tests/lattice.py                 names the outputs that moved; exit 1 if any did
    python tests/lattice.py --write         commits to the outputs as they are now
    python tests/lattice.py --variants      JSON: the instruction set, what moved by way of asking

Inputs are integers and decimal fractions made without a random generator or a function of NumPy, so
that the same lattice stands on every machine. An output has one hash in `golden/lattice.toml` and
must have its bits, unless it is listed there as looser, with a tolerance and its reason.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np

import riskslide as rs
from riskslide.book.instruments import Kind

GOLDEN = Path(__file__).parent / "golden" / "lattice.toml"
THREADS = (1, 2, 5)
ACCOUNTS = 60
AS_OF = "2026-02-05T12:00:00Z"
EXPIRIES = ("2026-02-05T13:00:00Z", "2026-02-27T08:00:00Z", "2026-12-25T08:00:00Z")
SPOT = {"BTC": 71_234.5, "ETH": 2_101.25, "CL": 63.7, "EUR": 1.18, "USDC": 0.9995}


@dataclass(frozen=True)
class Asking:
    """One way of asking for the same numbers."""

    threads: int = 1
    shuffled: bool = False
    split: bool = False


def sequence(seed: int) -> Iterator[int]:
    """Whole numbers below 2**31 (Lehmer's generator)."""
    state = seed
    while True:
        state = state * 48_271 % (2**31 - 1)
        yield state


def shuffle(count: int, asking: Asking) -> Any:
    order = list(range(count))
    if asking.shuffled:
        numbers = sequence(7)
        order.sort(key=lambda _: next(numbers))
    return np.array(order, dtype=np.int64)


def pieces(count: int, asking: Asking) -> list[tuple[int, int]]:
    if not asking.split:
        return [(0, count)]
    cuts = sorted({0, count // 7, count // 2, count - 1, count})
    return list(pairwise(cuts))


@cache
def options() -> dict[str, Any]:
    """Columns of options: at, near, far from the money, an hour to five years, and the limits."""
    strikes = (1.0, 40.0, 75.0, 99.0, 100.0, 100.00001, 130.0, 300.0, 9_000.0)
    years = (0.0, 1 / 8_760, 0.0625, 1.0, 5.0)
    vols = (0.0, 0.01, 0.2, 0.65, 4.0)
    rates = (-0.01, 0.0, 0.07)
    grid = list(product(strikes, years, vols, rates, (0.0, 1.0)))
    columns = [np.array(c) for c in zip(*grid, strict=True)]
    return dict(zip(("strike", "years", "vol", "rate", "is_call"), columns, strict=True))


def greek_outputs(asking: Asking) -> Iterator[tuple[str, Any]]:
    held = options()
    order = shuffle(held["strike"].size, asking)
    back = np.argsort(order)
    c = {name: column[order] for name, column in held.items()}
    for model in ("black76", "bsm", "bachelier"):
        parts = []
        for a, b in pieces(order.size, asking):
            k = {name: column[a:b] for name, column in c.items()}
            second = rs.SecondOrder.empty(b - a)
            common = {"is_call": k["is_call"], "threads": asking.threads, "second": second}
            if model == "black76":
                found = rs.black76(
                    100.0, k["strike"], k["years"], k["vol"], rate=k["rate"], **common
                )
            elif model == "bsm":
                found = rs.bsm(100.0, k["strike"], k["years"], k["vol"], k["rate"], 0.03, **common)
            else:
                found = rs.bachelier(
                    100.0,
                    k["strike"] - 60.0,
                    k["years"],
                    k["vol"] * 100.0,
                    rate=k["rate"],
                    **common,
                )
            parts.append((*found, *second))
        names = (*rs.Greeks._fields, *rs.SecondOrder._fields)
        for name, columns in zip(names, zip(*parts, strict=True), strict=True):
            yield f"{model}.{name}", np.concatenate(columns)[back]


def implied_outputs(asking: Asking) -> Iterator[tuple[str, Any]]:
    """Vols of prices out to where they are lost in rounding, in and out of bounds."""
    held = options()
    order = shuffle(held["strike"].size, asking)
    back = np.argsort(order)
    c = {name: column[order] for name, column in held.items()}
    for model in ("black76", "bsm", "bachelier"):
        parts = []
        for a, b in pieces(order.size, asking):
            k = {name: column[a:b] for name, column in c.items()}
            price = (k["vol"] * k["vol"] * 7.0 + k["years"]) * 3.0 - 0.25
            carry = {"dividend_yield": 0.03} if model == "bsm" else {}
            found = rs.implied_vol(
                price,
                100.0,
                k["strike"],
                k["years"] + 0.125,
                is_call=k["is_call"],
                model=model,
                errors="mask",
                rate=k["rate"],
                threads=asking.threads,
                **carry,
            )
            parts.append(found)
        for name, columns in zip(("vol", "status"), zip(*parts, strict=True), strict=True):
            yield f"{model}.implied.{name}", np.concatenate(columns)[back]


@cache
def instruments() -> rs.Instruments:
    rows: list[tuple[Any, ...]] = []
    models = ("black76", "bsm", "bachelier")
    for coin, expiry, step, side in product(("BTC", "ETH", "CL"), EXPIRIES, range(7), "cp"):
        strike = SPOT[coin] * (70 + 10 * step) / 100
        model = models[step % 3] if coin == "CL" else "black76"
        inverse = coin == "ETH" or (coin == "BTC" and step % 2)
        rows.append(
            (coin, expiry, strike, side, "option", model, "inverse" if inverse else "linear")
        )
    for coin, expiry in product(("BTC", "ETH", "CL"), EXPIRIES):
        kind = "inverse" if coin == "ETH" else "linear"
        rows.append((coin, expiry, "", "", "future", "black76", kind))
    rows += [("BTC", "", "", "", "perpetual", "black76", kind) for kind in ("inverse", "linear")]
    rows.append(("ETH", "", "", "", "spot", "black76", "linear"))
    columns = [list(c) for c in zip(*rows, strict=True)]
    names = ("underlying", "expiry", "strike", "option_type", "kind", "model", "settlement")
    given = dict(zip(names, columns, strict=True))
    return rs.Instruments.from_columns(
        name=[f"I{k:03d}" for k in range(len(rows))],
        lot=[(1e-8, 0.1, 1.0)[k % 3] for k in range(len(rows))],
        multiplier=[(1.0, 0.1, 10.0)[k % 3] for k in range(len(rows))],
        currency=[
            r[0] if r[6] == "inverse" else ("USD", "USDC", "EUR")[k % 3] for k, r in enumerate(rows)
        ],
        **given,
    )


@cache
def market() -> rs.Market:
    held = instruments()
    kinds = dict(zip(held.name, held.kind.tolist(), strict=True))
    underlying = {n: held.underlyings[u] for n, u in zip(held.name, held.underlying, strict=True)}
    normal = {n for n, m in zip(held.name, held.model.tolist(), strict=True) if m == 2}
    vol = {}
    for k, name in enumerate(n for n in held.name if kinds[n] == 0):
        decimal = (30 + 11 * k % 97) / 100
        vol[name] = decimal * (SPOT[underlying[name]] if name in normal else 1.0)
    return rs.Market.of(
        AS_OF,
        spot=SPOT,
        forward={(u, EXPIRIES[1]): SPOT[u] * 1.0125 for u in ("BTC", "ETH")},
        mark={n: SPOT[underlying[n]] * 1.0015 for n in held.name if kinds[n] in (1, 2)},
        vol=vol,
        rate={"CL": 0.04, ("BTC", EXPIRIES[2]): 0.03},
        dividend_yield={"CL": 0.01},
    )


def cube_outputs(asking: Asking) -> Iterator[tuple[str, Any]]:
    held = instruments()
    euro = [c == "EUR" for c in (held.currencies[k] for k in held.currency)]
    linear = [k for k in range(len(held)) if not held.inverse[k] and not euro[k]]
    shifts = rs.Scenarios.of(
        [(50 + 7 * k) / 100 for k in range(19)],
        price_shift=[-40.0 + 3.25 * k for k in range(19)],
        vol_scale=[(20 + 13 * k) / 100 for k in range(19)],
        vol_shift=0.02,
        vol_floor=0.3,
    )
    grid = rs.Scenarios.grid([(k - 16) / 40 for k in range(33)], [0.72, 1.0, 1.45])
    for name, rows, scenarios in (("grid", range(len(held)), grid), ("shift", linear, shifts)):
        order = shuffle(len(rows), asking)
        back = np.argsort(order)
        at = np.array(rows, dtype=np.int64)[order]
        found = [
            rs.revalue(held.take(at[a:b]), market(), scenarios, threads=asking.threads)
            for a, b in pieces(at.size, asking)
        ]
        yield f"cube.{name}.values", np.concatenate([f.values for f in found])[back]
        yield f"cube.{name}.base", np.concatenate([f.base for f in found])[back]
        yield f"cube.{name}.floored", np.array([sum(f.floored for f in found)])


def shape_outputs(asking: Asking) -> Iterator[tuple[str, Any]]:
    """Scenarios of time, rates and currencies, whole and streamed through sums and tails."""
    held = instruments()
    numbers = sequence(11)
    state = market().on(held)
    shape = (len(state.factors), 275)
    size = shape[0] * shape[1]
    scenarios = rs.Scenarios.of(
        np.array([(60 + next(numbers) % 81) / 100 for _ in range(size)]).reshape(shape),
        vol_scale=np.array([(70 + next(numbers) % 61) / 100 for _ in range(size)]).reshape(shape),
        rate_shift=np.array([(next(numbers) % 9 - 4) / 200 for _ in range(size)]).reshape(shape),
        horizon_days=[(0.0, 0.04, 1.0, 10.0, 22.0, 400.0)[k % 6] for k in range(shape[1])],
        weight=[(1.0, 0.35)[k % 2] for k in range(shape[1])],
        factors=state.factors,
    )
    order = shuffle(len(held), asking)
    back = np.argsort(order)
    found = [
        rs.revalue(held.take(order[a:b]), market(), scenarios, threads=asking.threads)
        for a, b in pieces(order.size, asking)
    ]
    yield "shapes.values", np.concatenate([f.values for f in found])[back]
    rows, n = 30, 400
    account = np.array([next(numbers) % rows for _ in range(n)])
    index = np.array([next(numbers) % len(held) for _ in range(n)])
    lots = np.array([next(numbers) % 2_001 - 1_000 for _ in range(n)])
    memory = 2**30 if asking.threads == 1 else 1  # or 16 columns and one row at a time
    streamed = rs.Revaluation(held, state, scenarios, per_lot=True, memory=memory)
    order = shuffle(n, asking)
    account, index, lots = account[order], index[order], lots[order]
    parts: dict[str, list[Any]] = {}
    for first, last in pieces(rows, asking):
        at = (account >= first) & (account < last)
        positions = rs.Positions.from_columns(
            account[at] - first,
            index[at],
            lots[at],
            accounts=last - first,
            instruments=len(held),
        )
        sums = rs.aggregate(positions, streamed, threads=asking.threads)
        parts.setdefault("aggregate", []).append(sums)
        for function in (rs.worst_loss, rs.tail):
            found_here = function(positions, streamed, threads=asking.threads)._asdict()
            for name, column in found_here.items():
                parts.setdefault(f"{function.__name__}.{name}", []).append(column)
    for name, columns in parts.items():
        yield f"shapes.{name}", np.concatenate(columns)


@cache
def book() -> tuple[list[Any], list[Any]]:
    """Positions (account, instrument, lots, entry) and balances (account, asset, amount)."""
    numbers = sequence(20_260_205)
    held = instruments()
    positions, balances = [], []
    for account in range(ACCOUNTS):
        for _ in range(next(numbers) % 40):
            k = next(numbers) % len(held)
            lots = next(numbers) % 2_001 - 1_000
            size = lots * (10**7 if held.lot[k] == 1e-8 else 1)
            price = SPOT[held.underlyings[held.underlying[k]]] * (90 + next(numbers) % 21) / 100
            entry = price if next(numbers) % 2 else float("nan")
            positions.append((account, held.name[k], size * float(held.lot[k]), entry))
        for asset in ("BTC", "ETH", "EUR", "USD", "USDC", "USDC"):
            if next(numbers) % 3 == 0:
                amount = (next(numbers) % 2_000_001 - 500_000) / 128
                balances.append((account, asset, amount))
    positions.append((ACCOUNTS, held.name[0], 1.0, float("nan")))
    return positions, balances


RULE_BOOKS = (
    *("generic-slides", "generic-unified", "deribit-spm", "deribit-xpm"),
    *("derive-pm2", "derive-pm1", "paradex-pm"),
)


def assess_outputs(asking: Asking) -> Iterator[tuple[str, Any]]:
    for rulebook in RULE_BOOKS:
        for name, array in assess_under(rs.load_rulebook(rulebook), asking):
            yield f"{rulebook}.{name}", array


def assess_under(rulebook: rs.Rulebook, asking: Asking) -> Iterator[tuple[str, Any]]:
    positions, balances = book()
    order = shuffle(len(positions), asking)
    cash_order = shuffle(len(balances), asking)
    held, found = instruments(), []
    coins = {held.name[k] for k in np.flatnonzero(held.kind == Kind.SPOT.value)}
    for first, last in pieces(ACCOUNTS + 1, asking):
        rows = [positions[k] for k in order if first <= positions[k][0] < last]
        cash = [balances[k] for k in cash_order if first <= balances[k][0] < last]
        ordered = [r for r in rows if r[0] % 3 == 0 and r[1] not in coins]
        portfolio = rs.Portfolio.from_columns(
            held,
            account=[f"a{r[0]:03d}" for r in rows],
            instrument=[r[1] for r in rows],
            quantity=[r[2] for r in rows],
            entry_price=[r[3] for r in rows],
            balance_account=[f"a{r[0]:03d}" for r in cash],
            balance_asset=[r[1] for r in cash],
            balance_amount=[r[2] for r in cash],
            order_account=[f"a{r[0]:03d}" for r in ordered],
            order_instrument=[r[1] for r in ordered],
            order_quantity=[-r[2] for r in ordered],
        )
        found.append(rs.assess(portfolio, market(), rulebook, threads=asking.threads))
    keys = [
        f"{account}/{pool}/{unit}"
        for f in found
        for account, pool, unit in zip(f.account, f.pool, f.worst_unit, strict=True)
    ]
    yield "assess.key", np.array(keys, dtype="S24")
    for name in (
        "initial",
        "maintenance",
        "equity",
        "collateral",
        "unrealised_pnl",
        "option_value",
        "excess",
        "maintenance_ratio",
        "status",
        "worst_scenario",
        "unit_loss",
        "unit_scenario",
    ):
        yield f"assess.{name}", np.concatenate([getattr(f, name) for f in found])
    for name in found[0].components:
        figures = np.concatenate([f.components[name] for f in found])
        if np.unique(figures).size > 2:  # else the same for nearly all
            yield f"assess.{name}", figures


def sum_outputs(asking: Asking) -> Iterator[tuple[str, Any]]:
    """Sums and worst losses of many scenarios, more than one pass of the kernel holds."""
    numbers = sequence(3)
    rows, width, scenarios = 40, 23, 301
    values = np.array([next(numbers) - 2**30 for _ in range(width * scenarios)]) / 1024.0
    n = 900
    account = np.array([next(numbers) % rows for _ in range(n)])
    instrument = np.array([next(numbers) % width for _ in range(n)])
    lots = np.array([next(numbers) % 201 - 100 for _ in range(n)])
    order = shuffle(n, asking)
    account, instrument, lots = account[order], instrument[order], lots[order]
    cube = rs.Cube.from_values(values.reshape(width, scenarios))
    screened = rs.Cube.from_values(np.ascontiguousarray(cube.values[:, :93]))  # see 0015
    sums, losses, few, tails = [], [], [], []
    for first, last in pieces(rows, asking):
        at = (account >= first) & (account < last)
        positions = rs.Positions.from_columns(
            account[at] - first,
            instrument[at],
            lots[at],
            accounts=last - first,
            instruments=width,
            threads=asking.threads,
        )
        sums.append(rs.aggregate(positions, cube, threads=asking.threads))
        losses.append(rs.worst_loss(positions, cube, threads=asking.threads))
        few.append(rs.worst_loss(positions, screened, threads=asking.threads))
        tails.append(rs.tail(positions, cube, level=0.97, threads=asking.threads))
    for name in ("value_at_risk", "expected_shortfall", "scenario"):
        yield f"tail.{name}", np.concatenate([getattr(t, name) for t in tails])
    yield "aggregate", np.concatenate(sums)
    for kind, found in (("worst_loss", losses), ("screened", few)):
        for name in rs.WorstLoss._fields:
            yield f"{kind}.{name}", np.concatenate([getattr(w, name) for w in found])


def outputs(asking: Asking) -> Iterator[tuple[str, Any]]:
    """Every output by name, in the order of the lattice however it was asked for."""
    for part in (
        *(greek_outputs, implied_outputs, cube_outputs),
        *(assess_outputs, sum_outputs, shape_outputs),
    ):
        yield from part(asking)


def digest(array: Any) -> str:
    """SHA-256 over shape, type and little-endian bytes."""
    found = hashlib.sha256(f"{array.shape}{array.dtype.str[1:]}".encode())
    found.update(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes())
    return found.hexdigest()


def fault(name: str, array: Any, golden: Mapping[str, Any]) -> str | None:
    """What is wrong with one output, or None."""
    gate = golden["looser"].get(name)
    if gate is None:
        wanted = golden["identical"].get(name)
        if wanted is None:
            return f"{name} is not listed"
        return None if digest(array) == wanted else f"{name} moved"
    if array.shape != (len(gate["values"]),):
        return f"{name} has {array.shape} figures, not {len(gate['values'])}"
    values = np.array(gate["values"])
    off = np.abs(array - values) / np.maximum(np.abs(values), gate["floor"])
    largest = float(np.max(off, initial=0.0))
    return None if largest <= gate["relative"] else f"{name} moved by {largest:.3g} of itself"


def faults(found: Mapping[str, Any], golden: Mapping[str, Any]) -> list[str]:
    """Outputs that moved, appeared or disappeared without being listed, in the lattice's order."""
    wrong = [text for name, array in found.items() if (text := fault(name, array, golden))]
    listed = (*golden["identical"], *golden["looser"])
    return wrong + [f"{name} is gone" for name in listed if name not in found]


def committed() -> dict[str, Any]:
    return {"identical": {}, "looser": {}} | tomllib.loads(GOLDEN.read_text("utf-8"))


def as_toml(found: Mapping[str, Any], looser: Mapping[str, Any]) -> str:
    """One line for each output, so that two changes of the lattice merge."""
    lines = ["# Written by `python tests/lattice.py --write`. SHA-256 of every output.", ""]
    lines.append("[identical]")
    lines += [f'"{name}" = "{digest(found[name])}"' for name in found if name not in looser]
    for name, gate in looser.items():
        lines += ["", f'[looser."{name}"]', f"reason = {json.dumps(gate['reason'])}"]
        lines += [f"{key} = {gate[key]!r}" for key in ("relative", "floor")]
        lines.append(f"values = {found[name].tolist()!r}")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Outputs over a fixed lattice, and their hashes.")
    parser.add_argument("--variants", action="store_true", help="every way of asking")
    parser.add_argument("--write", action="store_true", help="commit to what is found")
    asked = parser.parse_args()
    if asked.write:
        looser = committed()["looser"] if GOLDEN.exists() else {}
        GOLDEN.write_text(as_toml(dict(outputs(Asking())), looser), "utf-8")
        return 0
    ways = list(product(THREADS, (False, True), (False, True))) if asked.variants else [(1, 0, 0)]
    wrong = {
        f"threads {threads}, shuffled {shuffled}, split {split}": faults(
            dict(outputs(Asking(threads, bool(shuffled), bool(split)))), committed()
        )
        for threads, shuffled, split in ways
    }
    if asked.variants:
        print(json.dumps({"instruction_set": rs.runtime()["instruction_set"], "ways": wrong}))
        return 0
    for text in (text for found in wrong.values() for text in found):
        print(text)
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
