"""A whole margin run of 100,000 accounts with collateral and verdict, under two rule books.

Run with `pytest benchmarks/bench_assess.py`; the first accounts are margined by the reference too.
"""

from cases import measured

test_assess = measured("assess")
