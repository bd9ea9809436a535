"""Risk: code of one instruction set leaks into another, or a loop silently stops being vectorised.

Usage: python objects.py LIBRISKSLIDE.A [OBJDUMP]. Reads the kernels' object files of a release
build. No weak symbol; no call but `fma` (x86 baseline) and what the compiler itself emits. Every
function that the object's Table points at has an innermost loop whose arithmetic is all packed in
registers of the full width, with fused multiply-adds if it has any. Elsewhere in loops arithmetic
is scalar or narrow only in the remainder of such a loop, or where PER_UNIT says why.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

EMITTED = {"memcpy", "memset", "__stack_chk_fail", "__stack_chk_guard", "_GLOBAL_OFFSET_TABLE_"}

# How many scalar operations (none of them fused) the loops of a kernel may hold, and why.
PER_NODE = 36  # once a node, not once a column: the fold of its bias, and its constants gathered
PER_UNIT = {
    "screen": 20,  # once a unit: the bound on the error; once a row: its size
    "refine": 4,  # once a unit: the smallest of its columns
    "exercise_system": 107,  # once a node: its sums of eight lanes, and the weights of N and Q
    "solve_exercise": 3,  # once a row: its factor
    "shape_exercise": 1,  # once a node: sqrt(tau)
    "close_tiers": 12,  # once a node or tier: what stands before its columns (3; 11 on aarch64)
    **dict.fromkeys(("fold", "fold_units", "fold_unit"), PER_NODE),  # as the compiler inlines them
}

X86 = (
    r"v?(?P<fused>fn?m(?:add|sub)\d*)?(?P<plain>add|sub|mul|div|sqrt|min|max)?"
    r"(?P<form>[ps][sd])\b"
)
ARM = r"f(?P<fused>n?madd|n?msub|ml[as])?(?P<plain>add|sub|n?mul|div|sqrt)?\b"


class Isa(NamedTuple):
    """How the disassembly of one instruction set reads."""

    arithmetic: str  # groups `fused` and `plain`: floating-point arithmetic
    wide: str  # in the operands: packed numbers of the full width
    calls_fma: bool = False  # no fused multiply-add in hardware: loops are not read


ISAS = {
    "i386:x86-64 baseline": Isa(X86, "", calls_fma=True),
    "i386:x86-64 x86_64_v3": Isa(X86, "ymm"),
    "i386:x86-64 x86_64_v4": Isa(X86, "zmm"),
    "aarch64 baseline": Isa(ARM, r"v\d+\.(?:2d|4s)"),
}
JUMP = re.compile(r"(?:j\w+|b|b\.\w+|[ct]bn?z)\s+(?:[^,<]+,\s*)*([0-9a-f]+) <")
NEVER_ON = re.compile(r"(?:(?:notrack )?jmp|b|br|ret|ud2|hlt|udf|brk)(?:\s|$)|.*__stack_chk_fail")


class Function(NamedTuple):
    name: str
    address: int
    code: list[tuple[int, str]]  # address, instruction with its relocation


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def functions(path: Path, objdump: str) -> Iterator[Function]:
    text = output(objdump, "-drC", "--no-show-raw-insn", "-j", ".text", str(path))
    for title, body in re.findall(r"^([0-9a-f]+ <.*>):\n((?:[ \t].*\n)*)", text, re.M):
        code: list[tuple[int, str]] = []
        for at, line in re.findall(r"^\s+([0-9a-f]+):\s+(.*)", body, re.M):
            if line.startswith("R_"):
                code[-1] = code[-1][0], f"{code[-1][1]} {line}"
            else:
                code.append((int(at, 16), line))
        address, name = title.split(" ", 1)
        yield Function(name[1:-1], int(address, 16), code)


def kernels(path: Path, objdump: str, found: list[Function]) -> list[Function]:
    """The functions that data of the object, its Table, points at."""
    pointers = set()
    text = output(objdump, "-rC", str(path))
    for section in re.findall(r"\[(?:\.data\.rel\.ro\S*|\.rodata)\]:\n((?:.+\n)+)", text):
        pointers |= set(re.findall(r"R_\w+64\s+(.*)", section))
    at = {int(p.partition("+")[2] or "0", 16) for p in pointers if re.match(r"\.text\b", p)}
    return [f for f in found if f.address in at or f.name in pointers]


def loops(code: list[tuple[int, str]]) -> list[set[int]]:
    """Natural loops as sets of instruction numbers: what a jump back to a dominator encloses.

    A block moved out of line jumps back too, but what it jumps to does not dominate it.
    """
    at = {address: k for k, (address, _) in enumerate(code)}
    after: list[list[int]] = []
    for k, (_, line) in enumerate(code):
        jump = JUMP.match(line)
        to = [at[int(jump[1], 16)]] if jump and int(jump[1], 16) in at else []
        after.append(to + ([] if NEVER_ON.match(line) or k + 1 == len(code) else [k + 1]))
    before: dict[int, list[int]] = {0: []}
    reached = [0]
    for k in reached:
        for to in after[k]:
            if to not in before:
                reached.append(to)
            before.setdefault(to, []).append(k)
    # Dominators as bits of one integer for each instruction.
    dominators = dict.fromkeys(before, -1) | {0: 1}
    moved = True
    while moved:
        moved = False
        for k in sorted(before)[1:]:
            meet = -1
            for b in before[k]:
                meet &= dominators[b]
            if dominators[k] != (meet := meet | 1 << k):
                dominators[k], moved = meet, True
    found: dict[int, set[int]] = {}
    for k in before:
        for head in (to for to in after[k] if dominators[k] >> to & 1):
            body, stack = found.setdefault(head, {head}), [k]
            while stack:
                if (inside := stack.pop()) not in body:
                    body.add(inside)
                    stack += before[inside]
    return list(found.values())


def arithmetic_of(lines: list[str], isa: Isa) -> Counter[str]:
    """How many operations are "wide" or "narrow", "wide fused" or "narrow fused"; divisions."""
    count: Counter[str] = Counter()
    for line in lines:
        match = re.match(isa.arithmetic, line)
        if match is None or not (match["fused"] or match["plain"]):
            continue
        if not re.search(r"[xyz]mm|\b[ds]\d|\bv\d+\.(?:2d|4s)", line):
            continue  # integers
        width = "wide" if re.search(isa.wide, line) else "narrow"
        count[width] += 1
        if match["fused"]:
            count[f"{width} fused"] += 1
    return count


def loop_faults(function: Function, isa: Isa, kernel: bool) -> list[str]:
    """What the loops of a function lack; only a kernel must have one."""
    bodies = loops(function.code)
    own = [body - set().union(*(b for b in bodies if b < body)) for body in bodies]
    counts = [arithmetic_of([function.code[k][1] for k in body], isa) for body in own]
    inner = [not any(b < body for b in bodies) for body in bodies]
    full = [c for c, i in zip(counts, inner, strict=True) if i and c["wide"] and not c["narrow"]]
    whole_vectors = {c["wide fused"] for c in full} - {0}
    pairs = {c // 2 for c in whole_vectors if c % 2 == 0}  # two vectors side by side
    fused = whole_vectors | pairs
    match = re.search(r"(\w+)(<.*>)?\([^()]*\)(?: \[clone [^]]*\])*$", function.name)
    name, arguments = match.groups("") if match else (function.name, "")
    faults = []
    whole = arithmetic_of([line for _, line in function.code], isa)
    if kernel and not full:
        faults.append("has no loop that is packed to the full width")
    elif kernel and whole["wide fused"] + whole["narrow fused"] > 0 and not fused:
        faults.append("has no packed fused multiply-add of the full width in an innermost loop")
    rest = [c for c in counts if c["narrow"] and c["narrow fused"] not in fused]
    if any(c["narrow fused"] for c in rest):
        faults.append("has a scalar or narrow fused multiply-add in a loop")
    elif (plain := sum(c["narrow"] for c in rest)) > PER_UNIT.get(name, 0):
        faults.append(f"has {plain} scalar or narrow operations in loops")
    return [f"{name}{arguments} {fault}" for fault in faults]


def symbol_faults(path: Path, nm: str, calls_fma: bool) -> list[str]:
    """Weak symbols, and undefined ones that nothing allows."""
    allowed = EMITTED | ({"fma"} if calls_fma else set())
    faults = []
    for line in output(nm, "-C", str(path)).splitlines():
        kind, symbol = line[17:].split(" ", 1)  # after 16 digits of the address
        if kind in "wWvVu":
            faults.append(f"weak symbol {symbol}")
        if kind == "U" and symbol not in allowed:
            faults.append(f"calls {symbol}")
    return faults


def object_faults(path: Path, isa: Isa, objdump: str = "objdump") -> tuple[list[str], int]:
    """All faults of one object file, and how many kernels it holds."""
    faults = symbol_faults(path, objdump.replace("objdump", "nm"), isa.calls_fma)
    found = list(functions(path, objdump))
    table = kernels(path, objdump, found)
    if not table:
        faults.append("no function is pointed at: where is the Table?")
    if not isa.calls_fma:
        for function in found:
            faults += loop_faults(function, isa, function in table)
    return faults, len(table)


def main(archive: str, objdump: str = "objdump") -> int:
    faults, read = [], []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["ar", "x", str(Path(archive).resolve())], cwd=folder, check=True)
        for path in sorted(Path(folder).glob("*.o")):
            machine = re.search(r"architecture: ([\w:-]+)", output(objdump, "-f", str(path)))
            isa = ISAS.get(f"{machine and machine[1]} {path.name.partition('.')[0]}")
            if isa is None:
                continue
            bad, count = object_faults(path, isa, objdump)
            faults += [f"{path.name}: {fault}" for fault in bad]
            read.append(f"{path.name}: {count} kernels")
    if not read:
        faults.append(f"no kernel object in {archive}")
    print("\n".join(read + faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
