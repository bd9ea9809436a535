"""Guards that tables of portfolio margin by TIMS are replayed as they say, field by field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from families.run import replay, write

SHORT = {"type": "C", "strike": 1460, "contracts": -100, "price": 21.66}
STRADDLE = [
    {"type": "P", "strike": 1450, "contracts": 100, "price": 18.72},
    {"type": "C", "strike": 1450, "contracts": 100, "price": 27.56},
]
# Cboe, margin requirement examples of 2007, and positions in the fund worked by hand.
CASES: list[dict[str, Any]] = [
    {"name": "short", "options": [SHORT], "shares": 0, "portfolio_margin": 654_514},
    {"name": "straddle", "options": STRADDLE, "shares": 0, "portfolio_margin": 7_500},
    {"name": "fund", "options": [], "shares": 1_000, "portfolio_margin": 0.08 * 145_300},
]


def table(**changes: Any) -> dict[str, Any]:
    block: dict[str, Any] = {
        "underlying": 1451.19,
        "spy": 145.3,
        "multiplier": 100,
        "range": [-0.08, 0.06],
        "style": "european",
        "T_days": 57,
        "suggested": {"r": 0.0552, "q": 0.0228},
        "cases": CASES,
    }
    return {"provenance": "Cboe", "spx": block | changes}


def test_a_table_is_replayed_and_what_binds_is_noted(tmp_path: Path) -> None:
    code, result = replay("tims", write(tmp_path, "some.json", table()))
    assert (code, result["fields"]["portfolio_margin"]["compared"]) == (0, 3)
    notes = {k.split()[-1]: v[0] for k, v in result["notes"].items()}
    assert notes["short"].endswith("point 10, +5/5 of the range")
    assert notes["straddle"].endswith("+0.000%: minimum")
    assert notes["fund"].startswith("11,624 for 11,624")
    for name, held in result["fields"].items():
        assert held["read"] == held["compared"] + sum(held["skipped"].values()), name


def test_names_and_ranges_are_those_of_the_file(tmp_path: Path) -> None:
    """Another index with a fund of its own, and ranges of no kind that the rule book knows."""
    block = table(range=[-0.2, 0.1])["spx"]
    block["etf"] = block.pop("spy")
    block["cases"] = [CASES[2] | {"portfolio_margin": 0.2 * 145_300}]
    code, result = replay("tims", write(tmp_path, "some.json", {"foo": block}))
    assert (code, result["passed"]) == (0, True)


def test_without_a_range_the_rule_book_knows_the_kind(tmp_path: Path) -> None:
    path = write(tmp_path, "some.json", table(range=None))
    assert replay("tims", path)[0] == 0


def test_a_figure_beyond_tolerance_fails_by_name(tmp_path: Path) -> None:
    wrong = [CASES[0] | {"portfolio_margin": 652_000}]
    code, result = replay("tims", write(tmp_path, "some.json", table(cases=wrong)))
    assert code == 1
    assert "some.json spx short" in result["fields"]["portfolio_margin"]["beyond"][0]


def test_what_cannot_be_compared_is_skipped_with_its_reason(tmp_path: Path) -> None:
    cases = [*CASES, CASES[0] | {"portfolio_margin": None}, {"strategy_margin": 1.0}]
    code, result = replay("tims", write(tmp_path, "a.json", table(cases=cases)))
    assert code == 0
    assert result["fields"]["portfolio_margin"]["skipped"] == {"null in the file": 2}
    assert "strategy" in next(iter(result["fields"]["strategy_margin"]["skipped"]))
    lacking = table(suggested=None)
    code, result = replay("tims", write(tmp_path, "b.json", lacking))
    assert code == 1  # nothing was compared
    assert result["fields"]["portfolio_margin"]["skipped"] == {"the block lacks suggested": 3}


def test_a_price_that_no_vol_gives_is_a_failure(tmp_path: Path) -> None:
    cases = [CASES[0] | {"options": [SHORT | {"price": 2_000.0}]}]
    code, result = replay("tims", write(tmp_path, "a.json", table(cases=cases)))
    assert code == 1
    assert "E_PRICE_ABOVE" in result["fields"]["portfolio_margin"]["beyond"][0]


def test_other_files_are_none_of_the_family(tmp_path: Path) -> None:
    for name, content in {"a": {"rows": []}, "b": [1], "c": {"x": {"cases": []}}}.items():
        path = write(tmp_path, f"{name}.json", content)
        code, result = replay("tims", path)
        assert code == 1 and "skipped" in result["files"][str(path)]
