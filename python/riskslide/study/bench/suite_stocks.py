"""Decides what portfolio margin of options on stock costs: pricing and evaluation apart."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from ...book.instruments import Instruments, Style
from ...engine import prepare
from ...market.state import State
from ...scenario.shocks import Scenarios
from ...value.cube import Cube, revalue
from ...venue.load import load_rulebook
from .contest import Peer, Workload
from .measure import Answer, Runner
from .suite_assess import like_the_reference
from .suite_venues import evaluated
from .workloads import Sizes
from .workloads_stocks import stock_book

CHECKED = 3  # accounts that the reference margins once more, option by option


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
    verify = partial(like_the_reference, given.of_first(CHECKED), rules, "stocks evaluate")
    what = f"of American options and stock under {rules.name}"
    return [priced, evaluated(p, "stocks evaluate", "stocks", what, verify)]


def _revaluing(rows: Instruments, state: State, scenarios: Scenarios, threads: int) -> Runner:
    def answer(found: Cube) -> Answer:
        return {"value": found.values}

    return Runner(lambda: revalue(rows, state, scenarios, threads=threads), answer)
