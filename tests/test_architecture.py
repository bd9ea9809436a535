"""Guards the house's rules: who may see whom, what files may be called, and which operations stand
on the way to a number."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python" / "riskslide"
FLOORS = (
    "book",
    "market",
    "scenario",
    "value",
    "margin",
    "account",
    "venue",
    "engine",
    "reference",
    "study",
    "edge",
)
GROUND = ("errors", "rules", "runtime", "_version", "_core")  # below every floor
OPEN = ("__init__", "__main__")  # the doorstep: sees everything


def modules() -> dict[str, Path]:
    """Python files of the package by dotted name below riskslide."""
    out = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        out[".".join(parts)] = path
    return out


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=str(path))


def imports(name: str, tree: ast.Module) -> Iterator[str]:
    """Dotted names below riskslide that a module imports; names of submodules are resolved."""
    known = modules()
    package = name.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "riskslide":
                    yield alias.name.removeprefix("riskslide").removeprefix(".") or "__init__"
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level == 0:
            if (node.module or "").split(".")[0] != "riskslide":
                continue
            base = (node.module or "").split(".")[1:]
        else:
            base = package[: len(package) - node.level + 1]
            base += node.module.split(".") if node.module else []
        for alias in node.names:
            full = ".".join([*base, alias.name])
            if full in known or full in GROUND:
                yield full
            elif ".".join([*base, alias.name, "__init__"]) in known:
                yield ".".join([*base, alias.name, "__init__"])
            else:
                whole = ".".join(base)
                yield whole if whole in known or whole in GROUND else ".".join([*base, "__init__"])


@cache
def graph() -> dict[str, set[str]]:
    return {name: set(imports(name, tree_of(path))) for name, path in modules().items()}


def floor_of(name: str) -> str:
    return name.split(".")[0]


@pytest.mark.parametrize("name", sorted(modules()))
def test_a_file_sees_only_floors_to_its_left(name: str) -> None:
    floor = floor_of(name)
    seen = {floor_of(other) for other in graph()[name]}
    if floor in OPEN:
        return
    if floor in GROUND:
        assert seen <= set(GROUND), name
        return
    assert floor in FLOORS, f"{name} lies on no floor"
    allowed = {*GROUND, *FLOORS[: FLOORS.index(floor) + 1]}
    assert seen <= allowed, f"{name} sees {sorted(seen - allowed)}"


def test_no_module_imports_itself_by_a_detour() -> None:
    edges = graph()
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name in done:
            return
        for other in edges.get(name, ()):
            walk(other, (*path, name))
        done.add(name)

    for name in edges:
        walk(name, ())


def test_imports_are_resolved_to_modules_that_exist() -> None:
    """The two tests above see nothing where a name is resolved wrongly."""
    known = {*modules(), *GROUND}
    for name, others in graph().items():
        assert others <= known, (name, others - known)
    assert "value.cube" in graph()["engine"]
    assert "value.reference" in graph()["reference"]


def sources(*folders: str, suffixes: tuple[str, ...]) -> list[Path]:
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in suffixes and not {"__pycache__", "build"} & set(path.parts)
    ]


def test_no_python_header_below_cpp() -> None:
    files = sources("cpp", suffixes=(".hpp", ".h", ".cpp", ".inc"))
    assert len(files) > 10
    found = re.compile(r"#\s*include\s*[<\"](Python\.h|pybind11|nanobind|numpy/)")
    assert [str(p) for p in files if found.search(p.read_text("utf-8"))] == []


CATCH_ALL = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "base"}


def test_no_catch_all_file_names() -> None:
    suffixes = (".py", ".hpp", ".h", ".cpp", ".inc")
    files = sources("python", "cpp", "tests", "benchmarks", "tools", suffixes=suffixes)
    assert len(files) > 40
    words = {str(p.relative_to(ROOT)): set(re.split(r"[_.\-]", p.stem.lower())) for p in files}
    assert [name for name, parts in words.items() if parts & CATCH_ALL] == []
    stems = {name: Path(name).stem.replace("x86_64_v", "") for name in words}
    assert [name for name, stem in stems.items() if re.search(r"_v\d+$", stem)] == []


def test_every_python_file_opens_with_what_it_decides() -> None:
    without = []
    for name, path in modules().items():
        if name.split(".")[-1] in ("__init__", "_version"):
            continue
        text = ast.get_docstring(tree_of(path)) or ""
        if not text.startswith("Decides "):
            without.append(name)
    assert without == []


# --- operations on the way to a number ---------------------------------------------------------

PATH_FLOORS = ("book", "market", "scenario", "value", "margin", "account", "engine")
ASIDE = (
    "value.reference",
    "margin.reference",
)  # the twin is allowed its own mathematics: that is its use

# NumPy's exp, log, power and float sums give other bits on other processors; what stands here
# rounds once, as IEEE 754 says, or does not compute at all.
NUMPY = {
    "types": "bool_ datetime64 float64 int32 int64 integer ndarray number uint8 iinfo finfo",
    "constants": "inf nan",
    "make memory": "arange array asarray ascontiguousarray empty full ones zeros zeros_like",
    "move values": "argmax argsort atleast_1d atleast_2d broadcast_shapes broadcast_to "
    "concatenate lexsort ndim repeat require stack",
    "compare and select": "argwhere flatnonzero isfinite isin isinf isnan searchsorted unique "
    "where",
    "exact or rounded once": "abs clip copysign floor maximum minimum minimum.at rint sqrt",
    "refuse instead of warn": "errstate",
    "masked arrays, to refuse them": "ma ma.getdata ma.getmaskarray ma.isMaskedArray",
}
ALLOWED = {name for names in NUMPY.values() for name in names.split()}
PLACES = {
    ("engine", "np.cumsum"): "int64 row counts: exact in any order",
    ("engine", "sum"): "of three arrays, one after the other",
    ("value.exposure", "np.diff"): "int64 offsets",
    ("margin.draft", "np.cumsum"): "counts of registers",
    ("account.verdict", "sum"): "Python integers of billionths",
}
# fsum is rounded once, in any order; gcd and lcm are of whole numbers
MATH = {"inf", "isfinite", "isinf", "isnan", "fsum", "gcd", "lcm"}
REDUCTIONS = {"sum", "dot", "prod", "mean", "std", "var", "cumsum", "cumprod", "trace"}


def operations(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of everything that may compute: np.*, math.*, operators, reductions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            if re.fullmatch(r"(np|math)(\.\w+)+", text):
                yield node.lineno, text
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in ("sum", "pow"):
                yield node.lineno, called.id
            if isinstance(called, ast.Attribute) and called.attr in REDUCTIONS:
                yield node.lineno, f".{called.attr}()"
        if isinstance(node, ast.BinOp | ast.AugAssign):
            if isinstance(node.op, ast.MatMult):
                yield node.lineno, "@"
            constant = (
                isinstance(node, ast.BinOp) and is_number(node.left) and is_number(node.right)
            )
            if isinstance(node.op, ast.Pow) and not constant:
                yield node.lineno, "**"


def is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def is_allowed(module: str, name: str) -> bool:
    if (module, name) in PLACES or (module, "np" + name.removesuffix("()")) in PLACES:
        return True
    if name.startswith("np."):
        return name.removeprefix("np.") in ALLOWED
    return name.startswith("math.") and name.removeprefix("math.") in MATH


def on_the_path() -> dict[str, Path]:
    return {
        name: path
        for name, path in modules().items()
        if floor_of(name) in PATH_FLOORS and name not in ASIDE
    }


@pytest.mark.parametrize("name", sorted(on_the_path()))
def test_only_operations_with_one_result_stand_on_the_path(name: str) -> None:
    tree = tree_of(on_the_path()[name])
    found = [f"line {line}: {op}" for line, op in operations(tree) if not is_allowed(name, op)]
    assert found == [], name


def test_the_operation_check_sees_what_it_must() -> None:
    code = (
        "import math, numpy as np\n"
        "a = np.exp(x) + np.log(x) + np.power(x, 2) + np.dot(x, y) + np.linalg.norm(x)\n"
        "b = x @ y\nx @= y\nc = x ** 0.5\nd = x.sum()\ne = sum(x)\nf = math.exp(1)\n"
        "g = np.sqrt(x) * 2**53\n"
    )
    refused = {op for _, op in operations(ast.parse(code)) if not is_allowed("book.columns", op)}
    wanted = (
        "np.exp np.log np.power np.dot .dot() np.linalg np.linalg.norm @ ** .sum() sum math.exp"
    )
    assert refused == set(wanted.split())


def test_no_allowance_outlives_its_use() -> None:
    used = {
        (name, op) for name, path in on_the_path().items() for _, op in operations(tree_of(path))
    }
    assert {key for key in PLACES if key not in used} == set()
