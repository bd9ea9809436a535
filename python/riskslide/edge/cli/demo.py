"""Decides the book that `riskslide demo` margins, and which of its figures are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from ...account.verdict import Assessment, Contribution, UnitEvidence
from ...book.instruments import Instruments
from ...book.portfolio import Portfolio
from ...engine import assess
from ...market.market import Market
from ...runtime import runtime
from ...value.exposure import stress
from ...venue.load import load_rulebook
from ...venue.rulebook import Rulebook

RULEBOOK = "generic-slides"
AS_OF, EXPIRY, DAYS = "2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z", 30
BTC = 100_000.0
OPTIONS = (  # strike, type, contracts of one BTC, implied vol
    (110_000, "call", -10.0, 0.60),
    (90_000, "put", -10.0, 0.62),
    (120_000, "call", 10.0, 0.61),
    (80_000, "put", 10.0, 0.66),
)
PERPETUAL, LONG = "BTC_USDC-PERPETUAL", 1.5
BALANCES = {"BTC": 1.5, "USDC": 30_000.0}
REPEATS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Demo:
    """The demo book margined, in the reporting currency.

    alone: worst loss of the positions without the collateral, and its scenario; leg_worst (by
    instrument): worst loss of a leg as an account of its own; one_by_one: their sum; in_cell: P&L
    of every leg in the worst cell; loser, offset: the legs that lose and gain most there; vol (by
    instrument): implied; difference: the largest from the slow reference; first_seconds: the
    assessment, with the start of the thread pool; fastest_seconds: of some more.
    """

    assessment: Assessment
    unit: UnitEvidence
    alone: float
    alone_scenario: str
    one_by_one: float
    leg_worst: Mapping[str, float]
    in_cell: tuple[Contribution, ...]
    loser: Contribution
    offset: Contribution
    vol: Mapping[str, float]
    difference: float
    first_seconds: float
    fastest_seconds: float
    instruction_set: str


def demo_book() -> tuple[Portfolio, Market]:
    """A short strangle with bought wings and a long perpetual on BTC, settled in USDC."""
    code = {"call": "C", "put": "P"}
    names = [f"BTC_USDC-31JAN26-{strike}-{code[side]}" for strike, side, _, _ in OPTIONS]
    instruments = Instruments.from_columns(
        name=[*names, PERPETUAL],
        kind=["option"] * len(OPTIONS) + ["perpetual"],
        underlying="BTC",
        expiry=[EXPIRY] * len(OPTIONS) + [None],
        strike=[strike for strike, _, _, _ in OPTIONS] + [0],
        option_type=[side for _, side, _, _ in OPTIONS] + [""],
        currency="USDC",
    )
    portfolio = Portfolio.from_columns(
        instruments,
        account=["demo"] * len(instruments),
        instrument=instruments.name,
        quantity=[quantity for _, _, quantity, _ in OPTIONS] + [LONG],
        balance_account=["demo"] * len(BALANCES),
        balance_asset=list(BALANCES),
        balance_amount=list(BALANCES.values()),
    )
    market = Market.of(
        AS_OF,
        spot={"BTC": BTC, "USDC": 1.0},
        forward={("BTC", EXPIRY): BTC},
        mark={PERPETUAL: BTC},
        vol={name: vol for name, (_, _, _, vol) in zip(names, OPTIONS, strict=True)},
    )
    return portfolio, market


def run_demo(*, threads: int | None = None) -> Demo:
    """Margin the demo book under `generic-slides` and take it apart."""
    portfolio, market = demo_book()
    rulebook = load_rulebook(RULEBOOK)
    taken = []
    for _ in range(REPEATS):
        start = perf_counter()
        assessment = assess(portfolio, market, rulebook, threads=threads)
        taken.append(perf_counter() - start)
    scenarios = assessment.source.program.scenarios
    total = stress(portfolio, market, scenarios, terms=rulebook.terms)[0]
    legs = stress(portfolio, market, scenarios, by="leg", terms=rulebook.terms)
    names = [portfolio.instruments.name[i] for i in portfolio.positions.instrument.tolist()]
    worst = np.maximum(-legs.min(axis=1), 0.0).tolist()
    leg_worst = dict(zip(names, worst, strict=True))
    (evidence,) = assessment.explain("demo")
    unit = max(evidence.units, key=lambda u: u.loss)
    in_cell = tuple(c for c in unit.contributions if c.name in portfolio.instruments.index)
    return Demo(
        assessment=assessment,
        unit=unit,
        alone=max(-float(total.min()), 0.0),
        alone_scenario=scenarios.labels[int(total.argmin())],
        one_by_one=sum(worst),
        leg_worst=leg_worst,
        in_cell=in_cell,
        loser=min(in_cell, key=lambda c: c.pnl),
        offset=max(in_cell, key=lambda c: c.pnl),
        vol={name: quote.value for name, quote in market.vol.items()},
        difference=reference_difference(assessment, portfolio, market, rulebook),
        first_seconds=taken[0],
        fastest_seconds=min(taken),
        instruction_set=str(runtime()["instruction_set"]),
    )


def reference_difference(
    assessment: Assessment, portfolio: Portfolio, market: Market, rulebook: Rulebook
) -> float:
    """The largest absolute difference of any amount from the slow NumPy reference."""
    from ...reference import assess_lines

    found = assess_lines(portfolio, market, rulebook)
    differences = [np.abs(getattr(assessment, name) - lines) for name, lines in found.items()]
    return max(float(d.max(initial=0.0)) for d in differences)
