"""W1: value and five Greeks of 1,000,000 distinct European options, arrays in and out.

Run with `pytest benchmarks/bench_greeks.py`; every peer's answer is compared with ours.
"""

from cases import measured

test_greeks = measured("W1")
