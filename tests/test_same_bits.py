"""Guards the claim that the same input gives the same bits, however and wherever it is computed.

Instruction set of the kernels x instruction sets of NumPy x BLAS kernels x threads x order of the
rows x batches of accounts: all of them must give every output the hash that is committed for it.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import lattice
import numpy as np
import pytest

LATTICE = Path(__file__).with_name("lattice.py")
NEEDS = {"x86-64-v4": ("AVX512_SKX",), "x86-64-v3": ("AVX2", "FMA3"), "baseline": ()}
WAYS = 12  # threads x order x batches, in one process


def umath() -> Any:
    """The names of NumPy's own switches stand nowhere else."""
    return importlib.import_module("numpy._core._multiarray_umath")


def cpu_features() -> dict[str, bool]:
    return dict(umath().__cpu_features__)


def all_dispatch() -> str:
    """Every instruction set that NumPy would choose at run time on this processor."""
    features = cpu_features()
    dispatched = umath().__cpu_dispatch__
    return " ".join(name for name in dispatched if features.get(name))


def run(**environment: str) -> dict[str, Any]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("RISKSLIDE", "NPY_"))}
    done = subprocess.run(
        [sys.executable, str(LATTICE), "--variants"],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("blas", ["", "Prescott"])
@pytest.mark.parametrize("numpy_dispatch", ["all", "none"])
@pytest.mark.parametrize("isa", list(NEEDS))
def test_same_bits(isa: str, numpy_dispatch: str, blas: str) -> None:
    features = cpu_features()
    if isa != "baseline" and not all(features.get(f) for f in NEEDS[isa]):
        pytest.skip(f"this processor lacks {isa}")
    environment = {"RISKSLIDE_ISA": isa}
    if numpy_dispatch == "none":
        environment["NPY_DISABLE_CPU_FEATURES"] = all_dispatch()
    if blas:
        environment["OPENBLAS_CORETYPE"] = blas
    found = run(**environment)
    assert found["instruction_set"] == isa
    assert len(found["ways"]) == WAYS
    assert {way: faults for way, faults in found["ways"].items() if faults} == {}


def test_the_matrix_reaches_other_code_in_numpy() -> None:
    """Without dispatch NumPy must really run other instructions, or the matrix proves nothing."""
    if not all_dispatch():
        pytest.skip("this NumPy has no code to switch off on this processor")
    code = (
        "from numpy._core._multiarray_umath import __cpu_features__ as f;"
        f"print(any(f[name] for name in {all_dispatch().split()!r}))"
    )
    for disabled, expected in ((all_dispatch(), "False"), ("", "True")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"NPY_DISABLE_CPU_FEATURES": disabled},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout.strip() == expected


def test_the_lattice_is_not_degenerate() -> None:
    """A hash over constants would never change."""
    found = dict(lattice.outputs(lattice.Asking()))
    assert len(found) > 35
    for name, array in found.items():
        least = 2 if name.endswith("status") else 3
        assert array.size == 1 or np.unique(array).size >= least, name
    assert found["cube.grid.floored"][0] == 0 < found["cube.shift.floored"][0]
    assert lattice.shuffle(9, lattice.Asking(shuffled=True)).tolist() != list(range(9))


def flipped(array: Any) -> Any:
    """The same figures but for the last bit of the last one."""
    other = np.array(array)
    other.view(np.uint8).reshape(-1)[-other.itemsize] ^= 1
    return other


def test_one_flipped_bit_names_its_output() -> None:
    found, golden = dict(lattice.outputs(lattice.Asking())), lattice.committed()
    assert lattice.faults(found, golden) == []
    for name, array in found.items():
        assert lattice.faults(found | {name: flipped(array)}, golden) == [f"{name} moved"]


def test_an_output_that_appears_or_goes_is_a_fault() -> None:
    found, golden = dict(lattice.outputs(lattice.Asking())), lattice.committed()
    new = found | {"new": np.zeros(3)}
    assert lattice.faults(new, golden) == ["new is not listed"]
    gone = {name: array for name, array in found.items() if name != "aggregate"}
    assert lattice.faults(gone, golden) == ["aggregate is gone"]


def test_a_looser_gate_is_data_with_a_tolerance_and_a_reason() -> None:
    gate = {"reason": "a solver's last digits", "relative": 1e-9, "floor": 1.0, "values": [0.0]}
    found = {"same": np.ones(2), "loose": np.array([2.0, 1e6])}
    golden = tomllib.loads(lattice.as_toml(found, {"loose": gate}))
    assert golden["looser"]["loose"]["reason"] == gate["reason"]
    assert list(golden["identical"]) == ["same"]
    within, beyond = np.array([2.0, 1e6 + 1e-4]), np.array([2.0, 1e6 + 1e-2])
    assert lattice.faults(found | {"loose": within}, golden) == []
    assert lattice.faults(found | {"loose": beyond}, golden) == ["loose moved by 1e-08 of itself"]
    assert lattice.faults(found | {"loose": beyond[:1]}, golden) == [
        "loose has (1,) figures, not 2"
    ]
    assert lattice.faults(found | {"loose": np.array([2.0, np.nan])}, golden) != []
