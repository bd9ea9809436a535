"""Five million unsorted position rows to CSR.

Run with `pytest benchmarks/bench_positions.py`; every peer's answer is compared with ours.
"""

from cases import measured

test_positions = measured("positions")
