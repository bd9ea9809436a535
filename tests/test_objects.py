"""Guards the guard of the kernels' machine code: it must see a loop that is not vectorised.

The objects that ship are read by `tests/cpp/objects.py` as a case of ctest.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import pytest
from cpp.objects import ISAS, object_faults

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or not (shutil.which("g++") and shutil.which("objdump")),
    reason="reads x86-64 code: Debian: apt-get install g++ binutils",
)

LOOP = "for (long i = 0; i < n; ++i) "
PACKED = LOOP + "out[i] = std::fma(a[i], a[i], 1.0);"
CHAIN = LOOP + "out[0] = std::fma(out[0], a[i], 1.0);"  # each needs the one before
SUM = LOOP + "out[0] += a[i];"
SHORT = "-mprefer-vector-width=128"


def faults(folder: Path, body: str, *flags: str, beside: str = "", table: str = "kernel") -> str:
    source, found = folder / "x86_64_v3.cpp", folder / "x86_64_v3.o"
    source.write_text(
        f"""#include <cmath>
        {beside}
        namespace {{
        [[maybe_unused]] void kernel(double* __restrict out, const double* __restrict a, long n) {{
          {body}
        }}
        }}
        using Kernel = void (*)(double*, const double*, long);
        extern const Kernel the_table[1] = {{{table}}};
        """,
        "utf-8",
    )
    command = ["g++", "-std=c++20", "-O3", "-fPIC", "-march=x86-64-v3", "-ffp-contract=off"]
    command += ["-fno-math-errno", "-fno-trapping-math", *flags, "-c", str(source)]
    subprocess.run([*command, "-o", str(found)], check=True)
    return "; ".join(object_faults(found, ISAS["i386:x86-64 x86_64_v3"])[0])


NO_LOOP = "has no loop that is packed to the full width"
SCALAR = "has a scalar or narrow fused multiply-add in a loop"
WEAK = "template <class T> [[gnu::noinline]] T twice(T x) { return x + x; }"


@pytest.mark.parametrize(
    ("body", "flags", "expected"),
    [
        (PACKED, (), ()),
        (PACKED, (SHORT,), (NO_LOOP, SCALAR)),
        (PACKED, ("-fno-tree-vectorize",), (NO_LOOP, SCALAR)),
        (CHAIN, (), (NO_LOOP, SCALAR)),
        (PACKED + CHAIN, (), ()),  # one fused operation in either: reads as a remainder
        (PACKED + CHAIN.replace("1.0", "std::fma(a[i], 2.0, out[0])"), (), (SCALAR,)),
        (PACKED + SUM, (), ("operations in loops",)),
        (LOOP + "out[i] = a[i] + 1.0;", (), ()),
        (LOOP + "out[i] = a[i] + 1.0; out[1] = std::fma(out[0], a[0], a[1]);", (), ("no packed",)),
        (LOOP + "out[i] = std::exp(a[i]);", (), (NO_LOOP, "calls exp")),
    ],
)
def test_verdicts(
    tmp_path: Path, body: str, flags: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    found = faults(tmp_path, body, *flags)
    assert all(part in found for part in expected), found
    assert bool(found) == bool(expected), found


def test_a_weak_symbol_is_named(tmp_path: Path) -> None:
    found = faults(tmp_path, LOOP + "out[i] = twice(a[i]);", beside=WEAK)
    assert "weak symbol double twice<double>(double)" in found


def test_a_table_without_kernels_is_a_fault(tmp_path: Path) -> None:
    assert "where is the Table?" in faults(tmp_path, PACKED, table="nullptr")
