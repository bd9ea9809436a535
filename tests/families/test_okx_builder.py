"""Guards that answers of OKX's position-builder are margined, and that a figure moved is found."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from families.okx_answer import answer_of
from families.okx_builder import assess, before_tiers
from families.run import replay, write

import riskslide as rs

PRICE, FEE = 0.9995, 0.00102
INPUTS = {"mr2", "mr3", "mr4", "mr5", "mr7", "amt", "avgPx", "markPx", "instId", "riskUnit", "ccy"}
UNSEEN = {"acctLever", "availEq", "spotInUse", "notionalUsd"}


def unit(name: str, index: float, moves: list[float], far: float, *held: dict[str, Any]) -> Any:
    """A unit worked out by the formula of docs/methods/okx.md, in plain numbers."""
    size = sum(p["size"] for p in held)
    grid = {f"{m:g}": size * index * m for m in moves}
    delta = sum(p["size"] * p["markPx"] for p in held) * PRICE
    profit = sum(p["size"] * (p["markPx"] - p["avgPx"]) for p in held)
    mr1 = max(0.0, -min(grid.values()))
    mr6 = 0.5 * abs(size) * index * far
    mr2, mr3, mr5 = 3.0 * mr1, 17.0, 4.5
    mr4, raw = 0.003 * abs(delta), 0.05 * sum(abs(p["size"]) * p["markPx"] for p in held) * PRICE
    mr7 = raw if raw < 10_000 else 10_000 + 2 * (raw - 10_000)
    assert raw < 70_000
    mmr = max(max(mr1, mr2, mr6) + mr3 + mr4 + mr5, mr7)
    worst = min(moves, key=lambda m: size * m)
    return {
        "riskUnit": name,
        "delta": delta,
        "gamma": 0,
        "mmr": mmr,
        "imr": 1.3 * mmr,
        "mr1": mr1,
        "mr1FinalResult": {"pnl": -mr1, "spotShock": worst, "volShock": "up"},
        "mr1Scenarios": {s: dict(grid) for s in ("volSame", "volShockDown", "volShockUp")},
        **{"mr2": mr2, "mr3": mr3, "mr4": mr4, "mr5": mr5, "mr6": mr6, "mr7": mr7, "mr9": 0},
        "mr6FinalResult": {"pnl": -2 * mr6, "spotShock": far if size < 0 else -far},
        "upl": profit * PRICE,
        "portfolios": [
            {
                "instId": f"{name}-USDT-SWAP",
                "amt": p["size"] / 0.1,
                "avgPx": p["avgPx"],
                "markPx": p["markPx"],
                "delta": p["size"] * p["markPx"] * PRICE,
                "floatPnl": p["size"] * (p["markPx"] - p["avgPx"]),
            }
            for p in held
        ],
    }


def made(balance: float = 1500.0) -> dict[str, Any]:
    """An answer for coins of two groups, one with two positions that hedge in part."""
    units = [
        unit(
            "ETH",
            3_204.5,
            [-0.12, -0.08, -0.04, 0.0, 0.04, 0.08, 0.12],
            0.24,
            {"size": 40.0, "avgPx": 3_150.0, "markPx": 3_210.25},
            {"size": -12.5, "avgPx": 3_300.0, "markPx": 3_210.25},
        ),
        unit(
            "WIF",
            1.75,
            [-0.25, -0.16, -0.08, 0.0, 0.08, 0.16, 0.25],
            0.5,
            {"size": -20_000.0, "avgPx": 1.5, "markPx": 1.752},
        ),
    ]
    profit = sum(u["upl"] for u in units)
    equity = profit + balance * PRICE
    debt = max(0.0, -equity)
    needed = sum(u["mmr"] for u in units)
    for u in units:
        u["mr8"] = 0.02 * debt
    result = {
        "eq": equity,
        "upl": profit,
        "borrowMmr": 0.02 * debt,
        "derivMmr": needed,
        "totalMmr": needed + 0.02 * debt,
        "totalImr": 1.3 * needed + 0.1 * debt,
        "marginRatio": equity / (needed + 0.02 * debt + FEE * debt),
        "assets": [{"ccy": "USDT", "borrowImr": 0.1 * debt, "availEq": 0.0}],
        "riskUnitData": units,
    }
    asked = {"inclRealPosAndEq": False, "simAsset": [{"ccy": "USDT", "amt": str(balance)}]}
    values = {f"{name}-USDT-SWAP": "ctVal 0.1 of a coin" for name in ("ETH", "WIF")}
    return {"request": asked, "contract_values": values, "result": result}


@pytest.mark.parametrize("balance", [1_500.0, 60_000.0], ids=["in debt", "in funds"])
def test_an_answer_worked_by_hand_is_reproduced(tmp_path: Path, balance: float) -> None:
    code, result = replay("okx-builder", write(tmp_path, "a.json", made(balance)))
    assert code == 0, [f["beyond"] for f in result["fields"].values() if f["beyond"]]
    for name in ("mr1", "mr6", "mmr", "imr", "delta", "totalMmr", "totalImr", "eq", "marginRatio"):
        assert result["fields"][name]["compared"] >= 1, name
    assert result["fields"]["mr1Scenarios"]["compared"] == 2 * 21 - 2


def test_values_of_contracts_may_be_missing(tmp_path: Path) -> None:
    answer = made()
    del answer["contract_values"]
    code, result = replay("okx-builder", write(tmp_path, "a.json", answer))
    assert code == 0
    reasons = result["fields"]["portfolios.floatPnl"]["skipped"]
    assert list(reasons) == ["the value of a contract is inferred from it"]


def test_an_answer_of_the_interface_itself_is_read(tmp_path: Path) -> None:
    """With its envelope and numbers as text; without the request nothing says the balances."""
    answer = made()["result"]
    for u in answer["riskUnitData"]:
        u["mmr"] = str(u["mmr"])
    code, result = replay("okx-builder", write(tmp_path, "a.json", {"code": "0", "data": [answer]}))
    assert code == 0
    assert result["fields"]["mmr"]["compared"] == 2
    assert list(result["fields"]["totalMmr"]["skipped"]) == [
        "counts real balances, which it does not say"
    ]


@pytest.mark.parametrize(
    "name", ["BTC-USD-SWAP", "BTC-USD-250328-90000-C", "BTC-USDT-250328"], ids=str.lower
)
def test_units_of_other_contracts_are_skipped_with_the_reason(tmp_path: Path, name: str) -> None:
    answer = made()
    answer["result"]["riskUnitData"][1]["portfolios"][0]["instId"] = name
    code, result = replay("okx-builder", write(tmp_path, "a.json", answer))
    assert code == 0
    assert result["fields"]["mmr"]["compared"] == 1
    (reason,) = result["fields"]["riskUnitData.mmr"]["skipped"]
    assert "which the family does not margin" in reason
    assert list(result["fields"]["totalMmr"]["skipped"]) == ["a unit of it is not margined"]


def figures(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every number that must be compared."""
    if isinstance(value, dict):
        for key, entry in value.items():
            if key not in INPUTS | UNSEEN:
                yield from figures(entry, (*path, key))
    elif isinstance(value, list):
        for k, entry in enumerate(value):
            yield from figures(entry, (*path, k))
    elif isinstance(value, int | float):
        yield path


def test_every_figure_that_is_moved_is_found(tmp_path: Path) -> None:
    """But the two that only serve to infer, whose errors move others."""
    answer = made()
    places = list(figures(answer["result"]))
    assert len(places) > 80
    for place in places:
        moved = copy.deepcopy(answer)
        entry: Any = moved["result"]
        for key in place[:-1]:
            entry = entry[key]
        entry[place[-1]] = entry[place[-1]] * (1.0 + 1e-9) if entry[place[-1]] else 1e-9
        assert replay("okx-builder", write(tmp_path, "a.json", moved))[0] == 1, place


def test_the_published_answer_is_reproduced(shared_data: Callable[[str], Path]) -> None:
    """All 79 figures that docs/methods/okx.md counts, exact to float64."""
    path = shared_data("margin_vectors/okx_position_builder_btc_ltc_2025-01-15.json")
    code, result = replay("okx-builder", path)
    fields = result["fields"].values()
    assert code == 0 and sum(f["compared"] for f in fields) == 79
    assert max(f["largest_error"] for f in fields if f["compared"]) < 1e-14


def test_the_published_answer_has_the_moves_of_the_rule_book(
    shared_data: Callable[[str], Path],
) -> None:
    """The family takes the moves of an answer; those of BTC and LTC are the rule book's."""
    path = shared_data("margin_vectors/okx_position_builder_btc_ltc_2025-01-15.json")
    answer = answer_of(json.loads(path.read_text("utf-8")))
    rules = rs.load_rulebook("okx-pm")
    for found in answer.units:
        assert found.moves == sorted(set(rules.lists("grid.moves_of")[found.name]))
        far = abs(found.figure["mr6FinalResult"]["spotShock"])
        assert far == rules.table("extreme.moves")[found.name]
        assert far == pytest.approx(rules.number("extreme.multiple") * max(found.moves))
    got = assess(answer, list(answer.units))
    assert got.assessment.maintenance[got.assessment.line("everything")] == pytest.approx(
        2946.5480841048, rel=1e-14
    )


@pytest.mark.parametrize(
    ("raw", "charge"),
    [(0.0, 0.0), (9_000.0, 9_000.0), (30_000.0, 50_000.0), (170_000.0, 530_000.0)],
)
def test_tiers_are_undone(raw: float, charge: float) -> None:
    rules = rs.load_rulebook("okx-pm")
    tiers = rules.numbers("minimum.start"), rules.numbers("minimum.multiple")
    assert before_tiers(charge, *tiers) == pytest.approx(raw)
