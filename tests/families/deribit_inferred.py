"""Decides forward and instant of Deribit rows that do not state them: one of each per snapshot.

Everything else that such rows print is then compared under these two.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
from families.deribit_rows import Rows
from families.files import YEAR

NEAR = (0.2, 0.8)  # deltas of calls that say where the forward is


def with_instants(rows: Rows) -> Rows:
    """The rows at the instant of their snapshot, where its label is a rounded one.

    By parity rho of call - rho of put = K T / 100, whatever forward and vol are. A snapshot without
    such a pair keeps its label.
    """
    legs: dict[tuple[int, str], dict[bool, int]] = defaultdict(dict)
    for k, name in enumerate(rows.name):
        legs[int(rows.instant[k]), name[:-1]][bool(rows.is_call[k])] = k
    found: dict[int, list[float]] = defaultdict(list)
    rho = rows.printed.get("rho", np.full(len(rows.name), np.nan))
    for (label, _), leg in legs.items():
        if len(leg) == 2:
            call, put = leg[True], leg[False]
            years = 100.0 * (rho[call] - rho[put]) / rows.strike[call]
            if years > 0.0:
                found[label].append(float(rows.expiry[call] - years * YEAR))
    true = {label: int(np.median(instants)) for label, instants in found.items()}
    labels = rows.instant.tolist()
    return replace(rows, instant=np.array([true.get(t, t) for t in labels], dtype=np.int64))


def with_forwards(rows: Rows) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """The rows under one forward per (instant, expiry), and which of them (N) gave it.

    F = K exp(v sqrt(T) N^-1(delta of the call) - v^2 T / 2), the median over the rows near the
    money; NaN where there is none.
    """
    size = len(rows.name)
    years = (rows.expiry - rows.instant) / YEAR
    delta = rows.printed.get("delta", np.full(size, np.nan))
    of_call = np.where(rows.is_call, delta, delta + 1.0)
    near = (of_call > NEAR[0]) & (of_call < NEAR[1]) & (years > 0.0)
    score = np.array([NormalDist().inv_cdf(d) for d in of_call[near]])
    spread = rows.vol[near] * np.sqrt(years[near])
    implied = np.full(size, np.nan)
    implied[near] = rows.strike[near] * np.exp(spread * (score - spread / 2.0))
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for k, name in enumerate(rows.name):
        groups[int(rows.instant[k]), name.split("-")[0], int(rows.expiry[k])].append(k)
    forward = np.full(size, np.nan)
    for members in groups.values():
        given = [implied[k] for k in members if near[k]]
        if given:
            forward[members] = np.median(given)
    return replace(rows, forward=forward), near
