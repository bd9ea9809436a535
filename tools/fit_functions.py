"""Fit the polynomials of the elementary functions and print them as C++ hexadecimal literals.

They stand in cpp/src/kernel: exp_flushed and log_ratio in functions.hpp, long_log in power.hpp,
mills and normal_inverse in normal.hpp, mills_pair in pairs.hpp.

What it decides: the coefficients, in double, of
  - exp_flushed:  e^r = 1 + r + r^2 P(r) on |r| <= ln(2)/2, P of degree 9;
  - log_ratio:    2 atanh(z/2) = z + z w P(w), w = z^2 <= 0.16, P of degree 6;
  - mills:        N(-x)/phi(x) = p(x)/q(x) on [0, 40], degrees 9 and 10, q(0) = 1 and p(0) the
                  double nearest sqrt(pi / 2), so that the value at 0 is correctly rounded;
  - mills_pair:   (x + 5) N(-x)/phi(x) = P(w) on [-0.76, 75], w = (x - 3) / (x + 5), P of degree 31,
                  its first 12 coefficients in two doubles each;
  - long_log:     2 atanh(z/2) = z + z w (1/12 + w (1/80 + w P(w))), w = z^2 <= 0.1178, P of
                  degree 7, whose error is levelled relative to P;
  - normal_inverse, near 1/2: x = q (sqrt(2 pi) + w R(s)), q = p - 1/2, w = q^2, s = 0.425^2 - w,
                  R = p/q of degrees 7 and 7;
  - normal_inverse, tails: x = sqrt(2) r - R(r - 1.6), r = sqrt(-ln tail), down to the smallest
                  normal number, R = p/q of degrees 10 and 10;
each the minimax fit of the *relative* error of the whole function, found by the Remez exchange
in mpmath, and the high and low parts of the constants.  It then prints, for each fit, the
levelled error before the coefficients are rounded to double, and the largest error after (exact
arithmetic).

Deterministic; `python fit_functions.py` takes some seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath as mp

Real = Any  # mpmath's own number type: it has no stubs
Function = Callable[[Real], Real]

DIGITS = 70
GRID = 1600


def horner(coefficients: Sequence[Real], x: Real) -> Real:
    """Value at x of the polynomial with these coefficients, constant term first."""
    value = mp.mpf(0)
    for c in reversed(coefficients):
        value = value * x + c
    return value


class Fit:
    """Minimax rational fit p/q of f: levels weight(x) (p(x)/q(x) - f(x)) for x = place(t).

    t runs over [-1, 1]; `place` is chosen so that the extrema lie about where cos(i pi / n) does.
    """

    def __init__(
        self,
        f: Function,
        weight: Function,
        place: Function,
        degrees: tuple[int, int],
        constant: float | None = None,
    ) -> None:
        """Tabulate f on the grid and run the exchange."""
        self.f, self.weight, self.place = f, weight, place
        self.n, self.m = degrees
        self.fixed = [] if constant is None else [mp.mpf(constant)]
        self.size = self.n + self.m + 2 - len(self.fixed)  # unknowns, and alternations
        self.p: list[Real] = []
        self.q: list[Real] = [mp.mpf(1)]
        self.level = mp.mpf(0)
        self.grid = [-mp.cos(mp.pi * i / GRID) for i in range(GRID + 1)]
        self.table = {t: self.known(t) for t in self.grid}
        self.exchange()

    def known(self, t: Real) -> tuple[Real, Real, Real]:
        """Return the point of the parameter t, the function and the weight there."""
        x = self.place(t)
        return x, self.f(x), self.weight(x)

    def error(self, t: Real, p: Sequence[Real], q: Sequence[Real]) -> Real:
        """Weighted error of p/q at t."""
        x, f, w = self.table[t] if t in self.table else self.known(t)
        return w * (horner(p, x) / horner(q, x) - f)

    def solve(self, nodes: Sequence[Real]) -> None:
        """Newton on w_i p(x_i) = (w_i f_i + (-1)^i E) q(x_i) for E, p and q (q_0 = 1)."""
        size, skip = self.size, len(self.fixed)
        for _ in range(30):
            matrix, right = mp.matrix(size, size), mp.matrix(size, 1)
            for i, t in enumerate(nodes):
                x, f, w = self.known(t)
                s = (-1) ** i
                q_here, target = horner(self.q, x), w * f + s * self.level
                for j in range(skip, self.n + 1):
                    matrix[i, j - skip] = w * x**j
                for j in range(1, self.m + 1):
                    matrix[i, self.n + j - skip] = -target * x**j
                matrix[i, size - 1] = -s * q_here
                right[i] = target - s * self.level * q_here - w * horner(self.fixed, x)
            solution = mp.lu_solve(matrix, right)
            change = abs(solution[size - 1] - self.level)
            free = self.n + 1 - skip
            self.p = self.fixed + [solution[j] for j in range(free)]
            self.q = [mp.mpf(1)] + [solution[free + j] for j in range(self.m)]
            self.level = solution[size - 1]
            if change <= abs(self.level) * mp.mpf("1e-12"):
                return

    def peak(self, i: int) -> Real:
        """Refine a grid maximum by the parabola through it and its neighbours."""
        if i in (0, GRID):
            return self.grid[i]
        (a, b, c) = self.grid[i - 1 : i + 2]
        (ea, eb, ec) = (self.error(t, self.p, self.q) for t in (a, b, c))
        left, right = (b - a) * (eb - ec), (b - c) * (eb - ea)
        bottom = 2 * (left - right)
        return b if bottom == 0 else b - ((b - a) * left - (b - c) * right) / bottom

    def exchange(self) -> None:
        """Exchange nodes for extrema until the error is level."""
        size = self.size
        nodes = [-mp.cos(mp.pi * i / (size - 1)) for i in range(size)]
        # A first node where the weight vanishes would force the level to 0: move them aside.
        nodes = [mp.mpf("0.99") * t + (1 - t * t) / 5 for t in nodes]
        for _ in range(40):
            self.solve(nodes)
            errors = [self.error(t, self.p, self.q) for t in self.grid]
            tops: list[int] = []
            for i, e in enumerate(errors):
                if e == 0:
                    continue
                if not tops or (e > 0) != (errors[tops[-1]] > 0):
                    tops.append(i)
                elif abs(e) > abs(errors[tops[-1]]):
                    tops[-1] = i
            while len(tops) > size:  # drop the lower end
                tops.pop(0 if abs(errors[tops[0]]) < abs(errors[tops[-1]]) else -1)
            if len(tops) < size:
                raise ArithmeticError(f"only {len(tops)} alternations, want {size}")
            nodes = [self.peak(i) for i in tops]
            heights = [abs(self.error(t, self.p, self.q)) for t in nodes]
            if max(heights) - min(heights) <= mp.mpf("1e-5") * max(heights):
                return
        raise ArithmeticError("the exchange did not level")

    def largest(self, p: Sequence[Real], q: Sequence[Real]) -> Real:
        """Largest error on the grid of p/q with other coefficients."""
        return max(abs(self.error(t, p, q)) for t in self.grid)


def literal(x: float) -> str:
    """C++ hexadecimal literal, without the trailing zeros of the fraction."""
    head, tail = float(x).hex().split("p")
    return (head.rstrip("0").rstrip(".") if "." in head else head) + "p" + tail


def report(name: str, fit: Fit) -> None:
    """Print the tables of a fit, rounded to double, and its errors."""
    p, q = [float(c) for c in fit.p], [float(c) for c in fit.q]
    rounded = fit.largest([mp.mpf(c) for c in p], [mp.mpf(c) for c in q])
    print(f"// {name}: minimax relative error {mp.nstr(abs(fit.level), 4)};", end=" ")
    print(f"{mp.nstr(rounded, 4)} with the coefficients in double")
    for label, table in (("numerator", p), ("denominator", q)):
        if label == "numerator" or fit.m > 0:
            print(f"// {label}, constant term first")
            for c in table:
                print(f"    {literal(c)},")
    print()


def exp_tail(r: Real) -> Real:
    """(e^r - 1 - r) / r^2, by its series: no cancellation at 0."""
    return mp.fsum(r**j / mp.factorial(j + 2) for j in range(40))


def log_tail(w: Real) -> Real:
    """(2 atanh(z/2) / z - 1) / w with w = z^2, by its series."""
    return mp.fsum((w / 4) ** j / (4 * (2 * j + 3)) for j in range(60))


def mills_ratio(x: Real) -> Real:
    """N(-x) / phi(x)."""
    return mp.sqrt(mp.pi / 2) * mp.exp(x * x / 2) * mp.erfc(x / mp.sqrt(2))


def log_rest(w: Real) -> Real:
    """((2 atanh(z/2) / z - 1) / w - 1/12) / w - 1/80) / w with w = z^2, by its series."""
    return mp.fsum((w / 4) ** j / (64 * (2 * j + 7)) for j in range(60))


def quantile_central(w: Real) -> Real:
    """(x / q - sqrt(2 pi)) / w where N(x) = 1/2 + q and w = q^2."""
    root = mp.sqrt(2 * mp.pi)
    if w == 0:
        return root**3 / 6
    with mp.workdps(2 * DIGITS):  # the difference cancels for small w
        q = mp.sqrt(w)
        return (mp.sqrt(2) * mp.erfinv(2 * q) / q - root) / w


def quantile_tail(r: Real) -> Real:
    """x where N(-x) = exp(-r^2), by Newton on the logarithms."""
    x = mp.sqrt(2) * r - mp.mpf(1) / 2
    for _ in range(100):
        tail = mp.erfc(x / mp.sqrt(2)) / 2
        step = (mp.log(tail) + r * r) * tail * mp.sqrt(2 * mp.pi) * mp.exp(x * x / 2)
        x += step
        if abs(step) < abs(x) * mp.mpf(10) ** (8 - DIGITS):
            return x
    raise ArithmeticError("Newton did not settle")


def parts(name: str, x: Real) -> None:
    """Print the double nearest x and what it lacks."""
    print(f"// {name}_high {literal(float(x))}, {name}_low {literal(float(x - float(x)))}")


def stretched(end: Real, scale: Real) -> Function:
    """Place t in [-1, 1] on [0, end], densest near 0."""
    last = end / (end + scale)

    def place(t: Real) -> Real:
        u = last * (1 + t) / 2
        return scale * u / (1 - u)

    return place


def report_quantile() -> None:
    """Print the tables of normal_inverse."""
    edge, start = mp.mpf(0.180625), mp.mpf(1.6)  # the doubles
    root = mp.sqrt(2 * mp.pi)

    def central(s: Real) -> Real:
        return quantile_central(edge - s)

    def central_weight(s: Real) -> Real:
        return (edge - s) / (root + (edge - s) * central(s))

    report(
        "normal_inverse, near 1/2",
        Fit(central, central_weight, lambda t: edge * (1 + t) / 2, (7, 7)),
    )

    last = mp.sqrt(1022 * mp.log(2)) - start
    place = stretched(last * mp.mpf("1.0001"), mp.mpf(2))

    def tail(s: Real) -> Real:
        return mp.sqrt(2) * (s + start) - quantile_tail(s + start)

    report(
        "normal_inverse, tails", Fit(tail, lambda s: 1 / quantile_tail(s + start), place, (10, 10))
    )


def report_mills_pair() -> None:
    """Print the table of mills_pair, and its largest error with the coefficients rounded."""
    middle, pole, pairs = 3, 5, 12

    def scaled(w: Real) -> Real:
        x = (middle + pole * w) / (1 - w)
        return (x + pole) * mills_ratio(x)

    first, last = (((x - middle) / (x + pole)) for x in (mp.mpf("-0.76"), mp.mpf(75)))
    middle_w, half = (first + last) / 2, (last - first) / 2
    fit = Fit(scaled, lambda w: 1 / scaled(w), lambda t: middle_w + half * t, (31, 0))
    table = [(mp.mpf(float(c)), c - mp.mpf(float(c))) for c in fit.p]
    table = [(h, mp.mpf(float(r)) if k < pairs else mp.mpf(0)) for k, (h, r) in enumerate(table)]
    rounded = fit.largest([h + rest for h, rest in table], [mp.mpf(1)])
    print(f"// mills_pair: minimax relative error {mp.nstr(abs(fit.level), 4)};", end=" ")
    print(f"{mp.nstr(rounded, 4)} with the coefficients rounded; constant term first")
    for k, (h, rest) in enumerate(table):
        print(f"    {{{literal(h)}, {literal(rest)}}}," if k < pairs else f"    {literal(h)},")
    print()


def main() -> None:
    """Print every table."""
    mp.mp.dps = DIGITS
    ln2 = mp.log(2)
    high = mp.floor(ln2 * mp.mpf(2) ** 41) / mp.mpf(2) ** 41  # k * high is exact: |k| < 2^12
    print(f"// ln2_high {literal(float(high))}, ln2_low {literal(float(ln2 - high))}")
    print(f"// log2_e {literal(float(1 / ln2))}")
    print(f"// inv_sqrt_2pi {literal(float(1 / mp.sqrt(2 * mp.pi)))}\n")

    # |r| a little beyond ln(2)/2, for the rounding of x * log2(e).
    half = ln2 / 2 * mp.mpf("1.0001")
    report("exp", Fit(exp_tail, lambda r: r * r / mp.exp(r), lambda t: t * half, (9, 0)))

    top = mp.mpf("0.16")  # the ratio lies in [2/3, 3/2], so |z| <= 0.4
    report(
        "log",
        Fit(log_tail, lambda w: w / (1 + w * log_tail(w)), lambda t: top * (1 + t) / 2, (6, 0)),
    )

    place = stretched(mp.mpf(40), mp.mpf(3))
    report(
        "mills",
        Fit(mills_ratio, lambda x: 1 / mills_ratio(x), place, (9, 10), float(mills_ratio(0))),
    )

    report_mills_pair()
    parts("twelfth", mp.mpf(1) / 12)
    parts("eightieth", mp.mpf(1) / 80)
    parts("root_2", mp.sqrt(2))
    parts("root_2pi", mp.sqrt(2 * mp.pi))
    print(f"// root_half {literal(float(mp.sqrt(mp.mpf(1) / 2)))}\n")
    highest = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1) * 2  # of z, at x = sqrt(2)
    square = highest**2 * mp.mpf("1.0001")
    report(
        "long_log",
        Fit(log_rest, lambda w: 1 / log_rest(w), lambda t: square * (1 + t) / 2, (7, 0)),
    )
    report_quantile()


if __name__ == "__main__":
    main()
