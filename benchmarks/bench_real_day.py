"""One real day: the chain of Deribit of 2026-02-05 with 1,000 made accounts, margined end to end.

Run with `pytest benchmarks/bench_real_day.py`; it needs the folder of snapshots, which
RISKSLIDE_SHARED_DATA or `../shared/data` beside the repository names. The reference is the peer.
`python benchmarks/real_days.py` goes over all the days.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from board import chain_of
from books import make_books
from snapshots import MAX_AGE, read_snapshot, snapshots_of

import riskslide as rs
from riskslide.reference import assess_lines

ROOT = Path(__file__).resolve().parents[2] / "shared" / "data"
FOLDER = Path(os.environ.get("RISKSLIDE_SHARED_DATA") or ROOT) / "chains_deribit_2026"
FILE, DAY = "deribit_btc_eth_daily_202602.parquet", 4  # the fifth of the month
CHECKED = 100  # accounts for the reference


@pytest.mark.parametrize("rules", ["generic-slides", "deribit-spm", "deribit-xpm"])
def test_assess_a_day(benchmark: Any, rules: str) -> None:
    if not FOLDER.is_dir():
        pytest.skip(f"{FOLDER} is not there; set RISKSLIDE_SHARED_DATA")
    market, instruments = read_snapshot(snapshots_of(FOLDER, FILE)[DAY])
    books = make_books(chain_of(instruments, market, max_age=MAX_AGE), seed=5)
    portfolio, rulebook = books.portfolio(), rs.load_rulebook(rules)
    found = benchmark(lambda: rs.assess(portfolio, market, rulebook))
    assert len(instruments) > 1_600
    few = books.accounts[:CHECKED]
    lines = [k for k, account in enumerate(found.account) if account in set(few)]
    for name, expected in assess_lines(books.portfolio(few), market, rulebook).items():
        ours = getattr(found, name)
        assert np.isfinite(ours).all(), name
        assert np.allclose(ours[lines], expected, rtol=1e-11, atol=1e-6), name
