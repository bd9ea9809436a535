"""W6: shortfall of 10,000 accounts of 50 positions in 2,500 scenarios.

Run with `pytest benchmarks/bench_tail.py`; every peer's answer is compared with ours.
"""

from cases import measured

test_tail = measured("W6")
