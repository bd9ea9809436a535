"""W2: 10,000 options revalued in 93 scenarios, then 100,000 accounts x 50 positions to the worst
loss and its scenario; each part, and both.

Run with `pytest benchmarks/bench_worst_loss.py`; every peer's answer is compared with ours.
"""

from cases import measured

test_worst_loss = measured("W2")
