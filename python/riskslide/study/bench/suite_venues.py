"""Decides what a cell of each venue's program costs beside one of the plain worst loss."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ... import _core
from ...engine import Prepared, prepare, valued
from ...errors import InputError
from ...value.cube import Cube, WorstLoss, worst_loss
from ...venue.load import load_rulebook, preset_names
from .contest import Peer, Workload
from .measure import Answer, Runner
from .suite_assess import like_the_reference
from .workloads import Sizes, margined


def venues(sizes: Sizes) -> list[Workload]:
    """Every rule book that runs without inputs, over one book; pricing is done before."""
    given = margined(sizes.instruments, sizes.moves, sizes.accounts, sizes.legs)
    found = []
    for name in preset_names():
        rules = load_rulebook(name)
        if rules.unpublished:
            continue
        try:
            prepared = prepare(given.portfolio, given.market, rules)
        except InputError as error:  # this venue lists nothing of the kind
            if error.code != "E_UNSUPPORTED":
                raise
            continue
        verify = partial(like_the_reference, given, rules, name)
        found.append(evaluated(prepared, name, "venues", f"under {name}", verify))
    return found


def evaluated(
    p: Prepared, key: str, group: str, what: str, verify: Callable[[Answer], None]
) -> Workload:
    """The evaluation alone, beside worst losses over as many columns as the program has."""
    cube = valued(p)
    program, lots, cash = p.program, p.positions.csr, p.cash
    columns = sum(block.width for block in program.blocks)
    rng = np.random.default_rng(1)
    plain = Cube.from_values(rng.normal(size=(len(p.portfolio.instruments), columns)))
    levels = max((len(tree.levels) for tree in program.trees), default=0)

    def ours(threads: int) -> Runner:
        return Runner(
            lambda: _core.evaluate(program.core, cube.cells, lots, cash, threads),
            partial(_figures, p),
        )

    peer = Peer(
        f"worst loss over {columns} columns",
        ("numpy",),
        lambda t: Runner(
            lambda: worst_loss(p.portfolio.positions, plain, threads=t), WorstLoss._asdict
        ),
        threaded=True,
        target=1.0 / 1.5,
        same=False,
    )
    cells = p.portfolio.positions.lots.size * columns
    return Workload(
        key=key,
        group=group,
        title=f"{len(p.portfolio.accounts):,} accounts {what}: {columns} columns "
        f"in {len(program.trees)} trees of up to {levels} levels, evaluation alone",
        count=cells,
        unit="cells",
        limit="as many columns of plain worst losses",
        ours=ours,
        peers=(peer,),
        slack=lambda found: {},
        target={},
        verify=verify,
    )


def _figures(p: Prepared, found: dict[str, Any]) -> Answer:
    return {n: found["outputs"][:, k] for k, n in enumerate(p.program.outputs)}
