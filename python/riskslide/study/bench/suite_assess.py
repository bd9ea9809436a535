"""Decides the whole margin run: W2 with collateral and verdict, and what it costs beside W2."""

from __future__ import annotations

from functools import partial

import numpy as np

from ...account.verdict import FIGURES, Assessment
from ...book.portfolio import Portfolio
from ...book.positions import Positions, slice_rows
from ...engine import assess
from ...errors import AnswersDiffer
from ...reference import assess_lines
from ...value.cube import WorstLoss
from ...venue.rulebook import Rulebook
from .contest import Peer, Workload
from .measure import Answer, Runner
from .suite_books import revalued_and_summed
from .workloads import Held, Margined, Sizes, margined

CHECKED = 20  # accounts that the reference margins once more
BASELINE = "revaluation and worst loss alone"


def assessments(sizes: Sizes) -> list[Workload]:
    """The margin run of a book under two rule books, each beside its revaluation and sums alone."""
    given = margined(sizes.instruments, sizes.moves, sizes.accounts, sizes.legs)
    return [
        _assessed(given, given.one_level, "assess slides", "one level by underlying"),
        _assessed(given, given.two_levels, "assess", "two netting levels, roll shock"),
    ]


def _assessed(given: Margined, rules: Rulebook, key: str, what: str) -> Workload:
    book, market, work = given.portfolio, given.market, given.slides

    def answer(found: Assessment) -> Answer:
        return {name: getattr(found, name) for name in FIGURES}

    baseline = Peer(
        BASELINE,
        ("numpy",),
        lambda t: Runner(lambda: revalued_and_summed(work, t), WorstLoss._asdict),
        threaded=True,
        target=1.0 / 1.5,
        same=False,
    )
    return Workload(
        key=key,
        group="assess",
        title=f"assess {len(book.accounts):,} accounts: {what}, collateral, verdict",
        count=work.positions.lots.size,
        unit="positions",
        limit="W2, and what its rule book asks for besides",
        ours=lambda t: Runner(lambda: assess(book, market, rules, threads=t), answer),
        peers=(baseline,),
        slack=lambda found: {},
        target={},
        verify=partial(like_the_reference, given, rules, key),
    )


def like_the_reference(given: Margined | Held, rules: Rulebook, key: str, found: Answer) -> None:
    """The first accounts once more, by the slow reference, which shares no arithmetic."""
    lines = min(CHECKED, len(given.portfolio.accounts))
    check(key, assess_lines(_first(given.portfolio, lines), given.market, rules), found)


def check(key: str, again: Answer, found: Answer) -> None:
    """Raise AnswersDiffer where the first rows of what was found are not those of the reference."""
    for name, expected in again.items():
        slack = 1e-9 * max(1.0, float(np.abs(expected).max()))
        wrong = ~(np.abs(found[name][: expected.size] - expected) <= slack)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            what = f"{name}[{row}] is {expected[row]}, ours {found[name][row]}"
            raise AnswersDiffer(key, "reference", what)


def _first(book: Portfolio, accounts: int) -> Portfolio:
    """The book of the first accounts; it has positions and balances only."""
    cash = book.balance_account < accounts
    return Portfolio(
        instruments=book.instruments,
        accounts=book.accounts[:accounts],
        positions=Positions(*slice_rows(book.positions.csr, 0, accounts)),
        entry_account=book.entry_account,
        entry_instrument=book.entry_instrument,
        entry_quantity=book.entry_quantity,
        entry_price=book.entry_price,
        assets=book.assets,
        balance_account=book.balance_account[cash],
        balance_asset=book.balance_asset[cash],
        balance_amount=book.balance_amount[cash],
        orders=Positions(*slice_rows(book.orders.csr, 0, accounts)),
    )
