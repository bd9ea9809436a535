"""Decides how Deribit's answers to private/pme/simulate are replayed, by parameters of their own.

Positions and vectors of an answer are in coin, and so is everything compared: the library's amounts
over the index. Every settlement currency is margined alone, as the answer prints it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from families.deribit_answer import (
    CURRENCY,
    GENERAL,
    LOT,
    PAIR,
    Answer,
    Held,
    answer_of,
    assess,
    coin_of,
    grid,
    held_of,
    leaves,
    positions_of,
    result_of,
    rulebook_of,
    with_values,
)
from families.tally import Tally

import riskslide as rs

VECTOR = 1e-12  # of the largest entry
TOTAL = 1e-9  # coin: positions and initial margin are printed with nine decimals
# Nothing is given from which these follow; where they are not 0 they enter the totals as printed.
ADDED = ("open_orders_margin", "mmp_margin", "spot_margin")


def refusal(path: Path, raw: Any) -> str:
    """Why a file is none of this family; empty if it is one."""
    result = result_of(raw)
    missing = {"margins", "model_params", "ticker"} - result.keys()
    if missing:
        return f"has no {', '.join(sorted(missing))} of an answer"
    return "" if positions_of(raw) else "has no positions"


def replay(path: Path, raw: Any, tally: Tally) -> None:
    answer = answer_of(path, raw)
    count_inputs(raw, tally)
    compared: set[str] = set()
    for coin in answer.margins:
        held, reason = held_of(answer, coin)
        if reason:
            skip_coin(answer, coin, reason, tally)
            continue
        rulebook = rulebook_of(answer, coin)
        compare_vectors(answer, held, rulebook, tally)
        compare_totals(answer, held, rulebook, tally)
        compared |= held.positions.keys()
    for name, vectors in answer.vectors.items():
        if name not in compared and coin_of(name) not in answer.margins:
            skip_vectors("initial_risk_vectors", vectors, "its coin has no margins", tally)


# --- what is compared ----------------------------------------------------------------------------


def compare_vectors(answer: Answer, held: Held, rulebook: rs.Rulebook, tally: Tally) -> None:
    """Every instrument's own vector, and those of the coin after dampener and offset."""
    neither = {"extended.dampener": 0.0, "netting.pnl_offset": 1.0, "netting.max_offsetable": 1e15}
    alone = assess(
        answer, held, with_values(rulebook, neither), {name: [name] for name in held.positions}
    )
    together = assess(answer, held, rulebook, {"all": held.positions})
    standard = 3 * (2 * rulebook.whole("matrix.price_steps") + 1)
    for name, vectors in answer.vectors.items():
        if coin_of(name) == held.coin and name not in held.positions:
            skip_vectors("initial_risk_vectors", vectors, "is not held", tally)
        elif coin_of(name) == held.coin:
            found = grid(alone, name, held.index)
            where = f"{answer.name} {name}"
            compare_vector("initial_risk_vectors", found, vectors, standard, where, tally)
    for key, vectors in answer.aggregated.items():
        if key == f"{held.coin}_{held.coin}":
            found = grid(together, "all", held.index)
            where = f"{answer.name} {key}"
            compare_vector("aggregated_risk_vectors", found, vectors, standard, where, tally)
        elif key.split("_")[0] == held.coin:
            skip_vectors("aggregated_risk_vectors", vectors, f"no position in {key}", tally)


def compare_vector(
    field: str,
    found: list[float],
    vectors: Mapping[str, list[float]],
    standard: int,
    where: str,
    tally: Tally,
) -> None:
    parts = {"standard": found[:standard], "extended": found[standard:]}
    size = max((abs(x) for printed in vectors.values() for x in printed), default=0.0)
    for part, printed in vectors.items():
        figures = parts.get(part, [])
        if len(figures) != len(printed):
            tally.fail(f"{field}.{part}", f"{len(figures)} entries, not {len(printed)}", where)
            continue
        for k, (ours, theirs) in enumerate(zip(figures, printed, strict=True)):
            place = f"{where} {part} {k}"
            tally.compare(f"{field}.{part}", ours, theirs, VECTOR * max(size, LOT), place)


def compare_totals(answer: Answer, held: Held, rulebook: rs.Rulebook, tally: Tally) -> None:
    where = f"{answer.name} {held.coin}"
    found = assess(answer, held, rulebook, {"all": held.positions})
    coins = {k: float(v[0]) / held.index for k, v in found.components.items()}
    margin = answer.margins[held.coin]
    details = margin.get("initial_margin_details", {})
    matrix = details.get("risk_matrix_margin_details", {})
    unseen = skip_unseen(matrix, details, held, rulebook, tally)
    risk = coins["worst"] + coins["roll_shock"] + unseen
    added = sum(details.get(name, 0.0) for name in ADDED)
    ours = {
        "worst_case": (matrix, coins["worst"]),
        "roll_shock": (matrix, coins["roll_shock"]),
        "delta_shock": (matrix, coins["delta_shock"]),
        "risk_matrix_margin": (details, risk),
        "initial_margin": (margin, risk + added),
        "maintenance_margin": (margin, rulebook.number("margin.maintenance_factor") * risk),
    }
    for name, (printed, figure) in ours.items():
        if name in printed and not (name == "delta_shock" and beyond(held, rulebook)):
            tally.compare(name, figure, float(printed[name]), TOTAL, where)
    compare_bucket(matrix.get("worst_case_bucket"), found, coins["worst"], rulebook, where, tally)


def skip_unseen(
    matrix: Mapping[str, Any],
    details: Mapping[str, Any],
    held: Held,
    rulebook: rs.Rulebook,
    tally: Tally,
) -> float:
    """Skips what does not follow from the answer; coins of it that are in the risk matrix."""
    for name in ADDED:
        if name in details:
            tally.skip(name, "orders, protection and spot are not given: added as printed")
    seen = 0.0
    if "correlation_contingency" in matrix:
        tally.skip("correlation_contingency", "its formula is not known: added as printed")
        seen += float(matrix["correlation_contingency"])
    if "delta_shock" in matrix and beyond(held, rulebook):
        tally.skip("delta_shock", "the unit of m_inc is not known: added as printed")
        seen += float(matrix["delta_shock"])
    return seen


def beyond(held: Held, rulebook: rs.Rulebook) -> bool:
    """Whether the delta may exceed the threshold, below which its shock is 0."""
    most = sum(abs(size) for _, size in held.positions.values()) * held.index
    return most > rulebook.number("delta_shock.threshold")


def compare_bucket(
    printed: Mapping[str, Any] | None,
    found: rs.Assessment,
    worst: float,
    rulebook: rs.Rulebook,
    where: str,
    tally: Tally,
) -> None:
    """The scenario of the worst case: `index` and `bucket` count from 1."""
    if printed is None:
        return
    count, steps = len(printed), rulebook.whole("matrix.price_steps")
    at = int(found.worst_scenario[0])
    extended = at >= 3 * (2 * steps + 1)
    if not worst > 0.0:
        tally.skip("worst_case_bucket", "nothing loses", count)
        return
    tally.compare(
        "worst_case_bucket.source",
        float(extended),
        float(printed.get("source") == "extended"),
        0.0,
        where,
    )
    if extended:
        tally.skip("worst_case_bucket", "no printed figure says how far moves count", count - 1)
        return
    bucket = at // 3
    side = {True: "right", False: "left"}[bucket > steps]
    ours = {"index": at + 1.0, "bucket": bucket + 1.0, "side": 1.0}
    for name, figure in ours.items():
        if name in printed:
            theirs = float(printed[name] == side) if name == "side" else float(printed[name])
            tally.compare(f"worst_case_bucket.{name}", figure, theirs, 0.0, where)


# --- what is not compared ------------------------------------------------------------------------


def skip_coin(answer: Answer, coin: str, reason: str, tally: Tally) -> None:
    for name in leaves(answer.margins[coin]):
        tally.skip(name, reason)
    for name, vectors in answer.vectors.items():
        if coin_of(name) == coin:
            skip_vectors("initial_risk_vectors", vectors, reason, tally)
    for key, vectors in answer.aggregated.items():
        if key.split("_")[0] == coin:
            skip_vectors("aggregated_risk_vectors", vectors, reason, tally)


def skip_vectors(field: str, vectors: Mapping[str, list[float]], reason: str, tally: Tally) -> None:
    for part, entries in vectors.items():
        tally.skip(f"{field}.{part}", reason, len(entries))


def count_inputs(raw: dict[str, Any], tally: Tally) -> None:
    """Skips, by reason, what is no result of the method."""
    result = result_of(raw)
    for key, value in raw.items():
        if key != "result" and result is not raw:
            reason = "what was asked" if key == "request" else "describes the file"
            tally.skip(f"({key})", reason, sum(1 for _ in leaves(value)) or 1)
    used = {*CURRENCY.values(), *PAIR.values(), *GENERAL.values(), "timestamp"}
    states = result["model_params"].get("general", {}).get("vol_scenarios_count")
    if states is not None:
        tally.compare("model_params.vol_scenarios_count", 3.0, states, 0.0, "down, same, up")
    for name in leaves(result["model_params"]):
        if name == "vol_scenarios_count":
            continue
        reason = "input" if name in used else "no input of the risk matrix"
        tally.skip(f"model_params.{name}", reason)
    for name in leaves(result["ticker"]):
        used_quotes = ("index_price", "mark_price", "underlying_price", "mark_iv")
        tally.skip(f"ticker.{name}", "input" if name in used_quotes else "no input")
    tally.skip("index_price", "input", len(result.get("index_price", {})))
    for key, value in result.get("portfolio", {}).items():
        reason = "input" if key == "position" else "balances do not move in the risk matrix"
        tally.skip(f"portfolio.{key}", reason, sum(1 for _ in leaves(value)))
    known = ("model_params", "ticker", "index_price", "portfolio", "margins")
    for key, value in result.items():
        if key not in (*known, "initial_risk_vectors", "aggregated_risk_vectors"):
            reason = "not a field of the family"
            tally.skip(f"result.{key}", reason, sum(1 for _ in leaves(value)) or 1)
