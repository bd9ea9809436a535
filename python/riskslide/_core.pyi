"""Types of the compiled kernels; written by tools/stubs.py, not by hand."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
Bool = NDArray[np.bool_]

class Revaluation:
    """A cube that is valued while sums read it."""

    def __init__(
        self,
        instruments: dict[str, NDArray[Any]],
        shocks: dict[str, Float],
        lot: Float,
        weight: Float,
        memory: int,
        threads: int = 0,
    ) -> None: ...
    def aggregate(self, positions: tuple[Int64, Int32, Int64], threads: int = 0) -> Float: ...
    def tail(
        self, positions: tuple[Int64, Int32, Int64], level: float, threads: int = 0
    ) -> tuple[Float, Float, Int32]: ...
    def worst_loss(
        self, positions: tuple[Int64, Int32, Int64], threads: int = 0
    ) -> tuple[Float, Int32]: ...
    @property
    def base(self) -> Float: ...
    @property
    def floored(self) -> int: ...

class Program:
    """A compiled rule book."""

    @staticmethod
    def from_bytes(data: bytes) -> Program: ...
    def __init__(self, parts: dict[str, Any]) -> None: ...
    def parts(self) -> dict[str, Any]: ...
    def to_bytes(self) -> bytes: ...

def aggregate(positions: tuple[Int64, Int32, Int64], values: Float, threads: int = 0) -> Float:
    """Sums (row, scenario) of lots times values."""

def american_implied_vol(
    inputs: list[Float], is_call: Bool, threads: int = 0
) -> tuple[Float, NDArray[np.uint8]]:
    """(vol, status) of prices, spots, strikes, years, rates, dividend yields: VolStatus."""

def cash_delta(instruments: dict[str, NDArray[Any]], threads: int = 0) -> Float:
    """Delta of one unit times its price, in the reporting currency, by instrument."""

def cash_from_columns(
    account: Int64, row: Int64, amount: Float, accounts: int, rows: int, threads: int = 0
) -> tuple[Int64, Int32, Float]:
    """(offsets, row, amount): sorted rows, equal pairs kept apart."""

def compiler() -> str:
    """Compiler that built the extension."""

def default_threads() -> int:
    """Threads used where a call asks for 0."""

def evaluate(
    program: Program,
    cube: tuple[Float, Float, Float, Float],
    positions: tuple[Int64, Int32, Int64],
    cash: tuple[Int64, Int32, Float],
    threads: int = 0,
) -> dict[str, NDArray[Any]]:
    """Fold a cube (values, base, delta, notional): one line per (account, pool)."""

def exponential(exponent: Float) -> Float:
    """e^x, the same bits on every machine; 0 below -690."""

def greeks(
    model: int,
    discount: bool,
    inputs: list[Float],
    is_call: Bool,
    outputs: list[Float],
    threads: int = 0,
) -> None:
    """Fill six arrays with value, delta, gamma, vega, theta, rho; nine: vanna, volga, charm too."""

def grid(
    program: Program,
    block: int,
    cube: tuple[Float, Float, Float, Float],
    positions: tuple[Int64, Int32, Int64],
    cash: tuple[Int64, Int32, Float],
    threads: int = 0,
) -> tuple[Int32, Float]:
    """(group, P&L (groups, columns)) of one block."""

def implied_vol(
    model: int,
    discount: bool,
    inputs: list[Float],
    is_call: Bool,
    vol: Float,
    status: NDArray[np.uint8] | None,
    threads: int = 0,
) -> None:
    """Fill vol and status; where status is None, refuse the first row that has no vol."""

def instruction_set() -> str:
    """Kernels in use."""

def log_ratio(a: Float, b: Float) -> Float:
    """ln(a / b) of positive numbers, the same bits on every machine."""

def match(
    columns: dict[str, NDArray[Any]], rows: Int32, requirements: Float, most: int = 2000
) -> tuple[Int32, Float, Int64, float, int, bool]:
    """(rows of every group, -1 for none; requirement of one; count; bound; nodes; proven)."""

def normal_inverse(p: Float) -> Float:
    """Point below which a standard normal variable lies with probability p."""

def normal_tail(x: Float) -> Float:
    """Probability that a standard normal variable exceeds x; 0 above 37.148."""

def positions_from_columns(
    account: Int64,
    instrument: Int64,
    lots: Int64,
    accounts: int,
    instruments: int,
    threads: int = 0,
) -> tuple[Int64, Int32, Int64]:
    """(offsets, instrument, lots): sorted rows, equal pairs summed."""

def power(x: Float, y: Float) -> Float:
    """x^y of positive x, the same bits on every machine; 0 below e^-690."""

def revalue(
    instruments: dict[str, NDArray[Any]], shocks: dict[str, Float], threads: int = 0
) -> tuple[Float, Float, int]:
    """(values (N, S), base (N), floored cells) of instrument and shock columns."""

def tail(
    positions: tuple[Int64, Int32, Int64], values: Float, level: float, threads: int = 0
) -> tuple[Float, Float, Int32]:
    """(value at risk, expected shortfall, scenarios of the tail) of every row."""

def unit_figures(
    program: Program,
    cube: tuple[Float, Float, Float, Float],
    positions: tuple[Int64, Int32, Int64],
    cash: tuple[Int64, Int32, Float],
    threads: int = 0,
) -> Float:
    """Registers (units, width) of every unit after its steps."""

def worst_loss(
    positions: tuple[Int64, Int32, Int64], values: Float, threads: int = 0
) -> tuple[Float, Int32]:
    """(loss >= 0, scenario) of every row."""
