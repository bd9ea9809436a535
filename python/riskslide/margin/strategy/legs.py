"""Decides what an account holds on one underlying: contracts, and stock in round lots.

Contracts are indivisible, and so are the shares that go with one: stock beyond round lots stands
alone. What is matched are units of the greatest common divisor, so that a book of a thousand times
the size is matched alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

import numpy as np

from ...book.columns import Bool, Float, Int64


@dataclass(frozen=True, slots=True, eq=False)
class Legs:
    """N options of one underlying and multiplier, and its stock; amounts are of one contract.

    strike, price (N): money; expiry (N), as_of: UTC nanoseconds; contracts (N): not zero, negative
    = short; spot: money of the shares of a contract; shares: stock in contracts, negative = short.
    """

    name: tuple[str, ...]
    is_call: Bool
    strike: Float
    price: Float
    expiry: Int64
    contracts: tuple[Fraction, ...]
    spot: float
    shares: Fraction = Fraction(0)
    stock: str = ""
    as_of: int = 0

    @property
    def premium(self) -> float:
        """Worth of the options: what was paid for longs less what shorts bring."""
        price = self.price.tolist()
        return math.fsum(float(n) * p for n, p in zip(self.contracts, price, strict=True))

    @property
    def round_lots(self) -> Fraction:
        """Of the shares, those of whole contracts; of the divisor of parts where parts are held."""
        whole = all(n.denominator == 1 for n in self.contracts)
        step = Fraction(1) if whole else divisor(list(self.contracts))
        lots = abs(self.shares) // step * step
        return lots if self.shares > 0 else -lots

    @property
    def is_short(self) -> Bool:
        return np.array([n < 0 for n in self.contracts], dtype=np.bool_)


def divisor(numbers: list[Fraction]) -> Fraction:
    """The greatest common divisor of numbers of which one is not zero."""
    below = reduce(math.lcm, (n.denominator for n in numbers), 1)
    return Fraction(reduce(math.gcd, (int(n * below) for n in numbers), 0), below)
