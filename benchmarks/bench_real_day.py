"""One real day: every BTC and ETH series of Deribit's chain of 2026-02-05 and 1,000 made accounts.

Run with `pytest benchmarks/bench_real_day.py`; it needs the folder of snapshots, which
RISKSLIDE_SHARED_DATA or `../shared/data` beside the repository names. The reference is the peer.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import riskslide as rs
from riskslide.edge.deribit.names import instruments_of, parse_instrument
from riskslide.reference import FIGURES, assess_lines

ROOT = Path(__file__).resolve().parents[2] / "shared" / "data"
FOLDER = Path(os.environ.get("RISKSLIDE_SHARED_DATA") or ROOT) / "chains_deribit_2026"
FILES = (
    "deribit_btc_eth_daily_202602.parquet",
    "perpetual_futures_prices.csv.gz",
    "term_futures_marks.csv.gz",
)
ACCOUNTS = 1_000


def test_assess_a_day(benchmark: Any) -> None:
    if not FOLDER.is_dir():
        pytest.skip(f"{FOLDER} is not there; set RISKSLIDE_SHARED_DATA")
    as_of = "2026-02-05T09:36:47.412509Z"
    market = rs.read_market([FOLDER / name for name in FILES], as_of=as_of)
    instruments = instruments_of([parse_instrument(n) for n in (*market.vol, *market.mark)])
    draw = np.random.default_rng(5)
    account, instrument, quantity = [], [], []
    for k in range(ACCOUNTS):
        held = draw.choice(len(instruments), draw.integers(5, 61), replace=False)
        account += [f"a{k:04d}"] * held.size
        instrument += [instruments.name[i] for i in held]
        coins = np.round(draw.lognormal(0.0, 1.0, held.size), 1) * draw.choice([-1, 1], held.size)
        dollars = 10.0 * draw.integers(-500, 500, held.size)
        quantity += np.where(instruments.kind[held] == 0, coins, dollars).tolist()
    portfolio = rs.Portfolio.from_columns(
        instruments,
        account=account,
        instrument=instrument,
        quantity=quantity,
        balance_account=[f"a{k:04d}" for k in range(ACCOUNTS)],
        balance_asset=["BTC"] * ACCOUNTS,
        balance_amount=draw.uniform(0.0, 50.0, ACCOUNTS),
    )
    rules = rs.load_rulebook("generic-slides")
    found = benchmark(lambda: rs.assess(portfolio, market, rules))
    assert len(instruments) > 1_600
    expected = assess_lines(portfolio, market, rules)
    for name in FIGURES:
        ours = getattr(found, name)
        assert np.isfinite(ours).all(), name
        assert np.allclose(ours, expected[name], rtol=1e-11, atol=1e-6), name
