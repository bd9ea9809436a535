"""Decides the command on risk parameter files: what one holds, commodity by commodity."""

from __future__ import annotations

from typing import Any

import click
import numpy as np
from rich.console import Console, Group

from ...book.clock import text_of
from ...book.instruments import Kind
from ..span.file import SpanFile
from ..span.read import read_span
from .figures import plain
from .options import JSON
from .output import emit
from .report import table_for

_KINDS = {"physicals": Kind.SPOT, "futures": Kind.FUTURE, "options": Kind.OPTION}


@click.command("span")
@click.argument("file", metavar="FILE")
@JSON
def span_command(file: str, as_json: bool) -> int:
    """What a SPAN risk parameter file (.spn) holds."""
    found = read_span(file)
    emit(lambda: span_record(found), lambda console: span_report(found, console), as_json=as_json)
    return 0


def span_record(found: SpanFile) -> dict[str, Any]:
    """Counts of a file, and of every combined commodity."""
    counts = _counts(found)
    return {
        "file": found.file,
        "clearing": found.clearing,
        "as_of": text_of(found.as_of),
        "contracts": len(found),
        "inter_spreads": len(found.inter_spreads),
        "commodities": [
            {
                "commodity": commodity.code,
                "currency": commodity.currency or None,
                "spot": found.spot.get(commodity.code),
                **counts.get(commodity.code, dict.fromkeys(_KINDS, 0)),
                "spreads": len(commodity.spreads),
                "tiers": len(commodity.tiers),
                "short_option": [tier.rate for tier in commodity.short_option],
            }
            for commodity in found.commodities
        ],
        "warnings": list(found.warnings),
    }


def span_report(found: SpanFile, console: Console) -> Group:
    """The same as a table."""
    record = span_record(found)
    rows = record["commodities"]
    table = table_for(console)
    for header in rows[0] if rows else ("commodity",):
        table.add_column(header.replace("_", " "), no_wrap=True)
    for row in rows:
        table.add_row(*(plain(_shown(value)) for value in row.values()))
    head = f"{found.clearing or found.file}, {record['as_of'][:10]}: {len(found):,} contracts, "
    head += f"{len(rows):,} combined commodities, {len(found.inter_spreads):,} spreads between them"
    return Group(plain(head), table, *map(plain, found.warnings))


def _counts(found: SpanFile) -> dict[str, dict[str, int]]:
    """Contracts by commodity and kind; nothing of a commodity without any."""
    x, counts = found.instruments, {}
    for name, kind in _KINDS.items():
        of = np.bincount(x.underlying[x.kind == kind.value], minlength=len(x.underlyings))
        counts[name] = of.tolist()
    return {c: {name: counts[name][k] for name in _KINDS} for k, c in enumerate(x.underlyings)}


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(f"{entry:g}" for entry in value)
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)
