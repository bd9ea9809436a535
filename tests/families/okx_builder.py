"""Decides how OKX's answers to account/position-builder are replayed, under the rule book `okx-pm`.

What OKX does not publish is taken from the answer: its moves, MR2, MR3 and MR5, the rates of MR4
and MR7. The index and the price of a stablecoin are inferred from one figure each, which is then
not compared. Figures are exact to float64: 1e-12 of each, zeros in USD.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from families.okx_answer import Answer, Unit, answer_of, index_of, leaves, result_of
from families.tally import Tally

import riskslide as rs
from riskslide.account.evidence import Source

EXACT = 1e-12
EVERYTHING = "everything"  # the account that holds all units; the others hold one each
FEE = 0.00102  # of a debt, in the denominator of marginRatio: fitted to the answer
STATES = ("up", "none", "down")  # ties go to the first, as the answers print them
MARGINS = ("mr1", "mr6", "mmr", "imr", "delta", "gamma", "upl")
INPUTS = ("mr2", "mr3", "mr4", "mr5", "mr7")


class Found(NamedTuple):
    """What the library finds, and which entry of each unit's grid gave its index."""

    assessment: rs.Assessment
    gamma: dict[str, float]
    rulebook: rs.Rulebook
    index_from: dict[str, tuple[float, str] | None]


def refusal(path: Path, raw: Any) -> str:
    """Why a file is none of this family; empty if it is one."""
    units = result_of(raw).get("riskUnitData")
    if not isinstance(units, list) or not units:
        return "has no riskUnitData of an answer"
    return ""


def replay(path: Path, raw: Any, tally: Tally) -> None:
    answer = answer_of(raw)
    for key, value in raw.items():
        if key not in ("result", "data") and result_of(raw) is not raw:
            reason = "what was asked" if key == "request" else "describes the file"
            tally.skip(f"({key})", reason, sum(1 for _ in leaves(value)) or 1)
    margined = [unit for unit in answer.units if not unit.refusal]
    for unit in answer.units:
        if unit.refusal:
            for name in leaves(unit.figure):
                tally.skip(f"riskUnitData.{name}", unit.refusal)
    lengths = {len(unit.grid) for unit in margined}
    if not margined or len(lengths) > 1:
        why = "units have grids of several sizes" if margined else "no unit is margined"
        for unit in margined:
            tally.skip("riskUnitData", why, sum(1 for _ in leaves(unit.figure)))
        skip_totals(answer, why, tally)
        return
    found = assess(answer, margined)
    for unit in margined:
        compare_unit(answer, unit, found, f"{path.name} {unit.name}", tally)
    if len(margined) < len(answer.units):
        skip_totals(answer, "a unit of it is not margined", tally)
    elif answer.balances is None:
        skip_totals(answer, "counts real balances, which it does not say", tally)
    elif set(answer.balances) - set(answer.price):
        skip_totals(answer, "no figure says what a balance is worth", tally)
    else:
        compare_totals(answer, found, path.name, tally)


# --- what the library is given -------------------------------------------------------------------


def assess(answer: Answer, units: list[Unit]) -> Found:
    """One account a unit, and one of them all with the balances; every position is an instrument of
    its own whose lot is all that is held of it."""
    rows = [(u, p, f"{p.name} {k}") for u in units for k, p in enumerate(u.positions) if p.size]
    contracts = rs.Instruments.from_columns(
        name=[name for _, _, name in rows],
        kind="perpetual",
        underlying=[u.name for u, _, _ in rows],
        currency=[p.currency for _, p, _ in rows],
        lot=[abs(p.size) for _, p, _ in rows],
    )
    balances = answer.balances or {}
    known = {c: amount for c, amount in balances.items() if c in answer.price}
    book = rs.Portfolio.from_columns(
        contracts,
        account=[u.name for u, _, _ in rows] + [EVERYTHING] * len(rows),
        instrument=[name for _, _, name in rows] * 2,
        quantity=[p.size for _, p, _ in rows] * 2,
        entry_price=[p.entry for _, p, _ in rows] * 2,
        balance_account=[EVERYTHING] * len(known),
        balance_asset=list(known),
        balance_amount=list(known.values()),
    )
    index = {u.name: index_of(u, answer.price) for u in units}
    spot = dict(answer.price) | {name: price for name, (price, _) in index.items()}
    marks = {name: p.mark for _, p, name in rows}
    market = rs.Market.of("2025-01-15T10:00:00Z", spot=spot, mark=marks)
    rulebook = rulebook_of(answer, units)
    found = rs.assess(book, market, rulebook)
    carried = rs.greeks(book, market, terms=rulebook.terms)
    accounts = [book.accounts[a] for a in carried.account.tolist()]
    gamma = dict(
        zip(zip(accounts, carried.name, strict=True), carried.greeks.gamma.tolist(), strict=True)
    )
    return Found(
        found,
        {u.name: gamma.get((u.name, u.name), 0.0) for u in units},
        rulebook,
        {name: entry for name, (_, entry) in index.items()},
    )


def rulebook_of(answer: Answer, units: list[Unit]) -> rs.Rulebook:
    """`okx-pm` with what the answer says of its units."""
    inputs = {
        "vol_table.days": [30.0],  # swaps have no vol
        "vol_table.up": [0.0],
        "vol_table.down": [0.0],
        "unit_loss.amounts": {u.name: u.number("mr2") for u in units},
        "unit_charge.amounts": {
            f"{u.name}:{name}": u.number(field)
            for u in units
            for name, field in (("vol_span", "mr3"), ("interest", "mr5"))
        },
        "basis_risk.rate": {u.name: basis_rate(answer, u) for u in units},
        "basis_risk.other": 0.0,
        "minimum.other": 0.0,
    }
    plain = rs.load_rulebook("okx-pm")
    start, multiple = plain.numbers("minimum.start"), plain.numbers("minimum.multiple")
    rates = {}
    for u in units:
        gross = sum(abs(x) for x in deltas(answer, u))
        raw = before_tiers(u.number("mr7"), start, multiple)
        rates[u.name] = raw / gross if gross else 0.0
    book = rs.load_rulebook("okx-pm", inputs=inputs | {"minimum.rate": rates})
    moves = {u.name: [move for move in u.moves for _ in STATES] for u in units}
    count = len(next(iter(moves.values())))
    values = {
        "grid.moves": next(iter(moves.values())),
        "grid.moves_of": moves,
        "grid.vols": list(STATES) * (count // len(STATES)),
        "grid.weights": [1.0] * count,
        "extreme.moves": {u.name: far for u in units if (far := abs(extreme_move(u)))},
    }
    held = dict(book.parameters)
    return replace(
        book, parameters=held | {k: replace(held[k], value=v) for k, v in values.items()}
    )


def deltas(answer: Answer, unit: Unit) -> list[float]:
    """USD of every position, at its mark."""
    return [p.size * p.mark * answer.price[p.currency] for p in unit.positions]


def basis_rate(answer: Answer, unit: Unit) -> float:
    net = abs(sum(deltas(answer, unit)))
    return unit.number("mr4") / net if net else 0.0


def before_tiers(charge: float, start: list[float], multiple: list[float]) -> float:
    """What of a charge in marginal tiers is before they count it several times."""
    raw = 0.0
    ends = [*start[1:], float("inf")]
    for first, last, times in zip(start, ends, multiple, strict=True):
        in_tier = min(charge, (last - first) * times)
        raw, charge = raw + in_tier / times, charge - in_tier
    return raw


def extreme_move(unit: Unit) -> float:
    return float(unit.figure.get("mr6FinalResult", {}).get("spotShock", 0.0))


# --- what is compared ----------------------------------------------------------------------------


def compare(tally: Tally, name: str, ours: float, printed: Any, where: str) -> None:
    theirs = float(printed)
    tally.compare(name, ours, theirs, EXACT, where, unit=abs(theirs) or 1.0)


def compare_unit(answer: Answer, unit: Unit, found: Found, where: str, tally: Tally) -> None:
    got = found.assessment
    line = got.line(unit.name)
    part = {name: float(x[line]) for name, x in got.components.items()}
    (evidence,) = got.explain(unit.name)
    grid = next(u.grid for u in evidence.units if u.unit == unit.name)
    compare_grid(unit, grid, found.index_from[unit.name], where, tally)
    source = got.source
    assert isinstance(source, Source) and source.cube.delta is not None
    names, lots = source.rows.instruments.name, source.program.lot
    worth = dict(zip(names, (source.cube.delta * lots).tolist(), strict=True))
    of_positions = [
        worth[f"{p.name} {k}"] * (1.0 if p.size > 0 else -1.0) if p.size else 0.0
        for k, p in enumerate(unit.positions)
    ]
    sides = ("maintenance", "initial")
    mmr, imr = (
        sum(x for n, x in part.items() if n.startswith(f"{s}.") and n != f"{s}.borrow")
        for s in sides
    )
    ours = {"mr1": part["worst"], "mr6": part["extreme"], "mmr": mmr, "imr": imr}
    ours |= {"delta": sum(of_positions), "gamma": found.gamma[unit.name]}
    ours["upl"] = float(got.unrealised_pnl[line])
    several = len(unit.currencies) > 1
    for name in (n for n in MARGINS if n in unit.figure):
        if name == "upl" and unit.name in answer.price_from.values():
            tally.skip(name, "the price of the stablecoin is inferred from it")
        elif name in ("mmr", "imr") and several:
            tally.skip(name, "MR9 depends on prices of stablecoins in a way that is not published")
        else:
            compare(tally, name, ours[name], unit.figure[name], where)
    for name in (n for n in INPUTS if n in unit.figure):
        tally.skip(name, "input")
    if "mr9" in unit.figure and several:
        tally.skip("mr9", "depends on prices of stablecoins in a way that is not published")
    elif "mr9" in unit.figure:
        compare(tally, "mr9", part["maintenance.stable_charge"], unit.figure["mr9"], where)
    compare_finals(unit, grid, part, found.rulebook, where, tally)
    compare_positions(answer, unit, of_positions, where, tally)
    known = {*MARGINS, *INPUTS, "mr8", "mr9", "mr1Scenarios", "portfolios"}
    known |= {"mr1FinalResult", "mr6FinalResult"}
    for name in leaves({k: v for k, v in unit.figure.items() if k not in known}):
        tally.skip(name, "names the unit" if name == "riskUnit" else "not a figure of the family")


def compare_grid(
    unit: Unit,
    grid: tuple[float, ...],
    index_from: tuple[float, str] | None,
    where: str,
    tally: Tally,
) -> None:
    ours = {(m, s): grid[k] for k, (m, s) in enumerate((m, s) for m in unit.moves for s in STATES)}
    for entry, printed in unit.grid.items():
        if entry == index_from:
            tally.skip("mr1Scenarios", "the index is inferred from it")
        else:
            compare(tally, "mr1Scenarios", ours[entry], printed, f"{where} {entry}")


def compare_finals(
    unit: Unit,
    grid: tuple[float, ...],
    part: dict[str, float],
    rulebook: rs.Rulebook,
    where: str,
    tally: Tally,
) -> None:
    """The worst entries: P&L, and the move and vol that they were found at."""
    first, last = (unit.figure.get(f"mr{k}FinalResult", {}) for k in (1, 6))
    at = grid.index(min(grid))
    move, state = unit.moves[at // len(STATES)], STATES[at % len(STATES)]
    far = extreme_move(unit)
    share = rulebook.number("extreme.share")
    ours = {"pnl": -part["worst"], "spotShock": move}
    for name in (n for n in ("pnl", "spotShock") if n in first):
        compare(tally, f"mr1FinalResult.{name}", ours[name], first[name], where)
    if "volShock" in first:
        words = {"up": "up", "none": "same", "down": "down"}
        same = words[state] == str(first["volShock"]).lower().removeprefix("vol")
        tally.compare("mr1FinalResult.volShock", float(same), 1.0, 0.0, where)
    if "pnl" in last:
        compare(tally, "mr6FinalResult.pnl", -part["extreme"] / share, last["pnl"], where)
    if "spotShock" in last:
        against = -abs(far) if unit.size > 0 else abs(far)
        compare(tally, "mr6FinalResult.spotShock", against, far, where)
    for name in {*first, *last} - {"pnl", "spotShock", "volShock"}:
        tally.skip(f"FinalResult.{name}", "not a figure of the family")


def compare_positions(
    answer: Answer, unit: Unit, of_positions: list[float], where: str, tally: Tally
) -> None:
    for k, p in enumerate(unit.positions):
        place = f"{where} {p.name}"
        for name in p.figure:
            field = f"portfolios.{name}"
            if name in ("instId", "amt", "avgPx", "markPx"):
                tally.skip(field, "input")
            elif name == "delta" and p.name in answer.price_from.values():
                tally.skip(field, "the price of the stablecoin is inferred from it")
            elif name == "delta":
                compare(tally, field, of_positions[k], p.figure[name], place)
            elif name == "floatPnl" and p.value_inferred:
                tally.skip(field, "the value of a contract is inferred from it")
            elif name == "floatPnl":
                compare(tally, field, p.profit, p.figure[name], place)
            elif name == "notionalUsd":
                tally.skip(field, "uses another price, which is not printed")
            else:
                tally.skip(field, "not a figure of the family")


def compare_totals(answer: Answer, found: Found, where: str, tally: Tally) -> None:
    got, rules = found.assessment, found.rulebook
    line = got.line(EVERYTHING)
    part = {name: float(x[line]) for name, x in got.components.items()}
    low, high = part["maintenance.borrow"], part["initial.borrow"]
    total, equity = float(got.maintenance[line]), float(got.equity[line])
    debt = low / rules.number("borrow.maintenance")
    ours = {
        "eq": equity,
        "upl": float(got.unrealised_pnl[line]),
        "borrowMmr": low,
        "derivMmr": total - low,
        "totalMmr": total,
        "totalImr": float(got.initial[line]),
        "marginRatio": equity / (total + FEE * debt) if total + FEE * debt else 0.0,
    }
    several = any(len(unit.currencies) > 1 for unit in answer.units)
    for name, printed in answer.result.items():
        if name in ours and several and name not in ("eq", "upl", "borrowMmr"):
            tally.skip(name, "MR9 depends on prices of stablecoins in a way that is not published")
        elif name in ours:
            compare(tally, name, ours[name], printed, where)
        elif name == "acctLever":
            tally.skip(name, "uses another price, which is not printed")
        elif name not in ("riskUnitData", "assets"):
            tally.skip(name, "not a figure of the family")
    assets = answer.result.get("assets", [])
    if assets and all("borrowImr" in asset for asset in assets):
        lent = sum(float(asset["borrowImr"]) for asset in assets)
        compare(tally, "assets.borrowImr", high, lent, where)
    for asset in assets:
        for name in asset:
            if name != "borrowImr":
                reason = "names the asset" if name == "ccy" else "not a figure of the margin"
                tally.skip(f"assets.{name}", reason)
    for unit in answer.units:
        if "mr8" in unit.figure:
            compare(tally, "mr8", low, unit.figure["mr8"], f"{where} {unit.name}")


def skip_totals(answer: Answer, reason: str, tally: Tally) -> None:
    for name in leaves({k: v for k, v in answer.result.items() if k != "riskUnitData"}):
        tally.skip(name, reason)
    for unit in answer.units:
        if "mr8" in unit.figure and not unit.refusal:
            tally.skip("mr8", reason)
