"""Decides what portfolio margin of options on stock costs: pricing and evaluation apart."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from ...book.instruments import Instruments, Style
from ...book.positions import slice_rows
from ...engine import Prepared, prepare, valued
from ...margin.reference import evaluate
from ...market.state import State
from ...scenario.shocks import Scenarios
from ...value.cube import Cube, revalue
from ...venue.load import load_rulebook
from .contest import Peer, Workload
from .measure import Answer, Runner
from .suite_assess import CHECKED, check
from .suite_venues import evaluated
from .workloads import Sizes
from .workloads_stocks import stock_book


def stocks(sizes: Sizes) -> list[Workload]:
    """`occ-cpm` over a book of American options and stock."""
    given = stock_book(sizes.instruments, sizes.accounts, sizes.legs)
    rules = load_rulebook("occ-cpm")
    p = prepare(given.portfolio, given.market, rules)
    american = p.rows.valued
    styles = np.full(len(american), Style.EUROPEAN.value, dtype=np.uint8)
    european = replace(american, style=styles)
    plain = given.market.on(european, rules.terms)
    peer = Peer(
        "the same without early exercise",
        ("numpy",),
        partial(_revaluing, european, plain, p.scenarios),
        threaded=True,
        same=False,
    )
    priced = Workload(
        key="stocks revalue",
        group="stocks",
        title=f"{sizes.instruments:,} American options on stock revalued at ten points",
        count=len(american) * len(p.scenarios),
        unit="cells",
        limit="ports: a boundary of early exercise for every option, and an integral for each cell",
        ours=partial(_revaluing, american, p.state, p.scenarios),
        peers=(peer,),
        slack=lambda found: {},
        target={},
    )
    key, what = "stocks evaluate", f"of American options and stock under {rules.name}"
    return [priced, evaluated(p, key, "stocks", what, partial(_folded_again, p, key))]


def _folded_again(p: Prepared, key: str, found: Answer) -> None:
    """The first accounts once more, by the slow reference over the same values."""
    lots, cash = (slice_rows(x, 0, CHECKED) for x in (p.positions.csr, p.cash))
    again = evaluate(p.program, valued(p).cells, lots, cash)["outputs"]
    check(key, {n: again[:, k] for k, n in enumerate(p.program.outputs)}, found)


def _revaluing(rows: Instruments, state: State, scenarios: Scenarios, threads: int) -> Runner:
    def answer(found: Cube) -> Answer:
        return {"value": found.values}

    return Runner(lambda: revalue(rows, state, scenarios, threads=threads), answer)
