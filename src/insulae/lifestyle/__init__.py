"""Layer 1: what the patient does and what differs from day to day: meals, boluses, exercise, lows,
insulin sensitivity.

May import JAX and `insulae.core` only. Read `meals.py` first.
"""
