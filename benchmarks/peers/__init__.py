"""Other engines on our equations, each in an environment and a process of its own, timed in turn.

The workers `run_*.py` may import `protocol` and their own engine only, since they run in the engine's
environment; the rest may import the benchmarks. Read `protocol.py` first.
"""
