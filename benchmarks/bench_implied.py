"""Implied vols of 1,000,000 Black-76 prices, arrays in and out.

Run with `pytest benchmarks/bench_implied.py`; every peer's answer is compared with ours.
"""

from cases import measured

test_implied = measured("implied")
