"""Risk: code of one instruction set leaks into another, or a loop silently stops being vectorised.

Usage: python objects.py LIBRISKSLIDE.A. Reads the kernels' object files of a release build with nm
and objdump: no weak symbol, no call but `fma` (baseline only) and what the compiler itself emits,
and packed fused multiply-adds of the full width in every kernel that has any.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

WIDTH = {"baseline": None, "x86_64_v3": "ymm", "x86_64_v4": "zmm"}
EMITTED = {"memcpy", "memset", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_"}
KERNELS = (
    ["greeks_block"] * 5
    + ["revalue_black76", "revalue_bachelier"] * 2
    + ["age", "log_ratios", "exponentials", "fold"]
)  # fmt: skip

INLINED_OR_NOT = {"fold_unit"}  # a part of fold, as the compiler pleases


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def symbol_faults(path: Path, name: str) -> list[str]:
    """Weak symbols, and undefined ones that nothing allows."""
    allowed = EMITTED | ({"fma"} if name == "baseline" else set())
    faults = []
    for line in output("nm", "-C", str(path)).splitlines():
        kind, symbol = re.fullmatch(r"[0-9a-f]* +(\w) (.*)", line).groups()
        if kind in "wWvVu":
            faults.append(f"weak symbol {symbol}")
        if kind == "U" and symbol not in allowed:
            faults.append(f"calls {symbol}")
    return faults


def loop_faults(path: Path, width: str) -> list[str]:
    """Kernels that lack packed fused multiply-adds in registers of this width."""
    faults, found = [], []
    for body in output("objdump", "-dC", "--no-show-raw-insn", str(path)).split("\n\n"):
        name = re.search(r"::(\w+)(?:<.*>)?\(.*\)>:", body)
        products = re.findall(r"\tvf\w*m(?:add|sub)\w*[ps]d .*", body)
        if name is None or not products:
            continue
        found.append(name.group(1))
        if not any(width in line for line in products):
            faults.append(f"{name.group(1)} has no {width} fused multiply-add")
    if sorted(set(found) - INLINED_OR_NOT) != sorted(set(KERNELS)) or len(found) < len(KERNELS):
        faults.append(f"fused multiply-adds were found in {sorted(found)}")
    return faults


def main(archive: str) -> int:
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["ar", "x", str(Path(archive).resolve())], cwd=folder, check=True)
        for name, width in WIDTH.items():
            path = Path(folder, f"{name}.cpp.o")
            bad = symbol_faults(path, name) + (loop_faults(path, width) if width else [])
            faults += [f"{name}: {fault}" for fault in bad]
    print("\n".join(faults) or f"{len(WIDTH)} kernel objects are clean")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
