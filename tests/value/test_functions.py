"""The elementary functions of the kernels: known values, and what they refuse.

Their last digits are measured in tests/cpp/test_functions.cpp.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

import riskslide as rs
from riskslide import _core


def column(*values: float) -> Any:
    return np.array(values, dtype=np.float64)


def test_power_meets_pythons_own_and_is_exact_where_it_must_be() -> None:
    x = column(30.0, 0.7, 2.0, 1e-300, 3.0, 1.0, 7.0)
    y = column(0.3, -1.5, 0.5, 1.01, 20.0, 1e300, 0.0)
    wanted = column(*(a**b for a, b in zip(x.tolist(), y.tolist(), strict=True)))
    wanted[3] = 0.0  # e^-697.7: below e^-690
    assert _core.power(x, y) == pytest.approx(wanted, rel=3e-16, abs=0)
    assert _core.power(x, y)[5:].tolist() == [1.0, 1.0]
    assert _core.power(column(10.0), column(400.0))[0] == math.inf


def test_normal_tail_keeps_its_digits_where_one_minus_loses_them() -> None:
    x = column(-3.0, 0.0, 1.0, 8.3, 20.0, 37.0)
    wanted = column(*(math.erfc(a / math.sqrt(2)) / 2 for a in x.tolist()))
    assert _core.normal_tail(x) == pytest.approx(wanted, rel=3e-13, abs=0)  # erfc of a rounded x
    assert _core.normal_tail(column(37.149))[0] == 0.0


def test_normal_inverse_meets_the_standard_library_and_undoes_the_tail() -> None:
    p = column(1e-10, 0.01, 0.075, 0.3, 0.5, 0.8, 0.925, 0.999999)
    wanted = column(*(NormalDist().inv_cdf(q) for q in p.tolist()))
    assert _core.normal_inverse(p) == pytest.approx(wanted, rel=3e-15, abs=0)
    x = column(0.5, 5.0, 20.0, 37.0)
    assert _core.normal_inverse(_core.normal_tail(x)) == pytest.approx(-x, rel=1e-15, abs=0)


@pytest.mark.parametrize(
    ("act", "code", "argument", "row"),
    [
        (lambda: _core.power(column(1.0, 0.0), column(1.0, 1.0)), "E_DOMAIN", "x", 1),
        (lambda: _core.power(column(-1.0), column(2.0)), "E_DOMAIN", "x", 0),
        (lambda: _core.power(column(math.inf), column(2.0)), "E_NOT_FINITE", "x", 0),
        (lambda: _core.power(column(2.0), column(math.nan)), "E_NOT_FINITE", "y", 0),
        (lambda: _core.power(column(2.0), column(1.0, 2.0)), "E_SHAPE", "y", None),
        (lambda: _core.normal_tail(column(0.0, math.nan)), "E_NOT_FINITE", "x", 1),
        (lambda: _core.normal_inverse(column(0.5, 0.0)), "E_DOMAIN", "p", 1),
        (lambda: _core.normal_inverse(column(1.0)), "E_DOMAIN", "p", 0),
        (lambda: _core.normal_inverse(column(-0.1)), "E_DOMAIN", "p", 0),
        (lambda: _core.normal_inverse(column(1e-310)), "E_DOMAIN", "p", 0),
        (lambda: _core.normal_inverse(column(math.nan)), "E_NOT_FINITE", "p", 0),
        (lambda: _core.normal_inverse(np.zeros(1, dtype=np.float32)), "E_DTYPE", "p", None),
    ],
)
def test_what_has_no_result_is_refused(
    act: Callable[[], Any], code: str, argument: str, row: int | None
) -> None:
    with pytest.raises(rs.InputError) as caught:
        act()
    assert caught.value.code == code
    assert caught.value.column == argument
    assert caught.value.row == row
