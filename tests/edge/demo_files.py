"""Decides the demo's book as files, and runs the command as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from commands import Ended, ended

import riskslide as rs

PACKAGE = str(Path(rs.__file__).resolve().parents[1])
AS_OF = "2026-01-01T00:00:00Z"
EXPIRY = "2026-01-31T00:00:00Z"

POSITIONS = """account,instrument,quantity,entry_price
demo,C110,-10,
demo,P90,-10,
demo,C120,10,
demo,P80,10,
demo,PERP,1.5,
"""
BALANCES = """account,asset,amount
demo,BTC,1.5
demo,USDC,30000
"""
INSTRUMENTS = f"""instrument,kind,underlying,expiry,strike,option_type,currency
C110,option,BTC,{EXPIRY},110000,call,USDC
P90,option,BTC,{EXPIRY},90000,put,USDC
C120,option,BTC,{EXPIRY},120000,call,USDC
P80,option,BTC,{EXPIRY},80000,put,USDC
PERP,perpetual,BTC,,,,USDC
"""
MARKET = f"""quote,symbol,expiry,value,instant
spot,BTC,,100000,{AS_OF}
spot,USDC,,1,{AS_OF}
forward,BTC,{EXPIRY},100000,{AS_OF}
mark,PERP,,100000,{AS_OF}
vol,C110,,0.60,{AS_OF}
vol,P90,,0.62,{AS_OF}
vol,C120,,0.61,{AS_OF}
vol,P80,,0.66,{AS_OF}
"""


@dataclass(frozen=True, slots=True)
class Book:
    """The demo book as files."""

    folder: Path

    def change(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    def options(self, rules: str = "generic-slides") -> list[str]:
        names = ("positions", "balances", "instruments", "market")
        files = [x for name in names for x in (f"--{name}", str(self.folder / f"{name}.csv"))]
        return [*files, "--rules", rules]

    def grow(self, accounts: int) -> None:
        """Perpetuals of so many accounts instead of the demo's positions."""
        rows = "".join(f"a{k:06d},PERP,{1 + k % 7},\n" for k in range(accounts))
        header = POSITIONS.splitlines()[0]
        (self.folder / "positions.csv").write_text(f"{header}\n{rows}", "utf-8")


def written(folder: Path) -> Book:
    """The files, written to a folder."""
    texts = {"positions": POSITIONS, "balances": BALANCES}
    texts |= {"instruments": INSTRUMENTS, "market": MARKET}
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    return Book(folder)


def environment(**changes: str) -> dict[str, str]:
    path = os.pathsep.join(p for p in (PACKAGE, os.environ.get("PYTHONPATH", "")) if p)
    return {**os.environ, "PYTHONPATH": path, **changes}


def shell(*arguments: str, **changes: str) -> Ended:
    """The command as a process of its own."""
    found = subprocess.run(
        [sys.executable, "-m", "riskslide", *arguments],
        capture_output=True,
        text=True,
        env=environment(**changes),
        timeout=60,
    )
    return ended(found.returncode, found.stdout, found.stderr)
