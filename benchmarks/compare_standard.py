"""Standard against portfolio margin on the positions of a published table of Cboe.

    python benchmarks/compare_standard.py FILE [--json]

FILE is a table such as tims/cboe2007.json: blocks of cases with options, shares, strategy_margin
and portfolio_margin, which `riskslide compare` answers as well for the same book and market. Each
case is an account; initial margin under `reg-t` stands beside the published strategy margin, that
under `occ-cpm` beside the published portfolio margin.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import riskslide as rs
from riskslide.venue.load import preset_names

AS_OF = datetime(2007, 2, 23, 21, 0, tzinfo=UTC)  # of the table; only days to expiry matter
COLUMNS = {"reg-t": "strategy_margin", "occ-cpm": "portfolio_margin"}


class Row(NamedTuple):
    """One case under one rule book."""

    case: str
    column: str
    published: float
    ours: float

    @property
    def difference(self) -> float:
        return self.ours / self.published - 1.0


def book_of(name: str, block: dict[str, Any]) -> tuple[rs.Portfolio, rs.Market]:
    """The positions of a block, an account a case, and the quotes of its premiums.

    Raises ValueError where two cases quote one option differently.
    """
    expiry = AS_OF + timedelta(days=block["T_days"])
    underlying = name.upper()
    premium: dict[str, float] = {}
    terms: dict[str, tuple[str, float]] = {}
    rows: list[tuple[str, str, float]] = []
    for case in block["cases"]:
        for option in case["options"]:
            title = f"{underlying}-{option['strike']:g}-{option['type']}"
            if premium.setdefault(title, option["price"]) != option["price"]:
                raise ValueError(f"{title} has two premiums")
            terms[title] = (option["type"], option["strike"])
            rows.append((case["name"], title, option["contracts"]))
        if case["shares"]:
            rows.append((case["name"], underlying, case["shares"]))
    options = list(terms)
    contracts = rs.Instruments.from_columns(
        name=[underlying, *options],
        kind=["spot"] + ["option"] * len(options),
        underlying=underlying,
        expiry=[""] + [expiry.isoformat()] * len(options),
        strike=[0.0, *(terms[t][1] for t in options)],
        option_type=["", *(terms[t][0] for t in options)],
        style=block["style"],
        model="bsm",
        multiplier=[1.0] + [float(block["multiplier"])] * len(options),
    )
    book = rs.Portfolio.from_columns(
        contracts,
        account=[account for account, _, _ in rows],
        instrument=[title for _, title, _ in rows],
        quantity=[quantity for _, _, quantity in rows],
    )
    market = rs.Market.of(
        AS_OF.isoformat(),
        spot={underlying: block["underlying"]},
        mark=premium,
        rate={underlying: block["suggested"]["r"]},
        dividend_yield={underlying: block["suggested"]["q"]},
    )
    return book, market


def rows_of(raw: dict[str, Any]) -> list[Row]:
    """Every case under every rule book that there is; a case refused raises InputError."""
    books = [name for name in COLUMNS if name in preset_names()]
    found = []
    for name, block in raw.items():
        if not (isinstance(block, dict) and "cases" in block):
            continue
        book, market = book_of(name, block)
        compared = rs.compare(book, market, books)
        published = {case["name"]: case for case in block["cases"]}
        for line in compared.rows():
            if line.failure is not None:
                raise line.failure
            column = COLUMNS[line.rulebook]
            case = f"{name} {line.account}"
            found.append(Row(case, column, published[line.account][column], line.initial or 0.0))
    return found


def table(rows: list[Row]) -> str:
    """Cases by rows; of each column what is published, ours and the difference."""
    columns = list(dict.fromkeys(row.column for row in rows))
    by_case: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_case.setdefault(row.case, {})[row.column] = row
    width = max(map(len, by_case))
    heads = "".join(f"  {column:>16}{'ours':>14}{'':>9}" for column in columns)
    lines = [f"{'':<{width}}{heads}"]
    for case, found in by_case.items():
        cells = (
            f"  {found[c].published:>16,.0f}{found[c].ours:>14,.0f}{found[c].difference:>9.3%}"
            for c in columns
        )
        lines.append(f"{case:<{width}}{''.join(cells)}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = rows_of(json.loads(given.file.read_text("utf-8")))
    print(json.dumps([row._asdict() for row in rows], indent=1) if given.json else table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
