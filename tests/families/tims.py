"""Decides how tables of portfolio margin by TIMS are replayed: prices in, requirement out.

A table has blocks, one for each underlying; vols are those at which the option's own model gives
the printed premium.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from families.files import DAY, instant
from families.tally import Tally, is_number, skip_header

import riskslide as rs

TOLERANCE = 2.5e-3  # of the printed figure; premiums are printed to the cent or half of it
AS_OF = instant("2007-02-23T21:00:00Z")  # the table counts days, not dates
MODELS = {"american": "bsm", "european": "bsm"}  # on the spot, with rate and dividend yield
NEEDED = ("underlying", "multiplier", "style", "T_days", "suggested", "cases")
NUMBERS = ("underlying", "multiplier", "T_days")  # any other number is the price of a fund


class Block(NamedTuple):
    """One underlying, and the fund on its basket where the table has one."""

    name: str
    fund: str
    spot: Mapping[str, float]
    rulebook: rs.Rulebook
    raw: Mapping[str, Any]


def refusal(path: Path, raw: Any) -> str:
    """Why a file is none of this family; empty if it is one."""
    if not isinstance(raw, dict) or not list(blocks_of(raw)):
        return "has no block of cases with a portfolio margin"
    return ""


def blocks_of(raw: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What holds cases of which one has a portfolio margin."""
    for name, block in raw.items():
        cases = block.get("cases") if isinstance(block, dict) else None
        if isinstance(cases, list) and any("portfolio_margin" in case for case in cases):
            yield name, block


def replay(path: Path, raw: Any, tally: Tally) -> None:
    blocks = dict(blocks_of(raw))
    skip_header(raw, blocks, tally)
    for name, block in blocks.items():
        for key, value in block.items():
            if key != "cases":
                tally.skip(key, "text" if isinstance(value, str) and key != "style" else "input")
        missing = [key for key in NEEDED if block.get(key) is None]
        for case in block["cases"]:
            where = f"{path.name} {name} {case.get('name', '')}".strip()
            skip_inputs(case, tally)
            if missing or not is_number(case.get("portfolio_margin")):
                lacks = f"the block lacks {', '.join(missing)}" if missing else "null in the file"
                tally.skip("portfolio_margin", lacks)
            else:
                compare(block_of(name, block), case, where, tally)


def skip_inputs(case: Mapping[str, Any], tally: Tally) -> None:
    for key, value in case.items():
        if key == "strategy_margin":
            tally.skip(key, "standard margin, which the family strategy replays")
        elif key != "portfolio_margin":
            tally.skip(key, "text" if isinstance(value, str) else "input")


def block_of(name: str, block: Mapping[str, Any]) -> Block:
    """The block with its rule book: occ-cpm with the range of the table, and the fund in the class
    group of the underlying."""
    underlying = name.upper()
    others = {k.upper(): v for k, v in block.items() if k not in NUMBERS and is_number(v)}
    fund = next(iter(others), underlying)
    rulebook = rs.load_rulebook("occ-cpm")
    values: dict[str, Any] = {"groups.class": {fund: underlying} if others else {}}
    if block.get("range") is not None:
        low, high = block["range"]
        values |= {"points.low": {"table": low}, "points.high": {"table": high}}
        values |= {"points.kind": {}, "points.kind_other": "table", "groups.product": {}}
        values |= {"groups.portfolio": {}}
    held = dict(rulebook.parameters)
    changed = {key: replace(held[key], value=value) for key, value in values.items()}
    spot = {underlying: float(block["underlying"])} | others
    return Block(underlying, fund, spot, replace(rulebook, parameters=held | changed), block)


def compare(block: Block, case: Mapping[str, Any], where: str, tally: Tally) -> None:
    """One position of the table; the note says what its requirement is made of."""
    printed = float(case["portfolio_margin"])
    try:
        found = assess(block, case)
    except rs.RiskslideError as error:
        tally.fail("portfolio_margin", f"refused: {error}", where)
        return
    margin, unit = float(found.maintenance[0]), max(abs(printed), 1.0)
    tally.compare("portfolio_margin", margin, printed, TOLERANCE, where, unit=unit)
    (evidence,) = found.explain("table")
    for held in evidence.units:
        requirement, least = held.figures["requirement"], held.figures["minimum"]
        binds = "minimum" if least > requirement else held.label
        told = f"{margin:,.0f} for {printed:,.0f}, {(margin - printed) / unit:+.3%}: {binds}"
        tally.note(where, told)


def assess(block: Block, case: Mapping[str, Any]) -> rs.Assessment:
    """Margin of one position of the table, at the premiums that it prints."""
    raw, options = block.raw, case.get("options", [])
    names = [f"{o['type']}{o['strike']} {k}" for k, o in enumerate(options)]
    expiry = AS_OF + round(raw["T_days"] * DAY)
    count = len(options)
    instruments = rs.Instruments.from_columns(
        name=[*names, block.fund],
        kind=["option"] * count + ["spot"],
        underlying=[block.name] * count + [block.fund],
        expiry=[expiry] * count + [None],
        strike=[*(o["strike"] for o in options), 0.0],
        option_type=[*("call" if o["type"].upper() == "C" else "put" for o in options), ""],
        style=[raw["style"].lower()] * count + [""],
        model=MODELS[raw["style"].lower()],
        multiplier=[raw["multiplier"]] * count + [1.0],
        lot=1.0,
    )
    portfolio = rs.Portfolio.from_columns(
        instruments,
        account=["table"] * (count + 1),
        instrument=[*names, block.fund],
        quantity=[*(o["contracts"] for o in options), case.get("shares") or 0],
    )
    market = rs.Market.of(
        AS_OF,
        spot=block.spot,
        mark={name: o["price"] for name, o in zip(names, options, strict=True)},
        rate={block.name: raw["suggested"]["r"]},
        dividend_yield={block.name: raw["suggested"].get("q") or 0.0},
    )
    return rs.assess(portfolio, market, block.rulebook)
