"""Guards that printed chains are read in every layout and that other conventions fail."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from families.run import read_rows, replay, write_rows

import riskslide as rs
from riskslide.edge.deribit.greeks import to_deribit

# Deribit public/ticker of 2021-02-11, re-keyed; the second row is of 2020-05-21.
TICKERS = {
    "instrument_name": ["BTC-25JUN21-44000-P", "BTC-26JUN20-8000-P", "BTC-12FEB21-48000-C"],
    "timestamp": [1613068638353, 1590103331049, 1613068678642],
    "underlying_price": [49935.57, 9093.15, 45252.40],
    "index_price": [47795.22, 9095.83, 47795.22],
    "mark_iv": [100.00, 94.62, 77.69],
    "mark_price": [0.16885716, 0.0600573, 0.00030947],
    "delta": [-0.30445, -0.28023, 0.02698],
    "gamma": [0.00001, 0.00013, 0.00005],
    "vega": [105.72122, 9.53102, 1.10109],
    "theta": [-39.57888, -12.75184, -14.00405],
    "rho": [-86.48173, -2.99775, 0.01842],
}
GREEKS = ("delta", "gamma", "vega", "theta", "rho")


def as_dicts(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The Greeks as the dict that the tickers of 2020 print."""
    kept = {k: v for k, v in columns.items() if k not in GREEKS}
    rows = zip(*(columns[g] for g in GREEKS), strict=True)
    return kept | {"greeks": [str(dict(zip(GREEKS, row, strict=True))) for row in rows]}


def as_columns(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The Greeks as columns of their own, as in 2021."""
    return {f"greeks.{k}" if k in GREEKS else k: v for k, v in columns.items()}


@pytest.mark.parametrize("layout", [as_dicts, as_columns, dict])
@pytest.mark.parametrize("name", ["any.csv", "any.csv.gz", "any"])
def test_deribit_tickers_are_read_in_every_layout(
    layout: Callable[[dict[str, list[Any]]], dict[str, list[Any]]], name: str, tmp_path: Path
) -> None:
    code, result = replay("deribit-greeks", write_rows(tmp_path / name, layout(TICKERS)))
    assert (code, result.get("error")) == (0, None)
    assert all(result["fields"][g]["compared"] == 3 for g in ("mark_price", *GREEKS))
    assert result["fields"]["index_price"]["skipped"] == {"no figure of the model": 3}


def test_rows_that_cannot_be_priced_are_skipped_with_their_reason(tmp_path: Path) -> None:
    columns = copy.deepcopy(TICKERS)
    extra = {
        "BTC-PERPETUAL": {},
        "DOGE-1JAN99-X": {},
        "BTC-1JAN21-44000-P": {},
        "BTC-25JUN21-45000-P": {"mark_iv": 0.0},
        "BTC-25JUN21-46000-P": {"underlying_price": ""},
        "BTC-25JUN21-44000-P": {"delta": ""},
    }
    for name, changed in extra.items():
        for column, values in columns.items():
            values.append(name if column == "instrument_name" else changed.get(column, values[0]))
    code, result = replay("deribit-greeks", write_rows(tmp_path / "any.csv", columns))
    assert code == 0
    assert result["fields"]["delta"]["skipped"] == {
        "no coin-settled option": 1,
        "no contract name that the library knows": 1,
        "expired": 1,
        "has no mark_iv": 1,
        "has no underlying_price": 1,
        "blank in the file": 1,
    }
    for name, held in result["fields"].items():
        assert held["read"] == held["compared"] + sum(held["skipped"].values()), name


def test_ragged_and_unreadable_tables_are_bad_input(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "any.csv", TICKERS)
    path.write_text(path.read_text() + "1,2\n")
    code, result = replay("deribit-greeks", path)
    assert code == 2 and "any.csv:5: 2 fields" in result["error"]
    (tmp_path / "any.parquet").write_bytes(b"PAR1 is not all")
    assert replay("okx-greeks", tmp_path / "any.parquet")[0] == 2


def test_a_column_that_contradicts_the_name_fails(tmp_path: Path) -> None:
    columns = TICKERS | {"strike": [44000, 8000, 48001]}
    code, result = replay("deribit-greeks", write_rows(tmp_path / "any.csv", columns))
    assert code == 1
    assert result["fields"]["strike"]["beyond"] == ["any.csv row 2 BTC-12FEB21-48000-C: says 48001"]


CHAINS = {
    "deribit-greeks": "chains_deribit_greeks/deribit_btc_2021-02-11_ticker.csv.gz",
    "okx-greeks": "chains_okx_greeks/sample_okx_btc_2026-07-15.csv",
}


def changed(column: str, change: Callable[[float], float]) -> Callable[[dict[str, Any]], None]:
    def apply(columns: dict[str, Any]) -> None:
        columns[column] = [change(float(x)) if x else x for x in columns[column]]

    return apply


def premium_adjusted(columns: dict[str, Any]) -> None:
    pairs = zip(columns["greeks.delta"], columns["mark_price"], strict=True)
    columns["greeks.delta"] = [float(d) - float(m) for d, m in pairs]


def at_the_index(columns: dict[str, Any]) -> None:
    columns["underlying_price"] = columns["index_price"]


def one_wrong(columns: dict[str, Any]) -> None:
    columns["delta"][7] = float(columns["delta"][7]) + 0.005


@pytest.mark.parametrize(
    ("family", "field", "change"),
    [
        ("deribit-greeks", "mark_price", at_the_index),
        ("deribit-greeks", "delta", premium_adjusted),
        ("deribit-greeks", "mark_price", changed("timestamp", lambda t: int(t) - 3_600_000)),
        ("deribit-greeks", "vega", changed("mark_iv", lambda v: v + 0.1)),
        ("deribit-greeks", "gamma", changed("greeks.gamma", lambda g: g + 1e-5)),
        ("deribit-greeks", "theta", changed("greeks.theta", lambda t: t * 365.25 / 365)),
        ("deribit-greeks", "rho", changed("greeks.rho", lambda r: -r)),
        ("okx-greeks", "delta", one_wrong),
        ("okx-greeks", "mark_price", changed("mark_iv", lambda v: v + 0.001)),
        ("okx-greeks", "gamma", changed("gamma", lambda g: g * 1.001)),
        ("okx-greeks", "theta", changed("theta", lambda t: t * 365.25 / 365)),
        ("okx-greeks", "vega", changed("vega", lambda v: v * 1.001)),
    ],
)
def test_other_conventions_are_told_apart(
    family: str,
    field: str,
    change: Callable[[dict[str, Any]], None],
    tmp_path: Path,
    shared_data: Callable[[str], Path],
) -> None:
    """Real figures that are printed by another rule, or read by one, miss the criteria."""
    columns = read_rows(shared_data(CHAINS[family]))
    change(columns)
    code, result = replay(family, write_rows(tmp_path / "any.csv", columns))
    assert code == 1
    assert result["fields"][field]["beyond"] != []


def test_a_ticker_file_without_forwards_is_compared_under_inferred_ones(
    tmp_path: Path, shared_data: Callable[[str], Path]
) -> None:
    columns = read_rows(shared_data(CHAINS["deribit-greeks"]))
    del columns["underlying_price"]
    code, result = replay("deribit-greeks", write_rows(tmp_path / "any.csv", columns))
    assert code == 0
    delta, vega = (result["fields"][f"{g} (inferred forward)"] for g in ("delta", "vega"))
    assert (delta["compared"], delta["skipped"]["gave the forward"]) == (21, 330)
    assert vega["compared"] == 351  # few rows share an instant


def test_a_snapshot_without_forwards_or_instants_is_compared_under_inferred_ones(
    tmp_path: Path,
) -> None:
    """Deribit's Greeks of one expiry of 25 strikes, as of 48 minutes past the hour they print."""
    strikes = [40_000.0 + 1_000.0 * k for k in range(25)]
    years = (11 * 24 + 8 - 0.8) / (365 * 24)
    rows = [(k, call) for k in strikes for call in (True, False)]
    sides = [call for _, call in rows]
    greeks = rs.black76(52_345.67, [k for k, _ in rows], years, 0.5, is_call=sides)
    printed = to_deribit(greeks, forward=52_345.67, years=years)
    columns: dict[str, list[Any]] = {
        "date": ["2026-02-16T00:00:00.000000"] * 50,
        "instrument_name": [f"BTC-27FEB26-{k:.0f}-{'CP'[not call]}" for k, call in rows],
        "mark_iv": [50.0] * 50,
        **{g: [round(x, 5) for x in getattr(printed, g).tolist()] for g in GREEKS},
    }
    code, result = replay("deribit-greeks", write_rows(tmp_path / "any.csv", columns))
    assert (code, result.get("error")) == (0, None)
    fields = {n.split()[0]: f for n, f in result["fields"].items() if "inferred" in n}
    assert fields["delta"]["compared"] + fields["delta"]["skipped"]["gave the forward"] == 50
    assert fields["delta"]["largest_error"] < 1e-5
    assert fields["theta"]["largest_error"] < 1e-5


def test_okx_greeks_are_compared_without_thetas_or_marks(
    tmp_path: Path, shared_data: Callable[[str], Path]
) -> None:
    columns = read_rows(shared_data(CHAINS["okx-greeks"]))
    for absent in ("theta", "mark_price"):
        kept = {k: v for k, v in columns.items() if k != absent}
        code, result = replay("okx-greeks", write_rows(tmp_path / f"no_{absent}.csv", kept))
        assert code == 0, absent
        assert result["fields"]["delta"]["compared"] == 674
    alone = {k: v[:1] for k, v in columns.items()}
    code, result = replay("okx-greeks", write_rows(tmp_path / "alone.csv", alone))
    assert code == 1
    assert "too few strikes" in next(iter(result["fields"]["delta"]["skipped"]))
