"""Layer 1: what delivers and what measures: the insulin pen with its bolus rule.

May import JAX and `insulae.core` only. Read `pen.py` first.
"""
