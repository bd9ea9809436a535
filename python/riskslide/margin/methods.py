"""Decides which margin methods there are: what their rule books hold and how they compile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ..book.columns import Float, Int32, Int64
from ..book.portfolio import Rows
from ..market.state import State
from ..rules import Rules, Spec
from ..scenario.grid import grid_scenarios, homes_of
from ..scenario.matrix import matrix_scenarios
from ..scenario.shocks import Scenarios
from ..scenario.slides import slide_scenarios, slide_terms
from ..scenario.span import span_scenarios
from ..scenario.still import still_scenario
from ..scenario.tims import tims_scenarios
from ..value.exposure import Deltas
from . import equity
from .auction import AUCTION
from .grid import compile as grid
from .grid import schema as grid_schema
from .matrix import compile as matrix
from .program import Program, Subject
from .ratio import compile as ratio
from .slides import compile as slides
from .span import compile as span
from .span import schema as span_schema
from .span.deltas import composite_delta
from .standard import compile as standard
from .standard import schema as standard_schema
from .strategy import compile as strategy
from .strategy.accounts import Margined, margined
from .strategy.rates import SCHEMA as STRATEGY
from .tims import compile as tims
from .tims import schema as tims_schema

SHARED = {
    "reporting.currency": Spec("text"),
    "reporting.par": Spec("texts"),
    "market.max_age_seconds": Spec("number", 0.0, 1e9),
    "collateral.haircut": Spec("table", 0.0, 1.0),
    "collateral.haircut_other": Spec("number", 0.0, 1.0),
}


# Thresholds of the status, as multiples of maintenance; any rule book may hold them.
VERDICT = {
    "verdict": {
        name: Spec("number", 0.0, 1000.0)
        for name in ("reminder", "no_new_risk", "liquidation", "bankrupt")
    }
}


Margining = Callable[[Rules, State, Float, tuple[Int64, Int32, Int64]], Iterator[Margined]]


class Method(NamedTuple):
    """schema: parameters by dotted key; terms: fields of `Terms` that the rules decide; warnings:
    what the holder of the rows must know; optional: sections that a rule book may leave out, each
    with its parameters by name; homes: the market in which an asset cancels risk, None where no
    rule of collateral differs by market; delta: what blocks that measure delta count of a row;
    margined: what every account must post, where no program can say it, which is then for
    `assess` alone."""

    schema: Mapping[str, Spec]
    scenarios: Callable[[Rules, State], Scenarios]
    compile: Callable[[Subject], Program]
    terms: Callable[[Rules], Mapping[str, Any]] = lambda rules: {}
    warnings: Callable[[Rules, Rows], tuple[str, ...]] = lambda rules, rows: ()
    optional: Mapping[str, Mapping[str, Spec]] = MappingProxyType(VERDICT)
    homes: Callable[[Rules], Mapping[str, str] | None] = lambda rules: None
    delta: Callable[[Rules, State, Deltas], Float] = lambda rules, state, deltas: deltas.cash(state)
    margined: Margining | None = None

    @property
    def specs(self) -> dict[str, Spec]:
        """Every parameter by dotted key, those of optional sections included."""
        parts = self.optional.items()
        return {**self.schema, **{f"{s}.{name}": x for s, p in parts for name, x in p.items()}}


METHODS: Mapping[str, Method] = {
    "slides": Method(
        SHARED | slides.SCHEMA,
        slide_scenarios,
        slides.compile_slides,
        terms=slide_terms,
        warnings=slides.warnings_of_slides,
        optional={**VERDICT, **slides.OPTIONAL},
    ),
    "risk-matrix": Method(
        SHARED | matrix.SCHEMA,
        matrix_scenarios,
        matrix.compile_matrix,
        terms=matrix.terms_of_matrix,
        warnings=matrix.warnings_of_matrix,
    ),
    "scenario-grid": Method(
        SHARED | dict(grid_schema.SCHEMA),
        grid_scenarios,
        grid.compile_grid,
        terms=grid.terms_of_grid,
        warnings=grid.warnings_of_grid,
        optional={**VERDICT, **equity.OPTIONAL, **grid_schema.OPTIONAL, "auction": AUCTION},
        homes=homes_of,
    ),
    "expiry-standard": Method(
        SHARED | dict(standard_schema.SCHEMA),
        still_scenario,
        standard.compile_standard,
        terms=standard.standard_terms,
        warnings=standard.warnings_of_standard,
        optional={**VERDICT, **standard_schema.OPTIONAL, "auction": AUCTION},
    ),
    "span": Method(
        SHARED | dict(span_schema.SCHEMA),
        span_scenarios,
        span.compile_span,
        terms=span.terms_of_span,
        warnings=span.warnings_of_span,
        optional=VERDICT | dict(span_schema.OPTIONAL),
        delta=composite_delta,
    ),
    "ratio": Method(
        SHARED | dict(ratio.SCHEMA),
        still_scenario,
        ratio.compile_ratio,
        optional=VERDICT | dict(ratio.OPTIONAL),
    ),
    "tims": Method(
        SHARED | dict(tims_schema.SCHEMA),
        tims_scenarios,
        tims.compile_tims,
        terms=tims.terms_of_tims,
        warnings=tims.warnings_of_tims,
        optional={**VERDICT, **tims_schema.OPTIONAL},
    ),
    "strategy": Method(
        SHARED | dict(STRATEGY),
        still_scenario,
        strategy.compile_equity,
        margined=margined,
    ),
}
