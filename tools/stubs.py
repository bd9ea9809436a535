"""Writes python/riskslide/_core.pyi from the installed extension; --check only compares.

pybind11-stubgen knows what is there and its arguments; arrays cross the border as plain objects, so
their dtypes, which the extension checks itself, are filled in from the tables below.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
from pathlib import Path

STUB = Path(__file__).parents[1] / "python" / "riskslide" / "_core.pyi"
HEAD = '''"""Types of the compiled kernels; written by tools/stubs.py, not by hand."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
Bool = NDArray[np.bool_]
'''
INTEGER = "typing.SupportsInt | typing.SupportsIndex"
REAL = "typing.SupportsFloat | typing.SupportsIndex"
LOOSE = {"typing.Any", "tuple", "list", "dict", "str"}
ARGUMENTS = {
    **dict.fromkeys(["account", "instrument", "lots", "row"], "Int64"),
    "columns": "dict[str, NDArray[Any]]",
    "rows": "Int32",
    "requirements": "Float",
    **dict.fromkeys(["amount", "values", "exponent", "a", "b", "x", "y", "p"], "Float"),
    **dict.fromkeys(["lot", "weight", "vol"], "Float"),
    **dict.fromkeys(["inputs", "outputs"], "list[Float]"),
    "is_call": "Bool",
    "status": "NDArray[np.uint8] | None",
    "cube": "tuple[Float, Float, Float, Float]",
    "positions": "tuple[Int64, Int32, Int64]",
    "cash": "tuple[Int64, Int32, Float]",
    "instruments": "dict[str, NDArray[Any]]",
    "shocks": "dict[str, Float]",
    "parts": "dict[str, Any]",
    "data": "bytes",
}
RESULTS = {
    "american_implied_vol": "tuple[Float, NDArray[np.uint8]]",
    "positions_from_columns": "tuple[Int64, Int32, Int64]",
    "cash_from_columns": "tuple[Int64, Int32, Float]",
    "revalue": "tuple[Float, Float, int]",
    "evaluate": "dict[str, NDArray[Any]]",
    "grid": "tuple[Int32, Float]",
    "worst_loss": "tuple[Float, Int32]",
    "match": "tuple[Int32, Float, Int64, float, int, bool]",
    "tail": "tuple[Float, Float, Int32]",
    "parts": "dict[str, Any]",
}


def typed(name: str, found: ast.expr | None, table: dict[str, str]) -> ast.expr | None:
    """The annotation of the tables where the generated one says nothing of an array."""
    if found is None:
        return None
    text = ast.unparse(found)
    if text in (INTEGER, REAL):
        text = "int" if text == INTEGER else "float"
    elif text == "numpy.typing.NDArray[numpy.float64]":
        text = "Float"
    elif text in LOOSE and (name in table or text != "str"):
        text = table[name]  # a KeyError asks for a line above
    return ast.parse(text, mode="eval").body


def stub() -> str:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pybind11_stubgen", "riskslide._core", "-o", folder]
        subprocess.run(command, check=True, cwd=folder, stderr=subprocess.DEVNULL)
        tree = ast.parse(Path(folder, "riskslide", "_core.pyi").read_text())
    kept = [n for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef)]
    tree.body = list[ast.stmt](kept)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = node.value.strip()  # a docstring
        if isinstance(node, ast.FunctionDef):
            node.returns = typed(node.name, node.returns, RESULTS)
            for argument in node.args.args:
                argument.annotation = typed(argument.arg, argument.annotation, ARGUMENTS)
    text = f"{HEAD}\n{ast.unparse(tree)}\n"
    command = ["ruff", "format", "--stdin-filename", str(STUB), "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def main() -> int:
    text = stub()
    if "--check" not in sys.argv[1:]:
        STUB.write_text(text)
    elif not STUB.is_file() or STUB.read_text() != text:
        print(f"{STUB.name} is out of date: run python tools/stubs.py and commit it")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
