"""Guards what stands in for a forward or a vol that Deribit's chain lacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from edge.deribit_chains import CALL, FOLDER, NOW, PUT, chain, load, refused, row

import riskslide as rs
from riskslide.book.clock import instant

# What stands in for a forward or a vol that is not there

MARCH = "27MAR26"
STRIKES = (60_000, 65_000, 70_000, 75_000, 80_000)


def priced(strike: int, side: str, *, forward: float = 68_000.0, **changed: Any) -> dict[str, Any]:
    """A row whose mark is that of its vol and forward."""
    years = (instant("2026-03-27T08:00:00Z") - instant(NOW)) / (365 * 86_400e9)
    usd = rs.black76(forward, float(strike), years, 0.6, is_call=side == "C").value[0]
    return row(f"BTC-{MARCH}-{strike}-{side}", mark_price=usd / forward, **changed)


def test_a_missing_forward_is_that_of_put_call_parity(tmp_path: Path) -> None:
    rows = [priced(k, s, futures_price="") for k in STRIKES for s in "CP"]
    market = rs.read_market(chain(tmp_path, *rows))
    assert (len(market.forward), market.dropped) == (10, 0)
    forwards = {q.value for q in market.forward.values()}
    assert len(forwards) == 1
    assert forwards.pop() == pytest.approx(68_000.0, rel=1e-12)


def test_a_forward_of_other_series_of_the_expiry_comes_before_parity(tmp_path: Path) -> None:
    rows = [priced(k, s, futures_price="") for k in STRIKES for s in "CP"]
    rows.append(priced(85_000, "C", futures_price=68_123.0))
    market = rs.read_market(chain(tmp_path, *rows))
    assert {q.value for q in market.forward.values()} == {68_123.0}


def test_too_few_pairs_of_call_and_put_give_no_forward(tmp_path: Path) -> None:
    rows = [priced(k, s, futures_price="") for k in STRIKES[:2] for s in "CP"]
    path = chain(tmp_path, *rows, row(PUT))
    assert rs.read_market(path).dropped == 4
    assert set(load(tmp_path, [path], (PUT, 1.0))[1].vol) == {PUT}  # none of them is held
    name = f"BTC-{MARCH}-60000-C"
    error = refused(lambda: load(tmp_path, [path], (name, 1.0)))
    assert (error.code, error.row, error.value) == ("E_MISSING_PRICE", 2, name)
    assert "has no forward" in error.fix and "3 are needed" in error.fix


def test_a_missing_vol_is_taken_between_neighbour_strikes_with_a_warning(tmp_path: Path) -> None:
    held, other = f"BTC-{MARCH}-70000-C", f"BTC-{MARCH}-75000-C"
    vols = {60_000: 0.7, 65_000: 0.6, 70_000: "", 75_000: "", 80_000: 0.5}
    path = chain(tmp_path, *[priced(k, "C", implied_volatility=v) for k, v in vols.items()])
    everything = rs.read_market(path)
    assert everything.dropped == 0
    for name, weight in ((held, 1 / 3), (other, 2 / 3)):
        variance = (1 - weight) * 0.36 + weight * 0.25
        assert everything.vol[name].value == pytest.approx(variance**0.5, rel=1e-14)
    assert [w for w in everything.warnings if w.startswith("W_VOL_INTERPOLATED") and ": 2" in w]
    portfolio, market = load(tmp_path, [path], (held, 1.0))
    found = rs.assess(portfolio, market, rs.load_rulebook("generic-slides"))
    assert [w for w in found.warnings if w.startswith("W_VOL_INTERPOLATED") and held in w]
    portfolio, market = load(tmp_path, [path], (f"BTC-{MARCH}-65000-C", 1.0))
    assert market.warnings == ()


def test_nothing_is_extrapolated_beyond_the_last_strike_with_a_vol(tmp_path: Path) -> None:
    vols = {60_000: "", 65_000: 0.6, 70_000: 0.5, 75_000: 0}
    path = chain(tmp_path, *[priced(k, "C", implied_volatility=v) for k, v in vols.items()])
    assert rs.read_market(path).dropped == 2
    for strike, side in ((60_000, "lower"), (75_000, "higher")):
        name = f"BTC-{MARCH}-{strike}-C"
        error = refused(lambda name=name: load(tmp_path, [path], (name, 1.0)))
        assert (error.code, error.value) == ("E_MISSING_PRICE", name)
        assert f"has no implied vol (no {side} strike" in error.fix


def test_forwards_by_parity_are_those_that_the_venue_prints(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    path = shared_data(f"{FOLDER}/deribit_btc_eth_daily_202604.parquet")
    moment = "2026-04-02T09:53:28.822483+00:00"
    printed = rs.read_market(path, as_of=moment)
    table = pq.read_table(path)
    rows = table.filter(pc.equal(pc.cast(table["timestamp"], "string"), moment)).to_pylist()
    found = rs.read_market(chain(tmp_path, *[r | {"futures_price": ""} for r in rows]))
    assert set(found.forward) == set(printed.forward)
    error = [found.forward[n].value / q.value - 1 for n, q in printed.forward.items()]
    assert np.median(np.abs(error)) < 2e-5  # marks and forwards are not of one second
    assert np.abs(error).max() < 3e-4


def test_series_whose_forward_the_venue_leaves_out_are_priced(
    shared_data: Callable[[str], Path],
) -> None:
    path = shared_data(f"{FOLDER}/deribit_btc_eth_daily_202604.parquet")
    market = rs.read_market(path, as_of="2026-04-03T10:00:00Z")
    assert (len(market.vol), market.dropped) == (1620, 0)
    assert market.forward["BTC-4APR26-68500-C"].value == pytest.approx(66_857, rel=1e-3)


def test_a_chain_without_a_needed_column_is_refused(tmp_path: Path) -> None:
    for column in ("index_price", "strike", "timestamp", "futures_price"):
        rows = {k: v for k, v in row(CALL).items() if k != column}
        error = refused(lambda rows=rows: rs.read_market(chain(tmp_path, rows)))
        assert (error.code, error.column) == ("E_MISSING", column)
