"""Layer 1: what delivers: the insulin pen with its bolus rule, the pump and the closed loop that steers it,
and the sensor that measures.

May import JAX and `insulae.core` only. Read `pen.py` first.
"""
