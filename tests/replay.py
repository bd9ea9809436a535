"""Decides how published figures are replayed: every field is compared or skipped with its reason.

    python tests/replay.py FAMILY PATH... [--json]

A path is a file, or a folder whose files of the family are taken. Exit 0: every figure within its
tolerance and every field within its criteria; 1: something beyond them, or nothing to compare; 2: a
path or file that cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from families import (
    american,
    deribit_greeks,
    deribit_pme,
    derive_auction,
    derive_library,
    derive_pm1,
    derive_pm2,
    derive_srm,
    european,
    okx_builder,
    okx_greeks,
    vollib,
)
from families.files import TABLES, Family, read_table
from families.tally import Tally

PORTFOLIO, STANDARD = derive_library.margin_of, derive_library.standard_margin_of
FAMILIES = {
    "american": Family(american.refusal, american.replay),
    "deribit-greeks": Family(deribit_greeks.refusal, deribit_greeks.replay, TABLES, read_table),
    "deribit-pme": Family(deribit_pme.refusal, deribit_pme.replay),
    "derive-auction": Family(
        derive_auction.refusal, partial(derive_auction.replay, margin=PORTFOLIO)
    ),
    "derive-pm1": Family(derive_pm1.refusal, partial(derive_pm1.replay, margin=PORTFOLIO)),
    "derive-pm2": Family(derive_pm2.refusal, partial(derive_pm2.replay, margin=PORTFOLIO)),
    "derive-srm": Family(derive_srm.refusal, partial(derive_srm.replay, margin=STANDARD)),
    "european": Family(european.refusal, european.replay),
    "okx-builder": Family(okx_builder.refusal, okx_builder.replay),
    "okx-greeks": Family(okx_greeks.refusal, okx_greeks.replay, TABLES, read_table),
    "vollib": Family(vollib.refusal, vollib.replay),
}


def files_of(paths: Iterable[Path], family: Family, tally: Tally) -> Iterable[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for file in sorted(p for p in path.iterdir() if p.is_file()):
            if file.name.endswith(family.suffixes):
                yield file
            else:
                tally.files[str(file)] = f"skipped: not one of {', '.join(family.suffixes)}"


def replay(name: str, paths: Iterable[Path]) -> Tally:
    """The tally of every file of a family. Raises OSError and ValueError for unreadable files."""
    family, tally = FAMILIES[name], Tally()
    for path in files_of(paths, family, tally):
        raw = family.read(path)
        refusal = family.refusal(path, raw)
        tally.files[str(path)] = f"skipped: {refusal}" if refusal else "replayed"
        if not refusal:
            family.replay(path, raw, tally)
    return tally


def table(result: dict[str, Any]) -> str:
    """What became of the files and fields, for reading."""
    heads = ("read", "compared", "median", "p99", "largest error")
    lines = [f"{path}: {fate}" for path, fate in result["files"].items()]
    width = max(map(len, result["fields"]), default=5) + 2
    lines.append(f"{'field':<{width}}" + "".join(f"{h:>14}" for h in heads) + "  limits; skipped")
    for name, f in result["fields"].items():
        figures = [f["read"], f["compared"], f["median"], f["p99"], f["largest_error"]]
        limits = [f"{statistic} {limit:g}" for statistic, limit in f["criteria"].items()]
        if f["tolerance"] is not None:
            limits.append(f"each {f['tolerance']:g}")
        skipped = [f"{n} {reason}" for reason, n in f["skipped"].items()]
        notes = "; ".join([", ".join(limits), *skipped] if limits else skipped)
        lines.append(
            f"{name:<{width}}" + "".join(f"{shown(v):>14}" for v in figures) + f"  {notes}"
        )
        lines += [f"  beyond: {text}" for text in f["beyond"]]
    fields = result["fields"].values()
    compared, beyond = (sum(f["compared"] for f in fields), sum(len(f["beyond"]) for f in fields))
    verdict = "passed" if result["passed"] else "FAILED"
    lines.append(f"{result['family']}: {verdict}, {compared} compared, {beyond} beyond tolerance")
    return "\n".join(lines)


def shown(figure: float | None) -> str:
    """A count as it is, an error in three digits, a blank for none."""
    if figure is None:
        return ""
    return str(figure) if isinstance(figure, int) else f"{figure:.2e}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="replay.py", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("family", choices=sorted(FAMILIES))
    parser.add_argument("path", nargs="+", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        tally = replay(given.family, given.path)
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        print(f"replay.py: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    result = tally.as_dict(given.family)
    print(json.dumps(result, indent=1) if given.json else table(result))
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
