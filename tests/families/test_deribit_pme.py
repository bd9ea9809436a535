"""Guards that answers of Deribit's simulation are margined by their own parameters."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from families.run import replay, write

MARKS = {"BTC-PERPETUAL": 65910.57, "BTC-28JUN24": 67371.75}
SIZES = {"BTC-PERPETUAL": 0.314538364, "BTC-28JUN24": -0.001187534}
INDEX = 65666.19
RANGE, DAMPENER = 0.16, 100_000.0
ADDED = {"open_orders_margin": 0.000018212, "mmp_margin": 0.06, "spot_margin": 0}


def answer() -> dict[str, Any]:
    """Sizes and quotes that Deribit published for segregated margin; figures worked by hand.

    P&L of a future of Q coins at move m is Q m / (1 + m); a far one counts range / |m| of it in
    dollars, turned into coin at the edge of the range.
    """
    near = [RANGE * k / 4 for k in range(-4, 5) for _ in range(3)]
    far = [-0.66, -0.33, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0]
    edges = [1 + math.copysign(RANGE, m) for m in far]

    def vectors(size: float) -> dict[str, list[float]]:
        scaled = [size * RANGE * math.copysign(1, m) / e for m, e in zip(far, edges, strict=True)]
        return {"standard": [size * m / (1 + m) for m in near], "extended": scaled}

    net = vectors(sum(SIZES.values()))
    for k, (move, edge) in enumerate(zip(far, edges, strict=True)):
        off = (abs(move) / RANGE - 1) * DAMPENER / (edge * INDEX)
        net["extended"][k] = min(net["extended"][k] + off, 0.0)
    net["standard"] = [min(x, 0.0) for x in net["standard"]]  # gains pay for nothing
    worst = -min(net["standard"])
    roll = 0.01 * sum(map(abs, SIZES.values()))
    risk = worst + roll
    matrix = {
        "worst_case": worst,
        "roll_shock": roll,
        "delta_shock": 0,
        "correlation_contingency": 0,
        "worst_case_bucket": {"index": 1, "source": "standard", "bucket": 1, "side": "left"},
    }
    margins = {
        "maintenance_margin": 0.8 * risk,
        "initial_margin": risk + sum(ADDED.values()),
        "initial_margin_details": {
            **ADDED,
            "risk_matrix_margin": risk,
            "risk_matrix_margin_details": matrix,
        },
    }
    return {
        "ticker": {n: {"index_price": INDEX, "mark_price": p} for n, p in MARKS.items()},
        "index_price": {"btc_usd": INDEX},
        "portfolio": {"position": SIZES, "currency": {"btc": 1.5}},
        "margins": {"btc": margins, "usdc": {"maintenance_margin": 0, "initial_margin": 0}},
        "initial_risk_vectors": {name: vectors(size) for name, size in SIZES.items()},
        "aggregated_risk_vectors": {"btc_btc": net},
        "model_params": {
            "general": {"timestamp": 1718619740501, "mm_factor": 0.8, "buckets_count": 4},
            "currency": {
                "btc": {
                    "min_annualised_move": 0.01,
                    "annualised_move_risk": 0.075,
                    "extended_dampener": DAMPENER,
                }
            },
            "currency_pair": {
                "btc_usd": {
                    "price_range": RANGE,
                    "delta_total_liq_shock_threshold": 20_000_000,
                    "max_delta_shock": 0.1,
                    "min_volatility_for_shock_up": 0.5,
                    "volatility_range_up": 0.5,
                    "volatility_range_down": 0.25,
                    "extended_table_factor": 1,
                    "short_term_vega_power": 0.3,
                    "long_term_vega_power": 0.13,
                }
            },
        },
    }


def test_an_answer_is_margined_by_its_own_parameters(tmp_path: Path) -> None:
    code, result = replay("deribit-pme", write(tmp_path, "any.json", answer()))
    assert (code, result.get("error")) == (0, None)
    fields = result["fields"]
    assert fields["initial_risk_vectors.standard"]["compared"] == 54
    assert fields["aggregated_risk_vectors.extended"]["compared"] == 8
    assert fields["maintenance_margin"]["compared"] == 1
    assert fields["maintenance_margin"]["skipped"] == {"no model_params of usdc_usd": 1}
    assert fields["worst_case_bucket.side"]["compared"] == 1
    for name, held in fields.items():
        assert held["read"] == held["compared"] + sum(held["skipped"].values()), name


def test_an_answer_with_a_wrong_entry_or_other_parameters_fails(tmp_path: Path) -> None:
    wrong = answer()
    wrong["initial_risk_vectors"]["BTC-28JUN24"]["standard"][3] *= 1 + 1e-9
    code, result = replay("deribit-pme", write(tmp_path, "wrong.json", wrong))
    assert code == 1
    assert [n for n, f in result["fields"].items() if f["beyond"]] == [
        "initial_risk_vectors.standard"
    ]
    other = answer()
    other["model_params"]["currency_pair"]["btc_usd"]["price_range"] = 0.161
    assert replay("deribit-pme", write(tmp_path, "other.json", other))[0] == 1


def test_an_answer_that_says_too_little_is_skipped_by_name(tmp_path: Path) -> None:
    options = answer()
    options["portfolio"]["position"] = SIZES | {"BTC-28JUN24-70000-C": 1.0}
    code, result = replay("deribit-pme", write(tmp_path, "options.json", options))
    assert code == 1  # nothing is left to compare
    reason = "no mark_iv and underlying_price of BTC-28JUN24-70000-C"
    assert result["fields"]["worst_case"]["skipped"] == {reason: 1}
    assert result["fields"]["initial_risk_vectors.standard"]["skipped"] == {reason: 54}
    code, result = replay("deribit-pme", write(tmp_path, "other.json", {"result": {}}))
    assert code == 1 and "has no margins" in next(iter(result["files"].values()))
