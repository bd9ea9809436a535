"""Decides how a risk parameter file becomes one noun: its contracts, and what they net in."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...book.columns import Int64
from ...book.instruments import Instruments
from ...errors import refuse
from .commodity import commodity_of, inter_spreads_of
from .contracts import Contracts
from .dates import SECOND, days_of, last_second
from .file import SpanFile
from .limits import DEFAULT, Limits
from .links import commodity_of_portfolios
from .nets import Commodity
from .portfolio import Portfolio
from .shape import CONTRACTS, SCENARIOS, SPAN_FILE, UNREAD
from .source import chunks
from .stream import Stream


def read_span(path: str | Path, *, limits: Limits = DEFAULT) -> SpanFile:
    """What a SPAN risk parameter file (``.spn``, XML) holds; also out of gzip, or alone in a ZIP.

    It is read in pieces and never held as a whole; docs/files.md says which elements are read.
    Raises InputError naming ``file:line:column:element``, value and fix: `E_FILE` for a file that
    cannot be read or is no XML, `E_ENCODING`, `E_FORMAT` for another kind of XML, `E_DOCTYPE` for a
    document type, which entities come with, `E_LIMIT` for more than `limits` allow, `E_MISSING`,
    `E_DUPLICATE`, `E_DTYPE`, `E_NOT_FINITE`, `E_RANGE`, `E_SHAPE`, `E_INSTANT`, `E_UNKNOWN`.
    """
    file, contracts = str(path), Contracts(limits)
    stream = Stream(
        file, SPAN_FILE, contracts=CONTRACTS, contract=contracts.add, count=UNREAD, limits=limits
    )
    whole = stream.run(chunks(file))
    if not whole.of("spanFile"):
        fix = "is no risk parameter file: its first element must be spanFile"
        refuse("E_FORMAT", "", None, None, fix, file=file)
    point = whole.only("spanFile").only("pointInTime")
    clearing = point.only("clearingOrg")
    definitions = clearing.of("ccDef")
    commodities = tuple(map(commodity_of, definitions))
    of = np.array(contracts.portfolio, dtype=np.int64)
    held = set(contracts.portfolio)
    found = commodity_of_portfolios(contracts.portfolios, definitions, held=held)
    owners = [None if k < 0 else commodities[k] for k in found]
    paid = np.array([p.premium_style for p in contracts.portfolios], dtype=np.bool_)
    return SpanFile(
        file=file,
        as_of=last_second(days_of(point, "date")[1]) - SECOND,
        clearing=clearing.text("ec", ""),
        instruments=_instruments(contracts, owners, of),
        price=np.array(contracts.price),
        array=np.array(contracts.losses).reshape(-1, SCENARIOS),
        delta=np.array(contracts.delta),
        scaling=np.array(contracts.scaling),
        price_scan=np.array(contracts.price_scan),
        vol_scan=np.array(contracts.vol_scan),
        premium_style=paid[of],
        spot=_spots(contracts, owners),
        commodities=commodities,
        inter_spreads=inter_spreads_of(clearing, definitions),
        warnings=_warnings(stream, contracts),
    )


def _instruments(contracts: Contracts, owners: list[Commodity | None], of: Int64) -> Instruments:
    """The terms of every contract; `owners` by portfolio, `of`: the portfolio of every contract."""
    products = [
        ("", "", p) if owner is None else (owner.code, _currency(p, owner), p)
        for p, owner in zip(contracts.portfolios, owners, strict=True)
    ]
    rows = [products[k] for k in of.tolist()]
    return Instruments.from_columns(
        name=contracts.name,
        kind=[p.family.kind for _, _, p in rows],
        underlying=[code for code, _, _ in rows],
        expiry=contracts.expiry,
        strike=contracts.strike,
        option_type=["call" if call else "put" for call in contracts.is_call],
        style=[p.style for _, _, p in rows],
        model=[p.family.model for _, _, p in rows],
        multiplier=contracts.multiplier,
        lot=1.0,
        currency=[currency for _, currency, _ in rows],
    )


def _currency(portfolio: Portfolio, owner: Commodity) -> str:
    if not portfolio.currency and not owner.currency:
        portfolio.element.refuse("E_MISSING", "currency", "must be given here or in its ccDef")
    return portfolio.currency or owner.currency


def _spots(contracts: Contracts, owners: list[Commodity | None]) -> dict[str, float]:
    """The price of the physical of every commodity that has just one."""
    prices: dict[str, list[float]] = {}
    for k, found in contracts.physical.items():
        owner = owners[k]
        if owner is not None:
            prices.setdefault(owner.code, []).extend(found)
    return {code: found[0] for code, found in prices.items() if len(found) == 1}


def _warnings(stream: Stream, contracts: Contracts) -> tuple[str, ...]:
    """What figures of the file leave out."""
    found = [f"{n} {name} not read" for name, n in sorted(stream.passed.items())]
    spot = {k for k, p in enumerate(contracts.portfolios) if p.family.kind == "spot"}
    scanned = sum(k in spot for k in contracts.portfolio)
    if scanned:
        found.append(f"{scanned} phy with a risk array, held as balances and not scanned")
    return tuple(f"W_SPAN_FILE: {text}" for text in found)
