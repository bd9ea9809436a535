"""The table of venues and strategies: what the strategies hold, and where its figures come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import compare_venues
import numpy as np
import pytest
from board import Chain, chain_of
from snapshots import MAX_AGE, read_snapshot, snapshots_of
from strategies import NOTIONAL, STRATEGIES, TENORS, make_singles

import riskslide as rs
from riskslide.book.clock import instant
from riskslide.book.instruments import Kind

AS_OF, SPOT = "2026-02-05T08:00:00Z", 70_000.0
EXPIRIES = ("2026-02-13T08:00:00Z", "2026-03-06T08:00:00Z", "2026-05-29T08:00:00Z")


def chain(*, strikes: int = 41, hold: bool = True) -> Chain:
    """A made chain of one coin whose contracts settle in it."""
    grid = np.linspace(0.5, 1.7, strikes).tolist()
    rows = [
        (f"{n}-{round(SPOT * x)}-{side}", "option", expiry, float(round(SPOT * x)), side)
        for n, expiry in enumerate(EXPIRIES)
        for x in grid
        for side in ("call", "put")
    ]
    options = [r[0] for r in rows]
    rows += [("PERP", "perpetual", "", 0.0, "")] if hold else []
    instruments = rs.Instruments.from_columns(
        name=[r[0] for r in rows],
        kind=[r[1] for r in rows],
        underlying="BTC",
        expiry=[r[2] for r in rows],
        strike=[r[3] for r in rows],
        option_type=[r[4] for r in rows],
        settlement="inverse",
        lot=[1e-8 if r[1] == "option" else 0.01 for r in rows],
    )
    market = rs.Market.of(
        AS_OF,
        spot={"BTC": SPOT},
        vol=dict.fromkeys(options, 0.5),
        forward=dict.fromkeys(options, SPOT),
        mark={"PERP": SPOT},
    )
    return chain_of(instruments, market)


def test_every_strategy_holds_what_its_name_says() -> None:
    singles = make_singles(chain(), instant(AS_OF))
    assert set(singles.strategy.values()) == set(STRATEGIES)
    assert len(singles.strategy) == len(STRATEGIES) * len(TENORS)
    x, held = singles.portfolio.instruments, singles.portfolio.positions
    for k, account in enumerate(singles.portfolio.accounts):
        at = slice(int(held.offsets[k]), int(held.offsets[k + 1]))
        rows, lots = held.instrument[at], held.lots[at]
        name, option = singles.strategy[account], x.kind[rows] == Kind.OPTION.value
        coins = np.where(option, lots * x.lot[rows], lots * x.lot[rows] / SPOT)
        whole = NOTIONAL / SPOT
        if "straddle" in name or "strangle" in name or "butterfly" in name or "condor" in name:
            assert option.all()
        if "straddle" in name:
            assert len(set(x.strike[rows].tolist())) == 1 and set(x.is_call[rows]) == {True, False}
        if "butterfly" in name:
            assert coins.tolist() == pytest.approx([whole, -2 * whole, whole], rel=0.01)
        if name in ("covered call", "collar", "protective put"):
            assert coins[~option].tolist() == pytest.approx([whole], rel=0.01)
        if name == "calendar":
            assert np.unique(x.strike[rows]).size == 1 and np.unique(x.expiry[rows]).size == 2
        if name.startswith("short "):
            assert (lots < 0).all()


def test_strategies_that_a_chain_does_not_hold_are_left_out() -> None:
    few = make_singles(chain(strikes=5), instant(AS_OF))
    assert set(few.strategy.values()) < set(STRATEGIES)
    assert "iron condor" not in few.strategy.values()
    assert make_singles(chain(hold=False), instant(AS_OF)).strategy == {}


def test_tallies_are_ratios_to_the_base() -> None:
    made = make_singles(chain(), instant(AS_OF))
    market = rs.Market.of(
        AS_OF,
        spot={"BTC": SPOT},
        vol=dict.fromkeys([n for n in made.portfolio.instruments.name if n != "PERP"], 0.5),
        forward=dict.fromkeys([n for n in made.portfolio.instruments.name if n != "PERP"], SPOT),
        mark={"PERP": SPOT},
    )
    found = rs.compare(made.portfolio, market, ["generic-slides", "deribit-spm"])
    tallies: compare_venues.Tallies = {}
    compare_venues.add(tallies, found, made.strategy, "generic-slides")
    # Coin owed at today's index: 0.8 (0.16 / 1.16 + 0.01) of notional against 0.16.
    sold = tallies["short underlying", "deribit-spm"]
    assert sold.ratio == f"{0.8 * (0.16 / 1.16 + 0.01) / 0.16:.2f} (0.74)"
    assert sold.saving == "0%" and sold.usual == "price +16 % vol down (100%)"
    table = compare_venues.ratios(
        tallies, list(STRATEGIES), ["generic-slides", "deribit-spm"], "generic-slides", NOTIONAL
    )
    assert table[0] == "| strategy | generic-slides, of notional | deribit-spm |"
    assert table[2] == "| long underlying | 16.0% | 1.00 (1.00) |"
    assert len(table) == 2 + len(STRATEGIES)


def test_the_page_is_written_between_its_markers(
    tmp_path: Path, shared_data: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, page = shared_data("chains_deribit_2026"), tmp_path / "page.md"
    page.write_text(f"before\n{compare_venues.BEGIN}\nold\n{compare_venues.END}\nafter\n", "utf-8")
    options = ["--data", str(folder), "--every", "28", "--accounts", "20", "--write", str(page)]
    assert compare_venues.main([*options, "--rules", "generic-slides", "deribit-xpm"]) == 0
    text, printed = page.read_text("utf-8"), capsys.readouterr().out
    assert printed.strip() in text and "old" not in text
    assert text.startswith("before\n") and text.endswith("after\n")
    (snapshot,) = snapshots_of(folder, compare_venues.FILES)[::28]
    market, instruments = read_snapshot(snapshot)
    singles = make_singles(chain_of(instruments, market, max_age=MAX_AGE), market.as_of)
    found = rs.compare(singles.portfolio, market, ["generic-slides"])
    needs = [
        value
        for account, value in zip(found.account, found.maintenance.tolist(), strict=True)
        if singles.strategy[account] == "iron condor"
    ]
    assert f"| iron condor | {np.median(needs) / NOTIONAL:.1%} |" in text
