"""Decides which groups of workloads there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .contest import Workload
from .suite_assess import assessments
from .suite_books import sorted_rows, tails, worst_losses
from .suite_greeks import greeks
from .suite_implied import implied_vols
from .suite_stocks import stocks
from .suite_venues import venues
from .workloads import Sizes

GROUPS: Mapping[str, Callable[[Sizes], list[Workload]]] = {
    "W1": greeks,
    "implied": implied_vols,
    "W2": worst_losses,
    "positions": sorted_rows,
    "W6": tails,
    "assess": assessments,
    "venues": venues,
    "stocks": stocks,
}
