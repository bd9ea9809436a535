"""Guards the claim that files of SPAN risk arrays are recomputed from what they say alone."""

from __future__ import annotations

import csv
import gzip
import json
import math
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from families.run import replay, write

PRICED, SPOT, SIGMA, RATE = date(2026, 1, 31), 1_250.5, 0.31, 0.0425
NEAR, FAR, VOLS, LOOK_AHEAD = 0.092, 0.145, 0.04, 1
HEADER = ("expiry", "days_to_expiry", "strike", "type", "premium", "delta", "short_scan_loss")
LOSS = "short_scan_loss_per_unit"


def black_scholes(spot: float, strike: float, years: float, vol: float, call: bool) -> float:
    """Written out with the error function of C."""
    sign = 1.0 if call else -1.0
    discount = math.exp(-RATE * years)
    if years <= 0.0:
        return max(0.0, sign * (spot - strike))
    total = vol * math.sqrt(years)
    up = (math.log(spot / strike) + RATE * years) / total + total / 2
    normal = [0.5 * math.erfc(-sign * d / math.sqrt(2)) for d in (up, up - total)]
    return sign * (spot * normal[0] - strike * discount * normal[1])


def delta_of(strike: float, years: float, call: bool) -> float:
    step = 1e-4 * SPOT
    values = [black_scholes(SPOT + s, strike, years, SIGMA, call) for s in (step, -step)]
    return (values[0] - values[1]) / (2 * step)


def loss_of(strike: float, days: int, call: bool) -> float:
    """Of a short unit, scenario by scenario."""
    scan = FAR if days > 181 else NEAR  # six months after 31 January is 31 July
    now = black_scholes(SPOT, strike, days / 365, SIGMA, call)
    left = max(days - LOOK_AHEAD, 0) / 365

    def gain(move: float, vol: float) -> float:
        return black_scholes(SPOT * (1 + move * scan), strike, left, SIGMA + vol, call) - now

    moves = [k / 3 for k in range(-3, 4)]
    regular = [gain(move, vol) for move in moves for vol in (VOLS, -VOLS)]
    return max(*regular, 0.4 * gain(3.0, 0.0), 0.4 * gain(-3.0, 0.0))


def terms() -> dict[str, Any]:
    return {
        "provenance": {"source": "made here"},
        "spot": SPOT,
        "fitted_parameters": {
            "sigma": SIGMA,
            "rate": RATE,
            "price_scan_range": "9.20% of spot; 14.50% for residual maturity > 6 months",
            "vol_scan_range_abs": VOLS,
            "lookahead_days": LOOK_AHEAD,
            "scenarios": "14 + 2 extremes (3 x PSR, vol unchanged, 40%)",
        },
    }


def rows() -> list[list[Any]]:
    out: list[list[Any]] = [[*HEADER[:-1], LOSS]]
    for days in (1, 12, 181, 182, 400):
        for strike in (900.0, 1_250.0, 1_600.0):
            for call in (True, False):
                expiry = (PRICED + timedelta(days=days)).isoformat()
                delta = round(delta_of(strike, days / 365, call), 4)
                loss = round(loss_of(strike, days, call), 2)
                out.append([expiry, days, strike, "C" if call else "P", 5.0, delta, loss])
    return out


def save(folder: Path, content: Any, table: list[list[Any]]) -> Path:
    with (folder / "other index.csv").open("w", newline="") as out:
        csv.writer(out).writerows(table)
    return write(folder, "other index.json", content)


def test_arrays_worked_by_hand_are_reproduced(tmp_path: Path) -> None:
    code, result = replay("span-arrays", save(tmp_path, terms(), rows()))
    assert code == 0, result
    for name in (LOSS, "delta"):
        assert result["fields"][name]["compared"] == 30
    assert result["fields"][LOSS]["largest_error"] < 0.00501
    assert result["fields"]["premium"]["skipped"] == {"no figure of the arrays": 30}


def test_rows_may_be_compressed(tmp_path: Path) -> None:
    path = save(tmp_path, terms(), rows())
    plain = path.with_suffix(".csv")
    (tmp_path / "other index.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert replay("span-arrays", path)[0] == 0


@pytest.mark.parametrize("row", [1, 8, 17, 30])
@pytest.mark.parametrize(("column", "error"), [(5, 2e-4), (6, 0.02)])
def test_every_figure_that_is_moved_is_found(
    tmp_path: Path, row: int, column: int, error: float
) -> None:
    table = rows()
    table[row][column] += error
    code, result = replay("span-arrays", save(tmp_path, terms(), table))
    assert code == 1 and len(result["fields"][table[0][column]]["beyond"]) == 1


@pytest.mark.parametrize("name", ["rate", "price_scan_range", "vol_scan_range_abs"])
@pytest.mark.parametrize("how", ["absent", "null"])
def test_terms_that_are_needed_and_absent_are_named(tmp_path: Path, name: str, how: str) -> None:
    given = terms()
    given["fitted_parameters"][name] = None
    if how == "absent":
        del given["fitted_parameters"][name]
    code, result = replay("span-arrays", save(tmp_path, given, rows()))
    assert result["fields"][LOSS]["skipped"] == {f"lacks {name}": 30}
    assert code == (1 if name == "rate" else 0)  # deltas need no scan range


def test_an_absent_vol_is_fitted_and_said_so(tmp_path: Path) -> None:
    given = terms()
    del given["fitted_parameters"]["sigma"]
    code, result = replay("span-arrays", save(tmp_path, given, rows()))
    assert code == 0 and result["fields"]["delta"]["compared"] == 30
    (reason,) = result["fields"]["(fitted_parameters.sigma)"]["skipped"]
    assert abs(float(reason.split()[1]) - SIGMA) < 1e-4 and "fits" in reason


def test_columns_and_figures_may_be_missing(tmp_path: Path) -> None:
    table = rows()
    table[3][6] = ""
    table = [row[:4] + row[6:] for row in table]
    code, result = replay("span-arrays", save(tmp_path, terms(), table))
    assert code == 0 and result["fields"][LOSS]["compared"] == 29
    assert result["fields"][LOSS]["skipped"] == {"null in the file": 1}
    code, result = replay("span-arrays", save(tmp_path, terms(), [row[1:] for row in table]))
    assert code == 1
    assert list(result["files"].values()) == ["skipped: other index.csv lacks the columns expiry"]


def test_series_that_expire_on_the_day_are_left_out(tmp_path: Path) -> None:
    table = rows()
    table.append([PRICED.isoformat(), 0, 1_250.0, "C", 0.0, 0.5, 1.0])
    code, result = replay("span-arrays", save(tmp_path, terms(), table))
    assert code == 0
    assert result["fields"][LOSS]["skipped"] == {"expires on the day it is priced": 1}


def test_a_file_without_its_rows_is_named(tmp_path: Path) -> None:
    code, result = replay("span-arrays", write(tmp_path, "a.json", terms()))
    assert code == 1
    assert list(result["files"].values()) == ["skipped: has no a.csv beside it"]


@pytest.mark.parametrize("scans", ["wide", "14.50% for maturity > 6 months"])
def test_scan_ranges_that_cannot_be_read_are_bad_input(tmp_path: Path, scans: str) -> None:
    given = terms()
    given["fitted_parameters"]["price_scan_range"] = scans
    assert replay("span-arrays", save(tmp_path, given, rows()))[0] == 2


# --- printed arrays ------------------------------------------------------------------------------


def printed() -> dict[str, Any]:
    """Two scenarios suffice: a bond future and a put on it."""
    return {
        "source": "made here",
        "long_future_pnl": [300, -300],
        "short_put_pnl": [80, -120],
        "covered_pnl (short future, short put)": [-220, 180],
        "expected": {
            "long_future_scan": 300,
            "long_put_scan": 80,
            "short_put_scan": 120,
            "covered_scan": 220,
            "strangle_scan": 1,
            "short_future_scan": None,
        },
    }


def test_printed_arrays_are_summed_and_scanned(tmp_path: Path) -> None:
    code, result = replay("span-arrays", write(tmp_path, "p.json", printed()))
    assert code == 0
    fields = result["fields"]
    assert fields["covered_pnl (short future, short put)"]["compared"] == 2
    assert [fields[f"expected.{n}_scan"]["compared"] for n in ("long_put", "covered")] == [1, 1]
    assert fields["expected.strangle_scan"]["skipped"] == {"is of no array of the file": 1}
    assert fields["expected.short_future_scan"]["skipped"] == {"null in the file": 1}


@pytest.mark.parametrize("name", ["long_future_scan", "long_put_scan", "covered_scan"])
def test_a_printed_scan_that_is_moved_is_found(tmp_path: Path, name: str) -> None:
    given = printed()
    given["expected"][name] += 10
    code, result = replay("span-arrays", write(tmp_path, "p.json", given))
    assert code == 1 and result["fields"][f"expected.{name}"]["beyond"]


def test_the_published_arrays_are_reproduced(shared_data: Callable[[str], Path]) -> None:
    """2,284 series twice, whose largest error is the rounding, and a book's positions."""
    code, result = replay("span-arrays", shared_data("span"))
    fields = result["fields"]
    assert code == 0
    assert fields[LOSS]["compared"] == fields["delta"]["compared"] == 4568
    assert fields[LOSS]["largest_error"] < 0.0051 and fields["delta"]["largest_error"] < 6e-5
    assert sum(f["compared"] for name, f in fields.items() if name.startswith("expected.")) == 4


def test_a_vol_fitted_to_published_arrays_is_the_one_they_state(
    tmp_path: Path, shared_data: Callable[[str], Path]
) -> None:
    """On every ninth series, which is as good as on all."""
    for path in sorted(shared_data("span").glob("nse_*.json")):
        given = json.loads(path.read_text("utf-8"))
        stated = given["fitted_parameters"].pop("sigma")
        lines = path.with_suffix(".csv").read_text("utf-8").splitlines(keepends=True)
        (tmp_path / f"{path.stem}.csv").write_text("".join([lines[0], *lines[1::9]]), "utf-8")
        code, result = replay("span-arrays", write(tmp_path, path.name, given))
        assert code == 0
        (reason,) = result["fields"]["(fitted_parameters.sigma)"]["skipped"]
        assert float(reason.split()[1]) == pytest.approx(stated, abs=2e-7)
