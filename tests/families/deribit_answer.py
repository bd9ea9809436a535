"""Decides what an answer of Deribit's private/pme/simulate says, and what of it can be margined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from families.files import instant

import riskslide as rs
from riskslide.edge.deribit.names import Contract

LOT = 1e-9  # coin
CURRENCY = {
    "roll.annualised_move": "annualised_move_risk",
    "roll.minimum": "min_annualised_move",
    "extended.dampener": "extended_dampener",
    "netting.pnl_offset": "pnl_offset",
    "netting.max_offsetable": "max_offsetable_pnl",
}
PAIR = {
    "matrix.price_range": "price_range",
    "vol.range_up": "volatility_range_up",
    "vol.range_down": "volatility_range_down",
    "vol.short_power": "short_term_vega_power",
    "vol.long_power": "long_term_vega_power",
    "vol.min_up": "min_volatility_for_shock_up",
    "extended.factor": "extended_table_factor",
    "delta_shock.threshold": "delta_total_liq_shock_threshold",
    "delta_shock.maximum": "max_delta_shock",
}
GENERAL = {"margin.maintenance_factor": "mm_factor", "matrix.price_steps": "buckets_count"}
NOT_PRINTED = ("netting.pnl_offset", "netting.max_offsetable")  # 0 under segregated margin


class Answer(NamedTuple):
    """What one answer says: sizes in coin, quotes in USD by instrument, index by coin."""

    name: str
    sizes: Mapping[str, float]
    ticker: Mapping[str, Mapping[str, float]]
    index: Mapping[str, float]
    margins: Mapping[str, Any]
    vectors: Mapping[str, Mapping[str, list[float]]]
    aggregated: Mapping[str, Mapping[str, list[float]]]
    parameters: Mapping[str, Any]
    as_of: int  # UTC nanoseconds


@dataclass(frozen=True, slots=True)
class Held:
    """Positions of one coin that can be margined, by name: contract and size in coin."""

    coin: str
    index: float
    positions: Mapping[str, tuple[Contract, float]]


def result_of(raw: Any) -> dict[str, Any]:
    """The answer itself, with or without the request around it."""
    found = raw.get("result", raw) if isinstance(raw, dict) else {}
    return found if isinstance(found, dict) else {}


def answer_of(path: Path, raw: dict[str, Any]) -> Answer:
    result = result_of(raw)
    index = dict(result.get("index_price", {}))
    for name, quotes in result["ticker"].items():
        if "index_price" in quotes:
            index.setdefault(f"{coin_of(name)}_usd", quotes["index_price"])
    parameters = result["model_params"]
    return Answer(
        path.name,
        positions_of(raw),
        result["ticker"],
        {pair.split("_")[0]: price for pair, price in index.items() if pair.endswith("_usd")},
        result["margins"],
        result.get("initial_risk_vectors", {}),
        result.get("aggregated_risk_vectors", {}),
        parameters,
        instant(parameters.get("general", {}).get("timestamp", raw.get("captured"))) or 0,
    )


def positions_of(raw: dict[str, Any]) -> dict[str, float]:
    """Sizes in coin: those that the answer ends with, or those asked for where it says nothing."""
    portfolio = result_of(raw).get("portfolio", {})
    asked = raw.get("request", {}).get("simulated_positions", {})
    return dict(portfolio.get("position", asked))


def coin_of(name: str) -> str:
    """What an instrument is named after: ``eth`` of ETH-PERPETUAL."""
    return name.split("-")[0].lower()


def held_of(answer: Answer, coin: str) -> tuple[Held, str]:
    """Positions settled in a coin, and why they cannot be margined, if so."""
    out: dict[str, tuple[Contract, float]] = {}
    held = Held(coin, answer.index.get(coin, 0.0), out)
    pair = f"{coin}_usd"
    by_coin, by_pair = (answer.parameters.get(k, {}) for k in ("currency", "currency_pair"))
    if coin not in by_coin or pair not in by_pair:
        return held, f"no model_params of {pair}"
    if not held.index > 0.0:
        return held, "no index price"
    for name, size in answer.sizes.items():
        if coin_of(name) != coin:
            continue
        try:
            contract = rs.parse_instrument(name)
        except rs.RiskslideError:
            return held, f"holds {name}, which the library does not know"
        quotes = answer.ticker.get(name, {})
        needed = {"mark_price"} if contract.is_call is None else {"underlying_price", "mark_iv"}
        if not needed <= quotes.keys():
            return held, f"no {' and '.join(sorted(needed))} of {name}"
        out[name] = (contract, float(size))
    return held, "" if out else "no position in it"


def rulebook_of(answer: Answer, coin: str) -> rs.Rulebook:
    """Deribit's method with the parameters that the answer prints, one settlement coin a pool."""
    parts = ("general", "currency", "currency_pair")
    general, currencies, pairs = (answer.parameters.get(part, {}) for part in parts)
    values: dict[str, Any] = dict.fromkeys(NOT_PRINTED, 0.0)
    tables = ((CURRENCY, currencies[coin]), (PAIR, pairs[f"{coin}_usd"]), (GENERAL, general))
    for keys, printed in tables:
        values |= {key: printed[name] for key, name in keys.items() if name in printed}
    values |= {"netting.pool": "settlement", "delta_shock.slope": 0.0}
    return with_values(rs.load_rulebook("deribit-xpm"), values)


def with_values(rulebook: rs.Rulebook, values: Mapping[str, Any]) -> rs.Rulebook:
    """The rule book with other values of these parameters."""
    held = dict(rulebook.parameters)
    return replace(
        rulebook, parameters=held | {k: replace(held[k], value=v) for k, v in values.items()}
    )


def assess(
    answer: Answer, held: Held, rulebook: rs.Rulebook, accounts: Mapping[str, Iterable[str]]
) -> rs.Assessment:
    """Margin of the positions that each account is given, in USD.

    A future of size Q coins at mark p is Q contracts of p dollars: its multiplier is p.
    """
    rows = list(held.positions.items())
    marks = {n: answer.ticker[n]["mark_price"] for n, (c, _) in rows if c.is_call is None}
    options = {n: (c, answer.ticker[n]) for n, (c, _) in rows if c.is_call is not None}
    instruments = rs.Instruments.from_columns(
        name=[name for name, _ in rows],
        kind=[c.kind.name.lower() for _, (c, _) in rows],
        underlying=[c.underlying for _, (c, _) in rows],
        expiry=[None if c.kind.name == "PERPETUAL" else c.expiry for _, (c, _) in rows],
        strike=[c.strike for _, (c, _) in rows],
        option_type=["call" if c.is_call else "put" for _, (c, _) in rows],
        settlement="inverse",
        multiplier=[marks.get(name, 1.0) for name, _ in rows],
        lot=LOT,
        currency=[c.underlying for _, (c, _) in rows],
    )
    pairs = [(account, name) for account, names in accounts.items() for name in names]
    book = rs.Portfolio.from_columns(
        instruments,
        account=[account for account, _ in pairs],
        instrument=[name for _, name in pairs],
        quantity=[held.positions[name][1] for _, name in pairs],
    )
    market = rs.Market.of(
        answer.as_of,
        spot={held.coin.upper(): held.index},
        mark=marks,
        forward={name: quotes["underlying_price"] for name, (_, quotes) in options.items()},
        vol={name: quotes["mark_iv"] / 100.0 for name, (_, quotes) in options.items()},
    )
    return rs.assess(book, market, rulebook)


def grid(assessment: rs.Assessment, account: str, index: float) -> list[float]:
    """P&L in coin of an account's only pool, scenario by scenario, the extended ones last."""
    (evidence,) = assessment.explain(account)
    (unit,) = evidence.units
    return [pnl / index for pnl in unit.grid]


def leaves(value: Any, name: str = "") -> Iterator[str]:
    """Names of all figures and texts below a value: the nearest key of each."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, name)
    else:
        yield name
